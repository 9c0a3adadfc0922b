//! After a change, only what depends on it is evaluated again, and comes to the same as if everything had been.

use std::sync::atomic::{AtomicUsize, Ordering};

use floria::{
    Call, Change, Evaluated, EvaluationError, Evaluator, Functions, Graph, Memos, Property, Site, Structure,
    Value, VertexId,
};
use proptest::prelude::*;

use crate::support::{
    Calculator, call, computed, edge, graph, literal, origin, properties, read, stored, vertex,
};

/// Counts calls, and looks at structure: `targets` lists where the edges `uses` of a vertex lead.
#[derive(Default)]
struct Counting(AtomicUsize);

impl Functions for Counting {
    fn call(
        &self,
        call: &Call,
        at: Site,
        evaluator: &mut Evaluator<'_>,
    ) -> Result<Evaluated, EvaluationError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        if call.function != "targets" {
            return Calculator.call(call, at, evaluator);
        }
        let Site::Vertex(id) = at else { return Err(EvaluationError::new("not at a vertex")) };
        evaluator.depends_on(at, &Structure::Outgoing("uses").name());
        let targets = evaluator.graph().outgoing(id).filter(|edge| edge.name == "uses");
        Ok(Evaluated::Known(Value::List(targets.map(|edge| Value::Integer(edge.target.0 as i64)).collect())))
    }
}

impl Counting {
    fn calls(&self) -> usize {
        self.0.swap(0, Ordering::SeqCst)
    }
}

fn site(id: u64) -> Site {
    Site::Vertex(VertexId(id))
}

/// Puts another property in place of one, and says so.
fn put(graph: &mut Graph, memos: &mut Memos, id: u64, name: &str, property: Option<Property>) {
    let mut vertex = graph.vertex(VertexId(id)).unwrap().clone();
    match property {
        Some(property) => drop(vertex.properties.insert(name.to_owned(), property)),
        None => drop(vertex.properties.remove(name)),
    }
    let change = Change::put(vertex);
    memos.changed(graph, std::slice::from_ref(&change));
    graph.apply(&change);
}

/// Evaluates again what may have changed.
fn refresh(graph: &Graph, functions: &Counting, memos: Memos) -> (Vec<String>, Memos) {
    let mut evaluator = Evaluator::with_memos(graph, functions, memos);
    let changed = evaluator.refresh(&mut |_, _, _| false);
    let shown = changed.iter().map(|(site, name)| match site {
        Site::Vertex(id) => format!("{}.{name}", graph.path_of(*id)),
        Site::Edge(id) => format!("edge {id}.{name}"),
    });
    (shown.collect(), evaluator.into_memos())
}

#[test]
fn only_what_depends_on_a_change_is_evaluated_again_and_what_comes_out_equal_changes_nothing_further() {
    let mut graph = graph([
        ("a", properties([("x", stored(1)), ("y", stored(5))])),
        ("b", properties([("sum", computed(call("add", [read(2, "x"), read(2, "y")]))), ("own", stored(1))])),
        ("c", properties([("after", computed(call("add", [read(3, "sum"), literal(1)])))])),
        ("d", properties([("other", computed(call("add", [read(2, "y")])))])),
    ]);
    let functions = Counting::default();
    let mut evaluator = Evaluator::new(&graph, &functions);
    for (id, name, value) in [(4, "after", 7), (5, "other", 5)] {
        assert_eq!(evaluator.property(site(id), name), Ok(Evaluated::Known(Value::Integer(value))));
    }
    let mut memos = evaluator.into_memos();
    assert_eq!(functions.calls(), 7);

    put(&mut graph, &mut memos, 2, "x", Some(stored(2)));
    let (changed, mut memos) = refresh(&graph, &functions, memos);
    assert_eq!((changed, functions.calls()), (vec!["b.sum".to_owned(), "c.after".to_owned()], 5));

    // 2 and 5 are as much as 3 and 4, once both have changed; `d.other` sees the difference.
    put(&mut graph, &mut memos, 2, "x", Some(stored(3)));
    put(&mut graph, &mut memos, 2, "y", Some(stored(4)));
    let (changed, mut memos) = refresh(&graph, &functions, memos);
    assert_eq!((changed, functions.calls()), (vec!["d.other".to_owned()], 5));

    // Nobody reads it.
    put(&mut graph, &mut memos, 3, "own", Some(stored(9)));
    let (changed, memos) = refresh(&graph, &functions, memos);
    assert_eq!((changed, functions.calls()), (vec![], 0));
    let mut evaluator = Evaluator::with_memos(&graph, &functions, memos);
    assert_eq!(evaluator.property(site(4), "after"), Ok(Evaluated::Known(Value::Integer(8))));
    assert_eq!(functions.calls(), 0);
}

#[test]
fn what_looks_at_edges_is_evaluated_again_when_one_is_added_or_goes() {
    let mut graph = graph([
        ("a", properties([("all", computed(call("targets", [])))])),
        ("b", properties([("all", computed(call("targets", []))), ("seen", computed(read(2, "all")))])),
    ]);
    let functions = Counting::default();
    let mut evaluator = Evaluator::new(&graph, &functions);
    evaluator.property(site(3), "seen").unwrap();
    evaluator.property(site(3), "all").unwrap();
    let mut memos = evaluator.into_memos();
    for change in
        [Change::put(edge(7, 2, "uses", 0, 3)), Change::Delete(floria::EntityKey::Edge(floria::EdgeId(7)))]
    {
        functions.calls();
        memos.changed(&graph, std::slice::from_ref(&change));
        graph.apply(&change);
        let (changed, rest) = refresh(&graph, &functions, memos);
        assert_eq!((changed, functions.calls()), (vec!["a.all".to_owned(), "b.seen".to_owned()], 2));
        memos = rest;
    }
    // Of another name.
    let change = Change::put(edge(7, 2, "owns", 0, 3));
    memos.changed(&graph, std::slice::from_ref(&change));
    graph.apply(&change);
    assert_eq!(refresh(&graph, &functions, memos).0, Vec::<String>::new());
}

#[test]
fn what_was_missing_and_what_was_in_a_circle_is_found_when_that_is_over() {
    let mut graph = graph([
        ("a", properties([("x", computed(read(3, "y")))])),
        ("b", properties([("y", computed(read(2, "x")))])),
        ("c", properties([("z", computed(read(2, "new")))])),
    ]);
    let functions = Counting::default();
    let mut evaluator = Evaluator::new(&graph, &functions);
    let cycle = evaluator.property(site(3), "y").unwrap_err();
    assert_eq!(evaluator.property(site(2), "x").unwrap_err().message, cycle.message);
    assert!(evaluator.property(site(4), "z").is_err());
    let mut memos = evaluator.into_memos();
    put(&mut graph, &mut memos, 3, "y", Some(stored(1)));
    put(&mut graph, &mut memos, 2, "new", Some(stored(2)));
    let (changed, memos) = refresh(&graph, &functions, memos);
    assert_eq!(changed, ["a.new", "c.z", "b.y", "a.x"]);
    let mut evaluator = Evaluator::with_memos(&graph, &functions, memos);
    assert_eq!(evaluator.property(site(2), "x"), Ok(Evaluated::Known(Value::Integer(1))));
    assert_eq!(evaluator.property(site(4), "z"), Ok(Evaluated::Known(Value::Integer(2))));
}

#[test]
fn what_is_put_off_is_left_for_the_next_time_with_what_was_computed_from_it() {
    let mut graph = graph([
        ("a", properties([("x", stored(1))])),
        ("b", properties([("wide", computed(read(2, "x"))), ("near", computed(read(2, "x")))])),
        ("c", properties([("far", computed(read(3, "wide")))])),
    ]);
    let functions = Counting::default();
    let mut evaluator = Evaluator::new(&graph, &functions);
    for (id, name) in [(4, "far"), (3, "near")] {
        evaluator.property(site(id), name).unwrap();
    }
    let mut memos = evaluator.into_memos();
    put(&mut graph, &mut memos, 2, "x", Some(stored(2)));
    let mut evaluator = Evaluator::with_memos(&graph, &functions, memos);
    assert_eq!(evaluator.refresh(&mut |_, name, _| name == "wide"), [(site(3), "near".to_owned())]);
    // Whoever asks gets what it is now; that it changed is still told.
    assert_eq!(evaluator.property(site(4), "far"), Ok(Evaluated::Known(Value::Integer(2))));
    let rest = evaluator.refresh(&mut |_, _, _| false);
    assert_eq!(rest, [(site(3), "wide".to_owned()), (site(4), "far".to_owned())]);
    assert_eq!(evaluator.refresh(&mut |_, _, _| false), []);
}

#[test]
fn long_chains_are_evaluated_again_however_long() {
    let mut graph = graph([("a", properties([("x", stored(0))]))]);
    let length = 3_000;
    for id in 3..length {
        let next = computed(call("add", [read(id as i64 - 1, "x"), literal(1)]));
        graph.put_vertex(vertex(id, Some(1), &format!("n{id}"), properties([("x", next)])));
    }
    let functions = Counting::default();
    let mut evaluator = Evaluator::new(&graph, &functions);
    for id in 2..length {
        evaluator.property(site(id), "x").unwrap();
    }
    let mut memos = evaluator.into_memos();
    put(&mut graph, &mut memos, 2, "x", Some(stored(1)));
    let (changed, memos) = refresh(&graph, &functions, memos);
    assert_eq!(changed.len() as u64, length - 3);
    let mut evaluator = Evaluator::with_memos(&graph, &functions, memos);
    let last = evaluator.property(site(length - 1), "x");
    assert_eq!(last, Ok(Evaluated::Known(Value::Integer(length as i64 - 2))));
}

#[test]
fn a_property_that_is_kept_gives_way_to_nothing() {
    let fixed = Property { value: Some(Value::Integer(1)), ..computed(read(2, "x")) };
    let follows = Property { read_only: false, ..fixed.clone() };
    let graph = graph([
        ("a", properties([("x", stored(2))])),
        ("b", properties([("fixed", fixed), ("follows", follows), ("first", computed(read(2, "x")))])),
    ]);
    let keeps = |at| at == site(3);
    let mut evaluator = Evaluator::new(&graph, &Calculator).keeping(&keeps);
    for (name, value) in [("fixed", 1), ("follows", 2), ("first", 2)] {
        assert_eq!(evaluator.property(site(3), name), Ok(Evaluated::Known(Value::Integer(value))));
    }
}

#[test]
fn a_long_cycle_is_shortened_and_each_link_has_its_place() {
    let length = 50;
    let mut graph = graph([]);
    for id in 2..2 + length {
        let next = if id == 1 + length { 2 } else { id + 1 };
        let link = Property { origin: Some(origin(id as u32)), ..computed(read(next as i64, "x")) };
        graph.put_vertex(vertex(id, Some(1), &format!("n{id}"), properties([("x", link)])));
    }
    let error = Evaluator::new(&graph, &Calculator).property(site(30), "x").unwrap_err();
    assert_eq!(
        error.message,
        "a property depends on itself: `n2.x` (service.yaml:2) → `n3.x` (service.yaml:3) → `n4.x` (service.yaml:4) → \
         `n5.x` (service.yaml:5) → `n6.x` (service.yaml:6) → `n7.x` (service.yaml:7) → 41 more → `n49.x` (service.yaml:49) → \
         `n50.x` (service.yaml:50) → `n51.x` (service.yaml:51) → `n2.x`"
    );
}

/// What a property may be: 0 to 2 what others come to, a number, or nothing.
fn property(choice: u8, targets: (u8, u8), count: u64) -> Option<Property> {
    let target = |index: u8| read(2 + i64::from(index) % count as i64, "x");
    match choice % 8 {
        0 => None,
        1 => Some(Property::default()),
        2 | 3 => Some(stored(i64::from(targets.0 % 3))),
        4 => Some(computed(call("add", [call("targets", []), target(targets.1)]))),
        5 => Some(computed(target(targets.0))),
        _ => Some(computed(call("add", [target(targets.0), target(targets.1)]))),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn again_after_changes_is_the_same_as_from_the_beginning(
        first in prop::collection::vec((any::<u8>(), any::<(u8, u8)>()), 9),
        rounds in prop::collection::vec(
            prop::collection::vec((0..9_u8, any::<u8>(), any::<(u8, u8)>(), any::<bool>()), 1..4), 1..6),
        asked in any::<u16>(),
    ) {
        let count = first.len() as u64;
        let functions = Counting::default();
        let mut graph = graph([]);
        for (index, (choice, targets)) in first.into_iter().enumerate() {
            let x = property(choice, targets, count).into_iter().map(|property| ("x".to_owned(), property));
            graph.put_vertex(vertex(index as u64 + 2, Some(1), &format!("n{index}"), x.collect()));
        }
        let mut memos = Memos::default();
        for (round, changes) in rounds.into_iter().enumerate() {
            let mut evaluator = Evaluator::with_memos(&graph, &functions, memos);
            for index in (0..count).filter(|index| round > 0 || asked & 1 << index != 0) {
                let was = evaluator.property(site(index + 2), "x");
                let is = Evaluator::new(&graph, &functions).property(site(index + 2), "x");
                match (was, is) {
                    (Ok(was), Ok(is)) => prop_assert_eq!(was, is),
                    (was, is) => prop_assert_eq!(was.is_err(), is.is_err()),
                }
            }
            memos = evaluator.into_memos();
            for (index, choice, targets, is_refreshed) in changes {
                let id = u64::from(index) + 2;
                put(&mut graph, &mut memos, id, "x", property(choice, targets, count));
                let arrow = edge(100 + u64::from(index), id, "uses", 0, 2 + u64::from(choice) % count);
                let change = Change::put(arrow);
                memos.changed(&graph, std::slice::from_ref(&change));
                graph.apply(&change);
                if is_refreshed {
                    memos = refresh(&graph, &functions, memos).1;
                }
            }
        }
    }
}
