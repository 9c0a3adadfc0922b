//! What was there at each revision, and what each index held, is what the log comes to.

use std::collections::BTreeSet;

use floria::{
    At, Change, ClassName, EdgeId, Entity, EntityKey, EntityKind, Index, LogQuery, Origin, Page, Property,
    Replay, Revision, Site, Snapshot as _, Store as _, VertexId,
};
use floria_conformance::build::{class, commit, edge, namespace, vertex, vertex_template};
use floria_sqlite::SqliteStore;

/// A small generator of numbers, the same ones each time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

fn any_change(numbers: &mut Numbers) -> Change {
    let id = 1 + numbers.below(12);
    let mut classes: Vec<_> = ["A", "B", "C"].map(|name| ClassName(name.to_owned())).to_vec();
    classes.truncate(numbers.below(4) as usize);
    let origin = (numbers.below(2) == 0).then(|| Origin {
        source: format!("{}.yaml", numbers.below(2)).into(),
        line: 1,
        column: 1,
    });
    let place = ["shop", "shop/web", "shopping"][id as usize % 3];
    let read = |numbers: &mut Numbers| {
        let site = match numbers.below(2) {
            0 => Site::Vertex(VertexId(1 + numbers.below(3))),
            _ => Site::Edge(EdgeId(101 + numbers.below(3))),
        };
        (site, "x".to_owned())
    };
    match numbers.below(10) {
        0 => Change::delete(VertexId(id)),
        1 => Change::delete(EdgeId(100 + id)),
        2 => Change::put(class(["A", "B"][numbers.below(2) as usize])),
        3 => Change::Delete(EntityKey::Class(namespace("shop"), ClassName("A".to_owned()))),
        4 => Change::put(vertex_template(id, None, &format!("t{id}"))),
        5 | 6 => {
            let mut edge = edge(100 + id, 1 + numbers.below(12), "uses", 1 + numbers.below(12));
            edge.namespace = namespace(place);
            edge.classes = classes;
            edge.origin = origin;
            Change::put(edge)
        }
        _ => {
            let container = (numbers.below(2) == 0).then(|| 1 + numbers.below(12));
            let mut vertex = vertex(id, container, &format!("n{}", numbers.below(9)));
            vertex.namespace = namespace(place);
            vertex.classes = classes;
            vertex.origin = origin;
            let reads = (0..numbers.below(3)).map(|_| read(numbers)).collect();
            vertex.properties.insert("y".to_owned(), Property { reads, ..Property::default() });
            Change::put(vertex)
        }
    }
}

/// All indexes that any of the entities is in.
fn indexes(entities: &[Entity]) -> Vec<Index> {
    let mut seen = BTreeSet::new();
    let mut indexes: Vec<_> = EntityKind::ALL.into_iter().map(Index::All).collect();
    for entity in entities {
        let kind = entity.kind();
        indexes.push(Index::Namespace(kind, entity.namespace().clone()));
        indexes.push(Index::Under(kind, namespace("shop")));
        indexes.extend(entity.classes().cloned().map(|class| Index::Class(kind, class)));
        indexes.extend(
            entity.container().map(|container| Index::Name(kind, container, entity.name().to_owned())),
        );
        indexes.extend(entity.container().flatten().map(|id| Index::Contents(kind, id)));
        if let Some((source, target)) = entity.ends() {
            indexes.extend([Index::Outgoing(kind, source), Index::Incoming(kind, target)]);
        }
        for (site, property) in
            entity.properties().into_iter().flatten().flat_map(|(_, property)| &property.reads)
        {
            indexes.push(Index::Readers(kind, *site, property.clone()));
        }
        indexes.extend(entity.origin().map(|origin| Index::Origin(kind, origin.source.to_string())));
    }
    indexes.retain(|index| seen.insert(format!("{index:?}")));
    indexes
}

#[test]
fn each_revision_is_what_the_log_comes_to() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("floria.db")).unwrap();
    let mut numbers = Numbers(7);
    let mut tried = 0;
    while store.revision().unwrap().0 < 60 {
        let changes = (0..1 + numbers.below(3)).map(|_| any_change(&mut numbers));
        // Most are refused; the others are history.
        _ = store.commit(&floria_conformance::build::batch(changes));
        tried += 1;
        assert!(tried < 10_000);
    }
    let present = store.revision().unwrap();
    let rows = store.log(&LogQuery::default()).unwrap();
    let all: Vec<Entity> = rows
        .iter()
        .filter_map(|row| match &row.entry {
            floria::LogEntry::Change(Change::Put(entity)) => Some(entity.clone()),
            _ => None,
        })
        .collect();
    let indexes = indexes(&all);
    assert!(indexes.len() > 50, "{}", indexes.len());
    let moments = (0..=present.0).map(|revision| At::Revision(Revision(revision))).chain([At::Now]);
    for at in moments {
        let replay = Replay::of(&rows, present, at).unwrap();
        let snapshot = store.snapshot(at).unwrap();
        assert_eq!(snapshot.revision(), replay.revision());
        assert_eq!(snapshot.namespaces().unwrap(), replay.namespaces().unwrap(), "{at:?}");
        for namespace in ["shop", "shop/web", "shopping", "never"].map(namespace) {
            assert_eq!(
                snapshot.namespace_revision(&namespace).unwrap(),
                replay.namespace_revision(&namespace).unwrap()
            );
        }
        for entity in &all {
            assert_eq!(snapshot.get(&entity.key()).unwrap(), replay.get(&entity.key()).unwrap());
        }
        for index in &indexes {
            let whole = replay.find(index, &Page::default()).unwrap();
            assert_eq!(snapshot.find(index, &Page::default()).unwrap(), whole, "{index:?} at {at:?}");
            assert_eq!(snapshot.count(index).unwrap(), whole.len() as u64, "{index:?} at {at:?}");
            let mut paged = Vec::new();
            let mut page = Page { after: None, limit: Some(2) };
            loop {
                let found = snapshot.find(index, &page).unwrap();
                let Some(last) = found.last() else { break };
                page.after = Some(last.key());
                paged.extend(found);
            }
            assert_eq!(paged, whole, "{index:?} at {at:?}, in pages");
        }
    }
}

#[test]
fn a_snapshot_keeps_what_it_shows_while_others_write() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("floria.db")).unwrap();
    commit(&store, [Change::put(vertex(1, None, "a"))]);
    let snapshots: Vec<_> = (0..10).map(|_| store.snapshot(At::Now).unwrap()).collect();
    commit(&store, [Change::put(vertex(1, None, "b"))]);
    let name = |snapshot: &dyn floria::Snapshot| {
        snapshot.get(&EntityKey::Vertex(VertexId(1))).unwrap().unwrap().name().to_owned()
    };
    assert!(snapshots.iter().all(|snapshot| name(&**snapshot) == "a" && snapshot.revision() == Revision(1)));
    assert_eq!(name(&*store.snapshot(At::Now).unwrap()), "b");
}
