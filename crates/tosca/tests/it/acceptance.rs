//! What the first issue promises of diagnostics.

use diagnostics::{TextStyle, render_json, render_text_all};
use tosca::{MemorySources, compile};

const SERVICE: &str = "\
tosca_definitions_version: tosca_2_0
node_types:
  Database:
    properties:
      engine: { type: string }
service_template:
  node_templates:
    one:
      type: Databse
    two:
      type: Database
    three:
      type: Database
      properties:
        engine: sqlite
      desciption: the third
";

#[test]
fn three_mistakes_give_exactly_three_diagnostics_with_line_column_and_hint() {
    let compilation = compile("service.yaml", &MemorySources::new().with("service.yaml", SERVICE));
    assert!(compilation.model.is_none());
    let text = render_text_all(&compilation.diagnostics, &compilation.sources, TextStyle::plain());
    assert_eq!(
        text,
        "\
error[unknown-type]: unknown node type `Databse`
   ┌─ service.yaml:9:13
 9 │       type: Databse
   │             ^^^^^^^ not found in this file or its imports
   = hint: did you mean `Database`?

error[missing-property]: the property `engine` of the node template `two` has no value
    ┌─ service.yaml:10:5
  5 │       engine: { type: string }
    │       ------ defined here
    ·
 10 │     two:
    │     ^^^ `engine` is required
    = hint: assign it under `properties`: `engine: …`

error[unknown-keyname]: unknown keyname `desciption` in a node template
    ┌─ service.yaml:16:7
 16 │       desciption: the third
    │       ^^^^^^^^^^ not a keyname of a node template
    = hint: did you mean `description`?
    = hint: allowed here: `type`, `description`, `metadata`, `properties`, `attributes`, `requirements`, \
`capabilities`, `interfaces`, `artifacts`, `directives`, `count`, `node_filter`, `copy`
"
    );
    let json: Vec<_> = render_json(&compilation.diagnostics, &compilation.sources)
        .lines()
        .filter(|line| line.starts_with("      \"line\"") || line.starts_with("      \"column\""))
        .map(|line| line.trim().trim_end_matches(',').to_owned())
        .collect();
    assert_eq!(
        json,
        ["\"line\": 9", "\"column\": 13", "\"line\": 10", "\"column\": 5", "\"line\": 16", "\"column\": 7"]
    );
}

/// A file without a mistake.
const RIGHT: &str = "\
tosca_definitions_version: tosca_2_0
metadata: { author: me }
data_types:
  Port: { derived_from: integer, validation: { $less_than: [ $value, 65536 ] } }
  Size: { derived_from: scalar, units: { B: 1, KB: 1000 } }
  Time: { derived_from: scalar, units: { s: 1 } }
  Name: { derived_from: string, validation: { $has_prefix: [ $value, a ] } }
artifact_types:
  Bash: { file_ext: [ sh ] }
interface_types:
  Lifecycle: { operations: { create: { inputs: { level: { type: integer, default: 1 } } } } }
capability_types:
  Endpoint: { properties: { port: { type: Port, default: 80 } } }
relationship_types:
  ConnectsTo: { valid_capability_types: [ Endpoint ] }
node_types:
  Server:
    properties: { size: { type: Size } }
    attributes: { state: { type: string } }
    capabilities: { endpoint: Endpoint }
    interfaces: { lifecycle: { type: Lifecycle } }
  Spare: { capabilities: { spare: Endpoint } }
  Client:
    derived_from: Server
    requirements: [ { server: { capability: Endpoint, relationship: ConnectsTo, count_range: [ 1, 1 ] } } ]
service_template:
  inputs: { size: { type: Size } }
  node_templates:
    server:
      type: Server
      properties: { size: 5 KB }
      capabilities: { endpoint: { properties: { port: 8080 } } }
      interfaces: { lifecycle: { operations: { create: create.sh } } }
    client:
      type: Client
      properties: { size: { $get_input: size } }
      requirements: [ { server: server } ]
  outputs:
    state: { value: { $get_attribute: [ server, state ] } }
  workflows:
    flow: { steps: { first: { target: server, activities: [ { call_operation: lifecycle.create } ] } } }
";

/// Mistakes of fourteen kinds: what is written, what was right, and the code of the one diagnostic.
const MISTAKES: [(&str, &str, &str); 14] = [
    ("metadat: { author", "metadata: { author", "unknown-keyname"),
    ("$has_prefx: [", "$has_prefix: [", "unknown-function"),
    ("units: {} }", "units: { s: 1 } }", "invalid-scalar-type"),
    ("file_ext: sh }", "file_ext: [ sh ] }", "wrong-kind"),
    ("level: { type: integer, default: one }", "level: { type: integer, default: 1 }", "wrong-type"),
    ("[ Endpint ]", "[ Endpoint ]", "unknown-type"),
    ("derived_from: Client", "derived_from: Server", "circular-derivation"),
    ("count_range: [ 2, 1 ]", "count_range: [ 1, 1 ]", "invalid-count-range"),
    ("{ spare: {} }", "{ spare: Endpoint }", "missing-keyname"),
    ("{ size: 5 MB }", "{ size: 5 KB }", "invalid-scalar"),
    ("{ port: 80800 }", "{ port: 8080 }", "invalid-value"),
    ("{ server: sever }", "{ server: server }", "unknown-node-template"),
    ("[ server, stat ]", "[ server, state ]", "unknown-attribute"),
    ("lifecycle.creat }", "lifecycle.create }", "unknown-operation"),
];

fn codes(text: &str) -> Vec<String> {
    let compilation = compile("service.yaml", &MemorySources::new().with("service.yaml", text));
    compilation.diagnostics.iter().map(|diagnostic| diagnostic.code.to_string()).collect()
}

#[test]
fn each_mistake_alone_gives_one_diagnostic_and_all_of_them_as_many() {
    assert_eq!(codes(RIGHT), Vec::<String>::new());
    let mut all = RIGHT.to_owned();
    for (wrong, right, code) in MISTAKES {
        assert_eq!(RIGHT.matches(right).count(), 1, "`{right}` is there once");
        assert_eq!(codes(&RIGHT.replace(right, wrong)), [code], "{wrong}");
        all = all.replace(right, wrong);
    }
    let mut expected = MISTAKES.map(|(.., code)| code.to_owned());
    let mut found = codes(&all);
    expected.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, expected);
}
