//! The operations of relationships that plans run at both of their ends.
//!
//! A relationship that has code for one of [`names::RELATIONSHIP_OPERATIONS`] is made, changed and taken away by it. How far it came is
//! in its metadata, as it is with nodes: [`names::STATE`] (`started` when it is made), [`names::ATTEMPTED`], and [`names::PENDING`] with
//! what a plan is going to do with it. Other relationships have none of these, and no steps.

use std::collections::HashMap;

use floria::{Change, Edge, EdgeId, EntityKey, Graph, Metadata, Value, VertexId};
use khutulun_api::names;

use crate::{
    decide::Decision,
    document::{Action, Cause, Reason},
    node::{Node, Nodes},
};

/// When an operation is run, seen from the source, which comes after its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// Its creation.
    Create,
    /// Between that and its configuration.
    BeforeConfigure,
    /// Its configuration.
    Configure,
    /// Between that and its start.
    AfterConfigure,
    /// Its start.
    Start,
    /// When it is up.
    AfterStart,
}

/// The operations that make a relationship, in order.
const MAKING: [(&str, Phase); 6] = [
    ("pre_configure_target", Phase::BeforeConfigure),
    ("pre_configure_source", Phase::BeforeConfigure),
    ("post_configure_source", Phase::AfterConfigure),
    ("post_configure_target", Phase::AfterConfigure),
    ("add_target", Phase::AfterStart),
    ("add_source", Phase::AfterStart),
];

/// Those of them that are run again when it changes, or its source is configured again.
const CONFIGURING: [&str; 4] =
    ["pre_configure_target", "pre_configure_source", "post_configure_source", "post_configure_target"];

/// Those by which the source takes in that it has another target.
const TELLING_OF_TARGET: [&str; 3] = ["add_target", "pre_configure_source", "post_configure_source"];

const TARGET_CHANGED: &str = "target_changed";

/// What a relationship that is not made has to go through once more.
const ANEW: &str = "create";

/// Returns the event of an operation of relationships.
pub(crate) fn event_of(operation: &str) -> String {
    format!("{}.{operation}", names::CONFIGURE)
}

/// Returns the operation of an event, `add_target` for `relationship.add_target`, if it is one that plans run.
pub(crate) fn operation_of(event: &str) -> Option<&'static str> {
    let operation = event.strip_prefix(names::CONFIGURE)?.strip_prefix('.')?;
    names::RELATIONSHIP_OPERATIONS.into_iter().find(|known| *known == operation)
}

/// Tells whether an operation is run at the target's end.
pub(crate) fn is_of_target(operation: &str) -> bool {
    matches!(operation, "pre_configure_target" | "post_configure_target" | "add_source" | "remove_source")
}

/// Returns when an operation that brings up is run.
pub(crate) fn phase_of(operation: &str) -> Phase {
    let phase = MAKING.into_iter().find(|(known, _)| *known == operation);
    phase.map_or(Phase::AfterStart, |(_, phase)| phase)
}

/// Tells whether a relationship has code for an operation.
fn has(edge: &Edge, operation: &str) -> bool {
    edge.handlers.get(&event_of(operation)).is_some_and(|handler| handler.implementation.is_some())
}

/// Tells whether a relationship has code for any operation that plans run.
pub(crate) fn is_operated(edge: &Edge) -> bool {
    let mut run = edge.handlers.iter().filter(|(_, handler)| handler.implementation.is_some());
    run.any(|(event, _)| operation_of(event).is_some())
}

/// Returns a relationship as it is once all operations that make it have succeeded. One without such operations stays as it is.
pub fn relationship_made(edge: &Edge) -> Edge {
    let mut edge = edge.clone();
    if is_operated(&edge) {
        edge.metadata.insert(names::STATE.to_owned(), Value::from("started"));
    }
    edge
}

/// Tells whether the source takes in by an operation that the relationship leads elsewhere.
pub(crate) fn takes_in_target(edge: &Edge) -> bool {
    TELLING_OF_TARGET.into_iter().any(|operation| has(edge, operation))
}

/// Tells whether the source takes in changed values of the relationship by an operation.
pub(crate) fn takes_in_values(edge: &Edge) -> bool {
    ["pre_configure_source", "post_configure_source"].into_iter().any(|operation| has(edge, operation))
}

/// Tells whether the source takes in by an operation that the relationship goes.
pub(crate) fn takes_in_end(edge: &Edge) -> bool {
    has(edge, "remove_target")
}

/// Returns the key of the entry of a source that says where a relationship leads.
pub(crate) fn key_of(edge: &Edge) -> String {
    match edge.index {
        0 => format!("requirement.{}", edge.name),
        index => format!("requirement.{}[{index}]", edge.name),
    }
}

fn text<'m>(metadata: &'m Metadata, name: &str) -> Option<&'m str> {
    metadata.get(name).and_then(Value::as_text)
}

/// Tells whether a relationship has something left to do: it is not made, or an operation of it did not succeed.
pub(crate) fn is_open(edge: &Edge) -> bool {
    let is_made = text(&edge.metadata, names::STATE) == Some("started");
    !is_made || edge.metadata.contains_key(names::PENDING) || edge.metadata.contains_key(names::ATTEMPTED)
}

/// Tells whether an operation of it was ever tried, so that what it did has to be taken back.
fn is_touched(edge: &Edge) -> bool {
    let state = text(&edge.metadata, names::STATE);
    state.is_some_and(|state| state != "deleted") || edge.metadata.contains_key(names::ATTEMPTED)
}

/// What happens to relationships, beside what happens to nodes.
#[derive(Debug, Default)]
pub(crate) struct Relationships {
    /// Those that go, lead elsewhere, or of which an end goes, by their ids: as they are.
    pub(crate) going: HashMap<EdgeId, Going>,
    /// Those that are made or changed: as they are wanted.
    pub(crate) coming: HashMap<EdgeId, Coming>,
}

/// How a relationship is taken away.
#[derive(Debug)]
pub(crate) struct Going {
    pub(crate) cause: Cause,
    /// The operations that there is code for, in order.
    pub(crate) operations: Vec<&'static str>,
    /// What becomes of it then.
    pub(crate) then: Option<Change>,
}

/// How a relationship is made or changed.
#[derive(Debug)]
pub(crate) struct Coming {
    pub(crate) cause: Cause,
    /// The operations that there is code for, in order.
    pub(crate) operations: Vec<&'static str>,
    /// Whether it is made already, and stays so.
    pub(crate) is_made: bool,
}

/// Decides what a relationship needs whose source and target are decided about. `is_changed` says whether its own values are.
pub(crate) fn coming(
    edge: &Edge,
    before: Option<&Edge>,
    source: &Decision,
    target: Option<&Decision>,
    is_changed: bool,
) -> Option<Coming> {
    if source.action == Action::Wait {
        return None;
    }
    let is_moved = before.is_some_and(|before| before.target != edge.target);
    let before = before.filter(|_| !is_moved);
    let state = before.and_then(|before| text(&before.metadata, names::STATE));
    let pending = before.and_then(|before| text(&before.metadata, names::PENDING));
    let attempted = before.is_some_and(|before| before.metadata.contains_key(names::ATTEMPTED));
    let is_made = state == Some("started") && pending != Some(ANEW);
    let is_created = |decision: &Decision| decision.up.contains(&"create");
    let (source_is_new, target_is_new) = (is_created(source), target.is_some_and(is_created));
    let code = |operations: &mut dyn Iterator<Item = &'static str>| -> Vec<&'static str> {
        operations.filter(|operation| has(edge, operation)).collect()
    };
    if !is_made || source_is_new || target_is_new {
        let cause = match state {
            Some("started") if source_is_new => Cause::SourceReplaced,
            Some("started") if target_is_new => Cause::TargetReplaced,
            None | Some("deleted") => Cause::New,
            Some(_) => Cause::Incomplete,
        };
        let is_configured =
            state == Some("configured") && !attempted && source.up.is_empty() && !target_is_new;
        let making = MAKING.into_iter().filter(|(_, phase)| !is_configured || *phase == Phase::AfterStart);
        let mut operations = code(&mut making.map(|(operation, _)| operation));
        // Whoever knew the old one has to hear of the new one.
        if cause == Cause::TargetReplaced && source.up.is_empty() && !takes_in_target(edge) {
            operations.extend(code(&mut [TARGET_CHANGED].into_iter()));
        }
        return Some(Coming { cause, operations, is_made: false });
    }
    let is_incomplete = pending.is_some() || attempted;
    let is_target_changed = target.is_some_and(|target| {
        let is_own = |reason: &Reason| {
            matches!(reason, Reason::Changed { property, .. } if !property.starts_with("requirement."))
        };
        !target.up.is_empty() || (target.action == Action::Update && target.reasons.iter().any(is_own))
    });
    let is_coded_anew = before.is_some_and(|before| has_other_code(before, edge));
    let is_configured = is_changed || is_coded_anew || is_incomplete || source.up.contains(&"configure");
    let mut operations = match is_configured {
        true => code(&mut CONFIGURING.into_iter()),
        false => Vec::new(),
    };
    if (is_target_changed || is_incomplete) && source.up.is_empty() {
        operations.extend(code(&mut [TARGET_CHANGED].into_iter()));
    }
    let cause = match () {
        () if is_incomplete => Cause::Incomplete,
        () if is_changed || is_coded_anew => Cause::Changed,
        () if is_target_changed => Cause::TargetChanged,
        () => Cause::SourceChanged,
    };
    // What is left half-done by operations that there are no more is done.
    let has_work = !operations.is_empty() || is_incomplete;
    has_work.then_some(Coming { cause, operations, is_made: true })
}

fn has_other_code(before: &Edge, after: &Edge) -> bool {
    CONFIGURING.into_iter().map(event_of).any(|event| {
        let code = |edge: &Edge| edge.handlers.get(&event).and_then(|handler| handler.implementation.clone());
        code(before) != code(after)
    })
}

/// Finds the relationships that are taken away by operations.
pub(crate) fn going<'d>(
    actual: (&Graph, &Nodes<'_>),
    wanted: &Graph,
    decision_of: &dyn Fn(VertexId) -> Option<&'d Decision>,
) -> HashMap<EdgeId, Going> {
    let (graph, nodes) = actual;
    let mut all = HashMap::new();
    for edge in graph.edges().filter(|edge| is_touched(edge) && is_operated(edge)) {
        let Some(source) = nodes.of(edge.source).map(|node| node.vertex.id) else { continue };
        let goes = |node: Option<&Node<'_>>| {
            let decision = node.and_then(|node| decision_of(node.vertex.id));
            // Who is gone already has no steps, and others may not have heard of it.
            decision.is_some_and(|decision| {
                decision.down.contains(&"delete") || decision.action == Action::Delete
            })
        };
        let is_let_go = |node: Option<&Node<'_>>| {
            let decision = node.and_then(|node| decision_of(node.vertex.id));
            decision.is_some_and(|decision| decision.action == Action::Forget)
        };
        // What is let go stays as it is, and goes on using what it uses.
        if is_let_go(nodes.of(edge.source)) {
            continue;
        }
        let after = wanted.edge(edge.id);
        let is_moved = after.is_none_or(|after| after.target != edge.target);
        let source_goes = goes(nodes.of(edge.source));
        let target_goes = goes(nodes.of(edge.target)) || is_let_go(nodes.of(edge.target));
        // Whoever stays is told of who goes; where only the relationship goes, both are.
        let (cause, operations) = match (source_goes, target_goes, is_moved) {
            (true, ..) if is_let_go(nodes.of(edge.target)) => continue,
            (true, ..) => (Cause::Gone, ["remove_source"].as_slice()),
            (false, true, _) => (Cause::Gone, ["remove_target"].as_slice()),
            (false, false, true) => (Cause::Gone, ["remove_target", "remove_source"].as_slice()),
            (false, false, false) => continue,
        };
        let operations: Vec<&str> =
            operations.iter().copied().filter(|operation| has(edge, operation)).collect();
        if operations.is_empty() {
            continue;
        }
        let then = match after {
            None if wanted.vertex(source).is_some() => Some(Change::Delete(EntityKey::Edge(edge.id))),
            Some(after) if is_moved || !is_operated(after) => Some(Change::put(unmade(after))),
            _ => None,
        };
        all.insert(edge.id, Going { cause, operations, then });
    }
    all
}

/// Returns a relationship without what is known of it where it led before.
fn unmade(edge: &Edge) -> Edge {
    let mut edge = edge.clone();
    for name in [names::STATE, names::ATTEMPTED, names::PENDING] {
        edge.metadata.remove(name);
    }
    let written = edge.handlers.iter().filter(|(event, _)| operation_of(event).is_some());
    let written: Vec<String> = written.flat_map(|(_, handler)| handler.outputs.values().cloned()).collect();
    for (name, property) in &mut edge.properties {
        if !property.read_only && written.contains(name) {
            property.value = None;
        }
    }
    edge
}

impl Relationships {
    /// Returns the changes of the graph with what is known of relationships: those that are taken away by a step leave it then, and
    /// what is going to be done with others is noted before it begins.
    pub(crate) fn changes(&self, changes: Vec<Change>, wanted: &Graph, actual: &Graph) -> Vec<Change> {
        let noted = |edge: &Edge| {
            let coming = self.coming.get(&edge.id)?;
            let is_made = text(&edge.metadata, names::STATE) == Some("started");
            let what = if coming.is_made { "configure" } else { ANEW };
            is_made.then(|| {
                let mut edge = edge.clone();
                edge.metadata.insert(names::PENDING.to_owned(), Value::from(what));
                edge
            })
        };
        let mut put = Vec::new();
        let mut kept = Vec::with_capacity(changes.len());
        for change in changes {
            let id = match change.key() {
                EntityKey::Edge(id) => id,
                _ => {
                    kept.push(change);
                    continue;
                }
            };
            if self.going.get(&id).is_some_and(|going| going.then.is_some()) {
                continue;
            }
            let Some(edge) = wanted.edge(id) else {
                kept.push(change);
                continue;
            };
            put.push(id);
            let is_moved = actual.edge(id).is_some_and(|before| before.target != edge.target);
            // What has no operations any more is made no more by them either.
            let edge = if is_moved || !is_operated(edge) { Some(unmade(edge)) } else { noted(edge) };
            kept.push(edge.map_or(change, Change::put));
        }
        let mut others: Vec<&Edge> = self.coming.keys().filter_map(|id| wanted.edge(*id)).collect();
        let is_moved = |id: &EdgeId| self.going.get(id).is_some_and(|going| going.then.is_some());
        others.retain(|edge| !put.contains(&edge.id) && !is_moved(&edge.id));
        others.sort_by_key(|edge| edge.id);
        let noted = others.into_iter().filter_map(noted).filter(|edge| actual.edge(edge.id) != Some(edge));
        kept.extend(noted.map(Change::put));
        kept
    }

    /// Returns why something happens to nodes that have operations of relationships: node, and reason.
    pub(crate) fn reasons(&self, actual: &Graph, wanted: &Graph) -> Vec<(VertexId, Reason)> {
        let going = self.going.iter().filter_map(|(id, going)| {
            Some((actual, actual.edge(*id)?, going.cause, going.operations.as_slice()))
        });
        let coming = self.coming.iter().filter_map(|(id, coming)| {
            Some((wanted, wanted.edge(*id)?, coming.cause, coming.operations.as_slice()))
        });
        let mut all: Vec<_> = going.chain(coming).collect();
        all.sort_by_key(|(_, edge, ..)| edge.id);
        let mut reasons = Vec::new();
        for (graph, edge, cause, operations) in all {
            for is_target in [false, true] {
                if operations.iter().any(|operation| is_of_target(operation) == is_target) {
                    let end = if is_target { edge.target } else { edge.source };
                    let Some(end) = crate::node::owning_node(graph, end) else { continue };
                    reasons.push((end.id, reason(graph, edge, cause)));
                }
            }
        }
        reasons
    }
}

/// Why something happens at an end of a relationship.
pub(crate) fn reason(graph: &Graph, edge: &Edge, cause: Cause) -> Reason {
    let path =
        |end| crate::node::owning_node(graph, end).map(|node| graph.path_of(node.id)).unwrap_or_default();
    let requirement = key_of(edge);
    let requirement = requirement.trim_start_matches("requirement.");
    let relationship = format!("{}.{requirement}", path(edge.source));
    Reason::Relationship { relationship, target: path(edge.target), cause }
}
