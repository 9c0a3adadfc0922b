//! `khutulun resume`: goes on with a run that was killed, interrupted, failed or in doubt.

use std::collections::BTreeMap;

use floria::Namespace;
use floria_sqlite::SqliteStore;
use khutulun_api::RunId;
use khutulun_engine::{RunState, RunSummary, Settlement};

use crate::{
    busy, change,
    cli::{OnFailure, ResumeArguments},
    error::CliError,
    execution::{Execution, engine_error, waiting},
    exit::Exit,
    history,
    intention::Intention,
    question,
    revision::{Beginning, Unwinding},
    session::{Session, quoted},
    unwinding,
};

pub(crate) fn run(arguments: &ResumeArguments, session: &Session) -> Result<Exit, CliError> {
    session.allow(arguments.removal);
    let settlements =
        arguments.settle.iter().map(|text| answer(text)).collect::<Result<BTreeMap<_, _>, _>>()?;
    let reader = session.reader()?.ok_or_else(|| session.nothing_deployed())?;
    let (service, run) = find(arguments.which.as_deref(), session, &reader, "resume", history::is_resumable)?;
    drop(reader);
    let (state, store) = session.writer()?;
    busy::refuse(session, &store, &service)?;
    let run_state = RunState::read(&store, run).map_err(|error| engine_error(session, &error))?;
    let recorded = unwinding::recorded(&store, &service, run).map_err(|error| session.store_error(error))?;
    if arguments.conduct.on_failure == OnFailure::Unwind && recorded.unwinding.is_none() {
        return Err(CliError::usage(
            format!("cannot unwind run {run}"),
            "it was not begun with that, so nothing is known of where it would lead back to",
        )
        .place(session.root().display().to_string())
        .next(format!("khutulun resume {run}"))
        .next(format!("khutulun rollback REVISION --name {service}; see: khutulun history {service}")));
    }
    let is_last = history::last(session, &store, &service)?.is_some_and(|last| last.run == run);
    let execution = Execution::new(session, state, store, &arguments.conduct);
    let back = recorded.unwinding.and_then(Unwinding::back);
    if let Some(to) = back.filter(|_| is_last && run_state.end.as_deref() == Some("failed")) {
        // It was killed after the run had failed, and before that was unwound.
        let unwound = unwinding::unwind(session, &execution, &service, run, to)?;
        return Err(unwound.error(&service));
    }
    let settlements = settlements
        .into_iter()
        .map(|(step, answer)| Ok((step, answer.settles(step, &run_state, session)?)))
        .collect::<Result<_, CliError>>()?;
    let mut waiting = waiting(&run_state.plan);
    let mut done = execution.resume(&run_state, settlements)?;
    let agreed = arguments.yes || question::can_ask();
    if let Some(revision) = recorded.revision.as_ref().filter(|_| agreed && recorded.unwinds.is_none()) {
        let intention = Intention::of_revision(session, execution.store(), &service, revision)?;
        let beginning = Beginning::again(revision);
        let goal = (&intention, &beginning);
        (done, waiting) = change::go_on(session, &execution, goal, arguments.yes, done, waiting)?;
    }
    let unwound = unwinding::after(session, &execution, &service, &done, recorded.unwinding)?;
    if recorded.unwinds.is_none() || !done.succeeded() {
        return execution.answer(&done, &waiting, unwound.as_ref());
    }
    // What it unwinds has failed, however well it went itself.
    match (execution.answer(&done, &waiting, None), unwinding::ended(done, &recorded)) {
        (Ok(_), Some(unwound)) => Err(unwound.error(&service).answered()),
        (answer, _) => answer,
    }
}

/// Returns the run that is meant: by number, by service, or the only one that this can be done with.
pub(super) fn find(
    which: Option<&str>,
    session: &Session,
    store: &SqliteStore,
    verb: &str,
    is_meant: impl Fn(&RunSummary) -> bool,
) -> Result<(Namespace, RunId), CliError> {
    let known = session.services(store)?;
    if let Some(number) = which.and_then(|which| which.parse().ok()) {
        let run = RunId(number);
        let state = RunState::read(store, run).map_err(|error| engine_error(session, &error))?;
        return Ok((state.plan.namespace.clone(), run));
    }
    let services = match which {
        Some(name) => match known.iter().find(|service| service.0 == name) {
            Some(service) => vec![service.clone()],
            None => return Err(session.no_service(name, &known)),
        },
        None => known,
    };
    let mut open = Vec::new();
    for service in services {
        let last = history::last(session, store, &service)?;
        open.extend(last.filter(&is_meant).map(|last| (service, last.run)));
    }
    match open.as_slice() {
        [only] => Ok(only.clone()),
        [] => Err(CliError::usage(
            format!("there is nothing to {verb}"),
            if verb == "resume" { "no run was stopped part-way" } else { "all runs have ended" },
        )
        .place(session.root().display().to_string())
        .next("khutulun status")),
        several => {
            let names: Vec<&Namespace> = several.iter().map(|(service, _)| service).collect();
            Err(CliError::usage(
                "several runs could be meant",
                format!("runs of {} are unfinished", quoted(&names)),
            )
            .place(session.root().display().to_string())
            .next(format!("khutulun {verb} {}", several[0].1)))
        }
    }
}

/// What an operator answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Succeeded,
    Failed,
    Retry,
    Approved,
    Refused,
}

impl Answer {
    /// To which question it is one: whether something may go on, or what became of something.
    fn settles(self, step: u32, state: &RunState, session: &Session) -> Result<Settlement, CliError> {
        let asks = state.plan.steps.get(step as usize).is_some_and(|planned| planned.approval.is_some());
        let (settlement, is_approval) = match self {
            Self::Succeeded => (Settlement::Succeeded(BTreeMap::new()), false),
            Self::Failed => (Settlement::Failed, false),
            Self::Retry => (Settlement::Retry, false),
            Self::Approved => (Settlement::Succeeded(BTreeMap::new()), true),
            Self::Refused => (Settlement::Failed, true),
        };
        if asks == is_approval {
            return Ok(settlement);
        }
        let (why, word) = match asks {
            true => ("it asks whether it may go on: `approved` or `refused`", "approved"),
            false => (
                "it asks for nobody's approval: what became of it is `succeeded`, `failed` or `retry`",
                "succeeded",
            ),
        };
        Err(CliError::usage(format!("that is no answer to step {step} of run {}", state.run), why)
            .place(session.root().display().to_string())
            .next(format!("khutulun resume {} --settle {step}={word}", state.run)))
    }
}

fn answer(text: &str) -> Result<(u32, Answer), CliError> {
    let read = || {
        let (step, how) = text.split_once('=')?;
        let how = match how {
            "succeeded" => Answer::Succeeded,
            "failed" => Answer::Failed,
            "retry" => Answer::Retry,
            "approved" => Answer::Approved,
            "refused" => Answer::Refused,
            _ => return None,
        };
        Some((step.parse().ok()?, how))
    };
    read().ok_or_else(|| {
        CliError::usage(
            format!("cannot read the settlement `{}`", crate::terminal::harmless(text)),
            "it is a step's number, `=`, and `succeeded`, `failed` or `retry`; of a step that asks for it, `approved` or `refused`",
        )
        .next("--settle 3=succeeded")
    })
}
