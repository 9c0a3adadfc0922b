//! What a run came to, and who is told while it goes on.

use std::{collections::BTreeMap, sync::Arc};

use floria::{Origin, Value};
use khutulun_api::{Failure, Operation, OperationId, Outcome, RunId};
use khutulun_plan::Plan;

/// What a run came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunResult {
    /// All steps succeeded, or were not needed; where one failed, the steps for that case were taken.
    Succeeded,
    /// At least one step failed. The run ended, and can be resumed: failed steps are tried again.
    Failed,
    /// Somebody asked for its end, and what ran has ended. It can be resumed.
    Cancelled,
    /// An operator has to say what became of an operation: see [`RunReport::questions`]. The run has not ended.
    NeedsOperator,
}

impl RunResult {
    /// Returns the result in a word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::NeedsOperator => "needs-operator",
        }
    }
}

/// What an operator says of an operation whose outcome nobody else can tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// It succeeded, with these outputs.
    Succeeded(BTreeMap<String, Value>),
    /// It did not succeed.
    Failed,
    /// It may be run again.
    Retry,
}

/// How far a step came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepEnd {
    /// It was not started.
    NotStarted,
    /// It was started, and nobody knows how it ended.
    InFlight,
    /// It succeeded.
    Succeeded,
    /// It failed.
    Failed(Failure),
    /// It failed, and the steps for that case were taken: the run goes on.
    Caught(Failure),
    /// It was not needed: its conditions did not hold, or what became of other steps did not lead to it.
    Skipped,
}

/// What became of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepReport {
    /// The step.
    pub step: u32,
    /// The node.
    pub node: String,
    /// The event, such as `lifecycle.start`.
    pub event: String,
    /// Where the operation was asked for.
    pub origin: Option<Origin>,
    /// The last attempt, from 1; 0 when there was none.
    pub attempt: u32,
    /// How far it came.
    pub end: StepEnd,
}

/// A question that only an operator can answer, by resuming the run with a [`Settlement`] for its step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The operation.
    pub operation: OperationId,
    /// The node.
    pub node: String,
    /// The event, such as `lifecycle.start`.
    pub event: String,
    /// Where the operation was asked for.
    pub origin: Option<Origin>,
    /// What is known, and what is not; or, where [`khutulun_plan::Step::approval`] asks for it, what is to be approved.
    pub text: String,
}

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunReport {
    /// The run.
    pub run: RunId,
    /// What it came to.
    pub result: RunResult,
    /// What became of each step, in the plan's order.
    pub steps: Vec<StepReport>,
    /// What an operator has to answer.
    pub questions: Vec<Question>,
}

impl RunReport {
    /// Returns the steps that failed, with why.
    pub fn failures(&self) -> impl Iterator<Item = (&StepReport, &Failure)> {
        self.steps.iter().filter_map(|step| match &step.end {
            StepEnd::Failed(failure) => Some((step, failure)),
            _ => None,
        })
    }

    /// Returns the steps that were not started.
    pub fn not_started(&self) -> impl Iterator<Item = &StepReport> {
        self.steps.iter().filter(|step| step.end == StepEnd::NotStarted)
    }
}

/// Is told what a run does. Calls come in order, from one task, and should return at once: the run waits for them.
pub trait Observer: Send + Sync {
    /// The run has begun or goes on, durably. `done` steps of the plan had succeeded before.
    fn run_began(&self, _run: RunId, _plan: &Arc<Plan>, _done: usize) {}

    /// An operation starts; its intent is durable.
    fn step_started(&self, _step: u32, _operation: &Operation) {}

    /// A step is not run: its conditions do not hold, or what became of other steps does not lead to it.
    fn step_skipped(&self, _step: u32) {}

    /// A step ended, durably. `again` says that it failed and will be tried again after a while.
    fn step_ended(&self, _step: u32, _outcome: &Outcome, _again: bool) {}

    /// Somebody has asked for the run's end through the store ([`crate::Engine::cancel`]): nothing new starts.
    fn run_stopping(&self) {}

    /// The run is over, durably.
    fn run_ended(&self, _report: &RunReport) {}
}

/// An observer that looks away.
impl Observer for () {}
