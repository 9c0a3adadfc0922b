//! The values that a node is made from.

use std::borrow::Cow;

use floria::{
    Evaluated, EvaluationError, Evaluator, Graph, Implementation, Origin, Properties, Property, Site, Value,
    ValueMap, Vertex, VertexId,
};
use khutulun_api::names;

use crate::{
    demand::Demand,
    document::{Action, Goal, Step},
    node::{Node, Nodes, event_of, operation_of, parts_of},
    relationships::{key_of, takes_in_target, takes_in_values},
};

/// The key of the node's type. The colon keeps it apart from a property called `type`.
pub(crate) const TYPE: &str = ":type";

/// The prefix of the keys of operations' code.
pub(crate) const CODE: &str = "code.";

/// One value that a node is made from.
pub(crate) struct Entry<'a> {
    /// Text, as the keys of [`applied`] are.
    pub(crate) key: Value,
    pub(crate) value: Evaluated,
    /// What a change of it needs.
    pub(crate) demand: Demand,
    pub(crate) origin: Option<&'a Origin>,
    /// The properties that it is computed from directly.
    pub(crate) reads: Vec<(Site, &'a str)>,
}

impl Entry<'_> {
    pub(crate) fn key(&self) -> &str {
        self.key.as_text().unwrap_or_default()
    }
}

/// Returns the values that a node is made from, as they are now: what the metadata [`names::APPLIED`] holds after a
/// successful operation.
///
/// The keys are those of [`crate::Reason::Changed`]: `port` for a property, `capability.endpoint.port` for one of a
/// capability, `requirement.backend` for the target of a requirement (`requirement.backend[1]` for the second of that name)
/// and `requirement.backend.timeout` for a property of its relationship, `input.start.flag` for an input of a lifecycle
/// operation, `code.lifecycle.start` for its code, `artifact.image` for the digest of an artifact. TOSCA's attributes are not among them: nobody makes a node from what it
/// reports. Values that are null, not known yet or cannot be computed are left out.
pub fn applied(graph: &Graph, node: VertexId, evaluator: &mut Evaluator<'_>) -> ValueMap {
    let mut values = ValueMap::new();
    if let Some(vertex) = graph.vertex(node) {
        each_applied(graph, vertex, evaluator, &mut |entry, value| drop(values.insert(entry.key, value)));
    }
    values
}

fn each_applied<'a>(
    graph: &'a Graph,
    vertex: &'a Vertex,
    evaluator: &mut Evaluator<'_>,
    take: &mut dyn FnMut(Entry<'a>, Value),
) {
    let parts = parts_of(graph, vertex.id);
    let edges =
        std::iter::once(vertex).chain(parts.iter().copied()).flat_map(|end| graph.outgoing(end.id)).collect();
    let node = Node { vertex, name: Cow::Borrowed(""), parts, edges };
    collect::<()>(graph, &node, Which::All, evaluator, &mut |result| {
        let Ok(mut entry) = result else { return Ok(()) };
        if let Evaluated::Known(value) = std::mem::replace(&mut entry.value, Evaluated::Known(Value::Null))
            && value != Value::Null
        {
            take(entry, value);
        }
        Ok(())
    })
    .unwrap_or_default();
}

/// Returns the values that a node counts as made from once a step of a plan for this goal succeeded. None: the same as before.
///
/// What is only started again takes in what starting reads: where the node has code to configure it, only the inputs of `start`.
pub fn applied_after(
    graph: &Graph,
    goal: Goal,
    step: &Step,
    evaluator: &mut Evaluator<'_>,
) -> Option<ValueMap> {
    let node = graph.vertex(step.subject.vertex)?;
    let state = step.state.as_deref().filter(|state| UP.contains(state))?;
    if goal == Goal::Deploy || matches!(step.action, Action::Create | Action::Replace | Action::Adopt) {
        return Some(applied(graph, node.id, evaluator));
    }
    if !matches!(goal, Goal::Start | Goal::Restart) || state != "started" {
        return None;
    }
    let mut values = node.metadata.get(names::APPLIED)?.as_map()?.clone();
    let code = |operation: &str| node.handlers.get(&event_of(operation))?.implementation.as_ref();
    let is_configured = code("configure").is_some();
    each_applied(graph, node, evaluator, &mut |entry, value| {
        let is_started_with = if is_configured {
            entry.key().starts_with("input.start.")
        } else {
            entry.demand <= Demand::Restart
        };
        if is_started_with {
            values.insert(entry.key, value);
        }
    });
    Some(values)
}

/// The states of a node that is being brought up, or is up: what it is made from is recorded in them.
const UP: [&str; 3] = ["created", "configured", "started"];

/// Which entries of a node are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    All,
    /// Those that are computed from anything else. The others are what they were as long as the design of the node is.
    Computed,
}

/// Returns the entries of a node, or the key of the first that cannot be computed and why.
pub(crate) fn entries<'a>(
    graph: &'a Graph,
    node: &Node<'a>,
    which: Which,
    evaluator: &mut Evaluator<'a>,
) -> Result<Vec<Entry<'a>>, (String, EvaluationError)> {
    let mut entries = Vec::new();
    collect(graph, node, which, evaluator, &mut |result| {
        entries.push(result?);
        Ok(())
    })?;
    Ok(entries)
}

/// Tells whether all that is computed of a node is what the node was made from, or is not known and was not known then.
pub(crate) fn is_as_applied<'a>(
    graph: &'a Graph,
    node: &Node<'a>,
    applied: &ValueMap,
    evaluator: &mut Evaluator<'a>,
) -> bool {
    let is_same = |entry: &Entry<'_>| match (&entry.value, applied.get(&entry.key)) {
        (Evaluated::Known(value), Some(from)) => value == from,
        (Evaluated::Known(value), None) => *value == Value::Null,
        (Evaluated::Unknown(_), from) => from.is_none(),
    };
    let mut take = |result: Result<Entry<'a>, _>| match result {
        Ok(entry) if is_same(&entry) => Ok(()),
        _ => Err(()),
    };
    collect(graph, node, Which::Computed, evaluator, &mut take).is_ok()
}

/// Takes an entry, or the key of one that cannot be computed.
type Take<'t, 'a, E> = &'t mut dyn FnMut(Result<Entry<'a>, (String, EvaluationError)>) -> Result<(), E>;

fn collect<'a, 'e, E>(
    graph: &'a Graph,
    node: &Node<'a>,
    which: Which,
    evaluator: &mut Evaluator<'e>,
    take: Take<'_, 'a, E>,
) -> Result<(), E> {
    let fact = |key: String, value: Value, demand: Demand, origin: Option<&'a Origin>| Entry {
        key: Value::Text(key),
        value: Evaluated::Known(value),
        demand,
        origin,
        reads: Vec::new(),
    };
    let all = which == Which::All;
    if let Some(class) = node.vertex.classes.first().filter(|_| all) {
        let class = Value::Text(class.0.clone());
        take(Ok(fact(TYPE.to_owned(), class, Demand::Replace, node.vertex.origin.as_ref())))?;
    }
    let demand = Demand::default();
    let site = Site::Vertex(node.vertex.id);
    properties(&node.vertex.properties, which, site, demand, String::new, evaluator, take)?;
    for (name, artifact) in
        node.vertex.metadata.get(names::ARTIFACTS).and_then(Value::as_map).into_iter().flatten()
    {
        let Some(digest) = artifact.get("digest") else { continue };
        let demand = artifact.get(names::CHANGE).and_then(Demand::named).unwrap_or_default();
        let origin = node.vertex.origin.as_ref();
        take(Ok(fact(format!("artifact.{name}"), digest.clone(), demand, origin)))?;
    }
    for part in &node.parts {
        let prefix = || match part.metadata.get(names::CAPABILITY).and_then(Value::as_text) {
            Some(name) => format!("capability.{name}."),
            None => format!("contained.{}.", part.name),
        };
        properties(&part.properties, which, Site::Vertex(part.id), demand, prefix, evaluator, take)?;
    }
    for edge in &node.edges {
        // What an operation of the relationship takes in needs nothing else of the node.
        let unless = |is_taken_in: bool| if is_taken_in { Demand::None } else { demand };
        if all {
            let demand = Demand::of(&edge.metadata).unwrap_or_else(|| unless(takes_in_target(edge)));
            let target = Value::Text(graph.path_of(edge.target));
            take(Ok(fact(key_of(edge), target, demand, edge.origin.as_ref())))?;
        }
        if !edge.properties.is_empty() {
            let (site, demand) = (Site::Edge(edge.id), unless(takes_in_values(edge)));
            let prefix = || format!("{}.", key_of(edge));
            properties(&edge.properties, which, site, demand, prefix, evaluator, take)?;
        }
    }
    for (event, handler) in &node.vertex.handlers {
        let Some(operation) = operation_of(event) else { continue };
        // An operation without code takes no inputs either.
        let Some(implementation) = &handler.implementation else { continue };
        let of_operation = Demand::of(&handler.metadata);
        let demand = of_operation.unwrap_or(Demand::of_operation(operation));
        let origin = handler.origin.as_ref();
        if all {
            let code = Value::Text(code_of(implementation));
            take(Ok(fact(format!("{CODE}{event}"), code, demand, origin)))?;
        }
        let inputs = handler.inputs.iter().filter(|(_, expression)| all || expression.as_literal().is_none());
        for (input, expression) in inputs {
            let key = format!("input.{operation}.{input}");
            let site = Site::Vertex(node.vertex.id);
            let result = match expression.as_literal() {
                Some(value) => Ok((Evaluated::Known(value.clone()), Vec::new())),
                None => evaluator.evaluate_with_reads(expression, site).map(|(value, reads)| {
                    // The names are the graph's own; looking them up there keeps them after the evaluator is gone.
                    let reads =
                        reads.into_iter().filter_map(|(site, name)| named(graph, site, name)).collect();
                    (value, reads)
                }),
            };
            take(match result {
                Ok((value, reads)) => {
                    let of_properties = || said_by_all(node.vertex, &reads);
                    let demand = of_operation.or_else(of_properties).unwrap_or(demand);
                    Ok(Entry { key: Value::Text(key), value, demand, origin, reads })
                }
                Err(error) => Err((key, error)),
            })?;
        }
    }
    Ok(())
}

/// What the change of an input needs that is computed from properties of its own node alone: as much as these say, if each of them does.
/// Whoever says it of a property means the operations that read the property, too.
fn said_by_all(vertex: &Vertex, reads: &[(Site, &str)]) -> Option<Demand> {
    let said = |(site, name): &(Site, &str)| {
        (*site == Site::Vertex(vertex.id))
            .then(|| Demand::of(&vertex.properties.get(*name)?.metadata))
            .flatten()
    };
    reads.iter().map(said).reduce(|most, next| Some(most?.max(next?))).flatten()
}

fn properties<'a, E>(
    properties: &'a Properties,
    which: Which,
    site: Site,
    otherwise: Demand,
    prefix: impl Fn() -> String,
    evaluator: &mut Evaluator<'_>,
    take: Take<'_, 'a, E>,
) -> Result<(), E> {
    let wanted =
        |property: &Property| property.read_only && (which == Which::All || property.updater.is_some());
    for (name, property) in properties.iter().filter(|(_, property)| wanted(property)) {
        let key = prefix() + name;
        take(match evaluator.property(site, name) {
            Ok(value) => Ok(Entry {
                key: Value::Text(key),
                value,
                demand: Demand::of(&property.metadata).unwrap_or(otherwise),
                origin: property.origin.as_ref(),
                reads: vec![(site, name.as_str())],
            }),
            Err(error) => Err((key, error)),
        })?;
    }
    Ok(())
}

/// Returns the properties of a vertex or an edge.
pub(crate) fn properties_at(graph: &Graph, site: Site) -> Option<&Properties> {
    match site {
        Site::Vertex(id) => graph.vertex(id).map(|vertex| &vertex.properties),
        Site::Edge(id) => graph.edge(id).map(|edge| &edge.properties),
    }
}

fn named<'a>(graph: &'a Graph, site: Site, name: &str) -> Option<(Site, &'a str)> {
    properties_at(graph, site)?.get_key_value(name).map(|(name, _)| (site, name.as_str()))
}

/// Returns the place of the node that a site belongs to.
pub(crate) fn owner_of(graph: &Graph, nodes: &Nodes<'_>, site: Site) -> Option<usize> {
    match site {
        Site::Vertex(id) => nodes.owner(id),
        Site::Edge(id) => graph.edge(id).and_then(|edge| nodes.owner(edge.source)),
    }
}

/// Names the code so that other code has another name: by the driver, or by the files' digests.
fn code_of(implementation: &Implementation) -> String {
    let file = |artifact: &floria::Artifact| {
        if artifact.digest.is_empty() { artifact.path.clone() } else { artifact.digest.clone() }
    };
    match implementation {
        Implementation::Driver(name) => name.clone(),
        Implementation::Plugin(artifact) => file(artifact),
        Implementation::Script { artifact, dependencies } => {
            std::iter::once(artifact).chain(dependencies).map(file).collect::<Vec<_>>().join(" ")
        }
    }
}
