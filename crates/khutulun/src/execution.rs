//! Running a plan: threads, interruption, progress, and what comes of it.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use floria::{Namespace, Record, Store, Value};
use floria_sqlite::SqliteStore;
use khutulun_api::{FailureClass, OperationId, RunId};
use khutulun_engine::{
    Cancel, Cancelling, Conduct, Engine, EngineError, EngineOptions, RunReport, RunResult, RunState,
    SUPERSEDED, Settlement, StepEnd, StepState, unfinished,
};
use khutulun_host::{LocalMachine, ScriptExecutor, StateDirectory};
use khutulun_plan::{Goal, NodeChange, Plan, Reason};

use crate::{
    answer, busy,
    cli::{ConductArguments, OnFailure},
    commands::Outputs,
    error::{CliError, chain},
    executors::{self, Executors},
    exit::Exit,
    history, instance,
    interruption::Words,
    probe,
    proposal::read_actual,
    run_view::RunView,
    runtime,
    session::Session,
    unwinding::Unwound,
    watcher::Watcher,
};

/// A state directory and a store in which plans are run.
pub(crate) struct Execution<'a> {
    session: &'a Session,
    state: StateDirectory,
    store: Arc<SqliteStore>,
    conduct: Conduct,
}

/// A run that ended, one way or another.
pub(crate) struct Done {
    plan: Arc<Plan>,
    report: RunReport,
    /// What its operations put out, by step.
    step_outputs: BTreeMap<u32, BTreeMap<String, Value>>,
}

impl Done {
    /// Returns whether all that was planned is done.
    pub(crate) fn succeeded(&self) -> bool {
        self.report.result == RunResult::Succeeded
    }

    /// Returns the run.
    pub(crate) fn run(&self) -> RunId {
        self.report.run
    }

    /// Returns what was planned.
    pub(crate) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Returns what it came to.
    pub(crate) fn report(&self) -> &RunReport {
        &self.report
    }
}

impl<'a> Execution<'a> {
    /// Makes one; nothing is begun.
    pub(crate) fn new(
        session: &'a Session,
        state: StateDirectory,
        store: SqliteStore,
        how: &ConductArguments,
    ) -> Self {
        let conduct =
            Conduct { parallel_max: how.parallel.into(), keep_going: how.on_failure == OnFailure::Continue };
        Self { session, state, store: Arc::new(store), conduct }
    }

    /// Returns the store.
    pub(crate) fn store(&self) -> &SqliteStore {
        &self.store
    }

    /// Runs a plan to its end, and answers.
    pub(crate) fn run(&self, plan: impl Into<Arc<Plan>>) -> Result<Exit, CliError> {
        self.answer(&self.perform(plan, Vec::new())?, &[], None)
    }

    /// Runs a plan to its end; the records are committed with its beginning.
    pub(crate) fn perform(&self, plan: impl Into<Arc<Plan>>, records: Vec<Record>) -> Result<Done, CliError> {
        let plan: Arc<Plan> = plan.into();
        self.end_look(&plan.namespace)?;
        let watcher = Watcher::new(self.session.progress.clone());
        let engine = self.engine()?;
        let run = async |cancel: &Cancel| engine.run_with(plan.clone(), records, &watcher, cancel).await;
        let report = self.drive(run)?;
        self.tidy(&report)?;
        Ok(Done { plan, report, step_outputs: watcher.outputs() })
    }

    /// Goes on with a run, to its end.
    pub(crate) fn resume(
        &self,
        state: &RunState,
        settlements: BTreeMap<u32, Settlement>,
    ) -> Result<Done, CliError> {
        let watcher = Watcher::of_resumed(self.session.progress.clone(), state);
        let engine = self.engine()?;
        let namespace = &state.plan.namespace;
        let report = self.drive(async |cancel| {
            engine.resume(namespace, Some(state.run), settlements, &watcher, cancel).await
        })?;
        self.tidy(&report)?;
        Ok(Done { plan: state.plan.clone(), report, step_outputs: watcher.outputs() })
    }

    fn scripts(&self) -> Result<ScriptExecutor, CliError> {
        Ok(ScriptExecutor::new(&LocalMachine::new(self.state.clone(), executors::supervisor()?)))
    }

    fn engine(&self) -> Result<Engine, CliError> {
        let executors = Arc::new(Executors::new(&self.state, &self.session.progress)?);
        let options = EngineOptions { conduct: self.conduct, ..EngineOptions::default() };
        Ok(Engine::new(self.store.clone(), executors, self.session.functions.clone())
            .with_options(options)
            .with_owner(busy::owner())
            .with_presence(busy::presence(&self.state))
            .with_drivers(executors::digests_for_engine()))
    }

    /// Stops a run, or asks whoever is at work on it to. None: it has ended.
    pub(crate) fn cancel(&self, service: &Namespace, run: RunId) -> Result<Option<Cancelling>, CliError> {
        let engine = self.engine()?;
        let cancelled = match runtime::start()?.block_on(engine.cancel(service, Some(run))) {
            Err(EngineError::NothingToCancel { .. } | EngineError::Ended { .. }) => return Ok(None),
            other => other.map_err(|error| engine_error(self.session, &error))?,
        };
        if let Cancelling::Ended(report) = &cancelled {
            self.tidy(report)?;
        }
        Ok(Some(cancelled))
    }

    /// Ends what an earlier run left open, so that the service can be taken away.
    pub(crate) fn supersede(&self, namespace: &Namespace) -> Result<(), CliError> {
        if unfinished(&*self.store, namespace).map_err(|error| engine_error(self.session, &error))?.is_none()
        {
            return Ok(());
        }
        self.session.progress.phase("settling what an earlier run left");
        let engine = self.engine()?;
        let ended = runtime::start()?.block_on(engine.supersede(namespace));
        ended.map(drop).map_err(|error| engine_error(self.session, &error))
    }

    /// Ends a refresh that was killed: it changed nothing, so it is in nobody's way.
    pub(crate) fn end_look(&self, namespace: &Namespace) -> Result<(), CliError> {
        match unfinished_look(self.session, &self.store, namespace)? {
            Some((_, true)) => self.supersede(namespace),
            _ => Ok(()),
        }
    }

    /// Drives a run on threads of its own, with an ear for Ctrl-C.
    fn drive(
        &self,
        run: impl AsyncFnOnce(&Cancel) -> Result<RunReport, EngineError>,
    ) -> Result<RunReport, CliError> {
        if self.session.interruption.is_asked() {
            return Err(CliError::new(Exit::Stopped, "stopped before all was done")
                .place("this command")
                .why("it was interrupted")
                .unchanged("what was done before stays, and nothing more was begun")
                .next("run the command again"));
        }
        let (cancel, runtime) = (Cancel::new(), runtime::start()?);
        self.session.interruption.begin({
            let cancel = cancel.clone();
            move || cancel.cancel()
        })?;
        let report = runtime.block_on(run(&cancel));
        self.session.interruption.end();
        self.session.progress.settle();
        report.map_err(|error| engine_error(self.session, &error))
    }

    /// Answers what was done; `waiting` are the requirements that still wait, each with what for, and `unwound` is what became of
    /// it when it failed.
    pub(crate) fn answer(
        &self,
        done: &Done,
        waiting: &[String],
        unwound: Option<&Unwound>,
    ) -> Result<Exit, CliError> {
        let Done { plan, report, step_outputs } = done;
        let outputs = match plan.goal {
            Goal::Deploy => {
                let (graph, _) = read_actual(self.session, &*self.store, &plan.namespace)?;
                Some(Outputs {
                    service: plan.namespace.clone(),
                    outputs: instance::outputs(&graph, &*self.session.functions),
                })
            }
            _ => None,
        };
        let view = RunView { plan, report, step_outputs, outputs, waiting, unwound };
        answer::give(&view, self.session.format)?;
        match view.error() {
            Some(error) => Err(error.answered()),
            None => Ok(Exit::Success),
        }
    }

    /// Removes what scripts of a run left for its recovery, now that their outcomes are in the journal. What is in doubt stays,
    /// for it is what an operator will want to look at.
    fn tidy(&self, report: &RunReport) -> Result<(), CliError> {
        if report.result == RunResult::NeedsOperator {
            return Ok(());
        }
        let scripts = self.scripts()?;
        // An outcome that nobody knew is asked for again when the run is resumed.
        let in_doubt = |end: &StepEnd| matches!(end, StepEnd::Failed(failure) if failure.class == FailureClass::UnknownOutcome);
        for step in report.steps.iter().filter(|step| !in_doubt(&step.end)) {
            for attempt in 1..=step.attempt {
                let id = OperationId { run: report.run, step: step.step, attempt };
                // What cannot be removed now harms nobody, and is gone with the next run that can.
                let _ = scripts.forget(&id);
            }
        }
        tidy(&self.state, &*self.store, &scripts);
        Ok(())
    }
}

/// Removes what scripts of runs left for their recovery, as far as their outcomes are in the journal: whoever was killed once an outcome
/// was recorded had no time to. Nobody goes on with a run that another one took the place of, nor asks again what a killed program asked.
pub(crate) fn tidy(state: &StateDirectory, store: &dyn Store, scripts: &ScriptExecutor) {
    let mut states = BTreeMap::new();
    for id in state.operations() {
        if id.run == probe::NO_RUN {
            if !Path::new("/proc").join(id.attempt.to_string()).exists() {
                let _ = scripts.forget(&id);
            }
            continue;
        }
        let run = states.entry(id.run).or_insert_with(|| RunState::read(store, id.run).ok());
        let step = run.as_ref().and_then(|run| run.steps.get(id.step as usize));
        let is_replaced = run.as_ref().is_some_and(|run| run.end.as_deref() == Some(SUPERSEDED));
        let is_known = |step: &StepState| is_replaced || id.attempt < step.attempt || !step.in_flight();
        if step.is_some_and(is_known) {
            let _ = scripts.forget(&id);
        }
    }
}

/// What a run says that is interrupted.
pub(crate) const INTERRUPTED: Words = Words {
    stopping: "stopping: what runs is finished; Ctrl-C again leaves at once",
    left: || {
        CliError::new(Exit::Interrupted, "left while operations were running")
            .place("the run that this command began")
            .why("it was interrupted twice")
            .unchanged("what was recorded stays; what was running goes on or ends by itself")
            .next("khutulun resume")
    },
};

/// The requirements that a plan left open, when nothing more is known of them.
pub(crate) fn waiting(plan: &Plan) -> Vec<String> {
    let of = |node: &NodeChange| {
        let path = node.node.clone();
        let names = node.reasons.iter().filter_map(|reason| match reason {
            Reason::Waiting { requirement } => Some(requirement.clone()),
            _ => None,
        });
        names
            .map(move |name| format!("requirement `{name}` of `{path}` was not known yet"))
            .collect::<Vec<_>>()
    };
    plan.nodes.iter().flat_map(of).collect()
}

/// Returns the run of a service that has not ended, if there is one, and whether it only looks at what is there.
fn unfinished_look(
    session: &Session,
    store: &SqliteStore,
    service: &Namespace,
) -> Result<Option<(RunId, bool)>, CliError> {
    let Some(run) = unfinished(store, service).map_err(|error| engine_error(session, &error))? else {
        return Ok(None);
    };
    let last = history::last(session, store, service)?;
    Ok(Some((run, last.is_some_and(|last| last.goal == Goal::Refresh.word()))))
}

/// Refuses to plan while an earlier run has not ended: the engine would, but only after somebody agreed to the plan. One that only
/// looked gives way.
pub(crate) fn refuse_unfinished(
    session: &Session,
    store: &SqliteStore,
    service: &Namespace,
) -> Result<(), CliError> {
    let Some((_, false)) = unfinished_look(session, store, service)? else { return Ok(()) };
    // It may have begun just now, or end now: whoever ends it lets the lease go with the same commit.
    busy::refuse(session, store, service)?;
    match unfinished_look(session, store, service)? {
        Some((run, false)) => {
            Err(engine_error(session, &EngineError::Unfinished { namespace: service.clone(), run }))
        }
        _ => Ok(()),
    }
}

/// Why the engine could not do its work, as an error for people.
pub(crate) fn engine_error(session: &Session, error: &EngineError) -> CliError {
    let root = session.root().display().to_string();
    let make = |exit, what: &str| CliError::new(exit, what).place(root.clone()).why(chain(error));
    match error {
        EngineError::Stale { .. } => make(Exit::Busy, "the plan is out of date")
            .next("run the command again: it will plan from what is there now"),
        EngineError::Busy { namespace, holder } => busy::error(session, namespace, holder),
        EngineError::Unfinished { run, namespace } => make(Exit::Stopped, "an earlier run has not ended")
            .next(resume_hint(*run))
            .next(format!("khutulun cancel {run}, then the command again: what the run has done stays done"))
            .next(format!("khutulun destroy {namespace}")),
        EngineError::OtherDriver { .. } => make(Exit::Failed, "the plan is for another version of khutulun")
            .next("make another plan, with this version")
            .next("of a run that was stopped: khutulun cancel, then the command again; or use the version that began it"),
        EngineError::NothingToCancel { .. } => {
            make(Exit::Usage, "there is nothing to cancel").next("khutulun status")
        }
        EngineError::NothingToResume { .. } => {
            make(Exit::Usage, "there is nothing to resume").next("khutulun status")
        }
        EngineError::NoSuchRun(_) => make(Exit::Usage, "there is no such run").next("khutulun history"),
        EngineError::Ended { .. } | EngineError::Followed { .. } => {
            make(Exit::Usage, "cannot resume this run").next("khutulun status")
        }
        EngineError::NothingToSettle { run, .. } => {
            make(Exit::Usage, "there is nothing to settle").next(resume_hint(*run))
        }
        EngineError::TakenOver { .. } => make(Exit::Busy, "somebody else goes on with this run")
            .unchanged("what this command had begun is left to them")
            .next("khutulun status"),
        EngineError::Contended { .. } => make(Exit::Busy, "others change the service again and again")
            .unchanged("what was recorded stays recorded; what had begun goes on or ends by itself")
            .next("khutulun status"),
        EngineError::Damaged { .. } => make(Exit::Unreachable, "the journal is damaged")
            .next("restore the state directory from a backup"),
        EngineError::Plan(_) => make(Exit::Bug, "the plan cannot be recorded").next("please report this"),
        EngineError::Store { attempt: "number the run" | "begin the run", .. } => {
            make(Exit::Unreachable, "failed to use the store").next(
                "mend what is said above (space, permissions, another disk), then run the command again",
            )
        }
        EngineError::Store { .. } => make(Exit::Unreachable, "failed to use the store")
            .unchanged("what was recorded stays recorded; what had begun goes on or ends by itself")
            .next("mend what is said above (space, permissions, another disk), then: khutulun resume"),
    }
}

fn resume_hint(run: RunId) -> String {
    format!("khutulun resume {run}")
}
