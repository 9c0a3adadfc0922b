//! Changes on top of what somebody else has changed meanwhile.

use floria::{Change, Edge, Entity, EntityKey, Graph, Named, Vertex};

/// A change of the graph that is not durable yet, with what was there before it.
#[derive(Clone, Debug)]
pub(crate) struct Changed {
    pub(crate) before: Option<Entity>,
    pub(crate) change: Change,
}

impl Changed {
    /// Makes a change of something that was not there, or of which nobody asks what it was.
    pub(crate) fn new(change: Change) -> Self {
        Self { before: None, change }
    }

    /// Makes a change in a graph, where it is not made yet.
    pub(crate) fn of(change: Change, graph: &Graph) -> Self {
        Self { before: found(graph, &change.key()), change }
    }

    /// Makes the change again in a graph in which somebody else has changed things since: what they have written stays, and only
    /// what differs between before and after is put in its place, each property, handler and key of metadata by itself. None:
    /// what it is about is gone.
    pub(crate) fn again(self, graph: &mut Graph) -> Option<Self> {
        let Self { before, change } = self;
        let present = found(graph, &change.key());
        let change = match (before, change, &present) {
            (_, Change::Delete(_), None) => return None,
            (Some(Entity::Vertex(before)), Change::Put(Entity::Vertex(after)), present) => match present {
                Some(Entity::Vertex(present)) => Change::put(vertex(&before, after, present)),
                _ => return None,
            },
            (Some(Entity::Edge(before)), Change::Put(Entity::Edge(after)), present) => match present {
                Some(Entity::Edge(present)) => Change::put(edge(&before, after, present)),
                _ => return None,
            },
            (_, change, _) => change,
        };
        graph.apply(&change);
        Some(Self { before: present, change })
    }
}

fn found(graph: &Graph, key: &EntityKey) -> Option<Entity> {
    match key {
        EntityKey::Vertex(id) => graph.vertex(*id).cloned().map(Entity::Vertex),
        EntityKey::Edge(id) => graph.edge(*id).cloned().map(Entity::Edge),
        _ => None,
    }
}

fn vertex(before: &Vertex, after: Vertex, present: &Vertex) -> Vertex {
    Vertex {
        id: after.id,
        namespace: after.namespace,
        name: one(&before.name, after.name, &present.name),
        container: one(&before.container, after.container, &present.container),
        classes: one(&before.classes, after.classes, &present.classes),
        properties: named(&before.properties, after.properties, &present.properties),
        handlers: named(&before.handlers, after.handlers, &present.handlers),
        metadata: named(&before.metadata, after.metadata, &present.metadata),
        origin: one(&before.origin, after.origin, &present.origin),
    }
}

fn edge(before: &Edge, after: Edge, present: &Edge) -> Edge {
    Edge {
        id: after.id,
        namespace: after.namespace,
        name: one(&before.name, after.name, &present.name),
        index: one(&before.index, after.index, &present.index),
        source: one(&before.source, after.source, &present.source),
        target: one(&before.target, after.target, &present.target),
        classes: one(&before.classes, after.classes, &present.classes),
        properties: named(&before.properties, after.properties, &present.properties),
        handlers: named(&before.handlers, after.handlers, &present.handlers),
        metadata: named(&before.metadata, after.metadata, &present.metadata),
        origin: one(&before.origin, after.origin, &present.origin),
    }
}

fn one<T: Clone + PartialEq>(before: &T, after: T, present: &T) -> T {
    if after == *before { present.clone() } else { after }
}

fn named<V: Clone + PartialEq>(before: &Named<V>, after: Named<V>, present: &Named<V>) -> Named<V> {
    let mut merged = present.clone();
    merged.retain(|name, _| after.contains_key(name) || !before.contains_key(name));
    for (name, value) in after {
        if before.get(&name) != Some(&value) {
            merged.insert(name, value);
        }
    }
    merged
}
