//! The plan of one operation on one node or relationship.

use std::collections::BTreeMap;

use floria::{Evaluator, Expression, Graph, Site, Value, VertexId};

use crate::{
    Basis,
    document::{Action, Goal, NodeChange, Plan, Reason, SCHEMA},
    error::PlanError,
    flow,
    node::{Nodes, event_of},
    place::Place,
    workflow::plan_workflow,
};

/// Plans one operation on one node, by its name (`web`), or on one of its relationships, by the name of the requirement after it
/// (`web.database`; `web.database[1]` for the second). `event` is an event such as `lifecycle.start`, or for those of the
/// lifecycle just the operation's name. `inputs` go before the operation's own; ones that it does not know are passed on as they
/// are. Where a workflow of the service inside of the node does the operation, that is planned.
///
/// # Errors
///
/// When there is no such node or operation, the operation has no implementation, or an input cannot be computed.
pub fn plan_run(
    basis: &Basis<'_>,
    actual: &Graph,
    node: &str,
    event: &str,
    inputs: &BTreeMap<String, Value>,
) -> Result<Plan, PlanError> {
    let nodes = Nodes::new(actual);
    let named = |name: &str| nodes.list.iter().find(|known| known.name == name).map(|known| known.vertex.id);
    let site = named(node).map(Site::Vertex).or_else(|| relationship(actual, node, named));
    let place = site.and_then(|site| Place::at(actual, site)).ok_or_else(|| PlanError::NoSuchNode {
        node: node.to_owned(),
        known: nodes.list.iter().map(|node| node.name.to_string()).collect(),
    })?;
    if let Some(workflow) = flow::mapped(actual, place.subject.vertex, event)
        && place.subject.relationship.is_none()
    {
        return plan_workflow(basis, actual, workflow.id, inputs);
    }
    let event = [event.to_owned(), event_of(event)]
        .into_iter()
        .find(|event| place.handler(event).is_some())
        .ok_or_else(|| PlanError::NoSuchOperation {
            node: place.name.clone(),
            event: event.to_owned(),
            known: place.events(),
        })?;
    let given =
        inputs.iter().map(|(name, value)| (name.clone(), Expression::Literal(value.clone()))).collect();
    let step = place.step(basis, &mut Evaluator::new(actual, basis.functions), &event, &given)?;
    let vertex = actual.vertex(place.subject.vertex);
    let change = NodeChange {
        node: actual.path_of(place.subject.vertex),
        class: vertex.and_then(|vertex| vertex.classes.first().cloned()),
        action: Action::Run,
        reasons: vec![Reason::Asked { event }],
        origin: vertex.and_then(|vertex| vertex.origin.clone()),
    };
    Ok(Plan {
        schema: SCHEMA.to_owned(),
        namespace: basis.namespace.clone(),
        goal: Goal::Run,
        base: basis.base,
        design: None,
        nodes: vec![change],
        steps: vec![step],
        workflow: None,
        prepare: Vec::new(),
        conclude: Vec::new(),
    })
}

/// The relationship that `web.database` or `web.database[1]` means.
fn relationship(graph: &Graph, text: &str, named: impl Fn(&str) -> Option<VertexId>) -> Option<Site> {
    let (node, requirement) = text.rsplit_once('.')?;
    let (requirement, index) = match requirement.strip_suffix(']').and_then(|rest| rest.split_once('[')) {
        Some((requirement, index)) => (requirement, index.parse().ok()?),
        None => (requirement, 0),
    };
    graph.outgoing_at(named(node)?, requirement, index).map(|edge| Site::Edge(edge.id))
}
