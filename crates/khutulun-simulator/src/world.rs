//! The world: a store, a host with drivers, wall clocks, processes, and what is on its way between them.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, HashMap},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use floria::{
    Batch, Design, Evaluator, Functions, Graph, LogQuery, MemoryStore, Namespace, Revision, Store as _,
    StoreError, Value, Vertex, VertexId,
};
use floria_resolver::{Counts, Inventory, Limits, NoHooks, Request, StoreIds, resolve};
use khutulun_api::{Failure, FailureClass, Operation, OperationId, Outcome, Recovery, RunId, names};
use khutulun_engine::{EngineOptions, Input, Lease, Present, unfinished};
use khutulun_plan::{Basis, Goal, Plan, PlanError, Step, plan_deploy, plan_destroy, plan_operate};

use crate::{
    bug::{Bug, Planted},
    coverage::{Coverage, Met},
    fate::{Delivery, Fate, Point, StoreFate},
    host::{Arrival, Behaviour, Ending, Host, Memory, Progress, short},
    laws::Laws,
    process::{Ended, Process, Task},
};

/// When the world begins, in milliseconds since 1970-01-01T00:00:00Z: a round number.
const BEGINNING_MS: u64 = 1_700_000_000_000;

/// What may come in any order: what is due within so many milliseconds of what is due first.
const SOON_MS: u64 = 1_000;

/// The machines that processes run on. Their wall clocks are their own.
pub(crate) const MACHINES: usize = 2;

/// A service, with the designs that it goes through.
#[derive(Clone)]
pub struct Subject {
    /// The service.
    pub namespace: Namespace,
    /// What expressions may call.
    pub functions: Arc<dyn Functions>,
    /// Its designs, each with its digest.
    pub designs: Vec<(Design, String)>,
    /// The inputs that were given.
    pub inputs: BTreeMap<String, Value>,
    /// Other services, which its designs may select from.
    pub others: Vec<(Namespace, Graph)>,
}

impl Subject {
    /// Makes a subject of designs of one service.
    pub fn new(namespace: Namespace, functions: Arc<dyn Functions>, designs: Vec<Design>) -> Self {
        let designs = designs.into_iter().map(|design| {
            let digest = design.digest();
            (design, digest)
        });
        Self { namespace, functions, designs: designs.collect(), inputs: BTreeMap::new(), others: Vec::new() }
    }
}

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
    outputs: HashMap<(String, String), Vec<(String, Value)>>,
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

    /// Plans towards a design, as things are.
    pub(crate) fn plan_deploy(&mut self, design: usize) -> Result<Plan, String> {
        let base = self.revision(&self.subject.namespace);
        let actual = self.graph();
        let (design, digest) = &self.subject.designs[design];
        let others = self.subject.others.iter();
        let inventory: Vec<_> = others.map(|(namespace, graph)| Inventory { namespace, graph }).collect();
        let request = Request {
            design,
            inputs: &self.subject.inputs,
            counts: &Counts::default(),
            current: &actual,
            inventory: &inventory,
            functions: &*self.subject.functions,
            limits: Limits::default(),
        };
        let resolved = resolve(&request, &mut StoreIds::new(&*self.store), &mut NoHooks);
        let wanted = resolved.map_err(|error| error.to_string())?.graph;
        let basis = Basis::new(&self.subject.namespace, base, &*self.subject.functions);
        let plan = plan_deploy(&basis, &wanted, &actual, digest).map_err(|error| error.to_string())?;
        self.learn_outputs(&plan, &wanted);
        Ok(plan)
    }

    /// Plans how a node, or all of them, is stopped, started or restarted.
    pub(crate) fn plan_change(&mut self, goal: Goal, node: Option<&str>) -> Result<Plan, String> {
        let base = self.revision(&self.subject.namespace);
        let actual = self.graph();
        let is_meant = |vertex: &&Vertex| {
            vertex.metadata.contains_key(names::NODE) && node.is_none_or(|node| vertex.name == node)
        };
        let selected: Vec<VertexId> = actual.vertexes().filter(is_meant).map(|vertex| vertex.id).collect();
        let basis = Basis::new(&self.subject.namespace, base, &*self.subject.functions);
        let plan = plan_operate(&basis, &actual, &selected, goal).map_err(|error| error.to_string())?;
        self.learn_outputs(&plan, &actual);
        Ok(plan)
    }

    pub(crate) fn plan_destroy(&mut self) -> Result<Plan, PlanError> {
        let base = self.revision(&self.subject.namespace);
        let actual = self.graph();
        let mut basis = Basis::new(&self.subject.namespace, base, &*self.subject.functions);
        basis.unprotected =
            self.planted.as_ref().is_some_and(|planted| planted.bug == Bug::ProtectionIgnored);
        let plan = plan_destroy(&basis, &actual)?;
        self.learn_outputs(&plan, &actual);
        Ok(plan)
    }

    /// Finds values that attributes take, for what operations put out.
    pub(crate) fn learn_outputs(&mut self, plan: &Plan, graph: &Graph) {
        let key = |step: &Step| (step.subject.node.clone(), step.event.clone());
        for (_, step) in plan.operations() {
            let site = step.subject.site();
            let (handlers, properties) = match site {
                floria::Site::Vertex(id) => match graph.vertex(id) {
                    Some(vertex) => (&vertex.handlers, &vertex.properties),
                    None => continue,
                },
                floria::Site::Edge(id) => match graph.edge(id) {
                    Some(edge) => (&edge.handlers, &edge.properties),
                    None => continue,
                },
            };
            let Some(handler) = handlers.get(&step.event).filter(|handler| !handler.outputs.is_empty())
            else {
                continue;
            };
            if self.outputs.contains_key(&key(step)) {
                continue;
            }
            let mut evaluator = Evaluator::new(graph, &*self.subject.functions);
            let mut outputs = Vec::new();
            for (output, attribute) in &handler.outputs {
                let Some(property) = properties.get(attribute) else { continue };
                let candidates = [
                    Value::Integer(1_000),
                    Value::from("simulated"),
                    Value::from(true),
                    Value::from(1.0),
                    Value::List(Vec::new()),
                    Value::map::<&str, Value>([]),
                ];
                let fits = candidates.into_iter().find(|candidate| {
                    property.preparer.is_none()
                        || evaluator.prepare(property, candidate.clone(), site).is_ok()
                });
                outputs.extend(fits.map(|value| (output.clone(), value)));
            }
            self.outputs.insert(key(step), outputs);
        }
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

    fn request(
        &mut self,
        process: u32,
        number: u64,
        operation: &Arc<Operation>,
        recovers: bool,
        until_ms: u64,
    ) {
        if self.now_ms > until_ms {
            return self.coverage.note(Met::RequestLate);
        }
        let point = if recovers { Point::Between } else { Point::BeforeEffect };
        if self.processes[process as usize].is_alive && self.dies_at(process, point, Some(operation)) {
            return;
        }
        let name = short(&operation.subject.node, &operation.event);
        let memory = self.fate.memory(operation);
        if recovers {
            return self.recover(process, number, operation, memory);
        }
        let fence = self.host.fence;
        let fate = &mut self.fate;
        let planted = &mut self.planted;
        let behaviour = || {
            let behaviour = fate.behaviour(operation);
            let nothing = planted.as_mut().is_some_and(Planted::does_nothing);
            if nothing { Behaviour { has_effect: false, ..Behaviour::GOOD } } else { behaviour }
        };
        let arrival = self.host.arrive(operation, (process, number), memory, behaviour);
        match arrival {
            Arrival::Repeated => {}
            Arrival::Refused => {
                self.coverage.note(Met::StaleRefused);
                self.say(|| format!("the host refuses {name} of epoch {}", operation.epoch));
                let class = FailureClass::Denied;
                let failure = Failure { class, ..Failure::permanent("the lease was taken over") };
                self.finished(process, number, operation.id, Outcome::Failed(failure));
            }
            Arrival::Joined => self.say(|| format!("{name} runs already")),
            Arrival::Begins => {
                self.laws.begins(operation, fence);
                self.say(|| format!("{name} begins ({})", operation.id));
                let Some(held) = self.host.operations.get(&operation.id) else { return };
                let (beginnings, behaviour) = (held.beginnings, held.behaviour);
                if behaviour.lasts_ms >= operation.timeout_ms {
                    self.coverage.note(Met::Hung);
                } else if behaviour.lasts_ms > 1_000 {
                    self.coverage.note(Met::Slow);
                }
                let after_ms = (behaviour.lasts_ms / 2).min(operation.timeout_ms);
                self.later(after_ms, Kind::Happens(operation.id, beginnings));
            }
        }
    }

    fn recover(&mut self, process: u32, number: u64, operation: &Operation, memory: Memory) {
        let outputs = &self.outputs;
        let put_out = |operation: &Operation, generation, fits| put_out(outputs, operation, generation, fits);
        let Some(recovery) = self.host.recover(operation, (process, number), memory, put_out) else {
            return;
        };
        if self.planted.as_mut().is_some_and(Planted::repeats_in_recovery)
            && memory == Memory::Keeps
            && self.host.times(operation.id) > 0
        {
            self.let_happen(operation.id);
        }
        self.recovered(process, number, operation.id, recovery);
    }

    fn recovered(&mut self, process: u32, number: u64, id: OperationId, recovery: Recovery) {
        self.coverage.note(match &recovery {
            Recovery::Finished(_) => Met::RecoveryFinished,
            Recovery::NeverStarted => Met::RecoveryNeverStarted,
            Recovery::Repeatable => Met::RecoveryRepeatable,
            Recovery::Unknown(_) => Met::RecoveryUnknown,
        });
        self.say(|| format!("of {id} the host knows: {recovery:?}"));
        let OperationId { step, attempt, .. } = id;
        self.deliver(process, number, Input::Recovered { step, attempt, recovery });
    }

    fn happens(&mut self, id: OperationId, beginning: u32) {
        let Some(held) = self.host.operations.get(&id) else { return };
        if held.progress != Progress::Running || held.beginnings != beginning {
            return;
        }
        let (behaviour, process) = (held.behaviour, held.asked_by.0);
        let operation = held.operation.clone();
        if behaviour.has_effect {
            self.let_happen(id);
            let is_alive = self.processes[process as usize].is_alive;
            if is_alive && self.dies_at(process, Point::AfterEffect, Some(&operation)) {
                // It may have taken the operation along, and then nothing ends.
                if !self.host.is_running(id) {
                    return;
                }
            }
        }
        self.later(behaviour.lasts_ms - behaviour.lasts_ms / 2, Kind::Ends(id, beginning));
    }

    /// Lets an operation have its effect, as its host does not ask whether it may.
    fn let_happen(&mut self, id: OperationId) {
        let Some(held) = self.host.operations.get(&id) else { return };
        self.laws.happens(&held.operation, held.memory, held.happened);
        let name = short(&held.operation.subject.node, &held.operation.event);
        self.coverage.note(Met::Effect);
        if held.operation.subject.relationship.is_some() {
            self.coverage.note(Met::OfRelationship);
        }
        if self.planted.as_mut().is_some_and(|planted| planted.loses_deletions(&name)) {
            if let Some(held) = self.host.operations.get_mut(&id) {
                held.happened += 1;
            }
            return;
        }
        self.host.happen(id);
        self.say(|| format!("EFFECT {name} ({id})"));
    }

    fn operation_ends(&mut self, id: OperationId, beginning: u32) {
        let running =
            |held: &&crate::host::Held| held.progress == Progress::Running && held.beginnings == beginning;
        let Some(held) = self.host.operations.get(&id).filter(running) else { return };
        let (asked_by, behaviour) = (held.asked_by, held.behaviour);
        match behaviour.ending {
            Ending::Fails(class) => {
                self.coverage.note(match class {
                    FailureClass::Transient => Met::Transient,
                    FailureClass::Permanent => Met::Permanent,
                    FailureClass::NeedsOperator => Met::NeedsOperator,
                    FailureClass::UnknownOutcome => Met::UnknownOutcome,
                    FailureClass::Denied => Met::Denied,
                });
                if behaviour.has_effect {
                    self.coverage.note(Met::FailedWithEffect);
                }
            }
            Ending::PutsOutNonsense => self.coverage.note(Met::Nonsense),
            Ending::Succeeds => {}
        }
        let outputs = &self.outputs;
        let outcome =
            self.host.end(id, |operation, generation, fits| put_out(outputs, operation, generation, fits));
        let outcome = match &self.planted {
            Some(planted) => planted.leaks(outcome),
            None => outcome,
        };
        self.say(|| format!("{id} ends: {outcome:?}"));
        self.finished(asked_by.0, asked_by.1, id, outcome);
        self.answer_waiting(id);
    }

    /// Tells those who asked what became of an operation while it ran.
    fn answer_waiting(&mut self, id: OperationId) {
        let Some(held) = self.host.operations.get_mut(&id) else { return };
        let waiting = std::mem::take(&mut held.waiting);
        if waiting.is_empty() {
            return;
        }
        let operation = held.operation.clone();
        for (process, number) in waiting {
            let memory = self.fate.memory(&operation);
            let outputs = &self.outputs;
            let put_out =
                |operation: &Operation, generation, fits| put_out(outputs, operation, generation, fits);
            if let Some(recovery) = self.host.recover(&operation, (process, number), memory, put_out) {
                self.recovered(process, number, id, recovery);
            }
        }
    }

    fn finished(&mut self, process: u32, number: u64, id: OperationId, outcome: Outcome) {
        let OperationId { step, attempt, .. } = id;
        self.deliver(process, number, Input::Finished { step, attempt, outcome });
    }

    fn deliver(&mut self, process: u32, number: u64, input: Input) {
        if !self.processes[process as usize].is_alive {
            return;
        }
        match self.fate.delivery() {
            Delivery::Lost => self.coverage.note(Met::AnswerLost),
            Delivery::After(ms) => self.later(ms, Kind::Answer(process, number, input)),
            Delivery::Twice => {
                self.coverage.note(Met::AnswerRepeated);
                self.later(1, Kind::Answer(process, number, input.clone()));
                self.later(30, Kind::Answer(process, number, input));
            }
        }
    }

    /// What the operator finds out about an operation.
    pub(crate) fn looked_up(&self, id: OperationId) -> Option<BTreeMap<String, Value>> {
        let outputs = &self.outputs;
        self.host.looked_up(id, |operation, generation, fits| put_out(outputs, operation, generation, fits))
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

fn put_out(
    known: &HashMap<(String, String), Vec<(String, Value)>>,
    operation: &Operation,
    generation: i64,
    fits: bool,
) -> Outcome {
    let key = (operation.subject.node.clone(), operation.event.clone());
    let outputs = known.get(&key).into_iter().flatten().map(|(name, value)| {
        let value = match value {
            _ if !fits => Value::List(vec![Value::from("nonsense")]),
            Value::Integer(number) => Value::Integer(number + generation),
            Value::Text(text) => Value::from(format!("{text}-{generation}")),
            other => other.clone(),
        };
        (name.clone(), value)
    });
    Outcome::Succeeded(outputs.collect())
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
