//! A machine that does nothing but remember, and operations on it.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use floria::{Artifact, Implementation, Value, VertexId};
use khutulun_api::{
    CommandRequest, CommandResult, Failure, HttpRequest, HttpResponse, Machine, MachineError, Operation,
    OperationId, Outcome, ProcessIdentity, ProcessSpec, ProcessState, ProcessStatus, RunId, Subject,
};
use khutulun_wasm::{Report, Reports, WasmExecutor};

/// The component that misbehaves.
pub(crate) const HOSTILE: &[u8] = include_bytes!("../guests/hostile.wasm");

/// Remembers what it was asked for. Artifacts lie in a folder, by digest.
pub(crate) struct Double {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) asked: Mutex<Vec<String>>,
    /// How long each look at a process takes.
    pub(crate) observing: Duration,
}

impl Double {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), asked: Mutex::default(), observing: Duration::ZERO }
    }

    fn remember(&self, what: String) {
        self.asked.lock().unwrap().push(what);
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Machine for Double {
    fn run_command(&self, request: &CommandRequest) -> Result<CommandResult, MachineError> {
        self.remember(format!("run {} {}", request.program, request.arguments.join(" ")));
        assert!(request.timeout_ms > 0);
        Ok(CommandResult { exit_code: Some(0), ..CommandResult::default() })
    }

    fn read_file(&self, path: &Path, _bytes_max: usize) -> Result<Vec<u8>, MachineError> {
        self.remember(format!("read {}", path.display()));
        Ok(b"content".to_vec())
    }

    fn write_file(&self, path: &Path, _content: &[u8], _mode: u32) -> Result<(), MachineError> {
        self.remember(format!("write {}", path.display()));
        Ok(())
    }

    fn remove_file(&self, path: &Path) -> Result<(), MachineError> {
        self.remember(format!("remove {}", path.display()));
        Ok(())
    }

    fn http(&self, request: &HttpRequest) -> Result<HttpResponse, MachineError> {
        self.remember(format!("{} {}", request.method, request.socket.display()));
        Ok(HttpResponse::default())
    }

    fn start_process(&self, _spec: &ProcessSpec) -> Result<ProcessStatus, MachineError> {
        Err(MachineError::Refused("not here".into()))
    }

    fn process_status(&self, identity: &ProcessIdentity) -> Result<ProcessStatus, MachineError> {
        self.remember(format!("observe {}/{}", identity.service, identity.node));
        std::thread::sleep(self.observing);
        Ok(ProcessStatus {
            state: ProcessState::Absent,
            pid: None,
            start_ticks: None,
            exit_code: None,
            signal: None,
            restarts: 0,
            operation: None,
            supervisor: "khutulun".into(),
            name: String::new(),
            log_files: Vec::new(),
            error: None,
        })
    }

    fn stop_process(&self, _identity: &ProcessIdentity) -> Result<ProcessStatus, MachineError> {
        Err(MachineError::Refused("not here".into()))
    }

    fn remove_process(&self, _identity: &ProcessIdentity) -> Result<(), MachineError> {
        Err(MachineError::Refused("not here".into()))
    }

    fn artifact(&self, digest: &str) -> Result<PathBuf, MachineError> {
        let path = self.folder.path().join(digest);
        if path.exists() {
            Ok(path)
        } else {
            Err(MachineError::NotFound { what: format!("artifact {digest}") })
        }
    }
}

/// Remembers reports, each as a line.
#[derive(Default)]
pub(crate) struct Heard(Mutex<Vec<String>>);

impl Reports for Heard {
    fn report(&self, operation: &Operation, report: &Report) {
        let line = match report {
            Report::Log { level, message } => format!("{} {level:?}: {message}", operation.subject.node),
            Report::Denied(what) => format!("{} denied: {what}", operation.subject.node),
        };
        self.0.lock().unwrap().push(line);
    }
}

impl Heard {
    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// Puts a component among the artifacts of a machine, and returns how an operation names it.
pub(crate) fn plugin(machine: &Double, component: &[u8]) -> Implementation {
    use sha2::Digest;
    let digest: String = sha2::Sha256::digest(component).iter().map(|byte| format!("{byte:02x}")).collect();
    std::fs::write(machine.folder.path().join(&digest), component).unwrap();
    Implementation::Plugin(Artifact { path: "plugins/hostile.wasm".into(), digest })
}

pub(crate) fn operation(implementation: &Implementation, event: &str, inputs: &[(&str, &str)]) -> Operation {
    Operation {
        id: OperationId { run: RunId(1), step: 2, attempt: 1 },
        subject: Subject {
            service: "shop".into(),
            node: "web".into(),
            vertex: VertexId(7),
            relationship: None,
            origin: None,
        },
        event: event.into(),
        implementation: implementation.clone(),
        inputs: inputs.iter().map(|&(name, value)| (name.to_owned(), Value::from(value))).collect(),
        context: Value::Map(BTreeMap::new()),
        // Compiling is a part of it, and takes long without optimization on a busy machine.
        timeout_ms: 600_000,
        epoch: 0,
        repeatable: false,
    }
}

/// A machine with the hostile plugin on it.
pub(crate) fn hostile() -> (Arc<Double>, Implementation) {
    let machine = Arc::new(Double::new());
    let implementation = plugin(&machine, HOSTILE);
    (machine, implementation)
}

/// Runs an event that succeeds.
pub(crate) fn outputs(
    executor: &WasmExecutor,
    implementation: &Implementation,
    event: &str,
    inputs: &[(&str, &str)],
) -> BTreeMap<String, Value> {
    match executor.execute_here(&operation(implementation, event, inputs)) {
        Outcome::Succeeded(outputs) => outputs,
        Outcome::Failed(failure) => panic!("{event}: {failure:?}"),
    }
}

/// Runs an event that fails.
pub(crate) fn failure(executor: &WasmExecutor, implementation: &Implementation, event: &str) -> Failure {
    match executor.execute_here(&operation(implementation, event, &[])) {
        Outcome::Succeeded(outputs) => panic!("{event}: {outputs:?}"),
        Outcome::Failed(failure) => failure,
    }
}
