//! What a resolver is asked, and where it takes ids from.

use std::{collections::BTreeMap, ops::Range};

use floria::{Design, Functions, Graph, Namespace, Store, Value};

use crate::ResolveError;

/// Numbers of instances by the paths that these have without their indexes: `web`, `client-0/impl/worker`. Only for templates
/// that have a count.
pub type Counts = BTreeMap<String, u64>;

/// Each template's own count.
pub static OWN_COUNTS: Counts = Counts::new();

/// What should be resolved, and in what world.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The templates. The first is the service itself; other outermost templates are services that may stand for a vertex.
    pub design: &'a Design,
    /// The values of the service's properties that somebody gave.
    pub inputs: &'a BTreeMap<String, Value>,
    /// How many instances there are of templates, where somebody said otherwise than their own counts do.
    pub counts: &'a Counts,
    /// What is there now.
    pub current: &'a Graph,
    /// Other services, of which vertexes may be selected, in order of preference.
    pub inventory: &'a [Inventory<'a>],
    /// The functions that the design's expressions call.
    pub functions: &'a dyn Functions,
    /// What may not be exceeded.
    pub limits: Limits,
}

/// Another service that exists.
#[derive(Clone, Copy, Debug)]
pub struct Inventory<'a> {
    /// Where it lives.
    pub namespace: &'a Namespace,
    /// Its instances.
    pub graph: &'a Graph,
}

/// What a resolution may not exceed; checked before anything is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many vertexes there may be directly in the service, such as nodes.
    pub nodes_max: u64,
    /// How many edges there may be.
    pub edges_max: u64,
    /// How many assignments the search for targets may take back.
    pub steps_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { nodes_max: 100_000, edges_max: 1_000_000, steps_max: 100_000 }
    }
}

/// Where the ids of new instances come from. Each is taken when it is needed, so nobody has to know how many there will be.
pub trait Ids {
    /// Returns an id that nothing else has or had.
    ///
    /// # Errors
    ///
    /// When there is none.
    fn next_id(&mut self) -> Result<u64, ResolveError>;
}

impl<I: Iterator<Item = u64>> Ids for I {
    fn next_id(&mut self) -> Result<u64, ResolveError> {
        self.next().ok_or(ResolveError::OutOfIds)
    }
}

/// Ids of a store, allocated in blocks. What is left of the last block is never used.
pub struct StoreIds<'s> {
    store: &'s dyn Store,
    block: Range<u64>,
    size: u64,
}

impl<'s> StoreIds<'s> {
    /// The first block: a deploy that changes little wastes little.
    const SIZE_MIN: u64 = 16;

    /// The largest block: what a large service wastes at most.
    const SIZE_MAX: u64 = 4096;

    /// Makes a source of ids that has not allocated any yet.
    pub fn new(store: &'s dyn Store) -> Self {
        Self { store, block: 0..0, size: Self::SIZE_MIN }
    }
}

impl Ids for StoreIds<'_> {
    fn next_id(&mut self) -> Result<u64, ResolveError> {
        if self.block.is_empty() {
            self.block = self.store.allocate(self.size).map_err(ResolveError::Store)?;
            self.size = (self.size * 2).min(Self::SIZE_MAX);
        }
        self.block.next().ok_or(ResolveError::OutOfIds)
    }
}
