//! Deletion: what goes and what forbids it, as `floria::deletion` says and the store has it.

use floria::{Change, EdgeId, EntityKey, Store, VertexId, VertexTemplateId, deletion};

use crate::{
    Case, Home,
    build::{batch, commit, edge, edge_template, put, refused, shop, vertex, vertex_template},
    snapshots::{at, now},
};

pub(crate) const CASES: &[Case] = &[
    ("a vertex goes with its contents and edges", a_vertex_goes_with_its_contents),
    ("an edge of what stays forbids a deletion", an_edge_of_what_stays_forbids),
    ("templates are deleted as instances are", templates_are_deleted),
    ("a deletion of the past says what went", a_deletion_of_the_past),
    ("a deep vertex goes at once", a_deep_vertex_goes_at_once),
    ("what a deletion says goes one by one, too", a_deletion_goes_one_by_one),
];

fn house(store: &dyn Store) {
    commit(
        store,
        [
            put(vertex(1, None, "shop")),
            put(vertex(2, Some(1), "web")),
            put(vertex(3, Some(2), "endpoint")),
            put(vertex(4, Some(1), "db")),
            Change::put(edge(5, 2, "uses", 4)),
            Change::put(edge(6, 3, "self", 3)),
        ],
    );
}

fn a_vertex_goes_with_its_contents(home: &Home) {
    let store = home();
    house(&store);
    let deletion = deletion(&*now(&store), VertexId(2)).unwrap();
    let expected: [EntityKey; 4] =
        [EdgeId(5).into(), EdgeId(6).into(), VertexId(3).into(), VertexId(2).into()];
    assert_eq!((&*deletion.goes, deletion.is_allowed()), (&expected[..], true));
    store.commit(&batch(deletion.changes())).unwrap();
    let graph = shop(&store);
    assert_eq!((graph.vertexes().len(), graph.edges().len()), (2, 0));
}

fn an_edge_of_what_stays_forbids(home: &Home) {
    let store = home();
    house(&store);
    let deletion = deletion(&*now(&store), VertexId(4)).unwrap();
    assert_eq!(deletion.forbids.len(), 1);
    assert_eq!(deletion.forbids[0].to_string(), "edge 5 `uses` of vertex 2, which stays, ends at vertex 4");
    refused(&store, deletion.changes());
    // Without it, nothing forbids it any more.
    commit(&store, [Change::delete(EdgeId(5))]);
    let deletion = floria::deletion(&*now(&store), VertexId(4)).unwrap();
    assert!(deletion.is_allowed());
    commit(&store, deletion.changes());
}

fn templates_are_deleted(home: &Home) {
    let store = home();
    house(&store);
    commit(
        &store,
        [
            Change::put(vertex_template(1, None, "shop")),
            Change::put(vertex_template(2, Some(1), "web")),
            Change::put(vertex_template(4, Some(1), "db")),
            Change::put(edge_template(5, 2, "uses", 4)),
        ],
    );
    assert!(!deletion(&*now(&store), VertexTemplateId(4)).unwrap().is_allowed());
    let deletion = deletion(&*now(&store), VertexTemplateId(1)).unwrap();
    assert_eq!(deletion.goes.len(), 4);
    commit(&store, deletion.changes());
    assert_eq!(store.design(&crate::build::namespace("shop")).unwrap(), None);
    assert_eq!(shop(&store).vertexes().len(), 4);
}

fn a_deletion_of_the_past(home: &Home) {
    let store = home();
    house(&store);
    commit(&store, deletion(&*now(&store), VertexId(1)).unwrap().changes());
    assert!(deletion(&*now(&store), VertexId(1)).is_err());
    assert_eq!(deletion(&*at(&store, 1), VertexId(1)).unwrap().goes.len(), 6);
}

fn a_deep_vertex_goes_at_once(home: &Home) {
    let store = home();
    commit(&store, (1..=300).map(|id| put(vertex(id, (id > 1).then(|| id - 1), "a"))));
    let deletion = deletion(&*now(&store), VertexId(1)).unwrap();
    assert_eq!(deletion.goes.len(), 300);
    commit(&store, deletion.changes());
    assert!(shop(&store).is_empty());
}

fn a_deletion_goes_one_by_one(home: &Home) {
    let store = home();
    house(&store);
    for change in deletion(&*now(&store), VertexId(1)).unwrap().changes() {
        commit(&store, [change]);
    }
    assert!(shop(&store).is_empty());
}
