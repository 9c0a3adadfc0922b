//! What policies do while an agent is at work, with the real binary.

use std::path::Path;

use serde_json::Value as Json;

use crate::{
    agent::{Agent, events},
    sandbox::{Sandbox, poll},
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
