//! Why an edge leads where it leads, or nowhere.

use std::collections::BTreeMap;

use floria::{
    ClassName, Graph, Metadata, Properties, Value, VertexTemplateId,
    rules::{Count, Selector},
};
use floria_resolver::{
    Explanation, ResolveError, explain,
    explain::{LISTED_MAX, Verdict},
};

use crate::support::{Sketch, call, literal, of_class, properties, request, stored};

const SERVICE: VertexTemplateId = VertexTemplateId(1);

fn host(sketch: &mut Sketch, name: &str, class: &str, room: i64, zone: &str) -> VertexTemplateId {
    let node = sketch.node(name, class, None, Properties::new());
    sketch.capability(node, "host", "Host", properties([("room", stored(room)), ("zone", stored(zone))]))
}

fn selector() -> Selector {
    Selector {
        container_class: Some(ClassName("x:Server".to_owned())),
        conditions: vec![call("equal", [call("target", [literal("zone")]), literal("north")])],
        allocation: [("room".to_owned(), literal(2))].into(),
        ..of_class("Host")
    }
}

fn explained(sketch: &Sketch, graph: &Graph, node: &str, requirement: &str) -> Vec<Explanation> {
    let inputs = BTreeMap::new();
    let source = graph.vertexes().find(|vertex| vertex.name == node).unwrap().id;
    explain(&request(&sketch.0, &inputs, graph), graph, source, requirement).unwrap()
}

fn lines(explanation: &Explanation) -> Vec<String> {
    explanation.to_string().lines().map(str::to_owned).collect()
}

#[test]
fn c005_an_unmet_requirement_says_of_each_candidate_what_it_failed_at_first() {
    let mut sketch = Sketch::new(Properties::new());
    host(&mut sketch, "small", "x:Server", 1, "north");
    host(&mut sketch, "far", "x:Server", 9, "south");
    host(&mut sketch, "router", "x:Router", 9, "north");
    let reserved = host(&mut sketch, "reserved", "x:Server", 9, "north");
    let metadata: Metadata =
        [("khutulun.valid-sources".to_owned(), Value::List(vec!["x:Database".into()]))].into();
    sketch.0.vertexes[reserved.0 as usize - 1].metadata = metadata;
    let app = sketch.node("app", "x:App", None, Properties::new());
    sketch.requirement(app, "host", SERVICE, Some(selector()));
    let error = sketch.resolve().unwrap_err();
    assert_eq!(error.origin().unwrap().line, 101);
    let ResolveError::Unmet(all) = &error else { panic!("{error}") };
    assert_eq!(
        lines(&all[0]),
        [
            "requirement `host` of `app`: 0 of 1 targets (service.yaml:101:1)",
            "  asks for `Host`",
            "  asks for something in `Server`",
            "  asks for a condition (service.yaml:7:1)",
            "  asks for 2 of `room`",
            "  small/host: has not 2 left of `room` 1 (service.yaml:101:1)",
            "  far/host: the condition is false (service.yaml:7:1)",
            "  reserved/host: is only for `Database` (service.yaml:9:1)",
            "  router/host: is in no `Server` (service.yaml:101:1)",
        ]
    );
}

#[test]
fn too_few_that_fit_are_told_as_such() {
    let mut sketch = Sketch::new(Properties::new());
    for name in ["first", "second"] {
        host(&mut sketch, name, "x:Server", 9, "north");
    }
    let app = sketch.node("app", "x:App", None, Properties::new());
    let count = Count::Of(literal(3));
    sketch.requirement(app, "host", SERVICE, Some(Selector { count, ..of_class("Host") }));
    let ResolveError::Unmet(all) = sketch.resolve().unwrap_err() else { panic!("it is unmet") };
    assert_eq!(
        lines(&all[0])[2..],
        [
            "  first/host: chosen, as 0",
            "  second/host: chosen, as 1",
            "  only 2 can be targets, each of them once"
        ]
    );
}

#[test]
fn what_was_chosen_is_explained_too_and_so_is_what_is_optional() {
    let mut sketch = Sketch::new(Properties::new());
    host(&mut sketch, "first", "x:Server", 3, "north");
    host(&mut sketch, "second", "x:Server", 3, "north");
    host(&mut sketch, "third", "x:Server", 1, "north");
    for name in ["app", "other", "late"] {
        let node = sketch.node(name, "x:App", None, Properties::new());
        sketch.requirement(node, "host", SERVICE, Some(Selector { optional: true, ..selector() }));
    }
    let graph = sketch.resolve().unwrap().graph;
    let [app] = explained(&sketch, &graph, "app", "host").try_into().unwrap();
    let verdicts: Vec<_> =
        app.candidates.iter().map(|one| format!("{}: {}", one.path, one.verdict)).collect();
    let holders = "of which some is for `other/host` (service.yaml:101:1)";
    assert_eq!(
        verdicts,
        [
            "first/host: chosen, as 0".to_owned(),
            format!("second/host: has not 2 left of `room` 3, {holders}"),
            "third/host: has not 2 left of `room` 1 (service.yaml:101:1)".to_owned()
        ]
    );
    let [late] = explained(&sketch, &graph, "late", "host").try_into().unwrap();
    assert_eq!((late.requirement.made, late.requirement.wanted), (0, Some(1)));
    assert!(late.candidates.iter().all(|one| matches!(one.verdict, Verdict::Dropped { .. })));
    assert_eq!(explained(&sketch, &graph, "late", "nothing"), []);
}

#[test]
fn what_could_be_is_told_from_what_waits() {
    let mut sketch = Sketch::new(Properties::new());
    host(&mut sketch, "first", "x:Server", 3, "north");
    host(&mut sketch, "second", "x:Server", 3, "north");
    let app = sketch.node("app", "x:App", None, Properties::new());
    sketch.requirement(app, "host", SERVICE, Some(selector()));
    let [explained] = {
        let graph = sketch.resolve().unwrap().graph;
        explained(&sketch, &graph, "app", "host").try_into().unwrap()
    };
    let verdicts: Vec<_> = explained.candidates.iter().map(|one| one.verdict.clone()).collect();
    assert_eq!(verdicts, [Verdict::Chosen { index: 0 }, Verdict::Fits]);

    // Nobody knows the zone yet.
    sketch.0.vertexes[2].properties.insert("zone".to_owned(), floria::Property::default());
    let graph = sketch.resolve().unwrap().graph;
    let [waiting] = self::explained(&sketch, &graph, "app", "host").try_into().unwrap();
    let verdicts: Vec<_> = waiting.candidates.iter().map(|one| one.verdict.clone()).collect();
    assert_eq!(verdicts, [Verdict::Waits(vec!["`first/host.zone`".to_owned()]), Verdict::Fits]);
}

#[test]
fn many_candidates_are_some_and_a_number() {
    let mut sketch = Sketch::new(Properties::new());
    let node = sketch.node("far", "x:Server", Some(literal(500)), Properties::new());
    sketch.capability(node, "host", "Host", properties([("room", stored(9)), ("zone", stored("south"))]));
    host(&mut sketch, "small", "x:Server", 1, "north");
    let app = sketch.node("app", "x:App", None, Properties::new());
    sketch.requirement(app, "host", SERVICE, Some(selector()));
    let ResolveError::Unmet(all) = sketch.resolve().unwrap_err() else { panic!("it cannot be met") };
    assert_eq!(all[0].candidates.len(), LISTED_MAX + 1);
    let [left_out] = all[0].left_out.as_slice() else { panic!("{:?}", all[0].left_out) };
    assert_eq!((left_out.count, left_out.reason.as_str()), (480, "the condition is false"));
    assert_eq!(lines(&all[0]).last().unwrap(), "  480 more: the condition is false (service.yaml:7:1)");
}
