//! Small designs, and a language of a few functions.

use std::collections::BTreeMap;

use floria::{
    Call, Design, EdgeId, EdgeTemplate, EdgeTemplateId, Evaluated, EvaluationError, Evaluator, Expression,
    Functions, Graph, Namespace, Origin, Properties, Property, Site, Value, VertexId, VertexTemplate,
    VertexTemplateId,
};
use floria_resolver::{Ids, Limits, NoHooks, Request, ResolveError, resolve};

/// `read` (a property of SELF, or of another vertex by id), `add` (integers), `even` (a preparer).
pub(crate) struct Calculator;

impl Functions for Calculator {
    fn call(
        &self,
        call: &Call,
        site: Site,
        evaluator: &mut Evaluator<'_>,
    ) -> Result<Evaluated, EvaluationError> {
        let mut values = Vec::new();
        for argument in &call.arguments {
            match evaluator.evaluate(argument, site)? {
                Evaluated::Known(value) => values.push(value),
                unknown => return Ok(unknown),
            }
        }
        match (call.function.as_str(), values.as_slice()) {
            ("read", [Value::Text(name)]) => evaluator.property(site, name),
            ("read", [Value::Integer(id), Value::Text(name)]) => {
                evaluator.property(Site::Vertex(VertexId(*id as u64)), name)
            }
            ("edge", [Value::Integer(id), Value::Text(name)]) => {
                evaluator.property(Site::Edge(EdgeId(*id as u64)), name)
            }
            ("add", values) => {
                Ok(Evaluated::Known(Value::Integer(values.iter().filter_map(Value::as_integer).sum())))
            }
            ("even", [Value::Integer(value)]) if value % 2 == 0 => {
                Ok(Evaluated::Known(Value::Integer(*value)))
            }
            ("even", [Value::Text(text)]) => {
                let value = text.parse().map_err(|_| EvaluationError::new("not a number"))?;
                Ok(Evaluated::Known(Value::Integer(value)))
            }
            ("even", [other]) => Err(EvaluationError::new(format!("{other} is not even"))),
            (name, _) => Err(EvaluationError::new(format!("unknown function `{name}`"))),
        }
    }
}

pub(crate) fn origin(line: u32) -> Origin {
    Origin { source: "service.yaml".into(), line, column: 1 }
}

pub(crate) fn call(function: &str, arguments: impl IntoIterator<Item = Expression>) -> Expression {
    Expression::from(Call {
        function: function.to_owned(),
        arguments: arguments.into_iter().collect(),
        origin: Some(origin(7)),
    })
}

pub(crate) fn literal(value: impl Into<Value>) -> Expression {
    Expression::Literal(value.into())
}

pub(crate) fn computed(updater: Expression) -> Property {
    Property { updater: Some(updater), read_only: true, ..Property::default() }
}

pub(crate) fn properties<const N: usize>(entries: [(&str, Property); N]) -> Properties {
    entries.into_iter().map(|(name, property)| (name.to_owned(), property)).collect()
}

pub(crate) fn request<'a>(
    design: &'a Design,
    inputs: &'a BTreeMap<String, Value>,
    current: &'a Graph,
) -> Request<'a> {
    Request { design, inputs, current, inventory: &[], functions: &Calculator, limits: Limits::default() }
}

/// The graph of a design without hooks.
pub(crate) fn made(
    design: &Design,
    inputs: &BTreeMap<String, Value>,
    current: &Graph,
    ids: &mut dyn Ids,
) -> Result<Graph, ResolveError> {
    resolve(&request(design, inputs, current), ids, &mut NoHooks).map(|resolution| resolution.graph)
}

/// A design of a service `shop` with an input `port`, a node `web` with a capability `endpoint`, and a node `db` that
/// `web` uses.
pub(crate) fn design() -> Design {
    let namespace = Namespace("shop".to_owned());
    let template = |id: u64, container: Option<u64>, name: &str, properties: Properties| VertexTemplate {
        id: VertexTemplateId(id),
        namespace: namespace.clone(),
        name: name.to_owned(),
        container: container.map(VertexTemplateId),
        classes: Vec::new(),
        properties,
        handlers: Default::default(),
        rules: Default::default(),
        metadata: Default::default(),
        origin: Some(origin(id as u32)),
    };
    let input = Property { preparer: Some(call("even", [])), ..computed(literal(80)) };
    let web = properties([
        ("port", computed(call("read", [literal(1), literal("port")]))),
        ("address", Property::default()),
    ]);
    Design {
        namespace: namespace.clone(),
        classes: Vec::new(),
        vertexes: vec![
            template(1, None, "shop", properties([("port", input)])),
            template(2, Some(1), "web", web),
            template(3, Some(2), "endpoint", Properties::new()),
            template(4, Some(1), "db", Properties::new()),
        ],
        edges: vec![EdgeTemplate {
            id: EdgeTemplateId(1),
            namespace: namespace.clone(),
            name: "uses".to_owned(),
            index: 0,
            source: VertexTemplateId(2),
            target: VertexTemplateId(4),
            classes: Vec::new(),
            properties: properties([("latency", Property::default())]),
            handlers: Default::default(),
            rules: Default::default(),
            metadata: Default::default(),
            origin: None,
        }],
    }
}
