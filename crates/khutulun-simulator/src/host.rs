//! A host with its drivers, and the truth about what is there.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use floria::Value;
use khutulun_api::{Failure, FailureClass, Operation, OperationId, Outcome, Recovery, names};

/// What a driver can tell of an operation after its process is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    /// Everything: its outcomes are durable.
    Keeps,
    /// Nothing, but running it again does no harm.
    Repeats,
    /// Nothing.
    Forgets,
}

/// How an operation ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It succeeds.
    Succeeds,
    /// It fails.
    Fails(FailureClass),
    /// It succeeds, and puts out what its attributes may not take.
    PutsOutNonsense,
}

/// What an operation will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Behaviour {
    /// Whether it has its effect.
    pub has_effect: bool,
    /// How it ends.
    pub ending: Ending,
    /// After how many milliseconds it ends.
    pub lasts_ms: u64,
}

impl Behaviour {
    /// What operations do where nothing is wrong.
    pub const GOOD: Self = Self { has_effect: true, ending: Ending::Succeeds, lasts_ms: 10 };
}

/// How far an operation has come on its host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    Running,
    Ended(Outcome),
    /// It died with whoever had asked for it.
    Interrupted,
}

/// An operation, as its host knows it.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) operation: Arc<Operation>,
    pub(crate) behaviour: Behaviour,
    pub(crate) memory: Memory,
    pub(crate) progress: Progress,
    /// How often it had its effect.
    pub(crate) happened: u32,
    /// Counts its beginnings, so that what was meant for an earlier one is told apart.
    pub(crate) beginnings: u32,
    /// The process that asked last, and the number of its request.
    pub(crate) asked_by: (u32, u64),
    /// Who waits for its end to know what became of it: processes, with the numbers of their requests.
    pub(crate) waiting: Vec<(u32, u64)>,
}

/// What is there of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Thing {
    /// The operation that created it, if something has.
    pub created: Option<OperationId>,
    /// The operation that started it, if it runs.
    pub started: Option<OperationId>,
}

/// An effect that happened.
pub(crate) struct Happened {
    pub(crate) node: String,
    pub(crate) event: String,
}

/// What a host says to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// The request was there before.
    Repeated,
    /// Its epoch is over.
    Refused,
    /// It runs already.
    Joined,
    /// It begins.
    Begins,
}

/// A host: what its drivers remember, and what is there in truth.
#[derive(Default)]
pub struct Host {
    /// The highest epoch that it was asked under.
    pub(crate) fence: u64,
    /// Accepts effects of any epoch: a bug, planted.
    pub(crate) is_unfenced: bool,
    /// Says that all runs, whatever does: a bug, planted.
    pub(crate) sees_as_intended: bool,
    pub(crate) operations: HashMap<OperationId, Held>,
    requests: HashSet<u64>,
    things: BTreeMap<String, Thing>,
    pub(crate) happened: Vec<Happened>,
    /// For each node, how often something was started: what `start` puts out.
    generations: BTreeMap<String, i64>,
}

impl Host {
    /// Returns what is there, by node.
    pub fn things(&self) -> &BTreeMap<String, Thing> {
        &self.things
    }

    /// Returns the effects that happened, in order, as `db.start`.
    pub fn effects(&self) -> impl Iterator<Item = String> {
        self.happened.iter().map(|one| short(&one.node, &one.event))
    }

    /// Returns how often an operation had its effect.
    pub fn times(&self, id: OperationId) -> u32 {
        self.operations.get(&id).map_or(0, |held| held.happened)
    }

    /// Returns what is there of a node, in the words of `observe`.
    pub(crate) fn seen(&self, node: &str) -> &'static str {
        match self.things.get(node) {
            Some(thing) if thing.started.is_some() => "running",
            Some(_) => "stopped",
            None => "absent",
        }
    }

    /// Something stops by itself, or vanishes altogether: one of what runs while nothing is done to it. Returns the node.
    pub(crate) fn drift(
        &mut self,
        which: impl FnOnce(&[&str]) -> Option<usize>,
        vanishes: bool,
    ) -> Option<String> {
        let is_at_work = |node: &str| {
            let mut running = self.operations.values().filter(|held| held.progress == Progress::Running);
            running.any(|held| held.operation.subject.node == node)
        };
        let running = self.things.iter().filter(|(node, thing)| thing.started.is_some() && !is_at_work(node));
        let running: Vec<&str> = running.map(|(node, _)| node.as_str()).collect();
        let node = (*running.get(which(&running)?)?).to_owned();
        match self.things.get_mut(&node) {
            Some(thing) if !vanishes && thing.created.is_some() => thing.started = None,
            _ => drop(self.things.remove(&node)),
        }
        Some(node)
    }

    /// What an operation puts out now.
    fn outcome(
        &self,
        operation: &Operation,
        outputs: &impl Fn(&Operation, i64, bool) -> Outcome,
        fits: bool,
    ) -> Outcome {
        let node = &operation.subject.node;
        let generation = self.generations.get(node).copied().unwrap_or_default();
        let outcome = outputs(operation, generation, fits);
        match outcome {
            Outcome::Succeeded(mut outputs) if fits && looks(operation) => {
                let seen = if self.sees_as_intended { "running" } else { self.seen(node) };
                if seen != "running" {
                    outputs.values_mut().for_each(|output| *output = Value::Null);
                }
                outputs.insert("state".to_owned(), Value::from(seen));
                Outcome::Succeeded(outputs)
            }
            other => other,
        }
    }

    /// Takes in a request to do an operation. `behaviour` says what it will do, if it begins.
    pub(crate) fn arrive(
        &mut self,
        operation: &Arc<Operation>,
        asked_by: (u32, u64),
        memory: Memory,
        behaviour: impl FnOnce() -> Behaviour,
    ) -> Arrival {
        if !self.requests.insert(asked_by.1) {
            return Arrival::Repeated;
        }
        if operation.epoch < self.fence && !self.is_unfenced {
            return Arrival::Refused;
        }
        self.fence = self.fence.max(operation.epoch);
        if let Some(held) = self.operations.get_mut(&operation.id) {
            held.asked_by = asked_by;
            if held.progress == Progress::Running {
                return Arrival::Joined;
            }
            held.progress = Progress::Running;
            held.behaviour = behaviour();
            held.beginnings += 1;
            return Arrival::Begins;
        }
        self.operations.insert(
            operation.id,
            Held {
                operation: Arc::clone(operation),
                behaviour: behaviour(),
                memory,
                progress: Progress::Running,
                happened: 0,
                beginnings: 1,
                asked_by,
                waiting: Vec::new(),
            },
        );
        Arrival::Begins
    }

    /// Lets an operation have its effect.
    pub(crate) fn happen(&mut self, id: OperationId) {
        let Some(held) = self.operations.get_mut(&id) else { return };
        held.happened += 1;
        let (node, event) = (&held.operation.subject.node, &held.operation.event);
        self.happened.push(Happened { node: node.clone(), event: event.clone() });
        if held.operation.subject.relationship.is_some() {
            return;
        }
        match event.strip_prefix(names::LIFECYCLE).and_then(|rest| rest.strip_prefix('.')) {
            Some("create") => self.things.entry(node.clone()).or_default().created = Some(id),
            Some("start") => {
                let thing = self.things.entry(node.clone()).or_default();
                if thing.started != Some(id) {
                    *self.generations.entry(node.clone()).or_default() += 1;
                }
                thing.started = Some(id);
            }
            Some("stop") => self.change(id, |thing| thing.started = None),
            Some("delete") => self.change(id, |thing| *thing = Thing::default()),
            _ => {}
        }
    }

    fn change(&mut self, id: OperationId, change: impl FnOnce(&mut Thing)) {
        let Some(node) = self.operations.get(&id).map(|held| &held.operation.subject.node) else { return };
        let Some(thing) = self.things.get_mut(node) else { return };
        change(thing);
        if *thing == Thing::default() {
            let node = node.clone();
            self.things.remove(&node);
        }
    }

    /// Ends an operation that runs, and returns how.
    pub(crate) fn end(
        &mut self,
        id: OperationId,
        outputs: impl Fn(&Operation, i64, bool) -> Outcome,
    ) -> Outcome {
        let Some(held) = self.operations.get(&id) else {
            return Outcome::Failed(Failure::permanent("there is no such operation"));
        };
        let outcome = match held.behaviour.ending {
            Ending::Succeeds => self.outcome(&held.operation, &outputs, true),
            Ending::PutsOutNonsense => self.outcome(&held.operation, &outputs, false),
            Ending::Fails(class) => Outcome::Failed(failure(class)),
        };
        if let Some(held) = self.operations.get_mut(&id) {
            held.progress = Progress::Ended(outcome.clone());
        }
        outcome
    }

    /// Says what became of an operation. None: it runs, and whoever asks is told when it ends.
    pub(crate) fn recover(
        &mut self,
        operation: &Operation,
        asked_by: (u32, u64),
        memory: Memory,
        outputs: impl Fn(&Operation, i64, bool) -> Outcome,
    ) -> Option<Recovery> {
        self.fence = self.fence.max(operation.epoch);
        let Some(held) = self.operations.get_mut(&operation.id) else {
            return Some(match memory {
                Memory::Keeps => Recovery::NeverStarted,
                Memory::Repeats => Recovery::Repeatable,
                Memory::Forgets => Recovery::Unknown(doubt(operation)),
            });
        };
        if held.progress == Progress::Running {
            held.waiting.push(asked_by);
            return None;
        }
        let held = self.operations.get(&operation.id)?;
        Some(match (held.memory, &held.progress) {
            (Memory::Repeats, _) => Recovery::Repeatable,
            (Memory::Forgets, _) => Recovery::Unknown(doubt(operation)),
            (Memory::Keeps, Progress::Ended(Outcome::Failed(failure)))
                if failure.class == FailureClass::UnknownOutcome && held.happened > 0 =>
            {
                // It looks at what is there.
                Recovery::Finished(self.outcome(operation, &outputs, true))
            }
            (Memory::Keeps, Progress::Ended(Outcome::Failed(failure)))
                if failure.class == FailureClass::UnknownOutcome =>
            {
                Recovery::NeverStarted
            }
            (Memory::Keeps, Progress::Ended(outcome)) => Recovery::Finished(outcome.clone()),
            (Memory::Keeps, _) if held.happened > 0 => {
                Recovery::Finished(self.outcome(operation, &outputs, true))
            }
            (Memory::Keeps, _) => Recovery::NeverStarted,
        })
    }

    /// Tells whether an operation runs.
    pub(crate) fn is_running(&self, id: OperationId) -> bool {
        self.operations.get(&id).is_some_and(|held| held.progress == Progress::Running)
    }

    /// What the operator finds out about an operation by looking: its outputs if it had its effect.
    pub(crate) fn looked_up(
        &self,
        id: OperationId,
        outputs: impl Fn(&Operation, i64, bool) -> Outcome,
    ) -> Option<BTreeMap<String, Value>> {
        let held = self.operations.get(&id).filter(|held| held.happened > 0)?;
        match self.outcome(&held.operation, &outputs, true) {
            Outcome::Succeeded(outputs) => Some(outputs),
            Outcome::Failed(_) => None,
        }
    }
}

/// Returns an operation as people write it: `db.start`.
pub(crate) fn short(node: &str, event: &str) -> String {
    let event = event.strip_prefix(names::LIFECYCLE).and_then(|rest| rest.strip_prefix('.')).unwrap_or(event);
    format!("{node}.{event}")
}

/// Whether an operation looks at a node, and changes nothing.
pub(crate) fn looks(operation: &Operation) -> bool {
    let event = operation.event.strip_prefix(names::LIFECYCLE).and_then(|rest| rest.strip_prefix('.'));
    event == Some(names::OBSERVE) && operation.subject.relationship.is_none()
}

fn doubt(operation: &Operation) -> String {
    format!("whether {} happened", short(&operation.subject.node, &operation.event))
}

pub(crate) fn failure(class: FailureClass) -> Failure {
    Failure { class, message: "the simulated driver said no".to_owned(), detail: String::new() }
}
