//! A run at work: feeds the core, and does what it says.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use floria::{Batch, Change, Graph, Revision, StoreError};
use khutulun_api::{Failure, FailureClass, Operation, OperationId, Outcome, Recovery};
use khutulun_plan::Plan;
use tokio::task::{Id, JoinError, JoinSet};

use crate::{
    cancel::Cancel,
    context,
    core::{Core, Effect, Input, StepFacts},
    engine::Engine,
    error::EngineError,
    journal::{Journal, RunState, SUPERSEDED, StepState},
    mark,
    report::{Observer, Question, RunReport, RunResult, Settlement, StepEnd, StepReport},
    settle::settle,
};

/// How often a commit is tried when somebody else changes the instances at the same time without taking the run over, such
/// as someone who looks at reality: more would be a fight.
pub(crate) const CONFLICTS_MAX: usize = 10;

/// What a task is about, for the case that it ends without saying.
#[derive(Clone, Copy)]
enum Task {
    Execute(u32),
    Recover(u32),
    Rest,
}

/// A step whose end is told once it is durable.
struct Told {
    step: u32,
    outcome: Outcome,
    again: bool,
}

/// A run at work.
pub(crate) struct Work<'e> {
    engine: &'e Engine,
    observer: &'e dyn Observer,
    cancel: &'e Cancel,
    journal: Journal,
    plan: Plan,
    epoch: u64,
    /// The instances, with all that is committed and all that is about to be.
    graph: Graph,
    /// Where this engine left the namespace.
    revision: Revision,
    steps: Vec<StepState>,
    operations: HashMap<u32, Operation>,
    settlements: BTreeMap<u32, Settlement>,
    doubts: BTreeMap<u32, String>,
    /// What the next commit holds.
    batch: Batch,
    /// Outcomes of operations whose changes of the graph are in it already.
    settled: HashMap<u32, Option<Change>>,
    told: Vec<Told>,
    /// Steps that are not run, and nobody was told yet.
    skipped: Vec<u32>,
    tasks: JoinSet<Input>,
    task_of: HashMap<Id, Task>,
}

impl<'e> Work<'e> {
    pub(crate) fn new(
        engine: &'e Engine,
        observer: &'e dyn Observer,
        cancel: &'e Cancel,
        journal: Journal,
        state: RunState,
        graph: Graph,
        revision: Revision,
    ) -> Self {
        let RunState { plan, epoch, steps, .. } = state;
        Self {
            engine,
            observer,
            cancel,
            journal,
            plan,
            epoch,
            graph,
            revision,
            steps,
            operations: HashMap::new(),
            settlements: BTreeMap::new(),
            doubts: BTreeMap::new(),
            batch: Batch::default(),
            settled: HashMap::new(),
            told: Vec::new(),
            skipped: Vec::new(),
            tasks: JoinSet::new(),
            task_of: HashMap::new(),
        }
    }

    /// Works until the run is over.
    pub(crate) async fn drive(
        mut self,
        first: Input,
        settlements: BTreeMap<u32, Settlement>,
    ) -> Result<RunReport, EngineError> {
        self.settlements = settlements;
        let done = self.steps.iter().filter(|step| step.end == StepEnd::Succeeded).count();
        self.observer.run_began(self.journal.run, &self.plan, done);
        let mut core = Core::new(self.facts(), self.engine.options.conduct);
        let mut inputs = VecDeque::from([first]);
        let mut cancelled = false;
        loop {
            let mut intended = Vec::new();
            let mut later = Vec::new();
            let mut result = None;
            // Whoever asked before an operation ended is heard before it, however long the last commit took.
            if !cancelled && self.cancel.is_cancelled() {
                cancelled = true;
                inputs.push_front(Input::Cancel);
            }
            while let Some(input) = inputs.pop_front() {
                let input = self.take(input);
                for effect in core.handle(input) {
                    match effect {
                        Effect::RecordIntent { step, attempt } => match self.intend(step, attempt) {
                            Ok(()) => intended.push(step),
                            Err(failure) => inputs.push_back(Input::Finished(step, Outcome::Failed(failure))),
                        },
                        Effect::RecordOutcome { step, attempt, outcome, touched, caught } => {
                            self.record(step, attempt, outcome, touched, caught);
                        }
                        Effect::Decide { step } => inputs.push_back(Input::Decided(step, self.decide(step))),
                        Effect::Skip { step, decided } => self.skip(step, decided),
                        Effect::Conclude => self.conclude(),
                        Effect::Done(done) => result = Some(done),
                        Effect::Rest { step, .. } => {
                            if let Some(told) = self.told.iter_mut().rfind(|told| told.step == step) {
                                told.again = true;
                            }
                            later.push(effect);
                        }
                        Effect::Execute { .. } | Effect::Recover { .. } => later.push(effect),
                    }
                }
            }
            if let Some(result) = result.filter(|result| *result != RunResult::NeedsOperator) {
                self.end(result.word());
            }
            self.commit().await?;
            for told in std::mem::take(&mut self.told) {
                self.observer.step_ended(told.step, &told.outcome, told.again);
            }
            for step in std::mem::take(&mut self.skipped) {
                self.observer.step_skipped(step);
            }
            if let Some(result) = result {
                let report = self.report(result);
                self.observer.run_ended(&report);
                return Ok(report);
            }
            later.into_iter().for_each(|effect| self.start(effect));
            inputs.extend(intended.into_iter().map(Input::Recorded));
            if inputs.is_empty() {
                tokio::select! {
                    Some(ended) = self.tasks.join_next_with_id() => inputs.extend(self.ended(ended)),
                    () = self.cancel.asked(), if !cancelled => {}
                }
            }
            // What ended meanwhile goes into the same commit.
            while let Some(ended) = self.tasks.try_join_next_with_id() {
                inputs.extend(self.ended(ended));
            }
        }
    }

    /// Settles what is in flight and ends the run for something else to begin.
    pub(crate) async fn settle_and_end(mut self) -> Result<(), EngineError> {
        for step in 0..self.steps.len() as u32 {
            let state = &self.steps[step as usize];
            if state.in_flight() {
                let attempt = state.attempt;
                self.start(Effect::Recover { step, attempt });
            }
        }
        while let Some(ended) = self.tasks.join_next_with_id().await {
            let Some(Input::Recovered(step, recovery)) = self.ended(ended) else { continue };
            let failed = |class, message: &str| {
                Outcome::Failed(Failure { class, message: message.to_owned(), detail: String::new() })
            };
            let (outcome, touched) = match recovery {
                Recovery::Finished(outcome) => (outcome, true),
                Recovery::NeverStarted => (failed(FailureClass::Transient, "it was never started"), false),
                Recovery::Repeatable | Recovery::Unknown(_) => (
                    failed(FailureClass::UnknownOutcome, "it was interrupted, and the run was given up"),
                    true,
                ),
            };
            let attempt = self.steps[step as usize].attempt;
            self.record(step, attempt, outcome, touched, false);
        }
        self.end(SUPERSEDED);
        self.commit().await
    }

    fn facts(&self) -> Vec<StepFacts> {
        let options = &self.engine.options;
        self.plan
            .steps
            .iter()
            .map(|step| StepFacts {
                after: step.after.clone(),
                otherwise: step.otherwise.clone(),
                gathers: step.gathers,
                decides: !step.conditions.is_empty(),
                runs_code: step.implementation.is_some(),
                attempts_max: match &step.implementation {
                    Some(floria::Implementation::Script { .. }) => options.attempts_max_script,
                    _ => options.attempts_max_component,
                },
            })
            .collect()
    }

    /// Takes in what an operation put out before the core hears of it: what does not fit is a failure.
    fn take(&mut self, input: Input) -> Input {
        match input {
            Input::Finished(step, outcome) => Input::Finished(step, self.take_in(step, outcome)),
            Input::Recovered(step, Recovery::Finished(outcome)) => {
                Input::Recovered(step, Recovery::Finished(self.take_in(step, outcome)))
            }
            Input::Recovered(step, Recovery::Unknown(text)) => {
                let recovery = match self.settlements.remove(&step) {
                    None => {
                        self.doubts.insert(step, text.clone());
                        Recovery::Unknown(text)
                    }
                    Some(Settlement::Retry) => Recovery::Repeatable,
                    Some(Settlement::Succeeded(outputs)) => {
                        Recovery::Finished(self.take_in(step, Outcome::Succeeded(outputs)))
                    }
                    Some(Settlement::Failed) => Recovery::Finished(Outcome::Failed(Failure::permanent(
                        "an operator says that it did not succeed",
                    ))),
                };
                Input::Recovered(step, recovery)
            }
            other => other,
        }
    }

    fn take_in(&mut self, step: u32, outcome: Outcome) -> Outcome {
        if matches!(outcome, Outcome::Failed(_)) {
            return outcome;
        }
        let (outcome, change) = self.settle(step, outcome, true);
        self.settled.insert(step, change);
        outcome
    }

    fn settle(&mut self, step: u32, outcome: Outcome, touched: bool) -> (Outcome, Option<Change>) {
        let planned = &self.plan.steps[step as usize];
        settle(&mut self.graph, &*self.engine.functions, &self.plan, planned, outcome, touched)
    }

    fn operation_id(&self, step: u32, attempt: u32) -> OperationId {
        OperationId { run: self.journal.run, step, attempt }
    }

    /// Makes the operation of a step, and its intent a part of the next commit.
    fn intend(&mut self, step: u32, attempt: u32) -> Result<(), Failure> {
        let id = self.operation_id(step, attempt);
        let planned = &self.plan.steps[step as usize];
        let operation = context::operation(&self.graph, &*self.engine.functions, planned, id)?;
        self.batch.records.push(self.journal.intent(step, attempt, &operation.inputs));
        self.steps[step as usize] =
            StepState { attempt, inputs: operation.inputs.clone(), end: StepEnd::InFlight };
        self.operations.insert(step, operation);
        Ok(())
    }

    /// Looks at the conditions of a step.
    fn decide(&self, step: u32) -> Result<bool, Failure> {
        let planned = &self.plan.steps[step as usize];
        context::holds(&self.graph, &*self.engine.functions, planned)
    }

    fn skip(&mut self, step: u32, decided: bool) {
        if decided {
            self.batch.records.push(self.journal.skipped(step));
        }
        self.steps[step as usize].end = StepEnd::Skipped;
        self.skipped.push(step);
    }

    /// Makes an outcome a part of the next commit, with what follows from it.
    fn record(&mut self, step: u32, attempt: u32, outcome: Outcome, touched: bool, caught: bool) {
        let (outcome, change) = match self.settled.remove(&step) {
            Some(change) => (outcome, change),
            None => self.settle(step, outcome, touched),
        };
        self.batch.changes.extend(change);
        self.batch.records.push(self.journal.outcome(step, attempt, &outcome, caught));
        let state = &mut self.steps[step as usize];
        state.attempt = attempt;
        state.end = match &outcome {
            Outcome::Succeeded(_) => StepEnd::Succeeded,
            Outcome::Failed(failure) if caught => StepEnd::Caught(failure.clone()),
            Outcome::Failed(failure) => StepEnd::Failed(failure.clone()),
        };
        self.told.push(Told { step, outcome, again: false });
    }

    fn conclude(&mut self) {
        for change in &self.plan.conclude {
            self.graph.apply(change);
        }
        self.batch.changes.extend(self.plan.conclude.iter().cloned());
    }

    fn end(&mut self, result: &str) {
        self.batch.changes.extend(mark::remove(&mut self.graph));
        self.batch.records.extend(self.journal.end(result));
    }

    /// Makes everything durable that was gathered.
    async fn commit(&mut self) -> Result<(), EngineError> {
        let mut batch = std::mem::take(&mut self.batch);
        if batch.changes.is_empty() && batch.records.is_empty() {
            return Ok(());
        }
        batch.author = self.engine.author_of(self.journal.run);
        let namespace = &self.journal.namespace;
        for _ in 0..CONFLICTS_MAX {
            batch.expected = vec![(namespace.clone(), self.revision)];
            let (returned, result) = self
                .engine
                .on_store(move |store| {
                    let result = store.commit(&batch);
                    (batch, result)
                })
                .await;
            batch = returned;
            match result {
                Ok(revision) => {
                    if !batch.changes.is_empty() {
                        self.revision = revision;
                    }
                    return Ok(());
                }
                Err(StoreError::Conflict { .. }) => {
                    self.revision = self.engine.revision(namespace).await?;
                    self.graph = self.engine.graph(namespace).await?;
                    if !mark::is(&self.graph, self.journal.run, self.epoch) {
                        return Err(EngineError::TakenOver { run: self.journal.run });
                    }
                    batch.changes.iter().for_each(|change| self.graph.apply(change));
                }
                Err(source) => return Err(EngineError::Store { attempt: "record what happened", source }),
            }
        }
        Err(EngineError::TakenOver { run: self.journal.run })
    }

    /// Starts what takes time.
    fn start(&mut self, effect: Effect) {
        let executor = Arc::clone(&self.engine.executor);
        let grace_ms = self.engine.options.grace_ms;
        let limit =
            move |operation: &Operation| Duration::from_millis(operation.timeout_ms.saturating_add(grace_ms));
        let (task, handle) = match effect {
            Effect::Execute { step, .. } => {
                let operation = self.operations[&step].clone();
                self.steps[step as usize].end = StepEnd::InFlight;
                self.observer.step_started(step, &operation);
                let handle = self.tasks.spawn(async move {
                    let outcome = tokio::time::timeout(limit(&operation), executor.execute(&operation)).await;
                    Input::Finished(step, outcome.unwrap_or_else(|_| Outcome::Failed(overdue(&operation))))
                });
                (Task::Execute(step), handle)
            }
            Effect::Recover { step, attempt } => {
                let id = self.operation_id(step, attempt);
                let planned = &self.plan.steps[step as usize];
                let inputs = self.steps[step as usize].inputs.clone();
                let operation =
                    context::operation_again(&self.graph, &*self.engine.functions, planned, id, inputs)
                        .expect("a step with an intent has code");
                self.operations.insert(step, operation.clone());
                let handle = self.tasks.spawn(async move {
                    let recovery =
                        tokio::time::timeout(limit(&operation), executor.recover(&operation)).await;
                    let silent = || Recovery::Unknown("whoever runs it did not answer in time".to_owned());
                    Input::Recovered(step, recovery.unwrap_or_else(|_| silent()))
                });
                (Task::Recover(step), handle)
            }
            Effect::Rest { step, failures } => {
                let options = &self.engine.options;
                let doublings = failures.saturating_sub(1).min(20);
                let rest_ms = options.rest_ms_first.saturating_mul(1 << doublings).min(options.rest_ms_max);
                let handle = self.tasks.spawn(async move {
                    tokio::time::sleep(Duration::from_millis(rest_ms)).await;
                    Input::Rested(step)
                });
                (Task::Rest, handle)
            }
            Effect::RecordIntent { .. }
            | Effect::RecordOutcome { .. }
            | Effect::Decide { .. }
            | Effect::Skip { .. }
            | Effect::Conclude
            | Effect::Done(_) => return,
        };
        self.task_of.insert(handle.id(), task);
    }

    /// Says what a task that ended has to say.
    fn ended(&mut self, ended: Result<(Id, Input), JoinError>) -> Option<Input> {
        match ended {
            Ok((id, input)) => {
                self.task_of.remove(&id);
                Some(input)
            }
            Err(error) => {
                let message = "whoever runs it broke down; this is a bug".to_owned();
                match self.task_of.remove(&error.id())? {
                    Task::Execute(step) => {
                        let failure = Failure {
                            class: FailureClass::UnknownOutcome,
                            message,
                            detail: error.to_string(),
                        };
                        Some(Input::Finished(step, Outcome::Failed(failure)))
                    }
                    Task::Recover(step) => Some(Input::Recovered(step, Recovery::Unknown(message))),
                    Task::Rest => None,
                }
            }
        }
    }

    fn report(&self, result: RunResult) -> RunReport {
        let steps = (0..)
            .zip(self.plan.steps.iter().zip(&self.steps))
            .map(|(index, (step, state))| StepReport {
                step: index,
                node: step.subject.node.clone(),
                event: step.event.clone(),
                origin: step.origin.clone(),
                attempt: state.attempt,
                end: state.end.clone(),
            })
            .collect();
        let questions = self
            .doubts
            .iter()
            .map(|(index, text)| {
                let step = &self.plan.steps[*index as usize];
                Question {
                    operation: self.operation_id(*index, self.steps[*index as usize].attempt),
                    node: step.subject.node.clone(),
                    event: step.event.clone(),
                    origin: step.origin.clone(),
                    text: text.clone(),
                }
            })
            .collect();
        RunReport { run: self.journal.run, result, steps, questions }
    }
}

fn overdue(operation: &Operation) -> Failure {
    Failure {
        class: FailureClass::UnknownOutcome,
        message: format!(
            "it took longer than {} ms, and whoever runs it did not end it",
            operation.timeout_ms
        ),
        detail: String::new(),
    }
}
