//! Why the engine could not do its work.

use floria::{Namespace, StoreError};
use khutulun_api::RunId;

use crate::lease::Holder;

/// Why the engine could not do its work. That an operation failed is no error but a result: see [`crate::RunResult`].
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The instances have changed since the plan was made. Nothing was done; a new plan helps.
    #[error("the plan was made for revision {base} of `{namespace}`, which is at {actual} by now; changed since: {}", list(.moved))]
    Stale {
        /// The service.
        namespace: Namespace,
        /// The revision that the plan was made for.
        base: u64,
        /// The present one.
        actual: u64,
        /// What has changed since: names of vertexes and edges.
        moved: Vec<String>,
    },
    /// Somebody is at work on the service. Nothing was done.
    #[error("`{namespace}` is being worked on: {} by {} (process {} on {})", .holder.owner.verb, .holder.owner.author, .holder.owner.pid, .holder.owner.host)]
    Busy {
        /// The service.
        namespace: Namespace,
        /// Who, and since when.
        holder: Box<Holder>,
    },
    /// An earlier run of the service has not ended: it was interrupted, or needs an answer. Nothing was done; resume it, or
    /// destroy the service.
    #[error("run {run} of `{namespace}` has not ended")]
    Unfinished {
        /// The service.
        namespace: Namespace,
        /// The run.
        run: RunId,
    },
    /// The plan was made with a driver of other content than the one that is here. Nothing was done.
    #[error(
        "the plan was made with another `{driver}` driver than this program has: {node} would be done by code that nobody agreed to"
    )]
    OtherDriver {
        /// The driver.
        driver: String,
        /// The first node that it is for.
        node: String,
    },
    /// There is no run to resume.
    #[error("`{namespace}` has no run to resume")]
    NothingToResume {
        /// The service.
        namespace: Namespace,
    },
    /// There is no run to cancel.
    #[error("`{namespace}` has no run that goes on")]
    NothingToCancel {
        /// The service.
        namespace: Namespace,
    },
    /// The run ended and cannot be resumed: it succeeded, or was superseded by a removal.
    #[error("run {run} has {result} and cannot be resumed")]
    Ended {
        /// The run.
        run: RunId,
        /// How it ended.
        result: String,
    },
    /// Another run of the same service came later.
    #[error("run {run} cannot be resumed because run {later} came after it")]
    Followed {
        /// The run that was to be resumed.
        run: RunId,
        /// The last run.
        later: RunId,
    },
    /// There is no such run.
    #[error("there is no run {0}")]
    NoSuchRun(RunId),
    /// An answer was given for a step whose outcome is in no doubt.
    #[error("step {step} of run {run} needs no answer: its outcome is known, or it was never started")]
    NothingToSettle {
        /// The run.
        run: RunId,
        /// The step.
        step: u32,
    },
    /// Somebody else has taken the run over. What this engine had started was left as it is, for them to settle.
    #[error("run {run} was taken over by somebody else")]
    TakenOver {
        /// The run.
        run: RunId,
    },
    /// Others change the instances again and again, so that nothing can be committed. What was recorded before is durable.
    #[error("others change `{namespace}` again and again, so that nothing can be recorded")]
    Contended {
        /// The service.
        namespace: Namespace,
    },
    /// The journal makes no sense.
    #[error("the journal of run {run} is damaged at row {sequence}: {why}")]
    Damaged {
        /// The run.
        run: RunId,
        /// The row's number in the store's log; 0 for none in particular.
        sequence: u64,
        /// What is wrong.
        why: String,
    },
    /// The plan cannot be written down.
    #[error("failed to write the plan to the journal")]
    Plan(#[source] floria::CodecError),
    /// The store could not be used. What was recorded before is durable; the run can be resumed.
    #[error("failed to {attempt}")]
    Store {
        /// What was tried.
        attempt: &'static str,
        /// Why.
        #[source]
        source: StoreError,
    },
}

impl EngineError {
    pub(crate) fn store(attempt: &'static str) -> impl FnOnce(StoreError) -> Self {
        move |source| Self::Store { attempt, source }
    }
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "nothing that can be named".to_owned() } else { names.join(", ") }
}
