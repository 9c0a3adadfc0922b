//! The graph of `docs/queries.md`.

use floria::{
    Change, Class, ClassName, Custom, Edge, Entity, MemoryStore, Namespace, Origin, Property, Store, Value,
    Vertex,
};
use floria_conformance::build::{batch, class, edge, edge_template, vertex, vertex_template};

fn classes(names: &[&str]) -> Vec<ClassName> {
    names.iter().map(|name| ClassName((*name).to_owned())).collect()
}

fn of(mut vertex: Vertex, namespace: &str, names: &[&str]) -> Vertex {
    vertex.namespace = Namespace(namespace.to_owned());
    vertex.classes = classes(names);
    vertex
}

fn state(mut vertex: Vertex, state: &str) -> Vertex {
    vertex.metadata.insert("khutulun.state".to_owned(), Value::from(state));
    vertex
}

fn with(mut vertex: Vertex, properties: &[(&str, Value)]) -> Vertex {
    for (name, value) in properties {
        let property = Property { value: Some(value.clone()), ..Property::default() };
        vertex.properties.insert((*name).to_owned(), property);
    }
    vertex
}

fn between(id: u64, source: u64, name: &str, target: u64, class: &str) -> Edge {
    Edge { classes: classes(&[class]), ..edge(id, source, name, target) }
}

pub(crate) fn entities() -> Vec<Entity> {
    let named = |name: &str, ancestors: &[&str]| Class { ancestors: classes(ancestors), ..class(name) };
    let size =
        Custom { type_name: "tosca:size".to_owned(), order: Value::Integer(8_000), text: "8 kB".to_owned() };
    let web = |id, name, host, of_state| {
        let web = of(vertex(id, Some(1), name), "shop", &["net:Container", "net:Root"]);
        state(with(web, &[("port", Value::Integer(80)), ("host", Value::from(host))]), of_state)
    };
    let mut bank = of(vertex(20, None, "bank"), "bank", &["net:Service"]);
    bank.origin = Some(Origin { source: "bank.yaml".into(), line: 1, column: 1 });
    let port = |id, of_node, number: i64| {
        let port = of(vertex(id, Some(of_node), "endpoint"), "shop/web", &["net:Port"]);
        with(port, &[("number", Value::Integer(number))])
    };
    let db = with(
        of(vertex(4, Some(1), "db"), "shop", &["net:Database", "net:Root"]),
        &[("port", Value::Float(5432.0)), ("host", Value::from("h2")), ("size", size.into())],
    );
    let tags = Value::List(vec![Value::from("fast"), Value::from("old")]);
    let mut disk = with(of(vertex(5, Some(1), "disk"), "shop", &["net:Disk"]), &[("tags", tags)]);
    disk.metadata.insert("owner".to_owned(), Value::from("alice"));
    vec![
        named("net:Container", &["net:Root"]).into(),
        named("net:Database", &["net:Root"]).into(),
        vertex_template(1, None, "shop").into(),
        vertex_template(2, Some(1), "web").into(),
        edge_template(3, 1, "has", 2).into(),
        of(vertex(1, None, "shop"), "shop", &["net:Service"]).into(),
        web(2, "web-0", "h1", "started").into(),
        web(3, "web-1", "h2", "failed").into(),
        state(db, "started").into(),
        disk.into(),
        port(6, 2, 80).into(),
        port(7, 4, 5432).into(),
        bank.into(),
        of(vertex(21, Some(20), "db"), "bank", &["net:Database", "net:Root"]).into(),
        between(30, 2, "requires", 7, "net:Uses").into(),
        between(31, 3, "requires", 4, "net:Uses").into(),
        between(32, 4, "on", 5, "net:Stores").into(),
        between(33, 5, "backup", 21, "net:Stores").into(),
        between(34, 21, "audit", 20, "net:Uses").into(),
    ]
}

pub(crate) fn fill(store: &dyn Store) {
    store.commit(&batch(entities().into_iter().map(Change::Put))).unwrap();
}

pub(crate) fn store() -> MemoryStore {
    let store = MemoryStore::new();
    fill(&store);
    store
}
