//! Where the first choice is wrong.

use floria::{
    Expression, Named, Properties, Value, VertexTemplateId,
    rules::{Count, Selector},
};
use floria_resolver::{Limits, NoHooks, Request, ResolveError, resolve};

use crate::support::{Sketch, call, edges, literal, of_class, properties, request, stored};

const SERVICE: VertexTemplateId = VertexTemplateId(1);

fn takes(amount: i64) -> Named<Expression> {
    [("room".to_owned(), literal(amount))].into()
}

fn host(sketch: &mut Sketch, name: &str, room: i64, zone: &str) {
    let node = sketch.node(name, "Server", None, Properties::new());
    let all = properties([("room", stored(room)), ("zone", stored(zone))]);
    sketch.capability(node, "host", "Host", all);
}

fn in_zone(zone: &str) -> Vec<Expression> {
    vec![call("equal", [call("target", [literal("zone")]), literal(zone)])]
}

/// A node with one requirement.
fn client(sketch: &mut Sketch, name: &str, selector: Selector) {
    let node = sketch.node(name, "Client", None, Properties::new());
    sketch.requirement(node, "host", SERVICE, Some(selector));
}

#[test]
fn only_backtracking_finds_room_for_the_large_one() {
    let mut sketch = Sketch::new(Properties::new());
    host(&mut sketch, "large", 3, "a");
    host(&mut sketch, "small", 2, "a");
    client(&mut sketch, "one", Selector { allocation: takes(1), ..of_class("Host") });
    client(&mut sketch, "other", Selector { allocation: takes(1), ..of_class("Host") });
    client(&mut sketch, "wide", Selector { allocation: takes(3), ..of_class("Host") });
    assert_eq!(
        edges(&sketch.resolve().unwrap().graph),
        ["one→host[0]→small/host", "other→host[0]→small/host", "wide→host[0]→large/host"]
    );
}

#[test]
fn only_backtracking_finds_a_target_that_a_later_condition_wants() {
    let mut sketch = Sketch::new(Properties::new());
    host(&mut sketch, "first", 9, "a");
    host(&mut sketch, "second", 9, "b");
    let app = sketch.node("app", "Client", None, Properties::new());
    sketch.requirement(app, "host", SERVICE, Some(of_class("Host")));
    let same = call(
        "equal",
        [call("target", [literal("zone")]), call("through", [literal("host"), literal("zone")])],
    );
    let disk = sketch.node("disk", "Disk", None, Properties::new());
    sketch.capability(disk, "storage", "Storage", properties([("zone", stored("b"))]));
    sketch.requirement(
        app,
        "storage",
        SERVICE,
        Some(Selector { conditions: vec![same], ..of_class("Storage") }),
    );
    assert_eq!(
        edges(&sketch.resolve().unwrap().graph),
        ["app→host[0]→second/host", "app→storage[0]→disk/storage"]
    );
}

#[test]
fn only_a_matching_satisfies_all_allocations() {
    // Each may use two servers, and the first choice of all but the last is the one that the next has to have.
    let mut sketch = Sketch::new(Properties::new());
    let zones: Vec<String> = (0..40).map(|zone| zone.to_string()).collect();
    for zone in &zones {
        host(&mut sketch, &format!("server{zone}"), 1, zone);
    }
    let target = || call("target", [literal("zone")]);
    for place in 0..zones.len() {
        let of = |zone: usize| call("equal", [target(), literal(zones[zone % zones.len()].as_str())]);
        let name = format!("client{place}");
        // Either: one of the two is true, so they are not equal.
        let either = call("differ", [of(place), of(place + 1)]);
        client(
            &mut sketch,
            &name,
            Selector { conditions: vec![either], allocation: takes(1), ..of_class("Host") },
        );
    }
    client(
        &mut sketch,
        "late",
        Selector { conditions: in_zone("0"), allocation: takes(1), ..of_class("Host") },
    );
    sketch.0.edges.remove(7);
    let graph = sketch.resolve().unwrap().graph;
    let late = edges(&graph).into_iter().find(|edge| edge.starts_with("late")).unwrap();
    assert_eq!(late, "late→host[0]→server0/host");
    assert_eq!(graph.edges().len(), 40);
}

#[test]
fn what_cannot_be_is_found_out_fast_and_what_takes_too_long_is_given_up() {
    // As many as there are holes, and one more.
    let mut sketch = Sketch::new(Properties::new());
    for hole in 0..30 {
        host(&mut sketch, &format!("hole{hole}"), 1, "a");
    }
    for pigeon in 0..31 {
        client(
            &mut sketch,
            &format!("pigeon{pigeon}"),
            Selector { conditions: in_zone("a"), allocation: takes(1), ..of_class("Host") },
        );
    }
    let error = sketch.resolve().unwrap_err();
    assert!(matches!(&error, ResolveError::Unmet(all) if all.len() == 1), "{error}");

    // More different targets than there are, and than conditions leave.
    for (count, zone) in [(1_001, None), (1_000_000, None), (901, Some("a"))] {
        let mut sketch = Sketch::new(Properties::new());
        for place in 0..1_000 {
            host(&mut sketch, &format!("host{place}"), 1, if place < 900 { "a" } else { "b" });
        }
        let conditions = zone.map(in_zone).unwrap_or_default();
        let selector = Selector { conditions, count: Count::Of(literal(count)), ..of_class("Host") };
        client(&mut sketch, "client", selector);
        let error = sketch.resolve().unwrap_err();
        assert!(matches!(&error, ResolveError::Unmet(all) if all.len() == 1), "{error}");
    }

    // Amounts that differ: nobody knows a fast way.
    let mut sketch = Sketch::new(Properties::new());
    for bin in 0..8 {
        host(&mut sketch, &format!("bin{bin}"), 100, "a");
    }
    for (place, size) in [51, 34, 27, 49, 33, 26, 50, 35, 28].iter().cycle().take(27).enumerate() {
        client(
            &mut sketch,
            &format!("item{place}"),
            Selector { allocation: takes(*size), ..of_class("Host") },
        );
    }
    let (inputs, current) = Default::default();
    let limits = Limits { steps_max: 500, ..Limits::default() };
    let request = Request { limits, ..request(&sketch.0, &inputs, &current) };
    let error = resolve(&request, &mut (1..), &mut NoHooks).unwrap_err();
    let ResolveError::GaveUp { steps: 500, explanation } = &error else { panic!("{error}") };
    assert!(explanation.to_string().contains("has not"), "{explanation}");
}

#[test]
fn amounts_are_integers_floats_and_custom_values_of_one_type() {
    let scalar = |number: i64, type_name: &str| {
        Value::from(floria::Custom {
            type_name: type_name.to_owned(),
            order: (number * 1_000_000).into(),
            text: format!("{number} MB"),
        })
    };
    let with = |capacity: Value, amount: Value, count: usize| {
        let mut sketch = Sketch::new(Properties::new());
        let node = sketch.node("server", "Server", None, Properties::new());
        sketch.capability(node, "host", "Host", properties([("room", stored(capacity))]));
        for place in 0..count {
            let allocation = [("room".to_owned(), Expression::Literal(amount.clone()))].into();
            client(&mut sketch, &format!("c{place}"), Selector { allocation, ..of_class("Host") });
        }
        sketch.resolve().map(|resolution| resolution.graph.edges().len()).map_err(|error| error.to_string())
    };
    assert_eq!(with(2.into(), 1.into(), 2), Ok(2));
    assert!(with(2.into(), 1.into(), 3).is_err());
    assert_eq!(with(1.5.into(), 0.5.into(), 3), Ok(3));
    assert!(with(1.5.into(), 0.5.into(), 4).is_err());
    assert_eq!(with(scalar(3, "size"), scalar(1, "size"), 3), Ok(3));
    assert!(with(scalar(3, "size"), scalar(1, "size"), 4).is_err());
    let says = |result: Result<usize, String>, text: &str| {
        let error = result.unwrap_err();
        assert!(error.contains(text), "{error}");
    };
    says(with(scalar(3, "size"), scalar(1, "time"), 1), "`room` is 3 MB, which 1 MB cannot be compared with");
    says(with("much".into(), 1.into(), 1), "`room` is much, which is no amount");
    says(with(Value::Null, 1.into(), 1), "`room` has no value");
    says(with(2.into(), (-1).into(), 1), "`room` cannot be taken -1 of");
}

#[test]
fn requirements_of_several_targets_are_matched_too() {
    let mut sketch = Sketch::new(Properties::new());
    for name in ["a", "b", "c"] {
        host(&mut sketch, name, 1, name);
    }
    let two = Selector { count: Count::Of(literal(2)), allocation: takes(1), ..of_class("Host") };
    client(&mut sketch, "two", two);
    client(
        &mut sketch,
        "one",
        Selector { conditions: in_zone("b"), allocation: takes(1), ..of_class("Host") },
    );
    assert_eq!(
        edges(&sketch.resolve().unwrap().graph),
        ["one→host[0]→b/host", "two→host[0]→a/host", "two→host[1]→c/host"]
    );
}
