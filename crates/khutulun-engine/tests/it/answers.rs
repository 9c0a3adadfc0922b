//! What becomes of runs that were left: they are resumed, superseded, or need an answer.

use std::collections::BTreeMap;

use floria::Value;
use khutulun_api::{FailureClass, RunId};
use khutulun_engine::{Cancel, EngineError, RunResult, Settlement, runs};

use crate::{
    scenarios::{deployed, destroy, never, script, summary},
    sketch::namespace,
    world::{Crash, Fate, Memory, World, block_on},
};

#[test]
fn an_unfinished_run_keeps_others_out_until_it_is_resumed_or_superseded() {
    block_on(async {
        let world = World::new(Memory::None);
        // Dies after an effect of which nobody but the world knows.
        assert!(matches!(
            world.run(world.deploy_plan("a T create() delete()\nb T ->a start()"), &Crash::at(3)).await,
            Fate::Died
        ));
        assert_eq!(world.live_nodes(), ["a"]);
        let Fate::Ended(Err(error)) = world.run(world.deploy_plan("a T create()"), &never()).await else {
            panic!()
        };
        assert!(matches!(error, EngineError::Unfinished { .. }), "{error}");

        let engine = world.engine(&never());
        let report = engine.resume(&namespace(), None, BTreeMap::new(), &(), &Cancel::new()).await.unwrap();
        assert_eq!(report.result, RunResult::NeedsOperator);
        assert_eq!(report.questions[0].text, "whether a.create happened");
        assert!(world.unfinished());
        let needless = [(1, Settlement::Retry)].into();
        let error = engine.resume(&namespace(), None, needless, &(), &Cancel::new()).await.unwrap_err();
        assert!(matches!(error, EngineError::NothingToSettle { step: 1, .. }), "{error}");

        assert_eq!(destroy(&world).await.result, RunResult::Succeeded);
        assert_eq!(world.live_nodes(), [""; 0]);
        assert!(world.graph().is_empty());
        let results: Vec<_> =
            runs(&*world.store, &namespace()).unwrap().into_iter().map(|run| run.result.unwrap()).collect();
        assert_eq!(results, ["superseded", "succeeded"]);
        world.check_laws();
    });
}

#[test]
fn answers_settle_what_nobody_else_can_tell() {
    block_on(async {
        for (answer, result) in [
            (Settlement::Succeeded([("pid".to_owned(), Value::Integer(7))].into()), RunResult::Succeeded),
            (Settlement::Failed, RunResult::Failed),
        ] {
            let world = World::new(Memory::None);
            let plan = world.deploy_plan("a T @pid create()>pid\nb T x=$a.pid start()");
            assert!(matches!(world.run(plan, &Crash::at(3)).await, Fate::Died));
            let engine = world.engine(&never());
            let answers = [(0, answer)].into();
            let report = engine.resume(&namespace(), None, answers, &(), &Cancel::new()).await.unwrap();
            assert_eq!(report.result, result, "{}", summary(&report));
            world.check_laws();
        }
    });
}

#[test]
fn who_keeps_it_from_happening_twice_is_told_that_it_may() {
    block_on(async {
        let world = World::new(Memory::None);
        let plan = world.deploy_plan("a T create()");
        assert!(matches!(world.run(plan, &Crash::at(2)).await, Fate::Died));
        let engine = world.engine(&never());
        let retry = [(0, Settlement::Retry)].into();
        let report = engine.resume(&namespace(), None, retry, &(), &Cancel::new()).await.unwrap();
        assert_eq!(report.result, RunResult::Succeeded, "{}", summary(&report));
        assert!(world.reality.lock().unwrap().freed.contains("a.create"));
    });
}

#[test]
fn an_answer_counts_also_where_the_executor_remembers_that_nobody_knew() {
    block_on(async {
        let world = World::new(Memory::Good);
        script(&world, "a.create", &[FailureClass::UnknownOutcome]);
        let report = world.run(world.deploy_plan("a T create()"), &never()).await.report();
        assert_eq!(report.result, RunResult::Failed);
        let engine = world.engine(&never());
        let answers = [(0, Settlement::Succeeded(BTreeMap::new()))].into();
        let report = engine.resume(&namespace(), None, answers, &(), &Cancel::new()).await.unwrap();
        assert_eq!(report.result, RunResult::Succeeded, "{}", summary(&report));
    });
}

#[test]
fn only_the_last_run_can_be_resumed_and_only_if_it_did_not_succeed() {
    block_on(async {
        let world = deployed(Memory::Good).await;
        let engine = world.engine(&never());
        let resume = async |run| {
            engine.resume(&namespace(), run, BTreeMap::new(), &(), &Cancel::new()).await.unwrap_err()
        };
        assert!(matches!(resume(None).await, EngineError::Ended { .. }));
        let first = runs(&*world.store, &namespace()).unwrap()[0].run;
        destroy(&world).await;
        assert!(matches!(resume(Some(first)).await, EngineError::Followed { .. }));
        assert!(matches!(resume(Some(RunId(999_999))).await, EngineError::NoSuchRun(_)));
        let nobody = floria::Namespace("nobody".to_owned());
        let error = engine.resume(&nobody, None, BTreeMap::new(), &(), &Cancel::new()).await.unwrap_err();
        assert!(matches!(error, EngineError::NothingToResume { .. }));
    });
}
