//! Schemas that are not what they should be, and those of several hosts.

use std::{error::Error as _, thread};

use floria::{Store as _, StoreError};
use floria_conformance::build::{batch, commit, put, shop, vertex, with};
use floria_postgres::PostgresStore;

use crate::server::Server;

/// What a person would see: the attempt, then the cause.
fn told(url: &str) -> String {
    let error = PostgresStore::connect(url).err().expect("connecting fails");
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("{error}{cause}")
}

pub(crate) fn hosts_that_make_a_new_store_at_once_make_one(server: &Server) {
    let url = server.url();
    thread::scope(|scope| {
        for id in 1..=8 {
            let url = &url;
            scope.spawn(move || {
                let store = PostgresStore::connect(url).unwrap();
                commit(&store, [put(with(vertex(id, None, &format!("n{id}")), "x", 1))]);
            });
        }
    });
    let store = PostgresStore::connect(&url).unwrap();
    assert_eq!((shop(&store).vertexes().len(), store.revision().unwrap().0), (8, 8));
}

pub(crate) fn a_schema_of_a_newer_version_is_refused(server: &Server) {
    drop(PostgresStore::connect(&server.url_of("newer")).unwrap());
    server.psql("UPDATE newer.floria_version SET version = 99").unwrap();
    let error = PostgresStore::connect(&server.url_of("newer")).err().unwrap();
    assert!(matches!(error, StoreError::TooNew { found: 99, known: 1 }), "{error:?}");
}

pub(crate) fn a_schema_that_was_updated_meanwhile_takes_no_commit_of_an_older_program(server: &Server) {
    let store = PostgresStore::connect(&server.url_of("updated")).unwrap();
    commit(&store, [put(vertex(1, None, "shop"))]);
    server.psql("UPDATE updated.floria_version SET version = 99").unwrap();
    let refused = store.commit(&batch([put(vertex(2, None, "more"))]));
    assert!(matches!(refused, Err(StoreError::TooNew { found: 99, known: 1 })), "{refused:?}");
    assert_eq!(shop(&store).vertexes().len(), 1);
}

pub(crate) fn an_update_of_a_schema_is_whole_or_not_at_all(server: &Server) {
    server
        .psql(
            "CREATE SCHEMA older; CREATE TABLE older.floria_version (version integer NOT NULL);
             INSERT INTO older.floria_version VALUES (0); CREATE TABLE older.log (x integer)",
        )
        .unwrap();
    let tables =
        "SELECT string_agg(tablename, ' ' ORDER BY tablename) FROM pg_tables WHERE schemaname = 'older'";
    let error = told(&server.url_of("older"));
    assert!(error.ends_with("relation \"log\" already exists (42P07)"), "{error}");
    assert_eq!(server.psql(tables).unwrap().trim(), "floria_version log");
    server.psql("DROP TABLE older.log").unwrap();
    commit(&PostgresStore::connect(&server.url_of("older")).unwrap(), [put(vertex(1, None, "shop"))]);
}

pub(crate) fn a_schema_of_another_program_is_refused_and_left_alone(server: &Server) {
    server.psql("CREATE SCHEMA others; CREATE TABLE others.t (x integer)").unwrap();
    assert_eq!(
        told(&server.url_of("others")),
        "failed to open the store in schema `others`: the schema holds tables of another program"
    );
    let tables = server.psql("SELECT tablename FROM pg_tables WHERE schemaname = 'others'").unwrap();
    assert_eq!(tables.trim(), "t");
}

pub(crate) fn names_of_schemas_are_taken_as_they_are(server: &Server) {
    for (place, name) in ["Shop", "a%22b", "50%25", "d%C3%B6", "select", "user"].iter().enumerate() {
        let id = place as u64 + 1;
        commit(&PostgresStore::connect(&server.url_of(name)).unwrap(), [put(vertex(id, None, "shop"))]);
        let store = PostgresStore::connect(&server.url_of(name)).unwrap();
        assert_eq!(shop(&store).vertexes().map(|vertex| vertex.id.0).collect::<Vec<_>>(), [id], "{name}");
        assert!(store.stats().unwrap().octets.unwrap() > 0);
    }
}

pub(crate) fn what_cannot_be_reached_is_told(server: &Server) {
    let url = server.url();
    let host = crate::server::escaped(server.folder());
    let nowhere = url.replace(&host, &format!("{host}%2Fnowhere"));
    assert_eq!(
        told(&nowhere),
        "failed to open the store in schema `".to_owned()
            + nowhere.rsplit('=').next().unwrap()
            + "`: error connecting to server: No such file or directory (os error 2)"
    );
    let missing = told(&url.replace("/postgres?", "/missing?"));
    assert!(missing.ends_with("database \"missing\" does not exist (3D000)"), "{missing}");
}

pub(crate) fn a_store_may_be_used_and_dropped_within_a_runtime(server: &Server) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let url = server.url();
    runtime.block_on(async {
        let store = PostgresStore::connect(&url).unwrap();
        store.signal().unwrap();
        commit(&store, [put(vertex(1, None, "shop"))]);
        assert_eq!(shop(&store).vertexes().len(), 1);
    });
}
