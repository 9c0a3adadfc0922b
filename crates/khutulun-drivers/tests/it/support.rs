//! A node whose operations run through the embedded drivers on this machine.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use floria::{Implementation, Value, VertexId};
use khutulun_api::{
    CommandRequest, CommandResult, Failure, HttpRequest, HttpResponse, Machine, MachineError, Operation,
    OperationId, Outcome, ProcessIdentity, ProcessSpec, ProcessStatus, RunId, Subject,
};
use khutulun_host::{LocalMachine, StateDirectory, SupervisorCommand};
use khutulun_wasm::{BuiltIn, WasmExecutor};

/// This machine, with environment variables added to every command, and without systemd: tests leave no units.
pub(crate) struct Here {
    pub(crate) machine: LocalMachine,
    environment: BTreeMap<String, String>,
}

/// A node of the service `shop`.
pub(crate) struct Node {
    pub(crate) executor: WasmExecutor,
    pub(crate) driver: &'static str,
    pub(crate) node: &'static str,
    pub(crate) context: Value,
    pub(crate) step: std::cell::Cell<u32>,
}

/// Returns this machine with a state directory in a folder.
pub(crate) fn here(folder: &tempfile::TempDir, environment: BTreeMap<String, String>) -> Here {
    let state = StateDirectory::open(folder.path().join("state")).unwrap();
    // Cargo builds the examples of a package together with its tests.
    let tests = std::env::current_exe().unwrap();
    let supervisor = tests.ancestors().nth(2).unwrap().join("examples/supervisor");
    assert!(
        supervisor.exists(),
        "`{}` is missing: run `cargo test -p khutulun-drivers`",
        supervisor.display()
    );
    let supervisor = SupervisorCommand::new(supervisor, ["supervise"]);
    Here { machine: LocalMachine::with_systemd(state, supervisor, None), environment }
}

impl Here {
    pub(crate) fn node(self, driver: &'static str, node: &'static str, context: Value) -> Node {
        let drivers = khutulun_drivers::drivers().iter();
        let drivers =
            drivers.map(|driver| BuiltIn { name: driver.name, bytes: driver.bytes, digest: driver.digest });
        let executor = WasmExecutor::new(Arc::new(self), drivers.collect());
        Node { executor, driver, node, context, step: 0.into() }
    }
}

impl Node {
    /// Runs an operation of the lifecycle, as a new step.
    pub(crate) fn run(&self, event: &str) -> Result<BTreeMap<String, Value>, Failure> {
        self.step.set(self.step.get() + 1);
        self.again(event)
    }

    /// Runs an operation of the lifecycle under the id of the last one.
    pub(crate) fn again(&self, event: &str) -> Result<BTreeMap<String, Value>, Failure> {
        let operation = Operation {
            id: OperationId { run: RunId(1), step: self.step.get(), attempt: 1 },
            subject: Subject {
                service: "shop".into(),
                node: self.node.into(),
                vertex: VertexId(7),
                relationship: None,
                origin: None,
            },
            event: format!("lifecycle.{event}"),
            implementation: Implementation::Driver(self.driver.into()),
            inputs: BTreeMap::new(),
            context: self.context.clone(),
            timeout_ms: 600_000,
            epoch: 0,
            repeatable: false,
        };
        match self.executor.execute_here(&operation) {
            Outcome::Succeeded(outputs) => Ok(outputs),
            Outcome::Failed(failure) => Err(failure),
        }
    }

    /// Runs an operation that succeeds, and returns its output `state`.
    pub(crate) fn state(&self, event: &str) -> String {
        self.run(event).unwrap_or_else(|failure| panic!("{event}: {failure:?}"))["state"].to_string()
    }
}

impl Machine for Here {
    fn run_command(&self, request: &CommandRequest) -> Result<CommandResult, MachineError> {
        let mut request = request.clone();
        request.environment.extend(self.environment.clone());
        self.machine.run_command(&request)
    }

    fn read_file(&self, path: &std::path::Path, bytes_max: usize) -> Result<Vec<u8>, MachineError> {
        self.machine.read_file(path, bytes_max)
    }

    fn write_file(&self, path: &std::path::Path, content: &[u8], mode: u32) -> Result<(), MachineError> {
        self.machine.write_file(path, content, mode)
    }

    fn remove_file(&self, path: &std::path::Path) -> Result<(), MachineError> {
        self.machine.remove_file(path)
    }

    fn http(&self, request: &HttpRequest) -> Result<HttpResponse, MachineError> {
        self.machine.http(request)
    }

    fn start_process(&self, spec: &ProcessSpec) -> Result<ProcessStatus, MachineError> {
        self.machine.start_process(spec)
    }

    fn process_status(&self, identity: &ProcessIdentity) -> Result<ProcessStatus, MachineError> {
        self.machine.process_status(identity)
    }

    fn stop_process(&self, identity: &ProcessIdentity) -> Result<ProcessStatus, MachineError> {
        self.machine.stop_process(identity)
    }

    fn remove_process(&self, identity: &ProcessIdentity) -> Result<(), MachineError> {
        self.machine.remove_process(identity)
    }

    fn artifact(&self, digest: &str) -> Result<PathBuf, MachineError> {
        self.machine.artifact(digest)
    }
}

/// Waits until something holds, for at most five minutes: a loaded machine needs some.
pub(crate) fn eventually(what: &str, holds: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(300);
    while !holds() {
        assert!(Instant::now() < end, "never: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
