//! Orders, circles, components and dependents.

use floria::{At, Change, MemoryStore, Store as _, VertexId};
use floria_conformance::build::{commit, edge, namespace, vertex};
use floria_query::{Condition, Relations, Test};

fn relations(vertexes: u64, edges: &[(u64, u64)]) -> Relations {
    let store = MemoryStore::new();
    let of = (1..=vertexes).map(|id| Change::put(vertex(id, None, &format!("v{id}"))));
    let between = edges.iter().enumerate().map(|(number, (source, target))| {
        let mut edge = edge(vertexes + 1 + number as u64, *source, "uses", *target);
        edge.index = number as u32;
        Change::put(edge)
    });
    commit(&store, of.chain(between));
    let snapshot = store.snapshot(At::Now).unwrap();
    Relations::read(&*snapshot, Some(&namespace("shop")), &Condition::EVERYTHING).unwrap()
}

fn ids(ids: &[u64]) -> Vec<VertexId> {
    ids.iter().copied().map(VertexId).collect()
}

#[test]
fn what_is_depended_on_comes_first() {
    let order = relations(5, &[(1, 2), (2, 3), (4, 3), (1, 4)]).order().unwrap();
    let place = |id| order.iter().position(|other| *other == VertexId(id)).unwrap();
    assert_eq!(order.len(), 5);
    assert!(place(3) < place(2) && place(3) < place(4) && place(2) < place(1) && place(4) < place(1));
}

#[test]
fn circles_are_told_with_their_way() {
    let graph = relations(7, &[(1, 2), (2, 3), (3, 4), (4, 2), (3, 2), (5, 5), (6, 7)]);
    let error = graph.order().unwrap_err();
    assert_eq!(error.to_string(), "there is a circle: vertex 2 -> vertex 3 -> vertex 2");
    let cycles: Vec<_> = graph.cycles().into_iter().map(|cycle| cycle.0).collect();
    assert_eq!(cycles, [ids(&[2, 3, 2]), ids(&[5, 5])]);
}

#[test]
fn components_are_told_apart() {
    let graph = relations(7, &[(1, 2), (3, 2), (4, 5), (5, 4), (6, 5)]);
    assert_eq!(graph.components(), [ids(&[1, 2, 3]), ids(&[4, 5, 6]), ids(&[7])]);
    let strong = [ids(&[1]), ids(&[2]), ids(&[3]), ids(&[4, 5]), ids(&[6]), ids(&[7])];
    assert_eq!(graph.strong_components(), strong);
}

#[test]
fn dependents_are_told_with_their_distance() {
    let graph = relations(6, &[(2, 1), (3, 1), (4, 2), (4, 3), (5, 4), (1, 6)]);
    let near = |of: &[(u64, u32)]| of.iter().map(|(id, far)| (VertexId(*id), *far)).collect::<Vec<_>>();
    assert_eq!(graph.dependents(VertexId(1)), near(&[(2, 1), (3, 1), (4, 2), (5, 3)]));
    assert_eq!(graph.dependencies(VertexId(4)), near(&[(2, 1), (3, 1), (1, 2), (6, 3)]));
    assert_eq!(graph.dependents(VertexId(5)), []);
    assert_eq!(graph.dependents(VertexId(99)), []);
    // In a circle, it depends on itself.
    assert_eq!(relations(2, &[(1, 2), (2, 1)]).dependents(VertexId(1)), near(&[(2, 1), (1, 2)]));
}

#[test]
fn only_the_edges_asked_for_matter() {
    let store = MemoryStore::new();
    let of = [1, 2, 3].map(|id| Change::put(vertex(id, None, &format!("v{id}"))));
    commit(&store, of.into_iter().chain([Change::put(edge(4, 1, "a", 2)), Change::put(edge(5, 2, "b", 3))]));
    let snapshot = store.snapshot(At::Now).unwrap();
    let only = Condition::Test(Test::Exactly("a".to_owned()));
    let relations = Relations::read(&*snapshot, None, &only).unwrap();
    assert_eq!(relations.dependencies(VertexId(1)), [(VertexId(2), 1)]);
}

#[test]
fn deep_graphs_take_no_stack() {
    const DEPTH: u64 = 100_000;
    let chain: Vec<_> = (1..DEPTH).map(|id| (id, id + 1)).collect();
    let line = relations(DEPTH, &chain);
    assert_eq!(line.order().unwrap().first(), Some(&VertexId(DEPTH)));
    assert_eq!(line.dependencies(VertexId(1)).len() as u64, DEPTH - 1);
    let circle = relations(DEPTH, &[chain, vec![(DEPTH, 1)]].concat());
    assert_eq!(circle.order().unwrap_err().0.len() as u64, DEPTH + 1);
    assert_eq!((circle.components().len(), circle.strong_components().len()), (1, 1));
}
