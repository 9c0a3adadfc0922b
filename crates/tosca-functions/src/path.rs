//! TOSCA Path, walked over a graph (TOSCA 2.0, 10.3).
//!
//! A path is a list of values in the standard's own words, such as `[SELF, RELATIONSHIP, database, 0, TARGET]`. It is read and
//! walked in one go, because what `CAPABILITY` means depends on whether the walk is at a node or at a relationship, and the
//! first name may be either's.
//!
//! # Where the standard leaves a choice
//!
//! | of | it is so |
//! |---|---|
//! | the representations of a node template | in the order of their indexes; `ALL` of a template that has none is an empty list |
//! | the relationships of a requirement | the index is the relationship's own ([`floria::Edge::index`]), which `$relationship_index` tells too |
//! | the relationships that enter a capability | in the order of the nodes that they come from, and of names and indexes among those of one node: so the order in which a resolver made them does not matter |
//! | a relationship template that several relationships were made from | the first of these, in the same order |
//! | an index that nothing has | an error that says what there is |
//!
//! # While relationships are not made yet
//!
//! A node that has [`WAITING_MARK`](crate::WAITING_MARK) waits for the relationships of some requirements. A path over one of these requirements, from
//! the node or from a relationship of the requirement that exists already, is *unknown* ([`Walked::Waiting`]): what there is may
//! not be all, and what is made later may come before it. In the other direction a path takes what there is: the
//! relationships that enter a capability are those that were made so far, since nobody can tell which of all that wait will
//! end there, and a condition that counts them (an upper limit, say) could otherwise never be decided. Only an *index* that
//! is not there yet, and a relationship template that no relationship was made from yet, are unknown while any node waits.
//!
//! A node stops waiting when the mark is taken away; what looked at the requirement is then found by
//! [`floria::Memos::changed`], as when a relationship is added.

mod templates;
mod walk;

use std::fmt;

use floria::{EdgeId, Graph, Site, Value, Vertex, VertexId};

pub(crate) use templates::RelationshipTemplates;

use crate::marks::{CAPABILITY_MARK, NODE_MARK, SERVICE_MARK};

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
pub enum Walked {
    /// To these places.
    Arrived {
        /// The places, in order. Exactly one unless `all`.
        places: Vec<Place>,
        /// Whether the path says `ALL` somewhere: then the result is one flat list, however many places there are.
        all: bool,
    },
    /// It goes over relationships that are not made yet: for each the node, and `RELATIONSHIP` with the name of the
    /// requirement. Of what could come from anywhere the capability, or of a relationship template the service, with
    /// `RELATIONSHIP` alone. In order, each once, as [`floria::Evaluated::Unknown`] has them.
    Waiting(Vec<(Site, String)>),
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

/// Walks a path that is written at `site`. The path must end exactly at its last word. `looked_at` is told of each part of the
/// graph's structure (see [`floria::Structure`]) that decides where it leads, also when that is nowhere: while none of these
/// changes and what the walk came by is there, it leads to the same.
///
/// # Errors
/// When the words are not a path, or what they name is not there. The message says what is there instead.
pub fn walk(
    graph: &Graph,
    path: &[Value],
    site: Site,
    looked_at: &mut dyn FnMut(Site, &str),
) -> Result<Walked, PathError> {
    walk_with(&mut RelationshipTemplates::default(), graph, path, site, looked_at)
}

/// The same, with what is known of relationship templates already.
pub(crate) fn walk_with(
    templates: &mut RelationshipTemplates,
    graph: &Graph,
    path: &[Value],
    site: Site,
    looked_at: &mut dyn FnMut(Site, &str),
) -> Result<Walked, PathError> {
    walk::walk(templates, graph, path, site, looked_at)
        .map_err(|message| PathError { path: path.to_vec(), message })
}

/// Returns the service that a site is in: the nearest vertex that is marked as one, the site itself included, or else the
/// outermost. Groups, policies and steps of workflows are in it too.
pub fn service_of(graph: &Graph, site: Site) -> Option<&Vertex> {
    let mut vertex = graph.vertex(match site {
        Site::Vertex(id) => id,
        Site::Edge(id) => graph.edge(id)?.source,
    })?;
    while !is_service(vertex) {
        match vertex.container {
            Some(container) => vertex = graph.vertex(container)?,
            None => break,
        }
    }
    Some(vertex)
}

/// Returns the node that a vertex is or is in; for a service in a node, that node: what stands at the service (its inputs,
/// the conditions of the substitution) is about the node that is substituted. What is in a service and in none of its nodes,
/// such as a policy, is in no node.
pub fn node_of(graph: &Graph, id: VertexId) -> Option<&Vertex> {
    let mut vertex = graph.vertex(id)?;
    if is_service(vertex) {
        vertex = graph.vertex(vertex.container?)?;
    }
    while !is_node(vertex) {
        vertex = graph.vertex(vertex.container?)?;
        if is_service(vertex) {
            return None;
        }
    }
    Some(vertex)
}

/// Returns the node that a site is in, and of a relationship the one that it starts from.
pub fn node_at(graph: &Graph, site: Site) -> Option<&Vertex> {
    match site {
        Site::Vertex(id) => node_of(graph, id),
        Site::Edge(id) => node_of(graph, graph.edge(id)?.source),
    }
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

fn is_node(vertex: &Vertex) -> bool {
    vertex.metadata.contains_key(NODE_MARK)
}

fn is_capability(vertex: &Vertex) -> bool {
    vertex.metadata.contains_key(CAPABILITY_MARK)
}

fn is_service(vertex: &Vertex) -> bool {
    vertex.metadata.contains_key(SERVICE_MARK)
}
