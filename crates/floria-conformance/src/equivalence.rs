//! A store does what the store in memory does, whatever it is given.

use floria::{
    Batch, Change, ClassName, EdgeId, EdgeTemplateId, Entity, EntityKey, MemoryStore, Revision, Store as _,
    VertexId, VertexTemplateId,
};
use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

use crate::{
    Case, Home,
    build::{Contents, class, edge, edge_template, namespace, record, vertex, vertex_template, with},
};

pub(crate) const CASES: &[Case] =
    &[("any batches have the same results as in memory", any_batches_have_the_same_results)];

/// How many sequences are tried. Each takes a store and a dozen durable commits.
const SEQUENCES: u32 = 40;

/// Few ids and names, so that they meet.
const IDS: std::ops::Range<u64> = 1..9;

fn place() -> impl Strategy<Value = (u64, Option<u64>, String, bool)> {
    let name = prop::sample::select(vec!["a", "b", "c", "d"]).prop_map(str::to_owned);
    (IDS, prop::option::weighted(0.6, IDS), name, prop::bool::weighted(0.1))
}

fn change() -> impl Strategy<Value = Change> {
    let owner = |elsewhere: bool| namespace(if elsewhere { "bank" } else { "shop" });
    prop_oneof![
        8 => (place(), -2..3_i64).prop_map(move |((id, container, name, elsewhere), value)| {
            let mut vertex = with(vertex(id, container, &name), "x", value);
            vertex.namespace = owner(elsewhere);
            Change::Put(Entity::Vertex(vertex))
        }),
        3 => place().prop_map(move |(id, container, name, elsewhere)| {
            let mut vertex = vertex_template(id, container, &name);
            vertex.namespace = owner(elsewhere);
            Change::Put(Entity::VertexTemplate(vertex))
        }),
        4 => (IDS, IDS, IDS).prop_map(|(id, source, target)| Change::Put(Entity::Edge(edge(id, source, "uses", target)))),
        2 => (IDS, IDS, IDS).prop_map(|(id, source, target)| {
            Change::Put(Entity::EdgeTemplate(edge_template(id, source, "uses", target)))
        }),
        1 => Just(Change::Put(Entity::Class(class("Node")))),
        1 => Just(Change::Delete(EntityKey::Class(namespace("shop"), ClassName("Node".to_owned())))),
        3 => IDS.prop_map(|id| Change::Delete(EntityKey::Vertex(VertexId(id)))),
        1 => IDS.prop_map(|id| Change::Delete(EntityKey::VertexTemplate(VertexTemplateId(id)))),
        2 => IDS.prop_map(|id| Change::Delete(EntityKey::Edge(EdgeId(id)))),
        1 => IDS.prop_map(|id| Change::Delete(EntityKey::EdgeTemplate(EdgeTemplateId(id)))),
    ]
}

fn batch() -> impl Strategy<Value = Batch> {
    let expected = prop::option::weighted(0.1, 0..6_u64);
    (vec(change(), 0..4), prop::option::weighted(0.3, 0..3_u8), expected).prop_map(
        |(changes, note, expected)| Batch {
            expected: expected.map(|revision| (namespace("shop"), Revision(revision))).into_iter().collect(),
            changes,
            records: note.map(|number| record(&format!("run/{number}"), "x")).into_iter().collect(),
            ..Batch::default()
        },
    )
}

fn any_batches_have_the_same_results(home: &Home) {
    // All sequences run one after the other on one pair of stores, each on what the ones before it left. So a failure
    // cannot be made smaller by trying again.
    let store = home();
    let memory = MemoryStore::new();
    let config =
        Config { cases: SEQUENCES, failure_persistence: None, max_shrink_iters: 0, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let result = runner.run(&vec(batch(), 1..24), |batches| {
        for batch in batches {
            let results = [memory.commit(&batch), store.commit(&batch)]
                .map(|result| result.map_err(|error| error.to_string()));
            prop_assert_eq!(&results[0], &results[1], "for {:?}", batch);
        }
        prop_assert_eq!(Contents::of(&store), Contents::of(&memory));
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    let taken = memory.revision().unwrap().0;
    // If hardly anything were valid, this would show little.
    assert!(taken > u64::from(SEQUENCES), "only {taken} batches were taken");
    assert_eq!(store.allocate(2).unwrap(), memory.allocate(2).unwrap());
}
