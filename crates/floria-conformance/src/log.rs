//! The log: complete, in order, and found again by what it is about.

use floria::{
    Batch, Change, ClassName, EdgeId, Entity, EntityKey, LogEntry, LogQuery, LogRow, Revision, Store,
    VertexId,
};

use crate::{
    Case, Home,
    build::{
        batch, class, commit, edge, namespace, put, record, records, refused, shop, vertex, vertex_template,
        whole_log, with,
    },
};

pub(crate) const CASES: &[Case] = &[
    ("the log has every change and record in order", the_log_is_complete_and_in_order),
    ("the log tells streams apart", the_log_tells_streams_apart),
    ("the log tells namespaces apart", the_log_tells_namespaces_apart),
    ("the log is read on from where one was", the_log_is_read_on),
    ("a deletion is about the namespace of what it deletes", a_deletion_is_about_a_namespace),
    ("the log made again is the graph", the_log_made_again_is_the_graph),
    ("a refused batch leaves no gap in the log", a_refused_batch_leaves_no_gap),
    ("the log of an entity has its changes only", the_log_of_an_entity),
    ("the log of an entity is narrowed as the whole log is", the_log_of_an_entity_is_narrowed),
    ("the log after a revision has later rows only", the_log_after_a_revision),
];

fn bodies(store: &dyn Store, query: LogQuery) -> Vec<String> {
    let rows = store.log(&query).unwrap();
    rows.into_iter()
        .map(|row| match row.entry {
            LogEntry::Record(record) => record.body.to_string(),
            LogEntry::Change(Change::Put(Entity::Vertex(vertex))) => format!("+{}", vertex.name),
            LogEntry::Change(Change::Delete(EntityKey::Vertex(id))) => format!("-{id}"),
            LogEntry::Change(other) => format!("{other:?}"),
        })
        .collect()
}

fn stream(name: &str) -> LogQuery {
    LogQuery { stream: Some(name.to_owned()), ..LogQuery::default() }
}

fn the_log_is_complete_and_in_order(home: &Home) {
    let store = home();
    let first = Batch {
        changes: vec![
            Change::Put(Entity::Class(class("Node"))),
            Change::Put(Entity::VertexTemplate(vertex_template(1, None, "shop"))),
            put(vertex(2, None, "shop")),
            Change::Put(Entity::Edge(edge(3, 2, "self", 2))),
        ],
        records: vec![record("run/1", "intent"), record("run/2", "other")],
        ..Batch::default()
    };
    let second = batch([
        Change::Delete(EntityKey::Edge(EdgeId(3))),
        Change::Delete(EntityKey::Vertex(VertexId(2))),
        Change::Delete(EntityKey::Class(namespace("shop"), ClassName("Node".to_owned()))),
    ]);
    let mut expected: Vec<LogRow> = Vec::new();
    for (revision, batch) in [(1, &first), (2, &second)] {
        store.commit(batch).unwrap();
        let changes = batch.changes.iter().cloned().map(LogEntry::Change);
        for entry in changes.chain(batch.records.iter().cloned().map(LogEntry::Record)) {
            let sequence = expected.len() as u64 + 1;
            expected.push(LogRow { sequence, revision: Revision(revision), time_ms: 0, author: None, entry });
        }
    }
    assert_eq!(whole_log(&store), expected);
}

fn the_log_tells_streams_apart(home: &Home) {
    let store = home();
    commit(&store, [put(vertex(1, None, "shop"))]);
    for number in 0..6 {
        store.commit(&records([record(&format!("run/{}", number % 2), number)])).unwrap();
    }
    assert_eq!(bodies(&store, stream("run/0")), ["0", "2", "4"]);
    assert_eq!(bodies(&store, stream("run/1")), ["1", "3", "5"]);
    assert_eq!(bodies(&store, stream("run/")), [""; 0]);
    assert_eq!(bodies(&store, LogQuery { after: 4, ..stream("run/0") }), ["4"]);
    assert_eq!(bodies(&store, LogQuery { limit: Some(2), ..stream("run/1") }), ["1", "3"]);
    assert_eq!(bodies(&store, LogQuery { namespace: Some(namespace("shop")), ..stream("run/1") }).len(), 3);
    assert_eq!(bodies(&store, LogQuery { namespace: Some(namespace("bank")), ..stream("run/1") }).len(), 0);
}

fn the_log_tells_namespaces_apart(home: &Home) {
    let store = home();
    let mut elsewhere = vertex(2, None, "bank");
    elsewhere.namespace = namespace("bank");
    let mut about_bank = record("run/1", "b");
    about_bank.namespace = namespace("bank");
    commit(&store, [put(vertex(1, None, "shop"))]);
    commit(&store, [put(elsewhere)]);
    store.commit(&records([record("run/1", "s"), about_bank])).unwrap();
    let of = |name: &str| LogQuery { namespace: Some(namespace(name)), ..LogQuery::default() };
    assert_eq!(bodies(&store, of("shop")), ["+shop", "s"]);
    assert_eq!(bodies(&store, of("bank")), ["+bank", "b"]);
    assert_eq!(bodies(&store, of("never")), [""; 0]);
    let of_both = LogQuery { namespace: Some(namespace("bank")), ..stream("run/1") };
    assert_eq!(bodies(&store, of_both), ["b"]);
}

fn the_log_is_read_on(home: &Home) {
    let store = home();
    let notes = (0..10).map(|number| record("run/1", number));
    store.commit(&records(notes)).unwrap();
    let mut read = Vec::new();
    let mut after = 0;
    loop {
        let rows = store.log(&LogQuery { after, limit: Some(3), ..LogQuery::default() }).unwrap();
        assert!(rows.len() <= 3);
        let Some(last) = rows.last() else { break };
        after = last.sequence;
        read.extend(rows.into_iter().map(|row| row.sequence));
    }
    assert_eq!(read, (1..=10).collect::<Vec<_>>());
    assert_eq!(store.log(&LogQuery { limit: Some(0), ..LogQuery::default() }).unwrap(), []);
    assert_eq!(store.log(&LogQuery { after: u64::MAX, ..LogQuery::default() }).unwrap(), []);
}

fn a_deletion_is_about_a_namespace(home: &Home) {
    let store = home();
    let mut elsewhere = vertex(2, None, "bank");
    elsewhere.namespace = namespace("bank");
    commit(&store, [put(vertex(1, None, "shop")), put(elsewhere)]);
    commit(&store, [Change::Delete(EntityKey::Vertex(VertexId(1)))]);
    let of = |name: &str| LogQuery { namespace: Some(namespace(name)), ..LogQuery::default() };
    assert_eq!(bodies(&store, of("shop")), ["+shop", "-1"]);
    assert_eq!(bodies(&store, of("bank")), ["+bank"]);
}

fn the_log_made_again_is_the_graph(home: &Home) {
    let store = home();
    commit(&store, [put(vertex(1, None, "shop")), put(with(vertex(2, Some(1), "web"), "port", 80))]);
    commit(
        &store,
        [Change::Put(Entity::Edge(edge(3, 2, "host", 1))), put(with(vertex(2, Some(1), "web"), "port", 81))],
    );
    commit(&store, [put(vertex(4, Some(1), "db")), Change::Delete(EntityKey::Edge(EdgeId(3)))]);
    let mut again = floria::Graph::default();
    for row in whole_log(&store) {
        match row.entry {
            LogEntry::Change(Change::Put(Entity::Vertex(vertex))) => again.put_vertex(vertex),
            LogEntry::Change(Change::Put(Entity::Edge(edge))) => again.put_edge(edge),
            LogEntry::Change(Change::Delete(EntityKey::Vertex(id))) => _ = again.remove_vertex(id),
            LogEntry::Change(Change::Delete(EntityKey::Edge(id))) => _ = again.remove_edge(id),
            other => panic!("unexpected {other:?}"),
        }
    }
    assert_eq!(again, shop(&store));
}

fn a_refused_batch_leaves_no_gap(home: &Home) {
    let store = home();
    commit(&store, [put(vertex(1, None, "shop"))]);
    refused(&store, [put(vertex(2, Some(1), "web")), put(vertex(3, Some(1), "web"))]);
    commit(&store, [put(vertex(2, Some(1), "web"))]);
    let numbers: Vec<_> = whole_log(&store).iter().map(|row| (row.sequence, row.revision.0)).collect();
    assert_eq!(numbers, [(1, 1), (2, 2)]);
}

fn the_log_of_an_entity(home: &Home) {
    let store = home();
    let entities = crate::snapshots::one_of_each(&store);
    commit(&store, entities.iter().cloned().map(Change::Put));
    store.commit(&records([record("run/1", 1)])).unwrap();
    commit(&store, entities.iter().map(|entity| Change::Delete(entity.key())));
    for entity in &entities {
        let query = LogQuery { entity: Some(entity.key()), ..LogQuery::default() };
        let entries: Vec<_> = store.log(&query).unwrap().into_iter().map(|row| row.entry).collect();
        let put = LogEntry::Change(Change::Put(entity.clone()));
        assert_eq!(entries, [put.clone(), put, LogEntry::Change(Change::Delete(entity.key()))]);
    }
    for never in [VertexId(99).into(), EntityKey::Class(namespace("bank"), ClassName("Node".to_owned()))] {
        let query = LogQuery { entity: Some(never), ..LogQuery::default() };
        assert_eq!(store.log(&query).unwrap(), []);
    }
}

fn the_log_of_an_entity_is_narrowed(home: &Home) {
    let store = home();
    for number in 1..=5 {
        commit(
            &store,
            [put(with(vertex(1, None, "a"), "x", number)), put(with(vertex(2, None, "b"), "x", number))],
        );
    }
    let of_one = || LogQuery { entity: Some(VertexId(1).into()), ..LogQuery::default() };
    let sequences =
        |query: LogQuery| store.log(&query).unwrap().iter().map(|row| row.sequence).collect::<Vec<_>>();
    assert_eq!(sequences(of_one()), [1, 3, 5, 7, 9]);
    assert_eq!(sequences(LogQuery { after: 3, ..of_one() }), [5, 7, 9]);
    assert_eq!(sequences(LogQuery { since: Revision(3), ..of_one() }), [7, 9]);
    assert_eq!(sequences(LogQuery { limit: Some(2), after: 1, ..of_one() }), [3, 5]);
    assert_eq!(sequences(LogQuery { namespace: Some(namespace("shop")), ..of_one() }).len(), 5);
    assert_eq!(sequences(LogQuery { namespace: Some(namespace("bank")), ..of_one() }), [0; 0]);
    // A record is about no entity.
    assert_eq!(sequences(LogQuery { stream: Some("run/1".to_owned()), ..of_one() }), [0; 0]);
}

fn the_log_after_a_revision(home: &Home) {
    let store = home();
    for number in 0..4 {
        store.commit(&records([record("run/1", number), record("run/2", number)])).unwrap();
    }
    let since = |revision: u64| LogQuery { since: Revision(revision), ..LogQuery::default() };
    assert_eq!(bodies(&store, since(0)).len(), 8);
    assert_eq!(bodies(&store, since(3)), ["3", "3"]);
    assert_eq!(bodies(&store, LogQuery { stream: Some("run/2".to_owned()), ..since(1) }), ["1", "2", "3"]);
    assert_eq!(bodies(&store, LogQuery { after: 5, ..since(1) }), ["2", "3", "3"]);
    assert_eq!(bodies(&store, since(4)), [""; 0]);
    assert_eq!(bodies(&store, since(9)), [""; 0]);
}
