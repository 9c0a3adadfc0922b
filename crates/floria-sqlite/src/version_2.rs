//! What version 2 of the tables holds that version 1 did not say in columns.

use floria::{
    Author, CHAIN_START, Chain, Entity, EntityKey, EntryCode, LogEntry, Namespace, Revision, RowParts,
    StoreError,
};
use rusqlite::{Connection, params};

use crate::{
    columns::{self, Columns},
    error::{Problem, damaged},
    names::Names,
};

/// The codes of entries that version 1 had, in its order, in the words of version 2: there were no plugins.
const CODES: [u8; 11] = [0, 1, 3, 4, 5, 6, 7, 9, 10, 11, 12];

/// The tables of entities in version 1, with the kind of what was in them, and what names a row.
const TABLES: [(&str, i64, &str); 5] = [
    ("class_1", 0, "0"),
    ("vertex_template", 2, "id"),
    ("edge_template", 3, "id"),
    ("vertex", 4, "id"),
    ("edge", 5, "id"),
];

/// Fills the tables of version 2 from those of version 1, and drops those.
pub(crate) fn fill(connection: &Connection) -> Result<(), Problem> {
    let mut names = Names::new(connection);
    fill_log(connection, &mut names)?;
    for (table, kind, id) in TABLES {
        let sql = format!("SELECT {id}, body FROM {table}");
        let mut statement = connection.prepare(&sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let body = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
            fill_entity(connection, &mut names, kind, row.get(0)?, body)?;
        }
    }
    for table in TABLES.iter().map(|table| table.0).chain(["log_1"]) {
        connection.execute_batch(&format!("DROP TABLE {table}"))?;
    }
    Ok(())
}

/// A commit that is being written.
struct Commit {
    revision: i64,
    time_ms: i64,
    last: i64,
    chain: Chain,
}

fn fill_log(connection: &Connection, names: &mut Names<'_>) -> Result<(), Problem> {
    let mut statement = connection.prepare(
        "SELECT log.sequence, log.revision, log.time_ms, log.namespace, namespace.name, log.entry, log.stream,
         stream.name, log.kind, log.body FROM log_1 log JOIN namespace ON namespace.id = log.namespace
         LEFT JOIN stream ON stream.id = log.stream ORDER BY log.sequence",
    )?;
    let mut rows = statement.query([])?;
    let mut written = Written { connection, digest: CHAIN_START, last: 0, time_ms: 0, revision: 0 };
    let mut commit: Option<Commit> = None;
    while let Some(row) = rows.next()? {
        let (sequence, revision, namespace): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(3)?);
        let namespace_name: String = row.get(4)?;
        let (stream, kind): (Option<String>, Option<String>) = (row.get(7)?, row.get(8)?);
        let code = row.get::<_, i64>(5)?;
        let code = usize::try_from(code).ok().and_then(|code| CODES.get(code)).ok_or_else(|| {
            StoreError::Damaged(format!("row {sequence} of the log is of unknown kind {code}"))
        })?;
        let body = row.get_ref(9)?.as_blob().map_err(rusqlite::Error::from)?;
        let entry =
            LogEntry::decoded(EntryCode(*code), body, &namespace_name, stream.as_deref(), kind.as_deref())
                .map_err(|error| damaged(format_args!("row {sequence} of the log"), &error))?;
        let entity = match &entry {
            LogEntry::Change(change) => Some(entity(names, &change.key(), &namespace_name)?),
            LogEntry::Record(_) => None,
        };
        let kind_word = kind.as_deref().map(|kind| names.word(kind)).transpose()?;
        if commit.as_ref().is_none_or(|commit| commit.revision != revision) {
            written.end(commit.take())?;
            commit = Some(written.begin(revision, row.get(2)?)?);
        }
        if let Some(commit) = &mut commit {
            commit.last = sequence;
            commit.chain.row(&RowParts {
                sequence: sequence as u64,
                code: EntryCode(*code),
                namespace: &namespace_name,
                stream: stream.as_deref(),
                kind: kind.as_deref(),
                body,
            });
        }
        connection
            .prepare_cached(
                "INSERT INTO log (sequence, revision, namespace, entry, entity, stream, kind, body)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute(params![
                sequence,
                revision,
                namespace,
                code,
                entity,
                row.get::<_, Option<i64>>(6)?,
                kind_word,
                body
            ])?;
    }
    written.end(commit)?;
    let present: i64 = connection.query_row("SELECT revision FROM store", [], |row| row.get(0))?;
    written.skip(present)
}

fn entity(names: &mut Names<'_>, key: &EntityKey, namespace: &str) -> rusqlite::Result<i64> {
    let owner = names.namespace(&Namespace(namespace.to_owned()))?;
    names.entity(key, owner)
}

/// The chain as far as it is written.
struct Written<'a> {
    connection: &'a Connection,
    digest: [u8; 32],
    last: i64,
    time_ms: i64,
    revision: i64,
}

impl Written<'_> {
    fn begin(&mut self, revision: i64, time_ms: i64) -> Result<Commit, Problem> {
        self.skip(revision - 1)?;
        let time_ms = time_ms.max(self.time_ms);
        Ok(Commit { revision, time_ms, last: self.last, chain: self.chain(revision, time_ms) })
    }

    fn chain(&self, revision: i64, time_ms: i64) -> Chain {
        let author: Option<&Author> = None;
        Chain::new(&self.digest, Revision(revision as u64), time_ms as u64, author)
    }

    /// Writes the commits up to a revision that had no rows: empty batches.
    fn skip(&mut self, revision: i64) -> Result<(), Problem> {
        while self.revision < revision {
            let (next, time_ms) = (self.revision + 1, self.time_ms);
            let chain = self.chain(next, time_ms);
            self.end(Some(Commit { revision: next, time_ms, last: self.last, chain }))?;
        }
        Ok(())
    }

    fn end(&mut self, commit: Option<Commit>) -> Result<(), Problem> {
        let Some(commit) = commit else { return Ok(()) };
        let digest = commit.chain.finish();
        self.connection
            .prepare_cached("INSERT INTO chain (revision, time_ms, last, digest) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![commit.revision, commit.time_ms, commit.last, digest])?;
        (self.digest, self.last, self.time_ms, self.revision) =
            (digest, commit.last, commit.time_ms, commit.revision);
        Ok(())
    }
}

/// Writes what an entity is found by, once the log agrees that it is there.
fn fill_entity(
    connection: &Connection,
    names: &mut Names<'_>,
    kind: i64,
    id: i64,
    body: &[u8],
) -> Result<(), Problem> {
    let entity: Entity = columns::body(kind, id, body)?;
    let key = entity.key();
    let (columns, reads) = Columns::of(&entity, names)?;
    let id = names.entity(&key, columns.namespace)?;
    let sql =
        "SELECT sequence, body FROM log INDEXED BY log_by_entity WHERE (entry - 1) % 6 = ?1 AND entity = ?2 AND entity IS NOT NULL
         ORDER BY sequence DESC LIMIT 1";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([kind, id])?;
    let agrees = match rows.next()? {
        Some(row) if row.get_ref(1)?.as_blob().is_ok_and(|logged| logged == body) => Some(row.get(0)?),
        _ => None,
    };
    let Some(sequence) = agrees else {
        return Err(StoreError::Damaged(format!("{key} is not what the log says")).into());
    };
    columns::put(connection, (kind, id), None, (&columns, &reads), (sequence, names))
}
