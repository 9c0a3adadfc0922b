//! A store does what the store in memory does, whatever it is given, and its history is what its log comes to.

use floria::{
    At, Author, Batch, Change, ClassName, Edge, EdgeId, EdgeTemplateId, EntityKey, EntityKind, Index,
    MemoryStore, Origin, PluginName, Revision, Site, Store, StoreError, Vertex, VertexId, VertexTemplate,
    VertexTemplateId,
};
use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

use crate::{
    Case, Home,
    build::{
        class, edge, edge_template, namespace, plugin, record, vertex, vertex_template, whole_log, with,
    },
    reads,
};

pub(crate) const CASES: &[Case] = &[
    ("any batches have the same results as in memory", any_batches_have_the_same_results),
    ("after any batches everything reads as in memory", everything_reads_as_in_memory),
    ("after any batches each revision is what the log comes to", each_revision_is_what_the_log_comes_to),
    ("after any batches and forgetting everything is as in memory", forgetting_is_as_in_memory),
    ("a store is whole after any batches", a_store_is_whole_after_any_batches),
];

/// How many sequences are tried. Each takes a store and a dozen durable commits.
const SEQUENCES: u32 = 40;

/// Few ids and names, so that they meet.
const IDS: std::ops::Range<u64> = 1..9;

fn all_ids() -> Vec<u64> {
    IDS.collect()
}

fn name() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "c", "d"]).prop_map(str::to_owned)
}

/// Mostly `shop`.
fn space() -> impl Strategy<Value = String> {
    let others = prop::sample::select(reads::NAMESPACES.to_vec());
    prop_oneof![9 => Just("shop"), 1 => others].prop_map(str::to_owned)
}

fn classes() -> impl Strategy<Value = Vec<ClassName>> {
    let class = prop::sample::select(reads::CLASSES.to_vec());
    vec(class.prop_map(|name| ClassName(name.to_owned())), 0..3)
}

fn origin() -> impl Strategy<Value = Option<Origin>> {
    let source = prop::sample::select(reads::SOURCES.to_vec());
    let origin = source.prop_map(|source| Origin { source: source.into(), line: 1, column: 1 });
    prop::option::of(origin)
}

fn site() -> impl Strategy<Value = Site> {
    prop_oneof![IDS.prop_map(|id| Site::Vertex(VertexId(id))), IDS.prop_map(|id| Site::Edge(EdgeId(id)))]
}

fn any_vertex() -> impl Strategy<Value = Vertex> {
    let place = (IDS, prop::option::weighted(0.6, IDS), name(), space());
    let reads = vec(site().prop_map(|site| (site, "x".to_owned())), 0..3);
    (place, classes(), origin(), reads, -2..3_i64).prop_map(
        |((id, container, name, space), classes, origin, mut reads, value)| {
            reads.sort_unstable();
            let mut vertex = with(vertex(id, container, &name), "x", value);
            vertex.properties.values_mut().for_each(|property| property.reads.clone_from(&reads));
            Vertex { namespace: namespace(&space), classes, origin, ..vertex }
        },
    )
}

fn any_edge() -> impl Strategy<Value = Edge> {
    ((IDS, IDS, IDS), space(), classes(), origin()).prop_map(
        |((id, source, target), space, classes, origin)| Edge {
            namespace: namespace(&space),
            classes,
            origin,
            ..edge(id, source, "uses", target)
        },
    )
}

fn change() -> impl Strategy<Value = Change> {
    let named = || (space(), prop::sample::select(reads::CLASSES.to_vec()), classes());
    prop_oneof![
        8 => any_vertex().prop_map(Change::put),
        4 => any_edge().prop_map(Change::put),
        3 => any_vertex().prop_map(|vertex| {
            let template = vertex_template(vertex.id.0, vertex.container.map(|id| id.0), &vertex.name);
            Change::put(VertexTemplate { namespace: vertex.namespace, classes: vertex.classes, ..template })
        }),
        2 => any_edge().prop_map(|edge| {
            Change::put(edge_template(edge.id.0, edge.source.0, "uses", edge.target.0))
        }),
        2 => named().prop_map(|(space, name, ancestors)| {
            Change::put(floria::Class { namespace: namespace(&space), ancestors, ..class(name) })
        }),
        1 => named().prop_map(|(space, name, _)| {
            Change::put(floria::Plugin { namespace: namespace(&space), ..plugin(name) })
        }),
        1 => named().prop_map(|(space, name, _)| {
            Change::Delete(EntityKey::Class(namespace(&space), ClassName(name.to_owned())))
        }),
        1 => named().prop_map(|(space, name, _)| {
            Change::Delete(EntityKey::Plugin(namespace(&space), PluginName(name.to_owned())))
        }),
        3 => IDS.prop_map(|id| Change::delete(VertexId(id))),
        1 => IDS.prop_map(|id| Change::delete(VertexTemplateId(id))),
        2 => IDS.prop_map(|id| Change::delete(EdgeId(id))),
        1 => IDS.prop_map(|id| Change::delete(EdgeTemplateId(id))),
    ]
}

fn batch() -> impl Strategy<Value = Batch> {
    let expected = prop::option::weighted(0.1, 0..6_u64);
    let author = prop::option::of((name(), prop::option::of(name())));
    (vec(change(), 0..4), prop::option::weighted(0.3, 0..3_u8), expected, author).prop_map(
        |(changes, note, expected, author)| Batch {
            expected: expected.map(|revision| (namespace("shop"), Revision(revision))).into_iter().collect(),
            changes,
            records: note.map(|number| record(&format!("run/{number}"), "x")).into_iter().collect(),
            author: author.map(|(name, stream)| Author { name, stream }),
        },
    )
}

/// Commits to both, and asserts that both say the same.
fn commit_both(store: &dyn Store, memory: &MemoryStore, batch: &Batch) -> Result<(), TestCaseError> {
    let results =
        [memory.commit(batch), store.commit(batch)].map(|result| result.map_err(|error| error.to_string()));
    prop_assert_eq!(&results[0], &results[1], "for {:?}", batch);
    Ok(())
}

/// Runs a property on so many inputs, always the same.
fn run<S: Strategy>(sequences: u32, input: S, test: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    // All sequences run one after the other on one pair of stores, each on what the ones before it left. So a failure
    // cannot be made smaller by trying again.
    let config =
        Config { cases: sequences, failure_persistence: None, max_shrink_iters: 0, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    if let Err(error) = runner.run(&input, test) {
        panic!("{error}");
    }
}

/// Commits sequences of batches to a store and to one in memory, and calls a function after each.
fn with_any_batches(home: &Home, sequences: u32, after_each: impl Fn(&dyn Store, &MemoryStore)) {
    let (store, memory) = (home(), MemoryStore::new());
    run(sequences, vec(batch(), 1..24), |batches| {
        for batch in batches {
            commit_both(&store, &memory, &batch)?;
        }
        after_each(&store, &memory);
        Ok(())
    });
    let taken = memory.revision().unwrap().0;
    // If hardly anything were valid, this would show little.
    assert!(taken > u64::from(sequences), "only {taken} batches were taken");
}

fn any_batches_have_the_same_results(home: &Home) {
    with_any_batches(home, SEQUENCES, |store, memory| {
        assert_eq!(whole_log(store), whole_log(memory));
        assert_eq!(store.allocate(2).unwrap(), memory.allocate(2).unwrap());
        let (stats, expected) = (store.stats().unwrap(), memory.stats().unwrap());
        assert_eq!(floria::Stats { octets: None, ..stats }, expected);
    });
}

fn everything_reads_as_in_memory(home: &Home) {
    let indexes = reads::indexes(&all_ids());
    with_any_batches(home, 12, |store, memory| {
        let snapshots = [store.snapshot(At::Now).unwrap(), memory.snapshot(At::Now).unwrap()];
        reads::assert_same(&*snapshots[0], &*snapshots[1], &indexes);
    });
}

/// Returns some indexes that hold much.
fn wide_indexes() -> Vec<Index> {
    let mut indexes: Vec<_> = EntityKind::ALL.into_iter().map(Index::All).collect();
    indexes.extend(reads::CLASSES.map(|name| Index::Class(EntityKind::Vertex, ClassName(name.to_owned()))));
    indexes.push(Index::Under(EntityKind::Vertex, namespace("shop")));
    indexes
}

fn each_revision_is_what_the_log_comes_to(home: &Home) {
    let store = home();
    let memory = MemoryStore::new();
    run(1, vec(batch(), 80), |batches| {
        batches.iter().try_for_each(|batch| commit_both(&store, &memory, batch))
    });
    let present = store.revision().unwrap().0;
    assert!(present > 20, "only {present} batches were taken");
    let (wide, all) = (wide_indexes(), reads::indexes(&all_ids()));
    for revision in 0..=present {
        let at = At::Revision(Revision(revision));
        let snapshot = store.snapshot(at).unwrap();
        let indexes = if revision % 10 == 0 { &all } else { &wide };
        reads::assert_same(&*snapshot, &reads::replayed(&store, Revision(revision)), indexes);
        if revision % 10 == 5 {
            wide.iter().for_each(|index| reads::assert_paged(&*snapshot, index));
        }
        reads::assert_same(&*snapshot, &*memory.snapshot(at).unwrap(), &wide);
    }
}

fn forgetting_is_as_in_memory(home: &Home) {
    let (store, memory) = (home(), MemoryStore::new());
    let (wide, all) = (wide_indexes(), reads::indexes(&all_ids()));
    let step = (vec(batch(), 4..16), 0..12_u64, prop::option::of(0..3_u8));
    run(15, step, |(batches, back, keep)| {
        for batch in &batches {
            commit_both(&store, &memory, batch)?;
        }
        let before = Revision(memory.revision().unwrap().0.saturating_sub(back));
        let keep: Vec<_> = keep.map(|number| format!("run/{number}")).into_iter().collect();
        let forgotten = [
            memory.forget_before(before, &keep, None).unwrap(),
            store.forget_before(before, &keep, None).unwrap(),
        ];
        prop_assert_eq!(forgotten[0], forgotten[1]);
        prop_assert_eq!(whole_log(&store), whole_log(&memory));
        let stats = memory.stats().unwrap();
        prop_assert_eq!(floria::Stats { octets: None, ..store.stats().unwrap() }, stats.clone());
        for revision in stats.kept_from.0.saturating_sub(1)..=stats.revision.0 {
            let at = At::Revision(Revision(revision));
            match (store.snapshot(at), memory.snapshot(at)) {
                (Ok(one), Ok(other)) => reads::assert_same(&*one, &*other, &wide),
                (Err(StoreError::Forgotten { .. }), Err(StoreError::Forgotten { .. })) => {}
                _ => panic!("revision {revision} is shown by one and not by the other"),
            }
        }
        Ok(())
    });
    reads::assert_same(&*store.snapshot(At::Now).unwrap(), &*memory.snapshot(At::Now).unwrap(), &all);
    assert_eq!(store.verify().unwrap(), []);
}

fn a_store_is_whole_after_any_batches(home: &Home) {
    with_any_batches(home, 6, |store, memory| {
        assert_eq!(store.verify().unwrap(), []);
        assert_eq!(memory.verify().unwrap(), []);
        assert_eq!(floria::verify::indexes(store).unwrap(), []);
    });
}
