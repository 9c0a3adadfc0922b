//! A store in memory: the reference for what a store does, and enough for tests and previews.

mod log;
mod state;
mod table;

use std::{
    collections::BTreeMap,
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use crate::{
    At, Author, Batch, ClassName, Entity, EntityKey, EntityKind, Finding, Forgotten, Index, LogQuery, LogRow,
    Namespace, Page, Revision, Signal, Snapshot, Stats, Store, StoreError, laws,
    memory::{
        log::Written,
        state::{NEWEST, State},
    },
    retention,
    verify::{self, ChainCheck},
};

/// A [`Store`] in memory. It is gone when it is dropped.
///
/// It keeps all versions of all entities, so a snapshot is a number: making one copies nothing, and neither waits for the
/// other, reader or writer, for longer than a batch takes or a thousand entities.
pub struct MemoryStore {
    state: RwLock<State>,
    /// For each revision, how many snapshots show it. Taken after `state`, where both are.
    shown: Mutex<BTreeMap<Revision, usize>>,
    clock: Box<dyn Fn() -> u64 + Send + Sync>,
    signal: Arc<Signal>,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryStore {
    /// Makes an empty store whose clock stands still at 0, since nothing here reads a clock.
    pub fn new() -> Self {
        Self::with_clock(|| 0)
    }

    /// Makes an empty store that stamps its log by this clock: milliseconds since 1970-01-01T00:00:00Z.
    pub fn with_clock(clock: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self {
            state: RwLock::default(),
            shown: Mutex::default(),
            clock: Box::new(clock),
            signal: Arc::default(),
        }
    }

    // Nothing panics between two consistent states: a batch is undone before its error is returned. So poison says nothing.

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn shown(&self) -> MutexGuard<'_, BTreeMap<Revision, usize>> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    fn commit(&self, batch: &Batch) -> Result<Revision, StoreError> {
        let written = Written::all(batch)?;
        let revision = self.write().commit(batch, written, (self.clock)())?;
        self.signal.tell();
        Ok(revision)
    }

    fn allocate(&self, count: u64) -> Result<Range<u64>, StoreError> {
        let mut state = self.write();
        if count == 0 {
            return Ok(0..0);
        }
        let end = state.ids_used.checked_add(count).filter(|end| *end <= laws::ID_MAX);
        let end = end.ok_or_else(|| laws::id_too_large(u64::MAX))?;
        let start = state.ids_used + 1;
        state.ids_used = end;
        Ok(start..end + 1)
    }

    fn snapshot(&self, at: At) -> Result<Box<dyn Snapshot + '_>, StoreError> {
        let state = self.read();
        let revision = state.revision_at(at)?;
        *self.shown().entry(revision).or_default() += 1;
        Ok(Box::new(MemorySnapshot { store: self, revision }))
    }

    fn log(&self, query: &LogQuery) -> Result<Vec<LogRow>, StoreError> {
        let state = self.read();
        state.log.query(query, |key| state.changes(key))
    }

    fn signal(&self) -> Result<Arc<Signal>, StoreError> {
        Ok(self.signal.clone())
    }

    fn forget_before(
        &self,
        revision: Revision,
        keep: &[String],
        author: Option<Author>,
    ) -> Result<Forgotten, StoreError> {
        let mut state = self.write();
        let present = state.log.revision();
        if revision > present {
            return Err(StoreError::Future { asked: revision, present });
        }
        let rows = state.log.forget(revision, keep);
        let oldest_shown = self.shown().keys().next().copied().unwrap_or(NEWEST);
        let kept_from = state.log.kept_from.min(oldest_shown);
        state.forget_versions(kept_from);
        let record = retention::record(revision, rows, keep);
        let batch = Batch { records: vec![record], author, ..Batch::default() };
        let revision = state.commit(&batch, Written::all(&batch)?, (self.clock)())?;
        drop(state);
        self.signal.tell();
        Ok(Forgotten { revision, rows })
    }

    fn stats(&self) -> Result<Stats, StoreError> {
        let snapshot = self.snapshot(At::Now)?;
        let entities = EntityKind::ALL.into_iter().map(|kind| Ok((kind, snapshot.count(&Index::All(kind))?)));
        let entities = entities.collect::<Result<_, StoreError>>()?;
        let state = self.read();
        Ok(Stats {
            revision: snapshot.revision(),
            kept_from: state.log.kept_from,
            entities,
            log_rows: state.log.len() as u64,
            octets: None,
        })
    }

    fn verify(&self) -> Result<Vec<Finding>, StoreError> {
        let mut findings = verify::entities(self)?;
        findings.extend(verify::indexes(self)?);
        let (kept_from, present) = {
            let log = &self.read().log;
            (log.kept_from, log.revision())
        };
        let mut chain = ChainCheck::new(kept_from, self.read().log.digest(kept_from));
        for revision in kept_from.0 + 1..=present.0 {
            // A commit at a time, so that a writer need not wait.
            self.read().log.check(Revision(revision), &mut chain)?;
        }
        findings.extend(chain.findings);
        Ok(findings)
    }
}

/// A revision of a [`MemoryStore`].
struct MemorySnapshot<'a> {
    store: &'a MemoryStore,
    revision: Revision,
}

/// How many entities are looked at without letting a writer in.
const LOOK_AT_MAX: usize = 1_024;

/// How many are looked at first: whoever looks for one finds it here.
const LOOK_AT_FIRST: usize = 16;

impl MemorySnapshot<'_> {
    /// Calls a function with what an index holds after a key, until it says that it was enough.
    fn each(
        &self,
        index: &Index,
        after: Option<&EntityKey>,
        mut work: impl FnMut(&Entity) -> bool,
    ) -> Result<(), StoreError> {
        // Keys of another kind are before all of these, or after.
        let mut after = match after {
            Some(after) if after.kind() > index.kind() => return Ok(()),
            after => after.filter(|after| after.kind() == index.kind()).cloned(),
        };
        let mut look_at = LOOK_AT_FIRST;
        loop {
            let found = self.store.read().find(index, after.as_ref(), look_at, self.revision);
            look_at = LOOK_AT_MAX.min(2 * look_at);
            if !found.entities.iter().all(|entity| work(entity)) || found.more.is_none() {
                return Ok(());
            }
            after = found.more;
        }
    }
}

impl Snapshot for MemorySnapshot<'_> {
    fn revision(&self) -> Revision {
        self.revision
    }

    fn namespace_revision(&self, namespace: &Namespace) -> Result<Revision, StoreError> {
        Ok(self.store.read().namespace_revision(namespace, self.revision))
    }

    fn namespaces(&self) -> Result<Vec<Namespace>, StoreError> {
        let mut namespaces: Vec<_> = self.store.read().namespaces().cloned().collect();
        let mut error = None;
        namespaces.retain(|namespace| {
            let mut inhabited = false;
            for kind in EntityKind::ALL {
                let index = Index::Namespace(kind, namespace.clone());
                let found = self.each(&index, None, |_| {
                    inhabited = true;
                    false
                });
                error = error.take().or(found.err());
            }
            inhabited
        });
        error.map_or(Ok(namespaces), Err)
    }

    fn get(&self, key: &EntityKey) -> Result<Option<Entity>, StoreError> {
        let found = self.store.read().at(key, self.revision).cloned();
        Ok(found.map(Arc::unwrap_or_clone))
    }

    fn find(&self, index: &Index, page: &Page) -> Result<Vec<Entity>, StoreError> {
        let limit = page.limit.unwrap_or(usize::MAX);
        let mut found = Vec::new();
        if limit > 0 {
            self.each(index, page.after.as_ref(), |entity| {
                found.push(entity.clone());
                found.len() < limit
            })?;
        }
        Ok(found)
    }

    fn count(&self, index: &Index) -> Result<u64, StoreError> {
        let mut count = 0;
        self.each(index, None, |_| {
            count += 1;
            true
        })?;
        Ok(count)
    }

    fn classes_called(&self, last: &str) -> Result<Option<Vec<ClassName>>, StoreError> {
        Ok(Some(self.store.read().classes().filter(|class| class.last() == last).collect()))
    }
}

impl Drop for MemorySnapshot<'_> {
    fn drop(&mut self) {
        let mut shown = self.store.shown();
        if let Some(count) = shown.get_mut(&self.revision) {
            *count -= 1;
            if *count == 0 {
                shown.remove(&self.revision);
            }
        }
    }
}
