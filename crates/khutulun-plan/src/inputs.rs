//! The inputs of operations, as far as they are known when the plan is made.

use std::collections::BTreeMap;

use floria::{Evaluated, Evaluator, Handler, Site, Value};
use khutulun_api::{describe_unknown, names};

use crate::{applied::properties_at, document::PlannedValue, error::PlanError, node::Node};

/// Returns the inputs of an operation that brings up, or is run by itself.
pub(crate) fn planned(
    name_of_subject: &str,
    site: Site,
    event: &str,
    handler: &Handler,
    evaluator: &mut Evaluator<'_>,
) -> Result<BTreeMap<String, PlannedValue>, PlanError> {
    let mut inputs = BTreeMap::new();
    for (name, expression) in &handler.inputs {
        let value = match evaluator.evaluate(expression, site) {
            Ok(Evaluated::Known(value)) => PlannedValue::Known(value),
            Ok(Evaluated::Unknown(properties)) => PlannedValue::Unknown(
                properties
                    .iter()
                    .map(|(site, name)| describe_unknown(evaluator.graph(), *site, name))
                    .collect(),
            ),
            Err(source) => {
                return Err(PlanError::Evaluation {
                    node: name_of_subject.to_owned(),
                    property: format!("input {name} of {event}"),
                    origin: handler.origin.clone(),
                    source: Box::new(source),
                });
            }
        };
        inputs.insert(name.clone(), value);
    }
    Ok(inputs)
}

/// Returns the inputs of an operation that takes away. It gets what the node was made from; what cannot be known is no
/// reason to let it stay.
pub(crate) fn planned_down(
    node: &Node<'_>,
    operation: &str,
    handler: &Handler,
    evaluator: &mut Evaluator<'_>,
) -> BTreeMap<String, PlannedValue> {
    let applied = node.vertex.metadata.get(names::APPLIED);
    let was = |name: &str| applied.and_then(|applied| applied.get(&format!("input.{operation}.{name}")));
    planned_end(Site::Vertex(node.vertex.id), &was, handler, evaluator)
}

/// Returns the inputs of an operation that takes away, with what each was before where that is known.
pub(crate) fn planned_end<'w>(
    site: Site,
    was: &dyn Fn(&str) -> Option<&'w Value>,
    handler: &Handler,
    evaluator: &mut Evaluator<'_>,
) -> BTreeMap<String, PlannedValue> {
    let mut inputs = BTreeMap::new();
    for (name, expression) in &handler.inputs {
        let was = was(name);
        let value = match evaluator.evaluate_with_reads(expression, site) {
            Ok((Evaluated::Known(value), reads)) => {
                let graph = evaluator.graph();
                let is_attribute = |(site, name): &(Site, &str)| {
                    let property = properties_at(graph, *site).and_then(|properties| properties.get(*name));
                    property.is_some_and(|property| !property.read_only)
                };
                // What the node reports is newer than what it was made from.
                let fresh = reads.iter().any(is_attribute);
                PlannedValue::Known(was.filter(|_| !fresh).cloned().unwrap_or(value))
            }
            Ok((Evaluated::Unknown(properties), _)) => PlannedValue::Unknown(
                properties
                    .iter()
                    .map(|(site, name)| describe_unknown(evaluator.graph(), *site, name))
                    .collect(),
            ),
            Err(_) => PlannedValue::Known(was.cloned().unwrap_or(Value::Null)),
        };
        inputs.insert(name.clone(), value);
    }
    inputs
}
