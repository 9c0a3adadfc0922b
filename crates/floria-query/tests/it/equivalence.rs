//! Queries come to what looking at everything comes to, in memory and on SQLite.

use std::collections::BTreeSet;

use floria::{
    At, Batch, Change, ClassName, Entity, EntityKind, LogQuery, MemoryStore, Namespace, Property, Replay,
    Store as _, Value,
};
use floria_conformance::build::{class, edge, vertex};
use floria_query::{Comparison, Condition, Direction, Query, Step, Test, Times};
use floria_sqlite::SqliteStore;
use proptest::{
    collection::vec,
    option,
    prelude::*,
    test_runner::{Config, RngSeed},
};

use crate::vocabulary;

const VERTEXES: u64 = 12;

fn name() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "c", "a-1", "b-2"]).prop_map(str::to_owned)
}

fn class_name() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["x:Red", "y:Red", "x:Blue", "Red", "Blue", "Green"]).prop_map(str::to_owned)
}

fn namespace() -> impl Strategy<Value = Namespace> {
    prop::sample::select(vec!["shop", "shop/web", "shopping"]).prop_map(|name| Namespace(name.to_owned()))
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        (0..3_i64).prop_map(Value::Integer),
        prop::sample::select(vec![0.0, 1.0, 1.5]).prop_map(Value::Float),
        name().prop_map(Value::Text),
    ]
}

type Content = (Namespace, Vec<String>, Option<Value>, Option<Value>);

fn content() -> impl Strategy<Value = Content> {
    (namespace(), vec(class_name(), 0..3), option::of(value()), option::of(value()))
}

/// Vertexes with names that several have, each in a later one or none; edges between any of them.
fn graph() -> impl Strategy<Value = Vec<Change>> {
    let vertexes = vec((content(), name(), option::weighted(0.7, 1..4_u64)), VERTEXES as usize);
    let edges = vec((content(), name(), 1..=VERTEXES, 1..=VERTEXES), 0..25);
    (vertexes, edges).prop_map(|(vertexes, edges)| {
        let classes = ["x:Red", "x:Blue", "Green"].map(class).map(Change::put);
        let mut changes = classes.to_vec();
        let mut names = BTreeSet::new();
        for (number, ((namespace, classes, port, owner), mut name, later)) in vertexes.into_iter().enumerate()
        {
            let id = number as u64 + 1;
            let container = later.map(|later| id + later).filter(|container| *container <= VERTEXES);
            // Two of one name in one place are refused by stores.
            while !names.insert((container.is_none().then(|| namespace.clone()), container, name.clone())) {
                name.push('x');
            }
            let mut vertex = vertex(id, container, &name);
            (vertex.namespace, vertex.classes) = (namespace, classes.into_iter().map(ClassName).collect());
            if let Some(port) = port {
                vertex
                    .properties
                    .insert("port".to_owned(), Property { value: Some(port), ..Property::default() });
            }
            vertex.metadata.extend(owner.map(|owner| ("owner".to_owned(), owner)));
            changes.push(Change::put(vertex));
        }
        for (number, ((namespace, classes, ..), name, source, target)) in edges.into_iter().enumerate() {
            let mut edge = edge(100 + number as u64, source, &name, target);
            (edge.namespace, edge.classes) = (namespace, classes.into_iter().map(ClassName).collect());
            edge.index = number as u32;
            changes.push(Change::put(edge));
        }
        changes
    })
}

fn comparison() -> impl Strategy<Value = Comparison> {
    prop_oneof![
        Just(Comparison::Present),
        Just(Comparison::Absent),
        value().prop_map(Comparison::Equal),
        value().prop_map(Comparison::NotEqual),
        value().prop_map(Comparison::Less),
        value().prop_map(Comparison::GreaterOrEqual),
        value().prop_map(Comparison::Contains),
    ]
}

fn condition() -> impl Strategy<Value = Condition> {
    let test = prop_oneof![
        name().prop_map(|name| Test::Name(name.replace('-', ""))),
        name().prop_map(Test::Exactly),
        (0..3_u32).prop_map(|index| Test::Representation("a".to_owned(), index)),
        (1..VERTEXES + 2).prop_map(Test::Id),
        namespace().prop_map(Test::Namespace),
        namespace().prop_map(Test::Under),
        class_name().prop_map(Test::Class),
        comparison().prop_map(|comparison| Test::Property("port".to_owned(), comparison)),
        comparison().prop_map(|comparison| Test::Metadata("owner".to_owned(), comparison)),
    ];
    let leaf = prop_oneof![1 => Just(Condition::EVERYTHING), 3 => test.prop_map(Condition::Test)];
    leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 2..4).prop_map(Condition::All),
            vec(inner.clone(), 2..4).prop_map(Condition::Any),
            inner.prop_map(|condition| Condition::Not(Box::new(condition))),
        ]
    })
}

fn times() -> impl Strategy<Value = Times> {
    (0..4_u32, option::of(0..4_u32)).prop_map(|(min, more)| Times { min, max: more.map(|more| min + more) })
}

fn step() -> impl Strategy<Value = Step> {
    let direction = prop::sample::select(vec![Direction::Out, Direction::In]);
    prop_oneof![
        4 => (direction, condition(), times())
            .prop_map(|(direction, edge, times)| Step::Edges { direction, edge, times }),
        1 => times().prop_map(Step::Contents),
        1 => times().prop_map(Step::Container),
        1 => Just(Step::Node),
    ]
}

fn query() -> impl Strategy<Value = Query> {
    (condition(), vec((step(), condition()), 0..3), option::weighted(0.2, 0..4_usize))
        .prop_map(|(start, steps, limit)| Query { kind: EntityKind::Vertex, start, steps, limit })
}

/// Answers a query by looking at everything, again and again.
fn naive(query: &Query, replay: &Replay) -> Vec<Entity> {
    let vertexes: Vec<&Entity> =
        replay.entities().filter(|entity| entity.kind() == EntityKind::Vertex).collect();
    let id = |entity: &Entity| entity.key().id().unwrap();
    let mut found: BTreeSet<u64> =
        vertexes.iter().filter(|entity| query.start.holds(entity)).map(|entity| id(entity)).collect();
    let container = |of: u64| vertexes.iter().find(|vertex| id(vertex) == of).unwrap().container().flatten();
    for (step, condition) in &query.steps {
        let once = |from: &BTreeSet<u64>| -> BTreeSet<u64> {
            match step {
                Step::Edges { direction, edge, .. } => replay
                    .entities()
                    .filter(|entity| entity.kind() == EntityKind::Edge && edge.holds(entity))
                    .filter_map(Entity::ends)
                    .map(
                        |(source, target)| {
                            if *direction == Direction::Out { (source, target) } else { (target, source) }
                        },
                    )
                    .filter(|(start, _)| from.contains(start))
                    .map(|(_, end)| end)
                    .collect(),
                Step::Contents(_) => vertexes
                    .iter()
                    .filter(|vertex| {
                        vertex.container().flatten().is_some_and(|container| from.contains(&container))
                    })
                    .map(|vertex| id(vertex))
                    .collect(),
                Step::Container(_) => from.iter().filter_map(|of| container(*of)).collect(),
                Step::Node => from
                    .iter()
                    .map(|of| {
                        let way: Vec<u64> = std::iter::successors(Some(*of), |of| container(*of)).collect();
                        way[way.len().saturating_sub(2)]
                    })
                    .collect(),
            }
        };
        let times = match step {
            Step::Edges { times, .. } | Step::Contents(times) | Step::Container(times) => *times,
            Step::Node => Times::ONE,
        };
        let mut reached = BTreeSet::new();
        let mut level = found;
        for number in 0..=times.max.unwrap_or(times.min + VERTEXES as u32 + 1) {
            if number >= times.min {
                reached.extend(&level);
            }
            level = once(&level);
        }
        let holds = |of: &u64| vertexes.iter().any(|vertex| id(vertex) == *of && condition.holds(vertex));
        found = reached.into_iter().filter(holds).collect();
    }
    let found = vertexes.into_iter().filter(|vertex| found.contains(&id(vertex))).cloned();
    found.take(query.limit.unwrap_or(usize::MAX)).collect()
}

proptest! {
    #![proptest_config(Config { cases: 60, failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..Config::default() })]

    #[test]
    fn queries_come_to_what_everything_comes_to(changes in graph(), queries in vec(query(), 10)) {
        let store = MemoryStore::new();
        store.commit(&Batch { changes, ..Batch::default() }).unwrap();
        let rows = store.log(&LogQuery::default()).unwrap();
        let replay = Replay::of(&rows, store.revision().unwrap(), At::Now).unwrap();
        let snapshot = store.snapshot(At::Now).unwrap();
        for query in queries {
            prop_assert_eq!(query.run(&*snapshot).unwrap(), naive(&query, &replay), "{}", query);
            // And so does its text.
            let text = query.to_string();
            let read = Query::parse(&text, &vocabulary()).map_err(|error| TestCaseError::fail(error.to_string()))?;
            prop_assert_eq!(read.run(&replay).unwrap(), naive(&query, &replay), "{}", text);
        }
    }
}

proptest! {
    #![proptest_config(Config { cases: 5, failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..Config::default() })]

    #[test]
    fn sqlite_answers_the_same(changes in graph(), queries in vec(query(), 25)) {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path().join("store.db")).unwrap();
        store.commit(&Batch { changes, ..Batch::default() }).unwrap();
        let rows = store.log(&LogQuery::default()).unwrap();
        let replay = Replay::of(&rows, store.revision().unwrap(), At::Now).unwrap();
        let snapshot = store.snapshot(At::Now).unwrap();
        for query in queries {
            prop_assert_eq!(query.run(&*snapshot).unwrap(), naive(&query, &replay), "{}", query);
        }
    }
}
