//! The plan of one operation on nodes or relationships.

use std::collections::{BTreeMap, BTreeSet};

use floria::{Evaluator, Expression, Graph, Named, Site, Value, VertexId};
use khutulun_api::names;

use crate::{
    Basis,
    applied::owner_of,
    assemble::WAIT,
    deploy::dependencies_of_actual,
    document::{Action, Goal, NodeChange, Plan, Reason, Step},
    draft::{Draft, StepIndex, Strength},
    error::PlanError,
    flow, keeping,
    node::{Nodes, event_of, operation_of},
    place::Place,
    workflow::plan_mapped,
};

/// Plans one operation on one node, by its name (`web`), or on one of its relationships, by the name of the requirement after it
/// (`web.database`; `web.database[1]` for the second). As [`plan_operation`].
///
/// # Errors
///
/// When there is no such node, and as [`plan_operation`].
pub fn plan_run(
    basis: &Basis<'_>,
    actual: &Graph,
    node: &str,
    event: &str,
    inputs: &BTreeMap<String, Value>,
) -> Result<Plan, PlanError> {
    let nodes = Nodes::new(actual);
    let named = |name: &str| nodes.list.iter().find(|known| known.name == name).map(|known| known.vertex.id);
    let relationship = || {
        let (node, requirement) = node.rsplit_once('.')?;
        relationships(actual, named(node)?, requirement).into_iter().next()
    };
    let site = named(node).map(Site::Vertex).or_else(relationship).ok_or_else(|| PlanError::NoSuchNode {
        node: node.to_owned(),
        known: nodes.list.iter().map(|node| node.name.to_string()).collect(),
    })?;
    plan_operation(basis, actual, &[site], event, inputs)
}

/// Plans one operation on nodes and relationships, each after those of what it depends on; what stops or deletes goes the other
/// way. `event` is an event such as `lifecycle.start`, or for those of the lifecycle just the operation's name. `inputs` go before
/// the operation's own; ones that it does not know are passed on as they are. Where a workflow of the service inside of the only
/// node does the operation, that is planned.
///
/// # Errors
///
/// When a site is not there, one of them has no such operation, it has no implementation, or an input cannot be computed.
pub fn plan_operation(
    basis: &Basis<'_>,
    actual: &Graph,
    sites: &[Site],
    event: &str,
    inputs: &BTreeMap<String, Value>,
) -> Result<Plan, PlanError> {
    let nodes = Nodes::new(actual);
    let mut evaluator = Evaluator::new(actual, basis.functions);
    let given: Named<Expression> =
        inputs.iter().map(|(name, value)| (name.clone(), Expression::Literal(value.clone()))).collect();
    let mut steps: BTreeMap<usize, Vec<Step>> = BTreeMap::new();
    let mut plan = basis.plan(Goal::Run);
    let mut downwards = false;
    for &site in sites {
        let place = Place::at(actual, site).ok_or_else(|| PlanError::NoSuchNode {
            node: format!("{site:?}"),
            known: nodes.list.iter().map(|node| node.name.to_string()).collect(),
        })?;
        let mapped = [event.to_owned(), event_of(event)]
            .into_iter()
            .find(|event| flow::mapped(actual, place.subject.vertex, event).is_some());
        if let Some(event) = mapped.filter(|_| place.subject.relationship.is_none()) {
            if sites.len() == 1
                && let Some(plan) = plan_mapped(basis, &mut evaluator, &place, &event, inputs)?
            {
                return Ok(plan);
            }
            let why = "a workflow of the service inside of it does that, which is run for one node at a time";
            return Err(PlanError::Step {
                step: place.name,
                why: why.to_owned(),
                origin: place.subject.origin,
            });
        }
        let event = [event.to_owned(), event_of(event)]
            .into_iter()
            .find(|event| place.handler(event).is_some())
            .ok_or_else(|| PlanError::NoSuchOperation {
                node: place.name.clone(),
                event: event.to_owned(),
                known: place.events(),
            })?;
        downwards |= operation_of(&event).is_some_and(|operation| names::LIFECYCLE_DOWN.contains(&operation));
        let step = place.step(basis, &mut evaluator, &event, &given)?;
        let owner = owner_of(actual, &nodes, site).unwrap_or(usize::MAX);
        steps.entry(owner).or_default().push(step);
        let vertex = actual.vertex(place.subject.vertex);
        let node = actual.path_of(place.subject.vertex);
        if plan.nodes.iter().all(|change| change.node != node) {
            plan.nodes.push(NodeChange {
                node,
                class: vertex.and_then(|vertex| vertex.classes.first().cloned()),
                action: Action::Run,
                reasons: vec![Reason::Asked { event }],
                origin: vertex.and_then(|vertex| vertex.origin.clone()),
            });
        }
    }
    plan.steps = if sites.len() == 1 {
        steps.into_values().flatten().collect()
    } else {
        ordered(basis, actual, &nodes, steps, downwards)
    };
    keeping::check_steps(basis, actual, &plan.steps)?;
    Ok(plan)
}

/// Orders the steps of nodes, by their places.
fn ordered(
    basis: &Basis<'_>,
    actual: &Graph,
    nodes: &Nodes<'_>,
    mut steps: BTreeMap<usize, Vec<Step>>,
    downwards: bool,
) -> Vec<Step> {
    let mut dependencies = dependencies_of_actual(basis, actual, nodes);
    if downwards {
        dependencies.order.reverse();
        std::mem::swap(&mut dependencies.of, &mut dependencies.dependents);
    }
    let mut draft = Draft::default();
    let mut tails: Vec<BTreeSet<StepIndex>> = vec![BTreeSet::new(); nodes.list.len()];
    for &place in &dependencies.order {
        let mut waits: BTreeSet<StepIndex> =
            dependencies.of[place].iter().flat_map(|other| tails[*other].clone()).collect();
        if let Some(own) = steps.remove(&place) {
            let own = own.into_iter().map(|step| {
                let index = draft.add(step);
                waits.iter().for_each(|wait| draft.order(*wait, index, Strength::Must));
                index
            });
            waits = own.collect();
        }
        let barrier = || basis.step(&nodes.list[place], WAIT.to_owned(), Action::Keep);
        tails[place] = draft.gather(waits, dependencies.dependents[place].len(), Strength::Must, barrier);
    }
    // What belongs to no node depends on nothing.
    for step in steps.into_values().flatten() {
        draft.add(step);
    }
    draft.finish().expect("nodes were sorted by what they depend on, and circles were broken")
}

/// Returns the relationships of a node that a requirement's name means: `database` all of that name, `database[1]` the second.
pub fn relationships(graph: &Graph, node: VertexId, requirement: &str) -> Vec<Site> {
    let indexed = requirement.strip_suffix(']').and_then(|rest| rest.split_once('['));
    let (name, wanted) = match indexed {
        Some((name, index)) => (name, Some(index.parse::<u32>().ok())),
        None => (requirement, None),
    };
    let is_meant =
        |edge: &&floria::Edge| edge.name == name && wanted.is_none_or(|wanted| wanted == Some(edge.index));
    let mut found: Vec<_> = graph.outgoing(node).filter(is_meant).collect();
    found.sort_by_key(|edge| edge.index);
    found.into_iter().map(|edge| Site::Edge(edge.id)).collect()
}
