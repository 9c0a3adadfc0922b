//! Hearing of commits: those of this process, and those of others on the same file.
//!
//! Whoever has committed sets the time of the file to now, which costs a microsecond and wakes whoever listens: not before others
//! can see the commit, as the writing itself would. What is written beside the file without that, by a process that was killed
//! in between or by another program, wakes them a moment later. On systems other than Linux only commits of this process are
//! heard of.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, Weak},
};

use floria::{Signal, StoreError};

use crate::{error::unavailable, writer::locked};

/// The signal of a store: one for all who hold it, and none while nobody does.
pub(crate) struct Signals {
    /// As the person gave it, for messages.
    path: PathBuf,
    /// Where it is, whatever folder the process is in later.
    file: PathBuf,
    signal: Mutex<Weak<Signal>>,
}

impl Signals {
    pub(crate) fn new(path: &Path) -> Self {
        let file = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        Self { path: path.to_owned(), file, signal: Mutex::default() }
    }

    /// Returns the signal, and begins to listen when nobody did.
    pub(crate) fn signal(&self) -> Result<Arc<Signal>, StoreError> {
        let mut current = locked(&self.signal);
        if let Some(signal) = current.upgrade() {
            return Ok(signal);
        }
        let mut failed = None;
        let signal = Arc::new_cyclic(|signal| match system::listen(&self.file, signal) {
            Ok(listener) => Signal::with_keeper(listener),
            Err(error) => {
                failed = Some(error);
                Signal::new()
            }
        });
        if let Some(error) = failed {
            return Err(unavailable("watch", &self.path, error));
        }
        *current = Arc::downgrade(&signal);
        Ok(signal)
    }

    /// Tells everybody that something was committed.
    pub(crate) fn tell(&self) {
        system::tell_others(&self.file);
        let signal = locked(&self.signal).upgrade();
        if let Some(signal) = signal {
            signal.tell();
        }
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::{
        io,
        mem::MaybeUninit,
        os::fd::OwnedFd,
        path::Path,
        sync::{Arc, Weak},
        thread::{self, JoinHandle},
        time::{Duration, Instant},
    };

    use floria::Signal;
    use rustix::{
        event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll},
        fs::{
            AtFlags, CWD, Timestamps, UTIME_NOW,
            inotify::{self, CreateFlags, ReadFlags, WatchFlags},
        },
        io::Errno,
    };

    use crate::schema::with_suffix;

    /// How long after somebody wrote beside the file it is taken for a commit that nobody told of.
    const LATE: Duration = Duration::from_millis(250);

    /// A thread that sleeps until the file changes. It ends when this is dropped.
    pub(super) struct Listener {
        end: Arc<OwnedFd>,
        thread: Option<JoinHandle<()>>,
    }

    impl Drop for Listener {
        fn drop(&mut self) {
            _ = rustix::io::write(&*self.end, &1_u64.to_ne_bytes());
            // Whoever drops the last signal may be the thread itself, while it tells.
            if let Some(thread) = self.thread.take()
                && thread.thread().id() != thread::current().id()
            {
                _ = thread.join();
            }
        }
    }

    pub(super) fn listen(file: &Path, signal: &Weak<Signal>) -> io::Result<Listener> {
        let changes = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        let told = inotify::add_watch(&changes, file, WatchFlags::ATTRIB)?;
        let beside = with_suffix(file, "-wal");
        let written = listen_beside(&changes, &beside);
        let end = Arc::new(eventfd(0, EventfdFlags::CLOEXEC)?);
        let (signal, ended) = (signal.clone(), end.clone());
        let work = move || {
            // There is nobody to tell that listening failed but those who wait, and they look for themselves.
            if run(&changes, &ended, (told, written), &beside, &signal).is_err()
                && let Some(signal) = signal.upgrade()
            {
                signal.tell();
            }
        };
        let thread = thread::Builder::new().name("floria-listen".to_owned()).spawn(work)?;
        Ok(Listener { end, thread: Some(thread) })
    }

    /// Listens for one write beside the file: a commit makes many, and the first says as much as all. None where the store is on a
    /// file system without shared memory, so that there is nothing beside it.
    fn listen_beside(changes: &OwnedFd, beside: &Path) -> Option<i32> {
        inotify::add_watch(changes, beside, WatchFlags::MODIFY | WatchFlags::ONESHOT).ok()
    }

    fn run(
        changes: &OwnedFd,
        end: &OwnedFd,
        (told, mut written): (i32, Option<i32>),
        beside: &Path,
        signal: &Weak<Signal>,
    ) -> Result<(), Errno> {
        let mut late: Option<Instant> = None;
        let mut buffer = [MaybeUninit::uninit(); 4096];
        loop {
            let timeout = late.map(|late| late.saturating_duration_since(Instant::now()));
            let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
            let mut ready = [PollFd::new(changes, PollFlags::IN), PollFd::new(end, PollFlags::IN)];
            match poll(&mut ready, timeout.as_ref()) {
                Err(Errno::INTR) => continue,
                other => other?,
            };
            if !ready[1].revents().is_empty() {
                return Ok(());
            }
            let mut is_told = false;
            let mut reader = inotify::Reader::new(changes, &mut buffer);
            loop {
                match reader.next() {
                    Err(Errno::WOULDBLOCK) => break,
                    Err(Errno::INTR) => {}
                    Err(error) => return Err(error),
                    Ok(event) if event.events().contains(ReadFlags::QUEUE_OVERFLOW) => is_told = true,
                    Ok(event) if event.wd() == told => is_told = true,
                    Ok(event)
                        if Some(event.wd()) == written && event.events().contains(ReadFlags::MODIFY) =>
                    {
                        late.get_or_insert_with(|| Instant::now() + LATE);
                    }
                    Ok(_) => {}
                }
            }
            if is_told || late.is_some_and(|late| late <= Instant::now()) {
                if late.take().is_some() {
                    // Before anybody looks, so that nothing is written in between.
                    written = listen_beside(changes, beside);
                }
                // Without one, it is not made yet: nobody waits, and whoever will looks first. When it is gone, `end` says so.
                if let Some(signal) = signal.upgrade() {
                    signal.tell();
                }
            }
        }
    }

    pub(super) fn tell_others(file: &Path) {
        let now = rustix::fs::Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
        let times = Timestamps { last_access: now, last_modification: now };
        // Whoever cannot be told hears of it a moment later.
        _ = rustix::fs::utimensat(CWD, file, &times, AtFlags::empty());
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::{io, path::Path, sync::Weak};

    use floria::Signal;

    pub(super) fn listen(_file: &Path, _signal: &Weak<Signal>) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn tell_others(_file: &Path) {}
}
