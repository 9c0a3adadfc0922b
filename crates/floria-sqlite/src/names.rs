//! Names that many rows share: each is kept once, and rows have its number.

use std::collections::HashMap;

use floria::{EntityKey, EntityKind, Namespace};
use rusqlite::{Connection, OptionalExtension as _, Params, params};

/// Finds the number of a namespace. Numbers count from 1.
pub(crate) fn namespace(connection: &Connection, name: &Namespace) -> rusqlite::Result<Option<i64>> {
    find(connection, "SELECT id FROM namespace WHERE name = ?1", [&name.0])
}

/// Finds the number of a word.
pub(crate) fn word(connection: &Connection, name: &str) -> rusqlite::Result<Option<i64>> {
    find(connection, "SELECT id FROM word WHERE name = ?1", [name])
}

/// Finds the number of a stream.
pub(crate) fn stream(connection: &Connection, name: &str) -> rusqlite::Result<Option<i64>> {
    find(connection, "SELECT id FROM stream WHERE name = ?1", [name])
}

/// Finds the kind and the number by which an entity stands in tables. None: it never was in this store.
pub(crate) fn entity(connection: &Connection, key: &EntityKey) -> rusqlite::Result<Option<(i64, i64)>> {
    let kind = key.kind() as i64;
    let (owner, name) = match key {
        EntityKey::Class(owner, name) => (owner, &name.0),
        EntityKey::Plugin(owner, name) => (owner, &name.0),
        _ => return Ok(key.id().and_then(|id| i64::try_from(id).ok()).map(|id| (kind, id))),
    };
    let sql = "SELECT id FROM named WHERE kind = ?1 AND name = ?2
         AND namespace = (SELECT id FROM namespace WHERE name = ?3)";
    Ok(find(connection, sql, params![kind, name, owner.0])?.map(|id| (kind, id)))
}

fn find(connection: &Connection, sql: &str, params: impl Params) -> rusqlite::Result<Option<i64>> {
    connection.prepare_cached(sql)?.query_row(params, |row| row.get(0)).optional()
}

/// Returns the number of names, new ones too, and remembers those it was asked for. A commit that is rolled back takes them
/// back, so each commit has its own.
pub(crate) struct Names<'a> {
    connection: &'a Connection,
    namespaces: HashMap<Namespace, i64>,
    words: HashMap<String, i64>,
    /// Whether names that nobody had are only read; they then have the number 0.
    read_only: bool,
}

impl<'a> Names<'a> {
    pub(crate) fn new(connection: &'a Connection) -> Self {
        Self { connection, namespaces: HashMap::new(), words: HashMap::new(), read_only: false }
    }

    /// For whoever only compares: a name that nobody had gets the number 0, which no row has.
    pub(crate) fn reading(connection: &'a Connection) -> Self {
        Self { read_only: true, ..Self::new(connection) }
    }

    pub(crate) fn namespace(&mut self, name: &Namespace) -> rusqlite::Result<i64> {
        if let Some(id) = self.namespaces.get(name) {
            return Ok(*id);
        }
        let sql = "INSERT INTO namespace (name, revision) VALUES (?1, 0) RETURNING id";
        let id = self.made(namespace(self.connection, name)?, sql, [&name.0])?;
        self.namespaces.insert(name.clone(), id);
        Ok(id)
    }

    pub(crate) fn word(&mut self, name: &str) -> rusqlite::Result<i64> {
        if let Some(id) = self.words.get(name) {
            return Ok(*id);
        }
        let sql = "INSERT INTO word (name) VALUES (?1) RETURNING id";
        let id = self.made(word(self.connection, name)?, sql, [name])?;
        self.words.insert(name.to_owned(), id);
        Ok(id)
    }

    pub(crate) fn stream(&mut self, name: &str) -> rusqlite::Result<i64> {
        let sql = "INSERT INTO stream (name) VALUES (?1) RETURNING id";
        self.made(stream(self.connection, name)?, sql, [name])
    }

    /// Returns the number by which an entity stands in tables. `owner` is that of its namespace.
    pub(crate) fn entity(&mut self, key: &EntityKey, owner: i64) -> rusqlite::Result<i64> {
        let name = match key {
            EntityKey::Class(_, name) => &name.0,
            EntityKey::Plugin(_, name) => &name.0,
            // The laws refuse what does not fit.
            _ => return Ok(key.id().and_then(|id| i64::try_from(id).ok()).unwrap_or(i64::MAX)),
        };
        let params = params![key.kind() as i64, owner, name];
        let sql = "SELECT id FROM named WHERE kind = ?1 AND namespace = ?2 AND name = ?3";
        let found = find(self.connection, sql, params)?;
        self.made(found, "INSERT INTO named (kind, namespace, name) VALUES (?1, ?2, ?3) RETURNING id", params)
    }

    fn made(&self, found: Option<i64>, sql: &str, params: impl Params) -> rusqlite::Result<i64> {
        match found {
            Some(id) => Ok(id),
            None if self.read_only => Ok(0),
            None => self.connection.prepare_cached(sql)?.query_row(params, |row| row.get(0)),
        }
    }
}

/// Returns the kind that stands in a table, if there is such a kind.
pub(crate) fn kind(place: i64) -> Option<EntityKind> {
    usize::try_from(place).ok().and_then(|place| EntityKind::ALL.get(place)).copied()
}
