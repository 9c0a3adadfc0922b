//! What was met: a test that met nothing shows nothing.

use std::{fmt, ops::AddAssign};

macro_rules! kinds {
    ($($(#[$documentation:meta])* $kind:ident = $word:literal,)*) => {
        /// Something that a simulation can meet.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Met {
            $($(#[$documentation])* $kind,)*
        }

        impl Met {
            /// All of them, in order.
            pub const ALL: &[Self] = &[$(Self::$kind,)*];

            /// Returns it in words.
            pub fn word(self) -> &'static str {
                match self {
                    $(Self::$kind => $word,)*
                }
            }
        }
    };
}

kinds! {
    /// A simulated story.
    Story = "stories",
    /// A step of the scheduler.
    Step = "steps",
    /// A run that began.
    RunBegun = "runs begun",
    /// A run that was resumed.
    RunResumed = "runs resumed",
    /// A run that was given up for something else.
    RunSuperseded = "runs superseded",
    /// A run that succeeded.
    RunSucceeded = "runs succeeded",
    /// A run that failed.
    RunFailed = "runs failed",
    /// A run that was cancelled.
    RunCancelled = "runs cancelled",
    /// A run that needs an operator's answer.
    RunNeedsOperator = "runs that needed an operator",
    /// A commit that the store took.
    Commit = "commits",
    /// An effect of an operation.
    Effect = "effects",
    /// A process died while it planned, or between two runs.
    CrashIdle = "crashes outside of runs",
    /// A process died before the store had its commit.
    CrashBeforeCommit = "crashes before a commit",
    /// A process died after the store had its commit, and before it knew.
    CrashAfterCommit = "crashes after a commit",
    /// A process died before an effect that it had asked for.
    CrashBeforeEffect = "crashes before an effect",
    /// A process died between an effect and its outcome.
    CrashAfterEffect = "crashes after an effect",
    /// A process died at any other moment of a run.
    CrashInRun = "crashes at other moments of runs",
    /// A process died while it settled what another one had left.
    CrashInRecovery = "crashes during recoveries",
    /// A driver knew how an operation had ended.
    RecoveryFinished = "recoveries: finished",
    /// A driver knew that an operation had not started.
    RecoveryNeverStarted = "recoveries: never started",
    /// An operation can be run again without harm.
    RecoveryRepeatable = "recoveries: repeatable",
    /// A driver could not tell.
    RecoveryUnknown = "recoveries: unknown",
    /// Nobody answered in time.
    RecoverySilent = "recoveries: no answer",
    /// The operator was asked.
    Question = "questions to the operator",
    /// The operator answered that it had succeeded.
    SettledSucceeded = "answers: succeeded",
    /// The operator answered that it had failed.
    SettledFailed = "answers: failed",
    /// The operator answered that it can be run again.
    SettledRetry = "answers: retry",
    /// Two wrote the same namespace.
    Conflict = "conflicts in the store",
    /// Somebody held the lease.
    Busy = "refused because a lease was held",
    /// A lease was taken over from a process that was gone.
    TakenFromDead = "leases taken from the dead",
    /// A lease was taken over because it had expired, and its holder was alive.
    TakenFromLiving = "expired leases taken from the living",
    /// A holder renewed its lease.
    Renewed = "leases renewed",
    /// A holder found that its lease was gone.
    FencedOff = "holders that were fenced off",
    /// A host refused an effect of an earlier epoch.
    StaleRefused = "effects refused for their epoch",
    /// A failure that may go away.
    Transient = "failures: transient",
    /// A failure that stays.
    Permanent = "failures: permanent",
    /// A failure that needs an operator.
    NeedsOperator = "failures: needs-operator",
    /// Nobody can tell whether the effect happened.
    UnknownOutcome = "failures: unknown-outcome",
    /// Something was not granted.
    Denied = "failures: denied",
    /// An operation failed after its effect.
    FailedWithEffect = "failures after the effect",
    /// An operation put out what its attribute does not take.
    Nonsense = "outputs that do not fit",
    /// An operation took long.
    Slow = "slow operations",
    /// An operation hung until its time limit.
    Hung = "hung operations",
    /// An operation went on although the process that had asked for it was gone.
    Outlived = "operations that outlived their process",
    /// An operation died with the process that had asked for it.
    DiedWith = "operations that died with their process",
    /// A request did not arrive.
    RequestLost = "requests lost",
    /// A request arrived after its time.
    RequestLate = "requests that came too late",
    /// A request arrived twice.
    RequestRepeated = "requests repeated",
    /// An answer did not arrive.
    AnswerLost = "answers lost",
    /// An answer arrived twice.
    AnswerRepeated = "answers repeated",
    /// Something arrived before what was sent before it.
    Reordered = "messages reordered",
    /// A commit failed.
    StoreFailed = "commits that failed",
    /// A commit was made, and whoever made it was told that it failed.
    StoreSilent = "commits whose answer was lost",
    /// A wall clock went forwards.
    ClockForwards = "clock jumps forwards",
    /// A wall clock went backwards.
    ClockBackwards = "clock jumps backwards",
    /// Somebody asked for a run's end.
    Cancelled = "cancellations asked for",
    /// An attempt was made again after a rest.
    Retried = "attempts after a rest",
    /// A plan was refused because the instances had moved.
    Stale = "stale plans refused",
    /// A removal of what was half-made.
    DestroyHalfMade = "removals of half-made services",
    /// A plan that replaced something.
    Replaced = "replacements planned",
    /// A plan that stops, starts or restarts.
    Changed = "nodes stopped, started or restarted",
    /// An operation of a relationship.
    OfRelationship = "effects of relationships",
    /// A removal of what is protected was refused.
    Protected = "removals refused since something is protected",
    /// Something stopped or vanished by itself.
    Drifted = "changes that nobody asked for",
    /// A plan that looks at what is there.
    Looked = "refreshes",
    /// What had changed by itself was seen, and made again.
    Repaired = "repairs",
    /// What had changed by itself was seen, and taken as right.
    Accepted = "drift taken as right",
    /// Nodes that are there came under management.
    Adopted = "nodes adopted",
    /// A plan that lets nodes go.
    Forgotten = "nodes forgotten",
    /// A removal let go what had been adopted.
    LetGo = "removals that let adopted nodes go",
    /// A run that failed was unwound.
    Unwound = "runs unwound",
    /// A node got another number of instances.
    Scaled = "nodes scaled",
    /// An earlier intention was gone back to.
    RolledBack = "rollbacks",
    /// A workflow was run.
    Workflow = "workflows run",
    /// A step waited until somebody approved it.
    ApprovalAsked = "approvals asked for",
    /// Somebody approved.
    Approved = "approvals given",
    /// Somebody did not.
    Disapproved = "approvals refused",
    /// Somebody read the log from a cursor.
    Followed = "readings of the log from a cursor",
}

/// How often things were met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coverage {
    counts: Vec<u64>,
}

impl Default for Coverage {
    fn default() -> Self {
        Self { counts: vec![0; Met::ALL.len()] }
    }
}

impl Coverage {
    /// Counts one more.
    pub fn note(&mut self, what: Met) {
        self.add(what, 1);
    }

    /// Counts several more.
    pub fn add(&mut self, what: Met, count: u64) {
        self.counts[what as usize] += count;
    }

    /// Returns how often something was met.
    pub fn count(&self, what: Met) -> u64 {
        self.counts[what as usize]
    }

    /// Returns what was never met.
    pub fn missing(&self) -> Vec<Met> {
        Met::ALL.iter().copied().filter(|what| self.count(*what) == 0).collect()
    }

    /// Returns all counts, with their words, in order.
    pub fn counts(&self) -> impl Iterator<Item = (Met, u64)> {
        Met::ALL.iter().map(|what| (*what, self.count(*what)))
    }
}

impl AddAssign<&Self> for Coverage {
    fn add_assign(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
    }
}

/// A line for each that was met.
impl fmt::Display for Coverage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, count) in self.counts().filter(|(_, count)| *count > 0) {
            writeln!(formatter, "{count:>12}  {}", what.word())?;
        }
        Ok(())
    }
}
