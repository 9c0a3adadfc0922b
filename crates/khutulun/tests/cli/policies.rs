//! What policies do while an agent is at work, with the real binary.

use std::path::Path;

use serde_json::Value as Json;

use crate::{
    agent::{Agent, events},
    sandbox::{Sandbox, finish, poll},
};

/// Events of a name about a node.
fn of(events: &[Json], node: &str, name: &str) -> usize {
    events.iter().filter(|event| event["node"] == node && event["name"] == name).count()
}

/// Waits until something was told.
#[track_caller]
fn told(sandbox: &Sandbox, node: &str, name: &str, count: usize) -> Vec<Json> {
    poll(&format!("{name} of {node}"), || {
        let events = events(sandbox);
        (of(&events, node, name) >= count).then_some(events)
    })
}

/// C350: an event, a trigger, activities; what always ends is left as it is after some times.
#[test]
fn a_service_heals_itself_and_gives_up_what_always_ends() {
    let sandbox = Sandbox::new();
    let agent = Agent::start(&sandbox);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let example = root.join("examples/self-healing").display().to_string();
    sandbox.run(&["deploy", &example, "--yes"]).expect(0);
    let events = told(&sandbox, "doomed", "policy.exhausted", 1);
    assert_eq!(of(&events, "doomed", "policy.reacted"), 3);
    assert_eq!(of(&events, "doomed", "process.exited"), 4);
    let exited = events.iter().find(|event| event["name"] == "process.exited").unwrap();
    assert_eq!(exited["data"]["exit_code"], 3);
    let exhausted = events.iter().find(|event| event["name"] == "policy.exhausted").unwrap();
    assert_eq!(exhausted["data"]["policy"], "patience/exited");
    assert_eq!(of(&events, "web", "process.exited"), 0);
    agent.end();
    sandbox.run(&["destroy", "self-healing", "--yes"]).expect(0);
}

const POOL: &str = "
tosca_definitions_version: tosca_2_0
imports: [ { profile: khutulun.process:0.1 }, { profile: khutulun.policies:0.1 } ]
interface_types:
  Keeping: { operations: { note: { inputs: { file: { type: string, default: nowhere } } } } }
node_types:
  Worker:
    derived_from: Process
    interfaces: { keeping: { type: Keeping, operations: { note: { implementation: note.sh } } } }
service_template:
  inputs: { mark: { type: string }, file: { type: string } }
  node_templates:
    worker:
      type: Worker
      count: 1
      properties:
        command: [ sleep, '100000' ]
        environment: { ROLE: worker, MARK: { $get_input: mark } }
  policies:
  - growth:
      type: Reaction
      targets: [ worker ]
      triggers:
        full: { event: queue.full, action: [ { call_operation: { operation: orchestration.scale, inputs: { by: 1 } } }, { inline: tell } ] }
        empty: { event: queue.empty, action: [ { call_operation: { operation: orchestration.scale, inputs: { to: 1 } } } ] }
  workflows:
    tell:
      steps:
        one:
          target: worker
          activities: [ { call_operation: { operation: keeping.note, inputs: { file: { $get_input: file } } } } ]
";

/// Another number of nodes is a revision like any other, and what follows in the trigger comes after it.
#[test]
fn a_trigger_scales_and_goes_on_with_a_workflow() {
    let sandbox = Sandbox::new();
    sandbox.write("pool/note.sh", "#!/bin/sh\necho noted >> \"$file\"\n");
    let design = sandbox.write("pool/service.yaml", POOL);
    let file = sandbox.path("noted").display().to_string();
    sandbox.deploy(&design, &["-i", &format!("file={file}")]).expect(0);
    let agent = Agent::start(&sandbox);
    sandbox.run(&["events", "emit", "queue.full"]).expect(0);
    poll("two workers, and both took notes", || {
        std::fs::read_to_string(&file).is_ok_and(|noted| noted.lines().count() == 2).then_some(())
    });
    assert_eq!(sandbox.roles().len(), 2);
    let history = sandbox.run(&["history", "-o", "json"]).expect(0).stdout;
    assert!(history.contains("\"scale\""), "{history}");
    sandbox.run(&["events", "emit", "queue.empty"]).expect(0);
    poll("one worker is left", || (sandbox.roles().len() == 1).then_some(()));
    agent.end();
    sandbox.run(&["destroy", "pool", "--yes"]).expect(0);
    assert_eq!(sandbox.processes(), []);
}

const SLOW: &str = "
tosca_definitions_version: tosca_2_0
imports: [ { profile: khutulun.process:0.1 }, { profile: khutulun.policies:0.1 } ]
interface_types:
  Keeping: { operations: { wait: { inputs: { gate: { type: string } } }, note: { inputs: { file: { type: string } } } } }
node_types:
  Thing:
    properties: { gate: { type: string }, file: { type: string } }
    interfaces:
      keeping:
        type: Keeping
        operations:
          wait: { implementation: wait.sh, inputs: { gate: { $get_property: [ SELF, gate ] } } }
          note: { implementation: note.sh, inputs: { file: { $get_property: [ SELF, file ] } } }
service_template:
  inputs: { gate: { type: string }, file: { type: string } }
  node_templates:
    thing: { type: Thing, properties: { gate: { $get_input: gate }, file: { $get_input: file } } }
  policies:
  - care:
      type: Reaction
      targets: [ thing ]
      triggers: { told: { event: told, action: [ { call_operation: keeping.note } ] } }
  workflows:
    slow: { steps: { one: { target: thing, activities: [ { call_operation: keeping.wait } ] } } }
";

/// Nothing is done to a service that somebody is at work on; when they have ended, it is.
#[test]
fn a_trigger_waits_for_whoever_is_at_work() {
    let sandbox = Sandbox::new();
    sandbox.write("slow/note.sh", "#!/bin/sh\necho noted >> \"$file\"\n");
    sandbox.write(
        "slow/wait.sh",
        "#!/bin/sh\ntouch \"$gate.reached\"\nwhile [ ! -e \"$gate\" ]; do sleep 0.02; done\n",
    );
    let design = sandbox.write("slow/service.yaml", SLOW).display().to_string();
    let (gate, file) = (sandbox.path("gate"), sandbox.path("noted"));
    let inputs = [format!("gate={}", gate.display()), format!("file={}", file.display())];
    sandbox.run(&["deploy", &design, "--yes", "-i", &inputs[0], "-i", &inputs[1]]).expect(0);
    let agent = Agent::start(&sandbox);
    let slow = sandbox.start(&["run", "slow", "--yes"]);
    poll("the workflow runs", || sandbox.path("gate.reached").exists().then_some(()));
    let emitted = sandbox.run(&["events", "emit", "told", "-o", "json"]).expect(0).json();
    poll("the agent has seen it", || {
        let status = sandbox.run(&["agent", "status", "-o", "json"]).expect(0).json();
        (status["cursor"].as_u64() >= emitted["cursor"].as_u64() && status["at_work"] == 0).then_some(())
    });
    assert!(!file.exists());
    std::fs::write(&gate, "").unwrap();
    finish(slow).expect(0);
    poll("it is done", || file.exists().then_some(()));
    agent.end();
    sandbox.run(&["destroy", "slow", "--yes"]).expect(0);
}
