//! The state directory, also where it cannot be written.

use std::{fs, os::unix::fs::PermissionsExt as _, process::Command};

use khutulun_api::{Machine as _, MachineError, OperationId, RunId};
use khutulun_host::StateDirectory;

use crate::support::{Sandbox, machine_at, shell};

fn mode(path: &std::path::Path) -> u32 {
    fs::metadata(path).expect("a file").permissions().mode() & 0o7777
}

#[test]
fn a_state_directory_is_private() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().join("a/state");
    let state = StateDirectory::open(&root).expect("made");
    assert_eq!(mode(&root), 0o700);
    assert_eq!(mode(&state.cache().expect("made")), 0o700);
    assert_eq!(state.database(), state.root().join("khutulun.db"));
    let id = OperationId { run: RunId(17), step: 3, attempt: 1 };
    assert_eq!(state.operation(&id), state.root().join("operations/17-3-1"));
    fs::set_permissions(&root, fs::Permissions::from_mode(0o777)).expect("changed");
    let error = StateDirectory::open(&root).expect_err("open to others").to_string();
    assert_eq!(
        error,
        format!("state directory `{}` can be written by other users: `chmod 700` it", state.root().display())
    );
    let file = folder.path().join("file");
    fs::write(&file, "").expect("a file");
    let error = StateDirectory::open(&file).expect_err("a file").to_string();
    assert!(error.ends_with("is not a directory"), "{error}");
    let below = file.join("state");
    assert!(matches!(StateDirectory::open(&below), Err(MachineError::System { .. })));
}

#[test]
fn artifacts_are_found_by_digest_and_refused_when_changed() {
    let sandbox = Sandbox::new();
    let state = sandbox.machine.state();
    let digest = state.store_artifact(b"hello", false).expect("stored");
    assert_eq!(digest, "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
    let path = sandbox.machine.artifact(&digest).expect("there");
    assert_eq!((path.clone(), mode(&path)), (state.root().join("artifacts").join(&digest), 0o400));
    assert_eq!(state.store_artifact(b"hello", true).expect("stored"), digest);
    assert_eq!(mode(&path), 0o500);

    fs::remove_file(&path).expect("removed");
    fs::write(&path, "hallo").expect("forged");
    let error = sandbox.machine.artifact(&digest).expect_err("changed").to_string();
    assert!(
        error.contains(
            "was changed: its digest is d3751d33f9cd5049c4af2b462735457e4d3baf130bcbb87f389e349fbaeb20b9"
        ),
        "{error}"
    );
    assert_eq!(state.store_artifact(b"hello", false).expect("mended"), digest);
    assert_eq!(state.load_artifact(&digest).expect("there"), b"hello");

    let unknown = digest.replace('2', "3");
    assert!(matches!(sandbox.machine.artifact(&unknown), Err(MachineError::NotFound { .. })));
    let error = sandbox.machine.artifact("../khutulun.db").expect_err("no digest").to_string();
    assert_eq!(error, "`../khutulun.db` is not the digest of an artifact");
}

/// A file system of 64 KiB, which goes away with it.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn new() -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=64k,mode=700", "none"])
            .arg(folder.path())
            .output();
        if mounted.is_ok_and(|output| output.status.success()) { Some(Self(folder)) } else { None }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").args(["-l"]).arg(self.0.path()).status();
    }
}

#[test]
fn on_a_full_disk_nothing_is_started_and_nothing_half_written() {
    let Some(disk) = SmallDisk::new() else {
        crate::support::skipped("a small file system for a full disk needs root and mount");
        return;
    };
    let machine = machine_at(disk.0.path());
    // Filled to the last byte, with everything there that is made before the first write.
    let process = disk.0.path().join("processes/shop/web");
    fs::create_dir_all(&process).expect("a folder");
    let filled = fs::write(disk.0.path().join("filler"), vec![0; 1 << 20]);
    assert!(filled.is_err(), "the disk is full");

    let error = machine.start_process(&shell("exec sleep 1000")).expect_err("full");
    let source = std::error::Error::source(&error).expect("a cause").to_string();
    assert!(source.contains("No space left on device"), "{error}: {source}");
    let entry = format!("KHUTULUN_FOLDER={}", process.display());
    assert_eq!(crate::support::family(&entry), [0; 0]);

    let error = machine.state().store_artifact(&[1; 4096], false).expect_err("full");
    let source = std::error::Error::source(&error).expect("a cause").to_string();
    assert!(source.contains("No space left on device"), "{error}: {source}");
    let artifacts = fs::read_dir(disk.0.path().join("artifacts")).map_or(0, Iterator::count);
    assert_eq!(artifacts, 0, "nothing half-written");

    fs::remove_file(disk.0.path().join("filler")).expect("room again");
    let status = machine.start_process(&shell("exec sleep 1000")).expect("started");
    // A full disk does not stop a stop.
    let _ = fs::write(disk.0.path().join("filler"), vec![0; 1 << 20]);
    let pid = status.pid.expect("a pid");
    let _ = machine.stop_process(&shell("").identity);
    assert!(!crate::support::is_alive(pid));
    fs::remove_file(disk.0.path().join("filler")).expect("room again");
    machine.stop_process(&shell("").identity).expect("stopped");
    machine.remove_process(&shell("").identity).expect("removed");
}
