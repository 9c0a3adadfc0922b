//! `khutulun deploy`: a design becomes real, or what is there changes to match it.

use floria::Store;

use crate::answer::Answer as _;
use crate::{
    answer,
    cli::DeployArguments,
    error::CliError,
    execution::{Execution, refuse_unfinished},
    exit::Exit,
    lock::ServiceLock,
    proposal::{Intention, Proposal},
    question, run_view,
    session::Session,
    terminal::Style,
};

pub(crate) fn run(arguments: &DeployArguments, session: &Session) -> Result<Exit, CliError> {
    let intention = Intention::read(session, &arguments.design)?;
    let service = &intention.namespace;
    if !arguments.execution.yes && !question::can_ask() {
        // Nobody can agree, so nothing may happen: not even a state directory is made.
        let reader = session.reader()?;
        let proposal = intention.preview(session, reader.as_ref().map(|store| store as &dyn Store))?;
        if proposal.plan.is_empty() {
            return nothing_to_do(&proposal, session);
        }
        session.progress.say(&proposal.view().text(Style::stderr()));
        return Err(question::unasked(&format!("deploy `{service}`"))
            .place(intention.compiled.source.path.display().to_string()));
    }
    let (state, store) = session.writer()?;
    let _lock = ServiceLock::take(&state, &service.0, "deploy")?;
    refuse_unfinished(session, &store, service)?;
    let mut proposal = intention.propose_for_real(session, &store)?;
    if proposal.plan.is_empty() {
        return nothing_to_do(&proposal, session);
    }
    agree(arguments, session, &proposal, &format!("Deploy `{service}`?"))?;
    for (content, is_executable) in intention.artifacts()? {
        state.store_artifact(&content, is_executable).map_err(|error| session.state_error(&error))?;
    }
    let execution = Execution::new(session, state, store, &arguments.execution.conduct);
    let mut done = execution.perform(&proposal.plan)?;
    // What was not known when the plan was made may be known now: then there is more to do.
    while done.succeeded() && !proposal.waiting.is_empty() {
        let next = intention.propose_for_real(session, execution.store())?;
        let goes_on = !next.plan.steps.is_empty();
        proposal = next;
        if !goes_on {
            break;
        }
        agree(arguments, session, &proposal, &format!("Go on with `{service}`?"))
            .map_err(|error| error.unchanged("the plan before is done, and stays so"))?;
        done = execution.perform(&proposal.plan)?;
    }
    execution.answer(&done, &proposal.waiting)
}

/// Shows a plan, and asks unless somebody agreed beforehand.
fn agree(
    arguments: &DeployArguments,
    session: &Session,
    proposal: &Proposal,
    question: &str,
) -> Result<(), CliError> {
    session.progress.say(&proposal.view().text(Style::stderr()));
    if !arguments.execution.yes && !question::ask(&session.progress, question)? {
        return Err(question::refused());
    }
    Ok(())
}

fn nothing_to_do(proposal: &Proposal, session: &Session) -> Result<Exit, CliError> {
    session.progress.settle();
    answer::give(&proposal.view(), session.format)?;
    match run_view::waits(&proposal.plan.namespace, &proposal.waiting) {
        Some(error) => Err(error.answered()),
        None => Ok(Exit::Success),
    }
}
