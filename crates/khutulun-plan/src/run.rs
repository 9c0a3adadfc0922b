//! The plan of one operation on one node.

use std::collections::BTreeMap;

use floria::{Evaluator, Graph, Value};

use crate::{
    Basis,
    decide::Decision,
    deploy::node_change,
    document::{Action, Goal, Plan, PlannedValue, Reason, SCHEMA},
    error::PlanError,
    inputs::planned,
    node::{Node, Nodes, event_of, operation_of, state_after},
};

/// Plans one operation on one node: `event` is an event such as `lifecycle.start`, or for those of the lifecycle just the
/// operation's name. `inputs` go before the operation's own; ones that it does not know are passed on as they are.
///
/// # Errors
///
/// When there is no such node or operation, the operation has no implementation, or an input cannot be computed.
pub fn plan_run(
    basis: &Basis<'_>,
    actual: &Graph,
    node: &str,
    event: &str,
    inputs: &BTreeMap<String, Value>,
) -> Result<Plan, PlanError> {
    let nodes = Nodes::new(actual);
    let node = nodes.list.iter().find(|known| known.name == node).ok_or_else(|| PlanError::NoSuchNode {
        node: node.to_owned(),
        known: nodes.list.iter().map(|node| node.name.to_string()).collect(),
    })?;
    let (event, handler) = [event.to_owned(), event_of(event)]
        .into_iter()
        .find_map(|event| {
            let handler = node.vertex.handlers.get(&event)?;
            handler.implementation.is_some().then_some((event, handler))
        })
        .ok_or_else(|| no_such_operation(node, event))?;
    let mut step = basis.step(node, event.clone(), Action::Run);
    // What is up stays up when it is created or configured again: only a bring-up goes from one of these states to the next.
    let is_past = |state: &str| {
        matches!(
            (state, node.state()),
            ("created", "configured" | "started" | "stopped") | ("configured", "started")
        )
    };
    step.state =
        operation_of(&event).and_then(state_after).filter(|state| !is_past(state)).map(str::to_owned);
    step.inputs = planned(node, &event, handler, &mut Evaluator::new(actual, basis.functions))?;
    step.inputs.extend(inputs.iter().map(|(name, value)| (name.clone(), PlannedValue::Known(value.clone()))));
    let decision =
        Decision { action: Action::Run, reasons: vec![Reason::Asked { event }], down: vec![], up: vec![] };
    Ok(Plan {
        schema: SCHEMA.to_owned(),
        namespace: basis.namespace.clone(),
        goal: Goal::Run,
        base: basis.base,
        design: None,
        nodes: vec![node_change(node, decision)],
        steps: vec![step],
        workflow: None,
        prepare: Vec::new(),
        conclude: Vec::new(),
    })
}

fn no_such_operation(node: &Node<'_>, event: &str) -> PlanError {
    let implemented = node.vertex.handlers.iter().filter(|(_, handler)| handler.implementation.is_some());
    PlanError::NoSuchOperation {
        node: node.name.to_string(),
        event: event.to_owned(),
        known: implemented.map(|(event, _)| event.clone()).collect(),
    }
}
