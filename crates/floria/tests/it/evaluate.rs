//! Evaluation: on demand, once, with reads, unknowns, cycles and bounds.

use floria::{
    EVALUATION_DEPTH_MAX, Evaluated, EvaluationError, Evaluator, Expression, Graph, Property, Site, Value,
    VertexId,
};

use crate::support::{
    Calculator, call, computed, edge, graph, literal, origin, properties, read, stored, vertex,
};

fn site(id: u64) -> Site {
    Site::Vertex(VertexId(id))
}

fn value(graph: &Graph, id: u64, name: &str) -> Result<Evaluated, EvaluationError> {
    Evaluator::new(graph, &Calculator).property(site(id), name)
}

fn known(value: impl Into<Value>) -> Result<Evaluated, EvaluationError> {
    Ok(Evaluated::Known(value.into()))
}

#[test]
fn a_property_may_depend_on_one_later_in_the_alphabet() {
    let graph = graph([
        ("a", properties([("port", computed(call("add", [read(3, "port"), literal(1)])))])),
        (
            "z",
            properties([
                ("port", computed(call("add", [read(3, "zone"), literal(10)]))),
                ("zone", stored(5)),
            ]),
        ),
    ]);
    assert_eq!(value(&graph, 2, "port"), known(16));
}

#[test]
fn a_stored_value_gives_way_to_the_updater() {
    let property = Property { value: Some(Value::Integer(1)), ..computed(literal(2)) };
    assert_eq!(value(&graph([("a", properties([("x", property)]))]), 2, "x"), known(2));
}

#[test]
fn without_value_and_updater_a_property_is_null_and_an_attribute_unknown() {
    let property = Property { read_only: true, ..Property::default() };
    let graph = graph([("a", properties([("attribute", Property::default()), ("property", property)]))]);
    assert_eq!(value(&graph, 2, "property"), Ok(Evaluated::Known(Value::Null)));
    assert_eq!(value(&graph, 2, "attribute"), Ok(Evaluated::Unknown(vec![(site(2), "attribute".into())])));
}

#[test]
fn unknown_spreads_and_names_each_origin_once() {
    let both = Expression::List(vec![read(2, "x"), read(2, "y"), read(2, "x")]);
    let in_map = Expression::Map(vec![(literal("k"), read(3, "list"))]);
    let graph = graph([
        ("a", properties([("x", Property::default()), ("y", Property::default())])),
        ("b", properties([("list", computed(both)), ("map", computed(in_map))])),
    ]);
    let unknown = Evaluated::Unknown(vec![(site(2), "x".into()), (site(2), "y".into())]);
    assert_eq!(value(&graph, 3, "map"), Ok(unknown));
}

#[test]
fn a_forgotten_property_is_unknown_whatever_it_holds() {
    let graph = graph([
        ("a", properties([("address", stored("10.0.0.1"))])),
        ("b", properties([("url", computed(read(2, "address")))])),
    ]);
    let mut evaluator = Evaluator::new(&graph, &Calculator);
    assert_eq!(evaluator.property(site(3), "url"), known("10.0.0.1"));
    // Also after it was evaluated.
    evaluator.forget(site(2), "address");
    let unknown = Ok(Evaluated::Unknown(vec![(site(2), "address".into())]));
    assert_eq!(evaluator.property(site(3), "url"), unknown);
    assert_eq!(evaluator.property(site(2), "address"), unknown);
}

#[test]
fn the_preparer_gets_the_value_as_its_last_argument() {
    let even = || Some(call("even", []));
    let graph = graph([(
        "a",
        properties([
            ("stored", Property { preparer: even(), ..stored("42") }),
            ("computed", Property { preparer: even(), ..computed(call("add", [literal(3), literal(3)])) }),
            ("odd", Property { preparer: even(), origin: Some(origin(9)), ..stored(3) }),
            ("unused", Property { preparer: even(), ..Property::default() }),
        ]),
    )]);
    assert_eq!(value(&graph, 2, "stored"), known(42));
    assert_eq!(value(&graph, 2, "computed"), known(6));
    assert!(matches!(value(&graph, 2, "unused"), Ok(Evaluated::Unknown(_))));
    let error = value(&graph, 2, "odd").unwrap_err();
    assert_eq!((error.message.as_str(), error.origin), ("3 is not even", Some(origin(7))));

    let mut evaluator = Evaluator::new(&graph, &Calculator);
    let property = &graph.vertex(VertexId(2)).unwrap().properties["stored"];
    assert_eq!(evaluator.prepare(property, Value::from("8"), site(2)), Ok(Value::Integer(8)));
    assert!(evaluator.prepare(property, Value::from("eight"), site(2)).is_err());
}

#[test]
fn a_cycle_is_reported_with_its_whole_path() {
    let graph = graph([
        ("a", properties([("x", computed(read(3, "y")))])),
        ("b", properties([("y", computed(call("add", [read(4, "z"), literal(1)])))])),
        ("c", properties([("z", computed(read(3, "y")))])),
    ]);
    let error = value(&graph, 2, "x").unwrap_err();
    assert_eq!(error.message, "a property depends on itself: `b.y` → `c.z` → `b.y`");
    assert_eq!(error.origin, Some(origin(7)));
}

#[test]
fn what_is_missing_is_an_error_that_names_what_exists() {
    let graph = graph([("web", properties([("port", stored(1)), ("host", stored("h"))]))]);
    let error = value(&graph, 2, "prot").unwrap_err();
    assert_eq!(error.message, "`web` has no property `prot`; there are: `host`, `port`");
    let error = value(&graph, 9, "port").unwrap_err();
    assert_eq!(error.message, "there is no vertex 9 in the graph, which has 2 vertexes and 0 edges");
    let error = Evaluator::new(&graph, &Calculator).evaluate(&call("nope", []), site(2)).unwrap_err();
    assert_eq!(error.message, "unknown function `nope`");
}

#[test]
fn properties_of_edges_are_properties() {
    let mut graph =
        graph([("a", properties([("x", computed(call("edge", [literal(5), literal("weight")])))]))]);
    let mut edge = edge(5, 2, "uses", 0, 1);
    edge.properties = properties([("weight", stored(3))]);
    graph.put_edge(edge);
    assert_eq!(value(&graph, 2, "x"), known(3));
}

#[test]
fn reads_are_recorded_for_properties_and_for_expressions() {
    let graph =
        graph([("a", properties([("x", stored(1))])), ("b", properties([("y", computed(read(2, "x")))]))]);
    let mut evaluator = Evaluator::new(&graph, &Calculator);
    let (evaluated, reads) = evaluator.evaluate_with_reads(&read(3, "y"), site(2)).unwrap();
    assert_eq!(evaluated, Evaluated::Known(Value::Integer(1)));
    assert_eq!(reads, [(site(3), "y")]);
    assert_eq!(evaluator.reads(), [((site(3), "y"), vec![(site(2), "x")])]);
}

#[test]
fn equal_keys_of_a_computed_map_are_an_error() {
    let map = Expression::Map(vec![(literal(1), literal(1)), (call("add", [literal(1)]), literal(2))]);
    let graph = graph([]);
    assert!(Evaluator::new(&graph, &Calculator).evaluate(&map, site(1)).is_err());
}

/// A chain of properties of which each reads the next; the last is stored.
fn chain(length: u64) -> Graph {
    let mut graph = graph([]);
    for id in 2..length + 1 {
        let property = computed(call("add", [read(id as i64 + 1, "x"), literal(1)]));
        graph.put_vertex(vertex(id, Some(1), &format!("n{id}"), properties([("x", property)])));
    }
    graph.put_vertex(vertex(length + 1, Some(1), "last", properties([("x", stored(0))])));
    graph
}

#[test]
fn nesting_is_bounded_and_what_is_too_deep_from_afar_is_fine_from_near() {
    let long = chain(EVALUATION_DEPTH_MAX as u64);
    let mut evaluator = Evaluator::new(&long, &Calculator);
    let error = evaluator.property(site(2), "x").unwrap_err();
    assert_eq!(error.message, "the expression nests deeper than 512 levels");
    assert_eq!(evaluator.property(site(EVALUATION_DEPTH_MAX as u64 - 5), "x"), known(6));
    // Step by step, everything is reachable, each property evaluated once.
    for id in (2..EVALUATION_DEPTH_MAX as u64).rev() {
        assert_eq!(evaluator.property(site(id), "x"), known(EVALUATION_DEPTH_MAX as i64 + 1 - id as i64));
    }
}

#[test]
fn a_computed_property_is_stored_with_what_it_read() {
    let sum = call("add", [read(2, "x"), read(3, "y"), read(2, "x")]);
    let graph = graph([
        ("a", properties([("x", stored(1)), ("z", computed(read(3, "y")))])),
        (
            "b",
            properties([
                ("y", computed(read(2, "x"))),
                ("sum", computed(sum)),
                ("late", Property::default()),
            ]),
        ),
        ("c", properties([("waits", computed(call("add", [read(3, "late"), read(2, "x")])))])),
    ]);
    let mut evaluator = Evaluator::new(&graph, &Calculator);
    let shown = |property: Property| {
        let reads = property.reads.iter().map(|(site, name)| match site {
            Site::Vertex(id) => format!("{id}.{name}"),
            Site::Edge(id) => format!("edge {id}.{name}"),
        });
        (property.value, reads.collect::<Vec<_>>().join(" "))
    };
    // What it read itself: `x` of `y` is `y`'s.
    let sum = shown(evaluator.computed(site(3), "sum").unwrap());
    assert_eq!(sum, (Some(Value::Integer(3)), "2.x 3.y".to_owned()));
    let z = shown(evaluator.computed(site(2), "z").unwrap());
    assert_eq!(z, (Some(Value::Integer(1)), "3.y".to_owned()));
    assert_eq!(shown(evaluator.computed(site(2), "x").unwrap()), (Some(Value::Integer(1)), String::new()));
    let waits = shown(evaluator.computed(site(4), "waits").unwrap());
    assert_eq!(waits.0, None);
    assert!(waits.1.starts_with("3.late"), "{}", waits.1);
    assert!(evaluator.computed(site(4), "never").is_err());
}
