//! `khutulun plan`: what `deploy` or `destroy` would do, and why.

use std::path::Path;

use floria::{Namespace, Store};

use super::{deploy, destroy, update};
use crate::{
    answer,
    change::{Wish, plan_and_save},
    cli::PlanArguments,
    error::CliError,
    execution::refuse_unfinished,
    exit::Exit,
    inputs,
    intention::Intention,
    plan_file,
    proposal::Proposal,
    revision::{self, Verb},
    session::Session,
};

pub(crate) fn run(arguments: &PlanArguments, session: &Session) -> Result<Exit, CliError> {
    session.allow(arguments.removal);
    let design = &arguments.design;
    let proposal = match &arguments.save {
        None if arguments.destroy => removal(arguments, session)?,
        None if plan_file::is_one(&design.path) => plan_file::read(&design.path)?.proposal,
        Some(file) if arguments.destroy => save_removal(arguments, session, file)?,
        Some(_) if plan_file::is_one(&design.path) => {
            return Err(CliError::usage("the plan is saved already", "it cannot be planned once more")
                .place(design.path.display().to_string())
                .next(format!("khutulun deploy {}", design.path.display())));
        }
        _ => return change(arguments, session),
    };
    session.progress.settle();
    answer::give(&proposal.view(), session.format)?;
    Ok(if proposal.plan.is_empty() { Exit::Success } else { Exit::Changes })
}

/// The plan of what `deploy` of the same words would do.
fn change(arguments: &PlanArguments, session: &Session) -> Result<Exit, CliError> {
    let design = &arguments.design;
    let recorded = revision::service_of_path(session, design)?;
    let read = match &recorded {
        Some(_) => None,
        None => Some(Intention::read(session, design)?),
    };
    let service = recorded.or_else(|| read.as_ref().map(|intention| intention.namespace.clone()));
    let service = service.unwrap_or_else(|| Namespace(String::new()));
    let wish = |store: Option<&floria_sqlite::SqliteStore>| match (read, store) {
        (Some(intention), store) => deploy::wish(session, store, intention),
        (None, Some(store)) => {
            let given = inputs::gather(&design.input, &design.inputs)?;
            update::going_on(session, store, &service, Verb::Update, given)
        }
        (None, None) => Err(session.nothing_deployed()),
    };
    if let Some(file) = &arguments.save {
        return plan_and_save(session, &service, |store| wish(Some(store)), file);
    }
    let store = session.reader()?;
    let Wish { intention, notes, .. } = wish(store.as_ref())?;
    let mut proposal = intention.preview(session, store.as_ref().map(|store| store as &dyn Store))?;
    proposal.notes.extend(notes);
    session.progress.settle();
    answer::give(&proposal.view(), session.format)?;
    Ok(if proposal.plan.is_empty() { Exit::Success } else { Exit::Changes })
}

/// The plan of a removal needs no valid design, only to know which service is meant.
fn removal(arguments: &PlanArguments, session: &Session) -> Result<Proposal, CliError> {
    let name = name(arguments, session)?;
    match session.reader()? {
        Some(store) => destroy::propose(session, &store, &Namespace(name)),
        None => Ok(Proposal { plan: destroy::empty_plan(&name), notes: Vec::new(), waiting: Vec::new() }),
    }
}

fn save_removal(arguments: &PlanArguments, session: &Session, file: &Path) -> Result<Proposal, CliError> {
    let service = Namespace(name(arguments, session)?);
    let (_, store) = session.writer()?;
    refuse_unfinished(session, &store, &service)?;
    let proposal = destroy::propose(session, &store, &service)?;
    plan_file::save(session, &store, &proposal, None, file)?;
    Ok(proposal)
}

fn name(arguments: &PlanArguments, session: &Session) -> Result<String, CliError> {
    if let Some(name) = &arguments.design.name {
        return Ok(name.clone());
    }
    if let Some(service) = revision::service_of_path(session, &arguments.design)? {
        return Ok(service.0);
    }
    destroy::name_of(session, &arguments.design.path)
}
