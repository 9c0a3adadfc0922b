//! The plan that lets nodes go without touching them.

use std::collections::{BTreeMap, BTreeSet};

use floria::{Edge, EdgeId, Graph, VertexId, difference};

use crate::{
    Basis,
    decide::Decision,
    deploy::{dependencies_of_actual, node_change},
    document::{Action, Goal, Plan},
    node::Nodes,
};

/// Why nothing is forgotten: other nodes depend on what is to be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("nodes that stay depend on nodes that are to be forgotten: {}", list(.needed))]
pub struct ForgetError {
    /// The nodes that are to be forgotten and are depended on, each with those that depend on it.
    pub needed: BTreeMap<String, Vec<String>>,
}

fn list(needed: &BTreeMap<String, Vec<String>>) -> String {
    let one = |(node, by): (&String, &Vec<String>)| format!("{} on {node}", by.join(", "));
    needed.iter().map(one).collect::<Vec<_>>().join("; ")
}

/// Plans that nodes are no longer managed, with all that is in them. Nothing runs: the run takes their instances out of the graph
/// in one transaction. Without any node left, all of the service goes.
///
/// # Errors
///
/// When a node that stays depends on one that goes. With `force`, it loses its relationships to that instead.
pub fn plan_forget(
    basis: &Basis<'_>,
    actual: &Graph,
    selected: &BTreeSet<VertexId>,
    force: bool,
) -> Result<Plan, ForgetError> {
    let nodes = Nodes::new(actual);
    let is_in = |id: VertexId| {
        let path =
            std::iter::successors(Some(id), |id| actual.vertex(*id).and_then(|vertex| vertex.container));
        path.into_iter().any(|id| selected.contains(&id))
    };
    let gone: BTreeSet<VertexId> =
        actual.vertexes().map(|vertex| vertex.id).filter(|id| is_in(*id)).collect();
    let goes = |place: usize| gone.contains(&nodes.list[place].vertex.id);
    if !force {
        let dependencies = dependencies_of_actual(basis, actual, &nodes);
        let mut needed = BTreeMap::new();
        for place in (0..nodes.list.len()).filter(|place| goes(*place)) {
            let by = dependencies.dependents[place].iter().filter(|other| !goes(**other));
            let by: Vec<String> = by.map(|other| nodes.list[*other].name.to_string()).collect();
            if !by.is_empty() {
                needed.insert(nodes.list[place].name.to_string(), by);
            }
        }
        if !needed.is_empty() {
            return Err(ForgetError { needed });
        }
    }
    let mut plan = basis.plan(Goal::Forget);
    for (place, node) in nodes.list.iter().enumerate() {
        let action = if goes(place) { Action::Forget } else { Action::Keep };
        plan.nodes.push(node_change(node, Decision { action, ..Decision::keep() }));
    }
    let rest = if (0..nodes.list.len()).all(goes) { Graph::default() } else { without(actual, &gone) };
    plan.conclude = difference(actual, &rest);
    Ok(plan)
}

/// A graph without some of its vertexes, and without the edges that they are ends of.
fn without(graph: &Graph, gone: &BTreeSet<VertexId>) -> Graph {
    let mut rest = graph.clone();
    let touches = |edge: &&Edge| gone.contains(&edge.source) || gone.contains(&edge.target);
    let edges: Vec<EdgeId> = graph.edges().filter(touches).map(|edge| edge.id).collect();
    edges.into_iter().for_each(|edge| drop(rest.remove_edge(edge)));
    gone.iter().for_each(|vertex| drop(rest.remove_vertex(*vertex)));
    rest
}
