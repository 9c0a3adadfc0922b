//! `khutulun update`: other inputs; all else stays as it was intended last.

use floria::Namespace;
use floria_sqlite::SqliteStore;

use crate::{
    change::{Wish, realize},
    cli::UpdateArguments,
    error::CliError,
    exit::Exit,
    inputs::{self, Inputs},
    intention::Intention,
    revision::{self, Verb},
    session::Session,
};

pub(crate) fn run(arguments: &UpdateArguments, session: &Session) -> Result<Exit, CliError> {
    session.allow(arguments.change.execution.removal);
    let given = inputs::gather(&arguments.input, &arguments.inputs)?;
    if given.is_empty() {
        return Err(CliError::usage("nothing is to be updated", "no input was given")
            .next("khutulun update SERVICE -i NAME=VALUE")
            .next("khutulun deploy SERVICE, to make it again what it was intended to be"));
    }
    let reader = session.reader()?.ok_or_else(|| session.nothing_deployed())?;
    let service = session.service(&reader, arguments.service.as_deref())?;
    drop(reader);
    let wish = |store: Option<&SqliteStore>| {
        let store = store.ok_or_else(|| session.nothing_deployed())?;
        going_on(session, store, &service, Verb::Update, given)
    };
    let change = &arguments.change;
    realize(session, (&service, Verb::Update), wish, &change.execution, change.save.as_deref())
}

/// What was intended last of a service, with other inputs put over.
pub(super) fn going_on(
    session: &Session,
    store: &SqliteStore,
    service: &Namespace,
    verb: Verb,
    given: Inputs,
) -> Result<Wish, CliError> {
    let revision = revision::present(session, store, service)?;
    let mut intention = Intention::of_revision(session, store, service, &revision)?;
    intention.give(session, given)?;
    Ok(Wish { intention, verb, of: None, notes: Vec::new() })
}
