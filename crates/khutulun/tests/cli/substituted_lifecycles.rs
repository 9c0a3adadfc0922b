//! Operations of the lifecycle of a substituted node that are workflows of the service inside (TOSCA 2.0, 15.6).

use std::{fs, process::Stdio};

use crate::sandbox::{Sandbox, poll};

const TYPES: &str = "\
tosca_definitions_version: tosca_2_0
imports: [ profile: 'khutulun.process:0.1' ]
interface_types: { Keeping: { operations: { fill: {}, drain: {} } } }
node_types:
  Store:
    attributes: { level: { type: integer } }
    interfaces:
      lifecycle:
        type: Lifecycle
        operations: { start: { inputs: { much: 3 }, outputs: { level: [ SELF, level ] } } }
  Disk:
    interfaces:
      lifecycle:
        type: Lifecycle
        operations:
          start: { implementation: note.sh, inputs: { text: started } }
          stop: { implementation: note.sh, inputs: { text: stopped } }
      keeping:
        type: Keeping
        operations:
          fill: { implementation: note.sh, inputs: { text: filled } }
          drain: { implementation: note.sh, inputs: { text: drained } }
";

const SERVICE: &str = "\
tosca_definitions_version: tosca_2_0
metadata: { khutulun.substitutions: [ backend.yaml ] }
imports: [ types.yaml ]
service_template:
  node_templates: { store: { type: Store, directives: [ substitute ] } }
  outputs: { level: { value: { $get_attribute: [ store, level ] } } }
";

const BACKEND: &str = "\
tosca_definitions_version: tosca_2_0
imports: [ types.yaml ]
service_template:
  substitution_mappings: { node_type: Store, interfaces: { lifecycle: { start: open, stop: close } } }
  node_templates: { disk: { type: Disk } }
  workflows:
    open:
      inputs: { much: { type: integer } }
      outputs: { level: { value: { $get_input: much } } }
      steps:
        one: { target: disk, activities: [ { call_operation: lifecycle.start }, { call_operation: keeping.fill } ] }
    close:
      steps:
        one: { target: disk, activities: [ { call_operation: keeping.drain }, { call_operation: lifecycle.stop } ] }
";

const NOTE: &str = r#"#!/bin/sh
echo "$text" >> "$HOME/notes"
if [ -e "$HOME/wait-$text" ]; then while [ ! -e "$HOME/gate" ]; do sleep 0.02; done; fi
if [ -e "$HOME/fail-$text" ]; then echo 'it leaks' >&2; exit 1; fi
"#;

fn shop() -> Sandbox {
    let sandbox = Sandbox::new();
    for (name, text) in
        [("types.yaml", TYPES), ("service.yaml", SERVICE), ("backend.yaml", BACKEND), ("note.sh", NOTE)]
    {
        sandbox.write(&format!("shop/{name}"), text);
    }
    sandbox
}

/// What was noted since one last looked.
fn notes(sandbox: &Sandbox) -> String {
    let notes = fs::read_to_string(sandbox.path("notes")).unwrap_or_default();
    sandbox.write("notes", "");
    notes.lines().collect::<Vec<_>>().join(" ")
}

/// C338: each plan that has the operation has the workflow in its place, and what the plan itself does with the nodes inside is not
/// done twice.
#[test]
fn whatever_brings_a_node_up_or_takes_it_away_runs_its_workflows() {
    let sandbox = shop();
    sandbox.run(&["deploy", "shop", "--yes"]).expect(0);
    assert_eq!(notes(&sandbox), "started filled");
    // The workflow has the operation's inputs, and the operation its outputs.
    assert_eq!(sandbox.run(&["outputs", "level"]).expect(0).stdout, "3\n");
    let again = sandbox.run(&["plan", "shop"]).expect(0);
    assert!(again.stdout.contains("Nothing to do"), "{}", again.stdout);
    for (verb, expected) in [
        ("stop", "drained stopped"),
        ("start", "started filled"),
        ("restart", "drained stopped started filled"),
    ] {
        sandbox.run(&[verb, "store", "--yes"]).expect(0);
        assert_eq!(notes(&sandbox), expected, "{verb}");
    }
    sandbox.run(&["run", "lifecycle.start", "store", "--yes"]).expect(0);
    assert_eq!(notes(&sandbox), "started filled", "by itself it is the whole workflow");
    sandbox.run(&["destroy", "shop", "--yes"]).expect(0);
    assert_eq!(notes(&sandbox), "drained stopped");
}

#[test]
fn a_workflow_that_brings_a_node_up_fails_is_killed_and_goes_on() {
    let sandbox = shop();
    sandbox.write("fail-filled", "");
    let failed = sandbox.run(&["deploy", "shop", "--yes"]).expect(1);
    assert!(failed.five_parts().stderr.contains("it leaks"), "{}", failed.stderr);
    assert_eq!(notes(&sandbox), "started filled");
    fs::remove_file(sandbox.path("fail-filled")).unwrap();
    // The node inside is up, and what is left is the rest of the workflow: for whoever deploys anew, and for who resumes.
    sandbox.run(&["deploy", "shop", "--yes"]).expect(0);
    assert_eq!(notes(&sandbox), "filled");
    sandbox.write("wait-drained", "");
    let mut command = sandbox.command(&["destroy", "shop", "--yes"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    poll("the workflow runs", || {
        let notes = fs::read_to_string(sandbox.path("notes")).unwrap_or_default();
        notes.contains("drained").then_some(())
    });
    child.kill().unwrap();
    poll("the killed command is gone", || child.try_wait().unwrap());
    sandbox.write("gate", "");
    sandbox.run(&["resume", "--yes"]).expect(0);
    assert_eq!(notes(&sandbox), "drained stopped", "nothing is lost or repeated");
    let gone = sandbox.run(&["destroy", "shop", "--yes"]).expect(0);
    assert!(gone.stdout.contains("Nothing to do"), "{}", gone.stdout);
}

/// Whoever looks at a node changes nothing, and a workflow may.
#[test]
fn looking_at_a_node_is_no_workflow() {
    let sandbox = shop();
    sandbox.write("shop/backend.yaml", &BACKEND.replace("start: open", "observe: open"));
    let refused = sandbox.run(&["deploy", "shop", "--yes"]).expect(3);
    assert!(refused.stderr.contains("error[not-run-yet]"), "{}", refused.stderr);
}
