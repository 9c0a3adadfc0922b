//! What dies with a process, and what is there outside of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
};

use floria::{
    At, Author, Batch, Finding, Forgotten, LogQuery, LogRow, MemoryStore, Revision, Signal, Snapshot, Stats,
    Store, StoreError, Value,
};
use khutulun_api::{BoxFuture, Executor, Operation, OperationId, Outcome, Recovery};
use khutulun_engine::{RunState, StepEnd};
use khutulun_plan::Goal;
use tokio::sync::Notify;

/// Counts the points at which a process can die, and dies at one of them.
#[derive(Default)]
pub(crate) struct Crash {
    left: AtomicI64,
    dead: AtomicBool,
    pub(crate) died: Notify,
    pub(crate) passed: AtomicI64,
}

impl Crash {
    /// Dies at the point with this number, from 0; never, for a negative one.
    pub(crate) fn at(point: i64) -> Arc<Self> {
        Arc::new(Self { left: AtomicI64::new(point), ..Self::default() })
    }

    /// Returns whether the process is dead now.
    fn point(&self) -> bool {
        self.passed.fetch_add(1, Ordering::SeqCst);
        if self.left.fetch_sub(1, Ordering::SeqCst) == 0 {
            self.dead.store(true, Ordering::SeqCst);
            self.died.notify_waiters();
            self.died.notify_one();
        }
        self.is_dead()
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }
}

/// A store that dies with its process, before or after a commit.
pub(crate) struct MortalStore {
    pub(crate) inner: Arc<MemoryStore>,
    pub(crate) crash: Arc<Crash>,
    pub(crate) gate: Arc<Mutex<()>>,
}

impl Store for MortalStore {
    fn commit(&self, batch: &Batch) -> Result<Revision, StoreError> {
        let _gate = self.gate.lock().unwrap();
        let gone =
            || StoreError::Unavailable { attempt: "commit".to_owned(), source: "the process died".into() };
        if self.crash.is_dead() || self.crash.point() {
            return Err(gone());
        }
        let revision = self.inner.commit(batch)?;
        if self.crash.point() { Err(gone()) } else { Ok(revision) }
    }

    fn snapshot(&self, at: At) -> Result<Box<dyn Snapshot + '_>, StoreError> {
        self.inner.snapshot(at)
    }

    fn signal(&self) -> Result<Arc<Signal>, StoreError> {
        self.inner.signal()
    }

    fn forget_before(
        &self,
        revision: Revision,
        keep: &[String],
        author: Option<Author>,
    ) -> Result<Forgotten, StoreError> {
        self.inner.forget_before(revision, keep, author)
    }

    fn stats(&self) -> Result<Stats, StoreError> {
        self.inner.stats()
    }

    fn verify(&self) -> Result<Vec<Finding>, StoreError> {
        self.inner.verify()
    }

    fn allocate(&self, count: u64) -> Result<Range<u64>, StoreError> {
        self.inner.allocate(count)
    }

    fn log(&self, query: &LogQuery) -> Result<Vec<LogRow>, StoreError> {
        self.inner.log(query)
    }
}

/// What an executor can tell after a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Memory {
    /// Everything: outcomes are durable on its side.
    Good,
    /// Nothing, but doing it again does no harm.
    Repeats,
    /// Nothing.
    None,
}

/// What is there, outside of the engine.
#[derive(Default)]
pub(crate) struct Reality {
    /// For each node, what lifecycle operations have made and not taken away: `created`, `started`.
    pub(crate) live: BTreeMap<String, BTreeSet<&'static str>>,
    /// Outcomes by operation, as an executor with a memory keeps them.
    pub(crate) outcomes: BTreeMap<OperationId, Outcome>,
    /// What an executor was told may be run again.
    pub(crate) freed: BTreeSet<String>,
    /// All effects, in order.
    pub(crate) effects: Vec<(OperationId, String, String)>,
    /// Outcomes to come, by `node.operation`; when there are none left, operations succeed.
    pub(crate) scripted: BTreeMap<String, Vec<Outcome>>,
    /// The inputs and contexts of operations, by `node.operation`.
    pub(crate) seen: BTreeMap<String, Operation>,
    /// Laws that were broken.
    pub(crate) violations: Vec<String>,
    counter: i64,
}

pub(crate) struct SimulatedExecutor {
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) reality: Arc<Mutex<Reality>>,
    pub(crate) crash: Arc<Crash>,
    pub(crate) memory: Memory,
    /// Operations that end only when they are let go, by `node.operation`.
    pub(crate) held: Arc<(Mutex<BTreeSet<String>>, Notify)>,
}

fn key(operation: &Operation) -> String {
    key_of(&operation.subject.node, &operation.event)
}

pub(crate) fn key_of(node: &str, event: &str) -> String {
    format!("{node}.{}", event.trim_start_matches("lifecycle."))
}

impl SimulatedExecutor {
    /// Checks what must hold whenever something is executed.
    fn check(&self, operation: &Operation, reality: &mut Reality) {
        let mut broken = |law: String| reality.violations.push(format!("{}: {law}", operation.id));
        let state = match RunState::read(&*self.store, operation.id.run) {
            Ok(state) => state,
            Err(error) => return broken(format!("promise 1: no journal: {error}")),
        };
        let Some(step) = state.plan.steps.get(operation.id.step as usize) else {
            return broken("promise 10: not in the plan".to_owned());
        };
        if (&step.event, Some(&operation.implementation), &step.subject)
            != (&operation.event, step.implementation.as_ref(), &operation.subject)
        {
            broken("promise 10: not what was planned".to_owned());
        }
        let known = &state.steps[operation.id.step as usize];
        if known.attempt != operation.id.attempt || !known.in_flight() || known.inputs != operation.inputs {
            broken(format!("promise 1: no intent: {known:?}"));
        }
        // What leads to a step of a workflow need not have been run at all.
        for after in step.after.iter().filter(|_| state.plan.goal != Goal::Workflow) {
            if state.steps[*after as usize].end != StepEnd::Succeeded {
                broken(format!("promise 3: step {after} has not succeeded"));
            }
        }
    }

    fn effect(&self, operation: &Operation) -> Outcome {
        let mut reality = self.reality.lock().unwrap();
        self.check(operation, &mut reality);
        let before = reality.effects.iter().filter(|(id, ..)| *id == operation.id).count();
        if before > 0 && self.memory != Memory::Repeats {
            reality.violations.push(format!("promise 2: {} happened twice", operation.id));
        }
        let node = operation.subject.node.clone();
        reality.effects.push((operation.id, node.clone(), operation.event.clone()));
        reality.seen.insert(key(operation), operation.clone());
        let scripted = reality.scripted.get_mut(&key(operation)).filter(|list| !list.is_empty());
        if let Some(outcome) = scripted.map(|list| list.remove(0)) {
            reality.outcomes.insert(operation.id, outcome.clone());
            return outcome;
        }
        let live = reality.live.entry(node).or_default();
        match operation.event.as_str() {
            "lifecycle.create" => drop(live.insert("created")),
            "lifecycle.start" => {
                let running = !live.insert("started");
                if running && before == 0 {
                    reality.violations.push(format!("promise 2: {} started a second one", operation.id));
                }
            }
            "lifecycle.stop" => drop(live.remove("started")),
            "lifecycle.delete" => live.clear(),
            _ => {}
        }
        reality.live.retain(|_, live| !live.is_empty());
        reality.counter += 1;
        let outputs = [("pid", Value::Integer(reality.counter)), ("number", Value::Integer(reality.counter))];
        let outcome = Outcome::Succeeded(outputs.map(|(name, value)| (name.to_owned(), value)).into());
        reality.outcomes.insert(operation.id, outcome.clone());
        outcome
    }
}

impl Executor for SimulatedExecutor {
    fn execute<'a>(&'a self, operation: &'a Operation) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            if self.crash.is_dead() || self.crash.point() {
                return std::future::pending().await;
            }
            let outcome = self.effect(operation);
            if self.crash.point() {
                return std::future::pending().await;
            }
            loop {
                let let_go = self.held.1.notified();
                if !self.held.0.lock().unwrap().contains(&key(operation)) {
                    break;
                }
                let_go.await;
            }
            // Others get a turn, so that operations overlap.
            tokio::task::yield_now().await;
            outcome
        })
    }

    fn recover<'a>(&'a self, operation: &'a Operation) -> BoxFuture<'a, Recovery> {
        Box::pin(async move {
            if self.crash.is_dead() || self.crash.point() {
                return std::future::pending().await;
            }
            let mut reality = self.reality.lock().unwrap();
            match (self.memory, reality.outcomes.get(&operation.id)) {
                (Memory::Good, Some(outcome)) => Recovery::Finished(outcome.clone()),
                (Memory::Good, None) => Recovery::NeverStarted,
                (Memory::Repeats, _) => Recovery::Repeatable,
                (Memory::None, _) if operation.repeatable => {
                    reality.freed.insert(key(operation));
                    Recovery::Repeatable
                }
                (Memory::None, _) => Recovery::Unknown(format!("whether {} happened", key(operation))),
            }
        })
    }
}
