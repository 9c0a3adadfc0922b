//! A design and a graph of a small shop.

use floria::{
    ClassName, Design, Edge, EdgeId, EdgeTemplate, EdgeTemplateId, Expression, Graph, Metadata, Namespace,
    Origin, Value, Vertex, VertexId, VertexTemplate, VertexTemplateId,
    rules::{Count, Making, Rules, Selector},
};
use floria_draw::{Arrow, ArrowKind, Drawing, Shape, ShapeId, ShapeKind, Subject, Target};

fn origin(line: u32) -> Option<Origin> {
    Some(Origin { source: "shop/service.yaml".into(), line, column: 5 })
}

fn mark(key: &str, value: impl Into<Value>) -> Metadata {
    Metadata::from([(key.to_owned(), value.into())])
}

struct Builder {
    design: Design,
}

impl Builder {
    fn vertex(&mut self, container: u64, name: &str, class: &str, mark_key: &str, rules: Rules) -> u64 {
        let id = self.design.vertexes.len() as u64 + 1;
        self.design.vertexes.push(VertexTemplate {
            id: VertexTemplateId(id),
            namespace: self.design.namespace.clone(),
            name: name.to_owned(),
            container: (container > 0).then_some(VertexTemplateId(container)),
            classes: vec![ClassName(format!("shop:1.0:{class}"))],
            properties: Default::default(),
            handlers: Default::default(),
            rules,
            metadata: mark(mark_key, name),
            origin: origin(id as u32),
        });
        id
    }

    fn edge(&mut self, source: u64, name: &str, index: u32, target: u64, rules: Rules) {
        let id = self.design.edges.len() as u64 + 1;
        self.design.edges.push(EdgeTemplate {
            id: EdgeTemplateId(id),
            namespace: self.design.namespace.clone(),
            name: name.to_owned(),
            index,
            source: VertexTemplateId(source),
            target: VertexTemplateId(target),
            classes: vec![ClassName("shop:1.0:ConnectsTo".to_owned())],
            properties: Default::default(),
            handlers: Default::default(),
            rules,
            metadata: Metadata::default(),
            origin: origin(100 + id as u32),
        });
    }
}

/// Five node templates and a group; one with a count, one with an open requirement, one with an optional one.
pub(crate) fn design() -> Design {
    let design =
        Design { namespace: Namespace("shop".to_owned()), classes: vec![], vertexes: vec![], edges: vec![] };
    let mut builder = Builder { design };
    let none = Rules::new;
    let service = builder.vertex(0, "shop", "Service", "khutulun.service", none());
    let node = "khutulun.node";
    let balancer = builder.vertex(service, "balancer", "LoadBalancer", node, none());
    let count = Making { count: Some(Expression::Literal(Value::Integer(3))), ..Making::default() };
    let web = builder.vertex(service, "web", "Process", node, count.into_rules());
    let web_endpoint = builder.vertex(web, "endpoint", "Endpoint", "khutulun.capability", none());
    let database = builder.vertex(service, "database", "PostgreSQL", node, none());
    let database_endpoint = builder.vertex(database, "endpoint", "Endpoint", "khutulun.capability", none());
    let host = builder.vertex(service, "host", "Compute", node, none());
    let host_host = builder.vertex(host, "host", "Container", "khutulun.capability", none());
    let storage = builder.vertex(service, "storage", "Volume", node, none());
    let group = builder.vertex(service, "front-end", "Placement", "khutulun.group", none());

    builder.edge(balancer, "backend", 0, web_endpoint, none());
    builder.edge(web, "database", 0, database_endpoint, none());
    builder.edge(web, "host", 0, host_host, none());
    let log =
        Selector { container_class: Some(ClassName("shop:1.0:LogSink".to_owned())), ..Selector::default() };
    builder.edge(web, "log", 0, service, log.into_rules());
    builder.edge(database, "host", 0, host_host, none());
    let optional = Selector { optional: true, ..Selector::default() };
    builder.edge(database, "volume", 0, storage, optional.into_rules());
    let members = || Selector { count: Count::All, ..Selector::default() }.into_rules();
    builder.edge(group, "member", 0, balancer, members());
    builder.edge(group, "member", 1, web, members());
    builder.design
}

/// The instances of a web server on a host, in different states, with a requirement that waits.
pub(crate) fn graph() -> (Namespace, Graph) {
    let namespace = Namespace("shop".to_owned());
    let mut graph = Graph::default();
    let mut vertex = |id: u64, container: u64, name: &str, class: &str, metadata: Metadata| {
        graph.put_vertex(Vertex {
            id: VertexId(id),
            namespace: namespace.clone(),
            name: name.to_owned(),
            container: (container > 0).then_some(VertexId(container)),
            classes: vec![ClassName(format!("shop:1.0:{class}"))],
            properties: Default::default(),
            handlers: Default::default(),
            metadata,
            origin: origin(id as u32),
        });
    };
    vertex(1, 0, "shop", "Service", mark("khutulun.service", "shop"));
    let node = |state: &str| {
        let mut metadata = mark("khutulun.node", "node");
        metadata.insert("khutulun.state".to_owned(), state.into());
        metadata
    };
    let mut waiting = node("initial");
    waiting.insert("khutulun.waiting".to_owned(), Value::List(vec!["log".into()]));
    vertex(2, 1, "web-0", "Process", node("started"));
    vertex(3, 1, "web-1", "Process", waiting);
    vertex(4, 1, "host", "Compute", node("failed"));
    vertex(5, 4, "host", "Container", mark("khutulun.capability", "host"));
    for (id, source) in [(10, 2), (11, 3)] {
        graph.put_edge(Edge {
            id: EdgeId(id),
            namespace: namespace.clone(),
            name: "host".to_owned(),
            index: 0,
            source: VertexId(source),
            target: VertexId(5),
            classes: vec![],
            properties: Default::default(),
            handlers: Default::default(),
            metadata: Metadata::default(),
            origin: None,
        });
    }
    (namespace, graph)
}

/// An empty picture.
pub(crate) fn empty() -> Drawing {
    Drawing { title: "t".to_owned(), subject: Subject::Instances, shapes: vec![], arrows: vec![] }
}

pub(crate) fn shape(container: Option<usize>, kind: ShapeKind, name: &str) -> Shape {
    Shape {
        container: container.map(ShapeId),
        kind,
        name: name.to_owned(),
        class: Some(ClassName("shop:1.0:Process".to_owned())),
        notes: vec![],
        is_several: false,
        state: None,
        capabilities: vec![],
        origin: None,
    }
}

pub(crate) fn arrow(source: usize, target: Target, name: &str) -> Arrow {
    Arrow {
        source: ShapeId(source),
        target,
        kind: ArrowKind::Requirement,
        name: name.to_owned(),
        index: None,
        notes: vec![],
        class: None,
        origin: None,
    }
}
