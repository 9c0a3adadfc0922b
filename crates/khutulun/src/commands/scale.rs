//! `khutulun scale`: as many nodes of node templates as somebody says.

use diagnostics::did_you_mean;
use floria::{Design, Expression, Graph, Namespace, Value, VertexTemplate, rules::Making};
use floria_resolver::Counts;
use floria_sqlite::SqliteStore;
use khutulun_api::names;

use crate::{
    change::{Wish, realize},
    cli::ScaleArguments,
    error::CliError,
    exit::Exit,
    inputs::{Given, Inputs},
    intention::Intention,
    proposal::read_actual,
    revision::{self, Verb},
    session::{Session, quoted},
    terminal::harmless,
};

pub(crate) fn run(arguments: &ScaleArguments, session: &Session) -> Result<Exit, CliError> {
    let counts = arguments.counts.iter().map(|text| count(text)).collect::<Result<Counts, _>>()?;
    let reader = session.reader()?.ok_or_else(|| session.nothing_deployed())?;
    let service = session.service(&reader, arguments.name.as_deref())?;
    drop(reader);
    let wish = |store: Option<&SqliteStore>| {
        let store = store.ok_or_else(|| session.nothing_deployed())?;
        scaled(session, store, &service, &counts)
    };
    let change = &arguments.change;
    realize(session, (&service, Verb::Scale), wish, &change.execution, change.save.as_deref())
}

fn count(text: &str) -> Result<(String, u64), CliError> {
    let read = || {
        let (node, count) = text.rsplit_once('=').filter(|(node, _)| !node.is_empty())?;
        Some((node.to_owned(), count.parse().ok()?))
    };
    read().ok_or_else(|| {
        CliError::usage(
            format!("cannot read `{}`", harmless(text)),
            "it is a node template, `=`, and a number from 0",
        )
        .next("khutulun scale NODE=N, such as web=3")
    })
}

/// What was intended last of a service, with other counts.
///
/// Where a template's own count is an input and nothing else, that input changes, as if it had been updated. Any other count is
/// put aside, until the design is deployed anew.
pub(crate) fn scaled(
    session: &Session,
    store: &SqliteStore,
    service: &Namespace,
    counts: &Counts,
) -> Result<Wish, CliError> {
    let revision = revision::present(session, store, service)?;
    let mut intention = Intention::of_revision(session, store, service, &revision)?;
    let (graph, _) = read_actual(session, store, service)?;
    let mut given = Inputs::new();
    for (node, count) in counts {
        let template = template(&intention, &graph, node)?;
        let input = input_of(template.0).filter(|_| template.1);
        match input {
            Some(input) => {
                intention.counts.remove(node);
                let count = i64::try_from(*count).unwrap_or(i64::MAX);
                given.insert(input, Given::Value(Value::Integer(count)));
            }
            None => drop(intention.counts.insert(node.clone(), *count)),
        }
    }
    intention.give(session, given)?;
    Ok(Wish { intention, verb: Verb::Scale, of: None, notes: Vec::new() })
}

/// Returns the template with a count that a path means, and whether it is the service's own and not of one inside of a node.
fn template<'i>(
    intention: &'i Intention,
    graph: &Graph,
    node: &str,
) -> Result<(&'i VertexTemplate, bool), CliError> {
    let design = &intention.design;
    let (inside, name) = match node.rsplit_once('/') {
        Some((inside, name)) => (Some(inside), name),
        None => (None, node),
    };
    let own = design.vertexes.first().map(|first| first.id);
    let is_meant = |template: &&VertexTemplate| {
        let is_own = template.container == own;
        let container = template.container.and_then(|id| design.vertex(id));
        // Outermost templates are services.
        let is_directly_in_service = container.is_some_and(|container| container.container.is_none());
        template.name == name && is_directly_in_service && is_own == inside.is_none()
    };
    let is_there =
        inside.is_none_or(|inside| graph.vertexes().any(|vertex| graph.path_of(vertex.id) == inside));
    let found = design.vertexes.iter().find(is_meant).filter(|_| is_there);
    let Some(template) = found else {
        return Err(no_such_node(intention, node));
    };
    let has_count = Making::of(&template.rules).is_ok_and(|making| making.count.is_some());
    if !has_count {
        let place = template.origin.as_ref().map_or_else(|| intention.place(), ToString::to_string);
        return Err(CliError::usage(
            format!("`{node}` cannot be scaled"),
            "its node template has no count, so there is one of it",
        )
        .place(place)
        .next(format!(
            "give it a count, such as `count: 1`, then: khutulun deploy PATH; khutulun scale {node}=N"
        )));
    }
    Ok((template, inside.is_none()))
}

fn no_such_node(intention: &Intention, node: &str) -> CliError {
    let known = counted(&intention.design);
    let of_instance = node
        .rsplit_once('-')
        .filter(|(name, index)| known.contains(name) && index.bytes().all(|byte| byte.is_ascii_digit()));
    let why = match (of_instance, did_you_mean(node, known.iter().copied()), known.is_empty()) {
        (Some((name, _)), ..) => format!("`{}` is one of the nodes of `{name}`", harmless(node)),
        (_, Some(hint), _) => hint.to_string(),
        (_, None, true) => "no node template of the design has a count".to_owned(),
        (_, None, false) => format!("those with a count are {}", quoted(&known)),
    };
    let next = of_instance.map_or("NODE", |(name, _)| name);
    CliError::usage(format!("there is no node template `{}`", harmless(node)), why)
        .place(intention.place())
        .next(format!("khutulun scale {next}=N"))
}

/// The names of the service's own node templates that have a count.
fn counted(design: &Design) -> Vec<&str> {
    let own = design.vertexes.first().map(|first| first.id);
    let nodes = design.vertexes.iter().filter(|template| template.container == own && own.is_some());
    let counted =
        nodes.filter(|template| Making::of(&template.rules).is_ok_and(|making| making.count.is_some()));
    counted.map(|template| template.name.as_str()).collect()
}

/// Returns the input that a template's count is, where it is one and nothing else.
fn input_of(template: &VertexTemplate) -> Option<String> {
    let Expression::Call(call) = Making::of(&template.rules).ok()?.count? else { return None };
    match call.arguments.as_slice() {
        [Expression::Literal(Value::Text(name))] if call.function == names::GET_INPUT => Some(name.clone()),
        _ => None,
    }
}
