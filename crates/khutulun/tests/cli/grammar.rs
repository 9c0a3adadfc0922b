//! The grammar, exit code 64, and where output goes.

use crate::sandbox::Sandbox;

#[test]
fn wrong_usage_exits_64_and_leaves_standard_output_empty() {
    let sandbox = Sandbox::new();
    for arguments in [
        &[][..],
        &["frobnicate"],
        &["deploy", "--frobnicate"],
        &["deploy", "-o", "xml"],
        &["deploy", "--parallel", "0"],
        &["logs"],
        &["rollback"],
    ] {
        let ended = sandbox.run(arguments).expect(64);
        assert_eq!(ended.stdout, "", "{arguments:?}");
        assert!(
            ended.stderr.contains("--help") || ended.stderr.contains("Usage"),
            "{arguments:?}: {}",
            ended.stderr
        );
    }
    assert!(!sandbox.state().exists(), "wrong usage must not make a state directory");
}

#[test]
fn help_and_version_are_answers() {
    let sandbox = Sandbox::new();
    let version = sandbox.run(&["--version"]).expect(0);
    assert!(version.stdout.starts_with("khutulun "), "{}", version.stdout);
    let help = sandbox.run(&["deploy", "--help"]).expect(0);
    for word in ["--yes", "--inputs", "--name", "--parallel", "--state"] {
        assert!(help.stdout.contains(word), "no {word} in:\n{}", help.stdout);
    }
    assert_eq!(help.stderr, "");
    let version = sandbox.run(&["version", "-o", "json"]).expect(0).json();
    assert_eq!(version["schema"], "khutulun.version/1");
}

#[test]
fn reading_commands_make_no_state_directory() {
    let sandbox = Sandbox::new();
    let status = sandbox.run(&["status", "-o", "json"]).expect(0).json();
    assert_eq!(status["schema"], "khutulun.status/1");
    assert_eq!(status["services"].as_array().unwrap().len(), 0);
    let pair = sandbox.pair();
    sandbox.run(&["validate", pair.to_str().unwrap()]).expect(0);
    sandbox.run(&["plan", pair.to_str().unwrap()]).expect(2);
    assert!(!sandbox.state().exists());
}

#[test]
fn an_input_without_a_value_is_wrong_usage_with_the_right_form() {
    let sandbox = Sandbox::new();
    let pair = sandbox.pair();
    let ended = sandbox.run(&["plan", pair.to_str().unwrap(), "-i", "port"]).expect(64);
    ended.five_parts();
    assert!(ended.stderr.contains("-i NAME=VALUE"), "{}", ended.stderr);
}

#[test]
fn a_reader_that_goes_is_no_error() {
    let sandbox = Sandbox::new();
    let pair = sandbox.pair();
    let mut child = sandbox
        // A slow machine would tell what it is at.
        .command(&["compile", pair.to_str().unwrap(), "-o", "json", "--progress", "none"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let ended = crate::sandbox::finish(child).expect(0);
    assert_eq!(ended.stderr, "");
}

#[test]
fn an_error_is_data_where_data_was_asked_for() {
    let sandbox = Sandbox::new();
    let ended = sandbox.run(&["outputs", "-o", "json"]).expect(64);
    let document = ended.json();
    assert_eq!((&document["schema"], &document["exit"]), (&"khutulun.error/1".into(), &64.into()));
    ended.five_parts();
    let ended = sandbox.run(&["outputs", "--progress", "json"]).expect(64);
    let line: serde_json::Value = serde_json::from_str(&ended.stderr).unwrap();
    assert_eq!(line["schema"], "khutulun.error/1");
    assert_eq!(ended.stdout, "");
}

#[test]
fn wrong_usage_is_data_where_data_was_asked_for() {
    let sandbox = Sandbox::new();
    let document = |arguments: &[&str]| {
        let document = sandbox.run(arguments).expect(64).json();
        assert_eq!(document["schema"], "khutulun.error/1", "{document:#}");
        assert!(document["next"][0].as_str().unwrap().starts_with("khutulun"), "{document:#}");
        document["what"].as_str().unwrap().to_owned()
    };
    assert_eq!(document(&["frobnicate", "-o", "json"]), "unrecognized subcommand 'frobnicate'");
    assert_eq!(document(&["-ojson", "status", "--frobnicate"]), "unexpected argument '--frobnicate' found");
    assert!(document(&["deploy", "--output=json", "--parallel", "0"]).starts_with("invalid value '0'"));
    let line = sandbox.run(&["logs", "--progress=json"]).expect(64);
    let line: serde_json::Value = serde_json::from_str(&line.stderr).unwrap();
    assert_eq!(line["schema"], "khutulun.error/1");
}
