//! The plan that takes what is there already under management, untouched.

use std::collections::BTreeSet;

use floria::{Change, Entity, Evaluator, Graph, Value, VertexId, difference};
use khutulun_api::names;

use crate::{
    Basis,
    applied::{Which, entries},
    decide::{Decision, implements},
    deploy::node_change,
    document::{Action, Goal, Plan, Reason},
    error::PlanError,
    node::{Node, Nodes, event_of, is_node},
    order::{Dependencies, reads_of},
    refresh::{NotAsked, look},
    relationships::{is_operated, relationship_made},
};

/// Why nothing is adopted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AdoptError {
    /// It is managed.
    #[error("node `{node}` is managed already: it is {state}")]
    Managed {
        /// The node.
        node: String,
        /// How far it came.
        state: String,
    },
    /// Nobody can be asked whether it is there.
    #[error("node `{node}` has no operation `observe`, so nobody can be asked whether it is there")]
    NoOperation {
        /// The node.
        node: String,
    },
    /// What it depends on is not managed: what it is made from is not known before that is.
    #[error("node `{node}` depends on `{on}`, which is not managed")]
    Depends {
        /// The node.
        node: String,
        /// What it depends on.
        on: String,
    },
    /// Where a requirement of it leads is not known yet.
    #[error("where the requirement `{requirement}` of node `{node}` leads is not known yet")]
    Waiting {
        /// The node.
        node: String,
        /// The requirement.
        requirement: String,
    },
    /// A value cannot be computed.
    #[error(transparent)]
    Plan(#[from] PlanError),
}

/// Plans that nodes of a design are taken under management as they are: each is looked at, and when it runs, it counts as started
/// and made from what the design says. `wanted` is what a resolver made of the design and `actual`.
///
/// Nodes without any code that those depend on come along: there is nothing to be there. Other nodes of the design stay as they
/// are, or away.
///
/// # Errors
///
/// When a node is managed already, cannot be looked at, or depends on one that is neither managed nor adopted with it.
pub fn plan_adopt(
    basis: &Basis<'_>,
    wanted: &Graph,
    actual: &Graph,
    design: &str,
    selected: &BTreeSet<VertexId>,
    asked_ms: u64,
) -> Result<Plan, AdoptError> {
    let nodes = Nodes::new(wanted);
    nodes.check_names()?;
    let present = Nodes::new(actual);
    let is_managed =
        |node: &Node<'_>| !is_open(present.of(node.vertex.id).map_or("initial", |node| node.state()));
    let mut evaluator = Evaluator::new(wanted, basis.functions);
    let mut all_entries = Vec::new();
    for node in &nodes.list {
        // What cannot be computed of others is no obstacle.
        all_entries.push(entries(wanted, node, Which::All, &mut evaluator).unwrap_or_default());
    }
    let reads = reads_of(&evaluator);
    let dependencies = Dependencies::new(wanted, &nodes, &all_entries, &reads).acyclic(&nodes)?;
    let mut adopted: BTreeSet<usize> =
        (0..nodes.list.len()).filter(|place| selected.contains(&nodes.list[*place].vertex.id)).collect();
    let mut open: Vec<usize> = adopted.iter().copied().collect();
    while let Some(place) = open.pop() {
        let node = &nodes.list[place];
        for &other in &dependencies.of[place] {
            let needed = &nodes.list[other];
            if is_managed(needed) || adopted.contains(&other) {
                continue;
            }
            if !needed.vertex.handlers.values().all(|handler| handler.implementation.is_none()) {
                return Err(AdoptError::Depends { node: node.name.to_string(), on: needed.name.to_string() });
            }
            adopted.insert(other);
            open.push(other);
        }
    }
    let mut plan = Plan { design: Some(design.to_owned()), ..basis.plan(Goal::Adopt) };
    let mut steps_of: Vec<Option<u32>> = vec![None; nodes.list.len()];
    for &place in dependencies.order.iter().filter(|place| adopted.contains(place)) {
        let node = &nodes.list[place];
        check(node, present.of(node.vertex.id))?;
        let event = event_of(names::OBSERVE);
        let mut step = match look(basis, node, Action::Adopt, asked_ms, &mut evaluator) {
            Ok(step) => step,
            Err(NotAsked::Inputs(error)) => return Err(error.into()),
            Err(_) if has_code(node) => {
                return Err(AdoptError::NoOperation { node: node.name.to_string() });
            }
            Err(_) => basis.step(node, event.clone(), Action::Adopt),
        };
        step.state = Some("started".to_owned());
        step.after = dependencies.of[place].iter().filter_map(|other| steps_of[*other]).collect();
        step.after.sort_unstable();
        steps_of[place] = u32::try_from(plan.steps.len()).ok();
        plan.steps.push(step);
    }
    for &place in &adopted {
        let reasons = vec![Reason::Asked { event: event_of(names::OBSERVE) }];
        let decision = Decision { action: Action::Adopt, reasons, ..Decision::keep() };
        plan.nodes.push(node_change(&nodes.list[place], decision));
    }
    plan.prepare = prepare(wanted, actual, &nodes, &adopted);
    plan.conclude = made(wanted, actual, &nodes, &adopted);
    Ok(plan)
}

/// Tells whether a node in this lifecycle state may be adopted: nothing of it is known to have been made.
fn is_open(state: &str) -> bool {
    matches!(state, "initial" | "deleted" | "failed")
}

fn has_code(node: &Node<'_>) -> bool {
    names::LIFECYCLE_UP.into_iter().chain(names::LIFECYCLE_DOWN).any(|operation| implements(node, operation))
}

fn check(node: &Node<'_>, present: Option<&Node<'_>>) -> Result<(), AdoptError> {
    let name = || node.name.to_string();
    if let Some(state) = present.map(Node::state).filter(|state| !is_open(state)) {
        return Err(AdoptError::Managed { node: name(), state: state.to_owned() });
    }
    match node.waiting().next() {
        Some(requirement) => Err(AdoptError::Waiting { node: name(), requirement: requirement.to_owned() }),
        None => Ok(()),
    }
}

/// What the run puts into the graph when all was found: that the relationships of the adopted nodes are made, as these nodes are.
fn made(wanted: &Graph, actual: &Graph, nodes: &Nodes<'_>, adopted: &BTreeSet<usize>) -> Vec<Change> {
    let is_adopted = |id: VertexId| nodes.owner(id).is_some_and(|owner| adopted.contains(&owner));
    let is_there = |id: VertexId| is_adopted(id) || actual.vertex(id).is_some();
    let edges = wanted.edges().filter(|edge| is_operated(edge));
    let edges = edges.filter(|edge| is_adopted(edge.source) && is_there(edge.target));
    edges.map(|edge| Change::put(relationship_made(edge))).collect()
}

/// What the run puts into the graph when it begins: the adopted nodes with what belongs to them, and what belongs to the service
/// itself. Nothing goes, and no other node changes.
fn prepare(wanted: &Graph, actual: &Graph, nodes: &Nodes<'_>, adopted: &BTreeSet<usize>) -> Vec<Change> {
    let is_ours = |id: VertexId| nodes.owner(id).is_none_or(|owner| adopted.contains(&owner));
    let stays_there = |id: VertexId| is_ours(id) || actual.vertex(id).is_some();
    let mut changes = Vec::new();
    for change in difference(actual, wanted) {
        match change {
            Change::Put(Entity::Vertex(mut vertex)) if is_ours(vertex.id) => {
                let is_contained = vertex.container.is_none_or(stays_there);
                if is_node(&vertex) && !vertex.metadata.contains_key(names::STATE) {
                    vertex.metadata.insert(names::STATE.to_owned(), Value::from("initial"));
                }
                if is_contained {
                    changes.push(Change::put(vertex));
                }
            }
            Change::Put(Entity::Edge(edge)) if is_ours(edge.source) && stays_there(edge.target) => {
                changes.push(Change::put(edge));
            }
            _ => {}
        }
    }
    changes
}
