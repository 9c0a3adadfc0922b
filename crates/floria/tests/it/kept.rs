//! Graphs that stay in memory.

use std::sync::Arc;

use floria::{
    At, Batch, Change, EntityKey, KeptGraphs, MemoryStore, Namespace, Revision, Store, Value, Vertex,
    VertexId,
};

use crate::support::vertex;

fn namespace(name: &str) -> Namespace {
    Namespace(name.to_owned())
}

fn of(service: &str, id: u64, text: &str) -> Vertex {
    let mut vertex =
        Vertex { namespace: namespace(service), ..vertex(id, None, &format!("v{id}"), Default::default()) };
    vertex.metadata.insert("text".to_owned(), Value::from(text));
    vertex
}

fn commit(store: &dyn Store, changes: Vec<Change>) -> Revision {
    store.commit(&Batch { changes, ..Batch::default() }).unwrap()
}

fn hundred(service: &str, first: u64) -> Vec<Change> {
    (first..first + 100).map(|id| Change::put(of(service, id, "as it was"))).collect()
}

#[test]
fn only_what_changed_is_read_again_whoever_changed_it() {
    let store = Arc::new(MemoryStore::new());
    let kept = KeptGraphs::new(store.clone(), usize::MAX);
    commit(&store, hundred("shop", 1));
    let before = kept.graph(&namespace("shop")).unwrap();
    commit(&store, vec![Change::put(of("shop", 5, "changed"))]);
    commit(&store, vec![Change::delete(EntityKey::Vertex(VertexId(7)))]);
    commit(&store, vec![Change::put(of("other", 500, "not of it"))]);
    let after = kept.graph(&namespace("shop")).unwrap();
    assert_eq!(after, store.graph(&namespace("shop")).unwrap());
    let is_shared = |id| match (before.vertex(VertexId(id)), after.vertex(VertexId(id))) {
        (Some(before), Some(after)) => std::ptr::eq(before, after),
        _ => false,
    };
    assert_eq!((1..=100).filter(|id| !is_shared(*id)).collect::<Vec<_>>(), [5, 7]);
    assert_eq!(before.vertexes().len(), 100, "what was handed out stays as it is");
}

#[test]
fn a_snapshot_shows_its_own_revision_whoever_asked_meanwhile() {
    let kept = KeptGraphs::new(MemoryStore::new(), usize::MAX);
    commit(&kept, hundred("shop", 1));
    let early = kept.snapshot(At::Now).unwrap();
    commit(&kept, vec![Change::put(of("shop", 5, "changed"))]);
    let late = kept.graph(&namespace("shop")).unwrap();
    let text = |graph: &floria::Graph| graph.vertex(VertexId(5)).unwrap().metadata["text"].clone();
    assert_eq!(text(&early.graph(&namespace("shop")).unwrap()), Value::from("as it was"));
    assert_eq!(text(&late), Value::from("changed"));
    // And one that is brought up to date to a snapshot that is not the last.
    let between = kept.snapshot(At::Now).unwrap();
    commit(&kept, vec![Change::put(of("shop", 5, "and again"))]);
    assert_eq!(text(&between.graph(&namespace("shop")).unwrap()), Value::from("changed"));
    assert_eq!(text(&kept.graph(&namespace("shop")).unwrap()), Value::from("and again"));
}

#[test]
fn what_was_forgotten_and_what_changed_too_often_is_read_anew() {
    let kept = KeptGraphs::new(MemoryStore::new(), usize::MAX);
    commit(&kept, hundred("shop", 1));
    kept.graph(&namespace("shop")).unwrap();
    for round in 0..5_000 {
        commit(&kept, vec![Change::put(of("shop", 1 + round % 50, &format!("round {round}")))]);
    }
    assert_eq!(
        kept.graph(&namespace("shop")).unwrap(),
        kept.snapshot(At::Revision(Revision(5_001))).unwrap().graph(&namespace("shop")).unwrap()
    );
    let last = commit(&kept, vec![Change::delete(EntityKey::Vertex(VertexId(100)))]);
    kept.forget_before(last, &[], None).unwrap();
    assert_eq!(kept.graph(&namespace("shop")).unwrap().vertexes().len(), 99);
}

#[test]
fn what_was_not_asked_for_longest_goes_first() {
    let kept = KeptGraphs::new(MemoryStore::new(), usize::MAX);
    for (place, service) in ["a", "b", "c"].into_iter().enumerate() {
        commit(&kept, hundred(service, 1 + 100 * place as u64));
    }
    kept.graph(&namespace("a")).unwrap();
    let one = kept.octets();
    assert!(one > 20_000);
    let kept = KeptGraphs::new(kept, one * 5 / 2);
    let addresses = |service: &str| {
        let graph = kept.graph(&namespace(service)).unwrap();
        graph.vertexes().map(|vertex| std::ptr::from_ref(vertex) as usize).collect::<Vec<_>>()
    };
    let [a, _, _, again] = ["a", "b", "a", "c"].map(addresses);
    assert!(kept.octets() <= one * 5 / 2 && kept.octets() > one * 3 / 2);
    assert_eq!(addresses("a"), a, "it stayed");
    assert_eq!(addresses("c"), again);
    // What grows beyond all room is handed out, and not kept.
    let large = of("a", 1, &"x".repeat(one * 3));
    commit(&kept, vec![Change::put(large)]);
    assert_eq!(addresses("a").len(), 100);
    assert!(kept.octets() < one * 3 / 2);
    // And what is gone takes no room.
    let all = (201..301).map(|id| Change::delete(EntityKey::Vertex(VertexId(id)))).collect();
    commit(&kept, all);
    assert_eq!(addresses("c").len(), 0);
    assert_eq!(kept.octets(), 0);
}
