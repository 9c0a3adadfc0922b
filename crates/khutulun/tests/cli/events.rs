//! What happened, and telling it.

use std::{
    io::{BufRead as _, BufReader},
    process::Stdio,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use serde_json::Value as Json;

use crate::sandbox::{Sandbox, finish};

/// Events as their names, with the node before where there is one.
fn names(jsonl: &str) -> Vec<String> {
    let line = |line: &str| {
        let event: Json = serde_json::from_str(line).unwrap();
        assert_eq!(event["schema"], "khutulun.event/1");
        let node = event["node"].as_str().unwrap();
        let name = event["name"].as_str().unwrap();
        if node.is_empty() { name.to_owned() } else { format!("{node} {name}") }
    };
    jsonl.lines().map(line).collect()
}

#[test]
fn what_happened_can_be_read_from_any_point_on() {
    let sandbox = Sandbox::new();
    assert_eq!(sandbox.run(&["events"]).expect(0).stdout, "");
    sandbox.deploy(&sandbox.pair(), &[]).expect(0);
    let events = sandbox.run(&["events", "-o", "jsonl"]).expect(0).stdout;
    let told = names(&events);
    assert_eq!(told.last().unwrap(), "run.ended");
    for event in ["run.began", "store node.state", "web node.state", "web operation.ended"] {
        assert!(told.iter().any(|told| told == event), "{told:?}");
    }
    // The same, as people read it.
    let text = sandbox.run(&["events"]).expect(0).stdout;
    assert_eq!(text.lines().count(), told.len());
    assert!(
        text.lines().any(|line| line.contains("pair:web  node.state from=configured to=started")),
        "{text}"
    );
    // A part of it.
    let of_web = sandbox.run(&["events", "pair:web", "--type", "node.*", "-o", "jsonl"]).expect(0).stdout;
    assert!(names(&of_web).iter().all(|told| told == "web node.state"), "{of_web}");
    let lines: Vec<Json> = events.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let middle = &lines[lines.len() / 2]["cursor"].to_string();
    let rest = sandbox.run(&["events", "--since", middle, "-o", "jsonl"]).expect(0).stdout;
    assert_eq!(names(&rest), told[lines.len() / 2 + 1..]);
    assert_eq!(sandbox.run(&["events", "--since", "1d", "-o", "jsonl"]).expect(0).stdout, events);
    assert_eq!(sandbox.run(&["events", "--name", "other"]).expect(0).stdout, "");
    sandbox.run(&["events", "--since", "999999"]).expect(64).five_parts();
    sandbox.run(&["events", "--since", "soon"]).expect(64);
    sandbox.run(&["events", "web//x"]).expect(64);
    // What is gone is told of still.
    sandbox.run(&["destroy", "pair", "--yes"]).expect(0);
    let gone = sandbox.run(&["events", "web", "--type", "node.state", "-o", "jsonl"]).expect(0).stdout;
    let last: Json = serde_json::from_str(gone.lines().last().unwrap()).unwrap();
    assert_eq!(last["data"]["to"], "deleted", "{gone}");
}

#[test]
fn anybody_can_tell_that_something_happened() {
    let sandbox = Sandbox::new();
    sandbox.deploy(&sandbox.pair(), &[]).expect(0);
    let emitted = sandbox.run(&["events", "emit", "door.opened", "web", "by=alice", "times=2", "-o", "json"]);
    let emitted = emitted.expect(0).json();
    assert_eq!((&emitted["service"], &emitted["nodes"][0]), (&"pair".into(), &"web".into()));
    let since = (emitted["cursor"].as_u64().unwrap() - 1).to_string();
    let event = sandbox.run(&["events", "--since", &since, "-o", "jsonl"]).expect(0).json();
    assert_eq!(event["cursor"], emitted["cursor"]);
    assert_eq!(event["name"], "door.opened");
    assert_eq!(event["node"], "web");
    assert_eq!(event["data"], serde_json::json!({ "by": "alice", "times": 2 }));
    assert!(event["author"].is_string());
    sandbox.run(&["events", "emit", "nightly", "--everywhere"]).expect(0);
    sandbox.run(&["events", "emit", "nightly"]).expect(0);
    sandbox.run(&["events", "emit", "node.state"]).expect(64).five_parts();
    sandbox.run(&["events", "emit", "x", "nobody"]).expect(64);
    sandbox.run(&["events", "emit", "x", "--name", "other"]).expect(64);
    sandbox.run(&["destroy", "pair", "--yes"]).expect(0);
}

#[test]
fn what_was_forgotten_is_told_where_it_was() {
    let sandbox = Sandbox::new();
    sandbox.deploy(&sandbox.pair(), &[]).expect(0);
    sandbox.run(&["events", "emit", "before"]).expect(0);
    sandbox.run(&["destroy", "pair", "--yes"]).expect(0);
    sandbox.run(&["events", "emit", "after", "--everywhere"]).expect(0);
    let revision = sandbox.run(&["store", "stats", "-o", "json"]).expect(0).json()["revision"].to_string();
    sandbox.run(&["store", "forget", "--before", &revision, "--yes"]).expect(0);
    let told = sandbox.run(&["events", "--type", "after", "-o", "jsonl"]).expect(0).stdout;
    let told: Vec<Json> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    // Whatever is asked for, a reader hears that there was more.
    assert_eq!(told[0]["name"], "log.gap");
    assert_eq!(told[0]["data"]["to"], told[0]["cursor"]);
    assert_eq!(told.last().unwrap()["name"], "after");
}

/// While one process deploys again and again and others emit, a reader is killed in the middle of what it writes and goes on after
/// the last line that it wrote whole: it misses nothing and repeats nothing.
#[test]
fn a_reader_that_is_killed_goes_on_where_it_was() {
    const EMITTERS: usize = 2;
    const EMITTED: usize = 12;
    let sandbox = Sandbox::new();
    sandbox.deploy(&sandbox.pair(), &[]).expect(0);
    let done = AtomicBool::new(false);
    let mut seen: Vec<String> = Vec::new();
    thread::scope(|scope| {
        let (sandbox, done) = (&sandbox, &done);
        let writer = scope.spawn(move || {
            let emitters: Vec<_> = (0..EMITTERS)
                .map(|emitter| {
                    scope.spawn(move || {
                        for index in 0..EMITTED {
                            let data = format!("at={emitter}.{index}");
                            sandbox.run(&["events", "emit", "told", &data]).expect(0);
                        }
                    })
                })
                .collect();
            for greeting in ["greeting=one", "greeting=two", "greeting=three"] {
                sandbox.deploy(&sandbox.path("pair"), &["-i", greeting]).expect(0);
            }
            emitters.into_iter().for_each(|emitter| emitter.join().unwrap());
            sandbox.run(&["events", "emit", "the-end"]).expect(0);
            done.store(true, Ordering::SeqCst);
        });
        let mut cursor = "0".to_owned();
        // Each reader is killed after a few lines more than the last.
        for few in (1..).step_by(3) {
            let mut reader = sandbox.command(&["events", "-f", "--since", &cursor, "-o", "jsonl"]);
            let mut reader = reader.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
            let mut ended = false;
            for line in BufReader::new(reader.stdout.take().unwrap()).lines().take(few) {
                let line = line.unwrap();
                let event: Json = serde_json::from_str(&line).unwrap();
                cursor = event["cursor"].to_string();
                ended = event["name"] == "the-end";
                seen.push(line);
                if ended {
                    break;
                }
            }
            // It is this test's own child.
            reader.kill().unwrap();
            finish(reader);
            if ended {
                break;
            }
            assert!(few < 1_000, "the end never comes; done: {}", done.load(Ordering::SeqCst));
        }
        writer.join().unwrap();
    });
    let whole = sandbox.run(&["events", "-o", "jsonl"]).expect(0).stdout;
    assert_eq!(seen, whole.lines().collect::<Vec<_>>());
    let told = names(&whole);
    assert_eq!(told.iter().filter(|name| *name == "told").count(), EMITTERS * EMITTED);
    assert_eq!(told.iter().filter(|name| *name == "run.ended").count(), 4);
    sandbox.run(&["destroy", "pair", "--yes"]).expect(0);
}
