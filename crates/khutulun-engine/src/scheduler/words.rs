//! What a scheduler is told, and what it answers.

use std::collections::BTreeMap;

use floria::Value;
use khutulun_api::{Failure, Outcome, Recovery};

use crate::report::RunResult;

/// What a scheduler must know of a step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StepFacts {
    /// The steps that must have succeeded before: see [`khutulun_plan::Step::after`].
    pub after: Vec<u32>,
    /// The steps whose failure leads here: see [`khutulun_plan::Step::otherwise`].
    pub otherwise: Vec<u32>,
    /// Whether it stands for the end of those before it: see [`khutulun_plan::Step::gathers`].
    pub gathers: bool,
    /// Whether it is only run where conditions hold, or puts out something, which somebody has to look at.
    pub decides: bool,
    /// Whether somebody has to approve it before it starts.
    pub approval: bool,
    /// Whether code runs. Without, the step succeeds as soon as it may start, and has no intent.
    pub runs_code: bool,
    /// Whether its intent may be durable before there is a place for it: where somebody can tell that it was never started, or it
    /// may be done again.
    pub early: bool,
    /// How often it is tried in one go while its failures are transient, at least 1.
    pub attempts_max: u32,
}

/// How a run is to behave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conduct {
    /// How many operations may run at a time, at least 1.
    pub parallel_max: usize,
    /// Whether what does not depend on a failed step goes on after the failure. Otherwise nothing new starts.
    pub keep_going: bool,
}

/// What is known of a step from the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// It was never started.
    Untouched,
    /// There is an intent without an outcome, or an outcome that says that nobody knows.
    InFlight {
        /// Which attempt.
        attempt: u32,
    },
    /// It failed; trying it again takes the next attempt.
    Failed {
        /// Which attempt.
        attempt: u32,
    },
    /// It failed, and the steps for that case are taken: it is not tried again.
    Caught,
    /// Its conditions do not hold.
    Skipped,
    /// It succeeded.
    Succeeded,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happened {
    /// The run begins.
    Begin,
    /// The run goes on after an interruption or a failure, with what the journal says of each step.
    Resume(Vec<Known>),
    /// The intent of a step is durable.
    Recorded(u32),
    /// An operation ended, and what it put out fits.
    Finished(u32, Outcome),
    /// The executor, or an operator, has said what became of an operation.
    Recovered(u32, Recovery),
    /// Somebody has looked at the conditions of a step, or at what it puts out: that (None: the conditions do not hold), or why nobody
    /// can tell.
    Decided(u32, Result<Option<BTreeMap<String, Value>>, Failure>),
    /// Nobody has said yet whether a step may start: it waits, and so does all that comes after it.
    Unapproved(u32),
    /// The pause before another attempt is over.
    Rested(u32),
    /// Nothing new is to start.
    Cancel,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Make the intent durable, then say [`Happened::Recorded`].
    RecordIntent {
        /// The step.
        step: u32,
        /// Which attempt.
        attempt: u32,
    },
    /// Do the operation, then say [`Happened::Finished`].
    Execute {
        /// The step.
        step: u32,
        /// Which attempt.
        attempt: u32,
    },
    /// Make durable that an intent is taken back: it was never executed, and another attempt will be.
    Withdraw {
        /// The step.
        step: u32,
        /// Which attempt.
        attempt: u32,
    },
    /// Ask the executor what became of the operation, then say [`Happened::Recovered`].
    Recover {
        /// The step.
        step: u32,
        /// Which attempt.
        attempt: u32,
    },
    /// Make the outcome durable, with the changes of the graph that follow from it, before any effect that comes later.
    RecordOutcome {
        /// The step.
        step: u32,
        /// Which attempt.
        attempt: u32,
        /// How it ended.
        outcome: Outcome,
        /// Whether it may have had an effect: whether code ran, or may have.
        touched: bool,
        /// Whether it failed and steps for that case are taken, so that it is not tried again.
        caught: bool,
    },
    /// Look at the conditions of a step, and at what it puts out, then say [`Happened::Decided`].
    Decide {
        /// The step.
        step: u32,
    },
    /// Look whether somebody has approved a step, then say [`Happened::Decided`] or [`Happened::Unapproved`].
    Approve {
        /// The step.
        step: u32,
    },
    /// The step is not run.
    Skip {
        /// The step.
        step: u32,
        /// Whether its conditions say so, which has to be made durable as an outcome is. Otherwise it follows from what became
        /// of other steps.
        decided: bool,
    },
    /// Rest before the next attempt, then say [`Happened::Rested`].
    Rest {
        /// The step.
        step: u32,
        /// How many attempts of this go have failed.
        failures: u32,
    },
    /// Make the plan's last changes of the graph.
    Conclude,
    /// The run is over, for now or for ever.
    Done(RunResult),
}
