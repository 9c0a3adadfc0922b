//! Bugs that are planted on purpose, to show that they are found. They are in the simulated world, never in the product.

use std::collections::BTreeMap;

use floria::Value;
use khutulun_api::{Failure, Outcome};

use crate::{chance::Chance, laws::CANARY};

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
    /// A process goes on to wake up after its work is done.
    WakesWhenIdle,
}

impl Bug {
    /// All of them, each with the promise that it breaks.
    pub const ALL: [(Self, u8); 11] = [
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
