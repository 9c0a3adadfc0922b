//! Whether a saved plan may still be run: the store, what is there and the drivers must be those that it was made with.

use std::path::Path;

use floria::{Change, LogEntry, LogQuery, Namespace, Record, Revision, Store, StoreError, Value};
use floria_sqlite::SqliteStore;
use khutulun_api::names;

use super::{Saved, drivers, ground};
use crate::{error::CliError, exit::Exit, session::Session, store_identity, time};

impl Saved {
    /// Refuses the plan unless all is as it was when the plan was made.
    pub(crate) fn check(&self, session: &Session, store: &SqliteStore, file: &Path) -> Result<(), CliError> {
        let plan = &self.proposal.plan;
        let service = &plan.namespace;
        let refused = |exit: Exit, what: &str, why: String| {
            CliError::new(exit, what).place(file.display().to_string()).why(why)
        };
        let again =
            format!("make it anew, and have it approved: khutulun plan PATH --save {}", file.display());
        let store_error = |error| session.store_error(error);
        let identity = store_identity::of(store).map_err(store_error)?;
        if identity.as_ref() != Some(&self.store) {
            let why = format!("it was made from another store than the one in {}", session.root().display());
            return Err(refused(Exit::Usage, "the saved plan is for another store", why)
                .next("give the state directory that it was made with: --state DIR")
                .next(again));
        }
        if let Some(run) = run_of(store, service, &self.digest).map_err(store_error)? {
            return Err(refused(
                Exit::Busy,
                "the saved plan was run already",
                format!("{run} began with it"),
            )
            .next(format!("khutulun history {service}")));
        }
        let actual = store.namespace_revision(service).map_err(store_error)?;
        if actual != plan.base {
            let moved = moved(store, service, plan.base).map_err(store_error)?;
            let why = format!(
                "it was made at revision {} of the store, and `{service}` is at {}{moved}",
                plan.base.0, actual.0
            );
            return Err(refused(Exit::Busy, "the saved plan is out of date", why).next(again));
        }
        if ground(session, store, plan)? != self.ground {
            let why = format!(
                "what is there of `{service}` is not what the plan was made from, though its revision is the same: the store was restored from a copy"
            );
            return Err(refused(Exit::Busy, "the saved plan is out of date", why).next(again));
        }
        let now = drivers(plan);
        if let Some((name, made_with)) = self.drivers.iter().find(|driver| !now.contains(driver)) {
            let present = now.iter().find(|(other, _)| other == name).map_or("none", |(_, digest)| digest);
            let why = format!(
                "it was made with the driver `{name}` of digest {made_with}, and this khutulun has {present}"
            );
            return Err(refused(Exit::Usage, "the saved plan is for other drivers", why)
                .next("run it with the khutulun that made it")
                .next(again));
        }
        if let Some((intention, _)) = &self.wanted {
            intention.contents(session)?;
        }
        Ok(())
    }
}

/// The kind of the record of a run of a saved plan that leads to no revision.
const PLAN: &str = "plan";

/// Returns the record of a run of a saved plan that takes the service away.
pub(crate) fn record(service: &Namespace, digest: &str) -> Record {
    Record {
        stream: names::REVISIONS.to_owned(),
        namespace: service.clone(),
        kind: PLAN.to_owned(),
        body: Value::map([("plan", digest)]),
    }
}

/// Returns which run of a service began with a saved plan of this digest, in words, if one did.
fn run_of(store: &dyn Store, service: &Namespace, digest: &str) -> Result<Option<String>, StoreError> {
    let query = LogQuery {
        stream: Some(names::REVISIONS.to_owned()),
        namespace: Some(service.clone()),
        ..LogQuery::default()
    };
    let found = store.log(&query)?.into_iter().rev().find(|row| match &row.entry {
        LogEntry::Record(record) => record.body.get("plan").and_then(Value::as_text) == Some(digest),
        LogEntry::Change(_) => false,
    });
    Ok(found.map(|row| {
        let author = row.author.as_ref();
        let stream = author.and_then(|author| author.stream.as_deref()).unwrap_or_default();
        let by = author.map_or_else(String::new, |author| format!(" of {}", author.name));
        format!("{}{by}, {},", stream.replace('/', " "), time::rfc3339(row.time_ms))
    }))
}

/// How many names are given of what moved; more help nobody.
const MOVED_MAX: usize = 5;

/// Returns what was changed of a service since a revision of the store, and in which runs, as the end of a sentence.
fn moved(store: &dyn Store, service: &Namespace, since: Revision) -> Result<String, StoreError> {
    let query = LogQuery { namespace: Some(service.clone()), since, ..LogQuery::default() };
    let rows = match store.log(&query) {
        Err(StoreError::Forgotten { .. }) => return Ok("; what changed was forgotten".to_owned()),
        rows => rows?,
    };
    let (mut names, mut runs) = (Vec::new(), Vec::new());
    for row in &rows {
        // What is gone has a name only where it was changed before; a person knows it by that.
        let name = match &row.entry {
            LogEntry::Change(Change::Put(entity)) => Some(entity.name().to_owned()),
            LogEntry::Change(Change::Delete(_)) => None,
            LogEntry::Record(_) => continue,
        };
        let stream = row.author.as_ref().and_then(|author| author.stream.clone());
        let run = stream.filter(|stream| stream.starts_with("run/")).map(|stream| stream.replace('/', " "));
        names.extend(name.filter(|name| !names.contains(name)));
        runs.extend(run.filter(|run| !runs.contains(run)));
    }
    let listed = |all: &[String]| {
        let more = all.len().saturating_sub(MOVED_MAX);
        let shown = all[..all.len() - more].join(", ");
        if more == 0 { shown } else { format!("{shown} and {more} more") }
    };
    let names = match names.is_empty() {
        true => "nothing that can be named".to_owned(),
        false => listed(&names),
    };
    let by = if runs.is_empty() { String::new() } else { format!(", by {}", listed(&runs)) };
    Ok(format!("; changed since: {names}{by}"))
}
