//! At most one agent for a state directory.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

/// Who is the agent of a state directory; written into its lock for those who find it taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The process.
    pub pid: u32,
    /// Since when, in milliseconds since 1970-01-01T00:00:00Z.
    pub since_ms: u64,
}

/// Being the agent of a state directory, until it is dropped or the program ends, however it ends.
#[derive(Debug)]
pub struct AgentLock {
    file: File,
}

/// Why somebody cannot be the agent.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// There is one.
    #[error("{}", taken(.0.as_ref()))]
    Taken(Option<Holder>),
    /// The lock cannot be used.
    #[error("failed to lock `{path}`")]
    System {
        /// The lock's path.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

fn taken(holder: Option<&Holder>) -> String {
    match holder {
        Some(holder) => {
            format!("an agent has been at work here since {} ms, as pid {}", holder.since_ms, holder.pid)
        }
        None => "an agent is at work here".to_owned(),
    }
}

impl AgentLock {
    /// Becomes the agent of a state directory.
    ///
    /// # Errors
    /// When somebody is, or the lock cannot be used.
    pub fn take(state: &Path, since_ms: u64) -> Result<Self, LockError> {
        let path = path_of(state);
        let failed = |source| LockError::System { path: path.clone(), source };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Err(LockError::Taken(Self::holder(state))),
            Err(fs::TryLockError::Error(error)) => return Err(failed(error)),
        }
        let holder = Holder { pid: std::process::id(), since_ms };
        // The content only informs; where it cannot be written the lock still holds, and a stale one must not stay.
        let _ = file.set_len(0);
        if let Ok(text) = serde_json::to_vec(&holder) {
            let _ = file.write_all(&text);
        }
        Ok(Self { file })
    }

    /// Returns who says to be the agent; None where nobody does. Who was killed still does.
    pub fn holder(state: &Path) -> Option<Holder> {
        serde_json::from_slice(&fs::read(path_of(state)).ok()?).ok()
    }
}

impl Drop for AgentLock {
    fn drop(&mut self) {
        let _ = self.file.set_len(0);
        // Closing alone is not enough: a program that another thread just forks has a copy of the file until it executes.
        let _ = self.file.unlock();
    }
}

fn path_of(state: &Path) -> PathBuf {
    state.join("agent.lock")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_one_is_told_who_the_other_is() {
        let folder = tempfile::tempdir().unwrap();
        let lock = AgentLock::take(folder.path(), 17).unwrap();
        let own = Holder { pid: std::process::id(), since_ms: 17 };
        match AgentLock::take(folder.path(), 18) {
            Err(LockError::Taken(Some(holder))) => assert_eq!(holder, own),
            other => panic!("{other:?}"),
        }
        drop(lock);
        assert_eq!(AgentLock::holder(folder.path()), None);
        AgentLock::take(folder.path(), 19).unwrap();
    }
}
