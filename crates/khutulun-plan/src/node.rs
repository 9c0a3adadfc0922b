//! Nodes: the units of planning, with what belongs to each.

use std::{
    borrow::Cow,
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

use floria::{Edge, Graph, Value, Vertex, VertexId};
use khutulun_api::{Subject, names};

/// A node with everything that is a part of it.
pub(crate) struct Node<'a> {
    pub(crate) vertex: &'a Vertex,
    /// Unique in the service and safe as a file name.
    pub(crate) name: Cow<'a, str>,
    /// What it contains and is no node of its own, such as its capabilities; by id.
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
        is_up && is_applied
    }

    /// Returns the lifecycle operation that was tried last without success, such as `start`.
    pub(crate) fn attempted(&self) -> Option<&str> {
        let event = self.vertex.metadata.get(names::ATTEMPTED).and_then(Value::as_text)?;
        Some(operation_of(event).unwrap_or(event))
    }

    pub(crate) fn subject(&self) -> Subject {
        Subject {
            service: self.vertex.namespace.0.clone(),
            node: self.name.to_string(),
            vertex: self.vertex.id,
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
            if vertex.metadata.contains_key(names::NODE) {
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
            let owner = std::iter::successors(vertex.container, |id| {
                graph.vertex(*id).and_then(|outer| outer.container)
            })
            .find_map(|id| owners.get(&id).copied());
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

fn name_of<'a>(graph: &Graph, vertex: &'a Vertex) -> Cow<'a, str> {
    let outer = vertex.container.and_then(|id| graph.vertex(id));
    if outer.is_none_or(|outer| outer.container.is_none()) {
        return Cow::Borrowed(&vertex.name);
    }
    let path = graph.path_of(vertex.id);
    Cow::Owned(path.replace('/', "."))
}

/// Returns what operations on this vertex are about. None: there is no such vertex.
pub fn subject_of(graph: &Graph, id: VertexId) -> Option<Subject> {
    let vertex = graph.vertex(id)?;
    Some(Subject {
        service: vertex.namespace.0.clone(),
        node: name_of(graph, vertex).into_owned(),
        vertex: id,
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
