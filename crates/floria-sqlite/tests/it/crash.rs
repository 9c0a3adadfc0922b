//! What is left after a process was killed in the middle of its commits.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use floria::{Batch, LogQuery, Store as _, VertexId};
use floria_conformance::build::{batch, namespace, put, record, vertex, with};
use floria_sqlite::SqliteStore;

/// Names the file to commit to, in the child process.
const CHILD: &str = "FLORIA_SQLITE_CRASH_TEST";

/// How many vertexes a batch changes: enough that a torn batch would show.
const VERTEXES: u64 = 50;

/// How many children are killed.
const KILLS: u64 = 8;

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
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("floria.db");
    let mut durable = 0;
    for kill in 0..KILLS {
        let mut child = start_child(&path);
        let output = BufReader::new(child.stdout.take().unwrap());
        // Killed at another number of commits each time, at whatever it does just then.
        let wanted = durable + 1 + kill * 3;
        let mut lines = output.lines().map_while(Result::ok);
        for line in lines.by_ref() {
            let Some(round) = line.split("durable ").nth(1) else { continue };
            durable = round.trim().parse::<u64>().unwrap();
            if durable >= wanted {
                break;
            }
        }
        assert!(durable >= wanted, "the child ended by itself");
        child.kill().unwrap();
        child.wait().unwrap();
        for line in lines {
            let Some(round) = line.split("durable ").nth(1) else { continue };
            durable = round.trim().parse::<u64>().unwrap_or(durable);
        }
        durable = check(&path, durable);
    }
}

/// Checks that everything that was durable is there, and nothing in part; returns the revision that is.
fn check(path: &Path, durable: u64) -> u64 {
    // Whoever comes first may come to read only.
    let seen = SqliteStore::open_read_only(path).unwrap().revision().unwrap().0;
    {
        let connection = rusqlite::Connection::open(path).unwrap();
        let sound: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(sound, "ok");
    }
    let store = SqliteStore::open(path).unwrap();
    let revision = store.revision().unwrap().0;
    // One commit may have become durable that its process could not report any more.
    assert!(revision == durable || revision == durable + 1, "{revision} after {durable}");
    assert_eq!(seen, revision);
    let graph = store.graph(&namespace("shop")).unwrap();
    assert_eq!(graph.vertexes().len() as u64, VERTEXES);
    for id in 1..=VERTEXES {
        let value = &graph.vertex(VertexId(id)).unwrap().properties["round"].value;
        assert_eq!(value.as_ref().unwrap().as_integer(), Some(revision as i64));
    }
    let rows = store.log(&LogQuery::default()).unwrap();
    assert_eq!(rows.len() as u64, revision * (VERTEXES + 1));
    assert!(rows.iter().zip(1..).all(|(row, number)| row.sequence == number));
    revision
}
