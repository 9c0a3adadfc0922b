//! Which node a process is of.

use std::collections::BTreeMap;

use floria::{Graph, Namespace, Store, StoreError, Vertex, VertexId};
use khutulun_api::names;
use khutulun_plan::subject_of;

/// Returns those of a service's nodes that are called so on machines.
pub(crate) fn by_machine_names(
    store: &dyn Store,
    service: &Namespace,
    wanted: &[&str],
) -> Result<BTreeMap<String, VertexId>, StoreError> {
    let graph = store.graph(service)?;
    // The service's own nodes are called what they are; others are looked for among all.
    let own = wanted.iter().filter_map(|name| {
        let mut around = graph.contained(None).filter_map(|service| graph.named(Some(service.id), name));
        around.find_map(|node| called(&graph, node))
    });
    let mut found: BTreeMap<String, VertexId> = own.collect();
    if wanted.iter().any(|name| !found.contains_key(*name)) {
        let all = graph.vertexes().filter_map(|node| called(&graph, node));
        found.extend(all.filter(|(name, _)| wanted.contains(&name.as_str())));
    }
    Ok(found)
}

fn called(graph: &Graph, node: &Vertex) -> Option<(String, VertexId)> {
    node.metadata.get(names::NODE)?;
    Some((subject_of(graph, node.id)?.node, node.id))
}
