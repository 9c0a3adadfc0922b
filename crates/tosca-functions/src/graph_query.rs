//! Queries of the representation graph (TOSCA 2.0, 10.2.1).

use std::fmt;

use floria::{Call, Evaluated, EvaluationError, Evaluator, Expression, Properties, Site, Value};

use crate::{
    arguments::{self, Unknown},
    describe,
    marks::REQUIRED_MARK,
    nested,
    path::{self, Place},
    reference::{self, Reference},
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
                && property.metadata.get(REQUIRED_MARK) == Some(&Value::Boolean(true)) =>
        {
            Some(format!("`$get_input`: the input `{name}` has no value and is required"))
        }
        Some(_) => None,
    };
    if let Some(message) = missing {
        evaluator.depends_on(Site::Vertex(service.id), name);
        return Err(EvaluationError::new(message));
    }
    read(Site::Vertex(service.id), name, &way, &format_args!("the input `{name}`"), evaluator)
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
    let function = match kind {
        Kind::Property => "$get_property",
        Kind::Attribute => "$get_attribute",
    };
    let reference = match reference::follow(function, call, site, evaluator)? {
        Ok(reference) => reference,
        Err(unknown) => return Ok(Evaluated::Unknown(unknown)),
    };
    let graph = evaluator.graph();
    gather(&reference, |place| {
        let (at, properties) = match place {
            Place::Node(id) | Place::Capability(id) => {
                (Site::Vertex(id), graph.vertex(id).map(|vertex| &vertex.properties))
            }
            Place::Relationship(id) => (Site::Edge(id), graph.edge(id).map(|edge| &edge.properties)),
        };
        let what = fmt::from_fn(|formatter| {
            write!(formatter, "`{}` of {}", reference.name, path::describe(graph, place))
        });
        let properties = properties.expect("a walk ends at what is in its graph");
        if let Err(message) = check(properties, reference.name, kind, &what) {
            evaluator.depends_on(at, reference.name);
            return Err(EvaluationError::new(format!("`{function}`: {message}")));
        }
        read(at, reference.name, &reference.way, &what, evaluator)
    })
}

/// Evaluates at each place that a reference leads to: to one value, or for `ALL` to one flat list.
pub(crate) fn gather(
    reference: &Reference<'_>,
    mut evaluate: impl FnMut(Place) -> Result<Evaluated, EvaluationError>,
) -> Result<Evaluated, EvaluationError> {
    let mut values = Vec::with_capacity(reference.places.len());
    let mut unknown = Unknown::new();
    for place in &reference.places {
        match evaluate(*place)? {
            Evaluated::Known(value) => values.push(value),
            Evaluated::Unknown(more) => unknown.extend(more),
        }
    }
    Ok(match (unknown.is_empty(), reference.all) {
        (false, _) => Evaluated::Unknown(arguments::in_order(unknown)),
        (true, true) => Evaluated::Known(Value::List(values)),
        (true, false) => Evaluated::Known(values.pop().expect("a walk without ALL ends at one place")),
    })
}

/// Says what is wrong with asking for this name, if anything.
fn check(properties: &Properties, name: &str, kind: Kind, what: &dyn fmt::Display) -> Result<(), String> {
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

/// Reads a property, and goes into its value.
pub(crate) fn read(
    site: Site,
    name: &str,
    way: &[Value],
    what: &dyn fmt::Display,
    evaluator: &mut Evaluator<'_>,
) -> Result<Evaluated, EvaluationError> {
    match evaluator.property(site, name)? {
        Evaluated::Known(value) if way.is_empty() => Ok(Evaluated::Known(value)),
        Evaluated::Known(value) => nested::descend(&value, way, &what.to_string())
            .map(|value| Evaluated::Known(value.clone()))
            .map_err(EvaluationError::new),
        unknown => Ok(unknown),
    }
}
