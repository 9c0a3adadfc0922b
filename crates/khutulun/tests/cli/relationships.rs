//! Operations of relationships: at both ends, in order, and only for what changes.

use std::fs;

use crate::sandbox::Sandbox;

/// Writes down what it is, and where it runs; fails where a file says so. Puts out a key.
const NOTE: &str = r#"#!/bin/sh
if [ -e "$HOME/fail-$text" ]; then echo 'the door is shut' >&2; exit 1; fi
echo "$text@$KHUTULUN_NODE" >> "$HOME/notes"
echo "{\"key\": \"key-$text\"}"
"#;

const SERVICE: &str = r#"tosca_definitions_version: tosca_2_0
imports: [ profile: "khutulun.process:0.1" ]
relationship_types:
  Guarded:
    derived_from: ConnectsTo
    properties: { pool: { type: integer, default: 1 } }
    attributes: { key: { type: string } }
    interfaces:
      configure:
        operations:
          pre_configure_target:
            implementation: scripts/note.sh
            inputs: { text: { $concat: [ let-in-, { $get_property: [ SELF, SOURCE, mark ] }, -of-, { $get_property: [ SELF, TARGET, mark ] } ] } }
            outputs: { key: [ SELF, key ] }
          post_configure_source:
            implementation: scripts/note.sh
            inputs: { text: { $concat: [ use-, { $get_attribute: [ SELF, key ] } ] } }
          add_target:
            implementation: scripts/note.sh
            inputs: { text: { $concat: [ meet-, { $get_property: [ SELF, TARGET, mark ] } ] } }
          target_changed:
            implementation: scripts/note.sh
            inputs: { text: { $concat: [ hear-of-, { $get_property: [ SELF, TARGET, mark ] } ] } }
          remove_target:
            implementation: scripts/note.sh
            inputs: { text: { $concat: [ leave-, { $get_property: [ SELF, TARGET, mark ] } ] } }
          remove_source:
            implementation: scripts/note.sh
            inputs: { text: { $concat: [ forget-, { $get_property: [ SELF, SOURCE, mark ] } ] } }
node_types:
  Thing:
    properties: { mark: { type: string }, size: { type: integer, default: 1 } }
    capabilities: { endpoint: Endpoint }
    requirements: [ { door: { capability: Endpoint, relationship: Guarded, count_range: [ 0, 1 ] } } ]
    interfaces:
      lifecycle:
        type: Lifecycle
        operations:
          configure: { implementation: scripts/note.sh, inputs: { text: { $concat: [ configure-, { $get_property: [ SELF, mark ] } ] } } }
          start: { implementation: scripts/note.sh, inputs: { text: { $concat: [ start-, { $get_property: [ SELF, mark ] } ] } } }
          stop: { implementation: scripts/note.sh, inputs: { text: { $concat: [ stop-, { $get_property: [ SELF, mark ] } ] } } }
service_template:
  inputs: { size: { type: integer, default: 1 } }
  node_templates:
    web: { type: Thing, properties: { mark: web }, requirements: [ { door: LEADS } ] }
    db: { type: Thing, properties: { mark: db, size: { $get_input: size } } }
    other: { type: Thing, properties: { mark: other } }
"#;

fn notes(sandbox: &Sandbox) -> String {
    let notes = fs::read_to_string(sandbox.path("notes")).unwrap_or_default();
    let _ = fs::remove_file(sandbox.path("notes"));
    notes.replace('\n', " ").trim_end().to_owned()
}

fn write(sandbox: &Sandbox, leads: &str) {
    sandbox.write("doors/service.yaml", &SERVICE.replace("LEADS", leads));
}

#[test]
fn both_ends_of_a_relationship_hear_of_what_concerns_them() {
    let sandbox = Sandbox::new();
    sandbox.write("doors/scripts/note.sh", NOTE);
    write(&sandbox, "db");
    let plan = sandbox.run(&["plan", "doors", "-o", "json"]).expect(2).json();
    let step = plan["steps"]
        .as_array()
        .unwrap()
        .iter()
        .find(|step| step["event"] == "relationship.pre_configure_target")
        .unwrap();
    assert_eq!(step["subject"]["node"], "db", "{step}");
    assert!(step["host"].is_string() && step["action"] == "create", "{step}");
    let use_it = |step: &&serde_json::Value| step["event"] == "relationship.post_configure_source";
    let step = plan["steps"].as_array().unwrap().iter().find(use_it).unwrap();
    assert_eq!(step["inputs"]["text"]["unknown"], serde_json::json!(["web.door.key"]), "{step}");

    sandbox.run(&["deploy", "doors", "--yes"]).expect(0);
    let text = notes(&sandbox);
    let web = "let-in-web-of-db@db configure-web@web use-key-let-in-web-of-db@web start-web@web meet-db@web";
    // `other` comes up at the same time.
    let of_both: Vec<&str> = text.split(' ').filter(|note| !note.ends_with("@other")).collect();
    assert_eq!(of_both.join(" "), format!("configure-db@db start-db@db {web}"));
    sandbox.run(&["plan", "doors"]).expect(0);
    // What is compared is what was intended, as if all of it was made.
    sandbox.run(&["diff", "1", "1", "--name", "doors"]).expect(0);

    // By hand, an operation is run at the end that it is for, too.
    sandbox.run(&["run", "relationship.pre_configure_target", "web.door", "--yes"]).expect(0);
    assert_eq!(notes(&sandbox), "let-in-web-of-db@db");

    // What changed tells those that use it.
    sandbox.run(&["deploy", "doors", "--yes", "-i", "size=2"]).expect(0);
    assert_eq!(notes(&sandbox), "stop-db@db configure-db@db start-db@db hear-of-db@web");

    // Killed, failed or stopped in between: what is left is done by the next plan.
    write(&sandbox, "other");
    sandbox.write("fail-forget-web", "");
    sandbox.run(&["deploy", "doors", "--yes", "-i", "size=2"]).expect(1);
    assert_eq!(notes(&sandbox), "leave-db@web");
    let text = sandbox.run(&["plan", "doors", "-i", "size=2"]).expect(2).stdout;
    assert!(text.contains("remove_source"), "{text}");
    fs::remove_file(sandbox.path("fail-forget-web")).unwrap();
    sandbox.run(&["deploy", "doors", "--yes", "-i", "size=2"]).expect(0);
    let text = notes(&sandbox);
    let expected =
        "leave-db@web forget-web@db let-in-web-of-other@other use-key-let-in-web-of-other@web meet-other@web";
    assert_eq!(text, expected);
    sandbox.run(&["plan", "doors", "-i", "size=2"]).expect(0);

    sandbox.run(&["destroy", "doors", "--yes"]).expect(0);
    let text = notes(&sandbox);
    // What has nothing to do with each other ends at the same time.
    let at = |note: &str| text.find(note).unwrap_or_else(|| panic!("no {note} in {text}"));
    assert!(at("stop-web@web") < at("forget-web@other"), "{text}");
    assert!(at("forget-web@other") < at("stop-other@other") && !text.contains("leave"), "{text}");
}
