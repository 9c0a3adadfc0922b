//! Who does operations: scripts on the machine, drivers and plugins in the sandbox.

use std::{collections::BTreeMap, fs, io, path::Path, sync::Arc};

use floria::Implementation;
use khutulun_api::{BoxFuture, Executor, Operation, Outcome, Recovery};
use khutulun_host::{Fenced, LocalMachine, ScriptExecutor, StateDirectory, SupervisorCommand};
use khutulun_wasm::{BuiltIn, Drivers, GrantPolicy, Report, Reports, WasmExecutor};

use crate::{
    error::CliError,
    exit::Exit,
    progress::{Event, Progress},
};

/// How large the file of grants may be, in bytes: far above what a person writes.
const GRANTS_BYTES_MAX: u64 = 1 << 20;

/// The file in the state directory that says what plugins may ask for.
const GRANTS: &str = "grants.yaml";

/// Does operations: sends each to whoever can do it, behind the fence. Nothing is begun (no Wasm engine, no thread) before the
/// first operation.
pub(crate) struct Executors(Fenced<Kinds>);

/// Who does what.
struct Kinds {
    scripts: ScriptExecutor,
    components: WasmExecutor,
}

impl Executors {
    /// Composes the executors of a state directory.
    pub(crate) fn new(state: &StateDirectory, progress: &Progress) -> Result<Self, CliError> {
        let machine = LocalMachine::new(state.clone(), supervisor()?);
        let scripts = ScriptExecutor::new(&machine);
        let cache = state.cache().map_err(|error| {
            CliError::new(Exit::Unreachable, "failed to use the state directory")
                .place(state.root().display().to_string())
                .cause(&error)
                .next("free some space or mend its permissions, then run the command again")
        })?;
        let components = WasmExecutor::new(Arc::new(machine), drivers())
            .with_cache(cache.join("components"))
            .with_policy(grants(state.root())?)
            .with_reports(Arc::new(Notes(progress.clone())));
        Ok(Self(Fenced::new(state.clone(), Kinds { scripts, components })))
    }
}

impl Kinds {
    fn of(&self, operation: &Operation) -> &dyn Executor {
        match operation.implementation {
            Implementation::Script { .. } => &self.scripts,
            Implementation::Driver(_) | Implementation::Plugin(_) => &self.components,
        }
    }
}

impl Executor for Executors {
    fn execute<'a>(&'a self, operation: &'a Operation) -> BoxFuture<'a, Outcome> {
        self.0.execute(operation)
    }

    fn recover<'a>(&'a self, operation: &'a Operation) -> BoxFuture<'a, Recovery> {
        self.0.recover(operation)
    }
}

impl Executor for Kinds {
    fn execute<'a>(&'a self, operation: &'a Operation) -> BoxFuture<'a, Outcome> {
        self.of(operation).execute(operation)
    }

    fn recover<'a>(&'a self, operation: &'a Operation) -> BoxFuture<'a, Recovery> {
        self.of(operation).recover(operation)
    }
}

/// The drivers that are part of the program.
pub(crate) fn drivers() -> Drivers {
    let drivers = khutulun_drivers::drivers().iter();
    drivers.map(|driver| BuiltIn { name: driver.name, bytes: driver.bytes, digest: driver.digest }).collect()
}

/// The names and digests of the drivers that are part of the program.
pub(crate) fn digests() -> impl Iterator<Item = (&'static str, &'static str)> {
    khutulun_drivers::drivers().iter().map(|driver| (driver.name, driver.digest))
}

/// The same, for an engine.
pub(crate) fn digests_for_engine() -> BTreeMap<String, String> {
    digests().map(|(name, digest)| (name.to_owned(), digest.to_owned())).collect()
}

/// The program that supervises processes: this one.
pub(crate) fn supervisor() -> Result<SupervisorCommand, CliError> {
    let program = std::env::current_exe().map_err(|error| {
        CliError::new(Exit::Failed, "failed to find khutulun's own program")
            .place("/proc/self/exe")
            .cause(&error)
            .next("run khutulun from a place that it can read")
    })?;
    Ok(SupervisorCommand::new(program, [SUPERVISE]))
}

/// The word that makes this program a supervisor.
pub(crate) const SUPERVISE: &str = "supervise";

/// Reads what the operator allows to plugins: by digest or name. Without the file, nothing.
fn grants(state: &Path) -> Result<GrantPolicy, CliError> {
    let path = state.join(GRANTS);
    let failed = |why: String| {
        CliError::new(Exit::Denied, "failed to read what plugins are granted")
            .place(path.display().to_string())
            .why(why)
            .next("mend the file, or remove it: without it, plugins are granted nothing")
    };
    let size = match fs::metadata(&path) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(GrantPolicy::new()),
        Err(error) => return Err(failed(error.to_string())),
    };
    if size > GRANTS_BYTES_MAX {
        return Err(failed(format!("it is larger than {GRANTS_BYTES_MAX} bytes")));
    }
    let text = fs::read_to_string(&path).map_err(|error| failed(error.to_string()))?;
    if text.trim().is_empty() {
        return Ok(GrantPolicy::new());
    }
    serde_yaml::from_str(&text).map_err(|error| failed(error.to_string()))
}

/// Shows what plugins say and what they were denied as notes.
struct Notes(Progress);

impl Reports for Notes {
    fn report(&self, operation: &Operation, report: &Report) {
        use khutulun_wasm::LogLevel;
        let subject = &operation.subject.node;
        let text = match report {
            Report::Log { level: LogLevel::Debug | LogLevel::Info, .. } => return,
            Report::Log { message, .. } => format!("{subject}: {message}"),
            Report::Denied(what) => format!("{subject}: denied {what}"),
        };
        self.0.show(Event::Note(text));
    }
}
