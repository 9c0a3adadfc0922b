//! What has lost whoever kept it, what is dead although it is recorded as started, and whose it is.

use std::process::Command;

use serde_json::Value as Json;

use crate::{
    agent::{Agent, events},
    sandbox::{Sandbox, poll},
};

/// A process that is started again when it is killed, one that is not, and a policy that heals both.
const DESIGN: &str = r#"
tosca_definitions_version: tosca_2_0
imports: [ { profile: khutulun.process:0.1 }, { profile: khutulun.policies:0.1 } ]
service_template:
  inputs: { mark: { type: string } }
  node_templates:
    web:
      type: Process
      properties:
        command: [ sleep, "100000" ]
        restart: on-failure
        restart_delay: 1
        environment: { ROLE: web, MARK: { $get_input: mark } }
    db:
      type: Process
      properties:
        command: [ sleep, "100000" ]
        environment: { ROLE: db, MARK: { $get_input: mark } }
  policies:
  - life: { type: Heal, targets: [ web ] }
"#;

fn deployed() -> (Sandbox, std::path::PathBuf) {
    let sandbox = Sandbox::new();
    let design = sandbox.write("shop/service.yaml", DESIGN);
    sandbox.deploy(&design, &[]).expect(0);
    (sandbox, design)
}

fn kill(pid: u32) {
    assert!(Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap().success());
}

fn record(sandbox: &Sandbox, role: &str) -> Json {
    let path = sandbox.state().join("processes/shop").join(role).join("status.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn supervisor(sandbox: &Sandbox, role: &str) -> u32 {
    u32::try_from(record(sandbox, role)["supervisor"]["pid"].as_u64().unwrap()).unwrap()
}

/// A node of `status`.
fn seen(sandbox: &Sandbox, role: &str) -> Json {
    let status = sandbox.run(&["status", role, "-o", "json"]).expect(0).json();
    status["services"][0]["nodes"][0].clone()
}

/// Kills a supervisor as anybody might, and waits until that is seen.
fn leave_alone(sandbox: &Sandbox, role: &str) {
    kill(supervisor(sandbox, role));
    poll("nobody keeps it", || (seen(sandbox, role)["effective"] == "unsupervised").then_some(()));
}

/// Kills a process, and waits until its supervisor knows.
fn end(sandbox: &Sandbox, role: &str) {
    kill(sandbox.pid(role));
    poll("its supervisor knows", || (record(sandbox, role)["phase"] == "ended").then_some(()));
}

#[test]
fn a_supervisor_that_was_killed_is_seen_and_replaced_and_the_process_goes_on() {
    let (sandbox, design) = deployed();
    let before = sandbox.processes();
    let mark = sandbox.mark_input();
    let repairs: [&[&str]; 3] = [
        &["refresh", "--repair", "--yes"],
        &["start", "web", "--yes"],
        &["deploy", design.to_str().unwrap(), "--yes", "-i", &mark],
    ];
    for repair in repairs {
        leave_alone(&sandbox, "web");
        let shown = sandbox.run(&["status", "web"]).expect(0).stdout;
        assert!(shown.contains("▲ unsupervised") && shown.contains("nothing starts it again"), "{shown}");
        let refreshed = sandbox.run(&["refresh"]).expect(2).stdout;
        assert!(refreshed.contains("it is unsupervised, and should be supervised"), "{refreshed}");
        sandbox.run(repair).expect(0);
        assert_eq!(seen(&sandbox, "web")["effective"], "running");
        assert_eq!(sandbox.processes(), before, "after {repair:?}");
        sandbox.run(&["refresh"]).expect(0);
        sandbox.run(&["plan", design.to_str().unwrap(), "-i", &mark]).expect(0);
    }
    // What it was told to do it does again.
    kill(sandbox.pid("web"));
    poll("it is started again", || {
        sandbox.processes().iter().any(|process| process.0 == "web" && *process != before[1]).then_some(())
    });
    // What is at rest has no supervisor to lose.
    leave_alone(&sandbox, "db");
    sandbox.run(&["stop", "db", "--yes"]).expect(0);
    assert_eq!(sandbox.roles(), ["web"]);
    sandbox.run(&["destroy", "shop", "--yes"]).expect(0);
    assert_eq!(sandbox.roles(), [""; 0]);
}

#[test]
fn an_agent_tells_that_a_supervisor_was_killed_and_a_policy_heals_that() {
    let (sandbox, _) = deployed();
    let before = sandbox.processes();
    let agent = Agent::start(&sandbox);
    for (times, role) in ["db", "web"].into_iter().enumerate() {
        let killed = supervisor(&sandbox, role);
        kill(killed);
        let told = poll("it is told", || {
            let all = events(&sandbox);
            let told: Vec<_> =
                all.into_iter().filter(|event| event["name"] == "process.unsupervised").collect();
            (told.len() > times).then_some(told)
        });
        assert_eq!(
            (&told[times]["node"], &told[times]["data"]["state"]),
            (&role.into(), &"unsupervised".into())
        );
    }
    poll("it is healed", || {
        (supervisor(&sandbox, "web") != 0 && seen(&sandbox, "web")["effective"] == "running").then_some(())
    });
    assert_eq!(sandbox.processes(), before);
    // Nobody had a policy for the other.
    assert_eq!(seen(&sandbox, "db")["effective"], "unsupervised");
    agent.end();
}

#[test]
fn what_is_recorded_as_started_and_is_dead_is_started() {
    let (sandbox, design) = deployed();
    let mark = sandbox.mark_input();
    let nothing = sandbox.run(&["start", "db", "web", "--yes"]).expect(0).stdout;
    assert_eq!(nothing, "Nothing to do.\n");
    let web = sandbox.pid("web");

    end(&sandbox, "db");
    let asked = sandbox.run(&["start", "shop:"]).expect(64);
    assert!(asked.stderr.contains("it is failed, and should be running"), "{}", asked.stderr);
    sandbox.run(&["start", "shop:", "--yes"]).expect(0);
    let db = sandbox.pid("db");

    // A deployment sees it, too, and no refresh has to be asked for.
    end(&sandbox, "db");
    let words = [design.to_str().unwrap(), "-i", &mark];
    let planned = sandbox.run(&[&["plan"], &words[..]].concat()).expect(2).stdout;
    assert!(planned.contains("it is failed, and should be running"), "{planned}");
    sandbox.run(&[&["deploy", "--yes"], &words[..]].concat()).expect(0);
    assert_ne!(sandbox.pid("db"), db);
    assert_eq!(sandbox.pid("web"), web);
    sandbox.run(&[&["plan"], &words[..]].concat()).expect(0);

    // As after the machine was started again: nothing of what was recorded runs.
    for role in ["web", "db"] {
        kill(supervisor(&sandbox, role));
        kill(sandbox.pid(role));
        let mut record = record(&sandbox, role);
        record["boot_id"] = "another".into();
        sandbox.write(&format!("state/processes/shop/{role}/status.json"), &record.to_string());
    }
    poll("both have ended", || sandbox.roles().is_empty().then_some(()));
    sandbox.run(&[&["deploy", "--yes"], &words[..]].concat()).expect(0);
    assert_eq!(sandbox.roles(), ["db", "web"]);
}

#[test]
fn a_copy_of_the_state_directory_leaves_what_the_original_runs_alone() {
    let (sandbox, _) = deployed();
    let before = sandbox.processes();
    let copy = sandbox.path("copy").display().to_string();
    assert!(Command::new("cp").arg("-a").arg(sandbox.state()).arg(&copy).status().unwrap().success());
    let inside = |words: &[&str]| sandbox.run(&[&["--state", &copy], words].concat());
    let belongs = format!("belongs to the state directory `{}`", sandbox.state().display());
    let status = inside(&["status"]).expect(0).stdout;
    assert!(status.contains("absent (was started)") && status.contains(&belongs), "{status}");
    let refused = inside(&["start", "shop:", "--yes"]).expect(1);
    refused.five_parts();
    assert!(refused.stderr.contains(&belongs), "{}", refused.stderr);
    inside(&["restart", "web", "--yes"]).expect(1);
    inside(&["destroy", "shop", "--yes"]).expect(0);
    assert_eq!(sandbox.processes(), before);
    sandbox.run(&["refresh"]).expect(0);
}

#[test]
fn a_store_that_is_restored_elsewhere_knows_of_no_processes_and_can_start_its_own() {
    let (sandbox, _) = deployed();
    let before = sandbox.processes();
    let (file, other) =
        (sandbox.path("copy.db").display().to_string(), sandbox.path("other").display().to_string());
    sandbox.run(&["store", "backup", &file]).expect(0);
    let inside = |words: &[&str]| sandbox.run(&[&["--state", &other], words].concat());
    inside(&["store", "restore", &file]).expect(0);
    assert!(inside(&["status"]).expect(0).stdout.contains("absent (was started)"));
    inside(&["start", "web", "--yes"]).expect(0);
    assert_eq!(sandbox.roles(), ["db", "web", "web"]);
    inside(&["destroy", "shop", "--yes"]).expect(0);
    assert_eq!(sandbox.processes(), before);
}
