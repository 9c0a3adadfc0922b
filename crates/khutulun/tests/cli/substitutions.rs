//! Service templates that stand for nodes: where they are found.

use crate::sandbox::Sandbox;

const TYPES: &str = "\
tosca_definitions_version: tosca_2_0
node_types:
  Store: { properties: { size: { type: integer, default: 1 } } }
  Disk: { properties: { size: { type: integer } } }
";

const SERVICE: &str = "\
imports: [ types.yaml ]
service_template:
  node_templates: { store: { type: Store, directives: [ substitute ] } }
";

const BACKEND: &str = "\
tosca_definitions_version: tosca_2_0
imports: [ types.yaml ]
service_template:
  inputs: { size: { type: integer } }
  substitution_mappings: { node_type: Store, properties: { size: size } }
  node_templates: { disk: { type: Disk, properties: { size: { $get_input: size } } } }
";

/// A folder with a service, its types and what stands for its node.
fn folder(sandbox: &Sandbox, metadata: &str) {
    sandbox.write("shop/types.yaml", TYPES);
    sandbox.write("shop/service.yaml", &format!("tosca_definitions_version: tosca_2_0\n{metadata}{SERVICE}"));
    sandbox.write("shop/backend.yaml", BACKEND);
}

/// C322: a package's other definitions, and what a file names, stand for nodes.
#[test]
fn they_are_found_in_packages_and_beside_files() {
    let sandbox = Sandbox::new();
    folder(&sandbox, "metadata: { khutulun.substitutions: [ backend.yaml ] }\n");
    let named = sandbox.run(&["compile", "shop"]).expect(0).stdout;
    assert!(named.contains("service backend"), "{named}");
    assert!(named.contains("  input size: integer = $get_property [SELF, size]"), "{named}");

    folder(&sandbox, "");
    sandbox.write(
        "shop/TOSCA.meta",
        "CSAR-Version: 2.0\nCreated-By: khutulun\nEntry-Definitions: service.yaml\nOther-Definitions: backend.yaml\n",
    );
    let of_package = sandbox.run(&["compile", "shop"]).expect(0).stdout;
    assert!(of_package.contains("  substitutes Store"), "{of_package}");
    sandbox.run(&["csar", "create", "shop", "--out", "shop.csar"]).expect(0);
    let of_archive = sandbox.run(&["compile", "shop.csar"]).expect(0).stdout;
    assert!(of_archive.contains("shop.csar!/backend.yaml"), "{of_archive}");
}

/// C324: without any, the node cannot be; what is wrong in one is told at its own place.
#[test]
fn what_is_missing_or_wrong_is_told_at_its_place() {
    let sandbox = Sandbox::new();
    folder(&sandbox, "");
    let alone = sandbox.run(&["compile", "shop"]).expect(3);
    assert!(alone.stderr.contains("error[no-substitution]"), "{}", alone.stderr);

    folder(&sandbox, "metadata: { khutulun.substitutions: [ frontend.yaml ] }\n");
    let gone = sandbox.run(&["compile", "shop"]).expect(3);
    assert!(gone.stderr.contains("error[invalid-metadata]"), "{}", gone.stderr);
    assert!(gone.stderr.contains("`frontend.yaml`, which cannot be had"), "{}", gone.stderr);

    folder(&sandbox, "metadata: { khutulun.substitutions: [ backend.yaml ] }\n");
    sandbox.write("shop/backend.yaml", &BACKEND.replace("type: Disk", "type: Disc"));
    let wrong = sandbox.run(&["compile", "shop"]).expect(3);
    assert!(wrong.stderr.contains("backend.yaml:6:35"), "{}", wrong.stderr);
    sandbox.write("shop/backend.yaml", &BACKEND.replace("disk:", "'my disk':"));
    let unusable = sandbox.run(&["compile", "shop"]).expect(3);
    assert!(unusable.stderr.contains("error[unusable-name]"), "{}", unusable.stderr);
    assert!(unusable.stderr.contains("backend.yaml:6:21"), "{}", unusable.stderr);
}

/// C097, C338, C340: an operation of a substituted node is a workflow of the service inside (15.6), also when another workflow
/// calls it.
#[test]
fn an_operation_of_a_substituted_node_is_a_workflow_inside() {
    let sandbox = Sandbox::new();
    let types = "\
tosca_definitions_version: tosca_2_0
imports: [ profile: 'khutulun.process:0.1' ]
interface_types: { Keeping: { operations: { save: {} } } }
node_types:
  Store: { interfaces: { keeping: { type: Keeping } } }
  Disk:
    attributes: { saved: { type: string } }
    interfaces:
      keeping:
        type: Keeping
        operations: { save: { implementation: save.sh, outputs: { saved: [ SELF, saved ] } } }
";
    sandbox.write("shop/types.yaml", types);
    sandbox.write("shop/save.sh", "#!/bin/sh\necho '{\"saved\": \"yes\"}' > \"$KHUTULUN_OUTPUTS\"\n");
    sandbox.write(
        "shop/service.yaml",
        "tosca_definitions_version: tosca_2_0
metadata: { khutulun.substitutions: [ backend.yaml ] }
imports: [ types.yaml ]
service_template:
  node_templates: { store: { type: Store, directives: [ substitute ] } }
  workflows:
    nightly: { steps: { all: { target: store, activities: [ { call_operation: keeping.save } ] } } }
",
    );
    sandbox.write(
        "shop/backend.yaml",
        "tosca_definitions_version: tosca_2_0
imports: [ types.yaml ]
service_template:
  substitution_mappings: { node_type: Store, interfaces: { keeping: { save: keep } } }
  node_templates: { disk: { type: Disk } }
  workflows:
    keep: { steps: { one: { target: disk, activities: [ { call_operation: keeping.save } ] } } }
",
    );
    sandbox.run(&["deploy", "--yes", "shop"]).expect(0);
    let run = sandbox.run(&["run", "keeping.save", "store"]).expect(0);
    assert!(run.stderr.contains("store/backend/disk: keeping.save done"), "{}", run.stderr);
    let run = sandbox.run(&["run", "nightly", "--yes"]).expect(0);
    assert!(run.stderr.contains("store/backend/disk: keeping.save done"), "{}", run.stderr);
}

/// C231: what a node inside runs, and the files that it asks for, are kept with the service: it works after its package is gone.
#[test]
fn what_is_inside_outlives_the_package() {
    let sandbox = Sandbox::new();
    let said = sandbox.path("said");
    sandbox.write(
        "shop/types.yaml",
        "tosca_definitions_version: tosca_2_0
imports: [ profile: 'khutulun.process:0.1' ]
artifact_types: { Note: {} }
node_types:
  Store: {}
  Disk:
    artifacts: { note: { type: Note, file: note.txt } }
    interfaces:
      lifecycle:
        type: Lifecycle
        operations:
          delete:
            implementation: say.sh
            inputs:
              note: { type: string, value: { $get_artifact: [ SELF, note ] } }
              to: { type: string, value: { $get_property: [ SELF, to ] } }
    properties: { to: { type: string } }
",
    );
    sandbox.write("shop/note.txt", "kept by digest\n");
    sandbox.write("shop/say.sh", "#!/bin/sh\ncat \"$note\" > \"$to\"\n");
    let imports = "tosca_definitions_version: tosca_2_0\nimports: [ types.yaml ]\n";
    sandbox.write(
        "shop/service.yaml",
        &format!(
            "{imports}metadata: {{ khutulun.substitutions: [ backend.yaml ] }}
service_template: {{ node_templates: {{ store: {{ type: Store, directives: [ substitute ] }} }} }}
"
        ),
    );
    sandbox.write(
        "shop/backend.yaml",
        &format!(
            "{imports}service_template:
  substitution_mappings: {{ node_type: Store }}
  node_templates: {{ disk: {{ type: Disk, properties: {{ to: {} }} }} }}
",
            said.display()
        ),
    );
    sandbox.run(&["deploy", "--yes", "shop"]).expect(0);
    std::fs::remove_dir_all(sandbox.path("shop")).unwrap();
    sandbox.run(&["destroy", "--yes", "--name", "shop"]).expect(0);
    assert_eq!(std::fs::read_to_string(said).unwrap(), "kept by digest\n");
}
