//! Snapshots: one revision, whatever is committed meanwhile; and the revisions of the past.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use floria::{
    At, Change, ClassName, EdgeId, Entity, EntityKey, EntityKind, Index, Page, Replay, Revision, Snapshot,
    Store, StoreError, Value, VertexId,
};

use crate::{
    Case, Home,
    build::{
        class, commit, edge, edge_template, namespace, plugin, put, record, records, shop, vertex,
        vertex_template, with,
    },
    reads,
};

pub(crate) const CASES: &[Case] = &[
    ("a snapshot of an empty store is empty", a_snapshot_of_an_empty_store_is_empty),
    ("a snapshot finds each kind of entity by its key", a_snapshot_finds_each_kind),
    ("a snapshot stays as it is when something is changed", a_snapshot_stays_when_something_changes),
    ("a snapshot stays as it is when something is deleted", a_snapshot_stays_when_something_goes),
    ("a snapshot stays as it is when another handle commits", a_snapshot_stays_when_another_commits),
    ("several snapshots show several revisions", several_snapshots_show_several_revisions),
    ("a snapshot does not change while a writer works", a_snapshot_does_not_change_while_a_writer_works),
    ("a writer does not wait for a snapshot", a_writer_does_not_wait_for_a_snapshot),
    ("a revision is shown as it was", a_revision_is_shown_as_it_was),
    ("revision 0 is empty", revision_0_is_empty),
    ("a revision that is not there yet is refused", the_future_is_refused),
    ("a time shows the last commit at or before it", a_time_shows_the_last_commit),
    ("times in the log do not go back", times_do_not_go_back),
    ("within a batch only the last change is ever seen", only_the_last_change_of_a_batch_is_seen),
    ("what comes back after a deletion is seen when it was there", what_comes_back_is_seen_when_there),
    ("history survives a restart", history_survives_a_restart),
    ("a refused batch is in no snapshot", a_refused_batch_is_in_no_snapshot),
];

pub(crate) fn now(store: &dyn Store) -> Box<dyn Snapshot + '_> {
    store.snapshot(At::Now).unwrap()
}

pub(crate) fn at(store: &dyn Store, revision: u64) -> Box<dyn Snapshot + '_> {
    store.snapshot(At::Revision(Revision(revision))).unwrap()
}

/// Puts in one of each kind, at revision 1.
pub(crate) fn one_of_each(store: &dyn Store) -> Vec<Entity> {
    let entities = [
        class("Node").into(),
        plugin("tools").into(),
        vertex_template(1, None, "a").into(),
        edge_template(2, 1, "uses", 1).into(),
        with(vertex(3, None, "a"), "x", 1).into(),
        Entity::from(edge(4, 3, "uses", 3)),
    ];
    commit(store, entities.clone().map(Change::Put));
    entities.into()
}

/// Returns the value of property `x` of a vertex.
fn x(snapshot: &dyn Snapshot, id: u64) -> Option<i64> {
    match snapshot.get(&VertexId(id).into()).unwrap()? {
        Entity::Vertex(vertex) => vertex.properties["x"].value.as_ref().unwrap().as_integer(),
        other => panic!("{other:?} is no vertex"),
    }
}

fn a_snapshot_of_an_empty_store_is_empty(home: &Home) {
    let store = home();
    let snapshot = now(&store);
    reads::assert_same(&*snapshot, &Replay::default(), &reads::indexes(&[1, 2]));
    assert_eq!(snapshot.get(&VertexId(1).into()).unwrap(), None);
}

fn a_snapshot_finds_each_kind(home: &Home) {
    let store = home();
    for entity in one_of_each(&store) {
        let snapshot = now(&store);
        assert_eq!(snapshot.get(&entity.key()).unwrap().as_ref(), Some(&entity));
        let found = snapshot.find(&Index::All(entity.kind()), &Page::default()).unwrap();
        assert_eq!(found, [entity]);
    }
    for missing in [
        EntityKey::Class(namespace("bank"), ClassName("Node".to_owned())),
        EntityKey::Class(namespace("shop"), ClassName("node".to_owned())),
        VertexId(4).into(),
        EdgeId(3).into(),
        VertexId(u64::MAX).into(),
    ] {
        assert_eq!(now(&store).get(&missing).unwrap(), None, "{missing}");
    }
}

fn a_snapshot_stays_when_something_changes(home: &Home) {
    let store = home();
    let entities = one_of_each(&store);
    let snapshot = now(&store);
    let mut changed = with(vertex(3, None, "b"), "x", 2);
    changed.classes = vec![ClassName("Node".to_owned())];
    commit(&store, [put(changed), put(with(vertex(5, Some(3), "c"), "x", 3))]);
    assert_eq!((snapshot.revision(), now(&store).revision()), (Revision(1), Revision(2)));
    for entity in entities {
        assert_eq!(snapshot.get(&entity.key()).unwrap(), Some(entity));
    }
    reads::assert_same(&*snapshot, &reads::replayed(&store, Revision(1)), &reads::indexes(&[3, 5]));
    assert_eq!((x(&*snapshot, 3), x(&*now(&store), 3)), (Some(1), Some(2)));
}

fn a_snapshot_stays_when_something_goes(home: &Home) {
    let store = home();
    let entities = one_of_each(&store);
    let snapshot = now(&store);
    commit(&store, entities.iter().map(|entity| Change::Delete(entity.key())));
    reads::assert_same(&*snapshot, &reads::replayed(&store, Revision(1)), &reads::indexes(&[1, 3]));
    assert_eq!(
        snapshot.find(&Index::All(EntityKind::Edge), &Page::default()).unwrap(),
        [entities[5].clone()]
    );
    reads::assert_same(&*now(&store), &reads::replayed(&store, Revision(2)), &reads::indexes(&[1, 3]));
    assert!(now(&store).namespaces().unwrap().is_empty());
}

fn a_snapshot_stays_when_another_commits(home: &Home) {
    let (one, other) = (home(), home());
    one_of_each(&one);
    let snapshot = now(&one);
    commit(&other, [put(with(vertex(3, None, "a"), "x", 2))]);
    assert_eq!((x(&*snapshot, 3), x(&*now(&one), 3)), (Some(1), Some(2)));
    assert_eq!(snapshot.graph(&namespace("shop")).unwrap(), at(&other, 1).graph(&namespace("shop")).unwrap());
}

fn several_snapshots_show_several_revisions(home: &Home) {
    let store = home();
    let mut snapshots = Vec::new();
    for number in 0..20 {
        commit(&store, [put(with(vertex(3, None, "a"), "x", number))]);
        snapshots.push(now(&store));
    }
    // Those that are left do not need those that went.
    for (number, snapshot) in (0..).zip(&snapshots) {
        assert_eq!(x(&**snapshot, 3), Some(number));
    }
    drop(snapshots.drain(..10));
    assert_eq!(snapshots.iter().map(|snapshot| x(&**snapshot, 3).unwrap()).sum::<i64>(), (10..20).sum());
}

fn a_snapshot_does_not_change_while_a_writer_works(home: &Home) {
    let (reading, writing) = (home(), home());
    let changes = |number: i64| {
        (1..=30)
            .map(move |id| put(with(vertex(id, None, &format!("n{id}")), "x", number)))
            .collect::<Vec<_>>()
    };
    commit(&writing, changes(0));
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for number in 1..=40 {
                commit(&writing, changes(number));
            }
            done.store(true, Ordering::Release);
        });
        let mut rounds = 0;
        while !done.load(Ordering::Acquire) || rounds == 0 {
            let snapshot = now(&reading);
            let expected = x(&*snapshot, 1);
            // One by one, so that the writer gets in between.
            for id in 1..=30 {
                assert_eq!(x(&*snapshot, id), expected);
            }
            let graph = snapshot.graph(&namespace("shop")).unwrap();
            assert_eq!(graph.vertexes().len(), 30);
            for vertex in graph.vertexes() {
                assert_eq!(vertex.properties["x"].value, expected.map(Value::Integer));
            }
            assert_eq!(snapshot.revision().0 as i64, expected.unwrap() + 1);
            rounds += 1;
        }
    });
}

fn a_writer_does_not_wait_for_a_snapshot(home: &Home) {
    let store = home();
    commit(&store, [put(with(vertex(1, None, "a"), "x", 0))]);
    let snapshot = now(&store);
    // On this thread: if a snapshot kept a writer waiting, this would not end.
    for number in 1..=10 {
        commit(&store, [put(with(vertex(1, None, "a"), "x", number))]);
        assert_eq!(x(&*snapshot, 1), Some(0));
        assert_eq!(store.allocate(1).unwrap().count(), 1);
    }
    assert_eq!(x(&*now(&store), 1), Some(10));
}

fn a_revision_is_shown_as_it_was(home: &Home) {
    let store = home();
    one_of_each(&store);
    commit(&store, [put(with(vertex(5, Some(3), "b"), "x", 2)), Change::put(edge(6, 5, "uses", 3))]);
    store.commit(&records([record("run/1", 1)])).unwrap();
    commit(&store, [Change::delete(EdgeId(6)), put(with(vertex(5, None, "c"), "x", 3))]);
    commit(&store, [Change::delete(VertexId(5)), Change::put(class("Root"))]);
    let indexes = reads::indexes(&[1, 3, 5]);
    for revision in 0..=5 {
        let snapshot = at(&store, revision);
        reads::assert_same(&*snapshot, &reads::replayed(&store, Revision(revision)), &indexes);
    }
    assert_eq!(at(&store, 5).graph(&namespace("shop")).unwrap(), shop(&store));
    assert_eq!(at(&store, 3).namespace_revision(&namespace("shop")).unwrap(), Revision(2));
}

fn revision_0_is_empty(home: &Home) {
    let store = home();
    one_of_each(&store);
    reads::assert_same(&*at(&store, 0), &Replay::default(), &reads::indexes(&[1, 3]));
}

fn the_future_is_refused(home: &Home) {
    let store = home();
    one_of_each(&store);
    match store.snapshot(At::Revision(Revision(2))).map(|_| ()) {
        Err(StoreError::Future { asked, present }) => assert_eq!((asked.0, present.0), (2, 1)),
        other => panic!("expected it to be refused as not there yet, not {other:?}"),
    }
    commit(&store, [put(vertex(9, None, "b"))]);
    assert_eq!(at(&store, 2).revision(), Revision(2));
    assert!(store.snapshot(At::Revision(Revision(u64::MAX))).is_err());
}

fn a_time_shows_the_last_commit(home: &Home) {
    let store = home();
    for number in 0..10 {
        commit(&store, [put(with(vertex(1, None, "a"), "x", number))]);
    }
    let rows = reads::log(&store);
    let last_at =
        |time_ms: u64| rows.iter().filter(|row| row.time_ms <= time_ms).map(|row| row.revision).max();
    for row in &rows {
        let snapshot = store.snapshot(At::Time(row.time_ms)).unwrap();
        assert_eq!(Some(snapshot.revision()), last_at(row.time_ms));
        assert_eq!(x(&*snapshot, 1), Some(snapshot.revision().0 as i64 - 1));
    }
    if let Some(before) = rows[0].time_ms.checked_sub(1) {
        let snapshot = store.snapshot(At::Time(before)).unwrap();
        assert_eq!((snapshot.revision(), x(&*snapshot, 1)), (Revision(0), None));
    }
    assert_eq!(store.snapshot(At::Time(u64::MAX)).unwrap().revision(), Revision(10));
}

fn times_do_not_go_back(home: &Home) {
    let stores = [home(), home()];
    for number in 0..20 {
        commit(&stores[number % 2], [put(with(vertex(1, None, "a"), "x", number as i64))]);
    }
    let times: Vec<_> = reads::log(&stores[0]).iter().map(|row| row.time_ms).collect();
    assert!(times.is_sorted(), "{times:?}");
}

fn only_the_last_change_of_a_batch_is_seen(home: &Home) {
    let store = home();
    let version = |number: i64| put(with(vertex(1, None, "a"), "x", number));
    commit(&store, [version(1), version(2), Change::delete(VertexId(1)), version(3)]);
    commit(&store, [version(4), Change::delete(VertexId(1))]);
    commit(&store, [version(5), version(6)]);
    assert_eq!([0, 1, 2, 3].map(|revision| x(&*at(&store, revision), 1)), [None, Some(3), None, Some(6)]);
    assert_eq!(reads::log(&store).len(), 8);
}

fn what_comes_back_is_seen_when_there(home: &Home) {
    let store = home();
    for number in 0..4 {
        commit(&store, [put(with(vertex(1, None, "a"), "x", number)), Change::put(class("Node"))]);
        commit(
            &store,
            [
                Change::delete(VertexId(1)),
                Change::Delete(EntityKey::Class(namespace("shop"), ClassName("Node".to_owned()))),
            ],
        );
    }
    for revision in 0..=8 {
        let snapshot = at(&store, revision);
        let expected = (revision % 2 == 1).then_some(revision as i64 / 2);
        assert_eq!(x(&*snapshot, 1), expected);
        assert_eq!(snapshot.count(&Index::All(EntityKind::Class)).unwrap(), revision % 2);
        assert_eq!(snapshot.namespaces().unwrap().len() as u64, revision % 2);
    }
}

fn history_survives_a_restart(home: &Home) {
    let store = home();
    for number in 0..5 {
        commit(&store, [put(with(vertex(1, None, "a"), "x", number))]);
    }
    commit(&store, [Change::delete(VertexId(1))]);
    drop(store);
    let store = home();
    for number in 0..5 {
        assert_eq!(x(&*at(&store, number as u64 + 1), 1), Some(number));
    }
    assert_eq!(x(&*at(&store, 6), 1), None);
}

fn a_refused_batch_is_in_no_snapshot(home: &Home) {
    let store = home();
    one_of_each(&store);
    let refused = [put(with(vertex(3, None, "z"), "x", 9)), put(vertex(8, Some(99), "b"))];
    crate::build::refused(&store, refused);
    let indexes = reads::indexes(&[3, 8, 99]);
    reads::assert_same(&*now(&store), &reads::replayed(&store, Revision(1)), &indexes);
    commit(&store, [put(with(vertex(3, None, "b"), "x", 2))]);
    reads::assert_same(&*now(&store), &reads::replayed(&store, Revision(2)), &indexes);
    reads::assert_same(&*at(&store, 1), &reads::replayed(&store, Revision(1)), &indexes);
}
