//! Which nodes may go: those that are protected may not, and those that were adopted are let go instead.

use std::collections::HashMap;

use floria::{Graph, Metadata, Value, VertexId};
use khutulun_api::names;

use crate::{
    Basis,
    decide::Decision,
    document::{Action, Reason, Step},
    error::PlanError,
    node::{Node, operation_of},
};

/// Tells whether metadata say that something is so.
pub(crate) fn says(metadata: &Metadata, name: &str) -> bool {
    // TOSCA's metadata may be text as well.
    match metadata.get(name) {
        Some(Value::Boolean(is)) => *is,
        Some(Value::Text(text)) => text == "true",
        _ => false,
    }
}

/// Lets go what would be deleted and was there before it was managed.
pub(crate) fn let_go(basis: &Basis<'_>, node: &Node<'_>, decision: Decision) -> Decision {
    if decision.action != Action::Delete || basis.adopted_too || !says(&node.vertex.metadata, names::ADOPTED)
    {
        return decision;
    }
    let reasons = decision.reasons.into_iter().chain([Reason::Adopted]).collect();
    Decision { action: Action::Forget, reasons, down: Vec::new(), up: Vec::new() }
}

/// Refuses decisions that would take away what has to stay. `nodes` are as they are wanted, or as they are where they go.
pub(crate) fn check<'n, 'a: 'n>(
    basis: &Basis<'_>,
    nodes: impl Iterator<Item = &'n Node<'a>> + Clone,
    decisions: &HashMap<VertexId, Decision>,
) -> Result<(), PlanError> {
    let gone = |actions: &'static [Action], name: &'static str| {
        nodes.clone().filter(move |node| {
            says(&node.vertex.metadata, name)
                && decisions.get(&node.vertex.id).is_some_and(|decision| actions.contains(&decision.action))
        })
    };
    let names = |gone: &mut dyn Iterator<Item = &'n Node<'a>>| {
        let mut origin = None;
        let names: Vec<String> = gone
            .map(|node| {
                origin = origin.take().or_else(|| node.vertex.origin.clone());
                node.name.to_string()
            })
            .collect();
        (!names.is_empty()).then_some((names, origin))
    };
    if !basis.unprotected
        && let Some((nodes, origin)) = names(&mut gone(&[Action::Delete, Action::Replace], names::PROTECTED))
    {
        return Err(PlanError::Protected { nodes, origin });
    }
    if !basis.adopted_too
        && let Some((nodes, origin)) = names(&mut gone(&[Action::Replace], names::ADOPTED))
    {
        return Err(PlanError::Adopted { nodes, origin });
    }
    Ok(())
}

/// Refuses steps of an operation or a workflow that would take away what is protected.
pub(crate) fn check_steps(basis: &Basis<'_>, graph: &Graph, steps: &[Step]) -> Result<(), PlanError> {
    let deletes = steps.iter().filter(|step| operation_of(&step.event) == Some("delete"));
    let mut gone = deletes.filter_map(|step| graph.vertex(step.subject.vertex));
    match gone.find(|vertex| says(&vertex.metadata, names::PROTECTED)).filter(|_| !basis.unprotected) {
        None => Ok(()),
        Some(vertex) => {
            Err(PlanError::Protected { nodes: vec![graph.path_of(vertex.id)], origin: vertex.origin.clone() })
        }
    }
}
