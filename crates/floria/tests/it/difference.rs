//! The difference of two graphs is what makes one the other, through a store too.

use floria::{
    Batch, Change, Entity, EntityKey, Graph, MemoryStore, Namespace, Properties, Store as _, VertexId,
    difference,
};

use crate::support::{edge, graph, properties, stored, vertex};

fn check(from: &Graph, to: &Graph) {
    let namespace = Namespace("shop".to_owned());
    let store = MemoryStore::new();
    let put = difference(&Graph::default(), from);
    store.commit(&Batch { changes: put, ..Batch::default() }).unwrap();
    assert_eq!(&store.graph(&namespace).unwrap(), from);
    store.commit(&Batch { changes: difference(from, to), ..Batch::default() }).unwrap();
    assert_eq!(&store.graph(&namespace).unwrap(), to);
}

/// A service `shop` with a node `web`, which has a capability `endpoint` and uses the node `db`.
fn shop() -> Graph {
    let mut shop = graph([("web", properties([("port", stored(80))])), ("db", Properties::new())]);
    shop.put_vertex(vertex(4, Some(2), "endpoint", Properties::new()));
    shop.put_edge(edge(5, 2, "uses", 0, 3));
    shop
}

#[test]
fn equal_graphs_do_not_differ() {
    let graph = shop();
    assert_eq!(difference(&graph, &graph), []);
}

#[test]
fn everything_comes_and_everything_goes() {
    let graph = shop();
    check(&Graph::default(), &graph);
    check(&graph, &Graph::default());
}

#[test]
fn names_are_swapped_and_contents_move_out_of_what_goes() {
    let mut from = graph([("a", Properties::new()), ("b", Properties::new())]);
    from.put_vertex(vertex(9, Some(3), "part", Properties::new()));
    from.put_edge(edge(20, 3, "uses", 0, 2));
    let mut to = from.clone();
    to.put_vertex(vertex(2, Some(1), "b", properties([("x", stored(1))])));
    to.remove_edge(floria::EdgeId(20));
    to.put_vertex(vertex(9, Some(2), "part", Properties::new()));
    to.remove_vertex(VertexId(3));
    check(&from, &to);
    check(&to, &from);
}

#[test]
fn changes_are_in_an_order_that_can_be_followed() {
    let graph = shop();
    let kinds = |changes: Vec<Change>| {
        changes
            .into_iter()
            .map(|change| match change {
                Change::Put(Entity::Vertex(vertex)) => format!("+{}", vertex.name),
                Change::Put(Entity::Edge(edge)) => format!("+{}", edge.name),
                Change::Delete(EntityKey::Vertex(id)) => format!("-{}", graph.vertex(id).unwrap().name),
                Change::Delete(EntityKey::Edge(id)) => format!("-{}", graph.edge(id).unwrap().name),
                other => panic!("{other:?}"),
            })
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(kinds(difference(&Graph::default(), &graph)), "+shop +web +db +endpoint +uses");
    assert_eq!(kinds(difference(&graph, &Graph::default())), "-uses -endpoint -db -web -shop");
}
