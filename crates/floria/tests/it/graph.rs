//! Graphs keep their indexes right, and designs theirs.

use floria::{Design, EdgeId, Graph, Properties, VertexId, VertexTemplateId, decode, encode};

use crate::support::{design, edge, graph, properties, stored, vertex};

fn names<'a>(vertexes: impl Iterator<Item = &'a floria::Vertex>) -> Vec<&'a str> {
    vertexes.map(|vertex| vertex.name.as_str()).collect()
}

#[test]
fn vertexes_are_found_by_container_and_name() {
    let mut graph = graph([("web", Properties::new()), ("db", Properties::new())]);
    graph.put_vertex(vertex(4, Some(2), "endpoint", Properties::new()));
    assert_eq!(graph.named(Some(VertexId(1)), "db").unwrap().id, VertexId(3));
    assert_eq!(graph.named(None, "db"), None);
    assert_eq!(graph.named(Some(VertexId(1)), "nothing"), None);
    assert_eq!(names(graph.contained(Some(VertexId(1)))), ["db", "web"]);
    assert_eq!(names(graph.contained(None)), ["shop"]);
    assert_eq!(graph.path_of(VertexId(4)), "web/endpoint");
    assert_eq!(graph.path_of(VertexId(1)), "shop");
    assert_eq!(graph.node_of(VertexId(4)).unwrap().name, "web");
}

#[test]
fn two_vertexes_can_swap_their_names() {
    let mut graph = graph([("a", Properties::new()), ("b", Properties::new())]);
    graph.put_vertex(vertex(2, Some(1), "b", Properties::new()));
    graph.put_vertex(vertex(3, Some(1), "a", Properties::new()));
    assert_eq!(graph.named(Some(VertexId(1)), "b").unwrap().id, VertexId(2));
    assert_eq!(graph.named(Some(VertexId(1)), "a").unwrap().id, VertexId(3));
    graph.remove_vertex(VertexId(2));
    assert_eq!(graph.named(Some(VertexId(1)), "b"), None);
}

#[test]
fn edges_are_walked_from_both_ends_by_name_and_index() {
    let mut graph = graph([("a", Properties::new()), ("b", Properties::new())]);
    for (id, name, index) in [(10, "uses", 1), (11, "uses", 0), (12, "host", 0)] {
        graph.put_edge(edge(id, 2, name, index, 3));
    }
    let ids = |edges: Vec<&floria::Edge>| edges.iter().map(|edge| edge.id.0).collect::<Vec<_>>();
    assert_eq!(ids(graph.outgoing(VertexId(2)).collect()), [12, 11, 10]);
    assert_eq!(ids(graph.incoming(VertexId(3)).collect()), [12, 11, 10]);
    assert_eq!(graph.outgoing_at(VertexId(2), "uses", 1).unwrap().id, EdgeId(10));
    assert_eq!(graph.outgoing_at(VertexId(2), "uses", 2), None);
    // An edge that moves leaves nothing behind.
    graph.put_edge(edge(10, 3, "uses", 0, 2));
    assert_eq!(ids(graph.outgoing(VertexId(2)).collect()), [12, 11]);
    assert_eq!(ids(graph.incoming(VertexId(2)).collect()), [10]);
    graph.remove_edge(EdgeId(10));
    assert_eq!(graph.incoming(VertexId(2)).count(), 0);
}

#[test]
fn graphs_are_equal_by_their_entities_and_so_are_their_digests() {
    let first = graph([("a", Properties::new())]);
    let mut second = first.clone();
    second.put_vertex(vertex(9, Some(1), "passing", Properties::new()));
    assert_ne!((first.digest(), &first), (second.digest(), &second));
    second.remove_vertex(VertexId(9));
    assert_eq!((first.digest(), &first), (second.digest(), &second));
    assert!(Graph::default().is_empty());
}

#[test]
fn a_stored_null_is_not_the_absence_of_a_value() {
    let before = vertex(
        1,
        None,
        "a",
        properties([("null", stored(floria::Value::Null)), ("none", Default::default())]),
    );
    let after: floria::Vertex = decode(&encode(&before).unwrap()).unwrap();
    assert_eq!(after, before);
}

#[test]
fn a_design_has_one_digest_whatever_its_ids() {
    let design = design();
    let renumbered = design.renumbered(100..100 + design.size());
    assert_ne!(renumbered, design);
    assert_eq!(renumbered.digest(), design.digest());
    assert_eq!(renumbered.vertex(VertexTemplateId(101)).unwrap().name, "web");
    assert_eq!(renumbered.vertexes[2].container, Some(VertexTemplateId(101)));
    assert_eq!(renumbered.edge(renumbered.edges[0].id), Some(&renumbered.edges[0]));
    assert_eq!(design.vertex(VertexTemplateId(0)), None);
}

#[test]
fn a_stored_design_has_containers_first() {
    let design = design();
    let size = design.size();
    let mut backwards = design.renumbered(1..size + 1);
    // The service has the highest id.
    let ids: Vec<_> = (0..size).rev().map(|place| place + 1).collect();
    for (vertex, id) in backwards.vertexes.iter_mut().zip(&ids) {
        vertex.id = VertexTemplateId(*id);
        vertex.container = vertex.container.map(|container| VertexTemplateId(size + 1 - container.0));
    }
    let stored =
        Design::stored(design.namespace.clone(), Vec::new(), backwards.vertexes, Vec::new()).unwrap();
    assert_eq!(stored.vertexes[0].name, "shop");
    for (place, vertex) in stored.vertexes.iter().enumerate() {
        let before = &stored.vertexes[..place];
        assert!(vertex.container.is_none_or(|id| before.iter().any(|other| other.id == id)));
        assert_eq!(stored.vertex(vertex.id), Some(vertex));
    }
}

#[test]
fn what_is_as_in_another_graph_is_shared_with_it() {
    let mut before = graph([("web", Properties::new())]);
    before.put_edge(edge(3, 1, "has", 0, 2));
    let mut after = Graph::default();
    for vertex in before.vertexes() {
        after.put_vertex_as_in(&before, vertex.clone());
    }
    for edge in before.edges() {
        after.put_edge_as_in(&before, edge.clone());
    }
    assert_eq!(before, after);
    let shared = before.vertexes().zip(after.vertexes()).all(|(one, other)| std::ptr::eq(one, other));
    assert!(shared && before.edges().zip(after.edges()).all(|(one, other)| std::ptr::eq(one, other)));

    let other = vertex(2, Some(1), "web", properties([("port", stored(1))]));
    after.put_vertex_as_in(&before, other.clone());
    assert_eq!(after.vertex(VertexId(2)), Some(&other));
    // Whoever shares nothing changes nothing of the other.
    let mut web = after.remove_vertex(VertexId(1)).unwrap();
    web.name = "store".to_owned();
    after.put_vertex(web);
    assert_eq!(before.contained(None).filter(|service| service.name == "store").count(), 0);
}
