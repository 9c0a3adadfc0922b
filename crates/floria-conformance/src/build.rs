//! Small entities and batches for tests of stores.

use floria::{
    Artifact, Batch, Change, Class, ClassName, Edge, EdgeId, EdgeTemplate, EdgeTemplateId, Entity, Graph,
    LogQuery, LogRow, Namespace, Plugin, PluginName, Property, Record, Store, StoreError, Value, Vertex,
    VertexId, VertexTemplate, VertexTemplateId,
};

/// Makes a namespace.
pub fn namespace(name: &str) -> Namespace {
    Namespace(name.to_owned())
}

/// Makes a vertex in namespace `shop` with nothing but its place.
pub fn vertex(id: u64, container: Option<u64>, name: &str) -> Vertex {
    Vertex {
        id: VertexId(id),
        namespace: namespace("shop"),
        name: name.to_owned(),
        container: container.map(VertexId),
        classes: Vec::new(),
        properties: Default::default(),
        handlers: Default::default(),
        metadata: Default::default(),
        origin: None,
    }
}

/// Makes an edge in namespace `shop` with nothing but its ends.
pub fn edge(id: u64, source: u64, name: &str, target: u64) -> Edge {
    Edge {
        id: EdgeId(id),
        namespace: namespace("shop"),
        name: name.to_owned(),
        index: 0,
        source: VertexId(source),
        target: VertexId(target),
        classes: Vec::new(),
        properties: Default::default(),
        handlers: Default::default(),
        metadata: Default::default(),
        origin: None,
    }
}

/// Makes a vertex template in namespace `shop` with nothing but its place.
pub fn vertex_template(id: u64, container: Option<u64>, name: &str) -> VertexTemplate {
    VertexTemplate {
        id: VertexTemplateId(id),
        namespace: namespace("shop"),
        name: name.to_owned(),
        container: container.map(VertexTemplateId),
        classes: Vec::new(),
        properties: Default::default(),
        handlers: Default::default(),
        rules: Default::default(),
        metadata: Default::default(),
        origin: None,
    }
}

/// Makes an edge template in namespace `shop` with nothing but its ends.
pub fn edge_template(id: u64, source: u64, name: &str, target: u64) -> EdgeTemplate {
    EdgeTemplate {
        id: EdgeTemplateId(id),
        namespace: namespace("shop"),
        name: name.to_owned(),
        index: 0,
        source: VertexTemplateId(source),
        target: VertexTemplateId(target),
        classes: Vec::new(),
        properties: Default::default(),
        handlers: Default::default(),
        rules: Default::default(),
        metadata: Default::default(),
        origin: None,
    }
}

/// Makes a class in namespace `shop`.
pub fn class(name: &str) -> Class {
    Class {
        name: ClassName(name.to_owned()),
        namespace: namespace("shop"),
        ancestors: Vec::new(),
        metadata: Default::default(),
        origin: None,
    }
}

/// Makes a plugin in namespace `shop`.
pub fn plugin(name: &str) -> Plugin {
    Plugin {
        name: PluginName(name.to_owned()),
        namespace: namespace("shop"),
        artifact: Artifact { path: format!("plugins/{name}.wasm"), digest: "00".repeat(32) },
        metadata: Default::default(),
        origin: None,
    }
}

/// Makes a record about namespace `shop`.
pub fn record(stream: &str, body: impl Into<Value>) -> Record {
    Record {
        stream: stream.to_owned(),
        namespace: namespace("shop"),
        kind: "note".to_owned(),
        body: body.into(),
    }
}

/// Gives a vertex a property with a value.
pub fn with(mut vertex: Vertex, name: &str, value: impl Into<Value>) -> Vertex {
    let property = Property { value: Some(value.into()), ..Property::default() };
    vertex.properties.insert(name.to_owned(), property);
    vertex
}

/// Makes a batch of changes.
pub fn batch(changes: impl IntoIterator<Item = Change>) -> Batch {
    Batch { changes: changes.into_iter().collect(), ..Batch::default() }
}

/// Makes a batch of records.
pub fn records(records: impl IntoIterator<Item = Record>) -> Batch {
    Batch { records: records.into_iter().collect(), ..Batch::default() }
}

/// Makes the change that puts a vertex in.
pub fn put(vertex: Vertex) -> Change {
    Change::Put(Entity::Vertex(vertex))
}

/// Commits changes that the store must take.
pub fn commit(store: &dyn Store, changes: impl IntoIterator<Item = Change>) {
    store.commit(&batch(changes)).unwrap();
}

/// Commits changes that the store must refuse as invalid, and returns why it did. Nothing may be different afterwards.
pub fn refused(store: &dyn Store, changes: impl IntoIterator<Item = Change>) -> String {
    refused_batch(store, &batch(changes))
}

/// As [`refused`], for a whole batch.
pub fn refused_batch(store: &dyn Store, batch: &Batch) -> String {
    let before = Contents::of(store);
    match store.commit(batch) {
        Err(StoreError::Invalid(reason)) => {
            assert_eq!(Contents::of(store), before, "a refused batch left something");
            reason
        }
        other => panic!("expected the batch to be refused as invalid, not {other:?}"),
    }
}

/// Returns the graph of namespace `shop`.
pub fn shop(store: &dyn Store) -> Graph {
    store.graph(&namespace("shop")).unwrap()
}

/// Returns the whole log, without times.
pub fn whole_log(store: &dyn Store) -> Vec<LogRow> {
    let mut rows = store.log(&LogQuery::default()).unwrap();
    rows.iter_mut().for_each(|row| row.time_ms = 0);
    rows
}

/// Everything that can be read of a store about the namespaces that tests use.
#[derive(Debug, PartialEq)]
pub struct Contents {
    revision: floria::Revision,
    namespaces: Vec<Namespace>,
    of_each: Vec<(floria::Revision, Graph, Option<floria::Design>)>,
    log: Vec<LogRow>,
}

impl Contents {
    /// Reads everything.
    pub fn of(store: &dyn Store) -> Self {
        let of_each = ["shop", "bank", "never"].map(namespace).into_iter().map(|namespace| {
            (
                store.namespace_revision(&namespace).unwrap(),
                store.graph(&namespace).unwrap(),
                store.design(&namespace).unwrap(),
            )
        });
        Self {
            revision: store.revision().unwrap(),
            namespaces: store.namespaces().unwrap(),
            of_each: of_each.collect(),
            log: whole_log(store),
        }
    }
}
