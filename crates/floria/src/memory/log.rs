//! The log of a store in memory: commits and their rows, which share their entities with the versions.

use std::{collections::HashMap, sync::Arc};

use crate::{
    Author, Batch, CHAIN_START, Change, Entity, EntityKey, EntryCode, LogEntry, LogQuery, LogRow, Namespace,
    Record, Revision, RowParts, StoreError, laws,
    retention::{Forgetting, Subject},
    verify::ChainCheck,
};

/// What a row says.
#[derive(Clone)]
pub(super) enum Body {
    Put(Arc<Entity>),
    Delete(Box<Deleted>),
    Record(Arc<Record>),
}

/// What was deleted, and where it lived.
#[derive(Clone)]
pub(super) struct Deleted {
    pub(super) key: EntityKey,
    pub(super) namespace: Namespace,
}

impl Body {
    pub(super) fn namespace(&self) -> &Namespace {
        match self {
            Self::Put(entity) => entity.namespace(),
            Self::Delete(deleted) => &deleted.namespace,
            Self::Record(record) => &record.namespace,
        }
    }

    pub(super) fn parts<'a>(&'a self, sequence: u64, code: EntryCode, octets: &'a [u8]) -> RowParts<'a> {
        let record = if let Self::Record(record) = self { Some(record) } else { None };
        RowParts {
            sequence,
            code,
            namespace: &self.namespace().0,
            stream: record.map(|record| record.stream.as_str()),
            kind: record.map(|record| record.kind.as_str()),
            body: octets,
        }
    }

    fn is_change_of(&self, key: &EntityKey) -> bool {
        match self {
            Self::Put(entity) => entity.key() == *key,
            Self::Delete(deleted) => deleted.key == *key,
            Self::Record(_) => false,
        }
    }

    fn subject(&self) -> Subject<'_> {
        match self {
            Self::Put(entity) => Subject::Put(entity.key()),
            Self::Delete(deleted) => Subject::Delete(deleted.key.clone()),
            Self::Record(record) => Subject::Record(&record.stream),
        }
    }

    fn entry(&self) -> LogEntry {
        match self {
            Self::Put(entity) => LogEntry::Change(Change::Put(Entity::clone(entity))),
            Self::Delete(deleted) => LogEntry::Change(Change::Delete(deleted.key.clone())),
            Self::Record(record) => LogEntry::Record(Record::clone(record)),
        }
    }
}

/// A row that is about to be committed.
pub(super) struct Written {
    pub(super) code: EntryCode,
    pub(super) octets: Vec<u8>,
    pub(super) body: Body,
}

impl Written {
    /// Writes all that a batch will append. Nothing here needs the octets but the chain of digests; and what other stores
    /// cannot write must not work here.
    pub(super) fn all(batch: &Batch) -> Result<Vec<Self>, StoreError> {
        let mut all = Vec::with_capacity(batch.changes.len() + batch.records.len());
        for change in &batch.changes {
            let (code, octets) =
                change.encoded().map_err(|error| laws::cannot_encode("an entity", &error))?;
            let body = match change {
                Change::Put(entity) => Body::Put(Arc::new(entity.clone())),
                // The namespace is known when the change is made.
                Change::Delete(key) => {
                    Body::Delete(Box::new(Deleted { key: key.clone(), namespace: Namespace(String::new()) }))
                }
            };
            all.push(Self { code, octets, body });
        }
        for record in &batch.records {
            let octets =
                crate::encode(&record.body).map_err(|error| laws::cannot_encode("a record", &error))?;
            let body = Body::Record(Arc::new(record.clone()));
            all.push(Self { code: EntryCode::RECORD, octets, body });
        }
        Ok(all)
    }
}

/// A commit, apart from its rows.
pub(super) struct Commit {
    pub(super) time_ms: u64,
    pub(super) author: Option<Author>,
    /// What [`crate::Chain`] makes of it.
    pub(super) digest: [u8; 32],
}

struct Row {
    sequence: u64,
    revision: Revision,
    body: Body,
}

#[derive(Default)]
pub(super) struct Log {
    /// In order; the first is that of revision 1.
    pub(super) commits: Vec<Commit>,
    /// In order, with gaps where something was forgotten.
    rows: Vec<Row>,
    last_sequence: u64,
    /// For each stream, the sequences of its records.
    streams: HashMap<String, Vec<u64>>,
    /// The oldest revision that can be asked for.
    pub(super) kept_from: Revision,
}

impl Log {
    pub(super) fn revision(&self) -> Revision {
        Revision(self.commits.len() as u64)
    }

    /// Returns the last revision that was committed at or before a time.
    pub(super) fn revision_at(&self, time_ms: u64) -> Revision {
        Revision(self.commits.partition_point(|commit| commit.time_ms <= time_ms) as u64)
    }

    /// Returns the digest of a commit, which the next one is linked to.
    pub(super) fn digest(&self, revision: Revision) -> [u8; 32] {
        let commit = revision.0.checked_sub(1).and_then(|place| self.commits.get(place as usize));
        commit.map_or(CHAIN_START, |commit| commit.digest)
    }

    /// Checks the digest of a commit.
    pub(super) fn check(&self, revision: Revision, chain: &mut ChainCheck) -> Result<(), StoreError> {
        let Some(commit) = self.commits.get(revision.0 as usize - 1) else { return Ok(()) };
        chain.begin(revision, commit.time_ms, commit.author.as_ref());
        for row in self.rows_of(revision) {
            let encoded = row.body.entry().encoded();
            let (code, octets) = encoded.map_err(|error| laws::cannot_encode("a row", &error))?;
            chain.row(&row.body.parts(row.sequence, code, &octets));
        }
        chain.end(&commit.digest);
        Ok(())
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Returns the sequence of the row that is appended next.
    pub(super) fn next_sequence(&self) -> u64 {
        self.last_sequence + 1
    }

    /// Appends a row.
    pub(super) fn append(&mut self, revision: Revision, body: Body) {
        let sequence = self.next_sequence();
        self.last_sequence = sequence;
        if let Body::Record(record) = &body {
            match self.streams.get_mut(&record.stream) {
                Some(stream) => stream.push(sequence),
                None => drop(self.streams.insert(record.stream.clone(), vec![sequence])),
            }
        }
        self.rows.push(Row { sequence, revision, body });
    }

    /// Returns the rows that are asked for. `changes` tells which revisions changed an entity.
    pub(super) fn query(
        &self,
        query: &LogQuery,
        changes: impl Fn(&EntityKey) -> Vec<Revision>,
    ) -> Result<Vec<LogRow>, StoreError> {
        if query.since < self.kept_from && query.since > Revision(0) {
            return Err(StoreError::Forgotten { asked: query.since, kept_from: self.kept_from });
        }
        let is_past = |row: &Row| row.sequence <= query.after || row.revision <= query.since;
        let start = self.rows.partition_point(is_past);
        let limit = query.limit.unwrap_or(usize::MAX);
        let fits = |row: &&Row| {
            query.namespace.as_ref().is_none_or(|namespace| row.body.namespace() == namespace)
                && query.entity.as_ref().is_none_or(|key| row.body.is_change_of(key))
        };
        let rows: Vec<_> = match (&query.stream, &query.entity) {
            (Some(stream), _) => {
                let sequences = self.streams.get(stream).map_or(&[][..], Vec::as_slice);
                let rows = sequences.iter().filter_map(|sequence| {
                    let place = self.rows.binary_search_by_key(sequence, |row| row.sequence).ok()?;
                    self.rows.get(place)
                });
                rows.filter(|row| !is_past(row)).filter(fits).take(limit).map(|row| self.shown(row)).collect()
            }
            (None, Some(key)) => {
                let rows = changes(key).into_iter().flat_map(|revision| self.rows_of(revision));
                rows.filter(|row| !is_past(row)).filter(fits).take(limit).map(|row| self.shown(row)).collect()
            }
            (None, None) => {
                self.rows[start..].iter().filter(fits).take(limit).map(|row| self.shown(row)).collect()
            }
        };
        Ok(rows)
    }

    fn rows_of(&self, revision: Revision) -> &[Row] {
        let start = self.rows.partition_point(|row| row.revision < revision);
        let end = self.rows.partition_point(|row| row.revision <= revision);
        &self.rows[start..end]
    }

    fn shown(&self, row: &Row) -> LogRow {
        let commit = row.revision.0.checked_sub(1).and_then(|place| self.commits.get(place as usize));
        LogRow {
            sequence: row.sequence,
            revision: row.revision,
            time_ms: commit.map_or(0, |commit| commit.time_ms),
            author: commit.and_then(|commit| commit.author.clone()),
            entry: row.body.entry(),
        }
    }

    /// Forgets rows, as [`crate::Store::forget_before`] says, and returns how many.
    pub(super) fn forget(&mut self, revision: Revision, keep: &[String]) -> u64 {
        let before = self.rows.len();
        let mut forgetting = Forgetting::new(revision, keep);
        let mut goes: Vec<_> =
            self.rows.iter().rev().map(|row| forgetting.goes(row.revision, row.body.subject())).collect();
        self.rows.retain(|_| !goes.pop().unwrap_or_default());
        self.rows.shrink_to_fit();
        self.kept_from = self.kept_from.max(revision);
        self.streams.clear();
        for row in &self.rows {
            if let Body::Record(record) = &row.body {
                self.streams.entry(record.stream.clone()).or_default().push(row.sequence);
            }
        }
        (before - self.rows.len()) as u64
    }
}
