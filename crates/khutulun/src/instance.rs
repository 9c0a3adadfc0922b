//! What the graph of a service says, in the words of the command line.

use std::collections::BTreeMap;

use floria::{Evaluated, EvaluationError, Evaluator, Functions, Graph, Site, Value, Vertex};
use khutulun_api::{describe_unknown, names};

/// Returns the vertex of the service itself.
pub(crate) fn service(graph: &Graph) -> Option<&Vertex> {
    graph.contained(None).next()
}

/// Returns the nodes with their names, in the order in which they were made.
pub(crate) fn nodes(graph: &Graph) -> Vec<(String, &Vertex)> {
    graph
        .vertexes()
        .filter(|vertex| vertex.metadata.contains_key(names::NODE))
        .map(|vertex| (name(graph, vertex), vertex))
        .collect()
}

/// Returns the name of a node: its path in its service, as plans call it.
pub(crate) fn name(graph: &Graph, node: &Vertex) -> String {
    graph.path_of(node.id)
}

/// Returns how far a node's lifecycle has come.
pub(crate) fn lifecycle_state(node: &Vertex) -> &str {
    node.metadata.get(names::STATE).and_then(Value::as_text).unwrap_or("initial")
}

/// Returns the operation that was tried last on a node and is not known to have succeeded.
pub(crate) fn attempted(node: &Vertex) -> Option<&str> {
    node.metadata.get(names::ATTEMPTED).and_then(Value::as_text)
}

/// Returns the node of another service that a node stands for, if it does: as `shop:db`.
pub(crate) fn stands_for(node: &Vertex) -> Option<String> {
    let selected = node.metadata.get(names::SELECTED)?;
    let part = |name: &str| selected.get(name).and_then(Value::as_text).unwrap_or("?");
    Some(format!("{}:{}", part("namespace"), part("path")))
}

/// Returns the requirements of a node whose relationships are not made yet.
pub(crate) fn waiting(node: &Vertex) -> Vec<String> {
    let waiting = node.metadata.get(names::WAITING).and_then(Value::as_list).unwrap_or_default();
    waiting.iter().filter_map(Value::as_text).map(str::to_owned).collect()
}

/// Returns when something was seen of a node first, in milliseconds since 1970-01-01T00:00:00Z, by its [`names::OBSERVED`].
pub(crate) fn seen_at(observed: &Value) -> Option<u64> {
    observed.get("at").and_then(Value::as_integer).and_then(|at| u64::try_from(at).ok())
}

/// Returns the most specific class of a node.
pub(crate) fn class(node: &Vertex) -> &str {
    node.classes.first().map_or("", |class| class.0.as_str())
}

/// What an output has come to.
pub(crate) enum Output {
    /// A value.
    Known(Value),
    /// Not there yet; these properties have no value.
    Unknown(Vec<String>),
    /// Cannot be computed.
    Failed(EvaluationError),
}

/// Evaluates the outputs of a service, by name.
pub(crate) fn outputs(graph: &Graph, functions: &dyn Functions) -> BTreeMap<String, Output> {
    let Some(service) = service(graph) else { return BTreeMap::new() };
    let names = service.metadata.get(names::OUTPUTS).and_then(Value::as_list).unwrap_or_default();
    let mut evaluator = Evaluator::new(graph, functions);
    names
        .iter()
        .filter_map(Value::as_text)
        .map(|name| {
            let property = format!("{}{name}", names::OUTPUT_PREFIX);
            let output = match evaluator.property(Site::Vertex(service.id), &property) {
                Ok(Evaluated::Known(value)) => Output::Known(value),
                Ok(Evaluated::Unknown(missing)) => Output::Unknown(
                    missing.into_iter().map(|(site, name)| describe_unknown(graph, site, &name)).collect(),
                ),
                Err(error) => Output::Failed(error),
            };
            (name.to_owned(), output)
        })
        .collect()
}
