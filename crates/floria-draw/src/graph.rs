//! Drawings of graphs.

use std::collections::HashMap;

use floria::{Edge, Graph, Namespace, Value, Vertex, VertexId};

use crate::{Arrow, ArrowKind, Capability, Drawing, Shape, ShapeId, Subject, Target, drawing::Part, marks};

impl Drawing {
    /// Returns the picture of a graph of instances: how far each has come, its edges as arrows, and the requirements whose
    /// edges are not made yet as arrows to nowhere.
    ///
    /// An edge whose source is not in the graph is left out.
    pub fn of_graph(namespace: &Namespace, graph: &Graph) -> Self {
        let mut drawing = Self {
            title: namespace.0.clone(),
            subject: Subject::Instances,
            shapes: Vec::new(),
            arrows: Vec::new(),
        };
        let mut parts: HashMap<VertexId, Part> = HashMap::new();
        let outermost = graph
            .vertexes()
            .filter(|vertex| vertex.container.is_none_or(|container| graph.vertex(container).is_none()));
        // Containers first, and what one contains in the order in which it was made.
        let mut next: Vec<&Vertex> = outermost.collect();
        next.reverse();
        while let Some(vertex) = next.pop() {
            let container = vertex.container.and_then(|id| parts.get(&id)).map(|part| part.shape());
            let part = drawing.add(shape(vertex, container), container);
            parts.insert(vertex.id, part);
            let mut contained: Vec<&Vertex> = graph.contained(Some(vertex.id)).collect();
            contained.sort_by_key(|vertex| std::cmp::Reverse(vertex.id));
            next.extend(contained);
            if let Part::Shape(source) = part {
                let waiting =
                    vertex.metadata.get(marks::WAITING).and_then(Value::as_list).unwrap_or_default();
                drawing.arrows.extend(
                    waiting.iter().filter_map(Value::as_text).map(|name| waiting_arrow(source, name, vertex)),
                );
            }
        }
        for edge in graph.edges() {
            if let Some(source) = parts.get(&edge.source) {
                let source = source.shape();
                let target = parts.get(&edge.target).map_or(Target::Open, |part| part.target());
                let kind = drawing.arrow_kind(source);
                drawing.arrows.push(arrow(edge, source, target, kind));
            }
        }
        drawing.index_arrows();
        drawing
    }
}

fn shape(vertex: &Vertex, container: Option<ShapeId>) -> Result<Shape, Capability> {
    let (name, class) = (vertex.name.clone(), vertex.classes.first().cloned());
    let origin = vertex.origin.clone();
    let Some(kind) = marks::kind(&vertex.metadata, container.is_none()) else {
        return Err(Capability { name, class, origin });
    };
    let text = |mark: &str| vertex.metadata.get(mark).and_then(Value::as_text);
    let mut notes = Vec::new();
    if let Some(Value::Map(entries)) = vertex.metadata.get(marks::SELECTED)
        && let Some(namespace) = entries.get(&Value::Text("namespace".to_owned()))
    {
        notes.push(format!("of {namespace}"));
    }
    notes.extend(text(marks::ATTEMPTED).map(|event| format!("not finished: {event}")));
    Ok(Shape {
        container,
        kind,
        name,
        class,
        notes,
        is_several: false,
        state: text(marks::STATE).map(str::to_owned),
        capabilities: Vec::new(),
        origin,
    })
}

fn arrow(edge: &Edge, source: ShapeId, target: Target, kind: ArrowKind) -> Arrow {
    Arrow {
        source,
        target,
        kind,
        name: edge.name.clone(),
        index: Some(edge.index),
        notes: Vec::new(),
        class: edge.classes.first().cloned(),
        origin: edge.origin.clone(),
    }
}

fn waiting_arrow(source: ShapeId, name: &str, vertex: &Vertex) -> Arrow {
    Arrow {
        source,
        target: Target::Open,
        kind: ArrowKind::Requirement,
        name: name.to_owned(),
        index: None,
        notes: vec!["not made yet".to_owned()],
        class: None,
        origin: vertex.origin.clone(),
    }
}
