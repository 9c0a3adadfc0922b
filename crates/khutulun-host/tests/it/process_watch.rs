//! Processes that start and end are heard of.

use std::{fs, time::Duration};

use khutulun_api::{Machine as _, ProcessSpec, ProcessState, RestartPolicy};
use khutulun_host::{ProcessChange, ProcessWatch};

use crate::support::{Sandbox, eventually, identity, shell, signal};

/// How long a change may take to be heard of. Only a failing test waits this long.
const PATIENCE: Duration = Duration::from_secs(300);

fn watch(sandbox: &Sandbox) -> ProcessWatch {
    ProcessWatch::new(sandbox.machine.state()).expect("a watch")
}

/// Hears of changes until one is as expected.
fn until(watch: &mut ProcessWatch, expected: impl Fn(&ProcessChange) -> bool) -> ProcessChange {
    loop {
        let changes = watch.next(PATIENCE).expect("changes");
        assert!(!changes.is_empty(), "it was not heard of within {PATIENCE:?}");
        if let Some(change) = changes.into_iter().find(|change| expected(change)) {
            return change;
        }
    }
}

fn state(change: &ProcessChange) -> Option<ProcessState> {
    change.status.as_ref().map(|status| status.state)
}

#[test]
fn a_process_is_heard_of_from_its_start_to_its_removal() {
    let sandbox = Sandbox::new();
    let mut watch = watch(&sandbox);
    assert_eq!(watch.take().expect("nothing"), []);
    let started = sandbox.machine.start_process(&shell("exec sleep 1000")).expect("started");
    let change = until(&mut watch, |change| state(change) == Some(ProcessState::Running));
    assert_eq!((change.identity.clone(), change.status), (identity(), Some(started.clone())));
    sandbox.machine.stop_process(&identity()).expect("stopped");
    let change = until(&mut watch, |change| state(change) == Some(ProcessState::Stopped));
    assert!(change.asked && change.executed);
    sandbox.machine.remove_process(&identity()).expect("removed");
    until(&mut watch, |change| change.status.is_none());
    // The folders above it went too; a new one is heard of all the same.
    sandbox.machine.start_process(&shell("exec sleep 1000")).expect("started");
    until(&mut watch, |change| state(change) == Some(ProcessState::Running));
}

#[test]
fn an_end_that_nobody_asked_for_is_told_with_its_signal() {
    let sandbox = Sandbox::new();
    let started = sandbox.machine.start_process(&shell("exec sleep 1000")).expect("started");
    let mut watch = watch(&sandbox);
    // What was there before is told first.
    until(&mut watch, |change| state(change) == Some(ProcessState::Running));
    signal("KILL", started.pid.expect("a pid"));
    let change = until(&mut watch, |change| state(change) == Some(ProcessState::Failed));
    assert_eq!(change.status.and_then(|status| status.signal), Some(9));
    assert!(!change.asked);
}

#[test]
fn an_end_with_a_code_is_told_and_what_never_ran_says_so() {
    let sandbox = Sandbox::new();
    let mut watch = watch(&sandbox);
    sandbox.machine.start_process(&shell("exit 3")).expect("started");
    let change = until(&mut watch, |change| state(change) == Some(ProcessState::Failed));
    assert_eq!(change.status.and_then(|status| status.exit_code), Some(3));
    assert!(change.executed);
    let missing = ProcessSpec {
        operation: "2-0".to_owned(),
        command: vec!["/nonexistent/program".to_owned()],
        ..shell("")
    };
    sandbox.machine.start_process(&missing).expect_err("not found");
    let change = until(&mut watch, |change| {
        change.status.as_ref().is_some_and(|status| status.operation.as_deref() == Some("2-0"))
    });
    assert_eq!((state(&change), change.executed), (Some(ProcessState::Failed), false));
}

#[test]
fn a_process_that_is_started_again_is_told_with_the_count() {
    let sandbox = Sandbox::new();
    let mut watch = watch(&sandbox);
    let spec = ProcessSpec { restart: RestartPolicy::Always, ..shell("exec sleep 1000") };
    let started = sandbox.machine.start_process(&spec).expect("started");
    signal("KILL", started.pid.expect("a pid"));
    let change = until(&mut watch, |change| {
        change.status.as_ref().is_some_and(|status| status.restarts == 1 && status.pid.is_some())
    });
    let status = change.status.expect("a status");
    assert_eq!((status.state, status.signal), (ProcessState::Running, Some(9)));
    assert_ne!(status.pid, started.pid);
}

#[test]
fn the_death_of_a_supervisor_is_heard_of_and_then_that_of_what_it_left() {
    let sandbox = Sandbox::new();
    let started = sandbox.machine.start_process(&shell("exec sleep 1000")).expect("started");
    let mut watch = watch(&sandbox);
    until(&mut watch, |change| state(change) == Some(ProcessState::Running));
    signal("KILL", sandbox.supervisor_pid());
    let alone = |change: &ProcessChange| {
        change
            .status
            .as_ref()
            .is_some_and(|status| status.supervisor == "nobody" && status.pid == started.pid)
    };
    until(&mut watch, alone);
    signal("KILL", started.pid.expect("a pid"));
    let change = until(&mut watch, |change| state(change) == Some(ProcessState::Failed));
    assert!(!change.asked);
}

#[test]
fn what_is_no_process_is_passed_over() {
    let sandbox = Sandbox::new();
    let folder = sandbox.root().join("processes");
    fs::create_dir_all(folder.join("shop/odd")).expect("made");
    fs::write(folder.join("file"), "").expect("written");
    fs::write(folder.join("shop/file"), "").expect("written");
    let mut watch = watch(&sandbox);
    fs::write(folder.join("shop/odd/status.json"), "nonsense").expect("written");
    sandbox.machine.start_process(&shell("exec sleep 1000")).expect("started");
    until(&mut watch, |change| state(change) == Some(ProcessState::Running));
}

#[test]
fn one_that_cannot_be_looked_at_hides_no_other() {
    let sandbox = Sandbox::new();
    let mut watch = watch(&sandbox);
    let started = sandbox.machine.start_process(&shell("exec sleep 1000")).expect("started");
    until(&mut watch, |change| state(change) == Some(ProcessState::Running));
    let other = sandbox.root().join("processes/shop/another");
    fs::create_dir(&other).expect("made");
    assert_eq!(watch.take().expect("nothing"), []);
    signal("KILL", started.pid.expect("a pid"));
    let seen = || sandbox.machine.process_status(&identity()).expect("a status").state;
    eventually("its end is written down", || seen() == ProcessState::Failed);
    fs::create_dir(other.join("new")).expect("made");
    fs::rename(other.join("new"), other.join("status.json")).expect("moved");
    // Both are heard of in one go, and what cannot be read comes first.
    let changes = watch.take().expect("changes");
    assert_eq!(changes.iter().map(state).collect::<Vec<_>>(), [Some(ProcessState::Failed)]);
    watch.take().expect_err("it cannot be read");
    fs::remove_dir(other.join("status.json")).expect("removed");
    assert_eq!(watch.take().expect("nothing is wrong any more"), []);
}
