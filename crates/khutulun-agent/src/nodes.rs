//! Which node a process is of.

use std::collections::BTreeMap;

use floria::{Graph, Namespace, Store, StoreError, VertexId};
use khutulun_api::names;
use khutulun_plan::subject_of;

/// Returns the nodes of a service, by what they are called on machines.
pub(crate) fn by_machine_name(
    store: &dyn Store,
    service: &str,
) -> Result<BTreeMap<String, VertexId>, StoreError> {
    let graph: Graph = store.graph(&Namespace(service.to_owned()))?;
    let nodes = graph.vertexes().filter(|vertex| vertex.metadata.contains_key(names::NODE));
    Ok(nodes.filter_map(|node| Some((subject_of(&graph, node.id)?.node, node.id))).collect())
}
