//! What stores cost: at several sizes, as ratios to plain statements, and how it grows.
//!
//!     cargo bench --package floria-benches [-- ENTITIES…]
//!
//! With PostgreSQL, too, where there is a server: `crates/floria-postgres/tests/with-postgres.sh` runs a command beside one.
//!
//! Without numbers: 10,000 and 100,000 entities; `-- 10000 100000 1000000` for a million, too. Not criterion's: what matters here
//! is growth, memory and bytes, which it does not know. Each size of each store is a process of its own.

mod plain;
mod postgres;

use std::{
    fs,
    path::Path,
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use floria::{
    At, Batch, Change, Entity, EntityKey, EntityKind, Index, MemoryStore, Page, Revision, Snapshot, Store,
    VertexId,
};
use floria_benches::{BATCH, batches, rare, vertex};
use floria_exchange::{Boundary, Format, Selection, export};
use floria_postgres::PostgresStore;
use floria_sqlite::SqliteStore;

/// The argument with which the benchmark starts itself to measure one store at one size.
const ONE: &str = "--one";

const SIZES: [usize; 2] = [10_000, 100_000];

/// How often what is quick is repeated.
const READS: u64 = 5_000;

/// How often commits are repeated.
const COMMITS: usize = 200;

/// A number of `/proc/self/status`, in bytes; 0 where there is no such file.
fn memory(keyname: &str) -> u64 {
    let text = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(keyname));
    let kibibytes = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    kibibytes.unwrap_or(0) << 10
}

fn micros(time: Duration, count: usize) -> f64 {
    time.as_secs_f64() * 1e6 / count as f64
}

fn say(what: &str, value: f64, unit: &str) {
    println!("{what}\t{value:.2}\t{unit}");
}

/// The times of `count` runs; the middle one, in microseconds.
fn middle(count: usize, mut run: impl FnMut(usize)) -> f64 {
    let mut times: Vec<_> = (0..count)
        .map(|number| {
            let start = Instant::now();
            run(number);
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    micros(times[times.len() / 2], 1)
}

/// Numbers that jump about, the same ones each time.
fn scattered(number: u64, bound: u64) -> u64 {
    1 + (number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20) % bound
}

fn measure(store: &str, entities: usize, folder: &Path) {
    let path = folder.join("floria.db");
    let open = || -> Arc<dyn Store> {
        match postgres::url(entities).filter(|_| store == "postgres") {
            Some(url) => Arc::new(PostgresStore::connect(&url).expect("the server is there")),
            None => Arc::new(SqliteStore::open(&path).expect("a store can be opened")),
        }
    };
    let mut opened: Arc<dyn Store> = if store == "memory" { Arc::new(MemoryStore::new()) } else { open() };
    let before = memory("VmRSS");
    let mut load = Duration::ZERO;
    for batch in batches(entities) {
        let start = Instant::now();
        opened.commit(&batch).expect("the graph is valid");
        load += start.elapsed();
    }
    say("load, an entity", micros(load, entities), "µs");
    say(
        "memory at the peak of the load, an entity",
        (memory("VmHWM") - before) as f64 / entities as f64,
        "B",
    );
    if store != "memory" {
        let octets = opened.stats().expect("it can be read").octets;
        drop(opened);
        let octets = if store == "sqlite" { fs::metadata(&path).ok().map(|file| file.len()) } else { octets };
        say("bytes on disk, an entity", octets.unwrap_or(0) as f64 / entities as f64, "B");
        let time = middle(9, |_| {
            assert_eq!(open().revision().expect("it can be read").0 as usize, entities.div_ceil(BATCH))
        });
        say("open and read the revision", time / 1000.0, "ms");
        opened = open();
    }
    reads(&*opened, entities as u64 / 2);
    match store {
        "sqlite" => plain::measure(&path, folder, entities),
        "postgres" => postgres::measure(entities),
        _ => {}
    }
    commits(&*opened, entities as u64 / 2);
}

fn reads(store: &dyn Store, vertexes: u64) {
    let snapshot = || store.snapshot(At::Now).expect("it can be read");
    let get = |snapshot: &dyn Snapshot, id: u64| -> Entity {
        snapshot.get(&EntityKey::Vertex(VertexId(id))).expect("it can be read").expect("it is there")
    };
    let find = |snapshot: &dyn Snapshot, index: &Index, limit: usize| {
        snapshot.find(index, &Page { after: None, limit: Some(limit) }).expect("it can be read")
    };
    let start = Instant::now();
    for number in 0..READS {
        get(&*snapshot(), scattered(number, vertexes));
    }
    say("point read, with a snapshot of its own", micros(start.elapsed(), READS as usize), "µs");
    let one = snapshot();
    let start = Instant::now();
    for number in 0..READS {
        get(&*one, scattered(number, vertexes));
    }
    say("point read, within a snapshot", micros(start.elapsed(), READS as usize), "µs");
    let class = Index::Class(EntityKind::Vertex, rare());
    let start = Instant::now();
    let found = one.find(&class, &Page::default()).expect("it can be read").len();
    say("by class, all, an entity", micros(start.elapsed(), found.max(1)), "µs");
    let time = middle(50, |_| drop(find(&*one, &class, 50)));
    say("by class, a page of 50", time, "µs");
    let start = Instant::now();
    for number in 0..READS / 10 {
        let mut id = scattered(number, vertexes).max(16);
        for _ in 0..3 {
            let found = find(&*one, &Index::Outgoing(EntityKind::Edge, id), 100);
            let (_, target) = found.first().and_then(Entity::ends).expect("each vertex has an edge");
            id = target;
            get(&*one, id);
        }
    }
    say("traversal of three steps", micros(start.elapsed(), READS as usize / 10), "µs");
    let start = Instant::now();
    let racks = 20.min(vertexes / 50);
    let mut count = 0;
    for rack in 0..racks {
        let selection = Selection::Subtree(VertexId(1 + rack * 50));
        let exported = export(&*one, &selection, Boundary::Cut, Format::Cbor, &mut std::io::sink());
        count += exported.expect("it can be exported").entities;
    }
    say("export of a subtree of 50 vertexes, an entity", micros(start.elapsed(), count as usize), "µs");
    let start = Instant::now();
    let exported = export(&*one, &Selection::All, Boundary::Cut, Format::Cbor, &mut std::io::sink());
    let count = exported.expect("it can be exported").entities;
    say("export of everything, an entity", micros(start.elapsed(), count as usize), "µs");
    let revision = Revision(one.revision().0.saturating_sub(1));
    let time = middle(5, |number| {
        let past = store.snapshot(At::Revision(revision)).expect("it is kept");
        get(&*past, scattered(number as u64, vertexes / 2));
    });
    say("point read, of an earlier revision", time, "µs");
}

fn commits(store: &dyn Store, vertexes: u64) {
    let change = |number: u64, round: i64| Change::put(vertex(scattered(number, vertexes), round));
    let time = middle(COMMITS, |number| {
        let changes = vec![change(number as u64, number as i64)];
        store.commit(&Batch { changes, ..Batch::default() }).expect("it is valid");
    });
    say("commit of one entity", time, "µs");
    let time = middle(20, |number| {
        let ids = number as u64 * BATCH as u64..(number as u64 + 1) * BATCH as u64;
        let changes = ids.map(|id| change(id, number as i64)).collect();
        store.commit(&Batch { changes, ..Batch::default() }).expect("it is valid");
    });
    say("commit of 1,000 entities that are there", time / 1000.0, "ms");
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let [one, store, entities] = arguments.as_slice()
        && one == ONE
    {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        measure(store, entities.parse().expect("a number"), folder.path());
        return;
    }
    let mut sizes: Vec<usize> = arguments.iter().filter_map(|argument| argument.parse().ok()).collect();
    if sizes.is_empty() {
        sizes = SIZES.to_vec();
    }
    let program = std::env::current_exe().expect("this program has a file");
    for store in ["memory", "sqlite", "postgres"] {
        if store == "postgres" && postgres::url(0).is_none() {
            println!("\nThere is no PostgreSQL: see `with-postgres.sh`.");
            continue;
        }
        let outputs: Vec<String> = sizes
            .iter()
            .map(|size| {
                let output = Command::new(&program).args([ONE, store, &size.to_string()]).output();
                let output = output.expect("this program can be started");
                assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
                String::from_utf8_lossy(&output.stdout).into_owned()
            })
            .collect();
        print!("\n| {store} |");
        sizes.iter().for_each(|size| print!(" {size} |"));
        print!("\n|---|{}\n", "---|".repeat(sizes.len()));
        let columns: Vec<Vec<&str>> = outputs.iter().map(|output| output.lines().collect()).collect();
        for (line, first) in columns[0].iter().enumerate() {
            print!("| {} |", first.split('\t').next().unwrap_or_default());
            for column in &columns {
                let mut words = column.get(line).map_or("", |text| text).split('\t').skip(1);
                print!(" {} {} |", words.next().unwrap_or_default(), words.next().unwrap_or_default());
            }
            println!();
        }
    }
}
