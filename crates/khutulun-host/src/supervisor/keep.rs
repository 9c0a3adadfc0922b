//! Keeping a process: start, wait, start again, end.

use std::{
    collections::VecDeque,
    fs::{self, File, OpenOptions},
    io,
    os::unix::{fs::OpenOptionsExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use khutulun_api::{ProcessSpec, RestartPolicy};
use rustix::process::Signal;

use super::{
    FOLDER_VARIABLE, KILL_WAIT_MS, Starter,
    descendants::{End, Family},
    describe,
    found::Found,
    signals::Signals,
    spawn::spawn,
};
use crate::{
    fence::{self, Entered, Pass},
    files::{self, Durability},
    process_key::{ProcessKey, kill_by_environment},
    record::{
        Answer, Phase, ProcessAssignment, RECORD_FILE, Record, RunAs, SPECIFICATION_FILE, Sight, write_json,
    },
    signal_name::parse_signal,
    supervised::end_group,
};

/// The longest wait before a process is started again, and the time within which its restarts are counted.
const MINUTE: Duration = Duration::from_secs(60);

/// What the wait doubles from when it began shorter, in milliseconds: a process that cannot run must not keep a core busy.
const RESTART_DELAY_FLOOR_MS: u64 = 100;

/// Starts a process, answers the starter, and keeps the process until it ended for good.
pub(super) fn keep(
    folder: &Path,
    assignment: ProcessAssignment,
    signals: &Signals,
    starter: &Starter,
) -> Result<(), Answer> {
    let signal = parse_signal(&assignment.spec.stop_signal).map_err(Answer::Refused)?;
    let unwritable = |error: io::Error| Answer::system(format!("write to `{}`", folder.display()), &error);
    let unreadable = |error: io::Error| {
        Answer::system(format!("read what an earlier supervisor left in `{}`", folder.display()), &error)
    };
    let old = Record::see(folder).map_err(unreadable)?;
    let mut found = None;
    match &old {
        Some(old) => {
            let before = ProcessAssignment::read(folder).map_err(unreadable)?;
            match judge(old, folder, before.as_ref(), &assignment) {
                Judgement::Free => {}
                Judgement::TakeUp(process) => found = Some(process),
                Judgement::Answer(answer) => return Err(answer),
            }
        }
        // None, or none that can be understood.
        None if folder.join(RECORD_FILE).exists() => kill_leftovers(folder),
        None => {}
    }
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))
        .map_err(|error| Answer::system("become a subreaper", &error.into()))?;
    let mut record = Record::starting(folder, &assignment.spec.operation).map_err(unwritable)?;
    if let Some(old) = old.filter(|old| found.is_some() && old.record.operation == record.operation) {
        record.restarts = old.record.restarts;
    }
    let pass = assignment.pass.clone();
    let entered = match &found {
        // Nothing is written before it may be taken up: what is there still says all.
        Some(_) => fence::enter(pass.as_ref()).map_err(Answer::fenced)?,
        None => None,
    };
    // After a power loss nothing runs, and what the specification said no longer matters.
    write_json(&folder.join(SPECIFICATION_FILE), &assignment, Durability::Session).map_err(unwritable)?;
    if found.is_none() {
        record.write(folder, Durability::Session).map_err(unwritable)?;
    }
    let ProcessAssignment { spec, run_as, .. } = assignment;
    let keeper = Keeper { folder, spec, run_as, signal, signals, record };
    match found {
        Some(found) => keeper.take_up(found, starter, entered),
        None => keeper.run(starter, pass.as_ref()),
    }
}

/// What is to be done about a start over what an earlier supervisor left.
enum Judgement {
    /// It is started.
    Free,
    /// It runs, and nobody keeps it: it is kept from now on.
    TakeUp(Found),
    /// It is not started.
    Answer(Answer),
}

/// Judges a start over what an earlier supervisor left. The lock is held, so none runs.
fn judge(
    old: &Sight,
    folder: &Path,
    before: Option<&ProcessAssignment>,
    now: &ProcessAssignment,
) -> Judgement {
    if let Some(why) = old.record.belongs_elsewhere() {
        return Judgement::Answer(Answer::Refused(why));
    }
    let same = old.record.operation == now.spec.operation;
    if let Some(child) = old.child {
        let is_as_wanted = before.is_some_and(|before| before.runs_as(now));
        // One that was asked to end is about to.
        return match Found::open(child).filter(|_| is_as_wanted && old.record.phase == Phase::Running) {
            Some(found) => Judgement::TakeUp(found),
            None if same => Judgement::Answer(Answer::Already),
            None => Judgement::Answer(Answer::Refused(format!(
                "the process runs already, as pid {}, started by operation {}, and nobody keeps it; what would be started now is \
                 something else: stop it first",
                child.pid, old.record.operation
            ))),
        };
    }
    if old.record.is_of_another_boot() {
        return Judgement::Free;
    }
    if old.record.phase == Phase::Starting {
        // It was killed between executing the program and writing that down.
        kill_leftovers(folder);
        return Judgement::Free;
    }
    // Started by this operation before, and ended since: starting it again would be a second effect.
    if same && old.record.child.is_some() { Judgement::Answer(Answer::Already) } else { Judgement::Free }
}

/// Ends what an earlier supervisor of this folder may have left without a record of it.
fn kill_leftovers(folder: &Path) {
    kill_by_environment(&format!("{FOLDER_VARIABLE}={}", folder.display()));
}

/// Who is kept.
enum Kept {
    /// A child of this supervisor's, with all that it started.
    Own(Family),
    /// What an earlier supervisor left.
    Found(Found),
}

struct Keeper<'a> {
    folder: &'a Path,
    spec: ProcessSpec,
    run_as: Option<RunAs>,
    signal: Signal,
    signals: &'a Signals,
    record: Record,
}

/// What ended, and whether somebody asked for it.
struct Ended {
    end: End,
    asked: bool,
    error: Option<String>,
}

impl Keeper<'_> {
    fn run(mut self, starter: &Starter, pass: Option<&Pass>) -> Result<(), Answer> {
        let (family, entered) = match self.start_first(pass) {
            Ok(started) => started,
            Err(answer) => {
                self.record.phase = Phase::Ended;
                self.record.error = Some(describe(&answer));
                // The starter gets the error in any case.
                let _ = self.record.write(self.folder, Durability::PowerLoss);
                return Err(answer);
            }
        };
        if let Err(error) = self.record_running() {
            // What cannot be written down must not run: nobody would find it.
            family.signal_group(Signal::KILL);
            let _ = family.end_strays(self.signals, Signal::KILL, Instant::now(), &mut false);
            return Err(Answer::system(format!("write to `{}`", self.folder.display()), &error));
        }
        drop(entered);
        starter.answer(&Answer::Started);
        self.keep(Kept::Own(family));
        Ok(())
    }

    /// Keeps a process that an earlier supervisor started.
    fn take_up(mut self, found: Found, starter: &Starter, entered: Option<Entered>) -> Result<(), Answer> {
        self.record.child = Some(found.key);
        self.record_running()
            .map_err(|error| Answer::system(format!("write to `{}`", self.folder.display()), &error))?;
        drop(entered);
        starter.answer(&Answer::Started);
        self.keep(Kept::Found(found));
        Ok(())
    }

    /// Waits for the end, again and again. The record is written where that is possible: a supervisor that stopped for a full
    /// disk would leave its process alone.
    fn keep(mut self, first: Kept) {
        let mut kept = Some(first);
        let mut restarts: VecDeque<Instant> = VecDeque::new();
        let mut delay = Duration::from_millis(self.spec.restart_delay_ms).min(MINUTE);
        loop {
            let began = Instant::now();
            let ended = match kept.take() {
                Some(Kept::Own(family)) => self.wait_for_end(&family),
                Some(Kept::Found(found)) => self.wait_for_found(&found),
                // It could not be started again; `record.error` says why.
                None => Ended { end: End { exit_code: None, signal: None }, asked: false, error: None },
            };
            let asked = ended.asked;
            self.record.exit_code = ended.end.exit_code;
            self.record.signal = ended.end.signal;
            self.record.asked = asked;
            if ended.error.is_some() {
                self.record.error = ended.error;
            }
            let failed = ended.end.exit_code != Some(0);
            let again = !asked
                && match self.spec.restart {
                    RestartPolicy::Never => false,
                    RestartPolicy::OnFailure => failed,
                    RestartPolicy::Always => true,
                };
            let now = Instant::now();
            while restarts.front().is_some_and(|restart| now.duration_since(*restart) >= MINUTE) {
                restarts.pop_front();
            }
            if !again {
                break;
            }
            if restarts.len() >= self.spec.restarts_max as usize {
                self.record.error = Some(format!(
                    "it ended again after it was started {} times within a minute",
                    restarts.len() + 1
                ));
                break;
            }
            if now.duration_since(began) >= MINUTE {
                delay = Duration::from_millis(self.spec.restart_delay_ms).min(MINUTE);
            }
            self.record.phase = Phase::Waiting;
            self.write();
            if self.wait_for(delay) {
                self.record.asked = true;
                break;
            }
            delay = (delay * 2).max(Duration::from_millis(RESTART_DELAY_FLOOR_MS)).min(MINUTE);
            restarts.push_back(Instant::now());
            self.record.restarts = self.record.restarts.saturating_add(1);
            self.record.error = None;
            self.record.phase = Phase::Starting;
            self.record.child = None;
            let _ = self.record.write(self.folder, Durability::Session);
            match self.start() {
                Ok(started) => {
                    let _ = self.record_running();
                    kept = Some(Kept::Own(started));
                }
                Err(answer) => self.record.error = Some(describe(&answer)),
            }
        }
        self.record.phase = Phase::Ended;
        let _ = fs::remove_file(self.folder.join("pid"));
        self.write();
    }

    /// Executes the program for the first time, if whoever asked may still ask.
    fn start_first(&mut self, pass: Option<&Pass>) -> Result<(Family, Option<Entered>), Answer> {
        let entered = fence::enter(pass).map_err(Answer::fenced)?;
        Ok((self.start()?, entered))
    }

    /// Executes the program. Afterwards the record has its key, in memory.
    fn start(&mut self) -> Result<Family, Answer> {
        let spec = &self.spec;
        let (program, arguments) = spec
            .command
            .split_first()
            .ok_or_else(|| Answer::Refused("the command of the process is empty".to_owned()))?;
        let directory = match &spec.directory {
            Some(directory) => directory.clone(),
            None => self.work_folder()?,
        };
        let mut command = Command::new(program);
        command
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(self.log("stdout.log")?)
            .stderr(self.log("stderr.log")?);
        if let Some(run_as) = &self.run_as {
            command.env("USER", &run_as.name).env("LOGNAME", &run_as.name).env("HOME", &run_as.home);
        }
        command
            .envs(&spec.environment)
            .env("KHUTULUN_SERVICE", &spec.identity.service)
            .env("KHUTULUN_NODE", &spec.identity.node)
            .env("KHUTULUN_OPERATION", &spec.operation)
            .env(FOLDER_VARIABLE, self.folder)
            .arg0(program);
        let child = spawn(command, &directory, self.run_as.as_ref())?;
        // It is our child and was not waited for: its pid is its own, even if it ended already.
        let key = ProcessKey::of(child.id());
        let pid = key
            .and_then(ProcessKey::as_pid)
            .ok_or_else(|| Answer::Refused("/proc does not show the process that was started".to_owned()))?;
        self.record.child = key;
        Ok(Family::new(pid))
    }

    fn record_running(&mut self) -> io::Result<()> {
        self.record.phase = Phase::Running;
        if let Some(child) = self.record.child {
            let pid = format!("{}\n", child.pid);
            files::write_whole(&self.folder.join("pid"), pid.as_bytes(), 0o600, Durability::Session)?;
        }
        // A power loss ends the process too, and then the record is of another boot, whichever version of it is left.
        self.record.write(self.folder, Durability::Session)
    }

    /// Writes down an end. One that nobody asked for is worth knowing after a power loss too; the other is in the journal of
    /// whoever asked, who also waits for it.
    fn write(&self) {
        let durability = if self.record.asked { Durability::Session } else { Durability::PowerLoss };
        // A full disk: the state is then read from what runs, and says that nobody wrote down how it ended.
        let _ = self.record.write(self.folder, durability);
    }

    /// Waits for the main process to end, by itself or because the supervisor was asked to, and ends what it leaves.
    fn wait_for_end(&mut self, family: &Family) -> Ended {
        let grace = Duration::from_millis(self.spec.stop_grace_ms);
        let mut asked = false;
        let mut kill_at = None;
        let mut killed = false;
        let result = (|| {
            let end = loop {
                if let Some(end) = family.ended()? {
                    break end;
                }
                family.living_strays();
                let happened = self.signals.wait(&[], kill_at)?;
                if happened.end && !asked {
                    asked = true;
                    kill_at = Some(Instant::now() + grace);
                    self.record.phase = Phase::Stopping;
                    let _ = self.record.write(self.folder, Durability::Session);
                    family.signal_group(self.signal);
                } else if !killed && kill_at.is_some_and(|at| Instant::now() >= at) {
                    killed = true;
                    // From here on only its end matters; KILL cannot be refused.
                    kill_at = Some(Instant::now() + Duration::from_millis(KILL_WAIT_MS));
                    family.signal_group(Signal::KILL);
                } else if killed && kill_at.is_some_and(|at| Instant::now() >= at) {
                    return Err(io::Error::other("it did not end after it was killed"));
                }
            };
            let deadline =
                if killed { Instant::now() } else { kill_at.unwrap_or_else(|| Instant::now() + grace) };
            let all = family.end_strays(self.signals, self.signal, deadline, &mut asked)?;
            io::Result::Ok((end, all))
        })();
        match result {
            Ok((end, true)) => Ended { end, asked, error: None },
            Ok((end, false)) => {
                let error = Some("something that it started did not end after it was killed".to_owned());
                Ended { end, asked, error }
            }
            Err(error) => Ended {
                end: End { exit_code: None, signal: None },
                asked: true,
                error: Some(format!("waiting for it failed: {error}")),
            },
        }
    }

    /// Waits for the end of a process that is no child of this supervisor's, and ends what it leaves. How it ended only its parent
    /// could be told.
    fn wait_for_found(&mut self, found: &Found) -> Ended {
        let mut ended = Ended { end: End { exit_code: None, signal: None }, asked: false, error: None };
        match found.wait(self.signals) {
            Ok(true) => {
                ended.error = Some(
                    "how it ended is not known: the supervisor that had started it was ended by somebody before"
                        .to_owned(),
                );
            }
            Ok(false) => {
                ended.asked = true;
                self.record.phase = Phase::Stopping;
                let _ = self.record.write(self.folder, Durability::Session);
                let stopped =
                    end_group(found.key, self.signal, Duration::from_millis(self.spec.stop_grace_ms));
                ended.error = stopped.err().map(|error| error.to_string());
            }
            Err(error) => {
                ended.asked = true;
                ended.error = Some(format!("waiting for it failed: {error}"));
                return ended;
            }
        }
        // What it started and left cannot be children of this supervisor.
        kill_leftovers(self.folder);
        ended
    }

    /// Waits; true: the supervisor was asked to end meanwhile.
    fn wait_for(&self, delay: Duration) -> bool {
        let deadline = Instant::now() + delay;
        while Instant::now() < deadline {
            match self.signals.wait(&[], Some(deadline)) {
                Ok(happened) if !happened.end => {}
                _ => return true,
            }
        }
        false
    }

    fn log(&self, name: &str) -> Result<File, Answer> {
        let path = self.folder.join(name);
        OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&path)
            .map_err(|error| Answer::system(format!("open log `{}`", path.display()), &error))
    }

    /// Returns the folder that the process works in when it was given none, made for its user.
    fn work_folder(&self) -> Result<PathBuf, Answer> {
        let path = self.folder.join("work");
        let make = || {
            files::make_private_folder(&path)?;
            if let Some(run_as) = &self.run_as {
                std::os::unix::fs::chown(&path, Some(run_as.user), Some(run_as.group))?;
            }
            io::Result::Ok(())
        };
        make().map_err(|error| {
            Answer::system(format!("make working directory `{}`", path.display()), &error)
        })?;
        Ok(path)
    }
}
