//! The statements that look something up in an index, one text each for its whole life.

use std::sync::LazyLock;

use floria::{EntityKind, Index};
use rusqlite::{Connection, types::Value as Parameter};

use crate::{columns::site_key, names};

/// What is asked of one kind of index. Parameters: `?1` the kind, `?2` to `?4` what the index says, `?5` the id after which
/// rows are wanted, `?6` how many, `?7` the last row of the log that counts.
pub(crate) struct Queries {
    /// Ids and bodies, by id.
    pub(crate) find: String,
    /// The same of entities that were not changed later.
    pub(crate) find_before: String,
    pub(crate) count: String,
    pub(crate) count_before: String,
}

impl Queries {
    /// Makes them of where to look, the column of ids there, and what to look for.
    fn of(table: &str, id: &str, condition: &str) -> Self {
        let joined = if table.starts_with("entity e") {
            table.to_owned()
        } else {
            format!("{table} CROSS JOIN entity e ON e.kind = ?1 AND e.id = {id}")
        };
        let find = |before: &str| {
            format!(
                "SELECT {id}, l.body FROM {joined} CROSS JOIN log l ON l.sequence = e.sequence
                 WHERE {condition} AND {id} > ?5{before} ORDER BY {id} LIMIT ?6"
            )
        };
        Self {
            find: find(""),
            find_before: find(" AND e.sequence <= ?7"),
            count: format!("SELECT count(*) FROM {table} WHERE {condition}"),
            count_before: format!("SELECT count(*) FROM {joined} WHERE {condition} AND e.sequence <= ?7"),
        }
    }
}

macro_rules! queries {
    ($($name:ident: $table:literal $id:literal $condition:literal;)*) => {
        $(static $name: LazyLock<Queries> = LazyLock::new(|| Queries::of($table, $id, $condition));)*
    };
}

// Where ids are asked for in order, SQLite would rather go through the primary key, which is all of a kind.
queries! {
    ALL: "entity e" "e.id" "e.kind = ?1";
    NAMESPACE: "entity e INDEXED BY entity_by_namespace" "e.id"
        "e.kind = ?1 AND e.namespace = ?2";
    UNDER: "entity e INDEXED BY entity_by_namespace" "e.id"
        "e.kind = ?1 AND e.namespace IN (SELECT id FROM namespace WHERE name = ?2 OR (name >= ?3 AND name < ?4))";
    CLASS: "member m" "m.id" "m.kind = ?1 AND m.class = ?2";
    NAME: "entity e INDEXED BY entity_by_name" "e.id"
        "e.kind = ?1 AND e.container = ?2 AND e.name = ?3";
    OUTER_NAME: "entity e INDEXED BY entity_by_name" "e.id"
        "e.kind = ?1 AND e.container IS NULL AND e.name = ?3";
    CONTENTS: "entity e INDEXED BY entity_by_container" "e.id"
        "e.kind = ?1 AND e.container = ?2";
    OUTGOING: "entity e INDEXED BY entity_by_source" "e.id"
        "e.kind = ?1 AND e.source = ?2";
    INCOMING: "entity e INDEXED BY entity_by_target" "e.id"
        "e.kind = ?1 AND e.target = ?2";
    READERS: "reader r" "r.id" "r.kind = ?1 AND r.site = ?2 AND r.site_kind = ?3 AND r.property = ?4";
    ORIGIN: "entity e INDEXED BY entity_by_origin" "e.id"
        "e.kind = ?1 AND e.origin = ?2";
}

/// A question to an index.
pub(crate) struct Question {
    pub(crate) queries: &'static Queries,
    pub(crate) kind: i64,
    /// What the index says, for `?2` to `?4`.
    pub(crate) parameters: [Parameter; 3],
}

/// Returns how to ask an index; None when nothing can be in it.
pub(crate) fn question(connection: &Connection, index: &Index) -> rusqlite::Result<Option<Question>> {
    let kind = index.kind();
    let is_vertex = matches!(kind, EntityKind::VertexTemplate | EntityKind::Vertex);
    let number = |id: u64| i64::try_from(id).ok();
    let found = |queries: &'static LazyLock<Queries>, id: Option<i64>| {
        id.map(|id| (&**queries, [Parameter::Integer(id), Parameter::Null, Parameter::Null]))
    };
    let asked = match index {
        Index::All(_) => found(&ALL, Some(0)),
        Index::Namespace(_, namespace) => found(&NAMESPACE, names::namespace(connection, namespace)?),
        Index::Under(_, namespace) => {
            // What begins with the name and `/`: below the same with `0`, which is the character after `/`.
            let name = &namespace.0;
            let bounds = [name.clone(), format!("{name}/"), format!("{name}0")];
            Some((&*UNDER, bounds.map(Parameter::Text)))
        }
        Index::Class(_, class) => found(&CLASS, names::word(connection, &class.0)?),
        Index::Name(..) | Index::Contents(..) if !is_vertex => None,
        Index::Name(_, None, name) => {
            Some((&*OUTER_NAME, [Parameter::Null, Parameter::Text(name.clone()), Parameter::Null]))
        }
        Index::Name(_, Some(container), name) => number(*container).map(|container| {
            (&*NAME, [Parameter::Integer(container), Parameter::Text(name.clone()), Parameter::Null])
        }),
        Index::Contents(_, id) => found(&CONTENTS, number(*id)),
        Index::Outgoing(_, id) => found(&OUTGOING, number(*id)),
        Index::Incoming(_, id) => found(&INCOMING, number(*id)),
        Index::Readers(_, site, property) => {
            let (site_kind, site) = site_key(*site);
            names::word(connection, property)?.zip(number(site)).map(|(property, site)| {
                (&*READERS, [site, site_kind as i64, property].map(Parameter::Integer))
            })
        }
        Index::Origin(_, source) => found(&ORIGIN, names::word(connection, source)?),
    };
    Ok(asked.map(|(queries, parameters)| Question { queries, kind: kind as i64, parameters }))
}
