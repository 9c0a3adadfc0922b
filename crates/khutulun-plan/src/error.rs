//! Why no plan could be made.

use floria::{EvaluationError, Origin};

/// Why no plan could be made. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Nodes depend on each other in a circle, so that none can be first.
    #[error("nodes depend on each other in a circle: {}", .nodes.join(" → "))]
    Cycle {
        /// The nodes in order, the first one again at the end.
        nodes: Vec<String>,
    },
    /// A value of a node cannot be computed.
    #[error("failed to evaluate `{property}` of node `{node}`")]
    Evaluation {
        /// The node.
        node: String,
        /// Which value: as in [`crate::Reason::Changed`].
        property: String,
        /// Where the node was asked for.
        origin: Option<Origin>,
        /// Why.
        #[source]
        source: Box<EvaluationError>,
    },
    /// Two nodes would be called the same on machines.
    #[error("nodes `{node}` and `{other}` would both be called `{}` on a machine", crate::machine_name(.node))]
    SameName {
        /// The one.
        node: String,
        /// The other.
        other: String,
    },
    /// There is no such node.
    #[error("there is no node `{node}`; there are: {}", list(.known))]
    NoSuchNode {
        /// The name that was asked for.
        node: String,
        /// The names of the nodes.
        known: Vec<String>,
    },
    /// The node has no such operation.
    #[error("node `{node}` has no operation `{event}`; there are: {}", list(.known))]
    NoSuchOperation {
        /// The node.
        node: String,
        /// The operation that was asked for.
        event: String,
        /// The operations that have an implementation.
        known: Vec<String>,
    },
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
