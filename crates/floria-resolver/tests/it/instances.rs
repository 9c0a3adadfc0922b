//! Instances come from templates, and keep what is theirs.

use std::collections::BTreeMap;

use floria::{Evaluated, Evaluator, Graph, Site, Value, VertexId, VertexTemplateId};
use floria_resolver::{ResolveError, outermost};

use crate::support::{Calculator, design, made};

fn inputs<const N: usize>(entries: [(&str, Value); N]) -> BTreeMap<String, Value> {
    entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn first() -> Graph {
    made(&design(), &inputs([]), &Graph::default(), &mut (1..)).unwrap()
}

fn port(graph: &Graph) -> Result<Evaluated, String> {
    let web = graph.named(Some(VertexId(1)), "web").unwrap().id;
    Evaluator::new(graph, &Calculator).property(Site::Vertex(web), "port").map_err(|error| error.message)
}

#[test]
fn every_template_becomes_an_instance_in_its_place() {
    let graph = first();
    let paths: Vec<_> = graph.vertexes().map(|vertex| graph.path_of(vertex.id)).collect();
    assert_eq!(paths, ["shop", "web", "web/endpoint", "db"]);
    let edge = graph.edges().next().unwrap();
    assert_eq!((edge.source, edge.name.as_str(), edge.target), (VertexId(2), "uses", VertexId(4)));
    assert!(graph.vertexes().all(|vertex| vertex.origin.is_some()));
    assert_eq!(port(&graph), Ok(Evaluated::Known(Value::Integer(80))));
}

#[test]
fn inputs_reach_the_service_and_are_prepared_when_read() {
    let with =
        |value: Value| made(&design(), &inputs([("port", value)]), &Graph::default(), &mut (1..)).unwrap();
    assert_eq!(port(&with(Value::from("8080"))), Ok(Evaluated::Known(Value::Integer(8080))));
    assert_eq!(port(&with(Value::Integer(81))), Err("81 is not even".to_owned()));
}

#[test]
fn an_input_that_does_not_exist_is_refused_with_those_that_do() {
    let result =
        made(&design(), &inputs([("prot", Value::Null)]), &Graph::default(), &mut (1..)).unwrap_err();
    assert_eq!(result.to_string(), "there is no input `prot`; there are: port");
    assert_eq!(
        outermost(&design(), &inputs([("prot", Value::Null)])).unwrap_err().to_string(),
        result.to_string()
    );
    let alone = outermost(&design(), &inputs([("port", Value::Integer(82))])).unwrap();
    let service = alone.named(None, "shop").unwrap();
    assert_eq!((alone.vertexes().len(), &service.properties["port"].value), (1, &Some(Value::Integer(82))));
}

#[test]
fn what_exists_keeps_its_id_its_attributes_and_the_engines_metadata() {
    let mut current = first();
    let mut web = current.vertex(VertexId(2)).unwrap().clone();
    let address = web.properties.get_mut("address").unwrap();
    address.value = Some(Value::from("10.0.0.1"));
    address.reads = vec![(Site::Vertex(VertexId(1)), "port".to_owned())];
    let computed = web.properties.get_mut("port").unwrap();
    computed.value = Some(Value::Integer(1));
    computed.reads = vec![(Site::Vertex(VertexId(1)), "port".to_owned())];
    web.metadata.insert("khutulun.state".to_owned(), Value::from("started"));
    web.metadata.insert("khutulun.node".to_owned(), Value::from("old"));
    web.metadata.insert("note".to_owned(), Value::from("mine"));
    current.put_vertex(web);
    let mut edge = current.edges().next().unwrap().clone();
    edge.properties.get_mut("latency").unwrap().value = Some(Value::Integer(3));
    current.put_edge(edge.clone());

    let mut design = design();
    design.vertexes[1].metadata.insert("khutulun.node".to_owned(), Value::from("web"));
    let mut cache = design.vertexes[3].clone();
    cache.id = VertexTemplateId(5);
    cache.name = "cache".to_owned();
    design.vertexes.push(cache);
    design.vertexes[3].name = "database".to_owned();

    let next = made(&design, &inputs([]), &current, &mut (50..52)).unwrap();
    let web = next.vertex(VertexId(2)).unwrap();
    assert_eq!(web.properties["address"].value, Some(Value::from("10.0.0.1")));
    // What the value was computed from goes with it.
    assert_eq!(web.properties["address"].reads.len(), 1);
    // What was computed last stays with what it was computed from, and gives way to the updater when it is read.
    assert_eq!(
        (&web.properties["port"].value, web.properties["port"].reads.len()),
        (&Some(Value::Integer(1)), 1)
    );
    assert_eq!(port(&next), Ok(Evaluated::Known(Value::Integer(80))));
    let metadata: Vec<_> = web.metadata.iter().map(|(key, value)| format!("{key}={value}")).collect();
    assert_eq!(metadata, ["khutulun.node=web", "khutulun.state=started"]);
    assert_eq!(next.named(Some(VertexId(1)), "database").unwrap().id, VertexId(50));
    assert_eq!(next.named(Some(VertexId(1)), "cache").unwrap().id, VertexId(51));
    assert_eq!(next.vertex(VertexId(4)), None);
    // The edge keeps its id although it ends elsewhere now.
    let moved = next.edge(edge.id).unwrap();
    assert_eq!((moved.target, &moved.properties), (VertexId(50), &edge.properties));
}

#[test]
fn nothing_new_takes_no_id() {
    let current = first();
    assert_eq!(made(&design(), &inputs([]), &current, &mut std::iter::empty()).unwrap(), current);
    let error = made(&design(), &inputs([]), &Graph::default(), &mut (1..3)).unwrap_err();
    assert!(matches!(error, ResolveError::OutOfIds), "{error}");
}

#[test]
fn a_design_that_is_not_whole_is_refused() {
    let broken = |change: fn(&mut floria::Design)| {
        let mut design = design();
        change(&mut design);
        made(&design, &inputs([]), &Graph::default(), &mut (1..)).unwrap_err().to_string()
    };
    assert_eq!(broken(|design| design.vertexes.clear()), "the design of `shop` is empty");
    assert_eq!(
        broken(|design| design.vertexes.swap(1, 2)),
        "template `endpoint` is in template 2, which does not come before it"
    );
    assert_eq!(
        broken(|design| _ = design.vertexes.pop()),
        "edge template `uses` has an end at template 4, which is not in the design"
    );
}
