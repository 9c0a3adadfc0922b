//! What has to change for one graph to become another.

use crate::{Change, Entity, EntityKey, Graph, VertexId};

/// Returns the changes that make `from` equal to `to`: nothing for equal graphs.
///
/// Their order never passes through a graph that breaks a law of the store: edges go before vertexes, contents before what
/// contains them; vertexes come before edges, containers before their contents. (Two vertexes that swap their names share
/// one for a moment; a store looks at the end of a batch.)
pub fn difference(from: &Graph, to: &Graph) -> Vec<Change> {
    let mut changes = Vec::new();
    for edge in from.edges().filter(|edge| to.edge(edge.id).is_none()) {
        changes.push(Change::Delete(EntityKey::Edge(edge.id)));
    }
    let gone = from.vertexes().map(|vertex| vertex.id).filter(|id| to.vertex(*id).is_none());
    let put = to.vertexes().filter(|vertex| is_other(from.vertex(vertex.id), vertex)).map(|vertex| vertex.id);
    // What moves out of a container that goes must do so first, so deletions of vertexes wait for the others.
    changes
        .extend(by_depth(to, put).into_iter().filter_map(|(_, id)| to.vertex(id)).cloned().map(Change::put));
    for edge in to.edges().filter(|edge| is_other(from.edge(edge.id), edge)) {
        changes.push(Change::Put(Entity::Edge(edge.clone())));
    }
    changes
        .extend(by_depth(from, gone).into_iter().rev().map(|(_, id)| Change::Delete(EntityKey::Vertex(id))));
    changes
}

/// Tells whether what is wanted is not there already; what two graphs share need not be looked at.
fn is_other<T: PartialEq>(there: Option<&T>, wanted: &T) -> bool {
    there.is_none_or(|there| !std::ptr::eq(there, wanted) && there != wanted)
}

/// Sorts vertexes by how many others contain them.
fn by_depth(graph: &Graph, ids: impl Iterator<Item = VertexId>) -> Vec<(usize, VertexId)> {
    let depth = |id: VertexId| {
        std::iter::successors(graph.vertex(id), |vertex| vertex.container.and_then(|id| graph.vertex(id)))
            .count()
    };
    let mut sorted: Vec<_> = ids.map(|id| (depth(id), id)).collect();
    sorted.sort_unstable();
    sorted
}
