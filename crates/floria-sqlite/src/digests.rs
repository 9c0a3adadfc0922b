//! Commits and their digests, as they are written down.

use floria::{Author, Chain, EntryCode, Revision, RowParts};
use rusqlite::Connection;

use crate::error::Problem;

/// A commit, apart from its rows.
pub(crate) struct CommitRow {
    pub(crate) revision: i64,
    pub(crate) time_ms: i64,
    pub(crate) author: Option<Author>,
    /// The last row of the commit before it that is still there, and of this one.
    pub(crate) rows: (i64, i64),
    pub(crate) digest: Vec<u8>,
    pub(crate) rest: Option<Vec<u8>>,
}

/// A row of the log as it is written.
pub(crate) struct WrittenRow {
    pub(crate) sequence: i64,
    pub(crate) revision: i64,
    pub(crate) entry: u8,
    pub(crate) entity: Option<i64>,
    pub(crate) namespace: String,
    pub(crate) stream: Option<String>,
    pub(crate) kind: Option<String>,
    pub(crate) body: Vec<u8>,
}

impl WrittenRow {
    pub(crate) fn parts(&self) -> RowParts<'_> {
        RowParts {
            sequence: self.sequence as u64,
            code: EntryCode(self.entry),
            namespace: &self.namespace,
            stream: self.stream.as_deref(),
            kind: self.kind.as_deref(),
            body: &self.body,
        }
    }
}

/// How many commits are read at once.
const COMMITS_MAX: i64 = 1_000;

/// Calls a function with each commit up to a revision, in order.
pub(crate) fn each_commit(
    connection: &Connection,
    last: i64,
    mut work: impl FnMut(CommitRow) -> Result<(), Problem>,
) -> Result<(), Problem> {
    let mut after = 0;
    loop {
        let page = page(connection, after, last)?;
        let Some(end) = page.last() else { return Ok(()) };
        after = end.revision;
        page.into_iter().try_for_each(&mut work)?;
    }
}

/// Returns the next commits after a revision.
fn page(connection: &Connection, after: i64, last: i64) -> rusqlite::Result<Vec<CommitRow>> {
    let mut statement = connection.prepare_cached(
        "SELECT c.revision, c.time_ms, a.name, s.name,
         coalesce((SELECT b.last FROM chain b WHERE b.revision < c.revision ORDER BY b.revision DESC LIMIT 1), 0),
         c.last, c.digest, c.rest
         FROM chain c LEFT JOIN word a ON a.id = c.author LEFT JOIN stream s ON s.id = c.stream
         WHERE c.revision > ?1 AND c.revision <= ?2 ORDER BY c.revision LIMIT ?3",
    )?;
    let rows = statement.query_map([after, last, COMMITS_MAX], |row| {
        let name: Option<String> = row.get(2)?;
        let stream = row.get(3)?;
        Ok(CommitRow {
            revision: row.get(0)?,
            time_ms: row.get(1)?,
            author: name.map(|name| Author { name, stream }),
            rows: (row.get(4)?, row.get(5)?),
            digest: row.get(6)?,
            rest: row.get(7)?,
        })
    })?;
    rows.collect()
}

/// Calls a function with each row of a commit that is still there, in order.
pub(crate) fn each_row(
    connection: &Connection,
    (after, last): (i64, i64),
    mut work: impl FnMut(WrittenRow) -> Result<(), Problem>,
) -> Result<(), Problem> {
    let mut statement = connection.prepare_cached(
        "SELECT l.sequence, l.revision, l.entry, l.entity, n.name, s.name, w.name, l.body FROM log l
         LEFT JOIN namespace n ON n.id = l.namespace LEFT JOIN stream s ON s.id = l.stream
         LEFT JOIN word w ON w.id = l.kind WHERE l.sequence > ?1 AND l.sequence <= ?2 ORDER BY l.sequence",
    )?;
    let mut rows = statement.query([after, last])?;
    while let Some(row) = rows.next()? {
        work(WrittenRow {
            sequence: row.get(0)?,
            revision: row.get(1)?,
            entry: row.get(2)?,
            entity: row.get(3)?,
            namespace: row.get::<_, Option<String>>(4)?.unwrap_or_default(),
            stream: row.get(5)?,
            kind: row.get(6)?,
            body: row.get(7)?,
        })?;
    }
    Ok(())
}

/// Computes the digest of what is left of a commit, linked to the digest that it had when it was whole.
pub(crate) fn rest(connection: &Connection, commit: &CommitRow) -> Result<[u8; 32], Problem> {
    let mut digest = [0; 32];
    for (place, octet) in digest.iter_mut().zip(&commit.digest) {
        *place = *octet;
    }
    let revision = Revision(commit.revision as u64);
    let mut chain = Chain::new(&digest, revision, commit.time_ms as u64, commit.author.as_ref());
    each_row(connection, commit.rows, |row| {
        chain.row(&row.parts());
        Ok(())
    })?;
    Ok(chain.finish())
}
