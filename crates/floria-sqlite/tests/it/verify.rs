//! Damage is found, wherever it is.

use std::{fs, path::Path};

use floria::{
    Artifact, At, Author, Batch, Change, ClassName, EdgeId, EntityKind, Finding, Index, LogQuery, Origin,
    Page, Plugin, PluginName, Property, Revision, Site, Store, StoreError, VertexId,
};
use floria_conformance::build::{
    batch, class, commit, edge, namespace, record, records, vertex, vertex_template, with,
};
use floria_sqlite::SqliteStore;
use rusqlite::Connection;

/// Makes a store with something of everything.
pub(crate) fn varied(path: &Path) {
    let store = SqliteStore::open(path).unwrap();
    let author = |name: &str| Author { name: name.to_owned(), stream: Some("run/1".to_owned()) };
    let plugin = Plugin {
        name: PluginName("p".to_owned()),
        namespace: namespace("shop"),
        artifact: Artifact { path: "p.wasm".to_owned(), digest: "00".to_owned() },
        metadata: Default::default(),
        origin: None,
    };
    let template = vertex_template(1, None, "shop");
    let changes = [Change::put(class("Node")), Change::put(plugin), Change::put(template)];
    store.commit(&Batch { author: Some(author("alice@h1")), ..batch(changes) }).unwrap();
    for round in 0..4_i64 {
        let vertexes = (1..=20_u64).map(|id| {
            let mut vertex = with(vertex(id, (id > 1).then_some(1), &format!("n{id}")), "round", round);
            vertex.classes = vec![ClassName("Node".to_owned()), ClassName(format!("Kind{}", id % 3))];
            vertex.origin = Some(Origin { source: "service.yaml".into(), line: 1, column: 1 });
            let reads = vec![(Site::Vertex(VertexId(1 + id % 5)), "round".to_owned())];
            vertex.properties.insert("copy".to_owned(), Property { reads, ..Property::default() });
            Change::put(vertex)
        });
        commit(&store, vertexes);
        commit(&store, (1..20).map(|id| Change::put(edge(100 + id, id, "uses", id + 1))));
        store.commit(&records((0..5).map(|number| record(&format!("run/{round}"), number)))).unwrap();
    }
    commit(&store, [Change::delete(EdgeId(119)), Change::delete(VertexId(20))]);
    store.allocate(1000).unwrap();
}

fn findings(path: &Path) -> Vec<Finding> {
    SqliteStore::open_read_only(path).unwrap().verify().unwrap()
}

#[test]
fn a_whole_store_has_no_findings_also_after_it_forgot_something() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("floria.db");
    varied(&path);
    assert_eq!(findings(&path), []);
    let store = SqliteStore::open(&path).unwrap();
    let keep = ["run/0".to_owned()];
    let forgotten = store.forget_before(Revision(8), &keep, None).unwrap();
    // Two rounds of vertexes and one of edges, and the records of one.
    assert_eq!((forgotten.revision, forgotten.rows), (Revision(15), 2 * 20 + 19 + 5));
    assert_eq!(findings(&path), []);
    store.forget_before(Revision(15), &[], None).unwrap();
    commit(&store, [Change::put(vertex(30, Some(1), "n30"))]);
    assert_eq!(findings(&path), []);
    let stats = store.stats().unwrap();
    assert_eq!((stats.revision, stats.kept_from), (Revision(17), Revision(15)));
    // What is there, and the records that say what was forgotten.
    assert_eq!(stats.log_rows, stats.entities.values().sum::<u64>() + 2);
    assert!(stats.octets.unwrap() >= fs::metadata(&path).unwrap().len());
    assert!(matches!(
        store.snapshot(At::Revision(Revision(14))),
        Err(StoreError::Forgotten { asked: Revision(14), kept_from: Revision(15) })
    ));
}

#[test]
fn what_is_changed_by_hand_is_found() {
    let cases = [
        ("DELETE FROM entity WHERE kind = 4 AND id = 7", "edge 106 ends at what does not exist"),
        ("DELETE FROM entity WHERE kind = 4 AND id = 7", "vertex 7 is in the log and not there"),
        (
            "UPDATE entity SET source = 99 WHERE kind = 5 AND id = 105",
            "edge 105 starts at what does not exist",
        ),
        ("UPDATE entity SET container = 99 WHERE kind = 4 AND id = 7", "vertex 7 is in what does not exist"),
        ("UPDATE entity SET container = 7 WHERE kind = 4 AND id = 7", "vertex 7 contains itself"),
        ("UPDATE entity SET name = 'n8' WHERE kind = 4 AND id = 7", "vertex 8 has the name of another there"),
        ("UPDATE entity SET name = 'x' WHERE kind = 4 AND id = 7", "vertex 7 is not found by what it is"),
        (
            "UPDATE entity SET sequence = sequence - 44 WHERE kind = 4 AND id = 7",
            "vertex 7 is not what its last row",
        ),
        ("DELETE FROM member WHERE kind = 4 AND id = 7", "vertex 7 is not found by one of its classes"),
        ("INSERT INTO member VALUES (1, 4, 99)", "rows of `member`"),
        ("DELETE FROM reader WHERE kind = 4 AND id = 7", "vertex 7 is not found by what it reads"),
        ("INSERT INTO reader VALUES (1, 4, 1, 4, 99)", "rows of `reader`"),
        ("DELETE FROM log WHERE sequence = 30", "rows 30 to 30 are missing"),
        ("DELETE FROM log WHERE sequence = (SELECT max(sequence) FROM log)", "are missing"),
        ("UPDATE log SET body = zeroblob(length(body)) WHERE sequence = 30", "row 30: "),
        ("UPDATE log SET revision = 3 WHERE sequence = 10", "says that it is of revision 3"),
        ("UPDATE log SET stream = stream + 1 WHERE sequence = 45", "is not what was committed"),
        ("DELETE FROM chain WHERE revision = 5", "revision 6 follows revision 4"),
        (
            "UPDATE chain SET time_ms = time_ms + 1 WHERE revision = 14",
            "revision 14 is not what was committed",
        ),
        ("UPDATE chain SET author = NULL WHERE revision = 1", "revision 1 is not what was committed"),
        ("UPDATE word SET name = 'Nodes' WHERE name = 'Node'", "is not found by what it is"),
        ("UPDATE word SET name = 'mallory' WHERE name = 'alice@h1'", "revision 1 is not what was committed"),
        ("UPDATE store SET revision = 13", "the last commit is 14, and the store is at 13"),
        ("UPDATE store SET ids_used = 3, ids_again = 3", "was never taken"),
        ("UPDATE store SET kept_from = 3", "and what was forgotten do not agree"),
        ("UPDATE namespace SET revision = 2", "is not at the revision of its last change"),
        ("DROP INDEX entity_by_origin", "index entity_by_origin is not as it was made"),
        ("CREATE TABLE extra (id INTEGER)", "table extra is nothing that this store has"),
    ];
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("floria.db");
    varied(&whole);
    for (place, (sql, expected)) in cases.into_iter().enumerate() {
        let path = folder.path().join(format!("{place}.db"));
        fs::copy(&whole, &path).unwrap();
        let connection = Connection::open(&path).unwrap();
        assert!(connection.execute(sql, []).unwrap() > 0 || place + 2 >= 28, "{sql}");
        drop(connection);
        let findings = findings(&path);
        assert!(
            findings.iter().any(|finding| finding.message.contains(expected)),
            "{sql}: expected `{expected}` among {findings:#?}"
        );
    }
}

/// Everything that a store can be asked.
fn answers(path: &Path) -> Result<Vec<String>, StoreError> {
    let store = SqliteStore::open_read_only(path)?;
    let mut answers = vec![format!("{:?}", store.log(&LogQuery::default())?)];
    let snapshot = store.snapshot(At::Now)?;
    let mut indexes = Vec::new();
    for kind in EntityKind::ALL {
        indexes.extend([
            Index::All(kind),
            Index::Under(kind, namespace("shop")),
            Index::Namespace(kind, namespace("shop")),
            Index::Origin(kind, "service.yaml".to_owned()),
        ]);
        indexes.extend(
            ["Node", "Kind0", "Kind1", "Kind2"].map(|name| Index::Class(kind, ClassName(name.to_owned()))),
        );
        for id in 0..20 {
            indexes.extend([Index::Contents(kind, id), Index::Outgoing(kind, id), Index::Incoming(kind, id)]);
            indexes.push(Index::Name(kind, Some(1), format!("n{id}")));
            indexes.push(Index::Readers(kind, Site::Vertex(VertexId(id)), "round".to_owned()));
        }
    }
    for index in &indexes {
        answers.push(format!("{:?}", snapshot.find(index, &Page::default())?));
        answers.push(format!("{}", snapshot.count(index)?));
    }
    answers.push(format!(
        "{:?} {:?}",
        snapshot.namespaces()?,
        snapshot.namespace_revision(&namespace("shop"))?
    ));
    drop(snapshot);
    for revision in [0, 1, 5, 9, 13] {
        let snapshot = store.snapshot(At::Revision(Revision(revision)))?;
        answers.push(format!("{:?}", snapshot.find(&Index::All(EntityKind::Vertex), &Page::default())?));
        answers.push(format!("{:?}", snapshot.find(&Index::All(EntityKind::Edge), &Page::default())?));
    }
    for stream in ["run/0", "run/3"] {
        let query = LogQuery { stream: Some(stream.to_owned()), ..LogQuery::default() };
        answers.push(format!("{:?}", store.log(&query)?));
    }
    answers.push(format!("{:?}", store.stats()?.entities));
    drop(store);
    let store = SqliteStore::open(path)?;
    answers.push(format!("{:?}", store.allocate(1)?));
    Ok(answers)
}

/// How many bits are flipped, one at a time, unless `FLORIA_FLIPS` says otherwise.
const FLIPS: u64 = 60;

#[test]
fn a_flipped_bit_is_found_where_it_makes_a_difference() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, path) = (folder.path().join("floria.db"), folder.path().join("flipped.db"));
    varied(&whole);
    let octets = fs::read(&whole).unwrap();
    fs::copy(&whole, &path).unwrap();
    let expected = answers(&path).unwrap();
    let flips = std::env::var("FLORIA_FLIPS").map_or(FLIPS, |flips| flips.parse().unwrap());
    let mut found = 0;
    for seed in 0..flips {
        let place = (seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 16) % (octets.len() as u64 * 8);
        let mut flipped = octets.clone();
        flipped[place as usize / 8] ^= 1 << (place % 8);
        fs::write(&path, &flipped).unwrap();
        // Refusing to open, failing to look and saying what is wrong are all fine; saying nothing is not.
        let is_found = SqliteStore::open_read_only(&path)
            .and_then(|store| store.verify())
            .map_or(true, |findings| !findings.is_empty());
        found += u64::from(is_found);
        assert!(
            is_found || answers(&path).is_ok_and(|answers| answers == expected),
            "bit {} of octet {} of {}",
            place % 8,
            place / 8,
            octets.len()
        );
        for suffix in ["-wal", "-shm"] {
            _ = fs::remove_file(folder.path().join(format!("flipped.db{suffix}")));
        }
    }
    assert!(found > flips / 6, "{found} of {flips} were found");
}
