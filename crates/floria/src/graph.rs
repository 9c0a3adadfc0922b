//! Graphs in memory: a design of templates, and the instances of one namespace.

mod index;
mod leaves;

use std::{
    collections::{BTreeMap, HashMap},
    ops::Range,
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use index::{ByName, BySource, ByTarget, Index};
use leaves::Leaves;

use crate::{
    Change, Class, Edge, EdgeId, EdgeTemplate, EdgeTemplateId, Entity, EntityKey, Namespace, Vertex,
    VertexId, VertexTemplate, VertexTemplateId,
};

/// A self-contained graph of templates, as lowering makes it. Ids count from 1 and are the design's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Design {
    /// The namespace that its instances will live in.
    pub namespace: Namespace,
    /// Classes by name.
    pub classes: Vec<Class>,
    /// Vertex templates; containers come before what they contain, and the first is the service itself.
    pub vertexes: Vec<VertexTemplate>,
    /// Edge templates.
    pub edges: Vec<EdgeTemplate>,
}

impl Design {
    /// Returns the vertex template with this id.
    pub fn vertex(&self, id: VertexTemplateId) -> Option<&VertexTemplate> {
        by_id(&self.vertexes, id.0, |vertex| vertex.id.0)
    }

    /// Returns the edge template with this id.
    pub fn edge(&self, id: EdgeTemplateId) -> Option<&EdgeTemplate> {
        by_id(&self.edges, id.0, |edge| edge.id.0)
    }

    /// Returns the same design with other ids, as a store needs them: the first as many as there are vertex templates, in
    /// order, then those of the edge templates.
    ///
    /// `ids` must hold [`Self::size`] ids; the containers and ends of templates that are not in the design are left alone.
    pub fn renumbered(&self, ids: Range<u64>) -> Self {
        let mut design = self.clone();
        let places: HashMap<VertexTemplateId, u64> =
            self.vertexes.iter().zip(ids.clone()).map(|(vertex, id)| (vertex.id, id)).collect();
        let place = |id: &mut VertexTemplateId| {
            if let Some(place) = places.get(id) {
                *id = VertexTemplateId(*place);
            }
        };
        for vertex in &mut design.vertexes {
            place(&mut vertex.id);
            vertex.container.iter_mut().for_each(place);
        }
        for (edge, id) in design.edges.iter_mut().zip(ids.skip(self.vertexes.len())) {
            edge.id = EdgeTemplateId(id);
            place(&mut edge.source);
            place(&mut edge.target);
        }
        design
    }

    /// Makes what a store answers from what it holds of a namespace: None when that is nothing.
    ///
    /// Templates come in the order of their ids, except that a container always comes before its contents.
    pub fn stored(
        namespace: Namespace,
        classes: Vec<Class>,
        mut vertexes: Vec<VertexTemplate>,
        mut edges: Vec<EdgeTemplate>,
    ) -> Option<Self> {
        if classes.is_empty() && vertexes.is_empty() && edges.is_empty() {
            return None;
        }
        vertexes.sort_by_key(|vertex| vertex.id);
        edges.sort_by_key(|edge| edge.id);
        if vertexes.iter().any(|vertex| vertex.container.is_some_and(|container| container > vertex.id)) {
            vertexes = containers_first(vertexes);
        }
        Some(Self { namespace, classes, vertexes, edges })
    }

    /// Returns how many ids its templates take.
    pub fn size(&self) -> u64 {
        (self.vertexes.len() + self.edges.len()) as u64
    }

    /// Returns the changes that put all of it in a store.
    pub fn changes(&self) -> Vec<Change> {
        let classes = self.classes.iter().cloned().map(Change::put);
        let vertexes = self.vertexes.iter().cloned().map(Change::put);
        let edges = self.edges.iter().cloned().map(Change::put);
        classes.chain(vertexes).chain(edges).collect()
    }
}

fn containers_first(vertexes: Vec<VertexTemplate>) -> Vec<VertexTemplate> {
    let mut waiting: BTreeMap<VertexTemplateId, VertexTemplate> =
        vertexes.into_iter().map(|vertex| (vertex.id, vertex)).collect();
    let mut sorted = Vec::with_capacity(waiting.len());
    while let Some((&first, _)) = waiting.first_key_value() {
        // From the outermost container that still waits down to the first.
        let mut path = vec![first];
        let mut innermost = first;
        while let Some(container) = waiting.get(&innermost).and_then(|vertex| vertex.container)
            && waiting.contains_key(&container)
            && path.len() < waiting.len()
        {
            path.push(container);
            innermost = container;
        }
        sorted.extend(path.iter().rev().filter_map(|id| waiting.remove(id)));
    }
    sorted
}

/// Finds by place where ids count from 1, by halves where they rise, and by looking otherwise.
fn by_id<T>(items: &[T], id: u64, id_of: impl Fn(&T) -> u64) -> Option<&T> {
    let place = usize::try_from(id).ok()?.checked_sub(1);
    if let Some(item) = place.and_then(|place| items.get(place)).filter(|item| id_of(item) == id) {
        return Some(item);
    }
    if let Ok(place) = items.binary_search_by_key(&id, &id_of) {
        return items.get(place);
    }
    items.iter().find(|item| id_of(item) == id)
}

/// The instances of one namespace, with the indexes that make walking it cheap.
///
/// Everything that names one vertex or edge costs the logarithm of the size, also for a vertex with a hundred thousand edges. A copy
/// costs little, and shares with what it was made from all that neither has changed since.
/// A graph does not enforce the laws of a store: while a batch is being applied it may hold two vertexes of one name, or an
/// edge without an end.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    // Shared, so that a copy of a graph is small and an index costs a pointer.
    vertexes: Leaves<(VertexId, Arc<Vertex>)>,
    edges: Leaves<(EdgeId, Arc<Edge>)>,
    by_name: Index<ByName>,
    outgoing: Index<BySource>,
    incoming: Index<ByTarget>,
}

/// Two graphs are equal when their entities are.
impl PartialEq for Graph {
    fn eq(&self, other: &Self) -> bool {
        self.vertexes.iter().eq(other.vertexes.iter()) && self.edges.iter().eq(other.edges.iter())
    }
}

impl Eq for Graph {}

impl Graph {
    /// Returns the vertexes, by id.
    pub fn vertexes(&self) -> impl ExactSizeIterator<Item = &Vertex> + DoubleEndedIterator {
        self.vertexes.iter().map(|(_, vertex)| vertex.as_ref())
    }

    /// Returns the edges, by id.
    pub fn edges(&self) -> impl ExactSizeIterator<Item = &Edge> + DoubleEndedIterator {
        self.edges.iter().map(|(_, edge)| edge.as_ref())
    }

    /// Returns the vertex with this id.
    pub fn vertex(&self, id: VertexId) -> Option<&Vertex> {
        self.shared_vertex(id).map(Arc::as_ref)
    }

    /// Returns the edge with this id.
    pub fn edge(&self, id: EdgeId) -> Option<&Edge> {
        self.shared_edge(id).map(Arc::as_ref)
    }

    fn shared_vertex(&self, id: VertexId) -> Option<&Arc<Vertex>> {
        self.vertexes.get(|(own, _)| own.cmp(&id)).map(|(_, vertex)| vertex)
    }

    fn shared_edge(&self, id: EdgeId) -> Option<&Arc<Edge>> {
        self.edges.get(|(own, _)| own.cmp(&id)).map(|(_, edge)| edge)
    }

    /// Returns the vertex of this name in this container.
    pub fn named(&self, container: Option<VertexId>, name: &str) -> Option<&Vertex> {
        let container = container.map(|id| id.0);
        let ByName(vertex) = self.by_name.from((container, Some(name), 0, 0)).next()?;
        (vertex.container.map(|id| id.0) == container && vertex.name == name).then_some(vertex)
    }

    /// Returns the vertexes in this container, by name.
    pub fn contained(&self, container: Option<VertexId>) -> impl Iterator<Item = &Vertex> {
        self.by_name
            .from((container.map(|id| id.0), None, 0, 0))
            .map(|ByName(vertex)| vertex.as_ref())
            .take_while(move |vertex| vertex.container == container)
    }

    /// Returns the edges that start here, in order of name and index.
    pub fn outgoing(&self, id: VertexId) -> impl Iterator<Item = &Edge> {
        self.outgoing
            .from((Some(id.0), None, 0, 0))
            .map(|BySource(edge)| edge.as_ref())
            .take_while(move |edge| edge.source == id)
    }

    /// Returns the edge of this name and index that starts here.
    pub fn outgoing_at(&self, source: VertexId, name: &str, index: u32) -> Option<&Edge> {
        let BySource(edge) = self.outgoing.from((Some(source.0), Some(name), index, 0)).next()?;
        (edge.source == source && edge.name == name && edge.index == index).then_some(edge)
    }

    /// Returns the edges that end here, in order of name and index.
    pub fn incoming(&self, id: VertexId) -> impl Iterator<Item = &Edge> {
        self.incoming
            .from((Some(id.0), None, 0, 0))
            .map(|ByTarget(edge)| edge.as_ref())
            .take_while(move |edge| edge.target == id)
    }

    /// Puts a vertex in, in place of the one with its id if there is one.
    pub fn put_vertex(&mut self, vertex: Vertex) {
        self.put_shared_vertex(Arc::new(vertex));
    }

    /// Puts a vertex in as [`Self::put_vertex`] does. Where the one that `other` has is equal, the two graphs share it: that takes
    /// no memory, and comparing the two compares addresses.
    pub fn put_vertex_as_in(&mut self, other: &Self, vertex: Vertex) {
        match other.shared_vertex(vertex.id).filter(|shared| ***shared == vertex) {
            Some(shared) => self.put_shared_vertex(Arc::clone(shared)),
            None => self.put_vertex(vertex),
        }
    }

    fn put_shared_vertex(&mut self, vertex: Arc<Vertex>) {
        self.remove_vertex(vertex.id);
        self.by_name.insert(ByName(vertex.clone()));
        let id = vertex.id;
        self.vertexes.insert((id, vertex), |(own, _)| own.cmp(&id));
    }

    /// Takes a vertex out. What it contains and its edges are the caller's to take out.
    pub fn remove_vertex(&mut self, id: VertexId) -> Option<Vertex> {
        let vertex = ByName(self.vertexes.remove(|(own, _)| own.cmp(&id))?.1);
        self.by_name.remove(&vertex);
        Some(Arc::unwrap_or_clone(vertex.0))
    }

    /// Puts an edge in, in place of the one with its id if there is one.
    pub fn put_edge(&mut self, edge: Edge) {
        self.put_shared_edge(Arc::new(edge));
    }

    /// Puts an edge in as [`Self::put_edge`] does, shared with `other` where that has an equal one, as of vertexes.
    pub fn put_edge_as_in(&mut self, other: &Self, edge: Edge) {
        match other.shared_edge(edge.id).filter(|shared| ***shared == edge) {
            Some(shared) => self.put_shared_edge(Arc::clone(shared)),
            None => self.put_edge(edge),
        }
    }

    fn put_shared_edge(&mut self, edge: Arc<Edge>) {
        self.remove_edge(edge.id);
        self.outgoing.insert(BySource(edge.clone()));
        self.incoming.insert(ByTarget(edge.clone()));
        let id = edge.id;
        self.edges.insert((id, edge), |(own, _)| own.cmp(&id));
    }

    /// Takes an edge out.
    pub fn remove_edge(&mut self, id: EdgeId) -> Option<Edge> {
        let edge = BySource(self.edges.remove(|(own, _)| own.cmp(&id))?.1);
        self.outgoing.remove(&edge);
        let edge = ByTarget(edge.0);
        self.incoming.remove(&edge);
        Some(Arc::unwrap_or_clone(edge.0))
    }

    /// Applies a change of an instance. Templates, classes and plugins are not in a graph; changes of them do nothing.
    pub fn apply(&mut self, change: &Change) {
        match change {
            Change::Put(Entity::Vertex(vertex)) => self.put_vertex(vertex.clone()),
            Change::Put(Entity::Edge(edge)) => self.put_edge(edge.clone()),
            Change::Delete(EntityKey::Vertex(id)) => drop(self.remove_vertex(*id)),
            Change::Delete(EntityKey::Edge(id)) => drop(self.remove_edge(*id)),
            Change::Put(_) | Change::Delete(_) => {}
        }
    }

    /// Returns whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.vertexes.is_empty() && self.edges.is_empty()
    }

    /// Returns the outermost vertex that contains this one (itself, if nothing does) below the service: the node, when
    /// given one of its capabilities.
    pub fn node_of(&self, id: VertexId) -> Option<&Vertex> {
        let mut vertex = self.vertex(id)?;
        while let Some(container) = vertex.container.and_then(|id| self.vertex(id)) {
            if container.container.is_none() {
                break;
            }
            vertex = container;
        }
        Some(vertex)
    }

    /// Returns the names from just below the service down to this vertex, as in `web/endpoint`; the service's own name, for
    /// the service; for a vertex that is not here, its id.
    pub fn path_of(&self, id: VertexId) -> String {
        let Some(mut vertex) = self.vertex(id) else { return format!("vertex {id}") };
        let mut path = vertex.name.clone();
        while let Some(container) = vertex.container.and_then(|id| self.vertex(id)) {
            if container.container.is_none() {
                break;
            }
            path = format!("{}/{path}", container.name);
            vertex = container;
        }
        path
    }
}
