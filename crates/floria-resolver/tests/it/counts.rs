//! How many instances there are, and which they are (14.1, 14.2).

use std::collections::BTreeMap;

use floria::{Expression, Graph, Properties, Value, rules::INDEX};
use floria_resolver::{Limits, NoHooks, ResolveError, resolve};

use crate::support::{Sketch, call, computed, literal, properties, request};

/// A node template `web` with a capability, as often as the input `count` says.
fn counted() -> Sketch {
    let mut sketch = Sketch::new(properties([("count", computed(literal(2)))]));
    let count = call("read", [literal("count")]);
    let web = sketch.node("web", "Web", Some(count), Properties::new());
    sketch.capability(web, "endpoint", "Endpoint", Properties::new());
    sketch
}

fn with(value: impl Into<Value>, current: &Graph) -> Result<Graph, ResolveError> {
    let sketch = counted();
    let inputs = BTreeMap::from([("count".to_owned(), value.into())]);
    let ids = &mut (1_000..);
    let first = current.vertexes().len() as u64;
    ids.start += first;
    resolve(&request(&sketch.0, &inputs, current), ids, &mut NoHooks).map(|resolution| resolution.graph)
}

fn paths(graph: &Graph) -> Vec<(String, u64)> {
    graph.vertexes().map(|vertex| (graph.path_of(vertex.id), vertex.id.0)).collect()
}

#[test]
fn c312_c313_representations_have_indexes_that_stay() {
    let two = with(2, &Graph::default()).unwrap();
    let names: Vec<_> = paths(&two).into_iter().map(|(path, _)| path).collect();
    assert_eq!(names, ["shop", "web-0", "web-1", "web-0/endpoint", "web-1/endpoint"]);
    let indexes: Vec<_> =
        two.vertexes().filter_map(|vertex| vertex.metadata.get(INDEX)).map(ToString::to_string).collect();
    assert_eq!(indexes, ["0", "1"]);
    // The highest go first when there are fewer, and what stays is the same.
    let three = with(3, &two).unwrap();
    let one = with(1, &three).unwrap();
    for (path, id) in paths(&one) {
        assert!(paths(&two).contains(&(path.clone(), id)) && paths(&three).contains(&(path, id)));
    }
    assert_eq!(one.vertexes().len(), 3);
    assert_eq!(with(2, &two).unwrap(), two);
    assert_eq!(with(0, &two).unwrap().vertexes().len(), 1);
}

#[test]
fn what_is_no_count_is_said_with_its_place() {
    let says = |value: Value| {
        let error = with(value, &Graph::default()).unwrap_err();
        assert_eq!(error.origin().unwrap().line, 7, "{error}");
        error.to_string()
    };
    assert_eq!(says((-1).into()), "how many `web` there are is no count: -1 is negative");
    assert_eq!(says(1.5.into()), "how many `web` there are is no count: 1.5 is a float");
    assert_eq!(says("two".into()), "how many `web` there are is no count: two is a text");
    assert_eq!(says(Value::Null), "how many `web` there are is no count: null is a null");
}

#[test]
fn a_million_is_too_many_before_any_is_made() {
    let error = with(1_000_000, &Graph::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "with 1000000 of `web` there would be more than 100000 nodes in the service"
    );
    assert!(error.origin().is_some());
    let huge = with(i64::MAX, &Graph::default()).unwrap_err();
    assert!(matches!(huge, ResolveError::TooMany { .. }), "{huge}");
    // A limit counts what is there already, and what all templates make together.
    let sketch = counted();
    let inputs = BTreeMap::from([("count".to_owned(), Value::Integer(4))]);
    let limits = Limits { nodes_max: 3, ..Limits::default() };
    let graph = Graph::default();
    let request = floria_resolver::Request { limits, ..request(&sketch.0, &inputs, &graph) };
    assert!(matches!(resolve(&request, &mut (1..), &mut NoHooks), Err(ResolveError::TooMany { max: 3, .. })));
}

#[test]
fn a_count_that_nobody_can_know_yet_is_an_error() {
    let mut sketch = Sketch::new(properties([("late", floria::Property::default())]));
    sketch.node("web", "Web", Some(call("read", [literal("late")])), Properties::new());
    let error = sketch.resolve().unwrap_err();
    assert_eq!(
        error.to_string(),
        "how many `web` there are is no count: it depends on what is not known yet, `shop.late`"
    );
    let mut sketch = Sketch::new(Properties::new());
    sketch.node("web", "Web", Some(call("read", [literal("gone")])), Properties::new());
    let error = sketch.resolve().unwrap_err();
    assert_eq!(error.to_string(), "how many `web` there are cannot be computed");
}

#[test]
fn two_instances_cannot_have_one_name() {
    let mut sketch = Sketch::new(Properties::new());
    sketch.node("web-1", "Web", None, Properties::new());
    sketch.node("web", "Web", Some(Expression::Literal(2.into())), Properties::new());
    let error = sketch.resolve().unwrap_err();
    assert_eq!((error.to_string().as_str(), error.origin().unwrap().line), ("there would be two `web-1`", 3));
}

#[test]
fn a_count_that_somebody_said_goes_before_the_own_one() {
    let sketch = counted();
    let inputs = BTreeMap::from([("count".to_owned(), Value::Integer(2))]);
    let none = Graph::default();
    let said = |path: &str| {
        let counts = BTreeMap::from([(path.to_owned(), 3)]);
        let request = floria_resolver::Request { counts: &counts, ..request(&sketch.0, &inputs, &none) };
        let graph = resolve(&request, &mut (1..), &mut NoHooks).unwrap().graph;
        paths(&graph).into_iter().filter(|(path, _)| path.starts_with("web-") && !path.contains('/')).count()
    };
    assert_eq!((said("web"), said("endpoint"), said("web-0/endpoint")), (3, 2, 2));
}
