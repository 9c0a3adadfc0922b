//! What is protected stays, unless somebody says that it goes.

use crate::sandbox::Sandbox;

const SERVICE: &str = r#"tosca_definitions_version: tosca_2_0
imports: [ profile: "khutulun.process:0.1" ]
node_types:
  Thing: { interfaces: { lifecycle: { type: Lifecycle } } }
service_template:
  node_templates:
    data: { type: Thing, metadata: { khutulun.protected: true } }
    other: { type: Thing }
"#;

#[test]
fn a_protected_node_goes_only_with_an_explicit_word() {
    let sandbox = Sandbox::new();
    sandbox.write("safe/service.yaml", SERVICE);
    sandbox.run(&["deploy", "safe", "--yes"]).expect(0);
    let refused = sandbox.run(&["destroy", "safe", "--yes"]).expect(1);
    refused.five_parts();
    assert!(refused.stderr.contains("node `data` is protected"), "{}", refused.stderr);
    sandbox.write("safe/service.yaml", &SERVICE.replace("    data:", "    date:"));
    let refused = sandbox.run(&["plan", "safe"]).expect(1);
    assert!(refused.stderr.contains("--allow-protected"), "{}", refused.stderr);
    sandbox.run(&["plan", "safe", "--allow-protected"]).expect(2);
    // Whoever says that it is not protected any more may take it away.
    sandbox.write("safe/service.yaml", &SERVICE.replace("protected: true", "protected: false"));
    sandbox.run(&["deploy", "safe", "--yes"]).expect(0);
    sandbox.run(&["destroy", "safe", "--yes"]).expect(0);
    sandbox.write("safe/service.yaml", SERVICE);
    sandbox.run(&["deploy", "safe", "--yes"]).expect(0);
    sandbox.run(&["destroy", "safe", "--yes", "--allow-protected"]).expect(0);
}
