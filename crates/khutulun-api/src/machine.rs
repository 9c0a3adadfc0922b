//! What a driver may ask of a machine, once it was granted.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{Operation, names};

/// A program to run to its end. No shell is involved.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandRequest {
    /// The program: a name looked up in `PATH`, or an absolute path.
    pub program: String,
    /// Its arguments, one by one.
    pub arguments: Vec<String>,
    /// Environment variables added to the machine's own.
    pub environment: BTreeMap<String, String>,
    /// The working directory. None: the state directory.
    pub directory: Option<PathBuf>,
    /// What it reads on standard input.
    pub input: Vec<u8>,
    /// How long it may take, in milliseconds; then it and its children are killed.
    pub timeout_ms: u64,
    /// How much of each output is kept, in bytes; the rest is read and dropped.
    pub output_bytes_max: usize,
}

/// How a program ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandResult {
    /// The exit code; None if a signal ended it.
    pub exit_code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// What it wrote on standard output.
    pub stdout: Vec<u8>,
    /// What it wrote on standard error.
    pub stderr: Vec<u8>,
}

/// A request to an HTTP server that listens on a unix socket.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpRequest {
    /// The socket.
    pub socket: PathBuf,
    /// The method, such as `GET`.
    pub method: String,
    /// The path with its query, such as `/v1.41/info`.
    pub path: String,
    /// Headers by name.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// How long it may take, in milliseconds.
    pub timeout_ms: u64,
    /// The largest body that is taken, in bytes; a larger one is an error.
    pub body_bytes_max: usize,
}

/// What an HTTP server answered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpResponse {
    /// The status, such as 200.
    pub status: u16,
    /// Headers by name.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// Which process a machine supervises: `service` and `node` make its name, and the folder of its files.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ProcessIdentity {
    /// The service.
    pub service: String,
    /// The node.
    pub node: String,
}

/// When a process that ended is started again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RestartPolicy {
    /// Never.
    #[default]
    Never,
    /// When it ended with a code other than 0, or by a signal that nobody asked for.
    OnFailure,
    /// Whenever it ended and nobody asked for it.
    Always,
}

/// A process to start and keep.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessSpec {
    /// Its identity.
    pub identity: ProcessIdentity,
    /// The id of the operation that starts it; a second start with the same id does nothing.
    pub operation: String,
    /// The program and its arguments; no shell is involved.
    pub command: Vec<String>,
    /// Environment variables added to the machine's own.
    pub environment: BTreeMap<String, String>,
    /// The working directory. None: a folder of the process's own in the state directory.
    pub directory: Option<PathBuf>,
    /// The user to run as, by name or number. None: whoever runs khutulun.
    pub user: Option<String>,
    /// When it is started again.
    pub restart: RestartPolicy,
    /// How often it may be started again within a minute, before it counts as failed.
    pub restarts_max: u32,
    /// How long it waits before it is started again, in milliseconds; doubles up to a minute.
    pub restart_delay_ms: u64,
    /// The signal that asks it to end, such as `TERM`.
    pub stop_signal: String,
    /// How long it has after that signal, in milliseconds, before it is killed.
    pub stop_grace_ms: u64,
}

/// Whether a process is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProcessState {
    /// It runs, or waits to be started again.
    Running,
    /// It ended with code 0, or because it was asked to.
    Stopped,
    /// It ended otherwise, or could not be started.
    Failed,
    /// Nothing is known of it.
    Absent,
}

/// What is known of a supervised process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessStatus {
    /// Whether it is there.
    pub state: ProcessState,
    /// The process, while it runs.
    pub pid: Option<u32>,
    /// When that process started, in clock ticks since the machine's boot: with the pid it names one process for ever.
    pub start_ticks: Option<u64>,
    /// The exit code of its last end.
    pub exit_code: Option<i32>,
    /// The signal of its last end.
    pub signal: Option<i32>,
    /// How often it was started again.
    pub restarts: u32,
    /// The operation that started it.
    pub operation: Option<String>,
    /// Who supervises it: `khutulun` or `systemd`; `nobody` where it runs, and its supervisor was ended by somebody.
    pub supervisor: String,
    /// The name that everyday tools know it by: the unit's name, or the pid file's path.
    pub name: String,
    /// The files that its output goes to.
    pub log_files: Vec<PathBuf>,
    /// Why it could not be started, or what else is wrong with it.
    pub error: Option<String>,
}

impl ProcessStatus {
    /// Returns one of [`names::STATES`].
    pub fn word(&self) -> &'static str {
        match self.state {
            ProcessState::Running if self.supervisor == NOBODY => names::UNSUPERVISED,
            ProcessState::Running => "running",
            ProcessState::Stopped => "stopped",
            ProcessState::Failed => "failed",
            ProcessState::Absent => "absent",
        }
    }
}

/// Who keeps a process that runs, and whose supervisor was ended by somebody.
pub const NOBODY: &str = "nobody";

/// A machine, as drivers see it through the executor that checks their grants. All calls block, for a bounded time.
pub trait Machine: Send + Sync {
    /// Runs a program to its end.
    fn run_command(&self, request: &CommandRequest) -> Result<CommandResult, MachineError>;

    /// Reads a file, of at most `bytes_max` bytes.
    fn read_file(&self, path: &std::path::Path, bytes_max: usize) -> Result<Vec<u8>, MachineError>;

    /// Writes a file whole or not at all, making folders as needed.
    fn write_file(&self, path: &std::path::Path, content: &[u8], mode: u32) -> Result<(), MachineError>;

    /// Removes a file; one that is not there is fine.
    fn remove_file(&self, path: &std::path::Path) -> Result<(), MachineError>;

    /// Calls an HTTP server on a unix socket.
    fn http(&self, request: &HttpRequest) -> Result<HttpResponse, MachineError>;

    /// Starts a process and keeps it after this program ended. Returns once it was executed, or could not be. A live one of
    /// the same identity is an error, unless the same operation started it, or nobody keeps it and it is what would be started:
    /// then it is kept from now on, as it is.
    fn start_process(&self, spec: &ProcessSpec) -> Result<ProcessStatus, MachineError>;

    /// Looks at a process.
    fn process_status(&self, identity: &ProcessIdentity) -> Result<ProcessStatus, MachineError>;

    /// Asks a process to end, and kills it after its grace. One that is not there is fine.
    fn stop_process(&self, identity: &ProcessIdentity) -> Result<ProcessStatus, MachineError>;

    /// Forgets a process that ended, and removes its files. One that is not there is fine.
    fn remove_process(&self, identity: &ProcessIdentity) -> Result<(), MachineError>;

    /// Returns the local path of an artifact of a service, by its digest (see [`floria::Artifact`]).
    fn artifact(&self, digest: &str) -> Result<PathBuf, MachineError>;

    /// Returns this machine as one operation may use it: it does nothing any more once a later [`Operation::epoch`] of the same
    /// service was seen. None: this machine does not look at epochs.
    fn bound_to(&self, operation: &Operation) -> Option<Arc<dyn Machine>> {
        let _ = operation;
        None
    }
}

/// Why a machine did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum MachineError {
    /// It is not there: a program, a file, a socket.
    #[error("{what} was not found")]
    NotFound {
        /// What.
        what: String,
    },
    /// It took too long; what it started was ended.
    #[error("{what} took longer than {timeout_ms} ms")]
    TimedOut {
        /// What.
        what: String,
        /// The limit.
        timeout_ms: u64,
    },
    /// It is more than the limit allows.
    #[error("{what} is larger than {limit} bytes")]
    TooLarge {
        /// What.
        what: String,
        /// The limit.
        limit: usize,
    },
    /// The request makes no sense, or goes against what is there.
    #[error("{0}")]
    Refused(String),
    /// The operating system said no.
    #[error("failed to {attempt}")]
    System {
        /// What was tried.
        attempt: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}
