//! `khutulun deploy`: a design becomes real, or what is there changes to match it.

use floria::Namespace;
use floria_sqlite::SqliteStore;

use super::update;
use crate::{
    answer::Answer as _,
    busy,
    change::{self, Wish, realize},
    cli::{DeployArguments, OnFailure},
    error::CliError,
    execution::{Execution, refuse_unfinished},
    exit::Exit,
    inputs,
    intention::Intention,
    plan_file::{self, Saved},
    question,
    revision::{self, Beginning, Said, Unwinding, Verb},
    session::Session,
    terminal::Style,
    unwinding,
};

pub(crate) fn run(arguments: &DeployArguments, session: &Session) -> Result<Exit, CliError> {
    session.allow(arguments.execution.removal);
    let design = &arguments.design;
    if plan_file::is_one(&design.path) {
        return saved(arguments, session);
    }
    if let Some(service) = revision::service_of_path(session, design)? {
        let given = inputs::gather(&design.input, &design.inputs)?;
        let verb = if given.is_empty() { Verb::Deploy } else { Verb::Update };
        let wish = |store: Option<&SqliteStore>| {
            let store = store.ok_or_else(|| session.nothing_deployed())?;
            update::going_on(session, store, &service, verb, given)
        };
        return realize(session, (&service, Verb::Deploy), wish, &arguments.execution, None);
    }
    let intention = Intention::read(session, design)?;
    let service = intention.namespace.clone();
    let wish = |store: Option<&SqliteStore>| self::wish(session, store, intention);
    realize(session, (&service, Verb::Deploy), wish, &arguments.execution, None)
}

/// What a design's files say. Counts that somebody said are no longer so.
pub(super) fn wish(
    session: &Session,
    store: Option<&SqliteStore>,
    intention: Intention,
) -> Result<Wish, CliError> {
    let service = &intention.namespace;
    let before = match store {
        Some(store) => revision::current(store, service).map_err(|error| session.store_error(error))?,
        None => None,
    };
    let counts = before.map(|before| before.said.counts).unwrap_or_default();
    let note = |(path, count): (&String, &u64)| {
        format!(
            "`{path}` was scaled to {count}, and has the count of its design again; \
             afterwards: khutulun scale {path}={count} --name {service}"
        )
    };
    let notes = counts.iter().map(note).collect();
    Ok(Wish { intention, verb: Verb::Deploy, of: None, notes })
}

/// Runs a plan that was saved, and nothing else.
fn saved(arguments: &DeployArguments, session: &Session) -> Result<Exit, CliError> {
    let (design, execution) = (&arguments.design, &arguments.execution);
    let file = &design.path;
    if !design.input.is_empty() || !design.inputs.is_empty() || design.name.is_some() {
        return Err(CliError::usage(
            "a saved plan cannot be changed",
            "it has its inputs and its service already",
        )
        .place(file.display().to_string())
        .next(format!("khutulun deploy {}", file.display()))
        .next("make another plan: khutulun plan PATH --save FILE"));
    }
    let saved = plan_file::read(file)?;
    let service = saved.proposal.plan.namespace.clone();
    let verb = saved.wanted.as_ref().map_or("destroy", |(_, said)| said.verb.word());
    let asked = execution.yes || question::can_ask();
    // Also where nobody can agree, what is wrong with the plan is worth knowing.
    let reader = session.reader()?.ok_or_else(|| session.nothing_deployed())?;
    saved.check(session, &reader, file)?;
    drop(reader);
    if !asked {
        session.progress.say(&saved.proposal.view().text(Style::stderr()));
        return Err(question::unasked(&format!("{verb} `{service}`")).place(file.display().to_string()));
    }
    let (state, store) = session.writer()?;
    busy::refuse(session, &store, &service)?;
    refuse_unfinished(session, &store, &service)?;
    saved.check(session, &store, file)?;
    let Saved { mut proposal, wanted, digest, .. } = saved;
    let unwinds = execution.conduct.on_failure == OnFailure::Unwind;
    let beginning = match &wanted {
        Some((intention, said)) => {
            let said = Said { plan: Some(digest.clone()), ..said.clone() };
            Some(Beginning::new(session, &store, intention, said, unwinds)?)
        }
        None if unwinds => return Err(change::nothing_to_unwind("destroy")),
        None => None,
    };
    if proposal.plan.is_empty() {
        if let (Some(beginning), Some((intention, _))) = (&beginning, &wanted) {
            change::record(session, &state, &store, intention, beginning, &proposal)?;
        }
        return change::nothing_to_do(&proposal, session);
    }
    let unwinding = beginning.as_ref().and_then(|beginning| beginning.said.unwinding);
    proposal.notes.extend(unwinding.map(Unwinding::note));
    change::agree(execution.yes, session, &proposal, &question_of(verb, &service))?;
    let records = match (&beginning, &wanted) {
        (Some(beginning), Some((intention, _))) => beginning.records(session, &store, intention)?,
        _ => vec![plan_file::record(&service, &digest)],
    };
    let runner = Execution::new(session, state, store, &execution.conduct);
    let done = runner.perform(proposal.plan, records)?;
    let unwound = unwinding::after(session, &runner, &service, &done, unwinding)?;
    runner.answer(&done, &proposal.waiting, unwound.as_ref())
}

fn question_of(verb: &str, service: &Namespace) -> String {
    format!("{} `{service}`, exactly as it was planned?", change::capitalized(verb))
}
