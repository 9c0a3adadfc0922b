//! A whole store is found whole, and counted.

use floria::{Change, EntityKind, Revision, Store, VertexId};

use crate::{
    Case, Home,
    build::{class, commit, put, record, records, vertex, with},
    snapshots::one_of_each,
};

pub(crate) const CASES: &[Case] = &[
    ("an empty store is whole", an_empty_store_is_whole),
    ("a store with one of each kind is whole", a_store_with_one_of_each_is_whole),
    ("a store is whole after every kind of commit", a_store_is_whole_after_every_commit),
    ("a store is whole after forgetting", a_store_is_whole_after_forgetting),
    ("a store is whole after a restart", a_store_is_whole_after_a_restart),
    ("what is there is counted", what_is_there_is_counted),
    ("rows of the log are counted", rows_of_the_log_are_counted),
];

fn whole(store: &dyn Store) {
    assert_eq!(store.verify().unwrap(), []);
    // Also by looking from outside.
    assert_eq!(floria::verify::entities(store).unwrap(), []);
    assert_eq!(floria::verify::indexes(store).unwrap(), []);
}

fn an_empty_store_is_whole(home: &Home) {
    whole(&home());
}

fn a_store_with_one_of_each_is_whole(home: &Home) {
    let store = home();
    one_of_each(&store);
    whole(&store);
}

fn busy(store: &dyn Store) {
    one_of_each(store);
    commit(store, (10..60).map(|id| put(with(vertex(id, Some(3), &format!("n{id}")), "x", id as i64))));
    commit(store, (10..60).step_by(2).map(|id| put(vertex(id, Some(id + 1), "moved"))));
    commit(store, (10..60).step_by(2).map(|id| Change::delete(VertexId(id))));
    crate::build::refused(store, [put(vertex(70, None, "b")), put(vertex(71, Some(99), "c"))]);
    store.commit(&records([record("run/1", "note")])).unwrap();
    commit(store, []);
    commit(
        store,
        [put(vertex(10, None, "back")), put(vertex(10, None, "again")), Change::put(class("Root"))],
    );
}

fn a_store_is_whole_after_every_commit(home: &Home) {
    let store = home();
    busy(&store);
    whole(&store);
}

fn a_store_is_whole_after_forgetting(home: &Home) {
    let store = home();
    busy(&store);
    for revision in [2, 4, 7] {
        store.forget_before(Revision(revision), &[], None).unwrap();
        whole(&store);
    }
    commit(&store, [put(vertex(80, None, "c")), Change::delete(VertexId(10))]);
    whole(&store);
}

fn a_store_is_whole_after_a_restart(home: &Home) {
    let store = home();
    busy(&store);
    drop(store);
    let store = home();
    whole(&store);
    commit(&store, [Change::delete(VertexId(10))]);
    whole(&store);
}

fn what_is_there_is_counted(home: &Home) {
    let store = home();
    let counts = |store: &dyn Store| EntityKind::ALL.map(|kind| store.stats().unwrap().entities[&kind]);
    assert_eq!(counts(&store), [0; 6]);
    one_of_each(&store);
    assert_eq!(counts(&store), [1; 6]);
    commit(&store, [put(vertex(3, None, "b")), put(vertex(9, None, "c")), Change::put(class("Root"))]);
    assert_eq!(counts(&store), [2, 1, 1, 1, 2, 1]);
    commit(&store, [Change::delete(floria::EdgeId(4)), Change::delete(VertexId(3))]);
    assert_eq!(counts(&store), [2, 1, 1, 1, 1, 0]);
    let stats = store.stats().unwrap();
    assert_eq!((stats.revision, stats.kept_from), (Revision(3), Revision(0)));
}

fn rows_of_the_log_are_counted(home: &Home) {
    let store = home();
    let rows = |store: &dyn Store| store.stats().unwrap().log_rows;
    assert_eq!(rows(&store), 0);
    busy(&store);
    assert_eq!(rows(&store), crate::reads::log(&store).len() as u64);
    let before = rows(&store);
    let gone = store.forget_before(Revision(5), &[], None).unwrap().rows;
    assert_eq!(rows(&store), before - gone + 1);
}
