//! What depends on edges that are not there yet, and on what nobody knows yet (4.2.2).

use floria::{
    Graph, Properties, Property, Value, VertexTemplateId,
    rules::{Count, Selector, WAITING},
};
use floria_resolver::ResolveError;

use crate::support::{Sketch, call, edges, literal, of_class, properties, stored};

const SERVICE: VertexTemplateId = VertexTemplateId(1);

fn zoned(sketch: &mut Sketch, name: &str, zone: Property) {
    let node = sketch.node(name, "Server", None, Properties::new());
    sketch.capability(node, "host", "Host", properties([("zone", zone)]));
}

fn target_zone() -> floria::Expression {
    call("target", [literal("zone")])
}

fn marks(graph: &Graph) -> Vec<String> {
    let marked = graph.vertexes().filter_map(|vertex| Some((&vertex.name, vertex.metadata.get(WAITING)?)));
    marked.map(|(name, waiting)| format!("{name}: {waiting}")).collect()
}

#[test]
fn c002_c003_a_condition_waits_for_the_requirement_that_it_reads() {
    // The condition of the first reads the target of the last, through one between.
    let mut sketch = Sketch::new(Properties::new());
    zoned(&mut sketch, "north", stored("north"));
    zoned(&mut sketch, "south", stored("south"));
    let nodes = ["first", "second", "third"].map(|name| sketch.node(name, "App", None, Properties::new()));
    for (place, next) in ["second", "third"].into_iter().enumerate() {
        let there = call("of", [literal(next), literal("host"), literal("zone")]);
        let condition = call("equal", [target_zone(), there]);
        let selector = Selector { conditions: vec![condition], ..of_class("Host") };
        sketch.requirement(nodes[place], "host", SERVICE, Some(selector));
    }
    let condition = call("equal", [target_zone(), literal("south")]);
    let selector = Selector { conditions: vec![condition], ..of_class("Host") };
    sketch.requirement(nodes[2], "host", SERVICE, Some(selector));
    let resolution = sketch.resolve().unwrap();
    assert_eq!(
        edges(&resolution.graph),
        ["first→host[0]→south/host", "second→host[0]→south/host", "third→host[0]→south/host"]
    );
    assert_eq!(marks(&resolution.graph), [""; 0]);
}

#[test]
fn a_requirement_that_waits_for_its_own_source_says_so() {
    let mut sketch = Sketch::new(Properties::new());
    zoned(&mut sketch, "north", stored("north"));
    let app = sketch.node("app", "App", None, properties([("pid", Property::default())]));
    let count = Count::Of(call("read", [literal("pid")]));
    sketch.requirement(app, "host", SERVICE, Some(Selector { count, ..of_class("Host") }));
    let said: Vec<_> = sketch.resolve().unwrap().postponed.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "requirement `host` of `app` (service.yaml:101:1) waits for `app.pid`, which `app` itself has only after that"
        ]
    );
}

#[test]
fn a_requirement_may_wait_for_an_optional_one() {
    let mut sketch = Sketch::new(Properties::new());
    zoned(&mut sketch, "north", stored("north"));
    let app = sketch.node("app", "App", None, Properties::new());
    let same = call("equal", [target_zone(), call("through", [literal("maybe"), literal("zone")])]);
    sketch.requirement(app, "host", SERVICE, Some(Selector { conditions: vec![same], ..of_class("Host") }));
    sketch.requirement(app, "maybe", SERVICE, Some(Selector { optional: true, ..of_class("Host") }));
    assert_eq!(
        edges(&sketch.resolve().unwrap().graph),
        ["app→host[0]→north/host", "app→maybe[0]→north/host"]
    );
}

#[test]
fn c004_what_waits_for_itself_is_an_error_with_the_circle() {
    let mut sketch = Sketch::new(Properties::new());
    zoned(&mut sketch, "north", stored("north"));
    let app = sketch.node("app", "App", None, Properties::new());
    for (name, other) in [("host", "disk"), ("disk", "net"), ("net", "host")] {
        let same = call("equal", [target_zone(), call("through", [literal(other), literal("zone")])]);
        sketch.requirement(app, name, SERVICE, Some(Selector { conditions: vec![same], ..of_class("Host") }));
    }
    // What only depends on the circle is not in it.
    let same = call("equal", [target_zone(), call("through", [literal("host"), literal("zone")])]);
    sketch.requirement(app, "behind", SERVICE, Some(Selector { conditions: vec![same], ..of_class("Host") }));
    let error = sketch.resolve().unwrap_err();
    let ResolveError::Circle(circle) = &error else { panic!("{error}") };
    let names: Vec<_> = circle.iter().map(|one| one.requirement.name.as_str()).collect();
    assert_eq!(names, ["host", "disk", "net"]);
    assert!(circle.iter().all(|one| one.requirement.origin.is_some()));
    assert_eq!(
        error.to_string(),
        "requirements wait for each other: requirement `host` of `app` (service.yaml:101:1) waits for \
         requirement `disk` of `app`; requirement `disk` of `app` (service.yaml:102:1) waits for \
         requirement `net` of `app`; requirement `net` of `app` (service.yaml:103:1) waits for \
         requirement `host` of `app`"
    );
}

#[test]
fn c003_what_waits_for_run_time_is_postponed_with_what_depends_on_it() {
    let mut sketch = Sketch::new(Properties::new());
    zoned(&mut sketch, "north", Property::default());
    let app = sketch.node("app", "App", None, Properties::new());
    let is_north = call("equal", [target_zone(), literal("north")]);
    sketch.requirement(
        app,
        "host",
        SERVICE,
        Some(Selector { conditions: vec![is_north], ..of_class("Host") }),
    );
    let same = call("equal", [literal("north"), call("through", [literal("host"), literal("zone")])]);
    sketch.requirement(app, "disk", SERVICE, Some(Selector { conditions: vec![same], ..of_class("Host") }));
    let resolution = sketch.resolve().unwrap();
    assert_eq!(edges(&resolution.graph), [""; 0]);
    assert_eq!(marks(&resolution.graph), ["app: [disk, host]"]);
    let said: Vec<_> = resolution.postponed.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "requirement `host` of `app` (service.yaml:101:1) waits for `north/host.zone`",
            "requirement `disk` of `app` (service.yaml:102:1) waits for requirement `host` of `app`"
        ]
    );
    // Once it is known, the rest follows.
    let mut known = resolution.graph;
    let mut host = known.vertexes().find(|vertex| vertex.name == "host").unwrap().clone();
    host.properties.get_mut("zone").unwrap().value = Some(Value::from("north"));
    known.put_vertex(host);
    let resolution = sketch.resolve_again(&known).unwrap();
    assert_eq!(edges(&resolution.graph), ["app→disk[0]→north/host", "app→host[0]→north/host"]);
    assert_eq!((marks(&resolution.graph), resolution.postponed.len()), (Vec::new(), 0));
}
