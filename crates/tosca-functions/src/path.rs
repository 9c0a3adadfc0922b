//! TOSCA Path, walked over a graph (TOSCA 2.0, 10.3).
//!
//! A path is a list of values in the standard's own words, such as `[SELF, RELATIONSHIP, database, 0, TARGET]`. It is read and
//! walked in one go, because what `CAPABILITY` means depends on whether the walk is at a node or at a relationship, and the
//! first name may be either's.

use std::fmt;

use floria::{Edge, EdgeId, Graph, Site, Value, Vertex, VertexId};

use crate::describe::names;

/// Metadata of a vertex: it is a node; the value is the name of its node template.
pub const NODE_MARK: &str = "khutulun.node";

/// Metadata of a vertex: it is a capability of the node that contains it.
pub const CAPABILITY_MARK: &str = "khutulun.capability";

/// Metadata of an edge: the name of the relationship template that it was made from, if it was made from one.
pub const RELATIONSHIP_MARK: &str = "khutulun.relationship";

/// Metadata of a property of a service: it is an input that must have a value; a boolean.
pub const REQUIRED_MARK: &str = "khutulun.required";

/// Where a walk can end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A node.
    Node(VertexId),
    /// A capability.
    Capability(VertexId),
    /// A relationship.
    Relationship(EdgeId),
}

/// What a path leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Walked {
    /// The places, in order. Exactly one unless `all`.
    pub places: Vec<Place>,
    /// Whether the path says `ALL` somewhere: then the result is a list, however many places there are.
    pub all: bool,
}

/// Why a path leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("path {}: {message}", Path(path))]
pub struct PathError {
    /// The path.
    pub path: Vec<Value>,
    /// What is wrong, in a sentence.
    pub message: String,
}

/// A path as a person writes it.
struct Path<'a>(&'a [Value]);

impl fmt::Display for Path<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[")?;
        for (place, token) in self.0.iter().enumerate() {
            write!(formatter, "{}{token}", if place > 0 { ", " } else { "" })?;
        }
        formatter.write_str("]")
    }
}

/// Walks a path that is written at `site`. The path must end exactly at its last word.
///
/// # Errors
/// When the words are not a path, or what they name is not there. The message says what is there instead.
pub fn walk(graph: &Graph, path: &[Value], site: Site) -> Result<Walked, PathError> {
    let mut walk = Walk { graph, words: path, all: false };
    walk.run(site)
        .map(|places| Walked { places, all: walk.all })
        .map_err(|message| PathError { path: path.to_vec(), message })
}

/// Returns the service that a site is in: the nearest vertex that is neither a node nor a capability.
pub fn service_of(graph: &Graph, site: Site) -> Option<&Vertex> {
    let mut vertex = graph.vertex(match site {
        Site::Vertex(id) => id,
        Site::Edge(id) => graph.edge(id)?.source,
    })?;
    while vertex.metadata.contains_key(NODE_MARK) || vertex.metadata.contains_key(CAPABILITY_MARK) {
        vertex = graph.vertex(vertex.container?)?;
    }
    Some(vertex)
}

/// Names a place for a person: "capability `endpoint` of node `web`".
pub fn describe(graph: &Graph, place: Place) -> String {
    let name = |id| graph.vertex(id).map_or("?", |vertex: &Vertex| &vertex.name);
    match place {
        Place::Node(id) => format!("node `{}`", name(id)),
        Place::Capability(id) => match graph.vertex(id).and_then(|vertex| vertex.container) {
            Some(node) => format!("capability `{}` of node `{}`", name(id), name(node)),
            None => format!("capability `{}`", name(id)),
        },
        Place::Relationship(id) => match graph.edge(id) {
            Some(edge) if edge.index > 0 => {
                format!("relationship `{}` {} of node `{}`", edge.name, edge.index, name(edge.source))
            }
            Some(edge) => format!("relationship `{}` of node `{}`", edge.name, name(edge.source)),
            None => "relationship `?`".to_owned(),
        },
    }
}

#[derive(Clone, Copy)]
enum Index {
    At(usize),
    All,
}

/// Where a walk is: at nodes or at relationships, never at both.
enum Context {
    Nodes(Vec<VertexId>),
    Relationships(Vec<EdgeId>),
}

struct Walk<'a> {
    graph: &'a Graph,
    /// What is left of the path.
    words: &'a [Value],
    all: bool,
}

impl<'a> Walk<'a> {
    fn run(&mut self, site: Site) -> Result<Vec<Place>, String> {
        let mut context = self.start(site)?;
        while let Some(word) = self.keyword()? {
            context = match (context, word) {
                (Context::Nodes(nodes), "RELATIONSHIP") => {
                    let requirement = self.name("RELATIONSHIP", "the name of a requirement")?;
                    let index = self.index();
                    self.outgoing(&nodes, requirement, index)?
                }
                (Context::Nodes(nodes), "CAPABILITY") => {
                    let name = self.name("CAPABILITY", "the name of a capability")?;
                    let capabilities = self.capabilities(&nodes, name)?;
                    if self.words.is_empty() {
                        return Ok(capabilities.into_iter().map(Place::Capability).collect());
                    }
                    match self.keyword()? {
                        Some("RELATIONSHIP") => {}
                        other => {
                            return Err(format!(
                                "after CAPABILITY, {name} comes RELATIONSHIP or the end, not {}",
                                other.unwrap_or_default()
                            ));
                        }
                    }
                    let index = self.index();
                    self.incoming(&capabilities, index)?
                }
                (Context::Relationships(edges), "SOURCE") => self.ends(&edges, |edge| edge.source)?,
                (Context::Relationships(edges), "TARGET") => self.ends(&edges, |edge| edge.target)?,
                (Context::Relationships(edges), "CAPABILITY") => {
                    if self.words.is_empty() {
                        return self.target_capabilities(&edges);
                    }
                    match self.keyword()? {
                        Some("RELATIONSHIP") => {}
                        other => {
                            return Err(format!(
                                "at a relationship, after CAPABILITY comes RELATIONSHIP or the end, not {}",
                                other.unwrap_or_default()
                            ));
                        }
                    }
                    let index = self.index();
                    self.siblings(&edges, index)?
                }
                (Context::Nodes(_), other) => {
                    return Err(format!("at a node comes RELATIONSHIP, CAPABILITY or the end, not {other}"));
                }
                (Context::Relationships(_), other) => {
                    return Err(format!(
                        "at a relationship comes SOURCE, TARGET, CAPABILITY or the end, not {other}"
                    ));
                }
            };
        }
        Ok(match context {
            Context::Nodes(nodes) => nodes.into_iter().map(Place::Node).collect(),
            Context::Relationships(edges) => edges.into_iter().map(Place::Relationship).collect(),
        })
    }

    /// The next word, if there is one; it must be text.
    fn keyword(&mut self) -> Result<Option<&'a str>, String> {
        let Some((word, rest)) = self.words.split_first() else { return Ok(None) };
        self.words = rest;
        word.as_text().map(Some).ok_or_else(|| format!("{word} is out of place"))
    }

    fn name(&mut self, after: &str, expected: &str) -> Result<&'a str, String> {
        self.keyword()?.ok_or_else(|| format!("after {after} comes {expected}"))
    }

    /// An index, if the next word is one. A missing one is 0.
    fn index(&mut self) -> Index {
        let index = match self.words.first() {
            Some(Value::Text(word)) if word == "ALL" => {
                self.all = true;
                Index::All
            }
            Some(Value::Integer(index)) => match usize::try_from(*index) {
                Ok(index) => Index::At(index),
                // Left where it is, so that it is reported as out of place.
                Err(_) => return Index::At(0),
            },
            _ => return Index::At(0),
        };
        self.words = &self.words[1..];
        index
    }

    fn start(&mut self, site: Site) -> Result<Context, String> {
        let name = self.keyword()?.ok_or("it is empty")?;
        if name == "SELF" {
            return match site {
                Site::Edge(id) => Ok(Context::Relationships(vec![id])),
                Site::Vertex(id) => self
                    .node_of(id)
                    .map(|node| Context::Nodes(vec![node.id]))
                    .ok_or_else(|| "SELF means nothing here: a service is not a node".to_owned()),
            };
        }
        let service = service_of(self.graph, site).ok_or("it starts at what is in no service")?;
        let nodes = self.representations(service, name);
        if !nodes.is_empty() {
            let index = self.index();
            let chosen = choose(&nodes, index, || {
                format!("node `{name}` has {} representation{}", nodes.len(), plural(nodes.len()))
            })?;
            return Ok(Context::Nodes(chosen));
        }
        let relationship = self.graph.edges().find(|edge| {
            edge.metadata.get(RELATIONSHIP_MARK).and_then(Value::as_text) == Some(name)
                && service_of(self.graph, Site::Edge(edge.id)).is_some_and(|other| other.id == service.id)
        });
        match relationship {
            Some(edge) => Ok(Context::Relationships(vec![edge.id])),
            None => {
                let there = self.graph.contained(Some(service.id)).filter(|vertex| is_node(vertex));
                Err(format!(
                    "there is no node or relationship `{name}`; there is {}",
                    names(there.map(|vertex| vertex.name.as_str()))
                ))
            }
        }
    }

    /// The nodes of a node template, in the order that they were made.
    fn representations(&self, service: &Vertex, template: &str) -> Vec<VertexId> {
        let made_from =
            |vertex: &&Vertex| vertex.metadata.get(NODE_MARK).and_then(Value::as_text) == Some(template);
        // Nearly always the template has one representation, of its own name: no need to look at every node then.
        if !matches!(self.words.first(), Some(Value::Integer(1..)))
            && !matches!(self.words.first(), Some(Value::Text(word)) if word == "ALL")
            && let Some(vertex) = self.graph.named(Some(service.id), template).filter(made_from)
        {
            return vec![vertex.id];
        }
        let mut found: Vec<VertexId> =
            self.graph.contained(Some(service.id)).filter(made_from).map(|vertex| vertex.id).collect();
        found.sort_unstable();
        found
    }

    fn node_of(&self, id: VertexId) -> Option<&'a Vertex> {
        let mut vertex = self.graph.vertex(id)?;
        while !is_node(vertex) {
            vertex = self.graph.vertex(vertex.container?)?;
        }
        Some(vertex)
    }

    fn outgoing(&self, nodes: &[VertexId], requirement: &str, index: Index) -> Result<Context, String> {
        let mut chosen = Vec::new();
        for node in nodes {
            let edges: Vec<&Edge> =
                self.graph.outgoing(*node).filter(|edge| edge.name == requirement).collect();
            let ids: Vec<EdgeId> = edges.iter().map(|edge| edge.id).collect();
            chosen.extend(choose(&ids, index, || {
                let node_words = describe(self.graph, Place::Node(*node));
                if ids.is_empty() {
                    let mut there: Vec<&str> =
                        self.graph.outgoing(*node).map(|edge| edge.name.as_str()).collect();
                    there.dedup();
                    format!("{node_words} has no relationship `{requirement}`; there is {}", names(there))
                } else {
                    format!(
                        "{node_words} has {} relationship{} `{requirement}`",
                        ids.len(),
                        plural(ids.len())
                    )
                }
            })?);
        }
        Ok(Context::Relationships(chosen))
    }

    fn capabilities(&self, nodes: &[VertexId], name: &str) -> Result<Vec<VertexId>, String> {
        let mut found = Vec::with_capacity(nodes.len());
        for node in nodes {
            match self.graph.named(Some(*node), name).filter(|vertex| is_capability(vertex)) {
                Some(vertex) => found.push(vertex.id),
                None => {
                    let there = self.graph.contained(Some(*node)).filter(|vertex| is_capability(vertex));
                    return Err(format!(
                        "{} has no capability `{name}`; there is {}",
                        describe(self.graph, Place::Node(*node)),
                        names(there.map(|vertex| vertex.name.as_str()))
                    ));
                }
            }
        }
        Ok(found)
    }

    fn incoming(&self, capabilities: &[VertexId], index: Index) -> Result<Context, String> {
        let mut chosen = Vec::new();
        for capability in capabilities {
            let ids: Vec<EdgeId> = self.graph.incoming(*capability).map(|edge| edge.id).collect();
            chosen.extend(choose(&ids, index, || {
                format!(
                    "{} has {} relationship{}",
                    describe(self.graph, Place::Capability(*capability)),
                    if ids.is_empty() { "no".to_owned() } else { ids.len().to_string() },
                    plural(ids.len())
                )
            })?);
        }
        Ok(Context::Relationships(chosen))
    }

    fn siblings(&self, edges: &[EdgeId], index: Index) -> Result<Context, String> {
        let mut chosen = Vec::new();
        for id in edges {
            let edge = self.edge(*id)?;
            let ids: Vec<EdgeId> = self
                .graph
                .outgoing(edge.source)
                .filter(|other| other.name == edge.name)
                .map(|other| other.id)
                .collect();
            chosen.extend(choose(&ids, index, || {
                format!(
                    "{} has {} relationship{} `{}`",
                    describe(self.graph, Place::Node(edge.source)),
                    ids.len(),
                    plural(ids.len()),
                    edge.name
                )
            })?);
        }
        Ok(Context::Relationships(chosen))
    }

    fn ends(&self, edges: &[EdgeId], end: fn(&Edge) -> VertexId) -> Result<Context, String> {
        let mut nodes = Vec::with_capacity(edges.len());
        for id in edges {
            let node = self.node_of(end(self.edge(*id)?)).ok_or_else(|| {
                format!("{} ends at what is no node", describe(self.graph, Place::Relationship(*id)))
            })?;
            nodes.push(node.id);
        }
        Ok(Context::Nodes(nodes))
    }

    fn target_capabilities(&self, edges: &[EdgeId]) -> Result<Vec<Place>, String> {
        let mut found = Vec::with_capacity(edges.len());
        for id in edges {
            let target = self.edge(*id)?.target;
            if !self.graph.vertex(target).is_some_and(is_capability) {
                return Err(format!(
                    "{} ends at a node, not at a capability",
                    describe(self.graph, Place::Relationship(*id))
                ));
            }
            found.push(Place::Capability(target));
        }
        Ok(found)
    }

    fn edge(&self, id: EdgeId) -> Result<&'a Edge, String> {
        self.graph.edge(id).ok_or_else(|| format!("there is no edge {id}"))
    }
}

fn is_node(vertex: &Vertex) -> bool {
    vertex.metadata.contains_key(NODE_MARK)
}

fn is_capability(vertex: &Vertex) -> bool {
    vertex.metadata.contains_key(CAPABILITY_MARK)
}

/// Takes what an index says; `there` describes what there is.
fn choose<T: Copy>(from: &[T], index: Index, there: impl FnOnce() -> String) -> Result<Vec<T>, String> {
    match index {
        Index::All => Ok(from.to_vec()),
        Index::At(index) => match from.get(index) {
            Some(one) => Ok(vec![*one]),
            None if from.is_empty() && index == 0 => Err(there()),
            None => Err(format!("{}: there is no index {index}", there())),
        },
    }
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}
