//! One command at a time works on a service: an operating-system lock, which the kernel frees when its holder dies.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use khutulun_host::StateDirectory;
use rustix::fs::{FlockOperation, fcntl_lock};
use serde::{Deserialize, Serialize};

use crate::{entry, error::CliError, exit::Exit, time};

/// The lock on one service, held until it is dropped or the program ends.
#[derive(Debug)]
pub(crate) struct ServiceLock {
    file: File,
}

/// Who holds a lock; written into its file for those who find it held.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Holder {
    /// The process.
    pub(crate) pid: u32,
    /// What it does.
    pub(crate) verb: String,
    /// Since when, in milliseconds since 1970-01-01T00:00:00Z.
    pub(crate) since_ms: u64,
}

impl Holder {
    /// Returns who is at work on a service, for those who only want to know: the lock itself is not touched, so that nobody
    /// is kept from it. Somebody who was killed is not at work, though the file still names them.
    pub(crate) fn of(state: &Path, service: &str) -> Option<Self> {
        entry::check_name(service).ok()?;
        let holder: Self = serde_json::from_slice(&fs::read(path_of(state, service)).ok()?).ok()?;
        let command = fs::read(format!("/proc/{}/cmdline", holder.pid)).ok()?;
        command.split(|byte| *byte == 0).any(|word| word == holder.verb.as_bytes()).then_some(holder)
    }
}

fn path_of(state: &Path, service: &str) -> PathBuf {
    state.join("locks").join(format!("{service}.lock"))
}

impl ServiceLock {
    /// Takes the lock of a service below the state directory, or says who holds it and since when.
    pub(crate) fn take(state: &StateDirectory, service: &str, verb: &str) -> Result<Self, CliError> {
        // A graph that was imported may hold any name, and this one becomes that of a file.
        entry::check_name(service)?;
        let path = path_of(state.root(), service);
        let failed = |error: &io::Error| {
            CliError::new(Exit::Unreachable, format!("failed to lock the service `{service}`"))
                .place(path.display().to_string())
                .cause(error)
                .next("give a state directory that you may write: --state DIR")
        };
        state.locks().map_err(|error| {
            CliError::new(Exit::Unreachable, format!("failed to lock the service `{service}`"))
                .place(path.display().to_string())
                .cause(&error)
                .next("give a state directory that you may write: --state DIR")
        })?;
        // Not truncated on opening: what is in it belongs to whoever holds the lock.
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|error| failed(&error))?;
        // A record lock is of this process alone. One of `flock` would live on in a child that was begun and has not yet become
        // another program: whoever comes right after a killed command would find it held by nobody.
        match fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK | rustix::io::Errno::ACCESS) => {
                return Err(busy(service, &path));
            }
            Err(error) => return Err(failed(&error.into())),
        }
        let holder = Holder { pid: std::process::id(), verb: verb.to_owned(), since_ms: time::now_ms() };
        // The content only informs; where it cannot be written the lock still holds, and a stale one must not stay.
        let _ = file.set_len(0);
        if let Ok(text) = serde_json::to_vec(&holder) {
            let _ = file.write_all(&text);
        }
        Ok(Self { file })
    }
}

impl Drop for ServiceLock {
    fn drop(&mut self) {
        // Whoever looks sees that nobody is at work; the lock itself goes with the file's handle.
        let _ = self.file.set_len(0);
    }
}

fn busy(service: &str, path: &Path) -> CliError {
    let holder = fs::read(path).ok().and_then(|text| serde_json::from_slice::<Holder>(&text).ok());
    let (who, next) = match &holder {
        Some(holder) => (
            format!(
                "`khutulun {}` (pid {}) has been at work on it since {} ({})",
                holder.verb,
                holder.pid,
                time::rfc3339(holder.since_ms),
                time::ago(holder.since_ms, time::now_ms()),
            ),
            format!("wait until it ends, or interrupt it: kill -INT {}", holder.pid),
        ),
        None => ("another khutulun is at work on it".to_owned(), "wait until it ends".to_owned()),
    };
    CliError::new(Exit::Busy, format!("the service `{service}` is busy"))
        .place(path.display().to_string())
        .why(who)
        .unchanged("this command changed nothing; the other one goes on")
        .next(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_says_by_whom_it_is_held_until_it_is_let_go() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDirectory::open(folder.path().join("state")).unwrap();
        let content = |service: &str| fs::read_to_string(path_of(state.root(), service)).unwrap();
        let lock = ServiceLock::take(&state, "shop", "deploy").unwrap();
        let other = ServiceLock::take(&state, "other", "destroy").unwrap();
        assert!(content("shop").contains("\"verb\":\"deploy\""), "{}", content("shop"));
        drop(lock);
        assert_eq!(content("shop"), "");
        assert!(content("other").contains("destroy"));
        drop(other);
    }

    #[test]
    fn somebody_who_is_gone_is_not_at_work() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDirectory::open(folder.path().join("state")).unwrap();
        let lock = ServiceLock::take(&state, "shop", "deploy").unwrap();
        // This test's own process has no such word in its command line.
        assert!(Holder::of(state.root(), "shop").is_none());
        drop(lock);
    }
}
