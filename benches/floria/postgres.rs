//! The store on PostgreSQL: where it is, and what the same rows cost by plain statements.

use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio_postgres::{Client, Config, NoTls};

use crate::{COMMITS, READS, micros, middle, say, scattered};

/// Names the database: `crates/floria-postgres/tests/with-postgres.sh` makes one.
const URL: &str = "FLORIA_POSTGRES_URL";

/// Returns the URL of a store for a graph of this size, where there is a server.
pub(crate) fn url(entities: usize) -> Option<String> {
    std::env::var(URL).ok().map(|url| format!("{url}?schema=bench_{entities}"))
}

/// Writes the rows that the load of a store left again, in the server and a transaction for each commit, and reads what it read.
pub(crate) fn measure(entities: usize) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("there is room for a thread");
    let config: Config = std::env::var(URL).expect("it was there before").parse().expect("it is a URL");
    let client = runtime.block_on(async {
        let (client, connection) = config.connect(NoTls).await.expect("it can be connected to");
        tokio::spawn(connection);
        client
    });
    let run = |sql: &str| runtime.block_on(client.batch_execute(sql)).expect("it can be written");
    let (from, to) = (format!("bench_{entities}"), format!("plain_{entities}"));
    run(&format!("CREATE SCHEMA {to}; SET search_path TO {to}; SET jit TO off"));
    for table in ["log", "entity", "entity_class", "commit"] {
        run(&format!("CREATE TABLE {table} (LIKE {from}.{table} INCLUDING ALL)"));
    }
    let commits = entities.div_ceil(crate::BATCH);
    let mut load = Duration::ZERO;
    for revision in 1..=commits {
        let sql = format!(
            "BEGIN; INSERT INTO log SELECT * FROM {from}.log WHERE revision = {revision};
             INSERT INTO entity SELECT * FROM {from}.entity WHERE revision = {revision};
             INSERT INTO entity_class SELECT c.* FROM {from}.entity e JOIN {from}.entity_class c USING (kind, id)
             WHERE e.revision = {revision}; INSERT INTO commit SELECT * FROM {from}.commit WHERE revision = {revision};
             COMMIT"
        );
        let start = Instant::now();
        run(&sql);
        load += start.elapsed();
    }
    say("plain statements: the rows of the load, within the server, an entity", micros(load, entities), "µs");
    read(&runtime, &client, entities as u64 / 2);
    let one = |number: usize| {
        let id = scattered(number as u64, entities as u64 / 2);
        let sequence = 1_000_000_000 + number;
        run(&format!(
            "BEGIN; UPDATE entity SET sequence = {sequence} WHERE kind = 4 AND id = {id};
             INSERT INTO log (sequence, revision, namespace, entity, entry, body)
             VALUES ({sequence}, {sequence}, 1, {id}, 5, decode(repeat('00', 300), 'hex'));
             INSERT INTO commit (revision, time_ms, sequence, token, digest) VALUES ({sequence}, 1, 1, '', '');
             COMMIT"
        ));
    };
    say("plain statements: commit of one entity", middle(COMMITS, one), "µs");
    run(&format!("DROP SCHEMA {to} CASCADE"));
}

fn read(runtime: &Runtime, client: &Client, vertexes: u64) {
    let sql =
        "SELECT log.body FROM entity JOIN log USING (sequence) WHERE entity.kind = 4 AND entity.id = $1";
    let statement = runtime.block_on(client.prepare(sql)).expect("it is SQL");
    let start = Instant::now();
    for number in 0..READS {
        let id = scattered(number, vertexes) as i64;
        runtime.block_on(client.query_opt(&statement, &[&id])).expect("it can be read");
    }
    say("plain statements: point read, octets", micros(start.elapsed(), READS as usize), "µs");
}
