//! The engine: runs plans on a store with an executor.

use std::{collections::BTreeMap, ops::Range, sync::Arc};

use floria::{
    Change, Entity, EntityKey, Functions, Graph, LogEntry, LogQuery, Namespace, Record, Revision, Store,
    VertexId,
};
use khutulun_api::{Executor, RunId};
use khutulun_plan::Plan;

use crate::{
    cancel::Cancel,
    effect::{Lost, Setup, TakeUp},
    error::EngineError,
    journal::{RunState, SUPERSEDED, StepState, runs, unfinished},
    lease::{Lease, Owner},
    present::Present,
    report::{Observer, RunReport, RunResult, Settlement, StepEnd},
    run::{CONFLICTS_MAX, Run},
    scheduler::Conduct,
    shell::{Ended, Shell},
};

/// How many names an error gives of what has changed; more help nobody.
const MOVED_NAMES_MAX: usize = 5;

/// How an engine behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EngineOptions {
    /// How many operations run at a time, and what happens after a failure.
    pub conduct: Conduct,
    /// How often an operation of a driver or a plugin is tried in one run while its failures are transient.
    pub attempts_max_component: u32,
    /// The same for a script, which may not be repeatable: by default it is tried once.
    pub attempts_max_script: u32,
    /// How long the rest before the second attempt is, in milliseconds; it doubles with each.
    pub rest_ms_first: u64,
    /// How long a rest is at most, in milliseconds.
    pub rest_ms_max: u64,
    /// How long an executor may take beyond an operation's own time limit, in milliseconds, before it is given up.
    pub grace_ms: u64,
    /// How long a lease is had for, in milliseconds, unless it is renewed.
    pub lease_ms: u64,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            conduct: Conduct { parallel_max: 8, keep_going: false },
            attempts_max_component: 3,
            attempts_max_script: 1,
            rest_ms_first: 500,
            rest_ms_max: 30_000,
            grace_ms: 10_000,
            lease_ms: 30_000,
        }
    }
}

/// Runs plans.
///
/// Everything that it does is in the store's log: a run's records are in the stream `run/<id>` ([`crate::stream_of`]), and
/// the beginnings and ends of all runs in the stream [`crate::RUNS`]. An operation's intent is durable before the executor is
/// asked, and its outcome is committed with the changes of the graph that follow from it. Whatever happens to this process,
/// [`Engine::resume`] ends the run correctly.
///
/// While a run goes on, the service's vertex bears its number and epoch. Each commit expects the namespace to be where this
/// engine left it, so that one whose run was taken over commits nothing more, and begins nothing but what it committed the
/// intent of just before. Nobody should take over the run of an engine that is alive: the program holds a lock for each service.
#[derive(Clone)]
pub struct Engine {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) executor: Arc<dyn Executor>,
    pub(crate) functions: Arc<dyn Functions>,
    pub(crate) options: EngineOptions,
    author: String,
}

impl Engine {
    /// Makes an engine with the default options.
    pub fn new(store: Arc<dyn Store>, executor: Arc<dyn Executor>, functions: Arc<dyn Functions>) -> Self {
        Self { store, executor, functions, options: EngineOptions::default(), author: "khutulun".to_owned() }
    }

    /// Returns the same engine with other options.
    pub fn with_options(self, options: EngineOptions) -> Self {
        Self { options, ..self }
    }

    /// Returns the same engine, which commits in somebody's name: a person's, and the host's, as in `alice@h1`.
    pub fn with_author(self, author: String) -> Self {
        Self { author, ..self }
    }

    pub(crate) fn author(&self) -> &str {
        &self.author
    }

    /// Runs a plan to its end.
    ///
    /// Dropping the future detaches from the run: what executes is left as it is, and the run can be resumed. It needs a tokio
    /// runtime with a timer.
    ///
    /// # Errors
    ///
    /// [`EngineError::Stale`] and [`EngineError::Unfinished`] before anything is done; that a step failed is no error but
    /// [`RunResult::Failed`].
    pub async fn run(
        &self,
        plan: Plan,
        observer: &dyn Observer,
        cancel: &Cancel,
    ) -> Result<RunReport, EngineError> {
        self.run_with(plan, Vec::new(), observer, cancel).await
    }

    /// Runs a plan to its end, as [`Engine::run`], and commits records together with its beginning: all of it, or nothing.
    ///
    /// # Errors
    ///
    /// As [`Engine::run`].
    pub async fn run_with(
        &self,
        plan: Plan,
        records: Vec<Record>,
        observer: &dyn Observer,
        cancel: &Cancel,
    ) -> Result<RunReport, EngineError> {
        let namespace = plan.namespace.clone();
        let ids = self.allocate(1).await?;
        let mut plan = plan;
        for _ in 0..CONFLICTS_MAX {
            let present = self.present(&namespace).await?;
            let lease = self.take(&namespace, present.lease).await?;
            self.refuse_unfinished(&namespace).await?;
            if present.revision != plan.base {
                return Err(self.stale(&plan, present.revision).await);
            }
            let setup = self.setup(RunId(ids.start), lease);
            let (run, effects) = Run::begin(setup, plan, present.graph, present.revision, records.clone())?;
            match Shell::new(self, observer, cancel, run, "begin the run").drive(effects).await? {
                Ended::Done(report) => return Ok(report),
                // Somebody was faster. Whether that matters is seen from what is there now.
                Ended::Lost(Lost::NotBegun, run) => plan = run.into_plan(),
                Ended::Lost(lost, run) => return Err(lost_error(lost, &namespace, run.id())),
            }
        }
        Err(EngineError::Contended { namespace })
    }

    /// Takes up a run that was interrupted, failed, was cancelled or needs an answer: the given one, or the last of the
    /// service.
    ///
    /// Operations in flight are settled first, by asking the executor and, where it cannot tell, by `settlements` (by step).
    /// Failed steps are tried again.
    ///
    /// # Errors
    ///
    /// When the run has succeeded or was superseded, is not the last of its service, or an answer is given for a step that
    /// needs none.
    pub async fn resume(
        &self,
        namespace: &Namespace,
        run: Option<RunId>,
        settlements: BTreeMap<u32, Settlement>,
        observer: &dyn Observer,
        cancel: &Cancel,
    ) -> Result<RunReport, EngineError> {
        let last = self.last(namespace).await?;
        let nothing = || EngineError::NothingToResume { namespace: namespace.clone() };
        let run = match (run, last) {
            (Some(run), Some(last)) if run < last => return Err(EngineError::Followed { run, later: last }),
            (Some(run), _) => run,
            (None, last) => last.ok_or_else(nothing)?,
        };
        let check = |state: &RunState| {
            if state.plan.namespace != *namespace {
                return Err(EngineError::NothingToResume { namespace: namespace.clone() });
            }
            let over = [RunResult::Succeeded.word(), SUPERSEDED];
            if let Some(result) = state.end.clone().filter(|end| over.contains(&end.as_str())) {
                return Err(EngineError::Ended { run, result });
            }
            let in_flight = |step: u32| state.steps.get(step as usize).is_some_and(StepState::in_flight);
            let is_asked = |step: u32| {
                let planned = state.plan.steps.get(step as usize);
                planned.is_some_and(|planned| planned.approval.is_some())
                    && state.steps[step as usize].end != StepEnd::Succeeded
            };
            match settlements.keys().copied().find(|step| !in_flight(*step) && !is_asked(*step)) {
                Some(step) => Err(EngineError::NothingToSettle { run, step }),
                None => Ok(()),
            }
        };
        let how = TakeUp::GoOn(settlements.clone());
        self.take_up(run, check, how, observer, cancel).await
    }

    /// Ends a run that was interrupted or needs an answer, so that something else can be planned, such as a removal. Returns
    /// it; None: all runs of the service have ended.
    ///
    /// What is in flight is settled first by asking the executor. What it cannot tell counts as a failure that may have had
    /// an effect, which a removal takes away.
    ///
    /// # Errors
    ///
    /// When the store cannot be used, or somebody else is at work on the run.
    pub async fn supersede(&self, namespace: &Namespace) -> Result<Option<RunId>, EngineError> {
        let store_namespace = namespace.clone();
        let Some(run) = self.on_store(move |store| unfinished(store, &store_namespace)).await? else {
            return Ok(None);
        };
        let check = |state: &RunState| match state.end.clone() {
            Some(result) => Err(EngineError::Ended { run, result }),
            None => Ok(()),
        };
        self.take_up(run, check, TakeUp::Supersede, &(), &Cancel::new()).await?;
        Ok(Some(run))
    }

    /// Goes on with a run, under a new epoch, if `check` does not mind.
    async fn take_up(
        &self,
        run: RunId,
        check: impl Fn(&RunState) -> Result<(), EngineError>,
        how: TakeUp,
        observer: &dyn Observer,
        cancel: &Cancel,
    ) -> Result<RunReport, EngineError> {
        let namespace = self.state(run).await?.plan.namespace;
        for _ in 0..CONFLICTS_MAX {
            // The lease is read first: if its holder writes while the rest is read, the first commit is refused.
            let present = self.present(&namespace).await?;
            let state = self.state(run).await?;
            check(&state)?;
            let lease = self.take(&namespace, present.lease).await?;
            let setup = self.setup(run, lease);
            let (run, effects) = Run::take_up(setup, state, present.graph, present.revision, how.clone());
            match Shell::new(self, observer, cancel, run, "take up the run").drive(effects).await? {
                Ended::Done(report) => return Ok(report),
                Ended::Lost(Lost::NotBegun, _) => {}
                Ended::Lost(lost, run) => return Err(lost_error(lost, &namespace, run.id())),
            }
        }
        Err(EngineError::Contended { namespace })
    }

    fn setup(&self, run: RunId, lease: Lease) -> Setup {
        Setup {
            run,
            lease,
            options: self.options,
            functions: Arc::clone(&self.functions),
            author: self.author.clone(),
        }
    }

    /// Takes the lease of a service, to be stored with the first commit.
    async fn take(&self, namespace: &Namespace, lease: Option<Lease>) -> Result<Lease, EngineError> {
        let lease = match lease {
            Some(lease) => lease,
            None => Lease::new(namespace.clone(), VertexId(self.allocate(1).await?.start)),
        };
        Ok(lease.taken(Owner::default(), 0, self.options.lease_ms))
    }

    async fn present(&self, namespace: &Namespace) -> Result<Present, EngineError> {
        let namespace = namespace.clone();
        let present = self.on_store(move |store| Present::read(store, &namespace)).await;
        present.map_err(EngineError::store("read the instances"))
    }

    async fn allocate(&self, count: u64) -> Result<Range<u64>, EngineError> {
        let ids = self.on_store(move |store| store.allocate(count)).await;
        ids.map_err(EngineError::store("number the run"))
    }

    async fn refuse_unfinished(&self, namespace: &Namespace) -> Result<(), EngineError> {
        let store_namespace = namespace.clone();
        match self.on_store(move |store| unfinished(store, &store_namespace)).await? {
            Some(run) => Err(EngineError::Unfinished { namespace: namespace.clone(), run }),
            None => Ok(()),
        }
    }

    async fn last(&self, namespace: &Namespace) -> Result<Option<RunId>, EngineError> {
        let namespace = namespace.clone();
        let runs = self.on_store(move |store| runs(store, &namespace)).await?;
        Ok(runs.last().map(|last| last.run))
    }

    async fn state(&self, run: RunId) -> Result<RunState, EngineError> {
        self.on_store(move |store| RunState::read(store, run)).await
    }

    pub(crate) async fn graph(&self, namespace: &Namespace) -> Result<Graph, EngineError> {
        let namespace = namespace.clone();
        self.on_store(move |store| store.graph(&namespace))
            .await
            .map_err(EngineError::store("read the instances"))
    }

    pub(crate) async fn revision(&self, namespace: &Namespace) -> Result<Revision, EngineError> {
        let namespace = namespace.clone();
        self.on_store(move |store| store.namespace_revision(&namespace))
            .await
            .map_err(EngineError::store("read the revision"))
    }

    /// Calls the store, which blocks, where blocking does no harm.
    pub(crate) async fn on_store<T: Send + 'static>(
        &self,
        call: impl FnOnce(&dyn Store) -> T + Send + 'static,
    ) -> T {
        let store = Arc::clone(&self.store);
        match tokio::task::spawn_blocking(move || call(&*store)).await {
            Ok(result) => result,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // Only a runtime that shuts down cancels what has not begun; whoever waits goes with it.
                Err(_) => std::future::pending().await,
            },
        }
    }

    async fn stale(&self, plan: &Plan, actual: Revision) -> EngineError {
        let (namespace, base) = (plan.namespace.clone(), plan.base);
        let query = LogQuery { namespace: Some(namespace.clone()), since: base, ..LogQuery::default() };
        let rows = self.on_store(move |store| store.log(&query)).await.unwrap_or_default();
        let mut moved: Vec<String> = Vec::new();
        for row in &rows {
            let name = match &row.entry {
                LogEntry::Change(Change::Put(Entity::Vertex(vertex))) => vertex.name.clone(),
                LogEntry::Change(Change::Put(Entity::Edge(edge))) => edge.name.clone(),
                LogEntry::Change(Change::Delete(EntityKey::Vertex(id))) => {
                    format!("vertex {id}, which is gone")
                }
                LogEntry::Change(Change::Delete(EntityKey::Edge(id))) => format!("edge {id}, which is gone"),
                _ => continue,
            };
            if !moved.contains(&name) {
                moved.push(name);
            }
        }
        if moved.len() > MOVED_NAMES_MAX {
            let more = moved.len() - MOVED_NAMES_MAX;
            moved.truncate(MOVED_NAMES_MAX);
            moved.push(format!("{more} more"));
        }
        EngineError::Stale { namespace, base: base.0, actual: actual.0, moved }
    }
}

fn lost_error(lost: Lost, namespace: &Namespace, run: RunId) -> EngineError {
    match lost {
        Lost::Contended => EngineError::Contended { namespace: namespace.clone() },
        Lost::NotBegun | Lost::TakenOver => EngineError::TakenOver { run },
    }
}
