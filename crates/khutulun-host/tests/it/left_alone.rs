//! Processes whose supervisor was killed, and those that a copied state directory speaks of.

use std::{fs, process::Command};

use khutulun_api::{Machine as _, ProcessState, RestartPolicy};

use crate::{
    processes::starter,
    support::{Sandbox, eventually, family, identity, is_alive, machine_at, shell, signal},
};

/// A process whose supervisor was killed.
fn left_alone(spec: &khutulun_api::ProcessSpec) -> (Sandbox, u32) {
    let sandbox = Sandbox::new();
    let started = sandbox.machine.start_process(spec).expect("started");
    signal("KILL", sandbox.supervisor_pid());
    eventually("nobody", || sandbox.status().supervisor == "nobody");
    (sandbox, started.pid.expect("a pid"))
}

#[test]
fn a_process_whose_supervisor_was_killed_still_runs_and_can_be_stopped() {
    let (sandbox, pid) = left_alone(&shell("sleep 1001 & exec sleep 1000"));
    let entry = format!("KHUTULUN_FOLDER={}", sandbox.process_folder().display());
    eventually("both", || family(&entry).len() == 2);
    let status = sandbox.status();
    assert_eq!((status.state, status.pid), (ProcessState::Running, Some(pid)));
    let error = status.error.expect("why it is not well");
    assert_eq!(error, "its supervisor was ended by somebody: when it ends, nothing starts it again");
    let mut other = shell("something else");
    other.operation = "2-0".to_owned();
    let error = sandbox.machine.start_process(&other).expect_err("it runs").to_string();
    assert!(
        error.contains(&format!("as pid {pid}, started by operation 1-0, and nobody keeps it")),
        "{error}"
    );
    let stopped = sandbox.machine.stop_process(&identity()).expect("stopped");
    assert_eq!(stopped.state, ProcessState::Stopped);
    assert_eq!(family(&entry), [0; 0]);
}

#[test]
fn a_process_whose_supervisor_was_killed_is_taken_up_by_a_start_as_it_is() {
    for operation in ["1-0", "2-0"] {
        let mut spec = shell("sleep 1001 & echo run; exec sleep 1000");
        spec.restart = RestartPolicy::OnFailure;
        let (sandbox, pid) = left_alone(&spec);
        let entry = format!("KHUTULUN_FOLDER={}", sandbox.process_folder().display());
        eventually("both", || family(&entry).len() == 2);
        let before = sandbox.supervisor_pid();
        spec.operation = operation.to_owned();
        let status = sandbox.machine.start_process(&spec).expect("taken up");
        assert_eq!((status.state, status.pid, status.error), (ProcessState::Running, Some(pid), None));
        assert_eq!((status.supervisor.as_str(), status.operation.as_deref()), ("khutulun", Some(operation)));
        assert_ne!(sandbox.supervisor_pid(), before);
        assert_eq!(sandbox.machine.start_process(&spec).expect("the same").pid, Some(pid));

        // It is restarted as it should be, with nothing of before left.
        signal("KILL", pid);
        eventually("it is started again", || sandbox.status().pid.is_some_and(|new| new != pid));
        assert_eq!(sandbox.status().restarts, 1);
        eventually("both again", || family(&entry).len() == 2);
        assert_eq!(sandbox.log(), "run\nrun\n");
        assert_eq!(sandbox.machine.stop_process(&identity()).expect("stopped").state, ProcessState::Stopped);
        assert_eq!(family(&entry), [0; 0]);
    }
}

#[test]
fn what_was_taken_up_can_be_stopped_and_how_it_ends_is_not_made_up() {
    let spec = shell("sleep 1001 & exec sleep 1000");
    let (sandbox, _) = left_alone(&spec);
    let entry = format!("KHUTULUN_FOLDER={}", sandbox.process_folder().display());
    sandbox.machine.start_process(&spec).expect("taken up");
    assert_eq!(sandbox.machine.stop_process(&identity()).expect("stopped").state, ProcessState::Stopped);
    assert_eq!(family(&entry), [0; 0]);

    let (sandbox, pid) = left_alone(&spec);
    sandbox.machine.start_process(&spec).expect("taken up");
    signal("TERM", pid);
    eventually("its end", || sandbox.status().state != ProcessState::Running);
    let status = sandbox.status();
    assert_eq!((status.state, status.exit_code, status.signal), (ProcessState::Failed, None, None));
    let error = status.error.expect("an error");
    assert!(error.starts_with("how it ended is not known"), "{error}");
}

#[test]
fn of_two_starters_at_once_one_takes_up_the_process() {
    let (sandbox, pid) = left_alone(&shell("exec sleep 1000"));
    let children: Vec<_> = ["2-0", "2-0", "2-0"]
        .map(|operation| starter(&sandbox, "exec sleep 1000", operation).spawn().expect("a starter"))
        .into();
    for child in children {
        let answer = child.wait_with_output().expect("ended").stdout;
        assert!(String::from_utf8_lossy(&answer).contains(&format!("pid={pid}\n")), "{answer:?}");
    }
    assert_eq!(sandbox.status().supervisor, "khutulun");
}

#[test]
fn a_copy_of_the_state_directory_leaves_the_processes_of_the_original_alone() {
    for is_left_alone in [false, true] {
        let spec = shell("exec sleep 1000");
        let sandbox = Sandbox::new();
        let pid = sandbox.machine.start_process(&spec).expect("started").pid.expect("a pid");
        if is_left_alone {
            signal("KILL", sandbox.supervisor_pid());
            eventually("nobody", || sandbox.status().supervisor == "nobody");
        }
        let copies = tempfile::tempdir().expect("a temporary folder");
        let place = copies.path().join("copy");
        let copied = Command::new("cp").arg("-a").arg(sandbox.root()).arg(&place).status();
        assert!(copied.expect("cp").success());
        let copy = machine_at(&place);
        let belongs =
            format!("its process, pid {pid}, belongs to the state directory `{}`", sandbox.root().display());
        let status = copy.process_status(&identity()).expect("a status");
        assert_eq!((status.state, status.pid), (ProcessState::Absent, None));
        assert!(status.error.as_ref().is_some_and(|error| error.contains(&belongs)), "{status:?}");
        for operation in ["1-0", "2-0"] {
            let again = khutulun_api::ProcessSpec { operation: operation.to_owned(), ..spec.clone() };
            let error = copy.start_process(&again).expect_err("it runs elsewhere").to_string();
            assert!(error.contains(&belongs), "{error}");
        }
        assert_eq!(copy.stop_process(&identity()).expect("nothing").state, ProcessState::Absent);
        copy.remove_process(&identity()).expect("removed");
        assert!(is_alive(pid));
        assert_eq!(sandbox.status().pid, Some(pid));
        // The name of a folder is not what makes it: one that was moved is the same.
        let moved = copies.path().join("moved");
        fs::rename(sandbox.root(), &moved).expect("moved");
        assert_eq!(machine_at(&moved).process_status(&identity()).expect("a status").pid, Some(pid));
        fs::rename(&moved, sandbox.root()).expect("moved back");
    }
}

#[test]
fn what_ended_where_it_belongs_can_be_started_from_a_copy() {
    let sandbox = Sandbox::new();
    sandbox.machine.start_process(&shell("exec sleep 1000")).expect("started");
    let copies = tempfile::tempdir().expect("a temporary folder");
    let place = copies.path().join("copy");
    let copied = Command::new("cp").arg("-a").arg(sandbox.root()).arg(&place).status();
    assert!(copied.expect("cp").success());
    sandbox.machine.stop_process(&identity()).expect("stopped");
    let copy = machine_at(&place);
    let status = copy.process_status(&identity()).expect("a status");
    assert_eq!((status.state, status.error), (ProcessState::Absent, None));
    assert_eq!(copy.start_process(&shell("exec sleep 1000")).expect("started").state, ProcessState::Running);
    assert_eq!(copy.stop_process(&identity()).expect("stopped").state, ProcessState::Stopped);
}
