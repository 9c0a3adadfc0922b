//! Processes as systemd units, against a stand-in for `systemctl`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use khutulun_api::{Machine as _, ProcessSpec, ProcessState, RestartPolicy};
use khutulun_host::{LocalMachine, StateDirectory, SupervisorCommand, Systemd, SystemdScope};

use crate::support::{identity, shell};

/// Knows one unit; writes down how it was called; its state is in a file.
const STAND_IN: &str = r#"#!/bin/sh
here=$(dirname "$0")
echo "$@" >> "$here/calls"
[ "$1" = --system ] || exit 9
case $2 in
start)
    if [ -e "$here/broken" ]; then echo "Job for $3 failed" >&2; exit 1; fi
    echo active > "$here/phase" ;;
stop) echo inactive > "$here/phase" ;;
show)
    state=$(cat "$here/phase" 2>/dev/null || echo inactive)
    echo "ActiveState=$state"; echo "NRestarts=2"; echo "Result=exit-code"
    if [ "$state" = active ]; then echo "MainPID=$PPID"; echo ExecMainCode=0; echo ExecMainStatus=0
    else echo MainPID=0; echo ExecMainCode=2; echo ExecMainStatus=15; fi ;;
esac
"#;

struct Bench {
    folder: tempfile::TempDir,
    machine: LocalMachine,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let systemctl = folder.path().join("systemctl");
        let source = folder.path().join("stand-in");
        fs::write(&source, STAND_IN).expect("a stand-in");
        // Made by another program: a program that another test starts at this moment would have it open for writing too, and what
        // somebody has open for writing cannot be executed.
        let made = Command::new("install").args(["-m", "755"]).args([&source, &systemctl]).status();
        assert!(made.expect("install").success());
        let systemd = Systemd {
            scope: SystemdScope::System,
            unit_folder: folder.path().join("units"),
            systemctl: systemctl.display().to_string(),
        };
        let state = StateDirectory::open(folder.path().join("state")).expect("a state directory");
        let supervisor = SupervisorCommand::new("/no/such", ["supervise"]);
        let machine = LocalMachine::with_systemd(state, supervisor, Some(systemd));
        Self { folder, machine }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn unit(&self) -> PathBuf {
        self.path("units/khutulun-shop-web.service")
    }

    fn calls(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path("calls")).unwrap_or_default();
        let _ = fs::remove_file(self.path("calls"));
        text.lines().filter(|line| !line.contains(" show ")).map(str::to_owned).collect()
    }
}

fn spec() -> ProcessSpec {
    let mut spec = shell("echo 100% \"$HOME\" \\ 'quoted'\n\ttabbed");
    spec.environment.insert("GREETING".to_owned(), "50% \"off\" $now \\".to_owned());
    spec.restart = RestartPolicy::OnFailure;
    spec.restart_delay_ms = 250;
    spec.stop_signal = "USR1".to_owned();
    spec.stop_grace_ms = 10_000;
    spec
}

#[test]
fn a_process_is_a_unit_from_start_to_removal() {
    let bench = Bench::new();
    let started = bench.machine.start_process(&spec()).expect("started");
    assert_eq!(started.state, ProcessState::Running);
    assert_eq!(
        (started.supervisor.as_str(), started.name.as_str()),
        ("systemd", "khutulun-shop-web.service")
    );
    assert_eq!((started.operation.as_deref(), started.restarts), (Some("1-0"), 2));
    assert!(started.pid.is_some() && started.start_ticks.is_some());
    let unit = "khutulun-shop-web.service";
    let expected = ["daemon-reload".to_owned(), format!("reset-failed {unit}"), format!("start {unit}")];
    assert_eq!(bench.calls(), expected.map(|call| format!("--system {call}")));

    assert_eq!(bench.machine.start_process(&spec()).expect("the same").state, ProcessState::Running);
    let other = ProcessSpec { operation: "2-0".to_owned(), ..spec() };
    let error = bench.machine.start_process(&other).expect_err("it runs").to_string();
    assert_eq!(error, format!("unit `{unit}` runs already, started by operation 1-0"));
    assert!(bench.machine.remove_process(&identity()).is_err(), "it runs");
    assert_eq!(bench.calls(), [""; 0], "nothing was changed");

    let stopped = bench.machine.stop_process(&identity()).expect("stopped");
    assert_eq!((stopped.state, stopped.signal), (ProcessState::Stopped, Some(15)));
    bench.machine.remove_process(&identity()).expect("removed");
    let expected = ["stop", "disable", "daemon-reload", "reset-failed"];
    let calls = bench.calls();
    assert_eq!(calls.len(), expected.len(), "{calls:?}");
    for (call, expected) in calls.iter().zip(expected) {
        assert!(call.starts_with(&format!("--system {expected}")), "{calls:?}");
    }
    assert!(!bench.unit().exists());
    assert_eq!(bench.machine.process_status(&identity()).expect("a status").state, ProcessState::Absent);
    assert_eq!(fs::read_dir(bench.path("state")).expect("a folder").count(), 0, "nothing is left");
    bench.machine.stop_process(&identity()).expect("what is not there can be stopped");
    bench.machine.remove_process(&identity()).expect("and removed");
    assert_eq!(bench.calls(), [""; 0]);
}

#[test]
fn what_a_unit_cannot_do_is_refused() {
    let bench = Bench::new();
    let mut cases = vec![
        (ProcessSpec { command: vec!["/no/such".to_owned()], ..spec() }, "program `/no/such` was not found"),
        (
            ProcessSpec { directory: Some("/no/such".into()), ..spec() },
            "working directory `/no/such` was not found",
        ),
        (
            ProcessSpec { directory: Some("/tmp/a\nb".into()), ..spec() },
            "path `/tmp/a\nb` cannot be in a systemd unit",
        ),
    ];
    if rustix::process::geteuid().is_root() {
        let user = ProcessSpec { user: Some("daemon".to_owned()), ..spec() };
        cases.push((user, "a systemd unit of user `daemon` needs a working directory of its own"));
    }
    for (spec, expected) in cases {
        assert_eq!(bench.machine.start_process(&spec).expect_err(expected).to_string(), expected);
    }
    assert!(!bench.unit().exists());
    assert_eq!(bench.calls(), [""; 0]);
}

#[test]
fn what_systemd_refuses_is_told_and_units_of_others_are_left_alone() {
    let bench = Bench::new();
    fs::write(bench.path("broken"), "").expect("broken");
    let error = bench.machine.start_process(&spec()).expect_err("refused");
    let source = std::error::Error::source(&error).expect("a cause").to_string();
    assert_eq!(
        (error.to_string().as_str(), source.as_str()),
        (
            "failed to run `systemctl start khutulun-shop-web.service`",
            "Job for khutulun-shop-web.service failed"
        )
    );
    fs::write(bench.unit(), "[Service]\nExecStart=/bin/true\n").expect("somebody's");
    let expected = format!("unit `{}` was not made for node `web` of service `shop`", bench.unit().display());
    assert_eq!(bench.machine.start_process(&spec()).expect_err("not ours").to_string(), expected);
    assert_eq!(bench.machine.stop_process(&identity()).expect_err("not ours").to_string(), expected);
    assert_eq!(bench.machine.remove_process(&identity()).expect_err("not ours").to_string(), expected);
    assert!(bench.unit().exists());
}

#[test]
fn the_text_of_a_unit_is_what_systemd_reads() {
    let bench = Bench::new();
    bench.machine.start_process(&spec()).expect("started");
    let text = fs::read_to_string(bench.unit()).expect("a unit");
    let folder = bench.machine.state().root().join("processes/shop/web");
    let folder = folder.display();
    let expected = format!(
        r#"# Made by khutulun; `khutulun destroy` removes it.
[Unit]
Description=khutulun: web of shop
StartLimitIntervalSec=60
StartLimitBurst=4

[Service]
Type=exec
ExecStart="/bin/sh" "-c" "echo 100%% \"$$HOME\" \\ 'quoted'\n\ttabbed"
Environment="GREETING=50%% \"off\" $now \\"
Environment="KHUTULUN_SERVICE=shop"
Environment="KHUTULUN_NODE=web"
Environment="KHUTULUN_OPERATION=1-0"
Environment="KHUTULUN_FOLDER={folder}"
WorkingDirectory={folder}/work
Restart=on-failure
RestartSec=250ms
KillSignal=SIGUSR1
TimeoutStopSec=10000ms
StandardInput=null
StandardOutput=append:{folder}/stdout.log
StandardError=append:{folder}/stderr.log

[Install]
WantedBy=multi-user.target

[X-Khutulun]
Service=shop
Node=web
Operation=1-0
"#
    );
    assert_eq!(text, expected);
    verify(&bench.unit());
}

fn verify(unit: &Path) {
    let Ok(output) = Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(unit).output() else {
        crate::support::skipped("systemd-analyze is not installed");
        return;
    };
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if said.contains("Failed to initialize manager") || said.contains("Failed to setup working directory") {
        crate::support::skipped(&format!("systemd-analyze does not work here: {said}"));
        return;
    }
    // It verifies what the unit wants too, and complains about units of this machine that are none of our business.
    let ours: Vec<&str> = said.lines().filter(|line| line.contains("khutulun-")).collect();
    assert_eq!(ours, [""; 0], "{said}");
    assert!(output.status.success() || !said.is_empty(), "{said}");
}
