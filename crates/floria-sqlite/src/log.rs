//! Reading the log.

use floria::{Author, EntryCode, LogEntry, LogQuery, LogRow, Revision, StoreError};
use rusqlite::{Connection, Row, types::Value as Parameter};

use crate::{
    error::{Problem, damaged},
    names,
    snapshot::end_of,
};

/// Columns of a row of the log, as [`row`] reads them.
const SELECT: &str =
    "SELECT log.sequence, log.revision, log.entry, namespace.name, stream.name, word.name, log.body,
     chain.time_ms, author.name, wrote.name FROM log";

/// What the rows refer to.
const JOINED: &str =
    "CROSS JOIN namespace ON namespace.id = log.namespace CROSS JOIN chain ON chain.revision = log.revision
     LEFT JOIN stream ON stream.id = log.stream LEFT JOIN word ON word.id = log.kind
     LEFT JOIN word author ON author.id = chain.author LEFT JOIN stream wrote ON wrote.id = chain.stream";

/// Returns rows of the log, in order.
pub(crate) fn rows(connection: &Connection, query: &LogQuery) -> Result<Vec<LogRow>, Problem> {
    let (present, kept_from): (i64, i64) = connection
        .prepare_cached("SELECT revision, kept_from FROM store")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let (present, kept_from) = (Revision(present as u64), Revision(kept_from as u64));
    if query.since < kept_from && query.since > Revision(0) {
        return Err(StoreError::Forgotten { asked: query.since, kept_from }.into());
    }
    let Ok(after) = i64::try_from(query.after) else { return Ok(Vec::new()) };
    if query.since >= present || query.limit == Some(0) {
        return Ok(Vec::new());
    }
    let after = after.max(end_of(connection, query.since.0 as i64)?);
    let limit = query.limit.and_then(|limit| i64::try_from(limit).ok()).unwrap_or(i64::MAX);
    let mut parameters = vec![Parameter::Integer(after), Parameter::Integer(limit)];
    let mut condition = String::new();
    let mut and = |column: &str, number: i64| {
        parameters.push(Parameter::Integer(number));
        condition.push_str(&format!(" AND {column} = ?{}", parameters.len()));
    };
    // The narrowest index is the one to use. Without one, rows are read in their order.
    let mut by = "NOT INDEXED";
    if let Some(key) = &query.entity {
        let Some((kind, id)) = names::entity(connection, key)? else { return Ok(Vec::new()) };
        and("(log.entry - 1) % 6", kind);
        and("log.entity", id);
        by = "INDEXED BY log_by_entity";
    }
    if let Some(stream) = &query.stream {
        let Some(stream) = names::stream(connection, stream)? else { return Ok(Vec::new()) };
        and("log.stream", stream);
        if query.entity.is_none() {
            by = "INDEXED BY log_by_stream";
        }
    }
    if let Some(namespace) = &query.namespace {
        let Some(namespace) = names::namespace(connection, namespace)? else { return Ok(Vec::new()) };
        and("log.namespace", namespace);
        if query.entity.is_none() && query.stream.is_none() {
            by = "INDEXED BY log_by_namespace";
        }
    }
    let sql =
        format!("{SELECT} {by} {JOINED} WHERE log.sequence > ?1{condition} ORDER BY log.sequence LIMIT ?2");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(rusqlite::params_from_iter(parameters))?;
    let mut log = Vec::new();
    while let Some(found) = rows.next()? {
        log.push(row(found)?);
    }
    Ok(log)
}

fn row(row: &Row<'_>) -> Result<LogRow, Problem> {
    let sequence: i64 = row.get(0)?;
    let text = |column: usize| row.get_ref(column)?.as_str_or_null().map_err(rusqlite::Error::from);
    let body = row.get_ref(6)?.as_blob().map_err(rusqlite::Error::from)?;
    let code = EntryCode(row.get(2)?);
    let namespace = text(3)?.unwrap_or_default();
    let entry = LogEntry::decoded(code, body, namespace, text(4)?, text(5)?)
        .map_err(|error| damaged(format_args!("row {sequence} of the log"), &error))?;
    let author: Option<String> = row.get(8)?;
    let stream = row.get(9)?;
    Ok(LogRow {
        sequence: sequence as u64,
        revision: Revision(row.get::<_, i64>(1)? as u64),
        time_ms: row.get::<_, i64>(7)? as u64,
        author: author.map(|name| Author { name, stream }),
        entry,
    })
}
