//! What the log tells, and forgetting the older part of it.

use std::fmt::Write as _;

use floria::{Author, Change, LogEntry, LogQuery, LogRow, Namespace, Revision, Store as _};
use khutulun_engine::{RUNS, runs, stream_of};
use khutulun_events::REACTIONS;
use serde_json::{Value as Json, json};

use super::reader;
use crate::{
    answer::{self, Answer, Table},
    author,
    cli::{StoreForgetArguments, StoreLogArguments},
    error::CliError,
    exit::Exit,
    question, revision,
    session::Session,
    terminal::{Style, harmless},
    time,
};

struct Rows(Vec<LogRow>);

/// What a row is about, in one word and one name.
fn said(entry: &LogEntry) -> (&'static str, String, Option<&str>) {
    match entry {
        LogEntry::Change(Change::Put(entity)) => {
            ("put", format!("{} `{}`", entity.key(), entity.name()), Some(&entity.namespace().0))
        }
        LogEntry::Change(Change::Delete(key)) => ("delete", key.to_string(), None),
        LogEntry::Record(record) => {
            ("record", format!("{} in {}", record.kind, record.stream), Some(&record.namespace.0))
        }
    }
}

impl Answer for Rows {
    fn document(&self) -> Json {
        json!({ "schema": "khutulun.store-log/1", "rows": self.items() })
    }

    fn items(&self) -> Vec<Json> {
        let item = |row: &LogRow| {
            let (verb, what, namespace) = said(&row.entry);
            json!({
                "schema": "khutulun.store-row/1",
                "sequence": row.sequence,
                "revision": row.revision.0,
                "time": time::rfc3339(row.time_ms),
                "author": row.author.as_ref().map(|author| &author.name),
                "stream": row.author.as_ref().and_then(|author| author.stream.as_ref()),
                "what": verb,
                "of": what,
                "namespace": namespace,
            })
        };
        self.0.iter().map(item).collect()
    }

    fn text(&self, style: Style) -> String {
        if self.0.is_empty() {
            return "Nothing was found.\n".to_owned();
        }
        let now = time::now_ms();
        let mut table = Table::new(&["REVISION", "WHEN", "AUTHOR", "IN", "WHAT"]);
        for row in &self.0 {
            let (verb, what, _) = said(&row.entry);
            let author = row.author.as_ref();
            table.row(vec![
                row.revision.0.to_string().into(),
                time::ago(row.time_ms, now).into(),
                harmless(author.map_or("-", |author| &author.name)).into(),
                author.and_then(|author| author.stream.as_deref()).unwrap_or("-").into(),
                harmless(&format!("{verb} {what}")).into(),
            ]);
        }
        style.cut(&table.render(style))
    }
}

pub(crate) fn log(arguments: &StoreLogArguments, session: &Session) -> Result<Exit, CliError> {
    let store = reader(session)?;
    let query = LogQuery {
        namespace: arguments.namespace.clone().map(Namespace),
        stream: arguments.stream.clone(),
        since: Revision(arguments.since),
        limit: Some(arguments.limit),
        ..LogQuery::default()
    };
    let rows = store.log(&query).map_err(|error| session.store_error(error))?;
    let is_cut = rows.len() == arguments.limit;
    answer::give(&Rows(rows), session.format)?;
    if is_cut {
        session.progress.say(&format!("These are the first {}; there may be more: -n N\n", arguments.limit));
    }
    Ok(Exit::Success)
}

struct Forgot {
    before: u64,
    revision: u64,
    rows: u64,
}

impl Answer for Forgot {
    fn document(&self) -> Json {
        let Self { before, revision, rows } = self;
        json!({ "schema": "khutulun.store-forget/1", "before": before, "revision": revision, "rows": rows })
    }

    fn text(&self, _style: Style) -> String {
        let mut text = String::new();
        let Self { before, revision, rows } = self;
        let _ = writeln!(text, "Forgot {rows} rows of the log from before revision {before}.");
        let _ = writeln!(text, "Revision {revision} records it.");
        text
    }
}

pub(crate) fn forget(arguments: &StoreForgetArguments, session: &Session) -> Result<Exit, CliError> {
    reader(session)?;
    let (_, store) = session.writer()?;
    if !arguments.yes {
        if !question::can_ask() {
            return Err(question::unasked("forget a part of history"));
        }
        let question = format!("Forget what was replaced before revision {}?", arguments.before);
        if !question::ask(&session.progress, &question)? {
            return Err(question::refused());
        }
    }
    // The last run of a service can be resumed; its journal is not history yet.
    // What triggers did must not be done again.
    let mut keep = vec![RUNS.to_owned(), REACTIONS.to_owned()];
    for namespace in session.services(&store)? {
        let runs = runs(&store, &namespace).map_err(|error| {
            CliError::new(Exit::Unreachable, "failed to read which runs there were")
                .place(session.root().display().to_string())
                .cause(&error)
                .next("khutulun store verify")
        })?;
        keep.extend(runs.last().map(|last| stream_of(last.run)));
    }
    // What can be gone back to needs its design.
    let services = session.services(&store)?;
    keep.extend(revision::streams(&store, &services).map_err(|error| session.store_error(error))?);
    let by = Author { name: author::name(), stream: None };
    let forgotten = store
        .forget_before(Revision(arguments.before), &keep, Some(by))
        .map_err(|error| session.store_error(error))?;
    let forgot = Forgot { before: arguments.before, revision: forgotten.revision.0, rows: forgotten.rows };
    answer::give(&forgot, session.format)?;
    Ok(Exit::Success)
}
