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
