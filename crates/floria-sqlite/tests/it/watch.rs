//! Commits are heard of, those of other processes too.

use std::{
    io::{BufRead as _, Write as _},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use floria::{LogEntry, Revision, Store as _, Watch};
use floria_conformance::build::{record, records};
use floria_sqlite::SqliteStore;

/// Names the file to commit to, in the child process.
const CHILD: &str = "FLORIA_SQLITE_WATCH_TEST";

/// How long anything may take. Reached by nothing but a bug.
const BOUND: Option<Duration> = Some(Duration::from_secs(60));

/// Commits a record for each line that comes in.
#[test]
fn child() {
    // As a test of its own, this does nothing.
    let Some(path) = std::env::var_os(CHILD) else { return };
    let store = SqliteStore::open(path).unwrap();
    for line in std::io::stdin().lock().lines() {
        store.commit(&records([record("run/1", line.unwrap())])).unwrap();
    }
}

fn start_child(path: &std::path::Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["watch::child", "--exact", "--nocapture", "--test-threads=1"])
        .env(CHILD, path)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn commits_of_another_process_are_heard_of() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("floria.db");
    let own = Arc::new(SqliteStore::open(&path).unwrap());
    let reader = Arc::new(SqliteStore::open_read_only(&path).unwrap());
    let mut watches = [own.clone(), reader].map(|store| Watch::new(store, Revision(0), None).unwrap());
    let mut child = start_child(&path);
    let mut lines = child.stdin.take().unwrap();
    for number in 0..20 {
        writeln!(lines, "{number}").unwrap();
        for watch in &mut watches {
            let rows = watch.next(BOUND).unwrap();
            let [row] = rows.as_slice() else { panic!("{rows:?}") };
            let LogEntry::Record(record) = &row.entry else { panic!("{row:?}") };
            assert_eq!(record.body.to_string(), number.to_string());
        }
    }
    drop(lines);
    assert!(child.wait().unwrap().success());
}

#[test]
fn nobody_listens_once_nobody_holds_the_signal() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("floria.db")).unwrap();
    for _ in 0..3 {
        let (one, two) = (store.signal().unwrap(), store.signal().unwrap());
        assert!(Arc::ptr_eq(&one, &two));
        let (seen, weak) = (one.count(), Arc::downgrade(&one));
        store.commit(&records([record("run/1", 1)])).unwrap();
        assert!(two.count() > seen);
        drop(one);
        // Waits for the thread to end.
        drop(two);
        // It may be that the thread was telling: then it is the last to drop it.
        let bound = std::time::Instant::now() + Duration::from_secs(60);
        while weak.strong_count() > 0 {
            assert!(std::time::Instant::now() < bound, "somebody still holds it");
            std::thread::yield_now();
        }
    }
}

#[test]
fn what_another_program_writes_is_heard_of() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("floria.db");
    let store = SqliteStore::open(&path).unwrap();
    let signal = store.signal().unwrap();
    let seen = signal.count();
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute("UPDATE store SET ids_used = 5, ids_again = 5", []).unwrap();
    assert!(signal.wait(seen, BOUND));
}
