//! `khutulun cancel`: stops a run, whoever is at work on it.

use std::time::{Duration, Instant};

use floria::{Namespace, Store as _};
use khutulun_api::RunId;
use khutulun_engine::{Cancelling, Holder, Lease, RunResult, RunState};
use serde_json::{Value as Json, json};

use super::resume;
use crate::{
    answer::{self, Answer},
    busy,
    cli::{CancelArguments, ConductArguments, OnFailure},
    error::CliError,
    execution::{Execution, engine_error},
    exit::Exit,
    progress::Event,
    session::Session,
    terminal::{Style, harmless},
};

/// How often, in milliseconds, whoever was asked is looked for while they work: nobody tells of one who was killed.
const LOOK_MS: u64 = 1_000;

/// What became of the run.
struct Stopped {
    service: Namespace,
    run: RunId,
    /// In a word, as the journal has it. None: it needs an answer before it can end.
    result: Option<String>,
}

impl Answer for Stopped {
    fn document(&self) -> Json {
        json!({
            "schema": "khutulun.cancel/1",
            "service": self.service.0,
            "run": self.run.0,
            "result": self.result.as_deref().unwrap_or(RunResult::NeedsOperator.word()),
        })
    }

    fn text(&self, _style: Style) -> String {
        let Self { service, run, result } = self;
        let text = match result.as_deref() {
            Some("cancelled") => {
                format!("Run {run} of `{service}` is cancelled. To go on: khutulun resume {run}")
            }
            Some(result) => {
                format!("Run {run} of `{service}` had ended before it could be cancelled: {result}.")
            }
            None => {
                format!("Run {run} of `{service}` has stopped, and needs an answer: khutulun resume {run}")
            }
        };
        format!("{}\n", harmless(&text))
    }
}

pub(crate) fn run(arguments: &CancelArguments, session: &Session) -> Result<Exit, CliError> {
    let reader = session.reader()?.ok_or_else(|| session.nothing_deployed())?;
    let is_open = |run: &khutulun_engine::RunSummary| run.result.is_none();
    let (service, run) = resume::find(arguments.which.as_deref(), session, &reader, "cancel", is_open)?;
    drop(reader);
    let (state, store) = session.writer()?;
    // Nothing is begun, so this says nothing.
    let conduct = ConductArguments { parallel: 1, on_failure: OnFailure::Stop };
    let execution = Execution::new(session, state, store, &conduct);
    let deadline = Instant::now() + Duration::from_secs(arguments.timeout.get().into());
    let mut told = false;
    let result = loop {
        let Some((epoch, holder)) = ask(session, &execution, &service, run)? else {
            break ended(session, &execution, run)?;
        };
        if !std::mem::replace(&mut told, true) {
            let who = busy::who(&holder);
            session.progress.show(Event::Note(format!("asked {who} to stop; what runs is finished first")));
        }
        match wait(session, &execution, &service, epoch, deadline)? {
            Waited::Over => break ended(session, &execution, run)?,
            // Whoever was asked is gone.
            Waited::Left => {}
            Waited::TooLong => return Err(too_long(session, &service, run, &holder)),
        }
    };
    session.progress.settle();
    let needs_answer = result.is_none();
    answer::give(&Stopped { service, run, result }, session.format)?;
    Ok(if needs_answer { Exit::NeedsOperator } else { Exit::Success })
}

/// Asks whoever is at work. None: the run has ended.
fn ask(
    session: &Session,
    execution: &Execution<'_>,
    service: &Namespace,
    run: RunId,
) -> Result<Option<(u64, Holder)>, CliError> {
    session.progress.phase("stopping the run");
    match execution.cancel(service, run)? {
        Some(Cancelling::Asked { epoch, holder, .. }) => Ok(Some((epoch, holder))),
        Some(Cancelling::Ended(_)) | None => Ok(None),
    }
}

fn ended(session: &Session, execution: &Execution<'_>, run: RunId) -> Result<Option<String>, CliError> {
    let state = RunState::read(execution.store(), run).map_err(|error| engine_error(session, &error))?;
    Ok(state.end)
}

enum Waited {
    Over,
    Left,
    TooLong,
}

/// Waits until whoever is at work under this epoch is not any more.
fn wait(
    session: &Session,
    execution: &Execution<'_>,
    service: &Namespace,
    epoch: u64,
    deadline: Instant,
) -> Result<Waited, CliError> {
    let store = execution.store();
    let signal = store.signal().map_err(|error| session.store_error(error))?;
    loop {
        let seen = signal.count();
        let lease = Lease::read(store, service).map_err(|error| session.store_error(error))?;
        if lease.is_none_or(|lease| lease.epoch != epoch || lease.holder.is_none()) {
            return Ok(Waited::Over);
        }
        if busy::holder(store, service).map_err(|error| session.store_error(error))?.is_none() {
            return Ok(Waited::Left);
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(Waited::TooLong);
        }
        signal.wait(seen, Some(left.min(Duration::from_millis(LOOK_MS))));
    }
}

fn too_long(session: &Session, service: &Namespace, run: RunId, holder: &Holder) -> CliError {
    let why = format!("{} was asked to, and has not stopped yet", busy::who(holder));
    CliError::new(Exit::TimedOut, format!("timed out waiting for run {run} of `{service}` to stop"))
        .place(session.root().display().to_string())
        .why(why)
        .unchanged("the run goes on until what runs has ended, and stops then")
        .next("khutulun status")
        .next(format!("khutulun cancel {run} --timeout SECONDS, to wait for longer"))
}
