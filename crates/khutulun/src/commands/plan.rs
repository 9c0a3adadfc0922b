//! `khutulun plan`: what `deploy` or `destroy` would do, and why.

use floria::{Namespace, Store};
use khutulun_plan::Plan;

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
        Proposal { plan: removal(arguments, session)?, notes: Vec::new(), waiting: Vec::new() }
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
fn removal(arguments: &PlanArguments, session: &Session) -> Result<Plan, CliError> {
    let name = match &arguments.design.name {
        Some(name) => name.clone(),
        None => destroy::name_of(session, &arguments.design.path)?,
    };
    match session.reader()? {
        Some(store) => destroy::plan(session, &store, &Namespace(name)),
        None => Ok(destroy::empty_plan(&name)),
    }
}
