//! What happens outside of runs.

use std::collections::BTreeMap;

use floria::{Batch, Change, Site, Store as _, Value, VertexId};
use khutulun_api::names;
use khutulun_engine::{NotificationError, taken_in};

use crate::{
    sketch::SketchFunctions,
    world::{Crash, Memory, World, block_on},
};

/// A node with an attribute `number`, that the operation `start` and the notification `seen` (as whose handler that of `start`
/// serves) go to.
async fn watched() -> (World, VertexId) {
    let world = World::new(Memory::Good);
    world.run(world.deploy_plan("a T @number start()>number"), &Crash::at(-1)).await.report();
    let mut vertex = world.graph().vertexes().find(|vertex| vertex.name == "a").unwrap().clone();
    let mut handler = vertex.handlers.get("lifecycle.start").unwrap().clone();
    handler.metadata.insert(names::NOTIFICATION.to_owned(), true.into());
    vertex.handlers.insert("watch.seen".to_owned(), handler);
    let id = vertex.id;
    world.store.commit(&Batch { changes: vec![Change::put(vertex)], ..Batch::default() }).unwrap();
    (world, id)
}

fn number(world: &World, id: VertexId) -> Option<Value> {
    world.graph().vertex(id).unwrap().properties.get("number").unwrap().value.clone()
}

fn outputs(value: impl Into<Value>) -> BTreeMap<String, Value> {
    [("number".to_owned(), value.into()), ("nobody asked".to_owned(), 1.into())].into()
}

/// What a notification changes.
fn taken(
    world: &World,
    id: VertexId,
    event: &str,
    outputs: &BTreeMap<String, Value>,
) -> Result<Option<Change>, NotificationError> {
    taken_in(&world.graph(), &SketchFunctions, Site::Vertex(id), event, outputs)
}

/// C286, C212: the outputs of a notification go to attributes.
#[test]
fn a_notification_changes_attributes() {
    block_on(async {
        let (world, id) = watched().await;
        let change = taken(&world, id, "watch.seen", &outputs(42)).unwrap().expect("it is another number");
        world.store.commit(&Batch { changes: vec![change], ..Batch::default() }).unwrap();
        assert_eq!(number(&world, id), Some(42.into()));
        assert_eq!(
            taken(&world, id, "watch.seen", &outputs(42)).unwrap(),
            None,
            "nothing new, nothing to write"
        );
    });
}

/// C007: what does not fit the attribute's definition is an error, and changes nothing.
#[test]
fn what_does_not_fit_is_refused() {
    block_on(async {
        let (world, id) = watched().await;
        let refused = taken(&world, id, "watch.seen", &outputs("seven"));
        assert!(matches!(refused, Err(NotificationError::Refused { .. })), "{refused:?}");
        let unknown = taken(&world, id, "lifecycle.start", &outputs(1));
        assert!(
            matches!(&unknown, Err(NotificationError::Unknown { known, .. }) if known == &["`watch.seen`"]),
            "{unknown:?}"
        );
        let gone = taken(&world, VertexId(999), "watch.seen", &outputs(1));
        assert!(matches!(gone, Err(NotificationError::Gone { .. })), "{gone:?}");
    });
}
