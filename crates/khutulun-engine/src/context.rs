//! What an operation is given: its inputs, and what it may read of the graph.

use std::collections::BTreeMap;

use floria::{
    Edge, Evaluated, Evaluator, Functions, Graph, Handlers, Properties, Site, Value, ValueMap, Vertex,
    VertexId,
};
use khutulun_api::{Failure, Operation, OperationId, names};
use khutulun_plan::{PlannedValue, Step, StepAnswer, parts_of, subject_of};

/// Makes the operation of a step, as the graph is now.
///
/// Inputs that the plan knows are taken from it, so that what runs is what was shown. The others are evaluated.
pub fn operation(
    graph: &Graph,
    functions: &dyn Functions,
    step: &Step,
    id: OperationId,
) -> Result<Operation, Failure> {
    let mut evaluator = Evaluator::new(graph, functions);
    let inputs = inputs(graph, &mut evaluator, step)?;
    operation_with(graph, &mut evaluator, step, id, inputs)
}

/// Makes the operation of a step again, with the inputs that its intent recorded.
pub(crate) fn operation_again(
    graph: &Graph,
    functions: &dyn Functions,
    step: &Step,
    id: OperationId,
    inputs: BTreeMap<String, Value>,
) -> Result<Operation, Failure> {
    operation_with(graph, &mut Evaluator::new(graph, functions), step, id, inputs)
}

fn operation_with(
    graph: &Graph,
    evaluator: &mut Evaluator<'_>,
    step: &Step,
    id: OperationId,
    inputs: BTreeMap<String, Value>,
) -> Result<Operation, Failure> {
    let code = step.implementation.clone();
    let implementation = code.ok_or_else(|| Failure::permanent("the step has no code to run"))?;
    let handler = handlers(graph, step.subject.site()).and_then(|handlers| handlers.get(&step.event));
    let repeatable = handler.and_then(|handler| handler.metadata.get(names::REPEATABLE));
    Ok(Operation {
        id,
        subject: step.subject.clone(),
        event: step.event.clone(),
        implementation,
        inputs,
        context: context(graph, evaluator, step),
        timeout_ms: step.timeout_ms,
        epoch: 0,
        repeatable: repeatable.and_then(Value::as_boolean) == Some(true),
    })
}

/// Tells whether a step takes away: it gets what the node was made from, and what is not known is no obstacle.
fn takes_away(step: &Step) -> bool {
    let is_one_of = |prefix, operations: [&str; 2]| {
        let operation = step.event.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('.'));
        operation.is_some_and(|operation| operations.contains(&operation))
    };
    is_one_of(names::LIFECYCLE, names::LIFECYCLE_DOWN)
        || is_one_of(names::CONFIGURE, ["remove_target", "remove_source"])
}

fn inputs(
    graph: &Graph,
    evaluator: &mut Evaluator<'_>,
    step: &Step,
) -> Result<BTreeMap<String, Value>, Failure> {
    let site = step.subject.site();
    let handler = handlers(graph, site).and_then(|handlers| handlers.get(&step.event));
    let mut inputs = BTreeMap::new();
    for (name, planned) in &step.inputs {
        let sources = match planned {
            PlannedValue::Known(value) => {
                inputs.insert(name.clone(), value.clone());
                continue;
            }
            PlannedValue::Unknown(sources) => sources,
        };
        let own = || handler.and_then(|handler| handler.inputs.get(name));
        let expression = step.expressions.get(name).or_else(own);
        let evaluated = expression.map(|expression| evaluator.evaluate(expression, site));
        let failure = match evaluated {
            Some(Ok(Evaluated::Known(value))) => {
                inputs.insert(name.clone(), value);
                continue;
            }
            _ if takes_away(step) => continue,
            Some(Ok(Evaluated::Unknown(missing))) => {
                format!("{} has no value yet", described(graph, &missing))
            }
            Some(Err(error)) => error.to_string(),
            None => format!("it comes from {}, and the operation no longer has it", sources.join(", ")),
        };
        return Err(Failure {
            detail: failure,
            ..Failure::permanent(format!("input `{name}` has no value"))
        });
    }
    Ok(inputs)
}

/// The handlers of a vertex or an edge.
pub(crate) fn handlers(graph: &Graph, site: Site) -> Option<&Handlers> {
    match site {
        Site::Vertex(id) => graph.vertex(id).map(|vertex| &vertex.handlers),
        Site::Edge(id) => graph.edge(id).map(|edge| &edge.handlers),
    }
}

/// Names properties for a person.
fn described(graph: &Graph, properties: &[(Site, String)]) -> String {
    let names: Vec<String> = properties
        .iter()
        .map(|(site, property)| match site {
            Site::Vertex(id) => format!("{}.{property}", graph.path_of(*id)),
            Site::Edge(_) => property.clone(),
        })
        .collect();
    names.join(", ")
}

/// Tells whether all conditions of a step hold, as the graph is now.
pub(crate) fn holds(graph: &Graph, functions: &dyn Functions, step: &Step) -> Result<bool, Failure> {
    let mut evaluator = Evaluator::new(graph, functions);
    for condition in &step.conditions {
        let why = match evaluator.evaluate(condition, step.subject.site()) {
            Ok(Evaluated::Known(Value::Boolean(true))) => continue,
            Ok(Evaluated::Known(Value::Boolean(false))) => return Ok(false),
            Ok(Evaluated::Known(other)) => format!("it is {other}, and neither true nor false"),
            Ok(Evaluated::Unknown(missing)) => format!("{} has no value yet", described(graph, &missing)),
            Err(error) => error.to_string(),
        };
        return Err(Failure { detail: why, ..Failure::permanent("a condition cannot be decided") });
    }
    Ok(true)
}

/// Computes what a workflow puts out, as the graph is now.
pub(crate) fn answer(
    graph: &Graph,
    functions: &dyn Functions,
    answer: &StepAnswer,
) -> Result<BTreeMap<String, Value>, Failure> {
    let mut evaluator = Evaluator::new(graph, functions);
    let mut outputs = BTreeMap::new();
    for (name, value) in &answer.values {
        let value = match evaluator.evaluate(value, Site::Vertex(answer.workflow)) {
            Ok(Evaluated::Known(value)) => value,
            Ok(Evaluated::Unknown(_)) => Value::Null,
            Err(error) => {
                let message = format!("the output `{name}` cannot be computed");
                return Err(Failure { detail: error.to_string(), ..Failure::permanent(message) });
            }
        };
        outputs.insert(name.clone(), value);
    }
    Ok(outputs)
}

/// Makes the map that [`Operation::context`] describes. What has no value is left out.
fn context(graph: &Graph, evaluator: &mut Evaluator<'_>, step: &Step) -> Value {
    let Some(vertex) = graph.vertex(step.subject.vertex) else { return Value::map::<&str, Value>([]) };
    let parts = parts_of(graph, vertex.id);
    let (mut own, attributes) = values(&vertex.properties, Site::Vertex(vertex.id), evaluator);
    let mut capabilities = ValueMap::new();
    for part in &parts {
        if let Some(name) = part.metadata.get(names::CAPABILITY) {
            capabilities.insert(name.clone(), Value::Map(all_values(part, evaluator)));
        }
    }
    let mut requirements: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for edge in std::iter::once(vertex).chain(parts).flat_map(|end| graph.outgoing(end.id)) {
        requirements.entry(&edge.name).or_default().push(required(graph, edge, evaluator));
    }
    if takes_away(step) {
        as_applied(vertex, &mut own, &mut capabilities);
    }
    let relationship = step.subject.relationship.and_then(|id| graph.edge(id));
    let relationship = relationship.map(|edge| ("relationship", of_operation(graph, edge, evaluator)));
    let node = [
        ("properties", Value::Map(own)),
        ("attributes", Value::Map(attributes)),
        ("capabilities", Value::Map(capabilities)),
        ("requirements", Value::map(requirements.into_iter().map(|(name, list)| (name, Value::List(list))))),
        ("artifacts", vertex.metadata.get(names::ARTIFACTS).cloned().unwrap_or(Value::Map(ValueMap::new()))),
    ];
    Value::map(node.into_iter().chain(relationship))
}

/// The relationship that an operation is of, with both of its ends.
fn of_operation(graph: &Graph, edge: &Edge, evaluator: &mut Evaluator<'_>) -> Value {
    let mut relationship = required(graph, edge, evaluator);
    let source = subject_of(graph, node_of(graph, edge.source));
    if let (Value::Map(entries), Some(source)) = (&mut relationship, source) {
        entries.insert(Value::from("source"), Value::from(source.node));
    }
    relationship
}

/// A relationship with its target, as the context has it.
fn required(graph: &Graph, edge: &Edge, evaluator: &mut Evaluator<'_>) -> Value {
    let (properties, attributes) = values(&edge.properties, Site::Edge(edge.id), evaluator);
    let target =
        subject_of(graph, node_of(graph, edge.target)).map_or(Value::Null, |node| Value::from(node.node));
    let capability =
        graph.vertex(edge.target).filter(|target| target.metadata.contains_key(names::CAPABILITY));
    let capability = capability.map(|target| all_values(target, evaluator)).unwrap_or_default();
    Value::map([
        ("node", target),
        ("properties", Value::Map(properties.into_iter().chain(attributes).collect())),
        ("capability", Value::Map(capability)),
    ])
}

/// Puts back the values that a node was made from, where the design has other ones by now.
fn as_applied(vertex: &Vertex, own: &mut ValueMap, capabilities: &mut ValueMap) {
    let Some(applied) = vertex.metadata.get(names::APPLIED).and_then(Value::as_map) else { return };
    for (name, property) in &vertex.properties {
        let key = Value::from(name.as_str());
        match applied.get(&key) {
            Some(value) if property.read_only => drop(own.insert(key, value.clone())),
            _ => {}
        }
    }
    for (key, value) in applied {
        let path = key.as_text().and_then(|key| key.strip_prefix("capability."));
        let Some((capability, property)) = path.and_then(|path| path.split_once('.')) else { continue };
        if let Some(Value::Map(values)) = capabilities.get_mut(&Value::from(capability)) {
            values.insert(Value::from(property), value.clone());
        }
    }
}

fn node_of(graph: &Graph, id: VertexId) -> VertexId {
    std::iter::successors(graph.vertex(id), |vertex| vertex.container.and_then(|id| graph.vertex(id)))
        .find(|vertex| vertex.metadata.contains_key(names::NODE))
        .map_or(id, |vertex| vertex.id)
}

fn all_values(vertex: &Vertex, evaluator: &mut Evaluator<'_>) -> ValueMap {
    let (properties, attributes) = values(&vertex.properties, Site::Vertex(vertex.id), evaluator);
    properties.into_iter().chain(attributes).collect()
}

/// Returns the values of what the design says, and of what the instance reports.
fn values(properties: &Properties, site: Site, evaluator: &mut Evaluator<'_>) -> (ValueMap, ValueMap) {
    let (mut own, mut attributes) = (ValueMap::new(), ValueMap::new());
    for (name, property) in properties {
        if let Ok(Evaluated::Known(value)) = evaluator.property(site, name) {
            let values = if property.read_only { &mut own } else { &mut attributes };
            values.insert(Value::from(name.as_str()), value);
        }
    }
    (own, attributes)
}
