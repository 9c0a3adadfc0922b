//! Archives of designs: made, looked at, unpacked, checked, and used wherever a design is.

use std::{fs, path::Path};

use crate::sandbox::{Sandbox, poll};

/// Copies a folder of the test or of the repository into the sandbox.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The archive of the two processes, as `pair.csar`.
fn pair(sandbox: &Sandbox) {
    sandbox.pair();
    sandbox.run(&["csar", "create", "pair"]).expect(0);
}

#[test]
fn a_service_of_an_archive_outlives_the_archive() {
    let sandbox = Sandbox::new();
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().join("examples");
    copy(&examples.join("hello-world"), &sandbox.path("hello-world"));
    sandbox.run(&["csar", "create", "hello-world", "--out", "hello-world.csar"]).expect(0);
    fs::remove_dir_all(sandbox.path("hello-world")).unwrap();

    let design = sandbox.run(&["compile", "hello-world.csar", "-o", "json"]).expect(0).json();
    assert_eq!(design["schema"], "khutulun.design/1");
    let plan = sandbox.run(&["plan", "hello-world.csar", "-i", "port=8093"]).expect(2);
    assert!(plan.stdout.contains("hello-world.csar!/service.yaml:"), "{}", plan.stdout);
    let deployed = sandbox.run(&["deploy", "hello-world.csar", "--yes", "-i", "port=8093"]).expect(0);
    assert!(deployed.stdout.contains("http://127.0.0.1:8093"), "{}", deployed.stdout);
    let again = sandbox.run(&["deploy", "hello-world.csar", "--yes", "-i", "port=8093"]).expect(0);
    assert!(again.stdout.contains("Nothing to do"), "{}", again.stdout);

    fs::remove_file(sandbox.path("hello-world.csar")).unwrap();
    let status = sandbox.run(&["status", "-o", "json"]).expect(0).json();
    assert_eq!(status["services"][0]["service"], "hello-world");
    for node in status["services"][0]["nodes"].as_array().unwrap() {
        assert_eq!(node["observed"]["state"], "running", "{node:#}");
    }
    let gone = sandbox.run(&["destroy", "hello-world.csar", "--yes"]).expect(64);
    gone.five_parts();
    assert!(gone.stderr.contains("khutulun destroy hello-world\n"), "{}", gone.stderr);
    sandbox.run(&["destroy", "hello-world", "--yes"]).expect(0);
    poll("nothing of it is left", || sandbox.family().is_empty().then_some(()));
}

#[test]
fn a_directory_and_its_archive_are_the_same_design() {
    let sandbox = Sandbox::new();
    pair(&sandbox);
    let of =
        |path: &str| sandbox.run(&["compile", path, "-o", "json"]).expect(0).json()["vertexes"].to_string();
    let places = |text: String| text.replace("pair.csar!/", "pair/");
    assert_eq!(places(of("pair")), places(of("pair.csar")));
    // By its archive's name a service is found again, too.
    sandbox.deploy(&sandbox.path("pair.csar"), &[]).expect(0);
    sandbox.run(&["destroy", "pair.csar", "--yes"]).expect(0);
    poll("nothing of it is left", || sandbox.family().is_empty().then_some(()));
}

#[test]
fn an_archive_is_made_the_same_twice_and_never_over_another_file() {
    let sandbox = Sandbox::new();
    sandbox.pair();
    let create = |out: &str| {
        let answer = sandbox.run(&["csar", "create", "pair", "--out", out, "-o", "json"]).expect(0).json();
        assert_eq!(answer["schema"], "khutulun.csar-created/1");
        assert_eq!(answer["entry_definitions"], "service.yaml");
        answer["sha256"].clone()
    };
    assert_eq!(create("a.csar"), create("b.csar"));
    assert_eq!(fs::read(sandbox.path("a.csar")).unwrap(), fs::read(sandbox.path("b.csar")).unwrap());

    let there = sandbox.run(&["csar", "create", "pair", "--out", "a.csar"]).expect(1);
    there.five_parts();
    assert!(there.stderr.contains("--replace"), "{}", there.stderr);
    sandbox.run(&["csar", "create", "pair", "--out", "a.csar", "--replace"]).expect(0);
    sandbox.run(&["csar", "create", "pair", "--out", "pair/a.csar"]).expect(64).five_parts();
    sandbox.run(&["csar", "create", "pair", "--out", "a.tgz"]).expect(64).five_parts();
    sandbox.run(&["csar", "create", "absent"]).expect(3).five_parts();
}

#[test]
fn no_archive_is_made_of_what_is_invalid() {
    let sandbox = Sandbox::new();
    sandbox.write("wrong/service.yaml", "tosca_definitions_version: tosca_2_0\nservice_templat: {}\n");
    let wrong = sandbox.run(&["csar", "create", "wrong"]).expect(3);
    wrong.five_parts();
    assert!(wrong.stderr.contains("wrong/service.yaml:2:1"), "{}", wrong.stderr);
    assert!(!sandbox.path("wrong.csar").exists());

    // Two files could be the first: it says how to name it.
    sandbox.pair();
    sandbox.write("pair/types.yaml", "tosca_definitions_version: tosca_2_0\n");
    let several = sandbox.run(&["csar", "create", "pair"]).expect(3);
    several.five_parts();
    assert!(several.stderr.contains("--entry"), "{}", several.stderr);
    sandbox.run(&["csar", "create", "pair", "--entry", "service.yaml", "--created-by", "me"]).expect(0);
    let inspected = sandbox.run(&["csar", "inspect", "pair.csar", "-o", "json"]).expect(0).json();
    assert_eq!(inspected["created_by"], "me");
    assert_eq!(inspected["meta_path"], "TOSCA.meta");
    sandbox.run(&["validate", "pair.csar"]).expect(0);
}

#[test]
fn a_package_is_inspected_extracted_and_verified() {
    let sandbox = Sandbox::new();
    pair(&sandbox);
    let inspected = sandbox.run(&["csar", "inspect", "pair.csar", "-o", "json"]).expect(0).json();
    assert_eq!(inspected["schema"], "khutulun.csar/1");
    assert_eq!(inspected["format"], "zip");
    let paths: Vec<&str> =
        inspected["entries"].as_array().unwrap().iter().filter_map(|entry| entry["path"].as_str()).collect();
    assert!(paths.contains(&"service.yaml") && paths.contains(&"scripts/note.sh"), "{paths:?}");
    let table = sandbox.run(&["csar", "inspect", "pair.csar"]).expect(0).stdout;
    assert!(table.contains("scripts/note.sh") && table.contains("zip"), "{table}");
    let yaml = sandbox.run(&["csar", "inspect", "pair.csar", "-o", "yaml"]).expect(0).stdout;
    assert!(yaml.contains("schema: khutulun.csar/1"), "{yaml}");

    let extracted =
        sandbox.run(&["csar", "extract", "pair.csar", "--to", "again", "-o", "json"]).expect(0).json();
    assert_eq!(extracted["schema"], "khutulun.csar-extracted/1");
    for name in ["service.yaml", "scripts/note.sh"] {
        let read = |folder: &str| fs::read(sandbox.path(folder).join(name)).unwrap();
        assert_eq!(read("pair"), read("again"));
    }
    sandbox.run(&["csar", "extract", "pair.csar", "--to", "again"]).expect(1).five_parts();
    sandbox.run(&["csar", "extract", "pair.csar"]).expect(64);

    let digest = |path: &str| {
        let answer = sandbox.run(&["csar", "verify", path, "-o", "json"]).expect(0).json();
        assert_eq!(
            (&answer["schema"], &answer["valid"]),
            (&"khutulun.csar-verification/1".into(), &true.into())
        );
        answer["digest"].clone()
    };
    assert_eq!(digest("pair.csar"), digest("again"));
    assert!(!sandbox.state().exists(), "packages are no business of the state directory");
}

#[test]
fn a_damaged_or_foreign_file_is_a_five_part_error() {
    let sandbox = Sandbox::new();
    pair(&sandbox);
    let mut bytes = fs::read(sandbox.path("pair.csar")).unwrap();
    fs::write(sandbox.path("cut.csar"), &bytes[..bytes.len() / 2]).unwrap();
    // A byte in the middle of the first file's content.
    bytes[60] ^= 0xff;
    fs::write(sandbox.path("flipped.csar"), &bytes).unwrap();
    sandbox.write("text.csar", "this is no archive\n");
    for name in ["cut.csar", "text.csar", "absent.csar"] {
        for verb in [&["csar", "inspect"][..], &["csar", "verify"], &["validate"], &["deploy", "--yes"]] {
            let ended = sandbox.run(&[verb, &[name]].concat()).expect(3);
            ended.five_parts();
            assert!(ended.stderr.contains(name), "{}", ended.stderr);
        }
        sandbox.run(&["csar", "extract", name, "--to", "out"]).expect(3).five_parts();
    }
    let flipped = sandbox.run(&["csar", "verify", "flipped.csar", "-o", "json"]).expect(3);
    flipped.five_parts();
    assert_eq!(flipped.json()["valid"], false);
    sandbox.run(&["csar", "extract", "flipped.csar", "--to", "out"]).expect(3).five_parts();
    assert!(!sandbox.path("out").exists() && !sandbox.state().exists());
}

#[test]
fn a_directory_with_a_meta_file_starts_where_that_says() {
    let sandbox = Sandbox::new();
    sandbox.pair();
    fs::create_dir_all(sandbox.path("packed")).unwrap();
    fs::rename(sandbox.path("pair"), sandbox.path("packed/design")).unwrap();
    sandbox.write(
        "packed/TOSCA.meta",
        "CSAR-Version: 2.0\nCreated-By: me\nEntry-Definitions: design/service.yaml\n",
    );
    sandbox.run(&["validate", "packed"]).expect(0);
    sandbox.run(&["csar", "create", "packed"]).expect(0);
    sandbox.run(&["compile", "packed.csar"]).expect(0);
    sandbox
        .write("packed/TOSCA.meta", "CSAR-Version: 2.0\nCreated-By: me\nEntry-Definitions: service.yaml\n");
    let missing = sandbox.run(&["validate", "packed"]).expect(3);
    missing.five_parts();
    assert!(missing.stderr.contains("csar-missing-file"), "{}", missing.stderr);
}
