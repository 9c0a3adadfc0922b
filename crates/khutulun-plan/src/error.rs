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
        /// Where the first one is made to depend on the second.
        origin: Option<Origin>,
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
    /// A node in the service inside of another would have a name on machines that nothing there can have.
    #[error(
        "node `{node}` would be called `{}` on a machine: that is longer than {} bytes",
        crate::machine_name(.node),
        khutulun_api::names::NAME_BYTES_MAX
    )]
    NameTooLong {
        /// The node.
        node: String,
        /// Where the node was asked for.
        origin: Option<Origin>,
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
    /// A node that is to be started is not made yet, or half-made.
    #[error("node `{node}` cannot be started: it is {state}")]
    NotMade {
        /// The node.
        node: String,
        /// How far it came.
        state: String,
        /// Where the node was asked for.
        origin: Option<Origin>,
    },
    /// The plan would take away nodes that are protected from that ([`khutulun_api::names::PROTECTED`]).
    #[error("{} protected from being deleted or made anew", are(.nodes))]
    Protected {
        /// The nodes.
        nodes: Vec<String>,
        /// Where the first one was asked for.
        origin: Option<Origin>,
    },
    /// The plan would have to make nodes anew that were there before they were managed ([`khutulun_api::names::ADOPTED`]).
    #[error("{} adopted, and would have to be deleted to be made anew", are(.nodes))]
    Adopted {
        /// The nodes.
        nodes: Vec<String>,
        /// Where the first one was asked for.
        origin: Option<Origin>,
    },
    /// Such a plan is made in another way.
    #[error("nodes are stopped, started or restarted; no plan to {goal} is made of that")]
    WrongGoal {
        /// The goal that was asked for.
        goal: &'static str,
    },
    /// There is no such workflow.
    #[error("there is no workflow `{workflow}`; there are: {}", list(.known))]
    NoSuchWorkflow {
        /// The name that was asked for.
        workflow: String,
        /// The names of the workflows.
        known: Vec<String>,
    },
    /// An input of a workflow has no value, or a wrong one.
    #[error("the input `{input}` of the workflow `{workflow}` cannot be used: {why}")]
    WorkflowInput {
        /// The workflow.
        workflow: String,
        /// The input.
        input: String,
        /// Why.
        why: String,
    },
    /// The precondition of a workflow does not hold, or cannot be decided.
    #[error("the workflow `{workflow}` is not run: {why}")]
    NotTriggered {
        /// The workflow.
        workflow: String,
        /// Why.
        why: String,
        /// Where the precondition is.
        origin: Option<Origin>,
    },
    /// Steps of a workflow lead to each other in a circle; each is run at most once.
    #[error("steps of the workflow `{workflow}` lead to each other in a circle: {}", .steps.join(" → "))]
    StepsInCircle {
        /// The workflow.
        workflow: String,
        /// The steps in order, the first one again at the end.
        steps: Vec<String>,
        /// Where the workflow is.
        origin: Option<Origin>,
    },
    /// Workflows inline each other in a circle, or too deep.
    #[error("workflows inline each other in a circle, or too deep: {}", .workflows.join(" → "))]
    WorkflowsInCircle {
        /// The workflows, outermost first.
        workflows: Vec<String>,
    },
    /// Something in a step of a workflow cannot be done.
    #[error("the step `{step}` cannot be run: {why}")]
    Step {
        /// The step.
        step: String,
        /// Why.
        why: String,
        /// Where it is written.
        origin: Option<Origin>,
    },
    /// A workflow has more steps than a plan may have.
    #[error("the workflow comes to more than {max} steps")]
    TooManySteps {
        /// How many there may be.
        max: usize,
    },
}

/// How many names are listed.
const LISTED_MAX: usize = 50;

/// `node `db` is`, `nodes `db`, `web` are`.
fn are(nodes: &[String]) -> String {
    let quoted: Vec<String> = nodes.iter().map(|node| format!("`{node}`")).collect();
    match nodes.len() {
        1 => format!("node {} is", quoted.concat()),
        _ => format!("nodes {} are", list(&quoted)),
    }
}

fn list(names: &[String]) -> String {
    match names.len().saturating_sub(LISTED_MAX) {
        0 if names.is_empty() => "none".to_owned(),
        0 => names.join(", "),
        more => format!("{} and {more} more", names[..LISTED_MAX].join(", ")),
    }
}
