//! What is left of a capability (TOSCA 2.0, 8.5 and 10.2.1.8).

use floria::{
    Call, Evaluated, EvaluationError, Evaluator, Graph, Properties, Site, Structure, Value, VertexId,
};

use crate::{
    arithmetic, describe,
    graph_query::gather,
    marks::{ALLOCATED_MARK, ALLOCATION_MARK},
    path::{self, Place},
    reference,
    special::{as_scalar, plain_number},
};

const FUNCTION: &str = "$available_allocation";

/// `$available_allocation`: the value of a capability's property, less what the relationships that end there take of it. They
/// are those that were made so far: in the filter of a requirement, without the one that is looked for.
pub(crate) fn available_allocation(
    call: &Call,
    site: Site,
    evaluator: &mut Evaluator<'_>,
) -> Result<Evaluated, EvaluationError> {
    let reference = match reference::follow(FUNCTION, call, site, evaluator)? {
        Ok(reference) => reference,
        Err(unknown) => return Ok(Evaluated::Unknown(unknown)),
    };
    if !reference.way.is_empty() {
        return Err(error("an integer, float or scalar has no parts"));
    }
    let graph = evaluator.graph();
    let name = reference.name;
    gather(&reference, |place| {
        let Place::Capability(capability) = place else {
            return Err(error(&format!(
                "the path must end at a capability, not at {}",
                path::describe(graph, place)
            )));
        };
        let what = format!("`{name}` of {}", path::describe(graph, place));
        let at = Site::Vertex(capability);
        evaluator.depends_on(at, &Structure::Incoming.name());
        evaluator.depends_on(at, name);
        check(graph.vertex(capability).map(|vertex| &vertex.properties), name, &what)?;
        match evaluator.property(at, name)? {
            Evaluated::Known(whole) => left(graph, capability, name, whole, &what).map(Evaluated::Known),
            unknown @ Evaluated::Unknown(_) => Ok(unknown),
        }
    })
}

fn check(properties: Option<&Properties>, name: &str, what: &str) -> Result<(), EvaluationError> {
    let properties = properties.expect("a walk ends at what is in its graph");
    match properties.get(name) {
        Some(property) if property.value.is_none() && property.updater.is_none() && property.read_only => {
            Err(error(&format!("the property {what} has no value")))
        }
        Some(_) => Ok(()),
        None => {
            let there = describe::names(properties.keys().map(String::as_str));
            Err(error(&format!("there is no property {what}; there is {there}")))
        }
    }
}

/// What the relationships of a capability leave of a property.
fn left(
    graph: &Graph,
    capability: VertexId,
    name: &str,
    whole: Value,
    what: &str,
) -> Result<Value, EvaluationError> {
    if plain_number(&whole).is_none() && as_scalar(&whole).is_none() {
        return Err(error(&format!(
            "only an integer, float or scalar can be allocated, and {what} is {}",
            describe::value(&whole)
        )));
    }
    let mut left = whole;
    // What stands for a capability of another service has less than that: others use it, too.
    let elsewhere =
        graph.vertex(capability).and_then(|vertex| vertex.metadata.get(ALLOCATED_MARK)?.get(name));
    for amount in elsewhere.and_then(Value::as_list).into_iter().flatten() {
        left = arithmetic::difference(&[left, amount.clone()]).map_err(|message| {
            error(&format!("what other services take of {what} cannot be subtracted: {message}"))
        })?;
    }
    for edge in graph.incoming(capability) {
        let Some(amount) = edge.metadata.get(ALLOCATION_MARK).and_then(|amounts| amounts.get(name)) else {
            continue;
        };
        left = arithmetic::difference(&[left, amount.clone()]).map_err(|message| {
            error(&format!(
                "what {} takes of {what} cannot be subtracted: {message}",
                path::describe(graph, Place::Relationship(edge.id))
            ))
        })?;
    }
    Ok(left)
}

fn error(message: &str) -> EvaluationError {
    EvaluationError::new(format!("`{FUNCTION}`: {message}"))
}
