//! A service with policies, and a machine that it runs on; both outlive the process that reacts.

use std::{
    collections::BTreeMap,
    ops::Range,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
};

use floria::{
    At, Author, Batch, Call, Change, Edge, EdgeId, Evaluated, EvaluationError, Evaluator, Expression,
    Finding, Forgotten, Functions, Graph, Handler, Implementation, LogQuery, LogRow, MemoryStore, Metadata,
    Named, Properties, Property, Revision, Signal, Site, Snapshot, Stats, Store, StoreError, Value, Vertex,
    VertexId,
};
use khutulun_api::{
    BoxFuture, Clock, Executor, Failure, Operation, OperationId, Outcome, Recovery, names as words,
};
use khutulun_engine::{Cancel, Engine, EngineOptions, unfinished};
use khutulun_events::{Actor, Due, Event, EventError, NoScaler, Reactor, emit, perform};
use tokio::sync::Notify;

use crate::support::{all, emission, node, shop, vertex};

/// Functions that read an attribute of where they stand.
pub(crate) struct Attributes;

impl Functions for Attributes {
    fn call(
        &self,
        call: &Call,
        site: Site,
        evaluator: &mut Evaluator<'_>,
    ) -> Result<Evaluated, EvaluationError> {
        evaluator.property(site, &call.function)
    }
}

/// The value of an attribute of the target.
pub(crate) fn attribute(name: &str) -> Expression {
    Expression::from(Call { function: name.to_owned(), arguments: Vec::new(), origin: None })
}

/// Counts the points at which a process can die, and dies at one of them.
#[derive(Default)]
pub(crate) struct Crash {
    left: AtomicI64,
    /// Commits until one fails, before it is made or after, and nothing else.
    hiccup: AtomicI64,
    dead: AtomicBool,
    died: Notify,
}

impl Crash {
    /// Dies at the point with this number, from 0; never, for a negative one.
    pub(crate) fn at(point: i64) -> Arc<Self> {
        Arc::new(Self { left: AtomicI64::new(point), hiccup: AtomicI64::new(-1), ..Self::default() })
    }

    /// Lives, and fails to commit once: the commits are counted, twice each.
    pub(crate) fn hiccup_at(point: i64) -> Arc<Self> {
        Arc::new(Self { left: AtomicI64::new(-1), hiccup: AtomicI64::new(point), ..Self::default() })
    }

    fn hiccups(&self) -> bool {
        self.hiccup.fetch_sub(1, Ordering::SeqCst) == 0
    }

    /// Returns whether what was to fail has failed.
    pub(crate) fn has_hiccupped(&self) -> bool {
        self.hiccup.load(Ordering::SeqCst) < 0
    }

    fn point(&self) -> bool {
        if self.left.fetch_sub(1, Ordering::SeqCst) == 0 {
            self.dead.store(true, Ordering::SeqCst);
            self.died.notify_one();
        }
        self.is_dead()
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }
}

/// A store that dies with its process, before or after a commit.
struct MortalStore {
    inner: Arc<MemoryStore>,
    crash: Arc<Crash>,
}

impl Store for MortalStore {
    fn commit(&self, batch: &Batch) -> Result<Revision, StoreError> {
        let gone =
            || StoreError::Unavailable { attempt: "commit".to_owned(), source: "the process died".into() };
        if self.crash.is_dead() || self.crash.point() || self.crash.hiccups() {
            return Err(gone());
        }
        let revision = self.inner.commit(batch)?;
        if self.crash.point() || self.crash.hiccups() { Err(gone()) } else { Ok(revision) }
    }

    fn allocate(&self, count: u64) -> Result<Range<u64>, StoreError> {
        self.inner.allocate(count)
    }

    fn snapshot(&self, at: At) -> Result<Box<dyn Snapshot + '_>, StoreError> {
        self.inner.snapshot(at)
    }

    fn log(&self, query: &LogQuery) -> Result<Vec<LogRow>, StoreError> {
        self.inner.log(query)
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
}

/// What is there, outside of the engine.
#[derive(Default)]
pub(crate) struct Reality {
    /// The state of each node, as `observe` answers it.
    pub(crate) states: BTreeMap<String, &'static str>,
    /// What was done, as `node.event`; not what only looks.
    pub(crate) effects: Vec<String>,
    outcomes: BTreeMap<OperationId, Outcome>,
    /// Laws that were broken.
    pub(crate) violations: Vec<String>,
    /// Operations that fail, as `node.event`.
    pub(crate) failing: Vec<String>,
}

struct Simulated {
    reality: Arc<Mutex<Reality>>,
    crash: Arc<Crash>,
}

impl Executor for Simulated {
    fn execute<'a>(&'a self, operation: &'a Operation) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            if self.crash.is_dead() || self.crash.point() {
                return std::future::pending().await;
            }
            let outcome = self.reality.lock().unwrap().take(operation);
            if self.crash.point() {
                return std::future::pending().await;
            }
            outcome
        })
    }

    fn recover<'a>(&'a self, operation: &'a Operation) -> BoxFuture<'a, Recovery> {
        Box::pin(async move {
            match self.reality.lock().unwrap().outcomes.get(&operation.id) {
                Some(outcome) => Recovery::Finished(outcome.clone()),
                None => Recovery::NeverStarted,
            }
        })
    }
}

impl Reality {
    fn take(&mut self, operation: &Operation) -> Outcome {
        let (node, event) = (operation.subject.node.clone(), operation.event.as_str());
        let state = self.states.get(&node).copied().unwrap_or("absent");
        let mut outputs = BTreeMap::new();
        let called = format!("{node}.{event}");
        if event == "lifecycle.observe" {
            outputs.insert("state".to_owned(), Value::from(state));
        } else {
            self.effects.push(called.clone());
        }
        let outcome = match event {
            _ if self.failing.contains(&called) => Outcome::Failed(Failure::permanent("as told")),
            "lifecycle.start" => {
                if state == "running" {
                    self.violations.push(format!("{node} was started a second time"));
                }
                self.states.insert(node, "running");
                Outcome::Succeeded(outputs)
            }
            "lifecycle.stop" => {
                self.states.insert(node, "stopped");
                Outcome::Succeeded(outputs)
            }
            _ => Outcome::Succeeded(outputs),
        };
        self.outcomes.insert(operation.id, outcome.clone());
        outcome
    }
}

pub(crate) struct World {
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) reality: Arc<Mutex<Reality>>,
    pub(crate) time: Arc<AtomicI64>,
}

struct Frozen;

impl Clock for Frozen {
    fn now_ms(&self) -> u64 {
        0
    }
}

/// What the trigger of a policy is.
pub(crate) struct Sketch<'a> {
    pub(crate) policy: &'a str,
    pub(crate) targets: &'a [u64],
    pub(crate) event: &'a str,
    pub(crate) condition: Option<Expression>,
    /// Kinds and subjects.
    pub(crate) activities: &'a [(&'a str, &'a str)],
    /// How often within which time.
    pub(crate) limit: Option<(i64, i64)>,
}

pub(crate) const WEB: Site = Site::Vertex(VertexId(2));
pub(crate) const DB: Site = Site::Vertex(VertexId(3));

impl World {
    /// The nodes `web` (2) and `db` (3), both started, and a policy with one trigger for each sketch, from id 10 on: the policy, its
    /// trigger, and so on.
    pub(crate) fn new(sketches: &[Sketch<'_>]) -> Self {
        let time = Arc::new(AtomicI64::new(1_000));
        let clock = Arc::clone(&time);
        let store = MemoryStore::with_clock(move || clock.load(Ordering::SeqCst).unsigned_abs());
        store.allocate(200).unwrap();
        let mut service = vertex(1, "shop", None);
        service.metadata.insert(words::SERVICE.to_owned(), "shop".into());
        let mut changes = vec![Change::put(service)];
        changes.extend([(2, "web"), (3, "db")].map(|(id, name)| Change::put(process(id, name))));
        for (sketch, id) in sketches.iter().zip((10..).step_by(2)) {
            changes.extend(sketch.changes(id));
        }
        store.commit(&Batch { changes, ..Batch::default() }).unwrap();
        let reality = Reality {
            states: [("web".to_owned(), "running"), ("db".to_owned(), "running")].into(),
            ..Reality::default()
        };
        Self { store: Arc::new(store), reality: Arc::new(Mutex::new(reality)), time }
    }

    pub(crate) fn graph(&self) -> Graph {
        self.store.graph(&shop()).unwrap()
    }

    pub(crate) fn emit(&self, name: &str, site: Option<Site>) -> u64 {
        emit(&*self.store, &Attributes, &emission(name, site, &[])).unwrap()
    }

    /// A process of the service ended; nobody asked for it.
    pub(crate) fn exit(&self, name: &str, site: Site) -> u64 {
        self.reality.lock().unwrap().states.insert(name.to_owned(), "failed");
        self.emit("process.exited", Some(site))
    }

    pub(crate) fn effects(&self) -> Vec<String> {
        let reality = self.reality.lock().unwrap();
        assert_eq!(reality.violations, Vec::<String>::new());
        reality.effects.clone()
    }

    /// All events of this name.
    pub(crate) fn events(&self, name: &str) -> Vec<Event> {
        all(&self.store, 0).into_iter().filter(|event| event.name == name).collect()
    }

    /// What the first reactor of the store does, so that later ones begin where it ended.
    pub(crate) fn begin(&self) {
        Reactor::open(&*self.store).unwrap();
    }

    /// A process that resumes what was interrupted, and reacts until there is nothing left to be done, or it dies. Returns whether it
    /// lived.
    pub(crate) fn live(&self, crash: &Arc<Crash>) -> bool {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            tokio::select! {
                biased;
                () = crash.died.notified() => false,
                result = self.process(crash) => {
                    let failed = result.is_err();
                    if !crash.is_dead() && !crash.has_hiccupped() {
                        result.unwrap();
                    }
                    !crash.is_dead() && !failed
                }
            }
        })
    }

    pub(crate) fn engine(&self, crash: &Arc<Crash>) -> Engine {
        let store = MortalStore { inner: Arc::clone(&self.store), crash: Arc::clone(crash) };
        let executor = Simulated { reality: Arc::clone(&self.reality), crash: Arc::clone(crash) };
        let options = EngineOptions { rest_ms_first: 1, rest_ms_max: 1, ..EngineOptions::default() };
        // Whoever had the lease before has died: nothing here works at the same time.
        Engine::new(Arc::new(store), Arc::new(executor), Arc::new(Attributes))
            .with_options(options)
            .with_presence(Arc::new(|_: &khutulun_engine::Owner| true))
    }

    /// What a reactor has done at once; returns how many reactions that was.
    pub(crate) fn turn(&self, reactor: &mut Reactor) -> usize {
        while reactor.read(&*self.store).unwrap() {}
        let due = reactor.due(&*self.store, &Attributes).unwrap();
        let count = due.len();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let engine = self.engine(&Crash::at(-1));
        let (store, cancel) = (&*self.store, &Cancel::new());
        let (clock, scaler, functions) = (&Frozen, &NoScaler, &Attributes);
        let (host, drivers) = (None, &[][..]);
        let actor =
            Actor { engine: &engine, store, functions, host, drivers, clock, scaler, observer: &(), cancel };
        for due in due {
            let performed = runtime.block_on(perform(&actor, &due)).unwrap();
            reactor.ended(due, Some(performed));
        }
        count
    }

    /// All that a reactor has done until nothing is left.
    pub(crate) fn turns(&self, reactor: &mut Reactor) {
        while self.turn(reactor) > 0 {}
    }

    async fn process(&self, crash: &Arc<Crash>) -> Result<(), EventError> {
        let engine = self.engine(crash);
        let cancel = Cancel::new();
        if unfinished(&*self.store, &shop())?.is_some() {
            engine.resume(&shop(), None, BTreeMap::new(), &(), &cancel).await?;
        }
        let store = MortalStore { inner: Arc::clone(&self.store), crash: Arc::clone(crash) };
        let mut reactor = Reactor::open(&store)?;
        let actor = Actor {
            engine: &engine,
            store: &store,
            functions: &Attributes,
            host: None,
            drivers: &[],
            clock: &Frozen,
            scaler: &NoScaler,
            observer: &(),
            cancel: &cancel,
        };
        loop {
            while reactor.read(&store)? {}
            let due: Vec<Due> = reactor.due(&store, &Attributes)?;
            if due.is_empty() {
                reactor.settle(&store)?;
                return Ok(());
            }
            for due in due {
                let performed = match perform(&actor, &due).await {
                    Err(_) if !crash.is_dead() => {
                        // What it was about is known only to the log; somebody goes on with the run.
                        if unfinished(&store, &shop())?.is_some() {
                            engine.resume(&shop(), None, BTreeMap::new(), &(), &cancel).await?;
                        }
                        None
                    }
                    performed => Some(performed?),
                };
                reactor.ended(due, performed);
            }
        }
    }
}

impl Sketch<'_> {
    fn changes(&self, id: u64) -> Vec<Change> {
        let mut policy = vertex(id, &format!("policy:{}", self.policy), Some(1));
        policy.metadata.insert(words::POLICY.to_owned(), self.policy.into());
        let number = |number: i64| Property { value: Some(number.into()), ..Property::default() };
        if let Some((times_max, within)) = self.limit {
            policy.properties = Properties::from([
                ("times_max".to_owned(), number(times_max)),
                ("within".to_owned(), number(within)),
            ]);
        }
        let mut trigger = vertex(id + 1, "told", Some(id));
        trigger.metadata.insert(words::TRIGGER.to_owned(), "told".into());
        let event = Property { value: Some(self.event.into()), ..Property::default() };
        trigger.properties.insert(words::EVENT.to_owned(), event);
        for (place, (kind, subject)) in self.activities.iter().enumerate() {
            let mut handler = silent(Named::new());
            handler.metadata.insert(words::ACTIVITY_KIND.to_owned(), (*kind).into());
            handler.metadata.insert(words::ACTIVITY_SUBJECT.to_owned(), (*subject).into());
            trigger.handlers.insert(format!("{}.{place}", words::ACTIVITY), handler);
        }
        if let Some(condition) = &self.condition {
            let inputs = Named::from([("0".to_owned(), condition.clone())]);
            trigger.handlers.insert(words::CONDITION.to_owned(), silent(inputs));
        }
        let edges = (0..).zip(self.targets).map(|(index, target)| edge(words::TARGET, id, index, *target));
        let vertexes = [Change::put(policy), Change::put(trigger)];
        vertexes.into_iter().chain(edges).collect()
    }
}

/// An edge without anything in it.
pub(crate) fn edge(name: &str, source: u64, index: u32, target: u64) -> Change {
    Change::put(Edge {
        id: EdgeId(source * 10 + u64::from(index)),
        namespace: shop(),
        name: name.to_owned(),
        index,
        source: VertexId(source),
        target: VertexId(target),
        classes: Vec::new(),
        properties: Properties::new(),
        handlers: Default::default(),
        metadata: Metadata::new(),
        origin: None,
    })
}

fn silent(inputs: Named<Expression>) -> Handler {
    Handler {
        implementation: None,
        inputs,
        outputs: Named::new(),
        timeout_ms_max: None,
        metadata: Metadata::new(),
        origin: None,
    }
}

/// A node that is started, with code for its lifecycle and for `care.note`.
fn process(id: u64, name: &str) -> Vertex {
    let mut node = node(id, name, 1, Some("started"));
    node.properties.insert("ready".to_owned(), Property::default());
    for event in [
        "lifecycle.create",
        "lifecycle.start",
        "lifecycle.stop",
        "lifecycle.observe",
        "care.note",
        "care.more",
    ] {
        let code = Some(Implementation::Driver("test".to_owned()));
        node.handlers.insert(event.to_owned(), Handler { implementation: code, ..silent(Named::new()) });
    }
    node
}
