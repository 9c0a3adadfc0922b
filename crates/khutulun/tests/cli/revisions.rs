//! Revisions of services: updates that touch what they concern, history, differences, and going back, without the design's files.

use std::fs;

use serde_json::Value as Json;

use crate::sandbox::{Ended, Sandbox};

/// Deploys the three processes, and takes the design's files away.
fn deployed() -> Sandbox {
    let sandbox = Sandbox::new();
    let trio = sandbox.trio();
    sandbox.deploy(&trio, &[]).expect(0);
    fs::remove_dir_all(trio).unwrap();
    sandbox
}

fn environment(pid: u32) -> String {
    String::from_utf8_lossy(&fs::read(format!("/proc/{pid}/environ")).unwrap()).replace('\0', " ")
}

/// The columns of the history that do not change from one day to another.
fn history(sandbox: &Sandbox) -> Vec<String> {
    let history = sandbox.run(&["history", "-o", "json"]).expect(0).json();
    assert_eq!(history["schema"], "khutulun.history/1");
    let entries = history["entries"].as_array().unwrap().iter();
    let text = |entry: &Json| {
        let revision = entry["revision"].as_u64().map_or("-".to_owned(), |number| number.to_string());
        let of = entry["of"].as_u64().map_or(String::new(), |number| format!(" of {number}"));
        format!("{revision} {} {}{of}", entry["what"].as_str().unwrap(), entry["result"].as_str().unwrap())
    };
    entries.map(text).collect()
}

#[test]
fn an_update_needs_no_files_and_touches_what_it_concerns() {
    let sandbox = deployed();
    let before = ["one", "two", "last"].map(|role| sandbox.pid(role));

    let updated = sandbox.run(&["update", "-i", "size=large", "--yes"]).expect(0);
    assert!(updated.stderr.contains("1 to update, 2 unchanged"), "{}", updated.stderr);
    assert_eq!([sandbox.pid("one"), sandbox.pid("last")], [before[0], before[2]]);
    assert!(environment(sandbox.pid("two")).contains("SIZE=large"));
    // What was given before stays given, the mark too.
    sandbox.write("more.yaml", "colour: blue\n");
    sandbox.run(&["update", "trio", "--inputs", "more.yaml", "--yes"]).expect(0);
    assert!(environment(sandbox.pid("two")).contains("SIZE=large"));
    assert!(environment(sandbox.pid("one")).contains("COLOUR=blue"));
    let nothing = sandbox.run(&["update", "-i", "size=large", "--yes"]).expect(0);
    assert!(nothing.stdout.contains("Nothing to do"), "{}", nothing.stdout);
    assert_eq!(history(&sandbox), ["1 deploy succeeded", "2 update succeeded", "3 update succeeded"]);

    // The service's name stands for what was intended last.
    let plan = sandbox.run(&["plan", "trio", "-i", "colour=green"]).expect(2);
    assert!(plan.stdout.contains("blue"), "{}", plan.stdout);
    sandbox.run(&["deploy", "trio", "--yes"]).expect(0);
    sandbox.run(&["graph", "trio", "--templates", "--format", "dot"]).expect(0);
    let explained = sandbox.run(&["explain", "requirement", "last/connection", "trio"]).expect(0);
    assert!(explained.stdout.contains("one"), "{}", explained.stdout);
}

#[test]
fn what_cannot_be_updated_is_said() {
    let sandbox = Sandbox::new();
    sandbox.run(&["update", "-i", "size=large", "--yes"]).expect(64).five_parts();
    let sandbox = deployed();
    sandbox.run(&["update", "--yes"]).expect(64).five_parts();
    let unknown = sandbox.run(&["update", "-i", "sise=large", "--yes"]).expect(64);
    unknown.five_parts();
    assert!(unknown.stderr.contains("did you mean `size`"), "{}", unknown.stderr);
    sandbox.run(&["update", "nobody", "-i", "size=large", "--yes"]).expect(64).five_parts();
    let unasked = sandbox.run(&["update", "-i", "size=large"]).expect(64);
    assert!(unasked.stderr.contains("--yes"), "{}", unasked.stderr);
    assert_eq!(history(&sandbox), ["1 deploy succeeded"]);
}

#[test]
fn a_rollback_restores_what_was_intended() {
    let sandbox = deployed();
    let store = |arguments: &[&str]| sandbox.run(arguments).expect(0);
    let values = |sandbox: &Sandbox| sandbox.run(&["outputs", "-o", "json"]).expect(0).json();
    let before = (values(&sandbox), environment(sandbox.pid("one")).contains("COLOUR=red"), sandbox.roles());
    let two = sandbox.pid("two");
    store(&["update", "-i", "colour=blue", "--yes"]);
    store(&["rollback", "1", "--yes"]);
    assert_eq!(
        (values(&sandbox), environment(sandbox.pid("one")).contains("COLOUR=red"), sandbox.roles()),
        before
    );
    assert_eq!(sandbox.pid("two"), two, "neither changed it");
    let none = sandbox.run(&["diff", "1", "3", "-o", "json"]).expect(0).json();
    assert_eq!(none["empty"], true, "{none:#}");
    assert_eq!(sandbox.run(&["diff", "1"]).expect(0).stdout.lines().count(), 1);
    assert_eq!(history(&sandbox), ["1 deploy succeeded", "2 update succeeded", "3 rollback succeeded of 1"]);
    let again = sandbox.run(&["rollback", "1", "--yes"]).expect(0);
    assert!(again.stdout.contains("Nothing to do"), "{}", again.stdout);
    let unknown = sandbox.run(&["rollback", "9", "--yes"]).expect(64);
    assert!(unknown.five_parts().stderr.contains("revisions 1 to 3"), "{}", unknown.stderr);
}

/// Of a service that is gone, its revisions are left.
#[test]
fn a_destroyed_service_comes_back() {
    let sandbox = deployed();
    sandbox.run(&["update", "-i", "colour=blue", "--yes"]).expect(0);
    sandbox.run(&["destroy", "--yes"]).expect(0);
    assert_eq!(history(&sandbox), ["1 deploy succeeded", "2 update succeeded", "- destroy succeeded"]);
    sandbox.run(&["update", "-i", "colour=green", "--yes"]).expect(64).five_parts();
    sandbox.run(&["diff", "1", "2", "--name", "trio"]).expect(2);
    sandbox.run(&["rollback", "1", "--name", "trio", "--yes"]).expect(0);
    assert!(environment(sandbox.pid("one")).contains("COLOUR=red"));
    assert_eq!(sandbox.roles(), ["last", "one", "two"]);
}

#[test]
fn a_difference_is_what_a_plan_between_two_revisions_would_be() {
    let sandbox = Sandbox::new();
    let trio = sandbox.trio();
    sandbox.deploy(&trio, &[]).expect(0);
    let design = include_str!("designs/trio.yaml");
    let (start, end) = (design.find("    two:").unwrap(), design.find("    last:").unwrap());
    let changed = design.replace(&design[start..end], "").replace("      - connection: two\n", "");
    sandbox.write(
        "trio/service.yaml",
        &changed.replace(
            "    last:",
            "    more: { type: Process, properties: { command: [ sleep, '100000' ] } }\n\n    last:",
        ),
    );
    sandbox.deploy(&trio, &["-i", "colour=blue"]).expect(0);
    let diff = |from: &str, to: &str| sandbox.run(&["diff", from, to, "-o", "json"]).expect(2).json();
    let nodes = |diff: &Json| {
        let nodes = diff["nodes"].as_array().unwrap().iter();
        let text =
            |node: &Json| format!("{} {}", node["action"].as_str().unwrap(), node["node"].as_str().unwrap());
        let mut nodes: Vec<String> = nodes.map(text).collect();
        nodes.sort();
        nodes
    };
    let forth = diff("1", "2");
    assert_eq!(nodes(&forth), ["create more", "delete two", "update last", "update one"]);
    assert_eq!(forth["inputs"]["colour"]["to"], "blue");
    assert_eq!(nodes(&diff("2", "1")), ["create two", "delete more", "update last", "update one"]);
    let now = sandbox.run(&["diff", "1"]).expect(2).stdout;
    assert!(now.contains("From what is there now to revision 1"), "{now}");
    let shown = sandbox.run(&["diff", "1", "2"]).expect(2).stdout;
    assert!(shown.contains(r#""COLOUR":"red""#) && shown.contains(r#""COLOUR":"blue""#), "{shown}");
    assert_eq!(
        sandbox.run(&["diff", "2", "2"]).expect(0).stdout,
        "Nothing differs between revision 2 and revision 2 of `trio`.\n"
    );
    sandbox.run(&["diff", "1", "7"]).expect(64).five_parts();
    let table = sandbox.run(&["history"]).expect(0).stdout;
    assert!(table.contains("the design, colour: (default) -> \"blue\""), "{table}");
    assert_eq!(sandbox.run(&["history", "-o", "jsonl"]).expect(0).stdout.lines().count(), 2);
}

/// What cannot be gone back to any more is said so; what can is kept.
#[test]
fn forgetting_history_keeps_the_designs_that_can_be_gone_back_to() {
    let sandbox = deployed();
    sandbox.run(&["update", "-i", "colour=blue", "--yes"]).expect(0);
    let stats = sandbox.run(&["store", "stats", "-o", "json"]).expect(0).json();
    let revision = stats["revision"].to_string();
    sandbox.run(&["store", "forget", "--before", &revision, "--yes"]).expect(0);
    sandbox.run(&["store", "verify"]).expect(0);
    sandbox.run(&["rollback", "1", "--yes"]).expect(0);
    assert!(environment(sandbox.pid("one")).contains("COLOUR=red"));
    // A file that is gone from the state directory is named.
    for artifact in fs::read_dir(sandbox.state().join("artifacts")).unwrap() {
        fs::remove_file(artifact.unwrap().path()).unwrap();
    }
    let gone = sandbox.run(&["update", "-i", "size=large", "--yes"]).expect(1);
    assert!(gone.five_parts().stderr.contains("gate.sh"), "{}", gone.stderr);
}

/// A design that changes nothing that is there is a revision all the same: what comes next goes on from it.
#[test]
fn an_intention_without_operations_is_recorded() {
    let sandbox = Sandbox::new();
    let design = "tosca_definitions_version: tosca_2_0
node_types:
  Thing: {}
service_template:
  node_templates:
    one: { type: Thing }
";
    sandbox.write("shop/service.yaml", design);
    sandbox.run(&["deploy", "shop", "--yes"]).expect(0);
    sandbox.run(&["deploy", "shop", "--yes"]).expect(0);
    assert_eq!(history(&sandbox), ["1 deploy succeeded"]);
    sandbox.write("shop/service.yaml", &format!("{design}    many: {{ type: Thing, count: 0 }}\n"));
    let nothing: Ended = sandbox.run(&["deploy", "shop", "--yes"]).expect(0);
    assert!(nothing.stdout.contains("Nothing to do"), "{}", nothing.stdout);
    assert_eq!(history(&sandbox), ["1 deploy succeeded", "2 deploy nothing to do"]);
    sandbox.run(&["scale", "many=2", "--yes"]).expect(0);
    assert_eq!(
        sandbox.run(&["status", "-o", "json"]).json()["services"][0]["nodes"].as_array().unwrap().len(),
        3
    );
}

/// What was approved before somebody intended something else is not done behind their back, also where theirs changed nothing.
#[test]
fn an_intention_without_operations_makes_plans_of_before_out_of_date() {
    let sandbox = Sandbox::new();
    let design = "tosca_definitions_version: tosca_2_0
node_types:
  Thing: {}
service_template:
  node_templates:
    one: { type: Thing, count: 1 }
    many: { type: Thing, count: 0 }
";
    sandbox.write("shop/service.yaml", design);
    sandbox.run(&["deploy", "shop", "--yes"]).expect(0);
    sandbox.run(&["scale", "many=2", "--save", "two.plan"]).expect(2);
    sandbox.write("shop/service.yaml", &format!("{design}    other: {{ type: Thing, count: 0 }}\n"));
    sandbox.run(&["deploy", "shop", "--yes"]).expect(0);
    assert_eq!(history(&sandbox), ["1 deploy succeeded", "2 deploy nothing to do"]);
    let refused = sandbox.run(&["deploy", "two.plan", "--yes"]).expect(5);
    assert!(refused.five_parts().stderr.contains("out of date"), "{}", refused.stderr);
}

/// Of two who change a service at the same time, one may be told to come again; what the other asked for is never taken back.
#[test]
fn two_updates_at_once_lose_nothing() {
    let sandbox = deployed();
    let update = |input: &'static str| {
        let sandbox = &sandbox;
        move || {
            loop {
                match sandbox.run(&["update", "trio", "-i", input, "--yes"]) {
                    Ended { code: 0, .. } => return,
                    refused => drop(refused.expect(5)),
                }
            }
        }
    };
    std::thread::scope(|scope| {
        let all = ["colour=blue", "size=large"].map(|input| scope.spawn(update(input)));
        all.into_iter().for_each(|one| one.join().unwrap());
    });
    assert!(environment(sandbox.pid("one")).contains("COLOUR=blue"));
    assert!(environment(sandbox.pid("two")).contains("SIZE=large"));
    let history = history(&sandbox);
    assert_eq!(history.len(), 3, "{history:?}");
    sandbox.run(&["rollback", "1", "--yes"]).expect(0);
}

/// A way back that would take away what stays is refused, and can be looked at all the same.
#[test]
fn what_is_protected_is_in_the_way_back() {
    let sandbox = Sandbox::new();
    let design = "tosca_definitions_version: tosca_2_0
node_types:
  Thing: {}
service_template:
  node_templates:
    one: { type: Thing }
";
    sandbox.write("shop/service.yaml", design);
    sandbox.run(&["deploy", "shop", "--yes"]).expect(0);
    let kept = "    kept: { type: Thing, metadata: { khutulun.protected: true } }\n";
    sandbox.write("shop/service.yaml", &format!("{design}{kept}"));
    sandbox.run(&["deploy", "shop", "--yes"]).expect(0);
    for arguments in [&["diff", "2", "1"][..], &["diff", "1"]] {
        let diff = sandbox.run(arguments).expect(2).stdout;
        assert!(diff.contains("- kept"), "{diff}");
    }
    let refused = sandbox.run(&["rollback", "1", "--yes"]);
    assert!(refused.code != 0 && refused.five_parts().stderr.contains("kept"), "{}", refused.stderr);
    sandbox.run(&["rollback", "1", "--allow-protected", "--yes"]).expect(0);
    assert_eq!(history(&sandbox).last().unwrap(), "3 rollback succeeded of 1");
}
