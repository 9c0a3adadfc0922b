//! The examples of `docs/queries.md`, in memory and on SQLite.

use floria::{At, Entity, Store};
use floria_query::Query;
use floria_sqlite::SqliteStore;

use crate::{inventory, vocabulary};

const PAGE: &str = include_str!("../../../../docs/queries.md");

/// Says what a query comes to, as the page does: names, with what they are in where several have them.
fn answer(store: &dyn Store, text: &str) -> String {
    let query = match Query::parse(text, &vocabulary()) {
        Ok(query) => query,
        Err(error) => return format!("column {}: {}", error.column, error.problem),
    };
    let snapshot = store.snapshot(At::Now).unwrap();
    let named = |entity: &Entity| {
        let container = entity.container().flatten().filter(|container| *container > 1);
        let container = container.map(|id| snapshot.get(&floria::VertexId(id).into()).unwrap().unwrap());
        match container {
            Some(container) => format!("{}/{}", container.name(), entity.name()),
            None => entity.name().to_owned(),
        }
    };
    let names: Vec<_> = query.run(&*snapshot).unwrap().iter().map(named).collect();
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}

#[test]
fn the_examples_are_true() {
    let memory = inventory::store();
    let folder = tempfile::tempdir().unwrap();
    let sqlite = SqliteStore::open(folder.path().join("store.db")).unwrap();
    inventory::fill(&sqlite);
    let mut examples = 0;
    let mut wrong = Vec::new();
    for block in PAGE.split("```query\n").skip(1) {
        let block = block.split("```").next().unwrap();
        for (query, expected) in block.lines().filter_map(|line| line.split_once(" ⇒ ")) {
            examples += 1;
            for store in [&memory as &dyn Store, &sqlite] {
                let answer = answer(store, query.trim());
                if answer != expected.trim() {
                    wrong.push(format!("{} ⇒ {answer}", query.trim()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "the page is wrong:\n{}", wrong.join("\n"));
    assert!(examples > 25, "the page has only {examples} examples");
}
