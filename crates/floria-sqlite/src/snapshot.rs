//! Views of one revision: what is there now, and what was.

use std::cell::OnceCell;

use floria::{
    At, ClassName, Entity, EntityKey, EntityKind, Index, Namespace, Page, Revision, Snapshot, StoreError,
};
use rusqlite::{CachedStatement, OptionalExtension as _, Row};

use crate::{
    columns,
    error::Problem,
    names,
    past::Past,
    queries::{Question, question},
    readers::Reading,
};

/// A revision of a store, in a transaction of its own.
pub(crate) struct SqliteSnapshot<'a> {
    reading: Reading<'a>,
    revision: Revision,
    /// The last row of the log that counts; None: all do.
    end: Option<i64>,
    /// For each kind, what was different then. Found out when it is first needed.
    past: [OnceCell<Past>; EntityKind::ALL.len()],
}

impl<'a> SqliteSnapshot<'a> {
    pub(crate) fn new(reading: Reading<'a>, at: At) -> Result<Self, StoreError> {
        let (revision, end) = revision_at(&reading, at).map_err(|problem| reading.told(problem))?;
        Ok(Self { reading, revision, end, past: Default::default() })
    }

    fn told<T>(&self, result: Result<T, Problem>) -> Result<T, StoreError> {
        result.map_err(|problem| self.reading.told(problem))
    }

    /// Returns what was different when this revision was the present.
    fn past(&self, kind: EntityKind, end: i64) -> Result<&Past, Problem> {
        let past = &self.past[kind as usize];
        match past.get() {
            Some(past) => Ok(past),
            None => {
                let found = Past::read(&self.reading, kind, end)?;
                Ok(past.get_or_init(|| found))
            }
        }
    }

    fn try_get(&self, key: &EntityKey) -> Result<Option<Entity>, Problem> {
        let Some((kind, id)) = names::entity(&self.reading, key)? else { return Ok(None) };
        let mut statement;
        let mut rows = match self.end {
            None => {
                statement = self.reading.prepare_cached(
                    "SELECT l.body FROM entity e CROSS JOIN log l ON l.sequence = e.sequence
                     WHERE e.kind = ?1 AND e.id = ?2",
                )?;
                statement.query([kind, id])?
            }
            Some(end) => {
                // Codes below 7 put something in.
                statement = self.reading.prepare_cached(
                    "SELECT CASE WHEN entry < 7 THEN body END FROM log INDEXED BY log_by_entity
                     WHERE (entry - 1) % 6 = ?1 AND entity = ?2 AND entity IS NOT NULL AND sequence <= ?3
                     ORDER BY sequence DESC LIMIT 1",
                )?;
                statement.query([kind, id, end])?
            }
        };
        match rows.next()? {
            Some(row) => match row.get_ref(0)?.as_blob_or_null().map_err(rusqlite::Error::from)? {
                Some(body) => Ok(Some(columns::body(kind, id, body)?)),
                None => Ok(None),
            },
            None => Ok(None),
        }
    }

    fn try_find(&self, index: &Index, page: &Page) -> Result<Vec<Entity>, Problem> {
        let kind = index.kind();
        let after = match &page.after {
            Some(after) if after.kind() > kind => return Ok(Vec::new()),
            after => after.as_ref().filter(|after| after.kind() == kind),
        };
        let limit = page.limit.unwrap_or(usize::MAX);
        if limit == 0 {
            return Ok(Vec::new());
        }
        // Classes and plugins are in order of their names, which is not that of their numbers; there are few.
        let is_named = matches!(kind, EntityKind::Class | EntityKind::Plugin);
        let mut after_id = -1;
        if let Some(id) = after.and_then(EntityKey::id) {
            let Ok(id) = i64::try_from(id) else { return Ok(Vec::new()) };
            after_id = id;
        }
        let wanted = if is_named { usize::MAX } else { limit };
        let mut found = Vec::new();
        if let Some(question) = question(&self.reading, index)? {
            let hides_all =
                self.end.map(|end| self.past(kind, end)).transpose()?.is_some_and(Past::hides_all);
            if !hides_all {
                let mut statement = self.ask(&question, after_id, wanted)?;
                let mut rows = statement.raw_query();
                while let Some(row) = rows.next()? {
                    found.push(entity(question.kind, row)?);
                }
            }
        }
        if let Some(end) = self.end {
            let past = self.past(kind, end)?.find(index, after.filter(|_| !is_named), wanted);
            if !past.is_empty() {
                found.extend(past);
                found.sort_by_cached_key(Entity::key);
            }
        }
        if is_named {
            found.sort_by_cached_key(Entity::key);
            if let Some(after) = after {
                found.retain(|entity| entity.key() > *after);
            }
        }
        found.truncate(limit);
        Ok(found)
    }

    /// Prepares a question to an index for a page of the entities that were not changed later.
    fn ask(&self, question: &Question, after: i64, limit: usize) -> rusqlite::Result<CachedStatement<'_>> {
        let limit = i64::try_from(limit).unwrap_or(-1);
        let queries = question.queries;
        let sql = if self.end.is_some() { &queries.find_before } else { &queries.find };
        let mut statement = self.bound(sql, question)?;
        statement.raw_bind_parameter(5, after)?;
        statement.raw_bind_parameter(6, limit)?;
        Ok(statement)
    }

    fn bound(&self, sql: &str, question: &Question) -> rusqlite::Result<CachedStatement<'_>> {
        let mut statement = self.reading.prepare_cached(sql)?;
        let highest = statement.parameter_count();
        statement.raw_bind_parameter(1, question.kind)?;
        for (place, parameter) in (2..=highest.min(4)).zip(&question.parameters) {
            statement.raw_bind_parameter(place, parameter)?;
        }
        if let Some(end) = self.end {
            statement.raw_bind_parameter(7, end)?;
        }
        Ok(statement)
    }

    fn try_count(&self, index: &Index) -> Result<u64, Problem> {
        let mut count = 0;
        if let Some(question) = question(&self.reading, index)? {
            let hides_all =
                self.end.map(|end| self.past(index.kind(), end)).transpose()?.is_some_and(Past::hides_all);
            if !hides_all {
                let queries = question.queries;
                let sql = if self.end.is_some() { &queries.count_before } else { &queries.count };
                let mut statement = self.bound(sql, &question)?;
                let mut rows = statement.raw_query();
                if let Some(row) = rows.next()? {
                    count = row.get::<_, i64>(0)? as u64;
                }
            }
        }
        if let Some(end) = self.end {
            count += self.past(index.kind(), end)?.count(index);
        }
        Ok(count)
    }

    fn try_namespace_revision(&self, namespace: &Namespace) -> Result<Revision, Problem> {
        let known = self
            .reading
            .prepare_cached("SELECT id, revision, kept FROM namespace WHERE name = ?1")?
            .query_row([&namespace.0], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .optional()?;
        let Some((id, revision, kept)): Option<(i64, i64, i64)> = known else { return Ok(Revision(0)) };
        let Some(end) = self.end else { return Ok(Revision(revision as u64)) };
        if revision as u64 <= self.revision.0 {
            return Ok(Revision(revision as u64));
        }
        let logged: Option<i64> = self
            .reading
            .prepare_cached(
                "SELECT revision FROM log INDEXED BY log_by_namespace WHERE namespace = ?1 AND entry > 0 AND sequence <= ?2
                 ORDER BY sequence DESC LIMIT 1",
            )?
            .query_row([id, end], |row| row.get(0))
            .optional()?;
        Ok(Revision(logged.unwrap_or(0).max(kept) as u64))
    }

    /// Words of other things may look the same; no entity is of such a class.
    fn try_classes_called(&self, last: &str) -> Result<Vec<ClassName>, Problem> {
        let mut statement = self.reading.prepare_cached("SELECT name FROM word ORDER BY name")?;
        let names = statement.query_map([], |row| row.get(0).map(ClassName))?;
        let is_called =
            |name: &rusqlite::Result<ClassName>| name.as_ref().map_or(true, |name| name.last() == last);
        Ok(names.filter(is_called).collect::<rusqlite::Result<_>>()?)
    }

    fn try_namespaces(&self) -> Result<Vec<Namespace>, Problem> {
        let mut statement = self.reading.prepare_cached("SELECT name FROM namespace ORDER BY name")?;
        let names = statement.query_map([], |row| row.get(0).map(Namespace))?;
        let mut namespaces: Vec<Namespace> = names.collect::<rusqlite::Result<_>>()?;
        let mut problem = None;
        let one = Page { after: None, limit: Some(1) };
        namespaces.retain(|namespace| {
            EntityKind::ALL.into_iter().any(|kind| {
                let found = self.try_find(&Index::Namespace(kind, namespace.clone()), &one);
                found.map_or_else(
                    |error| {
                        problem = Some(error);
                        true
                    },
                    |found| !found.is_empty(),
                )
            })
        });
        problem.map_or(Ok(namespaces), Err)
    }
}

fn entity(kind: i64, row: &Row<'_>) -> Result<Entity, Problem> {
    let body = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
    columns::body(kind, row.get(0)?, body)
}

/// Returns which revision is meant, and the last row of the log that counts for it; None for the present.
fn revision_at(reading: &Reading<'_>, at: At) -> Result<(Revision, Option<i64>), Problem> {
    let (present, kept_from): (i64, i64) = reading
        .prepare_cached("SELECT revision, kept_from FROM store")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let revision = |number: i64| Revision(number as u64);
    let asked = match at {
        At::Now => return Ok((revision(present), None)),
        At::Revision(asked) if asked > revision(present) => {
            return Err(StoreError::Future { asked, present: revision(present) }.into());
        }
        At::Revision(asked) => asked.0 as i64,
        At::Time(time_ms) => last_before(reading, i64::try_from(time_ms).unwrap_or(i64::MAX), present)?,
    };
    if asked < kept_from {
        let (asked, kept_from) = (revision(asked), revision(kept_from));
        return Err(StoreError::Forgotten { asked, kept_from }.into());
    }
    if asked == present {
        return Ok((revision(present), None));
    }
    Ok((revision(asked), Some(end_of(reading, asked)?)))
}

/// Returns the last row of the log that a revision or those before it wrote.
pub(crate) fn end_of(connection: &rusqlite::Connection, revision: i64) -> rusqlite::Result<i64> {
    let end = connection
        .prepare_cached("SELECT last FROM chain WHERE revision = ?1")?
        .query_row([revision], |row| row.get(0))
        .optional()?;
    Ok(end.unwrap_or(0))
}

/// Finds by halves the last commit at or before a time: times never fall.
fn last_before(reading: &Reading<'_>, time_ms: i64, present: i64) -> Result<i64, Problem> {
    let mut statement = reading.prepare_cached("SELECT time_ms FROM chain WHERE revision = ?1")?;
    let (mut low, mut high) = (0, present);
    while low < high {
        let middle = high - (high - low) / 2;
        let time: Option<i64> = statement.query_row([middle], |row| row.get(0)).optional()?;
        // What is no longer there is older than all that is.
        if time.is_none_or(|time| time <= time_ms) { low = middle } else { high = middle - 1 }
    }
    Ok(low)
}

impl Snapshot for SqliteSnapshot<'_> {
    fn revision(&self) -> Revision {
        self.revision
    }

    fn namespace_revision(&self, namespace: &Namespace) -> Result<Revision, StoreError> {
        self.told(self.try_namespace_revision(namespace))
    }

    fn namespaces(&self) -> Result<Vec<Namespace>, StoreError> {
        self.told(self.try_namespaces())
    }

    fn get(&self, key: &EntityKey) -> Result<Option<Entity>, StoreError> {
        self.told(self.try_get(key))
    }

    fn find(&self, index: &Index, page: &Page) -> Result<Vec<Entity>, StoreError> {
        self.told(self.try_find(index, page))
    }

    fn count(&self, index: &Index) -> Result<u64, StoreError> {
        self.told(self.try_count(index))
    }

    fn classes_called(&self, last: &str) -> Result<Option<Vec<ClassName>>, StoreError> {
        self.told(self.try_classes_called(last)).map(Some)
    }
}
