//! The nodes that somebody means: one grammar, and one answer where nothing is meant, for every command.

use std::collections::BTreeSet;

use floria::{Graph, Namespace, Vertex, VertexId};
use floria_sqlite::SqliteStore;

use crate::{
    error::CliError,
    instance,
    selector::Selector,
    session::{Session, quoted},
    terminal::harmless,
};

/// Returns the service that is meant: the one named, else the one that the selectors name, else the only one.
pub(crate) fn service(
    session: &Session,
    store: &SqliteStore,
    name: Option<&str>,
    selectors: &[Selector],
) -> Result<Namespace, CliError> {
    let named: BTreeSet<&str> =
        name.into_iter().chain(selectors.iter().filter_map(Selector::service)).collect();
    if named.len() > 1 {
        let named: Vec<&str> = named.into_iter().collect();
        return Err(CliError::usage(
            "cannot do this for several services at once",
            format!("named are {}", quoted(&named)),
        )
        .next("run the command for each of them"));
    }
    session.service(store, named.first().copied())
}

/// Returns the nodes that selectors mean, in the order of the graph, each once. `texts` are what they were read from.
///
/// A selector that means no node is an error that names those that there are.
pub(crate) fn nodes<'g>(
    graph: &'g Graph,
    service: &Namespace,
    texts: &[String],
    selectors: &[Selector],
) -> Result<Vec<(String, &'g Vertex)>, CliError> {
    let nodes = instance::nodes(graph);
    let mut meant = BTreeSet::new();
    for (text, selector) in texts.iter().zip(selectors) {
        let found = nodes.iter().filter(|(_, node)| selector.selects(node, None)).map(|(_, node)| node.id);
        let found: Vec<VertexId> = found.collect();
        if found.is_empty() {
            return Err(none(service, text, &nodes));
        }
        meant.extend(found);
    }
    Ok(nodes.into_iter().filter(|(_, node)| meant.contains(&node.id)).collect())
}

/// Nothing is meant by a selector.
pub(crate) fn none(service: &Namespace, text: &str, nodes: &[(String, &Vertex)]) -> CliError {
    let names: Vec<&String> = nodes.iter().map(|(name, _)| name).collect();
    let why = match names.is_empty() {
        _ if service.0 == text => format!("`{service}` is a service: its nodes are `{service}:`"),
        true => format!("`{service}` has no nodes"),
        false => format!("there are {}", quoted(&names)),
    };
    CliError::usage(format!("no node is selected by `{}`", harmless(text)), why)
        .place(format!("service `{service}`"))
        .next(format!("khutulun status {service}:"))
}

/// Returns the ids of nodes, and of the nodes in them: what a node is made of in a service inside of it goes with it.
pub(crate) fn with_inside(graph: &Graph, nodes: &[(String, &Vertex)]) -> BTreeSet<VertexId> {
    let meant: BTreeSet<VertexId> = nodes.iter().map(|(_, node)| node.id).collect();
    let is_in = |vertex: &Vertex| {
        let mut outer =
            std::iter::successors(Some(vertex), |inner| inner.container.and_then(|id| graph.vertex(id)));
        outer.any(|outer| meant.contains(&outer.id))
    };
    let inside = instance::nodes(graph)
        .into_iter()
        .filter(|(_, node)| is_in(node) && instance::stands_for(node).is_none());
    inside.map(|(_, node)| node.id).collect()
}
