//! From what somebody wants to its being there: planned, shown, agreed to, run, and recorded as a revision.

use std::path::Path;

use floria::{Author, Batch, Change, Namespace, Revision, Store, StoreError};
use floria_sqlite::SqliteStore;
use khutulun_engine::EngineError;
use khutulun_host::StateDirectory;

use crate::{
    answer::{self, Answer as _},
    author, busy,
    cli::{ExecutionArguments, OnFailure},
    error::CliError,
    execution::{Done, Execution, engine_error, refuse_unfinished},
    exit::Exit,
    instance,
    intention::Intention,
    plan_file,
    proposal::{Proposal, read_actual},
    question,
    revision::{Beginning, Said, Unwinding, Verb},
    run_view,
    session::Session,
    terminal::Style,
    unwinding,
};

/// What somebody wants.
pub(crate) struct Wish {
    /// What is to be there.
    pub(crate) intention: Intention,
    /// What was asked for.
    pub(crate) verb: Verb,
    /// The revision that it goes back to.
    pub(crate) of: Option<u64>,
    /// Sentences for the person.
    pub(crate) notes: Vec<String>,
}

impl Wish {
    /// Makes out which revision it is. `unwinds` says whether a failure leads back.
    fn beginning(&self, session: &Session, store: &dyn Store, unwinds: bool) -> Result<Beginning, CliError> {
        let said = Said { of: self.of, ..Said::of(&self.intention, self.verb) };
        Beginning::new(session, store, &self.intention, said, unwinds)
    }
}

/// Makes what is wanted of a service real, or saves the plan of it in a file.
///
/// What is wanted is made out from the store that the plan is made from: when somebody is at work on the service, not before
/// they have ended. Without a store nothing was ever deployed.
pub(crate) fn realize(
    session: &Session,
    (service, verb): (&Namespace, Verb),
    wish: impl FnOnce(Option<&SqliteStore>) -> Result<Wish, CliError>,
    execution: &ExecutionArguments,
    save: Option<&Path>,
) -> Result<Exit, CliError> {
    if let Some(file) = save {
        return plan_and_save(session, service, |store| wish(Some(store)), file);
    }
    let what = format!("{} `{service}`", verb.word());
    let unwinds = execution.conduct.on_failure == OnFailure::Unwind;
    if !execution.yes && !question::can_ask() {
        // Nobody can agree, so nothing may happen: not even a state directory is made.
        let reader = session.reader()?;
        let wish = wish(reader.as_ref())?;
        let unwinding = match &reader {
            Some(store) => wish.beginning(session, store, unwinds)?.said.unwinding,
            None => unwinds.then_some(Unwinding::ToNothing),
        };
        let Wish { intention, notes, .. } = wish;
        let mut proposal = intention.preview(session, reader.as_ref().map(|store| store as &dyn Store))?;
        proposal.notes.extend(notes);
        if proposal.plan.is_empty() {
            return nothing_to_do(&proposal, session);
        }
        proposal.notes.extend(unwinding.map(Unwinding::note));
        session.progress.say(&proposal.view().text(Style::stderr()));
        return Err(question::unasked(&what).place(intention.place()));
    }
    let (state, store) = session.writer()?;
    busy::refuse(session, &store, service)?;
    refuse_unfinished(session, &store, service)?;
    let (wish, beginning, mut proposal) = plan(session, &store, service, || wish(Some(&store)), unwinds)?;
    let intention = wish.intention;
    if proposal.plan.is_empty() {
        record(session, &state, &store, &intention, &beginning, &proposal)?;
        return nothing_to_do(&proposal, session);
    }
    proposal.notes.extend(beginning.said.unwinding.map(Unwinding::note));
    agree(execution.yes, session, &proposal, &format!("{}?", capitalized(&what)))?;
    keep_files(session, &state, &intention)?;
    let runner = Execution::new(session, state, store, &execution.conduct);
    let Proposal { plan, waiting, .. } = proposal;
    let records = beginning.records(session, runner.store(), &intention)?;
    // A design is large, and looked at again only where something waits.
    let goal = (!waiting.is_empty()).then_some(intention);
    let done = runner.perform(plan, records)?;
    let (done, waiting) = match &goal {
        Some(intention) => go_on(session, &runner, (intention, &beginning), execution.yes, done, waiting)?,
        None => (done, waiting),
    };
    let unwound = unwinding::after(session, &runner, service, &done, beginning.said.unwinding)?;
    runner.answer(&done, &waiting, unwound.as_ref())
}

/// Goes on after a run with what was not known when its plan was made, and may be known now: then there is more to do. Returns the
/// last run, and what waits still.
pub(crate) fn go_on(
    session: &Session,
    runner: &Execution<'_>,
    (intention, beginning): (&Intention, &Beginning),
    yes: bool,
    mut done: Done,
    mut waiting: Vec<String>,
) -> Result<(Done, Vec<String>), CliError> {
    while done.succeeded() && !waiting.is_empty() {
        let proposal = intention.propose_for_real(session, runner.store())?;
        let changes = !proposal.plan.steps.is_empty();
        if changes {
            agree(yes, session, &proposal, &format!("Go on with `{}`?", intention.namespace))
                .map_err(|error| error.unchanged("the plan before is done, and stays so"))?;
            let records = beginning.records(session, runner.store(), intention)?;
            done = runner.perform(proposal.plan, records)?;
        }
        waiting = proposal.waiting;
        if !changes {
            break;
        }
    }
    Ok((done, waiting))
}

/// Plans what is wanted, and saves the plan in a file; nothing else happens.
pub(crate) fn plan_and_save(
    session: &Session,
    service: &Namespace,
    wish: impl FnOnce(&SqliteStore) -> Result<Wish, CliError>,
    file: &Path,
) -> Result<Exit, CliError> {
    let (state, store) = session.writer()?;
    refuse_unfinished(session, &store, service)?;
    let (wish, beginning, proposal) = plan(session, &store, service, || wish(&store), false)?;
    keep_files(session, &state, &wish.intention)?;
    plan_file::save(session, &store, &proposal, Some((&wish.intention, &beginning)), file)?;
    session.progress.settle();
    answer::give(&proposal.view(), session.format)?;
    Ok(if proposal.plan.is_empty() { Exit::Success } else { Exit::Changes })
}

/// Makes out what is wanted, and plans it from the same revision of what is there.
pub(crate) fn plan(
    session: &Session,
    store: &dyn Store,
    service: &Namespace,
    wish: impl FnOnce() -> Result<Wish, CliError>,
    unwinds: bool,
) -> Result<(Wish, Beginning, Proposal), CliError> {
    let before = store.namespace_revision(service).map_err(|error| session.store_error(error))?;
    let mut wish = wish()?;
    let beginning = wish.beginning(session, store, unwinds)?;
    let mut proposal = wish.intention.propose_for_real(session, store)?;
    let base = proposal.plan.base;
    if base != before {
        return Err(stale(session, service, before, base));
    }
    proposal.notes.append(&mut wish.notes);
    Ok((wish, beginning, proposal))
}

/// Puts the files of a design into the state directory.
pub(crate) fn keep_files(
    session: &Session,
    state: &StateDirectory,
    intention: &Intention,
) -> Result<(), CliError> {
    for (content, is_executable) in intention.contents(session)? {
        state.store_artifact(&content, is_executable).map_err(|error| session.state_error(&error))?;
    }
    Ok(())
}

/// Records a revision for which nothing has to be done: what comes next goes on from it, and what was planned before is out of date.
pub(crate) fn record(
    session: &Session,
    state: &StateDirectory,
    store: &SqliteStore,
    intention: &Intention,
    beginning: &Beginning,
    proposal: &Proposal,
) -> Result<(), CliError> {
    if beginning.is_known() {
        return Ok(());
    }
    keep_files(session, state, intention)?;
    let (service, base) = (&intention.namespace, proposal.plan.base);
    let (graph, _) = read_actual(session, store, service)?;
    let batch = Batch {
        expected: vec![(service.clone(), base)],
        // Records alone move no namespace. Put again as it is, the service's vertex does.
        changes: instance::service(&graph).cloned().map(Change::put).into_iter().collect(),
        records: beginning.records(session, store, intention)?,
        author: Some(Author { name: author::name(), stream: None }),
    };
    match store.commit(&batch) {
        Err(StoreError::Conflict { actual, .. }) => Err(stale(session, service, base, actual)),
        committed => committed.map(drop).map_err(|error| session.store_error(error)),
    }
}

/// What is wanted may be made of what somebody else intended before.
fn stale(session: &Session, service: &Namespace, base: Revision, actual: Revision) -> CliError {
    let (namespace, moved) = (service.clone(), Vec::new());
    engine_error(session, &EngineError::Stale { namespace, base: base.0, actual: actual.0, moved })
}

/// Shows a plan, and asks unless somebody agreed beforehand.
pub(crate) fn agree(
    yes: bool,
    session: &Session,
    proposal: &Proposal,
    question: &str,
) -> Result<(), CliError> {
    session.progress.say(&proposal.view().text(Style::stderr()));
    if !yes && !question::ask(&session.progress, question)? {
        return Err(question::refused());
    }
    Ok(())
}

/// Answers that what is wanted is there.
pub(crate) fn nothing_to_do(proposal: &Proposal, session: &Session) -> Result<Exit, CliError> {
    session.progress.settle();
    answer::give(&proposal.view(), session.format)?;
    match run_view::waits(&proposal.plan.namespace, &proposal.waiting) {
        Some(error) => Err(error.answered()),
        None => Ok(Exit::Success),
    }
}

/// Returns words with a capital letter at their beginning.
pub(crate) fn capitalized(words: &str) -> String {
    let (first, rest) = words.split_at_checked(1).unwrap_or((words, ""));
    format!("{}{rest}", first.to_uppercase())
}

/// There is nothing to go back to after a failure of this.
pub(crate) fn nothing_to_unwind(verb: &str) -> CliError {
    CliError::usage(
        format!("cannot unwind a failed `{verb}`"),
        "only what was deployed can be undone: to what was intended before, or to nothing",
    )
    .next(format!("khutulun {verb} with --on-failure stop or continue"))
}
