//! What a supervisor is told, what it answers, and what it writes down.

use std::{
    collections::BTreeMap,
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use floria::Artifact;
use khutulun_api::{MachineError, NOBODY, Outcome, ProcessSpec, ProcessState, ProcessStatus};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    fence::{FenceError, Pass},
    files::{self, Durability},
    process_key::{ProcessKey, boot_id},
};

/// The largest file of a supervisor's own that is read, in bytes: outputs are bounded well below this.
const RECORD_BYTES_MAX: usize = 16 << 20;

/// The file that a supervisor writes its [`Record`] to.
pub(crate) const RECORD_FILE: &str = "status.json";

/// The file that a supervisor keeps what it was told in.
pub(crate) const SPECIFICATION_FILE: &str = "spec.json";

/// What a supervisor is told, as one line of JSON on its standard input. Its starter keeps the pipe open until the answer.
#[derive(Serialize, Deserialize)]
pub(crate) enum Assignment {
    /// Start a process and keep it.
    Process(Box<ProcessAssignment>),
    /// Run a script to its end, once.
    Script(Box<ScriptAssignment>),
}

/// A process to start and keep.
#[derive(Serialize, Deserialize)]
pub(crate) struct ProcessAssignment {
    pub(crate) spec: ProcessSpec,
    pub(crate) run_as: Option<RunAs>,
    /// Who asks, where that may have been taken over meanwhile.
    #[serde(default)]
    pub(crate) pass: Option<Pass>,
}

impl ProcessAssignment {
    /// Reads what the process of a folder was started from. None: nothing says so.
    pub(crate) fn read(folder: &Path) -> io::Result<Option<Self>> {
        read_json(&folder.join(SPECIFICATION_FILE))
    }

    /// Returns whether the same program is run in the same way, whatever is done with it later.
    pub(crate) fn runs_as(&self, other: &Self) -> bool {
        self.spec.command == other.spec.command
            && self.spec.environment == other.spec.environment
            && self.spec.directory == other.spec.directory
            && self.run_as == other.run_as
    }
}

/// Who a process runs as.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RunAs {
    pub(crate) name: String,
    pub(crate) home: PathBuf,
    pub(crate) user: u32,
    pub(crate) group: u32,
    pub(crate) groups: Vec<u32>,
}

/// A script to run to its end.
#[derive(Serialize, Deserialize)]
pub(crate) struct ScriptAssignment {
    /// The folder that holds artifacts by digest.
    pub(crate) artifacts: PathBuf,
    pub(crate) script: Artifact,
    pub(crate) dependencies: Vec<Artifact>,
    pub(crate) environment: BTreeMap<String, String>,
    /// What it reads on standard input: JSON.
    pub(crate) input: String,
    pub(crate) timeout_ms: u64,
    /// Who asks, where that may have been taken over meanwhile.
    pub(crate) pass: Option<Pass>,
}

/// What a supervisor answers, as one line of JSON on its standard output.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Answer {
    /// The program was executed.
    Started,
    /// The same operation had executed it before.
    Already,
    /// Somebody else has the lock of the folder.
    Busy,
    /// What was asked for goes against what is there.
    Refused(String),
    /// Something is not there.
    NotFound(String),
    /// The operating system said no.
    System { attempt: String, code: Option<i32>, message: String },
}

impl Answer {
    /// Tells an error.
    pub(crate) fn system(attempt: impl Into<String>, error: &io::Error) -> Self {
        Self::System { attempt: attempt.into(), code: error.raw_os_error(), message: error.to_string() }
    }

    /// Tells why an effect may not begin.
    pub(crate) fn fenced(error: FenceError) -> Self {
        match &error {
            FenceError::System { attempt, source } => Self::system(attempt, source),
            // Trying again may help.
            FenceError::Held { .. } => Self::system(error.to_string(), &io::ErrorKind::WouldBlock.into()),
            FenceError::TakenOver { .. } => Self::Refused(error.to_string()),
        }
    }

    /// Returns the error that this answer is, if it is one.
    pub(crate) fn into_error(self) -> Option<MachineError> {
        match self {
            Self::Started | Self::Already | Self::Busy => None,
            Self::Refused(text) => Some(MachineError::Refused(text)),
            Self::NotFound(what) => Some(MachineError::NotFound { what }),
            Self::System { attempt, code, message } => Some(MachineError::System {
                attempt,
                source: code.map_or_else(|| io::Error::other(message), io::Error::from_raw_os_error),
            }),
        }
    }
}

/// How far a supervised process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Phase {
    /// It is about to be executed, or just was: a supervisor that was killed now may have left a child that nobody knows.
    Starting,
    /// It runs.
    Running,
    /// It ended and will be started again.
    Waiting,
    /// It was asked to end.
    Stopping,
    /// It ended for good.
    Ended,
}

/// What a supervisor writes down, in `status.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) phase: Phase,
    pub(crate) operation: String,
    pub(crate) boot_id: String,
    pub(crate) supervisor: ProcessKey,
    /// The process; while it waits or after it ended, the last one.
    pub(crate) child: Option<ProcessKey>,
    pub(crate) restarts: u32,
    pub(crate) exit_code: Option<i32>,
    pub(crate) signal: Option<i32>,
    /// Somebody asked it to end.
    pub(crate) asked: bool,
    /// Why it could not be started, or is taken to have failed.
    pub(crate) error: Option<String>,
    /// The folder that it was written for: a copy of it says nothing of processes that are its own.
    #[serde(default)]
    pub(crate) folder: Option<PathBuf>,
    /// The folder that this is a copy of, as long as that is there.
    #[serde(skip)]
    pub(crate) copy_of: Option<PathBuf>,
}

impl Record {
    /// Makes the record of a process that this program is about to start.
    pub(crate) fn starting(folder: &Path, operation: &str) -> io::Result<Self> {
        Ok(Self {
            phase: Phase::Starting,
            operation: operation.to_owned(),
            boot_id: boot_id()?,
            supervisor: ProcessKey::of(std::process::id())
                .ok_or_else(|| io::Error::other("/proc does not show this process"))?,
            child: None,
            restarts: 0,
            exit_code: None,
            signal: None,
            asked: false,
            error: None,
            folder: Some(folder.to_owned()),
            copy_of: None,
        })
    }

    /// Reads the record in a folder. None: there is none.
    ///
    /// One that cannot be understood is none either: it was written whole or not at all unless the machine lost its power
    /// meanwhile, and then nothing of it runs.
    pub(crate) fn read(folder: &Path) -> io::Result<Option<Self>> {
        let mut record = match read_json::<Self>(&folder.join(RECORD_FILE)) {
            Err(error)
                if matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof) =>
            {
                None
            }
            other => other?,
        };
        if let Some(record) = &mut record {
            record.copy_of = record.folder.take_if(|original| is_copy(original, folder));
        }
        Ok(record)
    }

    /// Replaces the record in a folder.
    pub(crate) fn write(&self, folder: &Path, durability: Durability) -> io::Result<()> {
        write_json(&folder.join(RECORD_FILE), self, durability)
    }

    /// Returns whether the machine was started again since: then nothing of this runs.
    pub(crate) fn is_of_another_boot(&self) -> bool {
        boot_id().is_ok_and(|now| now != self.boot_id)
    }

    /// Returns the supervisor, if it runs and is this folder's.
    pub(crate) fn live_supervisor(&self) -> Option<ProcessKey> {
        (self.copy_of.is_none()
            && self.phase != Phase::Ended
            && !self.is_of_another_boot()
            && self.supervisor.is_alive())
        .then_some(self.supervisor)
    }

    /// Returns the process, if it runs and is this folder's.
    pub(crate) fn live_child(&self) -> Option<ProcessKey> {
        if self.copy_of.is_some()
            || matches!(self.phase, Phase::Ended | Phase::Waiting)
            || self.is_of_another_boot()
        {
            return None;
        }
        self.child.filter(|child| child.is_alive())
    }

    /// Returns why nothing of this is this folder's, though it runs: the folder is a copy of another.
    pub(crate) fn belongs_elsewhere(&self) -> Option<String> {
        let original = self.copy_of.as_ref()?;
        let there = Self { copy_of: None, ..self.clone() };
        let process = there.live_child().or(there.live_supervisor())?;
        // As [`crate::StateDirectory`] has it: `processes/SERVICE/NODE`.
        let state = original.ancestors().nth(3).unwrap_or(original);
        Some(format!(
            "its process, pid {}, belongs to the state directory `{}`, which this one is a copy of",
            process.pid,
            state.display()
        ))
    }

    /// Returns the record in a folder together with who of it runs. None: there is none.
    pub(crate) fn see(folder: &Path) -> io::Result<Option<Sight>> {
        loop {
            let Some(record) = Self::read(folder)? else { return Ok(None) };
            if record.copy_of.is_some()
                && record.phase != Phase::Ended
                && record.belongs_elsewhere().is_none()
            {
                // It ended where it belongs to.
                return Ok(None);
            }
            // The child first: a supervisor that still runs after that has yet to write that its child ended.
            let child = record.live_child();
            let supervisor = record.live_supervisor();
            let settled = supervisor.is_some() || record.phase == Phase::Ended;
            // The supervisor ended before now, so its last word is there by now.
            if settled || Self::read(folder)?.as_ref() == Some(&record) {
                return Ok(Some(Sight { record, child, supervisor }));
            }
        }
    }
}

/// A record and who of it runs, all seen at one time.
#[derive(Debug)]
pub(crate) struct Sight {
    pub(crate) record: Record,
    /// The process, if it runs.
    pub(crate) child: Option<ProcessKey>,
    /// The supervisor, if it runs.
    pub(crate) supervisor: Option<ProcessKey>,
}

impl Sight {
    /// Returns whether anything of it runs.
    pub(crate) fn is_live(&self) -> bool {
        self.supervisor.is_some() || self.child.is_some()
    }

    /// Returns whether the supervisor is just executing the program, or has yet to write that it ended.
    pub(crate) fn is_passing(&self) -> bool {
        let is_passing = match self.record.phase {
            Phase::Starting => true,
            Phase::Running => self.child.is_none(),
            Phase::Waiting | Phase::Stopping | Phase::Ended => false,
        };
        is_passing && self.supervisor.is_some()
    }

    /// Returns the status that this means.
    pub(crate) fn status(&self, folder: &Path) -> ProcessStatus {
        let Self { record, child, supervisor } = self;
        let mut status = absent(folder);
        status.error = record.belongs_elsewhere();
        if status.error.is_some() {
            return status;
        }
        status.operation = Some(record.operation.clone());
        status.restarts = record.restarts;
        status.exit_code = record.exit_code;
        status.signal = record.signal;
        status.error.clone_from(&record.error);
        if let Some(child) = child {
            status.pid = Some(child.pid);
            status.start_ticks = Some(child.start_ticks);
        }
        status.state = if record.phase == Phase::Ended {
            if record.error.is_none() && (record.asked || record.exit_code == Some(0)) {
                ProcessState::Stopped
            } else {
                ProcessState::Failed
            }
        } else if self.is_live() {
            ProcessState::Running
        } else {
            ProcessState::Failed
        };
        if record.phase != Phase::Ended && supervisor.is_none() {
            if child.is_some() {
                status.supervisor = NOBODY.to_owned();
                status.error = Some(
                    "its supervisor was ended by somebody: when it ends, nothing starts it again".to_owned(),
                );
            } else if record.is_of_another_boot() {
                status.error = Some("the machine was started again since".to_owned());
            } else {
                status.error = Some("it ended while nobody supervised it".to_owned());
            }
        }
        status
    }
}

/// Returns whether a folder is another one than that which its record was written for, and that one is still there. One that was
/// moved, or is seen under another name, is no copy.
fn is_copy(original: &Path, folder: &Path) -> bool {
    let identity = |path| fs::metadata(path).map(|folder| (folder.dev(), folder.ino()));
    original != folder
        && match (identity(original), identity(folder)) {
            (Ok(original), Ok(folder)) => original != folder,
            (Err(error), _) => {
                !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
            }
            (_, Err(_)) => false,
        }
}

/// Returns the status of a process that nothing is known of.
pub(crate) fn absent(folder: &Path) -> ProcessStatus {
    ProcessStatus {
        state: ProcessState::Absent,
        pid: None,
        start_ticks: None,
        exit_code: None,
        signal: None,
        restarts: 0,
        operation: None,
        supervisor: "khutulun".to_owned(),
        name: folder.join("pid").display().to_string(),
        log_files: vec![folder.join("stdout.log"), folder.join("stderr.log")],
        error: None,
    }
}

/// Reads what an ended script left in `result.json`. None: there is none.
pub(crate) fn read_result(folder: &Path) -> io::Result<Option<Outcome>> {
    read_json(&folder.join("result.json"))
}

/// Reads a file of JSON. None: it is not there.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    let bytes = match files::read_bounded(path, RECORD_BYTES_MAX) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
        Ok(None) => return Err(io::Error::new(io::ErrorKind::FileTooLarge, "too large")),
        Ok(Some(bytes)) => bytes,
    };
    serde_json::from_slice(&bytes).map(Some).map_err(io::Error::from)
}

/// Replaces a file of JSON.
pub(crate) fn write_json<T: Serialize>(path: &Path, value: &T, durability: Durability) -> io::Result<()> {
    files::write_whole(path, &serde_json::to_vec(value)?, 0o600, durability)
}
