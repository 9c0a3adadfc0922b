//! Waiting without polling: for files to become readable, folders to change, and processes to end.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::{
        fd::{AsFd as _, BorrowedFd, OwnedFd},
        unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    },
    path::Path,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec},
    fs::inotify,
    io::Errno,
};

/// Waits until one of up to 32 files is readable or closed at its other end, and returns which, as bits. 0: the deadline came.
pub(crate) fn wait_readable(fds: &[BorrowedFd<'_>], deadline: Option<Instant>) -> io::Result<u32> {
    let mut polled: Vec<PollFd<'_>> =
        fds.iter().map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN)).collect();
    poll(&mut polled, deadline)
}

/// Waits until something is true of one of up to 32 files, and returns of which, as bits. 0: the deadline came.
pub(crate) fn poll(polled: &mut [PollFd<'_>], deadline: Option<Instant>) -> io::Result<u32> {
    debug_assert!(polled.len() <= 32, "the answer has 32 bits");
    loop {
        let timeout = deadline.map(|deadline| timespec(deadline.saturating_duration_since(Instant::now())));
        match rustix::event::poll(polled, timeout.as_ref()) {
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
            Ok(_) => {
                return Ok(polled.iter().enumerate().fold(0, |bits, (index, fd)| {
                    if fd.revents().is_empty() { bits } else { bits | 1 << index }
                }));
            }
        }
    }
}

/// Rounds up, so that a wait never ends before its deadline.
fn timespec(duration: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: duration.subsec_nanos().into(),
    }
}

/// Tells when a folder changed since it was made or last waited for.
///
/// Only for those who found somebody in their way: the kernel takes ten milliseconds to close one.
pub(crate) struct FolderWatch(OwnedFd);

impl FolderWatch {
    /// Begins to watch.
    pub(crate) fn new(folder: &Path) -> io::Result<Self> {
        let fd = inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK)?;
        // A lock is released by closing its file, which was opened for writing: so that ends the wait too.
        let what = inotify::WatchFlags::MOVED_TO
            | inotify::WatchFlags::CLOSE_WRITE
            | inotify::WatchFlags::DELETE
            | inotify::WatchFlags::DELETE_SELF;
        inotify::add_watch(&fd, folder, what)?;
        Ok(Self(fd))
    }

    /// Waits for a change; false: the deadline came.
    pub(crate) fn wait(&self, deadline: Instant) -> io::Result<bool> {
        if wait_readable(&[self.0.as_fd()], Some(deadline))? == 0 {
            return Ok(false);
        }
        let mut buffer = [0_u8; 4096];
        // What happened does not matter: the folder is looked at again.
        while matches!(rustix::io::read(&self.0, &mut buffer), Ok(1..)) {}
        Ok(true)
    }
}

/// The exclusive lock of a folder: at most one supervisor, or one that cleans up after it. The kernel releases it when its
/// holder ends, however it ends.
#[derive(Debug)]
pub(crate) struct FolderLock {
    file: File,
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        // Closing alone is not enough: a program that another thread just forks has a copy of the file until it executes.
        let _ = self.file.unlock();
    }
}

impl FolderLock {
    /// Takes the lock, waiting for whoever has it. None: the deadline came, or the folder was removed.
    pub(crate) fn take(folder: &Path, deadline: Instant) -> io::Result<Option<Self>> {
        let mut watch = None;
        loop {
            match Self::try_take(folder) {
                Ok(None) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                other => return other,
            }
            match &watch {
                // What happened before the watch began is seen by trying once more.
                None => watch = Some(FolderWatch::new(folder)?),
                Some(watch) => {
                    if !watch.wait(deadline)? {
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// Takes the lock if nobody has it. None: somebody has it, or the folder is being removed.
    pub(crate) fn try_take(folder: &Path) -> io::Result<Option<Self>> {
        let path = folder.join("lock");
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Ok(None),
            Err(fs::TryLockError::Error(error)) => return Err(error),
        }
        // The folder may have been removed between opening and locking: then this is the lock of nothing.
        match fs::metadata(&path) {
            Ok(metadata) if metadata.ino() == file.metadata()?.ino() => Ok(Some(Self { file })),
            Ok(_) => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}
