//! Prints how long runs of operations that do nothing take on SQLite, for n, 2n and 4n operations: wall time, processor time
//! of all threads, and commits. Then what each operation costs on the disk, with few and many of them at a time: commits (each
//! is made durable once), writes of the kernel's, and octets.

#![allow(clippy::unwrap_used)]

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use floria::{Graph, Store};
use floria_resolver::{Limits, NoHooks, Request, StoreIds, resolve};
use floria_sqlite::SqliteStore;
use khutulun_api::{BoxFuture, Executor, Operation, Outcome, Recovery};
use khutulun_engine::{Cancel, Conduct, Engine, EngineOptions, RunResult, runs};
use khutulun_plan::{Basis, Plan, plan_deploy};

#[path = "../../khutulun-plan/tests/it/sketch.rs"]
mod sketch;

use sketch::{SketchFunctions, design, namespace};

/// An executor that does nothing, successfully.
struct Idle;

impl Executor for Idle {
    fn execute<'a>(&'a self, _operation: &'a Operation) -> BoxFuture<'a, Outcome> {
        Box::pin(async { Outcome::Succeeded(BTreeMap::new()) })
    }

    fn recover<'a>(&'a self, _operation: &'a Operation) -> BoxFuture<'a, Recovery> {
        Box::pin(async { Recovery::Repeatable })
    }
}

/// Nodes of one operation each; none waits for another.
fn plan(count: usize, store: &dyn Store) -> Plan {
    let text: String = (0..count).map(|index| format!("n{index} T port=1 @pid start()>pid\n")).collect();
    let design = design(&text);
    let wanted = resolve(
        &Request {
            design: &design,
            inputs: &BTreeMap::new(),
            counts: &floria_resolver::OWN_COUNTS,
            current: &Graph::default(),
            inventory: &[],
            functions: &SketchFunctions,
            limits: Limits::default(),
        },
        &mut StoreIds::new(store),
        &mut NoHooks,
    )
    .unwrap()
    .graph;
    let base = store.namespace_revision(&namespace()).unwrap();
    plan_deploy(
        &Basis::new(&namespace(), base, &SketchFunctions),
        &wanted,
        &Graph::default(),
        &design.digest(),
    )
    .unwrap()
}

/// Returns how long all threads of this process have run.
fn process_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Returns how many calls that write this process has made, and how many octets they wrote, from proc_pid_io(5).
fn writes() -> (u64, u64) {
    let text = std::fs::read_to_string("/proc/self/io").unwrap();
    let field =
        |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok()).unwrap();
    (field("syscw:"), field("wchar:"))
}

/// Prints what the operations of a run cost on the disk, so many at a time.
fn cost(runtime: &tokio::runtime::Runtime, count: usize, parallel_max: usize) {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(SqliteStore::open(folder.path().join("floria.db")).unwrap());
    let plan = plan(count, store.as_ref());
    let conduct = Conduct { parallel_max, ..EngineOptions::default().conduct };
    let engine = Engine::new(store.clone(), Arc::new(Idle), Arc::new(SketchFunctions))
        .with_options(EngineOptions { conduct, ..EngineOptions::default() });
    let (before, revision) = (writes(), store.revision().unwrap().0);
    let wall = Instant::now();
    let report = runtime.block_on(engine.run(plan, &(), &Cancel::new())).unwrap();
    let wall = wall.elapsed();
    assert_eq!(report.result, RunResult::Succeeded);
    let (calls, octets) = (writes().0 - before.0, writes().1 - before.1);
    let each = |number: u64| number as f64 / count as f64;
    println!(
        "{count:>6} operations, {parallel_max:>3} at a time {:>9.2} ms wall; each {:.3} commits, {:.2} writes, {:.0} octets",
        wall.as_secs_f64() * 1e3,
        each(store.revision().unwrap().0 - revision),
        each(calls),
        each(octets),
    );
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    for parallel_max in [1, 4, 16, 64] {
        cost(&runtime, 1_000, parallel_max);
    }
    for count in [250, 500, 1_000, 2_000, 4_000] {
        let mut best: Option<(Duration, Duration, u64)> = None;
        for _ in 0..5 {
            let folder = tempfile::tempdir().unwrap();
            let store = Arc::new(SqliteStore::open(folder.path().join("floria.db")).unwrap());
            let plan = plan(count, store.as_ref());
            let engine = Engine::new(store.clone(), Arc::new(Idle), Arc::new(SketchFunctions));
            let (wall, processor) = (Instant::now(), process_time());
            let report = runtime.block_on(engine.run(plan, &(), &Cancel::new())).unwrap();
            let (wall, processor) = (wall.elapsed(), process_time() - processor);
            assert_eq!(report.result, RunResult::Succeeded);
            assert_eq!(runs(store.as_ref(), &namespace()).unwrap().len(), 1);
            let commits = store.revision().unwrap().0;
            if best.is_none_or(|best| processor < best.1) {
                best = Some((wall, processor, commits));
            }
        }
        let (wall, processor, commits) = best.unwrap();
        println!(
            "{count:>6} operations {:>9.2} ms wall {:>9.2} ms processor {commits:>6} commits",
            wall.as_secs_f64() * 1e3,
            processor.as_secs_f64() * 1e3,
        );
    }
}
