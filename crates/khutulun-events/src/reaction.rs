//! What triggers make of an event (TOSCA 2.0, 16.5). Pure.

use std::{collections::BTreeSet, ops::Range};

use floria::{
    Evaluated, Evaluator, Expression, Functions, Graph, Namespace, Origin, Site, Value, Vertex, VertexId,
};
use khutulun_api::{describe_unknown, names as words};
use khutulun_plan::policy_targets;

use crate::event::Event;

/// The properties of a policy that say how often a trigger of it may do something to one target.
const LIMIT: [&str; 2] = ["times_max", "within"];

/// Something that a trigger is to do about an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reaction {
    /// The service.
    pub service: Namespace,
    /// The trigger.
    pub trigger: VertexId,
    /// The trigger's name after that of its policy: `heal/exited`.
    pub name: String,
    /// Where the trigger was asked for.
    pub origin: Option<Origin>,
    /// The event that it is about, by its cursor, name and time.
    pub cursor: u64,
    /// The event's name.
    pub event: String,
    /// The event's time, in milliseconds since 1970-01-01T00:00:00Z.
    pub time_ms: u64,
    /// What is acted on: targets of the policy for which the condition holds; for a policy without targets, the node that the
    /// event is about, or else the service.
    pub targets: Vec<Site>,
    /// What is done, in this order; each is a run of its own.
    pub stages: Vec<Stage>,
    /// How often the trigger may do something to one target, where its policy says so.
    pub limit: Option<Limit>,
    /// Whether it starts, stops or makes nodes.
    pub is_of_lifecycle: bool,
    /// The triggers whose reactions led to the event, and this one.
    pub chain: Vec<VertexId>,
    /// Whether the event is a consequence of what the trigger itself did before.
    pub is_of_itself: bool,
}

/// A part of what a trigger does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Activities at each target, by their places.
    Each(Range<usize>),
    /// Workflows that are inlined, by their places: once, however many targets there are.
    Once(Range<usize>),
    /// The targets are looked at, and made what they should be.
    Heal,
    /// The number of nodes of the targets' templates changes: the activity at this place.
    Scale(usize),
}

/// How often a trigger may do something to one target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// How often.
    pub times_max: u64,
    /// Within this time, in milliseconds.
    pub within_ms: u64,
}

/// A trigger that does nothing about an event, since its condition cannot be decided at a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undecided {
    /// The trigger.
    pub trigger: VertexId,
    /// The trigger's name after that of its policy.
    pub name: String,
    /// The target.
    pub target: Site,
    /// Why.
    pub why: String,
}

/// What triggers make of an event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Considered {
    /// What is to be done, in the order in which the triggers were made.
    pub reactions: Vec<Reaction>,
    /// What cannot be decided.
    pub undecided: Vec<Undecided>,
}

/// Returns the triggers of a service that are for events of this name.
pub fn triggers<'a>(graph: &'a Graph, event: &str) -> impl Iterator<Item = &'a Vertex> {
    all_triggers(graph).filter(move |(_, own)| *own == event).map(|(vertex, _)| vertex)
}

/// The triggers of a service, each with the name of its event.
pub(crate) fn all_triggers(graph: &Graph) -> impl Iterator<Item = (&Vertex, &str)> {
    graph.vertexes().filter_map(|vertex| Some((vertex, event_of(vertex)?)))
}

/// The name of a trigger's event.
pub(crate) fn event_of(vertex: &Vertex) -> Option<&str> {
    let event = vertex.properties.get(words::EVENT).filter(|_| vertex.metadata.contains_key(words::TRIGGER));
    event?.value.as_ref()?.as_text()
}

/// Returns what the triggers of a service make of an event. A trigger does something when
///
/// - the event's name is its event,
/// - the event is about a target of its policy or a member of a group among the targets (then that node is acted on), or about the
///   policy itself, the service as a whole or no service at all (then all targets are). A policy without targets is for its whole
///   service;
/// - its condition holds at what is acted on. What cannot be decided is no reason to act.
pub fn react(event: &Event, graph: &Graph, functions: &dyn Functions) -> Considered {
    react_by(triggers(graph, &event.name), event, graph, functions)
}

/// Returns what some triggers make of an event that is theirs.
pub(crate) fn react_by<'a>(
    triggers: impl Iterator<Item = &'a Vertex>,
    event: &Event,
    graph: &'a Graph,
    functions: &dyn Functions,
) -> Considered {
    let mut considered = Considered::default();
    let mut evaluator = Evaluator::new(graph, functions);
    for trigger in triggers {
        let policy = trigger.container.and_then(|id| graph.vertex(id));
        let Some(policy) = policy.filter(|policy| policy.metadata.contains_key(words::POLICY)) else {
            continue;
        };
        let name = format!("{}/{}", text(policy, words::POLICY), text(trigger, words::TRIGGER));
        let mut targets = Vec::new();
        for target in subjects(graph, event, policy) {
            match holds(&mut evaluator, graph, trigger, target) {
                Ok(true) => targets.push(target),
                Ok(false) => {}
                Err(why) => considered.undecided.push(Undecided {
                    trigger: trigger.id,
                    name: name.clone(),
                    target,
                    why,
                }),
            }
        }
        let (stages, is_of_lifecycle) = stages(trigger);
        if targets.is_empty() || stages.is_empty() {
            continue;
        }
        considered.reactions.push(Reaction {
            service: policy.namespace.clone(),
            trigger: trigger.id,
            name,
            origin: trigger.origin.clone(),
            cursor: event.cursor,
            event: event.name.clone(),
            time_ms: event.time_ms,
            targets,
            stages,
            limit: limit(&mut evaluator, policy),
            is_of_lifecycle,
            chain: vec![trigger.id],
            is_of_itself: false,
        });
    }
    considered
}

fn text(vertex: &Vertex, key: &str) -> String {
    vertex.metadata.get(key).and_then(Value::as_text).unwrap_or(&vertex.name).to_owned()
}

/// What a trigger of a policy acts on because of an event, if its condition holds there.
fn subjects(graph: &Graph, event: &Event, policy: &Vertex) -> Vec<Site> {
    let is_here = event.service == policy.namespace;
    if !is_here && !event.service.0.is_empty() {
        return Vec::new();
    }
    let has_targets = graph.outgoing(policy.id).any(|edge| edge.name == words::TARGET);
    let is_policy =
        |id: VertexId| graph.vertex(id).is_some_and(|vertex| vertex.metadata.contains_key(words::POLICY));
    let site = match event.site {
        // What a policy asked to be told of is for its own triggers.
        Some(Site::Vertex(id)) if is_policy(id) && id != policy.id => return Vec::new(),
        Some(Site::Vertex(id)) if is_policy(id) => None,
        site => site,
    };
    let Some(site) = site else {
        return match has_targets {
            true => policy_targets(graph, policy.id).into_iter().map(Site::Vertex).collect(),
            false => policy.container.map(Site::Vertex).into_iter().collect(),
        };
    };
    // What happens to a relationship happens to the nodes at its ends.
    let ends = match site {
        Site::Vertex(id) => vec![id],
        Site::Edge(id) => graph.edge(id).map(|edge| vec![edge.source, edge.target]).unwrap_or_default(),
    };
    let nodes = ends.into_iter().filter_map(|id| node_around(graph, id));
    let is_target = |node: &VertexId| match has_targets {
        true => is_targeted(graph, *node, policy.id),
        false => is_inside(graph, *node, policy.container),
    };
    nodes.filter(is_target).map(Site::Vertex).collect()
}

/// Tells whether a node is a target of a policy, or a member of a group that is one. Looked at from the node, however many targets
/// there are.
fn is_targeted(graph: &Graph, node: VertexId, policy: VertexId) -> bool {
    let (mut open, mut seen) = (vec![node], BTreeSet::from([node]));
    while let Some(id) = open.pop() {
        for edge in graph.incoming(id) {
            if edge.name == words::TARGET && edge.source == policy {
                return true;
            }
            if edge.name == words::MEMBER && seen.insert(edge.source) {
                open.push(edge.source);
            }
        }
    }
    false
}

/// The node that a vertex is, or is a part of.
fn node_around(graph: &Graph, id: VertexId) -> Option<VertexId> {
    let mut vertex = graph.vertex(id)?;
    while !vertex.metadata.contains_key(words::NODE) {
        vertex = graph.vertex(vertex.container?)?;
    }
    Some(vertex.id)
}

fn is_inside(graph: &Graph, id: VertexId, service: Option<VertexId>) -> bool {
    let mut around = graph.vertex(id).and_then(|vertex| vertex.container);
    while let Some(id) = around {
        if Some(id) == service {
            return true;
        }
        around = graph.vertex(id).and_then(|vertex| vertex.container);
    }
    false
}

/// Tells whether the condition of a trigger holds somewhere, or why that cannot be decided.
fn holds(
    evaluator: &mut Evaluator<'_>,
    graph: &Graph,
    trigger: &Vertex,
    target: Site,
) -> Result<bool, String> {
    let handler = trigger.handlers.get(words::CONDITION);
    let conditions: Vec<&Expression> =
        handler.into_iter().flat_map(|handler| handler.inputs.values()).collect();
    for condition in conditions {
        match evaluator.evaluate(condition, target) {
            Ok(Evaluated::Known(Value::Boolean(true))) => {}
            Ok(Evaluated::Known(Value::Boolean(false))) => return Ok(false),
            Ok(Evaluated::Known(other)) => {
                return Err(format!("the condition is {other}, and neither true nor false"));
            }
            Ok(Evaluated::Unknown(missing)) => {
                let missing: Vec<String> =
                    missing.iter().map(|(site, name)| describe_unknown(graph, *site, name)).collect();
                return Err(format!("the condition needs {}", missing.join(", ")));
            }
            Err(error) => return Err(format!("the condition cannot be evaluated: {error}")),
        }
    }
    Ok(true)
}

/// What a trigger does, and whether that starts, stops or makes nodes.
fn stages(trigger: &Vertex) -> (Vec<Stage>, bool) {
    let [delegate, _, call_operation, inline] = words::ACTIVITY_KINDS;
    let [heal, scale] = words::ORCHESTRATION_OPERATIONS;
    let mut stages: Vec<Stage> = Vec::new();
    let mut is_of_lifecycle = false;
    let activities = (0..).map_while(|place| trigger.handlers.get(&format!("{}.{place}", words::ACTIVITY)));
    for (place, activity) in activities.enumerate() {
        let word = |key| activity.metadata.get(key).and_then(Value::as_text).unwrap_or_default();
        let (kind, subject) = (word(words::ACTIVITY_KIND), word(words::ACTIVITY_SUBJECT));
        let (interface, operation) = subject.split_once('.').unwrap_or((subject, ""));
        is_of_lifecycle |= kind == delegate
            || kind == call_operation && [words::LIFECYCLE, words::ORCHESTRATION].contains(&interface);
        let own = kind == call_operation && interface == words::ORCHESTRATION;
        match stages.last_mut() {
            _ if own && operation == heal => stages.push(Stage::Heal),
            _ if own && operation == scale => stages.push(Stage::Scale(place)),
            Some(Stage::Once(places)) if kind == inline => places.end = place + 1,
            _ if kind == inline => stages.push(Stage::Once(place..place + 1)),
            Some(Stage::Each(places)) => places.end = place + 1,
            _ => stages.push(Stage::Each(place..place + 1)),
        }
    }
    (stages, is_of_lifecycle)
}

/// What a policy says of how often its triggers may do something.
fn limit(evaluator: &mut Evaluator<'_>, policy: &Vertex) -> Option<Limit> {
    let mut number = |name: &str| {
        policy.properties.get(name)?;
        match evaluator.property(Site::Vertex(policy.id), name) {
            // A scalar is compared by its number in the base unit.
            Ok(Evaluated::Known(Value::Custom(scalar))) => scalar.order.as_integer()?.try_into().ok(),
            Ok(Evaluated::Known(value)) => value.as_integer()?.try_into().ok(),
            _ => None,
        }
    };
    let [times_max, within_ms] = LIMIT.map(&mut number);
    Some(Limit { times_max: times_max?, within_ms: within_ms? })
}
