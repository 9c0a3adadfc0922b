//! What an outcome changes in the graph.

use std::collections::{BTreeMap, BTreeSet};

use floria::{Change, Evaluator, Functions, Graph, Handler, Handlers, Properties, Site, Value, Vertex};
use khutulun_api::{Failure, Outcome, names};
use khutulun_plan::{Action, DriftPolicy, Goal, OutputTarget, Plan, Step, applied_after};

use crate::merge::Changed;

/// The states of a node that is being brought up, or is up: what it is made from is recorded in them.
const UP: [&str; 3] = ["created", "configured", "started"];

/// Puts what an operation put out into the graph, and how far the node has come.
///
/// An output that its attribute does not take makes the operation a failed one. Returns the outcome to be recorded, and the
/// changes that are to be stored with it.
pub(crate) fn settle(
    graph: &mut Graph,
    functions: &dyn Functions,
    plan: &Plan,
    step: &Step,
    outcome: Outcome,
    touched: bool,
) -> (Outcome, Vec<Changed>) {
    let (outcome, sent) = sent(graph, functions, step, outcome);
    let (outcome, own) = settle_own(graph, functions, plan, step, outcome, touched);
    let mut changes: Vec<Changed> = own.into_iter().collect();
    if matches!(outcome, Outcome::Succeeded(_)) {
        for (target, value) in sent {
            changes.extend(put(graph, target, value));
        }
    }
    (outcome, changes)
}

/// Returns the values for attributes elsewhere; where one does not fit, the operation has failed.
fn sent<'s>(
    graph: &Graph,
    functions: &dyn Functions,
    step: &'s Step,
    outcome: Outcome,
) -> (Outcome, Vec<(&'s OutputTarget, Option<Value>)>) {
    let Outcome::Succeeded(outputs) = &outcome else { return (outcome, Vec::new()) };
    let mut evaluator = Evaluator::new(graph, functions);
    let mut values = Vec::new();
    for target in &step.outputs {
        let Some(value) = outputs.get(&target.output) else { continue };
        match fitting(&mut evaluator, target.site, &target.output, &target.attribute, value) {
            Ok(value) => values.push((target, value)),
            Err(failure) => return (Outcome::Failed(failure), Vec::new()),
        }
    }
    (outcome, values)
}

/// Puts a value into an attribute.
fn put(graph: &mut Graph, target: &OutputTarget, value: Option<Value>) -> Option<Changed> {
    let set = |properties: &mut Properties| {
        if let Some(property) = properties.get_mut(&target.attribute) {
            property.value = value;
        }
    };
    let change = match target.site {
        Site::Vertex(id) => {
            let mut vertex = graph.vertex(id)?.clone();
            set(&mut vertex.properties);
            (graph.vertex(id) != Some(&vertex)).then(|| Change::put(vertex))
        }
        Site::Edge(id) => {
            let mut edge = graph.edge(id)?.clone();
            set(&mut edge.properties);
            (graph.edge(id) != Some(&edge)).then(|| Change::put(edge))
        }
    }?;
    let changed = Changed::of(change, graph);
    graph.apply(&changed.change);
    Some(changed)
}

fn settle_own(
    graph: &mut Graph,
    functions: &dyn Functions,
    plan: &Plan,
    step: &Step,
    outcome: Outcome,
    touched: bool,
) -> (Outcome, Option<Changed>) {
    if let Some(id) = step.subject.relationship {
        let Some(before) = graph.edge(id).cloned() else { return (outcome, None) };
        if let (Outcome::Succeeded(_), Some(change)) = (&outcome, &step.then) {
            graph.apply(change);
            return (outcome, Some(Changed { before: Some(before.into()), change: change.clone() }));
        }
        let mut edge = before.clone();
        let outcome = take_in(graph, functions, step, &edge.handlers, &mut edge.properties, outcome);
        match (&outcome, &step.state) {
            (Outcome::Succeeded(_), Some(state)) => {
                edge.metadata.insert(names::STATE.to_owned(), Value::from(state.as_str()));
                edge.metadata.remove(names::ATTEMPTED);
                if state == "started" {
                    edge.metadata.remove(names::PENDING);
                }
            }
            (Outcome::Failed(_), _) if touched && step.action != Action::Run => {
                edge.metadata.insert(names::ATTEMPTED.to_owned(), Value::from(step.event.as_str()));
            }
            _ => {}
        }
        if edge == before {
            return (outcome, None);
        }
        graph.put_edge(edge.clone());
        return (outcome, Some(Changed { before: Some(before.into()), change: Change::put(edge) }));
    }
    let Some(before) = graph.vertex(step.subject.vertex).cloned() else { return (outcome, None) };
    let mut vertex = before.clone();
    let is_adoption = step.action == Action::Adopt;
    let outcome = if is_adoption { is_there(outcome, step) } else { outcome };
    let outcome = if is_look(step) {
        see(graph, functions, step, &mut vertex, outcome)
    } else {
        take_in(graph, functions, step, &vertex.handlers, &mut vertex.properties, outcome)
    };
    match (&outcome, &step.state) {
        (Outcome::Succeeded(_), Some(state)) => {
            vertex.metadata.insert(names::STATE.to_owned(), Value::from(state.as_str()));
            vertex.metadata.remove(names::ATTEMPTED);
            if is_adoption {
                vertex.metadata.insert(names::ADOPTED.to_owned(), Value::from(true));
            } else {
                // What was seen before is no longer so.
                vertex.metadata.remove(names::OBSERVED);
            }
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
        // Whoever only looked has changed nothing.
        (Outcome::Failed(_), Some(state)) if touched && !is_adoption => {
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

/// Tells whether a step looks at reality and changes nothing.
fn is_look(step: &Step) -> bool {
    let operation = step.event.strip_prefix(names::LIFECYCLE).and_then(|rest| rest.strip_prefix('.'));
    operation == Some(names::OBSERVE) && step.subject.relationship.is_none()
}

/// What is not there and running cannot be adopted.
fn is_there(outcome: Outcome, step: &Step) -> Outcome {
    let Outcome::Succeeded(outputs) = &outcome else { return outcome };
    let seen = outputs.get("state").and_then(Value::as_text);
    if step.implementation.is_none() || seen.is_some_and(names::is_at_work) {
        return outcome;
    }
    let seen = seen.unwrap_or("nothing that is known");
    Outcome::Failed(Failure::permanent(format!("it cannot be adopted: what is seen of it is `{seen}`")))
}

/// Records what was seen of a node beside what is intended. Attributes follow, but for those that must stay as they are. What was
/// seen before in the same way is not recorded again.
fn see(
    graph: &Graph,
    functions: &dyn Functions,
    step: &Step,
    vertex: &mut Vertex,
    outcome: Outcome,
) -> Outcome {
    let Outcome::Succeeded(told) = &outcome else { return outcome };
    if let Some(state) = told.get("state").filter(|state| !is_state(state)) {
        let known = names::STATES.map(|state| format!("`{state}`")).join(", ");
        return Outcome::Failed(Failure::permanent(format!(
            "the state that it says is {state}, and it can only be one of {known}"
        )));
    }
    let policy = match DriftPolicy::of(graph, vertex.id, &mut Evaluator::new(graph, functions)) {
        Ok(policy) => policy,
        // Without it, what must stay as it is would silently be taken to be what was seen.
        Err(error) => {
            let detail = error.to_string();
            return Outcome::Failed(Failure {
                detail,
                ..Failure::permanent("its policy of drift has no value")
            });
        }
    };
    let before = vertex.properties.clone();
    let outcome = take_in(graph, functions, step, &vertex.handlers, &mut vertex.properties, outcome);
    let Outcome::Succeeded(outputs) = &outcome else { return outcome };
    let Some(handler) = vertex.handlers.get(&step.event) else { return outcome };
    let Some(state) = outputs.get("state") else { return outcome };
    let told = handler.outputs.iter().filter(|(output, _)| outputs.contains_key(*output));
    let seen = told.map(|(_, attribute)| {
        let value = vertex.properties.get(attribute).and_then(|property| property.value.clone());
        (attribute.clone(), value.unwrap_or(Value::Null))
    });
    let seen = Value::map(seen.collect::<BTreeMap<_, _>>());
    if step.action != Action::Adopt {
        for name in &policy.compared {
            let (Some(property), Some(was)) = (vertex.properties.get_mut(name), before.get(name)) else {
                continue;
            };
            property.value.clone_from(&was.value);
        }
    }
    let known = vertex.metadata.get(names::OBSERVED);
    let is_known = |key: &str, value: &Value| known.and_then(|known| known.get(key)) == Some(value);
    if !(is_known("state", state) && is_known("attributes", &seen)) {
        let at = step.asked_ms.and_then(|at| i64::try_from(at).ok()).map(|at| ("at", Value::Integer(at)));
        let parts = [("state", state.clone()), ("attributes", seen)].into_iter().chain(at);
        vertex.metadata.insert(names::OBSERVED.to_owned(), Value::map(parts));
    }
    outcome
}

fn is_state(state: &Value) -> bool {
    state.as_text().is_some_and(|state| names::STATES.contains(&state))
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
    for (output, attribute) in &handler.outputs {
        let Some(value) = outputs.get(output) else { continue };
        let value = fitting(evaluator, site, output, attribute, value)?;
        if let Some(property) = properties.get_mut(attribute) {
            property.value = value;
        }
    }
    Ok(())
}

/// Returns what an attribute holds that takes in an output. None: it is not known any more.
fn fitting(
    evaluator: &mut Evaluator<'_>,
    site: Site,
    output: &str,
    attribute: &str,
    value: &Value,
) -> Result<Option<Value>, Failure> {
    let refused = |why: String| Failure {
        detail: why,
        ..Failure::permanent(format!("output `{output}` does not fit attribute `{attribute}`"))
    };
    let graph = evaluator.graph();
    let properties = match site {
        Site::Vertex(id) => graph.vertex(id).map(|vertex| &vertex.properties),
        Site::Edge(id) => graph.edge(id).map(|edge| &edge.properties),
    };
    let property = properties.and_then(|properties| properties.get(attribute));
    let property = property.ok_or_else(|| refused("there is no such attribute".to_owned()))?;
    if property.read_only {
        return Err(refused("it is a property, which nothing writes but the design".to_owned()));
    }
    match value {
        // What does not apply any more, such as the process id of what was stopped, is not known.
        Value::Null => Ok(None),
        value => {
            let prepared = evaluator.prepare(property, value.clone(), site);
            prepared.map(Some).map_err(|error| refused(error.to_string()))
        }
    }
}

/// Forgets what was known of a node that is no longer there.
fn forget(vertex: &mut Vertex) {
    vertex.metadata.remove(names::APPLIED);
    vertex.metadata.remove(names::ADOPTED);
    let written: BTreeSet<&String> =
        vertex.handlers.values().flat_map(|handler| handler.outputs.values()).collect();
    for (name, property) in &mut vertex.properties {
        if !property.read_only && written.contains(name) {
            property.value = None;
        }
    }
}
