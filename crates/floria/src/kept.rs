//! A store whose graphs stay in memory.

use std::{
    collections::HashMap,
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::Serialize;

use crate::{
    At, Author, Batch, Change, ClassName, Design, Entity, EntityKey, Finding, Forgotten, Graph, Index,
    LogEntry, LogQuery, LogRow, Namespace, Page, Revision, Signal, Snapshot, Stats, Store, StoreError, codec,
    snapshot::READ_MAX,
};

/// What an entity takes besides what is stored of it.
const ENTITY_OCTETS: usize = 200;

/// A store that keeps the graphs that were asked for, and brings them up to date from the log when they are asked for again: that
/// costs what has changed meanwhile, whoever changed it, and not how much there is. For programs that stay.
///
/// It holds graphs of at most so many octets, counted as they are stored; of more, those that were asked for longest ago go. In memory
/// they take two to three times as much. A graph that is handed out shares its entities with the one that is kept.
pub struct KeptGraphs<S> {
    store: S,
    octets_max: usize,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    graphs: HashMap<Namespace, Place>,
    /// Counts how often a graph was asked for.
    asked: u64,
}

/// Where a graph is kept.
#[derive(Default)]
struct Place {
    /// Locked while it is read, so that it is read once. None: it has to be read.
    kept: Arc<Mutex<Option<Kept>>>,
    octets: usize,
    /// When it was asked for last.
    asked: u64,
}

/// A graph, the last revision that changed it, and how large it is.
struct Kept {
    revision: Revision,
    graph: Graph,
    octets: usize,
}

impl Kept {
    fn new(revision: Revision, graph: Graph) -> Self {
        let octets = graph.vertexes().map(weight).sum::<usize>() + graph.edges().map(weight).sum::<usize>();
        Self { revision, graph, octets }
    }

    fn apply(&mut self, change: &Change) {
        let (before, after) = match change {
            Change::Put(Entity::Vertex(vertex)) => (self.graph.vertex(vertex.id).map(weight), weight(vertex)),
            Change::Put(Entity::Edge(edge)) => (self.graph.edge(edge.id).map(weight), weight(edge)),
            Change::Delete(EntityKey::Vertex(id)) => (self.graph.vertex(*id).map(weight), 0),
            Change::Delete(EntityKey::Edge(id)) => (self.graph.edge(*id).map(weight), 0),
            Change::Put(_) | Change::Delete(_) => return,
        };
        self.octets = (self.octets + after).saturating_sub(before.unwrap_or_default());
        self.graph.apply(change);
    }
}

/// What an entity takes of the room.
fn weight<T: Serialize>(entity: &T) -> usize {
    ENTITY_OCTETS + codec::length(entity)
}

impl<S: Store> KeptGraphs<S> {
    /// Keeps graphs of a store, of at most so many octets together.
    pub fn new(store: S, octets_max: usize) -> Self {
        Self { store, octets_max, known: Mutex::default() }
    }

    /// Returns how many octets are kept.
    pub fn octets(&self) -> usize {
        lock(&self.known).graphs.values().map(|place| place.octets).sum()
    }

    /// The graph of a namespace as a snapshot of the present shows it.
    fn graph_at(&self, snapshot: &dyn Snapshot, namespace: &Namespace) -> Result<Graph, StoreError> {
        let revision = snapshot.namespace_revision(namespace)?;
        let kept = Arc::clone(&lock(&self.known).graphs.entry(namespace.clone()).or_default().kept);
        let mut kept = lock(&kept);
        if let Some(later) = kept.as_ref().filter(|kept| kept.revision > revision) {
            // Somebody asked meanwhile, and the snapshot is older than that.
            debug_assert!(later.revision > snapshot.revision(), "the present is older");
            return snapshot.graph(namespace);
        }
        // Taken out: what cannot be brought up to date is not kept.
        let known = match kept.take() {
            Some(known) => self.brought_up_to(known, revision, snapshot.revision(), namespace)?,
            None => None,
        };
        let known = match known {
            Some(known) => known,
            None => Kept::new(revision, snapshot.graph(namespace)?),
        };
        let (graph, octets) = (known.graph.clone(), known.octets);
        let is_kept = !graph.is_empty() && octets <= self.octets_max;
        *kept = is_kept.then_some(known);
        drop(kept);
        self.make_room(namespace, is_kept.then_some(octets));
        Ok(graph)
    }

    /// Applies what changed since. None: too much did, or nobody knows any more.
    fn brought_up_to(
        &self,
        mut known: Kept,
        revision: Revision,
        present: Revision,
        namespace: &Namespace,
    ) -> Result<Option<Kept>, StoreError> {
        if known.revision == revision {
            return Ok(Some(known));
        }
        let mut left = READ_MAX.max(known.graph.vertexes().len() / 2);
        let mut query = LogQuery {
            namespace: Some(namespace.clone()),
            since: known.revision,
            limit: Some(READ_MAX),
            ..LogQuery::default()
        };
        known.revision = revision;
        loop {
            let rows = match self.store.log(&query) {
                Err(StoreError::Forgotten { .. }) => return Ok(None),
                rows => rows?,
            };
            for row in rows.iter().take_while(|row| row.revision <= present) {
                if let LogEntry::Change(change) = &row.entry {
                    known.apply(change);
                }
            }
            match rows.last() {
                Some(last) if rows.len() == READ_MAX && last.revision <= present => {
                    query.after = last.sequence;
                }
                _ => return Ok(Some(known)),
            }
            match left.checked_sub(READ_MAX) {
                Some(rest) => left = rest,
                None => return Ok(None),
            }
        }
    }

    /// Notes how large a graph is (None: it is not kept), and lets others go if it is too much.
    fn make_room(&self, namespace: &Namespace, octets: Option<usize>) {
        let mut known = lock(&self.known);
        let Known { graphs, asked } = &mut *known;
        *asked += 1;
        match (octets, graphs.get_mut(namespace)) {
            (Some(octets), Some(place)) => (place.octets, place.asked) = (octets, *asked),
            _ => drop(graphs.remove(namespace)),
        }
        while graphs.values().map(|place| place.octets).sum::<usize>() > self.octets_max {
            let oldest = graphs.iter().min_by_key(|(_, place)| place.asked);
            let Some(oldest) = oldest.map(|(namespace, _)| namespace.clone()) else { return };
            graphs.remove(&oldest);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<S: Store> Store for KeptGraphs<S> {
    fn snapshot(&self, at: At) -> Result<Box<dyn Snapshot + '_>, StoreError> {
        let snapshot = self.store.snapshot(at)?;
        match at {
            At::Now => Ok(Box::new(Present { snapshot, graphs: self })),
            At::Revision(_) | At::Time(_) => Ok(snapshot),
        }
    }

    fn commit(&self, batch: &Batch) -> Result<Revision, StoreError> {
        self.store.commit(batch)
    }

    fn allocate(&self, count: u64) -> Result<Range<u64>, StoreError> {
        self.store.allocate(count)
    }

    fn log(&self, query: &LogQuery) -> Result<Vec<LogRow>, StoreError> {
        self.store.log(query)
    }

    fn signal(&self) -> Result<Arc<Signal>, StoreError> {
        self.store.signal()
    }

    fn forget_before(
        &self,
        revision: Revision,
        keep: &[String],
        author: Option<Author>,
    ) -> Result<Forgotten, StoreError> {
        self.store.forget_before(revision, keep, author)
    }

    fn stats(&self) -> Result<Stats, StoreError> {
        self.store.stats()
    }

    fn verify(&self) -> Result<Vec<Finding>, StoreError> {
        self.store.verify()
    }
}

/// The present, with graphs that are kept.
struct Present<'a, S> {
    snapshot: Box<dyn Snapshot + 'a>,
    graphs: &'a KeptGraphs<S>,
}

impl<S: Store> Snapshot for Present<'_, S> {
    fn graph(&self, namespace: &Namespace) -> Result<Graph, StoreError> {
        self.graphs.graph_at(&*self.snapshot, namespace)
    }

    fn revision(&self) -> Revision {
        self.snapshot.revision()
    }

    fn namespace_revision(&self, namespace: &Namespace) -> Result<Revision, StoreError> {
        self.snapshot.namespace_revision(namespace)
    }

    fn namespaces(&self) -> Result<Vec<Namespace>, StoreError> {
        self.snapshot.namespaces()
    }

    fn get(&self, key: &EntityKey) -> Result<Option<Entity>, StoreError> {
        self.snapshot.get(key)
    }

    fn find(&self, index: &Index, page: &Page) -> Result<Vec<Entity>, StoreError> {
        self.snapshot.find(index, page)
    }

    fn count(&self, index: &Index) -> Result<u64, StoreError> {
        self.snapshot.count(index)
    }

    fn classes_called(&self, last: &str) -> Result<Option<Vec<ClassName>>, StoreError> {
        self.snapshot.classes_called(last)
    }

    fn design(&self, namespace: &Namespace) -> Result<Option<Design>, StoreError> {
        self.snapshot.design(namespace)
    }
}
