//! The engine: runs plans on a store with an executor.

mod access;

use std::{collections::BTreeMap, sync::Arc};

use floria::{Author, Batch, Functions, Implementation, Namespace, Record, Store, VertexId};
use khutulun_api::{Clock, Executor, RunId, SystemClock};
use khutulun_plan::{Goal, Plan};

use crate::{
    cancel::Cancel,
    effect::{Lost, Setup, TakeUp},
    error::EngineError,
    journal::{RunState, SUPERSEDED, StepState, stream_of, unfinished},
    lease::{Holder, Lease, Owner, Presence},
    report::{Observer, RunReport, RunResult, Settlement, StepEnd},
    requests,
    run::{CONFLICTS_MAX, Run},
    scheduler::Conduct,
    shell::{Ended, Shell},
};

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
    /// How long a lease is had for, in milliseconds, unless it is renewed, which is done after a third of it; at most
    /// [`LEASE_MS_MAX`](crate::LEASE_MS_MAX).
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
/// While it works on a service it has the service's lease ([`Lease`]), which it renews as long as it is at work. Each commit
/// expects the lease to be where this engine left it, so that one whose lease was taken commits nothing more; its operations carry
/// the lease's epoch, so that a host that has seen a later one refuses them. A lease is taken from somebody else only when it has
/// expired, or when they are certainly gone ([`Engine::with_presence`]).
#[derive(Clone)]
pub struct Engine {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) executor: Arc<dyn Executor>,
    pub(crate) functions: Arc<dyn Functions>,
    pub(crate) options: EngineOptions,
    pub(crate) clock: Arc<dyn Clock>,
    presence: Arc<dyn Presence>,
    owner: Owner,
    drivers: Option<Arc<BTreeMap<String, String>>>,
}

impl Engine {
    /// Makes an engine with the default options.
    pub fn new(store: Arc<dyn Store>, executor: Arc<dyn Executor>, functions: Arc<dyn Functions>) -> Self {
        let owner = Owner { pid: std::process::id(), author: "khutulun".to_owned(), ..Owner::default() };
        let (options, clock, presence) = (EngineOptions::default(), Arc::new(SystemClock), Arc::new(()));
        Self { store, executor, functions, options, clock, presence, owner, drivers: None }
    }

    /// Returns the same engine with other options.
    pub fn with_options(self, options: EngineOptions) -> Self {
        Self { options, ..self }
    }

    /// Returns the same engine, as the one of this program: it commits in the name of the owner's author, and has leases as the
    /// owner. What it does ([`Owner::verb`]) is known from what it is asked for.
    pub fn with_owner(self, owner: Owner) -> Self {
        Self { owner, ..self }
    }

    /// Returns the same engine, with somebody who knows whether other programs are certainly gone. Without, their leases have to
    /// expire before a run that they left is taken up.
    pub fn with_presence(self, presence: Arc<dyn Presence>) -> Self {
        Self { presence, ..self }
    }

    /// Returns the same engine, which refuses plans that were made with other drivers than these: the digests by the names.
    /// Without, nobody looks.
    pub fn with_drivers(self, drivers: BTreeMap<String, String>) -> Self {
        Self { drivers: Some(Arc::new(drivers)), ..self }
    }

    /// Refuses what would run other code than the plan says, among the steps that are still to be run.
    fn refuse_other_drivers(&self, plan: &Plan, is_open: impl Fn(usize) -> bool) -> Result<(), EngineError> {
        let Some(drivers) = &self.drivers else { return Ok(()) };
        for (_, step) in plan.steps.iter().enumerate().filter(|(index, _)| is_open(*index)) {
            let (Some(Implementation::Driver(name)), Some(digest)) =
                (&step.implementation, &step.driver_digest)
            else {
                continue;
            };
            if drivers.get(name) != Some(digest) {
                let node = plan.path_of(&step.subject.node).to_owned();
                return Err(EngineError::OtherDriver { driver: name.clone(), node });
            }
        }
        Ok(())
    }

    /// Returns the same engine with another clock.
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    pub(crate) fn author(&self) -> &str {
        &self.owner.author
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
        plan: impl Into<Arc<Plan>>,
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
        plan: impl Into<Arc<Plan>>,
        records: Vec<Record>,
        observer: &dyn Observer,
        cancel: &Cancel,
    ) -> Result<RunReport, EngineError> {
        let plan: Arc<Plan> = plan.into();
        let namespace = plan.namespace.clone();
        self.refuse_other_drivers(&plan, |_| true)?;
        let ids = self.allocate(1).await?;
        for _ in 0..CONFLICTS_MAX {
            let present = self.present(&namespace).await?;
            // A workflow is run by the command that runs operations.
            let goal = if plan.goal == Goal::Workflow { Goal::Run } else { plan.goal };
            let lease = self.take(&namespace, present.lease, goal.word()).await?;
            self.refuse_unfinished(&namespace).await?;
            if present.revision != plan.base {
                return Err(self.stale(&plan, present.revision).await);
            }
            let setup = self.setup(RunId(ids.start), lease);
            let (run, effects) =
                Run::begin(setup, plan.clone(), present.graph, present.revision, records.clone())?;
            match Shell::new(self, observer, cancel, run, "begin the run").drive(effects).await? {
                Ended::Done(report) => return Ok(report),
                // Somebody was faster. Whether that matters is seen from what is there now.
                Ended::Lost(Lost::NotBegun) => {}
                Ended::Lost(lost) => return Err(lost_error(lost, &namespace, RunId(ids.start))),
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
            let is_open = |step: usize| state.steps.get(step).is_none_or(|step| !step.is_over());
            self.refuse_other_drivers(&state.plan, is_open)?;
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

    /// Stops a run that has not ended: the given one, or that of the service. Whoever is at work on it is asked to
    /// ([`Cancelling::Asked`]): it goes on until what runs has ended. Where nobody is, what is in flight is settled as far as the
    /// executor can tell, and the run ends as cancelled; it can be resumed.
    ///
    /// # Errors
    ///
    /// [`EngineError::NothingToCancel`], when all runs of the service have ended; when the store cannot be used.
    pub async fn cancel(&self, namespace: &Namespace, run: Option<RunId>) -> Result<Cancelling, EngineError> {
        for _ in 0..CONFLICTS_MAX {
            let store_namespace = namespace.clone();
            let open = self.on_store(move |store| unfinished(store, &store_namespace)).await?;
            let open = open.filter(|open| run.is_none_or(|run| run == *open));
            let Some(run) = open else {
                return Err(EngineError::NothingToCancel { namespace: namespace.clone() });
            };
            let lease = self.present(namespace).await?.lease;
            let now_ms = self.clock.now_ms();
            let Some((epoch, holder)) = lease
                .as_ref()
                .and_then(|lease| Some((lease.epoch, lease.held(now_ms, &*self.presence)?.clone())))
            else {
                let check = |state: &RunState| match state.end.clone() {
                    Some(result) => Err(EngineError::Ended { run, result }),
                    None => Ok(()),
                };
                match self.take_up(run, check, TakeUp::Cancel, &(), &Cancel::new()).await {
                    // Somebody else was faster.
                    Err(EngineError::Busy { .. }) => continue,
                    report => return report.map(Cancelling::Ended),
                }
            };
            let batch = Batch {
                records: vec![requests::cancel(namespace, run, epoch)],
                author: Some(Author { name: self.author().to_owned(), stream: Some(stream_of(run)) }),
                ..Batch::default()
            };
            self.on_store(move |store| store.commit(&batch)).await.map_err(EngineError::store("ask"))?;
            return Ok(Cancelling::Asked { run, epoch, holder });
        }
        Err(EngineError::Contended { namespace: namespace.clone() })
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
        let namespace = self.state(run).await?.plan.namespace.clone();
        for _ in 0..CONFLICTS_MAX {
            // The lease is read first: if its holder writes while the rest is read, the first commit is refused.
            let present = self.present(&namespace).await?;
            let state = self.state(run).await?;
            check(&state)?;
            let lease = self.take(&namespace, present.lease, how.word()).await?;
            let setup = self.setup(run, lease);
            let (taken, effects) = Run::take_up(setup, state, present.graph, present.revision, how.clone());
            match Shell::new(self, observer, cancel, taken, "take up the run").drive(effects).await? {
                Ended::Done(report) => return Ok(report),
                Ended::Lost(Lost::NotBegun) => {}
                Ended::Lost(lost) => return Err(lost_error(lost, &namespace, run)),
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
            author: self.owner.author.clone(),
        }
    }

    /// Takes the lease of a service, to be stored with the first commit.
    async fn take(
        &self,
        namespace: &Namespace,
        lease: Option<Lease>,
        verb: &str,
    ) -> Result<Lease, EngineError> {
        let mut lease = match lease {
            Some(lease) => lease,
            None => Lease::new(namespace.clone(), VertexId(self.allocate(1).await?.start)),
        };
        let now_ms = self.clock.now_ms();
        lease.refuse(now_ms, &*self.presence)?;
        lease.epoch = lease.epoch.max(self.presence.epoch_seen(namespace));
        let owner = Owner { verb: verb.to_owned(), ..self.owner.clone() };
        Ok(lease.taken(owner, now_ms, self.options.lease_ms))
    }
}

/// What became of asking a run to stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cancelling {
    /// Whoever is at work on it was asked to stop it.
    Asked {
        /// The run.
        run: RunId,
        /// The epoch that they work under: while they have the lease under it, the run goes on.
        epoch: u64,
        /// Who.
        holder: Holder,
    },
    /// Nobody was at work on it, and it has ended.
    Ended(RunReport),
}

fn lost_error(lost: Lost, namespace: &Namespace, run: RunId) -> EngineError {
    match lost {
        Lost::Contended => EngineError::Contended { namespace: namespace.clone() },
        Lost::NotBegun | Lost::TakenOver => EngineError::TakenOver { run },
    }
}
