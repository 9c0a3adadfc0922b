//! `khutulun destroy`: a service goes, from whatever state it is in.

use std::path::Path;

use floria::{Namespace, Revision};
use floria_sqlite::SqliteStore;
use khutulun_plan::{Goal, Plan, plan_destroy};

use crate::{
    answer::{self, Answer as _},
    busy, change,
    cli::{DestroyArguments, OnFailure},
    dependents, design, entry,
    error::CliError,
    execution::Execution,
    exit::Exit,
    package,
    plan_view::PlanView,
    proposal::{Proposal, plan_error, read_actual},
    question,
    session::Session,
    terminal::Style,
};

pub(crate) fn run(arguments: &DestroyArguments, session: &Session) -> Result<Exit, CliError> {
    session.allow(arguments.execution.removal);
    if arguments.execution.conduct.on_failure == OnFailure::Unwind {
        return Err(change::nothing_to_unwind("destroy"));
    }
    let named = arguments.name.as_deref().or(arguments.service.as_deref());
    let Some(reader) = session.reader()? else {
        return match named {
            Some(name) => nothing_to_do(name, session),
            None => Err(session.nothing_deployed()),
        };
    };
    let service = match find(arguments, session, &reader)? {
        Ok(service) => service,
        Err(name) => return nothing_to_do(&name, session),
    };
    if !arguments.execution.yes && !question::can_ask() {
        let proposal = propose(session, &reader, &service)?;
        session.progress.say(&proposal.view().text(Style::stderr()));
        return Err(
            question::unasked(&format!("destroy `{service}`")).place(session.root().display().to_string())
        );
    }
    drop(reader);
    let (state, store) = session.writer()?;
    busy::refuse(session, &store, &service)?;
    let execution = Execution::new(session, state, store, &arguments.execution.conduct);
    let before = propose(session, execution.store(), &service)?;
    session.progress.say(&before.view().text(Style::stderr()));
    if !arguments.execution.yes && !question::ask(&session.progress, &format!("Destroy `{service}`?"))? {
        return Err(question::refused());
    }
    // What an earlier run left open may change what is there, but not what was agreed to: that everything goes.
    execution.supersede(&service)?;
    let Proposal { plan, .. } = propose(session, execution.store(), &service)?;
    if plan.is_empty() {
        return nothing_to_do(&service.0, session);
    }
    execution.run(plan)
}

/// Returns the service that is meant, or the name that none has: what is not there is destroyed already.
fn find(
    arguments: &DestroyArguments,
    session: &Session,
    store: &SqliteStore,
) -> Result<Result<Namespace, String>, CliError> {
    let known = session.services(store)?;
    let deployed = |name: &str| known.iter().find(|service| service.0 == name).cloned();
    let Some(word) = arguments.name.as_deref().or(arguments.service.as_deref()) else {
        return session.service(store, None).map(Ok);
    };
    if let Some(service) = deployed(word) {
        return Ok(Ok(service));
    }
    // A path means what `deploy` of the same path would call the service.
    let is_path = arguments.name.is_none() && Path::new(word).exists();
    let name = match is_path {
        true => name_of(session, Path::new(word))?,
        false => {
            entry::check_name(word)?;
            if let Some(service) = package::stem(Path::new(word)).filter(|stem| deployed(stem).is_some()) {
                return Err(archive_gone(word, &service));
            }
            word.to_owned()
        }
    };
    Ok(deployed(&name).ok_or(name))
}

/// Whoever names an archive means its service; but what that is called only the archive knows for certain.
fn archive_gone(archive: &str, service: &str) -> CliError {
    let why = format!("there is no archive of this name, but there is a service `{service}`");
    CliError::usage(format!("found no service of the archive `{archive}`"), why)
        .next(format!("khutulun destroy {service}"))
}

/// The design may be broken by now; then where it is still says what it was called.
pub(super) fn name_of(session: &Session, path: &Path) -> Result<String, CliError> {
    design::name_of(session, path)?.ok_or_else(|| {
        CliError::usage(
            "found no service of this path",
            "neither the file nor its directory has a usable name",
        )
        .place(path.display().to_string())
        .next("khutulun status, then: khutulun destroy SERVICE")
    })
}

pub(crate) fn propose(
    session: &Session,
    store: &SqliteStore,
    service: &Namespace,
) -> Result<Proposal, CliError> {
    let (actual, base) = read_actual(session, store, service)?;
    let basis = session.basis(service, base);
    let plan = plan_destroy(&basis, &actual).map_err(|error| plan_error(session, &error))?;
    let notes = dependents::notes(session, store, &plan)?;
    Ok(Proposal { plan, notes, waiting: Vec::new() })
}

/// The plan of a removal of what is not there.
pub(super) fn empty_plan(name: &str) -> Plan {
    Plan::empty(&Namespace(name.to_owned()), Revision(0), Goal::Destroy)
}

fn nothing_to_do(name: &str, session: &Session) -> Result<Exit, CliError> {
    session.progress.settle();
    answer::give(&PlanView::of(&empty_plan(name)), session.format)?;
    Ok(Exit::Success)
}
