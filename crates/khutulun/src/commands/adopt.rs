//! `khutulun adopt`: takes what is there already under management, without touching it.

use std::collections::{BTreeMap, BTreeSet};

use floria::{Batch, Graph, MemoryStore, Store, Value, Vertex, VertexId, difference};
use floria_resolver::StoreIds;
use khutulun_api::{Outcome, names};
use khutulun_plan::{AdoptError, plan_adopt};

use super::update;
use crate::{
    answer::Answer as _,
    busy, change,
    cli::{AdoptArguments, OnFailure},
    error::CliError,
    execution::{Execution, refuse_unfinished},
    exit::Exit,
    inputs,
    intention::Intention,
    inventory::Others,
    plan_view::PlanView,
    probe::Prober,
    proposal::{plan_error, read_actual},
    question,
    revision::{self, Beginning, Said, Verb},
    selection,
    selector::Selector,
    session::Session,
    terminal::{Style, counted},
    time,
};

pub(crate) fn run(arguments: &AdoptArguments, session: &Session) -> Result<Exit, CliError> {
    if arguments.conduct.on_failure == OnFailure::Unwind {
        return Err(change::nothing_to_unwind("adopt"));
    }
    Selector::check(&arguments.nodes)?;
    let design = arguments.design();
    let intention = match revision::service_of_path(session, &design)? {
        Some(service) => {
            let reader = session.reader()?.ok_or_else(|| session.nothing_deployed())?;
            let given = inputs::gather(&design.input, &design.inputs)?;
            update::going_on(session, &reader, &service, Verb::Deploy, given)?.intention
        }
        None => Intention::read(session, &design)?,
    };
    let service = &intention.namespace;
    let what = format!("adopt nodes of `{service}`");
    if !arguments.yes && !question::can_ask() {
        return Err(question::unasked(&what).place(intention.place()));
    }
    let (state, store) = session.writer()?;
    busy::refuse(session, &store, service)?;
    refuse_unfinished(session, &store, service)?;
    let (actual, base) = read_actual(session, &store, service)?;
    let others = Others::of_store(session, &store, &intention.design)?;
    let wanted = intention.resolve(session, &actual, &others, &mut StoreIds::new(&store))?.graph;
    let made_up = MemoryStore::new();
    let batch = Batch { changes: difference(&Graph::default(), &wanted), ..Batch::default() };
    made_up.commit(&batch).map_err(|error| session.store_error(error))?;
    let selectors = Selector::read_all(&arguments.nodes, &made_up)?;
    let nodes = selection::nodes(&wanted, service, &arguments.nodes, &selectors)?;
    let meant: BTreeSet<VertexId> = selection::with_inside(&wanted, &nodes);
    let basis = session.basis(service, base);
    let digest = intention.design.digest();
    let plan = plan_adopt(&basis, &wanted, &actual, &digest, &meant, time::now_ms())
        .map_err(|error| refused(session, &intention, &error))?;
    change::keep_files(session, &state, &intention)?;
    // Looked at before anything is recorded: what is not there leaves nothing behind.
    let asked: Vec<&Vertex> =
        plan.steps.iter().filter_map(|step| wanted.vertex(step.subject.vertex)).collect();
    session.progress.phase(format!("looking at {} of {service}", counted(asked.len(), "node")));
    let event = format!("{}.{}", names::LIFECYCLE, names::OBSERVE);
    let answers = Prober::new(session).ask(&wanted, &asked, &event)?;
    check(&intention, &wanted, &answers)?;
    session.progress.say(&PlanView::of(&plan).text(Style::stderr()));
    if !arguments.yes && !question::ask(&session.progress, &format!("{}?", change::capitalized(&what)))? {
        return Err(question::refused());
    }
    // Whoever updates it later goes on from what was intended when it was adopted.
    let said = Said::of(&intention, Verb::Adopt);
    let beginning = Beginning::new(session, &store, &intention, said, false)?;
    let records = beginning.records(session, &store, &intention)?;
    let execution = Execution::new(session, state, store, &arguments.conduct);
    let done = execution.perform(plan, records)?;
    execution.answer(&done, &[], None)
}

/// Refuses what is not there and running.
fn check(
    intention: &Intention,
    wanted: &Graph,
    answers: &BTreeMap<VertexId, Outcome>,
) -> Result<(), CliError> {
    let mut missing = Vec::new();
    for (node, answer) in answers {
        let name = wanted.path_of(*node);
        match answer {
            Outcome::Failed(failure) => {
                missing.push(format!("`{name}` cannot be looked at: {}", failure.message))
            }
            Outcome::Succeeded(outputs) => match outputs.get("state").and_then(Value::as_text) {
                Some(seen) if names::is_at_work(seen) => {}
                seen => missing.push(format!("`{name}` is {}", seen.unwrap_or("of no state that is known"))),
            },
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let what = match missing.len() {
        1 => "there is nothing to adopt".to_owned(),
        count => format!("{count} nodes are not there to be adopted"),
    };
    Err(CliError::new(Exit::Failed, what)
        .place(format!("service `{}`", intention.namespace))
        .why(missing.join("\n"))
        .next(format!(
            "start it by hand under the name that its driver knows, or make it: khutulun deploy {}",
            intention.word()
        )))
}

fn refused(session: &Session, intention: &Intention, error: &AdoptError) -> CliError {
    let path = intention.word();
    let next = match error {
        AdoptError::Plan(error) => return plan_error(session, error),
        AdoptError::Managed { .. } => format!("khutulun status {}:", intention.namespace),
        AdoptError::NoOperation { .. } => {
            "give its type an operation `observe` of the interface `Lifecycle`".to_owned()
        }
        AdoptError::Depends { node, on } => format!("khutulun adopt {path} {on} {node}"),
        AdoptError::Waiting { .. } => format!("khutulun deploy {path}"),
    };
    CliError::new(Exit::Failed, "cannot adopt")
        .place(format!("service `{}`", intention.namespace))
        .why(error.to_string())
        .next(next)
}
