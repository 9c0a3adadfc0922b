//! The store in memory passes.

use std::sync::Arc;

use floria::{KeptGraphs, MemoryStore, Store};

#[test]
fn the_store_in_memory_conforms() {
    floria_conformance::run(&|| {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        Box::new(move || store.clone())
    });
}

#[test]
fn a_store_whose_graphs_are_kept_conforms() {
    // Once with room for all of them, and once for few.
    for octets_max in [usize::MAX, 1_000] {
        floria_conformance::run(&|| {
            let store = Arc::new(KeptGraphs::new(MemoryStore::new(), octets_max));
            Box::new(move || store.clone())
        });
    }
}

#[test]
fn the_suite_is_as_large_as_it_says() {
    let names: std::collections::BTreeSet<_> =
        floria_conformance::cases().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), floria_conformance::cases().len());
    assert!(names.len() >= 100, "{}", names.len());
}
