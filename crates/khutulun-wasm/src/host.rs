//! What a plugin can ask for: each request is counted, checked against the grant, bounded, and done by the machine.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use khutulun_api::{
    CommandRequest, HttpRequest, Machine, MachineError, Operation, ProcessIdentity, ProcessSpec,
    ProcessState, ProcessStatus, RestartPolicy,
};
use wasmtime::ResourceLimiter;

use crate::{
    Access, Grant, Limits, LogLevel, Report, Reports,
    bindings::khutulun::plugin::{commands, errors, files, http, log, processes, values},
    error::sentence,
    paths::{self, Use},
    report::clean,
};

/// How many denials are remembered of a call; a plugin that goes on asking is known by then.
const DENIALS_MAX: usize = 32;

/// How much of a denied request is quoted, in bytes.
const DENIAL_BYTES_MAX: usize = 300;

/// The host's side of one call.
pub(crate) struct State {
    pub(crate) machine: Arc<dyn Machine>,
    pub(crate) limits: Arc<Limits>,
    pub(crate) reports: Arc<dyn Reports>,
    /// What runs; None while a plugin only says what it is.
    pub(crate) operation: Option<Arc<Operation>>,
    /// What the plugin asks for, and what it is allowed: a request must be covered by each. None: by nothing.
    pub(crate) grants: Vec<Arc<Grant>>,
    /// When the call is stopped.
    pub(crate) deadline: Instant,
    /// How long its thread had computed when the plugin last asked for something. Not the time of the clock: on a busy machine
    /// a plugin waits for its turn, and is not to be blamed for it.
    computed: Duration,
    /// What it was denied.
    pub(crate) denied: Vec<String>,
    requests: u32,
    log_lines: u32,
    memory_bytes: usize,
    artifacts: Vec<PathBuf>,
}

/// Why a call was stopped. A plugin meets it as a trap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    Time,
    Computing { limit_ms: u64 },
    Memory { limit: usize },
    Table { limit: usize },
    Requests { limit: u32 },
}

impl fmt::Display for Stop {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time => write!(formatter, "its time was over"),
            Self::Computing { limit_ms } => {
                write!(formatter, "it computed for more than {limit_ms} ms without asking for anything")
            }
            Self::Memory { limit } => write!(formatter, "it wanted more than {limit} bytes of memory"),
            Self::Table { limit } => write!(formatter, "it wanted a table of more than {limit} elements"),
            Self::Requests { limit } => write!(formatter, "it made more than {limit} requests"),
        }
    }
}

impl std::error::Error for Stop {}

impl State {
    pub(crate) fn new(
        machine: Arc<dyn Machine>,
        limits: Arc<Limits>,
        reports: Arc<dyn Reports>,
        operation: Option<Arc<Operation>>,
        grants: Vec<Arc<Grant>>,
        deadline: Instant,
    ) -> Self {
        Self {
            machine,
            limits,
            reports,
            operation,
            grants,
            deadline,
            computed: computed(),
            denied: Vec::new(),
            requests: 0,
            log_lines: 0,
            memory_bytes: 0,
            artifacts: Vec::new(),
        }
    }

    /// Returns why the call has to stop now, if it has to.
    pub(crate) fn stop(&self) -> Option<Stop> {
        let limit_ms = self.limits.computing_ms_max;
        if Instant::now() >= self.deadline {
            Some(Stop::Time)
        } else if computed().saturating_sub(self.computed) > Duration::from_millis(limit_ms) {
            Some(Stop::Computing { limit_ms })
        } else {
            None
        }
    }

    /// Counts a request, does it, and lets the plugin's time to compute begin anew.
    fn request<T>(
        &mut self,
        ask: impl FnOnce(&mut Self) -> Result<T, errors::Error>,
    ) -> wasmtime::Result<Result<T, errors::Error>> {
        self.requests = self.requests.saturating_add(1);
        if self.requests > self.limits.requests_max {
            return Err(Stop::Requests { limit: self.limits.requests_max }.into());
        }
        if Instant::now() >= self.deadline {
            return Err(Stop::Time.into());
        }
        let answer = ask(self);
        self.computed = computed();
        Ok(answer)
    }

    /// Returns how long a request may take, in milliseconds: what was asked for, or all that is left.
    fn bounded_ms(&self, asked_ms: u64) -> u64 {
        let left = self.deadline.saturating_duration_since(Instant::now()).as_millis();
        let left = u64::try_from(left).unwrap_or(u64::MAX).max(1);
        if asked_ms == 0 { left } else { asked_ms.min(left) }
    }

    fn granted(&self, covers: impl Fn(&Grant) -> bool) -> bool {
        !self.grants.is_empty() && self.grants.iter().all(|grant| covers(grant))
    }

    fn deny(&mut self, what: &str) -> errors::Error {
        let what = clean(what, DENIAL_BYTES_MAX);
        if self.denied.len() < DENIALS_MAX && !self.denied.contains(&what) {
            if let Some(operation) = &self.operation {
                self.reports.report(operation, &Report::Denied(what.clone()));
            }
            self.denied.push(what.clone());
        }
        errors::Error::Denied(format!("{what} is not granted"))
    }

    /// Returns where a path leads, if it may be used so.
    fn path(&mut self, path: &str, used: Use, access: Access, verb: &str) -> Result<PathBuf, errors::Error> {
        let resolved = paths::resolve(Path::new(path), used);
        let granted = resolved.filter(|resolved| {
            access == Access::Read && self.artifacts.contains(resolved)
                || self.granted(|grant| paths::covers_path(grant, resolved, access))
        });
        granted.ok_or_else(|| self.deny(&format!("{verb} `{path}`")))
    }

    /// Returns the identity of the process that the running operation is about, if the plugin may keep processes.
    fn process(&mut self) -> Result<(ProcessIdentity, String), errors::Error> {
        let operation = self.operation.clone().filter(|_| self.granted(|grant| grant.processes));
        let operation = operation.ok_or_else(|| self.deny("keeping a process"))?;
        let subject = &operation.subject;
        let identity = ProcessIdentity { service: subject.service.clone(), node: subject.node.clone() };
        Ok((identity, operation.id.to_string()))
    }
}

impl ResourceLimiter for State {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        // Over all memories: a component may have several.
        let wanted = self.memory_bytes.saturating_add(desired.saturating_sub(current));
        if wanted > self.limits.memory_bytes_max {
            return Err(Stop::Memory { limit: self.limits.memory_bytes_max }.into());
        }
        self.memory_bytes = wanted;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if desired > self.limits.table_elements_max {
            return Err(Stop::Table { limit: self.limits.table_elements_max }.into());
        }
        Ok(true)
    }

    fn instances(&self) -> usize {
        crate::engine::CORE_INSTANCES_MAX as usize
    }

    fn tables(&self) -> usize {
        crate::engine::TABLES_MAX as usize
    }

    fn memories(&self) -> usize {
        crate::engine::MEMORIES_MAX as usize
    }
}

/// Returns how long this thread has computed. A call runs on one thread from its start to its end.
fn computed() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

fn error(error: MachineError) -> errors::Error {
    let text = sentence(&error);
    match error {
        MachineError::NotFound { .. } => errors::Error::NotFound(text),
        MachineError::TimedOut { .. } => errors::Error::TimedOut(text),
        MachineError::TooLarge { .. } => errors::Error::TooLarge(text),
        MachineError::Refused(_) => errors::Error::Refused(text),
        MachineError::System { .. } => errors::Error::System(text),
    }
}

impl values::Host for State {}

impl errors::Host for State {}

impl log::Host for State {
    fn write(&mut self, level: log::Level, message: String) -> wasmtime::Result<()> {
        self.log_lines = self.log_lines.saturating_add(1);
        let Some(operation) = &self.operation else { return Ok(()) };
        let report = match self.log_lines.cmp(&(self.limits.log_lines_max + 1)) {
            std::cmp::Ordering::Less => Report::Log {
                level: match level {
                    log::Level::Debug => LogLevel::Debug,
                    log::Level::Info => LogLevel::Info,
                    log::Level::Warning => LogLevel::Warning,
                    log::Level::Error => LogLevel::Error,
                },
                message: clean(&message, self.limits.log_line_bytes_max),
            },
            std::cmp::Ordering::Equal => Report::Log {
                level: LogLevel::Warning,
                message: format!("more than {} lines: the rest is dropped", self.limits.log_lines_max),
            },
            // A plugin that does nothing but log still computes, and is stopped for it.
            std::cmp::Ordering::Greater => return Ok(()),
        };
        self.reports.report(operation, &report);
        Ok(())
    }
}

impl commands::Host for State {
    fn run(
        &mut self,
        request: commands::Request,
    ) -> wasmtime::Result<Result<commands::Response, errors::Error>> {
        self.request(|state| {
            let names = request.environment.iter().map(|(name, _)| name.as_str());
            if !state
                .granted(|grant| grant.covers_command(&request.program, &request.arguments, names.clone()))
            {
                let mut what = format!("running `{}", request.program);
                for argument in &request.arguments {
                    what.push(' ');
                    what.push_str(argument);
                    if what.len() > DENIAL_BYTES_MAX {
                        break;
                    }
                }
                what.push('`');
                if !request.environment.is_empty() {
                    what.push_str(" with environment variables");
                }
                return Err(state.deny(&what));
            }
            let result = state.machine.run_command(&CommandRequest {
                program: request.program,
                arguments: request.arguments,
                environment: request.environment.into_iter().collect(),
                directory: None,
                input: request.input,
                timeout_ms: state.bounded_ms(request.timeout_ms),
                output_bytes_max: state.limits.response_bytes_max,
            });
            let result = result.map_err(error)?;
            Ok(commands::Response {
                exit_code: result.exit_code,
                signal: result.signal,
                stdout: result.stdout,
                stderr: result.stderr,
            })
        })
    }
}

impl files::Host for State {
    fn read(&mut self, path: String) -> wasmtime::Result<Result<Vec<u8>, errors::Error>> {
        self.request(|state| {
            let resolved = state.path(&path, Use::Read, Access::Read, "reading")?;
            state.machine.read_file(&resolved, state.limits.response_bytes_max).map_err(error)
        })
    }

    fn write(
        &mut self,
        path: String,
        content: Vec<u8>,
        mode: u32,
    ) -> wasmtime::Result<Result<(), errors::Error>> {
        self.request(|state| {
            let resolved = state.path(&path, Use::Replace, Access::Write, "writing")?;
            if mode > 0o777 {
                // Beyond the permission bits lie those that make a program run as its owner.
                return Err(errors::Error::Refused(format!("mode {mode:o} is more than permission bits")));
            }
            state.machine.write_file(&resolved, &content, mode).map_err(error)
        })
    }

    fn remove(&mut self, path: String) -> wasmtime::Result<Result<(), errors::Error>> {
        self.request(|state| {
            let resolved = state.path(&path, Use::Replace, Access::Write, "removing")?;
            state.machine.remove_file(&resolved).map_err(error)
        })
    }

    fn artifact(&mut self, digest: String) -> wasmtime::Result<Result<String, errors::Error>> {
        self.request(|state| {
            if !state.granted(|grant| grant.artifacts) {
                return Err(state.deny(&format!("finding artifact `{digest}`")));
            }
            if digest.len() != 64 || !digest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
                return Err(errors::Error::Refused(format!("`{}` is not a digest", clean(&digest, 80))));
            }
            let path = state.machine.artifact(&digest).map_err(error)?;
            if let Some(resolved) = paths::resolve(&path, Use::Read) {
                state.artifacts.push(resolved);
            }
            let text = path.into_os_string().into_string();
            text.map_err(|path| errors::Error::System(format!("path {} is not UTF-8", path.display())))
        })
    }
}

impl http::Host for State {
    fn call(&mut self, request: http::Request) -> wasmtime::Result<Result<http::Response, errors::Error>> {
        self.request(|state| {
            let resolved = paths::resolve(Path::new(&request.socket), Use::Read);
            let granted =
                resolved.filter(|socket| state.granted(|grant| paths::covers_socket(grant, socket)));
            let socket = granted.ok_or_else(|| state.deny(&format!("talking to `{}`", request.socket)))?;
            let response = state.machine.http(&HttpRequest {
                socket,
                method: request.method,
                path: request.path,
                headers: request.headers,
                body: request.body,
                timeout_ms: state.bounded_ms(request.timeout_ms),
                body_bytes_max: state.limits.response_bytes_max,
            });
            let response = response.map_err(error)?;
            Ok(http::Response { status: response.status, headers: response.headers, body: response.body })
        })
    }
}

impl processes::Host for State {
    fn start(&mut self, spec: processes::Spec) -> wasmtime::Result<Result<processes::Status, errors::Error>> {
        self.request(|state| {
            let (identity, operation) = state.process()?;
            let started = state.machine.start_process(&ProcessSpec {
                identity,
                operation,
                command: spec.command,
                environment: spec.environment.into_iter().collect(),
                directory: spec.directory.map(PathBuf::from),
                user: spec.user,
                restart: match spec.restart {
                    processes::RestartPolicy::Never => RestartPolicy::Never,
                    processes::RestartPolicy::OnFailure => RestartPolicy::OnFailure,
                    processes::RestartPolicy::Always => RestartPolicy::Always,
                },
                restarts_max: spec.restarts_max,
                restart_delay_ms: spec.restart_delay_ms,
                stop_signal: spec.stop_signal,
                stop_grace_ms: spec.stop_grace_ms,
            });
            started.map(status).map_err(error)
        })
    }

    fn observe(&mut self) -> wasmtime::Result<Result<processes::Status, errors::Error>> {
        self.request(|state| {
            let (identity, _) = state.process()?;
            state.machine.process_status(&identity).map(status).map_err(error)
        })
    }

    fn stop(&mut self) -> wasmtime::Result<Result<processes::Status, errors::Error>> {
        self.request(|state| {
            let (identity, _) = state.process()?;
            state.machine.stop_process(&identity).map(status).map_err(error)
        })
    }

    fn remove(&mut self) -> wasmtime::Result<Result<(), errors::Error>> {
        self.request(|state| {
            let (identity, _) = state.process()?;
            state.machine.remove_process(&identity).map_err(error)
        })
    }
}

fn status(status: ProcessStatus) -> processes::Status {
    processes::Status {
        state: match status.state {
            ProcessState::Running => processes::State::Running,
            ProcessState::Stopped => processes::State::Stopped,
            ProcessState::Failed => processes::State::Failed,
            ProcessState::Absent => processes::State::Absent,
        },
        pid: status.pid,
        start_ticks: status.start_ticks,
        exit_code: status.exit_code,
        signal: status.signal,
        restarts: status.restarts,
        supervisor: status.supervisor,
        name: status.name,
        log_files: status.log_files.into_iter().map(|file| file.to_string_lossy().into_owned()).collect(),
        error: status.error,
    }
}
