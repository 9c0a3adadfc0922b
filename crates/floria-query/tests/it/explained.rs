//! How queries are answered: from the narrowest index, and reading no more than they visit.

use std::cell::Cell;

use floria::{
    At, Change, ClassName, Entity, EntityKey, Index, MemoryStore, Namespace, Page, Revision, Snapshot, Store,
    StoreError, Vertex,
};
use floria_conformance::build::{class, commit, edge, namespace, vertex};

use crate::{inventory, parse};

fn explained(store: &dyn Store, text: &str) -> String {
    let snapshot = store.snapshot(At::Now).unwrap();
    let (_, explanation) = parse(text).run_explained(&*snapshot).unwrap();
    explanation.to_string()
}

#[test]
fn the_narrowest_index_is_used() {
    let store = inventory::store();
    let check = |text: &str, expected: &str| {
        let explained = explained(&store, text);
        assert!(explained.contains(expected), "{explained}");
    };
    check("web", "by all of kind vertex: estimated 9, read 9, came to 2");
    check("bank: type:Database", "by namespace `bank`: estimated 2, read 2, came to 1");
    check("type:Disk shop:", "by class `net:Disk`: estimated 1, read 1, came to 1");
    check(
        "(type:Disk or type:Port)",
        "by class `net:Disk` + class `net:Port`: estimated 3, read 3, came to 3",
    );
    check("in shop/web *", "by namespaces under `shop/web`: estimated 2, read 2, came to 2");
    check("origin:bank.yaml", "by origin `bank.yaml`: estimated 1, read 1, came to 1");
    check("id:4 type:Database", "by key of vertex 4: estimated 1, read 1, came to 1");
    check("type:a:Nothing", "by class `a:Nothing`: estimated 0, read 0, came to 0");
    check("type:Nothing", "by nothing: no class has this name: estimated 0, read 0, came to 0");
    check("not type:Disk", "by all of kind vertex: estimated 9, read 9, came to 8");
    check("* limit 2", "by all of kind vertex: estimated 9, read 2, came to 2");
}

#[test]
fn steps_say_what_they_cost() {
    let store = inventory::store();
    let expected = "\
web ->* type:\"Disk\" (at revision 1)
  1. find web by all of kind vertex: estimated 9, read 9, came to 2
  2. ->* type:\"Disk\" by edges out: estimated 9, read 10, came to 1
";
    assert_eq!(explained(&store, "web ->* type:Disk"), expected);

    let snapshot = store.snapshot(At::Now).unwrap();
    let before = parse("web -> *").explain(&*snapshot).unwrap();
    let expected = serde_json::json!({
        "schema": "floria.explanation/1",
        "query": "web -> *",
        "revision": 1,
        "steps": [
            {"step": "find web", "by": "all of kind vertex", "estimated": 9},
            {"step": "-> *", "by": "edges out", "estimated": 5},
        ],
    });
    assert_eq!(before.to_json(), expected);
}

/// Puts a chain of vertexes beside others that no query is about.
fn chain(length: u64, others: u64) -> MemoryStore {
    let store = MemoryStore::new();
    let vertexes = (1..=length).map(|id| {
        let classes = vec![ClassName("c".to_owned())];
        Change::put(Vertex { classes, ..vertex(id, None, &format!("v{id}")) })
    });
    let edges = (1..length).map(|id| Change::put(edge(1_000_000 + id, id, "next", id + 1)));
    commit(&store, [Change::put(class("c"))].into_iter().chain(vertexes).chain(edges));
    let others = (1..=others).map(|id| {
        let mut other = vertex(10_000 + id, None, &format!("v{id}"));
        other.namespace = namespace("other");
        other.classes = vec![ClassName("c".to_owned())];
        Change::put(other)
    });
    commit(&store, others);
    store
}

/// Counts what is asked of a store: what is read, and what is counted.
struct Counting<'a> {
    snapshot: Box<dyn Snapshot + 'a>,
    rows: Cell<u64>,
}

impl Counting<'_> {
    fn count_rows(&self, rows: u64) {
        self.rows.set(self.rows.get() + rows);
    }
}

impl Snapshot for Counting<'_> {
    fn revision(&self) -> Revision {
        self.snapshot.revision()
    }

    fn namespace_revision(&self, namespace: &Namespace) -> Result<Revision, StoreError> {
        self.snapshot.namespace_revision(namespace)
    }

    fn namespaces(&self) -> Result<Vec<Namespace>, StoreError> {
        self.snapshot.namespaces()
    }

    fn get(&self, key: &EntityKey) -> Result<Option<Entity>, StoreError> {
        self.count_rows(1);
        self.snapshot.get(key)
    }

    fn find(&self, index: &Index, page: &Page) -> Result<Vec<Entity>, StoreError> {
        let found = self.snapshot.find(index, page)?;
        self.count_rows(found.len() as u64);
        Ok(found)
    }

    fn count(&self, index: &Index) -> Result<u64, StoreError> {
        let count = self.snapshot.count(index)?;
        self.count_rows(count);
        Ok(count)
    }

    fn classes_called(&self, last: &str) -> Result<Option<Vec<ClassName>>, StoreError> {
        self.snapshot.classes_called(last)
    }
}

#[test]
fn what_is_read_grows_with_what_is_visited_and_not_with_the_store() {
    let read = |length, others, text: &str| {
        let store = chain(length, others);
        let present = store.snapshot(At::Now).unwrap();
        let snapshot = Counting { snapshot: present, rows: Cell::new(0) };
        let found = parse(text).run(&snapshot).unwrap();
        (found.len(), snapshot.rows.get())
    };
    for (text, each) in [
        ("id:1 ->* *", 2),
        ("in shop *", 1),
        ("in shop name:v1 ->* *", 3),
        ("shop: in shop *", 5),
        ("id:1 ->{0..} *", 2),
    ] {
        for length in [10, 100, 1_000] {
            let (_, alone) = read(length, 0, text);
            assert!(alone <= each * length, "{text}: {alone}");
            assert_eq!(read(length, 2_000, text).1, alone, "{text}");
        }
    }
    // A few of a namespace do not make the many of a class be counted.
    let few = read(10, 2_000, "shop: type:c *");
    assert_eq!((few, read(10, 0, "shop: type:c *")), ((10, 20), (10, 20)));
    // A limit ends it early.
    assert_eq!(read(1_000, 0, "in shop * limit 3"), (3, 3));
}
