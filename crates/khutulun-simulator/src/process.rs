//! Processes: what they are to do, what they hold, and how their runs begin.

use std::sync::Arc;

use floria::{Store as _, VertexId};
use khutulun_api::{Operation, OperationId, RunId};
use khutulun_engine::{
    Effect, Lease, Owner, Run, RunResult, RunState, Setup, StepEnd, StepState, TakeUp, runs,
};
use khutulun_plan::{Action, Goal};

use crate::{
    bug::Bug,
    coverage::Met,
    fate::Point,
    planning::Planned,
    task::{Ended, Task},
    world::{Kind, World},
};

/// Where processes are: the name of the boot of every machine, which never ends.
const BOOT: &str = "boot";

/// A request whose answer a process waits for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) number: u64,
    pub(crate) step: u32,
    pub(crate) attempt: u32,
    pub(crate) recovers: bool,
    pub(crate) timeout_ms: u64,
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
    pub(crate) asked: Vec<Asked>,
    pub(crate) commit_is_open: bool,
    pub(crate) has_expired: bool,
    /// Whether it only ends what is in its way.
    pub(crate) supersedes: bool,
    /// What it asked for before it was allowed to, because of a bug.
    pub(crate) early: Vec<OperationId>,
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
        if self.has_planted(Bug::WakesWhenIdle) {
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
            (Task::Destroy, Some(run)) => self.take_up(process, lease, run, TakeUp::Supersede),
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
            // What somebody only wanted to see is in nobody's way.
            (_, Some(run)) if self.laws.goal_of(run) == Some(Goal::Refresh) => {
                self.take_up(process, lease, run, TakeUp::Supersede);
            }
            (_, Some(_)) => self.ends(process, Ended::Unfinished),
            (task, None) => {
                let planned = self.plan(&task, machine);
                self.begin(process, lease, planned);
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

    fn begin(&mut self, process: u32, lease: Lease, planned: Result<Planned, String>) {
        let Planned { mut plan, intention } = match planned {
            Ok(planned) if planned.plan.is_empty() => return self.ends(process, Ended::NothingToDo),
            Ok(planned) => planned,
            Err(why) => return self.ends(process, Ended::Refused(why)),
        };
        if self.has_planted(Bug::OrderForgotten) {
            plan.steps.iter_mut().for_each(|step| step.after.clear());
        }
        if plan.count(Action::Replace) > 0 {
            self.coverage.note(Met::Replaced);
        }
        match plan.goal {
            Goal::Stop | Goal::Start | Goal::Restart => self.coverage.note(Met::Changed),
            Goal::Refresh => self.coverage.note(Met::Looked),
            Goal::Workflow => self.coverage.note(Met::Workflow),
            Goal::Forget => self.coverage.note(Met::Forgotten),
            _ => {}
        }
        if plan.count(Action::Forget) > 0 && plan.goal != Goal::Forget {
            self.coverage.note(Met::LetGo);
        }
        self.coverage.note(Met::RunBegun);
        let id = RunId(self.store.allocate(1).map_or(0, |ids| ids.start));
        self.laws.planned(id, &plan, intention.is_some());
        let records = intention.map(|intention| intention.record(id, &self.subject.namespace));
        let is_forgotten = self.has_planted(Bug::IntentionForgotten);
        let records = records.into_iter().filter(|_| !is_forgotten).collect();
        let (base, graph) = (plan.base, self.graph());
        self.say(|| format!("process {process} begins run {id} of {} steps", plan.steps.len()));
        let epoch = lease.epoch;
        match Run::begin(self.setup(id, lease), plan, graph, base, records) {
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
            let in_flight = |step: u32| state.steps.get(step as usize).is_some_and(StepState::in_flight);
            let is_asked = |step: u32| {
                let is_over =
                    state.steps.get(step as usize).is_none_or(|step| step.end == StepEnd::Succeeded);
                self.laws.is_approval(id, step) && !is_over
            };
            if !answers.keys().all(|step| in_flight(*step) || is_asked(*step)) {
                return self.ends(process, Ended::Refused("an answer for what needs none".to_owned()));
            }
            self.laws.answered(id, answers);
        }
        let how = self.approved_by_nobody(id, how);
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
}
