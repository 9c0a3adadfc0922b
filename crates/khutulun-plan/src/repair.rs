//! The plan that makes nodes what they should be where they were seen to be something else.

use std::collections::{BTreeMap, HashMap};

use floria::{Evaluator, Graph, Site, VertexId};
use khutulun_api::names;

use crate::{
    Basis,
    assemble::{Side, assemble},
    decide::{Decision, escalate},
    demand::Demand,
    deploy::{dependencies_of_actual, node_change},
    document::{Action, Goal, Plan, Reason},
    drift::{Drift, SUPERVISED},
    error::PlanError,
    keeping,
    node::{Node, Nodes, event_of},
    relationships::Relationships,
};

/// Plans that nodes become again what their last deployment made them; no design is needed for that. Nothing is done to other
/// nodes.
///
/// What should run and does not is stopped (for it may be there in part) and started; what runs and is kept by nobody is started
/// alone; what is not there at all is made anew; what should not run is stopped. Of an attribute, its metadata [`names::CHANGE`] says what it needs to be as it was.
///
/// # Errors
///
/// When an input of an operation cannot be computed.
pub fn plan_repair(
    basis: &Basis<'_>,
    actual: &Graph,
    drifts: &BTreeMap<VertexId, Vec<Drift>>,
) -> Result<Plan, PlanError> {
    let nodes = Nodes::new(actual);
    let mut decisions: HashMap<VertexId, Decision> = HashMap::new();
    let mut evaluator = Evaluator::new(actual, basis.functions);
    for node in &nodes.list {
        let Some(drifts) = drifts.get(&node.vertex.id).filter(|drifts| !drifts.is_empty()) else { continue };
        let decision = repair(node, drifts);
        let handlers =
            decision.operations().filter_map(|operation| node.vertex.handlers.get(&event_of(operation)));
        for attribute in handlers.flat_map(|handler| handler.outputs.values()) {
            // Only the run knows what the operation will put there.
            evaluator.forget(Site::Vertex(node.vertex.id), attribute);
        }
        decisions.insert(node.vertex.id, decision);
    }
    keeping::check(basis, nodes.list.iter(), &decisions)?;
    let dependencies = dependencies_of_actual(basis, actual, &nodes);
    let side = Side { graph: actual, nodes: &nodes, dependencies: &dependencies };
    let steps = assemble(basis, (&decisions, &Relationships::default()), &side, &side, &mut evaluator)?;
    let changes =
        nodes.list.iter().filter_map(|node| Some(node_change(node, decisions.remove(&node.vertex.id)?)));
    Ok(Plan { nodes: changes.collect(), steps, ..basis.plan(Goal::Restart) })
}

/// Decides what a node needs to be again what it should be.
pub(crate) fn repair(node: &Node<'_>, drifts: &[Drift]) -> Decision {
    let reasons = drifts.iter().map(Reason::from).collect();
    let decided = |action, down: &[&'static str], up: &[&'static str], reasons| Decision {
        action,
        reasons,
        down: down.to_vec(),
        up: up.to_vec(),
    };
    let state = drifts.iter().find(|drift| drift.attribute.is_none());
    if let Some(Drift { seen, intended, .. }) = state {
        return match (seen.as_text(), intended.as_text()) {
            // It is given somebody who keeps it, and goes on as it is.
            (Some(names::UNSUPERVISED), Some(SUPERVISED)) => {
                decided(Action::Update, &[], &["start"], reasons)
            }
            (Some(seen), _) if names::is_at_work(seen) => decided(Action::Update, &["stop"], &[], reasons),
            (Some("absent"), _) => decided(Action::Create, &[], &names::LIFECYCLE_UP, reasons),
            _ => decided(Action::Update, &["stop"], &["start"], reasons),
        };
    }
    let demands = drifts.iter().filter_map(|drift| drift.demand(node.vertex));
    match escalate(demands.max().unwrap_or_default(), node) {
        Demand::None | Demand::Configure => decided(Action::Update, &[], &["configure"], reasons),
        Demand::Restart => decided(Action::Update, &["stop"], &["configure", "start"], reasons),
        Demand::Replace => decided(Action::Replace, &names::LIFECYCLE_DOWN, &names::LIFECYCLE_UP, reasons),
    }
}
