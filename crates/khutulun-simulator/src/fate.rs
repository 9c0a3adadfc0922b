//! What goes wrong, and when: by chance, or as somebody wrote it down.

use khutulun_api::{FailureClass, Operation};

use crate::{
    chance::Chance,
    host::{Behaviour, Ending, Memory},
};

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// It arrives after so many milliseconds.
    After(u64),
    /// It never arrives.
    Lost,
    /// It arrives twice.
    Twice,
}

/// What becomes of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreFate {
    /// The store does what it does.
    Fine,
    /// It fails, and nothing has changed.
    Fails,
    /// It is made, and whoever made it is told that it failed.
    Silent,
}

/// A moment at which a process can die.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// The store does not have its commit yet.
    BeforeCommit,
    /// The store has its commit, and it does not know.
    AfterCommit,
    /// A host does not have its request yet.
    BeforeEffect,
    /// A host had the effect, and the process does not know.
    AfterEffect,
    /// Any other.
    Between,
}

/// Decides what goes wrong.
pub trait Fate {
    /// What a driver can tell of an operation afterwards. The same operation gets the same answer.
    fn memory(&mut self, operation: &Operation) -> Memory;
    /// What an operation does that begins.
    fn behaviour(&mut self, operation: &Operation) -> Behaviour;
    /// What becomes of a message: a request to a host, or its answer.
    fn delivery(&mut self) -> Delivery;
    /// What becomes of a commit.
    fn commit(&mut self) -> StoreFate;
    /// How long a commit is on its way to the store, in milliseconds.
    fn store_takes_ms(&mut self) -> u64;
    /// Whether a process dies now. The operation is the one that it is about, if it is about one.
    fn dies(&mut self, process: u32, point: Point, operation: Option<&Operation>) -> bool;
    /// Whether what a process had begun or asked for is gone with it.
    fn goes_along(&mut self) -> bool;
    /// Which of so many events comes next; `first` is the one that is due first.
    fn next(&mut self, count: usize, first: usize) -> usize;
    /// From now on nothing goes wrong.
    fn calm(&mut self);
}

/// How often what goes wrong, in a thousand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// Operations that fail.
    pub failures: u32,
    /// Operations that are slow or hang.
    pub slowness: u32,
    /// Messages that are lost.
    pub losses: u32,
    /// Messages that come twice.
    pub repeats: u32,
    /// Messages that are late.
    pub delays: u32,
    /// Commits that fail, or whose answer is lost.
    pub store: u32,
    /// Crashes, at each moment at which there can be one.
    pub crashes: u32,
    /// Jumps of wall clocks, at each step.
    pub jumps: u32,
    /// Processes that stop for a while, at each step.
    pub pauses: u32,
    /// Somebody else who wants something at the same time, at each step.
    pub rivals: u32,
    /// Cancellations, at each step.
    pub cancels: u32,
    /// Things that stop or vanish by themselves, at each step.
    pub drifts: u32,
    /// Whether events come in any order.
    pub reorders: bool,
}

impl Rates {
    /// Nothing goes wrong.
    pub const QUIET: Self = Self {
        failures: 0,
        slowness: 0,
        losses: 0,
        repeats: 0,
        delays: 0,
        store: 0,
        crashes: 0,
        jumps: 0,
        pauses: 0,
        rivals: 0,
        cancels: 0,
        drifts: 0,
        reorders: false,
    };

    /// Draws rates. Most stories have a few kinds of faults, so that what comes after a fault is met too; some have all.
    pub fn drawn(chance: &mut Chance) -> Self {
        let all = chance.permille(150);
        let mut rate = |share: u32, values: &[u32]| {
            if all || chance.permille(share) { chance.one_of(values) } else { 0 }
        };
        Self {
            failures: rate(500, &[30, 100, 250]),
            slowness: rate(200, &[30, 150]),
            losses: rate(150, &[10, 60]),
            repeats: rate(200, &[30, 150]),
            delays: rate(400, &[50, 300]),
            store: rate(200, &[10, 40]),
            crashes: rate(650, &[8, 25, 60]),
            jumps: rate(150, &[4, 15]),
            pauses: rate(200, &[4, 15]),
            rivals: rate(350, &[6, 20]),
            cancels: rate(150, &[3, 10]),
            drifts: rate(100, &[3, 10]),
            reorders: rate(700, &[1]) > 0,
        }
    }
}

/// Which operations keep, repeat or forget: what is known of code before it runs.
pub type Memories = fn(&Operation, u64) -> Memory;

/// Chance.
pub struct ByChance {
    pub(crate) chance: Chance,
    pub(crate) rates: Rates,
    memories: Memories,
    /// Decides what drivers can tell.
    salt: u64,
}

impl ByChance {
    /// Makes it.
    pub fn new(chance: Chance, rates: Rates, memories: Memories) -> Self {
        let mut chance = chance;
        let salt = chance.number();
        Self { chance, rates, memories, salt }
    }
}

/// Decides by the name of the operation, so that a third of all can do each.
pub fn mixed_memories(operation: &Operation, salt: u64) -> Memory {
    let mut hash = salt;
    for octet in operation.subject.node.bytes().chain(operation.event.bytes()) {
        hash = (hash ^ u64::from(octet)).wrapping_mul(0x0100_0000_01b3);
    }
    match (hash >> 32) % 3 {
        0 => Memory::Keeps,
        1 => Memory::Repeats,
        _ => Memory::Forgets,
    }
}

const FAILURES: [FailureClass; 6] = [
    FailureClass::Transient,
    FailureClass::Transient,
    FailureClass::Permanent,
    FailureClass::NeedsOperator,
    FailureClass::UnknownOutcome,
    FailureClass::Denied,
];

impl Fate for ByChance {
    fn memory(&mut self, operation: &Operation) -> Memory {
        (self.memories)(operation, self.salt)
    }

    fn behaviour(&mut self, operation: &Operation) -> Behaviour {
        let mut behaviour = Behaviour::GOOD;
        if self.chance.permille(self.rates.slowness) {
            let hangs = self.chance.permille(300);
            behaviour.lasts_ms = if hangs { operation.timeout_ms } else { operation.timeout_ms / 4 };
            if hangs {
                behaviour.ending = Ending::Fails(FailureClass::UnknownOutcome);
                behaviour.has_effect = self.chance.permille(500);
                return behaviour;
            }
        }
        if self.chance.permille(self.rates.failures) {
            if self.chance.permille(100) {
                behaviour.ending = Ending::PutsOutNonsense;
                return behaviour;
            }
            let class = self.chance.one_of(&FAILURES);
            behaviour.ending = Ending::Fails(class);
            behaviour.has_effect = class != FailureClass::Denied && self.chance.permille(400);
        }
        behaviour
    }

    fn delivery(&mut self) -> Delivery {
        if self.chance.permille(self.rates.losses) {
            Delivery::Lost
        } else if self.chance.permille(self.rates.repeats) {
            Delivery::Twice
        } else if self.chance.permille(self.rates.delays) {
            Delivery::After(if self.chance.permille(50) { 1_000_000 } else { 200 })
        } else {
            Delivery::After(1)
        }
    }

    fn commit(&mut self) -> StoreFate {
        if !self.chance.permille(self.rates.store) {
            StoreFate::Fine
        } else if self.chance.permille(500) {
            StoreFate::Fails
        } else {
            StoreFate::Silent
        }
    }

    fn store_takes_ms(&mut self) -> u64 {
        if self.chance.permille(self.rates.delays) { 300 } else { 1 }
    }

    fn dies(&mut self, _: u32, point: Point, _: Option<&Operation>) -> bool {
        let rate = if point == Point::Between { self.rates.crashes / 4 } else { self.rates.crashes };
        self.chance.permille(rate)
    }

    fn goes_along(&mut self) -> bool {
        self.rates == Rates::QUIET || self.chance.permille(500)
    }

    fn calm(&mut self) {
        self.rates = Rates::QUIET;
    }

    fn next(&mut self, count: usize, first: usize) -> usize {
        if self.rates.reorders && self.chance.permille(700) { self.chance.below(count) } else { first }
    }
}
