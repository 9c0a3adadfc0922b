//! `khutulun resume`: goes on with a run that was killed, interrupted, failed or in doubt.

use std::collections::BTreeMap;

use floria::Namespace;
use floria_sqlite::SqliteStore;
use khutulun_api::RunId;
use khutulun_engine::{RunState, Settlement};

use crate::{
    cli::ResumeArguments,
    error::CliError,
    execution::{Execution, engine_error},
    exit::Exit,
    history,
    lock::ServiceLock,
    session::{Session, quoted},
};

pub(crate) fn run(arguments: &ResumeArguments, session: &Session) -> Result<Exit, CliError> {
    let settlements =
        arguments.settle.iter().map(|text| settlement(text)).collect::<Result<BTreeMap<_, _>, _>>()?;
    let reader = session.reader()?.ok_or_else(|| session.nothing_deployed())?;
    let (service, run) = find(arguments.which.as_deref(), session, &reader)?;
    drop(reader);
    let (state, store) = session.writer()?;
    let _lock = ServiceLock::take(&state, &service.0, "resume")?;
    // Read under the lock: whoever held it may have ended the run.
    let run_state = RunState::read(&store, run).map_err(|error| engine_error(session, &error))?;
    Execution::new(session, state, store, &arguments.conduct).resume(&run_state, settlements)
}

/// Returns the run that is meant: by number, by service, or the only one that can be resumed.
fn find(which: Option<&str>, session: &Session, store: &SqliteStore) -> Result<(Namespace, RunId), CliError> {
    let known = session.services(store)?;
    if let Some(number) = which.and_then(|which| which.parse().ok()) {
        let run = RunId(number);
        let state = RunState::read(store, run).map_err(|error| engine_error(session, &error))?;
        return Ok((state.plan.namespace, run));
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
        open.extend(last.filter(history::is_resumable).map(|last| (service, last.run)));
    }
    match open.as_slice() {
        [only] => Ok(only.clone()),
        [] => Err(CliError::usage("there is nothing to resume", "no run was stopped part-way")
            .place(session.root().display().to_string())
            .next("khutulun status")),
        several => {
            let names: Vec<&Namespace> = several.iter().map(|(service, _)| service).collect();
            Err(CliError::usage(
                "several runs could be meant",
                format!("runs of {} are unfinished", quoted(&names)),
            )
            .place(session.root().display().to_string())
            .next(format!("khutulun resume {}", several[0].1)))
        }
    }
}

fn settlement(text: &str) -> Result<(u32, Settlement), CliError> {
    let read = || {
        let (step, how) = text.split_once('=')?;
        let how = match how {
            "succeeded" => Settlement::Succeeded(BTreeMap::new()),
            "failed" => Settlement::Failed,
            "retry" => Settlement::Retry,
            _ => return None,
        };
        Some((step.parse().ok()?, how))
    };
    read().ok_or_else(|| {
        CliError::usage(
            format!("cannot read the settlement `{}`", crate::terminal::harmless(text)),
            "it is a step's number, `=`, and `succeeded`, `failed` or `retry`",
        )
        .next("--settle 3=succeeded")
    })
}
