//! What a substituted node takes from the service that substitutes it (TOSCA 2.0, 15.5).

use floria::{Call, Evaluated, EvaluationError, Evaluator, Expression, Site, Structure, Value, Vertex};

use crate::{
    arguments, describe,
    graph_query::read,
    marks::{OUTPUT_PREFIX, SERVICE_MARK},
    path,
};

const FUNCTION: &str = "get_output";

/// `tosca:get_output`, which nobody writes: what substitution mappings become. `[name]` is the output of that name of the
/// service in the node that the call stands at, or that the capability or relationship which it stands at belongs to (a
/// relationship belongs to its source); `[name, index, …]` is what these lead to in it: where an output is a list, and the nodes
/// of one template or the relationships of one requirement each take theirs.
pub(crate) fn get_output(
    call: &Call,
    site: Site,
    evaluator: &mut Evaluator<'_>,
) -> Result<Evaluated, EvaluationError> {
    let Some((Expression::Literal(Value::Text(name)), way)) = call.arguments.split_first() else {
        return Err(error("the first argument must be the output's name"));
    };
    let way = match arguments::evaluate(way, site, evaluator)? {
        Ok(way) => way,
        Err(unknown) => return Ok(Evaluated::Unknown(unknown)),
    };
    let graph = evaluator.graph();
    let node = path::node_at(graph, site).ok_or_else(|| error("what holds the expression is in no node"))?;
    let is_service = |vertex: &&Vertex| vertex.metadata.contains_key(SERVICE_MARK);
    let Some(service) = graph.contained(Some(node.id)).find(is_service) else {
        evaluator.depends_on(Site::Vertex(node.id), &Structure::Contents.name());
        return Err(error(&format!("there is no service in node `{}`: nothing substitutes it", node.name)));
    };
    let property = format!("{OUTPUT_PREFIX}{name}");
    if !service.properties.contains_key(&property) {
        evaluator.depends_on(Site::Vertex(service.id), &property);
        let outputs = service.properties.keys().filter_map(|name| name.strip_prefix(OUTPUT_PREFIX));
        return Err(error(&format!(
            "the service `{}` in node `{}` has no output `{name}`; there is {}",
            service.name,
            node.name,
            describe::names(outputs)
        )));
    }
    read(Site::Vertex(service.id), &property, &way, &format_args!("the output `{name}`"), evaluator)
}

fn error(message: &str) -> EvaluationError {
    EvaluationError::new(format!("`{FUNCTION}`: {message}"))
}
