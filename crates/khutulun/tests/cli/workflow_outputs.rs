//! What workflows put out (TOSCA 2.0, 13.2 and 9.7): where it goes, and that it is told once, however often the run is killed.

use std::{fs, process::Stdio};

use serde_json::{Value, json};

use crate::sandbox::{Sandbox, poll};

const PICK: &str = r#"#!/bin/sh
echo "$crop" >> "$HOME/picked"
if [ -e "$HOME/wait" ]; then while [ ! -e "$HOME/gate" ]; do sleep 0.02; done; fi
if [ -e "$HOME/fail" ]; then echo 'it rains' >&2; exit 1; fi
echo "{\"basket\": \"a basket of $crop\", \"weight\": 3}"
"#;

/// In another language, which its first line says.
const WEIGH: &str = r#"#!/usr/bin/env python3
import json, os
json.dump({"weight": len(os.environ["basket"].split())}, open(os.environ["KHUTULUN_OUTPUTS"], "w"))
"#;

fn deployed() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("farm/service.yaml", include_str!("designs/harvest.yaml"));
    sandbox.write("farm/pick.sh", PICK);
    sandbox.write("farm/weigh.sh", WEIGH);
    sandbox.run(&["deploy", "farm", "--yes"]).expect(0);
    sandbox
}

fn outputs(sandbox: &Sandbox, workflow: &[&str]) -> Value {
    let arguments = [&["run"], workflow, &["--yes", "-o", "json"]].concat();
    sandbox.run(&arguments).expect(0).json()["outputs"].clone()
}

/// C311, C204: outputs of operations go to the attributes of the workflow's mappings, and its own values are computed when it has ended.
#[test]
fn what_a_workflow_comes_to_is_stored_and_told() {
    let sandbox = deployed();
    let ended = sandbox.run(&["run", "reap", "--yes", "-i", "unit= each"]).expect(0);
    let said =
        "  basket = a basket of rye\n  heavy = true\n  label = a basket of rye each\n  nothing = null\n";
    assert!(ended.stdout.ends_with(said), "{}", ended.stdout);
    // A workflow that is inlined has its own; what it does not say goes where the one around it says.
    assert_eq!(
        outputs(&sandbox, &["both"]),
        json!({ "basket": "a basket of peas", "seen": "a basket of rye" })
    );
    assert_eq!(outputs(&sandbox, &["reap"])["nothing"], "a basket of rye", "it is in the graph");
    let script = json!({ "basket": "a basket of hops", "weight": [3, 3] });
    assert_eq!(
        outputs(&sandbox, &["script", "crop=hops"]),
        script,
        "C300: of a file, to a relationship, and to all of a template"
    );
    // The way over a failure comes to an end, too.
    assert_eq!(outputs(&sandbox, &["either"]), json!({ "basket": "a basket of rye" }));
    // Whoever looks back sees which workflow it was.
    let status = sandbox.run(&["status", "--stored"]).expect(0).stdout;
    assert!(status.contains("(workflow either) succeeded"), "{status}");
    let history = sandbox.run(&["history"]).expect(0).stdout;
    assert!(history.contains("  workflow script  succeeded"), "{history}");
    let refused = sandbox.run(&["run", "refused", "--yes"]).expect(1);
    refused.five_parts();
    assert!(refused.stderr.contains("output `basket` does not fit attribute `weight`"), "{}", refused.stderr);
    assert!(refused.stderr.contains("expected an integer"), "{}", refused.stderr);
}

#[test]
fn a_workflow_that_fails_or_is_killed_tells_its_outputs_once_it_has_ended() {
    let sandbox = deployed();
    sandbox.write("fail", "");
    let failed = sandbox.run(&["run", "both", "--yes", "-o", "json"]).expect(1).json();
    assert_eq!(failed["outputs"], Value::Null);
    let run = failed["run"].as_u64().unwrap().to_string();
    sandbox.run(&["outputs", "--run", &run]).expect(64).five_parts();
    fs::remove_file(sandbox.path("fail")).unwrap();
    sandbox.write("wait", "");
    let mut command = sandbox.command(&["resume", "--yes"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let picked = || fs::read_to_string(sandbox.path("picked")).unwrap_or_default().lines().count();
    poll("the second attempt runs", || (picked() == 2).then_some(()));
    child.kill().unwrap();
    poll("the killed command is gone", || child.try_wait().unwrap());
    sandbox.write("gate", "");
    let resumed = sandbox.run(&["resume", "--yes", "-o", "json"]).expect(0).json();
    let both = json!({ "basket": "a basket of peas", "seen": "a basket of rye" });
    assert_eq!(resumed["outputs"], both);
    assert_eq!(picked(), 4, "nothing is lost or repeated");
    assert_eq!(sandbox.run(&["outputs", "--run", &run, "-o", "json"]).expect(0).json()["outputs"], both);
    assert_eq!(sandbox.run(&["outputs", "seen", "--run", &run]).expect(0).stdout, "a basket of rye\n");
    sandbox.run(&["outputs", "--run", "99999"]).expect(64).five_parts();
}

/// C204, C301: what a workflow may put out.
#[test]
fn outputs_that_cannot_be_are_told_at_their_places() {
    let sandbox = Sandbox::new();
    let written = include_str!("designs/harvest.yaml");
    for (before, after, code) in [
        ("nothing: { $get_attribute: [ silo, last ] }", "nothing: {}", "missing-keyname"),
        ("nothing: { $get_attribute: [ silo, last ] }", "nothing: [ silo, lost ]", "unknown-attribute"),
        (
            "nothing: { $get_attribute: [ silo, last ] }",
            "nothing: { value: 1, mapping: [ silo, last ] }",
            "misplaced-value",
        ),
        (
            "outputs: { basket: [ barn, RELATIONSHIP",
            "outputs: { more: { value: 1 }, basket: [ barn, RELATIONSHIP",
            "misplaced-value",
        ),
    ] {
        assert!(written.contains(before), "{before}");
        sandbox.write("farm/service.yaml", &written.replacen(before, after, 1));
        sandbox.write("farm/pick.sh", PICK);
        sandbox.write("farm/weigh.sh", WEIGH);
        let ended = sandbox.run(&["validate", "farm"]).expect(3);
        assert!(ended.stderr.contains(&format!("error[{code}]")), "{after}: {}", ended.stderr);
    }
}
