//! `khutulun.lock`: written when asked, checked whenever it is there.

use std::fs;

use crate::sandbox::Sandbox;

const VERSION: &str = "tosca_definitions_version: tosca_2_0\n";

/// A design that imports a kept profile and a built-in one.
fn shop(sandbox: &Sandbox) {
    sandbox.write(
        "kept/shop/profile.yaml",
        &format!("{VERSION}profile: org.shop:1\nimports: [ profile: 'khutulun.process:0.1' ]\nnode_types: {{ Till: {{}} }}\n"),
    );
    sandbox.write(
        "one/service.yaml",
        &format!("{VERSION}imports: [ profile: 'org.shop:1' ]\nservice_template: {{ node_templates: {{ till: {{ type: Till }} }} }}\n"),
    );
}

#[test]
fn a_lock_file_is_written_when_asked_and_never_else() {
    let sandbox = Sandbox::new();
    shop(&sandbox);
    let lock = sandbox.path("one/khutulun.lock");
    for verb in ["validate", "compile", "plan"] {
        sandbox.run(&[verb, "one", "--profiles", "kept"]);
        assert!(!lock.exists(), "{verb} wrote it");
    }
    let written =
        sandbox.run(&["profile", "lock", "one", "--profiles", "kept", "-o", "json"]).expect(0).json();
    assert_eq!(written["schema"], "khutulun.locked/1");
    assert_eq!(written["files"][0]["profiles"], serde_json::json!(["khutulun.process:0.1", "org.shop:1"]));
    assert_eq!(written["files"][0]["changed"], true);
    let text = fs::read_to_string(&lock).unwrap();
    assert!(text.contains("schema: khutulun.lock/1") && text.contains("name: org.shop:1\n"), "{text}");
    assert!(text.contains("place: kept/shop\n") && text.contains("place: built in\n"), "{text}");
    assert_eq!(fs::read_dir(sandbox.path("one")).unwrap().count(), 2, "nothing else is left there");

    // As it is, it is valid; packed, the lock file goes along.
    let again = sandbox.run(&["profile", "lock", "one", "--profiles", "kept"]).expect(0);
    assert!(again.stdout.contains("is as it was"), "{}", again.stdout);
    sandbox.run(&["validate", "one", "--profiles", "kept"]).expect(0);
    sandbox.run(&["csar", "create", "one", "--profiles", "kept"]).expect(0);
    sandbox.run(&["validate", "one.csar", "--profiles", "kept"]).expect(0);
    sandbox.run(&["profile", "lock", "one.csar", "--profiles", "kept"]).expect(64).five_parts();

    // What is invalid is not locked.
    let unknown = sandbox.run(&["profile", "lock", "one"]).expect(3);
    unknown.five_parts();
    assert_eq!(fs::read_to_string(&lock).unwrap(), text);
}

#[test]
fn a_changed_profile_is_told_with_both_digests() {
    let sandbox = Sandbox::new();
    shop(&sandbox);
    sandbox.run(&["profile", "lock", "one", "--profiles", "kept"]).expect(0);
    sandbox.run(&["csar", "create", "one", "--profiles", "kept"]).expect(0);
    let lock = fs::read_to_string(sandbox.path("one/khutulun.lock")).unwrap();
    let digest = lock.split("sha256:").nth(2).unwrap()[..64].to_owned();

    sandbox.write("kept/shop/scripts/run.sh", "#!/bin/sh\n");
    for path in ["one", "one.csar"] {
        for verb in [&["validate"][..], &["compile"], &["plan"], &["deploy", "--yes"]] {
            let ended = sandbox.run(&[verb, &[path, "--profiles", "kept"]].concat()).expect(3);
            assert!(ended.stderr.contains("error[changed-import]"), "{}", ended.stderr);
            assert!(ended.stderr.contains("the profile `org.shop:1` is not the one"), "{}", ended.stderr);
            assert!(ended.stderr.contains(&format!("it was sha256:{digest}")), "{}", ended.stderr);
            assert!(ended.stderr.contains("it is sha256:"), "{}", ended.stderr);
            assert!(ended.stderr.contains("/service.yaml:2:"), "{}", ended.stderr);
            assert!(ended.stderr.contains("/khutulun.lock:"), "{}", ended.stderr);
        }
    }
    assert_eq!(fs::read_to_string(sandbox.path("one/khutulun.lock")).unwrap(), lock, "nothing wrote it");
    let page = sandbox.run(&["explain", "changed-import"]).expect(0).stdout;
    assert!(page.contains("khutulun profile lock"), "{page}");

    sandbox.run(&["profile", "lock", "one", "--profiles", "kept"]).expect(0);
    sandbox.run(&["validate", "one", "--profiles", "kept"]).expect(0);
}

#[test]
fn what_is_not_locked_or_not_a_lock_file_is_an_error() {
    let sandbox = Sandbox::new();
    shop(&sandbox);
    sandbox.write("one/empty.yaml", VERSION);
    sandbox.run(&["profile", "lock", "one/empty.yaml"]).expect(0);
    sandbox.run(&["validate", "one/empty.yaml"]).expect(0);
    let ended = sandbox.run(&["validate", "one", "--profiles", "kept", "-o", "json"]).expect(3).json();
    let codes: Vec<_> =
        ended["diagnostics"].as_array().unwrap().iter().map(|found| found["code"].clone()).collect();
    assert_eq!(codes, ["not-locked", "not-locked"]);
    // Named together, the designs of a folder are locked together.
    sandbox.run(&["profile", "lock", "one/empty.yaml", "one/service.yaml", "--profiles", "kept"]).expect(0);
    sandbox.run(&["validate", "one/empty.yaml", "one/service.yaml", "--profiles", "kept"]).expect(0);

    for text in ["schema: khutulun.lock/9\n", "<<<<<<< HEAD\n", "profiles: 7\n"] {
        sandbox.write("one/khutulun.lock", text);
        let ended = sandbox.run(&["validate", "one", "--profiles", "kept"]).expect(3);
        assert!(ended.stderr.contains("error[invalid-lock]"), "{text}: {}", ended.stderr);
    }
}

#[cfg(not(feature = "http"))]
#[test]
fn a_build_that_does_not_fetch_says_so_and_what_to_do() {
    let sandbox = Sandbox::new();
    sandbox.write("one.yaml", &format!("{VERSION}imports: [ 'https://example.org/types.yaml' ]\n"));
    let ended = sandbox.run(&["validate", "one.yaml"]).expect(3);
    assert!(ended.stderr.contains("error[import-failed]"), "{}", ended.stderr);
    assert!(ended.stderr.contains("this build does not fetch URLs"), "{}", ended.stderr);
    assert!(ended.stderr.contains("download it and import it by its path"), "{}", ended.stderr);
    // What a service needs has to come with it, whatever a build fetches.
    let types = "artifact_types: { File: {} }\nnode_types: { Node: {} }\n";
    let artifact = "{ type: File, file: 'https://example.org/a' }";
    sandbox.write("two.yaml", &format!(
        "{VERSION}{types}service_template: {{ node_templates: {{ n: {{ type: Node, artifacts: {{ a: {artifact} }} }} }} }}\n"
    ));
    let ended = sandbox.run(&["plan", "two.yaml"]).expect(3);
    assert!(ended.stderr.contains("error[artifact-outside]"), "{}", ended.stderr);
}

/// C052: a URL with a scheme is what is there.
#[cfg(feature = "http")]
#[test]
fn a_changed_file_from_the_network_is_told() {
    use std::io::{BufRead as _, BufReader, Write as _};
    let sandbox = Sandbox::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let served = sandbox.write("served.yaml", &format!("{VERSION}node_types: {{ Till: {{}} }}\n"));
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut reader = BufReader::new(stream);
            let mut line = String::new();
            while reader.read_line(&mut line).is_ok_and(|length| length > 2) {
                line.clear();
            }
            let body = fs::read_to_string(&served).unwrap();
            let head =
                format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
            let _ = reader.get_mut().write_all(format!("{head}{body}").as_bytes());
        }
    });
    sandbox.write("one/service.yaml", &format!("{VERSION}imports: [ 'http://{address}/types.yaml' ]\n"));
    let locked = sandbox.run(&["profile", "lock", "one", "-o", "json"]).expect(0).json();
    assert_eq!(locked["files"][0]["urls"], serde_json::json!([format!("http://{address}/types.yaml")]));
    sandbox.run(&["validate", "one"]).expect(0);
    sandbox.write("served.yaml", &format!("{VERSION}node_types: {{ Till: {{}}, More: {{}} }}\n"));
    let changed = sandbox.run(&["validate", "one"]).expect(3);
    assert!(changed.stderr.contains("error[changed-import]"), "{}", changed.stderr);
    assert!(changed.stderr.contains("/types.yaml` is not the one"), "{}", changed.stderr);
}
