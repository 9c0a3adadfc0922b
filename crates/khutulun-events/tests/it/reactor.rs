//! Reactions, from the event to what is done.

use std::sync::atomic::Ordering;

use floria::{Batch, Record, Store as _, Value};
use khutulun_api::RunId;
use khutulun_engine::RUNS;
use khutulun_events::{Performed, REACTIONS, Reactor, names};

use crate::{
    support::{lines, shop},
    world::{Attributes, Crash, DB, Sketch, WEB, World, attribute},
};

const NOTE: (&str, &str) = ("call_operation", "care.note");

fn care<'a>(event: &'a str, activities: &'a [(&'a str, &'a str)]) -> Sketch<'a> {
    Sketch { policy: "care", targets: &[2, 3], event, condition: None, activities, limit: None }
}

fn healing() -> World {
    let world = World::new(&[care("process.exited", &[("call_operation", "orchestration.heal")])]);
    world.begin();
    world
}

fn live(world: &World) {
    assert!(world.live(&Crash::at(-1)));
}

#[test]
fn what_happens_before_there_is_a_reactor_is_history_and_later_nothing_is() {
    let world = World::new(&[care("told", &[NOTE])]);
    world.emit("told", Some(WEB));
    world.begin();
    live(&world);
    assert_eq!(world.effects(), Vec::<String>::new());
    // Nobody is there when it happens.
    world.emit("told", Some(WEB));
    world.emit("told", None);
    live(&world);
    assert_eq!(world.effects(), ["web.care.note", "web.care.note", "db.care.note"]);
    let reacted = world.events(names::POLICY_REACTED);
    assert_eq!(reacted.len(), 2);
    assert!(lines(&reacted)[0].contains("web policy.reacted event=told"), "{:?}", lines(&reacted));
    assert!(reacted[0].run.is_some());
    // And that is all.
    let revision = world.store.revision().unwrap();
    live(&world);
    live(&world);
    assert_eq!(world.effects().len(), 3);
    assert_eq!(world.store.revision().unwrap(), revision, "an idle reactor writes nothing");
}

/// C350: activities in their order; each kind of stage is a run of its own.
#[test]
fn activities_are_done_in_order_and_none_after_a_failure() {
    let world = World::new(&[care(
        "told",
        &[NOTE, ("call_operation", "orchestration.heal"), ("call_operation", "care.more")],
    )]);
    world.begin();
    world.emit("told", Some(DB));
    live(&world);
    assert_eq!(world.effects(), ["db.care.note", "db.care.more"]);
    world.reality.lock().unwrap().failing.push("db.care.note".to_owned());
    world.emit("told", Some(DB));
    world.emit("told", Some(WEB));
    live(&world);
    assert_eq!(world.effects()[2..], ["db.care.note", "web.care.note", "web.care.more"]);
}

#[test]
fn what_does_not_run_is_started_and_what_only_looked_dead_is_left_alone() {
    let world = healing();
    world.exit("web", WEB);
    live(&world);
    assert_eq!(world.effects(), ["web.lifecycle.stop", "web.lifecycle.start"]);
    // It is said to have ended, and runs.
    world.emit("process.exited", Some(WEB));
    live(&world);
    assert_eq!(world.effects().len(), 2);
    // It is not there at all.
    world.reality.lock().unwrap().states.remove("db");
    world.emit("process.exited", Some(DB));
    live(&world);
    assert_eq!(world.effects()[2..], ["db.lifecycle.create", "db.lifecycle.start"]);
}

#[test]
fn many_deaths_before_one_look_are_healed_once() {
    let world = healing();
    for _ in 0..50 {
        world.exit("web", WEB);
    }
    live(&world);
    assert_eq!(world.effects(), ["web.lifecycle.stop", "web.lifecycle.start"]);
}

#[test]
fn a_process_that_always_ends_is_left_alone_after_some_times() {
    let world = healing();
    for _ in 0..20 {
        world.exit("web", WEB);
        live(&world);
        world.time.fetch_add(1_000, Ordering::SeqCst);
    }
    let starts =
        |world: &World| world.effects().iter().filter(|effect| **effect == "web.lifecycle.start").count();
    assert_eq!(starts(&world), 5);
    let exhausted = world.events(names::POLICY_EXHAUSTED);
    let told: Vec<_> = lines(&exhausted);
    assert!(told[0].contains("times_max=5 within=600000") && told[0].contains(" web "), "{told:?}");
    // The others are none of its concern.
    world.exit("db", DB);
    live(&world);
    assert_eq!(world.effects().last().unwrap(), "db.lifecycle.start");
    // Once the time is over it may be tried again.
    world.time.fetch_add(600_000, Ordering::SeqCst);
    world.exit("web", WEB);
    live(&world);
    assert_eq!(starts(&world), 6);
}

#[test]
fn a_trigger_that_triggers_itself_comes_to_rest() {
    let start = Sketch { policy: "start", ..care("go", &[NOTE]) };
    let world = World::new(&[care("operation.ended", &[NOTE]), start]);
    world.begin();
    world.emit("go", Some(WEB));
    live(&world);
    // One that was asked for, one that follows, and five that follow from what followed.
    assert_eq!(world.effects().len(), 7);
    assert_eq!(world.events(names::POLICY_EXHAUSTED).len(), 1);
}

#[test]
fn a_policy_says_how_often_itself() {
    let world = World::new(&[Sketch { limit: Some((2, 10_000)), ..care("told", &[NOTE]) }]);
    world.begin();
    for _ in 0..5 {
        world.emit("told", Some(WEB));
        world.time.fetch_add(1_000, Ordering::SeqCst);
    }
    live(&world);
    assert_eq!(world.effects().len(), 2);
    assert_eq!(world.events(names::POLICY_EXHAUSTED).len(), 1, "it is told once");
}

#[test]
fn what_cannot_be_decided_or_planned_is_told() {
    let world = World::new(&[
        Sketch { condition: Some(attribute("ready")), ..care("told", &[NOTE]) },
        Sketch { policy: "odd", ..care("odd", &[("inline", "nothing of this name")]) },
        Sketch { policy: "more", ..care("more", &[("call_operation", "orchestration.scale")]) },
    ]);
    world.begin();
    world.emit("told", Some(WEB));
    world.emit("odd", Some(WEB));
    world.emit("more", Some(WEB));
    live(&world);
    let undecided = lines(&world.events(names::POLICY_UNDECIDED));
    assert!(
        undecided[0].contains("web policy.undecided of=") && undecided[0].contains("why=the condition needs"),
        "{undecided:?}"
    );
    let failed = lines(&world.events(names::POLICY_FAILED));
    assert!(failed[0].contains("there is no workflow `nothing of this name`"), "{failed:?}");
    assert!(failed[1].contains("it has one of the inputs `to` and `by`"), "{failed:?}");
    assert_eq!(world.effects(), Vec::<String>::new());
}

#[test]
fn a_trigger_reacts_to_what_happens_once_it_is_there() {
    let world = World::new(&[]);
    world.begin();
    world.emit("told", Some(WEB));
    let with = World::new(&[care("told", &[NOTE])]);
    let policies = with.graph();
    let late = policies.vertexes().filter(|vertex| vertex.id.0 >= 10).cloned().collect();
    crate::support::put(&world.store, late);
    let edges = policies.edges().cloned().map(floria::Change::put).collect();
    world.store.commit(&floria::Batch { changes: edges, ..Default::default() }).unwrap();
    live(&world);
    assert_eq!(world.effects(), Vec::<String>::new());
    world.emit("told", Some(WEB));
    live(&world);
    assert_eq!(world.effects(), ["web.care.note"]);
}

#[test]
fn whoever_waits_for_a_run_goes_on_when_it_has_ended() {
    let world = World::new(&[care("told", &[NOTE])]);
    world.begin();
    let begin = floria::Value::map([("run", floria::Value::Integer(150))]);
    crate::support::commit(&world.store, vec![crate::support::record("runs", "begin", begin)]);
    world.emit("told", Some(WEB));
    let mut reactor = Reactor::open(&*world.store).unwrap();
    assert_eq!(world.turn(&mut reactor), 1, "it is tried");
    assert_eq!(world.turn(&mut reactor), 0, "and waits");
    assert!(!reactor.is_idle());
    let end = floria::Value::map([("run", floria::Value::Integer(150)), ("result", "succeeded".into())]);
    crate::support::commit(&world.store, vec![crate::support::record("runs", "end", end)]);
    assert_eq!(world.turn(&mut reactor), 1);
    assert_eq!(world.effects(), ["web.care.note"]);
    assert!(reactor.is_idle());
}

#[test]
fn of_a_storm_a_bounded_part_is_in_memory_and_every_event_is_acted_on() {
    const EVENTS: usize = 1_500;
    let world = World::new(&[care("told", &[NOTE])]);
    world.begin();
    for chunk in 0..EVENTS / 100 {
        let name = if chunk % 2 == 0 { "told" } else { "nobody.wants.this" };
        for _ in 0..100 {
            world.emit(name, Some(WEB));
        }
    }
    live(&world);
    assert_eq!(world.effects().len(), EVENTS / 2 + 50);
}

#[test]
fn the_condition_is_that_of_when_the_events_turn_comes() {
    let world = World::new(&[Sketch { condition: Some(attribute("ready")), ..care("told", &[NOTE]) }]);
    world.begin();
    let mut reactor = Reactor::open(&*world.store).unwrap();
    for (ready, expected) in [(true, 1), (false, 1), (true, 2)] {
        let mut node = world.graph().vertex(floria::VertexId(2)).unwrap().clone();
        node.properties.get_mut("ready").unwrap().value = Some(ready.into());
        crate::support::put(&world.store, vec![node]);
        world.emit("told", Some(WEB));
        world.turns(&mut reactor);
        assert_eq!(world.effects().len(), expected);
    }
    // A node that is gone is none of its concern.
    let graph = world.graph();
    let edges = graph
        .incoming(floria::VertexId(2))
        .map(|edge| floria::Change::delete(floria::EntityKey::Edge(edge.id)));
    let node = floria::Change::delete(floria::EntityKey::Vertex(floria::VertexId(2)));
    world.emit("told", Some(WEB));
    let changes = edges.chain([node]).collect();
    world.store.commit(&floria::Batch { changes, ..Default::default() }).unwrap();
    world.turns(&mut reactor);
    assert_eq!(world.effects().len(), 2);
}

/// A stage that looked, and then found somebody at work, goes on after the run of the stage before it, whatever the look came to.
#[test]
fn what_has_to_wait_goes_on_after_the_stage_before() {
    let world = World::new(&[care("told", &[NOTE, ("call_operation", "orchestration.heal")])]);
    let mut reactor = Reactor::open(&*world.store).unwrap();
    world.emit("told", Some(DB));
    while reactor.read(&*world.store).unwrap() {}
    let due = reactor.due(&*world.store, &Attributes).unwrap().remove(0);
    let (before, looked) = (RunId(10), RunId(11));
    let busy =
        Performed { is_busy: true, stage: 1, after: Some(before), runs: vec![before, looked], counts: true };
    reactor.ended(due, Some(busy));
    let end = Record {
        stream: RUNS.to_owned(),
        namespace: shop(),
        kind: "end".to_owned(),
        body: Value::map([("run", Value::from(12))]),
    };
    world.store.commit(&Batch { records: vec![end], ..Batch::default() }).unwrap();
    while reactor.read(&*world.store).unwrap() {}
    let due = reactor.due(&*world.store, &Attributes).unwrap().remove(0);
    assert_eq!((due.stage, due.after), (1, Some(before)));
}

#[test]
fn what_was_forgotten_before_a_trigger_saw_it_is_told_once() {
    let world = World::new(&[care("told", &[NOTE])]);
    world.begin();
    let first = world.emit("told", Some(WEB));
    for _ in 0..3 {
        world.emit("told", Some(DB));
    }
    let now = world.store.revision().unwrap();
    world.store.forget_before(now, &[REACTIONS.to_owned()], None).unwrap();
    world.emit("told", Some(WEB));
    live(&world);
    assert_eq!(world.effects(), ["db.care.note", "web.care.note"], "the last two are kept");
    let missed = world.events(names::POLICY_MISSED);
    let told = lines(&missed);
    assert!(told[0].contains(&format!("policy.missed from={first} to=")), "{told:?}");
    for _ in 0..2 {
        live(&world);
    }
    assert_eq!(world.events(names::POLICY_MISSED), missed);
    // Whoever begins now has nothing to miss.
    let effects = world.effects();
    world.emit("told", Some(DB));
    live(&world);
    assert_eq!(world.effects()[effects.len()..], ["db.care.note"]);
}

#[test]
fn what_nobody_wants_to_hear_of_is_not_read_for_ever() {
    let world = World::new(&[care("told", &[NOTE])]);
    world.begin();
    let note = || Record {
        stream: "notes".to_owned(),
        namespace: shop(),
        kind: "note".to_owned(),
        body: Value::Null,
    };
    world.store.commit(&Batch { records: (0..9_000).map(|_| note()).collect(), ..Batch::default() }).unwrap();
    let before = world.store.revision().unwrap();
    live(&world);
    assert_eq!(world.store.revision().unwrap(), before, "there was nothing to do");
    world.store.commit(&Batch { records: (0..2_000).map(|_| note()).collect(), ..Batch::default() }).unwrap();
    live(&world);
    assert!(Reactor::open(&*world.store).unwrap().cursor() > 11_000);
}
