//! Bugs that are planted on purpose, to show that they are found. They are in the simulated world, never in the product.

use std::collections::BTreeMap;

use floria::{Batch, Value};
use khutulun_api::{Failure, Operation, OperationId, Outcome, RunId};
use khutulun_engine::{Settlement, TakeUp, operation};
use khutulun_plan::Step;

use crate::{chance::Chance, host::short, laws::CANARY, world::World};

/// A bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// When it is asked what became of an operation, a driver does it again, in two of a hundred cases.
    EffectRepeatedInRecovery,
    /// The shell asks for an effect before its intent is durable.
    IntentAfterEffect,
    /// The host takes effects of any epoch.
    StaleEpochAccepted,
    /// The shell starts what depends on an operation that failed.
    DependentAfterFailure,
    /// A driver says that it has deleted, in some cases, and has not.
    DeletionLost,
    /// The shell does something that nobody planned.
    EffectNotPlanned,
    /// A driver says that it has succeeded before it has done anything, in some cases.
    SuccessWithoutEffect,
    /// Whoever plans a removal takes what is protected along, although nobody said so.
    ProtectionIgnored,
    /// A driver puts a secret into what it says.
    SecretPutOut,
    /// Whoever reads the log skips rows.
    RowsSkipped,
    /// A driver that is asked what is there says that all runs.
    SeenAsIntended,
    /// Whoever plans a repair leaves a node out.
    RepairLeavesOut,
    /// Whoever plans a removal takes along what was adopted.
    AdoptedDestroyed,
    /// What is intended is not recorded with the run that it leads to.
    IntentionForgotten,
    /// Whoever unwinds a run goes on with what it was for.
    UnwoundForwards,
    /// Numbers of instances that somebody said are not heard.
    ScaleIgnored,
    /// Whoever goes on with a run says that its steps are approved, though nobody said so.
    ApprovedByNobody,
    /// Plans do not say what comes before what.
    OrderForgotten,
    /// A process goes on to wake up after its work is done.
    WakesWhenIdle,
}

impl Bug {
    /// All of them, each with the promise that it breaks.
    pub const ALL: [(Self, u8); 19] = [
        (Self::EffectRepeatedInRecovery, 2),
        (Self::IntentAfterEffect, 1),
        (Self::StaleEpochAccepted, 6),
        (Self::DependentAfterFailure, 3),
        (Self::DeletionLost, 4),
        (Self::EffectNotPlanned, 10),
        (Self::SuccessWithoutEffect, 5),
        (Self::ProtectionIgnored, 11),
        (Self::SecretPutOut, 12),
        (Self::RowsSkipped, 9),
        (Self::SeenAsIntended, 5),
        (Self::RepairLeavesOut, 8),
        (Self::AdoptedDestroyed, 11),
        (Self::IntentionForgotten, 10),
        (Self::UnwoundForwards, 8),
        (Self::ScaleIgnored, 8),
        (Self::ApprovedByNobody, 3),
        (Self::OrderForgotten, 3),
        (Self::WakesWhenIdle, 13),
    ];
}

/// A bug at work.
pub(crate) struct Planted {
    pub(crate) bug: Bug,
    chance: Chance,
}

impl Planted {
    pub(crate) fn new(bug: Bug) -> Self {
        Self { bug, chance: Chance::new(0) }
    }

    /// Lets the seed of the story decide when.
    pub(crate) fn seeded(&mut self, seed: u64) {
        self.chance = Chance::new(seed ^ 0x00b0_00b5);
    }

    pub(crate) fn repeats_in_recovery(&mut self) -> bool {
        self.bug == Bug::EffectRepeatedInRecovery && self.chance.permille(20)
    }

    pub(crate) fn loses_deletions(&mut self, operation: &str) -> bool {
        match self.bug {
            Bug::DeletionLost => operation.ends_with(".delete") && self.chance.permille(50),
            _ => false,
        }
    }

    /// Whether an operation that begins now does nothing, and says that it did.
    pub(crate) fn does_nothing(&mut self) -> bool {
        self.bug == Bug::SuccessWithoutEffect && self.chance.permille(20)
    }

    pub(crate) fn leaks(&self, outcome: Outcome) -> Outcome {
        if self.bug != Bug::SecretPutOut {
            return outcome;
        }
        match outcome {
            Outcome::Succeeded(outputs) => {
                let more = BTreeMap::from([("log".to_owned(), Value::from(format!("password {CANARY}")))]);
                Outcome::Succeeded(outputs.into_iter().chain(more).collect())
            }
            Outcome::Failed(failure) => Outcome::Failed(Failure { detail: CANARY.to_owned(), ..failure }),
        }
    }

    pub(crate) fn skips_rows(&mut self) -> bool {
        self.bug == Bug::RowsSkipped && self.chance.permille(100)
    }
}

/// What the shell does only where a bug is planted.
impl World {
    /// Approves all that waits for it.
    pub(crate) fn approved_by_nobody(&self, run: RunId, how: TakeUp) -> TakeUp {
        match how {
            TakeUp::GoOn(mut answers) if self.has_planted(Bug::ApprovedByNobody) => {
                for step in self.laws.approvals(run) {
                    answers.entry(step).or_insert(Settlement::Succeeded(BTreeMap::new()));
                }
                TakeUp::GoOn(answers)
            }
            how => how,
        }
    }

    fn made_early(&self, process: u32, step: u32, attempt: u32) -> Option<Operation> {
        let state = &self.processes[process as usize];
        let run = state.run.as_ref()?;
        let planned = run.plan().steps.get(step as usize).filter(|step| step.implementation.is_some())?;
        let id = OperationId { run: run.id(), step, attempt };
        let mut made = operation(run.graph(), &*self.subject.functions, planned, id).ok()?;
        made.epoch = state.epoch;
        Some(made)
    }

    pub(crate) fn asks_early(&mut self, process: u32, batch: &Batch) {
        for record in batch.records.iter().filter(|record| record.kind == "intent") {
            let number = |key: &str| record.body.get(key).and_then(Value::as_integer).unwrap_or_default();
            let made = self.made_early(process, number("step") as u32, number("attempt") as u32);
            if let Some(operation) = made {
                self.processes[process as usize].early.push(operation.id);
                self.asks(process, operation, false);
            }
        }
    }

    pub(crate) fn goes_on_after_failure(&mut self, process: u32, failed: u32) {
        let Some(bug) = self.planted.as_ref().map(|planted| planted.bug) else { return };
        let Some(run) = &self.processes[process as usize].run else { return };
        let dependent = |(_, step): &(u32, &Step)| match bug {
            Bug::DependentAfterFailure => step.after.contains(&failed),
            _ => false,
        };
        let Some((step, _)) = run.plan().operations().find(dependent) else { return };
        if let Some(operation) = self.made_early(process, step, 1) {
            let name = short(&operation.subject.node, &operation.event);
            self.say(|| format!("process {process} starts {name} although it should not"));
            self.asks(process, operation, false);
        }
    }

    /// Does what nobody planned.
    pub(crate) fn does_more(&mut self, process: u32) {
        if let Some(mut operation) = self.made_early(process, 0, 1) {
            operation.id.step += 1_000;
            self.asks(process, operation, false);
        }
    }
}
