//! What is true of designs besides their text.

use tosca::MemorySources;
use tosca_profiles::WithProfiles;

use crate::package::{design, lowered, package};

#[test]
fn classes_are_the_types_in_use_and_their_ancestors() {
    let found = design(
        "
node_types:
  Web: { derived_from: Process }
  Unused: { derived_from: Process }
capability_types:
  Process: {}
service_template:
  node_templates:
    web: { type: Web, properties: { command: [ web ] } }
",
    );
    let classes: Vec<&str> = found.lines().filter(|line| line.starts_with("class ")).collect();
    assert_eq!(
        classes,
        [
            "class Web < khutulun.process:0.1:Process",
            "class khutulun.process:0.1:Endpoint",
            "class khutulun.process:0.1:Process",
        ]
    );
}

#[test]
fn the_files_of_a_design_are_listed_once() {
    let sources = package(
        "
service_template:
  node_templates:
    one: { type: Container, artifacts: { image: { type: ImageArchive, file: image.tar } } }
    two: { type: Container, artifacts: { image: { type: ImageArchive, file: ./image.tar } } }
",
    );
    let lowered = lowered(&sources, "service.yaml").expect("it is valid");
    let files: Vec<(&str, &str)> =
        lowered.artifacts.iter().map(|file| (file.path.as_str(), file.digest.as_str())).collect();
    assert_eq!(files, [("image.tar", "1fa553188056d54b221eeddbddd7aa7fcd53b44fa8b8e419e452ebf3b4ef35d8")]);
}

#[test]
fn files_are_relative_to_the_file_that_names_them_and_paths_to_the_package() {
    let types = "tosca_definitions_version: tosca_2_0
imports: [ { profile: 'khutulun.process:0.1' } ]
node_types:
  Web:
    derived_from: Process
    interfaces:
      lifecycle:
        type: Lifecycle
        operations:
          configure: { implementation: { primary: scripts/web.sh, dependencies: [ ../shared/library.sh ] } }
";
    let service = "tosca_definitions_version: tosca_2_0
imports: [ types/web.yaml ]
service_template:
  node_templates:
    web: { type: Web, properties: { command: [ web ] } }
";
    let files = MemorySources::new()
        .with("package/service.yaml", service)
        .with("package/types/web.yaml", types)
        .with("package/types/scripts/web.sh", "#!/bin/sh")
        .with("package/shared/library.sh", "#!/bin/sh");
    let lowered = lowered(&WithProfiles::new(files), "package/service.yaml").expect("it is valid");
    let paths: Vec<&str> = lowered.artifacts.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, ["shared/library.sh", "types/scripts/web.sh"]);
}

#[test]
fn the_same_model_gives_the_same_design() {
    let sources = package("service_template: { node_templates: { box: { type: Container } } }");
    assert_eq!(lowered(&sources, "service.yaml"), lowered(&sources, "service.yaml"));
}
