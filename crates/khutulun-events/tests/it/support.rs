//! A small service in memory.

use std::collections::BTreeMap;

use floria::{
    Author, Batch, Change, Handler, MemoryStore, Metadata, Named, Namespace, Property, Record, Site,
    Store as _, Value, Vertex, VertexId,
};
use khutulun_api::names as words;
use khutulun_events::{Emission, Event, read};
use tosca_functions::ToscaFunctions;

pub(crate) fn shop() -> Namespace {
    Namespace("shop".to_owned())
}

pub(crate) fn functions() -> ToscaFunctions {
    ToscaFunctions
}

/// A store with the service `shop`, which has the node `web` (2), and the node `inner` (4) in the service inside of `outer` (3).
pub(crate) fn store() -> MemoryStore {
    let store = MemoryStore::new();
    let ids = store.allocate(9).unwrap();
    assert_eq!(ids.start, 1);
    let mut vertexes = vec![vertex(1, "shop", None), node(2, "web", 1, None), node(3, "outer", 1, None)];
    vertexes.extend([vertex(5, "inside", Some(3)), node(4, "inner", 5, None)]);
    put(&store, vertexes);
    store
}

pub(crate) fn put(store: &MemoryStore, vertexes: Vec<Vertex>) {
    let changes = vertexes.into_iter().map(Change::put).collect();
    let author = Some(Author { name: "alice@h1".to_owned(), stream: None });
    store.commit(&Batch { changes, author, ..Batch::default() }).unwrap();
}

pub(crate) fn vertex(id: u64, name: &str, container: Option<u64>) -> Vertex {
    Vertex {
        id: VertexId(id),
        namespace: shop(),
        name: name.to_owned(),
        container: container.map(VertexId),
        classes: Vec::new(),
        properties: Default::default(),
        handlers: Default::default(),
        metadata: Metadata::new(),
        origin: None,
    }
}

/// A node in a lifecycle state. It has an attribute `number`, and a notification `watch.seen` whose output goes there.
pub(crate) fn node(id: u64, name: &str, container: u64, state: Option<&str>) -> Vertex {
    let mut node = vertex(id, name, Some(container));
    node.metadata.insert(words::NODE.to_owned(), name.into());
    if let Some(state) = state {
        node.metadata.insert(words::STATE.to_owned(), state.into());
    }
    node.properties.insert("number".to_owned(), Property::default());
    let notification = Handler {
        implementation: None,
        inputs: Named::new(),
        outputs: Named::from([("number".to_owned(), "number".to_owned())]),
        timeout_ms_max: None,
        metadata: Metadata::from([(words::NOTIFICATION.to_owned(), true.into())]),
        origin: None,
    };
    node.handlers.insert("watch.seen".to_owned(), notification);
    node
}

pub(crate) fn record(stream: &str, kind: &str, body: Value) -> Record {
    Record { stream: stream.to_owned(), namespace: shop(), kind: kind.to_owned(), body }
}

pub(crate) fn commit(store: &MemoryStore, records: Vec<Record>) {
    store.commit(&Batch { records, ..Batch::default() }).unwrap();
}

pub(crate) fn emission(name: &str, site: Option<Site>, data: &[(&str, Value)]) -> Emission {
    Emission {
        service: shop(),
        site,
        name: name.to_owned(),
        data: data.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
        author: Some("bob@h2".to_owned()),
    }
}

/// All events after a cursor.
pub(crate) fn all(store: &MemoryStore, since: u64) -> Vec<Event> {
    let page = read(store, since, usize::MAX).unwrap();
    assert!(!page.more);
    page.events
}

/// Events as a person would write them: `12 web node.state from=initial to=created`.
pub(crate) fn lines(events: &[Event]) -> Vec<String> {
    let line = |event: &Event| {
        let mut line = event.cursor.to_string();
        if !event.node.is_empty() {
            line += &format!(" {}", event.node);
        }
        line += &format!(" {}", event.name);
        let data: &BTreeMap<String, Value> = &event.data;
        data.iter().for_each(|(name, value)| line += &format!(" {name}={value}"));
        line
    };
    events.iter().map(line).collect()
}
