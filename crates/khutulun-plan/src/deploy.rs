//! The plan that makes the instances what a design says.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use floria::{
    Change, Edge, EntityKey, Evaluator, Graph, Handler, Memos, Properties, Site, Value, ValueMap, VertexId,
    difference,
};
use foldhash::fast::RandomState;
use khutulun_api::{describe_site, names};

use crate::{
    Basis,
    applied::{Entry, Which, entries, is_as_applied},
    around::{Around, demand_of_gone, is_any_operated},
    assemble::{Side, assemble, lifecycle_events},
    decide::{Decision, compare, decide, remove},
    document::{Action, Goal, NodeChange, Plan, Reason},
    drift::{Drift, to_put_right},
    error::PlanError,
    instances::{changed_nodes, graph_changes, without_steps},
    keeping::{self, let_go},
    node::{Node, Nodes, event_of},
    order::{Dependencies, ReadsBy, reads_of},
    relationships::{self, Coming, Relationships, going, is_open, is_operated},
};

/// Plans how `actual` becomes `wanted`, which a resolver made from it and the design with this digest.
///
/// Nodes are planned in the order of what they depend on, so that what changes on one reaches all that depend on it in one
/// pass. A plan of a graph with itself is empty; so is the plan after a run that succeeded. What only moved in its source is
/// no change by itself.
///
/// # Errors
///
/// When a value cannot be computed, nodes depend on each other in a circle, or two would have one name on machines.
pub fn plan_deploy(
    basis: &Basis<'_>,
    wanted: &Graph,
    actual: &Graph,
    design: &str,
) -> Result<Plan, PlanError> {
    let wanted_nodes = Nodes::new(wanted);
    wanted_nodes.check_names()?;
    let changes = difference(actual, wanted);
    let other_nodes;
    let actual_nodes = match changes.is_empty() {
        true => &wanted_nodes,
        false => {
            other_nodes = Nodes::new(actual);
            &other_nodes
        }
    };
    let changed = changed_nodes(&changes, actual, &wanted_nodes, actual_nodes);
    let removed: Vec<&Node<'_>> =
        actual_nodes.list.iter().filter(|node| wanted_nodes.owner(node.vertex.id).is_none()).collect();
    let mut evaluator = Evaluator::new(wanted, basis.functions);
    let drifts: Vec<Vec<Drift>> =
        wanted_nodes.list.iter().map(|node| to_put_right(wanted, node.vertex, &mut evaluator)).collect();
    let tasks: Vec<Task<'_, '_>> = wanted_nodes
        .list
        .iter()
        .zip(&drifts)
        .map(|(node, drifts)| {
            let actual = actual_nodes.of(node.vertex.id);
            let is_settled = actual.is_some_and(Node::is_settled) && !changed.contains(&node.vertex.id);
            Task { node, actual, which: if is_settled { Which::Computed } else { Which::All }, drifts }
        })
        .collect();
    let keeps = |task: &Task<'_, '_>, entries: &[Entry<'_>]| {
        let differences = compare(entries, task.which, applied_of(task.actual), &|_| false, &|_| None);
        decide(task.node, task.actual, differences, task.drifts).action == Action::Keep
    };
    // Where the design has not changed, nothing has, as a rule: then no node's entries are made beyond looking at them.
    let is_open = wanted.edges().any(|edge| is_operated(edge) && is_open(edge));
    let mut nothing_changes = removed.is_empty()
        && !is_open
        && changes.is_empty()
        && tasks.iter().all(|task| {
            task.which == Which::Computed
                && is_as_applied(wanted, task.node, applied_of(task.actual), &mut evaluator)
        });
    let mut all_entries = Vec::new();
    if !nothing_changes {
        for Task { node, which, .. } in &tasks {
            all_entries.push(entries(wanted, node, *which, &mut evaluator).map_err(
                |(property, source)| PlanError::Evaluation {
                    node: node.name.to_string(),
                    property,
                    origin: node.vertex.origin.clone(),
                    source: Box::new(source),
                },
            )?);
        }
        let is_other = |change: &Change| matches!(change.key(), EntityKey::Edge(id) if is_any_operated(id, wanted, actual));
        nothing_changes = removed.is_empty()
            && !is_open
            && !changes.iter().any(is_other)
            && tasks.iter().zip(&all_entries).all(|(task, entries)| keeps(task, entries));
    }

    let mut plan = Plan { design: Some(design.to_owned()), ..basis.plan(Goal::Deploy) };
    let mut decisions: HashMap<VertexId, Decision> = HashMap::new();
    let mut taken_in = BTreeMap::new();
    let mut relationships = Relationships::default();
    if !nothing_changes {
        let reads = reads_of(&evaluator);
        let wanted_dependencies =
            Dependencies::new(wanted, &wanted_nodes, &all_entries, &reads).acyclic(&wanted_nodes)?;
        let mut change = Spread::new(wanted, &reads);
        let mut not_up = BTreeSet::new();
        for &place in &wanted_dependencies.order {
            let node = tasks[place].node;
            let target_of = |edge: &Edge| {
                let target = wanted_nodes.reached(wanted, edge.target)?;
                decisions.get(&wanted_nodes.list[target].vertex.id)
            };
            let around = Around { actual, target_of: &target_of };
            let mut decision = change.decide(tasks[place], &around, &all_entries[place]);
            let own = node.waiting().map(|name| Reason::Waiting { requirement: name.to_owned() });
            let before = wanted_dependencies.of[place].intersection(&not_up);
            let before = before.map(|place| Reason::Behind { node: tasks[*place].node.name.to_string() });
            if let Some(put_off) = decision.put_off(own.chain(before).collect()) {
                if tasks[place].actual.is_none_or(|actual| actual.state() != "started") {
                    not_up.insert(place);
                }
                decision = put_off;
            }
            let coming = around.coming(node, &decision);
            relationships.coming.extend(coming.into_iter().map(|(edge, coming)| (edge.id, coming)));
            decisions.insert(node.vertex.id, decision);
        }
        for node in &removed {
            decisions.insert(node.vertex.id, let_go(basis, node, remove(node, Reason::Removed)));
        }
        keeping::check(basis, wanted_nodes.list.iter().chain(removed.iter().copied()), &decisions)?;
        relationships.going = going((actual, actual_nodes), wanted, &|id| decisions.get(&id));
        taken_in = without_steps(&decisions, wanted, &mut evaluator);
        let mut actual_dependencies = Dependencies::none();
        let any_goes = decisions.values().any(|decision| !decision.down.is_empty());
        if any_goes || !relationships.going.is_empty() {
            let mut memos = evaluator.into_memos();
            memos.changed(wanted, &difference(wanted, actual));
            actual_dependencies = dependencies_with(basis, actual, actual_nodes, memos);
        }
        let mut forgetful = Evaluator::new(wanted, basis.functions);
        for (site, name) in &change.forgotten {
            forgetful.forget(*site, name);
        }
        plan.steps = assemble(
            basis,
            (&decisions, &relationships),
            &Side { graph: actual, nodes: actual_nodes, dependencies: &actual_dependencies },
            &Side { graph: wanted, nodes: &wanted_nodes, dependencies: &wanted_dependencies },
            &mut forgetful,
        )?;
    }
    let stays_pending = |decision: &Decision| decision.has_steps() || decision.action == Action::Wait;
    let pending = changed.into_iter().filter(|id| decisions.get(id).is_some_and(stays_pending)).collect();
    let changes = relationships.changes(changes, wanted, actual);
    graph_changes(&mut plan, changes, (wanted, actual), actual_nodes, pending, taken_in);
    for (node, reason) in relationships.reasons(actual, wanted) {
        // Whoever changes anyway has better reasons.
        if let Some(decision) = decisions.get_mut(&node)
            && (decision.action == Action::Keep
                || (decision.action == Action::Update && !decision.has_steps()))
        {
            decision.action = Action::Update;
            decision.reasons.push(reason);
        }
    }
    for node in wanted_nodes.list.iter().chain(removed) {
        let decision = decisions.remove(&node.vertex.id).unwrap_or_else(Decision::keep);
        plan.nodes.push(node_change(node, decision));
    }
    Ok(plan)
}

/// A node that is wanted.
#[derive(Clone, Copy)]
struct Task<'n, 'a> {
    node: &'n Node<'a>,
    /// The same node as it is.
    actual: Option<&'n Node<'a>>,
    /// What of it has to be compared.
    which: Which,
    /// What was seen of it and should not be so.
    drifts: &'n [Drift],
}

pub(crate) fn node_change(node: &Node<'_>, decision: Decision) -> NodeChange {
    NodeChange {
        node: node.name.to_string(),
        class: node.vertex.classes.first().cloned(),
        action: decision.action,
        reasons: decision.reasons,
        origin: node.vertex.origin.clone(),
    }
}

/// Finds what depends on what among the instances; what cannot be computed any more is left out.
pub(crate) fn dependencies_of_actual(basis: &Basis<'_>, actual: &Graph, nodes: &Nodes<'_>) -> Dependencies {
    dependencies_with(basis, actual, nodes, Memos::default())
}

/// Does so with what is known already of the values in this graph.
fn dependencies_with(basis: &Basis<'_>, actual: &Graph, nodes: &Nodes<'_>, memos: Memos) -> Dependencies {
    let mut evaluator = Evaluator::with_memos(actual, basis.functions, memos);
    let entries: Vec<Vec<Entry<'_>>> = nodes
        .list
        .iter()
        .map(|node| entries(actual, node, Which::Computed, &mut evaluator).unwrap_or_default())
        .collect();
    let reads = reads_of(&evaluator);
    Dependencies::new(actual, nodes, &entries, &reads).broken()
}

fn applied_of<'a>(actual: Option<&Node<'a>>) -> &'a ValueMap {
    static NOTHING: ValueMap = ValueMap::new();
    actual
        .and_then(|node| node.vertex.metadata.get(names::APPLIED))
        .and_then(Value::as_map)
        .unwrap_or(&NOTHING)
}

/// How often a node is decided about: each time may change what is known of its values, and so what it needs.
const DECISIONS_MAX: usize = 3;

/// How changes reach those that depend on them.
struct Spread<'s, 'a> {
    graph: &'a Graph,
    /// What a property reads directly.
    reads: &'s ReadsBy<'a>,
    /// Who reads a property directly.
    readers: ReadsBy<'a>,
    /// The attributes that the plan is going to change.
    forgotten: BTreeSet<(Site, &'a str)>,
    /// Those, and all properties that are computed from them.
    unknown: HashSet<(Site, &'a str), RandomState>,
}

impl<'s, 'a> Spread<'s, 'a> {
    fn new(graph: &'a Graph, reads: &'s ReadsBy<'a>) -> Self {
        let mut readers = ReadsBy::default();
        for (reader, reads) in reads {
            for read in reads {
                readers.entry(*read).or_default().push(*reader);
            }
        }
        Self { graph, reads, readers, forgotten: BTreeSet::new(), unknown: HashSet::default() }
    }

    fn decide(&mut self, task: Task<'_, 'a>, around: &Around<'_>, entries: &[Entry<'a>]) -> Decision {
        let mut decision = self.decide_once(task, around, entries);
        // What configuring writes may be what starting reads; and what operations of relationships write, what all of it reads.
        for _ in 0..DECISIONS_MAX {
            let known = self.unknown.len();
            self.forget_relationships(task.node, &around.coming(task.node, &decision));
            let is_less_known = self.unknown.len() > known;
            if decision.up != ["configure"] && !is_less_known {
                break;
            }
            let again = self.decide_once(task, around, entries);
            if !is_less_known && again.up.len() <= decision.up.len() {
                break;
            }
            decision = again;
        }
        decision
    }

    fn decide_once(&mut self, task: Task<'_, 'a>, around: &Around<'_>, entries: &[Entry<'a>]) -> Decision {
        let Task { node, actual, which, drifts } = task;
        let is_unknown = |read: &(Site, &str)| self.unknown.contains(read);
        let gone = |key: &str| actual.and_then(|actual| demand_of_gone(actual, key));
        let mut differences = compare(entries, which, applied_of(actual), &is_unknown, &gone);
        self.add_sources(&mut differences.reasons, entries);
        let decision = decide(node, actual, differences, drifts);
        let decision = around.with_relationships(self.graph, node, actual, decision);
        self.forget(node, &decision);
        decision
    }

    /// Forgets what operations of a node's relationships are going to write.
    fn forget_relationships(&mut self, node: &Node<'a>, coming: &[(&Edge, Coming)]) {
        for (edge, coming) in coming {
            let Some(edge) = node.edges.iter().find(|known| known.id == edge.id) else { continue };
            for operation in &coming.operations {
                let Some(handler) = edge.handlers.get(&relationships::event_of(operation)) else { continue };
                self.forget_outputs(Site::Edge(edge.id), &edge.properties, handler);
            }
        }
    }

    /// Names what makes values unknown.
    fn add_sources(&self, reasons: &mut Vec<Reason>, entries: &[Entry<'a>]) {
        let unknown: BTreeSet<&str> = reasons
            .iter()
            .filter_map(|reason| match reason {
                Reason::Changed { property, unknown: true, .. } => Some(property.as_str()),
                _ => None,
            })
            .collect();
        let reads =
            entries.iter().filter(|entry| unknown.contains(entry.key())).flat_map(|entry| &entry.reads);
        let mut open: Vec<(Site, &str)> = reads.filter(|read| self.unknown.contains(read)).copied().collect();
        let mut seen: BTreeSet<(Site, &str)> = open.iter().copied().collect();
        while let Some(read) = open.pop() {
            let inner = self.reads.get(&read).into_iter().flatten();
            open.extend(inner.filter(|inner| self.unknown.contains(inner) && seen.insert(**inner)));
        }
        for (site, property) in seen.into_iter().filter(|read| self.forgotten.contains(read)) {
            let node = describe_site(self.graph, site);
            reasons.push(Reason::Dependency { node, property: property.to_owned() });
        }
    }

    /// Forgets what the operations of a node are going to write.
    fn forget(&mut self, node: &Node<'a>, decision: &Decision) {
        let events: BTreeSet<String> = match decision.action {
            // Even what only `observe` writes is about something else now.
            Action::Create | Action::Replace => {
                node.vertex.handlers.keys().cloned().chain(lifecycle_events()).collect()
            }
            _ => decision.operations().map(event_of).collect(),
        };
        if !decision.has_steps() {
            return;
        }
        let site = Site::Vertex(node.vertex.id);
        for handler in events.iter().filter_map(|event| node.vertex.handlers.get(event)) {
            self.forget_outputs(site, &node.vertex.properties, handler);
        }
    }

    fn forget_outputs(&mut self, site: Site, properties: &'a Properties, handler: &Handler) {
        for property in handler.outputs.values() {
            let Some((name, property)) = properties.get_key_value(property) else { continue };
            if property.read_only || property.updater.is_some() {
                continue;
            }
            self.forgotten.insert((site, name.as_str()));
            let mut open = vec![(site, name.as_str())];
            while let Some(key) = open.pop() {
                if self.unknown.insert(key) {
                    open.extend(self.readers.get(&key).into_iter().flatten());
                }
            }
        }
    }
}
