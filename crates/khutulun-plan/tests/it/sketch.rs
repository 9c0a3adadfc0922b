//! Designs as a few lines of text.
//!
//! A line is a node: its name, its type, then in any order
//!
//! - `port=80` a property; `$db.pid` as its value reads a property of another node (`$SELF.pid`: of its own); `port=80!replace`
//!   says what a change of it needs;
//! - `@pid` an attribute without a value;
//! - `->db` a requirement named `to`; `backend->db` one with a name;
//! - `start()` an operation; `start(flag=$db.pid)` with an input; `start()>pid,name` with outputs that go to attributes of
//!   their names. Without any, the node has all five of the lifecycle, without inputs, and `start` writes every attribute;
//!   `none` says that it has none;
//! - `v2` the version of the code of its operations;
//! - `count:3` how many are made of it;
//! - `^add_target(port=$TARGET.port)>key` an operation of the last relationship, `^x=1` a property of it, `^@key` an attribute, and
//!   `^!replace` what a change of it needs; `$&to.key` reads from the node's relationship `to`;
//! - `in:client` what contains it, instead of the service; `nested` says that it is itself a service, and no node;
//! - `waits:db` a requirement whose relationship is not made yet; `selected` says that it stands for a node of another service;
//! - `protected` says that it may not go;
//! - `line:7` where it is in its source.

use std::collections::HashMap;

use floria::{
    Artifact, Call, ClassName, Design, EdgeTemplate, EdgeTemplateId, Evaluated, EvaluationError, Evaluator,
    Expression, Functions, Handler, Implementation, Metadata, Namespace, Origin, Property, Site, Value,
    VertexTemplate, VertexTemplateId, rules::Making,
};
use khutulun_api::names;

/// The functions of sketches.
pub(crate) struct SketchFunctions;

impl Functions for SketchFunctions {
    fn call(
        &self,
        call: &Call,
        site: Site,
        evaluator: &mut Evaluator<'_>,
    ) -> Result<Evaluated, EvaluationError> {
        let text =
            |index: usize| call.arguments[index].as_literal().and_then(Value::as_text).unwrap_or_default();
        match call.function.as_str() {
            "get" => {
                let (node, property) = (text(0), text(1));
                if node == "SELF" {
                    return evaluator.property(site, property);
                }
                let graph = evaluator.graph();
                let id = match (site, node) {
                    (Site::Vertex(id), _) => id,
                    (Site::Edge(id), "SOURCE") => {
                        return evaluator.property(Site::Vertex(graph.edge(id).unwrap().source), property);
                    }
                    (Site::Edge(id), "TARGET") => {
                        return evaluator.property(Site::Vertex(graph.edge(id).unwrap().target), property);
                    }
                    (Site::Edge(id), _) => graph.edge(id).unwrap().source,
                };
                if let Some(edge) = node.strip_prefix('&') {
                    let edge = graph.outgoing_at(id, edge, 0);
                    let edge = edge.ok_or_else(|| EvaluationError::new("there is no such relationship"))?;
                    return evaluator.property(Site::Edge(edge.id), property);
                }
                let container = graph.vertex(id).and_then(|vertex| vertex.container);
                let vertex = graph
                    .named(container, node)
                    .ok_or_else(|| EvaluationError::new(format!("there is no node `{node}`")))?;
                evaluator.property(Site::Vertex(vertex.id), property)
            }
            "number" => match call.arguments[0].as_literal() {
                Some(value @ Value::Integer(_)) => Ok(Evaluated::Known(value.clone())),
                other => Err(EvaluationError::new(format!("{other:?} is not a number"))),
            },
            other => Err(EvaluationError::new(format!("there is no function `{other}`"))),
        }
    }
}

pub(crate) fn namespace() -> Namespace {
    Namespace("shop".to_owned())
}

fn expression(text: &str) -> Expression {
    if let Some((node, property)) = text.strip_prefix('$').and_then(|path| path.split_once('.')) {
        let arguments = vec![Expression::from(Value::from(node)), Expression::from(Value::from(property))];
        return Expression::from(Call { function: "get".to_owned(), arguments, origin: None });
    }
    Expression::Literal(text.parse::<i64>().map_or_else(|_| Value::from(text), Value::Integer))
}

/// Reads a sketch.
pub(crate) fn design(text: &str) -> Design {
    let mut vertexes = vec![vertex(1, None, "shop", "Service")];
    let mut wishes: Vec<(VertexTemplateId, String, String)> = Vec::new();
    let mut extras: HashMap<usize, VertexTemplate> = HashMap::new();
    for (line, text) in (1..).zip(text.lines()) {
        let mut tokens = text.split_whitespace();
        let Some(name) = tokens.next().filter(|name| !name.starts_with('#')) else { continue };
        let mut node =
            vertex(vertexes.len() as u64 + 1, Some(VertexTemplateId(1)), name, tokens.next().unwrap());
        node.metadata.insert(names::NODE.to_owned(), Value::from(name));
        node.origin = Some(Origin { source: "shop.yaml".into(), line, column: 1 });
        let mut operations: Vec<&str> = Vec::new();
        let mut version = "v1";
        for token in tokens {
            if let Some(attribute) = token.strip_prefix('@') {
                // Attributes whose names end in `number` take only numbers.
                let preparer = attribute.ends_with("number").then(|| {
                    Expression::from(Call { function: "number".to_owned(), arguments: vec![], origin: None })
                });
                node.properties.insert(attribute.to_owned(), Property { preparer, ..Property::default() });
            } else if let Some((requirement, target)) = token.split_once("->") {
                let requirement = if requirement.is_empty() { "to" } else { requirement };
                wishes.push((node.id, requirement.to_owned(), target.to_owned()));
            } else if let Some(token) = token.strip_prefix('^') {
                let edge = extras.entry(wishes.len() - 1).or_insert_with(|| VertexTemplate {
                    handlers: Default::default(),
                    ..vertex(0, None, "", "")
                });
                if let Some(change) = token.strip_prefix('!') {
                    edge.metadata.insert(names::CHANGE.to_owned(), Value::from(change));
                } else if let Some(attribute) = token.strip_prefix('@') {
                    edge.properties.insert(attribute.to_owned(), Property::default());
                } else if token.contains('(') {
                    let (name, rest) = token.split_once('(').unwrap();
                    let (inputs, outputs) = rest.split_once(')').unwrap();
                    let outputs: Vec<String> =
                        outputs.strip_prefix('>').into_iter().map(str::to_owned).collect();
                    add_handler(edge, &format!("relationship.{name}"), inputs, &outputs, "v1");
                } else if let Some((name, value)) = token.split_once('=') {
                    let (value, updater) = match expression(value) {
                        Expression::Literal(value) => (Some(value), None),
                        call => (None, Some(call)),
                    };
                    let property = Property { value, updater, read_only: true, ..Property::default() };
                    edge.properties.insert(name.to_owned(), property);
                } else {
                    add_handler(edge, &format!("relationship.{token}"), "", &[], "v1");
                }
            } else if token.contains('(') || token == "none" {
                operations.push(token);
            } else if let Some(outer) = token.strip_prefix("in:") {
                node.container = Some(by_name(&vertexes, outer));
            } else if token == "nested" {
                node.metadata.remove(names::NODE);
                node.metadata.insert(names::SERVICE.to_owned(), Value::from(name));
                operations.push("none");
            } else if token == "protected" {
                node.metadata.insert(names::PROTECTED.to_owned(), Value::from(true));
            } else if token == "selected" {
                node.metadata.insert(names::SELECTED.to_owned(), Value::map([("path", name)]));
            } else if let Some(requirement) = token.strip_prefix("waits:") {
                let waiting = Value::List(vec![Value::from(requirement)]);
                node.metadata.insert(names::WAITING.to_owned(), waiting);
            } else if let Some(count) = token.strip_prefix("count:") {
                let count = Some(Expression::Literal(Value::Integer(count.parse().unwrap())));
                node.rules = Making { count, ..Making::default() }.into_rules();
            } else if let Some(line) = token.strip_prefix("line:") {
                node.origin.as_mut().unwrap().line = line.parse().unwrap();
            } else if let Some((property, value)) = token.split_once('=') {
                let (value, change) =
                    value.split_once('!').map_or((value, None), |(value, change)| (value, Some(change)));
                let metadata = change.map(|change| (names::CHANGE.to_owned(), Value::from(change)));
                let (value, updater) = match expression(value) {
                    Expression::Literal(value) => (Some(value), None),
                    call => (None, Some(call)),
                };
                let property = (
                    property.to_owned(),
                    Property {
                        value,
                        updater,
                        read_only: true,
                        metadata: Metadata::from_iter(metadata),
                        origin: node.origin.clone(),
                        ..Property::default()
                    },
                );
                node.properties.extend([property]);
            } else {
                version = token;
            }
        }
        let attributes: Vec<String> = node
            .properties
            .iter()
            .filter(|(_, property)| !property.read_only)
            .map(|(name, _)| name.clone())
            .collect();
        if operations.is_empty() {
            for operation in names::LIFECYCLE_UP.iter().chain(&names::LIFECYCLE_DOWN) {
                let outputs = if *operation == "start" { attributes.clone() } else { vec![] };
                add_handler(&mut node, operation, "", &outputs, version);
            }
        }
        for operation in operations.into_iter().filter(|operation| *operation != "none") {
            let (name, rest) = operation.split_once('(').unwrap();
            let (inputs, outputs) = rest.split_once(')').unwrap();
            let outputs: Vec<String> = outputs
                .trim_start_matches('>')
                .split(',')
                .filter(|name| !name.is_empty())
                .map(str::to_owned)
                .collect();
            add_handler(&mut node, name, inputs, &outputs, version);
        }
        vertexes.push(node);
    }
    let mut counts: HashMap<(VertexTemplateId, &str), u32> = HashMap::new();
    let mut edges = Vec::new();
    // The first of each name: large designs are made of this, too.
    let mut places: HashMap<&str, VertexTemplateId> = HashMap::new();
    for vertex in &vertexes {
        places.entry(&vertex.name).or_insert(vertex.id);
    }
    for (place, (source, name, target)) in wishes.iter().enumerate() {
        let extra = extras.remove(&place).unwrap_or_else(|| vertex(0, None, "", ""));
        let count = counts.entry((*source, name)).or_default();
        edges.push(EdgeTemplate {
            id: EdgeTemplateId(edges.len() as u64 + 1),
            namespace: namespace(),
            name: name.clone(),
            index: *count,
            source: *source,
            target: places[target.as_str()],
            classes: vec![],
            properties: extra.properties,
            handlers: extra.handlers,
            rules: Default::default(),
            metadata: extra.metadata,
            origin: None,
        });
        *count += 1;
    }
    Design { namespace: namespace(), classes: vec![], vertexes, edges }
}

fn by_name(vertexes: &[VertexTemplate], name: &str) -> VertexTemplateId {
    vertexes.iter().find(|vertex| vertex.name == name).expect(name).id
}

fn add_handler(node: &mut VertexTemplate, name: &str, inputs: &str, outputs: &[String], version: &str) {
    let event = match name {
        "create" | "configure" | "start" | "stop" | "delete" => format!("lifecycle.{name}"),
        other => other.to_owned(),
    };
    let inputs = inputs
        .split(',')
        .filter_map(|input| input.split_once('='))
        .map(|(name, value)| (name.to_owned(), expression(value)))
        .collect();
    let artifact = Artifact { path: format!("{name}.sh"), digest: format!("{name}-{version}") };
    node.handlers.insert(
        event,
        Handler {
            implementation: Some(Implementation::Script { artifact, dependencies: vec![] }),
            inputs,
            outputs: outputs.iter().map(|name| (name.clone(), name.clone())).collect(),
            timeout_ms_max: None,
            metadata: Metadata::new(),
            origin: None,
        },
    );
}

fn vertex(id: u64, container: Option<VertexTemplateId>, name: &str, class: &str) -> VertexTemplate {
    VertexTemplate {
        id: VertexTemplateId(id),
        namespace: namespace(),
        name: name.to_owned(),
        container,
        classes: vec![ClassName(format!("sketch:1.0:{class}"))],
        properties: Default::default(),
        handlers: Default::default(),
        rules: Default::default(),
        metadata: Metadata::new(),
        origin: None,
    }
}
