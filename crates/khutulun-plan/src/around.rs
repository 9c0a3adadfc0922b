//! What the relationships of a node make of what was decided about it.

use floria::{Edge, EdgeId, Graph};

use crate::{
    decide::Decision,
    demand::Demand,
    document::{Action, Cause, Reason},
    node::Node,
    relationships::{self, Coming, Phase, coming, is_operated, key_of, phase_of, takes_in_end},
};

/// Returns what a node needs of which this requirement, or a value of it, is no more.
pub(crate) fn demand_of_gone(actual: &Node<'_>, key: &str) -> Option<Demand> {
    let edge = actual.edges.iter().find(|edge| {
        key.strip_prefix(key_of(edge).as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })?;
    Demand::of(&edge.metadata).or_else(|| takes_in_end(edge).then_some(Demand::None))
}

/// What is around a node that is being decided about.
pub(crate) struct Around<'d> {
    pub(crate) actual: &'d Graph,
    /// What was decided about the target of a relationship.
    pub(crate) target_of: &'d dyn Fn(&Edge) -> Option<&'d Decision>,
}

impl Around<'_> {
    /// Decides what the relationships of a node need.
    pub(crate) fn coming<'a>(&self, node: &Node<'a>, decision: &Decision) -> Vec<(&'a Edge, Coming)> {
        let operated = node.edges.iter().copied().filter(|edge| is_operated(edge));
        let coming = operated.filter_map(|edge| {
            let key = key_of(edge);
            let is_of_edge = |property: &str| {
                property.strip_prefix(&key).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            };
            let is_changed = decision
                .reasons
                .iter()
                .any(|reason| matches!(reason, Reason::Changed { property, .. } if is_of_edge(property)));
            let before = self.actual.edge(edge.id);
            let coming = coming(edge, before, decision, (self.target_of)(edge), is_changed)?;
            Some((edge, coming))
        });
        coming.collect()
    }

    /// Adds to what a node needs what follows from its relationships.
    pub(crate) fn with_relationships(
        &self,
        graph: &Graph,
        node: &Node<'_>,
        actual: Option<&Node<'_>>,
        mut decision: Decision,
    ) -> Decision {
        if actual.is_none() || decision.up.contains(&"create") {
            return decision;
        }
        // What cannot go on without its target as it was cannot go on with a new one either.
        let is_lost = |edge: &&&Edge| {
            Demand::of(&edge.metadata) == Some(Demand::Replace)
                && (self.target_of)(edge).is_some_and(|target| target.action == Action::Replace)
        };
        if let Some(edge) = node.edges.iter().find(is_lost) {
            decision.reasons.push(relationships::reason(graph, edge, Cause::TargetReplaced));
            return Decision::replace(decision.reasons);
        }
        // It was configured, and what comes before that is done once more.
        let is_before = |(_, coming): &(&Edge, Coming)| {
            coming.operations.iter().any(|operation| phase_of(operation) == Phase::BeforeConfigure)
        };
        if decision.up == ["start"] && self.coming(node, &decision).iter().any(is_before) {
            decision.up = vec!["configure", "start"];
        }
        decision
    }
}

/// Tells whether a relationship has or had operations that plans run.
pub(crate) fn is_any_operated(id: EdgeId, wanted: &Graph, actual: &Graph) -> bool {
    [wanted.edge(id), actual.edge(id)].into_iter().flatten().any(is_operated)
}
