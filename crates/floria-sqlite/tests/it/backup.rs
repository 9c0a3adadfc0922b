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
        "failed to back up to store `DIR/copy.db`: there is one already"
    );
    store.commit(&records([record("run/9", 1)])).unwrap();
    let refused =
        |in_place_of| told(&SqliteStore::restore(&copy, &path, in_place_of).unwrap_err(), folder.path());
    assert_eq!(refused(InPlaceOf::Nothing), "failed to restore store `DIR/floria.db`: there is one already");
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
fn what_is_no_store_does_not_take_the_place_of_one() {
    let folder = tempfile::tempdir().unwrap();
    let [path, empty, other] = ["floria.db", "empty", "other.db"].map(|name| folder.path().join(name));
    varied(&path);
    let before = Contents::of(&SqliteStore::open(&path).unwrap());
    fs::write(&empty, "").unwrap();
    rusqlite::Connection::open(&other).unwrap().execute_batch("CREATE TABLE of_others (x)").unwrap();
    let refused = |copy: &Path| {
        told(&SqliteStore::restore(copy, &path, InPlaceOf::WhatIsThere).unwrap_err(), folder.path())
    };
    assert_eq!(refused(&empty), "failed to open store `DIR/empty`: it is empty");
    assert_eq!(
        refused(&other),
        "failed to open store `DIR/other.db`: it is a SQLite database of another program"
    );
    for other in [folder.path(), Path::new("/dev/null")] {
        let error = refused(other);
        assert!(error.ends_with(": it is not a file"), "{error}");
    }
    assert_eq!(Contents::of(&SqliteStore::open(&path).unwrap()), before);
}

#[test]
fn of_copies_that_are_made_at_once_under_one_name_one_is_made_and_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let [path, copy] = ["floria.db", "copy.db"].map(|name| folder.path().join(name));
    varied(&path);
    let made = thread::scope(|scope| {
        let one = || SqliteStore::open_read_only(&path).unwrap().back_up_to(&copy).is_ok();
        let all: Vec<_> = (0..4).map(|_| scope.spawn(one)).collect();
        all.into_iter().map(|one| one.join().unwrap()).filter(|made| *made).count()
    });
    assert_eq!(made, 1);
    assert_eq!(SqliteStore::open_read_only(&copy).unwrap().verify().unwrap(), []);
    assert!(names(folder.path()).iter().all(|name| !name.contains("partial")));
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
