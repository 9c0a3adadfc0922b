//! Steps of workflows that wait for somebody to approve them.

use std::fs;

use crate::sandbox::Sandbox;

const NOTE: &str = "#!/bin/sh\necho \"$text\" >> \"$HOME/notes\"\n";

const SERVICE: &str = r#"tosca_definitions_version: tosca_2_0
imports: [ profile: "khutulun.process:0.1" ]
interface_types:
  Keeping: { operations: { wipe: {}, look: {}, alarm: {} } }
node_types:
  Disk:
    interfaces:
      keeping:
        type: Keeping
        operations:
          look: { implementation: scripts/note.sh, inputs: { text: look } }
          wipe: { implementation: scripts/note.sh, inputs: { text: wipe } }
          alarm: { implementation: scripts/note.sh, inputs: { text: alarm } }
service_template:
  node_templates:
    disk: { type: Disk }
  workflows:
    clean:
      steps:
        look: { target: disk, activities: [ { call_operation: keeping.look } ], on_success: [ wipe ] }
        wipe:
          metadata: { khutulun.approval: Is the backup complete? }
          target: disk
          activities: [ { call_operation: keeping.wipe } ]
          on_failure: [ alarm ]
        alarm: { target: disk, activities: [ { call_operation: keeping.alarm } ] }
"#;

fn notes(sandbox: &Sandbox) -> String {
    fs::read_to_string(sandbox.path("notes")).unwrap_or_default().replace('\n', " ").trim_end().to_owned()
}

/// Runs the workflow up to the question, and returns how to answer it.
fn asked(sandbox: &Sandbox) -> String {
    let ended = sandbox.run(&["run", "clean", "--yes"]).expect(9);
    ended.five_parts();
    assert!(ended.stderr.contains("Is the backup complete?"), "{}", ended.stderr);
    let step = ended.stderr.split("--settle ").nth(1).and_then(|rest| rest.split('=').next());
    step.unwrap_or_else(|| panic!("no step is named: {}", ended.stderr)).to_owned()
}

#[test]
fn a_step_goes_on_once_it_is_approved_and_fails_when_it_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.write("disks/service.yaml", SERVICE);
    sandbox.write("disks/scripts/note.sh", NOTE);
    sandbox.run(&["deploy", "disks", "--yes"]).expect(0);
    let step = asked(&sandbox);
    assert_eq!(notes(&sandbox), "look");
    // Whoever goes on without an answer is asked again, and told only what there was to do.
    let asked_again = sandbox.run(&["resume", "disks"]).expect(9).stderr;
    assert!(asked_again.contains("keeping.look done") && !asked_again.contains("begin"), "{asked_again}");
    // What became of it is not what was asked.
    for no_answer in ["succeeded", "failed", "retry"] {
        let refused =
            sandbox.run(&["resume", "disks", "--settle", &format!("{step}={no_answer}")]).expect(64);
        assert!(refused.five_parts().stderr.contains("`approved` or `refused`"), "{}", refused.stderr);
    }
    assert_eq!(notes(&sandbox), "look");
    sandbox.run(&["resume", "disks", "--settle", &format!("{step}=approved")]).expect(0);
    assert_eq!(notes(&sandbox), "look wipe");

    let step = asked(&sandbox);
    sandbox.run(&["resume", "disks", "--settle", &format!("{step}=refused")]).expect(0);
    assert_eq!(notes(&sandbox), "look wipe look alarm");
}
