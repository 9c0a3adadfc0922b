//! `khutulun graph`, as somebody meets it who wants to see a design or a service.

use crate::sandbox::Sandbox;

const DESIGN: &str = "tosca_definitions_version: tosca_2_0
capability_types: { Feature: {} }
relationship_types: { Uses: {} }
node_types:
  Left:
    requirements: [ { uses: { capability: Feature, relationship: Uses } } ]
  Right:
    capabilities: { feature: Feature }
service_template:
  inputs: { count: { type: integer, default: 2 } }
  node_templates:
    right: { type: Right, count: { $get_input: count } }
    left: { type: Left, requirements: [ { uses: { node: right, count: 2 } } ] }
";

#[test]
fn templates_instances_and_services_are_drawn() {
    let sandbox = Sandbox::new();
    let design = sandbox.write("pair.yaml", DESIGN);
    let design = design.to_str().unwrap();
    let templates = sandbox.run(&["graph", design]).expect(0).stdout;
    assert!(templates.starts_with("<svg ") && templates.contains("count: $get_input(count)"), "{templates}");
    let instances = sandbox.run(&["graph", design, "--instances", "-i", "count=3", "--format", "mermaid"]);
    let instances = instances.expect(0).stdout;
    assert!(instances.starts_with("flowchart ") && instances.contains("right-2"), "{instances}");

    sandbox.run(&["deploy", "--yes", design]).expect(0);
    let recorded = sandbox.run(&["graph", "pair", "--templates", "--format", "mermaid"]).expect(0).stdout;
    assert!(recorded.starts_with("flowchart ") && recorded.contains("right"), "{recorded}");
    let file = sandbox.path("service.dot");
    sandbox.run(&["graph", "pair", "--format", "dot", "--out", file.to_str().unwrap()]).expect(0);
    let service = std::fs::read_to_string(file).unwrap();
    assert!(service.starts_with("digraph ") && service.contains("right-1"), "{service}");
    assert!(!service.contains("right-2"), "{service}");
    let json = sandbox.run(&["graph", "pair", "--format", "dot", "-o", "json"]).expect(0).json();
    assert_eq!(json["picture"], service);
}

#[test]
fn what_cannot_be_drawn_is_said() {
    let sandbox = Sandbox::new();
    let design = sandbox.write("pair.yaml", DESIGN);
    let design = design.to_str().unwrap();
    sandbox.run(&["graph", design, "-i", "count=3"]).expect(64).five_parts();
    sandbox.run(&["graph", "nothing-of-this-name"]).expect(3);
    sandbox.run(&["graph", design, "--out", "/dev/null/picture.svg"]).expect(1).five_parts();
}
