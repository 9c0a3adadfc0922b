//! Vertexes that stand for existing ones (TOSCA 2.0, 7.2.1 and 15.5.3).

use std::collections::{BTreeMap, HashMap};

use floria::{
    Evaluated, Evaluator, Graph, Namespace, Property, Site, Value, Vertex, VertexId,
    rules::{ALLOCATED, ALLOCATION, Directive, Making, SELECTED, SELECTION, WAITING},
};

use crate::{
    Ids, Inventory, Request, ResolveError, error::Tried, explain::LISTED_MAX, instances::waited_for,
    resolve::link,
};

/// The vertexes of the inventory that stand for others, by those: looked for once, however many are asked for.
#[derive(Default)]
pub(crate) struct Stands(HashMap<(String, i64), Vec<(usize, VertexId)>>);

impl Stands {
    /// Looks for all of them.
    pub(crate) fn in_all(inventory: &[Inventory<'_>]) -> Self {
        let mut all = Self::default();
        for (place, other) in inventory.iter().enumerate() {
            for vertex in other.graph.vertexes() {
                if let Some(key) = vertex.metadata.get(SELECTED).and_then(key) {
                    all.0.entry(key).or_default().push((place, vertex.id));
                }
            }
        }
        all
    }

    /// Returns what stands for a vertex: the place of its service in the inventory, and its id.
    fn of(&self, reference: &Value) -> &[(usize, VertexId)] {
        key(reference).and_then(|key| self.0.get(&key)).map_or(&[], Vec::as_slice)
    }
}

fn key(reference: &Value) -> Option<(String, i64)> {
    Some((reference.get("namespace")?.as_text()?.to_owned(), reference.get("id")?.as_integer()?))
}

/// Lets a vertex stand for one of another service: the one that it stands for now, if that still fits, else the first that does.
/// None: it stands for one.
///
/// # Errors
///
/// When the condition cannot be decided: what is selected comes before everything that depends on it.
pub(crate) fn select(
    request: &Request<'_>,
    stands: &Stands,
    graph: &mut Graph,
    id: VertexId,
    making: &Making,
) -> Result<Option<Tried>, ResolveError> {
    let Some(vertex) = graph.vertex(id) else { return Ok(None) };
    let class = vertex.classes.first().cloned();
    let present = request.current.vertex(id).and_then(|vertex| vertex.metadata.get(SELECTED)).cloned();
    let mut dropped: Vec<String> = Vec::new();
    let mut left_out = 0_usize;
    let mut candidates = Vec::new();
    for other in request.inventory {
        let fits = |vertex: &&Vertex| {
            let is_of = class.as_ref().is_none_or(|class| vertex.classes.contains(class));
            is_of && vertex.container.is_some() && !vertex.metadata.contains_key(SELECTED)
        };
        for vertex in other.graph.vertexes().filter(fits) {
            candidates.push((other, reference(other.namespace, other.graph, vertex.id), vertex.id));
        }
    }
    // What it stands for now comes first.
    candidates.sort_by_key(|(_, reference, _)| present.as_ref() != Some(reference));
    for (other, reference, target) in candidates {
        let before: Vec<Vertex> =
            graph.vertex(id).into_iter().chain(graph.contained(Some(id))).cloned().collect();
        let what = format!("`{}` of `{}`", other.graph.path_of(target), other.namespace);
        stand(request, stands, graph, id, other.graph, target, reference);
        let why = match &making.filter {
            None => return Ok(None),
            Some(filter) => {
                match Evaluator::new(graph, request.functions).evaluate(filter, Site::Vertex(id)) {
                    Ok(Evaluated::Known(Value::Boolean(true))) => return Ok(None),
                    Ok(Evaluated::Known(value)) => format!("{what}: its filter came to {value}"),
                    Ok(Evaluated::Unknown(waits)) => {
                        let waits: Vec<_> = waits.iter().map(|wait| waited_for(graph, wait)).collect();
                        format!("{what}: its filter depends on what is not known: {}", waits.join(", "))
                    }
                    Err(error) => format!("{what}: its filter fails: {error}"),
                }
            }
        };
        match dropped.len() {
            LISTED_MAX.. => left_out += 1,
            _ => dropped.push(why),
        }
        before.into_iter().for_each(|vertex| graph.put_vertex(vertex));
    }
    let class = class.map_or_else(|| "anything".to_owned(), |class| format!("a `{class}`"));
    let nothing = match request.inventory.len() {
        0 => "there are no other services".to_owned(),
        1 => format!("the other service has no {}", class.trim_start_matches("a ")),
        count => format!("none of the {count} other services has {class}"),
    };
    if left_out > 0 {
        dropped.push(format!("and {left_out} more"));
    }
    let why = if dropped.is_empty() { vec![nothing] } else { dropped };
    Ok(Some(Tried { directive: Directive::Select, why }))
}

/// Lets a vertex stand for one in the same graph, which an edge leads to.
pub(crate) fn bind(
    request: &Request<'_>,
    stands: &Stands,
    graph: &mut Graph,
    id: VertexId,
    target: VertexId,
    is_live: bool,
    ids: &mut dyn Ids,
) -> Result<(), ResolveError> {
    let namespace = &request.design.namespace;
    let reference = reference(namespace, graph, target);
    if is_live {
        // Its properties read what the edge leads to, as far as that has any.
        let parts: Vec<VertexId> = graph.contained(Some(id)).map(|part| part.id).collect();
        for part in parts.into_iter().chain([id]) {
            let Some(mut vertex) = graph.remove_vertex(part) else { continue };
            let like =
                if part == id { graph.vertex(target) } else { graph.named(Some(target), &vertex.name) };
            if let Some(like) = like {
                vertex.classes.clone_from(&like.classes);
            }
            for (name, property) in &mut vertex.properties {
                let of = like.and_then(|like| like.properties.get(name));
                let is_there = |of: &Property| of.value.is_some() || of.updater.is_some() || !of.read_only;
                if !of.is_some_and(is_there) {
                    property.updater = None;
                }
            }
            graph.put_vertex(vertex);
        }
        mark(graph, id, reference);
    } else {
        let from = graph.clone();
        stand(request, stands, graph, id, &from, target, reference);
    }
    let origin = graph.vertex(id).and_then(|vertex| vertex.origin.clone());
    let edge = link(request, SELECTION, 0, (id, target), &origin, ids)?;
    graph.put_edge(edge);
    Ok(())
}

/// Gives a vertex the classes and values of one of another service, which it stands for from now on.
pub(crate) fn stand_for(
    request: &Request<'_>,
    stands: &Stands,
    graph: &mut Graph,
    id: VertexId,
    other: &Inventory<'_>,
    target: VertexId,
) {
    stand(request, stands, graph, id, other.graph, target, reference(other.namespace, other.graph, target));
}

/// Tells whether a vertex stands for this one of another service.
pub(crate) fn stands_for(vertex: &Vertex, other: &Inventory<'_>, target: VertexId) -> bool {
    vertex.metadata.get(SELECTED) == Some(&reference(other.namespace, other.graph, target))
}

/// What says which vertex is meant.
fn reference(namespace: &Namespace, graph: &Graph, id: VertexId) -> Value {
    let id_value = Value::Integer(i64::try_from(id.0).unwrap_or(i64::MAX));
    Value::map([
        ("namespace", namespace.0.as_str().into()),
        ("path", Value::Text(graph.path_of(id))),
        ("id", id_value),
    ])
}

fn mark(graph: &mut Graph, id: VertexId, reference: Value) {
    if let Some(mut vertex) = graph.remove_vertex(id) {
        vertex.handlers = Default::default();
        vertex.metadata.remove(WAITING);
        vertex.metadata.insert(SELECTED.to_owned(), reference);
        graph.put_vertex(vertex);
    }
}

/// Gives a vertex, and what it contains, the classes and values of another one.
fn stand(
    request: &Request<'_>,
    stands: &Stands,
    graph: &mut Graph,
    id: VertexId,
    from: &Graph,
    target: VertexId,
    reference: Value,
) {
    let mut evaluator = Evaluator::new(from, request.functions);
    let mut take = |vertex: &mut Vertex, other: VertexId| {
        let Some(like) = from.vertex(other) else { return };
        vertex.classes.clone_from(&like.classes);
        for (name, property) in &mut vertex.properties {
            if !like.properties.contains_key(name) {
                continue;
            }
            property.updater = None;
            property.reads.clear();
            property.value = match evaluator.property(Site::Vertex(other), name) {
                Ok(Evaluated::Known(value)) => Some(value),
                _ => None,
            };
        }
    };
    let parts: Vec<VertexId> = graph.contained(Some(id)).map(|part| part.id).collect();
    for part in parts {
        let Some(mut part) = graph.remove_vertex(part) else { continue };
        if let Some(like) = from.named(Some(target), &part.name) {
            take(&mut part, like.id);
            let allocated = allocated(request, stands, from, like, &reference);
            if !allocated.is_empty() {
                let allocated =
                    allocated.into_iter().map(|(name, amounts)| (name.into(), Value::List(amounts)));
                part.metadata.insert(ALLOCATED.to_owned(), Value::Map(allocated.collect()));
            }
        }
        graph.put_vertex(part);
    }
    if let Some(mut vertex) = graph.remove_vertex(id) {
        take(&mut vertex, target);
        graph.put_vertex(vertex);
    }
    mark(graph, id, reference);
}

/// What is taken already of a part of a vertex of another service: by that service's own edges, and by those of others that
/// lead to what stands for the vertex there.
fn allocated(
    request: &Request<'_>,
    stands: &Stands,
    from: &Graph,
    part: &Vertex,
    reference: &Value,
) -> BTreeMap<String, Vec<Value>> {
    let mut all: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let mut add = |graph: &Graph, part: VertexId| {
        for edge in graph.incoming(part) {
            for (name, amount) in edge.metadata.get(ALLOCATION).and_then(Value::as_map).into_iter().flatten()
            {
                if let Some(name) = name.as_text() {
                    all.entry(name.to_owned()).or_default().push(amount.clone());
                }
            }
        }
    };
    add(from, part.id);
    for (place, vertex) in stands.of(reference) {
        let other = request.inventory[*place].graph;
        if let Some(part) = other.named(Some(*vertex), &part.name) {
            add(other, part.id);
        }
    }
    all
}
