//! The rows as the laws look at them.

use floria::{
    EntityKind, Namespace, StoreError,
    laws::{Kind, View},
};
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::error::integer;

/// What a transaction has come to so far.
pub(crate) struct Rows<'a> {
    transaction: &'a Connection,
    /// What SQLite said, while the laws hear that something is wrong.
    pub(crate) problem: Option<rusqlite::Error>,
}

impl<'a> Rows<'a> {
    pub(crate) fn new(transaction: &'a Connection) -> Self {
        Self { transaction, problem: None }
    }

    fn ask<T>(
        &mut self,
        sql: &str,
        params: impl rusqlite::Params,
        read: impl FnOnce(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, StoreError> {
        let asked = self.transaction.prepare_cached(sql);
        asked.and_then(|mut statement| statement.query_row(params, read).optional()).map_err(|error| {
            let message = error.to_string();
            self.problem = Some(error);
            StoreError::Damaged(message)
        })
    }
}

fn vertex(kind: Kind) -> i64 {
    match kind {
        Kind::Template => EntityKind::VertexTemplate as i64,
        Kind::Instance => EntityKind::Vertex as i64,
    }
}

fn edge(kind: Kind) -> i64 {
    match kind {
        Kind::Template => EntityKind::EdgeTemplate as i64,
        Kind::Instance => EntityKind::Edge as i64,
    }
}

impl View for Rows<'_> {
    fn container(&mut self, kind: Kind, id: u64) -> Result<Option<Option<u64>>, StoreError> {
        let sql = "SELECT container FROM entity WHERE kind = ?1 AND id = ?2";
        let container = self.ask(sql, [vertex(kind), integer(id)?], |row| row.get::<_, Option<i64>>(0))?;
        Ok(container.map(|container| container.map(|id| id as u64)))
    }

    fn is_ambiguous(
        &mut self,
        kind: Kind,
        namespace: &Namespace,
        container: Option<u64>,
        name: &str,
    ) -> Result<bool, StoreError> {
        let second = match container {
            Some(container) => self.ask(
                "SELECT 1 FROM entity INDEXED BY entity_by_name WHERE kind = ?1 AND container = ?2 AND name = ?3 LIMIT 1 OFFSET 1",
                params![vertex(kind), integer(container)?, name],
                |_| Ok(()),
            )?,
            None => self.ask(
                "SELECT 1 FROM entity INDEXED BY entity_by_name WHERE kind = ?1 AND container IS NULL AND name = ?2
                 AND namespace = (SELECT id FROM namespace WHERE name = ?3) LIMIT 1 OFFSET 1",
                params![vertex(kind), name, namespace.0],
                |_| Ok(()),
            )?,
        };
        Ok(second.is_some())
    }

    fn has_contents(&mut self, kind: Kind, id: u64) -> Result<bool, StoreError> {
        let sql =
            "SELECT 1 FROM entity INDEXED BY entity_by_container WHERE kind = ?1 AND container = ?2 LIMIT 1";
        Ok(self.ask(sql, [vertex(kind), integer(id)?], |_| Ok(()))?.is_some())
    }

    fn has_edges(&mut self, kind: Kind, id: u64) -> Result<bool, StoreError> {
        let edge = edge(kind);
        let id = integer(id)?;
        // Two questions, since OR over two indexes reads both of them.
        let sql = "SELECT 1 FROM entity INDEXED BY entity_by_source WHERE kind = ?1 AND source = ?2 LIMIT 1";
        if self.ask(sql, [edge, id], |_| Ok(()))?.is_some() {
            return Ok(true);
        }
        let sql = "SELECT 1 FROM entity INDEXED BY entity_by_target WHERE kind = ?1 AND target = ?2 LIMIT 1";
        Ok(self.ask(sql, [edge, id], |_| Ok(()))?.is_some())
    }
}
