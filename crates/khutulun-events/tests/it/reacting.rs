//! What triggers make of an event.

use floria::{Batch, Change, EntityKey, Site, Store as _, Value, VertexId};
use khutulun_api::names as words;
use khutulun_events::{Considered, Stage, react};

use crate::{
    support::{put, shop},
    world::{Attributes, DB, Sketch, WEB, World, attribute, edge},
};

const NOTE: (&str, &str) = ("call_operation", "care.note");
const HEAL: (&str, &str) = ("call_operation", "orchestration.heal");

fn care<'a>(targets: &'a [u64], activities: &'a [(&'a str, &'a str)]) -> Sketch<'a> {
    Sketch { policy: "care", targets, event: "told", condition: None, activities, limit: None }
}

fn considered(world: &World, name: &str, site: Option<Site>) -> Considered {
    let cursor = world.emit(name, site);
    let event = world.events(name).into_iter().find(|event| event.cursor == cursor).unwrap();
    react(&event, &world.graph(), &Attributes)
}

fn targets(world: &World, name: &str, site: Option<Site>) -> Vec<Site> {
    considered(world, name, site).reactions.into_iter().flat_map(|reaction| reaction.targets).collect()
}

/// C350: the event's name and subject decide.
#[test]
fn an_event_about_a_target_is_for_that_target_and_one_about_the_service_for_all() {
    let world = World::new(&[care(&[2, 3], &[NOTE])]);
    assert_eq!(targets(&world, "told", Some(WEB)), [WEB]);
    assert_eq!(targets(&world, "told", None), [WEB, DB]);
    assert_eq!(targets(&world, "other", Some(WEB)), []);
    let world = World::new(&[care(&[3], &[NOTE])]);
    assert_eq!(targets(&world, "told", Some(WEB)), [], "not a target");
    let reaction = considered(&world, "told", None).reactions.remove(0);
    assert_eq!((reaction.name.as_str(), reaction.service), ("care/told", shop()));
}

#[test]
fn members_of_groups_are_targets() {
    let world = World::new(&[care(&[3], &[NOTE])]);
    let mut group = crate::support::vertex(50, "group:all", Some(1));
    group.metadata.insert(words::GROUP.to_owned(), "all".into());
    let edges = [edge(words::TARGET, 10, 1, 50), edge(words::MEMBER, 50, 0, 2)];
    let changes = [Change::put(group)].into_iter().chain(edges).collect();
    world.store.commit(&Batch { changes, ..Batch::default() }).unwrap();
    assert_eq!(targets(&world, "told", Some(WEB)), [WEB]);
    assert_eq!(targets(&world, "told", None), [DB, WEB]);
}

#[test]
fn a_policy_without_targets_is_for_its_service() {
    let world = World::new(&[care(&[], &[("inline", "save")])]);
    assert_eq!(targets(&world, "told", Some(DB)), [DB]);
    assert_eq!(targets(&world, "told", None), [Site::Vertex(VertexId(1))]);
}

/// C350: the condition is that of each target; what cannot be decided is no reason to act.
#[test]
fn the_condition_must_hold_at_the_target() {
    let world = World::new(&[Sketch { condition: Some(attribute("ready")), ..care(&[2, 3], &[NOTE]) }]);
    let ready = |id, value: Value| {
        let mut node = world.graph().vertex(VertexId(id)).unwrap().clone();
        node.properties.get_mut("ready").unwrap().value = Some(value);
        put(&world.store, vec![node]);
    };
    ready(2, true.into());
    let found = considered(&world, "told", None);
    assert_eq!(found.reactions[0].targets, [WEB]);
    assert_eq!((found.undecided.len(), found.undecided[0].target), (1, DB));
    assert!(found.undecided[0].why.contains("the condition needs"), "{:?}", found.undecided);
    ready(3, false.into());
    assert_eq!(considered(&world, "told", None).undecided, []);
    ready(2, 7.into());
    let found = considered(&world, "told", Some(WEB));
    assert_eq!(found.reactions, []);
    assert_eq!(found.undecided[0].why, "the condition is 7, and neither true nor false");
}

#[test]
fn activities_are_stages_in_their_order() {
    let activities =
        [NOTE, ("set_state", "stopped"), ("inline", "save"), ("inline", "tell"), HEAL, NOTE, HEAL];
    let world = World::new(&[care(&[2], &activities)]);
    let reaction = considered(&world, "told", None).reactions.remove(0);
    let expected = [Stage::Each(0..2), Stage::Once(2..4), Stage::Heal, Stage::Each(5..6), Stage::Heal];
    assert_eq!(reaction.stages, expected);
    assert!(reaction.is_of_lifecycle);
}

#[test]
fn events_of_parts_are_those_of_their_node_and_of_others_nobodys() {
    let world = World::new(&[care(&[2], &[NOTE])]);
    let mut part = crate::support::vertex(60, "endpoint", Some(2));
    part.metadata.insert(words::CAPABILITY.to_owned(), "endpoint".into());
    put(&world.store, vec![part]);
    assert_eq!(targets(&world, "told", Some(Site::Vertex(VertexId(60)))), [WEB]);
    let graph = world.graph();
    let mut event = world.events("told").pop().unwrap();
    event.service.0 = "other".to_owned();
    assert_eq!(react(&event, &graph, &Attributes), Considered::default());
    event.service.0.clear();
    event.site = None;
    assert_eq!(react(&event, &graph, &Attributes).reactions[0].targets, [WEB]);
    let gone = vec![Change::delete(EntityKey::Vertex(VertexId(60)))];
    world.store.commit(&Batch { changes: gone, ..Batch::default() }).unwrap();
    event.service = shop();
    event.site = Some(Site::Vertex(VertexId(60)));
    assert_eq!(react(&event, &world.graph(), &Attributes), Considered::default());
}
