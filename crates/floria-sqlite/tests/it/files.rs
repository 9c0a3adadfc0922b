//! Files that are not what they should be, or cannot be.

use std::{error::Error as _, fs, path::Path};

use floria::{Store as _, StoreError};
use floria_conformance::build::{Contents, commit, put, record, records, shop, vertex, with};
use floria_sqlite::SqliteStore;
use rusqlite::Connection;

/// What a person would see: the attempt, then the cause.
pub(crate) fn told(error: &StoreError, folder: &Path) -> String {
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("{error}{cause}").replace(&folder.display().to_string(), "DIR")
}

fn open_error(path: &Path) -> StoreError {
    SqliteStore::open(path).err().expect("opening fails")
}

#[test]
fn a_folder_that_is_not_there_is_an_error_and_is_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("missing/floria.db");
    assert_eq!(
        told(&open_error(&path), folder.path()),
        "failed to open store `DIR/missing/floria.db`: No such file or directory (os error 2)"
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_folder_in_place_of_the_file_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(told(&open_error(folder.path()), folder.path()), "failed to open store `DIR`: is a directory");
}

#[test]
fn a_folder_that_cannot_be_written_is_an_error() {
    // Nobody can make a file here, not even root.
    let path = Path::new("/proc/floria.db");
    let error = open_error(path);
    assert!(
        matches!(&error, StoreError::Unavailable { attempt, .. } if attempt == "open store `/proc/floria.db`")
    );
    assert!(error.source().unwrap().to_string().contains("os error"));
}

#[test]
fn a_file_that_is_no_database_is_an_error_and_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("floria.db");
    let text = "tosca_definitions_version: tosca_2_0\n".repeat(100);
    fs::write(&path, &text).unwrap();
    assert_eq!(
        told(&open_error(&path), folder.path()),
        "failed to open store `DIR/floria.db`: file is not a database"
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn a_database_of_another_program_is_an_error_and_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    for (place, setup) in
        ["CREATE TABLE t (x)", "PRAGMA user_version = 1", "PRAGMA application_id = 7"].iter().enumerate()
    {
        let path = folder.path().join(format!("{place}.db"));
        Connection::open(&path).unwrap().execute_batch(setup).unwrap();
        let before = fs::read(&path).unwrap();
        assert_eq!(
            told(&open_error(&path), folder.path()),
            format!("failed to open store `DIR/{place}.db`: it is a SQLite database of another program")
        );
        assert_eq!(fs::read(&path).unwrap(), before);
    }
}

#[test]
fn a_store_of_a_newer_version_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("floria.db");
    drop(SqliteStore::open(&path).unwrap());
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    for error in [open_error(&path), SqliteStore::open_read_only(&path).err().unwrap()] {
        assert!(matches!(error, StoreError::TooNew { found: 99, known: 2 }), "{error:?}");
    }
}

#[test]
fn a_row_that_is_damaged_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("floria.db");
    let store = SqliteStore::open(&path).unwrap();
    commit(&store, [put(vertex(7, None, "shop"))]);
    Connection::open(&path).unwrap().execute("UPDATE log SET body = x'0102'", []).unwrap();
    let error = store.graph(&floria::Namespace("shop".to_owned())).unwrap_err();
    assert!(error.to_string().starts_with("stored data is damaged: vertex 7: "), "{error}");
}

#[test]
fn an_empty_file_becomes_a_store() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("floria.db");
    fs::write(&path, "").unwrap();
    assert_eq!(SqliteStore::open(&path).unwrap().revision().unwrap().0, 0);
}

#[test]
fn names_of_files_are_taken_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a b.db", "file:x?mode=memory", "50%#.db", "d\u{f6}.db", ":memory:"] {
        let path = folder.path().join(name);
        commit(&SqliteStore::open(&path).unwrap(), [put(vertex(1, None, "shop"))]);
        assert!(path.is_file(), "{name}");
        assert_eq!(SqliteStore::open_read_only(&path).unwrap().revision().unwrap().0, 1);
    }
}

#[test]
fn reading_only_works_and_writing_says_why_it_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("floria.db");
    assert!(matches!(SqliteStore::open_read_only(&path), Err(StoreError::Unavailable { .. })));
    assert!(!path.exists());
    let store = SqliteStore::open(&path).unwrap();
    commit(&store, [put(vertex(1, None, "shop"))]);
    let reader = SqliteStore::open_read_only(&path).unwrap();
    assert_eq!(Contents::of(&reader), Contents::of(&store));
    assert_eq!(
        told(&reader.commit(&records([record("run/1", 1)])).unwrap_err(), folder.path()),
        "failed to commit to store `DIR/floria.db`: it was opened to read only"
    );
    assert!(reader.allocate(1).is_err());
}

#[test]
fn nothing_but_the_file_is_left_when_it_is_closed() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("floria.db")).unwrap();
    commit(&store, [put(vertex(1, None, "shop"))]);
    shop(&store);
    drop(store);
    let names: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["floria.db"]);
}

#[test]
fn processes_that_open_a_new_store_at_once_make_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("floria.db");
    std::thread::scope(|scope| {
        for id in 1..=8 {
            let path = &path;
            scope.spawn(move || {
                let store = SqliteStore::open(path).unwrap();
                commit(&store, [put(with(vertex(id, None, &format!("n{id}")), "x", 1))]);
            });
        }
    });
    let store = SqliteStore::open(&path).unwrap();
    assert_eq!((shop(&store).vertexes().len(), store.revision().unwrap().0), (8, 8));
}
