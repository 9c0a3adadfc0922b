//! The numbered versions of the tables. Never edited once released, only added to.

use rusqlite::Connection;

use crate::{error::Problem, version_2};

/// What brings a file from the version that is its place in [`MIGRATIONS`] to the next one: SQL, then code where rows have to
/// be read to know what becomes of them.
#[derive(Clone, Copy)]
pub(crate) struct Migration {
    sql: &'static str,
    code: Option<Code>,
}

type Code = fn(&Connection) -> Result<(), Problem>;

impl Migration {
    #[cfg(test)]
    pub(crate) const fn of(sql: &'static str) -> Self {
        Self { sql, code: None }
    }

    /// Runs it within the caller's transaction.
    pub(crate) fn run(&self, transaction: &Connection) -> Result<(), Problem> {
        transaction.execute_batch(self.sql)?;
        self.code.map_or(Ok(()), |code| code(transaction))
    }
}

/// All there are.
pub(crate) const MIGRATIONS: &[Migration] =
    &[Migration { sql: VERSION_1, code: None }, Migration { sql: VERSION_2, code: Some(version_2::fill) }];

/// Each entity has a row with its body in the table of its kind, and once more in the log.
const VERSION_1: &str = "
    CREATE TABLE store (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        revision INTEGER NOT NULL,
        ids_used INTEGER NOT NULL
    ) STRICT;
    INSERT INTO store VALUES (1, 0, 0);

    CREATE TABLE namespace (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        revision INTEGER NOT NULL
    ) STRICT;

    CREATE TABLE class (
        namespace INTEGER NOT NULL,
        name TEXT NOT NULL,
        body BLOB NOT NULL,
        PRIMARY KEY (namespace, name)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE vertex_template (
        id INTEGER PRIMARY KEY,
        namespace INTEGER NOT NULL,
        container INTEGER,
        name TEXT NOT NULL,
        body BLOB NOT NULL
    ) STRICT;
    CREATE INDEX vertex_template_by_namespace ON vertex_template (namespace);
    CREATE INDEX vertex_template_by_name ON vertex_template (container, name);

    CREATE TABLE edge_template (
        id INTEGER PRIMARY KEY,
        namespace INTEGER NOT NULL,
        source INTEGER NOT NULL,
        target INTEGER NOT NULL,
        body BLOB NOT NULL
    ) STRICT;
    CREATE INDEX edge_template_by_namespace ON edge_template (namespace);
    CREATE INDEX edge_template_by_source ON edge_template (source);
    CREATE INDEX edge_template_by_target ON edge_template (target);

    CREATE TABLE vertex (
        id INTEGER PRIMARY KEY,
        namespace INTEGER NOT NULL,
        container INTEGER,
        name TEXT NOT NULL,
        body BLOB NOT NULL
    ) STRICT;
    CREATE INDEX vertex_by_namespace ON vertex (namespace);
    CREATE INDEX vertex_by_name ON vertex (container, name);

    CREATE TABLE edge (
        id INTEGER PRIMARY KEY,
        namespace INTEGER NOT NULL,
        source INTEGER NOT NULL,
        target INTEGER NOT NULL,
        body BLOB NOT NULL
    ) STRICT;
    CREATE INDEX edge_by_namespace ON edge (namespace);
    CREATE INDEX edge_by_source ON edge (source);
    CREATE INDEX edge_by_target ON edge (target);

    CREATE TABLE stream (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE
    ) STRICT;

    -- Only ever appended to. `entry` says what kind of change it is, 0 for a record, whose words are in `stream` and `kind`.
    CREATE TABLE log (
        sequence INTEGER PRIMARY KEY,
        revision INTEGER NOT NULL,
        time_ms INTEGER NOT NULL,
        namespace INTEGER NOT NULL,
        entry INTEGER NOT NULL,
        stream INTEGER,
        kind TEXT,
        body BLOB NOT NULL
    ) STRICT;
    CREATE INDEX log_by_namespace ON log (namespace);
    CREATE INDEX log_by_stream ON log (stream) WHERE stream IS NOT NULL;
";

/// A body is kept once, in the log, and one table of small rows says of each entity where its body is and what it is found by.
/// So there is nothing that history and the present could disagree about, and half as much to write.
///
/// Rows of changes in the log have the entity, those of records have the stream and the kind. The tables of version 1 that are
/// needed to fill these get the suffix `_1`; [`version_2::fill`] drops them.
const VERSION_2: &str = "
    ALTER TABLE store RENAME TO store_1;
    ALTER TABLE class RENAME TO class_1;
    ALTER TABLE log RENAME TO log_1;
    DROP INDEX log_by_namespace;
    DROP INDEX log_by_stream;

    -- `ids_again` is `ids_used` again: nothing else would show that a bit of it is wrong.
    CREATE TABLE store (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        revision INTEGER NOT NULL,
        kept_from INTEGER NOT NULL,
        ids_used INTEGER NOT NULL,
        ids_again INTEGER NOT NULL CHECK (ids_again = ids_used)
    ) STRICT;
    INSERT INTO store SELECT 1, revision, 0, ids_used, ids_used FROM store_1;
    DROP TABLE store_1;

    -- The revision that it had at the oldest one that is kept.
    ALTER TABLE namespace ADD COLUMN kept INTEGER NOT NULL DEFAULT 0;

    -- Names of classes, properties, sources, authors and kinds of records.
    CREATE TABLE word (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE
    ) STRICT;

    -- The number of each class and plugin that there ever was. `kind` is the place of the kind in canonical order.
    CREATE TABLE named (
        id INTEGER PRIMARY KEY,
        kind INTEGER NOT NULL,
        namespace INTEGER NOT NULL,
        name TEXT NOT NULL,
        UNIQUE (kind, namespace, name)
    ) STRICT;

    -- What is there. `sequence` is the row of the log with the body; the columns before it say again what is looked up.
    -- `classes` are the words of its classes, `reads` is how many rows of `reader` are its.
    CREATE TABLE entity (
        kind INTEGER NOT NULL,
        id INTEGER NOT NULL,
        namespace INTEGER NOT NULL,
        container INTEGER,
        name TEXT,
        source INTEGER,
        target INTEGER,
        origin INTEGER,
        classes BLOB NOT NULL,
        reads INTEGER NOT NULL,
        sequence INTEGER NOT NULL,
        PRIMARY KEY (kind, id)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX entity_by_namespace ON entity (kind, namespace);
    CREATE INDEX entity_by_container ON entity (kind, container) WHERE container IS NOT NULL;
    CREATE INDEX entity_by_name ON entity (kind, container, name, namespace) WHERE name IS NOT NULL;
    CREATE INDEX entity_by_source ON entity (kind, source) WHERE source IS NOT NULL;
    CREATE INDEX entity_by_target ON entity (kind, target) WHERE target IS NOT NULL;
    CREATE INDEX entity_by_origin ON entity (kind, origin) WHERE origin IS NOT NULL;

    CREATE TABLE member (
        class INTEGER NOT NULL,
        kind INTEGER NOT NULL,
        id INTEGER NOT NULL,
        PRIMARY KEY (class, kind, id)
    ) STRICT, WITHOUT ROWID;

    -- Who has a value that was computed from a property of an instance.
    CREATE TABLE reader (
        site INTEGER NOT NULL,
        site_kind INTEGER NOT NULL,
        property INTEGER NOT NULL,
        kind INTEGER NOT NULL,
        id INTEGER NOT NULL,
        PRIMARY KEY (site, site_kind, property, kind, id)
    ) STRICT, WITHOUT ROWID;

    -- One row a commit. `last` is its last row in the log; `digest` is its link of the chain, and `rest` is the digest of
    -- what is left of it, where something may have been forgotten.
    CREATE TABLE chain (
        revision INTEGER PRIMARY KEY,
        time_ms INTEGER NOT NULL,
        author INTEGER,
        stream INTEGER,
        last INTEGER NOT NULL,
        digest BLOB NOT NULL,
        rest BLOB
    ) STRICT;

    -- `entry` is Floria's code of the entry. Kind and number of the entity, for changes; stream and kind, for records.
    CREATE TABLE log (
        sequence INTEGER PRIMARY KEY,
        revision INTEGER NOT NULL,
        namespace INTEGER NOT NULL,
        entry INTEGER NOT NULL,
        entity INTEGER,
        stream INTEGER,
        kind INTEGER,
        body BLOB NOT NULL
    ) STRICT;
    CREATE INDEX log_by_namespace ON log (namespace);
    CREATE INDEX log_by_stream ON log (stream) WHERE stream IS NOT NULL;
    -- Codes of changes are 1 to 6 for what was put and 7 to 12 for what was deleted, by kind.
    CREATE INDEX log_by_entity ON log ((entry - 1) % 6, entity) WHERE entity IS NOT NULL;
";

#[cfg(test)]
mod tests {
    use floria::{
        At, Change, Class, ClassName, Entity, EntityKey, LogEntry, LogQuery, Namespace, Record, Replay,
        Store as _, Value, Vertex, VertexId, encode,
    };
    use rusqlite::params;

    use super::*;
    use crate::{SqliteStore, schema};

    fn vertex(id: u64, name: &str) -> Vertex {
        Vertex {
            id: VertexId(id),
            namespace: Namespace("shop".to_owned()),
            name: name.to_owned(),
            container: None,
            classes: vec![ClassName("Node".to_owned())],
            properties: Default::default(),
            handlers: Default::default(),
            metadata: Default::default(),
            origin: None,
        }
    }

    /// Writes what version 1 wrote for these commits.
    fn write_version_1(connection: &Connection, commits: &[Vec<LogEntry>]) {
        let mut store = Replay::default();
        connection
            .execute_batch(
                "INSERT INTO namespace VALUES (1, 'shop', 3); INSERT INTO stream VALUES (1, 'run/1')",
            )
            .unwrap();
        for (revision, entries) in (1_i64..).zip(commits) {
            for entry in entries {
                let (code, body) = entry.encoded().unwrap();
                // There were no plugins, and so no codes for them.
                let code = [0, 1, 99, 2, 3, 4, 5, 6, 99, 7, 8, 9, 10][usize::from(code.0)];
                let is_record = matches!(entry, LogEntry::Record(_));
                connection
                    .execute(
                        "INSERT INTO log (revision, time_ms, namespace, entry, stream, kind, body)
                         VALUES (?1, ?2, 1, ?3, ?4, ?5, ?6)",
                        params![
                            revision,
                            100 * revision,
                            code,
                            is_record.then_some(1),
                            is_record.then_some("note"),
                            body
                        ],
                    )
                    .unwrap();
                store
                    .play(&floria::LogRow {
                        sequence: 0,
                        revision: floria::Revision(revision as u64),
                        time_ms: 0,
                        author: None,
                        entry: entry.clone(),
                    })
                    .unwrap();
            }
        }
        for entity in store.entities() {
            match entity {
                Entity::Class(class) => connection.execute(
                    "INSERT INTO class VALUES (1, ?1, ?2)",
                    params![class.name.0, encode(class).unwrap()],
                ),
                Entity::Vertex(vertex) => connection.execute(
                    "INSERT INTO vertex VALUES (?1, 1, NULL, ?2, ?3)",
                    params![vertex.id.0 as i64, vertex.name, encode(vertex).unwrap()],
                ),
                other => panic!("unexpected {other:?}"),
            }
            .unwrap();
        }
        connection.execute("UPDATE store SET revision = ?1, ids_used = 9", [commits.len() as i64]).unwrap();
    }

    fn put(entity: impl Into<Entity>) -> LogEntry {
        LogEntry::Change(Change::put(entity))
    }

    #[test]
    fn a_store_of_version_1_keeps_its_history() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("floria.db");
        let class = Class {
            name: ClassName("Node".to_owned()),
            namespace: Namespace("shop".to_owned()),
            ancestors: Vec::new(),
            metadata: Default::default(),
            origin: None,
        };
        let record = Record {
            stream: "run/1".to_owned(),
            namespace: Namespace("shop".to_owned()),
            kind: "note".to_owned(),
            body: Value::Integer(7),
        };
        let commits = [
            vec![put(class), put(vertex(1, "a")), put(vertex(2, "b")), LogEntry::Record(record)],
            // An empty batch made a revision, too.
            vec![],
            vec![put(vertex(1, "c")), LogEntry::Change(Change::delete(VertexId(2)))],
        ];
        write_version_1(&schema::open(&path, &MIGRATIONS[..1]).unwrap(), &commits);

        let store = SqliteStore::open(&path).unwrap();
        let rows = store.log(&LogQuery::default()).unwrap();
        let entries: Vec<_> = rows.iter().map(|row| row.entry.clone()).collect();
        assert_eq!(entries, commits.concat());
        let times: Vec<_> = rows.iter().map(|row| (row.sequence, row.revision.0, row.time_ms)).collect();
        assert_eq!(times, [(1, 1, 100), (2, 1, 100), (3, 1, 100), (4, 1, 100), (5, 3, 300), (6, 3, 300)]);
        assert_eq!(store.verify().unwrap(), []);
        let name = |at: At, id: u64| {
            let found = store.snapshot(at).unwrap().get(&EntityKey::Vertex(VertexId(id))).unwrap();
            found.map(|vertex| vertex.name().to_owned())
        };
        assert_eq!((name(At::Now, 1), name(At::Now, 2)), (Some("c".to_owned()), None));
        assert_eq!(
            (name(At::Time(299), 1), name(At::Time(299), 2)),
            (Some("a".to_owned()), Some("b".to_owned()))
        );
        assert_eq!(store.allocate(1).unwrap(), 10..11);
        drop(store);
        assert!(folder.path().join("floria.db.v1").is_file());
    }

    #[test]
    fn a_store_of_version_1_that_does_not_agree_with_its_log_is_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("floria.db");
        let connection = schema::open(&path, &MIGRATIONS[..1]).unwrap();
        write_version_1(&connection, &[vec![put(vertex(1, "a"))]]);
        let other = encode(&vertex(1, "b")).unwrap();
        connection.execute("UPDATE vertex SET body = ?1", [other]).unwrap();
        drop(connection);
        let error = SqliteStore::open(&path).err().unwrap();
        assert_eq!(error.to_string(), "stored data is damaged: vertex 1 is not what the log says");
        let version: i64 =
            Connection::open(&path).unwrap().query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
        assert_eq!(version, 1);
    }
}
