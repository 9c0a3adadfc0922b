//! Every way to read a snapshot, compared with another snapshot.

use std::collections::BTreeSet;

use floria::{
    At, ClassName, Entity, EntityKey, EntityKind, Index, LogQuery, LogRow, Namespace, Page, Replay, Revision,
    Site, Snapshot, Store, VertexId,
};

/// Namespaces that tests use, with some that are empty and some that only look alike.
pub const NAMESPACES: [&str; 7] = ["shop", "shop/web", "shop/web/cache", "shopping", "bank", "never", ""];

/// Classes that tests use, and one that nothing is of.
pub const CLASSES: [&str; 4] = ["Node", "Root", "Process", "Never"];

/// Names that tests use, and one that nothing has.
pub const NAMES: [&str; 5] = ["a", "b", "c", "d", "never"];

/// Sources that tests use, and one that nothing comes from.
pub const SOURCES: [&str; 3] = ["service.yaml", "types.yaml", "never.yaml"];

/// Returns all indexes that entities with these ids, and what else is listed here, could be in.
pub fn indexes(ids: &[u64]) -> Vec<Index> {
    let mut indexes = Vec::new();
    for kind in EntityKind::ALL {
        indexes.push(Index::All(kind));
        for namespace in NAMESPACES.map(|name| Namespace(name.to_owned())) {
            indexes.push(Index::Namespace(kind, namespace.clone()));
            indexes.push(Index::Under(kind, namespace));
        }
        indexes.extend(CLASSES.map(|name| Index::Class(kind, ClassName(name.to_owned()))));
        indexes.extend(SOURCES.map(|source| Index::Origin(kind, source.to_owned())));
        indexes.extend(NAMES.map(|name| Index::Name(kind, None, name.to_owned())));
        for id in ids {
            indexes.extend(NAMES.map(|name| Index::Name(kind, Some(*id), name.to_owned())));
            indexes.push(Index::Contents(kind, *id));
            indexes.push(Index::Outgoing(kind, *id));
            indexes.push(Index::Incoming(kind, *id));
            for name in ["x", "never"] {
                indexes.push(Index::Readers(kind, Site::Vertex(VertexId(*id)), name.to_owned()));
                indexes.push(Index::Readers(kind, Site::Edge(floria::EdgeId(*id)), name.to_owned()));
            }
        }
    }
    indexes
}

/// Returns the rows of the whole log.
pub fn log(store: &dyn Store) -> Vec<LogRow> {
    store.log(&LogQuery::default()).unwrap()
}

/// Returns what the log comes to, as of a revision.
pub fn replayed(store: &dyn Store, revision: Revision) -> Replay {
    Replay::of(&log(store), store.revision().unwrap(), At::Revision(revision)).unwrap()
}

/// Asserts that two snapshots answer every question in the same way.
///
/// # Panics
///
/// When they do not.
pub fn assert_same(one: &dyn Snapshot, other: &dyn Snapshot, indexes: &[Index]) {
    assert_eq!(one.revision(), other.revision());
    let at = one.revision().0;
    assert_eq!(one.namespaces().unwrap(), other.namespaces().unwrap(), "namespaces at {at}");
    for namespace in NAMESPACES.map(|name| Namespace(name.to_owned())) {
        assert_eq!(
            one.namespace_revision(&namespace).unwrap(),
            other.namespace_revision(&namespace).unwrap(),
            "revision of {namespace} at {at}"
        );
        assert_eq!(one.graph(&namespace).unwrap(), other.graph(&namespace).unwrap(), "{namespace} at {at}");
        assert_eq!(one.design(&namespace).unwrap(), other.design(&namespace).unwrap(), "{namespace} at {at}");
    }
    let mut keys = BTreeSet::new();
    for index in indexes {
        let found = one.find(index, &Page::default()).unwrap();
        assert_eq!(found, other.find(index, &Page::default()).unwrap(), "{index:?} at {at}");
        assert_eq!(one.count(index).unwrap(), found.len() as u64, "{index:?} at {at}");
        keys.extend(found.iter().map(Entity::key));
    }
    for key in keys {
        assert_eq!(one.get(&key).unwrap(), other.get(&key).unwrap(), "{key} at {at}");
    }
}

/// Asserts that reading an index in pages of every size comes to reading it at once, and that each entity in it belongs there.
///
/// # Panics
///
/// When it does not.
pub fn assert_paged(snapshot: &dyn Snapshot, index: &Index) {
    let whole = snapshot.find(index, &Page::default()).unwrap();
    assert!(whole.iter().all(|entity| index.holds(entity)), "{index:?}");
    let keys: Vec<EntityKey> = whole.iter().map(Entity::key).collect();
    assert!(keys.is_sorted_by(|one, other| one < other), "{index:?}: {keys:?}");
    for limit in 1..=whole.len() + 1 {
        let mut read = Vec::new();
        let mut page = Page { after: None, limit: Some(limit) };
        loop {
            let found = snapshot.find(index, &page).unwrap();
            assert!(found.len() <= limit, "{index:?} in pages of {limit}");
            let Some(last) = found.last() else { break };
            page.after = Some(last.key());
            read.extend(found);
        }
        assert_eq!(read, whole, "{index:?} in pages of {limit}");
    }
    assert_eq!(snapshot.find(index, &Page { after: None, limit: Some(0) }).unwrap(), []);
}
