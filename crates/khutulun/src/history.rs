//! What the store remembers of runs, in the words of the command line.

use std::collections::BTreeMap;

use floria::{LogEntry, LogQuery, Namespace, Store, Value};
use khutulun_engine::{RunState, RunSummary, runs};

use crate::{
    error::{CliError, chain},
    exit::Exit,
    session::Session,
};

/// How many runs are searched for the last change of a node: enough for a node that many changes of others have passed by,
/// few enough that a long history costs nothing.
const RUNS_SEARCHED_MAX: usize = 8;

/// Returns the last run of a service.
pub(crate) fn last(
    session: &Session,
    store: &dyn Store,
    service: &Namespace,
) -> Result<Option<RunSummary>, CliError> {
    all(session, store, service).map(|mut runs| runs.pop())
}

/// Returns the runs of a service, the first first.
pub(crate) fn all(
    session: &Session,
    store: &dyn Store,
    service: &Namespace,
) -> Result<Vec<RunSummary>, CliError> {
    runs(store, service).map_err(|error| {
        CliError::new(Exit::Unreachable, "failed to read the journal")
            .place(session.root().display().to_string())
            .why(chain(&error))
            .next("run the command again; if it stays so, restore the state directory from a backup")
    })
}

/// Returns whether a run can be taken up again: it was killed, interrupted, failed or needs an answer.
pub(crate) fn is_resumable(run: &RunSummary) -> bool {
    match run.result.as_deref() {
        None | Some("cancelled") => true,
        // A single operation that failed is over; whoever wants it again asks again.
        Some("failed") => run.goal != "run",
        Some(_) => false,
    }
}

/// Returns when each node was last changed by an operation, as far as the last runs tell.
pub(crate) fn since(store: &dyn Store, service: &Namespace) -> BTreeMap<String, u64> {
    let mut since = BTreeMap::new();
    let Ok(runs) = runs(store, service) else { return since };
    for summary in runs.iter().rev().take(RUNS_SEARCHED_MAX) {
        let query = LogQuery { stream: Some(format!("run/{}", summary.run)), ..LogQuery::default() };
        // It is only decoration: what cannot be read is left out.
        let Ok(rows) = store.log(&query) else { continue };
        let Ok(Some(state)) = RunState::fold(summary.run, &rows) else { continue };
        for row in rows.iter().rev() {
            let LogEntry::Record(record) = &row.entry else { continue };
            if record.kind != "outcome" {
                continue;
            }
            let step = record
                .body
                .get("step")
                .and_then(Value::as_integer)
                .and_then(|step| usize::try_from(step).ok());
            if let Some(step) = step.and_then(|step| state.plan.steps.get(step)) {
                since.entry(step.subject.node.clone()).or_insert(row.time_ms);
            }
        }
    }
    since
}
