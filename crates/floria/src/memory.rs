//! A store in memory: the reference for what a store does, and enough for tests and previews.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{
    At, Author, Batch, Change, Class, ClassName, Design, Edge, EdgeId, EdgeTemplate, EdgeTemplateId, Entity,
    EntityKey, EntityKind, Finding, Forgotten, Graph, Index, LogEntry, LogQuery, LogRow, Namespace, Plugin,
    PluginName, Replay, Revision, Signal, Snapshot, Stats, Store, StoreError, Vertex, VertexId,
    VertexTemplate, VertexTemplateId, encode,
    laws::{self, Kind, View},
};

/// A [`Store`] in memory. It is gone when it is dropped.
pub struct MemoryStore {
    state: Mutex<State>,
    clock: Box<dyn Fn() -> u64 + Send + Sync>,
    signal: Arc<Signal>,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryStore {
    /// Makes an empty store whose clock stands still at 0, since nothing here reads a clock.
    pub fn new() -> Self {
        Self::with_clock(|| 0)
    }

    /// Makes an empty store that stamps its log by this clock: milliseconds since 1970-01-01T00:00:00Z.
    pub fn with_clock(clock: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self { state: Mutex::new(State::default()), clock: Box::new(clock), signal: Arc::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics between two consistent states: a batch is undone before its error is returned.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    fn snapshot(&self, at: At) -> Result<Box<dyn Snapshot + '_>, StoreError> {
        let revision = self.state().revision;
        Ok(Box::new(Replay::of(&self.log(&LogQuery::default())?, revision, at)?))
    }

    fn signal(&self) -> Result<Arc<Signal>, StoreError> {
        Ok(self.signal.clone())
    }

    fn forget_before(
        &self,
        _revision: Revision,
        _keep: &[String],
        _author: Option<Author>,
    ) -> Result<Forgotten, StoreError> {
        Err(StoreError::Invalid("this store keeps everything".to_owned()))
    }

    fn stats(&self) -> Result<Stats, StoreError> {
        let snapshot = self.snapshot(At::Now)?;
        let mut stats = Stats { revision: snapshot.revision(), ..Stats::default() };
        for kind in EntityKind::ALL {
            stats.entities.insert(kind, snapshot.count(&Index::All(kind))?);
        }
        stats.log_rows = self.state().log.len() as u64;
        Ok(stats)
    }

    fn verify(&self) -> Result<Vec<Finding>, StoreError> {
        Ok(Vec::new())
    }

    fn revision(&self) -> Result<Revision, StoreError> {
        Ok(self.state().revision)
    }

    fn namespace_revision(&self, namespace: &Namespace) -> Result<Revision, StoreError> {
        Ok(self.state().namespace_revision(namespace))
    }

    fn namespaces(&self) -> Result<Vec<Namespace>, StoreError> {
        let state = self.state();
        let inhabited = |side: &Side| {
            let members = side.members.iter().filter(|(_, members)| !members.vertexes.is_empty());
            members.map(|(namespace, _)| namespace.clone()).collect::<BTreeSet<_>>()
        };
        Ok(inhabited(&state.instances).union(&inhabited(&state.templates)).cloned().collect())
    }

    fn allocate(&self, count: u64) -> Result<Range<u64>, StoreError> {
        let mut state = self.state();
        if count == 0 {
            return Ok(0..0);
        }
        let end = state.ids_used.checked_add(count).filter(|end| *end <= laws::ID_MAX);
        let end = end.ok_or_else(|| laws::id_too_large(u64::MAX))?;
        let start = state.ids_used + 1;
        state.ids_used = end;
        Ok(start..end + 1)
    }

    fn commit(&self, batch: &Batch) -> Result<Revision, StoreError> {
        let mut state = self.state();
        for (namespace, expected) in &batch.expected {
            let actual = state.namespace_revision(namespace);
            if actual != *expected {
                return Err(StoreError::Conflict {
                    namespace: namespace.clone(),
                    expected: *expected,
                    actual,
                });
            }
        }
        check_encoding(batch)?;
        let mut undo = Vec::with_capacity(batch.changes.len());
        let applied = state.apply_all(batch, &mut undo).and_then(|namespaces| {
            laws::check(batch, &mut *state)?;
            Ok(namespaces)
        });
        match applied {
            Ok(namespaces) => {
                let revision = state.record(batch, namespaces, (self.clock)());
                drop(state);
                self.signal.tell();
                Ok(revision)
            }
            Err(error) => {
                for step in undo.into_iter().rev() {
                    state.undo(step);
                }
                Err(error)
            }
        }
    }

    fn graph(&self, namespace: &Namespace) -> Result<Graph, StoreError> {
        let state = self.state();
        let mut graph = Graph::default();
        if let Some(members) = state.instances.members.get(namespace) {
            members
                .vertexes
                .iter()
                .filter_map(|id| state.instances.graph.vertex(*id))
                .for_each(|vertex| graph.put_vertex(vertex.clone()));
            members
                .edges
                .iter()
                .filter_map(|id| state.instances.graph.edge(*id))
                .for_each(|edge| graph.put_edge(edge.clone()));
        }
        Ok(graph)
    }

    fn design(&self, namespace: &Namespace) -> Result<Option<Design>, StoreError> {
        let state = self.state();
        let classes = state.classes.iter().filter(|((owner, _), _)| owner == namespace);
        let classes = classes.map(|(_, class)| class.clone()).collect();
        let side = &state.templates;
        let (vertexes, edges) = match side.members.get(namespace) {
            None => (Vec::new(), Vec::new()),
            Some(members) => (
                members.vertexes.iter().filter_map(|id| side.graph.vertex(*id)).map(to_template).collect(),
                members.edges.iter().filter_map(|id| side.graph.edge(*id)).map(to_edge_template).collect(),
            ),
        };
        Ok(Design::stored(namespace.clone(), classes, vertexes, edges))
    }

    fn log(&self, query: &LogQuery) -> Result<Vec<LogRow>, StoreError> {
        let state = self.state();
        let start = usize::try_from(query.after).unwrap_or(usize::MAX).min(state.log.len());
        let rows = state.log[start..].iter().filter(|(namespace, row)| {
            let stream = match &row.entry {
                LogEntry::Record(record) => Some(&record.stream),
                LogEntry::Change(_) => None,
            };
            query.namespace.as_ref().is_none_or(|wanted| wanted == namespace)
                && row.revision > query.since
                && query
                    .entity
                    .as_ref()
                    .is_none_or(|key| matches!(&row.entry, LogEntry::Change(change) if change.key() == *key))
                && query.stream.as_ref().is_none_or(|wanted| Some(wanted) == stream)
        });
        Ok(rows.take(query.limit.unwrap_or(usize::MAX)).map(|(_, row)| row.clone()).collect())
    }
}

/// Nothing here needs to be encoded, but what other stores refuse must not work here.
fn check_encoding(batch: &Batch) -> Result<(), StoreError> {
    for change in &batch.changes {
        let encoded = match change {
            Change::Put(Entity::Class(class)) => encode(class),
            Change::Put(Entity::VertexTemplate(vertex)) => encode(vertex),
            Change::Put(Entity::EdgeTemplate(edge)) => encode(edge),
            Change::Put(Entity::Vertex(vertex)) => encode(vertex),
            Change::Put(Entity::Edge(edge)) => encode(edge),
            _ => continue,
        };
        encoded.map_err(|error| laws::cannot_encode("an entity", &error))?;
    }
    for record in &batch.records {
        encode(&record.body).map_err(|error| laws::cannot_encode("a record", &error))?;
    }
    Ok(())
}

#[derive(Default)]
struct State {
    revision: Revision,
    revisions: BTreeMap<Namespace, Revision>,
    ids_used: u64,
    classes: BTreeMap<(Namespace, ClassName), Class>,
    plugins: BTreeMap<(Namespace, PluginName), Plugin>,
    templates: Side,
    instances: Side,
    /// Each row with the namespace that it is about.
    log: Vec<(Namespace, LogRow)>,
}

/// The templates, held as if they were instances; or the instances. Of all namespaces.
#[derive(Default)]
struct Side {
    graph: Graph,
    members: BTreeMap<Namespace, Members>,
}

#[derive(Default)]
struct Members {
    vertexes: BTreeSet<VertexId>,
    edges: BTreeSet<EdgeId>,
}

/// How to take one change back: what was there before it.
enum Undo {
    Vertex(Kind, VertexId, Option<Vertex>),
    Edge(Kind, EdgeId, Option<Edge>),
    Class((Namespace, ClassName), Option<Class>),
    Plugin((Namespace, PluginName), Option<Plugin>),
}

impl State {
    fn namespace_revision(&self, namespace: &Namespace) -> Revision {
        self.revisions.get(namespace).copied().unwrap_or_default()
    }

    fn side(&mut self, kind: Kind) -> &mut Side {
        match kind {
            Kind::Template => &mut self.templates,
            Kind::Instance => &mut self.instances,
        }
    }

    /// Applies the changes and returns the namespace of each.
    fn apply_all(&mut self, batch: &Batch, undo: &mut Vec<Undo>) -> Result<Vec<Namespace>, StoreError> {
        batch.changes.iter().map(|change| self.apply(change, undo)).collect()
    }

    fn apply(&mut self, change: &Change, undo: &mut Vec<Undo>) -> Result<Namespace, StoreError> {
        match change {
            Change::Put(Entity::Vertex(vertex)) => self.put_vertex(Kind::Instance, vertex.clone(), undo),
            Change::Put(Entity::VertexTemplate(vertex)) => {
                self.put_vertex(Kind::Template, from_template(vertex), undo)
            }
            Change::Put(Entity::Edge(edge)) => self.put_edge(Kind::Instance, edge.clone(), undo),
            Change::Put(Entity::EdgeTemplate(edge)) => {
                self.put_edge(Kind::Template, from_edge_template(edge), undo)
            }
            Change::Delete(EntityKey::Vertex(id)) => self.delete_vertex(Kind::Instance, *id, undo),
            Change::Delete(EntityKey::VertexTemplate(id)) => {
                self.delete_vertex(Kind::Template, VertexId(id.0), undo)
            }
            Change::Delete(EntityKey::Edge(id)) => self.delete_edge(Kind::Instance, *id, undo),
            Change::Delete(EntityKey::EdgeTemplate(id)) => {
                self.delete_edge(Kind::Template, EdgeId(id.0), undo)
            }
            Change::Put(Entity::Plugin(plugin)) => {
                let key = (plugin.namespace.clone(), plugin.name.clone());
                let before = self.plugins.insert(key.clone(), plugin.clone());
                undo.push(Undo::Plugin(key, before));
                Ok(plugin.namespace.clone())
            }
            Change::Delete(EntityKey::Plugin(namespace, name)) => {
                let key = (namespace.clone(), name.clone());
                let Some(before) = self.plugins.remove(&key) else {
                    return Err(laws::nothing_to_delete("plugin", format_args!("`{name}`")));
                };
                undo.push(Undo::Plugin(key, Some(before)));
                Ok(namespace.clone())
            }
            Change::Put(Entity::Class(class)) => {
                let key = (class.namespace.clone(), class.name.clone());
                let before = self.classes.insert(key.clone(), class.clone());
                undo.push(Undo::Class(key, before));
                Ok(class.namespace.clone())
            }
            Change::Delete(EntityKey::Class(namespace, name)) => {
                let key = (namespace.clone(), name.clone());
                let Some(before) = self.classes.remove(&key) else {
                    return Err(laws::nothing_to_delete("class", format_args!("`{name}`")));
                };
                undo.push(Undo::Class(key, Some(before)));
                Ok(namespace.clone())
            }
        }
    }

    fn put_vertex(
        &mut self,
        kind: Kind,
        vertex: Vertex,
        undo: &mut Vec<Undo>,
    ) -> Result<Namespace, StoreError> {
        let (id, namespace) = (vertex.id, vertex.namespace.clone());
        let side = self.side(kind);
        let before = side.graph.vertex(id).cloned();
        if let Some(before) = &before {
            laws::check_namespace(kind.vertex(), id.0, &before.namespace, &namespace)?;
        }
        side.put_vertex(vertex);
        undo.push(Undo::Vertex(kind, id, before));
        Ok(namespace)
    }

    fn put_edge(&mut self, kind: Kind, edge: Edge, undo: &mut Vec<Undo>) -> Result<Namespace, StoreError> {
        let (id, namespace) = (edge.id, edge.namespace.clone());
        let side = self.side(kind);
        let before = side.graph.edge(id).cloned();
        if let Some(before) = &before {
            laws::check_namespace(kind.edge(), id.0, &before.namespace, &namespace)?;
        }
        side.put_edge(edge);
        undo.push(Undo::Edge(kind, id, before));
        Ok(namespace)
    }

    fn delete_vertex(
        &mut self,
        kind: Kind,
        id: VertexId,
        undo: &mut Vec<Undo>,
    ) -> Result<Namespace, StoreError> {
        let before =
            self.side(kind).remove_vertex(id).ok_or_else(|| laws::nothing_to_delete(kind.vertex(), id))?;
        let namespace = before.namespace.clone();
        undo.push(Undo::Vertex(kind, id, Some(before)));
        Ok(namespace)
    }

    fn delete_edge(&mut self, kind: Kind, id: EdgeId, undo: &mut Vec<Undo>) -> Result<Namespace, StoreError> {
        let before =
            self.side(kind).remove_edge(id).ok_or_else(|| laws::nothing_to_delete(kind.edge(), id))?;
        let namespace = before.namespace.clone();
        undo.push(Undo::Edge(kind, id, Some(before)));
        Ok(namespace)
    }

    fn undo(&mut self, step: Undo) {
        match step {
            Undo::Vertex(kind, _, Some(before)) => self.side(kind).put_vertex(before),
            Undo::Vertex(kind, id, None) => _ = self.side(kind).remove_vertex(id),
            Undo::Edge(kind, _, Some(before)) => self.side(kind).put_edge(before),
            Undo::Edge(kind, id, None) => _ = self.side(kind).remove_edge(id),
            Undo::Plugin(key, Some(before)) => _ = self.plugins.insert(key, before),
            Undo::Plugin(key, None) => _ = self.plugins.remove(&key),
            Undo::Class(key, Some(before)) => _ = self.classes.insert(key, before),
            Undo::Class(key, None) => _ = self.classes.remove(&key),
        }
    }

    /// Makes the batch part of history.
    fn record(&mut self, batch: &Batch, namespaces: Vec<Namespace>, time_ms: u64) -> Revision {
        let revision = Revision(self.revision.0 + 1);
        self.revision = revision;
        for change in &batch.changes {
            self.ids_used = self.ids_used.max(change.put_id().unwrap_or(0));
        }
        let changes = batch.changes.iter().cloned().map(LogEntry::Change).zip(namespaces);
        let records = batch.records.iter().cloned();
        let records = records
            .map(|record| (record.namespace.clone(), record))
            .map(|(namespace, record)| (LogEntry::Record(record), namespace));
        for (entry, namespace) in changes.chain(records) {
            if matches!(entry, LogEntry::Change(_)) && self.namespace_revision(&namespace) != revision {
                self.revisions.insert(namespace.clone(), revision);
            }
            let sequence = self.log.len() as u64 + 1;
            self.log.push((
                namespace,
                LogRow { sequence, revision, time_ms, author: batch.author.clone(), entry },
            ));
        }
        revision
    }
}

impl View for State {
    fn container(&mut self, kind: Kind, id: u64) -> Result<Option<Option<u64>>, StoreError> {
        let vertex = self.side(kind).graph.vertex(VertexId(id));
        Ok(vertex.map(|vertex| vertex.container.map(|container| container.0)))
    }

    fn is_ambiguous(
        &mut self,
        kind: Kind,
        namespace: &Namespace,
        container: Option<u64>,
        name: &str,
    ) -> Result<bool, StoreError> {
        let same = self.side(kind).graph.all_named(container.map(VertexId), name);
        let same = same.filter(|vertex| container.is_some() || vertex.namespace == *namespace);
        Ok(same.take(2).count() > 1)
    }

    fn has_contents(&mut self, kind: Kind, id: u64) -> Result<bool, StoreError> {
        Ok(self.side(kind).graph.contained(Some(VertexId(id))).next().is_some())
    }

    fn has_edges(&mut self, kind: Kind, id: u64) -> Result<bool, StoreError> {
        let graph = &self.side(kind).graph;
        let id = VertexId(id);
        Ok(graph.outgoing(id).next().is_some() || graph.incoming(id).next().is_some())
    }
}

impl Side {
    fn put_vertex(&mut self, vertex: Vertex) {
        self.members(&vertex.namespace).vertexes.insert(vertex.id);
        self.graph.put_vertex(vertex);
    }

    fn put_edge(&mut self, edge: Edge) {
        self.members(&edge.namespace).edges.insert(edge.id);
        self.graph.put_edge(edge);
    }

    fn remove_vertex(&mut self, id: VertexId) -> Option<Vertex> {
        let vertex = self.graph.remove_vertex(id)?;
        self.members(&vertex.namespace).vertexes.remove(&id);
        Some(vertex)
    }

    fn remove_edge(&mut self, id: EdgeId) -> Option<Edge> {
        let edge = self.graph.remove_edge(id)?;
        self.members(&edge.namespace).edges.remove(&id);
        Some(edge)
    }

    fn members(&mut self, namespace: &Namespace) -> &mut Members {
        if !self.members.contains_key(namespace) {
            self.members.insert(namespace.clone(), Members::default());
        }
        self.members.get_mut(namespace).expect("it was put in just now")
    }
}

// Templates and instances have the same fields, and differ in what their ids mean.

fn from_template(entity: &VertexTemplate) -> Vertex {
    Vertex {
        id: VertexId(entity.id.0),
        container: entity.container.map(|id| VertexId(id.0)),
        namespace: entity.namespace.clone(),
        name: entity.name.clone(),
        classes: entity.classes.clone(),
        properties: entity.properties.clone(),
        handlers: entity.handlers.clone(),
        metadata: entity.metadata.clone(),
        origin: entity.origin.clone(),
    }
}

fn to_template(entity: &Vertex) -> VertexTemplate {
    VertexTemplate {
        id: VertexTemplateId(entity.id.0),
        container: entity.container.map(|id| VertexTemplateId(id.0)),
        namespace: entity.namespace.clone(),
        name: entity.name.clone(),
        classes: entity.classes.clone(),
        properties: entity.properties.clone(),
        handlers: entity.handlers.clone(),
        metadata: entity.metadata.clone(),
        origin: entity.origin.clone(),
    }
}

fn from_edge_template(entity: &EdgeTemplate) -> Edge {
    Edge {
        id: EdgeId(entity.id.0),
        source: VertexId(entity.source.0),
        target: VertexId(entity.target.0),
        namespace: entity.namespace.clone(),
        name: entity.name.clone(),
        classes: entity.classes.clone(),
        properties: entity.properties.clone(),
        handlers: entity.handlers.clone(),
        metadata: entity.metadata.clone(),
        origin: entity.origin.clone(),
        index: entity.index,
    }
}

fn to_edge_template(entity: &Edge) -> EdgeTemplate {
    EdgeTemplate {
        id: EdgeTemplateId(entity.id.0),
        source: VertexTemplateId(entity.source.0),
        target: VertexTemplateId(entity.target.0),
        namespace: entity.namespace.clone(),
        name: entity.name.clone(),
        classes: entity.classes.clone(),
        properties: entity.properties.clone(),
        handlers: entity.handlers.clone(),
        metadata: entity.metadata.clone(),
        origin: entity.origin.clone(),
        index: entity.index,
    }
}
