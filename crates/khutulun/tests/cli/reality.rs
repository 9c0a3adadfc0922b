//! What is really there: refresh, drift and what policies say of it, effective health, adopting and forgetting.

use serde_json::Value as Json;

use crate::sandbox::{Sandbox, poll};

/// Writes the design and deploys it; returns its folder.
fn deployed(sandbox: &Sandbox, more: &[&str]) -> std::path::PathBuf {
    sandbox.write("reality/service.yaml", include_str!("designs/reality.yaml"));
    sandbox.write("reality/scripts/make.sh", include_str!("designs/make.sh"));
    sandbox.write("reality/scripts/look.sh", include_str!("designs/look.sh"));
    let design = sandbox.path("reality");
    deploy(sandbox, more);
    design
}

/// The inputs of the design, as words of the command line.
fn inputs(sandbox: &Sandbox) -> [String; 4] {
    let thing = format!("thing={}", sandbox.path("thing").display());
    ["-i".to_owned(), sandbox.mark_input(), "-i".to_owned(), thing]
}

fn deploy(sandbox: &Sandbox, more: &[&str]) {
    let inputs = inputs(sandbox);
    let words: Vec<&str> = inputs.iter().map(String::as_str).chain(more.iter().copied()).collect();
    sandbox.run(&[&["deploy", "reality", "--yes"], &words[..]].concat()).expect(0);
}

fn pid(sandbox: &Sandbox, role: &str) -> u32 {
    let found = sandbox.processes().into_iter().find(|(known, _)| known == role);
    found.unwrap_or_else(|| panic!("no process {role}")).1
}

/// The nodes of `status`, by name.
fn status(sandbox: &Sandbox, words: &[&str]) -> Json {
    let status = sandbox.run(&[&["status", "-o", "json"], words].concat()).expect(0).json();
    let nodes = status["services"][0]["nodes"].as_array().cloned().unwrap_or_default();
    nodes.into_iter().map(|node| (node["node"].as_str().unwrap().to_owned(), node)).collect()
}

/// Kills a process as anybody might, and waits until its supervisor has seen that.
fn kill(sandbox: &Sandbox, role: &str) {
    let pid = pid(sandbox, role);
    assert!(std::process::Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap().success());
    poll("its supervisor knows", || {
        (status(sandbox, &[role])[role]["observed"]["state"] == "failed").then_some(())
    });
}

/// The nodes of a refresh, by name, with the exit code that it must have.
fn refresh(sandbox: &Sandbox, words: &[&str], code: i32) -> Json {
    let answer = sandbox.run(&[&["refresh", "-o", "json"], words].concat()).expect(code).json();
    assert_eq!(answer["schema"], "khutulun.refresh/1");
    let nodes = answer["services"][0]["nodes"].as_array().cloned().unwrap();
    nodes.into_iter().map(|node| (node["node"].as_str().unwrap().to_owned(), node)).collect()
}

/// How often vertexes of the service were written, by the log.
fn writes(sandbox: &Sandbox) -> usize {
    let log = sandbox.run(&["store", "log", "reality", "-n", "100000", "-o", "jsonl"]).expect(0).stdout;
    let row = |line: &str| serde_json::from_str::<Json>(line).unwrap();
    log.lines().map(row).filter(|row| row["what"] == "put" && row["namespace"] == "reality").count()
}

#[test]
fn what_was_killed_is_drift_is_recorded_and_is_repaired_alone() {
    let sandbox = Sandbox::new();
    deployed(&sandbox, &[]);
    let before = sandbox.processes();
    let first = refresh(&sandbox, &[], 0);
    assert_eq!((&first["db"]["seen"], &first["thing"]["seen"]), (&"running".into(), &"running".into()));
    // What is seen again is not written again.
    let written = writes(&sandbox);
    assert_eq!(refresh(&sandbox, &[], 0)["db"]["since"], first["db"]["since"]);
    assert_eq!(writes(&sandbox), written);

    kill(&sandbox, "db");
    // Without looking, what was seen last is shown; with looking, who depends on it is degraded.
    assert_eq!(status(&sandbox, &["--stored"])["db"]["last_seen"]["state"], "running");
    let live = status(&sandbox, &[]);
    assert_eq!((&live["db"]["state"], &live["db"]["intended"]), (&"started".into(), &"running".into()));
    let effective = |name: &str| live[name]["effective"].as_str().unwrap();
    assert_eq!(["db", "web", "front", "thing"].map(effective), ["failed", "degraded", "degraded", "running"]);
    assert_eq!(live["front"]["because"]["depends_on"], "web");
    assert_eq!(live["front"]["because"]["node"], "db");
    let shown = sandbox.run(&["status", "web"]).expect(0).stdout;
    assert!(shown.contains("▲ degraded") && shown.contains("depends on db, which is failed"), "{shown}");

    for _ in 0..2 {
        let seen = refresh(&sandbox, &[], 2);
        let drift = &seen["db"]["drift"][0];
        assert_eq!((&drift["seen"], &drift["intended"]), (&"failed".into(), &"running".into()), "{seen:#}");
        assert_eq!(seen["db"]["state"], "started");
        assert_eq!(seen["web"]["drift"], Json::Array(vec![]));
    }
    refresh(&sandbox, &["web", "front"], 0);
    let stored = status(&sandbox, &["--stored"]);
    assert_eq!(stored["db"]["last_seen"]["state"], "failed");
    assert_eq!(stored["web"]["effective"], "degraded");
    let text = sandbox.run(&["refresh"]).expect(2).stdout;
    for part in
        ["db", "✗ failed", "it is failed, and should be running", "khutulun refresh reality: --repair"]
    {
        assert!(text.contains(part), "no {part:?} in:\n{text}");
    }

    let unasked = sandbox.run(&["refresh", "--repair"]).expect(64);
    unasked.five_parts();
    assert!(unasked.stderr.contains("it is failed, and should be running"), "{}", unasked.stderr);
    let repaired = refresh(&sandbox, &["--repair", "--yes"], 0);
    assert_eq!(repaired["db"]["fate"], "repaired");
    let after = sandbox.processes();
    assert_ne!(before[0], after[0]);
    assert_eq!(before[1..], after[1..]);
    refresh(&sandbox, &[], 0);
    let inputs = inputs(&sandbox);
    let plan: Vec<&str> = ["plan", "reality"].into_iter().chain(inputs.iter().map(String::as_str)).collect();
    sandbox.run(&plan).expect(0);

    // A deployment makes it so as well; nothing else has to be done, so nothing else is.
    kill(&sandbox, "web");
    let shown = sandbox.run(&plan).expect(2).stdout;
    for part in ["~ web", "stop, start", "it is failed, and should be running", "1 to update, 3 unchanged"] {
        assert!(shown.contains(part), "no {part:?} in:\n{shown}");
    }
    deploy(&sandbox, &[]);
    let last = sandbox.processes();
    assert_eq!((&last[0], &last[1]), (&after[0], &after[1]));
    assert_ne!(last[2], after[2]);
    sandbox.run(&plan).expect(0);
    refresh(&sandbox, &[], 0);
}

#[test]
fn a_policy_says_what_is_done_about_drift() {
    let sandbox = Sandbox::new();
    deployed(&sandbox, &["-i", "action=adopt"]);
    kill(&sandbox, "db");
    let adopted = sandbox.run(&["refresh"]).expect(0).stdout;
    assert!(adopted.contains("the policy `drift` says that what was seen is what should be"), "{adopted}");
    assert_eq!(status(&sandbox, &["--stored"])["db"]["state"], "stopped");
    assert_eq!(refresh(&sandbox, &[], 0)["db"]["intended"], "stopped");

    deploy(&sandbox, &["-i", "action=repair"]);
    kill(&sandbox, "db");
    // Not without anybody's word, which is what `--yes` is.
    assert_eq!(refresh(&sandbox, &[], 2)["db"]["action"], "repair");
    assert_eq!(refresh(&sandbox, &["--yes"], 0)["db"]["fate"], "repaired");
    pid(&sandbox, "db");

    deploy(&sandbox, &["-i", "action=ignore"]);
    kill(&sandbox, "db");
    let ignored = refresh(&sandbox, &["--repair", "--yes"], 0);
    assert_eq!((&ignored["db"]["fate"], &ignored["db"]["seen"]), (&"ignored".into(), &"failed".into()));
    deploy(&sandbox, &["-i", "action=ignore"]);
    assert_eq!(sandbox.roles(), ["front", "web"]);
}

#[test]
fn attributes_are_compared_where_that_is_said_and_who_cannot_look_is_told() {
    let sandbox = Sandbox::new();
    deployed(&sandbox, &[]);
    assert_eq!(refresh(&sandbox, &["thing"], 0)["thing"]["attributes"]["looks"], "like 1");
    sandbox.write("thing", "2\n");
    for _ in 0..2 {
        let thing = refresh(&sandbox, &["thing"], 2)["thing"].clone();
        let drift = thing["drift"][0].clone();
        assert_eq!((&drift["attribute"], &drift["seen"]), (&"version".into(), &"2".into()), "{thing:#}");
        assert_eq!(drift["intended"], "1");
        // Others follow what is seen.
        assert_eq!(thing["attributes"]["looks"], "like 2");
    }
    refresh(&sandbox, &["thing", "--repair", "--yes"], 0);
    refresh(&sandbox, &[], 0);
    assert_eq!(std::fs::read_to_string(sandbox.path("thing")).unwrap(), "1\n");

    sandbox.write("thing", "secret\n");
    let failed = sandbox.run(&["refresh"]).expect(1);
    failed.five_parts();
    assert!(failed.stderr.contains("ended with code 1: nobody may look"), "{}", failed.stderr);
    assert!(failed.stdout.contains("as far as was seen (3 nodes looked at)"), "{}", failed.stdout);
    // It stands in nobody's way.
    std::fs::remove_file(sandbox.path("thing")).unwrap();
    let absent = refresh(&sandbox, &["thing"], 2)["thing"].clone();
    assert_eq!((&absent["seen"], absent["drift"].as_array().unwrap().len()), (&"absent".into(), 1));
    refresh(&sandbox, &["--repair", "--yes"], 0);
    assert!(sandbox.path("thing").exists());
    sandbox.run(&["refresh", "nobody"]).expect(64).five_parts();
}

#[test]
fn what_is_forgotten_runs_on_and_is_adopted_as_it_is() {
    let sandbox = Sandbox::new();
    deployed(&sandbox, &[]);
    let processes = sandbox.processes();
    let refused = sandbox.run(&["forget", "db", "--yes"]).expect(1);
    refused.five_parts();
    assert!(refused.stderr.contains("web on db"), "{}", refused.stderr);
    assert!(refused.stderr.contains("khutulun forget db web"), "{}", refused.stderr);
    sandbox.run(&["forget", "front"]).expect(64).five_parts();

    let forgotten = sandbox.run(&["forget", "front", "--yes", "-o", "json"]).expect(0).json();
    let remains = &forgotten["remains"][0];
    assert_eq!((&forgotten["schema"], &remains["seen"]), (&"khutulun.forget/1".into(), &"running".into()));
    assert_eq!(remains["places"]["pid"], pid(&sandbox, "front"));
    assert!(status(&sandbox, &["--stored"])["front"].is_null());
    // What runs is nobody's to start again; what was tried in vain can still be adopted.
    let refused = sandbox.run(&["deploy", "reality:", "--yes"]).expect(1);
    refused.five_parts();
    let how = "was it forgotten? To manage it as it is: khutulun adopt reality: front";
    assert!(refused.stderr.contains(how), "{}", refused.stderr);
    assert_eq!(sandbox.processes(), processes);
    sandbox.run(&["adopt", "reality:", "front"]).expect(64).five_parts();
    sandbox.run(&["adopt", "reality:", "front", "--yes"]).expect(0);
    assert_eq!(status(&sandbox, &[])["front"]["effective"], "running");
    sandbox.run(&["forget", "front", "--yes"]).expect(0);
    let all = sandbox.run(&["forget", "reality", "--yes"]).expect(0).stdout;
    for part in ["3 nodes of `reality` are no longer managed", "stdout.log", "khutulun's supervisor"] {
        assert!(all.contains(part), "no {part:?} in:\n{all}");
    }
    assert_eq!(sandbox.processes(), processes);
    assert!(sandbox.path("thing").exists());
    sandbox.run(&["forget", "reality", "--yes"]).expect(64).five_parts();

    let inputs = inputs(&sandbox);
    let words = |nodes: &[&'static str]| -> Vec<String> {
        let words = ["adopt", "reality", "--yes"].into_iter().chain(nodes.iter().copied()).map(str::to_owned);
        words.chain(inputs.iter().cloned()).collect()
    };
    let adopt = |nodes: &[&'static str]| {
        let words = words(nodes);
        sandbox.run(&words.iter().map(String::as_str).collect::<Vec<_>>())
    };
    // What it is made from is not known before what it depends on is.
    let refused = adopt(&["web"]).expect(1);
    refused.five_parts();
    assert!(refused.stderr.contains("depends on `db`, which is not managed"), "{}", refused.stderr);
    let adopted = adopt(&["web", "db"]).expect(0).stdout;
    assert!(adopted.contains("`db` of `reality` is adopted as it is"), "{adopted}");
    adopt(&["db"]).expect(1).five_parts();
    adopt(&["nobody"]).expect(64).five_parts();
    assert_eq!(status(&sandbox, &[])["db"]["adopted"], true);
    assert_eq!(status(&sandbox, &[])["db"]["observed"]["pid"], pid(&sandbox, "db"));

    // What is not there is not adopted, and nothing is changed.
    std::fs::remove_file(sandbox.path("thing")).unwrap();
    let absent = adopt(&["thing"]).expect(1);
    absent.five_parts();
    assert!(absent.stderr.contains("`thing` is absent"), "{}", absent.stderr);
    assert!(status(&sandbox, &["--stored"])["thing"].is_null());
    sandbox.write("thing", "1\n");
    adopt(&["thing", "front"]).expect(0);
    refresh(&sandbox, &[], 0);

    // It is as if it had been deployed.
    deploy(&sandbox, &[]);
    assert_eq!(sandbox.processes(), processes);
    kill(&sandbox, "web");
    refresh(&sandbox, &["--repair", "--yes"], 0);
    assert_eq!(sandbox.roles(), ["db", "front", "web"]);
    assert_eq!(pid(&sandbox, "db"), processes[0].1);

    // It goes when somebody says so; else it is let go.
    sandbox.run(&["destroy", "reality", "--yes"]).expect(0);
    assert_eq!(sandbox.roles(), ["db", "front", "web"]);
    adopt(&["db", "web", "front"]).expect(0);
    sandbox.run(&["destroy", "reality", "--yes", "--delete-adopted"]).expect(0);
    assert_eq!(sandbox.roles(), [""; 0]);
}

#[test]
fn a_look_that_was_killed_is_in_nobodys_way() {
    let sandbox = Sandbox::new();
    deployed(&sandbox, &[]);
    let killed = || {
        let _ = std::fs::remove_file(sandbox.path("thing.asked"));
        sandbox.write("thing", "slow\n");
        let mut child = sandbox.start(&["refresh", "--progress", "none"]);
        poll("the thing is looked at", || sandbox.path("thing.asked").exists().then_some(()));
        child.kill().unwrap();
        child.wait().unwrap();
        // In one step: it is being looked at.
        let new = sandbox.write("thing.new", "1\n");
        std::fs::rename(new, sandbox.path("thing")).unwrap();
    };
    killed();
    assert_eq!(status(&sandbox, &["--stored"])["thing"]["state"], "started");
    refresh(&sandbox, &[], 0);
    killed();
    sandbox.run(&["restart", "db", "--yes"]).expect(0);
    killed();
    sandbox.run(&["resume"]).expect(0);
    deploy(&sandbox, &[]);
}

/// Whoever interrupts a look wants nothing more to be done, whatever policies say and although they agreed beforehand.
#[test]
fn after_an_interruption_nothing_is_repaired() {
    let sandbox = Sandbox::new();
    deployed(&sandbox, &["-i", "action=repair"]);
    kill(&sandbox, "db");
    sandbox.write("thing", "slow");
    let told = sandbox.path("told");
    let look = sandbox
        .command(&["refresh", "--yes", "--progress", "plain"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::fs::File::create(&told).unwrap())
        .spawn()
        .unwrap();
    poll("it looks", || sandbox.path("thing.asked").exists().then_some(()));
    assert!(
        std::process::Command::new("kill").args(["-INT", &look.id().to_string()]).status().unwrap().success()
    );
    let is_heard = || std::fs::read_to_string(&told).unwrap().contains("Ctrl-C again");
    poll("it is heard", || is_heard().then_some(()));
    sandbox.write("thing", "1");
    let ended = crate::sandbox::finish(look).expect(2);
    assert!(ended.stdout.contains("it was interrupted"), "{}", ended.stdout);
    assert_eq!(sandbox.roles(), ["front", "web"]);
}

/// A thing that says of itself what a file says, and is told of by a relationship.
const TELLING: &str = r#"tosca_definitions_version: tosca_2_0
imports: [ profile: "khutulun.process:0.1" ]
relationship_types:
  Told:
    derived_from: ConnectsTo
    interfaces:
      configure:
        operations: { add_target: tell.sh, pre_configure_target: tell.sh }
node_types:
  Teller:
    attributes: { state: { type: string } }
    capabilities: { endpoint: Endpoint }
    requirements: [ { other: { capability: Endpoint, relationship: Told, count_range: [ 0, 1 ] } } ]
    interfaces:
      lifecycle:
        type: Lifecycle
        operations:
          start: tell.sh
          observe: { implementation: tell.sh, outputs: { state: [ SELF, state ] } }
service_template:
  node_templates:
    one: { type: Teller }
    two: { type: Teller, requirements: [ { other: one } ] }
"#;

/// Deploys two of them.
fn telling(sandbox: &Sandbox) {
    sandbox.write("telling/service.yaml", TELLING);
    sandbox.write(
        "telling/tell.sh",
        "#!/bin/sh\necho \"$KHUTULUN_EVENT\" >> \"$HOME/events\"\ncat \"$HOME/says\"\n",
    );
    sandbox.write("says", "{\"state\": \"running\"}");
    sandbox.run(&["deploy", "telling", "--yes"]).expect(0);
}

#[test]
fn the_name_of_a_service_means_its_nodes() {
    let sandbox = Sandbox::new();
    telling(&sandbox);
    let all = sandbox.run(&["status", "telling:", "-o", "json"]).expect(0).json();
    let named = sandbox.run(&["status", "telling", "-o", "json"]).expect(0).json();
    let names = |answer: &Json| {
        let nodes = answer["services"][0]["nodes"].as_array().unwrap().iter();
        nodes.map(|node| node["node"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!((names(&named), names(&named).len()), (names(&all), 2));
    let refused = sandbox.run(&["refresh", "telling"]).expect(64);
    refused.five_parts();
    assert!(
        refused.stderr.contains("`telling` is a service: its nodes are `telling:`"),
        "{}",
        refused.stderr
    );
}

#[test]
fn whoever_looks_asks_anew_each_time_and_leaves_nothing_behind() {
    let sandbox = Sandbox::new();
    telling(&sandbox);
    for state in ["running", "failed", "stopped", "running"] {
        sandbox.write("says", &format!("{{\"state\": \"{state}\"}}"));
        assert_eq!(status(&sandbox, &[])["one"]["observed"]["state"], state);
    }
    assert!(!sandbox.state().join("operations").exists(), "a look left something in the state directory");
    let header = sandbox.run(&["status"]).expect(0).stdout;
    assert!(header.starts_with("telling  revision 1  run "), "{header}");
    assert_eq!(sandbox.run(&["status", "-o", "json"]).expect(0).json()["services"][0]["revision"], 1);
}

#[test]
fn a_state_that_nobody_knows_is_no_state() {
    let sandbox = Sandbox::new();
    telling(&sandbox);
    sandbox.write("says", "{\"state\": \"weird\"}");
    let refused = sandbox.run(&["refresh", "one"]).expect(1);
    refused.five_parts();
    assert!(refused.stderr.contains("the state that it says is weird"), "{}", refused.stderr);
    sandbox.write("says", "{\"state\": \"running\"}");
    refresh(&sandbox, &["one"], 0);
}

#[test]
fn what_is_adopted_counts_as_made_with_its_relationships() {
    let sandbox = Sandbox::new();
    telling(&sandbox);
    sandbox.run(&["forget", "telling:", "--yes"]).expect(0);
    let _ = std::fs::remove_file(sandbox.path("events"));
    sandbox.run(&["adopt", "telling", "one", "two", "--yes"]).expect(0);
    let events = std::fs::read_to_string(sandbox.path("events")).unwrap();
    assert!(events.lines().all(|event| event == "lifecycle.observe"), "{events}");
    sandbox.run(&["plan", "telling"]).expect(0);
    sandbox.run(&["plan", "telling:"]).expect(0);
}
