//! What running operations change in the graph: attributes, and with them requirements and substitutions (TOSCA 2.0, 4.3).

use crate::sandbox::Sandbox;

const TYPES: &str = r#"tosca_definitions_version: tosca_2_0
imports: [ profile: "khutulun.process:0.1" ]
interface_types:
  Keeping:
    operations: { fill: {}, empty: {} }
capability_types:
  Storage: {}
relationship_types:
  Keeps: {}
node_types:
  Store:
    attributes: { content: { type: string } }
    capabilities: { storage: Storage }
    interfaces:
      keeping:
        type: Keeping
        operations:
          fill: { implementation: scripts/note.sh, inputs: { text: full }, outputs: { noted: [ SELF, content ] } }
          empty: { implementation: scripts/note.sh, inputs: { text: empty }, outputs: { noted: [ SELF, content ] } }
  Client:
    attributes: { mood: { type: string } }
    requirements: [ { store: { capability: Storage, relationship: Keeps } } ]
  Worker: {}
"#;

const SERVICE: &str = r#"tosca_definitions_version: tosca_2_0
metadata: { khutulun.substitutions: [ calm.yaml, busy.yaml ] }
imports: [ types.yaml ]
service_template:
  outputs:
    content: { value: { $get_attribute: [ first, content ] } }
  node_templates:
    first: { type: Store, attributes: { content: little } }
    second: { type: Store, attributes: { content: nothing } }
    client:
      type: Client
      requirements:
      - store: { node_filter: { $not: [ { $equal: [ { $get_attribute: [ SELF, TARGET, content ] }, full ] } ] } }
    team:
      type: Client
      directives: [ substitute ]
      attributes: { mood: { $get_attribute: [ first, content ] } }
"#;

const TEAM: &str = r#"tosca_definitions_version: tosca_2_0
imports: [ types.yaml ]
service_template:
  substitution_mappings:
    node_type: Client
    substitution_filter: FILTER
  node_templates:
    worker: { type: Worker }
"#;

/// C008: after an operation has changed an attribute, a requirement that is no longer met leads elsewhere, and another template
/// stands for a node. C214: of several operations that map to an attribute the last wins; the template's value is the first.
#[test]
fn a_changed_attribute_moves_requirements_and_substitutes_anew() {
    let sandbox = Sandbox::new();
    let is_full = "$equal: [ { $get_attribute: [ SELF, mood ] }, full ]";
    sandbox.write("shop/types.yaml", TYPES);
    sandbox.write("shop/service.yaml", SERVICE);
    sandbox.write("shop/calm.yaml", &TEAM.replace("FILTER", &format!("{{ $not: [ {{ {is_full} }} ] }}")));
    sandbox.write("shop/busy.yaml", &TEAM.replace("FILTER", &format!("{{ {is_full} }}")));
    sandbox.write("shop/scripts/note.sh", include_str!("designs/note.sh"));
    let content = || sandbox.run(&["outputs", "content"]).expect(0).stdout;
    let operate = |operation: &str| drop(sandbox.run(&["run", operation, "first"]).expect(0));
    let plan = || sandbox.run(&["plan", "shop", "-o", "json"]).json();
    let changed = || {
        let plan = plan();
        let nodes = plan["nodes"].as_array().unwrap().iter();
        let text = |node: &serde_json::Value, key: &str| node[key].as_str().unwrap().to_owned();
        nodes
            .filter(|node| node["action"] != "keep")
            .map(|node| format!("{} {}", text(node, "action"), text(node, "node")))
            .collect::<Vec<_>>()
    };
    sandbox.run(&["deploy", "--yes", "shop"]).expect(0);
    assert_eq!((content().as_str(), changed()), ("little\n", vec![]));

    operate("keeping.fill");
    assert_eq!(content(), "full\n");
    assert_eq!(
        changed(),
        ["update client", "create team/busy/worker", "delete team/calm/worker"],
        "{:#}",
        plan()
    );
    let shown = sandbox.run(&["plan", "shop"]).expect(2).stdout;
    assert!(shown.contains(r#"requirement.store: "first/storage" -> "second/storage""#), "{shown}");
    sandbox.run(&["deploy", "--yes", "shop"]).expect(0);
    assert_eq!(changed(), [""; 0]);

    // What fits stays where it is; what was substituted for what is no longer so does not.
    operate("keeping.empty");
    assert_eq!(content(), "empty\n");
    assert_eq!(changed(), ["create team/calm/worker", "delete team/busy/worker"]);
}

/// Each property says what its change needs, and all are inputs of operations.
const SAYING: &str = r#"tosca_definitions_version: tosca_2_0
imports: [ profile: "khutulun.process:0.1" ]
node_types:
  Thing:
    properties:
      live: { type: string, metadata: { khutulun.change: configure } }
      quiet: { type: string, metadata: { khutulun.change: none } }
      fixed: { type: string, metadata: { khutulun.change: replace } }
      other: { type: string }
    interfaces:
      lifecycle:
        type: Lifecycle
        inputs:
          live: { $concat: [ { $get_property: [ SELF, live ] }, "!" ] }
          quiet: { $get_property: [ SELF, quiet ] }
        operations:
          create: note.sh
          configure: note.sh
          start:
            implementation: note.sh
            inputs: { fixed: { $get_property: [ SELF, fixed ] }, some: { $concat: [ { $get_property: [ SELF, live ] }, { $get_property: [ SELF, other ] } ] } }
          stop: note.sh
service_template:
  inputs:
    live: { type: string, default: a }
    quiet: { type: string, default: a }
    fixed: { type: string, default: a }
    other: { type: string, default: a }
  node_templates:
    thing:
      type: Thing
      properties: { live: { $get_input: live }, quiet: { $get_input: quiet }, fixed: { $get_input: fixed }, other: { $get_input: other } }
"#;

#[test]
fn what_the_change_of_a_property_needs_holds_for_the_operations_that_read_it() {
    let sandbox = Sandbox::new();
    // `some` is made of a property that says nothing, too: so it is not in this one.
    let design = SAYING.replace(
        ", some: { $concat: [ { $get_property: [ SELF, live ] }, { $get_property: [ SELF, other ] } ] }",
        "",
    );
    sandbox.write("saying/service.yaml", &design);
    sandbox.write("saying/note.sh", "#!/bin/sh\n");
    sandbox.run(&["deploy", "saying", "--yes"]).expect(0);
    let operations = |input: &str| {
        let plan = sandbox.run(&["plan", "saying", "-i", input, "-o", "json"]).expect(2).json();
        let steps = plan["steps"].as_array().unwrap().iter().filter(|step| !step["implementation"].is_null());
        let word = |step: &serde_json::Value| step["event"].as_str().unwrap().replace("lifecycle.", "");
        steps.map(word).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(operations("live=b"), "configure");
    assert_eq!(operations("quiet=b"), "");
    assert_eq!(operations("other=b"), "stop configure start");
    assert_eq!(operations("fixed=b"), "stop create configure start");
    sandbox.write("saying/service.yaml", SAYING);
    sandbox.run(&["deploy", "saying", "--yes"]).expect(0);
    assert_eq!(operations("live=b"), "stop configure start");
}
