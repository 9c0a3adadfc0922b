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
