//! What a deployment changes in the graph, beside what its steps do.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use floria::{Change, Entity, EntityKey, Evaluator, Graph, Value, Vertex, VertexId};
use khutulun_api::names;

use crate::{
    applied::applied,
    decide::Decision,
    document::{Action, Plan},
    node::{Node, Nodes, is_node},
    origins::differ_in_origins_only,
};

/// Finds the nodes whose design differs, with all that belongs to them.
pub(crate) fn changed_nodes(
    changes: &[Change],
    actual: &Graph,
    wanted_nodes: &Nodes<'_>,
    actual_nodes: &Nodes<'_>,
) -> BTreeSet<VertexId> {
    let id_of = |node: Option<&Node<'_>>| node.map(|node| node.vertex.id);
    let owner = |change: &Change| match change {
        Change::Put(Entity::Vertex(vertex)) => id_of(wanted_nodes.of(vertex.id)),
        Change::Put(Entity::Edge(edge)) => id_of(wanted_nodes.of(edge.source)),
        Change::Delete(EntityKey::Vertex(id)) => id_of(actual_nodes.of(*id)),
        Change::Delete(EntityKey::Edge(id)) => {
            actual.edge(*id).and_then(|edge| id_of(actual_nodes.of(edge.source)))
        }
        _ => None,
    };
    changes.iter().filter_map(owner).collect()
}

/// Returns the nodes that take in changed values without any step, as they are once they have.
pub(crate) fn without_steps(
    decisions: &HashMap<VertexId, Decision>,
    wanted: &Graph,
    evaluator: &mut Evaluator<'_>,
) -> BTreeMap<VertexId, Vertex> {
    decisions
        .iter()
        .filter(|(_, decision)| decision.action == Action::Update && !decision.has_steps())
        .filter_map(|(id, _)| {
            let mut vertex = wanted.vertex(*id)?.clone();
            vertex.metadata.remove(names::PENDING);
            vertex.metadata.insert(names::APPLIED.to_owned(), Value::Map(applied(wanted, *id, evaluator)));
            Some((*id, vertex))
        })
        .collect()
}

/// Fills in what the run changes in the graph at its beginning and at its end: `changes`, with what is known of nodes.
///
/// `pending` are the nodes that take in a changed design step by step; `taken_in` those that take it in without any.
pub(crate) fn graph_changes(
    plan: &mut Plan,
    changes: Vec<Change>,
    (wanted, actual): (&Graph, &Graph),
    actual_nodes: &Nodes<'_>,
    mut pending: BTreeSet<VertexId>,
    mut taken_in: BTreeMap<VertexId, Vertex>,
) {
    let stays = |id: VertexId| match actual_nodes.of(id) {
        Some(node) => wanted.vertex(node.vertex.id).is_some(),
        None => wanted.vertex(id).is_some(),
    };
    pending
        .retain(|id| actual.vertex(*id).is_some_and(|vertex| vertex.metadata.contains_key(names::APPLIED)));
    let mark = |vertex: &mut Vertex| {
        vertex.metadata.insert(names::PENDING.to_owned(), Value::from(true));
    };
    for change in changes {
        match change {
            Change::Put(Entity::Vertex(mut vertex)) => {
                if let Some(taken_in) = taken_in.remove(&vertex.id) {
                    vertex = taken_in;
                } else if is_node(&vertex) && !vertex.metadata.contains_key(names::STATE) {
                    vertex.metadata.insert(names::STATE.to_owned(), Value::from("initial"));
                }
                if pending.remove(&vertex.id) {
                    mark(&mut vertex);
                }
                plan.prepare.push(Change::Put(Entity::Vertex(vertex)));
            }
            // What stays sees at once that it has lost an edge; what goes keeps its own until it is gone.
            Change::Delete(EntityKey::Edge(id)) if actual.edge(id).is_some_and(|edge| stays(edge.source)) => {
                plan.prepare.push(Change::Delete(EntityKey::Edge(id)));
            }
            Change::Delete(EntityKey::Edge(_)) | Change::Delete(EntityKey::Vertex(_)) => {
                plan.conclude.push(change)
            }
            other => plan.prepare.push(other),
        }
    }
    // Of these, only what belongs to them has changed.
    for mut vertex in pending.into_iter().filter_map(|id| wanted.vertex(id).cloned()) {
        mark(&mut vertex);
        if actual.vertex(vertex.id) != Some(&vertex) {
            plan.prepare.push(Change::Put(Entity::Vertex(vertex)));
        }
    }
    plan.prepare.extend(taken_in.into_values().map(Change::put));
    let moved_only = plan.steps.is_empty()
        && plan.conclude.is_empty()
        && plan.prepare.iter().all(|change| differ_in_origins_only(change, actual));
    if moved_only {
        plan.prepare.clear();
    }
}
