//! `khutulun rollback`: a service becomes what it was intended to be at a revision.

use floria_sqlite::SqliteStore;

use crate::{
    change::{Wish, realize},
    cli::RollbackArguments,
    error::CliError,
    executors,
    exit::Exit,
    intention::Intention,
    revision::{self, Revision, Verb},
    session::Session,
};

/// How much of a digest is shown: enough to tell drivers apart.
const DIGEST_SHOWN: usize = 12;

pub(crate) fn run(arguments: &RollbackArguments, session: &Session) -> Result<Exit, CliError> {
    session.allow(arguments.change.execution.removal);
    let reader = session.reader()?.ok_or_else(|| session.nothing_deployed())?;
    let service = revision::service(session, &reader, arguments.name.as_deref())?;
    revision::find(session, &reader, &service, arguments.revision)?;
    drop(reader);
    let wish = |store: Option<&SqliteStore>| {
        let store = store.ok_or_else(|| session.nothing_deployed())?;
        let revision = revision::find(session, store, &service, arguments.revision)?;
        let intention = Intention::of_revision(session, store, &service, &revision)?;
        let notes = other_drivers(&revision);
        Ok(Wish { intention, verb: Verb::Rollback, of: Some(revision.number), notes })
    };
    let change = &arguments.change;
    realize(session, (&service, Verb::Rollback), wish, &change.execution, change.save.as_deref())
}

/// Sentences about drivers that are others than they were at a revision: what is made is made by those of today.
fn other_drivers(revision: &Revision) -> Vec<String> {
    let short = |digest: &str| digest.get(..DIGEST_SHOWN).unwrap_or(digest).to_owned();
    let differs = |(name, then): (&String, &String)| {
        let now = executors::digests().find(|(known, _)| known == name).map(|(_, digest)| digest);
        match now {
            Some(now) if now == then => None,
            Some(now) => Some(format!(
                "the driver `{name}` is another one than at revision {}: {} then, {} now",
                revision.number,
                short(then),
                short(now)
            )),
            None => Some(format!("there is no driver `{name}` any more")),
        }
    };
    revision.said.drivers.iter().filter_map(differs).collect()
}
