//! A graph of as many entities as are wanted, and batches of it.

use floria::{
    Batch, Change, ClassName, Edge, EdgeId, Metadata, Namespace, Origin, Properties, Property, Value, Vertex,
    VertexId,
};

/// How many entities a batch has.
pub const BATCH: usize = 1_000;

/// How many vertexes a rack contains.
const RACK: u64 = 50;

/// The namespace of all of it.
pub fn namespace() -> Namespace {
    Namespace("inventory".to_owned())
}

/// The class of one vertex in a hundred.
pub fn rare() -> ClassName {
    ClassName("inventory:1.0:Rare".to_owned())
}

/// Makes the batches of a graph of so many entities: half of them vertexes, of which one in fifty contains those after it, half of
/// them edges from each vertex to the one with half its number.
pub fn batches(entities: usize) -> impl Iterator<Item = Batch> {
    let vertexes = entities as u64 / 2;
    let changes = (1..=vertexes).flat_map(move |number| {
        let edge = Change::put(edge(vertexes + number, number, (number / 2).max(1)));
        [Change::put(vertex(number, 0)), edge]
    });
    let mut changes = changes.peekable();
    std::iter::from_fn(move || {
        changes.peek()?;
        Some(Batch { changes: changes.by_ref().take(BATCH).collect(), ..Batch::default() })
    })
}

/// Makes a vertex as a service has them: three classes, three properties, an origin.
pub fn vertex(id: u64, round: i64) -> Vertex {
    let rack = (id - 1) / RACK * RACK + 1;
    let class = |name: &str| ClassName(format!("inventory:1.0:{name}"));
    let mut classes = vec![class("Machine"), class("Thing"), class("Root")];
    if id.is_multiple_of(100) {
        classes.insert(0, rare());
    }
    let value = |value: Value| Property { value: Some(value), read_only: true, ..Property::default() };
    let properties: Properties = [
        (
            "address",
            value(Value::from(format!("10.{}.{}.{}", id >> 16 & 255, id >> 8 & 255, id & 255).as_str())),
        ),
        ("round", value(Value::Integer(round))),
        ("size", value(Value::Integer(id as i64 % 17))),
    ]
    .map(|(name, property)| (name.to_owned(), property))
    .into();
    Vertex {
        id: VertexId(id),
        namespace: namespace(),
        name: format!("machine-{id}"),
        container: (rack != id).then_some(VertexId(rack)),
        classes,
        properties,
        handlers: Default::default(),
        metadata: Metadata::default(),
        origin: Some(Origin { source: "examples/inventory/service.yaml".into(), line: id as u32, column: 5 }),
    }
}

fn edge(id: u64, source: u64, target: u64) -> Edge {
    Edge {
        id: EdgeId(id),
        namespace: namespace(),
        name: "uplink".to_owned(),
        index: 0,
        source: VertexId(source),
        target: VertexId(target),
        classes: vec![ClassName("inventory:1.0:Uplink".to_owned())],
        properties: Properties::new(),
        handlers: Default::default(),
        metadata: Metadata::default(),
        origin: Some(Origin { source: "examples/inventory/service.yaml".into(), line: id as u32, column: 5 }),
    }
}
