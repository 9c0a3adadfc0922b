//! Graphs that break the laws, ids that are taken, and imports in stages.

use floria::{
    Author, Change, Entity, EntityKey, LogQuery, MemoryStore, Revision, Store, StoreError, VertexId,
};
use floria_conformance::build::{class, commit, edge, vertex, vertex_template, with};
use floria_exchange::{ExchangeError, Format, Ids, ImportOptions, Stages, import};

use crate::{entities, imported, reason, store_with, written};

fn options(ids: Ids, stages: Stages) -> ImportOptions {
    ImportOptions { ids, stages, ..ImportOptions::default() }
}

fn vertexes(of: impl IntoIterator<Item = (u64, Option<u64>)>) -> Vec<Entity> {
    of.into_iter().map(|(id, container)| Entity::Vertex(vertex(id, container, &format!("v{id}")))).collect()
}

#[test]
fn graphs_that_break_the_laws_are_refused() {
    let edge = |source, target| {
        vec![Entity::Vertex(vertex(1, None, "a")), Entity::Edge(edge(5, source, "uses", target))]
    };
    let same_name = vec![Entity::Vertex(vertex(1, None, "a")), Entity::Vertex(vertex(2, None, "a"))];
    let template =
        vec![Entity::VertexTemplate(vertex_template(1, None, "a")), Entity::Vertex(vertex(2, Some(1), "b"))];
    let circle: Vec<_> = (1..1_000).map(|id| (id, Some(id % 999 + 1))).collect();
    let cases = [
        (vertexes([(1, Some(1))]), "vertex 1 contains itself", "vertex 1 contains itself"),
        (vertexes([(1, Some(2)), (2, Some(1))]), "contains itself", "contains itself"),
        (vertexes(circle), "contains itself", "contains itself"),
        (
            vertexes([(1, None), (2, Some(9))]),
            "vertex 2 is in vertex 9, which does not exist",
            "vertex 2 is in vertex 9, which is not in the file",
        ),
        (
            vertexes([(9, Some(2))]),
            "vertex 9 is in vertex 2, which does not exist",
            "vertex 9 is in vertex 2, which is not in the file",
        ),
        (
            edge(1, 7),
            "edge 5 `uses` ends at vertex 7, which does not exist",
            "edge 5 ends at vertex 7, which is not in the file",
        ),
        (
            edge(7, 1),
            "edge 5 `uses` starts at vertex 7, which does not exist",
            "edge 5 starts at vertex 7, which is not in the file",
        ),
        (
            template,
            "vertex 2 is in vertex 1, which does not exist",
            "vertex 2 is in vertex 1, which is not in the file",
        ),
        (same_name.clone(), "have the name `a`", "have the name `a`"),
    ];
    for (graph, kept, renumbered) in cases {
        let file = written(Format::Cbor, &graph);
        for (ids, expected) in [(Ids::Keep, kept), (Ids::Renumber, renumbered)] {
            for stages in [Stages::One, Stages::Of(10_000)] {
                let store = MemoryStore::new();
                let error = import(&store, Format::Cbor, &*file, &options(ids, stages)).unwrap_err();
                assert!(reason(&error).contains(expected), "{}", reason(&error));
                assert_eq!(store.revision().unwrap(), Revision(0));
            }
        }
    }
}

#[test]
fn ids_above_the_highest_are_refused() {
    let file = written(Format::Json, &[Entity::Vertex(vertex(u64::MAX, None, "a"))]);
    let error = imported(&MemoryStore::new(), Format::Json, &file).unwrap_err();
    assert!(reason(&error).contains("id 18446744073709551615 is above"), "{}", reason(&error));
}

#[test]
fn a_chain_backwards_is_put_in_forwards() {
    // Each is in the next: all wait for the last one.
    let chain = vertexes((1..=3_000).map(|id| (id, (id < 3_000).then_some(id + 1))));
    let file = written(Format::MessagePack, &chain);
    let store = MemoryStore::new();
    let imported =
        import(&store, Format::MessagePack, &*file, &options(Ids::Keep, Stages::Of(1_000))).unwrap();
    assert_eq!(imported.batches, 3);
    assert_eq!(entities(&store), chain);
}

#[test]
fn what_is_there_already_is_left_alone_or_in_the_way() {
    let store = store_with([Entity::Class(class("c")), Entity::Vertex(vertex(1, None, "a"))]);
    let file = written(Format::Yaml, &[Entity::Class(class("c")), Entity::Vertex(vertex(2, Some(1), "b"))]);
    // The container is not in the file, but in the store.
    let result = imported(&store, Format::Yaml, &file).unwrap();
    assert_eq!((result.entities, result.unchanged, result.batches), (1, 1, 1));

    let file = written(Format::Yaml, &[Entity::Vertex(with(vertex(1, None, "a"), "x", 1))]);
    let error = imported(&store, Format::Yaml, &file).unwrap_err();
    let expected = "refused to import: vertex 1 is in the store already, in namespace `shop`, and differs";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn renumbered_graphs_stand_beside_the_old_ones() {
    let store = store_with([Entity::Class(class("c")), Entity::Vertex(vertex(1, None, "a"))]);
    let graph = [
        Entity::Class(class("c")),
        Entity::Vertex(vertex(1, None, "b")),
        Entity::Vertex(vertex(2, Some(1), "a")),
        Entity::Edge(edge(3, 2, "uses", 1)),
    ];
    let file = written(Format::Json, &graph);
    let result = import(&store, Format::Json, &*file, &options(Ids::Renumber, Stages::Of(2))).unwrap();
    assert_eq!((result.entities, result.unchanged), (3, 1));
    let all = entities(&store);
    let id = |name: &str, inner: bool| {
        let mut found = all
            .iter()
            .filter(|entity| entity.name() == name && entity.container().flatten().is_some() == inner);
        found.next().unwrap().key().id().unwrap()
    };
    assert!(id("b", false) > 1);
    let inner = all.iter().find(|entity| entity.container().flatten() == Some(id("b", false))).unwrap();
    assert_eq!(inner.name(), "a");
    let uses = all.iter().find_map(Entity::ends).unwrap();
    assert_eq!(uses, (id("a", true), id("b", false)));
}

#[test]
fn what_stopped_half_way_can_be_run_again() {
    let graph =
        [vertexes((1..=10).map(|id| (id, None))), vec![Entity::Edge(edge(20, 1, "uses", 10))]].concat();
    let file = written(Format::Json, &graph);
    let store = MemoryStore::new();
    let in_stages = options(Ids::Keep, Stages::Of(4));
    let cut = &file[..file.len() - 30];
    let error = import(&store, Format::Json, cut, &in_stages).unwrap_err();
    assert!(matches!(&error, ExchangeError::Partial { entities: 8, .. }), "{error:?}");
    assert!(error.malformed().is_some());
    let result = import(&store, Format::Json, &*file, &in_stages).unwrap();
    assert_eq!((result.entities, result.unchanged), (3, 8));
    assert_eq!(entities(&store), graph);
}

#[test]
fn imports_say_who_did_it() {
    let author = Author { name: "alice@h1".to_owned(), stream: None };
    let store = MemoryStore::new();
    let file = written(Format::Json, &vertexes([(1, None)]));
    let options = ImportOptions { author: Some(author.clone()), ..ImportOptions::default() };
    import(&store, Format::Json, &*file, &options).unwrap();
    let rows = store.log(&LogQuery::default()).unwrap();
    assert_eq!(rows[0].author, Some(author));
}

/// A file during whose reading somebody else takes an id.
struct Meanwhile<'a> {
    file: &'a [u8],
    store: &'a MemoryStore,
}

impl std::io::Read for Meanwhile<'_> {
    fn read(&mut self, octets: &mut [u8]) -> std::io::Result<usize> {
        if self.file.is_empty() && self.store.revision().unwrap() == Revision(0) {
            commit(self.store, [Change::put(vertex(1, None, "theirs"))]);
        }
        self.file.read(octets)
    }
}

#[test]
fn what_others_do_meanwhile_is_not_overwritten() {
    let store = MemoryStore::new();
    let file = written(Format::Json, &vertexes([(1, None)]));
    let file = Meanwhile { file: &file, store: &store };
    let error = import(&store, Format::Json, file, &ImportOptions::default()).unwrap_err();
    assert!(!matches!(error, ExchangeError::Store(StoreError::Damaged(_))), "{error:?}");
    let there =
        store.snapshot(floria::At::Now).unwrap().get(&EntityKey::Vertex(VertexId(1))).unwrap().unwrap();
    assert_eq!(there.name(), "theirs");
}
