//! What goes when something goes.

use floria::{At, Batch, Change, EdgeId, EntityKey, MemoryStore, Store as _, StoreError, VertexId, deletion};

use crate::support::{design, edge, vertex};

/// `shop` (1) with `web` (2), which has `endpoint` (3) and `tls` (4) in that; and `db` (5).
fn store(edges: impl IntoIterator<Item = (u64, u64, u64)>) -> MemoryStore {
    let store = MemoryStore::new();
    let places = [
        (1, None, "shop"),
        (2, Some(1), "web"),
        (3, Some(2), "endpoint"),
        (4, Some(3), "tls"),
        (5, Some(1), "db"),
    ];
    let mut changes: Vec<_> = places
        .map(|(id, container, name)| Change::put(vertex(id, container, name, Default::default())))
        .into();
    changes.extend(
        edges.into_iter().map(|(id, source, target)| Change::put(edge(id, source, "uses", 0, target))),
    );
    store.commit(&Batch { changes, ..Batch::default() }).unwrap();
    store
}

/// Says what deleting a vertex comes to: what goes, then what forbids it. Then does it.
fn check(edges: impl IntoIterator<Item = (u64, u64, u64)>, id: u64, goes: &str, forbids: &[&str]) {
    let store = store(edges);
    let deletion = deletion(&*store.snapshot(At::Now).unwrap(), VertexId(id)).unwrap();
    let said: Vec<_> = deletion.goes.iter().map(EntityKey::to_string).collect();
    assert_eq!(said.join(", "), goes);
    assert_eq!(deletion.forbids.iter().map(ToString::to_string).collect::<Vec<_>>(), forbids);
    let result = store.commit(&Batch { changes: deletion.changes(), ..Batch::default() });
    assert_eq!(result.is_ok(), deletion.is_allowed(), "{result:?}");
    assert!(store.verify().unwrap().is_empty());
}

#[test]
fn contents_and_edges_go_with_a_vertex() {
    check([], 5, "vertex 5", &[]);
    check([], 2, "vertex 4, vertex 3, vertex 2", &[]);
    // An edge of its own goes, wherever it ends; so does one within.
    check([(1, 2, 5), (2, 4, 3), (3, 4, 5)], 2, "edge 1, edge 2, edge 3, vertex 4, vertex 3, vertex 2", &[]);
    check([(1, 2, 5), (2, 5, 4)], 1, "edge 1, edge 2, vertex 4, vertex 3, vertex 5, vertex 2, vertex 1", &[]);
    check([(1, 2, 2)], 2, "edge 1, vertex 4, vertex 3, vertex 2", &[]);
}

#[test]
fn an_edge_of_what_stays_forbids_it() {
    check(
        [(1, 2, 5), (2, 5, 4), (3, 1, 2)],
        2,
        "edge 1, vertex 4, vertex 3, vertex 2",
        &[
            "edge 2 `uses` of vertex 5, which stays, ends at vertex 4",
            "edge 3 `uses` of vertex 1, which stays, ends at vertex 2",
        ],
    );
    // Also one of the container.
    check(
        [(1, 2, 3)],
        3,
        "vertex 4, vertex 3",
        &["edge 1 `uses` of vertex 2, which stays, ends at vertex 3"],
    );
}

#[test]
fn what_is_no_vertex_goes_alone() {
    let store = store([(1, 2, 5)]);
    let snapshot = store.snapshot(At::Now).unwrap();
    let deletion_of_edge = deletion(&*snapshot, EdgeId(1)).unwrap();
    assert_eq!(deletion_of_edge.goes, [EntityKey::Edge(EdgeId(1))]);
    let missing = deletion(&*snapshot, VertexId(9)).map_err(|error| error.to_string());
    assert_eq!(missing, Err("refused to commit: there is no vertex 9 to delete".to_owned()));
    assert!(matches!(deletion(&*snapshot, EdgeId(9)), Err(StoreError::Invalid(_))));
}

#[test]
fn templates_go_as_their_instances_do() {
    let store = MemoryStore::new();
    let design = design();
    store.commit(&Batch { changes: design.changes(), ..Batch::default() }).unwrap();
    let snapshot = store.snapshot(At::Now).unwrap();
    let of = |place: usize| deletion(&*snapshot, design.vertexes[place].id).unwrap();
    assert_eq!((of(1).goes.len(), of(1).is_allowed()), (3, true));
    assert_eq!(
        of(3).forbids[0].to_string(),
        "edge template 1 `uses` of vertex template 2, which stays, ends at vertex template 4"
    );
    store.commit(&Batch { changes: of(0).changes(), ..Batch::default() }).unwrap();
    assert!(store.namespaces().unwrap().is_empty());
    // What a snapshot shows stays.
    assert_eq!(of(0).goes.len(), 5);
}
