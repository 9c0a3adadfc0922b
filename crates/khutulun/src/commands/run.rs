//! `khutulun run`: a workflow, or one operation on nodes or relationships, planned and journalled like any other.

use floria::{Graph, Namespace, Site, Vertex};
use floria_sqlite::SqliteStore;
use khutulun_api::names;
use khutulun_plan::{
    Plan, PlanError, plan_operation, plan_workflow, relationships, workflow_named, workflows,
};

use crate::{
    answer::Answer as _,
    busy, change,
    cli::{OnFailure, RunArguments},
    error::CliError,
    execution::{Execution, refuse_unfinished},
    exit::Exit,
    inputs::{self, Inputs},
    instance,
    plan_view::PlanView,
    proposal::{plan_error, read_actual},
    question, selection,
    selector::Selector,
    session::{Session, quoted},
    terminal::{Style, harmless},
};

pub(crate) fn run(arguments: &RunArguments, session: &Session) -> Result<Exit, CliError> {
    session.allow(arguments.execution.removal);
    if arguments.execution.conduct.on_failure == OnFailure::Unwind {
        return Err(change::nothing_to_unwind("run"));
    }
    let reader = session.reader()?.ok_or_else(|| session.nothing_deployed())?;
    // The first word may hold a `=` and be a selector; no service's name does.
    let first = arguments.words.first().map(String::as_str);
    let service = first.filter(|word| !word.contains('='));
    if let Some(service) = workflow_service(arguments, service, session, &reader)? {
        drop(reader);
        return workflow(arguments, &service, session);
    }
    if first.is_none() {
        return Err(no_workflow(arguments, session, &reader));
    }
    operation(arguments, session, &reader)
}

/// Returns the service whose workflow is meant, if the words are a workflow's and not an operation's and its nodes'.
fn workflow_service(
    arguments: &RunArguments,
    named: Option<&str>,
    session: &Session,
    store: &SqliteStore,
) -> Result<Option<Namespace>, CliError> {
    let known = session.services(store)?;
    let prefix = arguments.what.split_once(':').map(|(service, _)| service);
    let only = || (known.len() == 1).then(|| known[0].0.as_str());
    let name = named.or(arguments.name.as_deref()).or(prefix).or_else(only);
    let Some(service) = known.iter().find(|service| Some(service.0.as_str()) == name) else {
        return Ok(None);
    };
    let (graph, _) = read_actual(session, store, service)?;
    Ok(find_workflow(&graph, arguments).map(|_| service.clone()))
}

fn find_workflow<'g>(graph: &'g Graph, arguments: &RunArguments) -> Option<&'g Vertex> {
    let name = arguments.what.split_once(':').map_or(arguments.what.as_str(), |(_, name)| name);
    workflow_named(graph, instance::service(graph)?.id, name)
}

/// There is no workflow of this name, and no selector that would make it an operation.
fn no_workflow(arguments: &RunArguments, session: &Session, store: &SqliteStore) -> CliError {
    let (prefix, name) = match arguments.what.split_once(':') {
        Some((service, name)) => (Some(service), name),
        None => (None, arguments.what.as_str()),
    };
    let read = || {
        let service = session.service(store, arguments.name.as_deref().or(prefix))?;
        read_actual(session, store, &service).map(|(graph, _)| graph)
    };
    let graph = match read() {
        Ok(graph) => graph,
        Err(error) => return error,
    };
    let own = instance::service(&graph).map(|vertex| vertex.id);
    let known = own.into_iter().flat_map(|own| workflows(&graph, own));
    let known = known.filter_map(|other| other.metadata.get(names::WORKFLOW)?.as_text().map(str::to_owned));
    let error = PlanError::NoSuchWorkflow { workflow: name.to_owned(), known: known.collect() };
    let error = plan_error(session, &error);
    let nodes = instance::nodes(&graph);
    if nodes.iter().any(|(node, _)| node == name) {
        return error.next(format!("khutulun run OPERATION {name}"));
    }
    match nodes.iter().find(|(_, node)| has_operation(node, name)) {
        Some((node, _)) => error.next(format!("khutulun run {name} {node}")),
        None => error,
    }
}

fn has_operation(node: &Vertex, event: &str) -> bool {
    [event.to_owned(), format!("{}.{event}", names::LIFECYCLE)]
        .iter()
        .filter_map(|event| node.handlers.get(event))
        .any(|handler| handler.implementation.is_some())
}

/// Gathers the inputs: files, `-i`, then the words that are inputs.
fn gather(arguments: &RunArguments, words: &[String]) -> Result<Inputs, CliError> {
    let given: Vec<String> = arguments.input.iter().chain(words).cloned().collect();
    inputs::gather(&given, &arguments.inputs)
}

/// Shows a plan, and asks unless somebody agreed beforehand.
fn agree(arguments: &RunArguments, session: &Session, plan: &Plan, what: &str) -> Result<(), CliError> {
    session.progress.say(&PlanView::of(plan).text(Style::stderr()));
    if arguments.execution.yes {
        return Ok(());
    }
    if !question::can_ask() {
        let error = question::unasked(what);
        return Err(error.place(format!("service `{}`", plan.namespace)));
    }
    match question::ask(&session.progress, &format!("Shall I {what}?"))? {
        true => Ok(()),
        false => Err(question::refused()),
    }
}

/// Runs a workflow: what it comes to is shown first, and somebody has to agree.
fn workflow(arguments: &RunArguments, service: &Namespace, session: &Session) -> Result<Exit, CliError> {
    let words = arguments.words.iter().skip_while(|word| **word == service.0).cloned().collect::<Vec<_>>();
    let given = gather(arguments, &words)?;
    let (state, store) = session.writer()?;
    busy::refuse(session, &store, service)?;
    refuse_unfinished(session, &store, service)?;
    let (graph, base) = read_actual(session, &store, service)?;
    let vertex = find_workflow(&graph, arguments).ok_or_else(|| no_workflow(arguments, session, &store))?;
    let values = inputs::values(given, |input| {
        vertex.properties.get(input).is_some_and(|property| inputs::wants_text(property.preparer.as_ref()))
    })?;
    let basis = session.basis(service, base);
    let plan =
        plan_workflow(&basis, &graph, vertex.id, &values).map_err(|error| plan_error(session, &error))?;
    let name = plan.workflow.as_deref().unwrap_or_default();
    agree(arguments, session, &plan, &format!("run the workflow `{}` of `{service}`", harmless(name)))?;
    Execution::new(session, state, store, &arguments.execution.conduct).run(plan)
}

/// Runs an operation. Of several nodes or relationships the plan is shown first, and somebody has to agree.
fn operation(arguments: &RunArguments, session: &Session, reader: &SqliteStore) -> Result<Exit, CliError> {
    // The first word is a selector whatever is in it, such as `port=80`; of the others, those with a `=` are inputs.
    let is_selector = |(place, word): &(usize, &String)| *place == 0 || !word.contains('=');
    let words = || arguments.words.iter().enumerate();
    let texts: Vec<String> = words().filter(is_selector).map(|(_, word)| word.clone()).collect();
    let given: Vec<String> =
        words().filter(|word| !is_selector(word)).map(|(_, word)| word.clone()).collect();
    // What type an operation's input wants is not known here: YAML decides.
    let values = inputs::values(gather(arguments, &given)?, |_| false)?;
    Selector::check(&texts)?;
    let selectors = Selector::read_all(&texts, reader)?;
    let service = selection::service(session, reader, arguments.name.as_deref(), &selectors)?;
    let (state, store) = session.writer()?;
    busy::refuse(session, &store, &service)?;
    refuse_unfinished(session, &store, &service)?;
    let (graph, base) = read_actual(session, &store, &service)?;
    let mut sites: Vec<Site> = Vec::new();
    for text in &texts {
        let found = sites_of(&graph, &service, text, &store, arguments)?;
        sites.extend(found.into_iter().filter(|site| !sites.contains(site)).collect::<Vec<_>>());
    }
    let basis = session.basis(&service, base);
    let event = &arguments.what;
    let plan = plan_operation(&basis, &graph, &sites, event, &values)
        .map_err(|error| plan_error(session, &error))?;
    if sites.len() > 1 {
        agree(arguments, session, &plan, &format!("run {} on {} of them", harmless(event), sites.len()))?;
    }
    Execution::new(session, state, store, &arguments.execution.conduct).run(plan)
}

/// Returns the nodes that a selector means, or else the relationships: `web.database` are those of the requirement `database` of
/// what `web` means.
fn sites_of(
    graph: &Graph,
    service: &Namespace,
    text: &str,
    store: &SqliteStore,
    arguments: &RunArguments,
) -> Result<Vec<Site>, CliError> {
    let nodes = instance::nodes(graph);
    let selected = |text: &str| -> Result<Vec<&Vertex>, CliError> {
        let selector = Selector::read(text, store)?;
        Ok(nodes.iter().map(|(_, node)| *node).filter(|node| selector.selects(node, None)).collect())
    };
    let found: Vec<Site> = selected(text)?.into_iter().map(|node| Site::Vertex(node.id)).collect();
    if !found.is_empty() {
        return Ok(found);
    }
    if let Some((node, requirement)) = text.rsplit_once('.')
        && Selector::check(&[node.to_owned()]).is_ok()
    {
        let sources = selected(node)?;
        let found: Vec<Site> =
            sources.iter().flat_map(|source| relationships(graph, source.id, requirement)).collect();
        if !found.is_empty() {
            return Ok(found);
        }
        if !sources.is_empty() {
            let names: Vec<&str> = sources
                .iter()
                .flat_map(|source| graph.outgoing(source.id))
                .map(|edge| edge.name.as_str())
                .collect();
            let names: Vec<&str> = std::collections::BTreeSet::from_iter(names).into_iter().collect();
            let why = match names.is_empty() {
                true => format!("`{node}` has no relationships"),
                false => format!("there are {}", quoted(&names)),
            };
            return Err(CliError::usage(format!("no relationship is selected by `{}`", harmless(text)), why)
                .place(format!("service `{service}`"))
                .next(format!("khutulun run {} {node}.REQUIREMENT", harmless(&arguments.what))));
        }
    }
    let error = selection::none(service, text, &nodes);
    // Somebody who says it the other way around.
    let is_turned = nodes.iter().any(|(name, _)| *name == arguments.what)
        && nodes.iter().any(|(_, node)| has_operation(node, text));
    Err(match is_turned {
        true => error.next(format!(
            "the operation goes first: khutulun run {} {}",
            harmless(text),
            harmless(&arguments.what)
        )),
        false => error,
    })
}
