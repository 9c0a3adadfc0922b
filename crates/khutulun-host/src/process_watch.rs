//! Hearing of processes that start and end, without asking again and again.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs, io,
    mem::MaybeUninit,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::ffi::OsStrExt as _,
    },
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use khutulun_api::{MachineError, ProcessIdentity, ProcessStatus};
use rustix::{
    event::{Timespec, epoll},
    fs::inotify::{self, ReadFlags, WatchFlags},
    io::Errno,
};

use crate::{
    files::system,
    process_key::ProcessKey,
    record::{RECORD_FILE, Record},
    state::StateDirectory,
    wait,
};

/// The number under which the kernel tells of changes of folders; those of processes count from the next.
const FOLDERS: u64 = 0;

/// How many processes that ended are heard of at once; the rest right after.
const ENDS_AT_ONCE: usize = 64;

/// What is there now of a supervised process: it started, ended, was started again, or is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessChange {
    /// Which process.
    pub identity: ProcessIdentity,
    /// What is known of it. None: its folder was removed.
    pub status: Option<ProcessStatus>,
    /// Whether its end was asked for, if it ended.
    pub asked: bool,
    /// Whether its program was ever executed by the operation that started it.
    pub executed: bool,
}

/// Watches the processes that khutulun's own supervisors keep in a state directory.
///
/// Each supervisor writes what happens to `status.json`; the kernel tells of that (inotify). It also tells when a supervisor
/// ends that was killed and could write nothing (pidfd), and when a process ends that such a supervisor left. Nothing is looked
/// at in between: while nothing happens, nothing is done. Only the latest of what happened quickly one after another is told;
/// [`ProcessStatus::restarts`] and [`ProcessStatus::operation`] say what was in between.
///
/// Processes that are systemd units are not heard of: nothing of theirs is in the state directory but their output.
pub struct ProcessWatch {
    root: PathBuf,
    epoll: OwnedFd,
    changes: OwnedFd,
    places: BTreeMap<i32, Place>,
    processes: BTreeMap<ProcessIdentity, Known>,
    /// Whose end a number tells of.
    ends: BTreeMap<u64, ProcessIdentity>,
    last_end: u64,
    ready: Vec<ProcessChange>,
    /// Something that happened could not be looked at: everything is looked at again.
    missed: bool,
}

/// A folder that is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    /// The state directory.
    Root,
    /// The folder of all processes.
    Processes,
    /// That of a service's.
    Service(String),
    /// That of a process.
    Process(ProcessIdentity),
}

#[derive(Default)]
struct Known {
    told: Option<ProcessChange>,
    end: Option<End>,
}

/// Who is waited for: the supervisor, or what a supervisor that was killed left.
struct End {
    key: ProcessKey,
    number: u64,
    file: OwnedFd,
}

impl AsFd for ProcessWatch {
    /// Returns a file that is readable when [`ProcessWatch::take`] may have something.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }
}

impl ProcessWatch {
    /// Begins to watch. What is there already is told first.
    pub fn new(state: &StateDirectory) -> Result<Self, MachineError> {
        let attempt = || system(format!("watch the processes in `{}`", state.root().display()));
        let make = || {
            let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
            let changes = inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK)?;
            epoll::add(&epoll, &changes, epoll::EventData::new_u64(FOLDERS), epoll::EventFlags::IN)?;
            let mut watch = Self {
                root: state.root().to_owned(),
                epoll,
                changes,
                places: BTreeMap::new(),
                processes: BTreeMap::new(),
                ends: BTreeMap::new(),
                last_end: FOLDERS,
                ready: Vec::new(),
                missed: false,
            };
            watch.enter(Place::Root)?;
            io::Result::Ok(watch)
        };
        make().map_err(attempt())
    }

    /// Returns what changed since the last call, without waiting.
    ///
    /// # Errors
    /// When the kernel cannot tell of changes, or one cannot be looked at. Nothing is lost: the next call looks at everything again.
    pub fn take(&mut self) -> Result<Vec<ProcessChange>, MachineError> {
        if let Err(error) = self.hear() {
            self.missed = true;
            if self.ready.is_empty() {
                let attempt = format!("watch the processes in `{}`", self.root.display());
                return Err(system(attempt)(error));
            }
        }
        Ok(std::mem::take(&mut self.ready))
    }

    /// Returns what changed, waiting for something. None: the deadline came.
    ///
    /// # Errors
    /// As [`Self::take`].
    pub fn next(&mut self, timeout: Duration) -> Result<Vec<ProcessChange>, MachineError> {
        let deadline = Instant::now() + timeout;
        loop {
            let changes = self.take()?;
            if !changes.is_empty() {
                return Ok(changes);
            }
            let ready = wait::wait_readable(&[self.epoll.as_fd()], Some(deadline))
                .map_err(system("wait for processes"))?;
            if ready == 0 {
                return Ok(Vec::new());
            }
        }
    }

    fn hear(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.missed) {
            self.look_again()?;
        }
        loop {
            let mut buffer = [MaybeUninit::uninit(); ENDS_AT_ONCE];
            let now = Timespec { tv_sec: 0, tv_nsec: 0 };
            let (happened, _) = match epoll::wait(&self.epoll, &mut buffer, Some(&now)) {
                Err(Errno::INTR) => continue,
                other => other?,
            };
            let numbers: Vec<u64> = happened.iter().map(|event| event.data.u64()).collect();
            if numbers.is_empty() {
                return Ok(());
            }
            for number in numbers {
                if number == FOLDERS {
                    self.hear_of_folders()?;
                } else if let Some(identity) = self.ends.get(&number).cloned() {
                    if let Some(known) = self.processes.get_mut(&identity) {
                        forget_end(&self.epoll, &mut self.ends, known);
                    }
                    self.look(&identity)?;
                }
            }
        }
    }

    fn hear_of_folders(&mut self) -> io::Result<()> {
        let mut looks = Vec::new();
        let mut arrivals = Vec::new();
        let mut overflow = false;
        let mut buffer = [MaybeUninit::uninit(); 16 << 10];
        let mut reader = inotify::Reader::new(&self.changes, &mut buffer);
        loop {
            let event = match reader.next() {
                Err(Errno::WOULDBLOCK) => break,
                Err(Errno::INTR) => continue,
                other => other?,
            };
            if event.events().contains(ReadFlags::QUEUE_OVERFLOW) {
                overflow = true;
                continue;
            }
            let Some(place) = self.places.get(&event.wd()).cloned() else { continue };
            if event.events().contains(ReadFlags::IGNORED) {
                self.places.remove(&event.wd());
                if let Place::Process(identity) = place {
                    looks.push(identity);
                }
                continue;
            }
            let name = event.file_name().map(|name| OsStr::from_bytes(name.to_bytes()).to_owned());
            let Some(name) = name else { continue };
            match place {
                Place::Process(identity) if name == RECORD_FILE => looks.push(identity),
                Place::Process(_) => {}
                other => arrivals.extend(inner(&other, &name)),
            }
        }
        if overflow {
            self.look_again()?;
        }
        each(arrivals, |place| self.enter(place))?;
        looks.sort();
        looks.dedup();
        each(looks, |identity| self.look(&identity))
    }

    /// Looks at everything: what was not told is seen all the same.
    fn look_again(&mut self) -> io::Result<()> {
        let known: Vec<ProcessIdentity> = self.processes.keys().cloned().collect();
        let entered = self.enter(Place::Root);
        entered.and(each(known, |identity| self.look(&identity)))
    }

    /// Watches a folder and what is in it. One that is not there is fine: it may be made later, or may be gone again.
    fn enter(&mut self, place: Place) -> io::Result<()> {
        let path = self.path(&place);
        let what = match place {
            Place::Process(_) => WatchFlags::MOVED_TO,
            _ => WatchFlags::CREATE | WatchFlags::MOVED_TO,
        };
        match inotify::add_watch(&self.changes, &path, what | WatchFlags::ONLYDIR) {
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(()),
            other => self.places.insert(other?, place.clone()),
        };
        if let Place::Process(identity) = &place {
            return self.look(identity);
        }
        // What came before the watch began is seen by looking.
        let entries = match fs::read_dir(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            other => other?,
        };
        let mut inside = Vec::new();
        for entry in entries {
            inside.extend(inner(&place, &entry?.file_name()));
        }
        each(inside, |place| self.enter(place))
    }

    fn path(&self, place: &Place) -> PathBuf {
        let processes = self.root.join(PROCESSES);
        match place {
            Place::Root => self.root.clone(),
            Place::Processes => processes,
            Place::Service(service) => processes.join(service),
            Place::Process(identity) => processes.join(&identity.service).join(&identity.node),
        }
    }

    /// Looks at a process and keeps what changed for whoever asks.
    fn look(&mut self, identity: &ProcessIdentity) -> io::Result<()> {
        let folder = self.path(&Place::Process(identity.clone()));
        let sight = match Record::see(&folder) {
            // It is being removed, or is no folder of a process.
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => None,
            other => other?,
        };
        let Some(sight) = sight else {
            self.look_at_none(identity, &folder);
            return Ok(());
        };
        let known = self.processes.entry(identity.clone()).or_default();
        let who = sight.supervisor.or(sight.child);
        if known.end.as_ref().map(|end| end.key) != who {
            forget_end(&self.epoll, &mut self.ends, known);
            if let Some(key) = who {
                // Where there are too many files open, only the death of a supervisor that was killed goes unheard.
                if let Some(file) = key.open() {
                    self.last_end += 1;
                    let number = self.last_end;
                    epoll::add(&self.epoll, &file, epoll::EventData::new_u64(number), epoll::EventFlags::IN)?;
                    self.ends.insert(number, identity.clone());
                    known.end = Some(End { key, number, file });
                } else if !key.is_alive() {
                    // It ended just now: what that left is there already.
                    return self.look(identity);
                }
            }
        }
        if sight.is_passing() {
            // Its supervisor is about to write more, or ends; both are heard.
            return Ok(());
        }
        let change = ProcessChange {
            identity: identity.clone(),
            status: Some(sight.status(&folder)),
            asked: sight.record.asked,
            executed: sight.record.child.is_some(),
        };
        self.tell(change);
        Ok(())
    }

    /// There is no record: not yet, or not any more.
    fn look_at_none(&mut self, identity: &ProcessIdentity, folder: &Path) {
        if folder.exists() {
            return;
        }
        let Some(mut known) = self.processes.remove(identity) else { return };
        forget_end(&self.epoll, &mut self.ends, &mut known);
        if known.told.is_some() {
            self.ready.push(ProcessChange {
                identity: identity.clone(),
                status: None,
                asked: true,
                executed: false,
            });
        }
    }

    fn tell(&mut self, change: ProcessChange) {
        let known = self.processes.entry(change.identity.clone()).or_default();
        if known.told.as_ref() != Some(&change) {
            known.told = Some(change.clone());
            self.ready.push(change);
        }
    }
}

/// Does something with each, also after one that fails. Returns the first error.
fn each<T>(all: Vec<T>, mut one: impl FnMut(T) -> io::Result<()>) -> io::Result<()> {
    let mut result = Ok(());
    for next in all {
        result = result.and(one(next));
    }
    result
}

/// The folder of all processes.
const PROCESSES: &str = "processes";

/// Returns what a folder in a watched folder is.
fn inner(place: &Place, name: &OsStr) -> Option<Place> {
    // Names of services and nodes were checked before they became names of folders.
    let name = name.to_str()?;
    match place {
        Place::Root => (name == PROCESSES).then_some(Place::Processes),
        Place::Processes => Some(Place::Service(name.to_owned())),
        Place::Service(service) => {
            Some(Place::Process(ProcessIdentity { service: service.clone(), node: name.to_owned() }))
        }
        Place::Process(_) => None,
    }
}

fn forget_end(epoll: &OwnedFd, ends: &mut BTreeMap<u64, ProcessIdentity>, known: &mut Known) {
    if let Some(end) = known.end.take() {
        ends.remove(&end.number);
        // Closing alone is not enough: a program that another thread just forks has a copy of the file until it executes.
        let _ = epoll::delete(epoll, &end.file);
    }
}
