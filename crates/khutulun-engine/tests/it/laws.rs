//! Laws that hold for all designs, failures and crashes.

use std::collections::BTreeMap;

use khutulun_api::FailureClass;
use khutulun_engine::{Conduct, RunResult};
use proptest::prelude::*;

use crate::{
    sketch::namespace,
    world::{Crash, Fate, Memory, World, block_on, failed},
};

fn design(nodes: &[(Vec<u8>, bool, u8)], port: u8) -> String {
    let mut text = String::new();
    for (index, (requires, reads, changes)) in nodes.iter().enumerate() {
        text += &format!(
            "n{index} T port={} @pid create() start()>pid stop() delete()",
            if changes % 2 == 0 { port } else { 0 }
        );
        for target in requires.iter().filter(|target| usize::from(**target) < index) {
            text += &format!(" ->n{target}");
        }
        if *reads && index > 0 {
            text += &format!(" seen=$n{}.pid", index - 1);
        }
        text += "\n";
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn with_faults_removed_every_run_ends_and_every_service_goes(
        nodes in prop::collection::vec((prop::collection::vec(0..8_u8, 0..3), any::<bool>(), any::<u8>()), 1..8),
        faults in prop::collection::vec((0..8_u8, 0..4_usize, 0..3_usize), 0..4),
        crashes in prop::collection::vec(0..60_i64, 0..4),
        memory in prop::sample::select(vec![Memory::Good, Memory::Repeats, Memory::None]),
        parallel_max in 1..4_usize,
        keep_going in any::<bool>(),
    ) {
        let mut world = World::new(memory);
        world.options.conduct = Conduct { parallel_max, keep_going };
        world.options.attempts_max_script = 2;
        let classes = [FailureClass::Transient, FailureClass::Permanent, FailureClass::Denied];
        let scripted: BTreeMap<String, _> = faults
            .iter()
            .map(|(node, operation, class)| {
                let operation = ["create", "start", "stop", "delete"][*operation];
                (format!("n{node}.{operation}"), vec![failed(classes[*class])])
            })
            .collect();
        world.reality.lock().unwrap().scripted = scripted;

        for port in [1, 2] {
            let design = design(&nodes, port);
            block_on(async {
                for crash in &crashes {
                    let crash = Crash::at(*crash);
                    let fate = if world.unfinished() {
                        world.resume(&crash).await
                    } else {
                        world.run(world.deploy_plan(&design), &crash).await
                    };
                    world.check_laws();
                    if !matches!(fate, Fate::Died) && !world.unfinished() {
                        world.check_truth();
                    }
                }
                // Faults are removed: in a bounded number of rounds it is as it should be.
                world.reality.lock().unwrap().scripted.clear();
                let quiet = Crash::at(-1);
                if world.unfinished() {
                    // It may come to light that an operation had failed before the crash; then the run has failed.
                    world.resume(&quiet).await.report();
                    assert!(!world.unfinished());
                }
                let report = world.run(world.deploy_plan(&design), &quiet).await.report();
                assert_eq!(report.result, RunResult::Succeeded);
                world.check_laws();
                world.check_truth();
                assert!(world.deploy_plan(&design).is_empty());
                assert_eq!(world.live_nodes().len(), nodes.len());
            });
        }
        block_on(async {
            let crash = Crash::at(crashes.first().copied().unwrap_or(-1));
            world.run(world.destroy_plan(), &crash).await;
            let quiet = Crash::at(-1);
            world.engine(&quiet).supersede(&namespace()).await.unwrap();
            let report = world.run(world.destroy_plan(), &quiet).await.report();
            assert_eq!(report.result, RunResult::Succeeded);
            world.check_laws();
            assert!(world.graph().is_empty());
            assert!(world.live_nodes().is_empty());
        });
    }
}
