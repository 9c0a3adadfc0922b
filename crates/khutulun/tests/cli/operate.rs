//! Operations that somebody asks for: stop, start and restart of chosen nodes, and `run` of any operation.

use crate::sandbox::{Ended, Sandbox};

fn deployed() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("operate/service.yaml", include_str!("designs/operate.yaml"));
    sandbox.write("operate/scripts/greet.sh", include_str!("designs/greet.sh"));
    sandbox.write("operate/scripts/measure.py", include_str!("designs/measure.py"));
    sandbox.write("operate/scripts/fail.sh", "echo part of it is done >&2\nexit 3\n");
    sandbox.write("operate/scripts/hang.sh", "echo it begins >&2\nexec sleep 100000\n");
    let file = format!("file={}", sandbox.path("words").display());
    sandbox.deploy(&sandbox.path("operate"), &["-i", &file]).expect(0);
    sandbox
}

/// What the operations left, in order.
fn words(sandbox: &Sandbox) -> Vec<String> {
    let text = std::fs::read_to_string(sandbox.path("words")).unwrap_or_default();
    let _ = std::fs::remove_file(sandbox.path("words"));
    text.lines().map(str::to_owned).collect()
}

fn refused(ended: Ended, text: &str) {
    let ended = ended.expect(64);
    ended.five_parts();
    assert!(ended.stderr.contains(text), "no {text:?} in:\n{}", ended.stderr);
}

#[test]
fn chosen_nodes_stop_and_start_in_order_and_others_stay() {
    let sandbox = deployed();
    let before = sandbox.processes();
    let unasked = sandbox.run(&["stop", "worker"]).expect(64);
    unasked.five_parts();
    assert!(unasked.stderr.contains("> worker-0  Worker  run: stop"), "{}", unasked.stderr);
    assert_eq!(sandbox.processes(), before);
    refused(sandbox.run(&["stop", "nobody", "--yes"]), "there are `base`, `worker-0`, `worker-1`");
    refused(sandbox.run(&["stop", "worker/0", "nobody", "--yes"]), "`nobody`");

    let stopped = sandbox.run(&["stop", "worker/0", "--yes"]).expect(0).stdout;
    assert!(stopped.contains("`worker-0` of `operate` is stopped"), "{stopped}");
    assert_eq!(sandbox.roles(), ["base", "worker-1"]);
    let again = sandbox.run(&["stop", "worker/0"]).expect(0).stdout;
    assert!(again.contains("Nothing to do"), "{again}");
    // What is left without what it needs is told of.
    let base = sandbox.run(&["stop", "base", "--yes"]).expect(0);
    assert!(base.stderr.contains("`worker-1` needs `base`, and goes on as it is"), "{}", base.stderr);
    assert_eq!(sandbox.processes(), [before[2].clone()]);
    let document = sandbox.run(&["start", "base", "worker", "--yes", "-o", "json"]).expect(0).json();
    let steps = document["steps"].as_array().unwrap().iter();
    let done: Vec<_> = steps.map(|step| step["node"].as_str().unwrap()).collect();
    assert_eq!((&document["goal"], done), (&"start".into(), vec!["base", "worker-0"]));
    let after = sandbox.processes();
    assert_eq!((after.len(), &after[2]), (3, &before[2]));

    sandbox.run(&["restart", "operate:", "--yes"]).expect(0);
    let restarted = sandbox.processes();
    assert!(restarted.iter().zip(&after).all(|(new, old)| new.0 == old.0 && new.1 != old.1), "{restarted:?}");
    sandbox.run(&["refresh"]).expect(0);
}

#[test]
fn an_operation_goes_first_and_then_the_nodes_and_the_inputs() {
    let sandbox = deployed();
    let one = sandbox.run(&["run", "care.greet", "base", "word=hey", "-o", "json"]).expect(0).json();
    assert_eq!(one["steps"][0]["outputs"]["said"], "hey");
    assert_eq!(words(&sandbox), ["hey from base"]);
    // Of several, somebody has to agree; each comes after what it depends on.
    let unasked = sandbox.run(&["run", "care.greet", "type:Worker"]).expect(64);
    unasked.five_parts();
    assert!(unasked.stderr.contains("3 to run"), "{}", unasked.stderr);
    let all =
        sandbox.run(&["run", "care.greet", "worker", "base", "--yes", "--parallel", "1"]).expect(0).stdout;
    assert!(all.contains("care.greet of `worker-1` is done\n  said = hello\n"), "{all}");
    assert_eq!(words(&sandbox), ["hello from base", "hello from worker-0", "hello from worker-1"]);
    // The same words as a workflow's, where no node is named.
    sandbox.run(&["run", "greet", "word=workflow", "--yes"]).expect(0);
    sandbox.run(&["run", "greet", "operate", "word=named", "--yes"]).expect(0);
    assert_eq!(words(&sandbox), ["workflow from base", "named from base"]);

    // A relationship is named by its requirement; those of all that the selector means, or one.
    sandbox.run(&["run", "wiring.test", "worker/1.up"]).expect(0);
    assert_eq!(words(&sandbox), ["wired from worker-1"]);
    sandbox.run(&["run", "wiring.test", "worker.up", "--yes"]).expect(0);
    assert_eq!(words(&sandbox).len(), 2);
    refused(sandbox.run(&["run", "wiring.test", "worker.down"]), "there are `up`");

    refused(
        sandbox.run(&["run", "base", "care.greet"]),
        "the operation goes first: khutulun run care.greet base",
    );
    refused(sandbox.run(&["run", "care.greet"]), "khutulun run care.greet base");
    refused(sandbox.run(&["run", "care.grit", "base"]), "care.greet");
    refused(sandbox.run(&["run", "care.greet", "nobody"]), "there are `base`");
    refused(sandbox.run(&["run", "care.greet", "base", "word"]), "no node is selected by `word`");
    assert_eq!(words(&sandbox), [""; 0]);
}

#[test]
fn scripts_tell_what_they_put_out_and_how_they_failed() {
    let sandbox = deployed();
    let measured = sandbox.run(&["run", "care.measure", "worker", "--yes", "-o", "json"]).expect(0).json();
    for (place, node) in ["worker-0", "worker-1"].into_iter().enumerate() {
        let outputs = &measured["steps"][place]["outputs"];
        assert_eq!((&outputs["sum"], &outputs["of"]), (&6.into(), &node.into()), "{measured:#}");
    }
    let failed = sandbox.run(&["run", "care.fail", "base"]).expect(1);
    failed.five_parts();
    for text in ["failed to care.fail `base`", "scripts/fail.sh` ended with code 3", "| part of it is done"] {
        assert!(failed.stderr.contains(text), "no {text:?} in:\n{}", failed.stderr);
    }
    // One that fails is no reason for the others, where that is said.
    let several = ["run", "care.fail", "worker", "--yes", "--on-failure", "continue", "-o", "json"];
    let several = sandbox.run(&several).expect(1).json();
    assert_eq!(several["steps"][1]["failure"]["class"], "permanent", "{several:#}");
    let hung = sandbox.run(&["run", "care.hang", "base"]).expect(1);
    assert!(hung.stderr.contains("1000 ms") && hung.stderr.contains("| it begins"), "{}", hung.stderr);
    // A single operation that failed is over.
    assert!(!sandbox.run(&["status"]).expect(0).stdout.contains("khutulun resume"));
}
