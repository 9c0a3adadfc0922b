//! What was exported comes back, in all formats.

use std::collections::BTreeSet;

use floria::{At, ENCODED_DEPTH_MAX, Entity, MemoryStore, Namespace, Property, Store as _, Value};
use floria_conformance::build::{class, vertex, with};
use floria_exchange::{Format, Ids, ImportOptions, Stages, import};
use floria_sqlite::SqliteStore;
use proptest::{
    prelude::*,
    test_runner::{Config, RngSeed},
};

use crate::{any, entities, exported, imported, read, store_with, written};

proptest! {
    #![proptest_config(Config { cases: 48, failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..Config::default() })]

    #[test]
    fn any_value_comes_back(value in any::value()) {
        let entity = Entity::Vertex(with(vertex(1, None, "a"), "x", value));
        for format in Format::ALL {
            prop_assert_eq!(&read(format, &written(format, std::slice::from_ref(&entity))).unwrap()[0], &entity);
        }
    }

    #[test]
    fn any_graph_comes_back(graph in any::graph(), entities_at_once in 1..5_usize) {
        let store = store_with(graph.clone());
        for format in Format::ALL {
            let file = exported(&store, format);
            prop_assert_eq!(&read(format, &file).unwrap(), &graph);

            for stages in [Stages::One, Stages::Of(entities_at_once)] {
                let other = MemoryStore::new();
                import(&other, format, &*file, &ImportOptions { stages, ..Default::default() }).unwrap();
                prop_assert_eq!(&entities(&other), &graph);
                prop_assert_eq!(exported(&other, format), file.clone());
                for namespace in ["shop", "shop/web", "bank"] {
                    let namespace = Namespace(namespace.to_owned());
                    prop_assert_eq!(
                        other.graph(&namespace).unwrap().digest(), store.graph(&namespace).unwrap().digest()
                    );
                    prop_assert_eq!(
                        other.design(&namespace).unwrap().map(|design| design.digest()),
                        store.design(&namespace).unwrap().map(|design| design.digest())
                    );
                }
                // Again, everything is there already.
                let again = imported(&other, format, &file).unwrap();
                prop_assert_eq!((again.entities, again.unchanged), (0, graph.len() as u64));
            }
        }
    }

    #[test]
    fn any_graph_comes_back_with_other_ids(graph in any::graph(), entities_at_once in 1..5_usize) {
        let store = store_with(graph.clone());
        let file = exported(&store, Format::Cbor);
        let options = ImportOptions {
            ids: Ids::Renumber, stages: Stages::Of(entities_at_once), ..Default::default()
        };
        let other = MemoryStore::new();
        other.allocate(700).unwrap();
        let imported = import(&other, Format::Cbor, &*file, &options).unwrap();
        prop_assert_eq!(imported.entities, graph.len() as u64);
        let renumbered = entities(&other);
        prop_assert!(renumbered.iter().filter_map(|entity| entity.key().id()).all(|id| id > 700));
        // Each has the shape that it had: its container and ends are those that had its old ones' names.
        prop_assert_eq!(shape(&renumbered), shape(&graph));
    }
}

proptest! {
    #![proptest_config(Config { cases: 4, failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..Config::default() })]

    /// From memory to SQLite to memory, with another format each time.
    #[test]
    fn any_graph_comes_back_from_another_kind_of_store(graph in any::graph()) {
        let folder = tempfile::tempdir().unwrap();
        let mut file = exported(&store_with(graph.clone()), Format::Json);
        for (from, to) in [(Format::Json, Format::Cbor), (Format::Cbor, Format::Yaml), (Format::Yaml, Format::MessagePack)] {
            let sqlite = SqliteStore::open(folder.path().join(from.name())).unwrap();
            let options = ImportOptions { stages: Stages::Of(7), ..Default::default() };
            import(&sqlite, from, &*file, &options).unwrap();
            prop_assert_eq!(sqlite.verify().unwrap(), []);
            file = exported(&sqlite, to);
        }
        let memory = MemoryStore::new();
        imported(&memory, Format::MessagePack, &file).unwrap();
        prop_assert_eq!(entities(&memory), graph);
    }
}

/// Kind, name, container and ends.
type Shape = (String, String, Option<String>, Option<(String, String)>);

/// Returns what there is by the names of vertexes, which are unique here, and not by ids.
fn shape(entities: &[Entity]) -> BTreeSet<Shape> {
    let name = |kind: &str, id: u64| {
        let is_template = kind.contains("template");
        let mut found = entities.iter().filter(|entity| {
            entity.container().is_some()
                && entity.key().id() == Some(id)
                && entity.kind().word().contains("template") == is_template
        });
        found.next().map(|entity| entity.name().to_owned()).unwrap()
    };
    let of = |entity: &Entity| {
        let kind = entity.kind().word();
        let container = entity.container().flatten().map(|id| name(kind, id));
        let ends = entity.ends().map(|(source, target)| (name(kind, source), name(kind, target)));
        (kind.to_owned(), entity.name().to_owned(), container, ends)
    };
    entities.iter().map(of).collect()
}

#[test]
fn null_is_a_value_and_its_absence_is_none() {
    let mut entity = vertex(1, None, "a");
    entity.properties.insert("null".to_owned(), Property { value: Some(Value::Null), ..Default::default() });
    entity.properties.insert("none".to_owned(), Property::default());
    let entity = [Entity::Vertex(entity)];
    for format in Format::ALL {
        assert_eq!(read(format, &written(format, &entity)).unwrap(), entity);
    }
}

#[test]
fn what_is_as_deep_as_a_store_takes_comes_back() {
    // A property's value is four levels down in a vertex's CBOR.
    let nest =
        |wrap: fn(Value) -> Value| (0..ENCODED_DEPTH_MAX - 10).fold(Value::Null, |value, _| wrap(value));
    let key = |value| Value::Map([(value, Value::Null)].into());
    let dollar = |value| Value::map([("$", value)]);
    for value in [nest(|value| Value::List(vec![value])), nest(key), nest(dollar)] {
        let store = store_with([Entity::Vertex(with(vertex(1, None, "a"), "x", value))]);
        for format in Format::ALL {
            let other = MemoryStore::new();
            imported(&other, format, &exported(&store, format)).unwrap();
            assert_eq!(entities(&other), entities(&store));
        }
    }
}

#[test]
fn nothing_comes_back() {
    for format in Format::ALL {
        let store = MemoryStore::new();
        let imported = imported(&store, format, &exported(&store, format)).unwrap();
        assert_eq!((imported.entities, imported.revision), (0, None));
        assert_eq!(store.revision().unwrap(), floria::Revision(0));
    }
}

#[test]
fn keys_longer_than_a_line_come_back() {
    let key = "k".repeat(5_000);
    let inner = Value::Map([(Value::from(key.as_str()), Value::from("x"))].into());
    let entity = with(vertex(1, None, "a"), &key, Value::Map([(Value::from(key.as_str()), inner)].into()));
    let entity = [Entity::Vertex(entity)];
    for format in Format::ALL {
        assert_eq!(read(format, &written(format, &entity)).unwrap(), entity);
    }
}

#[test]
fn exports_see_one_revision() {
    let store = store_with([Entity::Class(class("a"))]);
    let snapshot = store.snapshot(At::Now).unwrap();
    floria_conformance::build::commit(&store, [floria::Change::put(class("b"))]);
    let mut file = Vec::new();
    let boundary = floria_exchange::Boundary::Cut;
    floria_exchange::export(&*snapshot, &floria_exchange::Selection::All, boundary, Format::Json, &mut file)
        .unwrap();
    assert_eq!(read(Format::Json, &file).unwrap(), [Entity::Class(class("a"))]);
}
