//! A run without an engine: every step succeeds.

use std::collections::BTreeMap;

use floria::{Change, Edge, EdgeId, Entity, EntityKey, Evaluator, Graph, Value, rules::SELECTION};
use floria_resolver::{Limits, NoHooks, Request, resolve};
use khutulun_api::names;
use khutulun_plan::{Goal, Plan, Step, applied_after};

use crate::sketch::{SketchFunctions, design};

pub(crate) fn change(graph: &mut Graph, change: &Change) {
    match change {
        Change::Put(Entity::Vertex(vertex)) => graph.put_vertex(vertex.clone()),
        Change::Put(Entity::Edge(edge)) => graph.put_edge(edge.clone()),
        Change::Delete(EntityKey::Vertex(id)) => drop(graph.remove_vertex(*id)),
        Change::Delete(EntityKey::Edge(id)) => drop(graph.remove_edge(*id)),
        other => panic!("a plan of instances has no {other:?}"),
    }
}

/// Does the first `steps_max` steps of a plan, and ends it if these are all. Attributes get the number of the pass.
pub(crate) fn run(plan: &Plan, actual: &Graph, steps_max: usize, pass: i64) -> Graph {
    let mut graph = actual.clone();
    plan.prepare.iter().for_each(|one| change(&mut graph, one));
    for step in plan.steps.iter().take(steps_max) {
        if let Some(id) = step.subject.relationship {
            relate(&mut graph, id, step, pass);
            continue;
        }
        let Some(state) = &step.state else { continue };
        let mut vertex = graph.vertex(step.subject.vertex).expect("a step has an instance").clone();
        if let Some(handler) = vertex.handlers.get(&step.event).filter(|_| step.implementation.is_some()) {
            for property in handler.outputs.values() {
                vertex.properties.get_mut(property).unwrap().value = Some(Value::Integer(pass));
            }
        }
        vertex.metadata.insert(names::STATE.to_owned(), Value::from(state.as_str()));
        let id = vertex.id;
        graph.put_vertex(vertex);
        let values = applied_after(&graph, plan.goal, step, &mut Evaluator::new(&graph, &SketchFunctions));
        if let Some(values) = values {
            let mut vertex = graph.vertex(id).unwrap().clone();
            vertex.metadata.insert(names::APPLIED.to_owned(), Value::Map(values));
            if state == "started" && plan.goal == Goal::Deploy {
                vertex.metadata.remove(names::PENDING);
            }
            graph.put_vertex(vertex);
        }
    }
    if steps_max >= plan.steps.len() {
        plan.conclude.iter().for_each(|one| change(&mut graph, one));
    }
    graph
}

/// What a step does to a relationship.
fn relate(graph: &mut Graph, id: EdgeId, step: &Step, pass: i64) {
    if let Some(then) = &step.then {
        return change(graph, then);
    }
    let mut edge = graph.edge(id).expect("a step has a relationship").clone();
    if let Some(handler) = edge.handlers.get(&step.event).filter(|_| step.implementation.is_some()) {
        for property in handler.outputs.values() {
            edge.properties.get_mut(property).unwrap().value = Some(Value::Integer(pass));
        }
    }
    if let Some(state) = &step.state {
        edge.metadata.insert(names::STATE.to_owned(), Value::from(state.as_str()));
        if state == "started" {
            edge.metadata.remove(names::PENDING);
        }
    }
    graph.put_edge(edge);
}

/// Makes the graph that a sketch wants of what is there. Ids rise from the highest in use.
pub(crate) fn wanted(text: &str, actual: &Graph) -> Graph {
    let highest = actual
        .vertexes()
        .map(|vertex| vertex.id.0)
        .chain(actual.edges().map(|edge| edge.id.0))
        .max()
        .unwrap_or_default();
    let design = design(text);
    let mut graph = resolve(
        &Request {
            design: &design,
            inputs: &BTreeMap::new(),
            counts: &floria_resolver::OWN_COUNTS,
            current: actual,
            inventory: &[],
            functions: &SketchFunctions,
            limits: Limits::default(),
        },
        &mut (highest + 1..),
        &mut NoHooks,
    )
    .unwrap()
    .graph;
    // What stands for another node; has an edge that the resolver makes where it selects: here, it is the sketch's.
    for template in design.edges.iter().filter(|template| template.name == SELECTION) {
        let of = |id| {
            let name = &design.vertexes.iter().find(|vertex| vertex.id == id).unwrap().name;
            graph.vertexes().find(|vertex| vertex.name == *name).unwrap().id
        };
        let edge = Edge {
            id: EdgeId(1 << 40 | template.id.0),
            namespace: design.namespace.clone(),
            name: template.name.clone(),
            index: template.index,
            source: of(template.source),
            target: of(template.target),
            classes: Vec::new(),
            properties: Default::default(),
            handlers: Default::default(),
            metadata: Default::default(),
            origin: None,
        };
        graph.put_edge(edge);
    }
    // What waits is the resolver's to say anew each time, and here the sketch's.
    let done: Vec<_> = graph
        .vertexes()
        .filter(|vertex| vertex.metadata.contains_key(names::WAITING))
        .filter(|vertex| {
            let mut templates = design.vertexes.iter().filter(|template| template.name == vertex.name);
            templates.all(|template| !template.metadata.contains_key(names::WAITING))
        })
        .cloned()
        .collect();
    for mut vertex in done {
        vertex.metadata.remove(names::WAITING);
        graph.put_vertex(vertex);
    }
    graph
}
