//! The shell around a run: does its effects on tokio, and nothing else.

use std::{
    collections::HashMap,
    ops::{Deref, DerefMut},
    sync::Arc,
    time::Duration,
};

use floria::{Batch, StoreError};
use khutulun_api::{Failure, FailureClass, Operation, OperationId, Outcome, Recovery};
use tokio::{
    task::{Id, JoinError, JoinSet},
    time::Instant,
};

use crate::{
    cancel::Cancel,
    effect::{Effect, Input, Lost, Tell},
    engine::Engine,
    error::EngineError,
    lease::LEASE_MS_MAX,
    present::Present,
    report::{Observer, RunReport},
    requests,
    run::Run,
};

/// What a task is about, for the case that it ends without saying.
#[derive(Clone, Copy)]
enum Task {
    Commit,
    Execute(OperationId),
    Recover(OperationId),
    Rest,
}

/// How the shell came to an end.
pub(crate) enum Ended {
    Done(RunReport),
    /// The run is somebody else's, or nobody's.
    Lost(Lost),
}

/// A run that lets its lease go when it is left before it is over, so that it can be resumed at once. What executes is left as it
/// is.
struct Leaving<'e> {
    engine: &'e Engine,
    run: Option<Run>,
}

impl Deref for Leaving<'_> {
    type Target = Run;

    fn deref(&self) -> &Run {
        self.run.as_ref().expect("it is there until it is taken out")
    }
}

impl DerefMut for Leaving<'_> {
    fn deref_mut(&mut self) -> &mut Run {
        self.run.as_mut().expect("it is there until it is taken out")
    }
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        if let Some(batch) = self.run.as_ref().and_then(Run::release) {
            // If it fails, or a commit was on its way, the lease expires.
            let _ = self.engine.store.commit(&batch);
        }
    }
}

/// A run, and what is being done for it.
pub(crate) struct Shell<'e> {
    engine: &'e Engine,
    observer: &'e dyn Observer,
    cancel: &'e Cancel,
    run: Leaving<'e>,
    /// What the commit that is open is for.
    attempt: &'static str,
    cancelled: bool,
    /// Asked by somebody else, through the store.
    asked: Cancel,
    watch: JoinSet<()>,
    renew_at: Instant,
    tasks: JoinSet<Result<Input, EngineError>>,
    task_of: HashMap<Id, Task>,
}

impl<'e> Shell<'e> {
    /// `attempt` is what the first commit is for, as errors say it.
    pub(crate) fn new(
        engine: &'e Engine,
        observer: &'e dyn Observer,
        cancel: &'e Cancel,
        run: Run,
        attempt: &'static str,
    ) -> Self {
        let renew_at = Instant::now() + renewal(engine);
        let (tasks, task_of) = (JoinSet::new(), HashMap::new());
        let (asked, watch) = (Cancel::new(), JoinSet::new());
        let run = Leaving { engine, run: Some(run) };
        Self {
            engine,
            observer,
            cancel,
            run,
            attempt,
            cancelled: false,
            asked,
            watch,
            renew_at,
            tasks,
            task_of,
        }
    }

    /// Does what the run asks for, until it is over.
    pub(crate) async fn drive(&mut self, mut effects: Vec<Effect>) -> Result<Ended, EngineError> {
        loop {
            for effect in effects {
                match effect {
                    Effect::Commit(batch) => self.commit(batch),
                    Effect::Execute(operation) => self.execute(operation),
                    Effect::Recover(operation) => self.recover(operation),
                    Effect::Rest { step, ms } => self.spawn(Task::Rest, async move {
                        tokio::time::sleep(Duration::from_millis(ms)).await;
                        Ok(Input::Rested { step })
                    }),
                    Effect::Tell(tell) => self.tell(&tell),
                    Effect::Done(report) => {
                        self.observer.run_ended(&report);
                        return Ok(Ended::Done(report));
                    }
                    Effect::Lost(lost) => return Ok(Ended::Lost(lost)),
                }
            }
            let inputs = self.next().await?;
            effects = self.run.handle_all(inputs);
        }
    }

    /// Waits for something to happen, and takes what has happened meanwhile along: it goes into the same commit.
    async fn next(&mut self) -> Result<Vec<Input>, EngineError> {
        let mut inputs = Vec::new();
        tokio::select! {
            Some(ended) = self.tasks.join_next_with_id() => inputs.extend(self.ended(ended)?),
            () = self.cancel.asked(), if !self.cancelled => {}
            () = self.asked.asked(), if !self.cancelled => {}
            () = tokio::time::sleep_until(self.renew_at) => {}
        }
        while let Some(ended) = self.tasks.try_join_next_with_id() {
            inputs.extend(self.ended(ended)?);
        }
        let mut first = self.renewal(&inputs);
        // Whoever asked before an operation ended is heard before it, however long the last commit took.
        if !self.cancelled && (self.cancel.is_cancelled() || self.asked.is_cancelled()) {
            self.cancelled = true;
            if self.asked.is_cancelled() {
                self.observer.run_stopping();
            }
            first.push(Input::Cancel);
        }
        first.append(&mut inputs);
        Ok(first)
    }

    /// Looks whether it is time to renew the lease, or late. Whoever slept for long, or was stopped, finds out here, before
    /// anything is executed.
    fn renewal(&mut self, inputs: &[Input]) -> Vec<Input> {
        let is_committed = inputs.iter().any(|input| matches!(input, Input::Committed(_)));
        let expires_ms = if is_committed { self.run.expires_next_ms() } else { self.run.expires_ms() };
        let now_ms = self.engine.clock.now_ms();
        // 0: it is not had yet, or let go.
        let is_expired = expires_ms != 0 && expires_ms <= now_ms;
        if !is_expired && Instant::now() < self.renew_at {
            return Vec::new();
        }
        self.renew_at = Instant::now() + renewal(self.engine);
        let expired = is_expired.then_some(Input::Expired { now_ms });
        expired.into_iter().chain([Input::Renew { now_ms }]).collect()
    }

    fn tell(&mut self, tell: &Tell) {
        match tell {
            Tell::Began { done } => {
                let run = self.run.id();
                let epoch = self.run.lease().epoch;
                self.watch.spawn(requests::watch(self.engine.clone(), run, epoch, self.asked.clone()));
                self.observer.run_began(run, self.run.plan(), *done);
            }
            Tell::Ended { step, outcome, again } => self.observer.step_ended(*step, outcome, *again),
            Tell::Skipped { step } => self.observer.step_skipped(*step),
        }
    }

    fn commit(&mut self, batch: Arc<Batch>) {
        let attempt = std::mem::replace(&mut self.attempt, "record what happened");
        let store = Arc::clone(&self.engine.store);
        let service = self.run.plan().namespace.clone();
        let handle = self.tasks.spawn_blocking(move || {
            let committed = store.commit(&batch);
            // If it was refused, the run takes it back.
            drop(batch);
            match committed {
                Ok(revision) => Ok(Input::Committed(revision)),
                Err(StoreError::Conflict { .. }) => {
                    let present = Present::read(&*store, &service);
                    let present = present.map_err(EngineError::store("read the instances"))?;
                    Ok(Input::Conflicted(Box::new(present)))
                }
                Err(source) => Err(EngineError::Store { attempt, source }),
            }
        });
        self.task_of.insert(handle.id(), Task::Commit);
    }

    fn execute(&mut self, operation: Operation) {
        self.observer.step_started(operation.id.step, &operation);
        let (executor, limit) = (Arc::clone(&self.engine.executor), self.limit(&operation));
        self.spawn(Task::Execute(operation.id), async move {
            let outcome = tokio::time::timeout(limit, executor.execute(&operation)).await;
            let outcome = outcome.unwrap_or_else(|_| Outcome::Failed(overdue(&operation)));
            Ok(finished(operation.id, outcome))
        });
    }

    fn recover(&mut self, operation: Operation) {
        let (executor, limit) = (Arc::clone(&self.engine.executor), self.limit(&operation));
        self.spawn(Task::Recover(operation.id), async move {
            let recovery = tokio::time::timeout(limit, executor.recover(&operation)).await;
            let silent = || Recovery::Unknown("whoever runs it did not answer in time".to_owned());
            Ok(recovered(operation.id, recovery.unwrap_or_else(|_| silent())))
        });
    }

    fn limit(&self, operation: &Operation) -> Duration {
        Duration::from_millis(operation.timeout_ms.saturating_add(self.engine.options.grace_ms))
    }

    fn spawn(&mut self, task: Task, work: impl Future<Output = Result<Input, EngineError>> + Send + 'static) {
        let handle = self.tasks.spawn(work);
        self.task_of.insert(handle.id(), task);
    }

    /// Says what a task that ended has to say.
    fn ended(
        &mut self,
        ended: Result<(Id, Result<Input, EngineError>), JoinError>,
    ) -> Result<Option<Input>, EngineError> {
        let error = match ended {
            Ok((id, input)) => {
                self.task_of.remove(&id);
                return input.map(Some);
            }
            Err(error) => error,
        };
        let message = "whoever runs it broke down; this is a bug".to_owned();
        Ok(match self.task_of.remove(&error.id()) {
            Some(Task::Execute(id)) => {
                let detail = error.to_string();
                let failure = Failure { class: FailureClass::UnknownOutcome, message, detail };
                Some(finished(id, Outcome::Failed(failure)))
            }
            Some(Task::Recover(id)) => Some(recovered(id, Recovery::Unknown(message))),
            Some(Task::Commit) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // Only a runtime that shuts down cancels what has not begun; whoever waits goes with it.
                Err(_) => None,
            },
            Some(Task::Rest) | None => None,
        })
    }
}

/// How long after one renewal the next one is.
fn renewal(engine: &Engine) -> Duration {
    Duration::from_millis((engine.options.lease_ms.min(LEASE_MS_MAX) / 3).max(1))
}

fn finished(id: OperationId, outcome: Outcome) -> Input {
    Input::Finished { step: id.step, attempt: id.attempt, outcome }
}

fn recovered(id: OperationId, recovery: Recovery) -> Input {
    Input::Recovered { step: id.step, attempt: id.attempt, recovery }
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
