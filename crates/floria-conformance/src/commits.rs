//! Commits: whole or not at all, counted, compared and set; ids.

use floria::{Batch, Change, Entity, EntityKey, Revision, StoreError, VertexId};

use crate::{
    Case, Home,
    build::{
        Contents, batch, class, commit, edge, namespace, put, record, records, refused_batch, shop, vertex,
        vertex_template, whole_log,
    },
};

pub(crate) const CASES: &[Case] = &[
    ("a new store is empty", a_new_store_is_empty),
    ("every commit makes the next revision", every_commit_makes_the_next_revision),
    ("a batch is taken whole or not at all", a_batch_is_taken_whole_or_not_at_all),
    ("a refused batch can be mended and committed", a_refused_batch_can_be_mended),
    ("a namespace that moved on is a conflict", a_namespace_that_moved_on_is_a_conflict),
    ("all expectations of a batch must hold", all_expectations_must_hold),
    ("records do not move a namespace", records_do_not_move_a_namespace),
    ("namespaces move apart from each other", namespaces_move_apart),
    ("only namespaces with something in them are listed", only_inhabited_namespaces_are_listed),
    ("ids are taken once", ids_are_taken_once),
    ("ids of what was deleted stay taken", ids_of_what_was_deleted_stay_taken),
    ("ids that a batch brings are taken", ids_that_a_batch_brings_are_taken),
    ("a restart loses nothing", a_restart_loses_nothing),
    ("an open store sees the commits of another", an_open_store_sees_the_commits_of_another),
];

fn a_new_store_is_empty(home: &Home) {
    let store = home();
    assert_eq!(store.revision().unwrap(), Revision(0));
    assert_eq!(store.namespaces().unwrap(), []);
    assert_eq!(store.namespace_revision(&namespace("shop")).unwrap(), Revision(0));
    assert!(shop(&store).is_empty());
    assert_eq!(store.design(&namespace("shop")).unwrap(), None);
    assert_eq!(whole_log(&store), []);
}

fn every_commit_makes_the_next_revision(home: &Home) {
    let store = home();
    assert_eq!(store.commit(&batch([put(vertex(1, None, "shop"))])).unwrap(), Revision(1));
    assert_eq!(store.commit(&records([record("run/1", "hello")])).unwrap(), Revision(2));
    assert_eq!(store.commit(&Batch::default()).unwrap(), Revision(3));
    assert_eq!(store.revision().unwrap(), Revision(3));
}

fn a_batch_is_taken_whole_or_not_at_all(home: &Home) {
    let store = home();
    commit(&store, [put(vertex(1, None, "shop")), put(vertex(2, Some(1), "web"))]);
    let broken = Batch {
        changes: vec![
            put(vertex(1, None, "renamed")),
            put(vertex(3, Some(1), "db")),
            Change::Put(Entity::Class(class("Node"))),
            Change::Put(Entity::VertexTemplate(vertex_template(7, None, "shop"))),
            Change::Delete(EntityKey::Vertex(VertexId(2))),
            Change::Put(Entity::Edge(edge(4, 3, "uses", 99))),
        ],
        records: vec![record("run/1", "intent")],
        ..Batch::default()
    };
    // The check that nothing is left is in here.
    refused_batch(&store, &broken);
    assert_eq!(shop(&store).vertexes().len(), 2);
}

fn a_refused_batch_can_be_mended(home: &Home) {
    let store = home();
    let mut changes = vec![put(vertex(1, None, "shop")), Change::Put(Entity::Edge(edge(4, 1, "uses", 2)))];
    refused_batch(&store, &batch(changes.clone()));
    changes.push(put(vertex(2, Some(1), "web")));
    assert_eq!(store.commit(&batch(changes)).unwrap(), Revision(1));
    assert_eq!(shop(&store).edges().len(), 1);
}

fn a_namespace_that_moved_on_is_a_conflict(home: &Home) {
    let store = home();
    let expecting = |revision: u64, changes: Vec<Change>| Batch {
        expected: vec![(namespace("shop"), Revision(revision))],
        changes,
        records: vec![record("run/1", "x")],
        ..Batch::default()
    };
    store.commit(&expecting(0, vec![put(vertex(1, None, "shop"))])).unwrap();
    store.commit(&expecting(1, vec![put(vertex(2, Some(1), "web"))])).unwrap();
    let before = Contents::of(&store);
    match store.commit(&expecting(1, vec![put(vertex(3, Some(1), "db"))])) {
        Err(StoreError::Conflict { namespace: which, expected, actual }) => {
            assert_eq!((which, expected, actual), (namespace("shop"), Revision(1), Revision(2)));
        }
        other => panic!("expected a conflict, not {other:?}"),
    }
    assert_eq!(Contents::of(&store), before);
    store.commit(&expecting(2, vec![put(vertex(3, Some(1), "db"))])).unwrap();
}

fn all_expectations_must_hold(home: &Home) {
    let store = home();
    commit(&store, [put(vertex(1, None, "shop"))]);
    let expecting = |bank: u64| Batch {
        expected: vec![(namespace("shop"), Revision(1)), (namespace("bank"), Revision(bank))],
        changes: vec![put(vertex(2, Some(1), "web"))],
        ..Batch::default()
    };
    assert!(matches!(store.commit(&expecting(1)), Err(StoreError::Conflict { .. })));
    store.commit(&expecting(0)).unwrap();
}

fn records_do_not_move_a_namespace(home: &Home) {
    let store = home();
    commit(&store, [put(vertex(1, None, "shop"))]);
    store.commit(&records([record("run/1", 1)])).unwrap();
    assert_eq!(store.namespace_revision(&namespace("shop")).unwrap(), Revision(1));
    assert_eq!(store.revision().unwrap(), Revision(2));
    // Nor does a record alone make one.
    let mut elsewhere = record("run/2", 1);
    elsewhere.namespace = namespace("bank");
    store.commit(&records([elsewhere])).unwrap();
    assert_eq!(store.namespace_revision(&namespace("bank")).unwrap(), Revision(0));
    assert_eq!(store.namespaces().unwrap(), [namespace("shop")]);
}

fn namespaces_move_apart(home: &Home) {
    let store = home();
    let mut other = vertex(2, None, "bank");
    other.namespace = namespace("bank");
    commit(&store, [put(vertex(1, None, "shop"))]);
    commit(&store, [put(other)]);
    commit(&store, [Change::Put(Entity::Class(class("Node")))]);
    assert_eq!(store.namespace_revision(&namespace("shop")).unwrap(), Revision(3));
    assert_eq!(store.namespace_revision(&namespace("bank")).unwrap(), Revision(2));
    commit(&store, [Change::Delete(EntityKey::Vertex(VertexId(2)))]);
    assert_eq!(store.namespace_revision(&namespace("bank")).unwrap(), Revision(4));
}

fn only_inhabited_namespaces_are_listed(home: &Home) {
    let store = home();
    let mut template = vertex_template(1, None, "bank");
    template.namespace = namespace("bank");
    commit(&store, [put(vertex(2, None, "shop")), Change::Put(Entity::VertexTemplate(template))]);
    let mut elsewhere = class("Node");
    elsewhere.namespace = namespace("air");
    commit(&store, [Change::Put(Entity::Class(elsewhere))]);
    assert_eq!(store.namespaces().unwrap(), ["air", "bank", "shop"].map(namespace));
    commit(&store, [Change::Delete(EntityKey::Vertex(VertexId(2)))]);
    assert_eq!(store.namespaces().unwrap(), ["air", "bank"].map(namespace));
}

fn ids_are_taken_once(home: &Home) {
    let store = home();
    let first = store.allocate(3).unwrap();
    let second = store.allocate(2).unwrap();
    assert_eq!((first.end - first.start, second.end - second.start), (3, 2));
    assert!(first.start > 0 && second.start >= first.end);
    assert!(store.allocate(0).unwrap().is_empty());
    drop(store);
    assert!(home().allocate(1).unwrap().start >= second.end);
    assert!(matches!(home().allocate(u64::MAX), Err(StoreError::Invalid(_))));
    assert!(home().allocate(1).is_ok());
}

fn ids_of_what_was_deleted_stay_taken(home: &Home) {
    let store = home();
    let id = store.allocate(1).unwrap().start;
    commit(&store, [put(vertex(id, None, "shop"))]);
    commit(&store, [Change::Delete(EntityKey::Vertex(VertexId(id)))]);
    drop(store);
    assert!(home().allocate(1).unwrap().start > id);
}

fn ids_that_a_batch_brings_are_taken(home: &Home) {
    let store = home();
    commit(
        &store,
        [put(vertex(1000, None, "shop")), Change::Put(Entity::Edge(edge(2000, 1000, "self", 1000)))],
    );
    assert!(store.allocate(1).unwrap().start > 2000);
}

fn a_restart_loses_nothing(home: &Home) {
    let store = home();
    commit(&store, [put(vertex(1, None, "shop")), put(vertex(2, Some(1), "web"))]);
    commit(
        &store,
        [Change::Put(Entity::Edge(edge(3, 2, "host", 1))), Change::Put(Entity::Class(class("Node")))],
    );
    commit(&store, [Change::Put(Entity::VertexTemplate(vertex_template(4, None, "shop")))]);
    store.commit(&records([record("run/1", "done")])).unwrap();
    let before = Contents::of(&store);
    drop(store);
    let store = home();
    assert_eq!(Contents::of(&store), before);
    assert_eq!(store.commit(&Batch::default()).unwrap(), Revision(5));
}

fn an_open_store_sees_the_commits_of_another(home: &Home) {
    let (one, other) = (home(), home());
    commit(&one, [put(vertex(1, None, "shop"))]);
    assert_eq!(Contents::of(&other), Contents::of(&one));
    commit(&other, [put(vertex(2, Some(1), "web"))]);
    assert_eq!(shop(&one).vertexes().len(), 2);
    let (first, second) = (one.allocate(1).unwrap(), other.allocate(1).unwrap());
    assert_ne!(first, second);
}
