//! `khutulun status`: the nodes of services, what is recorded of them and what reality says.

use std::collections::{BTreeMap, BTreeSet};

use floria::{Graph, Namespace, Store, StoreError, Value, Vertex, VertexId};
use khutulun_api::{Outcome, names};
use khutulun_plan::needs;

use crate::{
    answer, busy,
    cli::StatusArguments,
    error::CliError,
    exit::Exit,
    health::{Degraded, Health, degraded},
    history, instance,
    probe::Prober,
    proposal::read_actual,
    revision,
    selector::Selector,
    session::Session,
    status_view::{Cause, LastSeen, NodeStatus, ServiceStatus, Status},
    terminal::counted,
    time,
};

pub(crate) fn run(arguments: &StatusArguments, session: &Session) -> Result<Exit, CliError> {
    Selector::check(&arguments.selectors)?;
    let Some(store) = session.reader()? else {
        if arguments.name.is_some() || !arguments.selectors.is_empty() {
            return Err(session.nothing_deployed());
        }
        answer::give(&Status { services: Vec::new(), now_ms: time::now_ms() }, session.format)?;
        return Ok(Exit::Success);
    };
    let known = session.services(&store)?;
    // Whoever writes the name of a service means its nodes, and those of this name as well.
    let named = known.iter().filter(|service| arguments.selectors.contains(&service.0));
    let texts: Vec<String> =
        arguments.selectors.iter().cloned().chain(named.map(|service| format!("{service}:"))).collect();
    let selectors = Selector::read_all(&texts, &store)?;
    let mut status = Status { services: Vec::new(), now_ms: time::now_ms() };
    if let Some(name) = &arguments.name
        && !known.iter().any(|service| service.0 == *name)
    {
        return Err(session.no_service(name, &known));
    }
    let prober = if arguments.stored { None } else { Some(Prober::new(session)) };
    for service in known {
        let is_meant = |selector: &Selector| selector.service().is_none_or(|named| named == service.0);
        if arguments.name.as_ref().is_some_and(|name| *name != service.0)
            || (!selectors.is_empty() && !selectors.iter().any(is_meant))
        {
            continue;
        }
        let found = look(session, &store, prober.as_ref(), &service, &selectors)?;
        if selectors.is_empty() || !found.nodes.is_empty() {
            status.services.push(found);
        }
    }
    if status.services.is_empty() && !selectors.is_empty() {
        return Err(CliError::usage("no node is selected", "nothing that is deployed matches")
            .place(session.root().display().to_string())
            .next("khutulun status"));
    }
    session.progress.settle();
    answer::give(&status, session.format)?;
    Ok(Exit::Success)
}

fn look(
    session: &Session,
    store: &dyn Store,
    prober: Option<&Prober<'_>>,
    service: &Namespace,
    selectors: &[Selector],
) -> Result<ServiceStatus, CliError> {
    let (graph, _) = read_actual(session, store, service)?;
    let last = history::last(session, store, service)?;
    let times = history::times(store, service);
    let needs = needs(&graph);
    let mut nodes = instance::nodes(&graph);
    // A selector by state needs reality first; all others need not look at what they do not want.
    let is_selected = |node: &Vertex, observed: Option<&str>| {
        selectors.is_empty() || selectors.iter().any(|selector| selector.selects(node, observed))
    };
    let by_state = selectors.iter().any(Selector::is_about_states);
    let mut meant: BTreeSet<VertexId> = nodes
        .iter()
        .map(|(_, node)| node.id)
        .filter(|id| graph.vertex(*id).is_some_and(|node| by_state || is_selected(node, None)))
        .collect();
    // How a node is in effect depends on what it needs, directly or not.
    let mut open: Vec<VertexId> = meant.iter().copied().collect();
    while let Some(id) = open.pop() {
        open.extend(needs.get(&id).into_iter().flatten().copied().filter(|id| meant.insert(*id)));
    }
    nodes.retain(|(_, node)| meant.contains(&node.id));
    let event = format!("{}.{}", names::LIFECYCLE, names::OBSERVE);
    let observed = match prober {
        Some(prober) => {
            let there: Vec<_> = nodes
                .iter()
                .map(|(_, node)| *node)
                .filter(|node| !matches!(instance::lifecycle_state(node), "initial" | "deleted"))
                .collect();
            session.progress.phase(format!("looking at {} of {service}", counted(there.len(), "node")));
            prober.ask(&graph, &there, &event)?
        }
        None => BTreeMap::new(),
    };
    let there = still_there(store, service, &graph, nodes.iter().map(|(_, node)| *node))
        .map_err(|error| session.store_error(error))?;
    let mut nodes: Vec<(NodeStatus, &Vertex)> = nodes
        .into_iter()
        .map(|(name, node)| {
            let machine_name = khutulun_plan::machine_name(&name);
            let seen = node.metadata.get(names::OBSERVED);
            let entry = NodeStatus {
                class: instance::class(node).to_owned(),
                state: instance::lifecycle_state(node).to_owned(),
                attempted: instance::attempted(node).map(str::to_owned),
                stands_for: instance::stands_for(node),
                stands_for_nothing: selected(node).is_some_and(|other| !there.contains(&other)),
                waiting: instance::waiting(node),
                origin: node.origin.as_ref().map(ToString::to_string),
                since_ms: times.changed.get(machine_name.as_ref()).copied(),
                last_seen: seen.and_then(|seen| {
                    Some(LastSeen {
                        state: seen.get("state")?.as_text()?.to_owned(),
                        since_ms: instance::seen_at(seen),
                        looked_ms: times.looked.get(machine_name.as_ref()).copied(),
                    })
                }),
                adopted: node.metadata.get(names::ADOPTED) == Some(&Value::Boolean(true)),
                degraded: None,
                observed: observed.get(&node.id).map(|outcome| match outcome {
                    Outcome::Succeeded(outputs) => Ok(outputs.clone()),
                    Outcome::Failed(failure) => Err(failure.message.clone()),
                }),
                node: name,
            };
            (entry, node)
        })
        .collect();
    let own: BTreeMap<VertexId, Health> =
        nodes.iter().map(|(entry, node)| (node.id, entry.health())).collect();
    let mut degraded = degraded(&needs, &own);
    for (entry, node) in &mut nodes {
        entry.degraded = degraded.remove(&node.id).map(|Degraded { through, cause, how }| Cause {
            through: graph.path_of(through),
            cause: graph.path_of(cause),
            how,
        });
    }
    nodes.retain(|(entry, node)| is_selected(node, entry.observed_state()));
    let nodes = nodes.into_iter().map(|(entry, _)| entry).collect();
    let holder = busy::holder(store, service).map_err(|error| session.store_error(error))?;
    let revision = revision::current(store, service).map_err(|error| session.store_error(error))?;
    let revision = revision.map(|revision| revision.number);
    Ok(ServiceStatus { service: service.clone(), nodes, revision, last, holder })
}

/// Returns the service and the path of the node that a node stands for, if it does.
fn selected(node: &Vertex) -> Option<(&str, &str)> {
    let selected = node.metadata.get(names::SELECTED)?;
    let part = |name: &str| selected.get(name).and_then(Value::as_text);
    Some((part("namespace")?, part("path")?))
}

/// Returns those of the nodes that these nodes stand for that are there.
fn still_there<'n>(
    store: &dyn Store,
    service: &Namespace,
    graph: &Graph,
    nodes: impl Iterator<Item = &'n Vertex>,
) -> Result<BTreeSet<(&'n str, &'n str)>, StoreError> {
    let mut asked: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (other, path) in nodes.filter_map(selected) {
        asked.entry(other).or_default().insert(path);
    }
    let mut there = BTreeSet::new();
    for (other, paths) in asked {
        let read;
        let graph = if other == service.0 {
            graph
        } else {
            read = store.graph(&Namespace(other.to_owned()))?;
            &read
        };
        let names: BTreeSet<String> = instance::nodes(graph).into_iter().map(|(name, _)| name).collect();
        there.extend(paths.into_iter().filter(|path| names.contains(*path)).map(|path| (other, path)));
    }
    Ok(there)
}
