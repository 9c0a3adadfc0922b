//! Scripts as operations.

use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::fd::AsFd as _,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use floria::{Artifact, Implementation, Value};
use khutulun_api::{
    BoxFuture, Executor, Failure, FailureClass, MachineError, Operation, OperationId, Outcome, Recovery,
    describe_error,
};
use rustix::process::Signal;
use serde::Serialize;

use crate::{
    LocalMachine,
    fence::Pass,
    files::{self, system},
    launch::Launcher,
    record::{Answer, Assignment, Record, ScriptAssignment, read_result},
    state::StateDirectory,
    supervised::{end_group, remove_empty_parents},
    supervisor::{
        KILL_WAIT_MS,
        once::{SCRIPT_GRACE_MS, STARTED, mark},
    },
    wait::{self, FolderLock, FolderWatch},
};

/// The longest value of an environment variable, in bytes: Linux refuses a program whose strings have more than 128 KiB each
/// (MAX_ARG_STRLEN), name included. Longer inputs are on standard input only.
const VARIABLE_BYTES_MAX: usize = 120 << 10;

/// How much longer than its time limit a script's supervisor may take, in milliseconds.
const MARGIN_MS: u64 = SCRIPT_GRACE_MS + KILL_WAIT_MS + 5_000;

/// The content of the marker of a script that was not started and never will be.
const FENCED: &str = "never";

/// The content of the marker of a script that was started, ended unseen, and may be run again.
const FREED: &str = "again";

/// Names of inputs that do not become environment variables of the same name, because they would change how programs run.
const RESERVED: [&str; 10] =
    ["PATH", "HOME", "IFS", "ENV", "SHELL", "USER", "LOGNAME", "BASH_ENV", "PYTHONPATH", "PYTHONHOME"];

/// Runs the scripts of a service.
///
/// A script is executed directly when it begins with `#!`, is an ELF program or (last) has its executable bit; otherwise `.sh`
/// is run by `sh` and `.py` by `python3`. It works in the folder that it is in, with its dependencies at their relative paths
/// (`. ../lib.sh` works), in a copy of its own under `operations/<id>/files`. Artifacts that its inputs give the location of
/// (`$get_artifact`) are there too, and the inputs have their paths.
///
/// **It gets** its inputs as environment variables: `KHUTULUN_INPUT_<NAME>` always, with the name in upper case and `_` for
/// everything but letters and digits, and the exact name too where it is an identifier (`PATH` and its like, `LD_*` and
/// `KHUTULUN_*` excepted); text as it is, other values as JSON. On standard input it gets one JSON object with `inputs`,
/// `context` (see [`Operation::context`]), `service`, `node`, `event` and `operation`. Also `KHUTULUN_SERVICE`,
/// `KHUTULUN_NODE`, `KHUTULUN_EVENT`, `KHUTULUN_OPERATION`, `KHUTULUN_FOLDER`.
///
/// **It gives** its outputs as a JSON object in the file `$KHUTULUN_OUTPUTS`, or as the only thing that it prints. Code 0 is
/// success, 75 (EX_TEMPFAIL) a transient failure, any other a permanent one, with the end of what it wrote to standard error as
/// the detail. When its time is over its process group gets TERM and, two seconds later, KILL. What it put into another group
/// or session on purpose lives on.
///
/// **After a crash** of khutulun the script goes on, and [`Executor::recover`] waits for its outcome. It is started at most
/// once for an operation's id: executing it again gives the same outcome.
#[derive(Clone, Debug)]
pub struct ScriptExecutor {
    state: StateDirectory,
    launcher: Arc<Launcher>,
}

impl ScriptExecutor {
    /// Makes an executor that runs scripts on a machine.
    pub fn new(machine: &LocalMachine) -> Self {
        Self { state: machine.state().clone(), launcher: Arc::clone(machine.launcher()) }
    }

    /// Removes the files of an operation, once its outcome is durable elsewhere. None there is fine.
    ///
    /// # Errors
    /// Refuses while the script runs.
    pub fn forget(&self, id: &OperationId) -> Result<(), MachineError> {
        let folder = self.state.operation(id);
        if folder.exists() {
            let attempt = || format!("remove folder `{}`", folder.display());
            let record = Record::read(&folder).map_err(system(attempt()))?;
            let runs = record.is_some_and(|record| record.live_supervisor().is_some())
                && read_result(&folder).map_err(system(attempt()))?.is_none();
            // A supervisor that wrote its result is about to end, as is one that finds that its starter is gone.
            let deadline = Instant::now() + Duration::from_millis(KILL_WAIT_MS);
            let lock =
                if runs { None } else { FolderLock::take(&folder, deadline).map_err(system(attempt()))? };
            if lock.is_none() && folder.exists() {
                return Err(MachineError::Refused(format!("the script of operation {id} still runs")));
            }
            files::remove_folder(&folder).map_err(system(attempt()))?;
        }
        remove_empty_parents(self.state.root(), &folder);
        Ok(())
    }

    fn execute_here(&self, operation: &Operation) -> Outcome {
        match self.run(operation) {
            Ok(outcome) => outcome,
            Err(error) => Outcome::Failed(failure(operation, &error)),
        }
    }

    fn run(&self, operation: &Operation) -> Result<Outcome, MachineError> {
        let Implementation::Script { artifact, dependencies } = &operation.implementation else {
            return Err(MachineError::Refused(format!(
                "operation {} is not implemented by a script",
                operation.id
            )));
        };
        let pass = Pass::of(&self.state, operation)?;
        let assignment = assignment(&self.state, operation, artifact, dependencies, pass)?;
        let assignment = Assignment::Script(Box::new(assignment));
        let folder = self.state.operation(&operation.id);
        self.clear(operation, &folder)?;
        files::make_private_folder(&folder).map_err(system(format!("make folder `{}`", folder.display())))?;
        match self.launcher.launch(&folder, &assignment)? {
            Answer::Started | Answer::Already | Answer::Busy => {}
            other => {
                return Err(other.into_error().unwrap_or_else(|| {
                    MachineError::Refused("the supervisor answered nonsense".to_owned())
                }));
            }
        }
        let outcome = match settle(&folder, operation)? {
            Recovery::Finished(outcome) => outcome,
            Recovery::Unknown(text) => Outcome::Failed(Failure {
                class: FailureClass::UnknownOutcome,
                message: text,
                detail: String::new(),
            }),
            Recovery::NeverStarted => {
                Outcome::Failed(Failure::permanent("the script was cancelled before it started"))
            }
            Recovery::Repeatable => Outcome::Failed(Failure {
                class: FailureClass::Transient,
                message: "the script ended, nobody knows how; it may be run again".to_owned(),
                detail: String::new(),
            }),
        };
        self.launcher.reap();
        Ok(outcome)
    }

    /// Makes room for an operation that was fenced before it began, or may be run again.
    fn clear(&self, operation: &Operation, folder: &Path) -> Result<(), MachineError> {
        let marker = marker(folder).map_err(system(format!("clear folder `{}`", folder.display())))?;
        match marker.as_deref() {
            Some(FENCED | FREED) => self.forget(&operation.id),
            _ => Ok(()),
        }
    }

    fn recover_here(&self, operation: &Operation) -> Recovery {
        let folder = self.state.operation(&operation.id);
        let recovery = files::make_private_folder(&folder)
            .map_err(system(format!("make folder `{}`", folder.display())))
            .and_then(|()| settle(&folder, operation));
        recovery.unwrap_or_else(|error| {
            Recovery::Unknown(format!("the files of the script cannot be read: {}", describe_error(&error)))
        })
    }
}

impl Executor for ScriptExecutor {
    fn execute<'a>(&'a self, operation: &'a Operation) -> BoxFuture<'a, Outcome> {
        let (this, operation) = (self.clone(), operation.clone());
        Box::pin(async move {
            tokio::task::spawn_blocking(move || this.execute_here(&operation)).await.unwrap_or_else(|error| {
                Outcome::Failed(Failure {
                    class: FailureClass::UnknownOutcome,
                    message: format!("waiting for the script failed: {error}"),
                    detail: String::new(),
                })
            })
        })
    }

    fn recover<'a>(&'a self, operation: &'a Operation) -> BoxFuture<'a, Recovery> {
        let (this, operation) = (self.clone(), operation.clone());
        Box::pin(async move {
            tokio::task::spawn_blocking(move || this.recover_here(&operation))
                .await
                .unwrap_or_else(|error| Recovery::Unknown(format!("waiting for the script failed: {error}")))
        })
    }
}

/// Waits until nothing runs in the folder of a script any more and says what became of it. One that was not started never
/// will be: its marker is made here, and whoever comes late finds it.
fn settle(folder: &Path, operation: &Operation) -> Result<Recovery, MachineError> {
    let attempt = || format!("wait for the script in `{}`", folder.display());
    let deadline = Instant::now() + Duration::from_millis(operation.timeout_ms.saturating_add(MARGIN_MS));
    let mut watch = None;
    let lock = loop {
        // The lock is free when its supervisor has ended, and the record says which that is as soon as anything happened.
        let record = Record::read(folder).map_err(system(attempt()))?;
        // What a copy of the folder says is not of this one.
        let record = record.filter(|record| record.copy_of.is_none());
        if let Some(fd) = record.and_then(|record| record.supervisor.open())
            && wait::wait_readable(&[fd.as_fd()], Some(deadline)).map_err(system(attempt()))? == 0
        {
            break None;
        }
        if let Some(lock) = FolderLock::try_take(folder).map_err(system(attempt()))? {
            break Some(lock);
        }
        // One that is just starting will write, or close the lock: both end this wait. What happened before the watch began is
        // seen by looking once more.
        match &watch {
            None => watch = Some(FolderWatch::new(folder).map_err(system(attempt()))?),
            Some(watch) => {
                if !watch.wait(deadline).map_err(system(attempt()))? {
                    break None;
                }
            }
        }
    };
    let result = read_result(folder).map_err(system(attempt()))?;
    if lock.is_none() {
        let silent = || Recovery::Unknown("the script's supervisor did not end in time".to_owned());
        return Ok(result.map_or_else(silent, Recovery::Finished));
    }
    match marker(folder).map_err(system(attempt()))?.as_deref() {
        None => {
            mark(folder, FENCED).map_err(system(attempt()))?;
            return Ok(Recovery::NeverStarted);
        }
        Some(FENCED) => return Ok(Recovery::NeverStarted),
        Some(FREED) => return Ok(Recovery::Repeatable),
        Some(_) => {}
    }
    match result {
        Some(Outcome::Failed(failure))
            if failure.class == FailureClass::UnknownOutcome && operation.repeatable =>
        {
            return ended_unseen(folder, operation, failure.message);
        }
        Some(outcome) => return Ok(Recovery::Finished(outcome)),
        None => {}
    }
    let record = Record::read(folder).map_err(system(attempt()))?;
    let Some(child) = record.as_ref().and_then(Record::live_child) else {
        let why = match record {
            Some(record) if record.copy_of.is_some() => {
                "the script was started for the state directory that this one is a copy of"
            }
            Some(record) if record.is_of_another_boot() => {
                "the machine was started again while the script ran"
            }
            _ => "the script's supervisor was ended by somebody before the script's outcome was known",
        };
        return ended_unseen(folder, operation, format!("{why}; its output is in `{}`", folder.display()));
    };
    // The script outlived its supervisor. How it ends, nobody will hear; that it ended must be known.
    if let Some(fd) = child.open() {
        let ended = wait::wait_readable(&[fd.as_fd()], Some(deadline)).map_err(system(attempt()))?;
        if ended == 0 {
            end_group(child, Signal::TERM, Duration::from_millis(SCRIPT_GRACE_MS))?;
        }
    }
    let text = format!(
        "the script's supervisor was ended by somebody; the script, pid {}, ended later, and nobody heard how; its output is in \
         `{}`",
        child.pid,
        folder.display()
    );
    ended_unseen(folder, operation, text)
}

/// What is to be done about a script that has ended, nobody knows how. Only one that may be run again is freed for that. The folder's
/// lock must be held.
fn ended_unseen(folder: &Path, operation: &Operation, text: String) -> Result<Recovery, MachineError> {
    if !operation.repeatable {
        return Ok(Recovery::Unknown(text));
    }
    // Written in part, it says that it was started.
    let free = || {
        let mut started = OpenOptions::new().write(true).truncate(true).open(folder.join(STARTED))?;
        started.write_all(FREED.as_bytes())?;
        started.sync_all()
    };
    free().map_err(system(format!("free the script in `{}`", folder.display())))?;
    Ok(Recovery::Repeatable)
}

/// Returns what the marker of a script says. None: there is none.
fn marker(folder: &Path) -> io::Result<Option<String>> {
    match fs::read(folder.join(STARTED)) {
        Ok(content) => Ok(Some(String::from_utf8_lossy(&content).into_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// What a script reads on standard input.
#[derive(Serialize)]
struct Input<'a> {
    service: &'a str,
    node: &'a str,
    event: &'a str,
    operation: String,
    inputs: &'a BTreeMap<String, Value>,
    context: &'a Value,
}

fn assignment(
    state: &StateDirectory,
    operation: &Operation,
    script: &Artifact,
    dependencies: &[Artifact],
    pass: Option<Pass>,
) -> Result<ScriptAssignment, MachineError> {
    let id = operation.id.to_string();
    let mut operation = operation.clone();
    let mut dependencies = dependencies.to_vec();
    let folder = state.operation(&operation.id).join("files");
    operation.put_paths(|artifact| {
        // By digest, so that a file of the same path in another package is another; under its own name, since what reads it
        // may go by its ending.
        let name = artifact.path.rsplit('/').next().unwrap_or_default();
        let path = format!("artifacts/{}/{name}", artifact.digest);
        let file = folder.join(&path).into_os_string().into_string().ok()?;
        let copy = Artifact { path, digest: artifact.digest.clone() };
        if !dependencies.contains(&copy) {
            dependencies.push(copy);
        }
        Some(file)
    });
    let input = serde_json::to_string(&Input {
        service: &operation.subject.service,
        node: &operation.subject.node,
        event: &operation.event,
        operation: id.clone(),
        inputs: &operation.inputs,
        context: &operation.context,
    })
    .map_err(|error| {
        MachineError::Refused(format!("the inputs of script `{}` are not JSON: {error}", script.path))
    })?;
    let mut environment = variables(&operation.inputs);
    let own = [
        ("KHUTULUN_SERVICE", operation.subject.service.clone()),
        ("KHUTULUN_NODE", operation.subject.node.clone()),
        ("KHUTULUN_EVENT", operation.event.clone()),
        ("KHUTULUN_OPERATION", id),
    ];
    environment.extend(own.map(|(name, value)| (name.to_owned(), value)));
    Ok(ScriptAssignment {
        artifacts: state.artifacts(),
        script: script.clone(),
        dependencies,
        environment,
        input,
        timeout_ms: operation.timeout_ms,
        pass,
    })
}

/// Returns inputs as environment variables.
fn variables(inputs: &BTreeMap<String, Value>) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::new();
    for (name, value) in inputs {
        let text = match value {
            Value::Text(text) => text.clone(),
            other => serde_json::to_string(other).unwrap_or_default(),
        };
        // Neither fits an environment; standard input has it.
        if text.len() > VARIABLE_BYTES_MAX || text.contains('\0') {
            continue;
        }
        let upper: String = name
            .chars()
            .map(
                |character| {
                    if character.is_ascii_alphanumeric() { character.to_ascii_uppercase() } else { '_' }
                },
            )
            .collect();
        if is_identifier(name)
            && !RESERVED.contains(&name.as_str())
            && !name.starts_with("LD_")
            && !name.starts_with("KHUTULUN_")
        {
            variables.insert(name.clone(), text.clone());
        }
        variables.insert(format!("KHUTULUN_INPUT_{upper}"), text);
    }
    variables
}

fn is_identifier(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && name.bytes().next().is_some_and(|first| !first.is_ascii_digit())
}

/// Returns the failure that an error is, before the script was started.
fn failure(operation: &Operation, error: &MachineError) -> Failure {
    let transient = match error {
        MachineError::TimedOut { .. } => true,
        MachineError::System { source, .. } => matches!(
            source.kind(),
            io::ErrorKind::StorageFull
                | io::ErrorKind::QuotaExceeded
                | io::ErrorKind::OutOfMemory
                | io::ErrorKind::WouldBlock
        ),
        _ => false,
    };
    Failure {
        class: if transient { FailureClass::Transient } else { FailureClass::Permanent },
        message: format!(
            "the script of `{}` for node `{}` could not be run: {}",
            operation.event,
            operation.subject.node,
            describe_error(error)
        ),
        detail: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_have_exact_names_where_those_are_identifiers() {
        let inputs = BTreeMap::from([
            ("greeting".to_owned(), Value::from("hello")),
            ("port-range".to_owned(), Value::from(vec![Value::Integer(1), Value::Integer(2)])),
            ("PATH".to_owned(), Value::from("/evil")),
        ]);
        let expected = [
            ("KHUTULUN_INPUT_GREETING", "hello"),
            ("KHUTULUN_INPUT_PATH", "/evil"),
            ("KHUTULUN_INPUT_PORT_RANGE", "[1,2]"),
            ("greeting", "hello"),
        ];
        let actual = variables(&inputs);
        assert_eq!(actual, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    }
}
