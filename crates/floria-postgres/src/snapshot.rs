//! Reading one revision: in a transaction that sees one state, and through the log where that state is a later one.

use std::sync::Mutex;

use floria::{
    At, ClassName, Entity, EntityKey, EntityKind, Index, LogEntry, Namespace, Page, Revision, Snapshot,
    StoreError, laws,
};
use tokio_postgres::types::ToSql;

use crate::{
    batch::named_key,
    connection::{BREAKS_MAX, Connections, block_on, locked},
    error::{Problem, damaged},
    history,
    names::{integer, key, natural, text},
    parts::{kind_number, put_code, site},
    session::Session,
};

const ATTEMPT: &str = "read the store";

const STORE: &str = "SELECT revision, sequence, kept_from FROM store";

const COMMIT: &str = "SELECT revision, sequence FROM commit WHERE revision = $1";

const COMMIT_AT: &str =
    "SELECT revision, sequence FROM commit WHERE time_ms <= $1 ORDER BY time_ms DESC, revision DESC LIMIT 1";

const NUMBER: &str = "SELECT id FROM named WHERE kind = $1 AND key = $3
    AND namespace = (SELECT id FROM namespace WHERE key = $2)";

const ENTITY: &str = "SELECT log.body FROM entity JOIN log USING (sequence)
    WHERE entity.kind = $1 AND entity.id = $2 AND entity.revision <= $3";

const NAMESPACE: &str = "SELECT id, revision, forgotten_revision FROM namespace WHERE key = $1";

const NAMESPACES: &str = "SELECT name FROM namespace WHERE EXISTS (
        SELECT 1 FROM entity WHERE entity.namespace = namespace.id AND entity.revision <= $1)
    OR (namespace.revision > $1 AND EXISTS (SELECT 1
        FROM (SELECT DISTINCT entity, (entry - 1) % 6 AS kind FROM log
              WHERE log.namespace = namespace.id AND sequence > $2 AND entry > 0) AS changed,
        LATERAL (SELECT entry FROM log WHERE log.entity = changed.entity
                 AND log.entry IN (changed.kind + 1, changed.kind + 7) AND log.sequence <= $2
                 ORDER BY log.sequence DESC LIMIT 1) AS before
        WHERE before.entry <= 6))
    ORDER BY name";

/// Words that are this one, or end in it.
const CALLED: &str = "SELECT name FROM word WHERE name = $1
    OR substring(name FROM greatest(length(name) - length($2::bytea) + 1, 1)) = $2 ORDER BY name";

/// A revision as it is seen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    pub(crate) revision: i64,
    /// The last row of the log up to it.
    pub(crate) sequence: i64,
}

/// A connection with an open transaction, and the revision that is the present one in it.
struct Reading {
    session: Session,
    present: i64,
}

/// A revision of a [`PostgresStore`](crate::PostgresStore).
pub(crate) struct PostgresSnapshot<'a> {
    connections: &'a Connections,
    seen: Seen,
    /// None when the last one broke.
    reading: Mutex<Option<Reading>>,
}

impl<'a> PostgresSnapshot<'a> {
    pub(crate) fn open(connections: &'a Connections, at: At) -> Result<Self, StoreError> {
        let (reading, seen) = patiently(connections, || begin(connections, at))?;
        Ok(Self { connections, seen, reading: Mutex::new(Some(reading)) })
    }

    /// Reads something. When the connection breaks, a new one takes over: if something was committed in between, it shows a
    /// later state, and this revision is made of the log.
    fn read<T>(&self, work: impl Fn(&Session, bool) -> Result<T, Problem>) -> Result<T, StoreError> {
        let mut reading = locked(&self.reading);
        patiently(self.connections, || {
            let now = match reading.take() {
                Some(now) => now,
                None => begin(self.connections, At::Revision(Revision(natural(self.seen.revision))))?.0,
            };
            let done = work(&now.session, now.present > self.seen.revision);
            match &done {
                // After an error a transaction answers nothing more.
                Err(Problem::Postgres(_)) => end(self.connections, now),
                _ => *reading = Some(now),
            }
            done
        })
    }

    fn find_named(&self, index: &Index, page: &Page) -> Result<Vec<Entity>, StoreError> {
        // Classes and plugins are few, and their numbers are not in the order of their names.
        let mut found = self.find_all(index, None, None)?;
        found.sort_by_cached_key(Entity::key);
        if let Some(after) = &page.after {
            found.retain(|entity| entity.key() > *after);
        }
        found.truncate(page.limit.unwrap_or(usize::MAX));
        Ok(found)
    }

    fn find_all(
        &self,
        index: &Index,
        after: Option<u64>,
        limit: Option<usize>,
    ) -> Result<Vec<Entity>, StoreError> {
        let after = after.map_or(-1, integer);
        let limit_or_all = limit.and_then(|limit| i64::try_from(limit).ok()).unwrap_or(i64::MAX);
        let held = Held::of(index);
        self.read(|session, past| {
            // By the id in the index itself, so that nothing need be sorted.
            // By the id in the index itself, so that nothing need be sorted.
            let sql = format!(
                "SELECT place.id, log.body FROM {} JOIN log USING (sequence) WHERE {} AND {id} > $3
                 ORDER BY {id} LIMIT $4",
                held.from,
                held.condition(5),
                id = held.id()
            );
            let kind = kind_number(index.kind());
            let mut parameters: Vec<&(dyn ToSql + Sync)> =
                vec![&kind, &self.seen.revision, &after, &limit_or_all];
            parameters.extend(held.parameters.iter().map(|parameter| &**parameter as &(dyn ToSql + Sync)));
            let rows = block_on(session.query(&sql, &parameters))?;
            let mut found = Vec::with_capacity(rows.len());
            for row in &rows {
                found.push(entity(index.kind(), natural(row.get(0)), row.get(1))?);
            }
            if past {
                let before = block_on(history::changed_since(session, self.seen, index, after, limit))?;
                if !before.is_empty() {
                    found.extend(before);
                    found.sort_by_cached_key(Entity::key);
                    found.truncate(limit.unwrap_or(usize::MAX));
                }
            }
            Ok(found)
        })
    }
}

impl Snapshot for PostgresSnapshot<'_> {
    fn revision(&self) -> Revision {
        Revision(natural(self.seen.revision))
    }

    fn namespace_revision(&self, namespace: &Namespace) -> Result<Revision, StoreError> {
        let key = key(&namespace.0);
        self.read(|session, _| {
            let Some(row) = block_on(session.query_opt(NAMESPACE, &[&key]))? else { return Ok(Revision(0)) };
            let (id, last, forgotten): (i64, i64, i64) = (row.get(0), row.get(1), row.get(2));
            let revision = if last <= self.seen.revision {
                last
            } else {
                forgotten.max(block_on(history::last_change(session, self.seen, id))?)
            };
            Ok(Revision(natural(revision)))
        })
    }

    fn namespaces(&self) -> Result<Vec<Namespace>, StoreError> {
        self.read(|session, _| {
            let Seen { revision, sequence } = self.seen;
            let rows = block_on(session.query(NAMESPACES, &[&revision, &sequence]))?;
            Ok(rows.iter().map(|row| Namespace(text(row.get(0)))).collect())
        })
    }

    fn get(&self, of: &EntityKey) -> Result<Option<Entity>, StoreError> {
        let kind = kind_number(of.kind());
        self.read(|session, past| {
            let id = match (of.id(), named_key(of)) {
                (Some(id), _) => integer(id),
                (None, Some((kind, namespace, name))) => {
                    match block_on(session.query_opt(NUMBER, &[&kind, &namespace, &name]))? {
                        Some(row) => row.get(0),
                        None => return Ok(None),
                    }
                }
                (None, None) => return Ok(None),
            };
            if let Some(row) = block_on(session.query_opt(ENTITY, &[&kind, &id, &self.seen.revision]))? {
                return Ok(Some(entity(of.kind(), natural(id), row.get(0))?));
            }
            if past { block_on(history::entity_at(session, self.seen, of.kind(), id)) } else { Ok(None) }
        })
    }

    fn find(&self, index: &Index, page: &Page) -> Result<Vec<Entity>, StoreError> {
        // Keys of another kind are before all of these, or after.
        let after = match &page.after {
            Some(after) if after.kind() > index.kind() => return Ok(Vec::new()),
            after => after.as_ref().filter(|after| after.kind() == index.kind()),
        };
        match index.kind() {
            _ if page.limit == Some(0) => Ok(Vec::new()),
            EntityKind::Class | EntityKind::Plugin => {
                self.find_named(index, &Page { after: after.cloned(), limit: page.limit })
            }
            _ => match after.and_then(EntityKey::id) {
                // Nobody has an id that high.
                Some(after) if after >= laws::ID_MAX => Ok(Vec::new()),
                after => self.find_all(index, after, page.limit),
            },
        }
    }

    fn classes_called(&self, last: &str) -> Result<Option<Vec<ClassName>>, StoreError> {
        let (whole, end) = (last.as_bytes(), format!(":{last}").into_bytes());
        let names = self.read(|session, _| {
            let rows = block_on(session.query(CALLED, &[&whole, &end]))?;
            Ok(rows.iter().map(|row| ClassName(text(row.get(0)))).collect::<Vec<_>>())
        })?;
        // Words of other things may look the same; no entity is of such a class.
        Ok(Some(names.into_iter().filter(|name| name.last() == last).collect()))
    }

    fn count(&self, index: &Index) -> Result<u64, StoreError> {
        let held = Held::of(index);
        self.read(|session, past| {
            let sql = format!("SELECT count(*) FROM {} WHERE {}", held.from, held.condition(3));
            let kind = kind_number(index.kind());
            let mut parameters: Vec<&(dyn ToSql + Sync)> = vec![&kind, &self.seen.revision];
            parameters.extend(held.parameters.iter().map(|parameter| &**parameter as &(dyn ToSql + Sync)));
            let mut count = natural(block_on(session.query_one(&sql, &parameters))?.get(0));
            if past {
                count += block_on(history::changed_since(session, self.seen, index, -1, None))?.len() as u64;
            }
            Ok(count)
        })
    }
}

impl Drop for PostgresSnapshot<'_> {
    fn drop(&mut self) {
        if let Some(reading) = locked(&self.reading).take() {
            end(self.connections, reading);
        }
    }
}

fn end(connections: &Connections, reading: Reading) {
    reading.session.end();
    connections.put_back(reading.session);
}

/// Does something again as long as connections break, but not for ever.
fn patiently<T>(
    connections: &Connections,
    mut work: impl FnMut() -> Result<T, Problem>,
) -> Result<T, StoreError> {
    let mut breaks = 0;
    loop {
        match work() {
            Err(problem) if problem.is_broken_connection() && breaks < BREAKS_MAX => {
                breaks += 1;
                connections.forget_idle();
            }
            done => return done.map_err(|problem| problem.told(ATTEMPT)),
        }
    }
}

/// Begins a transaction, and finds out which revision is meant.
fn begin(connections: &Connections, at: At) -> Result<(Reading, Seen), Problem> {
    let session = connections.take()?;
    let begun = block_on(async {
        session.begin_reading().await?;
        let row = session.query_one(STORE, &[]).await?;
        let (present, sequence, kept_from): (i64, i64, i64) = (row.get(0), row.get(1), row.get(2));
        let commit = match at {
            At::Now => return Ok((present, Seen { revision: present, sequence })),
            At::Revision(asked) if asked > Revision(natural(present)) => {
                return Err(StoreError::Future { asked, present: Revision(natural(present)) }.into());
            }
            At::Revision(asked) => session.query_opt(COMMIT, &[&integer(asked.0)]).await?,
            At::Time(time_ms) => {
                let time_ms = i64::try_from(time_ms).unwrap_or(i64::MAX);
                session.query_opt(COMMIT_AT, &[&time_ms]).await?
            }
        };
        let (revision, sequence) = commit.map_or((0, 0), |row| (row.get(0), row.get(1)));
        if revision < kept_from {
            let (asked, kept_from) = (Revision(natural(revision)), Revision(natural(kept_from)));
            return Err(StoreError::Forgotten { asked, kept_from }.into());
        }
        Ok((present, Seen { revision, sequence }))
    });
    match begun {
        Ok((present, seen)) => Ok((Reading { session, present }, seen)),
        Err(problem) => {
            session.end();
            connections.put_back(session);
            Err(problem)
        }
    }
}

/// Decodes an entity.
pub(crate) fn entity(kind: EntityKind, id: u64, body: &[u8]) -> Result<Entity, StoreError> {
    let code = floria::EntryCode(put_code(kind) as u8);
    match LogEntry::decoded(code, body, "", None, None) {
        Ok(LogEntry::Change(floria::Change::Put(entity))) => Ok(entity),
        Ok(_) => Err(StoreError::Damaged(format!("{} {id} is no entity", kind.word()))),
        Err(error) => Err(damaged(format_args!("{} {id}", kind.word()), &error)),
    }
}

/// An index, as a part of a query: parameters 1 and 2 are the kind and the revision.
struct Held {
    from: &'static str,
    /// `{n}` stands for parameter n of its own.
    condition: &'static str,
    parameters: Vec<Box<dyn ToSql + Sync>>,
}

impl Held {
    fn of(index: &Index) -> Self {
        const ENTITY: &str = "entity AS place";
        let word = |word: &str| vec![Box::new(key(word)) as Box<dyn ToSql + Sync>];
        let id = |id: u64| vec![Box::new(integer(id)) as Box<dyn ToSql + Sync>];
        let (from, condition, parameters) = match index {
            Index::All(_) => (ENTITY, "true", Vec::new()),
            Index::Namespace(_, namespace) => {
                let condition = "place.namespace = (SELECT id FROM namespace WHERE key = {1})";
                (ENTITY, condition, word(&namespace.0))
            }
            Index::Under(_, namespace) => {
                let parameters: Vec<Box<dyn ToSql + Sync>> = vec![
                    Box::new(key(&namespace.0)),
                    Box::new(below(namespace)),
                    Box::new(beyond(namespace)),
                ];
                (ENTITY, UNDER, parameters)
            }
            Index::Class(_, class) => (
                "entity_class JOIN entity AS place USING (kind, id)",
                "entity_class.class = (SELECT id FROM word WHERE key = {1}) AND entity_class.kind = $1",
                word(&class.0),
            ),
            Index::Name(_, container, name) => {
                let mut parameters = word(name);
                let condition = match container {
                    None => "place.name = {1} AND place.container IS NULL",
                    Some(container) => {
                        parameters.extend(id(*container));
                        "place.name = {1} AND place.container = {2}"
                    }
                };
                (ENTITY, condition, parameters)
            }
            Index::Contents(_, container) => (ENTITY, "place.container = {1}", id(*container)),
            Index::Outgoing(_, source) => (ENTITY, "place.source = {1}", id(*source)),
            Index::Incoming(_, target) => (ENTITY, "place.target = {1}", id(*target)),
            Index::Readers(_, of, name) => {
                let (kind, id) = site(*of);
                let parameters: Vec<Box<dyn ToSql + Sync>> =
                    vec![Box::new(kind), Box::new(id), Box::new(key(name))];
                (
                    "entity_read JOIN entity AS place USING (kind, id)",
                    "entity_read.site_kind = {1} AND entity_read.site = {2} AND entity_read.kind = $1
                     AND entity_read.property = (SELECT id FROM word WHERE key = {3})",
                    parameters,
                )
            }
            Index::Origin(_, source) => {
                (ENTITY, "place.origin = (SELECT id FROM word WHERE key = {1})", word(source))
            }
        };
        Self { from, condition, parameters }
    }

    /// Returns the column that the entities come in the order of.
    fn id(&self) -> &'static str {
        match self.from.split_once(' ') {
            Some(("entity_class", _)) => "entity_class.id",
            Some(("entity_read", _)) => "entity_read.id",
            _ => "place.id",
        }
    }

    /// Returns the condition, with its own parameters numbered from `first`.
    fn condition(&self, first: usize) -> String {
        let mut condition = format!("place.kind = $1 AND place.revision <= $2 AND {}", self.condition);
        for place in 0..self.parameters.len() {
            condition = condition.replace(&format!("{{{}}}", place + 1), &format!("${}", first + place));
        }
        condition
    }
}

const UNDER: &str = "place.namespace IN (SELECT id FROM namespace WHERE key = {1}
    OR (substring(name FROM 1 FOR 64) >= substring({2}::bytea FROM 1 FOR 64)
        AND substring(name FROM 1 FOR 64) <= substring({3}::bytea FROM 1 FOR 64) AND name >= {2} AND name < {3}))";

/// What all names of namespaces below this one start with.
pub(crate) fn below(namespace: &Namespace) -> Vec<u8> {
    format!("{}/", namespace.0).into_bytes()
}

/// The first name after those: `0` follows `/`.
pub(crate) fn beyond(namespace: &Namespace) -> Vec<u8> {
    format!("{}0", namespace.0).into_bytes()
}
