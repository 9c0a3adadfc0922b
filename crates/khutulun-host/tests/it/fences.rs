//! Who was taken over has no effect any more.

use std::{collections::BTreeMap, fs, path::Path};

use floria::{Artifact, Implementation, Value, VertexId};
use khutulun_api::{
    CommandRequest, Executor as _, FailureClass, Machine as _, Operation, OperationId, Outcome, ProcessState,
    Recovery, RunId, Subject,
};
use khutulun_host::{Fenced, LocalMachine, ScriptExecutor, StateDirectory, SupervisorCommand};

use crate::support::{SUPERVISOR, Sandbox, identity, machine_at, shell};

/// A script's operation of a run, under a lease's epoch.
fn operation(machine: &LocalMachine, run: u64, epoch: u64, script: &str) -> Operation {
    let digest = machine.state().store_artifact(script.as_bytes(), false).expect("stored");
    Operation {
        id: OperationId { run: RunId(run), step: 0, attempt: 1 },
        subject: Subject {
            service: "shop".to_owned(),
            node: "web".to_owned(),
            vertex: VertexId(1),
            relationship: None,
            origin: None,
        },
        event: "lifecycle.configure".to_owned(),
        implementation: Implementation::Script {
            artifact: Artifact { path: "do.sh".to_owned(), digest },
            dependencies: Vec::new(),
        },
        inputs: BTreeMap::new(),
        context: Value::Null,
        timeout_ms: 600_000,
        epoch,
        repeatable: false,
    }
}

fn fenced(machine: &LocalMachine) -> Fenced<ScriptExecutor> {
    Fenced::new(machine.state().clone(), ScriptExecutor::new(machine))
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

fn failure(outcome: Outcome) -> (FailureClass, String) {
    match outcome {
        Outcome::Failed(failure) => (failure.class, failure.message),
        Outcome::Succeeded(_) => panic!("it was not refused"),
    }
}

fn seen(root: &Path) -> Option<u64> {
    fs::read_to_string(root.join("fences/shop")).ok()?.trim().parse().ok()
}

const TAKEN_OVER: &str = "run 7 of `shop` was taken over: its lease's epoch 3 is older than 4";

#[test]
fn a_script_of_an_older_epoch_is_refused_before_anything_happens() {
    let sandbox = Sandbox::new();
    let executor = fenced(&sandbox.machine);
    let marker = sandbox.root().join("ran");
    let script = format!("touch {}", marker.display());
    let later = operation(&sandbox.machine, 8, 4, "true");
    assert_eq!(block_on(executor.execute(&later)), Outcome::Succeeded(BTreeMap::new()));
    assert_eq!(seen(sandbox.root()), Some(4));
    // Also in another program, later.
    for machine in [&sandbox.machine, &machine_at(sandbox.root())] {
        let old = operation(machine, 7, 3, &script);
        let refused = block_on(fenced(machine).execute(&old));
        assert_eq!(failure(refused), (FailureClass::Denied, TAKEN_OVER.to_owned()));
        assert_eq!(
            block_on(fenced(machine).recover(&old)),
            Recovery::Unknown(TAKEN_OVER.to_owned()),
            "its recovery is the later one's"
        );
    }
    assert!(!marker.exists());
    assert!(!sandbox.root().join("operations/7-0-1").exists());
}

#[test]
fn a_probe_is_let_in_and_leaves_no_trace() {
    let sandbox = Sandbox::new();
    let executor = fenced(&sandbox.machine);
    let probe = operation(&sandbox.machine, 1, 0, "true");
    assert_eq!(block_on(executor.execute(&probe)), Outcome::Succeeded(BTreeMap::new()));
    assert_eq!(seen(sandbox.root()), None);
    block_on(executor.execute(&operation(&sandbox.machine, 2, 4, "true")));
    assert_eq!(block_on(executor.execute(&probe)), Outcome::Succeeded(BTreeMap::new()));
    assert_eq!(seen(sandbox.root()), Some(4));
}

#[test]
fn who_recovers_fences_whoever_comes_late() {
    let sandbox = Sandbox::new();
    let executor = fenced(&sandbox.machine);
    let old = operation(&sandbox.machine, 7, 3, "true");
    let taken_up = Operation { epoch: 4, ..old.clone() };
    assert_eq!(block_on(executor.recover(&taken_up)), Recovery::NeverStarted);
    assert_eq!(failure(block_on(executor.execute(&old))), (FailureClass::Denied, TAKEN_OVER.to_owned()));
}

/// A program of the older run is in the middle of beginning something else: what is found out before it went on would not stay so.
#[test]
fn a_recovery_waits_for_whoever_is_just_beginning() {
    let sandbox = Sandbox::new();
    let executor = fenced(&sandbox.machine);
    fs::create_dir(sandbox.root().join("fences")).expect("made");
    let fence = sandbox.root().join("fences/shop");
    fs::write(&fence, "00000000000000000003\n").expect("written");
    let beginning = fs::File::open(&fence).expect("opened");
    beginning.lock_shared().expect("locked");
    let taken_up = operation(&sandbox.machine, 7, 4, "true");
    let mut recovery = executor.recover(&taken_up);
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(runtime.block_on(async { recovery.as_mut().poll(&mut context).is_pending() }));
    beginning.unlock().expect("unlocked");
    drop(fs::OpenOptions::new().append(true).open(&fence).expect("opened"));
    assert_eq!(runtime.block_on(recovery), Recovery::NeverStarted);
    assert_eq!(seen(sandbox.root()), Some(4), "who is older begins nothing after this");
}

/// The program looked, was stopped, and is woken when somebody else has taken over: its supervisor looks again.
#[test]
fn a_script_whose_run_is_taken_over_after_the_first_look_is_not_executed() {
    let sandbox = Sandbox::new();
    let root = sandbox.root();
    // A supervisor that comes late: meanwhile somebody has been here with a later epoch.
    let wrapper = root.join("late-supervisor");
    let fences = root.join("fences");
    let text = format!(
        "#!/bin/sh\nprintf '%020d\\n' 4 > {}\nexec {SUPERVISOR} \"$@\"\n",
        fences.join("shop").display()
    );
    fs::write(&wrapper, text).expect("written");
    fs::set_permissions(&wrapper, std::os::unix::fs::PermissionsExt::from_mode(0o700)).expect("executable");
    let state = StateDirectory::open(root).expect("a state directory");
    let command = SupervisorCommand::new(&wrapper, ["supervise"]);
    let machine = LocalMachine::with_systemd(state, command, None);
    let marker = root.join("ran");
    let old = operation(&machine, 7, 3, &format!("touch {}", marker.display()));
    let (class, message) = failure(block_on(fenced(&machine).execute(&old)));
    assert_eq!(class, FailureClass::Permanent);
    assert!(message.ends_with(TAKEN_OVER), "{message}");
    assert!(!marker.exists());

    // And so is a process.
    fs::remove_file(fences.join("shop")).expect("removed");
    let bound = machine.bound_to(&old).expect("a machine");
    let error = bound.start_process(&shell("sleep 1000")).expect_err("refused");
    assert_eq!(error.to_string(), TAKEN_OVER);
    assert_eq!(sandbox.status().pid, None);
}

#[test]
fn a_machine_bound_to_an_older_epoch_does_nothing() {
    let sandbox = Sandbox::new();
    let machine = &sandbox.machine;
    let old = machine.bound_to(&operation(machine, 7, 3, "true")).expect("a machine");
    let running = old.start_process(&shell("sleep 1000")).expect("started");
    let later = machine.bound_to(&operation(machine, 8, 4, "true")).expect("a machine");
    let file = sandbox.root().join("file");
    later.write_file(&file, b"later", 0o600).expect("written");

    let marker = sandbox.root().join("ran");
    let touch = CommandRequest {
        program: "touch".to_owned(),
        arguments: vec![marker.display().to_string()],
        timeout_ms: 600_000,
        ..CommandRequest::default()
    };
    let refusals = [
        old.stop_process(&identity()).map(drop),
        old.start_process(&shell("sleep 1000")).map(drop),
        old.remove_process(&identity()),
        old.write_file(&file, b"old", 0o600),
        old.remove_file(&file),
        old.run_command(&touch).map(drop),
    ];
    for refused in refusals {
        assert_eq!(refused.expect_err("refused").to_string(), TAKEN_OVER);
    }
    assert_eq!(sandbox.status().pid, running.pid);
    assert_eq!(fs::read(&file).expect("there"), b"later");
    assert!(!marker.exists());
    // To look is no effect.
    assert_eq!(old.process_status(&identity()).expect("a status").state, ProcessState::Running);
    later.run_command(&touch).expect("run");
    later.stop_process(&identity()).expect("stopped");
    assert!(marker.exists());
}

#[test]
fn a_service_that_cannot_be_a_file_is_refused() {
    let sandbox = Sandbox::new();
    let mut odd = operation(&sandbox.machine, 7, 3, "true");
    odd.subject.service = "../shop".to_owned();
    let (class, _) = failure(block_on(fenced(&sandbox.machine).execute(&odd)));
    assert_eq!(class, FailureClass::Denied);
    let bound = sandbox.machine.bound_to(&odd).expect("a machine");
    assert!(bound.write_file(&sandbox.root().join("file"), b"", 0o600).is_err());
}
