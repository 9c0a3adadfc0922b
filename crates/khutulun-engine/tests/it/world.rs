//! A world in which operations have effects, and in which everything can crash.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
};

use floria::{
    At, Author, Batch, Finding, Forgotten, Graph, LogQuery, LogRow, MemoryStore, Revision, Signal, Snapshot,
    Stats, Store, StoreError, Value,
};
use floria_resolver::{Limits, NoHooks, Request, StoreIds, resolve};
use khutulun_api::{
    BoxFuture, Clock, Executor, Failure, FailureClass, Operation, OperationId, Outcome, Recovery, names,
};
use khutulun_engine::{
    Cancel, Engine, EngineError, EngineOptions, Owner, RunReport, RunState, StepEnd, unfinished,
};
use khutulun_plan::{Basis, Goal, Plan, plan_deploy, plan_destroy};
use tokio::sync::Notify;

use crate::sketch::{self, SketchFunctions, namespace};

/// Counts the points at which a process can die, and dies at one of them.
#[derive(Default)]
pub(crate) struct Crash {
    left: AtomicI64,
    dead: AtomicBool,
    died: Notify,
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
    inner: Arc<MemoryStore>,
    crash: Arc<Crash>,
    gate: Arc<Mutex<()>>,
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
    outcomes: BTreeMap<OperationId, Outcome>,
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
    store: Arc<MemoryStore>,
    pub(crate) reality: Arc<Mutex<Reality>>,
    crash: Arc<Crash>,
    memory: Memory,
    /// Operations that end only when they are let go, by `node.operation`.
    pub(crate) held: Arc<(Mutex<BTreeSet<String>>, Notify)>,
}

fn key(operation: &Operation) -> String {
    key_of(&operation.subject.node, &operation.event)
}

fn key_of(node: &str, event: &str) -> String {
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

/// A store and a reality that outlive processes.
pub(crate) struct World {
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) reality: Arc<Mutex<Reality>>,
    pub(crate) memory: Memory,
    pub(crate) options: EngineOptions,
    pub(crate) held: Arc<(Mutex<BTreeSet<String>>, Notify)>,
    pub(crate) clock: Arc<HandClock>,
    /// The processes that there were, by pid.
    processes: Arc<Mutex<Vec<Arc<Crash>>>>,
    gate: Arc<Mutex<()>>,
}

/// A clock that is moved by hand.
#[derive(Default)]
pub(crate) struct HandClock(AtomicI64);

impl HandClock {
    pub(crate) fn move_by(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now_ms(&self) -> u64 {
        // Some time after 1970, so that it can be moved back.
        (1_000_000_000 + self.0.load(Ordering::SeqCst)) as u64
    }
}

/// What became of a process.
pub(crate) enum Fate {
    Died,
    Ended(Result<RunReport, EngineError>),
}

impl Fate {
    pub(crate) fn report(self) -> RunReport {
        match self {
            Self::Ended(result) => result.unwrap(),
            Self::Died => panic!("the process died"),
        }
    }
}

impl World {
    pub(crate) fn new(memory: Memory) -> Self {
        Self::on(Arc::new(MemoryStore::new()), memory)
    }

    /// Makes another world on the same store.
    pub(crate) fn on(store: Arc<MemoryStore>, memory: Memory) -> Self {
        Self {
            store,
            reality: Arc::default(),
            memory,
            options: EngineOptions { rest_ms_first: 1, rest_ms_max: 2, ..EngineOptions::default() },
            held: Arc::default(),
            clock: Arc::default(),
            processes: Arc::default(),
            gate: Arc::default(),
        }
    }

    pub(crate) fn engine(&self, crash: &Arc<Crash>) -> Engine {
        let store = MortalStore {
            inner: Arc::clone(&self.store),
            crash: Arc::clone(crash),
            gate: Arc::clone(&self.gate),
        };
        let executor = SimulatedExecutor {
            store: Arc::clone(&self.store),
            reality: Arc::clone(&self.reality),
            crash: Arc::clone(crash),
            memory: self.memory,
            held: Arc::clone(&self.held),
        };
        let processes = Arc::clone(&self.processes);
        let pid = {
            let mut processes = processes.lock().unwrap();
            processes.push(Arc::clone(crash));
            processes.len() as u32 - 1
        };
        let is_gone = move |owner: &Owner| processes.lock().unwrap()[owner.pid as usize].is_dead();
        Engine::new(Arc::new(store), Arc::new(executor), Arc::new(SketchFunctions))
            .with_options(self.options)
            .with_clock(self.clock.clone())
            .with_owner(Owner {
                pid,
                host: "h1".to_owned(),
                author: "alice@h1".to_owned(),
                ..Owner::default()
            })
            .with_presence(Arc::new(is_gone))
    }

    pub(crate) fn graph(&self) -> Graph {
        self.store.graph(&namespace()).unwrap()
    }

    pub(crate) fn deploy_plan(&self, design: &str) -> Plan {
        let actual = self.graph();
        let wanted = resolve(
            &Request {
                design: &sketch::design(design),
                inputs: &BTreeMap::new(),
                counts: &floria_resolver::OWN_COUNTS,
                current: &actual,
                inventory: &[],
                functions: &SketchFunctions,
                limits: Limits::default(),
            },
            &mut StoreIds::new(self.store.as_ref()),
            &mut NoHooks,
        )
        .unwrap()
        .graph;
        let namespace = namespace();
        let base = self.store.namespace_revision(&namespace).unwrap();
        plan_deploy(&Basis::new(&namespace, base, &SketchFunctions), &wanted, &actual, "digest").unwrap()
    }

    pub(crate) fn destroy_plan(&self) -> Plan {
        let namespace = namespace();
        let base = self.store.namespace_revision(&namespace).unwrap();
        plan_destroy(&Basis::new(&namespace, base, &SketchFunctions), &self.graph()).unwrap()
    }

    /// Lives until the work is done or the process dies.
    pub(crate) async fn live(
        &self,
        crash: &Arc<Crash>,
        work: impl Future<Output = Result<RunReport, EngineError>>,
    ) -> Fate {
        let died = crash.died.notified();
        tokio::pin!(died);
        died.as_mut().enable();
        let fate = tokio::select! {
            biased;
            result = work => Fate::Ended(result),
            () = died => Fate::Died,
        };
        // A commit that had begun when the process died is over before anybody looks.
        drop(self.gate.lock().unwrap());
        if crash.is_dead() { Fate::Died } else { fate }
    }

    pub(crate) async fn run(&self, plan: Plan, crash: &Arc<Crash>) -> Fate {
        let engine = self.engine(crash);
        let cancel = Cancel::new();
        self.live(crash, engine.run(plan, &(), &cancel)).await
    }

    /// Resumes the last run, answering questions truthfully.
    pub(crate) async fn resume(&self, crash: &Arc<Crash>) -> Fate {
        let engine = self.engine(crash);
        let cancel = Cancel::new();
        let mut answers = BTreeMap::new();
        loop {
            let fate = self
                .live(crash, engine.resume(&namespace(), None, std::mem::take(&mut answers), &(), &cancel))
                .await;
            match fate {
                Fate::Ended(Ok(report)) if !report.questions.is_empty() => {
                    let reality = self.reality.lock().unwrap();
                    for question in &report.questions {
                        let answer = match reality.outcomes.get(&question.operation) {
                            Some(Outcome::Succeeded(outputs)) => {
                                khutulun_engine::Settlement::Succeeded(outputs.clone())
                            }
                            Some(Outcome::Failed(_)) => khutulun_engine::Settlement::Failed,
                            None => khutulun_engine::Settlement::Retry,
                        };
                        answers.insert(question.operation.step, answer);
                    }
                }
                other => return other,
            }
        }
    }

    pub(crate) fn unfinished(&self) -> bool {
        unfinished(&*self.store, &namespace()).unwrap().is_some()
    }

    /// Returns whether all that the unfinished run can do now is to wait for operations that are held.
    pub(crate) fn only_waits(&self) -> bool {
        let Some(run) = unfinished(&*self.store, &namespace()).unwrap() else { return false };
        let state = RunState::read(&*self.store, run).unwrap();
        let held = self.held.0.lock().unwrap();
        let seen = &self.reality.lock().unwrap().seen;
        state.plan.steps.iter().zip(&state.steps).all(|(step, known)| match known.end {
            StepEnd::NotStarted => {
                step.after.iter().any(|after| state.steps[*after as usize].end != StepEnd::Succeeded)
            }
            StepEnd::InFlight => {
                let key = key_of(&step.subject.node, &step.event);
                held.contains(&key) && seen.contains_key(&key)
            }
            StepEnd::Succeeded | StepEnd::Failed(_) | StepEnd::Caught(_) | StepEnd::Skipped => true,
        })
    }

    #[track_caller]
    pub(crate) fn check_laws(&self) {
        let reality = self.reality.lock().unwrap();
        assert_eq!(reality.violations, Vec::<String>::new());
    }

    /// Checks that reality is what the graph says of it, node by node (promise 5).
    #[track_caller]
    pub(crate) fn check_truth(&self) {
        let reality = self.reality.lock().unwrap();
        let graph = self.graph();
        for vertex in graph.vertexes().filter(|vertex| vertex.metadata.contains_key(names::NODE)) {
            let state = vertex.metadata.get(names::STATE).and_then(Value::as_text).unwrap();
            let live = reality.live.get(&vertex.name).cloned().unwrap_or_default();
            let attempted =
                vertex.metadata.get(names::ATTEMPTED).and_then(Value::as_text).unwrap_or_default();
            let starts = vertex.handlers.contains_key("lifecycle.start");
            match state {
                "started" if starts && attempted != "lifecycle.stop" => {
                    assert!(live.contains("started"), "{}", vertex.name)
                }
                "stopped" if attempted != "lifecycle.start" => {
                    assert!(!live.contains("started"), "{}", vertex.name)
                }
                "initial" | "deleted" if attempted.is_empty() => assert!(live.is_empty(), "{}", vertex.name),
                _ => {}
            }
        }
        // Promise 4: nothing is there that belongs to nobody.
        for node in reality.live.keys() {
            let vertex = graph.vertexes().find(|vertex| vertex.name == *node);
            let state = vertex.and_then(|vertex| vertex.metadata.get(names::STATE)).and_then(Value::as_text);
            assert!(state.is_some_and(|state| state != "initial"), "{node} is an orphan in state {state:?}");
        }
    }

    pub(crate) fn live_nodes(&self) -> Vec<String> {
        self.reality.lock().unwrap().live.keys().cloned().collect()
    }
}

pub(crate) fn failed(class: FailureClass) -> Outcome {
    Outcome::Failed(Failure { class, message: "it said no".to_owned(), detail: String::new() })
}

pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> T {
    thread_local! {
        static RUNTIME: tokio::runtime::Runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    }
    RUNTIME.with(|runtime| runtime.block_on(work))
}
