//! Graphs in memory: a design of templates, and the instances of one namespace.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    Class, Edge, EdgeId, EdgeTemplate, EdgeTemplateId, Namespace, Vertex, VertexId, VertexTemplate,
    VertexTemplateId,
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
        self.vertexes.iter().find(|vertex| vertex.id == id)
    }

    /// Returns the edge template with this id.
    pub fn edge(&self, id: EdgeTemplateId) -> Option<&EdgeTemplate> {
        self.edges.iter().find(|edge| edge.id == id)
    }
}

/// The instances of one namespace, with the indexes that make walking it cheap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Graph {
    vertexes: BTreeMap<VertexId, Vertex>,
    edges: BTreeMap<EdgeId, Edge>,
    by_name: BTreeMap<(Option<VertexId>, String), VertexId>,
    outgoing: BTreeMap<VertexId, Vec<EdgeId>>,
    incoming: BTreeMap<VertexId, Vec<EdgeId>>,
}

impl Graph {
    /// Returns the vertexes, by id.
    pub fn vertexes(&self) -> impl Iterator<Item = &Vertex> {
        self.vertexes.values()
    }

    /// Returns the edges, by id.
    pub fn edges(&self) -> impl Iterator<Item = &Edge> {
        self.edges.values()
    }

    /// Returns the vertex with this id.
    pub fn vertex(&self, id: VertexId) -> Option<&Vertex> {
        self.vertexes.get(&id)
    }

    /// Returns the edge with this id.
    pub fn edge(&self, id: EdgeId) -> Option<&Edge> {
        self.edges.get(&id)
    }

    /// Returns the vertex of this name in this container.
    pub fn named(&self, container: Option<VertexId>, name: &str) -> Option<&Vertex> {
        self.vertex(*self.by_name.get(&(container, name.to_owned()))?)
    }

    /// Returns the vertexes in this container, by name.
    pub fn contained(&self, container: Option<VertexId>) -> impl Iterator<Item = &Vertex> {
        self.by_name
            .range((container, String::new())..)
            .take_while(move |((owner, _), _)| *owner == container)
            .filter_map(|(_, id)| self.vertex(*id))
    }

    /// Returns the edges that start here, in order of name and index.
    pub fn outgoing(&self, id: VertexId) -> impl Iterator<Item = &Edge> {
        self.outgoing.get(&id).into_iter().flatten().filter_map(|id| self.edge(*id))
    }

    /// Returns the edges that end here, in order of name and index.
    pub fn incoming(&self, id: VertexId) -> impl Iterator<Item = &Edge> {
        self.incoming.get(&id).into_iter().flatten().filter_map(|id| self.edge(*id))
    }

    /// Puts a vertex in, in place of the one with its id if there is one.
    pub fn put_vertex(&mut self, vertex: Vertex) {
        self.remove_vertex(vertex.id);
        self.by_name.insert((vertex.container, vertex.name.clone()), vertex.id);
        self.vertexes.insert(vertex.id, vertex);
    }

    /// Takes a vertex out. What it contains and its edges are the caller's to take out.
    pub fn remove_vertex(&mut self, id: VertexId) -> Option<Vertex> {
        let vertex = self.vertexes.remove(&id)?;
        self.by_name.remove(&(vertex.container, vertex.name.clone()));
        Some(vertex)
    }

    /// Puts an edge in, in place of the one with its id if there is one.
    pub fn put_edge(&mut self, edge: Edge) {
        self.remove_edge(edge.id);
        let key = |edges: &BTreeMap<EdgeId, Edge>, id: &EdgeId| {
            edges.get(id).map(|edge| (edge.name.clone(), edge.index, edge.id))
        };
        let (id, source, target) = (edge.id, edge.source, edge.target);
        self.edges.insert(id, edge);
        for (index, end) in [(&mut self.outgoing, source), (&mut self.incoming, target)] {
            let list = index.entry(end).or_default();
            let place = list.partition_point(|other| key(&self.edges, other) < key(&self.edges, &id));
            list.insert(place, id);
        }
    }

    /// Takes an edge out.
    pub fn remove_edge(&mut self, id: EdgeId) -> Option<Edge> {
        let edge = self.edges.remove(&id)?;
        for (index, end) in [(&mut self.outgoing, edge.source), (&mut self.incoming, edge.target)] {
            if let Some(list) = index.get_mut(&end) {
                list.retain(|other| *other != id);
                if list.is_empty() {
                    index.remove(&end);
                }
            }
        }
        Some(edge)
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
}
