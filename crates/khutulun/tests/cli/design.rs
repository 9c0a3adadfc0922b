//! Designs that cannot be deployed, and why.

use crate::sandbox::Sandbox;

/// A misspelt type, a missing required property and an unknown keyname.
const THREE_MISTAKES: &str = "\
tosca_definitions_version: tosca_2_0
imports:
- profile: khutulun.process:0.1
service_template:
  node_templates:
    store:
      type: Proces
    web:
      type: Process
    cache:
      type: Process
      propertees: {}
      properties:
        command: [ 'true' ]
";

#[test]
fn three_mistakes_are_three_diagnostics_in_one_run() {
    let sandbox = Sandbox::new();
    let file = sandbox.write("service.yaml", THREE_MISTAKES);
    let ended = sandbox.run(&["validate", "service.yaml"]).expect(3);
    ended.five_parts();
    for text in [
        "service.yaml:7:13",
        "service.yaml:8:5",
        "service.yaml:12:7",
        "^^^",
        "= hint:",
        "`Process`",
        "command",
    ] {
        assert!(ended.stderr.contains(text), "no {text:?} in:\n{}", ended.stderr);
    }
    assert_eq!(ended.stderr.matches("error[").count(), 3, "{}", ended.stderr);

    for verb in [&["validate"][..], &["deploy", "--yes"], &["plan"], &["compile"]] {
        let mut arguments = verb.to_vec();
        arguments.extend([file.to_str().unwrap(), "-o", "json"]);
        let report = sandbox.run(&arguments).expect(3).json();
        assert_eq!(report["schema"], "khutulun.diagnostics/1");
        let diagnostics = report["diagnostics"].as_array().unwrap();
        assert_eq!(diagnostics.len(), 3, "{report:#}");
        for diagnostic in diagnostics {
            for field in ["code", "severity", "message", "file", "line", "column", "end_line", "end_column"] {
                assert!(!diagnostic[field].is_null(), "no {field} in {diagnostic:#}");
            }
            assert!(!diagnostic["hints"].as_array().unwrap().is_empty(), "{diagnostic:#}");
        }
    }
    assert!(!sandbox.state().exists(), "an invalid design must not make a state directory");
}

#[test]
fn a_valid_design_says_so() {
    let sandbox = Sandbox::new();
    let pair = sandbox.pair();
    let ended = sandbox.run(&["validate", pair.to_str().unwrap()]).expect(0);
    assert!(ended.stdout.contains("valid"), "{}", ended.stdout);
    let report = sandbox.run(&["validate", pair.to_str().unwrap(), "-o", "json"]).expect(0).json();
    assert_eq!(report["diagnostics"].as_array().unwrap().len(), 0);
    let design = sandbox.run(&["compile", pair.to_str().unwrap(), "-o", "json"]).expect(0).json();
    assert_eq!(design["schema"], "khutulun.design/1");
}

#[test]
fn what_is_no_design_is_a_five_part_error_and_exit_3() {
    let sandbox = Sandbox::new();
    std::fs::create_dir_all(sandbox.path("empty-folder")).unwrap();
    sandbox.write("types-only/a.yaml", "tosca_definitions_version: tosca_2_0\n");
    sandbox.write("two/a.yaml", "tosca_definitions_version: tosca_2_0\nservice_template: {}\n");
    sandbox.write("two/b.yaml", "tosca_definitions_version: tosca_2_0\nservice_template: {}\n");
    sandbox.write("not-yaml.yaml", "a: [1, 2\nb: }{\n");
    sandbox.write("binary.yaml", "\u{0}\u{1}\u{2}");
    sandbox.write("empty.yaml", "");
    sandbox.write("scalar.yaml", "hello\n");
    for name in [
        "empty-folder",
        "types-only",
        "two",
        "not-yaml.yaml",
        "binary.yaml",
        "empty.yaml",
        "scalar.yaml",
        "absent.yaml",
        "types-only/a.yaml",
    ] {
        for verb in [&["plan"][..], &["deploy", "--yes"]] {
            let mut arguments = verb.to_vec();
            arguments.push(name);
            let ended = sandbox.run(&arguments);
            assert_eq!(ended.code, 3, "{name}: {}", ended.stderr);
            ended.five_parts();
            assert_eq!(ended.stdout, "", "{name}");
        }
    }
    let two = sandbox.run(&["deploy", "two", "--yes"]).expect(3);
    assert!(two.stderr.contains("`a.yaml`, `b.yaml`"), "{}", two.stderr);
    assert!(!sandbox.state().exists(), "nothing may be half-written");
}

/// C072: an input that does not exist, and a value of another type.
#[test]
fn wrong_inputs_are_named_before_anything_happens() {
    let sandbox = Sandbox::new();
    let pair = sandbox.pair();
    let pair = pair.to_str().unwrap();
    let unknown = sandbox.run(&["deploy", pair, "--yes", "-i", "prot=1"]);
    unknown.five_parts();
    assert_ne!(unknown.code, 0);
    assert!(unknown.stderr.contains("prot") && unknown.stderr.contains("port"), "{}", unknown.stderr);
    let wrong = sandbox.run(&["deploy", pair, "--yes", "-i", "port=many"]);
    wrong.five_parts();
    assert_ne!(wrong.code, 0);
    assert!(wrong.stderr.contains("port") && wrong.stderr.contains("integer"), "{}", wrong.stderr);
    sandbox.write("inputs.yaml", "- a list\n");
    sandbox.run(&["deploy", pair, "--yes", "--inputs", "inputs.yaml"]).expect(64).five_parts();
    assert!(!sandbox.state().exists());
}

#[test]
fn a_design_is_written_as_one_file_that_says_the_same() {
    let sandbox = Sandbox::new();
    let pair = sandbox.pair();
    let written = sandbox.run(&["compile", pair.to_str().unwrap(), "-o", "tosca"]).expect(0).stdout;
    assert!(written.contains("imports: [ { profile: \"khutulun.process:0.1\" } ]"), "{written}");
    assert!(written.contains("file: pair/scripts/note.sh"), "{written}");
    let path = sandbox.write("written.yaml", &written);
    sandbox.run(&["validate", "written.yaml"]).expect(0);
    assert_eq!(sandbox.run(&["compile", "written.yaml", "-o", "tosca"]).expect(0).stdout, written);
    sandbox.deploy(&path, &["--name", "pair"]).expect(0);
    assert_eq!(sandbox.roles().len(), 2);
    // It is the same service: nothing has to run for the design that it was made from.
    let same = sandbox.run(&["plan", "pair", "-i", &sandbox.mark_input(), "-o", "json"]).json();
    assert_eq!(same["steps"], serde_json::json!([]), "{same:#}");
    sandbox.run(&["destroy", "pair", "--yes"]).expect(0);

    sandbox.run(&["csar", "create", "pair"]).expect(0);
    let of_archive = sandbox.run(&["compile", "pair.csar", "-o", "tosca"]).expect(0);
    assert!(of_archive.stdout.contains("file: scripts/note.sh"), "{}", of_archive.stdout);
    assert!(of_archive.stderr.contains("khutulun csar extract pair.csar"), "{}", of_archive.stderr);
    sandbox.run(&["status", "-o", "tosca"]).expect(64).five_parts();
}

/// Values of the special types, from the command line to the outputs; nothing is started for them.
const DISK: &str = "\
tosca_definitions_version: tosca_2_0
data_types:
  Size:
    derived_from: scalar
    data_type: integer
    units: { B: 1, MB: 1000000, GB: 1000000000 }
node_types:
  Disk:
    properties:
      size: { type: Size }
      version: { type: version }
service_template:
  inputs:
    size: { type: Size, default: 1 GB }
    version: { type: version, default: '1.9' }
  node_templates:
    disk:
      type: Disk
      properties:
        size: { $get_input: size }
        version: { $get_input: version }
  outputs:
    size: { value: { $get_property: [ disk, size ] } }
    half: { value: { $quotient: [ { $get_property: [ disk, size ] }, 2 ] } }
    version: { value: { $get_property: [ disk, version ] } }
    new: { value: { $greater_than: [ { $get_property: [ disk, version ] }, '1.9' ] } }
";

#[test]
fn sizes_and_versions_are_given_and_shown_as_text() {
    let sandbox = Sandbox::new();
    let disk = sandbox.write("disk/service.yaml", DISK);
    let disk = disk.to_str().unwrap();
    let wrong = sandbox.run(&["deploy", disk, "--yes", "-i", "size=10 gb"]);
    wrong.five_parts();
    assert!(wrong.stderr.contains("size") && wrong.stderr.contains("`GB`"), "{}", wrong.stderr);
    sandbox.run(&["deploy", disk, "--yes", "-i", "size=10 GB", "-i", "version=1.10"]).expect(0);
    assert_eq!(sandbox.run(&["outputs", "size"]).expect(0).stdout, "10 GB\n");
    let outputs = sandbox.run(&["outputs", "-o", "json"]).expect(0).json();
    let expected = [("size", "10 GB"), ("half", "5000000000 B"), ("version", "1.10")];
    for (name, text) in expected {
        assert_eq!(outputs["outputs"][name], text, "{outputs:#}");
    }
    assert_eq!(outputs["outputs"]["new"], true, "{outputs:#}");
}
