//! What nodes need to be of any use, as their relationships say.

use std::collections::{BTreeMap, BTreeSet};

use floria::{Graph, VertexId};

use crate::node::Nodes;

/// Returns for each node the nodes that it needs directly: those that its relationships lead to (also the machine that it is
/// hosted on), and those that it is made of.
pub fn needs(graph: &Graph) -> BTreeMap<VertexId, BTreeSet<VertexId>> {
    let nodes = Nodes::new(graph);
    let id = |place: usize| nodes.list[place].vertex.id;
    let mut needs: BTreeMap<VertexId, BTreeSet<VertexId>> = BTreeMap::new();
    for node in &nodes.list {
        let own = node.vertex.id;
        let targets = node.edges.iter().filter_map(|edge| nodes.reached(graph, edge.target)).map(id);
        needs.entry(own).or_default().extend(targets.filter(|target| *target != own));
        if let Some(outer) = nodes.around(graph, node.vertex) {
            needs.entry(id(outer)).or_default().insert(own);
        }
    }
    needs
}
