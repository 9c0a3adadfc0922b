//! `khutulun run`: a workflow, or one operation on one node or relationship, planned and journalled like any other.

use khutulun_api::names;
use khutulun_plan::{Basis, PlanError, plan_run, plan_workflow, workflow_named, workflows};

use crate::{
    answer::Answer as _,
    change,
    cli::{ConductArguments, OnFailure, RunArguments},
    error::CliError,
    execution::{Execution, refuse_unfinished},
    exit::Exit,
    inputs, instance,
    lock::ServiceLock,
    plan_view::PlanView,
    proposal::{plan_error, read_actual},
    question,
    selector::Selector,
    session::{Session, quoted},
    terminal::Style,
};

pub(crate) fn run(arguments: &RunArguments, session: &Session) -> Result<Exit, CliError> {
    match &arguments.operation {
        None => workflow(arguments, None, session),
        Some(service) if is_workflow(arguments, service, session)? => {
            workflow(arguments, Some(service), session)
        }
        Some(event) => operation(arguments, event, session),
    }
}

/// Tells whether the words are a workflow's and its service's, and not a node's and its operation's.
fn is_workflow(arguments: &RunArguments, service: &str, session: &Session) -> Result<bool, CliError> {
    let Some(reader) = session.reader()? else { return Ok(false) };
    let Some(service) = session.services(&reader)?.into_iter().find(|known| known.0 == *service) else {
        return Ok(false);
    };
    let (graph, _) = read_actual(session, &reader, &service)?;
    Ok(instance::service(&graph).is_some_and(|own| workflow_named(&graph, own.id, &arguments.node).is_some()))
}

/// Runs a workflow: what it comes to is shown first, and somebody has to agree.
fn workflow(arguments: &RunArguments, service: Option<&str>, session: &Session) -> Result<Exit, CliError> {
    if arguments.execution.conduct.on_failure == OnFailure::Unwind {
        return Err(change::nothing_to_unwind("run"));
    }
    let given = inputs::gather(&arguments.input, &arguments.inputs)?;
    let reader = session.reader()?.ok_or_else(|| session.nothing_deployed())?;
    let (named, name) = match arguments.node.split_once(':') {
        Some((service, name)) => (Some(service), name),
        None => (None, arguments.node.as_str()),
    };
    let service = session.service(&reader, service.or(arguments.name.as_deref()).or(named))?;
    drop(reader);
    let (state, store) = session.writer()?;
    let _lock = ServiceLock::take(&state, &service.0, "run")?;
    refuse_unfinished(session, &store, &service)?;
    let (graph, base) = read_actual(session, &store, &service)?;
    let own = instance::service(&graph).map(|vertex| vertex.id);
    let found = own.and_then(|own| workflow_named(&graph, own, name));
    let Some(vertex) = found else {
        let known = own.into_iter().flat_map(|own| workflows(&graph, own));
        let known =
            known.filter_map(|other| other.metadata.get(names::WORKFLOW)?.as_text().map(str::to_owned));
        let error = PlanError::NoSuchWorkflow { workflow: name.to_owned(), known: known.collect() };
        let is_node = instance::nodes(&graph).iter().any(|(node, _)| node == name);
        let error = plan_error(session, &error);
        return Err(if is_node { error.next(format!("khutulun run {name} OPERATION")) } else { error });
    };
    let values = inputs::values(given, |input| {
        vertex.properties.get(input).is_some_and(|property| inputs::wants_text(property.preparer.as_ref()))
    })?;
    let basis = Basis::new(&service, base, &*session.functions);
    let plan =
        plan_workflow(&basis, &graph, vertex.id, &values).map_err(|error| plan_error(session, &error))?;
    session.progress.say(&PlanView { plan: &plan, notes: &[], waiting: &[] }.text(Style::stderr()));
    if !arguments.execution.yes {
        let what = format!("run the workflow `{name}` of `{service}`");
        if !question::can_ask() {
            return Err(question::unasked(&what).place(format!("service `{service}`")));
        }
        if !question::ask(&session.progress, &format!("Run the workflow `{name}` of `{service}`?"))? {
            return Err(question::refused());
        }
    }
    Execution::new(session, state, store, &arguments.execution.conduct).run(&plan)
}

fn operation(arguments: &RunArguments, event: &str, session: &Session) -> Result<Exit, CliError> {
    let given = inputs::gather(&arguments.input, &arguments.inputs)?;
    // What type an operation's input wants is not known here: YAML decides.
    let values = inputs::values(given, |_| false)?;
    Selector::check(std::slice::from_ref(&arguments.node))?;
    let reader = session.reader()?.ok_or_else(|| session.nothing_deployed())?;
    let selector = Selector::read(&arguments.node, &reader)?;
    let named = arguments.name.as_deref().or_else(|| selector.service());
    let service = session.service(&reader, named)?;
    drop(reader);
    let (state, store) = session.writer()?;
    let _lock = ServiceLock::take(&state, &service.0, "run")?;
    refuse_unfinished(session, &store, &service)?;
    let (graph, base) = read_actual(session, &store, &service)?;
    let nodes = instance::nodes(&graph);
    let selected: Vec<&str> = nodes
        .iter()
        .filter(|(_, node)| selector.selects(node, None))
        .map(|(name, _)| name.as_str())
        .collect();
    let node = match selected.as_slice() {
        [node] => *node,
        // The plan's own error lists the nodes that there are.
        [] => arguments.node.as_str(),
        several => {
            return Err(CliError::usage(
                "several nodes could be meant",
                format!("selected are {}", quoted(several)),
            )
            .place(format!("service `{service}`"))
            .next(format!("khutulun run {} {event}", several[0])));
        }
    };
    let basis = Basis::new(&service, base, &*session.functions);
    let plan = plan_run(&basis, &graph, node, event, &values).map_err(|error| plan_error(session, &error))?;
    let conduct = ConductArguments { parallel: 1, on_failure: OnFailure::Stop };
    Execution::new(session, state, store, &conduct).run(&plan)
}
