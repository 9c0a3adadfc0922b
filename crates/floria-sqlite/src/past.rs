//! What was different at an earlier revision: the entities that changed since, as they were.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    ops::Bound,
};

use floria::{ClassName, Entity, EntityKey, EntityKind, Index, Namespace, Site};
use rusqlite::Connection;

use crate::{columns, error::Problem};

/// The entities of a kind that an earlier revision had and that are not there as they were.
///
/// The tables say what is there now, and of what did not change since, also what was there then. So only what changed since is
/// read from the log, by its index of entities: the work grows with the distance, and not with the size of the graph. Where more
/// was written since than before, all is read from the log.
pub(crate) struct Past {
    /// Whether it has all there was, and nothing counts that is there now.
    hides_all: bool,
    entities: BTreeMap<EntityKey, Entity>,
    /// Where they were found, for what is asked often. The rest is found by looking at all.
    postings: HashMap<Posting, BTreeSet<EntityKey>>,
}

#[derive(PartialEq, Eq, Hash)]
enum Posting {
    Namespace(Namespace),
    Class(ClassName),
    Contents(u64),
    Outgoing(u64),
    Incoming(u64),
    Read(Site, String),
    Origin(String),
}

impl Past {
    /// Reads it for the revision whose last row this is.
    pub(crate) fn read(connection: &Connection, kind: EntityKind, end: i64) -> Result<Self, Problem> {
        let last: i64 = connection
            .prepare_cached("SELECT coalesce(max(sequence), 0) FROM log")?
            .query_row([], |row| row.get(0))?;
        let hides_all = end < last - end;
        // The newest row of each entity up to then, from the index alone; then its body, if it put something in.
        let changed = if hides_all {
            "SELECT entity, max(sequence) FROM log INDEXED BY log_by_entity
             WHERE (entry - 1) % 6 = ?1 AND entity IS NOT NULL AND sequence <= ?2 GROUP BY entity"
        } else {
            "SELECT entity, (SELECT max(b.sequence) FROM log b INDEXED BY log_by_entity WHERE (b.entry - 1) % 6 = ?1 AND b.entity = a.entity
             AND b.entity IS NOT NULL AND b.sequence <= ?2)
             FROM (SELECT DISTINCT entity FROM log NOT INDEXED WHERE sequence > ?2 AND +entity IS NOT NULL AND +((entry - 1) % 6) = ?1) a"
        };
        let mut past = Self { hides_all, entities: BTreeMap::new(), postings: HashMap::new() };
        let mut statement = connection.prepare_cached(changed)?;
        let mut body = connection.prepare_cached("SELECT body FROM log WHERE sequence = ?1 AND entry < 7")?;
        let mut rows = statement.query([kind as i64, end])?;
        while let Some(row) = rows.next()? {
            let (id, sequence): (i64, Option<i64>) = (row.get(0)?, row.get(1)?);
            let Some(sequence) = sequence else { continue };
            let mut bodies = body.query([sequence])?;
            if let Some(row) = bodies.next()? {
                let octets = row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?;
                past.add(columns::body(kind as i64, id, octets)?);
            }
        }
        Ok(past)
    }

    pub(crate) fn hides_all(&self) -> bool {
        self.hides_all
    }

    fn add(&mut self, entity: Entity) {
        let key = entity.key();
        let mut postings = vec![Posting::Namespace(entity.namespace().clone())];
        postings.extend(entity.classes().cloned().map(Posting::Class));
        postings.extend(entity.container().flatten().map(Posting::Contents));
        postings.extend(
            entity
                .ends()
                .into_iter()
                .flat_map(|(source, target)| [Posting::Outgoing(source), Posting::Incoming(target)]),
        );
        if entity.site().is_some() {
            let properties = entity.properties().into_iter().flat_map(|properties| properties.values());
            let reads = properties.flat_map(|property| property.reads.iter().cloned());
            postings.extend(reads.map(|(site, property)| Posting::Read(site, property)));
        }
        postings.extend(entity.origin().map(|origin| Posting::Origin(origin.source.to_string())));
        for posting in postings {
            self.postings.entry(posting).or_default().insert(key.clone());
        }
        self.entities.insert(key, entity);
    }

    /// Returns those that an index held, by key.
    fn held<'a>(
        &'a self,
        index: &'a Index,
        after: Option<&'a EntityKey>,
    ) -> Box<dyn Iterator<Item = &'a Entity> + 'a> {
        let posting = match index {
            Index::Namespace(_, namespace) => Some(Posting::Namespace(namespace.clone())),
            Index::Class(_, class) => Some(Posting::Class(class.clone())),
            Index::Contents(_, id) | Index::Name(_, Some(id), _) => Some(Posting::Contents(*id)),
            Index::Outgoing(_, id) => Some(Posting::Outgoing(*id)),
            Index::Incoming(_, id) => Some(Posting::Incoming(*id)),
            Index::Readers(_, site, property) => Some(Posting::Read(*site, property.clone())),
            Index::Origin(_, source) => Some(Posting::Origin(source.clone())),
            Index::All(_) | Index::Under(..) | Index::Name(_, None, _) => None,
        };
        let start = (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
        let holds = |entity: &&Entity| index.holds(entity);
        match posting {
            None => Box::new(self.entities.range(start).map(|(_, entity)| entity).filter(holds)),
            Some(posting) => match self.postings.get(&posting) {
                None => Box::new(std::iter::empty()),
                Some(keys) => {
                    Box::new(keys.range(start).filter_map(|key| self.entities.get(key)).filter(holds))
                }
            },
        }
    }

    pub(crate) fn find(&self, index: &Index, after: Option<&EntityKey>, limit: usize) -> Vec<Entity> {
        self.held(index, after).take(limit).cloned().collect()
    }

    pub(crate) fn count(&self, index: &Index) -> u64 {
        self.held(index, None).count() as u64
    }
}
