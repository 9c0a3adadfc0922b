//! Reading the log.

use floria::{Author, EntryCode, LogEntry, LogQuery, LogRow, Revision, StoreError};
use tokio_postgres::{Row, types::ToSql};

use crate::{
    batch::named_key,
    connection::block_on,
    error::{Problem, damaged},
    names::{integer, key, natural, text},
    parts::{delete_code, put_code},
    session::Session,
};

const SELECT: &str =
    "SELECT log.sequence, log.revision, commit.time_ms, commit.author, commit.author_stream, log.entry,
        namespace.name, stream.name, word.name, log.body
    FROM log JOIN commit ON commit.revision = log.revision JOIN namespace ON namespace.id = log.namespace
    LEFT JOIN word AS stream ON stream.id = log.stream LEFT JOIN word ON word.id = log.kind
    WHERE log.sequence > $1";

const KEPT_FROM: &str = "SELECT kept_from FROM store";

/// Returns the rows that are asked for.
pub(crate) fn log(session: &Session, query: &LogQuery) -> Result<Vec<LogRow>, Problem> {
    let rows = rows(session, query)?;
    // After they were read: what is forgotten meanwhile may be missing.
    if query.since > Revision(0) {
        let kept_from = Revision(natural(block_on(session.query_one(KEPT_FROM, &[]))?.get(0)));
        if query.since < kept_from {
            return Err(StoreError::Forgotten { asked: query.since, kept_from }.into());
        }
    }
    let rows: Result<_, StoreError> = rows.iter().map(log_row).collect();
    Ok(rows?)
}

fn rows(session: &Session, query: &LogQuery) -> Result<Vec<Row>, Problem> {
    let after = i64::try_from(query.after).unwrap_or(i64::MAX);
    let limit = query.limit.and_then(|limit| i64::try_from(limit).ok()).unwrap_or(i64::MAX);
    let mut sql = SELECT.to_owned();
    let mut parameters: Vec<Box<dyn ToSql + Sync>> = vec![Box::new(after), Box::new(limit)];
    let mut parameter = |value: Box<dyn ToSql + Sync>| {
        parameters.push(value);
        parameters.len()
    };
    if query.since > Revision(0) {
        // A revision that is not there yet has no later ones either.
        let place = parameter(Box::new(integer(query.since.0)));
        sql.push_str(&format!(" AND log.sequence > (SELECT sequence FROM commit WHERE revision = ${place})"));
    }
    if let Some(namespace) = &query.namespace {
        let place = parameter(Box::new(key(&namespace.0)));
        // A stream is the narrower of the two, so its index is the one to use; `+ 0` keeps the other from being used.
        let column = if query.stream.is_some() { "log.namespace + 0" } else { "log.namespace" };
        sql.push_str(&format!(" AND {column} = (SELECT id FROM namespace WHERE key = ${place})"));
    }
    if let Some(stream) = &query.stream {
        let place = parameter(Box::new(key(stream)));
        sql.push_str(&format!(" AND log.stream = (SELECT id FROM word WHERE key = ${place})"));
    }
    if let Some(entity) = &query.entity {
        let put = parameter(Box::new(put_code(entity.kind())));
        let delete = parameter(Box::new(delete_code(entity.kind())));
        sql.push_str(&format!(" AND log.entry IN (${put}, ${delete})"));
        match (entity.id(), named_key(entity)) {
            (None, Some((kind, namespace, name))) => {
                let kind = parameter(Box::new(kind));
                let namespace = parameter(Box::new(namespace));
                let name = parameter(Box::new(name));
                sql.push_str(&format!(
                    " AND log.entity = (SELECT named.id FROM named JOIN namespace ON namespace.id = named.namespace
                      WHERE named.kind = ${kind} AND namespace.key = ${namespace} AND named.key = ${name})"
                ));
            }
            (id, _) => {
                let place = parameter(Box::new(integer(id.unwrap_or(u64::MAX))));
                sql.push_str(&format!(" AND log.entity = ${place}"));
            }
        }
    }
    sql.push_str(" ORDER BY log.sequence LIMIT $2");
    let parameters: Vec<&(dyn ToSql + Sync)> =
        parameters.iter().map(|parameter| &**parameter as &(dyn ToSql + Sync)).collect();
    block_on(session.query(&sql, &parameters))
}

fn log_row(row: &Row) -> Result<LogRow, StoreError> {
    let sequence: i64 = row.get(0);
    let (namespace, stream, kind) = (text(row.get(6)), optional(row, 7), optional(row, 8));
    let code = EntryCode(row.get::<_, i16>(5) as u8);
    let entry = LogEntry::decoded(code, row.get(9), &namespace, stream.as_deref(), kind.as_deref())
        .map_err(|error| damaged(format_args!("row {sequence} of the log"), &error))?;
    Ok(LogRow {
        sequence: natural(sequence),
        revision: Revision(natural(row.get(1))),
        time_ms: natural(row.get(2)),
        author: author(row, 3),
        entry,
    })
}

/// Takes an author out of a row: the name in this column, the stream in the next.
pub(crate) fn author(row: &Row, column: usize) -> Option<Author> {
    optional(row, column).map(|name| Author { name, stream: optional(row, column + 1) })
}

fn optional(row: &Row, column: usize) -> Option<String> {
    row.get::<_, Option<&[u8]>>(column).map(text)
}
