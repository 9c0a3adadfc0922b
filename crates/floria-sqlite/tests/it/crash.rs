//! What is left after a process was killed in the middle of its commits, or could not write any more.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use floria::{Batch, LogQuery, Store as _, StoreError, Value};
use floria_conformance::build::{batch, commit, namespace, put, record, vertex, with};
use floria_sqlite::SqliteStore;

/// Names the file to commit to, in the child process.
const CHILD: &str = "FLORIA_SQLITE_CRASH_TEST";

/// How many vertexes a batch changes: enough that a torn batch would show.
const VERTEXES: u64 = 20;

/// How many children are killed, unless `FLORIA_KILLS` says otherwise.
const KILLS: u64 = 24;

/// How many are killed on one file.
const KILLS_PER_FILE: u64 = 12;

/// Commits until it is killed, and says on standard output what is durable: a line for each commit that returned.
#[test]
fn child() {
    // As a test of its own, this does nothing.
    let Some(path) = std::env::var_os(CHILD) else { return };
    let store = SqliteStore::open(path).unwrap();
    let start = store.revision().unwrap().0;
    for round in start + 1.. {
        let value = round as i64;
        let changes = (1..=VERTEXES).map(|id| put(with(vertex(id, None, &format!("n{id}")), "round", value)));
        let batch = Batch { records: vec![record("run/1", value)], ..batch(changes) };
        assert_eq!(store.commit(&batch).unwrap().0, round);
        println!("durable {round}");
    }
}

fn start_child(path: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["crash::child", "--exact", "--nocapture", "--test-threads=1"])
        .env(CHILD, path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn a_killed_process_leaves_whole_batches_only() {
    let kills = std::env::var("FLORIA_KILLS").map_or(KILLS, |kills| kills.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let mut durable = 0;
    for kill in 0..kills {
        let path = folder.path().join(format!("{}.db", kill / KILLS_PER_FILE));
        if kill % KILLS_PER_FILE == 0 {
            durable = 0;
        }
        durable = kill_one(&path, durable, kill.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        if kill % KILLS_PER_FILE == KILLS_PER_FILE - 1 {
            assert_eq!(SqliteStore::open(&path).unwrap().verify().unwrap(), []);
        }
    }
}

/// Starts a process, kills it at a moment that the seed chooses, and returns the revision that is there after it.
fn kill_one(path: &Path, mut durable: u64, seed: u64) -> u64 {
    let mut child = start_child(path);
    let output = BufReader::new(child.stdout.take().unwrap());
    let wanted = durable + (seed >> 60) % 4;
    let mut lines = output.lines().map_while(Result::ok);
    let number =
        |line: &str| line.split("durable ").nth(1).and_then(|round| round.trim().parse::<u64>().ok());
    while durable < wanted {
        let line = lines.next().expect("the child commits until it is killed");
        durable = number(&line).unwrap_or(durable);
    }
    // Then at whatever it does by now: it opens the file, commits, or says that it did.
    for _ in 0..(seed >> 20) % (1 << 20) {
        std::hint::spin_loop();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    durable = lines.filter_map(|line| number(&line)).last().unwrap_or(durable);
    check(path, durable)
}

/// Checks that everything that was durable is there, and nothing in part; returns the revision that is.
fn check(path: &Path, durable: u64) -> u64 {
    // Whoever comes first may come to read only, once there is something to read.
    let seen = (durable > 0).then(|| SqliteStore::open_read_only(path).unwrap().revision().unwrap().0);
    let store = SqliteStore::open(path).unwrap();
    let revision = store.revision().unwrap().0;
    // One commit may have become durable that its process could not report any more.
    assert!(revision == durable || revision == durable + 1, "{revision} after {durable}");
    assert!(seen.is_none_or(|seen| seen == revision));
    let graph = store.graph(&namespace("shop")).unwrap();
    assert_eq!(graph.vertexes().len() as u64, if revision > 0 { VERTEXES } else { 0 });
    for vertex in graph.vertexes() {
        let value = &vertex.properties["round"].value;
        assert_eq!(value.as_ref().unwrap().as_integer(), Some(revision as i64));
    }
    let rows = store.log(&LogQuery::default()).unwrap();
    assert_eq!(rows.len() as u64, revision * (VERTEXES + 1));
    assert!(rows.iter().zip(1..).all(|(row, number)| row.sequence == number));
    revision
}

/// Names the file to fill, in the child process.
const FULL_CHILD: &str = "FLORIA_SQLITE_FULL_TEST";

/// Commits until the system refuses to make files longer, and then a little that still fits.
#[test]
fn full_child() {
    let Some(path) = std::env::var_os(FULL_CHILD) else { return };
    let store = SqliteStore::open(path).unwrap();
    let limit = rustix::process::Rlimit { current: Some(300_000), maximum: None };
    rustix::process::setrlimit(rustix::process::Resource::Fsize, limit).unwrap();
    // Instead of ending the process, which is what this signal does to who has not asked for it.
    let told = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    signal_hook::flag::register(signal_hook::consts::SIGXFSZ, told).unwrap();
    let note = |number: i64| Batch {
        records: vec![record("run/1", Value::Bytes(vec![7; 10_000]))],
        ..batch([put(with(vertex(1, None, "n"), "round", number))])
    };
    let mut number = 0;
    let error = loop {
        number += 1;
        match store.commit(&note(number)) {
            Ok(revision) => assert_eq!(revision.0, number as u64),
            Err(error) => break error,
        }
        assert!(number < 100, "the limit was never met");
    };
    let cause = std::error::Error::source(&error).map(|cause| cause.to_string()).unwrap_or_default();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
    println!("refused {number}: {error}: {cause}");
    // It can be read, and holds what was committed.
    assert_eq!(store.revision().unwrap().0, number as u64 - 1);
    assert_eq!(store.graph(&namespace("shop")).unwrap().vertexes().len(), 1);
}

#[test]
fn a_file_that_may_not_grow_refuses_the_commit_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("floria.db");
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["crash::full_child", "--exact", "--nocapture", "--test-threads=1"])
        .env(FULL_CHILD, &path)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let refused =
        text.lines().find_map(|line| line.split("refused ").nth(1)).expect("the child says what it met");
    let (number, told) = refused.split_once(": ").unwrap();
    let cause = told.strip_prefix(&format!("failed to commit to store `{}`: ", path.display())).expect(told);
    assert!(
        ["disk I/O error", "database or disk is full"].iter().any(|words| cause.contains(words)),
        "{cause}"
    );
    let store = SqliteStore::open(&path).unwrap();
    let revision = store.revision().unwrap().0;
    assert_eq!((revision + 1).to_string(), number);
    assert_eq!(store.verify().unwrap(), []);
    commit(&store, [put(vertex(2, None, "later"))]);
}
