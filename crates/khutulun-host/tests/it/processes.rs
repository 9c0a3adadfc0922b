//! Processes under khutulun's own supervisor.

use std::{
    fs,
    process::{Command, Stdio},
};

use khutulun_api::{Machine as _, ProcessState, RestartPolicy};

use crate::support::{Sandbox, eventually, family, identity, is_alive, machine_at, shell};

/// Says the name of this test binary's test that acts as another `khutulun`.
const STARTER: &str = "processes::another_khutulun";

/// Not a test of its own: what other tests run as a second program. Starts the process and, if told so, waits to be killed.
#[test]
fn another_khutulun() {
    let Some(root) = std::env::var_os("TEST_STATE") else { return };
    let mut spec = shell(&std::env::var("TEST_SCRIPT").expect("a script"));
    spec.operation = std::env::var("TEST_OPERATION").expect("an operation");
    let machine = machine_at(root.as_ref());
    match machine.start_process(&spec) {
        Ok(status) => println!("pid={}", status.pid.unwrap_or_default()),
        Err(error) => println!("error={error}"),
    }
}

pub(crate) fn starter(sandbox: &Sandbox, script: &str, operation: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command
        .args(["--exact", STARTER, "--nocapture"])
        .env("TEST_STATE", sandbox.root())
        .env("TEST_SCRIPT", script)
        .env("TEST_OPERATION", operation)
        .stdout(Stdio::piped());
    command
}

#[test]
fn a_process_runs_with_its_output_in_files_and_stops_when_asked() {
    let sandbox = Sandbox::new();
    let mut spec =
        shell("echo \"$KHUTULUN_SERVICE $KHUTULUN_NODE $KHUTULUN_OPERATION $COLOUR\"; pwd; exec sleep 1000");
    spec.environment.insert("COLOUR".to_owned(), "green".to_owned());
    let status = sandbox.machine.start_process(&spec).expect("started");
    assert_eq!(status.state, ProcessState::Running);
    assert_eq!(status.operation.as_deref(), Some("1-0"));
    assert_eq!(status.supervisor, "khutulun");
    let pid = status.pid.expect("a pid");
    assert!(is_alive(pid));
    assert_eq!(fs::read_to_string(&status.name).expect("a pid file"), format!("{pid}\n"));
    let folder = sandbox.process_folder();
    let expected = format!("shop web 1-0 green\n{}\n", folder.join("work").display());
    eventually("its output", || sandbox.log() == expected);

    let arguments = fs::read(format!("/proc/{}/cmdline", sandbox.supervisor_pid())).expect("a command line");
    let shown = String::from_utf8_lossy(&arguments).replace('\0', " ");
    assert_eq!(shown.trim_end(), format!("khutulun-supervisor supervise {}", folder.display()));

    let stopped = sandbox.machine.stop_process(&identity()).expect("stopped");
    assert_eq!((stopped.state, stopped.signal), (ProcessState::Stopped, Some(15)));
    assert!(!is_alive(pid));
    sandbox.machine.remove_process(&identity()).expect("removed");
    assert_eq!(sandbox.status().state, ProcessState::Absent);
    assert_eq!(fs::read_dir(sandbox.root()).expect("a folder").count(), 0, "nothing is left");
    sandbox.machine.stop_process(&identity()).expect("what is not there can be stopped");
    sandbox.machine.remove_process(&identity()).expect("and removed");
    assert_eq!(fs::read_dir(sandbox.root()).expect("a folder").count(), 0, "nothing is left");
}

#[test]
fn a_process_is_not_in_the_session_of_its_starter_and_inherits_no_files_or_blocked_signals() {
    let sandbox = Sandbox::new();
    let status = sandbox.machine.start_process(&shell("exec sleep 1000")).expect("started");
    let pid = status.pid.expect("a pid");
    let session = |pid: u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("a process");
        let rest = stat.rsplit(')').next().expect("fields").to_owned();
        rest.split_ascii_whitespace().nth(3).expect("a session").to_owned()
    };
    assert_eq!(session(pid), sandbox.supervisor_pid().to_string());
    assert_ne!(session(pid), session(std::process::id()));
    eventually("the shell became sleep", || {
        fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name == "sleep\n")
    });
    for process in [pid, sandbox.supervisor_pid()] {
        let text = fs::read_to_string(format!("/proc/{process}/status")).expect("a process");
        assert!(text.contains("SigBlk:\t0000000000000000"), "{text}");
    }
    // While it is being loaded, it has its libraries open.
    eventually("it has three files open", || {
        fs::read_dir(format!("/proc/{pid}/fd")).expect("its files").count() == 3
    });
    let text = fs::read_to_string(format!("/proc/{pid}/status")).expect("a process");
    // Signals 32 and 33 are the C library's own.
    let ignored = text.lines().find_map(|line| line.strip_prefix("SigIgn:\t")).expect("ignored signals");
    assert_eq!(u64::from_str_radix(ignored, 16).expect("a number") & !(3 << 31), 0, "{text}");
}

#[test]
fn a_process_outlives_its_starter() {
    let sandbox = Sandbox::new();
    let output = starter(&sandbox, "exec sleep 1000", "1-0").output().expect("a starter");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let status = sandbox.status();
    assert_eq!(status.state, ProcessState::Running);
    assert!(text.contains(&format!("pid={}", status.pid.expect("a pid"))), "{text}");
    assert!(is_alive(status.pid.expect("a pid")));
}

#[test]
fn a_starter_killed_at_any_moment_leaves_one_process_or_none() {
    for delay_us in [0, 300, 600, 1_000, 1_500, 2_000, 3_000, 5_000, 8_000] {
        let sandbox = Sandbox::new();
        let mut child = starter(&sandbox, "exec sleep 1000", "1-0").spawn().expect("a starter");
        // Not a wait for something: a moment to be killed in.
        std::thread::sleep(std::time::Duration::from_micros(delay_us));
        child.kill().expect("killed");
        child.wait().expect("waited for");
        let status = sandbox.machine.start_process(&shell("exec sleep 1000")).expect("started again");
        assert_eq!(status.state, ProcessState::Running);
        let entry = format!("KHUTULUN_FOLDER={}", sandbox.process_folder().display());
        assert_eq!(family(&entry), [status.pid.expect("a pid")], "after {delay_us} µs");
        sandbox.machine.stop_process(&identity()).expect("stopped");
        assert_eq!(family(&entry), [0; 0]);
    }
}

#[test]
fn a_starter_killed_at_any_moment_leaves_nothing_when_the_process_is_removed() {
    for delay_us in [1_000, 2_000, 2_500, 3_000, 3_500, 4_000, 5_000, 6_000] {
        let sandbox = Sandbox::new();
        let mut child = starter(&sandbox, "exec sleep 1000", "1-0").spawn().expect("a starter");
        // Not a wait for something: a moment to be killed in.
        std::thread::sleep(std::time::Duration::from_micros(delay_us));
        child.kill().expect("killed");
        child.wait().expect("waited for");
        sandbox.machine.stop_process(&identity()).expect("stopped");
        sandbox.machine.remove_process(&identity()).expect("removed");
        let folder = sandbox.process_folder();
        let supervisors = || {
            let pids = fs::read_dir("/proc").expect("/proc").filter_map(|item| Some(item.ok()?.path()));
            pids.filter_map(|path| fs::read(path.join("cmdline")).ok())
                .filter(|line| String::from_utf8_lossy(line).contains(&*folder.to_string_lossy()))
                .count()
        };
        eventually("the end of a late supervisor", || supervisors() == 0);
        assert_eq!(family(&format!("KHUTULUN_FOLDER={}", folder.display())), [0; 0]);
        assert!(!folder.exists(), "after {delay_us} µs");
    }
}

#[test]
fn of_two_starters_at_once_one_starts_the_process() {
    for (second, both) in [("1-0", true), ("2-0", false)] {
        let sandbox = Sandbox::new();
        let children: Vec<_> = ["1-0", second, second]
            .map(|operation| starter(&sandbox, "exec sleep 1000", operation).spawn().expect("a starter"))
            .into();
        let answers: Vec<String> = children
            .into_iter()
            .map(|child| {
                String::from_utf8_lossy(&child.wait_with_output().expect("ended").stdout).into_owned()
            })
            .collect();
        let entry = format!("KHUTULUN_FOLDER={}", sandbox.process_folder().display());
        let status = sandbox.status();
        let pid = status.pid.expect("a pid");
        assert_eq!(family(&entry), [pid]);
        let agree = answers.iter().filter(|answer| answer.contains(&format!("pid={pid}\n"))).count();
        let refused = answers.iter().filter(|answer| answer.contains("runs already")).count();
        assert_eq!(agree + refused, 3, "{answers:?}");
        assert!(if both { refused == 0 } else { refused >= 1 }, "{answers:?}");
    }
}

#[test]
fn the_same_operation_starts_a_process_once_and_another_is_refused_while_it_runs() {
    let sandbox = Sandbox::new();
    let spec = shell("exec sleep 1000");
    let first = sandbox.machine.start_process(&spec).expect("started");
    let second = sandbox.machine.start_process(&spec).expect("the same");
    assert_eq!(first, second);
    let mut other = spec.clone();
    other.operation = "2-0".to_owned();
    let error = sandbox.machine.start_process(&other).expect_err("it runs").to_string();
    let pid = first.pid.expect("a pid");
    assert_eq!(
        error,
        format!("process `web` of `shop` runs already, as pid {pid}, started by operation 1-0")
    );
    let error = sandbox.machine.remove_process(&identity()).expect_err("it runs").to_string();
    assert_eq!(error, "process `web` of `shop` runs: stop it first");
    sandbox.machine.stop_process(&identity()).expect("stopped");
    let again = sandbox.machine.start_process(&spec).expect("nothing happens");
    assert_eq!(again.state, ProcessState::Stopped, "the operation had its effect before");
    let fresh = sandbox.machine.start_process(&other).expect("started over an ended one");
    assert_eq!(fresh.state, ProcessState::Running);
}

#[test]
fn a_reused_pid_is_not_mistaken() {
    let sandbox = Sandbox::new();
    sandbox.machine.start_process(&shell("exec sleep 1000")).expect("started");
    sandbox.machine.stop_process(&identity()).expect("stopped");
    // What a machine looks like on which our process ended unheard and its pid was given to somebody else: to this test.
    let mut record = sandbox.record();
    let me = std::process::id();
    record["phase"] = "running".into();
    for who in ["child", "supervisor"] {
        record[who] = serde_json::json!({ "pid": me, "start_ticks": 1 });
    }
    fs::write(sandbox.process_folder().join("status.json"), record.to_string()).expect("written");
    let status = sandbox.status();
    assert_eq!((status.state, status.pid), (ProcessState::Failed, None));
    assert_eq!(status.error.as_deref(), Some("it ended while nobody supervised it"));
    assert_eq!(sandbox.machine.stop_process(&identity()).expect("stopped").state, ProcessState::Failed);
    sandbox.machine.remove_process(&identity()).expect("removed");
}

#[test]
fn after_a_reboot_nothing_runs_and_the_same_operation_starts_again() {
    let sandbox = Sandbox::new();
    sandbox.machine.start_process(&shell("exec sleep 1000")).expect("started");
    sandbox.machine.stop_process(&identity()).expect("stopped");
    let mut record = sandbox.record();
    record["phase"] = "running".into();
    record["boot_id"] = "another".into();
    fs::write(sandbox.process_folder().join("status.json"), record.to_string()).expect("written");
    let status = sandbox.status();
    assert_eq!(status.state, ProcessState::Failed);
    assert_eq!(status.error.as_deref(), Some("the machine was started again since"));
    let status = sandbox.machine.start_process(&shell("exec sleep 1000")).expect("started");
    assert_eq!(status.state, ProcessState::Running);
}

#[test]
fn restarts_follow_the_policy() {
    let cases = [
        (RestartPolicy::Never, "exit 3", 1, ProcessState::Failed),
        (RestartPolicy::OnFailure, "exit 3", 4, ProcessState::Failed),
        (RestartPolicy::OnFailure, "kill -9 $$", 4, ProcessState::Failed),
        (RestartPolicy::OnFailure, "exit 0", 1, ProcessState::Stopped),
        (RestartPolicy::Always, "exit 0", 4, ProcessState::Failed),
    ];
    for (restart, script, runs, state) in cases {
        let sandbox = Sandbox::new();
        let mut spec = shell(&format!("echo run; {script}"));
        spec.restart = restart;
        sandbox.machine.start_process(&spec).expect("started");
        eventually("the end", || sandbox.status().state != ProcessState::Running);
        let status = sandbox.status();
        assert_eq!((status.state, status.restarts + 1), (state, runs), "{restart:?} {script}: {status:?}");
        assert_eq!(sandbox.log().lines().count(), runs as usize);
        if runs == 4 {
            let error = status.error.expect("an error");
            assert_eq!(error, "it ended again after it was started 4 times within a minute");
        }
    }
}

#[test]
fn a_process_that_waits_to_be_started_again_can_be_stopped() {
    let sandbox = Sandbox::new();
    let mut spec = shell("exit 3");
    spec.restart = RestartPolicy::Always;
    spec.restart_delay_ms = 60_000;
    sandbox.machine.start_process(&spec).expect("started");
    eventually("the wait", || sandbox.record()["phase"] == "waiting");
    let status = sandbox.status();
    assert_eq!((status.state, status.pid, status.exit_code), (ProcessState::Running, None, Some(3)));
    assert_eq!(sandbox.machine.stop_process(&identity()).expect("stopped").state, ProcessState::Stopped);
}

#[test]
fn a_process_has_its_grace_and_is_killed_after_it() {
    let sandbox = Sandbox::new();
    let polite = shell("trap 'echo bye; exit 0' USR1; echo ready; while :; do sleep 0.01; done");
    let polite = khutulun_api::ProcessSpec { stop_signal: "SIGUSR1".to_owned(), ..polite };
    sandbox.machine.start_process(&polite).expect("started");
    eventually("ready", || sandbox.log().contains("ready"));
    let status = sandbox.machine.stop_process(&identity()).expect("stopped");
    assert_eq!((status.state, status.exit_code), (ProcessState::Stopped, Some(0)));
    assert!(sandbox.log().contains("bye"));
    sandbox.machine.remove_process(&identity()).expect("removed");

    let mut stubborn = shell("trap '' TERM; echo ready; while :; do sleep 0.01; done");
    stubborn.stop_grace_ms = 50;
    sandbox.machine.start_process(&stubborn).expect("started");
    eventually("ready", || sandbox.log().contains("ready"));
    let status = sandbox.machine.stop_process(&identity()).expect("stopped");
    assert_eq!((status.state, status.signal), (ProcessState::Stopped, Some(9)));
}

#[test]
fn nothing_that_a_process_started_survives_it() {
    let sandbox = Sandbox::new();
    // One in the group, one that left group and session, one that left and whose parent is gone, one that ignores TERM.
    let mut spec = shell(
        "sleep 1001 & setsid sleep 1002 & (setsid sh -c 'sleep 1003 & sleep 1004' &) ; \
         setsid sh -c \"trap '' TERM; echo ready; while :; do sleep 0.01; done\" & exec sleep 1000",
    );
    spec.stop_grace_ms = 200;
    sandbox.machine.start_process(&spec).expect("started");
    let entry = format!("KHUTULUN_FOLDER={}", sandbox.process_folder().display());
    eventually("all of them", || family(&entry).len() >= 6 && sandbox.log().contains("ready"));
    let status = sandbox.machine.stop_process(&identity()).expect("stopped");
    assert_eq!((status.state, status.signal), (ProcessState::Stopped, Some(15)));
    assert_eq!(family(&entry), [0; 0]);
}

#[test]
fn what_a_process_leaves_behind_when_it_ends_by_itself_is_ended_too() {
    let sandbox = Sandbox::new();
    sandbox.machine.start_process(&shell("setsid sleep 1001 & exit 0")).expect("started");
    eventually("the end", || sandbox.status().state == ProcessState::Stopped);
    let entry = format!("KHUTULUN_FOLDER={}", sandbox.process_folder().display());
    assert_eq!(family(&entry), [0; 0]);
}

#[test]
fn what_cannot_be_started_is_an_error_at_once() {
    let sandbox = Sandbox::new();
    let base = shell("true");
    let spec = |change: &dyn Fn(&mut khutulun_api::ProcessSpec)| {
        let mut spec = base.clone();
        change(&mut spec);
        spec
    };
    let cases = [
        (
            spec(&|spec| spec.command = vec!["no-such-program".to_owned()]),
            "program `no-such-program` was not found",
        ),
        (
            spec(&|spec| spec.command = vec!["/no/such/program".to_owned()]),
            "program `/no/such/program` was not found",
        ),
        (spec(&|spec| spec.command = vec!["/etc/passwd".to_owned()]), "failed to execute `/etc/passwd`"),
        (spec(&|spec| spec.command.clear()), "the command of the process is empty"),
        (
            spec(&|spec| spec.directory = Some("/no/such".into())),
            "working directory `/no/such` was not found",
        ),
        (spec(&|spec| spec.user = Some("nobody-such".to_owned())), "user `nobody-such` was not found"),
        (spec(&|spec| spec.stop_signal = "HUGO".to_owned()), "there is no signal `HUGO`"),
        (
            spec(&|spec| spec.identity.node = "../x".to_owned()),
            "the name `../x` of the node is not safe as a file name",
        ),
    ];
    for (spec, expected) in cases {
        let error = sandbox.machine.start_process(&spec).expect_err(expected);
        assert_eq!(error.to_string(), expected);
    }
    let status = sandbox.status();
    assert_eq!(status.state, ProcessState::Failed);
    assert_eq!(status.error.as_deref(), Some("working directory `/no/such` was not found"));
    let status = sandbox.machine.start_process(&base).expect("the same operation may try again");
    assert_ne!(status.state, ProcessState::Absent);
}

#[test]
fn a_process_runs_as_the_user_asked_for() {
    if !rustix::process::geteuid().is_root() {
        crate::support::skipped("becoming another user needs root");
        return;
    }
    let sandbox = Sandbox::new();
    let mut spec =
        shell("id -un; id -u; echo $USER; touch here; grep -E '^(Uid|Gid|Groups|CapEff)' /proc/self/status");
    spec.user = Some("daemon".to_owned());
    sandbox.machine.start_process(&spec).expect("started");
    eventually("the end", || sandbox.status().state == ProcessState::Stopped);
    let log = sandbox.log();
    let mut lines = log.lines();
    assert_eq!(lines.next(), Some("daemon"), "{log}");
    assert_eq!(lines.next(), Some("1"));
    assert_eq!(lines.next(), Some("daemon"));
    assert!(log.contains("Uid:\t1\t1\t1\t1"), "{log}");
    assert!(log.contains("Gid:\t1\t1\t1\t1"), "{log}");
    assert!(log.contains("CapEff:\t0000000000000000"), "{log}");
    assert!(sandbox.process_folder().join("work/here").exists());
}
