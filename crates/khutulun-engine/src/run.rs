//! A run at work, as a state machine.

mod gathered;
mod steps;

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::Arc,
};

use floria::{Batch, Graph, Record, Revision};
use khutulun_api::{Failure, FailureClass, Operation, OperationId, Outcome, Recovery, RunId};
use khutulun_plan::Plan;

use crate::{
    effect::{Effect, Input, Lost, Setup, TakeUp, Tell},
    error::EngineError,
    journal::{Journal, RunState, StepState},
    lease::Lease,
    merge::Changed,
    present::Present,
    report::{RunReport, Settlement, StepEnd},
    scheduler::{Happened, Scheduler, StepFacts},
};
use gathered::{Gathered, Open};

/// How often in a row a commit is refused before the run is given up, because others change the instances again and again.
pub(crate) const CONFLICTS_MAX: usize = 100;

/// A run at work: what happens goes in ([`Input`]), what is to be done comes out ([`Effect`]).
///
/// It holds the plan, the instances, what the journal says, and what the next commit will. It has no clock, no store and no
/// chance: the same inputs give the same effects. Whoever drives it does the effects, in order, and hands in what comes of them.
///
/// It keeps these laws. At most one commit is open; what comes meanwhile gathers for the next one. An operation is executed only
/// once the commit with its intent is answered by [`Input::Committed`], and an observer is told of nothing that is not durable.
/// Each commit expects the revisions of the service's namespace and of its lease's: what somebody else has changed in the
/// instances stays, property by property, and once somebody else has the lease, nothing more is asked for.
pub struct Run {
    setup: Setup,
    plan: Arc<Plan>,
    journal: Journal,
    /// The instances, with all that is committed and all that is about to be.
    graph: Graph,
    /// Where the service's namespace is.
    revision: Revision,
    /// Until when the lease is had, durably.
    expires_ms: u64,
    steps: Vec<StepState>,
    scheduler: Scheduler,
    /// Operations whose intent is about to be durable.
    operations: HashMap<u32, Operation>,
    take_up: TakeUp,
    doubts: BTreeMap<u32, String>,
    /// What the next commit holds.
    gathered: Gathered,
    open: Option<Open>,
    /// Whether the first commit is not durable yet.
    beginning: bool,
    /// When the lease was found expired: nothing is executed until it is had beyond that time.
    expired_ms: Option<u64>,
    /// What is to be executed once the lease is renewed.
    held_back: Vec<Operation>,
    conflicts: usize,
    over: bool,
    report: Option<RunReport>,
}

impl fmt::Debug for Run {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Run")
            .field("setup", &self.setup)
            .field("revision", &self.revision)
            .field("steps", &self.steps)
            .field("open", &self.open.is_some())
            .field("over", &self.over)
            .finish_non_exhaustive()
    }
}

impl Run {
    /// Begins the run of a plan, from the instances as they are at `base`, the revision that the plan was made from. `records`
    /// are committed together with the beginning.
    ///
    /// # Errors
    ///
    /// [`EngineError::Plan`], when the plan cannot be written down.
    pub fn begin(
        setup: Setup,
        plan: impl Into<Arc<Plan>>,
        graph: Graph,
        base: Revision,
        records: Vec<Record>,
    ) -> Result<(Self, Vec<Effect>), EngineError> {
        let state = RunState::begun_now(setup.run, plan.into(), setup.lease.epoch);
        let mut run = Self::new(setup, state, graph, base, TakeUp::GoOn(BTreeMap::new()));
        run.gathered.records = run.journal.begin(&run.plan, run.setup.lease.epoch)?;
        run.gathered.records.extend(records);
        for change in &run.plan.prepare {
            run.graph.apply(change);
            run.gathered.changes.push(Changed::new(change.clone()));
        }
        run.gathered.lease = true;
        run.gathered.told.push(Tell::Began { done: 0 });
        let mut effects = Vec::new();
        run.schedule(Happened::Begin, &mut effects);
        run.flush(&mut effects);
        Ok((run, effects))
    }

    /// Takes up a run that was interrupted, failed, was cancelled or needs an answer, from its journal and the instances as they
    /// are at `revision`.
    pub fn take_up(
        setup: Setup,
        mut state: RunState,
        graph: Graph,
        revision: Revision,
        how: TakeUp,
    ) -> (Self, Vec<Effect>) {
        state.epoch = setup.lease.epoch;
        let known = state.steps.iter().map(StepState::known).collect();
        let done = state.steps.iter().filter(|step| step.end == StepEnd::Succeeded).count();
        let mut run = Self::new(setup, state, graph, revision, how);
        run.gathered.records = run.journal.resume(run.setup.lease.epoch);
        run.gathered.lease = true;
        run.gathered.told.push(Tell::Began { done });
        let mut effects = Vec::new();
        if !matches!(run.take_up, TakeUp::GoOn(_)) {
            run.scheduler.cancel();
        }
        run.schedule(Happened::Resume(known), &mut effects);
        run.flush(&mut effects);
        (run, effects)
    }

    fn new(setup: Setup, state: RunState, graph: Graph, revision: Revision, take_up: TakeUp) -> Self {
        let RunState { run, plan, steps, .. } = state;
        Self {
            journal: Journal { run, namespace: plan.namespace.clone() },
            scheduler: Scheduler::new(facts(&setup, &plan), setup.options.conduct),
            setup,
            plan,
            graph,
            revision,
            expires_ms: 0,
            steps,
            operations: HashMap::new(),
            take_up,
            doubts: BTreeMap::new(),
            gathered: Gathered::default(),
            open: None,
            beginning: true,
            expired_ms: None,
            held_back: Vec::new(),
            conflicts: 0,
            over: false,
            report: None,
        }
    }

    /// Takes in what happened and returns what is to be done, in order.
    pub fn handle(&mut self, input: Input) -> Vec<Effect> {
        self.handle_all([input])
    }

    /// Takes in several things that happened, in order, and returns what is to be done: what they add to the journal is
    /// committed together.
    pub fn handle_all(&mut self, inputs: impl IntoIterator<Item = Input>) -> Vec<Effect> {
        let mut effects = Vec::new();
        for input in inputs {
            if self.over {
                break;
            }
            self.take(input, &mut effects);
        }
        if !self.over {
            self.flush(&mut effects);
        }
        effects
    }

    fn take(&mut self, input: Input, effects: &mut Vec<Effect>) {
        match input {
            Input::Committed(revision) => self.committed(revision, effects),
            Input::Conflicted(present) => self.conflicted(*present, effects),
            Input::Finished { step, attempt, outcome } if self.scheduler.executes(step, attempt) => {
                let outcome = self.take_in(step, outcome);
                self.schedule(Happened::Finished(step, outcome), effects);
            }
            Input::Recovered { step, attempt, recovery } if self.scheduler.recovers(step, attempt) => {
                let recovery = self.settled(step, recovery);
                self.schedule(Happened::Recovered(step, recovery), effects);
            }
            Input::Finished { .. } | Input::Recovered { .. } => {}
            Input::Rested { step } => self.schedule(Happened::Rested(step), effects),
            Input::Cancel => self.schedule(Happened::Cancel, effects),
            Input::Renew { now_ms } => {
                if self.setup.lease.holder.is_some() {
                    self.setup.lease.renew(now_ms, self.setup.options.lease_ms);
                    self.gathered.lease = true;
                }
            }
            Input::Expired { now_ms } => self.expired_ms = Some(now_ms),
        }
    }

    /// Returns which run it is.
    pub fn id(&self) -> RunId {
        self.setup.run
    }

    /// Returns what the run came to, once it is over.
    pub fn report(&self) -> Option<&RunReport> {
        self.report.as_ref()
    }

    /// Returns what it does.
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// Returns until when the lease is had, durably, in milliseconds since 1970-01-01T00:00:00Z; 0 before the first commit and
    /// after the last.
    pub fn expires_ms(&self) -> u64 {
        self.expires_ms
    }

    /// Returns until when the lease is had once the commit that is open is durable; [`Self::expires_ms`], if none is.
    pub fn expires_next_ms(&self) -> u64 {
        self.open.as_ref().filter(|open| open.lease).map_or(self.expires_ms, |open| open.expires_ms)
    }

    /// Returns the lease, as it is about to be stored.
    pub fn lease(&self) -> &Lease {
        &self.setup.lease
    }

    /// Returns the commit that lets the lease go, for whoever leaves a run before it is over. None: there is nothing to let go.
    pub fn release(&self) -> Option<Batch> {
        if self.over || self.beginning {
            return None;
        }
        let lease = Lease { holder: None, ..self.setup.lease.clone() };
        let expected = vec![(lease.namespace(), lease.revision)];
        let author = self.setup.author();
        Some(Batch { expected, changes: vec![lease.change()], records: Vec::new(), author })
    }

    /// Returns the instances, with all that is committed and all that is about to be.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// What an executor said of an operation, or what somebody has settled where it cannot tell.
    fn settled(&mut self, step: u32, recovery: Recovery) -> Recovery {
        let recovery = match recovery {
            // An answer is for what nobody knows, also where the executor remembers that nobody knew.
            Recovery::Finished(Outcome::Failed(failure))
                if failure.class == FailureClass::UnknownOutcome && self.take_up.says(step).is_some() =>
            {
                Recovery::Unknown(failure.message)
            }
            told => told,
        };
        let recovery = match (recovery, &mut self.take_up) {
            (Recovery::Unknown(text), TakeUp::GoOn(settlements)) => match settlements.remove(&step) {
                Some(settlement) => settlement.recovery(),
                None => {
                    self.doubts.insert(step, text.clone());
                    Recovery::Unknown(text)
                }
            },
            // It counts as a failure of which nobody knows the effect.
            (Recovery::Unknown(_), TakeUp::Cancel | TakeUp::Supersede) => Recovery::Repeatable,
            (recovery, _) => recovery,
        };
        match recovery {
            Recovery::Finished(outcome) => Recovery::Finished(self.take_in(step, outcome)),
            other => other,
        }
    }

    /// Opens the next commit, where there is something to commit and no other one is open.
    fn flush(&mut self, effects: &mut Vec<Effect>) {
        while self.open.is_none() && !self.over && !self.gathered.is_idle() {
            let (open, changes) = std::mem::take(&mut self.gathered).opened();
            let is_empty = open.is_empty(&changes);
            self.open = Some(open);
            if is_empty {
                self.answered(effects);
            } else {
                self.emit(changes, effects);
            }
        }
    }

    fn emit(&mut self, changes: Vec<floria::Change>, effects: &mut Vec<Effect>) {
        let Some(open) = &mut self.open else { return };
        // Records alone move no namespace: whoever takes the run over and has read its journal before them would not notice.
        open.lease |= changes.is_empty();
        let lease = &self.setup.lease;
        let batch = Arc::new(Batch {
            expected: vec![
                (self.journal.namespace.clone(), self.revision),
                (lease.namespace(), lease.revision),
            ],
            changes: changes.into_iter().chain(open.lease.then(|| lease.change())).collect(),
            records: std::mem::take(&mut open.records),
            author: self.setup.author(),
        });
        open.expires_ms = lease.holder.as_ref().map_or(0, |holder| holder.expires_ms);
        open.batch = Arc::clone(&batch);
        effects.push(Effect::Commit(batch));
    }

    fn committed(&mut self, revision: Revision, effects: &mut Vec<Effect>) {
        let Some(open) = &self.open else { return };
        // Records alone do not move a namespace.
        if !open.before.is_empty() {
            self.revision = revision;
        }
        if open.lease {
            self.setup.lease.revision = revision;
            self.expires_ms = open.expires_ms;
            self.expired_ms = self.expired_ms.filter(|expired_ms| open.expires_ms <= *expired_ms);
        }
        self.conflicts = 0;
        self.beginning = false;
        self.answered(effects);
        if self.expired_ms.is_none() {
            effects.extend(std::mem::take(&mut self.held_back).into_iter().map(Effect::Execute));
        }
    }

    /// Goes on after what was open is durable.
    fn answered(&mut self, effects: &mut Vec<Effect>) {
        let Some(open) = self.open.take() else { return };
        effects.extend(open.told.into_iter().map(Effect::Tell));
        effects.extend(open.later);
        for step in open.intended {
            self.schedule(Happened::Recorded(step), effects);
        }
        if let Some(result) = open.result {
            let report = self.make_report(result);
            self.report = Some(report.clone());
            self.over = true;
            effects.push(Effect::Done(report));
        }
    }

    fn conflicted(&mut self, present: Present, effects: &mut Vec<Effect>) {
        let Present { graph, revision, lease } = present;
        let Some(open) = &mut self.open else { return };
        self.conflicts += 1;
        let lost = match &lease {
            _ if self.beginning => Some(Lost::NotBegun),
            Some(lease) if lease.epoch == self.setup.lease.epoch => {
                (self.conflicts >= CONFLICTS_MAX).then_some(Lost::Contended)
            }
            _ => Some(Lost::TakenOver),
        };
        if let Some(lost) = lost {
            self.over = true;
            effects.push(Effect::Lost(lost));
            return;
        }
        self.graph = graph;
        self.revision = revision;
        self.setup.lease.revision = lease.map_or(Revision(0), |lease| lease.revision);
        let changes = open.again(&mut self.graph);
        self.gathered.again(&mut self.graph);
        self.emit(changes, effects);
    }

    fn operation_id(&self, step: u32, attempt: u32) -> OperationId {
        OperationId { run: self.setup.run, step, attempt }
    }
}

fn facts(setup: &Setup, plan: &Plan) -> Vec<StepFacts> {
    let options = &setup.options;
    plan.steps
        .iter()
        .map(|step| StepFacts {
            after: step.after.clone(),
            otherwise: step.otherwise.clone(),
            gathers: step.gathers,
            decides: !step.conditions.is_empty() || step.answer.is_some(),
            approval: step.approval.is_some(),
            runs_code: step.implementation.is_some(),
            // A plugin may not be able to tell that nothing was done.
            early: !matches!(step.implementation, Some(floria::Implementation::Plugin(_))),
            attempts_max: match &step.implementation {
                Some(floria::Implementation::Script { .. }) => options.attempts_max_script,
                _ => options.attempts_max_component,
            },
        })
        .collect()
}

impl Settlement {
    fn recovery(self) -> Recovery {
        match self {
            Self::Retry => Recovery::Repeatable,
            Self::Succeeded(outputs) => Recovery::Finished(Outcome::Succeeded(outputs)),
            Self::Failed => Recovery::Finished(Outcome::Failed(Failure::permanent(
                "an operator says that it did not succeed",
            ))),
        }
    }
}
