//! Committing: changes become rows, the laws are checked on the result, the log gets its rows.

use std::collections::{HashMap, HashSet};

use floria::{
    Batch, Change, Entity, EntityKey, Namespace, Revision, StoreError, encode,
    laws::{self, Kind, View},
};
use rusqlite::{CachedStatement, Connection, OptionalExtension as _, params};
use serde::Serialize;

/// What went wrong within a transaction: what to tell, or what SQLite said, for whoever knows the path to tell.
pub(crate) enum Problem {
    Store(StoreError),
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for Problem {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// What `log.entry` says.
pub(crate) mod entry {
    pub(crate) const RECORD: i64 = 0;
    pub(crate) const PUT_CLASS: i64 = 1;
    pub(crate) const PUT_VERTEX_TEMPLATE: i64 = 2;
    pub(crate) const PUT_EDGE_TEMPLATE: i64 = 3;
    pub(crate) const PUT_VERTEX: i64 = 4;
    pub(crate) const PUT_EDGE: i64 = 5;
    pub(crate) const DELETE_CLASS: i64 = 6;
    pub(crate) const DELETE_VERTEX_TEMPLATE: i64 = 7;
    pub(crate) const DELETE_EDGE_TEMPLATE: i64 = 8;
    pub(crate) const DELETE_VERTEX: i64 = 9;
    pub(crate) const DELETE_EDGE: i64 = 10;
}

/// One commit. The caller has begun a transaction or a savepoint, and commits it or rolls it back.
pub(crate) struct Commit<'a> {
    transaction: &'a Connection,
    time_ms: i64,
    revision: u64,
    /// The ids of the namespaces that were met.
    namespaces: HashMap<Namespace, i64>,
    /// Those in which an entity changed.
    changed: HashSet<i64>,
}

impl<'a> Commit<'a> {
    pub(crate) fn new(transaction: &'a Connection, time_ms: u64) -> Self {
        Self {
            transaction,
            time_ms: i64::try_from(time_ms).unwrap_or(i64::MAX),
            revision: 0,
            namespaces: HashMap::new(),
            changed: HashSet::new(),
        }
    }

    /// Does everything but the commit itself, and returns the revision that it makes.
    pub(crate) fn run(mut self, batch: &Batch) -> Result<Revision, Problem> {
        self.check_expected(batch)?;
        let ids_put = batch.changes.iter().filter_map(Change::put_id).max().unwrap_or(0);
        let revision: i64 = self
            .statement(
                "UPDATE store SET revision = revision + 1, ids_used = max(ids_used, ?1) RETURNING revision",
            )?
            .query_row([integer(ids_put)?], |row| row.get(0))?;
        self.revision = revision as u64;
        for change in &batch.changes {
            self.apply(change)?;
        }
        self.check_laws(batch)?;
        for record in &batch.records {
            let body = encoded("a record", &record.body)?;
            let namespace = self.namespace(&record.namespace)?;
            let stream = self.stream(&record.stream)?;
            self.log(namespace, entry::RECORD, Some(stream), Some(&record.kind), &body)?;
        }
        for namespace in &self.changed {
            self.statement("UPDATE namespace SET revision = ?1 WHERE id = ?2")?
                .execute(params![revision, namespace])?;
        }
        Ok(Revision(self.revision))
    }

    fn statement(&self, sql: &str) -> rusqlite::Result<CachedStatement<'a>> {
        self.transaction.prepare_cached(sql)
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

    fn apply(&mut self, change: &Change) -> Result<(), Problem> {
        match change {
            Change::Put(Entity::Class(class)) => {
                let body = encoded("a class", class)?;
                let namespace = self.namespace(&class.namespace)?;
                self.statement(
                    "INSERT INTO class (namespace, name, body) VALUES (?1, ?2, ?3)
                     ON CONFLICT DO UPDATE SET body = excluded.body",
                )?
                .execute(params![namespace, class.name.0, body])?;
                self.log_change(namespace, entry::PUT_CLASS, &body)
            }
            Change::Put(Entity::VertexTemplate(vertex)) => {
                let container = vertex.container.map(|id| id.0);
                let place = (vertex.id.0, &vertex.namespace, container, vertex.name.as_str());
                self.put_vertex(Kind::Template, place, &encoded("a vertex template", vertex)?)
            }
            Change::Put(Entity::Vertex(vertex)) => {
                let container = vertex.container.map(|id| id.0);
                let place = (vertex.id.0, &vertex.namespace, container, vertex.name.as_str());
                self.put_vertex(Kind::Instance, place, &encoded("a vertex", vertex)?)
            }
            Change::Put(Entity::EdgeTemplate(edge)) => {
                let place = (edge.id.0, &edge.namespace, edge.source.0, edge.target.0);
                self.put_edge(Kind::Template, place, &encoded("an edge template", edge)?)
            }
            Change::Put(Entity::Edge(edge)) => {
                let place = (edge.id.0, &edge.namespace, edge.source.0, edge.target.0);
                self.put_edge(Kind::Instance, place, &encoded("an edge", edge)?)
            }
            Change::Put(Entity::Plugin(_)) | Change::Delete(EntityKey::Plugin(..)) => {
                Err(StoreError::Invalid("plugins are not kept yet".to_owned()).into())
            }
            Change::Delete(EntityKey::Class(namespace, name)) => {
                let body = encoded("a class", &(namespace, name))?;
                let namespace = self.namespace(namespace)?;
                let rows = self
                    .statement("DELETE FROM class WHERE namespace = ?1 AND name = ?2")?
                    .execute(params![namespace, name.0])?;
                if rows == 0 {
                    return Err(laws::nothing_to_delete("class", format_args!("`{name}`")).into());
                }
                self.log_change(namespace, entry::DELETE_CLASS, &body)
            }
            Change::Delete(EntityKey::VertexTemplate(id)) => {
                let sql = "DELETE FROM vertex_template WHERE id = ?1 RETURNING namespace";
                self.delete(sql, entry::DELETE_VERTEX_TEMPLATE, Kind::Template.vertex(), id.0)
            }
            Change::Delete(EntityKey::EdgeTemplate(id)) => {
                let sql = "DELETE FROM edge_template WHERE id = ?1 RETURNING namespace";
                self.delete(sql, entry::DELETE_EDGE_TEMPLATE, Kind::Template.edge(), id.0)
            }
            Change::Delete(EntityKey::Vertex(id)) => {
                let sql = "DELETE FROM vertex WHERE id = ?1 RETURNING namespace";
                self.delete(sql, entry::DELETE_VERTEX, Kind::Instance.vertex(), id.0)
            }
            Change::Delete(EntityKey::Edge(id)) => {
                let sql = "DELETE FROM edge WHERE id = ?1 RETURNING namespace";
                self.delete(sql, entry::DELETE_EDGE, Kind::Instance.edge(), id.0)
            }
        }
    }

    fn put_vertex(
        &mut self,
        kind: Kind,
        (id, namespace, container, name): (u64, &Namespace, Option<u64>, &str),
        body: &[u8],
    ) -> Result<(), Problem> {
        let (sql, entry) = match kind {
            Kind::Template => (
                "INSERT INTO vertex_template (id, namespace, container, name, body) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT DO UPDATE SET container = ?3, name = ?4, body = ?5 WHERE namespace = ?2",
                entry::PUT_VERTEX_TEMPLATE,
            ),
            Kind::Instance => (
                "INSERT INTO vertex (id, namespace, container, name, body) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT DO UPDATE SET container = ?3, name = ?4, body = ?5 WHERE namespace = ?2",
                entry::PUT_VERTEX,
            ),
        };
        let owner = self.namespace(namespace)?;
        let container = container.map(integer).transpose()?;
        let rows = self.statement(sql)?.execute(params![integer(id)?, owner, container, name, body])?;
        if rows == 0 {
            let sql = match kind {
                Kind::Template => "SELECT namespace FROM vertex_template WHERE id = ?1",
                Kind::Instance => "SELECT namespace FROM vertex WHERE id = ?1",
            };
            return Err(self.moved(sql, kind.vertex(), id, namespace)?);
        }
        self.log_change(owner, entry, body)
    }

    fn put_edge(
        &mut self,
        kind: Kind,
        (id, namespace, source, target): (u64, &Namespace, u64, u64),
        body: &[u8],
    ) -> Result<(), Problem> {
        let (sql, entry) = match kind {
            Kind::Template => (
                "INSERT INTO edge_template (id, namespace, source, target, body) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT DO UPDATE SET source = ?3, target = ?4, body = ?5 WHERE namespace = ?2",
                entry::PUT_EDGE_TEMPLATE,
            ),
            Kind::Instance => (
                "INSERT INTO edge (id, namespace, source, target, body) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT DO UPDATE SET source = ?3, target = ?4, body = ?5 WHERE namespace = ?2",
                entry::PUT_EDGE,
            ),
        };
        let owner = self.namespace(namespace)?;
        let (source, target) = (integer(source)?, integer(target)?);
        let rows = self.statement(sql)?.execute(params![integer(id)?, owner, source, target, body])?;
        if rows == 0 {
            let sql = match kind {
                Kind::Template => "SELECT namespace FROM edge_template WHERE id = ?1",
                Kind::Instance => "SELECT namespace FROM edge WHERE id = ?1",
            };
            return Err(self.moved(sql, kind.edge(), id, namespace)?);
        }
        self.log_change(owner, entry, body)
    }

    /// Makes the error for an entity that is in another namespace than the one where a batch puts it.
    fn moved(&self, sql: &str, what: &str, id: u64, to: &Namespace) -> Result<Problem, Problem> {
        let from: i64 = self.statement(sql)?.query_row([integer(id)?], |row| row.get(0))?;
        let from = self
            .statement("SELECT name FROM namespace WHERE id = ?1")?
            .query_row([from], |row| row.get(0).map(Namespace))?;
        laws::check_namespace(what, id, &from, to)?;
        Ok(StoreError::Damaged(format!("{what} {id} cannot be replaced")).into())
    }

    fn delete(&mut self, sql: &str, entry: i64, what: &str, id: u64) -> Result<(), Problem> {
        let namespace: Option<i64> =
            self.statement(sql)?.query_row([integer(id)?], |row| row.get(0)).optional()?;
        let namespace = namespace.ok_or_else(|| laws::nothing_to_delete(what, id))?;
        self.log_change(namespace, entry, &encoded(what, &id)?)
    }

    fn namespace(&mut self, namespace: &Namespace) -> Result<i64, Problem> {
        if let Some(id) = self.namespaces.get(namespace) {
            return Ok(*id);
        }
        let id = self.interned(
            "SELECT id FROM namespace WHERE name = ?1",
            "INSERT INTO namespace (name, revision) VALUES (?1, 0) RETURNING id",
            &namespace.0,
        )?;
        self.namespaces.insert(namespace.clone(), id);
        Ok(id)
    }

    fn stream(&self, stream: &str) -> Result<i64, Problem> {
        self.interned(
            "SELECT id FROM stream WHERE name = ?1",
            "INSERT INTO stream (name) VALUES (?1) RETURNING id",
            stream,
        )
    }

    fn interned(&self, find: &str, make: &str, name: &str) -> Result<i64, Problem> {
        let found = self.statement(find)?.query_row([name], |row| row.get(0)).optional()?;
        match found {
            Some(id) => Ok(id),
            None => Ok(self.statement(make)?.query_row([name], |row| row.get(0))?),
        }
    }

    fn log_change(&mut self, namespace: i64, entry: i64, body: &[u8]) -> Result<(), Problem> {
        self.changed.insert(namespace);
        self.log(namespace, entry, None, None, body)
    }

    fn log(
        &self,
        namespace: i64,
        entry: i64,
        stream: Option<i64>,
        kind: Option<&str>,
        body: &[u8],
    ) -> Result<(), Problem> {
        // The next row id is one above the highest, and no row is ever deleted: no gaps.
        self.statement(
            "INSERT INTO log (revision, time_ms, namespace, entry, stream, kind, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            self.revision as i64,
            self.time_ms,
            namespace,
            entry,
            stream,
            kind,
            body
        ])?;
        Ok(())
    }

    fn check_laws(&self, batch: &Batch) -> Result<(), Problem> {
        let mut view = Rows { transaction: self.transaction, problem: None };
        let checked = laws::check(batch, &mut view);
        match view.problem {
            Some(error) => Err(error.into()),
            None => Ok(checked?),
        }
    }
}

/// The rows as the laws look at them.
struct Rows<'a> {
    transaction: &'a Connection,
    /// What SQLite said, while the laws hear that something is wrong.
    problem: Option<rusqlite::Error>,
}

impl Rows<'_> {
    fn ask<T>(
        &mut self,
        (template, instance): (&str, &str),
        kind: Kind,
        params: impl rusqlite::Params,
        read: impl FnOnce(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, StoreError> {
        let sql = match kind {
            Kind::Template => template,
            Kind::Instance => instance,
        };
        let asked = self.transaction.prepare_cached(sql);
        asked.and_then(|mut statement| statement.query_row(params, read).optional()).map_err(|error| {
            let message = error.to_string();
            self.problem = Some(error);
            StoreError::Damaged(message)
        })
    }
}

impl View for Rows<'_> {
    fn container(&mut self, kind: Kind, id: u64) -> Result<Option<Option<u64>>, StoreError> {
        let sql = (
            "SELECT container FROM vertex_template WHERE id = ?1",
            "SELECT container FROM vertex WHERE id = ?1",
        );
        let container = self.ask(sql, kind, [integer(id)?], |row| row.get::<_, Option<i64>>(0))?;
        Ok(container.map(|container| container.map(|id| id as u64)))
    }

    fn is_ambiguous(
        &mut self,
        kind: Kind,
        namespace: &Namespace,
        container: Option<u64>,
        name: &str,
    ) -> Result<bool, StoreError> {
        match container {
            Some(container) => {
                let sql = (
                    "SELECT 1 FROM vertex_template WHERE container = ?1 AND name = ?2 LIMIT 1 OFFSET 1",
                    "SELECT 1 FROM vertex WHERE container = ?1 AND name = ?2 LIMIT 1 OFFSET 1",
                );
                Ok(self.ask(sql, kind, params![integer(container)?, name], |_| Ok(()))?.is_some())
            }
            None => {
                let sql = (
                    "SELECT 1 FROM vertex_template WHERE container IS NULL AND name = ?1
                     AND namespace = (SELECT id FROM namespace WHERE name = ?2) LIMIT 1 OFFSET 1",
                    "SELECT 1 FROM vertex WHERE container IS NULL AND name = ?1
                     AND namespace = (SELECT id FROM namespace WHERE name = ?2) LIMIT 1 OFFSET 1",
                );
                Ok(self.ask(sql, kind, params![name, namespace.0], |_| Ok(()))?.is_some())
            }
        }
    }

    fn has_contents(&mut self, kind: Kind, id: u64) -> Result<bool, StoreError> {
        let sql = (
            "SELECT 1 FROM vertex_template WHERE container = ?1 LIMIT 1",
            "SELECT 1 FROM vertex WHERE container = ?1 LIMIT 1",
        );
        Ok(self.ask(sql, kind, [integer(id)?], |_| Ok(()))?.is_some())
    }

    fn has_edges(&mut self, kind: Kind, id: u64) -> Result<bool, StoreError> {
        // Two questions, since OR over two indexes reads both of them.
        for sql in [
            (
                "SELECT 1 FROM edge_template WHERE source = ?1 LIMIT 1",
                "SELECT 1 FROM edge WHERE source = ?1 LIMIT 1",
            ),
            (
                "SELECT 1 FROM edge_template WHERE target = ?1 LIMIT 1",
                "SELECT 1 FROM edge WHERE target = ?1 LIMIT 1",
            ),
        ] {
            if self.ask(sql, kind, [integer(id)?], |_| Ok(()))?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn encoded<T: Serialize>(what: &str, content: &T) -> Result<Vec<u8>, StoreError> {
    encode(content).map_err(|error| laws::cannot_encode(what, &error))
}

/// SQLite's integers have a sign.
pub(crate) fn integer(id: u64) -> Result<i64, StoreError> {
    i64::try_from(id).map_err(|_| laws::id_too_large(id))
}
