//! Nodes: the units of planning, with what belongs to each.

use std::{
    borrow::Cow,
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

use floria::{Edge, Graph, Value, Vertex, VertexId, rules::SELECTION};
use khutulun_api::{Subject, names};

use crate::{PlanError, drift::may_drift};

/// A node with everything that is a part of it.
pub(crate) struct Node<'a> {
    pub(crate) vertex: &'a Vertex,
    /// Its path in the service: `web-0`, `client/impl/software`.
    pub(crate) name: Cow<'a, str>,
    /// What it contains and is no node of its own, such as its capabilities; by id. A service inside of it is none of these.
    pub(crate) parts: Vec<&'a Vertex>,
    /// The edges that start at it or at one of its parts; by id.
    pub(crate) edges: Vec<&'a Edge>,
}

impl Node<'_> {
    /// Returns the lifecycle state: how far it came.
    pub(crate) fn state(&self) -> &str {
        self.vertex.metadata.get(names::STATE).and_then(Value::as_text).unwrap_or("initial")
    }

    /// Tells whether what it was made from is what its own design says: then only what is computed can differ.
    pub(crate) fn is_settled(&self) -> bool {
        let (mut is_up, mut is_applied) = (false, false);
        for (name, value) in &self.vertex.metadata {
            match name.as_str() {
                names::STATE => is_up = value.as_text() == Some("started"),
                names::APPLIED => is_applied = true,
                names::ATTEMPTED | names::PENDING => return false,
                _ => {}
            }
        }
        is_up && is_applied && !may_drift(self.vertex)
    }

    /// Returns the lifecycle operation that was tried last without success, such as `start`.
    pub(crate) fn attempted(&self) -> Option<&str> {
        let event = self.vertex.metadata.get(names::ATTEMPTED).and_then(Value::as_text)?;
        Some(operation_of(event).unwrap_or(event))
    }

    /// Returns the requirements whose relationships are not made yet.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = &str> {
        let waiting = self.vertex.metadata.get(names::WAITING).and_then(Value::as_list);
        waiting.unwrap_or_default().iter().filter_map(Value::as_text)
    }

    pub(crate) fn subject(&self) -> Subject {
        Subject {
            service: self.vertex.namespace.0.clone(),
            node: machine_name(&self.name).into_owned(),
            vertex: self.vertex.id,
            relationship: None,
            origin: self.vertex.origin.clone(),
        }
    }
}

/// The nodes of a graph, by id.
pub(crate) struct Nodes<'a> {
    pub(crate) list: Vec<Node<'a>>,
    /// For each vertex in a node (the node's own too) the node's place in the list.
    owners: HashMap<VertexId, usize, BuildHasherDefault<IdHasher>>,
}

impl<'a> Nodes<'a> {
    pub(crate) fn new(graph: &'a Graph) -> Self {
        let mut list = Vec::new();
        let mut owners = HashMap::with_capacity_and_hasher(graph.vertexes().len(), Default::default());
        let mut others = Vec::new();
        for vertex in graph.vertexes() {
            if is_node(vertex) {
                owners.insert(vertex.id, list.len());
                list.push(Node {
                    vertex,
                    name: name_of(graph, vertex),
                    parts: Vec::new(),
                    edges: Vec::new(),
                });
            } else {
                others.push(vertex);
            }
        }
        for vertex in others {
            let owner = containers(graph, vertex)
                .take_while(|outer| !is_boundary(outer))
                .find_map(|outer| owners.get(&outer.id).copied());
            if let Some(owner) = owner {
                owners.insert(vertex.id, owner);
                list[owner].parts.push(vertex);
            }
        }
        for edge in graph.edges() {
            if let Some(owner) = owners.get(&edge.source) {
                list[*owner].edges.push(edge);
            }
        }
        Self { list, owners }
    }

    /// Returns the place of the node that this vertex is, or is a part of.
    pub(crate) fn owner(&self, id: VertexId) -> Option<usize> {
        self.owners.get(&id).copied()
    }

    /// Returns the place of the node that an edge to this vertex leads to: where it leads to what stands for another node of the
    /// service, to that node.
    pub(crate) fn reached(&self, graph: &Graph, target: VertexId) -> Option<usize> {
        self.owner(target).or_else(|| {
            let reference = containers(graph, graph.vertex(target)?)
                .find(|outer| outer.metadata.contains_key(names::SELECTED))?;
            let mut edges = graph.outgoing(reference.id).filter(|edge| edge.name == SELECTION);
            // One reference may stand for another; each is inside of the service that the next is around.
            edges.find_map(|edge| self.reached(graph, edge.target))
        })
    }

    /// Refuses two nodes that would be called the same on machines, and one with operations whose name is too long for them.
    pub(crate) fn check_names(&self) -> Result<(), PlanError> {
        let nested = self.list.iter().filter(|node| node.name.contains('/'));
        let mut called: HashMap<Cow<'_, str>, &str> =
            nested.map(|node| (machine_name(&node.name), node.name.as_ref())).collect();
        if called.is_empty() {
            return Ok(());
        }
        for node in &self.list {
            let name = machine_name(&node.name);
            let is_operated =
                || node.vertex.handlers.values().any(|handler| handler.implementation.is_some());
            if name.len() > names::NAME_BYTES_MAX && is_operated() {
                let (node, origin) = (node.name.to_string(), node.vertex.origin.clone());
                return Err(PlanError::NameTooLong { node, origin });
            }
            match called.insert(name, &node.name) {
                Some(other) if other != node.name => {
                    return Err(PlanError::SameName { node: other.to_owned(), other: node.name.to_string() });
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Returns the place of the node that contains this one: the one that the service around this one stands for.
    pub(crate) fn around(&self, graph: &Graph, node: &Vertex) -> Option<usize> {
        containers(graph, node).skip(1).find_map(|outer| self.owners.get(&outer.id).copied())
    }

    /// Returns the node of this vertex.
    pub(crate) fn of(&self, id: VertexId) -> Option<&Node<'a>> {
        self.owner(id).map(|place| &self.list[place])
    }
}

/// Hashes ids. A store gives them out, so nobody chooses them to be alike: a multiplication spreads them.
#[derive(Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }

    fn write(&mut self, octets: &[u8]) {
        octets.iter().for_each(|octet| self.write_u64(u64::from(*octet)));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0.rotate_left(5) ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

/// Returns a vertex and what contains it, from the inside out.
fn containers<'a>(graph: &'a Graph, vertex: &'a Vertex) -> impl Iterator<Item = &'a Vertex> {
    std::iter::successors(Some(vertex), |vertex| vertex.container.and_then(|id| graph.vertex(id)))
}

/// Tells whether a vertex is a node that operations can be about: one that stands for a node of another service is theirs.
pub(crate) fn is_node(vertex: &Vertex) -> bool {
    vertex.metadata.contains_key(names::NODE) && !vertex.metadata.contains_key(names::SELECTED)
}

/// Tells whether what is in a vertex is no part of what contains it: a service in a node, or a node of another service.
fn is_boundary(vertex: &Vertex) -> bool {
    vertex.metadata.contains_key(names::SERVICE) || vertex.metadata.contains_key(names::SELECTED)
}

/// Returns what a node contains and is a part of it, such as its capabilities, by id: no other nodes, and no service inside of it.
pub fn parts_of(graph: &Graph, node: VertexId) -> Vec<&Vertex> {
    let is_part = |part: &&Vertex| !part.metadata.contains_key(names::NODE) && !is_boundary(part);
    let mut parts = Vec::new();
    let mut open = vec![node];
    while let Some(container) = open.pop() {
        for part in graph.contained(Some(container)).filter(is_part) {
            parts.push(part);
            open.push(part.id);
        }
    }
    parts.sort_by_key(|part| part.id);
    parts
}

fn name_of<'a>(graph: &Graph, vertex: &'a Vertex) -> Cow<'a, str> {
    let outer = vertex.container.and_then(|id| graph.vertex(id));
    if outer.is_none_or(|outer| outer.container.is_none()) {
        return Cow::Borrowed(&vertex.name);
    }
    Cow::Owned(graph.path_of(vertex.id))
}

/// Returns what a node is called on machines, by its path: `client.impl.software` for `client/impl/software`. A plan of nodes of
/// which two would be called the same is refused.
pub fn machine_name(path: &str) -> Cow<'_, str> {
    if path.contains('/') { Cow::Owned(path.replace('/', ".")) } else { Cow::Borrowed(path) }
}

/// Returns the node that a vertex is, or is a part of; itself, where it is in none.
pub(crate) fn owning_node(graph: &Graph, id: VertexId) -> Option<&Vertex> {
    let vertex = graph.vertex(id)?;
    Some(containers(graph, vertex).find(|outer| outer.metadata.contains_key(names::NODE)).unwrap_or(vertex))
}

/// Returns what operations on this vertex are about. None: there is no such vertex.
pub fn subject_of(graph: &Graph, id: VertexId) -> Option<Subject> {
    let vertex = graph.vertex(id)?;
    Some(Subject {
        service: vertex.namespace.0.clone(),
        node: machine_name(&name_of(graph, vertex)).into_owned(),
        vertex: id,
        relationship: None,
        origin: vertex.origin.clone(),
    })
}

/// What stands for an operation where a node takes in values and nothing has to run.
pub(crate) const TAKE_IN: &str = "take-in";

/// Returns the event of a lifecycle operation.
pub(crate) fn event_of(operation: &str) -> String {
    format!("{}.{operation}", names::LIFECYCLE)
}

/// Returns the lifecycle operation of an event, `start` for `lifecycle.start`, if it is one that brings up or takes away.
pub(crate) fn operation_of(event: &str) -> Option<&'static str> {
    let operation = event.strip_prefix(names::LIFECYCLE)?.strip_prefix('.')?;
    names::LIFECYCLE_UP.into_iter().chain(names::LIFECYCLE_DOWN).find(|known| *known == operation)
}

/// Returns the state that a node is in after a lifecycle operation.
pub(crate) fn state_after(operation: &str) -> Option<&'static str> {
    Some(match operation {
        "create" => "created",
        "configure" => "configured",
        "start" | TAKE_IN => "started",
        "stop" => "stopped",
        "delete" => "deleted",
        _ => return None,
    })
}
