//! The plan that takes everything away.

use std::collections::HashMap;

use floria::{Evaluator, Graph, difference};

use crate::{
    Basis,
    assemble::{Side, assemble},
    decide::{Decision, remove},
    deploy::{dependencies_of_actual, node_change},
    document::{Goal, Plan, Reason},
    error::PlanError,
    keeping::{self, let_go},
    node::Nodes,
    order::Dependencies,
    relationships::{Relationships, going},
};

/// Plans how all instances go, from whatever state they are in.
///
/// What was adopted is let go instead, unless the basis says otherwise. A node whose creation was never tried just goes; all others are
/// stopped and deleted, also half-made ones. Circles and values that cannot be computed any more are no obstacle.
///
/// # Errors
///
/// When a node is protected from that.
pub fn plan_destroy(basis: &Basis<'_>, actual: &Graph) -> Result<Plan, PlanError> {
    let nodes = Nodes::new(actual);
    let dependencies = dependencies_of_actual(basis, actual, &nodes);
    let mut decisions: HashMap<_, Decision> = nodes
        .list
        .iter()
        .map(|node| (node.vertex.id, let_go(basis, node, remove(node, Reason::Destroyed))))
        .collect();
    keeping::check(basis, nodes.list.iter(), &decisions)?;
    let nothing = Graph::default();
    let no_nodes = Nodes::new(&nothing);
    let no_dependencies = Dependencies::none();
    let going = going((actual, &nodes), &nothing, &|id| decisions.get(&id));
    let relationships = Relationships { going, ..Relationships::default() };
    let steps = assemble(
        basis,
        (&decisions, &relationships),
        &Side { graph: actual, nodes: &nodes, dependencies: &dependencies },
        &Side { graph: &nothing, nodes: &no_nodes, dependencies: &no_dependencies },
        &mut Evaluator::new(&nothing, basis.functions),
    )?;
    let changes =
        nodes.list.iter().filter_map(|node| Some(node_change(node, decisions.remove(&node.vertex.id)?)));
    let conclude = difference(actual, &nothing);
    Ok(Plan { nodes: changes.collect(), steps, conclude, ..basis.plan(Goal::Destroy) })
}
