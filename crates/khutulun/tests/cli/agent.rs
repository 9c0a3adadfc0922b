//! The agent: it heals without being asked twice, whatever dies in between.

use std::{
    fs,
    io::{Read as _, Write as _},
    os::unix::net::UnixStream,
    process::{Child, Command, Stdio},
};

use serde_json::Value as Json;

use crate::sandbox::{Ended, Sandbox, finish, poll, skipped};

/// A process that lives until it is killed, and a policy that heals it.
const HEALING: &str = r#"
tosca_definitions_version: tosca_2_0
imports: [ { profile: khutulun.process:0.1 }, { profile: khutulun.policies:0.1 } ]
service_template:
  inputs: { mark: { type: string } }
  node_templates:
    web:
      type: Process
      properties:
        command: [ sleep, "100000" ]
        environment: { ROLE: web, MARK: { $get_input: mark } }
  policies:
  - life: { type: Heal, targets: [ web ] }
"#;

/// An agent that is at work. It is ended with the test.
pub(crate) struct Agent {
    child: Child,
    told: std::path::PathBuf,
}

impl Agent {
    #[track_caller]
    pub(crate) fn start(sandbox: &Sandbox) -> Self {
        let told = sandbox.path("agent.told");
        let child = sandbox
            .command(&["agent", "--progress", "plain"])
            .stdout(Stdio::null())
            .stderr(fs::File::create(&told).unwrap())
            .spawn()
            .unwrap();
        poll("the agent is at work", || fs::read_to_string(&told).ok()?.contains("at work").then_some(()));
        Self { child, told }
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &pid]).status().unwrap().success());
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    #[track_caller]
    pub(crate) fn end(mut self) {
        self.signal("TERM");
        let code = poll("the agent ends", || self.child.try_wait().unwrap()).code();
        assert_eq!(code, Some(0), "{}", fs::read_to_string(&self.told).unwrap());
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[track_caller]
pub(crate) fn events(sandbox: &Sandbox) -> Vec<Json> {
    let told = sandbox.run(&["events", "-o", "jsonl"]).expect(0).stdout;
    told.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn count(events: &[Json], name: &str) -> usize {
    events.iter().filter(|event| event["name"] == name).count()
}

fn kill(pid: u32) {
    assert!(Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap().success());
}

/// Waits until the process of a role is another one than it was, and returns it.
#[track_caller]
fn healed(sandbox: &Sandbox, role: &str, before: u32) -> u32 {
    poll("it is healed", || {
        let found = sandbox.processes();
        let mut all = found.iter().filter(|(found, pid)| found == role && *pid != before);
        all.next().map(|(_, pid)| *pid)
    })
}

/// Waits until the service's last run has ended.
#[track_caller]
fn at_rest(sandbox: &Sandbox, runs: usize) {
    poll("the runs have ended", || (count(&events(sandbox), "run.ended") >= runs).then_some(()));
}

#[test]
fn a_process_that_is_killed_is_healed_and_the_chain_of_events_shows_why() {
    let sandbox = Sandbox::new();
    let design = sandbox.write("shop/service.yaml", HEALING);
    sandbox.deploy(&design, &[]).expect(0);
    let agent = Agent::start(&sandbox);
    let mut pid = sandbox.pid("web");
    for times in 1..=2 {
        kill(pid);
        pid = healed(&sandbox, "web", pid);
        // What was deployed, what was looked at, and what was started.
        at_rest(&sandbox, 1 + 2 * times);
    }
    let events = events(&sandbox);
    assert_eq!(count(&events, "process.exited"), 2);
    assert_eq!(count(&events, "policy.reacted"), 2);
    let exited = events.iter().find(|event| event["name"] == "process.exited").unwrap();
    assert_eq!((&exited["node"], &exited["data"]["signal"]), (&"web".into(), &9.into()));
    assert!(exited["author"].as_str().unwrap().starts_with("agent of "), "{exited}");
    let reacted = events.iter().find(|event| event["name"] == "policy.reacted").unwrap();
    assert_eq!(reacted["data"]["of"], exited["cursor"]);
    assert_eq!(sandbox.pid("web"), pid, "there is one");
    let status = sandbox.run(&["agent", "status", "-o", "json"]).expect(0).json();
    assert_eq!((&status["told"], &status["performed"]), (&2.into(), &2.into()), "{status:#}");
    assert_eq!(status["alarm"], false, "nothing waits for time to pass");
    agent.end();
    sandbox.run(&["agent", "status"]).expect(6).five_parts();
}

#[test]
fn what_happened_while_no_agent_was_there_is_healed_once_when_one_is() {
    let sandbox = Sandbox::new();
    let design = sandbox.write("shop/service.yaml", HEALING);
    sandbox.deploy(&design, &[]).expect(0);
    // From its first beginning on, an agent is responsible.
    Agent::start(&sandbox).kill();
    let pid = sandbox.pid("web");
    kill(pid);
    let agent = Agent::start(&sandbox);
    let new = healed(&sandbox, "web", pid);
    at_rest(&sandbox, 3);
    agent.kill();
    let agent = Agent::start(&sandbox);
    // Something that comes after all that it could have to do.
    sandbox.run(&["events", "emit", "checked"]).expect(0);
    poll("all was looked at", || {
        let end = events(&sandbox).last()?["cursor"].as_u64()?;
        let status = sandbox.run(&["agent", "status", "-o", "json"]).expect(0).json();
        (status["cursor"].as_u64()? >= end && status["at_work"] == 0).then_some(())
    });
    assert_eq!(sandbox.pid("web"), new);
    let events = events(&sandbox);
    assert_eq!((count(&events, "process.exited"), count(&events, "policy.reacted")), (1, 1));
    agent.end();
}

/// A script that says that it was reached and waits for the gate, called when somebody tells of something.
fn gated(sandbox: &Sandbox) -> std::path::PathBuf {
    let gate = sandbox.path("gate");
    sandbox.write(
        "gated/work.sh",
        &format!(
            "#!/bin/sh\necho run >> {gate}.reached\nwhile [ ! -e {gate} ]; do sleep 0.02; done\necho done >> {gate}.ended\n",
            gate = gate.display()
        ),
    );
    sandbox.write(
        "gated/service.yaml",
        r#"
tosca_definitions_version: tosca_2_0
imports: [ { profile: khutulun.process:0.1 } ]
interface_types:
  Working: { operations: { work: {} } }
node_types:
  Worker:
    artifacts: { work: { type: Script, file: work.sh } }
    interfaces: { working: { type: Working, operations: { work: work } } }
policy_types:
  Eager:
    triggers:
      asked: { event: asked, action: [ { call_operation: working.work } ] }
service_template:
  node_templates: { worker: { type: Worker } }
  policies: [ eager: { type: Eager, targets: [ worker ] } ]
"#,
    );
    sandbox.path("gated")
}

fn reached(sandbox: &Sandbox) -> String {
    fs::read_to_string(sandbox.path("gate.reached")).unwrap_or_default()
}

#[test]
fn an_agent_that_is_killed_in_the_middle_goes_on_where_it_was_and_does_nothing_twice() {
    let sandbox = Sandbox::new();
    let design = gated(&sandbox).display().to_string();
    sandbox.run(&["deploy", &design, "--yes"]).expect(0);
    let agent = Agent::start(&sandbox);
    sandbox.run(&["events", "emit", "asked"]).expect(0);
    poll("the script runs", || (reached(&sandbox) == "run\n").then_some(()));
    agent.kill();
    let agent = Agent::start(&sandbox);
    fs::write(sandbox.path("gate"), "").unwrap();
    poll("the reaction has ended", || {
        let events = events(&sandbox);
        (count(&events, "run.ended") == count(&events, "run.began")).then_some(())
    });
    assert_eq!(reached(&sandbox), "run\n", "it ran once");
    let all = events(&sandbox);
    assert_eq!(count(&all, "policy.reacted"), 1);
    let ended = all.iter().rfind(|event| event["name"] == "run.ended").unwrap();
    assert_eq!(ended["data"]["result"], "succeeded");
    agent.end();
}

#[test]
fn whoever_ends_it_waits_for_what_runs() {
    let sandbox = Sandbox::new();
    let design = gated(&sandbox).display().to_string();
    sandbox.run(&["deploy", &design, "--yes"]).expect(0);
    let mut agent = Agent::start(&sandbox);
    sandbox.run(&["events", "emit", "asked"]).expect(0);
    poll("the script runs", || (reached(&sandbox) == "run\n").then_some(()));
    agent.signal("TERM");
    let told = agent.told.clone();
    poll("it is heard", || fs::read_to_string(&told).unwrap().contains("stopping").then_some(()));
    assert!(agent.child.try_wait().unwrap().is_none());
    fs::write(sandbox.path("gate"), "").unwrap();
    assert_eq!(poll("the agent ends", || agent.child.try_wait().unwrap()).code(), Some(0));
    let all = events(&sandbox);
    let ended = all.iter().rfind(|event| event["name"] == "run.ended").unwrap();
    assert_eq!(ended["data"]["result"], "succeeded");
    assert!(!sandbox.state().join("agent.sock").exists());
}

#[test]
fn timers_and_files_of_policies_lead_to_what_their_triggers_say() {
    let sandbox = Sandbox::new();
    let design = gated(&sandbox);
    fs::write(sandbox.path("gate"), "").unwrap();
    let (text, watched) = (design.join("service.yaml"), sandbox.path("watched"));
    let service = fs::read_to_string(&text).unwrap();
    let service = service
        .replace(
            "khutulun.process:0.1 } ]",
            "khutulun.process:0.1 }, { profile: khutulun.policies:0.1, namespace: policies } ]",
        )
        .replace(
            "policies: [ eager: { type: Eager, targets: [ worker ] } ]",
            &format!(
                "policies:
  - tick: {{ type: policies:Timer, properties: {{ every: 100 ms }} }}
  - second: {{ type: OnTick, targets: [ worker ] }}
  - other: {{ type: policies:File, properties: {{ path: {watched}.other }} }}
  - config:
      type: OnChange
      targets: [ worker ]
      properties: {{ path: {watched} }}
",
                watched = watched.display()
            ),
        )
        .replace(
            "  Eager:\n",
            "  OnTick:
    derived_from: policies:Reaction
    properties: { times_max: { type: integer, default: 2 } }
    triggers:
      tick: { event: timer.tick, action: [ { call_operation: working.work } ] }
  OnChange:
    derived_from: policies:File
    triggers:
      changed: { event: file.changed, action: [ { call_operation: working.work } ] }
  Eager:\n",
        );
    fs::write(&text, service).unwrap();
    sandbox.run(&["deploy", &design.display().to_string(), "--yes"]).expect(0);
    let agent = Agent::start(&sandbox);
    poll("the timer led to something, and no more often than it may", || {
        (count(&events(&sandbox), "policy.exhausted") == 1).then_some(())
    });
    poll("both are done", || (reached(&sandbox) == "run\nrun\n").then_some(()));
    // The other file is of another policy, which has no triggers.
    fs::write(sandbox.path("watched.other"), "").unwrap();
    poll("it is told", || (count(&events(&sandbox), "file.changed") == 1).then_some(()));
    fs::write(&watched, "").unwrap();
    poll("the file led to something", || (reached(&sandbox) == "run\nrun\nrun\n").then_some(()));
    poll("it has ended", || {
        let all = events(&sandbox);
        (count(&all, "run.ended") == count(&all, "run.began")).then_some(())
    });
    assert_eq!(count(&events(&sandbox), "file.changed"), 2);
    agent.end();
}

#[test]
fn of_two_agents_the_second_says_who_the_first_is() {
    let sandbox = Sandbox::new();
    let agent = Agent::start(&sandbox);
    let second = sandbox.run(&["agent"]).expect(5);
    assert!(second.five_parts().stderr.contains(&format!("pid {}", agent.child.id())), "{}", second.stderr);
    agent.kill();
    Agent::start(&sandbox).end();
}

#[test]
fn the_socket_takes_what_is_posted_and_nobody_elses_word() {
    let sandbox = Sandbox::new();
    let agent = Agent::start(&sandbox);
    let mut stream = UnixStream::connect(sandbox.state().join("agent.sock")).unwrap();
    stream
        .write_all(b"POST /events/pushed HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{\"by\": 1}")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    let all = events(&sandbox);
    let pushed = all.iter().find(|event| event["name"] == "webhook.pushed").unwrap();
    assert_eq!(pushed["data"]["by"], 1);
    agent.end();
}

#[test]
fn a_unit_is_written_verified_and_removed_and_nothing_is_enabled() {
    let sandbox = Sandbox::new();
    let unit = sandbox.path(".config/systemd/user/khutulun-agent.service");
    let shown = sandbox.run(&["agent", "install", "--user", "--dry-run"]).expect(0).stdout;
    assert!(shown.contains("ExecStart=") && shown.contains("systemctl --user enable --now"), "{shown}");
    assert!(!unit.exists() && !sandbox.state().exists());
    let written = sandbox.run(&["agent", "install", "--user"]).expect(0).stdout;
    assert!(written.contains("nothing is enabled or started"), "{written}");
    let text = fs::read_to_string(&unit).unwrap();
    assert!(text.contains(&format!("--state \"{}\"", sandbox.state().display())), "{text}");
    verify(&unit);
    // Again is no harm, and while it is enabled it stays.
    sandbox.run(&["agent", "install", "--user"]).expect(0);
    let wanted = sandbox.write(".config/systemd/user/default.target.wants/khutulun-agent.service", "");
    sandbox.run(&["agent", "uninstall", "--user"]).expect(5).five_parts();
    fs::remove_file(wanted).unwrap();
    sandbox.run(&["agent", "uninstall", "--user", "--dry-run"]).expect(0);
    assert!(unit.exists());
    sandbox.run(&["agent", "uninstall", "--user"]).expect(0);
    assert!(!unit.exists());
    sandbox.run(&["agent", "uninstall", "--user"]).expect(0);
    // What somebody else wrote is left alone.
    fs::write(&unit, "[Service]\n").unwrap();
    sandbox.run(&["agent", "install", "--user"]).expect(7).five_parts();
    sandbox.run(&["agent", "uninstall", "--user"]).expect(7).five_parts();
    assert_eq!(fs::read_to_string(&unit).unwrap(), "[Service]\n");
}

/// Where systemd's own tools are, they have nothing to say against the unit.
fn verify(unit: &std::path::Path) {
    let verified = Command::new("systemd-analyze")
        .args(["verify", "--man=no", "--user"])
        .arg(unit)
        .env("XDG_RUNTIME_DIR", unit.parent().unwrap())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    match verified {
        Ok(child) => {
            let Ended { code, stderr, .. } = finish(child);
            let about: Vec<&str> =
                stderr.lines().filter(|line| line.contains("khutulun-agent.service")).collect();
            assert!(code == 0 || about.is_empty(), "{stderr}");
        }
        Err(error) => skipped("agent unit", &format!("systemd-analyze: {error}")),
    }
}
