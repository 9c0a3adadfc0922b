//! What is seen of nodes just now, in a graph that is only planned from: nothing of it is recorded.

use std::collections::BTreeMap;

use floria::{Graph, Namespace, Value, ValueMap, Vertex, VertexId};
use khutulun_api::{Outcome, names};
use khutulun_plan::{DriftPolicy, drift, machine_name};

use crate::{error::CliError, instance, probe::Prober, session::Session};

/// Returns what is there as a plan of a deployment is made from: with what costs next to nothing to see, which is whether processes
/// run that khutulun's own supervisors keep. Of what is started and does not run, the plan says so, and puts it right.
pub(crate) fn at_once(session: &Session, service: &Namespace, mut graph: Graph) -> Result<Graph, CliError> {
    if graph.is_empty() {
        return Ok(graph);
    }
    let mut seen = session.state_directory()?.processes_at_once(&service.0);
    if seen.is_empty() {
        return Ok(graph);
    }
    let words: BTreeMap<VertexId, Value> = instance::nodes(&graph)
        .into_iter()
        .filter(|(_, node)| is_started(node))
        .filter_map(|(name, node)| Some((node.id, seen.remove(machine_name(&name).as_ref())?)))
        // What is absent may be somebody else's: that takes a refresh.
        .filter(|(_, status)| status.word() != "absent")
        .map(|(id, status)| (id, Value::from(status.word())))
        .collect();
    take_in(&mut graph, words);
    Ok(graph)
}

/// Looks at nodes that are started, and returns what is there with what was seen of them. Those that could not be looked at are
/// named with the reason, if there is one.
pub(crate) fn looked_at(
    session: &Session,
    mut graph: Graph,
    nodes: &[VertexId],
) -> Result<(Graph, BTreeMap<VertexId, Option<String>>), CliError> {
    let started: Vec<&Vertex> =
        nodes.iter().filter_map(|id| graph.vertex(*id)).filter(|node| is_started(node)).collect();
    if started.is_empty() {
        return Ok((graph, BTreeMap::new()));
    }
    session.progress.phase(format!("looking at {} nodes", started.len()));
    let event = format!("{}.{}", names::LIFECYCLE, names::OBSERVE);
    let mut answers = Prober::new(session).ask(&graph, &started, &event)?;
    let mut words = BTreeMap::new();
    let mut unseen = BTreeMap::new();
    for id in started.into_iter().map(|node| node.id) {
        match answers.remove(&id) {
            Some(Outcome::Succeeded(outputs)) => {
                words.extend(outputs.get("state").map(|state| (id, state.clone())));
            }
            Some(Outcome::Failed(failure)) => drop(unseen.insert(id, Some(failure.message))),
            None => drop(unseen.insert(id, None)),
        }
    }
    take_in(&mut graph, words);
    Ok((graph, unseen))
}

/// Tells whether a node should be at work, and whether anybody knows what to expect.
fn is_started(node: &Vertex) -> bool {
    instance::lifecycle_state(node) == "started" && instance::attempted(node).is_none()
}

/// Takes states that were seen in, where they say something else than what was seen last.
fn take_in(graph: &mut Graph, words: BTreeMap<VertexId, Value>) {
    for (id, word) in words {
        let Some(node) = graph.vertex(id) else { continue };
        let mut node = node.clone();
        let is_well = |node: &Vertex| drift(node, &DriftPolicy::default()).is_empty();
        let was_well = is_well(&node);
        let known = node.metadata.get(names::OBSERVED).and_then(Value::as_map).cloned();
        let known: ValueMap = known.into_iter().flatten().chain([(Value::from("state"), word)]).collect();
        node.metadata.insert(names::OBSERVED.to_owned(), Value::Map(known));
        // What is as it should be, as far as anybody knew, is no news.
        if !(was_well && is_well(&node)) {
            graph.put_vertex(node);
        }
    }
}
