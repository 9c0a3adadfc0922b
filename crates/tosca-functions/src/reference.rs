//! What calls name in the graph: `[<path>, name, …]`.

use std::borrow::Cow;

use floria::{Call, EvaluationError, Evaluator, Expression, Site, Value};

use crate::{
    arguments::{self, Unknown},
    kept::Kept,
    path::{self, Place, RelationshipTemplates, Walked},
};

/// A reference that was followed.
pub(crate) struct Reference<'c> {
    /// Where the path leads. Exactly one place unless `all`.
    pub(crate) places: Vec<Place>,
    /// Whether the result is a list.
    pub(crate) all: bool,
    /// What it names there.
    pub(crate) name: &'c str,
    /// What leads into the value.
    pub(crate) way: Vec<Value>,
}

/// Follows the reference that a call is, or tells what is not known of it yet.
pub(crate) fn follow<'c>(
    function: &str,
    call: &'c Call,
    site: Site,
    evaluator: &mut Evaluator<'_>,
) -> Result<Result<Reference<'c>, Unknown>, EvaluationError> {
    let (path, name, way) = match call.arguments.as_slice() {
        [Expression::Literal(Value::List(path)), Expression::Literal(Value::Text(name)), way @ ..] => {
            (Ok(Cow::Borrowed(path)), name, way)
        }
        // Indexes may be computed.
        [Expression::List(path), Expression::Literal(Value::Text(name)), way @ ..] => {
            (arguments::evaluate(path, site, evaluator)?.map(Cow::Owned), name, way)
        }
        _ => {
            return Err(EvaluationError::new(format!(
                "`{function}`: the arguments must be a path, a name and what leads into the value"
            )));
        }
    };
    let (path, way) = match (path, arguments::evaluate(way, site, evaluator)?) {
        (Ok(path), Ok(way)) => (path, way),
        (Err(mut unknown), Err(more)) => {
            unknown.extend(more);
            return Ok(Err(arguments::in_order(unknown)));
        }
        (Err(unknown), _) | (_, Err(unknown)) => return Ok(Err(unknown)),
    };
    let graph = evaluator.graph();
    // Most paths start at SELF, and need to know of no templates.
    let is_named = path.first().and_then(Value::as_text).is_some_and(|word| word != "SELF");
    let mut templates = RelationshipTemplates::default();
    if is_named {
        templates = std::mem::take(&mut evaluator.kept::<Kept>().relationship_templates);
    }
    let looked_at = &mut |site: Site, name: &str| evaluator.depends_on(site, name);
    let walked = path::walk_with(&mut templates, graph, &path, site, looked_at);
    if is_named {
        evaluator.kept::<Kept>().relationship_templates = templates;
    }
    match walked {
        Ok(Walked::Arrived { places, all }) => Ok(Ok(Reference { places, all, name, way })),
        Ok(Walked::Waiting(unknown)) => Ok(Err(unknown)),
        Err(error) => Err(EvaluationError::new(format!("`{function}`: {error}"))),
    }
}
