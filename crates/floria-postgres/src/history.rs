//! What the log says about a revision that is no longer the present one.
//!
//! What was not changed since is as it is now. What was changed, put in or taken out since is found by the rows of the log after
//! that revision, and as it was by the last row before. So looking back costs as much as was changed since, and no more.

use floria::{Entity, EntityKind, Index, StoreError};
use tokio_postgres::types::ToSql;

use crate::{
    error::Problem,
    names::{key, natural},
    parts::{delete_code, put_code},
    session::Session,
    snapshot::{Seen, below, beyond, entity},
};

/// How many changed entities are looked at in one query.
const CHUNK: i64 = 1_000;

const LAST_CHANGE: &str = "SELECT revision FROM log WHERE namespace = $1 AND sequence <= $2 AND entry > 0
    ORDER BY sequence DESC LIMIT 1";

const ENTITY_AT: &str =
    "SELECT entry, body FROM log WHERE entity = $1 AND entry IN ($2, $3) AND sequence <= $4
    ORDER BY sequence DESC LIMIT 1";

/// Returns the last revision up to the one that is seen that changed an entity of this namespace; 0 when the log tells of none.
pub(crate) async fn last_change(session: &Session, seen: Seen, namespace: i64) -> Result<i64, Problem> {
    let row = session.query_opt(LAST_CHANGE, &[&namespace, &seen.sequence]).await?;
    Ok(row.map_or(0, |row| row.get(0)))
}

/// Returns an entity as it was.
pub(crate) async fn entity_at(
    session: &Session,
    seen: Seen,
    kind: EntityKind,
    id: i64,
) -> Result<Option<Entity>, Problem> {
    let (put, delete) = (put_code(kind), delete_code(kind));
    let Some(row) = session.query_opt(ENTITY_AT, &[&id, &put, &delete, &seen.sequence]).await? else {
        return Ok(None);
    };
    if row.get::<_, i16>(0) != put {
        return Ok(None);
    }
    Ok(Some(entity(kind, natural(id), row.get(1))?))
}

/// Returns what an index held that was changed since, as it was, by id.
pub(crate) async fn changed_since(
    session: &Session,
    seen: Seen,
    index: &Index,
    mut after: i64,
    limit: Option<usize>,
) -> Result<Vec<Entity>, Problem> {
    let limit = limit.unwrap_or(usize::MAX);
    let mut found = Vec::new();
    // Nothing was there before the first row.
    if seen.sequence == 0 {
        return Ok(found);
    }
    let (put, delete) = (put_code(index.kind()), delete_code(index.kind()));
    // An entity stays in its namespace, so what was changed elsewhere does not matter.
    let (condition, place): (&str, Vec<Box<dyn ToSql + Sync + Send>>) = match index {
        Index::Namespace(_, namespace) => {
            ("AND namespace = (SELECT id FROM namespace WHERE key = $6)", vec![Box::new(key(&namespace.0))])
        }
        Index::Under(_, namespace) => (
            "AND namespace IN (SELECT id FROM namespace WHERE key = $6 OR (name >= $7 AND name < $8))",
            vec![Box::new(key(&namespace.0)), Box::new(below(namespace)), Box::new(beyond(namespace))],
        ),
        _ => ("", Vec::new()),
    };
    let sql = format!(
        "SELECT changed.entity, before.entry, before.body
         FROM (SELECT DISTINCT entity FROM log WHERE sequence > $1 AND entry IN ($2, $3) AND entity > $4 {condition}
               ORDER BY entity LIMIT $5) AS changed
         LEFT JOIN LATERAL (SELECT entry, body FROM log WHERE log.entity = changed.entity AND log.entry IN ($2, $3)
                            AND log.sequence <= $1 ORDER BY log.sequence DESC LIMIT 1) AS before ON true
         ORDER BY changed.entity"
    );
    loop {
        let chunk = after;
        let mut parameters: Vec<&(dyn ToSql + Sync)> = vec![&seen.sequence, &put, &delete, &chunk, &CHUNK];
        parameters.extend(place.iter().map(|parameter| &**parameter as &(dyn ToSql + Sync)));
        let rows = session.query(&sql, &parameters).await?;
        for row in &rows {
            after = row.get(0);
            if row.get::<_, Option<i16>>(1) != Some(put) {
                continue;
            }
            let body: Option<&[u8]> = row.get(2);
            let body = body.ok_or_else(|| StoreError::Damaged("a row of the log has no body".to_owned()))?;
            let entity = entity(index.kind(), natural(after), body)?;
            if index.holds(&entity) {
                found.push(entity);
            }
        }
        if rows.len() < CHUNK as usize || found.len() >= limit {
            return Ok(found);
        }
    }
}
