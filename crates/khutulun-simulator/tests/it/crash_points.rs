//! A crash before and after every commit and every effect, and again at every such point of the recovery.

use std::sync::Arc;

use khutulun_api::FailureClass;
use khutulun_engine::{EngineOptions, RunResult};
use khutulun_simulator::{
    Ended, Event, Memory, Misbehaviour, Moment, Scene, Subject, Task, failing,
    sketch::{self, SketchFunctions},
};

/// A reference design: what is there before, and what somebody does. The last design is the one that it comes to.
struct Reference {
    name: &'static str,
    before: &'static str,
    /// Nothing: it goes.
    after: &'static str,
    /// An operation that fails once, and may go well when it is tried again.
    fails: Option<&'static str>,
}

const REFERENCES: [Reference; 7] = [
    Reference {
        name: "chain",
        before: "",
        after: "a create() start()>pid @pid\nb ->a x=$a.pid create() start()\nc ->b start()",
        fails: None,
    },
    Reference {
        name: "chain with a failing step",
        before: "",
        after: "a create() start()>pid @pid\nb ->a x=$a.pid create() start()",
        fails: Some("a.start"),
    },
    Reference {
        name: "diamond",
        before: "",
        after: "a start()>pid @pid\nb ->a start()\nc ->a start()\nd ->b ->c x=$a.pid start()",
        fails: None,
    },
    Reference {
        name: "wide",
        before: "",
        after: "a start()\nb start()\nc start()\nd start()\ne start() ->a",
        fails: None,
    },
    Reference {
        name: "update in place, of what reads what changes",
        before: "a port=1!configure @pid create() configure() start()>pid stop()\nb x=$a.pid start() stop() ->a",
        after: "a port=2!restart @pid create() configure() start()>pid stop()\nb x=$a.pid start() stop() ->a",
        fails: None,
    },
    Reference {
        name: "replacement, with one that goes",
        before: "a v=1!replace create() start() stop() delete()\nc none ->a\nold start() stop() delete()",
        after: "a v=2!replace create() start() stop() delete()\nc none ->a",
        fails: None,
    },
    Reference {
        name: "removal of what contains and is counted",
        before: "n nested\nin in:n start() stop()\nw count:2 create() start() stop() delete() ->n",
        after: "",
        fails: None,
    },
];

impl Reference {
    fn scene(&self, memory: Memory) -> Scene {
        let designs = [self.before, self.after].map(|text| sketch::design(text).unwrap());
        let subject = Subject::new(sketch::namespace(), Arc::new(SketchFunctions), designs.into());
        let options = EngineOptions { attempts_max_script: 3, ..EngineOptions::default() };
        let mut scene = Scene::new(subject, options, None);
        scene.rules().memory = memory;
        let behaviour = failing(FailureClass::Transient, false);
        let fails =
            self.fails.map(|operation| Misbehaviour { operation: operation.to_owned(), behaviour, times: 1 });
        scene.rules().misbehaviours.extend(fails);
        if !self.before.is_empty() {
            assert_succeeded(scene.does(Task::Deploy(0), 0), self.name);
        }
        scene
    }

    fn task(&self) -> Task {
        if self.after.is_empty() { Task::Destroy } else { Task::Deploy(1) }
    }

    /// Does what somebody does who finds it as it is, and dies at a point. True: it died.
    fn goes_on(&self, scene: &mut Scene, dies_at: Option<u32>, place: &str) -> bool {
        // The store's commits and the host's effects are few hundred; each life gets a little further or ends.
        for _ in 0..4 {
            let task = match scene.is_unfinished() {
                true if self.after.is_empty() => Task::Destroy,
                true => Task::Resume(scene.truths()),
                false => self.task(),
            };
            scene.rules().next = dies_at.map(|point| (Moment::Number(point), Event::Dies));
            match scene.does(task, 0) {
                Some(Ended::Died) => return true,
                Some(Ended::Done(report)) if report.result == RunResult::NeedsOperator => {}
                Some(Ended::Done(report)) if report.result == RunResult::Succeeded => return false,
                Some(Ended::NothingToDo) => return false,
                other => panic!("{place}: {other:?}"),
            }
        }
        panic!("{place}: it does not end");
    }

    fn check(&self, scene: &mut Scene, expected: &str, place: &str) {
        let broken = scene.violations().to_vec();
        assert!(broken.is_empty(), "{place}: {}\n{}", broken[0], scene.world().transcript().join("\n"));
        assert_eq!(scene.all(), expected, "{place}\n{}", scene.world().transcript().join("\n"));
        if self.after.is_empty() {
            assert_eq!(expected, "", "{place}");
        } else {
            assert_eq!(scene.planned(1), None, "{place}");
        }
    }
}

#[track_caller]
fn assert_succeeded(ended: Option<Ended>, place: &str) {
    match ended {
        Some(Ended::Done(report)) if report.result == RunResult::Succeeded => {}
        other => panic!("{place}: {other:?}"),
    }
}

/// Dies at every point of a run, and of the recovery after it where `twice` says so; returns how often.
fn die_everywhere(reference: &Reference, memory: Memory, twice: bool) -> u32 {
    let mut whole = reference.scene(memory);
    reference.goes_on(&mut whole, None, reference.name);
    let expected = whole.all();
    reference.check(&mut whole, &expected, reference.name);
    let mut deaths = 0;
    for first in 0.. {
        let mut scene = reference.scene(memory);
        let place = format!("{}, {memory:?}, death at {first}", reference.name);
        if !reference.goes_on(&mut scene, Some(first), &place) {
            assert!(first > 8, "{place}: too few points");
            break;
        }
        deaths += 1;
        reference.goes_on(&mut scene, None, &place);
        reference.check(&mut scene, &expected, &place);
        for second in (0..).take_while(|_| twice) {
            let mut scene = reference.scene(memory);
            let place = format!("{place} and {second}");
            assert!(reference.goes_on(&mut scene, Some(first), &place));
            if !reference.goes_on(&mut scene, Some(second), &place) {
                reference.check(&mut scene, &expected, &place);
                break;
            }
            deaths += 1;
            reference.goes_on(&mut scene, None, &place);
            reference.check(&mut scene, &expected, &place);
        }
    }
    deaths
}

#[test]
fn a_death_at_any_point_and_again_in_the_recovery_changes_nothing() {
    for reference in &REFERENCES {
        let deaths = die_everywhere(reference, Memory::Keeps, true);
        println!("{}: {deaths} deaths", reference.name);
    }
}

#[test]
fn nor_does_one_when_operations_are_repeated() {
    for reference in &REFERENCES {
        println!("{}: {} deaths", reference.name, die_everywhere(reference, Memory::Repeats, false));
    }
}

#[test]
fn nor_does_one_when_only_the_operator_can_tell() {
    for reference in &REFERENCES {
        println!("{}: {} deaths", reference.name, die_everywhere(reference, Memory::Forgets, false));
    }
}
