//! A state directory that cannot be used, a full disk, and somebody else at work.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::sandbox::{Sandbox, finish, poll, skipped};

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|metadata| metadata.uid() == 0)
}

#[test]
fn a_state_directory_that_is_a_file_is_exit_6() {
    let sandbox = Sandbox::new();
    let pair = sandbox.pair();
    sandbox.write("state", "I was here first");
    for arguments in
        [&["deploy", pair.to_str().unwrap(), "--yes"][..], &["destroy", "pair", "--yes"], &["status"]]
    {
        let ended = sandbox.run(arguments).expect(6);
        ended.five_parts();
        assert!(ended.stderr.contains(sandbox.state().to_str().unwrap()), "{}", ended.stderr);
        assert_eq!(ended.stdout, "");
    }
    assert_eq!(fs::read_to_string(sandbox.state()).unwrap(), "I was here first");
}

#[test]
fn a_state_directory_that_cannot_be_written_is_exit_6() {
    let sandbox = Sandbox::new();
    let pair = sandbox.pair();
    let parent = sandbox.path("closed");
    fs::create_dir(&parent).unwrap();
    fs::set_permissions(&parent, fs::Permissions::from_mode(0o755)).unwrap();
    let state = parent.join("state");
    let arguments = ["deploy", pair.to_str().unwrap(), "--yes", "--state", state.to_str().unwrap()];
    let ended = if is_root() {
        // Root may write everywhere; somebody else may not.
        fs::set_permissions(sandbox.path("."), fs::Permissions::from_mode(0o755)).unwrap();
        let plain = sandbox.command(&arguments);
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(plain.get_program());
        command.args(plain.get_args()).env_clear().stdin(Stdio::null());
        for (name, value) in plain.get_envs() {
            command.env(name, value.unwrap_or_default());
        }
        let Ok(child) =
            command.current_dir(sandbox.path(".")).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()
        else {
            return skipped("a_state_directory_that_cannot_be_written_is_exit_6", "root, and no setpriv");
        };
        let ended = finish(child);
        if ended.code == 127 || ended.code == 126 {
            return skipped(
                "a_state_directory_that_cannot_be_written_is_exit_6",
                &format!("nobody may not run the binary: {}", ended.stderr),
            );
        }
        ended
    } else {
        fs::set_permissions(&parent, fs::Permissions::from_mode(0o555)).unwrap();
        let ended = sandbox.run(&arguments);
        fs::set_permissions(&parent, fs::Permissions::from_mode(0o755)).unwrap();
        ended
    };
    let ended = ended.expect(6);
    ended.five_parts();
    assert!(ended.stderr.contains("ermission denied"), "{}", ended.stderr);
    assert!(ended.stderr.contains(state.to_str().unwrap()), "{}", ended.stderr);
    assert_eq!(fs::read_dir(&parent).unwrap().count(), 0, "nothing half-written");
}

/// A file system in memory, unmounted at the end.
struct Tmpfs(PathBuf);

impl Tmpfs {
    fn mount(path: &Path, size: &str) -> Option<Self> {
        fs::create_dir_all(path).unwrap();
        let options = format!("size={size},mode=700");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "none"])
            .arg(path)
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
        mounted.then(|| Self(path.to_owned()))
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_is_a_five_part_error_and_the_work_goes_on_once_there_is_space() {
    let sandbox = Sandbox::new();
    let pair = sandbox.pair();
    let Some(disk) = Tmpfs::mount(&sandbox.state(), "4m") else {
        return skipped(
            "a_full_disk_is_a_five_part_error_and_the_work_goes_on_once_there_is_space",
            "may not mount a tmpfs",
        );
    };
    // From no room at all to almost enough: each stops the deployment somewhere else.
    for room_kib in [0, 4, 16, 48, 96, 160, 240, 360] {
        let filler = disk.0.join("filler");
        fill(&disk.0, &filler, room_kib);
        let ended = sandbox.deploy(&pair, &["--progress", "plain"]);
        if ended.code == 0 {
            // There was room enough after all.
            fs::remove_file(&filler).unwrap();
        } else {
            ended.five_parts();
            eprintln!("{room_kib} KiB: {}", ended.stderr);
            assert!([1, 4, 6].contains(&ended.code), "{room_kib} KiB: exit {}\n{}", ended.code, ended.stderr);
            assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
            fs::remove_file(&filler).unwrap();
            let unfinished = sandbox.run(&["status", "-o", "json"]).expect(0).json();
            let unfinished =
                unfinished["services"][0]["unfinished"].as_array().is_some_and(|runs| !runs.is_empty());
            if unfinished {
                let resumed = sandbox.run(&["resume"]);
                if resumed.code == 9 {
                    // The script's outcome had no room either: the question is exact, and the answer is taken.
                    resumed.five_parts();
                    assert!(resumed.stderr.contains("--settle 1="), "{}", resumed.stderr);
                    sandbox.run(&["resume", "--settle", "1=retry"]).expect(0);
                } else {
                    resumed.expect(0);
                }
            }
            sandbox.deploy(&pair, &[]).expect(0);
        }
        assert_eq!(sandbox.roles(), ["store", "web"], "{room_kib} KiB");
        sandbox.run(&["destroy", "pair", "--yes"]).expect(0);
        assert_eq!(sandbox.processes(), [], "{room_kib} KiB");
    }
}

/// Fills a file system so that about so much room is left.
fn fill(folder: &Path, filler: &Path, room_kib: usize) {
    use std::io::Write as _;
    let mut file = fs::File::create(filler).unwrap();
    let block = [0u8; 4096];
    while file.write_all(&block).is_ok() {}
    drop(file);
    let size = fs::metadata(filler).unwrap().len();
    let file = fs::OpenOptions::new().write(true).open(filler).unwrap();
    file.set_len(size.saturating_sub(room_kib as u64 * 1024)).unwrap();
    assert!(folder.exists());
}

#[test]
fn two_commands_at_once_on_one_service_are_one_too_many() {
    let sandbox = Sandbox::new();
    sandbox.pair();
    let gate = sandbox.path("gate");
    // The script waits until the test opens the gate.
    sandbox.write(
        "pair/scripts/note.sh",
        &format!(
            "#!/bin/sh\ntouch {gate}.reached\nwhile [ ! -e {gate} ]; do sleep 0.02; done\n",
            gate = gate.display()
        ),
    );
    let mark = sandbox.mark_input();
    let first = sandbox.start(&["deploy", "pair", "--yes", "-i", &mark]);
    poll("the first deploy is at its script", || sandbox.path("gate.reached").exists().then_some(()));
    for arguments in
        [&["deploy", "pair", "--yes", "-i", &mark][..], &["destroy", "pair", "--yes"], &["resume", "pair"]]
    {
        let second = sandbox.run(arguments).expect(5);
        second.five_parts();
        assert!(second.stderr.contains(&format!("pid {}", first.id())), "{}", second.stderr);
        assert!(
            second.stderr.contains("khutulun deploy") && second.stderr.contains("since 20"),
            "{}",
            second.stderr
        );
    }
    // Reading is always allowed, and another service too.
    let status = sandbox.run(&["status"]).expect(0).stdout;
    assert!(status.contains("! `khutulun deploy` by "), "{status}");
    assert!(status.contains(&format!(" (pid {}) is at work", first.id())), "{status}");
    fs::write(&gate, "").unwrap();
    finish(first).expect(0);
    sandbox.run(&["destroy", "pair", "--yes"]).expect(0);
}

#[test]
fn a_failed_operation_names_its_line_and_what_to_run_next() {
    let sandbox = Sandbox::new();
    let pair = sandbox.pair();
    sandbox.write("pair/scripts/note.sh", "#!/bin/sh\necho 'the disk is on fire' >&2\nexit 3\n");
    let ended = sandbox.deploy(&pair, &[]).expect(1);
    ended.five_parts();
    for text in ["web", "configure", "pair/service.yaml:", "the disk is on fire", "khutulun "] {
        assert!(ended.stderr.contains(text), "no {text:?} in:\n{}", ended.stderr);
    }
    assert_eq!(sandbox.roles(), ["store"], "what depends on the failed operation never started");
    let status = sandbox.run(&["status"]).expect(0).stdout;
    assert!(status.contains("web"), "{status}");
    // Mended, the same command goes on from there.
    let store = sandbox.processes();
    sandbox.write("pair/scripts/note.sh", include_str!("designs/note.sh"));
    sandbox.deploy(&pair, &[]).expect(0);
    assert_eq!(sandbox.roles(), ["store", "web"]);
    assert_eq!(sandbox.processes()[0], store[0], "what worked stays");
    // And from a failed state everything can be taken away.
    sandbox.write("pair/scripts/note.sh", "#!/bin/sh\nexit 3\n");
    sandbox.deploy(&pair, &["-i", "greeting=hey"]).expect(1);
    sandbox.run(&["destroy", "pair", "--yes"]).expect(0);
    assert_eq!(sandbox.processes(), []);
}
