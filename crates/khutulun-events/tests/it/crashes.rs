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

#[test]
fn every_event_is_acted_on_once() {
    let world = || {
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
    };
    at_each_point(world, |world, point| {
        let effects = world.effects();
        let count = |effect: &str| effects.iter().filter(|one| *one == effect).count();
        let counts = ["web.care.note", "web.care.more", "db.care.note", "db.care.more"].map(count);
        assert_eq!(counts, [4, 2, 2, 1], "after a death at {point}: {effects:?}");
    });
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
