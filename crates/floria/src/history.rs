//! History: what differs between two revisions, and who changed what.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::{
    At, Author, Change, Entity, EntityKey, LogEntry, LogQuery, LogRow, Named, Namespace, Revision, Store,
    StoreError, snapshot::READ_MAX,
};

/// A commit that changed an entity: who, when, and as part of what.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Commit {
    /// The revision that it made.
    pub revision: Revision,
    /// When: milliseconds since 1970-01-01T00:00:00Z by the store's clock.
    pub time_ms: u64,
    /// Who, and in which stream, such as a run's; if the commit said so.
    pub author: Option<Author>,
}

impl Commit {
    fn of(row: &LogRow) -> Self {
        Self { revision: row.revision, time_ms: row.time_ms, author: row.author.clone() }
    }
}

/// A part of an entity that differs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Part {
    /// The name.
    Name,
    /// What contains it.
    Container,
    /// Where an edge starts.
    Source,
    /// Where an edge ends.
    Target,
    /// The place of an edge among those of its source and name.
    Index,
    /// Its classes; of a class, its ancestors.
    Classes,
    /// The file of a plugin.
    Artifact,
    /// A property of this name: added, removed, or with something else in it.
    Property(String),
    /// A handler of this event, in the same way.
    Handler(String),
    /// Metadata of this key, in the same way.
    Metadata(String),
    /// Where it was asked for.
    Origin,
}

/// How an entity differs between two revisions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Which one.
    pub key: EntityKey,
    /// What it was at the one; None: not there.
    pub before: Option<Entity>,
    /// What it was at the other; None: not there.
    pub after: Option<Entity>,
    /// What differs, where it is there at both; in order.
    pub parts: Vec<Part>,
    /// The commits between the two that changed it, in order.
    pub commits: Vec<Commit>,
}

/// One version of an entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// The commit that made it so.
    pub commit: Commit,
    /// What it was from then on; None: not there.
    pub entity: Option<Entity>,
    /// What differs from the version before it, where both are there.
    pub parts: Vec<Part>,
}

/// Returns how the entities of a namespace differ between two revisions, in order of their keys: nothing for what is the same
/// at both, whatever it was between. `from` may be the later one.
///
/// Costs the changes between the two, not the size of the store.
///
/// # Errors
///
/// As [`Store::snapshot`], for both.
pub fn difference(
    store: &(impl Store + ?Sized),
    from: At,
    to: At,
    namespace: &Namespace,
) -> Result<Vec<Difference>, StoreError> {
    let (from, to) = (store.snapshot(from)?, store.snapshot(to)?);
    let (first, last) = if from.revision() <= to.revision() { (&from, &to) } else { (&to, &from) };
    let mut touched: BTreeMap<EntityKey, Vec<Commit>> = BTreeMap::new();
    let query =
        LogQuery { since: first.revision(), namespace: Some(namespace.clone()), ..LogQuery::default() };
    each_row(store, query, |row| {
        if row.revision > last.revision() {
            return false;
        }
        if let LogEntry::Change(change) = &row.entry {
            let commits = touched.entry(change.key()).or_default();
            if commits.last().is_none_or(|commit| commit.revision != row.revision) {
                commits.push(Commit::of(&row));
            }
        }
        true
    })?;
    let mut differences = Vec::new();
    for (key, commits) in touched {
        let (before, after) = (from.get(&key)?, to.get(&key)?);
        if before != after {
            let parts = between(before.as_ref(), after.as_ref());
            differences.push(Difference { key, before, after, parts, commits });
        }
    }
    Ok(differences)
}

/// Returns the versions of an entity that the store keeps, oldest first: who changed what, and when.
///
/// # Errors
///
/// When the store cannot be read.
pub fn of(store: &(impl Store + ?Sized), key: &EntityKey) -> Result<Vec<Version>, StoreError> {
    let mut versions: Vec<Version> = Vec::new();
    each_row(store, LogQuery { entity: Some(key.clone()), ..LogQuery::default() }, |row| {
        let commit = Commit::of(&row);
        // Within a commit, the last change is what counts.
        if versions.last().is_some_and(|version| version.commit.revision == commit.revision) {
            versions.pop();
        }
        let entity = match row.entry {
            LogEntry::Change(Change::Put(entity)) => Some(entity),
            _ => None,
        };
        let before = versions.last().and_then(|version| version.entity.as_ref());
        let parts = between(before, entity.as_ref());
        versions.push(Version { commit, entity, parts });
        true
    })?;
    Ok(versions)
}

/// Calls a function with each row, until it says that it was enough.
fn each_row(
    store: &(impl Store + ?Sized),
    mut query: LogQuery,
    mut work: impl FnMut(LogRow) -> bool,
) -> Result<(), StoreError> {
    query.limit = Some(READ_MAX);
    loop {
        let rows = store.log(&query)?;
        let Some(last) = rows.last() else { return Ok(()) };
        query.after = last.sequence;
        if !rows.into_iter().all(&mut work) {
            return Ok(());
        }
    }
}

/// Returns which parts of two versions of an entity differ, in order: none where one of them is not there.
pub fn between(before: Option<&Entity>, after: Option<&Entity>) -> Vec<Part> {
    let (Some(before), Some(after)) = (before, after) else { return Vec::new() };
    let mut parts = Vec::new();
    let mut whole = |differs: bool, part: Part| parts.extend(differs.then_some(part));
    let (ends, other_ends) = (before.ends(), after.ends());
    whole(before.name() != after.name(), Part::Name);
    whole(before.container() != after.container(), Part::Container);
    whole(ends.map(|ends| ends.0) != other_ends.map(|ends| ends.0), Part::Source);
    whole(ends.map(|ends| ends.1) != other_ends.map(|ends| ends.1), Part::Target);
    whole(place(before) != place(after), Part::Index);
    whole(!before.classes().eq(after.classes()), Part::Classes);
    if let (Entity::Plugin(before), Entity::Plugin(after)) = (before, after) {
        whole(before.artifact != after.artifact, Part::Artifact);
    }
    if let (Some(before), Some(after)) = (before.properties(), after.properties()) {
        parts.extend(names_of_differences(before, after).into_iter().map(Part::Property));
    }
    if let (Some(before), Some(after)) = (before.handlers(), after.handlers()) {
        parts.extend(names_of_differences(before, after).into_iter().map(Part::Handler));
    }
    parts.extend(names_of_differences(before.metadata(), after.metadata()).into_iter().map(Part::Metadata));
    parts.extend((before.origin() != after.origin()).then_some(Part::Origin));
    parts
}

fn place(entity: &Entity) -> Option<u32> {
    match entity {
        Entity::Edge(edge) => Some(edge.index),
        Entity::EdgeTemplate(edge) => Some(edge.index),
        _ => None,
    }
}

fn names_of_differences<V: PartialEq>(before: &Named<V>, after: &Named<V>) -> Vec<String> {
    let names: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    names.into_iter().filter(|name| before.get(*name) != after.get(*name)).cloned().collect()
}
