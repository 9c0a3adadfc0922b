//! What a run is told, and what it asks for.

use std::{collections::BTreeMap, fmt, sync::Arc};

use floria::{Author, Batch, Functions, Revision};
use khutulun_api::{Operation, Outcome, Recovery, RunId};

use crate::{
    engine::EngineOptions,
    journal::stream_of,
    lease::Lease,
    present::Present,
    report::{RunReport, Settlement},
};

/// What a run is given when it begins or is taken up, besides its plan and the instances.
#[derive(Clone)]
pub struct Setup {
    /// The run.
    pub run: RunId,
    /// The lease, taken ([`Lease::taken`]) and not stored yet: the run's first commit stores it.
    pub lease: Lease,
    /// How it behaves.
    pub options: EngineOptions,
    /// What expressions may call.
    pub functions: Arc<dyn Functions>,
    /// In whose name it commits.
    pub author: String,
}

impl fmt::Debug for Setup {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Setup").field("run", &self.run).field("lease", &self.lease).finish()
    }
}

impl Setup {
    pub(crate) fn author(&self) -> Option<Author> {
        Some(Author { name: self.author.clone(), stream: Some(stream_of(self.run)) })
    }
}

/// How a run that somebody takes up goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TakeUp {
    /// It goes on: what is in flight is settled, by the executor or by these answers (by step), failed steps are tried again.
    GoOn(BTreeMap<u32, Settlement>),
    /// It ends as cancelled, and can be resumed: what is in flight is settled as far as the executor can tell, and nothing else
    /// starts.
    Cancel,
    /// It ends so that something else can be planned, and cannot be resumed: what the executor cannot tell counts as a failure
    /// that may have had an effect.
    Supersede,
}

impl TakeUp {
    /// Returns what an operator says of a step.
    pub(crate) fn says(&self, step: u32) -> Option<&Settlement> {
        match self {
            Self::GoOn(settlements) => settlements.get(&step),
            Self::Cancel | Self::Supersede => None,
        }
    }

    /// Returns what somebody does who does this.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::GoOn(_) => "resume",
            Self::Cancel => "cancel",
            Self::Supersede => "destroy",
        }
    }
}

/// What a run is told. What does not fit, since it came twice or too late, changes nothing.
#[derive(Clone, Debug)]
pub enum Input {
    /// The open commit is durable, and made this revision.
    Committed(Revision),
    /// The open commit was refused, since something that it expected has moved. What is there now.
    Conflicted(Box<Present>),
    /// An operation ended.
    Finished {
        /// The step.
        step: u32,
        /// Which attempt.
        attempt: u32,
        /// How.
        outcome: Outcome,
    },
    /// The executor has said what became of an operation.
    Recovered {
        /// The step.
        step: u32,
        /// Which attempt.
        attempt: u32,
        /// What it said.
        recovery: Recovery,
    },
    /// The pause before another attempt is over.
    Rested {
        /// The step.
        step: u32,
    },
    /// Nothing new is to start.
    Cancel,
    /// It is time to renew the lease.
    Renew {
        /// The time, in milliseconds since 1970-01-01T00:00:00Z.
        now_ms: u64,
    },
    /// The lease has expired: nothing is executed until it is renewed, durably. Nobody else may have it yet, so that is tried
    /// ([`Input::Renew`]).
    Expired {
        /// The time, in milliseconds since 1970-01-01T00:00:00Z.
        now_ms: u64,
    },
}

/// What is to be done for a run.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Commit it, then say [`Input::Committed`] or [`Input::Conflicted`]. There is no other one until then.
    Commit(Arc<Batch>),
    /// Do the operation, whose intent is durable, then say [`Input::Finished`].
    Execute(Operation),
    /// Ask the executor what became of the operation, then say [`Input::Recovered`].
    Recover(Operation),
    /// Wait, then say [`Input::Rested`].
    Rest {
        /// The step.
        step: u32,
        /// For how long, in milliseconds.
        ms: u64,
    },
    /// Tell whoever observes; it is durable.
    Tell(Tell),
    /// The run is over for now, durably, and nobody has its lease.
    Done(RunReport),
    /// The run is somebody else's: nothing more is asked for, and what executes is left to them.
    Lost(Lost),
}

/// What observers are told, besides what is executed and the report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tell {
    /// The run has begun, or goes on. `done` steps had succeeded before.
    Began {
        /// How many.
        done: usize,
    },
    /// A step ended.
    Ended {
        /// The step.
        step: u32,
        /// How.
        outcome: Outcome,
        /// Whether it failed and will be tried again after a while.
        again: bool,
    },
    /// A step is not run: its conditions do not hold, or what became of other steps does not lead to it.
    Skipped {
        /// The step.
        step: u32,
    },
}

/// Why a run can do nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// Its first commit was refused: it has not begun, or was not taken up, and nothing was done.
    NotBegun,
    /// Somebody else has taken the lease.
    TakenOver,
    /// Others change the instances again and again, so that it comes to no commit.
    Contended,
}
