//! As many nodes of node templates as somebody says: what that changes of what is intended.

use std::sync::Arc;

use diagnostics::did_you_mean;
use floria::{Design, Expression, Graph, Namespace, Store, Value, Vertex, VertexTemplate, rules::Making};
use floria_resolver::Counts;
use khutulun_api::names;
use khutulun_events::{Scale, Scaled, Scaler};

use crate::{
    change::{self, Wish},
    error::CliError,
    exit::Exit,
    inputs::{Given, Inputs},
    instance,
    intention::Intention,
    proposal::read_actual,
    revision::{self, Verb},
    session::{Session, quoted},
    terminal::harmless,
};

/// What was intended last of a service, with other counts.
///
/// Where a template's own count is an input and nothing else, that input changes, as if it had been updated. Any other count is
/// put aside, until the design is deployed anew.
pub(crate) fn scaled(
    session: &Session,
    store: &dyn Store,
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

/// How often what is wanted is made out anew because the service changed meanwhile.
const STALE_MAX: usize = 10;

/// Scales services for reactions to events.
pub(crate) struct Scaling {
    session: Session,
    store: Arc<dyn Store>,
}

impl Scaling {
    /// Makes one for the services of a store.
    pub(crate) fn new(session: &Session, store: Arc<dyn Store>) -> Self {
        Self { session: session.without_profiles(), store }
    }

    fn plan(&self, service: &Namespace, template: &str, how: Scale) -> Result<Option<Scaled>, CliError> {
        let (session, store) = (&self.session, &*self.store);
        let mut last = None;
        for _ in 0..STALE_MAX {
            let (graph, _) = read_actual(session, store, service)?;
            let count = match how {
                Scale::To(count) => count,
                // There is nothing less than none.
                Scale::By(by) => present(&graph, template).saturating_add(by).max(0),
            };
            let count = u64::try_from(count).map_err(|_| {
                CliError::usage("cannot scale to less than nothing", format!("`to` is {count}"))
            })?;
            let counts = Counts::from([(template.to_owned(), count)]);
            let wish = || scaled(session, store, service, &counts);
            match change::plan(session, store, service, wish, false) {
                Ok((_, _, proposal)) if proposal.plan.is_empty() => return Ok(None),
                Ok((wish, beginning, proposal)) => {
                    let records = beginning.records(session, store, &wish.intention)?;
                    return Ok(Some(Scaled { plan: proposal.plan, records }));
                }
                Err(error) if error.exit == Exit::Busy => last = Some(error),
                Err(error) => return Err(error),
            }
        }
        Err(last.expect("only what changes meanwhile is made out anew"))
    }
}

/// How many nodes there are of a template of the service itself.
fn present(graph: &Graph, template: &str) -> i64 {
    let service = instance::service(graph).map(|service| service.id);
    let of = |node: &&Vertex| node.metadata.get(names::NODE).and_then(Value::as_text) == Some(template);
    let count = service.map_or(0, |service| graph.contained(Some(service)).filter(of).count());
    i64::try_from(count).unwrap_or(i64::MAX)
}

impl Scaler for Scaling {
    fn scale(&self, service: &Namespace, template: &str, how: Scale) -> Result<Option<Scaled>, String> {
        self.plan(service, template, how).map_err(|error| format!("{}: {}", error.what, error.why))
    }
}
