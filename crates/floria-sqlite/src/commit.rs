//! Committing: changes become rows, the laws are checked on the result, the log gets its rows and the chain its link.

use std::collections::HashSet;

use floria::{
    Batch, CHAIN_START, Chain, Change, Entity, EntityKey, EntryCode, Namespace, Record, Revision, RowParts,
    StoreError, encode, laws,
};
use rusqlite::{CachedStatement, Connection, OptionalExtension as _, params};

use crate::{
    columns::{self, Columns, Standing},
    error::{Problem, integer},
    names::Names,
    view::Rows,
};

/// One commit. The caller has begun a transaction or a savepoint, and commits it or rolls it back.
pub(crate) struct Commit<'a> {
    transaction: &'a Connection,
    time_ms: u64,
    names: Names<'a>,
    /// Namespaces in which an entity changed.
    changed: HashSet<i64>,
}

/// Where the log is continued.
struct End {
    revision: u64,
    sequence: i64,
    time_ms: i64,
    chain: Chain,
}

/// A row for the log.
struct Row<'a> {
    namespace: (i64, &'a str),
    code: EntryCode,
    entity: Option<i64>,
    stream: Option<(i64, &'a str)>,
    kind: Option<(i64, &'a str)>,
    body: &'a [u8],
}

impl<'a> Commit<'a> {
    pub(crate) fn new(transaction: &'a Connection, time_ms: u64) -> Self {
        Self { transaction, time_ms, names: Names::new(transaction), changed: HashSet::new() }
    }

    /// Does everything but the commit itself, and returns the revision that it makes.
    pub(crate) fn run(mut self, batch: &Batch) -> Result<Revision, Problem> {
        self.check_expected(batch)?;
        let ids_put = batch.changes.iter().filter_map(Change::put_id).max().unwrap_or(0);
        let revision: i64 = self
            .statement(
                "UPDATE store SET revision = revision + 1, ids_used = max(ids_used, ?1), ids_again = max(ids_again, ?1)
                 RETURNING revision",
            )?
            .query_row([integer(ids_put)?], |row| row.get(0))?;
        let mut end = self.end(revision, batch)?;
        for change in &batch.changes {
            self.apply(&mut end, change)?;
        }
        self.check_laws(batch)?;
        for record in &batch.records {
            self.record(&mut end, record)?;
        }
        for namespace in &self.changed {
            self.statement("UPDATE namespace SET revision = ?1 WHERE id = ?2")?
                .execute([revision, *namespace])?;
        }
        let author = batch.author.as_ref().map(|author| self.names.word(&author.name)).transpose()?;
        let stream = batch.author.as_ref().and_then(|author| author.stream.as_ref());
        let stream = stream.map(|stream| self.names.stream(stream)).transpose()?;
        self.statement(
            "INSERT INTO chain (revision, time_ms, author, stream, last, digest) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![revision, end.time_ms, author, stream, end.sequence, end.chain.finish()])?;
        Ok(Revision(revision as u64))
    }

    fn statement(&self, sql: &str) -> rusqlite::Result<CachedStatement<'a>> {
        self.transaction.prepare_cached(sql)
    }

    /// Finds where the commit before this one ended.
    fn end(&self, revision: i64, batch: &Batch) -> Result<End, Problem> {
        let previous = self
            .statement("SELECT last, time_ms, digest FROM chain WHERE revision = ?1")?
            .query_row([revision - 1], |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, [u8; 32]>(2)?)))
            .optional()?;
        let (sequence, last_ms, digest): (i64, i64, _) = match previous {
            Some(previous) => previous,
            None if revision == 1 => (0, 0, CHAIN_START),
            None => return Err(StoreError::Damaged(format!("commit {} is missing", revision - 1)).into()),
        };
        // A clock that went back does not make history go back.
        let time_ms = i64::try_from(self.time_ms).unwrap_or(i64::MAX).max(last_ms);
        let revision = revision as u64;
        let chain = Chain::new(&digest, Revision(revision), time_ms as u64, batch.author.as_ref());
        Ok(End { revision, sequence, time_ms, chain })
    }

    fn check_expected(&self, batch: &Batch) -> Result<(), Problem> {
        for (namespace, expected) in &batch.expected {
            let actual: Option<i64> = self
                .statement("SELECT revision FROM namespace WHERE name = ?1")?
                .query_row([&namespace.0], |row| row.get(0))
                .optional()?;
            let actual = Revision(actual.unwrap_or(0) as u64);
            if actual != *expected {
                let (namespace, expected) = (namespace.clone(), *expected);
                return Err(StoreError::Conflict { namespace, expected, actual }.into());
            }
        }
        Ok(())
    }

    fn apply(&mut self, end: &mut End, change: &Change) -> Result<(), Problem> {
        match change {
            Change::Put(entity) => self.put(end, change, entity),
            Change::Delete(key) => self.delete(end, change, key),
        }
    }

    fn put(&mut self, end: &mut End, change: &Change, entity: &Entity) -> Result<(), Problem> {
        let key = entity.key();
        if let Some(id) = key.id() {
            integer(id)?;
        }
        let (code, body) = encoded(change, &key)?;
        let kind = key.kind() as i64;
        let (columns, reads) = Columns::of(entity, &mut self.names)?;
        let id = self.names.entity(&key, columns.namespace)?;
        let old = columns::standing(self.transaction, kind, id)?;
        if let Some(old) = &old
            && old.columns.namespace != columns.namespace
        {
            let from = self.namespace_name(old.columns.namespace)?;
            laws::stays(&key, &from, entity.namespace())?;
        }
        let row = Row {
            namespace: (columns.namespace, &entity.namespace().0),
            code,
            entity: Some(id),
            stream: None,
            kind: None,
            body: &body,
        };
        let sequence = self.log(end, &row)?;
        let new = (&columns, reads.as_slice());
        columns::put(self.transaction, (kind, id), old.as_ref(), new, (sequence, &mut self.names))?;
        self.changed.insert(columns.namespace);
        Ok(())
    }

    fn delete(&mut self, end: &mut End, change: &Change, key: &EntityKey) -> Result<(), Problem> {
        let (code, body) = encoded(change, key)?;
        let (id, old) = self.standing(key)?.ok_or_else(|| laws::not_there(key))?;
        columns::delete(self.transaction, (key.kind() as i64, id), &old, &mut self.names)?;
        let namespace = old.columns.namespace;
        let name = self.namespace_name(namespace)?;
        let row = Row {
            namespace: (namespace, &name.0),
            code,
            entity: Some(id),
            stream: None,
            kind: None,
            body: &body,
        };
        self.log(end, &row)?;
        self.changed.insert(namespace);
        Ok(())
    }

    /// Finds what is to be deleted.
    fn standing(&self, key: &EntityKey) -> Result<Option<(i64, Standing)>, Problem> {
        if let Some(id) = key.id() {
            integer(id)?;
        }
        let Some((kind, id)) = crate::names::entity(self.transaction, key)? else { return Ok(None) };
        Ok(columns::standing(self.transaction, kind, id)?.map(|standing| (id, standing)))
    }

    fn namespace_name(&self, id: i64) -> rusqlite::Result<Namespace> {
        self.statement("SELECT name FROM namespace WHERE id = ?1")?
            .query_row([id], |row| row.get(0).map(Namespace))
    }

    fn record(&mut self, end: &mut End, record: &Record) -> Result<(), Problem> {
        let body = encode(&record.body).map_err(|error| laws::cannot_encode("a record", &error))?;
        let row = Row {
            namespace: (self.names.namespace(&record.namespace)?, &record.namespace.0),
            code: EntryCode::RECORD,
            entity: None,
            stream: Some((self.names.stream(&record.stream)?, &record.stream)),
            kind: Some((self.names.word(&record.kind)?, &record.kind)),
            body: &body,
        };
        self.log(end, &row)?;
        Ok(())
    }

    fn log(&self, end: &mut End, row: &Row<'_>) -> rusqlite::Result<i64> {
        // Numbered here and not by SQLite: what was forgotten at the end of a log would be numbered again.
        end.sequence += 1;
        end.chain.row(&RowParts {
            sequence: end.sequence as u64,
            code: row.code,
            namespace: row.namespace.1,
            stream: row.stream.map(|stream| stream.1),
            kind: row.kind.map(|kind| kind.1),
            body: row.body,
        });
        self.statement(
            "INSERT INTO log (sequence, revision, namespace, entry, entity, stream, kind, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            end.sequence,
            end.revision as i64,
            row.namespace.0,
            row.code.0,
            row.entity,
            row.stream.map(|stream| stream.0),
            row.kind.map(|kind| kind.0),
            row.body
        ])?;
        Ok(end.sequence)
    }

    fn check_laws(&self, batch: &Batch) -> Result<(), Problem> {
        let mut view = Rows::new(self.transaction);
        let checked = laws::check(batch, &mut view);
        match view.problem {
            Some(error) => Err(error.into()),
            None => Ok(checked?),
        }
    }
}

fn encoded(change: &Change, key: &EntityKey) -> Result<(EntryCode, Vec<u8>), StoreError> {
    let what = match key.kind() {
        floria::EntityKind::Class => "a class",
        floria::EntityKind::Plugin => "a plugin",
        floria::EntityKind::VertexTemplate => "a vertex template",
        floria::EntityKind::EdgeTemplate => "an edge template",
        floria::EntityKind::Vertex => "a vertex",
        floria::EntityKind::Edge => "an edge",
    };
    change.encoded().map_err(|error| laws::cannot_encode(what, &error))
}
