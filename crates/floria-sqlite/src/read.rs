//! Reading: graphs, designs and the log, each in one transaction.

use floria::{
    Change, Design, Edge, EdgeId, EdgeTemplate, EdgeTemplateId, Entity, EntityKey, Graph, LogEntry, LogQuery,
    LogRow, Namespace, Record, Revision, StoreError, Vertex, VertexId, VertexTemplate, VertexTemplateId,
    decode,
};
use rusqlite::{OptionalExtension as _, Transaction, types::Value as Parameter};
use serde::de::DeserializeOwned;

use crate::{
    commit::{Problem, entry},
    error::damaged,
};

pub(crate) fn graph(transaction: &Transaction<'_>, namespace: &Namespace) -> Result<Graph, Problem> {
    let mut graph = Graph::default();
    if let Some(id) = namespace_id(transaction, namespace)? {
        each(
            transaction,
            "vertex",
            "SELECT id, body FROM vertex WHERE namespace = ?1",
            id,
            |vertex: Vertex| {
                graph.put_vertex(vertex);
            },
        )?;
        each(transaction, "edge", "SELECT id, body FROM edge WHERE namespace = ?1", id, |edge: Edge| {
            graph.put_edge(edge);
        })?;
    }
    Ok(graph)
}

pub(crate) fn design(
    transaction: &Transaction<'_>,
    namespace: &Namespace,
) -> Result<Option<Design>, Problem> {
    let Some(id) = namespace_id(transaction, namespace)? else { return Ok(None) };
    let mut classes = Vec::new();
    let sql = "SELECT 0, body FROM class WHERE namespace = ?1 ORDER BY name";
    each(transaction, "class", sql, id, |class| classes.push(class))?;
    let mut vertexes: Vec<VertexTemplate> = Vec::new();
    let sql = "SELECT id, body FROM vertex_template WHERE namespace = ?1";
    each(transaction, "vertex template", sql, id, |vertex| vertexes.push(vertex))?;
    let mut edges: Vec<EdgeTemplate> = Vec::new();
    let sql = "SELECT id, body FROM edge_template WHERE namespace = ?1";
    each(transaction, "edge template", sql, id, |edge| edges.push(edge))?;
    Ok(Design::stored(namespace.clone(), classes, vertexes, edges))
}

pub(crate) fn revision(transaction: &Transaction<'_>) -> Result<Revision, Problem> {
    let revision: i64 =
        transaction.prepare_cached("SELECT revision FROM store")?.query_row([], |row| row.get(0))?;
    Ok(Revision(revision as u64))
}

pub(crate) fn namespace_revision(
    transaction: &Transaction<'_>,
    namespace: &Namespace,
) -> Result<Revision, Problem> {
    let revision: Option<i64> = transaction
        .prepare_cached("SELECT revision FROM namespace WHERE name = ?1")?
        .query_row([&namespace.0], |row| row.get(0))
        .optional()?;
    Ok(Revision(revision.unwrap_or(0) as u64))
}

pub(crate) fn namespaces(transaction: &Transaction<'_>) -> Result<Vec<Namespace>, Problem> {
    let mut statement = transaction.prepare_cached(
        "SELECT name FROM namespace
         WHERE EXISTS (SELECT 1 FROM vertex WHERE vertex.namespace = namespace.id)
         OR EXISTS (SELECT 1 FROM vertex_template WHERE vertex_template.namespace = namespace.id)
         OR EXISTS (SELECT 1 FROM edge WHERE edge.namespace = namespace.id)
         OR EXISTS (SELECT 1 FROM edge_template WHERE edge_template.namespace = namespace.id)
         OR EXISTS (SELECT 1 FROM class WHERE class.namespace = namespace.id)
         ORDER BY name",
    )?;
    let names = statement.query_map([], |row| row.get(0).map(Namespace))?;
    Ok(names.collect::<rusqlite::Result<_>>()?)
}

pub(crate) fn log(transaction: &Transaction<'_>, query: &LogQuery) -> Result<Vec<LogRow>, Problem> {
    let mut sql = "SELECT sequence, log.revision, time_ms, entry, namespace.name, stream.name, kind, body
         FROM log JOIN namespace ON namespace.id = log.namespace LEFT JOIN stream ON stream.id = log.stream
         WHERE sequence > ?1 AND log.revision > ?3"
        .to_owned();
    let Ok(after) = i64::try_from(query.after) else { return Ok(Vec::new()) };
    let limit = query.limit.and_then(|limit| i64::try_from(limit).ok()).unwrap_or(i64::MAX);
    let mut parameters =
        vec![Parameter::Integer(after), Parameter::Integer(limit), Parameter::Integer(query.since.0 as i64)];
    if let Some(namespace) = &query.namespace {
        let Some(id) = namespace_id(transaction, namespace)? else { return Ok(Vec::new()) };
        parameters.push(Parameter::Integer(id));
        // A stream is the narrower of the two, so its index is the one to use; `+` keeps the other from being used.
        let column = if query.stream.is_some() { "+log.namespace" } else { "log.namespace" };
        sql.push_str(&format!(" AND {column} = ?{}", parameters.len()));
    }
    if let Some(stream) = &query.stream {
        let id = transaction
            .prepare_cached("SELECT id FROM stream WHERE name = ?1")?
            .query_row([stream], |row| row.get(0))
            .optional()?;
        let Some(id) = id else { return Ok(Vec::new()) };
        parameters.push(Parameter::Integer(id));
        sql.push_str(&format!(" AND log.stream = ?{}", parameters.len()));
    }
    sql.push_str(" ORDER BY sequence LIMIT ?2");

    let mut statement = transaction.prepare_cached(&sql)?;
    let mut rows = statement.query(rusqlite::params_from_iter(parameters))?;
    let mut log = Vec::new();
    while let Some(row) = rows.next()? {
        let sequence: i64 = row.get(0)?;
        let body = row.get_ref(7)?.as_blob().map_err(rusqlite::Error::from)?;
        let entry = match row.get(3)? {
            entry::RECORD => LogEntry::Record(Record {
                stream: row.get::<_, Option<String>>(5)?.unwrap_or_default(),
                namespace: Namespace(row.get(4)?),
                kind: row.get::<_, Option<String>>(6)?.unwrap_or_default(),
                body: read("row of the log", sequence, body)?,
            }),
            code => LogEntry::Change(change(code, sequence, body)?),
        };
        log.push(LogRow {
            sequence: sequence as u64,
            revision: Revision(row.get::<_, i64>(1)? as u64),
            time_ms: row.get::<_, i64>(2)? as u64,
            author: None,
            entry,
        });
    }
    Ok(log)
}

fn change(code: i64, sequence: i64, body: &[u8]) -> Result<Change, StoreError> {
    fn of<T: DeserializeOwned>(sequence: i64, body: &[u8]) -> Result<T, StoreError> {
        read("row of the log", sequence, body)
    }
    Ok(match code {
        entry::PUT_CLASS => Change::Put(Entity::Class(of(sequence, body)?)),
        entry::PUT_VERTEX_TEMPLATE => Change::Put(Entity::VertexTemplate(of(sequence, body)?)),
        entry::PUT_EDGE_TEMPLATE => Change::Put(Entity::EdgeTemplate(of(sequence, body)?)),
        entry::PUT_VERTEX => Change::Put(Entity::Vertex(of(sequence, body)?)),
        entry::PUT_EDGE => Change::Put(Entity::Edge(of(sequence, body)?)),
        entry::DELETE_CLASS => {
            let (namespace, name) = of(sequence, body)?;
            Change::Delete(EntityKey::Class(namespace, name))
        }
        entry::DELETE_VERTEX_TEMPLATE => {
            Change::Delete(EntityKey::VertexTemplate(VertexTemplateId(of(sequence, body)?)))
        }
        entry::DELETE_EDGE_TEMPLATE => {
            Change::Delete(EntityKey::EdgeTemplate(EdgeTemplateId(of(sequence, body)?)))
        }
        entry::DELETE_VERTEX => Change::Delete(EntityKey::Vertex(VertexId(of(sequence, body)?))),
        entry::DELETE_EDGE => Change::Delete(EntityKey::Edge(EdgeId(of(sequence, body)?))),
        other => {
            return Err(StoreError::Damaged(format!("row {sequence} of the log is of unknown kind {other}")));
        }
    })
}

fn namespace_id(transaction: &Transaction<'_>, namespace: &Namespace) -> rusqlite::Result<Option<i64>> {
    transaction
        .prepare_cached("SELECT id FROM namespace WHERE name = ?1")?
        .query_row([&namespace.0], |row| row.get(0))
        .optional()
}

/// Decodes the second column of each row; the first one is the id, for the case that this fails.
fn each<T: DeserializeOwned>(
    transaction: &Transaction<'_>,
    what: &str,
    sql: &str,
    namespace: i64,
    mut take: impl FnMut(T),
) -> Result<(), Problem> {
    let mut statement = transaction.prepare_cached(sql)?;
    let mut rows = statement.query([namespace])?;
    while let Some(row) = rows.next()? {
        let body = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
        take(read(what, row.get(0)?, body)?);
    }
    Ok(())
}

fn read<T: DeserializeOwned>(what: &str, id: i64, body: &[u8]) -> Result<T, StoreError> {
    decode(body).map_err(|error| damaged(what, id, &error))
}
