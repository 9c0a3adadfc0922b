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
    plan_view::PlanView,
    proposal::{Intention, Proposal},
    question,
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
        session.progress.say(&PlanView { plan: &proposal.plan, notes: proposal.notes }.text(Style::stderr()));
        return Err(question::unasked(&format!("deploy `{service}`"))
            .place(intention.compiled.source.path.display().to_string()));
    }
    let (state, store) = session.writer()?;
    let _lock = ServiceLock::take(&state, &service.0, "deploy")?;
    refuse_unfinished(session, &store, service)?;
    let proposal = intention.propose_for_real(session, &store)?;
    if proposal.plan.is_empty() {
        return nothing_to_do(&proposal, session);
    }
    session.progress.say(&PlanView { plan: &proposal.plan, notes: proposal.notes }.text(Style::stderr()));
    if !arguments.execution.yes && !question::ask(&session.progress, &format!("Deploy `{service}`?"))? {
        return Err(question::refused());
    }
    for (content, is_executable) in intention.artifacts()? {
        state.store_artifact(&content, is_executable).map_err(|error| session.state_error(&error))?;
    }
    Execution::new(session, state, store, &arguments.execution.conduct).run(&proposal.plan)
}

fn nothing_to_do(proposal: &Proposal, session: &Session) -> Result<Exit, CliError> {
    session.progress.settle();
    let view = PlanView { plan: &proposal.plan, notes: proposal.notes.clone() };
    answer::give(&view, session.format)?;
    Ok(Exit::Success)
}
