//! What goes in comes out.

use std::collections::BTreeMap;

use floria::{
    Artifact, Call, Change, ClassName, Custom, Design, Entity, EntityKey, Expression, Graph, Handler,
    Implementation, Origin, Property, Value, VertexId, VertexTemplateId,
};

use crate::{
    Case, Home,
    build::{
        class, commit, edge, edge_template, namespace, put, shop, vertex, vertex_template, whole_log, with,
    },
};

pub(crate) const CASES: &[Case] = &[
    ("every kind of value comes back as it was", every_kind_of_value_comes_back),
    ("every field of an entity comes back as it was", every_field_comes_back),
    ("a graph is what was put in", a_graph_is_what_was_put_in),
    ("graphs of namespaces are apart", graphs_of_namespaces_are_apart),
    ("an edge may end in another namespace", an_edge_may_end_in_another_namespace),
    ("a design comes back as it was", a_design_comes_back),
    ("classes are replaced and deleted by name", classes_are_replaced_and_deleted),
    ("large and many values are kept", large_and_many_values_are_kept),
];

fn origin() -> Option<Origin> {
    Some(Origin { source: "dir/service file.yaml".into(), line: 70_000, column: 3 })
}

/// One value of each kind, and those that codecs get wrong.
fn values() -> Vec<Value> {
    let mut values = vec![
        Value::Null,
        Value::Boolean(true),
        Value::Boolean(false),
        Value::Text(String::new()),
        Value::Text("tab\t, nul \0, \u{1f980} and o\u{308}".to_owned()),
        Value::Bytes(Vec::new()),
        Value::Bytes((0..=255).collect()),
        Value::Bytes(vec![7; 10_000]),
        Value::List(Vec::new()),
        Value::Map(BTreeMap::new()),
    ];
    for (order, text) in [(1_000_000_000, "1 GB"), (1_000_000_000, "1000 MB"), (0, "")] {
        let custom =
            Custom { type_name: "tosca:scalar".to_owned(), order: order.into(), text: text.to_owned() };
        values.push(custom.into());
    }
    for integer in [0, 1, -1, 23, 24, 255, 256, 65_536, i64::MAX, i64::MIN, -(1 << 40)] {
        values.push(Value::Integer(integer));
    }
    for float in [0.0, -0.0, 1.0, 0.1, 1e300, f64::MIN_POSITIVE, 5e-324, f64::INFINITY, f64::NEG_INFINITY] {
        values.push(Value::Float(float));
    }
    values.extend([Value::Float(f64::NAN), Value::Float(-f64::NAN)]);
    // Any value may be a key, and an integer is not a float.
    let keys = values.iter().cloned().enumerate().map(|(place, key)| (key, Value::Integer(place as i64)));
    let map = Value::Map(keys.collect());
    values.push(Value::List(vec![map.clone(), Value::List(values.clone())]));
    values.push(map);
    values
}

fn every_kind_of_value_comes_back(home: &Home) {
    let store = home();
    let mut expected = vertex(1, None, "shop");
    for (place, value) in values().into_iter().enumerate() {
        expected = with(expected, &format!("v{place}"), value.clone());
        expected.metadata.insert(format!("m{place}"), value);
    }
    commit(&store, [put(expected.clone())]);
    assert_eq!(shop(&store).vertex(VertexId(1)), Some(&expected));
}

fn every_field_comes_back(home: &Home) {
    let store = home();
    let call = Expression::from(Call {
        function: "tosca:concat".to_owned(),
        arguments: vec![
            Expression::Literal(Value::from("a")),
            Expression::Map(vec![(Expression::Literal(Value::Null), Expression::List(Vec::new()))]),
            Expression::List(vec![Expression::from(Call {
                function: "f".to_owned(),
                arguments: Vec::new(),
                origin: None,
            })]),
        ],
        origin: origin(),
    });
    let property = Property {
        reads: Vec::new(),
        value: Some(Value::Null),
        updater: Some(call.clone()),
        preparer: Some(call.clone()),
        read_only: true,
        metadata: [("khutulun.change".to_owned(), Value::from("none"))].into(),
        origin: origin(),
    };
    let artifact = |path: &str| Artifact { path: path.to_owned(), digest: "00ff".to_owned() };
    let implementations = [
        None,
        Some(Implementation::Driver("process".to_owned())),
        Some(Implementation::Plugin(artifact("plugin.wasm"))),
        Some(Implementation::Script {
            artifact: artifact("scripts/configure.sh"),
            dependencies: vec![artifact("a"), artifact("b")],
        }),
    ];
    let handlers: floria::Handlers = implementations
        .into_iter()
        .enumerate()
        .map(|(place, implementation)| {
            let handler = Handler {
                implementation,
                inputs: [("in".to_owned(), call.clone())].into(),
                outputs: [("out".to_owned(), "property".to_owned())].into(),
                timeout_ms_max: Some(u64::from(u32::MAX) * 4),
                metadata: [("khutulun.repeatable".to_owned(), Value::Boolean(true))].into(),
                origin: origin(),
            };
            (format!("lifecycle.{place}"), handler)
        })
        .collect();
    let mut service = vertex(1, None, "shop");
    service.classes = vec![ClassName("khutulun.process:0.1:Process".to_owned()), ClassName("B".to_owned())];
    service.properties = [("p".to_owned(), property), ("empty".to_owned(), Property::default())].into();
    service.handlers = handlers;
    service.metadata = [("m".to_owned(), Value::Integer(1))].into();
    service.origin = origin();
    let mut link = edge(3, 1, "link", 1);
    link.index = u32::MAX;
    link.classes.clone_from(&service.classes);
    link.properties.clone_from(&service.properties);
    link.handlers.clone_from(&service.handlers);
    link.metadata.clone_from(&service.metadata);
    link.origin.clone_from(&service.origin);
    let changes = [put(service.clone()), Change::Put(Entity::Edge(link.clone()))];
    commit(&store, changes.clone());
    let graph = shop(&store);
    assert_eq!((graph.vertex(service.id), graph.edge(link.id)), (Some(&service), Some(&link)));
    let logged: Vec<_> = whole_log(&store).into_iter().map(|row| row.entry).collect();
    assert_eq!(logged, changes.map(floria::LogEntry::Change));
}

fn a_graph_is_what_was_put_in(home: &Home) {
    let store = home();
    let mut expected = Graph::default();
    let mut changes = Vec::new();
    for id in 1..=40 {
        let vertex = with(vertex(id, (id > 1).then_some(id / 2), &format!("n{id}")), "id", id as i64);
        expected.put_vertex(vertex.clone());
        changes.push(put(vertex));
        if id > 1 {
            let mut edge = edge(100 + id, id, "host", id / 2);
            edge.index = id as u32 % 3;
            expected.put_edge(edge.clone());
            changes.push(Change::Put(Entity::Edge(edge)));
        }
    }
    commit(&store, changes);
    assert_eq!(shop(&store), expected);
    let moved = edge(110, 1, "host", 40);
    expected.put_edge(moved.clone());
    commit(&store, [Change::Put(Entity::Edge(moved))]);
    let graph = shop(&store);
    assert_eq!(graph, expected);
    assert_eq!(graph.digest(), expected.digest());
    let incoming: Vec<_> = graph.incoming(VertexId(40)).map(|edge| edge.id.0).collect();
    assert_eq!(incoming, [110]);
}

fn graphs_of_namespaces_are_apart(home: &Home) {
    let store = home();
    let mut elsewhere = vertex(2, None, "shop");
    elsewhere.namespace = namespace("bank");
    commit(&store, [put(vertex(1, None, "shop")), put(elsewhere.clone())]);
    assert_eq!(shop(&store).vertexes().collect::<Vec<_>>(), [&vertex(1, None, "shop")]);
    let bank = store.graph(&namespace("bank")).unwrap();
    assert_eq!(bank.vertexes().collect::<Vec<_>>(), [&elsewhere]);
    // A namespace is named whole: levels are for people.
    assert!(store.graph(&namespace("ban")).unwrap().is_empty());
    assert!(store.graph(&namespace("bank/inner")).unwrap().is_empty());
}

fn an_edge_may_end_in_another_namespace(home: &Home) {
    let store = home();
    let mut elsewhere = vertex(2, None, "bank");
    elsewhere.namespace = namespace("bank");
    commit(&store, [put(vertex(1, None, "shop")), put(elsewhere)]);
    commit(&store, [Change::Put(Entity::Edge(edge(3, 1, "pays", 2)))]);
    assert_eq!(shop(&store).edges().len(), 1);
    assert_eq!(store.graph(&namespace("bank")).unwrap().edges().len(), 0);
    let gone = store.commit(&crate::build::batch([Change::Delete(EntityKey::Vertex(VertexId(2)))]));
    assert!(gone.is_err());
}

fn design() -> Design {
    let mut service = vertex_template(1, None, "shop");
    service.origin = origin();
    service.properties = [(
        "input".to_owned(),
        Property { updater: Some(Expression::Literal(Value::Integer(1))), ..Property::default() },
    )]
    .into();
    let mut base = class("Root");
    base.metadata = [("m".to_owned(), Value::Null)].into();
    let mut derived = class("Node");
    derived.ancestors = vec![base.name.clone()];
    derived.origin = origin();
    Design {
        namespace: namespace("shop"),
        // By name, as they come back.
        classes: vec![derived, base],
        vertexes: vec![
            service,
            vertex_template(2, Some(1), "web"),
            vertex_template(3, Some(2), "endpoint"),
            vertex_template(4, Some(1), "db"),
        ],
        edges: vec![edge_template(1, 2, "uses", 4), edge_template(2, 4, "host", 3)],
    }
}

fn a_design_comes_back(home: &Home) {
    let store = home();
    let _ = store.allocate(1000).unwrap();
    let design = design();
    let stored = design.renumbered(store.allocate(design.size()).unwrap());
    commit(&store, stored.changes());
    let read = store.design(&namespace("shop")).unwrap().unwrap();
    assert_eq!(read, stored);
    assert_eq!(read.digest(), design.digest());
    assert_eq!(store.design(&namespace("bank")).unwrap(), None);
    // A design without instances is listed, and goes again without a trace.
    assert_eq!(store.namespaces().unwrap(), [namespace("shop")]);
    let mut gone: Vec<_> =
        stored.edges.iter().map(|edge| Change::Delete(EntityKey::EdgeTemplate(edge.id))).collect();
    gone.extend(stored.vertexes.iter().map(|vertex| Change::Delete(EntityKey::VertexTemplate(vertex.id))));
    gone.extend(
        stored
            .classes
            .iter()
            .map(|class| Change::Delete(EntityKey::Class(class.namespace.clone(), class.name.clone()))),
    );
    commit(&store, gone);
    assert_eq!(store.design(&namespace("shop")).unwrap(), None);
    assert_eq!(store.namespaces().unwrap(), []);
    // Containers come first, whatever their ids are.
    let put = Change::put;
    commit(&store, [put(vertex_template(9001, Some(9002), "web")), put(vertex_template(9002, None, "shop"))]);
    let read = store.design(&namespace("shop")).unwrap().unwrap();
    assert_eq!(read.vertexes[0].id, VertexTemplateId(9002));
}

fn classes_are_replaced_and_deleted(home: &Home) {
    let store = home();
    let mut second = class("Node");
    second.ancestors = vec![ClassName("Root".to_owned())];
    commit(&store, [Change::Put(Entity::Class(class("Node"))), Change::Put(Entity::Class(second.clone()))]);
    let classes = |name: &str| store.design(&namespace(name)).unwrap().map(|design| design.classes);
    assert_eq!(classes("shop"), Some(vec![second.clone()]));
    let mut elsewhere = class("Node");
    elsewhere.namespace = namespace("bank");
    commit(&store, [Change::Put(Entity::Class(elsewhere))]);
    commit(&store, [Change::Delete(EntityKey::Class(namespace("bank"), ClassName("Node".to_owned())))]);
    assert_eq!((classes("shop"), classes("bank")), (Some(vec![second]), None));
}

fn large_and_many_values_are_kept(home: &Home) {
    let store = home();
    let many = Value::List((0..20_000).map(Value::Integer).collect());
    let large = with(vertex(1, None, "shop"), "text", "\u{20ac}".repeat(400_000));
    let expected = with(with(large, "bytes", Value::Bytes(vec![0; 1_000_000])), "many", many);
    commit(&store, [put(expected.clone())]);
    assert_eq!(shop(&store).vertex(VertexId(1)), Some(&expected));
}
