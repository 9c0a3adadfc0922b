//! A template of as many nodes as are wanted.

use std::fmt::Write as _;

/// A template of as many nodes: each of one of ten types derived from another, with two properties, one of them an
/// input's, and a requirement on the node before.
pub fn template(nodes: usize) -> String {
    let mut text = String::from(
        "tosca_definitions_version: tosca_2_0
capability_types: { Endpoint: {} }
relationship_types: { Uses: {} }
node_types:
  Base:
    capabilities: { endpoint: Endpoint }
    requirements:
    - upstream: { capability: Endpoint, node: Base, relationship: Uses, count_range: [ 0, 1 ] }
",
    );
    for family in 0..10 {
        _ = write!(
            text,
            "  Family{family}:
    derived_from: Base
    properties: {{ p{family}: {{ type: integer }}, q{family}: {{ type: string }} }}
"
        );
    }
    text.push_str("service_template:\n  inputs: { name: { type: string } }\n  node_templates:\n");
    for node in 0..nodes {
        let family = node % 10;
        _ = write!(
            text,
            "    n{node}:
      type: Family{family}
      properties: {{ p{family}: {node}, q{family}: {{ $get_input: name }} }}
"
        );
        if node > 0 {
            _ = writeln!(text, "      requirements: [ upstream: n{} ]", node - 1);
        }
    }
    text
}
