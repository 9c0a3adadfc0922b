//! Who leads to whom: the patterns of chapter 14, and the rules of 8.5.

use floria::{
    ClassName, Expression, Metadata, Named, Properties, Value, VertexTemplateId,
    rules::{ALLOCATION, Count, REACH, Selector, VALID_RELATIONSHIPS, VALID_SOURCES},
};
use floria_resolver::ResolveError;

use crate::support::{Sketch, call, edges, literal, of_class, properties, stored};

const SERVICE: VertexTemplateId = VertexTemplateId(1);

/// Templates `left` and `right`, as often as is said, and a requirement `uses` of `left`.
fn pair(left: Option<i64>, right: Option<i64>, room: i64, selector: Option<Selector>) -> Sketch {
    let mut sketch = Sketch::new(Properties::new());
    let left = sketch.node("left", "Left", left.map(literal), Properties::new());
    let right = sketch.node("right", "Right", right.map(literal), Properties::new());
    let feature = sketch.capability(right, "feature", "Feature", properties([("room", stored(room))]));
    sketch.requirement(left, "uses", feature, selector);
    sketch
}

/// Which right ones each left one uses, as in `0:01 1:01`.
fn pattern(sketch: &Sketch) -> String {
    let graph = sketch.resolve().unwrap().graph;
    let mut lines: Vec<String> = Vec::new();
    for vertex in graph.vertexes().filter(|vertex| vertex.name.starts_with("left")) {
        let mut line = vertex.name.trim_start_matches("left").trim_start_matches('-').to_owned() + ":";
        for (place, edge) in graph.outgoing(vertex.id).enumerate() {
            assert_eq!(edge.index as usize, place);
            let target = graph.path_of(edge.target);
            line += target.trim_start_matches("right-").trim_end_matches("/feature");
        }
        lines.push(line);
    }
    lines.join(" ")
}

fn takes_one() -> Named<Expression> {
    [("room".to_owned(), literal(1))].into()
}

#[test]
fn c314_many_to_one() {
    assert_eq!(pattern(&pair(Some(4), None, 0, None)), "0:right 1:right 2:right 3:right");
}

#[test]
fn c315_one_to_many_leads_to_different_ones() {
    let selector = Selector { count: Count::Of(literal(3)), ..Selector::default() };
    assert_eq!(pattern(&pair(None, Some(4), 0, Some(selector))), ":012");
    assert_eq!(pattern(&pair(None, Some(4), 0, Some(Selector::default()))), ":0");
    let all = Selector { count: Count::All, ..Selector::default() };
    assert_eq!(pattern(&pair(None, Some(4), 0, Some(all))), ":0123");
}

#[test]
fn c316_full_mesh() {
    let selector = Selector { count: Count::Of(literal(3)), ..Selector::default() };
    assert_eq!(pattern(&pair(Some(2), Some(3), 0, Some(selector))), "0:012 1:012");
}

#[test]
fn c317_c137_matched_pairs_and_an_index_without_candidate() {
    let matched = || Selector { index: Some(call("index", [])), ..Selector::default() };
    assert_eq!(pattern(&pair(Some(3), Some(3), 0, Some(matched()))), "0:0 1:1 2:2");
    let error = pair(Some(3), Some(2), 0, Some(matched())).resolve().unwrap_err();
    let ResolveError::Unmet(all) = &error else { panic!("{error}") };
    assert_eq!((all.len(), all[0].requirement.path.as_str()), (1, "left-2"));
    // The index of the relationship itself, which is only known at the edge.
    let selector = Selector {
        index: Some(call("relationship_index", [])),
        count: Count::Of(literal(2)),
        ..Selector::default()
    };
    assert_eq!(pattern(&pair(None, Some(2), 0, Some(selector))), ":01");
    // A node without a count has the index 0.
    let first = Selector { index: Some(literal(0)), ..Selector::default() };
    assert_eq!(pattern(&pair(None, None, 0, Some(first))), ":right");
}

#[test]
fn c318_c319_random_pairs_and_many_to_many() {
    let taking = |count: i64| Selector {
        allocation: takes_one(),
        count: Count::Of(literal(count)),
        ..Selector::default()
    };
    assert_eq!(pattern(&pair(Some(3), Some(3), 1, Some(taking(1)))), "0:0 1:1 2:2");
    assert_eq!(pattern(&pair(Some(3), Some(6), 1, Some(taking(2)))), "0:01 1:23 2:45");
    assert_eq!(pattern(&pair(Some(6), Some(4), 3, Some(taking(2)))), "0:01 1:01 2:01 3:23 4:23 5:23");
    let graph = pair(Some(1), Some(1), 1, Some(taking(1))).resolve().unwrap().graph;
    assert_eq!(graph.edges().next().unwrap().metadata.get(ALLOCATION), Some(&Value::map([("room", 1)])));
    // 200 of each: none is left over.
    let large = pair(Some(200), Some(200), 1, Some(taking(1))).resolve().unwrap().graph;
    let mut targets: Vec<_> = large.edges().map(|edge| edge.target).collect();
    targets.sort();
    targets.dedup();
    assert_eq!(targets.len(), 200);
    let error = pair(Some(201), Some(200), 1, Some(taking(1))).resolve().unwrap_err();
    assert!(matches!(&error, ResolveError::Unmet(all) if all.len() == 1), "{error}");
}

#[test]
fn a_requirement_without_rules_leads_to_one_instance() {
    let error = pair(None, Some(2), 0, None).resolve().unwrap_err();
    assert_eq!(
        error.to_string(),
        "edge template `uses` leads to template `feature`, of which there are 2 instances"
    );
    assert_eq!(error.origin().unwrap().line, 101);
    assert_eq!(pattern(&pair(Some(0), Some(2), 0, None)), "");
}

/// A service with servers of two classes, and clients that look for what they need.
fn servers() -> (Sketch, VertexTemplateId) {
    let mut sketch = Sketch::new(Properties::new());
    let client = sketch.node("client", "Client", None, Properties::new());
    for (name, class) in [("server1", "Server"), ("server2", "Server"), ("proxy", "Proxy")] {
        let node = sketch.node(name, class, None, Properties::new());
        sketch.capability(node, "service", "Service", Properties::new());
        sketch.capability(node, "admin", "Admin", Properties::new());
    }
    (sketch, client)
}

#[test]
fn c139_c149_open_requirements_look_for_classes_and_names_and_prefer_what_is_not_used() {
    let looks = |selectors: &[Selector]| {
        let (mut sketch, client) = servers();
        for selector in selectors {
            sketch.requirement(client, "service", SERVICE, Some(selector.clone()));
        }
        sketch.resolve().map(|resolution| edges(&resolution.graph))
    };
    let class = |name: &str| Some(ClassName(name.to_owned()));
    let first = of_class("Service");
    assert_eq!(looks(std::slice::from_ref(&first)).unwrap(), ["client→service[0]→server1/service"]);
    let all = looks(&[first.clone(), first.clone(), first.clone()]).unwrap();
    assert_eq!(
        all,
        [
            "client→service[0]→server1/service",
            "client→service[1]→server2/service",
            "client→service[2]→proxy/service"
        ]
    );
    let in_proxy = Selector { container_class: class("Proxy"), ..of_class("Service") };
    assert_eq!(looks(&[in_proxy]).unwrap(), ["client→service[0]→proxy/service"]);
    let named = Selector { name: Some("admin".to_owned()), ..Selector::default() };
    assert_eq!(looks(&[named]).unwrap(), ["client→service[0]→server1/admin"]);
    let valid =
        Selector { valid_container_classes: Some(vec![class("Proxy").unwrap()]), ..of_class("Admin") };
    assert_eq!(looks(&[valid]).unwrap(), ["client→service[0]→proxy/admin"]);
    // What may be left out comes last, whatever its place; and what is left out leaves no gap.
    let optional = |class: &str| Selector { optional: true, ..of_class(class) };
    assert_eq!(looks(&[optional("Nothing"), first.clone()]).unwrap(), ["client→service[0]→server1/service"]);
    assert_eq!(
        looks(&[optional("Service"), first]).unwrap(),
        ["client→service[0]→server2/service", "client→service[1]→server1/service"]
    );
}

#[test]
fn c139_what_is_optional_gives_way() {
    let mut sketch = Sketch::new(Properties::new());
    let node = sketch.node("db", "Db", None, Properties::new());
    sketch.capability(node, "host", "Host", properties([("room", stored(1))]));
    let takes = |optional| Selector { optional, allocation: takes_one(), ..of_class("Host") };
    let first = sketch.node("first", "Client", None, Properties::new());
    let second = sketch.node("second", "Client", None, Properties::new());
    sketch.requirement(first, "host", SERVICE, Some(takes(true)));
    sketch.requirement(second, "host", SERVICE, Some(takes(false)));
    let resolution = sketch.resolve().unwrap();
    assert_eq!(edges(&resolution.graph), ["second→host[0]→db/host"]);
    let [left] = resolution.unfulfilled.as_slice() else { panic!("{:?}", resolution.unfulfilled) };
    assert_eq!((left.path.as_str(), left.made, left.wanted), ("first", 0, Some(1)));
}

#[test]
fn c140_c142_counts_are_within_the_range() {
    let with = |counts: &[(i64, bool)]| {
        let (mut sketch, client) = servers();
        for (count, optional) in counts {
            let selector = Selector {
                count: Count::Of(literal(*count)),
                optional: *optional,
                range: Some((1, Some(2))),
                ..of_class("Service")
            };
            sketch.requirement(client, "service", SERVICE, Some(selector));
        }
        sketch.resolve().map(|resolution| resolution.graph.edges().len()).map_err(|error| error.to_string())
    };
    assert_eq!(with(&[(1, false), (1, true)]), Ok(2));
    let says = |text: &str| Err(format!("`client/service` has {text}, and there must be 1 to 2"));
    assert_eq!(with(&[(2, false), (1, true)]), says("3 targets"));
    assert_eq!(with(&[(1, true)]), says("0 targets that are not optional"));
    assert_eq!(
        with(&[(-1, false)]),
        Err("how many `client/service` there are is no count: -1 is negative".to_owned())
    );
}

#[test]
fn capabilities_say_who_may_use_them() {
    let with = |mark: &str, value: &str| {
        let (mut sketch, client) = servers();
        let metadata: Metadata = [(mark.to_owned(), Value::List(vec![value.into()]))].into();
        sketch.0.vertexes[3].metadata = metadata;
        assert_eq!(sketch.0.vertexes[3].name, "service");
        sketch.requirement(client, "service", SERVICE, Some(of_class("Service")));
        edges(&sketch.resolve().unwrap().graph).remove(0)
    };
    let (first, second) = ("client→service[0]→server1/service", "client→service[0]→server2/service");
    assert_eq!(with(VALID_SOURCES, "Client"), first);
    assert_eq!(with(VALID_SOURCES, "Server"), second);
    assert_eq!(with(VALID_RELATIONSHIPS, "Link"), first);
    assert_eq!(with(VALID_RELATIONSHIPS, "Bond"), second);
    assert_eq!(with(REACH, "internal"), first);
    assert_eq!(with(REACH, "external"), second);
}

#[test]
fn a_redeploy_changes_nothing_and_what_is_new_moves_nothing() {
    let count = |left: i64| {
        let selector = Selector { allocation: takes_one(), ..Selector::default() };
        pair(Some(left), Some(3), 1, Some(selector))
    };
    let mut graph = count(2).resolve().unwrap().graph;
    // Somebody moved what was first: it stays there.
    let mut edge = graph.edges().next().unwrap().clone();
    let right = graph.vertexes().rfind(|vertex| vertex.name == "feature").unwrap().id;
    edge.target = right;
    graph.put_edge(edge);
    let again = count(2).resolve_again(&graph).unwrap().graph;
    assert_eq!(again, graph);
    let more = count(3).resolve_again(&graph).unwrap().graph;
    assert_eq!(
        edges(&more),
        [
            "left-0→uses[0]→right-2/feature",
            "left-1→uses[0]→right-1/feature",
            "left-2→uses[0]→right-0/feature"
        ]
    );
    let fewer = count(1).resolve_again(&more).unwrap().graph;
    assert_eq!(edges(&fewer), ["left-0→uses[0]→right-2/feature"]);
}
