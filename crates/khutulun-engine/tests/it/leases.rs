//! Who may work on a service: one at a time, and whoever was slow finds out before anything more happens.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use floria::{MemoryStore, Revision, Store as _};
use floria_sqlite::SqliteStore;
use khutulun_api::{BoxFuture, Executor, Operation, Outcome, Recovery};
use khutulun_engine::{
    Cancel, Cancelling, Engine, EngineError, Lease, Owner, Present, RunReport, RunResult, RunState, StepEnd,
    runs,
};
use khutulun_plan::Plan;
use tokio::sync::Semaphore;

use crate::{
    sketch::{SketchFunctions, namespace},
    world::{Crash, Fate, Memory, World, block_on},
};

const CHAIN: &str = "a T create()\nb T ->a start()";

fn never() -> Arc<Crash> {
    Crash::at(-1)
}

fn lease(world: &World) -> Lease {
    Present::read(&*world.store, &namespace()).unwrap().lease.unwrap()
}

fn hold(world: &World, operation: &str) {
    world.held.0.lock().unwrap().insert(operation.to_owned());
}

fn let_go(world: &World) {
    world.held.0.lock().unwrap().clear();
    world.held.1.notify_waiters();
}

async fn only_waits(world: &World) {
    while !world.only_waits() {
        tokio::task::yield_now().await;
    }
}

/// A runtime in which time passes only when nobody has anything left to do.
fn paused() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}

async fn resume(engine: &Engine) -> Result<RunReport, EngineError> {
    engine.resume(&namespace(), None, BTreeMap::new(), &(), &Cancel::new()).await
}

#[test]
fn while_somebody_is_at_work_others_are_told_who_and_since_when() {
    block_on(async {
        let world = World::new(Memory::Good);
        hold(&world, "a.create");
        let (first, second) = (world.engine(&never()), world.engine(&never()));
        let (plan, cancel) = (world.deploy_plan(CHAIN), Cancel::new());
        let other = async {
            only_waits(&world).await;
            world.clock.move_by(5_000);
            let run = second.run(world.deploy_plan(CHAIN), &(), &Cancel::new()).await.unwrap_err();
            let resumed = resume(&second).await.unwrap_err();
            let superseded = second.supersede(&namespace()).await.unwrap_err();
            for error in [run, resumed, superseded] {
                let EngineError::Busy { holder, .. } = &error else { panic!("{error}") };
                assert_eq!((holder.owner.verb.as_str(), holder.owner.pid), ("deploy", 0));
                assert_eq!((holder.since_ms, holder.expires_ms), (1_000_000_000, 1_000_030_000));
                assert_eq!(
                    error.to_string(),
                    "`shop` is being worked on: deploy by alice@h1 (process 0 on h1)"
                );
            }
            let_go(&world);
        };
        let (report, ()) = tokio::join!(first.run(plan, &(), &cancel), other);
        assert_eq!(report.unwrap().result, RunResult::Succeeded);
        assert_eq!((lease(&world).epoch, lease(&world).holder), (1, None));
        assert_eq!(runs(&*world.store, &namespace()).unwrap().len(), 1);
        world.check_laws();
    });
}

#[test]
fn of_two_who_begin_at_the_same_moment_one_runs() {
    for _ in 0..20 {
        block_on(async {
            let world = World::new(Memory::Good);
            let (first, second) = (world.engine(&never()), world.engine(&never()));
            let (plan, cancel) = (world.deploy_plan(CHAIN), Cancel::new());
            let (one, other) =
                tokio::join!(first.run(plan.clone(), &(), &cancel), second.run(plan.clone(), &(), &cancel));
            let (winner, loser) = if one.is_ok() { (one, other) } else { (other, one) };
            assert_eq!(winner.unwrap().result, RunResult::Succeeded);
            let error = loser.unwrap_err();
            assert!(matches!(error, EngineError::Busy { .. } | EngineError::Stale { .. }), "{error}");
            assert_eq!(world.reality.lock().unwrap().effects.len(), 2);
            world.check_laws();
        });
    }
}

/// Somebody is stopped in the middle, for longer than their lease lasts, and somebody else goes on.
async fn taken_over(world: &World, old: Engine, new: Engine) {
    hold(world, "a.create");
    let (plan, cancel) = (world.deploy_plan(CHAIN), Cancel::new());
    let taker = async {
        only_waits(world).await;
        assert!(matches!(resume(&new).await, Err(EngineError::Busy { .. })));
        world.clock.move_by(29_999);
        assert!(matches!(resume(&new).await, Err(EngineError::Busy { .. })));
        world.clock.move_by(1);
        let report = resume(&new).await.unwrap();
        let_go(world);
        report
    };
    let (result, report) = tokio::join!(old.run(plan, &(), &cancel), taker);
    assert_eq!(report.result, RunResult::Succeeded);
    let error = result.unwrap_err();
    assert!(matches!(error, EngineError::TakenOver { .. }), "{error}");
}

#[test]
fn whoever_takes_an_expired_lease_fences_off_the_one_who_had_it() {
    block_on(async {
        let world = World::new(Memory::Good);
        let (old, new) = (world.engine(&never()), world.engine(&never()));
        taken_over(&world, old, new).await;
        world.check_laws();
        world.check_truth();
        // What the host is asked for later bears the later epoch.
        assert_eq!(world.reality.lock().unwrap().seen["a.create"].epoch, 1);
        assert_eq!(world.reality.lock().unwrap().seen["b.start"].epoch, 2);
        assert_eq!(lease(&world).epoch, 2);
    });
}

/// Operations that wait until they are let go.
struct Gate(Semaphore, Semaphore);

impl Executor for Gate {
    fn execute<'a>(&'a self, _operation: &'a Operation) -> BoxFuture<'a, Outcome> {
        Box::pin(async {
            self.0.add_permits(1);
            self.1.acquire().await.unwrap().forget();
            Outcome::Succeeded(BTreeMap::new())
        })
    }

    fn recover<'a>(&'a self, _operation: &'a Operation) -> BoxFuture<'a, Recovery> {
        Box::pin(async { Recovery::Repeatable })
    }
}

#[test]
fn the_database_itself_fences_off_a_program_whose_lease_was_taken() {
    block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let open = || Arc::new(SqliteStore::open(folder.path().join("floria.db")).unwrap());
        // Two programs, each with the file open.
        let (first, second) = (open(), open());
        let world = World::new(Memory::Good);
        let gate = Arc::new(Gate(Semaphore::new(0), Semaphore::new(0)));
        let engine = |store: &Arc<SqliteStore>, gate: &Arc<Gate>, author: &str| {
            let owner = Owner { author: author.to_owned(), ..Owner::default() };
            Engine::new(store.clone(), gate.clone(), Arc::new(SketchFunctions))
                .with_clock(world.clock.clone())
                .with_owner(owner)
        };
        let plan = Plan { base: Revision(0), ..world.deploy_plan(CHAIN) };
        // The ids that the plan has from another store.
        first.allocate(world.store.allocate(1).unwrap().end).unwrap();
        let free = Arc::new(Gate(Semaphore::new(0), Semaphore::new(100)));
        let (old, new) = (engine(&first, &gate, "alice@h1"), engine(&second, &free, "bob@h1"));
        let cancel = Cancel::new();
        let taker = async {
            gate.0.acquire().await.unwrap().forget();
            let error = resume(&new).await.unwrap_err();
            assert!(error.to_string().contains("deploy by alice@h1"), "{error}");
            world.clock.move_by(60_000);
            let report = resume(&new).await.unwrap();
            gate.1.add_permits(100);
            report
        };
        let (result, report) = tokio::join!(old.run(plan, &(), &cancel), taker);
        assert_eq!(report.result, RunResult::Succeeded);
        assert!(matches!(result, Err(EngineError::TakenOver { .. })));
        assert_eq!(gate.0.available_permits(), 0, "the old one began nothing more");
        let state = RunState::read(&*first, report.run).unwrap();
        assert_eq!((state.epoch, state.end.as_deref()), (2, Some("succeeded")));
    });
}

#[test]
fn whoever_was_away_and_was_not_missed_goes_on() {
    block_on(async {
        let world = World::new(Memory::Good);
        hold(&world, "a.create");
        let (engine, plan, cancel) = (world.engine(&never()), world.deploy_plan(CHAIN), Cancel::new());
        let sleeper = async {
            only_waits(&world).await;
            // The machine slept for a day.
            world.clock.move_by(86_400_000);
            let_go(&world);
        };
        let (report, ()) = tokio::join!(engine.run(plan, &(), &cancel), sleeper);
        assert_eq!(report.unwrap().result, RunResult::Succeeded);
        assert_eq!(lease(&world).epoch, 1);
        world.check_laws();
    });
}

#[test]
fn a_clock_that_was_set_back_keeps_nobody_out_for_ever() {
    block_on(async {
        let world = World::new(Memory::Good);
        hold(&world, "a.create");
        let (old, new) = (world.engine(&never()), world.engine(&never()));
        let (plan, cancel) = (world.deploy_plan(CHAIN), Cancel::new());
        let taker = async {
            only_waits(&world).await;
            world.clock.move_by(-900_000);
            let report = resume(&new).await.unwrap();
            let_go(&world);
            report
        };
        let (result, report) = tokio::join!(old.run(plan, &(), &cancel), taker);
        assert_eq!(report.result, RunResult::Succeeded);
        assert!(matches!(result, Err(EngineError::TakenOver { .. })));
        world.check_laws();
    });
}

#[test]
fn a_lease_is_renewed_while_its_run_is_at_work_and_only_then() {
    paused().block_on(async {
        let world = World::new(Memory::Good);
        hold(&world, "a.create");
        let (engine, plan, cancel) = (world.engine(&never()), world.deploy_plan(CHAIN), Cancel::new());
        let watcher = async {
            only_waits(&world).await;
            for _ in 0..5 {
                let before = lease(&world).holder.unwrap().expires_ms;
                world.clock.move_by(10_000);
                tokio::time::sleep(Duration::from_secs(10)).await;
                while lease(&world).holder.unwrap().expires_ms == before {
                    tokio::task::yield_now().await;
                }
                assert_eq!(lease(&world).holder.unwrap().expires_ms, before + 10_000);
            }
            let_go(&world);
        };
        let (report, ()) = tokio::join!(engine.run(plan, &(), &cancel), watcher);
        assert_eq!(report.unwrap().result, RunResult::Succeeded);
        let revision = world.store.revision().unwrap();
        tokio::time::sleep(Duration::from_secs(600)).await;
        assert_eq!(world.store.revision().unwrap(), revision, "idle is idle");
    });
}

#[test]
fn whoever_leaves_a_run_lets_its_lease_go() {
    block_on(async {
        let world = World::new(Memory::Good);
        hold(&world, "a.create");
        let engine = world.engine(&never());
        let (plan, cancel) = (world.deploy_plan(CHAIN), Cancel::new());
        tokio::select! {
            result = engine.run(plan, &(), &cancel) => panic!("{result:?}"),
            () = only_waits(&world) => {}
        }
        assert_eq!(lease(&world).holder, None);
        let_go(&world);
        assert_eq!(resume(&world.engine(&never())).await.unwrap().result, RunResult::Succeeded);
        world.check_laws();
    });
}

#[test]
fn somebody_elses_run_is_cancelled_through_the_store() {
    paused().block_on(async {
        let world = World::new(Memory::Good);
        hold(&world, "a.create");
        let (engine, other) = (world.engine(&never()), world.engine(&never()));
        let (plan, cancel) = (world.deploy_plan(CHAIN), Cancel::new());
        let canceller = async {
            only_waits(&world).await;
            let asked = other.cancel(&namespace(), None).await.unwrap();
            let Cancelling::Asked { run, epoch: 1, holder } = asked else { panic!("{asked:?}") };
            assert_eq!(holder.owner.pid, 0);
            // Time passes only when nobody has anything left to do.
            tokio::time::sleep(Duration::from_secs(1)).await;
            let_go(&world);
            run
        };
        let (report, run) = tokio::join!(engine.run(plan, &(), &cancel), canceller);
        let report = report.unwrap();
        assert_eq!((report.run, report.result), (run, RunResult::Cancelled));
        assert!(!cancel.is_cancelled(), "only this run was asked to stop");
        let again = other.cancel(&namespace(), None).await;
        assert!(matches!(again, Err(EngineError::NothingToCancel { .. })));
        // What was asked of the one who had it is not asked of the next.
        assert_eq!(resume(&other).await.unwrap().result, RunResult::Succeeded);
    });
}

#[test]
fn the_run_of_somebody_who_is_gone_is_cancelled_and_can_be_resumed() {
    for memory in [Memory::Good, Memory::Repeats, Memory::None] {
        block_on(async {
            let world = World::new(memory);
            assert!(matches!(world.run(world.deploy_plan(CHAIN), &Crash::at(3)).await, Fate::Died));
            assert!(lease(&world).holder.is_some());
            let engine = world.engine(&never());
            let cancelled = engine.cancel(&namespace(), None).await.unwrap();
            let Cancelling::Ended(report) = cancelled else { panic!("{cancelled:?}") };
            assert_eq!((report.result, report.questions.len()), (RunResult::Cancelled, 0));
            let state = RunState::read(&*world.store, report.run).unwrap();
            assert_eq!(state.end.as_deref(), Some("cancelled"));
            assert_eq!(state.steps[1].end, StepEnd::NotStarted);
            assert!(!world.unfinished());
            assert_eq!(lease(&world).holder, None);
            assert_eq!(world.resume(&never()).await.report().result, RunResult::Succeeded);
            world.check_laws();
            world.check_truth();
        });
    }
}

#[test]
fn a_lease_is_read_as_it_was_written_and_what_is_foreign_expires_at_once() {
    let store = MemoryStore::new();
    let service = namespace();
    assert!(Present::read(&store, &service).unwrap().lease.is_none());
    let lease = Lease::new(service.clone(), floria::VertexId(store.allocate(1).unwrap().start));
    let owner = Owner {
        host: "h1".to_owned(),
        boot: "b".to_owned(),
        pid: 7,
        start_ticks: 9,
        author: "alice@h1".to_owned(),
        verb: "deploy".to_owned(),
    };
    let taken = lease.taken(owner, 1_000, 30_000);
    let batch = |lease: &Lease| floria::Batch { changes: vec![lease.change()], ..floria::Batch::default() };
    let revision = store.commit(&batch(&taken)).unwrap();
    let stored = Present::read(&store, &service).unwrap().lease.unwrap();
    assert_eq!(stored, Lease { revision, ..taken.clone() });
    assert!(stored.held(30_999, &()).is_some());
    assert!(stored.held(31_000, &()).is_none());
    assert!(stored.held(2_000, &|owner: &Owner| owner.pid == 7).is_none());
    // Very long times are cut.
    assert_eq!(lease.taken(Owner::default(), 0, u64::MAX).holder.unwrap().expires_ms, 300_000);

    let floria::Change::Put(floria::Entity::Vertex(mut vertex)) = taken.change() else { unreachable!() };
    vertex.metadata.insert("holder".to_owned(), floria::Value::from("somebody"));
    vertex.metadata.insert("epoch".to_owned(), floria::Value::Integer(-1));
    store
        .commit(&floria::Batch { changes: vec![floria::Change::put(vertex)], ..floria::Batch::default() })
        .unwrap();
    let stored = Present::read(&store, &service).unwrap().lease.unwrap();
    assert_eq!((stored.epoch, stored.held(0, &())), (0, None));
}
