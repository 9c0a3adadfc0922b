//! What differs between revisions, and who changed what.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use floria::{
    At, Author, Batch, Change, EntityKey, MemoryStore, Namespace, Revision, Store as _, StoreError, VertexId,
    history::{self, Part},
};

use crate::support::{edge, properties, stored, vertex};

struct Told {
    store: MemoryStore,
    now: Arc<AtomicU64>,
}

impl Told {
    fn new() -> Self {
        let now = Arc::new(AtomicU64::new(0));
        let clock = now.clone();
        Self { store: MemoryStore::with_clock(move || clock.load(Ordering::Relaxed)), now }
    }

    /// Commits as somebody, a hundred milliseconds after the last commit.
    fn commit(&self, name: &str, changes: impl IntoIterator<Item = Change>) {
        self.now.fetch_add(100, Ordering::Relaxed);
        let author = Some(Author { name: name.to_owned(), stream: Some(format!("run/{name}")) });
        self.store
            .commit(&Batch { changes: changes.into_iter().collect(), author, ..Batch::default() })
            .unwrap();
    }

    fn between(&self, from: At, to: At) -> Vec<String> {
        let differences = history::difference(&self.store, from, to, &Namespace("shop".to_owned())).unwrap();
        differences
            .into_iter()
            .map(|difference| {
                let sign = match (&difference.before, &difference.after) {
                    (None, _) => "+",
                    (_, None) => "-",
                    _ => "~",
                };
                let commits: Vec<_> = difference.commits.iter().map(said).collect();
                format!("{sign}{} {:?} by {}", difference.key, difference.parts, commits.join(", "))
            })
            .collect()
    }
}

fn said(commit: &history::Commit) -> String {
    let author = commit.author.as_ref().unwrap();
    let stream = author.stream.as_ref().unwrap();
    format!("{} in {stream} at {} ms as {}", author.name, commit.time_ms, commit.revision.0)
}

fn at(revision: u64) -> At {
    At::Revision(Revision(revision))
}

fn told() -> Told {
    let told = Told::new();
    let shop = || vertex(1, None, "shop", Default::default());
    let web = |port| vertex(2, Some(1), "web", properties([("port", stored(port)), ("host", stored("h1"))]));
    let mut elsewhere = vertex(9, None, "bank", Default::default());
    elsewhere.namespace = Namespace("bank".to_owned());
    told.commit("ann", [Change::put(shop()), Change::put(web(80))]);
    told.commit("bob", [Change::put(web(81)), Change::put(elsewhere)]);
    told.commit("ann", [Change::put(vertex(3, Some(1), "db", Default::default()))]);
    told.commit("cid", [Change::put(edge(4, 2, "uses", 0, 3)), Change::put(web(80))]);
    let mut named = vertex(3, Some(1), "database", Default::default());
    named.metadata.insert("size".to_owned(), 3.into());
    told.commit("bob", [Change::put(named), Change::put(edge(4, 2, "uses", 1, 1))]);
    told.commit("ann", [Change::delete(VertexId(3))]);
    told
}

#[test]
fn two_revisions_differ_by_what_is_different_at_their_ends() {
    let told = told();
    assert_eq!(
        told.between(at(1), at(2)),
        ["~vertex 2 [Property(\"port\")] by bob in run/bob at 200 ms as 2"]
    );
    // Changed there and back: the same.
    assert_eq!(
        told.between(at(1), at(4)),
        ["+vertex 3 [] by ann in run/ann at 300 ms as 3", "+edge 4 [] by cid in run/cid at 400 ms as 4",]
    );
    assert_eq!(
        told.between(at(4), at(5)),
        [
            "~vertex 3 [Name, Metadata(\"size\")] by bob in run/bob at 500 ms as 5",
            "~edge 4 [Target, Index] by bob in run/bob at 500 ms as 5",
        ]
    );
    assert_eq!(told.between(at(3), at(3)), [""; 0]);
}

#[test]
fn differences_are_told_backwards_and_by_time_too() {
    let told = told();
    assert_eq!(
        told.between(At::Now, at(4)),
        [
            "+vertex 3 [] by bob in run/bob at 500 ms as 5, ann in run/ann at 600 ms as 6",
            "~edge 4 [Target, Index] by bob in run/bob at 500 ms as 5",
        ]
    );
    assert_eq!(told.between(At::Time(100), At::Time(299)), told.between(at(1), at(2)));
    assert_eq!(told.between(At::Time(0), At::Time(99)), [""; 0]);
    assert_eq!(told.between(at(0), At::Now).len(), 3);
}

#[test]
fn an_entity_has_a_history() {
    let told = told();
    let versions = |id: u64| {
        let versions = history::of(&told.store, &EntityKey::Vertex(VertexId(id))).unwrap();
        versions
            .into_iter()
            .map(|version| {
                let name = version.entity.map_or("gone".to_owned(), |entity| entity.name().to_owned());
                format!("{name} {:?} by {}", version.parts, said(&version.commit))
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(
        versions(3),
        [
            "db [] by ann in run/ann at 300 ms as 3",
            "database [Name, Metadata(\"size\")] by bob in run/bob at 500 ms as 5",
            "gone [] by ann in run/ann at 600 ms as 6",
        ]
    );
    assert_eq!(versions(2).len(), 3);
    assert_eq!(versions(7), [""; 0]);
    let web = history::of(&told.store, &EntityKey::Vertex(VertexId(2))).unwrap();
    assert_eq!(web[1].parts, [Part::Property("port".to_owned())]);
}

#[test]
fn what_is_not_kept_cannot_be_compared() {
    let told = told();
    told.store.forget_before(Revision(4), &[], None).unwrap();
    let shop = Namespace("shop".to_owned());
    let refused = |from, to| history::difference(&told.store, from, to, &shop).unwrap_err();
    assert!(matches!(refused(at(3), at(5)), StoreError::Forgotten { asked: Revision(3), .. }));
    assert!(matches!(refused(At::Time(100), At::Now), StoreError::Forgotten { asked: Revision(1), .. }));
    assert!(matches!(refused(at(4), at(9)), StoreError::Future { .. }));
    assert_eq!(told.between(at(4), at(6)).len(), 2);
}
