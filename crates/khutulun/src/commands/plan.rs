//! `khutulun plan`: what `deploy` or `destroy` would do, and why.

use floria::{Namespace, Store};

use super::destroy;
use crate::{
    answer,
    cli::PlanArguments,
    error::CliError,
    exit::Exit,
    proposal::{Intention, Proposal},
    session::Session,
};

pub(crate) fn run(arguments: &PlanArguments, session: &Session) -> Result<Exit, CliError> {
    let proposal = if arguments.destroy {
        removal(arguments, session)?
    } else {
        let intention = Intention::read(session, &arguments.design)?;
        let store = session.reader()?;
        intention.preview(session, store.as_ref().map(|store| store as &dyn Store))?
    };
    session.progress.settle();
    answer::give(&proposal.view(), session.format)?;
    Ok(if proposal.plan.is_empty() { Exit::Success } else { Exit::Changes })
}

/// The plan of a removal needs no valid design, only to know which service is meant.
fn removal(arguments: &PlanArguments, session: &Session) -> Result<Proposal, CliError> {
    let name = match &arguments.design.name {
        Some(name) => name.clone(),
        None => destroy::name_of(session, &arguments.design.path)?,
    };
    match session.reader()? {
        Some(store) => destroy::propose(session, &store, &Namespace(name)),
        None => Ok(Proposal { plan: destroy::empty_plan(&name), notes: Vec::new(), waiting: Vec::new() }),
    }
}
