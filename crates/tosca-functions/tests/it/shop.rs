//! A small graph to ask questions of.
//!
//! Two clients connect to `web`, which has two relationships `store`: to `database` through its capability `endpoint`, and to
//! `backup` as a node, without a capability. `database` has two representations, `database-0` and `database-1`.

use floria::{
    Call, Edge, EdgeId, Evaluated, Evaluator, Expression, Graph, Metadata, Namespace, Properties, Property,
    Site, Value, Vertex, VertexId,
};
use tosca_functions::{
    CAPABILITY_MARK, INDEX_MARK, NODE_MARK, RELATIONSHIP_MARK, REQUIRED_MARK, SERVICE_MARK, ToscaFunctions,
};

pub(crate) const SERVICE: VertexId = VertexId(1);
pub(crate) const WEB: VertexId = VertexId(10);
pub(crate) const WEB_ENDPOINT: VertexId = VertexId(11);
pub(crate) const DATABASE: VertexId = VertexId(20);
pub(crate) const STORE: EdgeId = EdgeId(1);

pub(crate) fn vertex(
    id: VertexId,
    name: &str,
    container: Option<VertexId>,
    mark: Option<(&str, &str)>,
) -> Vertex {
    Vertex {
        id,
        namespace: Namespace("shop".to_owned()),
        name: name.to_owned(),
        container,
        classes: Vec::new(),
        properties: Properties::new(),
        handlers: Default::default(),
        metadata: mark.into_iter().map(|(key, value)| (key.to_owned(), value.into())).collect(),
        origin: None,
    }
}

pub(crate) fn edge(id: u64, name: &str, index: u32, source: VertexId, target: VertexId) -> Edge {
    Edge {
        id: EdgeId(id),
        namespace: Namespace("shop".to_owned()),
        name: name.to_owned(),
        index,
        source,
        target,
        classes: Vec::new(),
        properties: Properties::new(),
        handlers: Default::default(),
        metadata: Metadata::new(),
        origin: None,
    }
}

pub(crate) fn property(value: impl Into<Value>) -> Property {
    Property { value: Some(value.into()), read_only: true, ..Property::default() }
}

pub(crate) fn attribute(value: Option<Value>) -> Property {
    Property { value, ..Property::default() }
}

pub(crate) fn graph() -> Graph {
    let mut graph = Graph::default();
    let mut service = vertex(SERVICE, "shop", None, Some((SERVICE_MARK, "shop")));
    service.properties.insert("greeting".to_owned(), property("hello"));
    let ports = Value::List(vec![80.into(), 443.into()]);
    service.properties.insert("ports".to_owned(), property(ports));
    service.properties.insert("nothing".to_owned(), Property { read_only: true, ..Property::default() });
    let metadata = [(REQUIRED_MARK.to_owned(), true.into())].into();
    service
        .properties
        .insert("needed".to_owned(), Property { read_only: true, metadata, ..Property::default() });
    graph.put_vertex(service);

    let nodes = [
        (10, "web", "web", 8080),
        (20, "database-0", "database", 5432),
        (30, "database-1", "database", 5433),
        (40, "backup", "backup", 99),
        (50, "client-a", "client-a", 1),
        (60, "client-b", "client-b", 2),
    ];
    for (id, name, template, port) in nodes {
        let mut node = vertex(VertexId(id), name, Some(SERVICE), Some((NODE_MARK, template)));
        if template == "database" {
            node.metadata.insert(INDEX_MARK.to_owned(), Value::Integer(id as i64 / 10 - 2));
        }
        node.properties.insert("name".to_owned(), property(name));
        node.properties.insert("unset".to_owned(), Property { read_only: true, ..Property::default() });
        node.properties.insert("pid".to_owned(), attribute(None));
        graph.put_vertex(node);
        let capability =
            vertex(VertexId(id + 1), "endpoint", Some(VertexId(id)), Some((CAPABILITY_MARK, "endpoint")));
        graph.put_vertex(Vertex { properties: [("port".to_owned(), property(port))].into(), ..capability });
    }

    let mut store = edge(1, "store", 0, WEB, VertexId(21));
    store.properties.insert("timeout".to_owned(), property(30));
    store.metadata.insert(RELATIONSHIP_MARK.to_owned(), "my-store".into());
    graph.put_edge(store);
    let mut backup = edge(2, "store", 1, WEB, VertexId(40));
    backup.properties.insert("timeout".to_owned(), property(60));
    graph.put_edge(backup);
    graph.put_edge(edge(3, "server", 0, VertexId(50), WEB_ENDPOINT));
    graph.put_edge(edge(4, "server", 0, VertexId(60), WEB_ENDPOINT));
    graph
}

/// A literal in JSON, as an expression.
pub(crate) fn literal(json: serde_json::Value) -> Expression {
    Expression::Literal(value(json))
}

pub(crate) fn value(json: serde_json::Value) -> Value {
    serde_json::from_value(json).expect("JSON is a value")
}

pub(crate) fn call(function: &str, arguments: Vec<Expression>) -> Expression {
    Expression::from(Call { function: format!("tosca:{function}"), arguments, origin: None })
}

/// What an expression comes to, as text: the value, `unknown: …` or `error: …`.
pub(crate) fn evaluate(expression: &Expression, site: Site) -> String {
    evaluate_in(&graph(), expression, site)
}

/// The same, in another graph.
pub(crate) fn evaluate_in(graph: &Graph, expression: &Expression, site: Site) -> String {
    let mut evaluator = Evaluator::new(graph, &ToscaFunctions);
    match evaluator.evaluate(expression, site) {
        Ok(Evaluated::Known(value)) => value.to_string(),
        Ok(Evaluated::Unknown(unknown)) => {
            let names: Vec<String> = unknown
                .iter()
                .map(|(site, name)| match site {
                    Site::Vertex(id) => {
                        format!("{}.{name}", graph.vertex(*id).expect("a site is in its graph").name)
                    }
                    Site::Edge(id) => {
                        format!("{}.{name}", graph.edge(*id).expect("a site is in its graph").name)
                    }
                })
                .collect();
            format!("unknown: {}", names.join(", "))
        }
        Err(error) => format!("error: {error}"),
    }
}
