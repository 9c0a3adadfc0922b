//! Looking for damage, without holding the store in memory.

use std::collections::HashMap;

use floria::{CHAIN_START, Change, EntityKind, EntryCode, Finding, LogEntry, Revision, verify::ChainCheck};
use rusqlite::{Connection, ErrorCode};

use crate::{
    columns::{self, Columns},
    digests::{self, CommitRow, WrittenRow},
    error::{Problem, because},
    migrations::MIGRATIONS,
    names::{self, Names},
};

/// How many findings are listed: whoever reads more of them learns nothing new.
const FINDINGS_MAX: usize = 1_000;

type Check = fn(&Connection, &mut Vec<Finding>) -> Result<(), Problem>;

/// Looks at everything that a transaction sees.
pub(crate) fn verify(connection: &Connection) -> Result<Vec<Finding>, Problem> {
    let mut findings = Vec::new();
    let checks: [Check; 5] = [database, tables, history, present, laws];
    for check in checks {
        match check(connection, &mut findings) {
            Ok(()) => {}
            Err(Problem::Store(floria::StoreError::Damaged(message))) => {
                findings.push(Finding::new("entity", message));
            }
            Err(Problem::Sqlite(error)) if is_damage(&error) => {
                findings.push(Finding::new("database", error.to_string()));
            }
            Err(problem) => return Err(problem),
        }
    }
    findings.truncate(FINDINGS_MAX);
    Ok(findings)
}

/// Returns whether SQLite complains of what it read, and not of the disk or another process.
fn is_damage(error: &rusqlite::Error) -> bool {
    match error.sqlite_error_code() {
        Some(code) => {
            matches!(code, ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::Unknown)
        }
        // A column of another type, or text that is none; a table that has another name now.
        None => true,
    }
}

/// Lets SQLite look: pages, order, indexes, types and constraints.
fn database(connection: &Connection, findings: &mut Vec<Finding>) -> Result<(), Problem> {
    let mut statement = connection.prepare("PRAGMA integrity_check")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let message: String = row.get(0)?;
        if message != "ok" {
            findings.push(Finding::new("database", message));
        }
    }
    Ok(())
}

/// Compares the tables with those of a new store.
fn tables(connection: &Connection, findings: &mut Vec<Finding>) -> Result<(), Problem> {
    let of = |connection: &Connection| -> rusqlite::Result<Vec<(String, String)>> {
        let sql = "SELECT type || ' ' || name, coalesce(sql, '') FROM sqlite_schema ORDER BY 1";
        connection.prepare(sql)?.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
    };
    let new = Connection::open_in_memory()?;
    MIGRATIONS.iter().try_for_each(|migration| migration.run(&new))?;
    let (found, expected) = (of(connection)?, of(&new)?);
    for (name, _) in expected.iter().filter(|table| !found.contains(table)) {
        findings.push(Finding::new("database", format!("{name} is not as it was made")));
    }
    for (name, _) in found.iter().filter(|(name, _)| !expected.iter().any(|(other, _)| other == name)) {
        findings.push(Finding::new("database", format!("{name} is nothing that this store has")));
    }
    Ok(())
}

/// Walks through the log: digests, numbers, and for each row that is the present of an entity, what it is found by.
fn history(connection: &Connection, findings: &mut Vec<Finding>) -> Result<(), Problem> {
    let (present, kept_from): (i64, i64) =
        connection.query_row("SELECT revision, kept_from FROM store WHERE id = 1", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    let mut walk = Walk {
        connection,
        names: Names::reading(connection),
        kept_from,
        chain: None,
        last: (0, 0, 0),
        found_by: (0, 0),
        findings,
    };
    if kept_from == 0 {
        walk.chain = Some(ChainCheck::new(Revision(0), CHAIN_START));
    }
    digests::each_commit(connection, i64::MAX, |commit| walk.commit(&commit))?;
    let (last, _, end) = walk.last;
    let (members, readers) = walk.found_by;
    let chain = walk.chain.map(|chain| chain.findings).unwrap_or_default();
    if last != present {
        findings
            .push(Finding::new("chain", format!("the last commit is {last}, and the store is at {present}")));
    }
    let highest: i64 =
        connection.query_row("SELECT coalesce(max(sequence), 0) FROM log", [], |row| row.get(0))?;
    if highest > end {
        findings.push(Finding::new("log", format!("row {highest} is of no commit: the last one has {end}")));
    }
    findings.extend(chain);
    for (table, expected) in [("member", members), ("reader", readers)] {
        let count: i64 =
            connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0))?;
        if count != expected {
            let message = format!("{count} rows of `{table}`, where entities have {expected}");
            findings.push(Finding::new("index", message));
        }
    }
    Ok(())
}

struct Walk<'a> {
    connection: &'a Connection,
    names: Names<'a>,
    kept_from: i64,
    /// From the oldest commit that is kept on.
    chain: Option<ChainCheck>,
    /// The commit before: revision, time, last row.
    last: (i64, i64, i64),
    /// How many rows of `member` and of `reader` there must be.
    found_by: (i64, i64),
    findings: &'a mut Vec<Finding>,
}

impl Walk<'_> {
    fn found(&mut self, kind: &str, message: String) {
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(Finding::new(kind, message));
        }
    }

    fn commit(&mut self, commit: &CommitRow) -> Result<(), Problem> {
        let number = commit.revision;
        let revision = Revision(number as u64);
        if commit.time_ms < self.last.1 {
            self.found("chain", format!("revision {number} is older than the one before it"));
        }
        let Ok(digest) = <[u8; 32]>::try_from(commit.digest.as_slice()) else {
            self.found("chain", format!("revision {number} has no digest"));
            return Ok(());
        };
        let is_whole = number > self.kept_from;
        if is_whole != commit.rest.is_none() {
            self.found("chain", format!("revision {number} and what was forgotten do not agree"));
        }
        if is_whole && let Some(chain) = &mut self.chain {
            chain.begin(revision, commit.time_ms as u64, commit.author.as_ref());
        }
        let mut next = commit.rows.0 + 1;
        let mut rows = Vec::new();
        digests::each_row(self.connection, commit.rows, |row| {
            rows.push(row);
            Ok(())
        })?;
        for row in &rows {
            if is_whole && row.sequence != next {
                self.found("log", format!("rows {next} to {} are missing", row.sequence - 1));
            }
            next = row.sequence + 1;
            if row.revision != number {
                self.found(
                    "log",
                    format!(
                        "row {} says that it is of revision {}, not {number}",
                        row.sequence, row.revision
                    ),
                );
            }
            if is_whole && let Some(chain) = &mut self.chain {
                chain.row(&row.parts());
            }
            self.row(row)?;
        }
        if is_whole {
            if next != commit.rows.1 + 1 {
                self.found("log", format!("rows {next} to {} are missing", commit.rows.1));
            }
            if let Some(chain) = &mut self.chain {
                chain.end(&digest);
            }
        } else if let Some(rest) = &commit.rest
            && *rest != digests::rest(self.connection, commit)?
        {
            self.found("chain", format!("what is left of revision {number} is not what was left of it"));
        }
        if number == self.kept_from {
            self.chain = Some(ChainCheck::new(revision, digest));
        }
        self.last = (number, commit.time_ms, commit.rows.1);
        Ok(())
    }

    fn row(&mut self, row: &WrittenRow) -> Result<(), Problem> {
        let sequence = row.sequence;
        let (stream, kind) = (row.stream.as_deref(), row.kind.as_deref());
        let entry = LogEntry::decoded(EntryCode(row.entry), &row.body, &row.namespace, stream, kind);
        let change = match entry {
            Err(error) => {
                self.found("log", format!("row {sequence}: {}", because(&error)));
                return Ok(());
            }
            Ok(LogEntry::Change(change)) => change,
            Ok(LogEntry::Record(_)) => {
                if row.entity.is_some() || stream.is_none() || kind.is_none() {
                    self.found("log", format!("row {sequence} is a record without a stream or a kind"));
                }
                return Ok(());
            }
        };
        let key = change.key();
        let kind = key.kind() as i64;
        let known = names::entity(self.connection, &key)?;
        if known.map(|known| known.1) != row.entity || stream.is_some() || row.kind.is_some() {
            self.found("log", format!("row {sequence} is about {key}, and says otherwise"));
        }
        let Some((_, id)) = known else { return Ok(()) };
        let Change::Put(entity) = change else { return Ok(()) };
        if entity.namespace().0 != row.namespace {
            self.found(
                "log",
                format!(
                    "row {sequence} is about namespace `{}`, not `{}`",
                    entity.namespace(),
                    row.namespace
                ),
            );
        }
        let Some(standing) = columns::standing(self.connection, kind, id)? else { return Ok(()) };
        if standing.sequence != sequence {
            return Ok(());
        }
        let (columns, reads) = Columns::of(&entity, &mut self.names)?;
        if columns != standing.columns {
            self.found("index", format!("{key} is not found by what it is"));
        }
        self.found_by.1 += reads.len() as i64;
        for class in columns.classes() {
            self.found_by.0 += 1;
            let sql = "SELECT count(*) FROM member WHERE class = ?1 AND kind = ?2 AND id = ?3";
            if self.count(sql, &[class, kind, id])? != 1 {
                self.found("index", format!("{key} is not found by one of its classes"));
            }
        }
        for (site, site_kind, property) in reads {
            let sql = "SELECT count(*) FROM reader
                 WHERE site = ?1 AND site_kind = ?2 AND property = ?3 AND kind = ?4 AND id = ?5";
            if self.count(sql, &[site, site_kind, property, kind, id])? != 1 {
                self.found("index", format!("{key} is not found by what it reads"));
            }
        }
        Ok(())
    }

    fn count(&self, sql: &str, params: &[i64]) -> rusqlite::Result<i64> {
        let params = rusqlite::params_from_iter(params);
        self.connection.prepare_cached(sql)?.query_row(params, |row| row.get(0))
    }
}

/// What must hold of what is there: each question finds what is wrong, as kind, entity or number, and text.
///
/// A column beside the expression of an index (`+e.kind`) has a sign, which takes its affinity away: SQLite compares what has one
/// with the expression only by looking at all rows.
const PRESENT: &[(&str, &str, &str)] = &[
    (
        "entity",
        "is not what its last row in the log says",
        "SELECT e.kind, e.id FROM entity e WHERE e.sequence IS NOT (SELECT max(sequence) FROM log INDEXED BY log_by_entity
             WHERE (entry - 1) % 6 = +e.kind AND entity = e.id AND entity IS NOT NULL)
         OR NOT EXISTS (SELECT 1 FROM log WHERE sequence = e.sequence AND entry = e.kind + 1)",
    ),
    (
        "entity",
        "is in the log and not there",
        "SELECT kind, entity FROM (SELECT (entry - 1) % 6 AS kind, entity, max(sequence) AS last FROM log INDEXED BY log_by_entity
             WHERE entity IS NOT NULL GROUP BY (entry - 1) % 6, entity) newest
         WHERE (SELECT entry FROM log WHERE sequence = last) < 7
         AND NOT EXISTS (SELECT 1 FROM entity e WHERE e.kind = newest.kind AND e.id = newest.entity)",
    ),
    (
        "log",
        "is deleted where it is not there",
        "SELECT kind, entity FROM (SELECT (entry - 1) % 6 AS kind, entity, entry, lag(entry)
             OVER (PARTITION BY (entry - 1) % 6, entity ORDER BY sequence) AS before FROM log WHERE entity IS NOT NULL)
         WHERE entry > 6 AND (before IS NULL OR before > 6)",
    ),
    (
        "law",
        "starts at what does not exist",
        "SELECT e.kind, e.id FROM entity e WHERE e.source IS NOT NULL
         AND NOT EXISTS (SELECT 1 FROM entity v WHERE v.kind = e.kind - 1 AND v.id = e.source)",
    ),
    (
        "law",
        "ends at what does not exist",
        "SELECT e.kind, e.id FROM entity e WHERE e.target IS NOT NULL
         AND NOT EXISTS (SELECT 1 FROM entity v WHERE v.kind = e.kind - 1 AND v.id = e.target)",
    ),
    (
        "law",
        "is in what does not exist",
        "SELECT e.kind, e.id FROM entity e WHERE e.container IS NOT NULL
         AND NOT EXISTS (SELECT 1 FROM entity v WHERE v.kind = e.kind AND v.id = e.container)",
    ),
    (
        "law",
        "has the name of another there",
        "SELECT e.kind, max(e.id) FROM entity e WHERE e.name IS NOT NULL
         GROUP BY e.kind, e.container, e.name, CASE WHEN e.container IS NULL THEN e.namespace END HAVING count(*) > 1",
    ),
];

fn present(connection: &Connection, findings: &mut Vec<Finding>) -> Result<(), Problem> {
    for (kind, message, sql) in PRESENT {
        let mut statement = connection.prepare(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            if findings.len() >= FINDINGS_MAX {
                return Ok(());
            }
            let (place, id): (i64, i64) = (row.get(0)?, row.get(1)?);
            let word = names::kind(place).map_or("entity", EntityKind::word);
            findings.push(Finding::new(kind, format!("{word} {id} {message}")));
        }
    }
    let highest: i64 = connection.query_row(
        "SELECT coalesce(max(id), 0) FROM entity WHERE kind > ?1",
        [EntityKind::Plugin as i64],
        |row| row.get(0),
    )?;
    let used: i64 = connection.query_row("SELECT ids_used FROM store", [], |row| row.get(0))?;
    if highest > used {
        findings.push(Finding::new("entity", format!("id {highest} was never taken: {used} is the highest")));
    }
    let sql = "SELECT n.name FROM namespace n WHERE n.revision IS NOT max(n.kept, coalesce(
         (SELECT max(l.revision) FROM log l WHERE l.namespace = n.id AND l.entry > 0), 0))
         OR n.kept > (SELECT kept_from FROM store)";
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let name: String = row.get(0)?;
        findings.push(Finding::new(
            "log",
            format!("namespace `{name}` is not at the revision of its last change"),
        ));
    }
    Ok(())
}

/// Looks for vertexes that contain themselves.
fn laws(connection: &Connection, findings: &mut Vec<Finding>) -> Result<(), Problem> {
    let mut statement =
        connection.prepare("SELECT kind, id, container FROM entity WHERE container IS NOT NULL")?;
    let rows = statement.query_map([], |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?)))?;
    let containers: HashMap<(i64, i64), i64> = rows.collect::<rusqlite::Result<_>>()?;
    // In which walk each was passed.
    let mut walked: HashMap<(i64, i64), usize> = HashMap::new();
    for (walk, start) in containers.keys().enumerate() {
        let mut inner = *start;
        while let Some(container) = containers.get(&inner) {
            match walked.insert(inner, walk) {
                None => inner = (inner.0, *container),
                Some(before) => {
                    if before == walk {
                        let word = names::kind(inner.0).map_or("entity", EntityKind::word);
                        findings.push(Finding::new("law", format!("{word} {} contains itself", inner.1)));
                    }
                    break;
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_of_each_entity_is_found_by_an_index() {
        let connection = Connection::open_in_memory().unwrap();
        MIGRATIONS.iter().try_for_each(|migration| migration.run(&connection)).unwrap();
        for (_, message, sql) in PRESENT {
            let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let steps = statement.query_map([], |row| row.get::<_, String>(3)).unwrap();
            let steps: Vec<String> = steps.collect::<rusqlite::Result<_>>().unwrap();
            for (index, step) in steps.iter().enumerate() {
                let is_asked_often = index > 0 && steps[index - 1].starts_with("CORRELATED");
                assert!(!is_asked_often || step.contains("=?"), "{message}: {steps:?}");
            }
        }
    }
}
