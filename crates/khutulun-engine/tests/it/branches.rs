//! Plans with ways that are taken only after a failure, and a crash at every point of them.

use std::collections::BTreeMap;

use floria::Store as _;
use khutulun_api::FailureClass;
use khutulun_engine::RunResult;
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
