//! What functions ask of the graph is found when it changes: evaluation that goes on comes to what a new one comes to.

use floria::{
    Change, EdgeId, EntityKey, Evaluated, EvaluationError, Evaluator, Graph, Memos, Property, Site, Value,
    Vertex, VertexId,
};
use serde_json::{Value as Json, json};
use tosca_functions::{
    ALLOCATION_MARK, ARTIFACTS_MARK, CAPABILITY_MARK, INDEX_MARK, NODE_MARK, OUTPUT_PREFIX, SERVICE_MARK,
    ToscaFunctions, WAITING_MARK,
};

use crate::{
    estate::{ENDPOINT, OF_WEB_0, OF_WEB_1, POLICY, SERVICE, STORE, WEB, estate},
    shop::{call, edge, literal, property, value, vertex},
};

/// Where a question stands, the function, and its arguments.
fn questions() -> Vec<(Site, &'static str, Json)> {
    let (policy, store) = (Site::Vertex(POLICY), Site::Vertex(STORE));
    let mut questions = vec![
        (policy, "get_property", json!([["web"], "name"])),
        (policy, "get_property", json!([["web", 1], "name"])),
        (policy, "get_property", json!([["web", 3], "name"])),
        (policy, "get_property", json!([["web", "ALL"], "name"])),
        (policy, "get_property", json!([["idle", "ALL"], "name"])),
        (policy, "get_property", json!([["link", "SOURCE"], "name"])),
        (policy, "get_property", json!([["other"], "name"])),
        (policy, "get_property", json!([["web", "ALL", "RELATIONSHIP", "store", "ALL"], "timeout"])),
        (policy, "get_input", json!(["greeting"])),
        (policy, "get_input", json!(["late"])),
        (
            store,
            "get_property",
            json!([["SELF", "CAPABILITY", "endpoint", "RELATIONSHIP", "ALL", "SOURCE"], "name"]),
        ),
        (
            store,
            "get_property",
            json!([["SELF", "CAPABILITY", "endpoint", "RELATIONSHIP", 2, "SOURCE"], "name"]),
        ),
        (store, "get_property", json!([["SELF", "CAPABILITY", "spare"], "size"])),
        (store, "get_property", json!([["SELF"], "late"])),
        (store, "available_allocation", json!([["SELF", "CAPABILITY", "endpoint"], "slots"])),
        (store, "available_allocation", json!([["SELF", "CAPABILITY", "endpoint"], "late"])),
        (store, "get_output", json!(["address"])),
        (store, "get_output", json!(["late"])),
    ];
    for web in WEB.map(Site::Vertex) {
        questions.push((web, "get_property", json!([["SELF", "RELATIONSHIP", "store", "TARGET"], "name"])));
        questions.push((web, "get_artifact", json!([["SELF"], "page"])));
        questions.push((web, "get_output", json!(["address"])));
        questions.push((web, "node_index", json!([])));
    }
    for edge in [OF_WEB_0, OF_WEB_1].map(Site::Edge) {
        questions.push((edge, "get_property", json!([["SELF", "TARGET"], "name"])));
        questions.push((
            edge,
            "get_property",
            json!([["SELF", "CAPABILITY", "RELATIONSHIP", "ALL"], "timeout"]),
        ));
        questions.push((edge, "relationship_index", json!([])));
    }
    questions
}

/// Adds the questions as computed properties.
fn ask(graph: &mut Graph) {
    for (place, (site, function, arguments)) in questions().into_iter().enumerate() {
        let listed =
            arguments.as_array().expect("arguments are a list").iter().cloned().map(literal).collect();
        let asked = Property { updater: Some(call(function, listed)), ..Property::default() };
        match site {
            Site::Vertex(id) => {
                let mut vertex = graph.vertex(id).expect("it is there").clone();
                vertex.properties.insert(format!("question {place}"), asked);
                graph.put_vertex(vertex);
            }
            Site::Edge(id) => {
                let mut edge = graph.edge(id).expect("it is there").clone();
                edge.properties.insert(format!("question {place}"), asked);
                graph.put_edge(edge);
            }
        }
    }
}

/// What questions come to. Of what is not known, only that: which of all that wait may be meant is not worth asking again for.
fn answers(evaluator: &mut Evaluator<'_>) -> Vec<(usize, Result<Evaluated, EvaluationError>)> {
    let is_there = |graph: &Graph, site| match site {
        Site::Vertex(id) => graph.vertex(id).is_some(),
        Site::Edge(id) => graph.edge(id).is_some(),
    };
    let asked = questions().into_iter().enumerate();
    let asked: Vec<_> = asked.filter(|(_, (site, ..))| is_there(evaluator.graph(), *site)).collect();
    asked
        .into_iter()
        .map(|(place, (site, ..))| {
            let answer = match evaluator.property(site, &format!("question {place}")) {
                Ok(Evaluated::Unknown(_)) => Ok(Evaluated::Unknown(Vec::new())),
                other => other,
            };
            (place, answer)
        })
        .collect()
}

fn changed(graph: &Graph, id: VertexId, change: impl FnOnce(&mut Vertex)) -> Change {
    let mut vertex = graph.vertex(id).expect("it is there").clone();
    change(&mut vertex);
    Change::put(vertex)
}

/// What may happen, each as the changes that it takes.
fn happenings(graph: &Graph) -> Vec<Vec<Change>> {
    let late = |vertex: &mut Vertex| {
        vertex.properties.insert("late".to_owned(), property(7));
    };
    let no_wait = |vertex: &mut Vertex| {
        vertex.metadata.remove(WAITING_MARK);
    };
    let mut last = vertex(VertexId(40), "web-3", Some(SERVICE), Some((NODE_MARK, "web")));
    last.metadata.insert(INDEX_MARK.to_owned(), 3.into());
    last.properties.insert("name".to_owned(), property("web-3"));
    let mut idle = vertex(VertexId(41), "idle", Some(SERVICE), Some((NODE_MARK, "idle")));
    idle.properties.insert("name".to_owned(), property("idle"));
    let mut spare = vertex(VertexId(42), "spare", Some(STORE), Some((CAPABILITY_MARK, "spare")));
    spare.properties.insert("size".to_owned(), property(1));
    let mut nested = vertex(VertexId(43), "nested", Some(WEB[0]), Some((SERVICE_MARK, "nested")));
    nested.properties.insert(format!("{OUTPUT_PREFIX}address"), property("here"));
    let mut heavier = graph.edge(OF_WEB_0).expect("it is there").clone();
    heavier.metadata.insert(ALLOCATION_MARK.to_owned(), value(json!({ "slots": 4 })));
    let mut moved = graph.edge(OF_WEB_1).expect("it is there").clone();
    moved.target = WEB[0];
    let mut renumbered = graph.edge(OF_WEB_1).expect("it is there").clone();
    renumbered.index = 1;
    let storage = graph.named(Some(STORE), "storage").expect("it is there").id;
    vec![
        vec![changed(graph, WEB[2], no_wait), Change::put(edge(9, "store", 0, WEB[2], ENDPOINT))],
        vec![changed(graph, WEB[2], no_wait)],
        vec![changed(graph, WEB[1], |vertex| {
            vertex.metadata.insert(WAITING_MARK.to_owned(), value(json!(["store"])));
        })],
        vec![Change::Delete(EntityKey::Edge(EdgeId(1)))],
        vec![Change::put(last)],
        vec![Change::put(idle)],
        vec![Change::put(spare)],
        vec![Change::put(nested)],
        vec![Change::put(heavier)],
        vec![Change::put(moved)],
        vec![Change::put(renumbered)],
        vec![changed(graph, SERVICE, late)],
        vec![changed(graph, STORE, late)],
        vec![changed(graph, ENDPOINT, late)],
        vec![changed(graph, storage, |vertex| {
            vertex.properties.insert(format!("{OUTPUT_PREFIX}late"), property(7));
        })],
        vec![changed(graph, WEB[1], |vertex| {
            let file = json!({ "page": { "path": "p", "digest": "00".repeat(32) } });
            vertex.metadata.insert(ARTIFACTS_MARK.to_owned(), value(file));
        })],
        vec![changed(graph, WEB[1], |vertex| {
            vertex.properties.insert("name".to_owned(), property(Value::from("renamed")));
        })],
        vec![Change::Delete(EntityKey::Vertex(WEB[2]))],
    ]
}

#[test]
fn evaluation_that_goes_on_comes_to_what_a_new_one_comes_to() {
    let mut before = estate();
    ask(&mut before);
    let first = answers(&mut Evaluator::new(&before, &ToscaFunctions));
    for (place, happening) in happenings(&before).into_iter().enumerate() {
        let mut evaluator = Evaluator::with_memos(&before, &ToscaFunctions, Memos::default());
        answers(&mut evaluator);
        let mut memos = evaluator.into_memos();
        memos.changed(&before, &happening);
        let mut after = before.clone();
        happening.iter().for_each(|change| after.apply(change));
        let gone_on = answers(&mut Evaluator::with_memos(&after, &ToscaFunctions, memos));
        let anew = answers(&mut Evaluator::new(&after, &ToscaFunctions));
        assert_eq!(gone_on, anew, "happening {place}");
        assert_ne!(anew, first, "happening {place} changes an answer");
    }
}
