//! Prints how long runs of operations that do nothing take on SQLite, for n, 2n and 4n operations: wall time, processor time
//! of all threads, and commits.

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
use khutulun_engine::{Cancel, Engine, RunResult, runs};
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

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
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
