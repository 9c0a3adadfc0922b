//! What goes when an entity goes, and what forbids that.

use std::{collections::BTreeSet, fmt};

use crate::{Change, EntityKey, EntityKind, Index, Snapshot, StoreError, laws, snapshot::each};

/// What deleting an entity would come to.
///
/// With a vertex go all vertexes that it contains, however deep, and all edges that start at one of those or at itself: they
/// are its own. An edge that ends there and starts at a vertex that stays is somebody else's, who needs this one: it forbids
/// the deletion, until it is deleted or put elsewhere. For templates it is the same. Whatever else is deleted goes alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deletion {
    /// What goes, in an order that a store takes one by one, too: edges, then contents before what contains them. The last is
    /// what was asked for.
    pub goes: Vec<EntityKey>,
    /// What forbids it, in order.
    pub forbids: Vec<Forbids>,
}

/// An edge that forbids a deletion.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Forbids {
    /// The edge, or edge template.
    pub edge: EntityKey,
    /// Its name.
    pub name: String,
    /// Where it starts: a vertex that stays.
    pub source: EntityKey,
    /// Where it ends: a vertex that would go.
    pub target: EntityKey,
}

impl fmt::Display for Forbids {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { edge, name, source, target } = self;
        write!(formatter, "{edge} `{name}` of {source}, which stays, ends at {target}")
    }
}

impl Deletion {
    /// Returns whether nothing forbids it.
    pub fn is_allowed(&self) -> bool {
        self.forbids.is_empty()
    }

    /// Returns the changes that delete all that goes. A store refuses them while something forbids it.
    pub fn changes(&self) -> Vec<Change> {
        self.goes.iter().cloned().map(Change::Delete).collect()
    }
}

/// Returns what deleting an entity would come to. Costs what goes and the edges that end there, whatever else is in the store.
///
/// # Errors
///
/// [`StoreError::Invalid`] when it is not there; when the store cannot be read.
pub fn deletion(snapshot: &dyn Snapshot, key: impl Into<EntityKey>) -> Result<Deletion, StoreError> {
    let key = key.into();
    if snapshot.get(&key)?.is_none() {
        return Err(laws::not_there(&key));
    }
    let Some((edges, id)) = edge_kind(&key) else {
        return Ok(Deletion { goes: vec![key], forbids: Vec::new() });
    };
    let vertexes = key.kind();

    // Outermost first. Each once, also where stored data is damaged and something contains itself.
    let mut going = vec![id];
    let mut known = BTreeSet::from([id]);
    let mut next = 0;
    while let Some(container) = going.get(next).copied() {
        next += 1;
        each(snapshot, &Index::Contents(vertexes, container), |vertex| {
            going.extend(vertex.key().id().filter(|id| known.insert(*id)));
        })?;
    }

    let mut going_edges = BTreeSet::new();
    let mut forbids = Vec::new();
    for id in &going {
        each(snapshot, &Index::Outgoing(edges, *id), |edge| _ = going_edges.insert(edge.key()))?;
        each(snapshot, &Index::Incoming(edges, *id), |edge| {
            if let Some((source, target)) = edge.ends().filter(|(source, _)| !known.contains(source)) {
                forbids.push(Forbids {
                    edge: edge.key(),
                    name: edge.name().to_owned(),
                    source: vertex_key(vertexes, source),
                    target: vertex_key(vertexes, target),
                });
            }
        })?;
    }
    forbids.sort_unstable();
    let mut goes: Vec<_> = going_edges.into_iter().collect();
    goes.extend(going.into_iter().rev().map(|id| vertex_key(vertexes, id)));
    Ok(Deletion { goes, forbids })
}

/// Returns the kind of the edges at a vertex, and its id; None for what has no edges.
fn edge_kind(key: &EntityKey) -> Option<(EntityKind, u64)> {
    match key {
        EntityKey::Vertex(id) => Some((EntityKind::Edge, id.0)),
        EntityKey::VertexTemplate(id) => Some((EntityKind::EdgeTemplate, id.0)),
        _ => None,
    }
}

fn vertex_key(kind: EntityKind, id: u64) -> EntityKey {
    match kind {
        EntityKind::VertexTemplate => crate::VertexTemplateId(id).into(),
        _ => crate::VertexId(id).into(),
    }
}
