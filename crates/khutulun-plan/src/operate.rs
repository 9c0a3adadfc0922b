//! The plan that stops or starts some nodes.

use std::collections::{BTreeSet, HashMap};

use floria::{Evaluator, Graph, Site, VertexId};

use crate::{
    Basis,
    assemble::{Side, assemble},
    decide::{Decision, implements},
    deploy::{dependencies_of_actual, node_change},
    document::{Action, Goal, Plan, Reason},
    drift::{DriftPolicy, drift},
    error::PlanError,
    node::{Node, Nodes, event_of},
    relationships::Relationships,
    repair::repair,
};

/// Plans how some nodes are stopped ([`Goal::Stop`]), started ([`Goal::Start`]) or both ([`Goal::Restart`]): dependents are stopped
/// first, and what they depend on is started first.
///
/// Of what is started already and was seen not to be as it should ([`khutulun_api::names::OBSERVED`]), [`Goal::Start`] repairs the state, as
/// [`crate::plan_repair`] does. Nothing is done to other nodes, whatever depends on them. A node without code for an operation takes its state as if it had been
/// run; where nothing has to be done, nothing is. A node that was stopped is `stopped` until it is started, or until a later
/// [`crate::plan_deploy`] brings up what it finds stopped.
///
/// # Errors
///
/// When one of `selected` is no node, one that is to be started is not made yet (or half-made), or the goal is none of the three.
pub fn plan_operate(
    basis: &Basis<'_>,
    actual: &Graph,
    selected: &[VertexId],
    how: Goal,
) -> Result<Plan, PlanError> {
    let nodes = Nodes::new(actual);
    let mut decisions: HashMap<VertexId, Decision> = HashMap::new();
    let selected: BTreeSet<VertexId> = selected.iter().copied().collect();
    for id in selected {
        let node = nodes.of(id).filter(|node| node.vertex.id == id);
        let node = node.ok_or_else(|| PlanError::NoSuchNode {
            node: if actual.vertex(id).is_some() { actual.path_of(id) } else { id.to_string() },
            known: nodes.list.iter().map(|node| node.name.to_string()).collect(),
        })?;
        decisions.insert(id, decide(node, how)?);
    }
    let mut evaluator = Evaluator::new(actual, basis.functions);
    for node in &nodes.list {
        let operations = decisions.get(&node.vertex.id).into_iter().flat_map(Decision::operations);
        let handlers = operations.filter_map(|operation| node.vertex.handlers.get(&event_of(operation)));
        for attribute in handlers.flat_map(|handler| handler.outputs.values()) {
            // Only the run knows what the operation will put there.
            evaluator.forget(Site::Vertex(node.vertex.id), attribute);
        }
    }
    let dependencies = dependencies_of_actual(basis, actual, &nodes);
    let side = Side { graph: actual, nodes: &nodes, dependencies: &dependencies };
    let steps = assemble(basis, (&decisions, &Relationships::default()), &side, &side, &mut evaluator)?;
    let changes =
        nodes.list.iter().filter_map(|node| Some(node_change(node, decisions.remove(&node.vertex.id)?)));
    Ok(Plan { nodes: changes.collect(), steps, ..basis.plan(how) })
}

/// Decides what has to be done to a node.
fn decide(node: &Node<'_>, how: Goal) -> Result<Decision, PlanError> {
    let (state, attempted) = (node.state(), node.attempted());
    // It may run, or a part of it, after a start or stop that did not succeed.
    let is_in_between = matches!(attempted, Some("start" | "stop"));
    let may_run = state == "started" || is_in_between;
    let stop = || if may_run { vec!["stop"] } else { Vec::new() };
    let startable = || match (state, attempted) {
        ("configured" | "stopped" | "started", None | Some("start" | "stop")) => Ok(()),
        _ => {
            let attempted = attempted.map(|operation| format!(", and `{operation}` did not succeed"));
            Err(PlanError::NotMade {
                node: node.name.to_string(),
                state: format!("{state}{}", attempted.unwrap_or_default()),
                origin: node.vertex.origin.clone(),
            })
        }
    };
    let (down, up) = match how {
        Goal::Stop => (stop(), Vec::new()),
        Goal::Start => {
            startable()?;
            let seen = drift(node.vertex, &DriftPolicy::default());
            match state {
                "started" if !seen.is_empty() => return Ok(repair(node, &seen)),
                "started" if !is_in_between => (Vec::new(), Vec::new()),
                _ if is_in_between => (vec!["stop"], vec!["start"]),
                _ => (Vec::new(), vec!["start"]),
            }
        }
        Goal::Restart => {
            startable()?;
            let has_code = ["stop", "start"].into_iter().any(|operation| implements(node, operation));
            match state {
                // Nothing of it runs.
                "started" if !has_code && !is_in_between => (Vec::new(), Vec::new()),
                _ => (stop(), vec!["start"]),
            }
        }
        goal => return Err(PlanError::WrongGoal { goal: goal.word() }),
    };
    if down.is_empty() && up.is_empty() {
        return Ok(Decision::keep());
    }
    let asked: &[&str] = match how {
        Goal::Restart => &["stop", "start"],
        Goal::Stop => &["stop"],
        _ => &["start"],
    };
    let reasons = asked.iter().map(|operation| Reason::Asked { event: event_of(operation) }).collect();
    Ok(Decision { action: Action::Run, reasons, down, up })
}
