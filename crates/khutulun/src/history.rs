//! What the store remembers of runs, in the words of the command line.

use std::collections::BTreeMap;

use floria::{LogEntry, LogQuery, Namespace, Store, Value};
use khutulun_api::names;
use khutulun_engine::{RunState, RunSummary, runs};
use khutulun_plan::Action;

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
        // A single operation that failed is over, and so is a look; whoever wants it again asks again.
        Some("failed") => !["run", "refresh", "adopt", "forget"].contains(&run.goal.as_str()),
        Some(_) => false,
    }
}

/// When something happened to nodes, by what they are called on machines, in milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Default)]
pub(crate) struct Times {
    /// When an operation changed it last.
    pub(crate) changed: BTreeMap<String, u64>,
    /// When a run looked at it last.
    pub(crate) looked: BTreeMap<String, u64>,
}

/// Returns when something happened to nodes, as far as the last runs tell.
pub(crate) fn times(store: &dyn Store, service: &Namespace) -> Times {
    let mut times = Times::default();
    let Ok(runs) = runs(store, service) else { return times };
    let look = format!("{}.{}", names::LIFECYCLE, names::OBSERVE);
    let is_look = |run: &&RunSummary| run.goal == "refresh";
    let (looks, others): (Vec<_>, Vec<_>) = runs.iter().rev().partition(is_look);
    for summary in others.iter().take(RUNS_SEARCHED_MAX).chain(looks.iter().take(RUNS_SEARCHED_MAX)) {
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
                let times = if step.event == look && step.action != Action::Adopt {
                    &mut times.looked
                } else {
                    &mut times.changed
                };
                times.entry(step.subject.node.clone()).or_insert(row.time_ms);
            }
        }
    }
    times
}
