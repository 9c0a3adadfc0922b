//! Fencing: what a run does whose lease was taken over is refused.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use khutulun_api::{MachineError, Operation};
use serde::{Deserialize, Serialize};

use crate::{
    files,
    state::{StateDirectory, check_name},
    wait::FolderWatch,
};

/// How long whoever is just beginning an effect is waited for, in milliseconds. Beginning takes less than one, so this is only
/// reached when somebody was stopped in the middle.
const WAIT_MS: u64 = 10_000;

/// How long the content of a file is, in bytes: all digits of the largest epoch, and a line feed. Always the same, so that it is
/// replaced by a single write.
const CONTENT_BYTES: usize = 21;

/// Lets an operation in, as long as no later epoch of its service's lease was seen on this machine.
///
/// The highest epoch of each service is in a file of its own below `fences/`. Who begins an effect holds the file's shared lock
/// from the comparison until it began; who comes with a higher epoch takes the exclusive lock to write it down. So when a higher
/// epoch is there, nobody is between looking and doing any more, and nobody with a lower one gets there again: also not a
/// program that was stopped (SIGSTOP) after it looked, because it still has its lock, and the other is told so.
///
/// The file is not synchronised with the disk: it protects from programs of this machine that are older than the lease's holder,
/// and after a loss of power there are none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pass {
    file: PathBuf,
    service: String,
    run: u64,
    epoch: u64,
}

/// Why an operation may not have its effect.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FenceError {
    /// A later epoch was seen.
    #[error("run {run} of `{service}` was taken over: its lease's epoch {epoch} is older than {seen}")]
    TakenOver { service: String, run: u64, epoch: u64, seen: u64 },
    /// Somebody has been at the beginning of an effect for too long.
    #[error("{}", held(.service))]
    Held { service: String },
    /// The file cannot be used.
    #[error("failed to {attempt}")]
    System {
        attempt: String,
        #[source]
        source: io::Error,
    },
}

impl From<FenceError> for MachineError {
    fn from(error: FenceError) -> Self {
        match error {
            FenceError::System { attempt, source } => Self::System { attempt, source },
            FenceError::Held { service } => Self::TimedOut { what: held(&service), timeout_ms: WAIT_MS },
            other @ FenceError::TakenOver { .. } => Self::Refused(other.to_string()),
        }
    }
}

fn held(service: &str) -> String {
    format!(
        "waiting for an earlier command, which is in the middle of beginning something for `{service}` (was it stopped? let it go \
         on, or end it)"
    )
}

impl StateDirectory {
    /// Returns the highest epoch of a service's lease that this machine has seen; 0 for none. What is below it is refused, so
    /// whoever takes the lease anew, with a store that was lost or put back from a copy, begins above it.
    pub fn epoch_seen(&self, service: &str) -> u64 {
        let is_safe = check_name("service", service).is_ok();
        let content = is_safe.then(|| fs::read_to_string(self.fences().join(service)).ok()).flatten();
        content.and_then(|text| text.trim().parse().ok()).unwrap_or(0)
    }
}

/// The permission to begin an effect, until it is dropped.
#[derive(Debug)]
pub(crate) struct Entered {
    file: File,
}

impl Drop for Entered {
    fn drop(&mut self) {
        // Closing alone is not enough: a program that another thread just forks has a copy of the file until it executes.
        let _ = self.file.unlock();
    }
}

impl Pass {
    /// Returns the pass of an operation. None: it has no epoch, since it is no run's and changes nothing.
    ///
    /// # Errors
    /// Refuses names of services that are not safe as file names.
    pub(crate) fn of(state: &StateDirectory, operation: &Operation) -> Result<Option<Self>, MachineError> {
        if operation.epoch == 0 {
            return Ok(None);
        }
        let service = &operation.subject.service;
        check_name("service", service)?;
        Ok(Some(Self {
            file: state.fences().join(service),
            service: service.clone(),
            run: operation.id.run.0,
            epoch: operation.epoch,
        }))
    }

    /// Lets the operation begin an effect, and writes its epoch down if it is the highest so far.
    pub(crate) fn enter(&self) -> Result<Entered, FenceError> {
        self.enter_before(Instant::now() + Duration::from_millis(WAIT_MS))
    }

    /// Looks whether the operation may still begin an effect, without waiting for anybody. Who is in the way now is looked for
    /// again where the effect begins.
    pub(crate) fn look(&self) -> Result<(), FenceError> {
        match self.enter_before(Instant::now()) {
            Ok(_) | Err(FenceError::Held { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn enter_before(&self, deadline: Instant) -> Result<Entered, FenceError> {
        loop {
            let shared = self.lock(deadline, File::try_lock_shared)?;
            let seen = self.read(&shared)?;
            if seen > self.epoch {
                return Err(self.taken_over(seen));
            }
            if seen == self.epoch {
                return Ok(shared);
            }
            drop(shared);
            let exclusive = self.lock(deadline, File::try_lock)?;
            // Somebody may have come first.
            if self.read(&exclusive)? < self.epoch {
                self.write(&exclusive)?;
            }
        }
    }

    fn taken_over(&self, seen: u64) -> FenceError {
        FenceError::TakenOver { service: self.service.clone(), run: self.run, epoch: self.epoch, seen }
    }

    fn lock(
        &self,
        deadline: Instant,
        lock: impl Fn(&File) -> Result<(), fs::TryLockError>,
    ) -> Result<Entered, FenceError> {
        let attempt = || format!("lock `{}`", self.file.display());
        let failed = |source| FenceError::System { attempt: attempt(), source };
        let folder = self.file.parent().unwrap_or(Path::new("/"));
        let file = match open(&self.file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                files::make_private_folder(folder).map_err(failed)?;
                open(&self.file)
            }
            other => other,
        };
        let file = file.map_err(failed)?;
        let mut watch = None;
        loop {
            match lock(&file) {
                Ok(()) => return Ok(Entered { file }),
                Err(fs::TryLockError::WouldBlock) => {}
                Err(fs::TryLockError::Error(error)) => return Err(failed(error)),
            }
            match &watch {
                _ if Instant::now() >= deadline => {
                    return Err(FenceError::Held { service: self.service.clone() });
                }
                // What happened before the watch began is seen by trying once more.
                None => watch = Some(FolderWatch::new(folder).map_err(failed)?),
                // Who has the lock closes the file, which was opened for writing: the watch tells of that.
                Some(watch) => {
                    watch.wait(deadline).map_err(failed)?;
                }
            }
        }
    }

    /// Returns the highest epoch so far. A file that was cut short by a loss of power holds none: nobody is left to fence.
    fn read(&self, locked: &Entered) -> Result<u64, FenceError> {
        let mut content = [0_u8; CONTENT_BYTES];
        let count = locked.file.read_at(&mut content, 0).map_err(|source| FenceError::System {
            attempt: format!("read `{}`", self.file.display()),
            source,
        })?;
        Ok(std::str::from_utf8(&content[..count]).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0))
    }

    fn write(&self, locked: &Entered) -> Result<(), FenceError> {
        let content = format!("{:0width$}\n", self.epoch, width = CONTENT_BYTES - 1);
        locked.file.write_all_at(content.as_bytes(), 0).map_err(|source| FenceError::System {
            attempt: format!("write `{}`", self.file.display()),
            source,
        })
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

/// Enters, where there is a fence at all.
pub(crate) fn enter(pass: Option<&Pass>) -> Result<Option<Entered>, FenceError> {
    pass.map(Pass::enter).transpose()
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc, Barrier,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    };

    use super::*;

    fn pass(folder: &Path, epoch: u64) -> Pass {
        Pass { file: folder.join("fences/shop"), service: "shop".to_owned(), run: 7, epoch }
    }

    #[test]
    fn an_older_epoch_is_refused_and_says_so() {
        let folder = tempfile::tempdir().unwrap();
        pass(folder.path(), 3).enter().unwrap();
        pass(folder.path(), 4).enter().unwrap();
        pass(folder.path(), 4).enter().unwrap();
        let error = pass(folder.path(), 3).enter().unwrap_err();
        assert_eq!(error.to_string(), "run 7 of `shop` was taken over: its lease's epoch 3 is older than 4");
        assert_eq!(fs::read(folder.path().join("fences/shop")).unwrap(), b"00000000000000000004\n");
    }

    #[test]
    fn what_was_cut_short_by_a_loss_of_power_fences_nobody() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("fences")).unwrap();
        for content in [&b""[..], b"0000", b"\0\0\0\0", b"nonsense\n"] {
            fs::write(folder.path().join("fences/shop"), content).unwrap();
            pass(folder.path(), 1).enter().unwrap();
        }
    }

    #[test]
    fn a_later_epoch_waits_for_whoever_is_just_beginning() {
        let folder = tempfile::tempdir().unwrap();
        let began = Arc::new(AtomicBool::new(false));
        let old = pass(folder.path(), 1).enter().unwrap();
        // Who only looks does not wait.
        pass(folder.path(), 2).look().unwrap();
        let later = std::thread::spawn({
            let (began, pass) = (began.clone(), pass(folder.path(), 2));
            move || {
                let _entered = pass.enter().unwrap();
                assert!(began.load(Ordering::SeqCst), "the effect of the older one had not begun yet");
            }
        });
        began.store(true, Ordering::SeqCst);
        drop(old);
        later.join().unwrap();
        assert!(matches!(pass(folder.path(), 1).enter(), Err(FenceError::TakenOver { seen: 2, .. })));
    }

    #[test]
    fn of_many_at_once_none_begins_after_a_later_one() {
        const EACH: u64 = 8;
        let folder = tempfile::tempdir().unwrap();
        let barrier = Arc::new(Barrier::new(EACH as usize));
        let highest = Arc::new(AtomicUsize::new(0));
        let threads: Vec<_> = (1..=EACH)
            .map(|epoch| {
                let (barrier, highest) = (barrier.clone(), highest.clone());
                let pass = pass(folder.path(), epoch);
                std::thread::spawn(move || {
                    barrier.wait();
                    if let Ok(_entered) = pass.enter() {
                        let before = highest.fetch_max(epoch as usize, Ordering::SeqCst);
                        assert!(before <= epoch as usize, "{before} had begun before {epoch}");
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert!(matches!(
            pass(folder.path(), EACH - 1).enter(),
            Err(FenceError::TakenOver { seen: EACH, .. })
        ));
    }
}
