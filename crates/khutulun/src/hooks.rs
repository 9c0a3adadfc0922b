//! Instantiation hooks of a design, run for plans and previews alike.

use std::{collections::BTreeMap, sync::Arc};

use floria::{Design, Handlers};
use floria_resolver::{AFTER_INSTANTIATION, BEFORE_INSTANTIATION};
use khutulun_api::NoMachine;
use khutulun_wasm::WasmExecutor;

use crate::executors;

/// Returns whether a template of the design has a hook: most have none, and need no Wasm engine then.
pub(crate) fn has_hooks(design: &Design) -> bool {
    let has = |handlers: &Handlers| {
        handlers.contains_key(BEFORE_INSTANTIATION) || handlers.contains_key(AFTER_INSTANTIATION)
    };
    design.vertexes.iter().any(|vertex| has(&vertex.handlers))
        || design.edges.iter().any(|edge| has(&edge.handlers))
}

/// Returns what runs the hooks of a design whose artifacts these are, by digest.
pub(crate) fn runner(artifacts: BTreeMap<String, Vec<u8>>) -> WasmExecutor {
    WasmExecutor::new(Arc::new(NoMachine), executors::drivers()).with_components(artifacts)
}
