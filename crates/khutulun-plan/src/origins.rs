//! Whether a change is more than another place in the source.

use floria::{Change, Entity, Expression, Graph, Handler, Handlers, Origin, Properties};

/// Tells whether a change alters nothing but where things were asked for.
pub(crate) fn differ_in_origins_only(change: &Change, actual: &Graph) -> bool {
    match change {
        Change::Put(Entity::Vertex(vertex)) => actual.vertex(vertex.id).is_some_and(|present| {
            let (mut vertex, mut present) = (vertex.clone(), present.clone());
            for vertex in [&mut vertex, &mut present] {
                strip(&mut vertex.origin, &mut vertex.properties, &mut vertex.handlers);
            }
            vertex == present
        }),
        Change::Put(Entity::Edge(edge)) => actual.edge(edge.id).is_some_and(|present| {
            let (mut edge, mut present) = (edge.clone(), present.clone());
            for edge in [&mut edge, &mut present] {
                strip(&mut edge.origin, &mut edge.properties, &mut edge.handlers);
            }
            edge == present
        }),
        _ => false,
    }
}

fn strip(origin: &mut Option<Origin>, properties: &mut Properties, handlers: &mut Handlers) {
    *origin = None;
    for property in properties.values_mut() {
        property.origin = None;
        property.updater.iter_mut().chain(&mut property.preparer).for_each(strip_expression);
    }
    for Handler { inputs, origin, .. } in handlers.values_mut() {
        *origin = None;
        inputs.values_mut().for_each(strip_expression);
    }
}

fn strip_expression(expression: &mut Expression) {
    match expression {
        Expression::Literal(_) => {}
        Expression::List(items) => items.iter_mut().for_each(strip_expression),
        Expression::Map(entries) => {
            for (key, value) in entries {
                strip_expression(key);
                strip_expression(value);
            }
        }
        Expression::Call(call) => {
            call.origin = None;
            call.arguments.iter_mut().for_each(strip_expression);
        }
    }
}
