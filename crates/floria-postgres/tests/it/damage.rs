//! Data that somebody else changed: `verify` finds it, and reading tells of it.

use floria::{Change, Store as _};
use floria_conformance::build::{commit, edge, namespace, put, vertex, with};
use floria_postgres::PostgresStore;

use crate::server::Server;

/// Makes a small store, damages it, and returns what is found: kinds and messages, one a line.
fn found(server: &Server, damage: &str) -> String {
    let url = server.url();
    let schema = url.rsplit('=').next().unwrap().to_owned();
    let store = PostgresStore::connect(&url).unwrap();
    commit(&store, [put(vertex(1, None, "shop")), put(vertex(2, Some(1), "web"))]);
    commit(&store, [Change::put(edge(3, 1, "uses", 2)), put(with(vertex(2, Some(1), "web"), "port", 80))]);
    assert_eq!(store.verify().unwrap(), []);
    server.psql(&format!("SET search_path TO {schema}; {damage}")).unwrap();
    let findings = store.verify().unwrap();
    let lines: Vec<_> =
        findings.iter().map(|finding| format!("{}: {}", finding.kind, finding.message)).collect();
    lines.join("\n")
}

pub(crate) fn verify_finds_what_was_changed(server: &Server) {
    for (damage, expected) in [
        // A flipped bit in a text: it can be decoded, and is not what was committed.
        (
            "UPDATE log SET body = set_byte(body, position('web'::bytea IN body) - 1, 120) WHERE sequence = 2",
            "chain: revision 1 is not what was committed",
        ),
        ("UPDATE log SET body = '\\x0102' WHERE sequence = 4", "entity: "),
        ("DELETE FROM log WHERE sequence = 1", "chain: revision 1 is not what was committed"),
        ("DELETE FROM entity WHERE id = 1", "entity: vertex 1 is in the log and not there"),
        ("DELETE FROM entity WHERE id = 1", "law: edge 3 starts at vertex 1, which does not exist"),
        ("UPDATE entity SET sequence = 2 WHERE id = 2", "entity: vertex 2 differs from what the log says"),
        ("UPDATE entity SET sequence = 99 WHERE id = 2", "entity: the row of entity 4/2 is not in the log"),
        ("UPDATE entity SET container = 2 WHERE id = 2", "index: "),
        ("UPDATE entity SET source = 2 WHERE id = 3", "index: "),
        ("UPDATE entity SET name = 'x' WHERE id = 1", "index: "),
        (
            "UPDATE commit SET time_ms = time_ms + 1 WHERE revision = 2",
            "chain: revision 2 is not what was committed",
        ),
        (
            "UPDATE commit SET author = 'mallory' WHERE revision = 1",
            "chain: revision 1 is not what was committed",
        ),
        (
            "UPDATE commit SET digest = '\\x00' WHERE revision = 2",
            "chain: revision 2 is not what was committed",
        ),
        ("DELETE FROM commit WHERE revision = 2", "chain: the store is at revision 2, its last commit at 1"),
    ] {
        let found = found(server, damage);
        assert!(found.contains(expected), "after {damage}, found:\n{found}");
    }
}

pub(crate) fn a_row_that_is_damaged_is_named(server: &Server) {
    let url = server.url();
    let store = PostgresStore::connect(&url).unwrap();
    commit(&store, [put(vertex(7, None, "shop"))]);
    let schema = url.rsplit('=').next().unwrap();
    server.psql(&format!("UPDATE {schema}.log SET body = '\\x0102'")).unwrap();
    let error = store.graph(&namespace("shop")).unwrap_err();
    assert!(error.to_string().starts_with("stored data is damaged: vertex 7: "), "{error}");
}
