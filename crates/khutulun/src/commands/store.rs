//! `khutulun store`: looks after the store itself, whatever is in it.

mod copies;
mod diff;
mod exchange;
mod history;
mod query;

use std::fmt::Write as _;

use floria::{Finding, Stats, Store as _};
use floria_sqlite::SqliteStore;
use serde_json::{Value as Json, json};

use crate::{
    answer::{self, Answer},
    cli::StoreCommand,
    error::CliError,
    exit::Exit,
    session::Session,
    terminal::{Style, harmless},
};

pub(crate) fn run(command: &StoreCommand, session: &Session) -> Result<Exit, CliError> {
    match command {
        StoreCommand::Stats => stats(session),
        StoreCommand::Verify => verify(session),
        StoreCommand::Migrate => copies::migrate(session),
        StoreCommand::Backup(arguments) => copies::back_up(arguments, session),
        StoreCommand::Restore(arguments) => copies::restore(arguments, session),
        StoreCommand::Export(arguments) => exchange::export(arguments, session),
        StoreCommand::Import(arguments) => exchange::import(arguments, session),
        StoreCommand::Query(arguments) => query::run(arguments, session),
        StoreCommand::Diff(arguments) => diff::run(arguments, session),
        StoreCommand::Log(arguments) => history::log(arguments, session),
        StoreCommand::Forget(arguments) => history::forget(arguments, session),
    }
}

/// Opens the store to read it; an error when there is none.
fn reader(session: &Session) -> Result<SqliteStore, CliError> {
    session.reader()?.ok_or_else(|| {
        CliError::usage("there is no store yet", "nothing was ever deployed or imported here")
            .place(session.root().display().to_string())
            .next("khutulun deploy PATH, or give another state directory: --state DIR")
    })
}

struct Counted(Stats);

impl Answer for Counted {
    fn document(&self) -> Json {
        let Stats { revision, kept_from, entities, log_rows, octets } = &self.0;
        let entities: serde_json::Map<String, Json> =
            entities.iter().map(|(kind, count)| (kind.word().replace(' ', "_"), json!(count))).collect();
        json!({
            "schema": "khutulun.store-stats/1",
            "revision": revision.0,
            "kept_from": kept_from.0,
            "entities": entities,
            "log_rows": log_rows,
            "octets": octets,
        })
    }

    fn text(&self, style: Style) -> String {
        let Stats { revision, kept_from, entities, log_rows, octets } = &self.0;
        let mut text = String::new();
        let mut line = |label: &str, value: String| {
            let _ = writeln!(text, "{} {value}", style.dim(&format!("{label:<16}")));
        };
        line("revision", revision.0.to_string());
        line("kept from", kept_from.0.to_string());
        for (kind, count) in entities {
            line(kind.word(), count.to_string());
        }
        line("rows of the log", log_rows.to_string());
        if let Some(octets) = octets {
            line("on disk", format!("{octets} bytes"));
        }
        text
    }
}

fn stats(session: &Session) -> Result<Exit, CliError> {
    let stats = reader(session)?.stats().map_err(|error| session.store_error(error))?;
    answer::give(&Counted(stats), session.format)?;
    Ok(Exit::Success)
}

struct Verified(Vec<Finding>);

impl Answer for Verified {
    fn document(&self) -> Json {
        json!({ "schema": "khutulun.store-verify/1", "whole": self.0.is_empty(), "findings": self.items() })
    }

    fn items(&self) -> Vec<Json> {
        self.0.iter().map(|finding| json!({ "schema": "khutulun.store-finding/1", "kind": finding.kind, "message": finding.message })).collect()
    }

    fn text(&self, style: Style) -> String {
        if self.0.is_empty() {
            return "The store is whole.\n".to_owned();
        }
        let mut text = String::new();
        for finding in &self.0 {
            let _ = writeln!(
                text,
                "{} {}",
                style.bold(&format!("{:<9}", finding.kind)),
                harmless(&finding.message)
            );
        }
        text
    }
}

fn verify(session: &Session) -> Result<Exit, CliError> {
    let findings = reader(session)?.verify().map_err(|error| session.store_error(error))?;
    let count = findings.len();
    answer::give(&Verified(findings), session.format)?;
    if count == 0 {
        return Ok(Exit::Success);
    }
    let what = if count == 1 { "the store is damaged in one place" } else { "the store is damaged" };
    Err(CliError::new(Exit::Failed, what)
        .place(session.root().display().to_string())
        .why(format!("{count} of the things that must hold do not: they are listed above"))
        .next("keep a copy of the state directory as it is")
        .next("khutulun store restore FILE --replace, with the last backup that verifies"))
}
