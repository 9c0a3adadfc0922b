//! What an entity is found by: its columns, its memberships and what it reads.

use floria::{Entity, EntityKind, LogEntry, Site};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::{
    error::{Problem, integer},
    names::Names,
};

/// The columns of an entity, but for its key and where its body is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Columns {
    pub(crate) namespace: i64,
    container: Option<i64>,
    /// Of vertexes and their templates.
    name: Option<String>,
    source: Option<i64>,
    target: Option<i64>,
    origin: Option<i64>,
    /// The words of the classes, each once, one after the other, least group of seven bits first.
    classes: Vec<u8>,
    reads: i64,
}

/// A row of `reader` without the reader: site, its kind, the word of the property.
pub(crate) type Read = (i64, i64, i64);

impl Columns {
    /// Returns the columns of an entity, and what it reads.
    pub(crate) fn of(entity: &Entity, names: &mut Names<'_>) -> Result<(Self, Vec<Read>), Problem> {
        let mut classes: Vec<i64> = Vec::new();
        for class in entity.classes() {
            let class = names.word(&class.0)?;
            if !classes.contains(&class) {
                classes.push(class);
            }
        }
        let reads = reads(entity, names)?;
        let ends = entity.ends();
        let container = entity.container();
        let columns = Self {
            namespace: names.namespace(entity.namespace())?,
            container: container.flatten().map(integer).transpose()?,
            name: container.map(|_| entity.name().to_owned()),
            source: ends.map(|ends| integer(ends.0)).transpose()?,
            target: ends.map(|ends| integer(ends.1)).transpose()?,
            origin: entity.origin().map(|origin| names.word(&origin.source)).transpose()?,
            classes: packed(&classes),
            reads: reads.len() as i64,
        };
        Ok((columns, reads))
    }

    /// Reads the columns of a row, from this one on, in the order of the table.
    pub(crate) fn read(row: &Row<'_>, first: usize) -> rusqlite::Result<Self> {
        Ok(Self {
            namespace: row.get(first)?,
            container: row.get(first + 1)?,
            name: row.get(first + 2)?,
            source: row.get(first + 3)?,
            target: row.get(first + 4)?,
            origin: row.get(first + 5)?,
            classes: row.get(first + 6)?,
            reads: row.get(first + 7)?,
        })
    }

    /// Returns the words of the classes.
    pub(crate) fn classes(&self) -> impl Iterator<Item = i64> {
        let mut rest = self.classes.as_slice();
        std::iter::from_fn(move || {
            let length = rest.iter().position(|octet| octet & 0x80 == 0)? + 1;
            let (word, after) = rest.split_at(length);
            rest = after;
            Some(word.iter().rev().fold(0, |number, octet| number << 7 | i64::from(octet & 0x7f)))
        })
    }
}

fn packed(words: &[i64]) -> Vec<u8> {
    let mut octets = Vec::with_capacity(words.len());
    for word in words {
        let mut rest = *word as u64;
        while rest >= 0x80 {
            octets.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        octets.push(rest as u8);
    }
    octets
}

/// Returns what an instance reads: each once, in order.
fn reads(entity: &Entity, names: &mut Names<'_>) -> Result<Vec<Read>, Problem> {
    let mut reads = Vec::new();
    if entity.site().is_none() {
        return Ok(reads);
    }
    for (site, property) in
        entity.properties().into_iter().flatten().flat_map(|(_, property)| &property.reads)
    {
        let (kind, id) = site_key(*site);
        reads.push((integer(id)?, kind as i64, names.word(property)?));
    }
    reads.sort_unstable();
    reads.dedup();
    Ok(reads)
}

pub(crate) fn site_key(site: Site) -> (EntityKind, u64) {
    match site {
        Site::Vertex(id) => (EntityKind::Vertex, id.0),
        Site::Edge(id) => (EntityKind::Edge, id.0),
    }
}

/// An entity as it stands in the tables.
pub(crate) struct Standing {
    pub(crate) columns: Columns,
    pub(crate) sequence: i64,
}

/// Finds an entity in the tables.
pub(crate) fn standing(connection: &Connection, kind: i64, id: i64) -> rusqlite::Result<Option<Standing>> {
    connection
        .prepare_cached(
            "SELECT e.sequence, e.namespace, e.container, e.name, e.source, e.target, e.origin, e.classes, e.reads
             FROM entity e WHERE e.kind = ?1 AND e.id = ?2",
        )?
        .query_row([kind, id], |row| Ok(Standing { sequence: row.get(0)?, columns: Columns::read(row, 1)? }))
        .optional()
}

/// Writes what an entity is found by, over what it was found by before.
pub(crate) fn put(
    connection: &Connection,
    (kind, id): (i64, i64),
    old: Option<&Standing>,
    (new, reads): (&Columns, &[Read]),
    (sequence, names): (i64, &mut Names<'_>),
) -> Result<(), Problem> {
    // Most changes are of properties alone, and an index whose columns are not named is not touched.
    let Some(old) = old else {
        connection
            .prepare_cached(
                "INSERT INTO entity (namespace, container, name, source, target, origin, classes, reads, sequence, kind, id)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            )?
            .execute(params![
                new.namespace, new.container, new.name, new.source, new.target, new.origin, new.classes, new.reads,
                sequence, kind, id
            ])?;
        new.classes().try_for_each(|class| join(connection, class, kind, id))?;
        return Ok(read_all(connection, reads, kind, id)?);
    };
    let before = &old.columns;
    if before == new {
        connection
            .prepare_cached("UPDATE entity SET sequence = ?1 WHERE kind = ?2 AND id = ?3")?
            .execute([sequence, kind, id])?;
    } else {
        connection
            .prepare_cached(
                "UPDATE entity SET namespace = ?1, container = ?2, name = ?3, source = ?4, target = ?5, origin = ?6,
                 classes = ?7, reads = ?8, sequence = ?9 WHERE kind = ?10 AND id = ?11",
            )?
            .execute(params![
                new.namespace, new.container, new.name, new.source, new.target, new.origin, new.classes, new.reads,
                sequence, kind, id
            ])?;
    }
    if before.classes != new.classes {
        let (left, joined): (Vec<_>, Vec<_>) = (before.classes().collect(), new.classes().collect());
        for class in left.iter().filter(|class| !joined.contains(class)) {
            leave(connection, *class, kind, id)?;
        }
        joined
            .iter()
            .filter(|class| !left.contains(class))
            .try_for_each(|class| join(connection, *class, kind, id))?;
    }
    if before.reads > 0 {
        let left = reads_before(connection, old, kind, id, names)?;
        forget_reads(connection, left.iter().filter(|read| reads.binary_search(read).is_err()), kind, id)?;
        let new: Vec<_> = reads.iter().filter(|read| left.binary_search(read).is_err()).copied().collect();
        return Ok(read_all(connection, &new, kind, id)?);
    }
    Ok(read_all(connection, reads, kind, id)?)
}

/// Takes an entity out of all that it is found by.
pub(crate) fn delete(
    connection: &Connection,
    (kind, id): (i64, i64),
    old: &Standing,
    names: &mut Names<'_>,
) -> Result<(), Problem> {
    old.columns.classes().try_for_each(|class| leave(connection, class, kind, id))?;
    if old.columns.reads > 0 {
        let left = reads_before(connection, old, kind, id, names)?;
        forget_reads(connection, left.iter(), kind, id)?;
    }
    connection.prepare_cached("DELETE FROM entity WHERE kind = ?1 AND id = ?2")?.execute([kind, id])?;
    Ok(())
}

/// Reads from its body what an entity read before it is changed.
fn reads_before(
    connection: &Connection,
    old: &Standing,
    kind: i64,
    id: i64,
    names: &mut Names<'_>,
) -> Result<Vec<Read>, Problem> {
    let mut statement = connection.prepare_cached("SELECT body FROM log WHERE sequence = ?1")?;
    let mut rows = statement.query([old.sequence])?;
    let Some(row) = rows.next()? else { return Ok(Vec::new()) };
    let entity = body(kind, id, row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?)?;
    reads(&entity, names)
}

/// Decodes the body of an entity.
pub(crate) fn body(kind: i64, id: i64, octets: &[u8]) -> Result<Entity, Problem> {
    let code = floria::EntryCode(1 + kind as u8);
    match LogEntry::decoded(code, octets, "", None, None) {
        Ok(LogEntry::Change(floria::Change::Put(entity))) => Ok(entity),
        Ok(_) => Err(floria::StoreError::Damaged(format!("there is no kind {kind} of entity")).into()),
        Err(error) => {
            let what = crate::names::kind(kind).map_or("entity", EntityKind::word);
            Err(crate::error::damaged(format_args!("{what} {id}"), &error).into())
        }
    }
}

fn join(connection: &Connection, class: i64, kind: i64, id: i64) -> rusqlite::Result<()> {
    let mut statement =
        connection.prepare_cached("INSERT INTO member (class, kind, id) VALUES (?1, ?2, ?3)")?;
    statement.execute([class, kind, id])?;
    Ok(())
}

fn leave(connection: &Connection, class: i64, kind: i64, id: i64) -> rusqlite::Result<()> {
    let sql = "DELETE FROM member WHERE class = ?1 AND kind = ?2 AND id = ?3";
    connection.prepare_cached(sql)?.execute([class, kind, id])?;
    Ok(())
}

fn read_all(connection: &Connection, reads: &[Read], kind: i64, id: i64) -> rusqlite::Result<()> {
    for (site, site_kind, property) in reads {
        connection
            .prepare_cached(
                "INSERT INTO reader (site, site_kind, property, kind, id) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute([*site, *site_kind, *property, kind, id])?;
    }
    Ok(())
}

fn forget_reads<'a>(
    connection: &Connection,
    reads: impl Iterator<Item = &'a Read>,
    kind: i64,
    id: i64,
) -> rusqlite::Result<()> {
    for (site, site_kind, property) in reads {
        connection
            .prepare_cached(
                "DELETE FROM reader WHERE site = ?1 AND site_kind = ?2 AND property = ?3 AND kind = ?4 AND id = ?5",
            )?
            .execute([*site, *site_kind, *property, kind, id])?;
    }
    Ok(())
}
