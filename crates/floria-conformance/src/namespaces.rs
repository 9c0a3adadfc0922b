//! Namespaces: as long as something is in them.

use floria::{Change, Entity, Revision, Store};

use crate::{
    Case, Home,
    build::{commit, edge, namespace, put, record, records, vertex},
    snapshots::{at, now, one_of_each},
};

pub(crate) const CASES: &[Case] = &[
    ("a namespace is there as long as something of any kind is in it", a_namespace_is_there_while_inhabited),
    ("namespaces of the past are listed in the past", namespaces_of_the_past),
    ("a namespace keeps its revision when it is left", a_namespace_keeps_its_revision),
    ("namespaces nest by name only", namespaces_nest_by_name_only),
    ("namespaces are in order", namespaces_are_in_order),
];

fn a_namespace_is_there_while_inhabited(home: &Home) {
    let store = home();
    let mut entities = one_of_each(&store);
    // Edges before vertexes: each of the others is the last in turn.
    while let Some(entity) = entities.pop() {
        assert_eq!(store.namespaces().unwrap(), [namespace("shop")]);
        commit(&store, [Change::Delete(entity.key())]);
    }
    assert!(store.namespaces().unwrap().is_empty());
    for entity in one_of_each(&store).into_iter().rev().take(4) {
        commit(&store, [Change::Delete(entity.key())]);
    }
    assert_eq!(store.namespaces().unwrap(), [namespace("shop")]);
    // An edge of another namespace is there, too.
    commit(&store, [put(vertex(3, None, "a"))]);
    let elsewhere = floria::Edge { namespace: namespace("bank"), ..edge(4, 3, "uses", 3) };
    commit(&store, [Change::put(elsewhere)]);
    assert_eq!(store.namespaces().unwrap(), ["bank", "shop"].map(namespace));
}

fn of(name: &str, id: u64) -> Change {
    Change::put(floria::Vertex { namespace: namespace(name), ..vertex(id, None, "a") })
}

fn namespaces_of_the_past(home: &Home) {
    let store = home();
    commit(&store, [of("shop", 1)]);
    commit(&store, [of("bank", 2)]);
    commit(&store, [Change::delete(floria::VertexId(1))]);
    commit(&store, [of("shop", 3), Change::delete(floria::VertexId(2))]);
    let listed = [0, 1, 2, 3, 4].map(|revision| {
        let namespaces = at(&store, revision).namespaces().unwrap();
        namespaces.into_iter().map(|namespace| namespace.0).collect::<Vec<_>>().join(" ")
    });
    assert_eq!(listed, ["", "shop", "bank shop", "bank", "shop"]);
}

fn a_namespace_keeps_its_revision(home: &Home) {
    let store = home();
    commit(&store, [of("shop", 1), of("bank", 2)]);
    commit(&store, [Change::delete(floria::VertexId(1))]);
    store.commit(&records([record("run/1", 1)])).unwrap();
    let revisions = |revision: u64| {
        let snapshot = at(&store, revision);
        ["shop", "bank", "never"].map(|name| snapshot.namespace_revision(&namespace(name)).unwrap().0)
    };
    assert_eq!([0, 1, 2, 3].map(revisions), [[0, 0, 0], [1, 1, 0], [2, 1, 0], [2, 1, 0]]);
    assert_eq!(now(&store).namespace_revision(&namespace("shop")).unwrap(), Revision(2));
    drop(store);
    assert_eq!(home().namespace_revision(&namespace("shop")).unwrap(), Revision(2));
}

fn namespaces_nest_by_name_only(home: &Home) {
    let store = home();
    commit(&store, [of("shop/web", 1)]);
    // What is around it is not there, and moves apart from it.
    assert_eq!(store.namespaces().unwrap(), [namespace("shop/web")]);
    assert_eq!(store.namespace_revision(&namespace("shop")).unwrap(), Revision(0));
    commit(&store, [of("shop", 2)]);
    assert_eq!(store.namespace_revision(&namespace("shop/web")).unwrap(), Revision(1));
    assert_eq!(store.graph(&namespace("shop")).unwrap().vertexes().len(), 1);
    let found = now(&store).get(&floria::VertexId(1).into()).unwrap();
    assert_eq!(found.as_ref().map(Entity::namespace), Some(&namespace("shop/web")));
}

fn namespaces_are_in_order(home: &Home) {
    let store = home();
    let mut names = ["b", "a/z", "a", "a-b", "", "B", "\u{f6}", "a/", "z", "'", "0"];
    commit(&store, (1..).zip(names).map(|(id, name)| of(name, id)));
    names.sort_unstable();
    assert_eq!(store.namespaces().unwrap(), names.map(namespace));
}
