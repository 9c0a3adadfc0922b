//! The same rows in the same transactions by plain statements: what SQLite itself costs.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use rusqlite::{Connection, params_from_iter, types::Value};

use crate::{COMMITS, READS, micros, middle, say, scattered};

/// A table, how its rows are read in the order of commits, and with which revision.
const TABLES: [(&str, &str); 4] = [
    ("log", "SELECT revision, * FROM log ORDER BY sequence"),
    ("entity", "SELECT l.revision, e.* FROM entity e JOIN log l ON l.sequence = e.sequence ORDER BY e.sequence"),
    (
        "member",
        "SELECT l.revision, m.* FROM member m JOIN entity e USING (kind, id) JOIN log l ON l.sequence = e.sequence
         ORDER BY e.sequence",
    ),
    ("chain", "SELECT revision, * FROM chain ORDER BY revision"),
];

/// Writes the rows that the load of a store left again, and reads what it read.
pub(crate) fn measure(store: &Path, folder: &Path, entities: usize) {
    let source = Connection::open(store).expect("it can be opened");
    let commits = entities.div_ceil(crate::BATCH) as i64;
    let path = folder.join("plain.db");
    let target = Connection::open(&path).expect("there is room");
    target.execute_batch("PRAGMA journal_mode = wal; PRAGMA synchronous = FULL").expect("it can be set");
    let tables = "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type DESC";
    let mut statement = source.prepare(tables).expect("it is SQL");
    let statements = statement.query_map([], |row| row.get::<_, String>(0)).expect("it can be read");
    for sql in statements {
        target.execute_batch(&sql.expect("it is text")).expect("it is a table or an index");
    }
    let load = write(&source, &target, 0, commits);
    say("plain statements: the rows of the load, an entity", micros(load, entities), "µs");
    let start = Instant::now();
    for number in 0..READS {
        let sql = "SELECT l.body FROM entity e JOIN log l ON l.sequence = e.sequence WHERE e.kind = 4 AND e.id = ?1";
        let mut statement = target.prepare_cached(sql).expect("it is SQL");
        let id = scattered(number, entities as u64 / 2) as i64;
        _ = statement.query_row([id], |row| row.get::<_, Vec<u8>>(0));
    }
    say("plain statements: point read, octets", micros(start.elapsed(), READS as usize), "µs");
    let mut one =
        target.prepare("UPDATE entity SET sequence = ?1 WHERE kind = 4 AND id = ?2").expect("it is SQL");
    let mut row = target
        .prepare(
            "INSERT INTO log (revision, namespace, entry, entity, body) VALUES (?1, 1, 5, ?2, zeroblob(300))",
        )
        .expect("it is SQL");
    let mut chain = target
        .prepare("INSERT INTO chain (time_ms, last, digest) VALUES (?1, ?1, zeroblob(32))")
        .expect("it is SQL");
    let mut update = |ids: std::ops::Range<u64>| {
        target.execute_batch("BEGIN IMMEDIATE").expect("nobody else writes");
        for number in ids {
            let id = scattered(number, entities as u64 / 2) as i64;
            row.execute([number as i64, id]).expect("it can be written");
            one.execute([target.last_insert_rowid(), id]).expect("it can be written");
        }
        chain.execute([1]).expect("it can be written");
        target.execute_batch("COMMIT").expect("it can be committed");
    };
    let time = middle(COMMITS, |number| update(number as u64..number as u64 + 1));
    say("plain statements: commit of one entity", time, "µs");
    let time = middle(20, |number| update(number as u64 * 1000..(number as u64 + 1) * 1000));
    say("plain statements: commit of 1,000 entities", time / 1000.0, "ms");
}

/// Writes the rows of all tables, a transaction for each revision, and returns how long that took without reading them.
fn write(source: &Connection, target: &Connection, after: i64, last: i64) -> Duration {
    let mut readers: Vec<_> =
        TABLES.iter().map(|(_, sql)| source.prepare(sql).expect("the store has these tables")).collect();
    let widths: Vec<_> = readers.iter().map(|statement| statement.column_count() - 1).collect();
    let mut rows: Vec<_> =
        readers.iter_mut().map(|statement| statement.query([]).expect("it can be read")).collect();
    let mut next: Vec<Option<(i64, Vec<Value>)>> = vec![None; TABLES.len()];
    let mut time = Duration::ZERO;
    for revision in after + 1..=last {
        let mut batch: Vec<(usize, Vec<Value>)> = Vec::new();
        for (table, width) in widths.iter().enumerate() {
            loop {
                if next[table].is_none()
                    && let Some(row) = rows[table].next().expect("it can be read")
                {
                    let values = (1..=*width).map(|column| row.get(column).expect("a value")).collect();
                    next[table] = Some((row.get(0).expect("a revision"), values));
                }
                match next[table].take() {
                    Some((of, values)) if of == revision => batch.push((table, values)),
                    other => {
                        next[table] = other;
                        break;
                    }
                }
            }
        }
        let start = Instant::now();
        target.execute_batch("BEGIN IMMEDIATE").expect("nobody else writes");
        for (table, values) in batch {
            let marks = vec!["?"; widths[table]].join(", ");
            let sql = format!("INSERT INTO {} VALUES ({marks})", TABLES[table].0);
            let mut statement = target.prepare_cached(&sql).expect("it is SQL");
            statement.execute(params_from_iter(values)).expect("it can be written");
        }
        target.execute_batch("COMMIT").expect("it can be committed");
        time += start.elapsed();
    }
    time
}
