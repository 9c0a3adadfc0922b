//! A crash before and after every commit and every effect, and again during the recovery.

use std::sync::Arc;

use khutulun_engine::RunResult;
use khutulun_plan::Plan;

use crate::world::{Crash, Fate, Memory, World, block_on};

const MEMORIES: [Memory; 3] = [Memory::Good, Memory::Repeats, Memory::None];

/// A story: what is there before, and what is to be.
struct Story {
    before: &'static str,
    /// None: it goes.
    after: Option<&'static str>,
}

const STORIES: [Story; 4] = [
    Story { before: "", after: Some("a T @pid create() start()>pid\nb T x=$a.pid start()") },
    Story {
        before: "a T port=1 @pid start()>pid stop()\nb T x=$a.pid start() stop()\nold T start() stop() delete()",
        after: Some("a T port=2 @pid start()>pid stop()\nb T x=$a.pid start() stop()"),
    },
    Story {
        before: "a T v=1!replace create() start() stop() delete()\nc T none ->a",
        after: Some("a T v=2!replace create() start() stop() delete()\nc T none ->a"),
    },
    Story { before: "a T create() start() stop() delete()\nb T ->a start() stop()", after: None },
];

impl Story {
    fn world(&self, memory: Memory) -> World {
        let world = World::new(memory);
        block_on(async {
            if !self.before.is_empty() {
                world.run(world.deploy_plan(self.before), &Crash::at(-1)).await.report();
            }
        });
        world
    }

    fn plan(&self, world: &World) -> Plan {
        match self.after {
            Some(design) => world.deploy_plan(design),
            None => world.destroy_plan(),
        }
    }

    /// Goes on after a crash as an operator would: resumes what has not ended, and plans again what never began.
    async fn go_on(&self, world: &World, crash: &Arc<Crash>) -> Fate {
        if world.unfinished() {
            return world.resume(crash).await;
        }
        world.run(self.plan(world), crash).await
    }

    fn check(&self, world: &World, place: &str) {
        world.check_laws();
        world.check_truth();
        assert!(!world.unfinished(), "{place}");
        match self.after {
            Some(design) => {
                let again = world.deploy_plan(design);
                assert!(again.is_empty(), "{place}: {}", khutulun_plan::render(&again));
            }
            None => {
                assert!(world.graph().is_empty(), "{place}");
                assert!(world.live_nodes().is_empty(), "{place}");
            }
        }
    }
}

#[test]
fn a_run_ends_correctly_whenever_it_crashed() {
    for (number, story) in STORIES.iter().enumerate() {
        for memory in MEMORIES {
            // One more than there are points, so that the last run does not crash.
            for first in 0.. {
                let world = story.world(memory);
                let place = format!("story {number}, {memory:?}, crash at {first}");
                let survived = block_on(async {
                    match world.run(story.plan(&world), &Crash::at(first)).await {
                        Fate::Died => {
                            let report = story.go_on(&world, &Crash::at(-1)).await.report();
                            assert_eq!(report.result, RunResult::Succeeded, "{place}");
                            false
                        }
                        fate => {
                            assert_eq!(fate.report().result, RunResult::Succeeded, "{place}");
                            true
                        }
                    }
                });
                story.check(&world, &place);
                if survived {
                    assert!(first > 8, "{place}: too few points");
                    break;
                }
            }
        }
    }
}

fn crash_twice(story: &Story, memory: Memory) {
    for first in 0.. {
        let mut survived = false;
        for second in 0.. {
            let world = story.world(memory);
            let place = format!("{memory:?}, crashes at {first} and {second}");
            let more = block_on(async {
                if !matches!(world.run(story.plan(&world), &Crash::at(first)).await, Fate::Died) {
                    survived = true;
                    return false;
                }
                let died = matches!(story.go_on(&world, &Crash::at(second)).await, Fate::Died);
                if died {
                    let report = story.go_on(&world, &Crash::at(-1)).await.report();
                    assert_eq!(report.result, RunResult::Succeeded, "{place}");
                }
                died
            });
            story.check(&world, &place);
            if !more {
                break;
            }
        }
        if survived {
            break;
        }
    }
}

/// The stories that have all that the others have: dependencies, and a replacement.
const SHORT_STORIES: [usize; 2] = [0, 2];

#[test]
fn a_recovery_ends_correctly_whenever_it_crashed_with_a_good_memory() {
    SHORT_STORIES.iter().for_each(|story| crash_twice(&STORIES[*story], Memory::Good));
}

#[test]
fn a_recovery_ends_correctly_whenever_it_crashed_and_operations_repeat() {
    SHORT_STORIES.iter().for_each(|story| crash_twice(&STORIES[*story], Memory::Repeats));
}

#[test]
fn a_recovery_ends_correctly_whenever_it_crashed_and_nobody_remembers() {
    SHORT_STORIES.iter().for_each(|story| crash_twice(&STORIES[*story], Memory::None));
}
