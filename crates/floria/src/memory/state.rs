//! What a store in memory holds: versions of entities, commits and the log.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    At, Author, Batch, CHAIN_START, Chain, ClassName, Entity, EntityKey, EntityKind, Index, Namespace,
    Revision, StoreError, laws,
    laws::{Kind, View},
    memory::{
        log::{Body, Commit, Log, Written},
        table::{AnyTable, Found, Table},
    },
    posting::{Posting, Words},
};

/// The revision that sees the newest versions, also those of a batch that is being checked.
pub(super) const NEWEST: Revision = Revision(u64::MAX);

pub(super) struct State {
    pub(super) ids_used: u64,
    /// For each kind, in canonical order.
    tables: [Box<dyn AnyTable>; 6],
    words: Words,
    /// For each namespace, the revisions that changed an entity of it.
    namespaces: BTreeMap<Namespace, Vec<Revision>>,
    pub(super) log: Log,
}

impl Default for State {
    fn default() -> Self {
        fn named() -> Box<dyn AnyTable> {
            Box::new(Table::<(String, String)>::default())
        }
        fn numbered() -> Box<dyn AnyTable> {
            Box::new(Table::<u64>::default())
        }
        Self {
            ids_used: 0,
            tables: [named(), named(), numbered(), numbered(), numbered(), numbered()],
            words: Words::default(),
            namespaces: BTreeMap::new(),
            log: Log::default(),
        }
    }
}

/// How to take one change back.
struct Undo {
    key: EntityKey,
    postings: Vec<Posting>,
}

impl State {
    /// Returns the revision that is meant.
    pub(super) fn revision_at(&self, at: At) -> Result<Revision, StoreError> {
        let present = self.log.revision();
        let asked = match at {
            At::Now => return Ok(present),
            At::Revision(asked) if asked > present => return Err(StoreError::Future { asked, present }),
            At::Revision(asked) => asked,
            At::Time(time_ms) => self.log.revision_at(time_ms),
        };
        if asked < self.log.kept_from {
            return Err(StoreError::Forgotten { asked, kept_from: self.log.kept_from });
        }
        Ok(asked)
    }

    pub(super) fn namespace_revision(&self, namespace: &Namespace, revision: Revision) -> Revision {
        let Some(revisions) = self.namespaces.get(namespace) else { return Revision(0) };
        let later = revisions.partition_point(|other| *other <= revision);
        revisions[..later].last().copied().unwrap_or_default()
    }

    /// Returns the namespaces that ever held something.
    pub(super) fn namespaces(&self) -> impl Iterator<Item = &Namespace> {
        self.namespaces.keys()
    }

    /// Returns the names of all classes that there ever were.
    pub(super) fn classes(&self) -> impl Iterator<Item = ClassName> {
        self.words.classes()
    }

    pub(super) fn at(&self, key: &EntityKey, revision: Revision) -> Option<&Arc<Entity>> {
        self.tables[key.kind() as usize].at(key, revision)
    }

    /// Returns the revisions that changed an entity, in order.
    pub(super) fn changes(&self, key: &EntityKey) -> Vec<Revision> {
        self.tables[key.kind() as usize].changes(key)
    }

    /// Returns a part of what an index holds, after looking at no more than so many entities.
    pub(super) fn find(
        &self,
        index: &Index,
        after: Option<&EntityKey>,
        look_at_max: usize,
        revision: Revision,
    ) -> Found {
        match self.words.lookup(index) {
            None => Found { entities: Vec::new(), more: None },
            Some(lookup) => {
                self.tables[index.kind() as usize].find(lookup, index, after, look_at_max, revision)
            }
        }
    }

    /// Commits a batch, whose entries are `written`.
    pub(super) fn commit(
        &mut self,
        batch: &Batch,
        mut written: Vec<Written>,
        time_ms: u64,
    ) -> Result<Revision, StoreError> {
        for (namespace, expected) in &batch.expected {
            let (expected, actual) = (*expected, self.namespace_revision(namespace, NEWEST));
            if actual != expected {
                return Err(StoreError::Conflict { namespace: namespace.clone(), expected, actual });
            }
        }
        let revision = Revision(self.log.revision().0 + 1);
        let mut undo = Vec::with_capacity(batch.changes.len());
        let applied = self.apply(&mut written, revision, &mut undo);
        if let Err(error) = applied.and_then(|()| laws::check(batch, self)) {
            for step in undo.into_iter().rev() {
                self.tables[step.key.kind() as usize].unset(&step.key, revision, &step.postings);
            }
            return Err(error);
        }
        for change in &batch.changes {
            self.ids_used = self.ids_used.max(change.put_id().unwrap_or(0));
        }
        self.record(batch.author.clone(), written, time_ms);
        Ok(revision)
    }

    /// Makes the changes, and fills in the namespaces of what is deleted.
    fn apply(
        &mut self,
        written: &mut [Written],
        revision: Revision,
        undo: &mut Vec<Undo>,
    ) -> Result<(), StoreError> {
        for Written { body, .. } in written {
            let (key, entity) = match body {
                Body::Put(entity) => (entity.key(), Some(entity.clone())),
                Body::Delete(deleted) => (deleted.key.clone(), None),
                Body::Record(_) => continue,
            };
            let table = &mut self.tables[key.kind() as usize];
            let before = table.at(&key, NEWEST);
            match (before, &entity) {
                (None, None) => return Err(laws::not_there(&key)),
                (Some(before), Some(entity)) => laws::stays(&key, before.namespace(), entity.namespace())?,
                (Some(before), None) => {
                    if let Body::Delete(deleted) = body {
                        deleted.namespace = before.namespace().clone();
                    }
                }
                (None, Some(_)) => {}
            }
            let postings = entity.as_ref().map(|entity| self.words.postings(entity)).unwrap_or_default();
            let postings = table.set(&key, revision, entity, &postings);
            undo.push(Undo { key, postings });
        }
        Ok(())
    }

    /// Makes what was applied part of history.
    fn record(&mut self, author: Option<Author>, written: Vec<Written>, time_ms: u64) {
        let revision = Revision(self.log.revision().0 + 1);
        let last = self.log.commits.last();
        // Time does not go back, so that a time means one revision.
        let time_ms = time_ms.max(last.map_or(0, |commit| commit.time_ms));
        let previous = last.map_or(CHAIN_START, |commit| commit.digest);
        let mut chain = Chain::new(&previous, revision, time_ms, author.as_ref());
        for Written { code, octets, body } in written {
            let sequence = self.log.next_sequence();
            chain.row(&body.parts(sequence, code, &octets));
            if !matches!(body, Body::Record(_)) {
                self.touch(body.namespace(), revision);
            }
            self.log.append(revision, body);
        }
        self.log.commits.push(Commit { time_ms, author, digest: chain.finish() });
    }

    /// Notes that a revision changes something in a namespace.
    fn touch(&mut self, namespace: &Namespace, revision: Revision) {
        match self.namespaces.get_mut(namespace) {
            Some(revisions) if revisions.last() == Some(&revision) => {}
            Some(revisions) => revisions.push(revision),
            None => drop(self.namespaces.insert(namespace.clone(), vec![revision])),
        }
    }

    /// Forgets the versions that no reader can ask for any more: those that were replaced up to this revision.
    pub(super) fn forget_versions(&mut self, revision: Revision) {
        for table in &mut self.tables {
            table.forget(revision, &mut |entity| self.words.postings(entity));
        }
        for revisions in self.namespaces.values_mut() {
            let later = revisions.partition_point(|other| *other <= revision);
            revisions.drain(..later.saturating_sub(1));
        }
    }

    /// Returns whether an index holds at least so many entities, as things are.
    fn holds(&self, index: &Index, count: usize, fits: impl Fn(&Entity) -> bool) -> bool {
        let mut after = None;
        let mut held = 0;
        loop {
            let found = self.find(index, after.as_ref(), LOOK_AT, NEWEST);
            held += found.entities.iter().filter(|entity| fits(entity)).count();
            after = found.more;
            if held >= count || after.is_none() {
                return held >= count;
            }
        }
    }
}

/// How many entities are looked at between two looks at whether that was enough.
const LOOK_AT: usize = 16;

fn vertex_kind(kind: Kind) -> EntityKind {
    match kind {
        Kind::Template => EntityKind::VertexTemplate,
        Kind::Instance => EntityKind::Vertex,
    }
}

fn edge_kind(kind: Kind) -> EntityKind {
    match kind {
        Kind::Template => EntityKind::EdgeTemplate,
        Kind::Instance => EntityKind::Edge,
    }
}

impl View for State {
    fn container(&mut self, kind: Kind, id: u64) -> Result<Option<Option<u64>>, StoreError> {
        let key = match kind {
            Kind::Template => crate::VertexTemplateId(id).into(),
            Kind::Instance => crate::VertexId(id).into(),
        };
        Ok(self.at(&key, NEWEST).and_then(|vertex| vertex.container()))
    }

    fn is_ambiguous(
        &mut self,
        kind: Kind,
        namespace: &Namespace,
        container: Option<u64>,
        name: &str,
    ) -> Result<bool, StoreError> {
        let index = Index::Name(vertex_kind(kind), container, name.to_owned());
        Ok(self.holds(&index, 2, |vertex| container.is_some() || vertex.namespace() == namespace))
    }

    fn has_contents(&mut self, kind: Kind, id: u64) -> Result<bool, StoreError> {
        Ok(self.holds(&Index::Contents(vertex_kind(kind), id), 1, |_| true))
    }

    fn has_edges(&mut self, kind: Kind, id: u64) -> Result<bool, StoreError> {
        let kind = edge_kind(kind);
        Ok(self.holds(&Index::Outgoing(kind, id), 1, |_| true)
            || self.holds(&Index::Incoming(kind, id), 1, |_| true))
    }
}
