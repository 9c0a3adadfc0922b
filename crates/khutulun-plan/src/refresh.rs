//! The plan that looks at nodes, and the one that takes what was seen as what should be.

use std::collections::{BTreeMap, BTreeSet};

use floria::{Change, Evaluator, Graph, Site, Value, Vertex, VertexId};
use khutulun_api::names;

use crate::{
    Basis,
    decide::{Decision, implements},
    deploy::node_change,
    document::{Action, Goal, Plan, Reason, Step},
    drift::Drift,
    error::PlanError,
    inputs::planned,
    node::{Node, Nodes, event_of},
};

/// Why a node is not looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotAsked {
    /// It is not made yet, or gone.
    NotMade,
    /// It has no code for [`names::OBSERVE`].
    NoOperation,
    /// An input of its operation cannot be computed; why.
    Inputs(PlanError),
}

/// Plans that nodes are looked at, all at once: nothing depends on anything. Returns those that cannot be, too.
///
/// `asked_ms` is the time, in milliseconds since 1970-01-01T00:00:00Z: what is seen is recorded as seen then.
pub fn plan_refresh(
    basis: &Basis<'_>,
    actual: &Graph,
    selected: &BTreeSet<VertexId>,
    asked_ms: u64,
) -> (Plan, BTreeMap<VertexId, NotAsked>) {
    let nodes = Nodes::new(actual);
    let mut evaluator = Evaluator::new(actual, basis.functions);
    let mut plan = basis.plan(Goal::Refresh);
    let mut not_asked = BTreeMap::new();
    for node in nodes.list.iter().filter(|node| selected.contains(&node.vertex.id)) {
        let is_made = node.attempted().is_some() || !matches!(node.state(), "initial" | "deleted");
        let step = if is_made {
            look(basis, node, Action::Observe, asked_ms, &mut evaluator)
        } else {
            Err(NotAsked::NotMade)
        };
        let mut decision = Decision::keep();
        match step {
            Ok(step) => {
                decision.action = Action::Observe;
                plan.steps.push(step);
            }
            Err(why) => drop(not_asked.insert(node.vertex.id, why)),
        }
        plan.nodes.push(node_change(node, decision));
    }
    (plan, not_asked)
}

/// Makes the step that looks at a node.
pub(crate) fn look(
    basis: &Basis<'_>,
    node: &Node<'_>,
    action: Action,
    asked_ms: u64,
    evaluator: &mut Evaluator<'_>,
) -> Result<Step, NotAsked> {
    if !implements(node, names::OBSERVE) {
        return Err(NotAsked::NoOperation);
    }
    let mut step = basis.step(node, event_of(names::OBSERVE), action);
    if let Some(handler) = node.vertex.handlers.get(&step.event) {
        let site = Site::Vertex(node.vertex.id);
        step.inputs = planned(&node.name, site, &step.event, handler, evaluator).map_err(NotAsked::Inputs)?;
    }
    step.asked_ms = Some(asked_ms);
    Ok(step)
}

/// Plans that what was seen of nodes is what should be from now on, as their policies say. Nothing runs; only records change.
pub fn plan_acceptance(basis: &Basis<'_>, actual: &Graph, drifts: &BTreeMap<VertexId, Vec<Drift>>) -> Plan {
    let nodes = Nodes::new(actual);
    let mut plan = basis.plan(Goal::Adopt);
    for node in &nodes.list {
        let Some(drifts) = drifts.get(&node.vertex.id).filter(|drifts| !drifts.is_empty()) else { continue };
        let mut vertex = node.vertex.clone();
        drifts.iter().for_each(|drift| accept(&mut vertex, drift));
        plan.prepare.push(Change::put(vertex));
        let reasons = drifts.iter().map(Reason::from).collect();
        plan.nodes.push(node_change(node, Decision { action: Action::Adopt, reasons, ..Decision::keep() }));
    }
    plan
}

fn accept(vertex: &mut Vertex, drift: &Drift) {
    let Some(attribute) = &drift.attribute else {
        let state = match drift.seen.as_text() {
            Some(seen) if names::is_at_work(seen) => "started",
            Some("absent") => "deleted",
            _ => "stopped",
        };
        if state == "deleted" {
            // What is not there is made anew, from nothing.
            vertex.metadata.remove(names::APPLIED);
            vertex.metadata.remove(names::ADOPTED);
        }
        vertex.metadata.insert(names::STATE.to_owned(), state.into());
        return;
    };
    if let Some(property) = vertex.properties.get_mut(attribute) {
        property.value = Some(drift.seen.clone()).filter(|value| *value != Value::Null);
    }
}

impl From<&Drift> for Reason {
    fn from(drift: &Drift) -> Self {
        let text = |value: &Value| value.as_text().map_or_else(|| value.to_string(), str::to_owned);
        let seen = text(&drift.seen);
        let seen = drift.attribute.as_ref().map_or(seen.clone(), |attribute| format!("{attribute} {seen}"));
        Self::Drift { seen, intended: text(&drift.intended) }
    }
}
