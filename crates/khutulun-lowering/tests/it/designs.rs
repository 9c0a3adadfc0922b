//! What is true of designs besides their text.

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
fn the_same_model_gives_the_same_design() {
    let sources = package("service_template: { node_templates: { box: { type: Container } } }");
    assert_eq!(lowered(&sources, "service.yaml"), lowered(&sources, "service.yaml"));
}
