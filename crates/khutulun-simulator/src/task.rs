//! What processes are to do, and how they end.

use std::collections::BTreeMap;

use khutulun_engine::{RunReport, Settlement};
use khutulun_plan::Goal;

/// What a process is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// Bring the service to one of its designs, by its number.
    Deploy(usize),
    /// Take the service away, whatever is in the way.
    Destroy,
    /// Go on with the last run, with answers by step.
    Resume(BTreeMap<u32, Settlement>),
    /// End the last run as cancelled, if it has not ended.
    Cancel,
    /// Bring the service to one of its designs, with so many instances of a node.
    Scale {
        /// The design, by its number.
        design: usize,
        /// The node.
        node: String,
        /// How many.
        count: u64,
    },
    /// Go back to what was intended before the present intention.
    RollBack,
    /// The last run failed: go back to the design that was there before it, or to nothing.
    Unwind(Option<usize>),
    /// Look at what is really there.
    Refresh,
    /// Make again what was seen to be otherwise.
    Repair,
    /// Take what was seen as what should be.
    Accept,
    /// Manage what of a design is there already.
    Adopt(usize),
    /// Let a node go as it is, or all of them.
    Forget(Option<String>),
    /// Stop, start or restart a node, or all of them.
    Change(Goal, Option<String>),
    /// Run a workflow.
    Workflow(String),
    /// Run one operation of a node.
    Operate {
        /// The node.
        node: String,
        /// The operation, as `start`.
        operation: String,
    },
}

impl Task {
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Deploy(design) => format!("deploy design {design}"),
            Self::Destroy => "destroy".to_owned(),
            Self::Resume(answers) if answers.is_empty() => "resume".to_owned(),
            Self::Resume(answers) => format!("resume with {answers:?}"),
            Self::Cancel => "cancel".to_owned(),
            Self::Scale { design, node, count } => format!("deploy design {design} with {count} of {node}"),
            Self::RollBack => "roll back".to_owned(),
            Self::Unwind(Some(design)) => format!("unwind to design {design}"),
            Self::Unwind(None) => "unwind to nothing".to_owned(),
            Self::Refresh => "refresh".to_owned(),
            Self::Repair => "repair".to_owned(),
            Self::Accept => "take what was seen as right".to_owned(),
            Self::Adopt(design) => format!("adopt what there is of design {design}"),
            Self::Forget(node) => format!("forget {}", node.as_deref().unwrap_or("all")),
            Self::Change(goal, node) => format!("{} {}", goal.word(), node.as_deref().unwrap_or("all")),
            Self::Workflow(name) => format!("run workflow {name}"),
            Self::Operate { node, operation } => format!("run {node}.{operation}"),
        }
    }
}

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Its run came to this.
    Done(RunReport),
    /// There was nothing to do.
    NothingToDo,
    /// Somebody has the lease.
    Busy,
    /// A run has begun and not ended.
    Unfinished,
    /// What it had read has moved before it could begin.
    NotBegun,
    /// Somebody has taken its lease.
    TakenOver,
    /// Others write again and again.
    Contended,
    /// The store could not be used.
    StoreFailed,
    /// There is no plan.
    Refused(String),
    /// It died.
    Died,
}
