//! Small designs, and a language of a few functions.

use std::collections::BTreeMap;

use floria::{
    Call, ClassName, Design, EdgeTemplate, EdgeTemplateId, Evaluated, EvaluationError, Evaluator, Expression,
    Functions, Graph, Namespace, Origin, Properties, Property, Site, Structure, Value, VertexId,
    VertexTemplate, VertexTemplateId,
    rules::{INDEX, Making, Selector, WAITING},
};
use floria_resolver::{Ids, Limits, NoHooks, OWN_COUNTS, Request, Resolution, ResolveError, resolve};

/// Reads: `read` (a property of SELF, or of another vertex by id), `target` (of the vertex where an edge ends), `through` (of the
/// first target of another requirement of the source), `of` (the same, of a node that is named). Positions: `index`,
/// `relationship_index`. The rest: `add`, `equal`, `differ`, and `even`, which is a preparer.
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
        let graph = evaluator.graph();
        let edge = || match site {
            Site::Edge(id) => Ok(graph.edge(id).expect("the site is there")),
            Site::Vertex(_) => Err(EvaluationError::new("this is no edge")),
        };
        let known = |value: Value| Ok(Evaluated::Known(value));
        match (call.function.as_str(), values.as_slice()) {
            ("read", [Value::Text(name)]) => evaluator.property(site, name),
            ("read", [Value::Integer(id), Value::Text(name)]) => {
                evaluator.property(Site::Vertex(VertexId(*id as u64)), name)
            }
            ("target", [Value::Text(name)]) => {
                let target = edge()?.target;
                evaluator.property(Site::Vertex(target), name)
            }
            ("through", [Value::Text(requirement), Value::Text(name)]) => {
                let source = edge()?.source;
                through(evaluator, source, requirement, name)
            }
            ("of", [Value::Text(node), Value::Text(requirement), Value::Text(name)]) => {
                let service = graph.named(None, "shop").expect("the service is there").id;
                let node = graph.named(Some(service), node);
                let node = node.ok_or_else(|| EvaluationError::new("there is no such node"))?.id;
                through(evaluator, node, requirement, name)
            }
            ("index", []) => {
                let vertex = match site {
                    Site::Vertex(id) => id,
                    Site::Edge(_) => edge()?.source,
                };
                let index = graph.vertex(vertex).and_then(|vertex| vertex.metadata.get(INDEX)).cloned();
                index.map(Evaluated::Known).ok_or_else(|| EvaluationError::new("it has no index"))
            }
            ("relationship_index", []) => known(Value::Integer(edge()?.index.into())),
            ("add", values) => known(Value::Integer(values.iter().filter_map(Value::as_integer).sum())),
            ("equal", [one, other]) => known(Value::Boolean(one == other)),
            ("differ", [one, other]) => known(Value::Boolean(one != other)),
            ("even", [Value::Integer(value)]) if value % 2 == 0 => known(Value::Integer(*value)),
            ("even", [Value::Text(text)]) => {
                let value = text.parse().map_err(|_| EvaluationError::new("not a number"))?;
                known(Value::Integer(value))
            }
            ("even", [other]) => Err(EvaluationError::new(format!("{other} is not even"))),
            (name, _) => Err(EvaluationError::new(format!("unknown function `{name}`"))),
        }
    }
}

/// A property of the first target of a requirement, as paths of a language read it.
fn through(
    evaluator: &mut Evaluator<'_>,
    source: VertexId,
    requirement: &str,
    name: &str,
) -> Result<Evaluated, EvaluationError> {
    let structure = Structure::Outgoing(requirement).name();
    evaluator.depends_on(Site::Vertex(source), &structure);
    let waiting = evaluator.graph().vertex(source).and_then(|vertex| vertex.metadata.get(WAITING)?.as_list());
    if waiting.is_some_and(|names| names.contains(&Value::from(requirement))) {
        return Ok(Evaluated::Unknown(vec![(Site::Vertex(source), structure.into_owned())]));
    }
    let edge = evaluator.graph().outgoing_at(source, requirement, 0);
    let edge = edge.ok_or_else(|| EvaluationError::new(format!("there is no `{requirement}`")))?;
    evaluator.property(Site::Vertex(edge.target), name)
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
    Request {
        design,
        inputs,
        counts: &OWN_COUNTS,
        current,
        inventory: &[],
        functions: &Calculator,
        limits: Limits::default(),
    }
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

/// A design of a service `shop` that is made piece by piece. Lines of origins count its templates.
pub(crate) struct Sketch(pub(crate) Design);

impl Sketch {
    pub(crate) fn new(inputs: Properties) -> Self {
        let namespace = Namespace("shop".to_owned());
        let mut sketch =
            Self(Design { namespace, classes: Vec::new(), vertexes: Vec::new(), edges: Vec::new() });
        sketch.template(None, "shop", &[], inputs, Making::default());
        sketch
    }

    fn template(
        &mut self,
        container: Option<VertexTemplateId>,
        name: &str,
        classes: &[&str],
        properties: Properties,
        making: Making,
    ) -> VertexTemplateId {
        let id = VertexTemplateId(self.0.vertexes.len() as u64 + 1);
        self.0.vertexes.push(VertexTemplate {
            id,
            namespace: self.0.namespace.clone(),
            name: name.to_owned(),
            container,
            classes: classes.iter().map(|class| ClassName((*class).to_owned())).collect(),
            properties,
            handlers: Default::default(),
            rules: making.into_rules(),
            metadata: Default::default(),
            origin: Some(origin(id.0 as u32)),
        });
        id
    }

    /// Adds a node template; with a count, where there is one.
    pub(crate) fn node(
        &mut self,
        name: &str,
        class: &str,
        count: Option<Expression>,
        properties: Properties,
    ) -> VertexTemplateId {
        let making = Making { count, ..Making::default() };
        self.template(Some(VertexTemplateId(1)), name, &[class], properties, making)
    }

    /// Adds a capability to a node template.
    pub(crate) fn capability(
        &mut self,
        node: VertexTemplateId,
        name: &str,
        class: &str,
        properties: Properties,
    ) -> VertexTemplateId {
        self.template(Some(node), name, &[class], properties, Making::default())
    }

    /// Adds a requirement; without a selector, it leads to the one instance of its target.
    pub(crate) fn requirement(
        &mut self,
        source: VertexTemplateId,
        name: &str,
        target: VertexTemplateId,
        selector: Option<Selector>,
    ) {
        let id = EdgeTemplateId(self.0.edges.len() as u64 + 1);
        let of_name = self.0.edges.iter().filter(|edge| edge.source == source && edge.name == name);
        let index = of_name.count() as u32;
        self.0.edges.push(EdgeTemplate {
            id,
            namespace: self.0.namespace.clone(),
            name: name.to_owned(),
            index,
            source,
            target,
            classes: vec![ClassName("Link".to_owned())],
            properties: Properties::new(),
            handlers: Default::default(),
            rules: selector.map_or_else(Default::default, Selector::into_rules),
            metadata: Default::default(),
            origin: Some(origin(100 + id.0 as u32)),
        });
    }

    pub(crate) fn resolve(&self) -> Result<Resolution, ResolveError> {
        self.resolve_again(&Graph::default())
    }

    pub(crate) fn resolve_again(&self, current: &Graph) -> Result<Resolution, ResolveError> {
        let first = current.vertexes().map(|vertex| vertex.id.0).chain(current.edges().map(|edge| edge.id.0));
        let first = first.max().unwrap_or(0) + 1;
        resolve(&request(&self.0, &BTreeMap::new(), current), &mut (first..), &mut NoHooks)
    }
}

/// The edges of a graph, as in `web-0→uses[0]→db/port`, in order.
pub(crate) fn edges(graph: &Graph) -> Vec<String> {
    let mut all: Vec<_> = graph
        .edges()
        .map(|edge| {
            let (source, target) = (graph.path_of(edge.source), graph.path_of(edge.target));
            format!("{source}→{}[{}]→{target}", edge.name, edge.index)
        })
        .collect();
    all.sort();
    all
}

pub(crate) fn stored(value: impl Into<Value>) -> Property {
    Property { value: Some(value.into()), read_only: true, ..Property::default() }
}

/// Looks for a class, in the whole service.
pub(crate) fn of_class(class: &str) -> Selector {
    Selector { class: Some(ClassName(class.to_owned())), ..Selector::default() }
}
