//! Copies of the store: made, put in place, brought up to date.

use std::{io::ErrorKind, path::Path};

use floria::{Store as _, StoreError};
use floria_sqlite::{InPlaceOf, SqliteStore};
use serde_json::{Value as Json, json};

use super::reader;
use crate::{
    answer::{self, Answer},
    busy,
    cli::{StoreBackupArguments, StoreRestoreArguments},
    error::CliError,
    exit::Exit,
    progress::Event,
    question,
    session::{Session, quoted},
    terminal::{Style, harmless},
};

/// What was done, and the revision that it left or copied.
struct Done<'a> {
    verb: &'a str,
    path: Option<&'a Path>,
    revision: u64,
    sentence: String,
}

impl Answer for Done<'_> {
    fn document(&self) -> Json {
        json!({
            "schema": format!("khutulun.store-{}/1", self.verb),
            "path": self.path.map(|path| path.display().to_string()),
            "revision": self.revision,
        })
    }

    fn text(&self, _style: Style) -> String {
        format!("{}\n", harmless(&self.sentence))
    }
}

pub(crate) fn back_up(arguments: &StoreBackupArguments, session: &Session) -> Result<Exit, CliError> {
    let path = &arguments.file;
    reader(session)?.back_up_to(path).map_err(|error| {
        let next = match kind_of(&error) {
            Some(ErrorKind::AlreadyExists) => "give the name of a file that is not there",
            _ => "give a place that you may write and that has space",
        };
        failed("back up", path, session.store_error(error))
            .unchanged("the store is as it was, and so is what has that name")
            .next(next)
    })?;
    // What was copied is what the copy says, whatever was committed meanwhile.
    let copied = SqliteStore::open_read_only(path).and_then(|copy| copy.revision());
    let revision = copied.map_err(|error| session.store_error(error))?.0;
    let sentence = format!("Backed up revision {revision} to {}.", path.display());
    answer::give(&Done { verb: "backup", path: Some(path), revision, sentence }, session.format)?;
    Ok(Exit::Success)
}

pub(crate) fn restore(arguments: &StoreRestoreArguments, session: &Session) -> Result<Exit, CliError> {
    if let Err(error) = std::fs::metadata(&arguments.file) {
        return Err(CliError::usage("there is no such copy", error.to_string())
            .place(arguments.file.display().to_string())
            .next("khutulun store restore FILE, with a file that `khutulun store backup` wrote"));
    }
    let state = session.state_directory()?;
    let place = state.database();
    let is_there = std::fs::metadata(&place).is_ok_and(|file| file.len() > 0);
    if is_there && !arguments.replace {
        return Err(CliError::usage("there is a store already", "restoring would take its place")
            .place(place.display().to_string())
            .next("khutulun store backup FILE, to keep what is there")
            .next("khutulun store restore FILE --replace"));
    }
    if is_there && !arguments.yes {
        if !question::can_ask() {
            return Err(question::unasked("restore a store in place of another"));
        }
        let question =
            format!("Put {} in place of the store at {}?", arguments.file.display(), place.display());
        if !question::ask(&session.progress, &question)? {
            return Err(question::refused());
        }
    }
    // Nobody may be at work on what goes. A store that cannot be read must be replaceable too: then there is nobody to ask.
    let reader = session.reader().ok().flatten();
    let present = reader.as_ref().and_then(|store| session.services(store).ok()).unwrap_or_default();
    if let Some(store) = &reader {
        present.iter().try_for_each(|service| busy::refuse(session, store, service))?;
    }
    drop(reader);
    let in_place_of = if arguments.replace { InPlaceOf::WhatIsThere } else { InPlaceOf::Nothing };
    SqliteStore::restore(&arguments.file, &place, in_place_of).map_err(|error| {
        let is_busy = kind_of(&error) == Some(ErrorKind::ResourceBusy);
        let is_of_place = matches!(&error, StoreError::Unavailable { attempt, .. }
            if attempt.ends_with(&format!("`{}`", place.display())));
        let failed =
            |at, error| failed("restore", at, session.store_error(error)).unchanged("the store is as it was");
        if !is_of_place {
            return failed(&arguments.file, error)
                .next("give a file that `khutulun store backup` wrote, and see that there is space for it");
        }
        let mut failure = failed(&place, error);
        if is_busy {
            failure.exit = Exit::Busy;
            return failure.next("wait until other commands on it end, then run the command again");
        }
        failure.next("mend what is said above (space, permissions), then run the command again")
    })?;
    let restored = SqliteStore::open_read_only(&place).map_err(|error| session.store_error(error))?;
    let revision = restored.revision().map_err(|error| session.store_error(error))?.0;
    let kept = session.services(&restored)?;
    let gone: Vec<_> = present.iter().filter(|service| !kept.contains(service)).collect();
    if !gone.is_empty() {
        session.progress.show(Event::Note(format!(
            "not in the copy: {}; what runs of it goes on running, and nothing here knows of it any more",
            quoted(&gone)
        )));
    }
    let sentence = format!("Restored revision {revision} from {}.", arguments.file.display());
    answer::give(&Done { verb: "restore", path: Some(&arguments.file), revision, sentence }, session.format)?;
    Ok(Exit::Success)
}

/// Returns what the operating system calls the cause of an error of the store.
fn kind_of(error: &StoreError) -> Option<ErrorKind> {
    let StoreError::Unavailable { source, .. } = error else { return None };
    source.downcast_ref::<std::io::Error>().map(std::io::Error::kind)
}

/// An error that is about a copy rather than about the store.
fn failed(verb: &str, copy: &Path, error: CliError) -> CliError {
    let mut failure = error.place(copy.display().to_string());
    failure.what = format!("failed to {verb} the store");
    failure.next.clear();
    failure
}

pub(crate) fn migrate(session: &Session) -> Result<Exit, CliError> {
    reader(session)?;
    // Opening to write brings the tables up to date, after a copy was made.
    let (_, store) = session.writer()?;
    let revision = store.revision().map_err(|error| session.store_error(error))?.0;
    let sentence = format!("The store is of this version's schema, at revision {revision}.");
    answer::give(&Done { verb: "migrate", path: Some(store.path()), revision, sentence }, session.format)?;
    Ok(Exit::Success)
}
