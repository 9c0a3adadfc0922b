//! A process that dies anywhere, and another one that goes on.

use crate::world::{Crash, Sketch, WEB, World};

/// Lets a process die at each point in turn, begins another one after it, and checks what came of it.
fn at_each_point(world: impl Fn() -> World, check: impl Fn(&World, i64)) {
    for point in 0.. {
        assert!(point < 1_000, "there are not so many points");
        let world = world();
        let lived = world.live(&Crash::at(point));
        if !lived {
            // And once more, so that what is left of the one is found by the other.
            world.live(&Crash::at(point / 2));
            assert!(world.live(&Crash::at(-1)), "after a death at {point}");
        }
        assert!(world.live(&Crash::at(-1)));
        check(&world, point);
        if lived {
            assert!(point > 10, "some points were passed");
            return;
        }
    }
}

/// Two triggers, one of which does several things, and two events.
fn told() -> World {
    let activities = [
        ("call_operation", "care.note"),
        ("call_operation", "orchestration.heal"),
        ("call_operation", "care.more"),
    ];
    let sketch = |policy, activities| Sketch {
        policy,
        targets: &[2, 3],
        event: "told",
        condition: None,
        activities,
        limit: None,
    };
    let world = World::new(&[sketch("one", &activities), sketch("two", &activities[..1])]);
    world.begin();
    world.emit("told", Some(WEB));
    world.emit("told", None);
    world
}

#[track_caller]
fn check_once(world: &World, point: i64) {
    let effects = world.effects();
    let count = |effect: &str| effects.iter().filter(|one| *one == effect).count();
    let counts = ["web.care.note", "web.care.more", "db.care.note", "db.care.more"].map(count);
    assert_eq!(counts, [4, 2, 2, 1], "at point {point}: {effects:?}");
}

#[test]
fn every_event_is_acted_on_once() {
    at_each_point(told, check_once);
}

#[test]
fn a_store_that_fails_once_changes_nothing() {
    for point in 0.. {
        assert!(point < 1_000, "there are not so many commits");
        let world = told();
        let hiccup = Crash::hiccup_at(point);
        // Where not a run but the reactor could not commit, whoever hosts it begins again.
        if !world.live(&hiccup) {
            assert!(world.live(&Crash::at(-1)), "at point {point}");
        }
        check_once(&world, point);
        if !hiccup.has_hiccupped() {
            assert!(point > 10, "some commits were passed");
            return;
        }
    }
}

#[test]
fn what_died_runs_again_and_once() {
    let world = || {
        let heal = Sketch {
            policy: "heal",
            targets: &[2, 3],
            event: "process.exited",
            condition: None,
            activities: &[("call_operation", "orchestration.heal")],
            limit: None,
        };
        let world = World::new(&[heal]);
        world.begin();
        world.exit("web", WEB);
        world
    };
    at_each_point(world, |world, point| {
        let effects = world.effects();
        assert_eq!(world.reality.lock().unwrap().states["web"], "running", "after a death at {point}");
        let starts = effects.iter().filter(|effect| *effect == "web.lifecycle.start").count();
        assert_eq!(starts, 1, "after a death at {point}: {effects:?}");
    });
}
