//! The world: a store, a host with drivers, wall clocks, processes, and what is on its way between them.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use floria::{Batch, Graph, LogQuery, MemoryStore, Namespace, Revision, Store as _, StoreError, Value};
use khutulun_api::{Operation, OperationId, RunId, names};
use khutulun_engine::{EngineOptions, Input, Lease, Present, runs, unfinished};

use crate::{
    bug::{Bug, Planted},
    coverage::{Coverage, Met},
    fate::{Fate, Point, StoreFate},
    host::{Host, Progress},
    laws::Laws,
    planning::Subject,
    process::Process,
    task::{Ended, Task},
};

/// When the world begins, in milliseconds since 1970-01-01T00:00:00Z: a round number.
const BEGINNING_MS: u64 = 1_700_000_000_000;

/// What may come in any order: what is due within so many milliseconds of what is due first.
const SOON_MS: u64 = 1_000;

/// The machines that processes run on. Their wall clocks are their own.
pub(crate) const MACHINES: usize = 2;

/// Something that is on its way.
struct Event {
    due_ms: u64,
    kind: Kind,
}

pub(crate) enum Kind {
    /// A process goes on by itself.
    Go(u32),
    /// A commit reaches the store.
    Store(u32, Arc<Batch>),
    /// The store answers.
    Stored(u32, Input),
    /// The store could not be used.
    StoreFailed(u32),
    /// A request reaches the host.
    Request { process: u32, number: u64, operation: Arc<Operation>, recovers: bool, until_ms: u64 },
    /// An operation has its effect; the number is that of its beginning.
    Happens(OperationId, u32),
    /// An operation ends.
    Ends(OperationId, u32),
    /// An answer of the host reaches a process.
    Answer(u32, u64, Input),
    /// A process has waited for an answer for long enough.
    Limit(u32, u64),
    /// A pause before another attempt is over.
    Rested(u32, u32),
    /// A process renews its lease.
    Renew(u32),
    /// A process that stood still goes on.
    Wakes(u32),
}

impl Kind {
    fn process(&self) -> Option<u32> {
        match self {
            Self::Go(process)
            | Self::Store(process, _)
            | Self::Stored(process, _)
            | Self::StoreFailed(process)
            | Self::Answer(process, ..)
            | Self::Limit(process, _)
            | Self::Rested(process, _)
            | Self::Renew(process) => Some(*process),
            Self::Request { .. } | Self::Happens(..) | Self::Ends(..) | Self::Wakes(_) => None,
        }
    }
}

/// The world.
pub struct World {
    /// The store that all processes share.
    pub store: Arc<MemoryStore>,
    store_clock: Arc<AtomicU64>,
    pub(crate) subject: Subject,
    pub(crate) options: EngineOptions,
    /// The time that all agree on, which nobody can read.
    pub(crate) now_ms: u64,
    /// How far the wall clocks of the machines are off.
    pub(crate) off_ms: [i64; MACHINES],
    /// The host.
    pub host: Host,
    pub(crate) laws: Laws,
    /// What was met.
    pub coverage: Coverage,
    pub(crate) fate: Box<dyn Fate>,
    pub(crate) planted: Option<Planted>,
    pub(crate) processes: Vec<Process>,
    events: Vec<Event>,
    pub(crate) requests: u64,
    /// What operations put out, with whether an attribute takes it.
    pub(crate) outputs: HashMap<(String, String), Vec<(String, Value)>>,
    /// The instances as they were read last, and at which revision.
    read: RefCell<(Revision, Graph)>,
    /// The run that had not ended at a revision of the store.
    last_unfinished: Cell<(Option<Revision>, Option<RunId>)>,
    /// What happened, in lines; None: nobody wants to know.
    transcript: Option<Vec<String>>,
}

impl World {
    /// Makes a world in which nothing is there yet.
    pub fn new(subject: Subject, options: EngineOptions, fate: Box<dyn Fate>, bug: Option<Bug>) -> Self {
        let store_clock = Arc::new(AtomicU64::new(BEGINNING_MS));
        let clock = Arc::clone(&store_clock);
        let mut host = Host::default();
        host.is_unfenced = bug == Some(Bug::StaleEpochAccepted);
        host.sees_as_intended = bug == Some(Bug::SeenAsIntended);
        Self {
            store: Arc::new(MemoryStore::with_clock(move || clock.load(Ordering::Relaxed))),
            store_clock,
            subject,
            options,
            now_ms: BEGINNING_MS,
            off_ms: [0; MACHINES],
            host,
            laws: Laws::default(),
            coverage: Coverage::default(),
            fate,
            planted: bug.map(Planted::new),
            processes: Vec::new(),
            events: Vec::new(),
            requests: 0,
            outputs: HashMap::new(),
            read: RefCell::default(),
            last_unfinished: Cell::default(),
            transcript: None,
        }
    }

    /// Notes down what happens from now.
    pub fn write_down(&mut self) {
        self.transcript = Some(Vec::new());
    }

    /// Returns what happened, in lines.
    pub fn transcript(&self) -> &[String] {
        self.transcript.as_deref().unwrap_or_default()
    }

    pub(crate) fn say(&mut self, line: impl FnOnce() -> String) {
        if self.transcript.is_some() {
            let line = format!("{:>9} ms  {}", self.now_ms - BEGINNING_MS, line());
            self.transcript.iter_mut().for_each(|lines| lines.push(line.clone()));
        }
    }

    /// The time on a machine's wall.
    pub(crate) fn wall_ms(&self, machine: usize) -> u64 {
        self.now_ms.saturating_add_signed(self.off_ms[machine])
    }

    pub(crate) fn later(&mut self, after_ms: u64, kind: Kind) {
        self.events.push(Event { due_ms: self.now_ms + after_ms, kind });
    }

    pub(crate) fn graph(&self) -> Graph {
        let revision = self.revision(&self.subject.namespace);
        let mut read = self.read.borrow_mut();
        if read.0 != revision {
            *read = (revision, self.store.graph(&self.subject.namespace).unwrap_or_default());
        }
        read.1.clone()
    }

    pub(crate) fn revision(&self, namespace: &Namespace) -> Revision {
        self.store.namespace_revision(namespace).unwrap_or_default()
    }

    pub(crate) fn lease(&self) -> Option<Lease> {
        let namespace = Lease::namespace_of(&self.subject.namespace);
        let graph = self.store.graph(&namespace).unwrap_or_default();
        Lease::stored(&self.subject.namespace, &graph, self.revision(&namespace))
    }

    /// The last run that has begun.
    pub(crate) fn last_run(&self) -> Option<RunId> {
        runs(&*self.store, &self.subject.namespace).ok()?.last().map(|last| last.run)
    }

    /// The run that has begun and not ended, if there is one.
    pub(crate) fn unfinished(&self) -> Option<RunId> {
        let revision = self.store.revision().unwrap_or_default();
        let (known_at, run) = self.last_unfinished.get();
        if known_at == Some(revision) {
            return run;
        }
        let run = unfinished(&*self.store, &self.subject.namespace).ok().flatten();
        self.last_unfinished.set((Some(revision), run));
        run
    }

    /// Lets the next thing happen. False: nothing is on its way.
    pub(crate) fn step(&mut self) -> bool {
        let Some(place) = self.choose() else { return false };
        let Event { due_ms, kind } = self.events.swap_remove(place);
        self.now_ms = self.now_ms.max(due_ms);
        self.store_clock.store(self.wall_ms(0), Ordering::Relaxed);
        self.coverage.note(Met::Step);
        match kind {
            Kind::Go(process) => self.go(process),
            Kind::Store(process, batch) => self.commit(process, &batch),
            Kind::Stored(process, input) => self.stored(process, input),
            Kind::StoreFailed(process) => self.ends(process, Ended::StoreFailed),
            Kind::Request { process, number, operation, recovers, until_ms } => {
                self.request(process, number, &operation, recovers, until_ms);
            }
            Kind::Happens(id, beginning) => self.happens(id, beginning),
            Kind::Ends(id, beginning) => self.operation_ends(id, beginning),
            Kind::Answer(process, number, input) => self.answered(process, number, input),
            Kind::Limit(process, number) => self.overdue(process, number),
            Kind::Rested(process, step) => {
                self.coverage.note(Met::Retried);
                self.tell(process, Input::Rested { step });
            }
            Kind::Renew(process) => self.renew(process),
            Kind::Wakes(process) => {
                self.say(|| format!("process {process} goes on"));
                self.processes[process as usize].is_paused = false;
            }
        }
        true
    }

    /// Chooses what happens next: whatever is due first, or, as fate has it, anything that is due soon after it.
    fn choose(&mut self) -> Option<usize> {
        let processes = &self.processes;
        let moves = |event: &Event| {
            !event.kind.process().is_some_and(|process| processes[process as usize].is_paused)
        };
        let due = self.events.iter().enumerate().filter(|(_, event)| moves(event));
        let (first, soonest) =
            due.map(|(place, event)| (place, event.due_ms)).min_by_key(|(_, due_ms)| *due_ms)?;
        let soon = soonest.max(self.now_ms) + SOON_MS;
        let candidates = || {
            let all = self.events.iter().enumerate();
            all.filter(|(_, event)| event.due_ms <= soon && moves(event)).map(|(place, _)| place)
        };
        let before = candidates().take_while(|place| *place != first).count();
        let chosen = self.fate.next(candidates().count(), before);
        let place = candidates().nth(chosen);
        if chosen != before {
            self.coverage.note(Met::Reordered);
        }
        place
    }

    /// Returns when the next thing happens.
    pub(crate) fn next_due_ms(&self) -> Option<u64> {
        self.events.iter().map(|event| event.due_ms).min()
    }

    /// Returns whether nothing is on its way.
    pub(crate) fn is_idle(&self) -> bool {
        self.events.is_empty()
    }

    pub(crate) fn forget_events_of(&mut self, process: u32) {
        self.events.retain(|event| event.kind.process() != Some(process));
    }

    /// A process is gone: what it had asked for may be gone with it.
    pub(crate) fn forget_requests_of(&mut self, process: u32) {
        let fate = &mut self.fate;
        self.events.retain(|event| match &event.kind {
            Kind::Request { process: asks, .. } if *asks == process => !fate.goes_along(),
            _ => true,
        });
        let ran: Vec<OperationId> = (self.host.operations.iter())
            .filter(|(_, held)| held.progress == Progress::Running && held.asked_by.0 == process)
            .map(|(id, _)| *id)
            .collect();
        // In an order that does not depend on how a map is made.
        let mut ran = ran;
        ran.sort();
        for id in ran {
            if !self.fate.goes_along() {
                self.coverage.note(Met::Outlived);
                continue;
            }
            self.coverage.note(Met::DiedWith);
            if let Some(held) = self.host.operations.get_mut(&id) {
                held.progress = Progress::Interrupted;
            }
            self.answer_waiting(id);
        }
    }

    fn commit(&mut self, process: u32, batch: &Arc<Batch>) {
        if self.dies_at(process, Point::BeforeCommit, None) {
            return;
        }
        let fate = self.fate.commit();
        if fate == StoreFate::Fails {
            self.coverage.note(Met::StoreFailed);
            self.say(|| format!("process {process}: the store could not be used"));
            return self.later(1, Kind::StoreFailed(process));
        }
        match self.store.commit(batch) {
            Ok(revision) => {
                self.coverage.note(Met::Commit);
                self.say(|| format!("process {process} commits {}", contents(batch)));
                self.committed(process, batch);
                if self.dies_at(process, Point::AfterCommit, None) {
                    return;
                }
                if fate == StoreFate::Silent {
                    self.coverage.note(Met::StoreSilent);
                    self.say(|| format!("process {process} is told that this failed"));
                    return self.later(1, Kind::StoreFailed(process));
                }
                self.later(1, Kind::Stored(process, Input::Committed(revision)));
            }
            Err(StoreError::Conflict { .. }) => {
                self.coverage.note(Met::Conflict);
                self.say(|| format!("process {process}: its commit conflicts"));
                let (graph, lease) = (self.graph(), self.lease());
                let revision = self.revision(&self.subject.namespace);
                let present = Present { graph, revision, lease };
                self.later(1, Kind::Stored(process, Input::Conflicted(Box::new(present))));
            }
            Err(error) => {
                self.laws.broken(8, format!("the store refuses what a run commits: {error}"));
                self.later(1, Kind::StoreFailed(process));
            }
        }
    }

    fn committed(&mut self, process: u32, batch: &Batch) {
        let state = &mut self.processes[process as usize];
        if !std::mem::replace(&mut state.has_begun, true) {
            self.laws.taken(process, state.epoch);
        }
        let epoch = state.epoch;
        self.laws.committed(process, epoch, batch, &self.host);
    }

    /// Somebody reads the log on from where he was.
    pub(crate) fn follow(&mut self) {
        self.coverage.note(Met::Followed);
        let query = LogQuery { after: self.laws.cursor(), limit: Some(64), ..LogQuery::default() };
        let rows = self.store.log(&query).unwrap_or_default();
        let skip = usize::from(self.planted.as_mut().is_some_and(Planted::skips_rows) && rows.len() > 1);
        let holds = self.laws.cursor() + rows.len() as u64;
        self.laws.followed(&rows[skip..], holds);
    }

    /// Checks what holds while nothing goes on.
    pub(crate) fn check_at_rest(&mut self) {
        let graph = self.graph();
        self.laws.at_rest(&graph, &self.subject.namespace, &self.host);
    }

    /// Something that runs stops by itself, or vanishes.
    pub(crate) fn drift(&mut self, which: impl FnOnce(&[&str]) -> Option<usize>, vanishes: bool) -> bool {
        let Some(node) = self.host.drift(which, vanishes) else { return false };
        self.coverage.note(Met::Drifted);
        self.say(|| format!("{node} {} by itself", if vanishes { "vanishes" } else { "stops" }));
        self.laws.drifts(node);
        true
    }

    /// Checks that what was recorded as seen just now is what is there. Returns the nodes that were looked at.
    pub(crate) fn check_seen(&mut self) -> Vec<String> {
        let graph = self.graph();
        let mut nodes = Vec::new();
        for id in self.observed(&graph) {
            let (Some(vertex), Some(subject)) = (graph.vertex(id), khutulun_plan::subject_of(&graph, id))
            else {
                continue;
            };
            let state = vertex.metadata.get(names::STATE).and_then(Value::as_text).unwrap_or("initial");
            if vertex.metadata.contains_key(names::ATTEMPTED) || !matches!(state, "initial" | "deleted") {
                self.laws.seen(&subject.node, vertex, &self.host);
                nodes.push(subject.node);
            }
        }
        nodes
    }

    /// Whether all nodes are brought up, as it is recorded.
    pub(crate) fn is_all_started(&self) -> bool {
        let graph = self.graph();
        let mut nodes = graph.vertexes().filter(|vertex| vertex.metadata.contains_key(names::NODE));
        nodes.all(|node| {
            let state = node.metadata.get(names::STATE).and_then(Value::as_text);
            state == Some("started") && !node.metadata.contains_key(names::ATTEMPTED)
        })
    }

    /// Begins a process that is to do something on a machine.
    pub(crate) fn spawn(&mut self, machine: usize, task: Task) -> u32 {
        let id = self.processes.len() as u32;
        self.say(|| format!("process {id} on machine {machine}: {}", task.describe()));
        self.processes.push(Process::new(id, machine, task));
        self.later(1, Kind::Go(id));
        id
    }

    /// Returns the processes that live.
    pub(crate) fn living(&self) -> impl Iterator<Item = &Process> {
        self.processes.iter().filter(|process| process.is_alive)
    }
}

/// What a commit holds, for a person.
fn contents(batch: &Batch) -> String {
    let mut words: Vec<String> = Vec::new();
    if !batch.changes.is_empty() {
        words.push(format!("{} changes", batch.changes.len()));
    }
    for record in batch.records.iter().filter(|record| record.stream != khutulun_engine::RUNS) {
        let step = record.body.get("step").and_then(Value::as_integer);
        let result = record.body.get("result").and_then(Value::as_text);
        let mut word = record.kind.clone();
        step.into_iter().for_each(|step| word += &format!(" {step}"));
        result.into_iter().for_each(|result| word += &format!(" {result}"));
        words.push(word);
    }
    words.join(", ")
}
