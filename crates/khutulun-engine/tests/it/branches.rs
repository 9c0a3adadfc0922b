//! Plans with ways that are taken only after a failure, and a crash at every point of them.

use std::collections::BTreeMap;

use floria::Store as _;
use khutulun_api::FailureClass;
use khutulun_engine::{Cancel, RunResult, Settlement};
use khutulun_plan::{Action, Basis, Goal, Plan, Step, plan_run};

use crate::{
    sketch::{SketchFunctions, namespace},
    world::{Crash, Fate, Memory, World, block_on, failed},
};

const NODES: &str = "a T configure()\nb T configure()\nc T configure()\nd T configure()";

/// `a`; then `b` where that succeeded, and `c` where it failed; then `d` in any case.
fn branches(world: &World) -> Plan {
    let namespace = namespace();
    let base = world.store.namespace_revision(&namespace).unwrap();
    let basis = Basis::new(&namespace, base, &SketchFunctions);
    let plan = |node| plan_run(&basis, &world.graph(), node, "configure", &BTreeMap::new()).unwrap();
    let step = |node| plan(node).steps.remove(0);
    let a = step("a");
    let end = Step { implementation: None, action: Action::Keep, after: vec![0], gathers: true, ..a.clone() };
    let steps = vec![
        a,
        end,
        Step { after: vec![1], ..step("b") },
        Step { otherwise: vec![1], ..step("c") },
        Step { after: vec![2, 3], ..step("d") },
    ];
    Plan { goal: Goal::Workflow, steps, ..plan("a") }
}

#[test]
fn one_way_is_taken_to_its_end_whenever_the_run_crashed() {
    for memory in [Memory::Good, Memory::Repeats, Memory::None] {
        for fails in [false, true] {
            for at in 0.. {
                let mut world = World::new(memory);
                // An operation that repeats after a crash may fail for other reasons than the first time; here it does not.
                let failures = if fails { vec![failed(FailureClass::Permanent); 4] } else { Vec::new() };
                world.options.attempts_max_script = 1;
                let place = format!("{memory:?}, fails: {fails}, crash at {at}");
                let survived = block_on(async {
                    world.run(world.deploy_plan(NODES), &Crash::at(-1)).await.report();
                    world.reality.lock().unwrap().effects.clear();
                    world.reality.lock().unwrap().scripted.insert("a.configure".to_owned(), failures);
                    let fate = world.run(branches(&world), &Crash::at(at)).await;
                    let (survived, fate) = match fate {
                        Fate::Died if world.unfinished() => (false, world.resume(&Crash::at(-1)).await),
                        // It had not begun, or was over.
                        Fate::Died => return false,
                        fate => (true, fate),
                    };
                    assert_eq!(fate.report().result, RunResult::Succeeded, "{place}");
                    let reality = world.reality.lock().unwrap();
                    let mut nodes: Vec<&str> =
                        reality.effects.iter().map(|(_, node, _)| node.as_str()).collect();
                    nodes.dedup();
                    let way = if fails { ["a", "c", "d"] } else { ["a", "b", "d"] };
                    assert_eq!(nodes, way, "{place}");
                    survived
                });
                world.check_laws();
                if survived {
                    assert!(at > 8, "{place}: too few points");
                    break;
                }
            }
        }
    }
}

#[test]
fn what_has_to_be_approved_waits_and_the_rest_goes_on() {
    for answer in [Settlement::Succeeded(BTreeMap::new()), Settlement::Failed] {
        let world = World::new(Memory::Good);
        let is_approved = answer != Settlement::Failed;
        block_on(async {
            world.run(world.deploy_plan(NODES), &Crash::at(-1)).await.report();
            world.reality.lock().unwrap().effects.clear();
            let mut plan = branches(&world);
            // `b` after an answer, `c` beside it, and `d` where it was refused.
            let asks = Step {
                implementation: None,
                after: Vec::new(),
                approval: Some("shall it?".to_owned()),
                ..plan.steps[1].clone()
            };
            let [b, c, d] = [2, 3, 4].map(|place: usize| plan.steps[place].clone());
            plan.steps = vec![
                Step { gathers: false, ..asks },
                Step { after: vec![0], ..b },
                Step { otherwise: Vec::new(), ..c },
                Step { after: Vec::new(), otherwise: vec![0], ..d },
            ];
            let report = world.run(plan, &Crash::at(-1)).await.report().clone();
            assert_eq!(report.result, RunResult::NeedsOperator);
            let questions: Vec<(u32, &str)> =
                report.questions.iter().map(|one| (one.operation.step, one.text.as_str())).collect();
            assert_eq!(questions, [(0, "shall it?")]);
            let done = |world: &World| -> Vec<String> {
                let reality = world.reality.lock().unwrap();
                reality.effects.iter().map(|(_, node, _)| node.clone()).collect()
            };
            assert_eq!(done(&world), ["c"]);
            let answers = BTreeMap::from([(0, answer.clone())]);
            let engine = world.engine(&Crash::at(-1));
            let report = engine.resume(&namespace(), None, answers, &(), &Cancel::new()).await.unwrap();
            assert_eq!(report.result, RunResult::Succeeded);
            assert_eq!(done(&world), ["c", if is_approved { "b" } else { "d" }]);
        });
    }
}
