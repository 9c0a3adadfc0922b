//! What is committed together.

use std::sync::Arc;

use floria::{Batch, Change, Entity, Graph, Record};

use crate::{
    effect::{Effect, Tell},
    merge::Changed,
    report::RunResult,
};

/// What the next commit will hold, and what is to be done once it is durable.
#[derive(Default)]
pub(super) struct Gathered {
    pub(super) changes: Vec<Changed>,
    /// A step whose outcome is not among the records yet, and what follows from it is among the changes already.
    pub(super) settled: Option<u32>,
    pub(super) records: Vec<Record>,
    /// Whether it stores the lease.
    pub(super) lease: bool,
    /// Steps whose intents it holds.
    pub(super) intended: Vec<u32>,
    pub(super) told: Vec<Tell>,
    pub(super) later: Vec<Effect>,
    pub(super) result: Option<RunResult>,
}

/// A commit that is open.
#[derive(Default)]
pub(super) struct Open {
    pub(super) batch: Arc<Batch>,
    /// For each of the batch's changes but that of the lease, what was there before it.
    pub(super) before: Vec<Option<Entity>>,
    pub(super) records: Vec<Record>,
    pub(super) lease: bool,
    /// Until when the lease is had once it is durable.
    pub(super) expires_ms: u64,
    pub(super) intended: Vec<u32>,
    pub(super) told: Vec<Tell>,
    pub(super) later: Vec<Effect>,
    pub(super) result: Option<RunResult>,
}

impl Gathered {
    /// Returns whether there is nothing to commit, to tell or to do.
    pub(super) fn is_idle(&self) -> bool {
        self.changes.is_empty()
            && self.records.is_empty()
            && !self.lease
            && self.told.is_empty()
            && self.later.is_empty()
            && self.result.is_none()
    }

    pub(super) fn opened(self) -> (Open, Vec<Change>) {
        let Self { changes, settled: _, records, lease, intended, told, later, result } = self;
        let (before, changes) = changes.into_iter().map(|changed| (changed.before, changed.change)).unzip();
        let open = Open { before, records, lease, intended, told, later, result, ..Open::default() };
        (open, changes)
    }

    /// Makes the changes again in a graph that somebody else has changed.
    pub(super) fn again(&mut self, graph: &mut Graph) {
        let changes = std::mem::take(&mut self.changes);
        self.changes = changes.into_iter().filter_map(|changed| changed.again(graph)).collect();
    }
}

impl Open {
    /// Returns whether there is nothing to make durable.
    pub(super) fn is_empty(&self, changes: &[Change]) -> bool {
        changes.is_empty() && self.records.is_empty() && !self.lease
    }

    /// Takes the commit back, which was refused, and makes its changes again in a graph that somebody else has changed.
    pub(super) fn again(&mut self, graph: &mut Graph) -> Vec<Change> {
        let batch = Arc::unwrap_or_clone(std::mem::take(&mut self.batch));
        self.records = batch.records;
        let before = std::mem::take(&mut self.before);
        let changed =
            before.into_iter().zip(batch.changes).map(|(before, change)| Changed { before, change });
        let changed = changed.filter_map(|changed| changed.again(graph));
        let (before, changes) = changed.map(|changed| (changed.before, changed.change)).unzip();
        self.before = before;
        changes
    }
}
