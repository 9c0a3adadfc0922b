//! Processes: shells around the real [`Run`], that do in the simulated world what the real shell does on tokio.

use std::{collections::BTreeMap, sync::Arc};

use floria::{Batch, Store as _, Value, VertexId};
use khutulun_api::{Failure, FailureClass, Operation, OperationId, Outcome, Recovery, RunId};
use khutulun_engine::{
    Effect, Input, Lease, Lost, Owner, Run, RunReport, RunResult, RunState, Settlement, Setup, StepState,
    TakeUp, Tell, operation, runs,
};
use khutulun_plan::{Action, Goal, Plan, plan_run};

use crate::{
    bug::Bug,
    coverage::Met,
    fate::{Delivery, Point},
    host::short,
    sketch::event_of,
    world::{Kind, World},
};

/// Where processes are: the name of the boot of every machine, which never ends.
const BOOT: &str = "boot";

/// What a process is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// Bring the service to one of its designs, by its number.
    Deploy(usize),
    /// Take the service away, whatever is in the way.
    Destroy,
    /// Go on with the last run, with answers by step.
    Resume(BTreeMap<u32, Settlement>),
    /// End the last run as cancelled, if it has not ended.
    Cancel,
    /// Stop, start or restart a node, or all of them.
    Change(Goal, Option<String>),
    /// Run one operation of a node.
    Operate {
        /// The node.
        node: String,
        /// The operation, as `start`.
        operation: String,
    },
}

impl Task {
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Deploy(design) => format!("deploy design {design}"),
            Self::Destroy => "destroy".to_owned(),
            Self::Resume(answers) if answers.is_empty() => "resume".to_owned(),
            Self::Resume(answers) => format!("resume with {answers:?}"),
            Self::Cancel => "cancel".to_owned(),
            Self::Change(goal, node) => format!("{} {}", goal.word(), node.as_deref().unwrap_or("all")),
            Self::Operate { node, operation } => format!("run {node}.{operation}"),
        }
    }
}

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Its run came to this.
    Done(RunReport),
    /// There was nothing to do.
    NothingToDo,
    /// Somebody has the lease.
    Busy,
    /// A run has begun and not ended.
    Unfinished,
    /// What it had read has moved before it could begin.
    NotBegun,
    /// Somebody has taken its lease.
    TakenOver,
    /// Others write again and again.
    Contended,
    /// The store could not be used.
    StoreFailed,
    /// There is no plan.
    Refused(String),
    /// It died.
    Died,
}

/// A request whose answer a process waits for.
#[derive(Clone, Copy, Debug)]
struct Asked {
    number: u64,
    step: u32,
    attempt: u32,
    recovers: bool,
    timeout_ms: u64,
}

/// A process.
pub(crate) struct Process {
    pub(crate) id: u32,
    pub(crate) machine: usize,
    pub(crate) task: Task,
    pub(crate) is_alive: bool,
    pub(crate) is_paused: bool,
    /// Whether its run's first commit is durable.
    pub(crate) has_begun: bool,
    pub(crate) epoch: u64,
    pub(crate) run: Option<Run>,
    asked: Vec<Asked>,
    commit_is_open: bool,
    has_expired: bool,
    /// Whether it only ends what is in its way.
    supersedes: bool,
    /// What it asked for before it was allowed to, because of a bug.
    early: Vec<OperationId>,
    pub(crate) ended: Option<Ended>,
}

impl Process {
    pub(crate) fn new(id: u32, machine: usize, task: Task) -> Self {
        Self {
            id,
            machine,
            task,
            is_alive: true,
            is_paused: false,
            has_begun: false,
            epoch: 0,
            run: None,
            asked: Vec::new(),
            commit_is_open: false,
            has_expired: false,
            supersedes: false,
            early: Vec::new(),
            ended: None,
        }
    }

    /// Whether it asks what became of something.
    fn settles(&self) -> bool {
        self.asked.iter().any(|asked| asked.recovers)
    }
}

impl World {
    /// A process dies here, if fate says so.
    pub(crate) fn dies_at(&mut self, process: u32, point: Point, about: Option<&Operation>) -> bool {
        if !self.fate.dies(process, point, about) {
            return false;
        }
        let state = &self.processes[process as usize];
        self.coverage.note(match point {
            _ if state.settles() => Met::CrashInRecovery,
            Point::BeforeCommit => Met::CrashBeforeCommit,
            Point::AfterCommit => Met::CrashAfterCommit,
            Point::BeforeEffect => Met::CrashBeforeEffect,
            Point::AfterEffect => Met::CrashAfterEffect,
            Point::Between if state.has_begun => Met::CrashInRun,
            Point::Between => Met::CrashIdle,
        });
        self.ends(process, Ended::Died);
        true
    }

    pub(crate) fn ends(&mut self, process: u32, how: Ended) {
        let line = match &how {
            Ended::Done(report) => format!("{} ({} questions)", report.result.word(), report.questions.len()),
            other => format!("{other:?}"),
        };
        self.say(|| format!("process {process} ends: {line}"));
        let state = &mut self.processes[process as usize];
        state.is_alive = false;
        state.is_paused = false;
        // What was asked for stays on its way; only a process that is gone cannot be answered.
        let leaves = !matches!(how, Ended::Done(_));
        state.ended = Some(how);
        state.run = None;
        self.forget_events_of(process);
        if leaves {
            self.forget_requests_of(process);
        }
        if self.planted.as_ref().is_some_and(|planted| planted.bug == Bug::WakesWhenIdle) {
            self.later(86_400_000, Kind::Wakes(process));
        }
    }

    /// A process goes on to its next run.
    pub(crate) fn go(&mut self, process: u32) {
        if self.dies_at(process, Point::Between, None) {
            return;
        }
        let namespace = self.subject.namespace.clone();
        let state = &self.processes[process as usize];
        let (task, machine) = (state.task.clone(), state.machine);
        // The lease first, and then what it protects.
        let lease = match self.take(process, machine) {
            Ok(lease) => lease,
            Err(()) => {
                self.coverage.note(Met::Busy);
                return self.ends(process, Ended::Busy);
            }
        };
        let unfinished = self.unfinished();
        match (task, unfinished) {
            (Task::Deploy(_) | Task::Operate { .. } | Task::Change(..), Some(_)) => {
                self.ends(process, Ended::Unfinished)
            }
            (Task::Deploy(design), None) => {
                let plan = self.plan_deploy(design);
                self.begin(process, lease, plan);
            }
            (Task::Operate { node, operation }, None) => {
                let base = self.revision(&namespace);
                let graph = self.graph();
                let basis = khutulun_plan::Basis::new(&namespace, base, &*self.subject.functions);
                let plan = plan_run(&basis, &graph, &node, &event_of(&operation), &BTreeMap::new());
                if let Ok(plan) = &plan {
                    self.learn_outputs(plan, &graph);
                }
                self.begin(process, lease, plan.map_err(|error| error.to_string()));
            }
            (Task::Change(goal, node), None) => {
                let plan = self.plan_change(goal, node.as_deref());
                self.begin(process, lease, plan);
            }
            (Task::Destroy, Some(run)) => self.take_up(process, lease, run, TakeUp::Supersede),
            (Task::Destroy, None) => {
                let plan = self.plan_destroy().map_err(|error| error.to_string());
                self.begin(process, lease, plan);
            }
            (Task::Cancel, Some(run)) => self.take_up(process, lease, run, TakeUp::Cancel),
            (Task::Cancel, None) => self.ends(process, Ended::NothingToDo),
            (Task::Resume(answers), _) => {
                let last = runs(&*self.store, &namespace).ok().and_then(|runs| runs.last().cloned());
                let over = |result: &str| result == RunResult::Succeeded.word() || result == "superseded";
                match last {
                    Some(last) if !last.result.as_deref().is_some_and(over) => {
                        self.take_up(process, lease, last.run, TakeUp::GoOn(answers));
                    }
                    _ => self.ends(process, Ended::NothingToDo),
                }
            }
        }
    }

    fn take(&mut self, process: u32, machine: usize) -> Result<Lease, ()> {
        let now_ms = self.wall_ms(machine);
        let host = format!("machine-{machine}");
        let stored = self.lease();
        let lease = match stored {
            Some(lease) => lease,
            None => {
                let id = self.store.allocate(1).map_or(0, |ids| ids.start);
                Lease::new(self.subject.namespace.clone(), VertexId(id))
            }
        };
        let lives = |owner: &Owner| {
            let holder = owner.pid.checked_sub(1).and_then(|id| self.processes.get(id as usize));
            holder.is_some_and(|holder| holder.is_alive)
        };
        let is_gone = |owner: &Owner| owner.host == host && owner.boot == BOOT && !lives(owner);
        if lease.held(now_ms, &is_gone).is_some() {
            return Err(());
        }
        if let Some(holder) = &lease.holder {
            let met = if lives(&holder.owner) { Met::TakenFromLiving } else { Met::TakenFromDead };
            self.coverage.note(met);
        }
        let owner = Owner {
            host,
            boot: BOOT.to_owned(),
            pid: process + 1,
            start_ticks: u64::from(process),
            author: "operator".to_owned(),
            verb: self.processes[process as usize].task.describe(),
        };
        Ok(lease.taken(owner, now_ms, self.options.lease_ms))
    }

    fn setup(&self, run: RunId, lease: Lease) -> Setup {
        Setup {
            run,
            lease,
            options: self.options,
            functions: Arc::clone(&self.subject.functions),
            author: "operator".to_owned(),
        }
    }

    fn begin(&mut self, process: u32, lease: Lease, plan: Result<Plan, String>) {
        let plan = match plan {
            Ok(plan) if plan.is_empty() => return self.ends(process, Ended::NothingToDo),
            Ok(plan) => plan,
            Err(why) => return self.ends(process, Ended::Refused(why)),
        };
        if plan.count(Action::Replace) > 0 {
            self.coverage.note(Met::Replaced);
        }
        if matches!(plan.goal, Goal::Stop | Goal::Start | Goal::Restart) {
            self.coverage.note(Met::Changed);
        }
        self.coverage.note(Met::RunBegun);
        let id = RunId(self.store.allocate(1).map_or(0, |ids| ids.start));
        self.laws.planned(id, &plan);
        let (base, graph) = (plan.base, self.graph());
        self.say(|| format!("process {process} begins run {id} of {} steps", plan.steps.len()));
        let epoch = lease.epoch;
        match Run::begin(self.setup(id, lease), plan, graph, base, Vec::new()) {
            Ok((run, effects)) => self.starts(process, run, epoch, effects),
            Err(error) => self.ends(process, Ended::Refused(error.to_string())),
        }
    }

    fn take_up(&mut self, process: u32, lease: Lease, id: RunId, how: TakeUp) {
        let namespace = self.subject.namespace.clone();
        let (graph, revision) = (self.graph(), self.revision(&namespace));
        let state = match RunState::read(&*self.store, id) {
            Ok(state) => state,
            Err(error) => {
                self.laws.broken(8, format!("the journal of run {id} cannot be read: {error}"));
                return self.ends(process, Ended::Refused(error.to_string()));
            }
        };
        if let TakeUp::GoOn(answers) = &how {
            let in_flight = |step: &u32| state.steps.get(*step as usize).is_some_and(StepState::in_flight);
            if !answers.keys().all(in_flight) {
                return self.ends(process, Ended::Refused("an answer for what needs none".to_owned()));
            }
        }
        self.coverage.note(match how {
            TakeUp::Supersede => Met::RunSuperseded,
            _ => Met::RunResumed,
        });
        self.say(|| format!("process {process} takes up run {id}: {how:?}"));
        let epoch = lease.epoch;
        self.processes[process as usize].supersedes = how == TakeUp::Supersede;
        let (run, effects) = Run::take_up(self.setup(id, lease), state, graph, revision, how);
        self.starts(process, run, epoch, effects);
    }

    fn starts(&mut self, process: u32, run: Run, epoch: u64, effects: Vec<Effect>) {
        let state = &mut self.processes[process as usize];
        state.run = Some(run);
        state.epoch = epoch;
        state.has_begun = false;
        state.has_expired = false;
        self.later(self.options.lease_ms / 3, Kind::Renew(process));
        self.perform(process, effects);
    }

    /// Does what a run asks for.
    fn perform(&mut self, process: u32, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Commit(batch) => self.sends(process, batch),
                Effect::Execute(operation) => {
                    let state = &mut self.processes[process as usize];
                    match state.early.iter().position(|id| *id == operation.id) {
                        // A bug has asked for it already.
                        Some(place) => drop(state.early.swap_remove(place)),
                        None => self.asks(process, operation, false),
                    }
                }
                Effect::Recover(operation) => self.asks(process, operation, true),
                Effect::Rest { step, ms } => self.later(ms, Kind::Rested(process, step)),
                Effect::Tell(Tell::Ended { step, outcome: Outcome::Failed(_), .. }) => {
                    self.goes_on_after_failure(process, step);
                }
                Effect::Tell(_) => {}
                Effect::Done(report) => {
                    self.coverage.note(match report.result {
                        RunResult::Succeeded => Met::RunSucceeded,
                        RunResult::Failed => Met::RunFailed,
                        RunResult::Cancelled => Met::RunCancelled,
                        RunResult::NeedsOperator => Met::RunNeedsOperator,
                    });
                    self.coverage.add(Met::Question, report.questions.len() as u64);
                    return self.done(process, report);
                }
                Effect::Lost(lost) => {
                    return self.lost(process, lost);
                }
            }
        }
    }

    fn done(&mut self, process: u32, report: RunReport) {
        let state = &mut self.processes[process as usize];
        if std::mem::take(&mut state.supersedes) {
            state.run = None;
            state.has_begun = false;
            state.asked.clear();
            self.forget_events_of(process);
            return self.later(1, Kind::Go(process));
        }
        self.ends(process, Ended::Done(report));
    }

    fn lost(&mut self, process: u32, lost: Lost) {
        self.coverage.note(match lost {
            Lost::NotBegun => Met::Stale,
            Lost::TakenOver | Lost::Contended => Met::FencedOff,
        });
        self.ends(
            process,
            match lost {
                Lost::NotBegun => Ended::NotBegun,
                Lost::TakenOver => Ended::TakenOver,
                Lost::Contended => Ended::Contended,
            },
        );
    }

    fn sends(&mut self, process: u32, batch: Arc<Batch>) {
        let state = &mut self.processes[process as usize];
        if std::mem::replace(&mut state.commit_is_open, true) {
            self.laws.broken(1, format!("process {process} has two commits open"));
        }
        if self.planted.as_ref().is_some_and(|planted| planted.bug == Bug::IntentAfterEffect) {
            self.asks_early(process, &batch);
        }
        let after_ms = self.fate.store_takes_ms();
        self.later(after_ms, Kind::Store(process, batch));
    }

    fn asks(&mut self, process: u32, operation: Operation, recovers: bool) {
        self.requests += 1;
        let number = self.requests;
        let limit_ms = operation.timeout_ms.saturating_add(self.options.grace_ms);
        let OperationId { step, attempt, .. } = operation.id;
        let timeout_ms = operation.timeout_ms;
        let asked = Asked { number, step, attempt, recovers, timeout_ms };
        self.processes[process as usize].asked.push(asked);
        self.later(limit_ms, Kind::Limit(process, number));
        let until_ms = self.now_ms + limit_ms;
        let operation = Arc::new(operation);
        let request = |operation| Kind::Request { process, number, operation, recovers, until_ms };
        match self.fate.delivery() {
            Delivery::Lost => self.coverage.note(Met::RequestLost),
            Delivery::After(ms) => self.later(ms, request(operation)),
            Delivery::Twice => {
                self.coverage.note(Met::RequestRepeated);
                self.later(1, request(Arc::clone(&operation)));
                self.later(40, request(operation));
            }
        }
    }

    pub(crate) fn stored(&mut self, process: u32, input: Input) {
        self.processes[process as usize].commit_is_open = false;
        self.tell(process, input);
    }

    pub(crate) fn answered(&mut self, process: u32, number: u64, input: Input) {
        self.processes[process as usize].asked.retain(|asked| asked.number != number);
        self.tell(process, input);
    }

    /// Nobody has answered for as long as anybody waits.
    pub(crate) fn overdue(&mut self, process: u32, number: u64) {
        let state = &mut self.processes[process as usize];
        let Some(place) = state.asked.iter().position(|asked| asked.number == number) else { return };
        let Asked { step, attempt, recovers, timeout_ms, .. } = state.asked.swap_remove(place);
        let message = format!("it took longer than {timeout_ms} ms, and whoever runs it did not end it");
        let input = if recovers {
            self.coverage.note(Met::RecoverySilent);
            let recovery = Recovery::Unknown("whoever runs it did not answer in time".to_owned());
            Input::Recovered { step, attempt, recovery }
        } else {
            let class = FailureClass::UnknownOutcome;
            let failure = Failure { class, message, detail: String::new() };
            Input::Finished { step, attempt, outcome: Outcome::Failed(failure) }
        };
        self.say(|| format!("process {process} waits no longer for step {step}"));
        self.tell(process, input);
    }

    pub(crate) fn renew(&mut self, process: u32) {
        let machine = self.processes[process as usize].machine;
        let now_ms = self.wall_ms(machine);
        self.coverage.note(Met::Renewed);
        self.later(self.options.lease_ms / 3, Kind::Renew(process));
        self.tell(process, Input::Renew { now_ms });
    }

    /// Hands something to a process's run, and does what it asks for.
    pub(crate) fn tell(&mut self, process: u32, input: Input) {
        let machine = self.processes[process as usize].machine;
        let now_ms = self.wall_ms(machine);
        let renewing = matches!(input, Input::Renew { .. });
        let state = &mut self.processes[process as usize];
        let Some(run) = &mut state.run else { return };
        let mut inputs = Vec::with_capacity(2);
        let expired = run.expires_ms() > 0 && now_ms >= run.expires_ms();
        if expired && !renewing && !state.has_expired {
            inputs.extend([Input::Expired { now_ms }, Input::Renew { now_ms }]);
        }
        state.has_expired = expired;
        inputs.push(input);
        let effects = run.handle_all(inputs);
        self.perform(process, effects);
    }

    /// Somebody asks a process for the end of its run.
    pub(crate) fn cancel(&mut self, process: u32) {
        if self.processes[process as usize].run.is_some() {
            self.coverage.note(Met::Cancelled);
            self.say(|| format!("process {process} is asked to cancel"));
            self.tell(process, Input::Cancel);
        }
    }

    // What follows happens only where a bug is planted.

    fn made_early(&self, process: u32, step: u32, attempt: u32) -> Option<Operation> {
        let state = &self.processes[process as usize];
        let run = state.run.as_ref()?;
        let planned = run.plan().steps.get(step as usize).filter(|step| step.implementation.is_some())?;
        let id = OperationId { run: run.id(), step, attempt };
        let mut made = operation(run.graph(), &*self.subject.functions, planned, id).ok()?;
        made.epoch = state.epoch;
        Some(made)
    }

    fn asks_early(&mut self, process: u32, batch: &Batch) {
        for record in batch.records.iter().filter(|record| record.kind == "intent") {
            let number = |key: &str| record.body.get(key).and_then(Value::as_integer).unwrap_or_default();
            let made = self.made_early(process, number("step") as u32, number("attempt") as u32);
            if let Some(operation) = made {
                self.processes[process as usize].early.push(operation.id);
                self.asks(process, operation, false);
            }
        }
    }

    fn goes_on_after_failure(&mut self, process: u32, failed: u32) {
        let Some(bug) = self.planted.as_ref().map(|planted| planted.bug) else { return };
        let Some(run) = &self.processes[process as usize].run else { return };
        let dependent = |(_, step): &(u32, &khutulun_plan::Step)| match bug {
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
