//! A service from its text to processes, and back to nothing.

use std::{fs, path::Path, process::Stdio};

use crate::sandbox::{Sandbox, finish, poll, read_until};

/// Everything below a folder, by relative path.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(path) = open.pop() {
        for entry in fs::read_dir(&path).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                open.push(entry.path());
            } else {
                found.push(entry.path().strip_prefix(folder).unwrap().display().to_string());
            }
        }
    }
    found.sort();
    found
}

#[test]
fn a_service_is_deployed_looked_at_changed_and_destroyed() {
    let sandbox = Sandbox::new();
    let pair = sandbox.pair();
    let before = files(&sandbox.path("pair"));

    let deployed = sandbox.deploy(&pair, &[]).expect(0);
    assert_eq!(sandbox.roles(), ["store", "web"]);
    assert!(deployed.stdout.contains("tcp://127.0.0.1"), "{}", deployed.stdout);
    assert!(deployed.stderr.contains("store") && deployed.stderr.contains("started"), "{}", deployed.stderr);

    let status = sandbox.run(&["status", "-o", "json"]).expect(0).json();
    let service = &status["services"][0];
    assert_eq!(service["service"], "pair");
    for node in service["nodes"].as_array().unwrap() {
        assert_eq!(node["state"], "started", "{node:#}");
        assert_eq!(node["observed"]["state"], "running", "{node:#}");
        let role = node["node"].as_str().unwrap();
        let pid = sandbox.processes().into_iter().find(|(found, _)| found == role).unwrap().1;
        assert_eq!(node["observed"]["pid"], pid, "{node:#}");
    }
    let table = sandbox.run(&["status"]).expect(0).stdout;
    assert!(table.contains("running") && table.contains("Process"), "{table}");

    let address = sandbox.run(&["outputs", "address"]).expect(0);
    assert_eq!(address.stdout, "tcp://127.0.0.1\n");
    let outputs = sandbox.run(&["outputs", "-o", "json"]).expect(0).json();
    assert_eq!(outputs["schema"], "khutulun.outputs/1");
    assert_eq!(outputs["outputs"]["address"], "tcp://127.0.0.1");
    let store = sandbox.processes()[0].1;
    assert_eq!(outputs["outputs"]["pid"], store);
    sandbox.run(&["outputs", "nothing"]).expect(64).five_parts();

    let logs = poll("web wrote both lines", || {
        let logs = sandbox.run(&["logs", "web"]).expect(0).stdout;
        logs.contains("web is up").then_some(logs)
    });
    assert_eq!(logs, "web asks 127.0.0.1:4711\nweb is up\n");
    let last = sandbox.run(&["logs", "pair:web", "-n", "1"]).expect(0);
    assert_eq!(last.stdout, "web is up\n");
    poll("the store wrote its line", || {
        let both = sandbox.run(&["logs", "store", "web"]).expect(0).stdout;
        both.contains("| store says hello").then_some(())
    });

    // Nothing to do: said so, and neither process was touched.
    let processes = sandbox.processes();
    let again = sandbox.deploy(&pair, &[]).expect(0);
    assert!(again.stdout.contains("Nothing to do"), "{}", again.stdout);
    assert_eq!(sandbox.processes(), processes);
    let mark = sandbox.mark_input();
    let plan = sandbox.run(&["plan", pair.to_str().unwrap(), "-i", &mark]).expect(0);
    assert!(plan.stdout.contains("Nothing to do"), "{}", plan.stdout);

    // A change: named with its line, and only made to what it concerns.
    let change = ["plan", pair.to_str().unwrap(), "-i", &mark, "-i", "greeting=hey"];
    let plan = sandbox.run(&change).expect(2);
    for text in ["store", "web", "hello", "hey", "service.yaml:"] {
        assert!(plan.stdout.contains(text), "no {text:?} in:\n{}", plan.stdout);
    }
    let mut json = change.to_vec();
    json.extend(["-o", "json"]);
    let plan = sandbox.run(&json).expect(2).json();
    assert_eq!(plan["schema"], "khutulun.plan/1");
    sandbox.deploy(&pair, &["-i", "greeting=hey"]).expect(0);
    assert_eq!(sandbox.roles(), ["store", "web"]);
    assert_ne!(
        sandbox.processes()[0],
        processes[0],
        "the store has another environment, so it is another process"
    );
    poll("the new store greets anew", || {
        sandbox.run(&["logs", "store"]).expect(0).stdout.contains("store says hey").then_some(())
    });

    // A default comes back when its input is not given, and the plan says why.
    let plan = sandbox.run(&["plan", pair.to_str().unwrap(), "-i", &mark]).expect(2);
    assert!(plan.stdout.contains("input `greeting` was not given"), "{}", plan.stdout);

    let removal = sandbox.run(&["plan", "--destroy", pair.to_str().unwrap()]).expect(2).stdout;
    assert!(removal.contains("2 to delete"), "{removal}");
    sandbox.run(&["destroy", "--yes"]).expect(0);
    sandbox.run(&["plan", "--destroy", "--name", "pair"]).expect(0);
    assert_eq!(sandbox.processes(), []);
    assert_eq!(files(&sandbox.path("pair")), before, "the design's folder stays as it was");
    for left in files(&sandbox.state()) {
        assert!(
            !left.starts_with("processes/") && !left.starts_with("operations/"),
            "{left} was left behind"
        );
    }
    let status = sandbox.run(&["status", "-o", "json"]).expect(0).json();
    assert_eq!(status["services"].as_array().unwrap().len(), 0, "{status:#}");
    let again = sandbox.run(&["destroy", "pair", "--yes"]).expect(0);
    assert!(again.stdout.contains("Nothing to do"), "{}", again.stdout);
}

#[test]
fn an_operation_is_run_alone_and_a_killed_process_is_seen() {
    let sandbox = Sandbox::new();
    let pair = sandbox.pair();
    sandbox.deploy(&pair, &[]).expect(0);

    let run = sandbox.run(&["run", "configure", "web", "-i", "text=hey", "-o", "json"]).expect(0).json();
    assert_eq!(run["schema"], "khutulun.run/1");
    assert_eq!(run["steps"][0]["outputs"]["noted"], "hey", "{run:#}");
    let again = sandbox.deploy(&pair, &[]).expect(0);
    assert!(
        again.stdout.contains("Nothing to do"),
        "one operation does not undo the others: {}",
        again.stdout
    );
    sandbox.run(&["run", "frobnicate", "web"]).expect(64).five_parts();
    sandbox.run(&["run", "configure", "nobody"]).expect(64).five_parts();

    let (_, pid) = sandbox.processes().into_iter().find(|(role, _)| role == "store").unwrap();
    std::process::Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap();
    poll("status sees the end of the store", || {
        let status = sandbox.run(&["status", "-o", "json"]).expect(0).json();
        let nodes = status["services"][0]["nodes"].as_array().unwrap().clone();
        let store = nodes.into_iter().find(|node| node["node"] == "store").unwrap();
        (store["observed"]["state"] == "failed").then_some(())
    });
    let stored = sandbox.run(&["status", "--stored", "-o", "json"]).expect(0).json();
    assert!(stored["services"][0]["nodes"][0]["observed"].is_null(), "{stored:#}");
    let failed = sandbox.run(&["status", "state:failed"]).expect(0).stdout;
    assert!(failed.contains("store") && !failed.contains("web"), "{failed}");
    sandbox.run(&["destroy", "pair", "--yes"]).expect(0);
    assert_eq!(sandbox.processes(), []);
}

#[test]
fn logs_are_followed_until_somebody_says_stop() {
    let sandbox = Sandbox::new();
    let design = include_str!("designs/pair.yaml")
        .replace("echo \"web is up\"; exec sleep 100000", "while sleep 0.05; do echo tick; done");
    sandbox.pair();
    sandbox.write("pair/service.yaml", &design);
    sandbox.deploy(&sandbox.path("pair"), &[]).expect(0);
    let mut follow = sandbox
        .command(&["logs", "-f", "web"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = read_until(follow.stdout.take().unwrap(), "tick");
    assert!(lines.len() <= 101, "the tail comes first: {lines:?}");
    // Not INT: whoever runs the tests in the background of a shell has it ignored, and so have all their children.
    std::process::Command::new("kill").args(["-TERM", &follow.id().to_string()]).status().unwrap();
    let ended = finish(follow);
    assert_eq!(ended.code, 143, "{ended:?}");
}

#[test]
fn without_yes_and_without_a_terminal_nothing_happens_and_the_flag_is_named() {
    let sandbox = Sandbox::new();
    let pair = sandbox.pair();
    let ended = sandbox.run(&["deploy", pair.to_str().unwrap()]).expect(64);
    ended.five_parts();
    assert!(ended.stderr.contains("--yes"), "{}", ended.stderr);
    assert!(!sandbox.path("state/processes").exists());
    sandbox.deploy(&pair, &[]).expect(0);
    let ended = sandbox.run(&["destroy"]).expect(64);
    assert!(ended.five_parts().stderr.contains("--yes"), "{}", ended.stderr);
    assert_eq!(sandbox.roles(), ["store", "web"]);
}

#[test]
fn two_services_live_side_by_side_and_ambiguity_is_named() {
    let sandbox = Sandbox::new();
    let pair = sandbox.pair();
    sandbox.deploy(&pair, &["--name", "one"]).expect(0);
    sandbox.deploy(&pair, &["--name", "two"]).expect(0);
    assert_eq!(sandbox.roles(), ["store", "store", "web", "web"]);
    let ended = sandbox.run(&["outputs"]).expect(64);
    assert!(ended.five_parts().stderr.contains("`one`, `two`"), "{}", ended.stderr);
    sandbox.run(&["outputs", "--name", "two"]).expect(0);
    sandbox.run(&["destroy", "one", "--yes"]).expect(0);
    assert_eq!(sandbox.roles(), ["store", "web"]);
    sandbox.run(&["destroy", "--yes"]).expect(0);
    assert_eq!(sandbox.processes(), []);
}
