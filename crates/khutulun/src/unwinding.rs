//! Unwinding a run that failed: what was intended before is made real again, or what was made is taken away.

use floria::{LogEntry, LogQuery, Namespace, Record, Store as _, StoreError, Value};
use floria_sqlite::SqliteStore;
use khutulun_api::{RunId, names};
use khutulun_engine::RunResult;
use serde_json::{Value as Json, json};

use crate::{
    answer::Answer as _,
    commands,
    error::CliError,
    execution::{Done, Execution},
    exit::Exit,
    intention::Intention,
    progress,
    revision::{self, Beginning, Revision, Said, Unwinding, Verb},
    session::Session,
    terminal::{Style, harmless},
};

/// The kind of the record of a run that takes away what a failed one made.
const UNWIND: &str = "unwind";

/// How many failures of an unwinding are named.
const FAILURES_MAX: usize = 5;

/// What became of the unwinding of a run.
pub(crate) struct Unwound {
    /// The run that failed.
    of: RunId,
    /// Where it led back to: a revision, or nothing.
    to: Option<u64>,
    /// The run that unwound it. None: there was nothing to undo.
    done: Option<Done>,
}

impl Unwound {
    /// Tells whether all is as it was before.
    fn succeeded(&self) -> bool {
        self.done.as_ref().is_none_or(Done::succeeded)
    }

    /// Says what became of what the failed run had done.
    pub(crate) fn sentence(&self, service: &Namespace) -> String {
        let by = self.done.as_ref().map_or_else(String::new, |done| format!(" by run {}", done.run()));
        match (self.succeeded(), self.to) {
            (true, Some(number)) => {
                format!("what it had done is unwound{by}: `{service}` is what it was at revision {number}")
            }
            (true, None) => {
                format!("what it had made is taken away again{by}: there is nothing of `{service}`")
            }
            (false, _) => {
                let failures: Vec<String> = self.done.iter().flat_map(Done::failures).collect();
                let mut named = failures.iter().take(FAILURES_MAX).cloned().collect::<Vec<_>>().join("; ");
                if failures.len() > FAILURES_MAX {
                    named.push_str(&format!("; and {} more", failures.len() - FAILURES_MAX));
                }
                let because = if named.is_empty() { String::new() } else { format!(": {named}") };
                format!("unwinding it{by} did not come to its end{because}")
            }
        }
    }

    /// Says what to do next.
    pub(crate) fn next(&self) -> String {
        match &self.done {
            Some(done) if !done.succeeded() => {
                format!("mend the cause, then go on with the unwinding: khutulun resume {}", done.run())
            }
            _ => "mend the cause, then run the command again".to_owned(),
        }
    }

    /// Returns it as data.
    pub(crate) fn document(&self) -> Json {
        let result = self.done.as_ref().map_or("succeeded", Done::result);
        json!({ "run": self.done.as_ref().map(|done| done.run().0), "to": self.to, "result": result })
    }

    /// Returns it as the error that it is: the operation that was asked for failed.
    pub(crate) fn error(&self, service: &Namespace) -> CliError {
        CliError::new(Exit::Failed, format!("run {} failed", self.of))
            .place(format!("service `{service}`"))
            .why(format!("see: khutulun history {service}"))
            .unchanged(self.sentence(service))
            .next(self.next())
            .detail("unwound", self.document())
    }
}

/// Unwinds a run if it failed and that was asked for.
pub(crate) fn after(
    session: &Session,
    execution: &Execution<'_>,
    service: &Namespace,
    done: &Done,
    unwinding: Option<Unwinding>,
) -> Result<Option<Unwound>, CliError> {
    match unwinding.and_then(Unwinding::back).filter(|_| done.has_failed()) {
        Some(to) => unwind(session, execution, service, done.run(), to).map(Some).map_err(|mut error| {
            error.what = format!("run {} failed and was not unwound: {}", done.run(), error.what);
            error.unchanged("what it had done stays").next(format!("khutulun resume {}", done.run()))
        }),
        None => Ok(None),
    }
}

/// Makes a plan back to a revision, or to nothing, and runs it.
pub(crate) fn unwind(
    session: &Session,
    execution: &Execution<'_>,
    service: &Namespace,
    failed: RunId,
    to: Option<u64>,
) -> Result<Unwound, CliError> {
    let store = execution.store();
    let (proposal, records) = match to {
        Some(number) => {
            let revision = revision::find(session, store, service, number)?;
            let intention = Intention::of_revision(session, store, service, &revision)?;
            let said = Said { of: Some(number), unwinds: Some(failed), ..Said::of(&intention, Verb::Unwind) };
            let beginning = Beginning::new(session, store, &intention, said, false)?;
            (intention.propose_for_real(session, store)?, beginning.records(session, store, &intention)?)
        }
        None => (commands::removal(session, store, service)?, vec![record(service, failed)]),
    };
    let heading = match to {
        Some(number) => format!("Run {failed} failed; going back to revision {number}.\n"),
        None => format!("Run {failed} failed; taking away what it made.\n"),
    };
    session.progress.say(&heading);
    session.progress.say(&proposal.view().text(Style::stderr()));
    let done = match proposal.plan.is_empty() {
        true => None,
        false => Some(execution.perform(proposal.plan, records)?),
    };
    Ok(Unwound { of: failed, to, done })
}

fn record(service: &Namespace, failed: RunId) -> Record {
    let run = Value::Integer(i64::try_from(failed.0).unwrap_or(i64::MAX));
    Record {
        stream: names::REVISIONS.to_owned(),
        namespace: service.clone(),
        kind: UNWIND.to_owned(),
        body: Value::map([("unwinds", run)]),
    }
}

/// What is recorded of a run and unwinding.
#[derive(Default)]
pub(crate) struct Recorded {
    /// What a failure of the run leads to.
    pub(crate) unwinding: Option<Unwinding>,
    /// The run that it unwinds.
    pub(crate) unwinds: Option<RunId>,
    /// The revision that it leads to.
    pub(crate) revision: Option<Revision>,
}

/// Returns what is recorded of a run and unwinding.
pub(crate) fn recorded(store: &SqliteStore, service: &Namespace, run: RunId) -> Result<Recorded, StoreError> {
    if let Some(revision) =
        revision::all(store, service)?.into_iter().rev().find(|revision| revision.run == Some(run))
    {
        let Said { unwinding, unwinds, .. } = revision.said;
        return Ok(Recorded { unwinding, unwinds, revision: Some(revision) });
    }
    let query = LogQuery {
        stream: Some(names::REVISIONS.to_owned()),
        namespace: Some(service.clone()),
        ..LogQuery::default()
    };
    let stream = khutulun_engine::stream_of(run);
    let unwinds = store.log(&query)?.into_iter().find_map(|row| {
        let is_of_run = row.author.as_ref().is_some_and(|author| author.stream.as_ref() == Some(&stream));
        match row.entry {
            LogEntry::Record(record) if is_of_run && record.kind == UNWIND => {
                u64::try_from(record.body.get("unwinds")?.as_integer()?).ok().map(RunId)
            }
            _ => None,
        }
    });
    Ok(Recorded { unwinds, ..Recorded::default() })
}

/// A run that unwinds another one has come to its end: what was asked for at first has failed all the same.
pub(crate) fn ended(done: Done, Recorded { unwinds, revision, .. }: &Recorded) -> Option<Unwound> {
    let to = revision.as_ref().and_then(|revision| revision.said.of);
    Some(Unwound { of: (*unwinds)?, to, done: Some(done) })
}

impl Done {
    /// Returns what failed, each in a sentence.
    fn failures(&self) -> Vec<String> {
        let all = self.report().failures();
        all.map(|(step, failure)| {
            let what = progress::plain(&step.event);
            format!("{what} of `{}`: {}", self.plan().path_of(&step.node), harmless(&failure.message))
        })
        .collect()
    }

    /// Tells whether an operation failed.
    pub(crate) fn has_failed(&self) -> bool {
        self.report().result == RunResult::Failed
    }

    fn result(&self) -> &'static str {
        self.report().result.word()
    }
}
