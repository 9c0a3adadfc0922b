//! What the files look like, and that ordinary readers of these formats read them.

use floria::{
    Call, Class, ClassName, Custom, Edge, Entity, Expression, Handler, Implementation, Origin, Property,
    Value,
};
use floria_conformance::build::{class, edge, vertex, with};
use floria_exchange::Format;
use proptest::{
    prelude::*,
    test_runner::{Config, RngSeed},
};

use crate::{any, read, written};

fn graph() -> Vec<Entity> {
    let mut web = with(vertex(1, None, "web"), "port", 80);
    web.classes.push(ClassName("net:0.1:Service".to_owned()));
    web.origin = Some(Origin { source: "shop.yaml".into(), line: 7, column: 3 });
    let call = Call {
        function: "tosca:concat".to_owned(),
        arguments: vec![Expression::Literal(Value::from("a")), Expression::Literal(Value::from(1.0))],
        origin: None,
    };
    let url = Property { updater: Some(call.into()), read_only: true, ..Property::default() };
    web.properties.insert("url".to_owned(), url);
    web.handlers.insert(
        "lifecycle.start".to_owned(),
        Handler {
            implementation: Some(Implementation::Driver("process".to_owned())),
            inputs: Default::default(),
            outputs: Default::default(),
            timeout_ms_max: Some(5_000),
            metadata: Default::default(),
            origin: None,
        },
    );
    let mut db = vertex(2, Some(1), "db");
    let size =
        Custom { type_name: "tosca:size".to_owned(), order: Value::Integer(1_000), text: "1 kB".to_owned() };
    db.metadata = [
        ("bytes", Value::Bytes(vec![1, 2, 255])),
        ("keys", Value::Map([(Value::Integer(80), Value::from("http"))].into())),
        ("limit", Value::Float(f64::INFINITY)),
        ("size", size.into()),
        ("text", Value::from("on")),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect();
    let uses = Edge { index: 1, ..edge(3, 1, "uses", 2) };
    let class = Class { ancestors: vec![ClassName("net:0.1:Root".to_owned())], ..class("net:0.1:Service") };
    vec![Entity::Class(class), Entity::Vertex(web), Entity::Vertex(db), Entity::Edge(uses)]
}

/// Returns an example of `docs/exchange.md`.
fn documented(language: &str) -> &str {
    let page = include_str!("../../../../docs/exchange.md");
    page.split_once(&format!("```{language}\n")).unwrap().1.split_once("```").unwrap().0
}

#[test]
fn json_is_one_entity_a_line() {
    let expected = documented("json");
    assert_eq!(String::from_utf8(written(Format::Json, &graph())).unwrap(), expected);
}

#[test]
fn yaml_is_one_document_an_entity() {
    let expected = documented("yaml");
    let file = String::from_utf8(written(Format::Yaml, &graph())).unwrap();
    assert_eq!(file, expected);
}

#[test]
fn what_a_person_writes_is_read() {
    let yaml = "# By hand.\nschema: floria.graph/1\n---\nvertex: {id: 2, namespace: shop, name: 'db',\n  metadata: \
                {a: [1, 2.5, .inf, ~], 80: x}}\n---\ncount: 1\n...\n";
    // Metadata has names, not keys of any kind.
    assert!(read(Format::Yaml, yaml.as_bytes()).is_err());
    let yaml = yaml.replace(", 80: x", "");
    let mut expected = vertex(2, None, "db");
    let list = vec![Value::Integer(1), Value::Float(2.5), Value::Float(f64::INFINITY), Value::Null];
    expected.metadata.insert("a".to_owned(), Value::List(list));
    assert_eq!(read(Format::Yaml, yaml.as_bytes()).unwrap(), [Entity::Vertex(expected.clone())]);

    let json = "\u{20}{ \"schema\" : \"floria.graph\\/1\",\r\n\"entities\": [ {\"vertex\": {\"metadata\": {\"a\": [1, 25e-1, \
                {\"$float\": \"inf\"}, null]},\n\t\"name\": \"\\u0064b\", \"id\": 2, \"namespace\": \"shop\" } } ] , \"count\" : 1 }";
    assert_eq!(read(Format::Json, json.as_bytes()).unwrap(), [Entity::Vertex(expected)]);
}

proptest! {
    #![proptest_config(Config { cases: 32, failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..Config::default() })]

    /// What serde_json, yaml_serde, ciborium and rmp read is the same tree as ours.
    #[test]
    fn ordinary_readers_read_it(graph in any::graph()) {
        let json: serde_json::Value = rounded(serde_json::from_slice(&written(Format::Json, &graph)).unwrap());
        let entities = json["entities"].as_array().unwrap();
        prop_assert_eq!(entities.len(), graph.len());

        let yaml = written(Format::Yaml, &graph);
        let documents = serde_yaml::Deserializer::from_slice(&yaml);
        let documents: Vec<serde_json::Value> =
            documents.map(|document| rounded(serde::Deserialize::deserialize(document).unwrap())).collect();
        prop_assert_eq!(&documents[1..documents.len() - 1], entities);

        let cbor = written(Format::Cbor, &graph);
        let cbor: ciborium::Value = ciborium::from_reader(&*cbor).unwrap();
        prop_assert_eq!(cbor.as_map().unwrap()[1].1.as_array().unwrap().len(), graph.len());
    }
}

/// serde_json takes a float for its neighbour now and then, where it is not asked to be exact.
fn rounded(json: serde_json::Value) -> serde_json::Value {
    match json {
        serde_json::Value::Number(number) if number.is_f64() => {
            format!("{:.12e}", number.as_f64().unwrap()).into()
        }
        serde_json::Value::Array(items) => items.into_iter().map(rounded).collect(),
        serde_json::Value::Object(entries) => {
            entries.into_iter().map(|(key, value)| (key, rounded(value))).collect()
        }
        other => other,
    }
}
