//! Connections that break, servers that fail, hosts that die: nothing is lost, and nothing is done twice.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::Duration,
};

use floria::{
    At, Batch, EntityKind, Index, LogQuery, Page, Revision, Store as _, StoreError, Value, VertexId, Watch,
};
use floria_conformance::build::{batch, commit, namespace, put, record, records, shop, vertex, with};
use floria_postgres::PostgresStore;

use crate::{
    proxy::{Fate, Proxy},
    server::Server,
};

/// Numbers that look random and are the same each time.
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, bound: u64) -> u64 {
        // Knuth's constants for a linear congruential generator of 64 bits; its upper half is the better one.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// Commits whose connection breaks before the server heard of them, and after it made them.
pub(crate) fn a_commit_is_settled_when_its_connection_breaks(server: &Server) {
    const COMMITS: u64 = 60;
    let mut seeded = Seeded(1);
    // A commit that is tried again is another one to the proxy.
    let script: Vec<Fate> = (0..2 * COMMITS)
        .map(|_| [Fate::Passed, Fate::Unsent, Fate::Unheard][seeded.below(3) as usize])
        .collect();
    assert!(script.contains(&Fate::Unsent) && script.contains(&Fate::Unheard));
    let url = server.url();
    // Made without the proxy, so that all commits that it sees are those of batches.
    drop(PostgresStore::connect(&url).unwrap());
    let proxy = Proxy::new(server.folder(), script);
    let through =
        url.replace(&crate::server::escaped(server.folder()), &crate::server::escaped(proxy.folder.path()));
    assert_ne!(through, url);
    let store = PostgresStore::connect(&through).unwrap();
    for round in 1..=COMMITS {
        let change = put(with(vertex(1, None, "shop"), "round", round as i64));
        let batch = Batch {
            expected: vec![(namespace("shop"), Revision(round - 1))],
            records: vec![record("run/1", round as i64)],
            ..batch([change])
        };
        assert_eq!(store.commit(&batch).unwrap(), Revision(round));
    }
    let rows = store.log(&LogQuery::default()).unwrap();
    assert_eq!(rows.len() as u64, 2 * COMMITS);
    assert!(rows.iter().zip(1..).all(|(row, number)| row.sequence == number));
    let value = &shop(&store).vertex(VertexId(1)).unwrap().properties["round"].value.clone();
    assert_eq!(*value, Some(Value::Integer(COMMITS as i64)));
    assert_eq!(store.verify().unwrap(), []);
}

/// Threads that count up one number, each on a store of its own, while their processes at the server are ended.
pub(crate) fn terminated_processes_lose_nothing_and_repeat_nothing(server: &Server) {
    const THREADS: u64 = 3;
    const ROUNDS: u64 = 40;
    let url = format!("{}&application_name=terminated", server.url());
    let stores: Vec<_> = (0..THREADS).map(|_| PostgresStore::connect(&url).unwrap()).collect();
    commit(&stores[0], [put(with(vertex(1, None, "shop"), "count", 0))]);
    let done: Vec<_> = (0..THREADS).map(|_| AtomicU64::new(0)).collect();
    let (over, terminations) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        let (over, done, terminations) = (&over, &done, &terminations);
        let writers: Vec<_> = stores
            .iter()
            .zip(done)
            .map(|(store, done)| {
                scope.spawn(move || {
                    for round in 0..ROUNDS {
                        // Whoever terminates may have had no turn until here.
                        while round == ROUNDS / 2 && terminations.load(Ordering::SeqCst) == 0 {
                            thread::yield_now();
                        }
                        increment(store);
                        done.fetch_add(1, Ordering::SeqCst);
                    }
                })
            })
            .collect();
        scope.spawn(move || {
            let mut seeded = Seeded(2);
            let mut admin = Admin::connect(server);
            let progress = || done.iter().map(|done| done.load(Ordering::SeqCst)).collect::<Vec<_>>();
            let mut before = vec![0; done.len()];
            while !over.load(Ordering::SeqCst) {
                // Each gets on between two terminations, so that none is struck for ever. The moment is anybody's.
                let on = |(now, before): (&u64, &u64)| *now > *before || *now == ROUNDS;
                if !progress().iter().zip(&before).all(on) {
                    thread::yield_now();
                    continue;
                }
                before = progress();
                thread::sleep(Duration::from_micros(seeded.below(3_000)));
                admin.run(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'terminated'",
                );
                terminations.fetch_add(1, Ordering::SeqCst);
            }
        });
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        over.store(true, Ordering::SeqCst);
    });
    let count = &shop(&stores[0]).vertex(VertexId(1)).unwrap().properties["count"].value.clone();
    assert_eq!(*count, Some(Value::Integer((THREADS * ROUNDS) as i64)));
    // Not one commit more than those that were answered.
    assert_eq!(stores[0].revision().unwrap(), Revision(1 + THREADS * ROUNDS));
    assert_eq!(stores[0].verify().unwrap(), []);
}

fn increment(store: &PostgresStore) {
    // Bounded: of those who conflict, one always succeeds.
    for _ in 0..10_000 {
        let expected = store.namespace_revision(&namespace("shop")).unwrap();
        let mut vertex = shop(store).vertex(VertexId(1)).unwrap().clone();
        let count = vertex.properties["count"].value.as_ref().and_then(Value::as_integer).unwrap();
        vertex = with(vertex, "count", count + 1);
        let expected = vec![(namespace("shop"), expected)];
        match store.commit(&Batch { expected, ..batch([put(vertex)]) }) {
            Ok(_) => return,
            Err(StoreError::Conflict { .. }) => {}
            Err(error) => panic!("{error}: {:?}", std::error::Error::source(&error)),
        }
    }
    panic!("never got a turn");
}

/// A snapshot goes on showing its revision on a new connection, also when that shows a later one.
pub(crate) fn a_snapshot_outlives_its_connection(server: &Server) {
    let url = format!("{}&application_name=outlived", server.url());
    let store = PostgresStore::connect(&url).unwrap();
    let other = PostgresStore::connect(&url.replace("outlived", "other")).unwrap();
    commit(&store, [put(vertex(1, None, "a")), put(vertex(2, None, "b")), put(vertex(3, None, "c"))]);
    let snapshot = store.snapshot(At::Now).unwrap();
    let names = || {
        let found = snapshot.find(&Index::All(EntityKind::Vertex), &Page::default()).unwrap();
        found.iter().map(|entity| entity.name().to_owned()).collect::<Vec<_>>().join(" ")
    };
    let terminate = || {
        let sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'outlived'";
        assert_ne!(server.psql(sql).unwrap().trim(), "0");
    };
    assert_eq!(names(), "a b c");
    terminate();
    assert_eq!(names(), "a b c");
    commit(&other, [put(vertex(1, None, "z")), put(vertex(4, None, "d"))]);
    commit(&other, [floria::Change::Delete(VertexId(2).into())]);
    terminate();
    assert_eq!(names(), "a b c");
    assert_eq!(snapshot.count(&Index::All(EntityKind::Vertex)).unwrap(), 3);
    assert_eq!(snapshot.revision(), Revision(1));
    drop(snapshot);
    assert_eq!(store.snapshot(At::Now).unwrap().count(&Index::All(EntityKind::Vertex)).unwrap(), 3);
}

/// Whoever watches hears of what was committed while nobody listened.
pub(crate) fn a_watch_outlives_its_connection(server: &Server) {
    let url = server.url();
    let watching = PostgresStore::connect(&format!("{url}&application_name=watching")).unwrap();
    let other = PostgresStore::connect(&url).unwrap();
    let mut watch = Watch::new(watching, Revision(0), None).unwrap();
    let mut seen = 0;
    for round in 1..=20 {
        if round % 4 == 0 {
            let sql =
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'watching'";
            server.psql(sql).unwrap();
        }
        other.commit(&records([record("run/1", round)])).unwrap();
        while seen < round {
            // No bound of its own: what is missed here is missed for ever.
            let rows = watch.next(None).unwrap();
            assert!(rows.iter().zip(seen as u64 + 1..).all(|(row, number)| row.sequence == number));
            seen += rows.len() as i64;
        }
    }
    assert_eq!(seen, 20);
}

/// The server fails and comes back, while somebody commits.
pub(crate) fn a_server_that_fails_keeps_what_was_answered(_: &Server) {
    const ROUNDS: u64 = 30;
    let mut server = Server::start().unwrap();
    let store = PostgresStore::connect(&server.url_of("s")).unwrap();
    commit(&store, [put(with(vertex(1, None, "shop"), "count", 0))]);
    let snapshot = store.snapshot(At::Now).unwrap();
    let done = AtomicU64::new(0);
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for round in 1..=ROUNDS {
                // On a slow machine the server may be away for longer than a store waits; then one has to ask.
                while committed(&store).is_none_or(|count| count < round) {
                    let counted = put(with(vertex(1, None, "shop"), "count", round as i64));
                    match store.commit(&batch([counted])) {
                        Ok(revision) => assert_eq!(revision, Revision(1 + round)),
                        Err(StoreError::Unavailable { .. }) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
                done.fetch_add(1, Ordering::SeqCst);
            }
        });
        for wanted in [3, 11, 20] {
            while done.load(Ordering::SeqCst) < wanted && !writer.is_finished() {
                thread::yield_now();
            }
            server.crash();
        }
        writer.join().unwrap();
    });
    assert_eq!(store.revision().unwrap(), Revision(1 + ROUNDS));
    let count = &shop(&store).vertex(VertexId(1)).unwrap().properties["count"].value.clone();
    assert_eq!(*count, Some(Value::Integer(ROUNDS as i64)));
    // That one has seen three servers go.
    let first = snapshot.get(&VertexId(1).into()).unwrap().unwrap();
    assert_eq!(first.properties().unwrap()["count"].value, Some(Value::Integer(0)));
    drop(snapshot);
    assert_eq!(store.verify().unwrap(), []);
}

/// Returns how far the count is, if the server is there.
fn committed(store: &PostgresStore) -> Option<u64> {
    match store.revision() {
        Ok(revision) => Some(revision.0 - 1),
        Err(StoreError::Unavailable { .. }) => None,
        Err(error) => panic!("{error}"),
    }
}

/// Names the store to commit to, in the child process.
const CHILD: &str = "FLORIA_POSTGRES_CHILD";

/// In a child process: counts up until it is killed, and says on standard output what was answered.
pub(crate) fn child() -> bool {
    let Ok(url) = std::env::var(CHILD) else { return false };
    let store = PostgresStore::connect(&url).unwrap();
    loop {
        increment(&store);
        println!("done");
    }
}

/// Processes stand for hosts: each counts up the same number, and each is killed in the middle of something.
pub(crate) fn killed_hosts_leave_whole_commits_only(server: &Server) {
    const HOSTS: usize = 3;
    const KILLS: u64 = 9;
    let url = server.url();
    let store = PostgresStore::connect(&url).unwrap();
    commit(&store, [put(with(vertex(1, None, "shop"), "count", 0))]);
    let start = || {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .env(CHILD, &url)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        (child, lines)
    };
    let mut answered = 0;
    let mut hosts: Vec<(Child, BufReader<_>)> = (0..HOSTS).map(|_| start()).collect();
    let mut seeded = Seeded(3);
    for _ in 0..KILLS {
        let (mut child, mut lines) = hosts.remove(0);
        let mut line = String::new();
        for _ in 0..1 + seeded.below(8) {
            line.clear();
            assert_ne!(lines.read_line(&mut line).unwrap(), 0, "the child ended by itself");
            answered += 1;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        answered += lines.lines().map_while(Result::ok).filter(|line| line == "done").count();
        hosts.push(start());
    }
    for (mut child, lines) in hosts {
        child.kill().unwrap();
        child.wait().unwrap();
        answered += lines.lines().map_while(Result::ok).filter(|line| line == "done").count();
    }
    // The server may still be at the last commit of somebody who is gone: this one comes after it.
    store.commit(&records([record("run/1", 1)])).unwrap();
    let revision = store.revision().unwrap().0;
    let count = shop(&store).vertex(VertexId(1)).unwrap().properties["count"].value.clone();
    assert_eq!(count, Some(Value::Integer(revision as i64 - 2)));
    // Each that was killed may have made one commit that it could not tell of any more.
    let made = revision as usize - 2;
    assert!(
        (answered..=answered + KILLS as usize + HOSTS).contains(&made),
        "{made} commits, {answered} answered"
    );
    assert_eq!(store.verify().unwrap(), []);
}

/// Somebody who is not a store, on one connection.
struct Admin {
    runtime: tokio::runtime::Runtime,
    client: tokio_postgres::Client,
}

impl Admin {
    fn connect(server: &Server) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let mut config = tokio_postgres::Config::new();
        config.host_path(server.folder()).user("floria").dbname("postgres").application_name("admin");
        let client = runtime.block_on(async {
            let (client, connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
            tokio::spawn(connection);
            client
        });
        Self { runtime, client }
    }

    fn run(&mut self, sql: &str) {
        self.runtime.block_on(self.client.batch_execute(sql)).unwrap();
    }
}
