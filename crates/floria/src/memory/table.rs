//! The entities of one kind, in all their versions, and the indexes over them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    ClassName, EdgeId, EdgeTemplateId, Entity, EntityKey, EntityKind, Index, Namespace, PluginName, Revision,
    VertexId, VertexTemplateId,
    posting::{Lookup, Posting},
};

/// What tells the entities of one kind apart.
pub(super) trait Key: Ord + Clone + Default + Send + Sync + 'static {
    /// Takes it from the key of an entity of that kind.
    fn of(key: &EntityKey) -> Self;

    /// Makes the key of an entity of that kind.
    fn key(&self, kind: EntityKind) -> EntityKey;
}

/// For templates and instances.
impl Key for u64 {
    fn of(key: &EntityKey) -> Self {
        key.id().unwrap_or_default()
    }

    fn key(&self, kind: EntityKind) -> EntityKey {
        match kind {
            EntityKind::VertexTemplate => VertexTemplateId(*self).into(),
            EntityKind::EdgeTemplate => EdgeTemplateId(*self).into(),
            EntityKind::Vertex => VertexId(*self).into(),
            EntityKind::Edge => EdgeId(*self).into(),
            EntityKind::Class | EntityKind::Plugin => unreachable!("classes and plugins have no ids"),
        }
    }
}

/// Namespace and name, for classes and plugins.
impl Key for (String, String) {
    fn of(key: &EntityKey) -> Self {
        match key {
            EntityKey::Class(namespace, name) => (namespace.0.clone(), name.0.clone()),
            EntityKey::Plugin(namespace, name) => (namespace.0.clone(), name.0.clone()),
            _ => Self::default(),
        }
    }

    fn key(&self, kind: EntityKind) -> EntityKey {
        let (namespace, name) = self.clone();
        match kind {
            EntityKind::Plugin => EntityKey::Plugin(Namespace(namespace), PluginName(name)),
            _ => EntityKey::Class(Namespace(namespace), ClassName(name)),
        }
    }
}

/// What an entity was from a revision on; None: not there.
#[derive(Clone)]
struct Version {
    from: Revision,
    entity: Option<Arc<Entity>>,
}

/// The versions of one entity. Most have one.
struct Versions {
    latest: Version,
    /// Earlier ones, in order.
    older: Vec<Version>,
}

impl Versions {
    fn at(&self, revision: Revision) -> Option<&Arc<Entity>> {
        if self.latest.from <= revision {
            return self.latest.entity.as_ref();
        }
        let later = self.older.partition_point(|version| version.from <= revision);
        self.older[..later].last()?.entity.as_ref()
    }
}

/// A part of what an index holds.
pub(super) struct Found {
    pub(super) entities: Vec<Arc<Entity>>,
    /// After which key to go on, where there may be more.
    pub(super) more: Option<EntityKey>,
}

/// A table, whatever its keys are.
pub(super) trait AnyTable: Send + Sync {
    /// Returns an entity as it was at a revision.
    fn at(&self, key: &EntityKey, revision: Revision) -> Option<&Arc<Entity>>;

    /// Returns the revisions that changed an entity, in order.
    fn changes(&self, key: &EntityKey) -> Vec<Revision>;

    /// Puts an entity in, or takes it out, from a revision on; none is later. Returns which of the postings are new.
    fn set(
        &mut self,
        key: &EntityKey,
        from: Revision,
        entity: Option<Arc<Entity>>,
        postings: &[Posting],
    ) -> Vec<Posting>;

    /// Takes back what was set from a revision on, with the postings that were new.
    fn unset(&mut self, key: &EntityKey, from: Revision, postings: &[Posting]);

    /// Returns what an index holds at a revision, after a key, looking at no more than so many entities.
    fn find(
        &self,
        lookup: Lookup,
        index: &Index,
        after: Option<&EntityKey>,
        look_at_max: usize,
        revision: Revision,
    ) -> Found;

    /// Forgets the versions that were replaced up to a revision; the postings of what is left are made by `postings`.
    fn forget(&mut self, revision: Revision, postings: &mut dyn FnMut(&Entity) -> Vec<Posting>);
}

#[derive(Default)]
pub(super) struct Table<K> {
    entities: BTreeMap<K, Versions>,
    /// Who ever belonged to an index. Whether it does in a version is asked of that version.
    postings: BTreeSet<(Posting, K)>,
}

impl<K: Key> AnyTable for Table<K> {
    fn at(&self, key: &EntityKey, revision: Revision) -> Option<&Arc<Entity>> {
        self.entities.get(&K::of(key))?.at(revision)
    }

    fn changes(&self, key: &EntityKey) -> Vec<Revision> {
        let Some(versions) = self.entities.get(&K::of(key)) else { return Vec::new() };
        versions.older.iter().chain([&versions.latest]).map(|version| version.from).collect()
    }

    fn set(
        &mut self,
        key: &EntityKey,
        from: Revision,
        entity: Option<Arc<Entity>>,
        postings: &[Posting],
    ) -> Vec<Posting> {
        let key = K::of(key);
        let mut new = postings.to_vec();
        new.retain(|posting| self.postings.insert((*posting, key.clone())));
        let version = Version { from, entity };
        match self.entities.get_mut(&key) {
            None => {
                self.entities.insert(key, Versions { latest: version, older: Vec::new() });
            }
            Some(versions) if versions.latest.from == from => versions.latest = version,
            Some(versions) => {
                let older = std::mem::replace(&mut versions.latest, version);
                versions.older.push(older);
            }
        }
        new
    }

    fn unset(&mut self, key: &EntityKey, from: Revision, postings: &[Posting]) {
        let key = K::of(key);
        if let Some(versions) = self.entities.get_mut(&key).filter(|versions| versions.latest.from == from) {
            match versions.older.pop() {
                Some(version) => versions.latest = version,
                None => drop(self.entities.remove(&key)),
            }
        }
        for posting in postings {
            self.postings.remove(&(*posting, key.clone()));
        }
    }

    fn find(
        &self,
        lookup: Lookup,
        index: &Index,
        after: Option<&EntityKey>,
        look_at_max: usize,
        revision: Revision,
    ) -> Found {
        use std::ops::Bound::{Excluded, Included, Unbounded};
        let start = after.map(K::of);
        let mut found = Found { entities: Vec::new(), more: None };
        let mut look_at = |entity: &Arc<Entity>| {
            if index.holds(entity) {
                found.entities.push(entity.clone());
            }
        };
        let mut last = None;
        let mut looked_at = 0;
        match lookup {
            Lookup::All => {
                let range = self.entities.range((start.map_or(Unbounded, Excluded), Unbounded));
                for (key, versions) in range.take(look_at_max) {
                    versions.at(revision).map(&mut look_at);
                    (last, looked_at) = (Some(key), looked_at + 1);
                }
            }
            Lookup::Posting(posting) => {
                let start = match start {
                    Some(key) => Excluded((posting, key)),
                    None => Included((posting, K::default())),
                };
                let range = self.postings.range((start, Unbounded));
                for (_, key) in range.take_while(|(other, _)| *other == posting).take(look_at_max) {
                    self.entities.get(key).and_then(|versions| versions.at(revision)).map(&mut look_at);
                    (last, looked_at) = (Some(key), looked_at + 1);
                }
            }
        }
        found.more = last.filter(|_| looked_at == look_at_max).map(|key| key.key(index.kind()));
        found
    }

    fn forget(&mut self, revision: Revision, postings: &mut dyn FnMut(&Entity) -> Vec<Posting>) {
        self.postings.clear();
        self.entities.retain(|key, versions| {
            let Versions { latest, older } = versions;
            if latest.from <= revision {
                older.clear();
            } else {
                let later = older.partition_point(|version| version.from <= revision);
                older.drain(..later.saturating_sub(1));
                // That it was not there yet, or no longer, is what nothing says, too.
                if older.first().is_some_and(|first| first.from <= revision && first.entity.is_none()) {
                    older.remove(0);
                }
            }
            older.shrink_to_fit();
            if older.is_empty() && latest.from <= revision && latest.entity.is_none() {
                return false;
            }
            for entity in older.iter().chain([&*latest]).filter_map(|version| version.entity.as_ref()) {
                self.postings.extend(postings(entity).into_iter().map(|posting| (posting, key.clone())));
            }
            true
        });
    }
}
