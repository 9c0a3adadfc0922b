//! A run that failed is unwound: what was intended before is there again, or nothing is.

use std::{fs, process::Stdio};

use serde_json::Value as Json;

use crate::sandbox::{Sandbox, poll, read_until};

fn colour(sandbox: &Sandbox) -> String {
    let environment = fs::read(format!("/proc/{}/environ", sandbox.pid("one"))).unwrap();
    let environment = String::from_utf8_lossy(&environment).into_owned();
    environment.split('\0').find_map(|entry| entry.strip_prefix("COLOUR=")).unwrap().to_owned()
}

/// The last entry of the history.
fn last(sandbox: &Sandbox) -> Json {
    let mut history = sandbox.run(&["history", "-o", "json"]).expect(0).json();
    history["entries"].as_array_mut().unwrap().pop().unwrap()
}

#[test]
fn a_failed_update_goes_back_to_the_revision_before() {
    let sandbox = Sandbox::new();
    sandbox.deploy(&sandbox.trio(), &[]).expect(0);
    let two = sandbox.pid("two");
    let failed = sandbox.run(&["update", "-i", "colour=black", "--on-failure", "unwind", "--yes"]).expect(1);
    let says = |text: &str| assert!(failed.stderr.contains(text), "no {text:?} in:\n{}", failed.stderr);
    failed.five_parts();
    says("if an operation fails, what was done is unwound, back to revision 1");
    says("nobody likes black");
    says("`trio` is what it was at revision 1");
    assert_eq!((colour(&sandbox).as_str(), sandbox.pid("two")), ("red", two));
    assert_eq!(sandbox.roles(), ["last", "one", "two"]);
    let unwound = last(&sandbox);
    assert_eq!(
        (&unwound["what"], &unwound["of"], &unwound["revision"]),
        (&"unwind".into(), &1.into(), &3.into())
    );
    assert!(unwound["unwinds"].is_u64(), "{unwound:#}");
    assert_eq!(sandbox.run(&["diff", "1"]).expect(0).code, 0);
    sandbox.run(&["resume"]).expect(64);
    let data = sandbox
        .run(&["update", "-i", "colour=black", "--on-failure", "unwind", "--yes", "-o", "json"])
        .expect(1)
        .json();
    assert_eq!(
        (&data["result"], &data["unwound"]["result"]),
        (&"failed".into(), &"succeeded".into()),
        "{data:#}"
    );
}

#[test]
fn a_failed_first_deploy_leaves_nothing() {
    let sandbox = Sandbox::new();
    let failed = sandbox.deploy(&sandbox.trio(), &["-i", "colour=black", "--on-failure", "unwind"]).expect(1);
    assert!(failed.stderr.contains("there is nothing of `trio`"), "{}", failed.stderr);
    assert_eq!(sandbox.processes(), []);
    let status = sandbox.run(&["status", "-o", "json"]).expect(0).json();
    assert_eq!(status["services"].as_array().unwrap().len(), 0);
    let unwound = last(&sandbox);
    assert!(unwound["what"] == "destroy" && unwound["unwinds"].is_u64(), "{unwound:#}");
}

#[test]
fn what_cannot_be_unwound_is_said() {
    let sandbox = Sandbox::new();
    sandbox.deploy(&sandbox.trio(), &[]).expect(0);
    // Going back fails too, as its script is no longer what it was made to be: it waits for nothing, and red is no better now.
    let artifacts = sandbox.state().join("artifacts");
    let script = fs::read_dir(&artifacts).unwrap().flatten().map(|entry| entry.path());
    let script = script
        .into_iter()
        .find(|path| fs::read_to_string(path).is_ok_and(|text| text.contains("black")))
        .unwrap();
    let gone = sandbox.path("script");
    sandbox.write("hold-black", "");
    let arguments = ["update", "-i", "colour=black", "--on-failure", "unwind", "--yes"];
    let update = sandbox.start(&arguments);
    poll("the script runs", || ran(&sandbox).contains("black").then_some(()));
    fs::rename(&script, &gone).unwrap();
    fs::remove_file(sandbox.path("hold-black")).unwrap();
    let failed = crate::sandbox::finish(update).expect(1);
    assert!(failed.stderr.contains("did not come to its end"), "{}", failed.stderr);
    failed.five_parts();
    fs::rename(&gone, &script).unwrap();
    let unwound = sandbox.run(&["resume"]).expect(1);
    assert!(unwound.stderr.contains("`trio` is what it was at revision 1"), "{}", unwound.stderr);
    assert_eq!(colour(&sandbox), "red");
    // Where the same was intended before, there is nothing to go back to.
    for verb in [&["destroy", "trio"][..], &["run", "nothing"]] {
        let mut arguments = verb.to_vec();
        arguments.extend(["--on-failure", "unwind", "--yes"]);
        let refused = sandbox.run(&arguments).expect(64);
        assert!(refused.five_parts().stderr.contains("cannot unwind"), "{}", refused.stderr);
    }
}

fn ran(sandbox: &Sandbox) -> String {
    fs::read_to_string(sandbox.path("ran")).unwrap_or_default()
}

/// Begins an update that will fail, and kills it while a script of this colour runs: of the update (`black`), or of its unwinding
/// (`red`).
fn killed_at(colour: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.deploy(&sandbox.trio(), &[]).expect(0);
    fs::remove_file(sandbox.path("ran")).unwrap();
    let hold = format!("hold-{colour}");
    sandbox.write(&hold, "");
    let mut update = sandbox.start(&["update", "-i", "colour=black", "--on-failure", "unwind", "--yes"]);
    poll("the script runs", || ran(&sandbox).contains(colour).then_some(()));
    update.kill().unwrap();
    poll("the killed command is gone", || update.try_wait().unwrap());
    fs::remove_file(sandbox.path(&hold)).unwrap();
    sandbox
}

#[track_caller]
fn check_unwound_by_resume(sandbox: &Sandbox) {
    let resumed = sandbox.run(&["resume"]).expect(1);
    assert!(resumed.stderr.contains("`trio` is what it was at revision 1"), "{}", resumed.stderr);
    check_unwound(sandbox);
}

#[track_caller]
fn check_unwound(sandbox: &Sandbox) {
    assert_eq!(colour(sandbox), "red");
    assert_eq!(sandbox.roles(), ["last", "one", "two"]);
    assert_eq!(ran(sandbox), "black\nred\n", "each script ran once");
    assert_eq!(last(sandbox)["result"], "succeeded");
    sandbox.run(&["diff", "1"]).expect(0);
    sandbox.run(&["resume"]).expect(64);
}

#[test]
fn a_run_that_is_killed_before_it_fails_is_unwound_when_it_is_resumed() {
    check_unwound_by_resume(&killed_at("black"));
}

#[test]
fn an_unwinding_that_is_killed_is_resumed() {
    check_unwound_by_resume(&killed_at("red"));
}

/// Killed when the failure is recorded: before the unwinding has begun, or just after.
#[test]
fn a_run_that_is_killed_when_it_failed_is_unwound_by_resume() {
    let sandbox = Sandbox::new();
    sandbox.deploy(&sandbox.trio(), &[]).expect(0);
    fs::remove_file(sandbox.path("ran")).unwrap();
    let arguments = ["update", "-i", "colour=black", "--on-failure", "unwind", "--yes", "--progress", "json"];
    let mut update =
        sandbox.command(&arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let lines = read_until(update.stderr.take().unwrap(), "\"failed\"");
    let _ = update.kill();
    let status = poll("the killed command is gone", || update.try_wait().unwrap());
    assert!(lines.iter().any(|line| line.contains("failed")));
    if status.code().is_some() {
        // It was faster.
        return check_unwound(&sandbox);
    }
    let resumed = sandbox.run(&["resume"]);
    // Where nothing is left to do it had come to its end already.
    assert!([1, 64].contains(&resumed.code), "{}", resumed.stderr);
    check_unwound(&sandbox);
}

/// What the failed run made, and is protected, stays until somebody says otherwise; then it is gone back all the same.
#[test]
fn a_way_back_over_what_is_protected_waits_for_a_word() {
    let sandbox = Sandbox::new();
    let trio = sandbox.trio();
    sandbox.deploy(&trio, &[]).expect(0);
    let design = fs::read_to_string(trio.join("service.yaml")).unwrap();
    let kept = "  node_templates:\n    kept: { type: Thing, metadata: { khutulun.protected: true } }\n";
    let design = design
        .replace("service_template:\n", "node_types:\n  Thing: {}\n\nservice_template:\n")
        .replace("  node_templates:\n", kept);
    sandbox.write("trio/service.yaml", &design);
    let failed = sandbox.deploy(&trio, &["-i", "colour=black", "--on-failure", "unwind"]).expect(1);
    let says = |text: &str| assert!(failed.stderr.contains(text), "no {text:?} in:\n{}", failed.stderr);
    says("was not unwound");
    says("--allow-protected");
    let again = sandbox.run(&["resume"]).expect(1);
    assert!(again.five_parts().stderr.contains("--allow-protected"), "{}", again.stderr);
    let unwound = sandbox.run(&["resume", "--allow-protected"]).expect(1);
    assert!(unwound.stderr.contains("`trio` is what it was at revision 1"), "{}", unwound.stderr);
    assert_eq!(colour(&sandbox), "red");
}
