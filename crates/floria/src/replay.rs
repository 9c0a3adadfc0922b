//! The log made again: what a store held at a revision, from nothing but its log.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    At, Change, Entity, EntityKey, Index, LogEntry, LogRow, Namespace, Page, Revision, Snapshot, StoreError,
};

/// What a log comes to: the reference that all other ways to read a store must equal.
///
/// Every question is answered by looking at everything, so it is for small graphs, for tests and for checking a store.
#[derive(Clone, Debug, Default)]
pub struct Replay {
    revision: Revision,
    revisions: BTreeMap<Namespace, Revision>,
    entities: BTreeMap<EntityKey, Entity>,
}

impl Replay {
    /// Plays the rows of a whole log, in order, as far as `at`. `present` is the store's revision, which rows may not show.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] when a row deletes what is not there; [`StoreError::Future`] for a revision above `present`.
    pub fn of(rows: &[LogRow], present: Revision, at: At) -> Result<Self, StoreError> {
        let end = match at {
            At::Now => present,
            At::Revision(asked) if asked > present => return Err(StoreError::Future { asked, present }),
            At::Revision(asked) => asked,
            At::Time(time_ms) => rows
                .iter()
                .filter(|row| row.time_ms <= time_ms)
                .map(|row| row.revision)
                .max()
                .unwrap_or_default(),
        };
        let mut replay = Self::default();
        for row in rows.iter().take_while(|row| row.revision <= end) {
            replay.play(row)?;
        }
        replay.revision = end;
        Ok(replay)
    }

    /// Plays one more row.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] when it deletes what is not there.
    pub fn play(&mut self, row: &LogRow) -> Result<(), StoreError> {
        self.revision = row.revision;
        if let LogEntry::Change(change) = &row.entry { self.apply(row.revision, change) } else { Ok(()) }
    }

    fn apply(&mut self, revision: Revision, change: &Change) -> Result<(), StoreError> {
        let namespace = match change {
            Change::Put(entity) => {
                self.entities.insert(entity.key(), entity.clone());
                entity.namespace().clone()
            }
            Change::Delete(key) => match self.entities.remove(key) {
                Some(entity) => entity.namespace().clone(),
                None => {
                    let gone =
                        format!("the log deletes {key}, which is not there, at revision {}", revision.0);
                    return Err(StoreError::Damaged(gone));
                }
            },
        };
        self.revisions.insert(namespace, revision);
        Ok(())
    }

    /// Returns all entities, in canonical order.
    pub fn entities(&self) -> impl Iterator<Item = &Entity> {
        self.entities.values()
    }

    fn held<'a>(&'a self, index: &'a Index) -> impl Iterator<Item = &'a Entity> {
        self.entities.values().filter(|entity| index.holds(entity))
    }
}

impl Snapshot for Replay {
    fn revision(&self) -> Revision {
        self.revision
    }

    fn namespace_revision(&self, namespace: &Namespace) -> Result<Revision, StoreError> {
        Ok(self.revisions.get(namespace).copied().unwrap_or_default())
    }

    fn namespaces(&self) -> Result<Vec<Namespace>, StoreError> {
        let namespaces: BTreeSet<_> = self.entities.values().map(Entity::namespace).collect();
        Ok(namespaces.into_iter().cloned().collect())
    }

    fn get(&self, key: &EntityKey) -> Result<Option<Entity>, StoreError> {
        Ok(self.entities.get(key).cloned())
    }

    fn find(&self, index: &Index, page: &Page) -> Result<Vec<Entity>, StoreError> {
        let after = |entity: &&Entity| page.after.as_ref().is_none_or(|after| entity.key() > *after);
        Ok(self.held(index).filter(after).take(page.limit.unwrap_or(usize::MAX)).cloned().collect())
    }

    fn count(&self, index: &Index) -> Result<u64, StoreError> {
        Ok(self.held(index).count() as u64)
    }
}
