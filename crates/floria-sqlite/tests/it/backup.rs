//! Copies that are made while others write, and put back.

use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use floria::{Change, LogQuery, Revision, Store as _, StoreError};
use floria_conformance::build::{Contents, commit, put, record, records, vertex, with};
use floria_sqlite::{InPlaceOf, SqliteStore};

use crate::{files::told, verify::varied};

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_copy_is_of_one_revision_while_others_write() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("floria.db")).unwrap();
    let pair = |number: i64| [1, 2].map(|id| put(with(vertex(id, None, &format!("n{id}")), "x", number)));
    commit(&store, pair(0));
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for number in 1.. {
                commit(&store, pair(number));
                if done.load(Ordering::Acquire) {
                    break;
                }
            }
        });
        for copy in 0..10 {
            let path = folder.path().join(format!("{copy}.db"));
            store.back_up_to(&path).unwrap();
            let copy = SqliteStore::open_read_only(&path).unwrap();
            let rows = copy.log(&LogQuery::default()).unwrap();
            assert_eq!(rows.len() as u64, 2 * copy.revision().unwrap().0);
            assert_eq!(copy.verify().unwrap(), []);
        }
        done.store(true, Ordering::Release);
        writer.join().unwrap();
    });
}

#[test]
fn what_is_restored_is_what_was_copied() {
    let folder = tempfile::tempdir().unwrap();
    let [path, copy] = ["floria.db", "copy.db"].map(|name| folder.path().join(name));
    varied(&path);
    let store = SqliteStore::open(&path).unwrap();
    let before = Contents::of(&store);
    store.back_up_to(&copy).unwrap();
    // A second copy does not replace the first.
    assert_eq!(
        told(&store.back_up_to(&copy).unwrap_err(), folder.path()),
        "failed to back up to store `DIR/copy.db`: entity already exists"
    );
    store.commit(&records([record("run/9", 1)])).unwrap();
    let refused =
        |in_place_of| told(&SqliteStore::restore(&copy, &path, in_place_of).unwrap_err(), folder.path());
    assert_eq!(refused(InPlaceOf::Nothing), "failed to restore store `DIR/floria.db`: entity already exists");
    assert_eq!(
        refused(InPlaceOf::WhatIsThere),
        "failed to replace store `DIR/floria.db`: somebody has it open"
    );
    assert_ne!(Contents::of(&store), before);
    drop(store);
    SqliteStore::restore(&copy, &path, InPlaceOf::WhatIsThere).unwrap();
    assert_eq!(Contents::of(&SqliteStore::open(&path).unwrap()), before);
    let elsewhere = folder.path().join("elsewhere.db");
    SqliteStore::restore(&copy, &elsewhere, InPlaceOf::Nothing).unwrap();
    let store = SqliteStore::open(&elsewhere).unwrap();
    assert_eq!(Contents::of(&store), before);
    commit(&store, [Change::put(vertex(50, Some(1), "later"))]);
    drop(store);
    assert_eq!(names(folder.path()), ["copy.db", "elsewhere.db", "floria.db"]);
}

#[test]
fn a_damaged_copy_is_not_restored() {
    let folder = tempfile::tempdir().unwrap();
    let [path, copy] = ["floria.db", "copy.db"].map(|name| folder.path().join(name));
    varied(&copy);
    let connection = rusqlite::Connection::open(&copy).unwrap();
    connection.execute("UPDATE log SET body = zeroblob(length(body)) WHERE sequence = 30", []).unwrap();
    drop(connection);
    let error = SqliteStore::restore(&copy, &path, InPlaceOf::Nothing).unwrap_err();
    assert!(matches!(error, StoreError::Damaged(_)), "{error}");
    assert!(!path.exists());
    fs::write(&copy, "no database").unwrap();
    let error = SqliteStore::restore(&copy, &path, InPlaceOf::Nothing).unwrap_err();
    assert_eq!(told(&error, folder.path()), "failed to read store `DIR/copy.db`: file is not a database");
    assert!(!path.exists() && names(folder.path()).iter().all(|name| !name.contains("partial")));
}

#[test]
fn a_store_that_cannot_be_read_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let [path, copy] = ["floria.db", "copy.db"].map(|name| folder.path().join(name));
    varied(&copy);
    for (name, text) in [("floria.db", "damaged"), ("floria.db-wal", "of the damaged one")] {
        fs::write(folder.path().join(name), text.repeat(1000)).unwrap();
    }
    SqliteStore::restore(&copy, &path, InPlaceOf::WhatIsThere).unwrap();
    let store = SqliteStore::open(&path).unwrap();
    assert_eq!((store.revision().unwrap(), store.verify().unwrap()), (Revision(14), vec![]));
}
