//! A workflow as the graph has it.

use std::collections::{BTreeMap, BTreeSet};

use floria::{Edge, Expression, Graph, Handler, Origin, Site, Value, Vertex, VertexId};
use khutulun_api::names;

use crate::error::PlanError;

/// A step of a workflow.
pub(crate) struct FlowStep<'a> {
    pub(crate) vertex: &'a Vertex,
    pub(crate) name: &'a str,
    /// The steps whose success leads to it, by their places.
    pub(crate) after: Vec<usize>,
    /// The steps whose failure leads to it.
    pub(crate) otherwise: Vec<usize>,
    /// Whether something is there for its failure.
    pub(crate) is_caught: bool,
}

/// Something that a step does.
pub(crate) struct Activity<'a> {
    pub(crate) kind: &'a str,
    /// The workflow, the state or the event.
    pub(crate) subject: &'a str,
    pub(crate) handler: &'a Handler,
}

/// Returns the name of a workflow.
pub(crate) fn name_of(workflow: &Vertex) -> &str {
    workflow.metadata.get(names::WORKFLOW).and_then(Value::as_text).unwrap_or(&workflow.name)
}

/// Returns the workflow of this name in a service. None: there is none.
pub fn workflow_named<'a>(graph: &'a Graph, service: VertexId, name: &str) -> Option<&'a Vertex> {
    workflows(graph, service).find(|workflow| name_of(workflow) == name)
}

/// Returns the workflow that does an operation of a node, where that is one of the service inside of the node (TOSCA 2.0, 15.6).
pub(crate) fn mapped<'a>(graph: &'a Graph, node: VertexId, event: &str) -> Option<&'a Vertex> {
    let handler = graph.vertex(node)?.handlers.get(event)?;
    let workflow = handler.metadata.get(floria::rules::MAPPED_WORKFLOW)?.as_text()?;
    let mut inside = graph.contained(Some(node));
    let service = inside.find(|vertex| vertex.metadata.contains_key(names::SERVICE))?;
    workflow_named(graph, service.id, workflow)
}

/// Returns the workflows of a service.
pub fn workflows(graph: &Graph, service: VertexId) -> impl Iterator<Item = &Vertex> {
    graph.contained(Some(service)).filter(|vertex| vertex.metadata.contains_key(names::WORKFLOW))
}

/// Returns the steps of a workflow, each after those that lead to it, else in the order that they were made in.
///
/// # Errors
///
/// When steps lead to each other in a circle: each is run at most once.
pub(crate) fn steps<'a>(graph: &'a Graph, workflow: &'a Vertex) -> Result<Vec<FlowStep<'a>>, PlanError> {
    let mut vertexes: Vec<&Vertex> = graph
        .contained(Some(workflow.id))
        .filter(|vertex| vertex.metadata.contains_key(names::STEP))
        .collect();
    vertexes.sort_by_key(|vertex| vertex.id);
    let [success, failure] = names::FOLLOWERS;
    let mut before: BTreeMap<VertexId, [BTreeSet<VertexId>; 2]> =
        vertexes.iter().map(|vertex| (vertex.id, Default::default())).collect();
    for vertex in &vertexes {
        for edge in graph.outgoing(vertex.id) {
            let kind = usize::from(edge.name == failure);
            if (edge.name == success || edge.name == failure)
                && let Some(before) = before.get_mut(&edge.target)
            {
                before[kind].insert(vertex.id);
            }
        }
    }
    let mut followers: BTreeMap<VertexId, BTreeSet<VertexId>> = BTreeMap::new();
    for (id, before) in &before {
        for previous in before.iter().flatten() {
            followers.entry(*previous).or_default().insert(*id);
        }
    }
    // Kahn's algorithm; among steps that could come next, the one that was made first does.
    let mut waits_for: BTreeMap<VertexId, usize> =
        before.iter().map(|(id, [after, otherwise])| (*id, after.union(otherwise).count())).collect();
    let mut ready: BTreeSet<VertexId> =
        waits_for.iter().filter(|(_, count)| **count == 0).map(|(id, _)| *id).collect();
    let mut placed: BTreeMap<VertexId, usize> = BTreeMap::new();
    let mut steps: Vec<FlowStep<'a>> = Vec::with_capacity(vertexes.len());
    while let Some(vertex) = ready.pop_first().and_then(|id| graph.vertex(id)) {
        let [after, otherwise] = before[&vertex.id]
            .each_ref()
            .map(|before| before.iter().map(|id| placed[id]).collect::<Vec<_>>());
        otherwise.iter().for_each(|place| steps[*place].is_caught = true);
        placed.insert(vertex.id, steps.len());
        steps.push(FlowStep { vertex, name: text(vertex, names::STEP), after, otherwise, is_caught: false });
        for follower in followers.remove(&vertex.id).unwrap_or_default() {
            let count = waits_for.entry(follower).or_default();
            *count -= 1;
            if *count == 0 {
                ready.insert(follower);
            }
        }
    }
    vertexes.retain(|vertex| !placed.contains_key(&vertex.id));
    if vertexes.is_empty() {
        return Ok(steps);
    }
    Err(circle(workflow, &vertexes, &before))
}

/// Whoever goes back from step to step among those that are left comes to where they have been.
fn circle(
    workflow: &Vertex,
    left: &[&Vertex],
    before: &BTreeMap<VertexId, [BTreeSet<VertexId>; 2]>,
) -> PlanError {
    let mut path: Vec<&Vertex> = left.first().copied().into_iter().collect();
    while let Some(previous) = path.last().and_then(|last| {
        left.iter().find(|vertex| before[&last.id].iter().any(|before| before.contains(&vertex.id)))
    }) {
        if let Some(start) = path.iter().position(|vertex| vertex.id == previous.id) {
            path.drain(..start);
            break;
        }
        path.push(previous);
    }
    path.reverse();
    // The one that was made first is the one that a person reads first.
    let first = path.iter().enumerate().min_by_key(|(_, step)| step.id).map_or(0, |(place, _)| place);
    path.rotate_left(first);
    let mut steps: Vec<String> = path.iter().map(|step| text(step, names::STEP).to_owned()).collect();
    steps.extend(steps.first().cloned());
    PlanError::StepsInCircle {
        workflow: name_of(workflow).to_owned(),
        steps,
        origin: workflow.origin.clone(),
    }
}

fn text<'a>(vertex: &'a Vertex, mark: &str) -> &'a str {
    vertex.metadata.get(mark).and_then(Value::as_text).unwrap_or(&vertex.name)
}

/// Returns the activities of a step or trigger, in order.
pub(crate) fn activities(holder: &Vertex) -> impl Iterator<Item = Activity<'_>> {
    let handlers = (0..).map_while(|index| holder.handlers.get(&format!("{}.{index}", names::ACTIVITY)));
    handlers.map(|handler| {
        let word = |key| handler.metadata.get(key).and_then(Value::as_text).unwrap_or_default();
        Activity { kind: word(names::ACTIVITY_KIND), subject: word(names::ACTIVITY_SUBJECT), handler }
    })
}

/// Returns the conditions of a workflow, step or trigger, with where they are written.
pub(crate) fn conditions(holder: &Vertex) -> (Vec<&Expression>, Option<&Origin>) {
    let handler = holder.handlers.get(names::CONDITION);
    let conditions = handler.into_iter().flat_map(|handler| handler.inputs.values()).collect();
    (conditions, handler.and_then(|handler| handler.origin.as_ref()))
}

/// Returns what a step works on: nodes, those of groups too, each once; or the relationships of one of their requirements.
pub(crate) fn targets(graph: &Graph, step: &Vertex) -> Vec<Site> {
    let mut nodes: Vec<VertexId> = Vec::new();
    let mut seen = BTreeSet::new();
    let mut open: Vec<&Edge> = named(graph, step.id, names::TARGET);
    open.reverse();
    while let Some(edge) = open.pop() {
        let Some(target) = graph.vertex(edge.target).filter(|target| seen.insert(target.id)) else {
            continue;
        };
        if target.metadata.contains_key(names::GROUP) {
            open.extend(named(graph, target.id, names::MEMBER).into_iter().rev());
        } else {
            nodes.push(target.id);
        }
    }
    let requirement =
        step.properties.get(names::TARGET_RELATIONSHIP).and_then(|property| property.value.as_ref());
    match requirement.and_then(Value::as_text) {
        None => nodes.into_iter().map(Site::Vertex).collect(),
        Some(requirement) => nodes
            .into_iter()
            .flat_map(|node| named(graph, node, requirement))
            .map(|edge| Site::Edge(edge.id))
            .collect(),
    }
}

fn named<'a>(graph: &'a Graph, source: VertexId, name: &str) -> Vec<&'a Edge> {
    let mut edges: Vec<&Edge> = graph.outgoing(source).filter(|edge| edge.name == name).collect();
    edges.sort_by_key(|edge| edge.index);
    edges
}
