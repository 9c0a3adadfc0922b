//! A graph with representations, a substituted node, policies and requirements that wait.
//!
//! Three nodes `web` (`web-0` to `web-2`) use `store`: `web-0` and `web-1` have a relationship to its capability `endpoint`,
//! `web-2` waits for its own. `store` is substituted: it contains the service `storage` with a node `disk` and a policy.

use floria::{Edge, EdgeId, Graph, Metadata, Site, Value, Vertex, VertexId};
use serde_json::json;
use tosca_functions::{
    ALLOCATION_MARK, ARTIFACTS_MARK, CAPABILITY_MARK, INDEX_MARK, NODE_MARK, OUTPUT_PREFIX,
    RELATIONSHIP_MARK, SERVICE_MARK, WAITING_MARK,
};

use crate::shop::{attribute, edge, property, value, vertex};

pub(crate) const SERVICE: VertexId = VertexId(1);
pub(crate) const WEB: [VertexId; 3] = [VertexId(10), VertexId(11), VertexId(12)];
pub(crate) const STORE: VertexId = VertexId(20);
pub(crate) const ENDPOINT: VertexId = VertexId(21);
pub(crate) const STORAGE: VertexId = VertexId(22);
pub(crate) const DISK: VertexId = VertexId(23);
pub(crate) const STORAGE_POLICY: VertexId = VertexId(24);
pub(crate) const POLICY: VertexId = VertexId(30);
/// From `web-1`: made before that of `web-0`.
pub(crate) const OF_WEB_1: EdgeId = EdgeId(1);
pub(crate) const OF_WEB_0: EdgeId = EdgeId(2);

fn set(metadata: &mut Metadata, name: &str, to: impl Into<Value>) {
    metadata.insert(name.to_owned(), to.into());
}

fn put(graph: &mut Graph, vertex: Vertex, properties: &[(&str, serde_json::Value)]) {
    let properties = properties
        .iter()
        .map(|(name, json)| ((*name).to_owned(), property(value(json.clone()))))
        .chain(vertex.properties.clone());
    graph.put_vertex(Vertex { properties: properties.collect(), ..vertex });
}

fn uses(graph: &mut Graph, id: EdgeId, source: VertexId, allocation: serde_json::Value) {
    let mut store: Edge = edge(id.0, "store", 0, source, ENDPOINT);
    set(&mut store.metadata, ALLOCATION_MARK, value(allocation));
    set(&mut store.metadata, RELATIONSHIP_MARK, "link");
    store.properties.insert("timeout".to_owned(), property(i64::try_from(id.0).expect("ids are small")));
    graph.put_edge(store);
}

pub(crate) fn estate() -> Graph {
    let mut graph = Graph::default();
    put(
        &mut graph,
        vertex(SERVICE, "estate", None, Some((SERVICE_MARK, "estate"))),
        &[("greeting", json!("outer"))],
    );
    for (index, id) in WEB.into_iter().enumerate() {
        let mut web = vertex(id, &format!("web-{index}"), Some(SERVICE), Some((NODE_MARK, "web")));
        set(&mut web.metadata, INDEX_MARK, i64::try_from(index).expect("an index is small"));
        let files = json!({
            "page": { "path": "files/page.html", "digest": "ab".repeat(32) },
            "odd": {},
        });
        set(&mut web.metadata, ARTIFACTS_MARK, value(files));
        if index == 2 {
            set(&mut web.metadata, WAITING_MARK, value(json!(["store"])));
        }
        put(&mut graph, web, &[("name", json!(format!("web-{index}")))]);
    }
    put(
        &mut graph,
        vertex(STORE, "store", Some(SERVICE), Some((NODE_MARK, "store"))),
        &[("name", json!("store"))],
    );
    let endpoint = vertex(ENDPOINT, "endpoint", Some(STORE), Some((CAPABILITY_MARK, "endpoint")));
    put(
        &mut graph,
        Vertex { properties: [("load".to_owned(), attribute(None))].into(), ..endpoint },
        &[("slots", json!(8)), ("share", json!(1.0)), ("label", json!("x"))],
    );
    put(
        &mut graph,
        vertex(STORAGE, "storage", Some(STORE), Some((SERVICE_MARK, "storage"))),
        &[
            ("greeting", json!("inner")),
            (&format!("{OUTPUT_PREFIX}address"), json!("10.0.0.9")),
            (&format!("{OUTPUT_PREFIX}ports"), json!([80, 81])),
        ],
    );
    put(
        &mut graph,
        vertex(DISK, "disk", Some(STORAGE), Some((NODE_MARK, "disk"))),
        &[("name", json!("disk"))],
    );
    put(&mut graph, vertex(STORAGE_POLICY, "backup", Some(STORAGE), None), &[]);
    put(&mut graph, vertex(POLICY, "limit", Some(SERVICE), None), &[]);
    uses(&mut graph, OF_WEB_1, WEB[1], json!({ "slots": 3, "share": 0.25 }));
    uses(&mut graph, OF_WEB_0, WEB[0], json!({ "slots": 2 }));
    graph
}

/// The same, when nobody waits any more.
pub(crate) fn settled() -> Graph {
    let mut graph = estate();
    let mut last = graph.vertex(WEB[2]).expect("it was just put there").clone();
    last.metadata.remove(WAITING_MARK);
    graph.put_vertex(last);
    graph
}

pub(crate) const AT_DISK: Site = Site::Vertex(DISK);
