//! `khutulun scale`: as many nodes of node templates as somebody says.

use floria_resolver::Counts;
use floria_sqlite::SqliteStore;

use crate::{
    change::realize, cli::ScaleArguments, error::CliError, exit::Exit, revision::Verb, scaling::scaled,
    session::Session, terminal::harmless,
};

pub(crate) fn run(arguments: &ScaleArguments, session: &Session) -> Result<Exit, CliError> {
    session.allow(arguments.change.execution.removal);
    let counts = arguments.counts.iter().map(|text| count(text)).collect::<Result<Counts, _>>()?;
    if counts.len() < arguments.counts.len() {
        let why = "a node template is named twice, and there can only be one number of it";
        return Err(CliError::usage("cannot tell how many there are to be", why)
            .next("khutulun scale NODE=N, each node template once"));
    }
    let reader = session.reader()?.ok_or_else(|| session.nothing_deployed())?;
    let service = session.service(&reader, arguments.name.as_deref())?;
    drop(reader);
    let wish = |store: Option<&SqliteStore>| {
        let store = store.ok_or_else(|| session.nothing_deployed())?;
        scaled(session, store, &service, &counts)
    };
    let change = &arguments.change;
    realize(session, (&service, Verb::Scale), wish, &change.execution, change.save.as_deref())
}

fn count(text: &str) -> Result<(String, u64), CliError> {
    let read = || {
        let (node, count) = text.rsplit_once('=').filter(|(node, _)| !node.is_empty())?;
        Some((node.to_owned(), count.parse().ok()?))
    };
    read().ok_or_else(|| {
        CliError::usage(
            format!("cannot read `{}`", harmless(text)),
            "it is a node template, `=`, and a number from 0",
        )
        .next("khutulun scale NODE=N, such as web=3")
    })
}
