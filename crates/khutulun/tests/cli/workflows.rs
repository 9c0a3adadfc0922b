//! Workflows: run by name, with branches, filters, other workflows in them, and killed in the middle.

use std::{fs, process::Stdio};

use crate::sandbox::{Ended, Sandbox, poll};

/// Writes down what it is told, in the order of the operations; fails where a file says so, and waits where one does.
const NOTE: &str = r#"#!/bin/sh
echo "$text" >> "$HOME/notes"
if [ -e "$HOME/wait" ]; then while [ ! -e "$HOME/gate" ]; do sleep 0.02; done; fi
if [ -e "$HOME/fail-$text" ]; then echo 'it is locked' >&2; exit 1; fi
echo "{\"said\": \"$text\"}"
"#;

fn deployed() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("vault/service.yaml", include_str!("designs/vault.yaml"));
    sandbox.write("vault/scripts/note.sh", NOTE);
    sandbox.run(&["deploy", "vault", "--yes"]).expect(0);
    sandbox
}

fn notes(sandbox: &Sandbox) -> Vec<String> {
    fs::read_to_string(sandbox.path("notes")).unwrap_or_default().lines().map(str::to_owned).collect()
}

/// What became of each operation: `part: node event state`.
fn operations(ended: &Ended) -> Vec<String> {
    let document = ended.json();
    let word = |step: &serde_json::Value, key: &str| step[key].as_str().unwrap_or("?").to_owned();
    let steps = document["steps"].as_array().unwrap().iter();
    steps
        .map(|step| {
            let parts = ["node", "operation", "state"].map(|key| word(step, key));
            format!("{}: {}", word(step, "part"), parts.join(" "))
        })
        .collect()
}

#[test]
fn a_workflow_runs_its_steps_in_order_on_all_targets() {
    let sandbox = deployed();
    let ended = sandbox.run(&["run", "keep", "--yes", "-o", "json"]).expect(0);
    assert_eq!(
        operations(&ended),
        [
            "save: vault keeping.dump succeeded",
            "save: shed keeping.dump succeeded",
            "tell: vault keeping.tell succeeded",
            "tell: shed keeping.tell skipped",
            "wire: client wiring.rewire succeeded",
            "rescue/say: shed keeping.dump skipped",
            "last/say: shed keeping.dump succeeded",
        ]
    );
    let mut notes = notes(&sandbox);
    assert_eq!(notes.pop().as_deref(), Some("last"));
    notes.sort();
    // What the second step says is what the first one put out.
    assert_eq!(notes, ["all of it", "all of it", "all of it", "rewired"]);
    let status = sandbox.run(&["status", "--stored", "-o", "json"]).expect(0).json();
    let nodes = status["services"][0]["nodes"].as_array().unwrap();
    let names: Vec<_> = nodes.iter().map(|node| node["node"].as_str().unwrap()).collect();
    assert_eq!(names, ["vault", "shed", "client"], "groups and workflows are no nodes");
    let again = sandbox.run(&["run", "keep", "vault", "--yes", "-i", "what=5"]).expect(0);
    assert!(
        again.stdout.contains("the workflow `keep` of `vault` is done (5 operations)"),
        "{}",
        again.stdout
    );
    assert!(again.stderr.contains("only if the filter holds: shed"), "{}", again.stderr);
}

/// What a group has as members is what there is of a template when the workflow is run.
#[test]
fn all_representations_of_a_template_are_targets() {
    let sandbox = deployed();
    let up = |spares: &str| {
        sandbox.run(&["deploy", "vault", "--yes", "-i", spares]).expect(0);
        let ended = sandbox.run(&["run", "keep", "--yes", "-o", "json"]).expect(0);
        operations(&ended).into_iter().filter(|step| step.contains("spare")).collect::<Vec<_>>()
    };
    assert_eq!(
        up("spares=2"),
        [
            "save: spare-0 keeping.dump succeeded",
            "save: spare-1 keeping.dump succeeded",
            "tell: spare-0 keeping.tell skipped",
            "tell: spare-1 keeping.tell skipped",
        ]
    );
    assert_eq!(
        up("spares=1"),
        ["save: spare-0 keeping.dump succeeded", "tell: spare-0 keeping.tell skipped"]
    );
}

/// C310: the failure of an activity leads to `on_failure`.
#[test]
fn a_failure_leads_to_the_steps_that_are_there_for_it() {
    let sandbox = deployed();
    sandbox.write("fail-it", "");
    let ended = sandbox.run(&["run", "vault:keep", "--yes", "-i", "what=it"]).expect(0);
    assert!(ended.stdout.contains("keeping.dump of `vault` failed"), "{}", ended.stdout);
    assert!(ended.stdout.contains("keeping.tell of `vault` was not run"), "{}", ended.stdout);
    let notes = notes(&sandbox);
    assert_eq!(notes[2..], ["rescued", "last"], "{notes:?}");
    sandbox.run(&["resume"]).expect(64).five_parts();
    // What is there for the failure fails itself: that is one of the run, and only it is tried again.
    sandbox.write("fail-rescued", "");
    sandbox.run(&["run", "keep", "--yes", "-i", "what=it"]).expect(1).five_parts();
    fs::remove_file(sandbox.path("fail-rescued")).unwrap();
    sandbox.run(&["resume"]).expect(0);
    assert_eq!(self::notes(&sandbox)[6..], ["rescued", "rescued", "last"]);
}

#[test]
fn a_workflow_that_is_killed_goes_on_where_it_was() {
    for fails in [false, true] {
        let sandbox = deployed();
        sandbox.write("wait", "");
        if fails {
            sandbox.write("fail-it", "");
        }
        let mut command = sandbox.command(&["run", "keep", "--yes", "-i", "what=it"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        poll("both scripts run", || (notes(&sandbox).len() == 2).then_some(()));
        let status = sandbox.run(&["status", "--stored"]).expect(0).stdout;
        assert!(status.contains("`khutulun run` by"), "what there is as a command: {status}");
        child.kill().unwrap();
        let status = poll("the killed command is gone", || child.try_wait().unwrap());
        assert_eq!(status.code(), None, "it waited no longer");
        sandbox.write("gate", "");
        sandbox.run(&["resume"]).expect(0);
        let mut notes = notes(&sandbox);
        assert_eq!(notes.pop().as_deref(), Some("last"));
        notes.sort();
        let expected: &[&str] = if fails { &["it", "it", "rescued"] } else { &["it", "it", "it", "rewired"] };
        assert_eq!(notes, expected, "no operation is lost or repeated");
    }
}

/// C305, C309, C310: circles, and a precondition that does not hold.
#[test]
fn what_cannot_be_run_is_said_before_anything_is() {
    let sandbox = deployed();
    let unasked = sandbox.run(&["run", "keep"]).expect(64);
    assert!(unasked.stderr.contains("rescue  if save fails\n"), "{}", unasked.stderr);
    for (arguments, code, text) in [
        (&["run", "keeep"][..], 64, "there are: bring, circle, itself, keep, report, script"),
        (&["run", "vault"], 64, "khutulun run OPERATION vault"),
        (&["run", "circle", "--yes"], 3, "one → two → one"),
        (&["run", "itself", "--yes"], 3, "itself → itself"),
        (&["run", "report", "--yes"], 64, "it must have a value"),
        (&["run", "report", "--yes", "-i", "txt=1"], 64, "there is no such input; there are: text"),
        (&["run", "keep", "--yes", "-i", "loud=perhaps"], 64, "the input `loud`"),
    ] {
        let ended = sandbox.run(arguments).expect(code);
        ended.five_parts();
        assert!(ended.stderr.contains(text), "{arguments:?}: {}", ended.stderr);
    }
    sandbox.run(&["deploy", "vault", "--yes", "-i", "open=false"]).expect(0);
    let refused = sandbox.run(&["run", "keep", "--yes"]).expect(1);
    assert!(refused.stderr.contains("its precondition does not hold"), "{}", refused.stderr);
    assert_eq!(notes(&sandbox), Vec::<String>::new());
}

#[test]
fn operations_of_relationships_files_and_what_every_node_has_are_run() {
    let sandbox = deployed();
    sandbox.run(&["run", "wiring.rewire", "client.store"]).expect(0);
    sandbox.run(&["run", "wiring.rewrite", "client.store"]).expect(64).five_parts();
    sandbox.run(&["run", "script", "--yes", "-i", "text=from a file"]).expect(0);
    assert_eq!(notes(&sandbox), ["rewired", "from a file"]);
    // Bringing up what is up changes nothing that a plan would see.
    sandbox.run(&["run", "bring", "--yes"]).expect(0);
    sandbox.run(&["plan", "vault"]).expect(0);
}
