//! Queries of the representation graph (TOSCA 2.0, 10.2.1).

use std::borrow::Cow;

use floria::{Call, Evaluated, EvaluationError, Evaluator, Expression, Properties, Site, Value};

use crate::{
    arguments::{self, Unknown},
    describe, nested,
    path::{self, Place},
};

/// `$get_input` (10.2.1.1): the value of an input of the service.
pub(crate) fn get_input(
    call: &Call,
    site: Site,
    evaluator: &mut Evaluator<'_>,
) -> Result<Evaluated, EvaluationError> {
    let (name, way) = match call.arguments.split_first() {
        Some((Expression::Literal(Value::Text(name)), way)) => (name, way),
        _ => return Err(EvaluationError::new("`$get_input`: the first argument must be the input's name")),
    };
    let way = match arguments::evaluate(way, site, evaluator)? {
        Ok(way) => way,
        Err(unknown) => return Ok(Evaluated::Unknown(unknown)),
    };
    let service = path::service_of(evaluator.graph(), site)
        .ok_or_else(|| EvaluationError::new("`$get_input`: what holds the expression is in no service"))?;
    let missing = match service.properties.get(name) {
        None => Some(format!("`$get_input`: the service `{}` has no input `{name}`", service.name)),
        // An input that nobody has to give is nil when nobody gave it.
        Some(property)
            if property.value.is_none()
                && property.updater.is_none()
                && property.metadata.get(path::REQUIRED_MARK) == Some(&Value::Boolean(true)) =>
        {
            Some(format!("`$get_input`: the input `{name}` has no value and is required"))
        }
        Some(_) => None,
    };
    if let Some(message) = missing {
        return Err(EvaluationError::new(message));
    }
    read(Site::Vertex(service.id), name, &way, &format!("the input `{name}`"), evaluator)
}

/// `$get_property` (10.2.1.2).
pub(crate) fn get_property(
    call: &Call,
    site: Site,
    evaluator: &mut Evaluator<'_>,
) -> Result<Evaluated, EvaluationError> {
    get(call, site, evaluator, Kind::Property)
}

/// `$get_attribute` (10.2.1.3). A property is also readable as an attribute (9.5).
pub(crate) fn get_attribute(
    call: &Call,
    site: Site,
    evaluator: &mut Evaluator<'_>,
) -> Result<Evaluated, EvaluationError> {
    get(call, site, evaluator, Kind::Attribute)
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Property,
    Attribute,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Property => "property",
            Self::Attribute => "attribute",
        }
    }
}

fn get(
    call: &Call,
    site: Site,
    evaluator: &mut Evaluator<'_>,
    kind: Kind,
) -> Result<Evaluated, EvaluationError> {
    let function = format!("$get_{}", kind.word());
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
        (Err(unknown), _) | (_, Err(unknown)) => return Ok(Evaluated::Unknown(unknown)),
    };
    let graph = evaluator.graph();
    let walked = path::walk(graph, &path, site)
        .map_err(|error| EvaluationError::new(format!("`{function}`: {error}")))?;

    let mut values = Vec::with_capacity(walked.places.len());
    let mut unknown = Unknown::new();
    for place in &walked.places {
        let (at, properties) = match *place {
            Place::Node(id) | Place::Capability(id) => {
                (Site::Vertex(id), graph.vertex(id).map(|vertex| &vertex.properties))
            }
            Place::Relationship(id) => (Site::Edge(id), graph.edge(id).map(|edge| &edge.properties)),
        };
        let what = format!("`{name}` of {}", path::describe(graph, *place));
        let properties = properties.expect("a walk ends at what is in its graph");
        check(properties, name, kind, &what)
            .map_err(|message| EvaluationError::new(format!("`{function}`: {message}")))?;
        match read(at, name, &way, &what, evaluator)? {
            Evaluated::Known(value) => values.push(value),
            Evaluated::Unknown(more) => unknown.extend(more),
        }
    }
    if !unknown.is_empty() {
        unknown.sort_unstable();
        unknown.dedup();
        return Ok(Evaluated::Unknown(unknown));
    }
    if walked.all {
        return Ok(Evaluated::Known(Value::List(values)));
    }
    Ok(Evaluated::Known(values.pop().expect("a walk without ALL ends at one place")))
}

/// Says what is wrong with asking for this name, if anything.
fn check(properties: &Properties, name: &str, kind: Kind, what: &str) -> Result<(), String> {
    match properties.get(name) {
        None => {
            let there = properties
                .iter()
                .filter(|(_, property)| kind == Kind::Attribute || property.read_only)
                .map(|(name, _)| name.as_str());
            Err(format!("there is no {} {what}; there is {}", kind.word(), describe::names(there)))
        }
        Some(property) if kind == Kind::Property && !property.read_only => {
            Err(format!("{what} is an attribute, not a property"))
        }
        // A property gets its value before anything runs or never. An attribute may still get one.
        Some(property) if property.read_only && property.value.is_none() && property.updater.is_none() => {
            Err(format!("the property {what} has no value"))
        }
        Some(_) => Ok(()),
    }
}

fn read(
    site: Site,
    name: &str,
    way: &[Value],
    what: &str,
    evaluator: &mut Evaluator<'_>,
) -> Result<Evaluated, EvaluationError> {
    match evaluator.property(site, name)? {
        Evaluated::Known(value) if way.is_empty() => Ok(Evaluated::Known(value)),
        Evaluated::Known(value) => nested::descend(&value, way, what)
            .map(|value| Evaluated::Known(value.clone()))
            .map_err(EvaluationError::new),
        unknown => Ok(unknown),
    }
}
