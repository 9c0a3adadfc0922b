//! What is left when the power fails.
//!
//! What reaches the disk is modelled on files, after SQLite's own promises to its users and its demands on the disk. After each
//! commit and each checkpoint the store's two files are copied. All that was written up to then was also synced, so a copy is
//! what a power failure right after it leaves. A failure during the next step leaves something between the two copies, and the
//! seed chooses what: of the range that the step writes, each sector of 512 octets is as it was, as it was to be, half each,
//! zeros or noise, in no order; and the file has any length between. Within a step two orders hold, because SQLite syncs between:
//! a checkpoint begins when the log beside the file is whole, and the head of a log that begins anew is on the disk before
//! anything else of it.
//!
//! Not modelled: disks that lose what they said was synced, or damage what they were not told to write; folders whose entries are
//! lost (the files are there before the first step); the making of a new store.

use std::{fs, path::Path};

use floria::{Change, LogQuery, Store as _, Value};
use floria_conformance::build::{batch, edge, namespace, record, vertex, with};
use floria_sqlite::SqliteStore;
use rusqlite::Connection;

/// How many failures are tried, unless `FLORIA_POWER_SEEDS` says otherwise.
const SEEDS: u64 = 100;

/// How many commits are made, and after how many of them what they wrote is moved into the file.
const COMMITS: i64 = 40;
const CHECKPOINT_EVERY: i64 = 8;

const SECTOR: usize = 512;

/// A page: what a checkpoint writes. Those that it does not write are not in danger.
const PAGE: usize = 4096;

/// The head of the log beside the file.
const HEAD: usize = 32;

struct Step {
    database: Vec<u8>,
    log: Vec<u8>,
    revision: u64,
}

/// A small generator of numbers, the same ones for a seed each time.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn below(&mut self, bound: usize) -> usize {
        self.next() as usize % bound.max(1)
    }
}

/// Works, and copies the files after each step.
fn record_steps(folder: &Path) -> Vec<Step> {
    let path = folder.join("floria.db");
    let log = folder.join("floria.db-wal");
    let store = SqliteStore::open(&path).unwrap();
    let checkpoint = Connection::open(&path).unwrap();
    checkpoint.execute_batch("PRAGMA synchronous = FULL").unwrap();
    let mut steps = Vec::new();
    let mut look = |revision: u64| {
        steps.push(Step { database: fs::read(&path).unwrap(), log: fs::read(&log).unwrap(), revision });
    };
    store.revision().unwrap();
    let move_all = || {
        let busy: i64 = checkpoint.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get(0)).unwrap();
        assert_eq!(busy, 0);
    };
    move_all();
    look(0);
    for round in 1..=COMMITS {
        let changes =
            (1..=12).map(|id| Change::put(with(vertex(id, None, &format!("n{id}")), "round", round)));
        let edge = Change::put(edge(100 + round as u64, 1 + round as u64 % 12, "uses", 1));
        let mut batch = batch(changes.chain([edge]));
        // Some are of many pages.
        let size = if round % 5 == 0 { 40_000 } else { 10 };
        batch.records.push(record("run/1", Value::Bytes(vec![round as u8; size])));
        look(store.commit(&batch).unwrap().0);
        if round % CHECKPOINT_EVERY == 0 {
            move_all();
            look(round as u64);
        }
    }
    steps
}

/// Returns what a file is when the step from `before` to `after` was cut short.
fn cut_short(before: &[u8], after: &[u8], (from, is_pages): (usize, bool), numbers: &mut Numbers) -> Vec<u8> {
    let differs = |place: &usize| before.get(*place) != after.get(*place);
    let Some(first) = (from..after.len().max(before.len())).find(differs) else { return after.to_vec() };
    let last = (first..after.len().max(before.len())).rev().find(differs).unwrap_or(first);
    let length = if after.len() > before.len() {
        before.len() + numbers.below(after.len() - before.len() + 1)
    } else {
        after.len()
    };
    let mut left = before.to_vec();
    left.resize(after.len(), 0);
    left[..from].copy_from_slice(&after[..from]);
    // From everything in its place to nothing, and all between.
    let lost = numbers.below(101);
    let is_written = |sector: usize| {
        let page = sector * SECTOR / PAGE * PAGE;
        !is_pages || before.get(page..page + PAGE) != after.get(page..page + PAGE)
    };
    for sector in (first / SECTOR..=last / SECTOR).filter(|sector| is_written(*sector)) {
        let range = (sector * SECTOR).max(first)..((sector + 1) * SECTOR).min(last + 1);
        if numbers.below(100) >= lost {
            left[range.clone()].copy_from_slice(&after[range]);
            continue;
        }
        match numbers.below(4) {
            0 => {}
            1 => {
                let torn = range.start..range.start + numbers.below(range.len() + 1);
                left[torn.clone()].copy_from_slice(&after[torn]);
            }
            2 => left[range].fill(0),
            _ => left[range].iter_mut().for_each(|octet| *octet = numbers.next() as u8),
        }
    }
    left.truncate(length.max(last.min(length)));
    left
}

fn check(folder: &Path, steps: &[Step], seed: u64) {
    let mut numbers = Numbers(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let place = 1 + numbers.below(steps.len() - 1);
    let (before, after) = (&steps[place - 1], &steps[place]);
    let path = folder.join(format!("{seed}.db"));
    let log_path = folder.join(format!("{seed}.db-wal"));
    let (database, log) = if before.database == after.database {
        let begins_anew = before.log.get(..HEAD) != after.log.get(..HEAD);
        let log = match begins_anew {
            false => cut_short(&before.log, &after.log, (0, false), &mut numbers),
            true if numbers.below(4) > 0 => cut_short(&before.log, &after.log, (HEAD, false), &mut numbers),
            // Nothing but the head, or a part of it.
            true => {
                let mut log = before.log.clone();
                log.resize(log.len().max(HEAD), 0);
                let written = numbers.below(HEAD + 1);
                log[..written].copy_from_slice(&after.log[..written]);
                log
            }
        };
        (before.database.clone(), log)
    } else {
        assert_eq!(before.log, after.log, "a step writes one of the files");
        (cut_short(&before.database, &after.database, (0, true), &mut numbers), after.log.clone())
    };
    fs::write(&path, &database).unwrap();
    fs::write(&log_path, &log).unwrap();
    let store = SqliteStore::open(&path).unwrap();
    let revision = store.revision().unwrap().0;
    let acknowledged = before.revision..=after.revision;
    assert!(acknowledged.contains(&revision), "seed {seed}: {revision}, not {acknowledged:?}");
    let graph = store.graph(&namespace("shop")).unwrap();
    let rounds: Vec<_> = graph
        .vertexes()
        .map(|vertex| vertex.properties["round"].value.as_ref().unwrap().as_integer().unwrap() as u64)
        .collect();
    let expected = if revision > 0 { vec![revision; 12] } else { vec![] };
    assert_eq!((rounds, graph.edges().len() as u64), (expected, revision), "seed {seed}");
    assert_eq!(store.log(&LogQuery::default()).unwrap().len() as u64, 14 * revision, "seed {seed}");
    assert_eq!(store.verify().unwrap(), [], "seed {seed}");
    drop(store);
    for suffix in ["", "-wal", "-shm"] {
        _ = fs::remove_file(folder.join(format!("{seed}.db{suffix}")));
    }
}

#[test]
fn a_power_failure_loses_no_acknowledged_commit_and_leaves_none_in_part() {
    let folder = tempfile::tempdir().unwrap();
    let steps = record_steps(folder.path());
    assert!(steps.iter().any(|step| step.log.len() > 200_000) && steps.len() as i64 > COMMITS);
    // In memory where that can be: none of this has to survive.
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
    let seeds = std::env::var("FLORIA_POWER_SEEDS").map_or(SEEDS, |seeds| seeds.parse().unwrap());
    for seed in 0..seeds {
        check(folder.path(), &steps, seed);
    }
}
