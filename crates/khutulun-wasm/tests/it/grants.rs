//! A request is done when the manifest asks for it and the operator allows it; all else is denied, and told.

use std::{fs, sync::Arc};

use floria::Value;
use khutulun_api::FailureClass;
use khutulun_wasm::{Access, CommandGrant, Grant, GrantPolicy, PathGrant, WasmExecutor};

use crate::support::{Heard, failure, hostile, outputs};

/// Everything that one could allow.
fn everything() -> Grant {
    Grant {
        commands: vec![
            CommandGrant {
                program: "/bin/echo".into(),
                arguments: vec!["**".into()],
                environment: vec!["LD_PRELOAD".into()],
            },
            CommandGrant { program: "/bin/rm".into(), arguments: vec!["**".into()], environment: Vec::new() },
        ],
        paths: vec![PathGrant { path: "/".into(), access: Access::Write }],
        sockets: vec!["/run/docker.sock".into()],
        processes: true,
        artifacts: true,
    }
}

/// Runs an event under a grant, and returns what the request was answered, and all that was asked of the machine.
fn ask(allowed: Grant, event: &str, inputs: &[(&str, &str)]) -> (String, Vec<String>) {
    let (machine, implementation) = hostile();
    let heard = Arc::new(Heard::default());
    let executor = WasmExecutor::new(machine.clone(), Vec::new())
        .with_policy(GrantPolicy::new().allow("hostile", allowed))
        .with_reports(heard.clone());
    let outputs = outputs(&executor, &implementation, event, inputs);
    let answer = outputs["answer"].to_string();
    // Whatever is denied is reported.
    assert_eq!(heard.lines().len(), usize::from(answer == "denied"), "{:?}", heard.lines());
    (answer, machine.asked())
}

const REQUESTS: [(&str, &[(&str, &str)]); 8] = [
    ("command", &[("1", "/bin/echo"), ("2", "hello")]),
    ("command-with-environment", &[("1", "/bin/echo"), ("2", "hello")]),
    ("read", &[("1", "/etc/passwd")]),
    ("write", &[("1", "/tmp/khutulun-hostile")]),
    ("remove", &[("1", "/tmp/khutulun-hostile")]),
    ("socket", &[("1", "/run/docker.sock")]),
    ("process", &[]),
    ("artifact", &[("1", "0000000000000000000000000000000000000000000000000000000000000000")]),
];

#[test]
fn with_an_empty_grant_everything_is_denied() {
    for (event, inputs) in REQUESTS {
        assert_eq!(ask(Grant::default(), event, inputs), ("denied".into(), Vec::new()), "{event}");
    }
}

#[test]
fn what_the_manifest_does_not_ask_for_is_denied_though_it_is_allowed() {
    let check = |event, inputs: &[(&str, &str)]| {
        assert_eq!(ask(everything(), event, inputs), ("denied".into(), Vec::new()), "{event} {inputs:?}");
    };
    check("command", &[("1", "/bin/echo"), ("2", "two"), ("3", "words")]);
    check("command", &[("1", "/bin/rm"), ("2", "x")]);
    check("command", &[("1", "echo"), ("2", "x")]);
    check("command-with-environment", &[("1", "/bin/echo"), ("2", "x")]);
    check("read", &[("1", "/etc/passwd")]);
    check("read", &[("1", "/tmp/../etc/passwd")]);
    check("read", &[("1", "/proc/self/root/etc/passwd")]);
    check("read", &[("1", "etc/passwd")]);
    check("socket", &[("1", "/run/docker.sock")]);
    check("artifact", &[("1", &"0".repeat(64))]);
}

#[test]
fn what_is_asked_for_and_allowed_is_done() {
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let file = folder.path().canonicalize().unwrap().join("file");
    fs::write(&file, "x").unwrap();
    let file = file.to_str().unwrap();
    let check = |event, inputs: &[(&str, &str)], expected: &str| {
        assert_eq!(ask(everything(), event, inputs), ("done".into(), vec![expected.to_owned()]), "{event}");
    };
    check("command", &[("1", "/bin/echo"), ("2", "hello there")], "run /bin/echo hello there");
    check("read", &[("1", file)], &format!("read {file}"));
    check("write", &[("1", file)], &format!("write {file}"));
    check("remove", &[("1", file)], &format!("remove {file}"));
    // Whose process it is, the plugin does not say.
    check("process", &[], "observe shop/web");
    assert_eq!(ask(everything(), "write-set-user", &[("1", file)]), ("refused".into(), Vec::new()));
}

#[test]
fn the_machine_gets_the_path_that_was_checked() {
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let root = folder.path().canonicalize().unwrap();
    fs::create_dir(root.join("real")).unwrap();
    fs::write(root.join("real/file"), "x").unwrap();
    std::os::unix::fs::symlink(root.join("real"), root.join("link")).unwrap();
    let through = root.join("link/file");
    let (answer, asked) = ask(everything(), "read", &[("1", through.to_str().unwrap())]);
    assert_eq!(answer, "done");
    assert_eq!(asked, [format!("read {}", root.join("real/file").display())]);
}

#[test]
fn a_grant_is_no_wider_than_the_operator_says() {
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let file = folder.path().join("file");
    let file = file.to_str().unwrap();
    let read_only = Grant {
        paths: vec![PathGrant { path: folder.path().into(), access: Access::Read }],
        ..Grant::default()
    };
    assert_eq!(ask(read_only.clone(), "read", &[("1", file)]).0, "done");
    assert_eq!(ask(read_only.clone(), "write", &[("1", file)]).0, "denied");
    assert_eq!(ask(read_only, "read", &[("1", "/tmp/other")]).0, "denied");
}

#[test]
fn a_failure_after_a_denial_names_what_was_denied() {
    let (machine, implementation) = hostile();
    let heard = Arc::new(Heard::default());
    let executor = WasmExecutor::new(machine.clone(), Vec::new()).with_reports(heard.clone());
    let failure = failure(&executor, &implementation, "denied-then-fail");
    assert_eq!(failure.class, FailureClass::Denied);
    assert_eq!(
        failure.message,
        "plugin `plugins/hostile.wasm` was not granted reading `/etc/shadow`, running `/bin/rm -r /`"
    );
    assert_eq!(failure.detail, "nothing works");
    assert_eq!(heard.lines(), ["web denied: reading `/etc/shadow`", "web denied: running `/bin/rm -r /`"]);
    assert_eq!(machine.asked(), Vec::<String>::new());
}

#[test]
fn a_grant_by_digest_goes_before_one_by_name() {
    let (machine, implementation) = hostile();
    let floria::Implementation::Plugin(artifact) = &implementation else { panic!() };
    let policy =
        GrantPolicy::new().allow("hostile", everything()).allow(artifact.digest.clone(), Grant::default());
    let executor = WasmExecutor::new(machine, Vec::new()).with_policy(policy);
    assert_eq!(outputs(&executor, &implementation, "process", &[])["answer"], Value::from("denied"));
}

/// A location in the inputs is the path of the file. Reading what is there is another matter.
#[test]
fn a_plugin_gets_the_paths_of_artifacts_that_are_inputs() {
    let (machine, implementation) = hostile();
    let floria::Implementation::Plugin(artifact) = &implementation else { panic!() };
    let executor = WasmExecutor::new(machine.clone(), Vec::new());
    let elsewhere = floria::Artifact { digest: "0".repeat(64), ..artifact.clone() }.location();
    let inputs = [("file", artifact.location()), ("gone", elsewhere.clone())];
    let inputs = inputs.each_ref().map(|(name, value)| (*name, value.as_str()));
    let outputs = outputs(&executor, &implementation, "echo", &inputs);
    let path = khutulun_api::Machine::artifact(&*machine, &artifact.digest).unwrap();
    assert_eq!(outputs["file"], Value::from(path.to_str().unwrap()));
    assert_eq!(outputs["gone"], Value::from(elsewhere));
}
