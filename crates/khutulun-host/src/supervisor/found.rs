//! A process that an earlier supervisor started, and left when somebody ended it.

use std::{
    io,
    os::fd::{AsFd as _, OwnedFd},
};

use rustix::event::{PollFd, PollFlags};

use super::signals::Signals;
use crate::process_key::ProcessKey;

/// A process that is no child of this one: the kernel tells that it ended, and nobody but its parent how.
pub(super) struct Found {
    pub(super) key: ProcessKey,
    file: OwnedFd,
}

impl Found {
    /// Takes care of a process, if it runs.
    pub(super) fn open(key: ProcessKey) -> Option<Self> {
        Some(Self { key, file: key.open()? })
    }

    /// Waits until it ended by itself, or the supervisor is asked to end; true: it ended.
    pub(super) fn wait(&self, signals: &Signals) -> io::Result<bool> {
        loop {
            let happened =
                signals.wait(&[PollFd::from_borrowed_fd(self.file.as_fd(), PollFlags::IN)], None)?;
            if happened.files != 0 {
                return Ok(true);
            }
            if happened.end {
                return Ok(false);
            }
        }
    }
}
