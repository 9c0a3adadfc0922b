//! Processes that khutulun's own supervisor keeps, seen from outside.

use std::{
    collections::BTreeMap,
    fs, io,
    os::fd::AsFd as _,
    path::Path,
    time::{Duration, Instant},
};

use khutulun_api::{MachineError, ProcessIdentity, ProcessSpec, ProcessStatus};
use rustix::process::Signal;

use crate::{
    fence::{self, Pass},
    files::{self, Durability, system},
    launch::{ANSWER_WAIT_MS, Launcher},
    process_key::{ProcessKey, kill_by_environment},
    record::{Answer, Assignment, Phase, ProcessAssignment, Record, SPECIFICATION_FILE, Sight, absent},
    signal_name::parse_signal,
    state::{StateDirectory, check_name},
    supervisor::{FOLDER_VARIABLE, KILL_WAIT_MS},
    user,
    wait::{self, FolderLock, FolderWatch},
};

/// How much longer than its grace and the death of what was killed a supervisor may take to end, in milliseconds.
const STOP_MARGIN_MS: u64 = 5_000;

/// How often a supervisor is started for one request, when others hold the lock for a moment.
const LAUNCHES_MAX: usize = 8;

/// Starts a process under a supervisor of its own.
pub(crate) fn start(
    state: &StateDirectory,
    launcher: &Launcher,
    spec: &ProcessSpec,
    pass: Option<&Pass>,
) -> Result<ProcessStatus, MachineError> {
    // Nothing begins here, but nobody who may not begin anything should make so much as a folder.
    fence::enter(pass)?;
    let folder = state.process(&spec.identity)?;
    parse_signal(&spec.stop_signal).map_err(MachineError::Refused)?;
    if spec.command.is_empty() {
        return Err(MachineError::Refused("the command of the process is empty".to_owned()));
    }
    if let Some(answer) = standing(&folder, spec)? {
        return Ok(answer);
    }
    let run_as = spec.user.as_deref().map(user::resolve).transpose()?.flatten();
    let assignment = ProcessAssignment { spec: spec.clone(), run_as, pass: pass.cloned() };
    let assignment = Assignment::Process(Box::new(assignment));
    let deadline = Instant::now() + Duration::from_millis(ANSWER_WAIT_MS);
    for _ in 0..LAUNCHES_MAX {
        files::make_private_folder(&folder).map_err(system(format!("make folder `{}`", folder.display())))?;
        match launcher.launch(&folder, &assignment)? {
            Answer::Started | Answer::Already => {
                return Ok(see(&folder)?.map_or_else(|| absent(&folder), |sight| sight.status(&folder)));
            }
            Answer::Busy => {
                // Another supervisor, or one who cleans up. Either will write, or close the lock: both end the wait.
                let watch = watch(&folder)?;
                loop {
                    if let Some(answer) = standing(&folder, spec)? {
                        return Ok(answer);
                    }
                    // Free again, or gone: then it is our turn.
                    let Some(watch) = &watch else { break };
                    if !matches!(FolderLock::try_take(&folder), Ok(None))
                        || !watch.wait(deadline).map_err(system(format!("watch `{}`", folder.display())))?
                    {
                        break;
                    }
                }
            }
            other => {
                return Err(other.into_error().unwrap_or_else(|| {
                    MachineError::Refused("the supervisor answered nonsense".to_owned())
                }));
            }
        }
    }
    Err(MachineError::Refused(format!("folder `{}` is in use by another command", folder.display())))
}

/// Returns the status of a process.
pub(crate) fn status(
    state: &StateDirectory,
    identity: &ProcessIdentity,
) -> Result<ProcessStatus, MachineError> {
    let folder = state.process(identity)?;
    Ok(settled(&folder)?.map_or_else(|| absent(&folder), |sight| sight.status(&folder)))
}

impl StateDirectory {
    /// Returns what can be seen at once of the processes of a service that khutulun's own supervisors keep, by what their nodes are
    /// called on machines. Nobody is waited for: what cannot be read, or just changes, is left out.
    ///
    /// Processes that are systemd units are not seen here.
    pub fn processes_at_once(&self, service: &str) -> BTreeMap<String, ProcessStatus> {
        if check_name("service", service).is_err() {
            return BTreeMap::new();
        }
        let entries =
            fs::read_dir(self.root().join("processes").join(service)).into_iter().flatten().flatten();
        let see = |entry: fs::DirEntry| {
            let folder = entry.path();
            let sight = Record::see(&folder).ok()??;
            let node = entry.file_name().into_string().ok()?;
            (!sight.is_passing()).then(|| (node, sight.status(&folder)))
        };
        entries.filter_map(see).collect()
    }
}

/// Asks a process to end and waits until it did.
pub(crate) fn stop(
    state: &StateDirectory,
    identity: &ProcessIdentity,
    pass: Option<&Pass>,
) -> Result<ProcessStatus, MachineError> {
    fence::enter(pass)?;
    let folder = state.process(identity)?;
    if !folder.exists() {
        return Ok(absent(&folder));
    }
    let specification = read_specification(&folder)?;
    let grace_ms = specification.as_ref().map_or(0, |spec| spec.stop_grace_ms);
    let limit_ms = grace_ms.saturating_add(2 * KILL_WAIT_MS + STOP_MARGIN_MS);
    let deadline = Instant::now() + Duration::from_millis(limit_ms);
    let mut waiting = None;
    loop {
        let sight = settled(&folder)?;
        if let Some(supervisor) = sight.and_then(|sight| sight.supervisor) {
            stop_supervisor(supervisor, deadline, pass)?;
            // It ended, or was killed: then the lock is free, and what it left is ended below.
            continue;
        }
        let lock =
            FolderLock::try_take(&folder).map_err(system(format!("lock folder `{}`", folder.display())))?;
        if let Some(_lock) = lock {
            let _entered = fence::enter(pass)?;
            return end_unsupervised(&folder, specification.as_ref());
        }
        // A supervisor that is just starting, or another stop.
        let Some(watch) = &waiting else {
            waiting = watch(&folder)?;
            if waiting.is_none() {
                return Ok(absent(&folder));
            }
            // What happened before the watch began is seen by looking once more.
            continue;
        };
        if !watch.wait(deadline).map_err(system(format!("watch `{}`", folder.display())))? {
            return Err(MachineError::TimedOut {
                what: format!("stopping process `{}` of `{}`", identity.node, identity.service),
                timeout_ms: limit_ms,
            });
        }
    }
}

/// Forgets a process that ended.
pub(crate) fn remove(state: &StateDirectory, identity: &ProcessIdentity) -> Result<(), MachineError> {
    let folder = state.process(identity)?;
    if folder.exists() {
        let runs = || {
            MachineError::Refused(format!(
                "process `{}` of `{}` runs: stop it first",
                identity.node, identity.service
            ))
        };
        if settled(&folder)?.is_some_and(|sight| sight.is_live()) {
            return Err(runs());
        }
        // A supervisor that is about to end, or that finds that its starter is gone, has the lock for a moment.
        let deadline = Instant::now() + Duration::from_millis(ANSWER_WAIT_MS);
        let lock = FolderLock::take(&folder, deadline)
            .map_err(system(format!("lock folder `{}`", folder.display())))?;
        if folder.exists() && (lock.is_none() || see(&folder)?.is_some_and(|sight| sight.is_live())) {
            return Err(runs());
        }
        files::remove_folder(&folder).map_err(system(format!("remove folder `{}`", folder.display())))?;
    }
    remove_empty_parents(state.root(), &folder);
    Ok(())
}

/// Removes the folders above one that is gone, up to the root, as long as they are empty.
pub(crate) fn remove_empty_parents(root: &Path, gone: &Path) {
    for parent in gone.ancestors().skip(1).take_while(|parent| *parent != root) {
        // Another process of the service is there, or just arrives.
        if fs::remove_dir(parent).is_err() {
            break;
        }
    }
}

/// Returns the answer to a start over a process that somebody keeps. None: nobody does, so a supervisor decides.
///
/// # Errors
/// Refuses what another operation started, and what belongs to the state directory that this one is a copy of.
fn standing(folder: &Path, spec: &ProcessSpec) -> Result<Option<ProcessStatus>, MachineError> {
    let Some(sight) = settled(folder)? else { return Ok(None) };
    let ProcessIdentity { service, node } = &spec.identity;
    if let Some(why) = sight.record.belongs_elsewhere() {
        return Err(MachineError::Refused(format!("process `{node}` of `{service}` runs already: {why}")));
    }
    if sight.supervisor.is_none() {
        return Ok(None);
    }
    if sight.record.operation == spec.operation {
        return Ok(Some(sight.status(folder)));
    }
    let pid = sight.child.map_or_else(|| "unknown".to_owned(), |child| child.pid.to_string());
    Err(MachineError::Refused(format!(
        "process `{node}` of `{service}` runs already, as pid {pid}, started by operation {}",
        sight.record.operation
    )))
}

fn see(folder: &Path) -> Result<Option<Sight>, MachineError> {
    Record::see(folder).map_err(system(format!("read `{}`", folder.join("status.json").display())))
}

fn read_specification(folder: &Path) -> Result<Option<ProcessSpec>, MachineError> {
    ProcessAssignment::read(folder)
        .map(|assignment| assignment.map(|assignment| assignment.spec))
        .map_err(system(format!("read `{}`", folder.join(SPECIFICATION_FILE).display())))
}

/// Returns what is there, waiting for a supervisor that is just executing its program, or has yet to write that it ended.
fn settled(folder: &Path) -> Result<Option<Sight>, MachineError> {
    let sight = see(folder)?;
    if !sight.as_ref().is_some_and(Sight::is_passing) {
        return Ok(sight);
    }
    let attempt = || format!("watch `{}`", folder.display());
    let watch = FolderWatch::new(folder).map_err(system(attempt()))?;
    let deadline = Instant::now() + Duration::from_millis(ANSWER_WAIT_MS);
    loop {
        let sight = see(folder)?;
        if !sight.as_ref().is_some_and(Sight::is_passing)
            || !watch.wait(deadline).map_err(system(attempt()))?
        {
            return Ok(sight);
        }
    }
}

/// Watches a folder. None: it is gone.
fn watch(folder: &Path) -> Result<Option<FolderWatch>, MachineError> {
    match FolderWatch::new(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        result => result.map(Some).map_err(system(format!("watch `{}`", folder.display()))),
    }
}

/// Asks a supervisor to end and waits; kills it at the deadline.
fn stop_supervisor(
    supervisor: ProcessKey,
    deadline: Instant,
    pass: Option<&Pass>,
) -> Result<(), MachineError> {
    let attempt = || format!("stop the supervisor with pid {}", supervisor.pid);
    let Some(fd) = supervisor.open() else { return Ok(()) };
    for (signal, deadline) in
        [(Signal::TERM, deadline), (Signal::KILL, deadline + Duration::from_millis(KILL_WAIT_MS))]
    {
        let entered = fence::enter(pass)?;
        match rustix::process::pidfd_send_signal(&fd, signal) {
            // It ended in between.
            Err(rustix::io::Errno::SRCH) => return Ok(()),
            result => result.map_err(|error| system(attempt())(error.into()))?,
        }
        drop(entered);
        if wait::wait_readable(&[fd.as_fd()], Some(deadline)).map_err(system(attempt()))? != 0 {
            return Ok(());
        }
    }
    Err(MachineError::TimedOut { what: "killing a supervisor".to_owned(), timeout_ms: KILL_WAIT_MS })
}

/// Ends what has no supervisor any more. The lock is held.
fn end_unsupervised(
    folder: &Path,
    specification: Option<&ProcessSpec>,
) -> Result<ProcessStatus, MachineError> {
    let Some(mut sight) = see(folder)? else { return Ok(absent(folder)) };
    let status = sight.status(folder);
    let record = &mut sight.record;
    if record.phase == Phase::Ended || record.is_of_another_boot() || record.copy_of.is_some() {
        return Ok(status);
    }
    if let Some(child) = sight.child.take() {
        let signal =
            specification.and_then(|spec| parse_signal(&spec.stop_signal).ok()).unwrap_or(Signal::TERM);
        let grace = Duration::from_millis(specification.map_or(0, |spec| spec.stop_grace_ms));
        end_group(child, signal, grace)?;
        record.asked = true;
    } else if record.phase == Phase::Waiting {
        record.asked = true;
    } else {
        record.error = status.error;
    }
    kill_by_environment(&format!("{FOLDER_VARIABLE}={}", folder.display()));
    record.phase = Phase::Ended;
    record.exit_code = None;
    record.signal = None;
    let _ = fs::remove_file(folder.join("pid"));
    record
        .write(folder, Durability::PowerLoss)
        .map_err(system(format!("write `{}`", folder.join("status.json").display())))?;
    Ok(sight.status(folder))
}

/// Ends a process that is not our child, and its group.
pub(crate) fn end_group(leader: ProcessKey, signal: Signal, grace: Duration) -> Result<(), MachineError> {
    let attempt = || format!("stop the process with pid {}", leader.pid);
    let (Some(fd), Some(pid)) = (leader.open(), leader.as_pid()) else { return Ok(()) };
    for (signal, grace) in [(signal, grace), (Signal::KILL, Duration::from_millis(KILL_WAIT_MS))] {
        // It lived a moment ago, and its group has its number. Should it be gone, there is nobody to signal.
        let _ = rustix::process::kill_process_group(pid, signal);
        if signal != Signal::KILL {
            let _ = rustix::process::kill_process_group(pid, Signal::CONT);
        }
        let ended = wait::wait_readable(&[fd.as_fd()], Some(Instant::now() + grace));
        if ended.map_err(system(attempt()))? != 0 {
            return Ok(());
        }
    }
    Err(MachineError::TimedOut { what: "killing a process".to_owned(), timeout_ms: KILL_WAIT_MS })
}
