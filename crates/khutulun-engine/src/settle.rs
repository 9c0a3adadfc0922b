//! What an outcome changes in the graph.

use std::collections::{BTreeMap, BTreeSet};

use floria::{Change, Evaluator, Functions, Graph, Handler, Handlers, Properties, Site, Value, Vertex};
use khutulun_api::{Failure, Outcome, names};
use khutulun_plan::{Action, Goal, Plan, Step, applied_after};

use crate::merge::Changed;

/// The states of a node that is being brought up, or is up: what it is made from is recorded in them.
const UP: [&str; 3] = ["created", "configured", "started"];

/// Puts what an operation put out into the graph, and how far the node has come.
///
/// An output that its attribute does not take makes the operation a failed one. Returns the outcome to be recorded, and the
/// change of the node or relationship that is to be stored with it, if there is one.
pub(crate) fn settle(
    graph: &mut Graph,
    functions: &dyn Functions,
    plan: &Plan,
    step: &Step,
    outcome: Outcome,
    touched: bool,
) -> (Outcome, Option<Changed>) {
    if let Some(id) = step.subject.relationship {
        let Some(before) = graph.edge(id).cloned() else { return (outcome, None) };
        let mut edge = before.clone();
        let outcome = take_in(graph, functions, step, &edge.handlers, &mut edge.properties, outcome);
        if edge == before {
            return (outcome, None);
        }
        graph.put_edge(edge.clone());
        return (outcome, Some(Changed { before: Some(before.into()), change: Change::put(edge) }));
    }
    let Some(before) = graph.vertex(step.subject.vertex).cloned() else { return (outcome, None) };
    let mut vertex = before.clone();
    let outcome = take_in(graph, functions, step, &vertex.handlers, &mut vertex.properties, outcome);
    match (&outcome, &step.state) {
        (Outcome::Succeeded(_), Some(state)) => {
            vertex.metadata.insert(names::STATE.to_owned(), Value::from(state.as_str()));
            vertex.metadata.remove(names::ATTEMPTED);
            if state == "deleted" {
                forget(&mut vertex);
            }
            if UP.contains(&state.as_str()) {
                graph.put_vertex(vertex.clone());
                if let Some(values) =
                    applied_after(graph, plan.goal, step, &mut Evaluator::new(graph, functions))
                {
                    vertex.metadata.insert(names::APPLIED.to_owned(), Value::Map(values));
                    if state == "started" && (plan.goal == Goal::Deploy || step.action == Action::Create) {
                        vertex.metadata.remove(names::PENDING);
                    }
                }
            }
        }
        (Outcome::Failed(_), Some(state)) if touched => {
            let was = before.metadata.get(names::STATE).and_then(Value::as_text);
            if UP.contains(&state.as_str()) && matches!(was, None | Some("initial" | "deleted")) {
                vertex.metadata.insert(names::STATE.to_owned(), Value::from("failed"));
            }
            vertex.metadata.insert(names::ATTEMPTED.to_owned(), Value::from(step.event.as_str()));
        }
        _ => {}
    }
    if vertex == before {
        return (outcome, None);
    }
    graph.put_vertex(vertex.clone());
    (outcome, Some(Changed { before: Some(before.into()), change: Change::put(vertex) }))
}

/// Takes outputs into attributes: all of them, or none.
fn take_in(
    graph: &Graph,
    functions: &dyn Functions,
    step: &Step,
    handlers: &Handlers,
    properties: &mut Properties,
    outcome: Outcome,
) -> Outcome {
    let Outcome::Succeeded(outputs) = outcome else { return outcome };
    let Some(handler) = handlers.get(&step.event) else { return Outcome::Succeeded(outputs) };
    let mut taken = properties.clone();
    match write(&mut Evaluator::new(graph, functions), step.subject.site(), handler, &mut taken, &outputs) {
        Ok(()) => {
            *properties = taken;
            Outcome::Succeeded(outputs)
        }
        Err(failure) => Outcome::Failed(failure),
    }
}

/// Puts outputs into the attributes that a handler maps them to.
pub(crate) fn write(
    evaluator: &mut Evaluator<'_>,
    site: Site,
    handler: &Handler,
    properties: &mut Properties,
    outputs: &BTreeMap<String, Value>,
) -> Result<(), Failure> {
    for (output, property_name) in &handler.outputs {
        let Some(value) = outputs.get(output) else { continue };
        let refused = |why: String| Failure {
            detail: why,
            ..Failure::permanent(format!("output `{output}` does not fit attribute `{property_name}`"))
        };
        let property = properties.get_mut(property_name);
        let property = property.ok_or_else(|| refused("there is no such attribute".to_owned()))?;
        if property.read_only {
            return Err(refused("it is a property, which nothing writes but the design".to_owned()));
        }
        property.value = match value {
            // What does not apply any more, such as the process id of what was stopped, is not known.
            Value::Null => None,
            value => {
                let prepared = evaluator.prepare(property, value.clone(), site);
                Some(prepared.map_err(|error| refused(error.to_string()))?)
            }
        };
    }
    Ok(())
}

/// Forgets what was known of a node that is no longer there.
fn forget(vertex: &mut Vertex) {
    vertex.metadata.remove(names::APPLIED);
    let written: BTreeSet<&String> =
        vertex.handlers.values().flat_map(|handler| handler.outputs.values()).collect();
    for (name, property) in &mut vertex.properties {
        if !property.read_only && written.contains(name) {
            property.value = None;
        }
    }
}
