//! Which of several an instance is (TOSCA 2.0, 10.2.1.6 and 10.2.1.7).

use floria::{Call, Evaluated, EvaluationError, Evaluator, Site, Structure, Value};

use crate::{marks::INDEX_MARK, path};

/// `$node_index`: the index of the node among those of its template, 0 for one that is alone. At a relationship it is that of
/// the node which the relationship starts from; at the service in a node, that of the node.
pub(crate) fn node_index(
    call: &Call,
    site: Site,
    evaluator: &mut Evaluator<'_>,
) -> Result<Evaluated, EvaluationError> {
    no_arguments("$node_index", call)?;
    let node = path::node_at(evaluator.graph(), site)
        .ok_or_else(|| EvaluationError::new("`$node_index` means nothing here: this is in no node"))?;
    evaluator.depends_on(Site::Vertex(node.id), INDEX_MARK);
    let index = node.metadata.get(INDEX_MARK).and_then(Value::as_integer).unwrap_or(0);
    Ok(Evaluated::Known(Value::Integer(index)))
}

/// `$relationship_index`: the index of the relationship among those of its requirement.
pub(crate) fn relationship_index(
    call: &Call,
    site: Site,
    evaluator: &mut Evaluator<'_>,
) -> Result<Evaluated, EvaluationError> {
    no_arguments("$relationship_index", call)?;
    evaluator.depends_on(site, &Structure::Ends.name());
    let edge = match site {
        Site::Edge(id) => evaluator.graph().edge(id),
        Site::Vertex(_) => None,
    };
    let edge = edge.ok_or_else(|| {
        EvaluationError::new("`$relationship_index` means nothing here: this is in no relationship")
    })?;
    Ok(Evaluated::Known(Value::Integer(edge.index.into())))
}

fn no_arguments(function: &str, call: &Call) -> Result<(), EvaluationError> {
    match call.arguments.len() {
        0 => Ok(()),
        count => Err(EvaluationError::new(format!("`{function}`: expected no arguments, found {count}"))),
    }
}
