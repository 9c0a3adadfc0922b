//! Services that use nodes of other services (TOSCA 2.0, 7.2.1 and 8.5.2).

use serde_json::Value as Json;

use crate::sandbox::Sandbox;

const TYPES: &str = "
capability_types:
  Compute:
    properties:
      cpus: { type: integer }
      zone: { type: string }
relationship_types:
  HostedOn: {}
node_types:
  Host:
    properties:
      rank: { type: integer, default: 1 }
    capabilities:
      host: Compute
  App:
    requirements:
    - host: { capability: Compute, relationship: HostedOn, count_range: [ 1, 1 ] }
";

fn design(sandbox: &Sandbox, name: &str, service_template: &str) -> String {
    let types = "imports: [ types.yaml ]\n";
    sandbox.write("types.yaml", &format!("tosca_definitions_version: tosca_2_0\n{TYPES}"));
    let text = format!("tosca_definitions_version: tosca_2_0\n{types}service_template:\n{service_template}");
    sandbox.write(&format!("{name}.yaml"), &text).to_str().unwrap().to_owned()
}

/// Two machines of another service, of which the second is in the south and has three processors.
fn machines(sandbox: &Sandbox) {
    let machines = design(
        sandbox,
        "machines",
        "  node_templates:
    north: { type: Host, capabilities: { host: { properties: { cpus: 8, zone: north } } } }
    south: { type: Host, properties: { rank: 7 }, capabilities: { host: { properties: { cpus: 3, zone: south } } } }
",
    );
    sandbox.run(&["deploy", "--yes", &machines]).expect(0);
}

fn in_the_south(name: &str, cpus: u32) -> String {
    format!(
        "    {name}:
      type: App
      requirements:
      - host:
          directives: [ external ]
          allocation: {{ cpus: {cpus} }}
          node_filter: {{ $equal: [ {{ $get_property: [ SELF, CAPABILITY, zone ] }}, south ] }}
"
    )
}

#[test]
fn c138_c145_a_requirement_may_lead_to_another_service_and_takes_its_share_there() {
    let sandbox = Sandbox::new();
    machines(&sandbox);
    let first = design(
        &sandbox,
        "first",
        &format!(
            "  outputs:
    left: {{ value: {{ $available_allocation: [ app, RELATIONSHIP, host, CAPABILITY, cpus ] }} }}
    rank: {{ value: {{ $get_property: [ app, RELATIONSHIP, host, TARGET, rank ] }} }}
  node_templates:
{}",
            in_the_south("app", 2)
        ),
    );
    sandbox.run(&["deploy", "--yes", &first]).expect(0);
    let outputs = sandbox.run(&["outputs", "--name", "first", "-o", "json"]).expect(0).json();
    let value = |name: &str| find(&outputs, name);
    assert_eq!((value("left"), value("rank")), (1.into(), 7.into()), "{outputs:#}");
    sandbox.run(&["plan", &first]).expect(0);

    // What one service took is gone for the next.
    let second = design(&sandbox, "second", &format!("  node_templates:\n{}", in_the_south("greedy", 2)));
    let refused = sandbox.run(&["deploy", "--yes", &second]).expect(3);
    assert!(refused.stderr.contains("cpus"), "{}", refused.stderr);
    sandbox.run(&["destroy", "--yes", "first"]).expect(0);
    sandbox.run(&["deploy", "--yes", &second]).expect(0);
}

#[test]
fn c096_a_node_can_be_one_of_another_service() {
    let sandbox = Sandbox::new();
    let chosen = design(
        &sandbox,
        "chosen",
        "  outputs:
    rank: { value: { $get_property: [ machine, rank ] } }
  node_templates:
    machine:
      type: Host
      directives: [ select ]
      node_filter: { $equal: [ { $get_property: [ SELF, CAPABILITY, host, zone ] }, south ] }
    app: { type: App, requirements: [ { host: machine } ] }
",
    );
    // C099: there is nothing to select from yet.
    let refused = sandbox.run(&["deploy", "--yes", &chosen]).expect(3);
    assert!(refused.stderr.contains("machine"), "{}", refused.stderr);
    machines(&sandbox);
    sandbox.run(&["deploy", "--yes", &chosen]).expect(0);
    let outputs = sandbox.run(&["outputs", "--name", "chosen", "-o", "json"]).expect(0).json();
    assert_eq!(find(&outputs, "rank"), 7, "{outputs:#}");
    sandbox.run(&["plan", &chosen]).expect(0);
}

/// The value of an output, wherever the document has it.
fn find(outputs: &Json, name: &str) -> Json {
    let of = |list: &Json| {
        let found = list.as_array()?.iter().find(|output| output["name"] == name)?;
        Some(found["value"].clone())
    };
    of(&outputs["outputs"]).unwrap_or_else(|| outputs["outputs"][name].clone())
}
