//! What happens in runs, one story each.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use floria::{Batch, Change, Entity, Store as _, Value};
use khutulun_api::{FailureClass, Operation, Outcome, RunId, names};
use khutulun_engine::{Cancel, EngineError, Observer, RunReport, RunResult, StepEnd, runs};
use khutulun_plan::{Basis, Plan, plan_run};

use crate::{
    sketch::{SketchFunctions, namespace},
    world::{Crash, Fate, Memory, World, block_on, failed},
};

pub(crate) const SHOP: &str = "web T port=80 start(up=$db.pid) stop() delete() create() ->db
db T port=1 @pid create() start()>pid stop() delete()
cron T create() start() stop() delete()";

pub(crate) fn never() -> std::sync::Arc<Crash> {
    Crash::at(-1)
}

pub(crate) fn script(world: &World, operation: &str, outcomes: &[FailureClass]) {
    let outcomes = outcomes.iter().map(|class| failed(*class)).collect();
    world.reality.lock().unwrap().scripted.insert(operation.to_owned(), outcomes);
}

pub(crate) fn state(world: &World, node: &str) -> String {
    let graph = world.graph();
    let vertex = graph.vertexes().find(|vertex| vertex.name == node).unwrap();
    vertex.metadata.get(names::STATE).unwrap().to_string()
}

pub(crate) fn summary(report: &RunReport) -> String {
    let words = report.steps.iter().map(|step| {
        let end = match &step.end {
            StepEnd::Succeeded => "ok".to_owned(),
            StepEnd::Failed(failure) => format!("{:?}", failure.class),
            StepEnd::InFlight => "in flight".to_owned(),
            StepEnd::NotStarted => "not started".to_owned(),
            StepEnd::Caught(failure) => format!("{:?} caught", failure.class),
            StepEnd::Skipped => "skipped".to_owned(),
        };
        format!("{}.{} {end}", step.node, step.event.trim_start_matches("lifecycle."))
    });
    words.collect::<Vec<_>>().join(", ")
}

pub(crate) async fn deployed(memory: Memory) -> World {
    let world = World::new(memory);
    let report = world.run(world.deploy_plan(SHOP), &never()).await.report();
    assert_eq!(report.result, RunResult::Succeeded, "{}", summary(&report));
    world
}

pub(crate) async fn destroy(world: &World) -> RunReport {
    world.engine(&never()).supersede(&namespace()).await.unwrap();
    world.run(world.destroy_plan(), &never()).await.report()
}

#[test]
fn a_deployment_brings_up_and_the_next_has_nothing_to_do() {
    block_on(async {
        let world = deployed(Memory::Good).await;
        world.check_laws();
        world.check_truth();
        assert_eq!(world.live_nodes(), ["cron", "db", "web"]);
        assert!(world.deploy_plan(SHOP).is_empty());
        // The input that was unknown in the plan is the attribute that the start of `db` put out.
        let reality = world.reality.lock().unwrap();
        let pid = reality.seen["web.start"].inputs["up"].clone();
        let graph = world.graph();
        let db = graph.vertexes().find(|vertex| vertex.name == "db").unwrap();
        assert_eq!(db.properties.get("pid").unwrap().value.as_ref(), Some(&pid));
        assert_eq!(db.metadata.get(names::APPLIED).unwrap().get("port"), Some(&Value::Integer(1)));
        assert!(!db.metadata.contains_key(names::ATTEMPTED));
    });
}

#[test]
fn an_operation_sees_its_node_and_what_it_requires() {
    block_on(async {
        let world = deployed(Memory::Good).await;
        let reality = world.reality.lock().unwrap();
        let context = &reality.seen["web.start"].context;
        assert_eq!(context.get("properties").unwrap().get("port"), Some(&Value::Integer(80)));
        let required = context.get("requirements").unwrap().get("to").unwrap().as_list().unwrap();
        assert_eq!(required[0].get("node"), Some(&Value::from("db")));
        let id = reality.seen["web.start"].id;
        assert_eq!(id.to_string(), format!("{}-{}-1", id.run, id.step));
    });
}

#[test]
fn a_failure_stops_what_depends_on_it_and_resuming_tries_it_again() {
    block_on(async {
        let world = World::new(Memory::Good);
        script(&world, "db.start", &[FailureClass::Permanent]);
        let report = world.run(world.deploy_plan(SHOP), &never()).await.report();
        assert_eq!(report.result, RunResult::Failed);
        assert_eq!(report.failures().map(|(step, _)| step.node.as_str()).collect::<Vec<_>>(), ["db"]);
        assert!(
            summary(&report).contains("web.create not started, web.start not started"),
            "{}",
            summary(&report)
        );
        assert_eq!((state(&world, "db").as_str(), state(&world, "web").as_str()), ("created", "initial"));
        assert!(!world.unfinished());

        let report = world.resume(&never()).await.report();
        assert_eq!(report.result, RunResult::Succeeded);
        let retried = report.steps.iter().find(|step| step.node == "db" && step.event == "lifecycle.start");
        assert_eq!(retried.unwrap().attempt, 2);
        world.check_laws();
        assert!(world.deploy_plan(SHOP).is_empty());
    });
}

#[test]
fn after_a_failure_the_next_plan_completes_what_is_missing() {
    block_on(async {
        let mut world = World::new(Memory::Good);
        world.options.conduct.keep_going = true;
        script(&world, "db.create", &[FailureClass::Permanent]);
        script(&world, "cron.start", &[FailureClass::Permanent]);
        world.run(world.deploy_plan(SHOP), &never()).await.report();
        assert_eq!(state(&world, "db"), "failed");
        let report = world.run(world.deploy_plan(SHOP), &never()).await.report();
        assert_eq!(report.result, RunResult::Succeeded);
        world.check_laws();
        assert!(world.deploy_plan(SHOP).is_empty());
    });
}

#[test]
fn transient_failures_are_tried_again_where_that_is_allowed() {
    block_on(async {
        let mut world = World::new(Memory::Good);
        script(&world, "db.start", &[FailureClass::Transient, FailureClass::Transient]);
        // The code of sketches is scripts, which are tried once unless somebody says otherwise.
        world.options.attempts_max_script = 3;
        let report = world.run(world.deploy_plan(SHOP), &never()).await.report();
        assert_eq!(report.result, RunResult::Succeeded);
        world.check_laws();
        script(&world, "db.stop", &[FailureClass::Transient; 3]);
        let report = world.run(world.destroy_plan(), &never()).await.report();
        assert_eq!(report.result, RunResult::Failed);
        assert_eq!(destroy(&world).await.result, RunResult::Succeeded);
        assert!(world.graph().is_empty());
    });
}

#[test]
fn an_output_that_does_not_fit_is_a_failure() {
    block_on(async {
        let world = World::new(Memory::Good);
        let outputs = [("number".to_owned(), Value::from("seven"))].into();
        world
            .reality
            .lock()
            .unwrap()
            .scripted
            .insert("a.start".to_owned(), vec![Outcome::Succeeded(outputs)]);
        let report = world.run(world.deploy_plan("a T @number start()>number"), &never()).await.report();
        let (_, failure) = report.failures().next().unwrap();
        assert_eq!(failure.message, "output `number` does not fit attribute `number`");
        assert!(failure.detail.contains("is not a number"), "{}", failure.detail);
        assert_eq!(state(&world, "a"), "failed");
        assert_eq!(world.resume(&never()).await.report().result, RunResult::Succeeded);
    });
}

#[test]
fn an_input_without_a_value_fails_before_anything_runs() {
    block_on(async {
        let world = World::new(Memory::Good);
        let report =
            world.run(world.deploy_plan("a T start(x=$b.pid)\nb T @pid start()"), &never()).await.report();
        let (step, failure) = report.failures().next().unwrap();
        assert_eq!((step.node.as_str(), failure.message.as_str()), ("a", "input `x` has no value"));
        assert_eq!(failure.detail, "b.pid has no value yet");
        assert_eq!(state(&world, "a"), "initial");
        assert_eq!(world.live_nodes(), ["b"]);
    });
}

#[test]
fn a_cancelled_run_can_be_resumed() {
    block_on(async {
        let world = World::new(Memory::Good);
        world.held.0.lock().unwrap().insert("db.create".to_owned());
        let (engine, cancel) = (world.engine(&never()), Cancel::new());
        let plan = world.deploy_plan(SHOP);
        let canceller = async {
            while !world.reality.lock().unwrap().seen.contains_key("db.create") {
                tokio::task::yield_now().await;
            }
            cancel.cancel();
            world.held.0.lock().unwrap().clear();
            world.held.1.notify_waiters();
        };
        let (report, ()) = tokio::join!(engine.run(plan, &(), &cancel), canceller);
        let report = report.unwrap();
        assert_eq!(report.result, RunResult::Cancelled, "{}", summary(&report));
        assert_eq!(state(&world, "db"), "created");
        assert_eq!(state(&world, "web"), "initial");
        assert!(!world.unfinished());
        assert_eq!(world.resume(&never()).await.report().result, RunResult::Succeeded);
        world.check_laws();
        assert!(world.deploy_plan(SHOP).is_empty());
    });
}

#[test]
fn a_changed_node_restarts_with_old_values_down_and_new_values_up() {
    block_on(async {
        let first = "a T port=1 start(p=$SELF.port) stop(p=$SELF.port)";
        let world = World::new(Memory::Good);
        world.run(world.deploy_plan(first), &never()).await.report();
        let report =
            world.run(world.deploy_plan(&first.replace("port=1", "port=2")), &never()).await.report();
        assert_eq!(summary(&report), "a.stop ok, a.start ok");
        world.check_laws();
        let reality = world.reality.lock().unwrap();
        let (stop, start) = (&reality.seen["a.stop"], &reality.seen["a.start"]);
        assert_eq!((&stop.inputs["p"], &start.inputs["p"]), (&Value::Integer(1), &Value::Integer(2)));
        let port = |operation: &Operation| operation.context.get("properties").unwrap().get("port").cloned();
        assert_eq!((port(stop), port(start)), (Some(Value::Integer(1)), Some(Value::Integer(2))));
    });
}

#[test]
fn a_removal_leaves_nothing_but_history() {
    block_on(async {
        let world = deployed(Memory::Good).await;
        let report = destroy(&world).await;
        assert_eq!(report.result, RunResult::Succeeded);
        world.check_laws();
        assert!(world.graph().is_empty());
        assert_eq!(world.live_nodes(), [""; 0]);
        let list = runs(&*world.store, &namespace()).unwrap();
        let words: Vec<_> =
            list.iter().map(|run| (run.goal.as_str(), run.operations, run.result.as_deref())).collect();
        assert_eq!(words, [("deploy", 6, Some("succeeded")), ("destroy", 6, Some("succeeded"))]);
    });
}

#[test]
fn a_plan_whose_base_has_moved_is_refused_and_says_what_moved() {
    block_on(async {
        let world = deployed(Memory::Good).await;
        let plan = world.deploy_plan(&SHOP.replace("port=1", "port=2"));
        let mut cron = world.graph().vertexes().find(|vertex| vertex.name == "cron").unwrap().clone();
        cron.metadata.insert("note".to_owned(), Value::from("somebody was here"));
        world
            .store
            .commit(&Batch { changes: vec![Change::Put(Entity::Vertex(cron))], ..Batch::default() })
            .unwrap();
        let Fate::Ended(Err(error)) = world.run(plan, &never()).await else { panic!("it ran") };
        assert!(matches!(&error, EngineError::Stale { moved, .. } if moved == &["cron"]), "{error}");
        assert!(error.to_string().ends_with("changed since: cron"), "{error}");
    });
}

#[test]
fn an_operation_that_never_ends_is_given_up() {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let world = World::new(Memory::Good);
        world.held.0.lock().unwrap().insert("a.start".to_owned());
        let report = world.run(world.deploy_plan("a T start()"), &never()).await.report();
        let (_, failure) = report.failures().next().unwrap();
        assert_eq!(failure.class, FailureClass::UnknownOutcome);
        // The executor remembers that it succeeded in the end.
        let report = world.resume(&never()).await.report();
        assert_eq!(report.result, RunResult::Succeeded);
        assert_eq!(world.reality.lock().unwrap().effects.len(), 1);
        world.check_laws();
    });
}

#[test]
fn one_operation_on_one_node() {
    block_on(async {
        let world = World::new(Memory::Good);
        let design = "a T start() stop() backup(to=disk)";
        world.run(world.deploy_plan(design), &never()).await.report();
        let run = |event: &str, inputs: BTreeMap<String, Value>| -> Plan {
            let namespace = namespace();
            let base = world.store.namespace_revision(&namespace).unwrap();
            plan_run(&Basis::new(&namespace, base, &SketchFunctions), &world.graph(), "a", event, &inputs)
                .unwrap()
        };
        let inputs = [("to".to_owned(), Value::from("tape"))].into();
        assert_eq!(world.run(run("backup", inputs), &never()).await.report().result, RunResult::Succeeded);
        assert_eq!(world.reality.lock().unwrap().seen["a.backup"].inputs["to"], Value::from("tape"));
        assert!(world.deploy_plan(design).is_empty());
        world.run(run("stop", BTreeMap::new()), &never()).await.report();
        assert_eq!(state(&world, "a"), "stopped");
        assert_eq!(
            world.run(world.deploy_plan(design), &never()).await.report().result,
            RunResult::Succeeded
        );
        world.check_truth();
        world.check_laws();
    });
}

/// Writes down what it is told.
#[derive(Default)]
struct Scribe(Mutex<Vec<String>>);

impl Observer for Scribe {
    fn run_began(&self, _: RunId, plan: &Arc<Plan>, done: usize) {
        self.0.lock().unwrap().push(format!("run of {} steps, {done} done", plan.steps.len()));
    }

    fn step_started(&self, step: u32, operation: &Operation) {
        self.0.lock().unwrap().push(format!("{step} starts {}", operation.event));
    }

    fn step_ended(&self, step: u32, outcome: &Outcome, again: bool) {
        let word = if matches!(outcome, Outcome::Succeeded(_)) { "succeeded" } else { "failed" };
        self.0.lock().unwrap().push(format!("{step} {word}{}", if again { ", again" } else { "" }));
    }

    fn run_ended(&self, report: &RunReport) {
        self.0.lock().unwrap().push(report.result.word().to_owned());
    }
}

#[test]
fn an_observer_is_told_in_order() {
    block_on(async {
        let mut world = World::new(Memory::Good);
        world.options.attempts_max_script = 2;
        script(&world, "b.start", &[FailureClass::Transient]);
        let scribe = Scribe::default();
        let (engine, plan) = (world.engine(&never()), world.deploy_plan("a T ->b none\nb T start()"));
        engine.run(plan, &scribe, &Cancel::new()).await.unwrap();
        assert_eq!(
            scribe.0.into_inner().unwrap(),
            [
                "run of 2 steps, 0 done",
                "0 starts lifecycle.start",
                "0 failed, again",
                "0 starts lifecycle.start",
                "0 succeeded",
                "1 succeeded",
                "succeeded"
            ]
        );
    });
}

#[test]
fn destroy_ends_from_every_state() {
    let points = block_on(async {
        let world = World::new(Memory::Good);
        let crash = never();
        world.run(world.deploy_plan(SHOP), &crash).await.report();
        crash.passed.load(std::sync::atomic::Ordering::SeqCst)
    });
    for memory in [Memory::Good, Memory::Repeats, Memory::None] {
        for point in 0..points {
            block_on(async {
                let world = World::new(memory);
                // Where it does not die after all, since parallel steps share commits, the service is complete.
                world.run(world.deploy_plan(SHOP), &Crash::at(point)).await;
                let report = destroy(&world).await;
                assert_eq!(report.result, RunResult::Succeeded, "{memory:?} {point}: {}", summary(&report));
                assert!(world.graph().is_empty(), "{memory:?} {point}");
                assert_eq!(world.live_nodes(), [""; 0], "{memory:?} {point}");
                world.check_laws();
            });
        }
    }
}

#[test]
fn a_plan_that_was_made_with_another_driver_is_refused() {
    block_on(async {
        let world = World::new(Memory::Good);
        let mut plan = world.deploy_plan("a T start()");
        plan.steps[0].implementation = Some(floria::Implementation::Driver("process".to_owned()));
        plan.steps[0].driver_digest = Some("one".to_owned());
        let engine = |digest: &str| {
            let drivers = [("process".to_owned(), digest.to_owned())].into();
            world.engine(&never()).with_drivers(drivers)
        };
        let cancel = Cancel::new();
        let error = engine("two").run(plan.clone(), &(), &cancel).await.unwrap_err();
        assert!(matches!(&error, EngineError::OtherDriver { driver, .. } if driver == "process"), "{error}");
        assert!(runs(&*world.store, &namespace()).unwrap().is_empty());
        script(&world, "a.start", &[FailureClass::Permanent]);
        let failed = engine("one").run(plan, &(), &cancel).await.unwrap();
        assert_eq!(failed.result, RunResult::Failed);
        // Nor is the rest of a run done by another one.
        let resume = async |digest: &str| {
            engine(digest).resume(&namespace(), None, BTreeMap::new(), &(), &Cancel::new()).await
        };
        assert!(matches!(resume("two").await, Err(EngineError::OtherDriver { .. })));
        assert_eq!(resume("one").await.unwrap().result, RunResult::Succeeded);
        world.check_laws();
    });
}
