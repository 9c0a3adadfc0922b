//! Functions that ask the graph, and paths through representations, substitution and what waits (C231, C233 to C235, C255 to C259).

use floria::{Artifact, Graph, Site, Value, VertexId};
use serde_json::{Value as Json, json};
use tosca_functions::path::Walked;

use crate::{
    estate::{
        AT_DISK, ENDPOINT, OF_WEB_0, OF_WEB_1, POLICY, SERVICE, STORAGE, STORAGE_POLICY, STORE, WEB, estate,
        settled,
    },
    shop::{call, evaluate_in, literal},
};

#[track_caller]
fn check_in(graph: &Graph, function: &str, site: Site, arguments: Json, expected: &str) {
    let listed = arguments.as_array().expect("arguments are a list").iter().cloned().map(literal).collect();
    assert_eq!(evaluate_in(graph, &call(function, listed), site), expected, "${function} {arguments}");
}

#[track_caller]
fn check(function: &str, site: Site, arguments: Json, expected: &str) {
    check_in(&estate(), function, site, arguments, expected);
}

const AT_WEB: [Site; 3] = [Site::Vertex(WEB[0]), Site::Vertex(WEB[1]), Site::Vertex(WEB[2])];

#[test]
fn a_node_has_an_index() {
    for (index, site) in AT_WEB.into_iter().enumerate() {
        check("node_index", site, json!([]), &index.to_string());
    }
    check("node_index", Site::Vertex(STORE), json!([]), "0");
    // At a relationship it is the source's, in a capability the node's, at a service the node's that it substitutes.
    check("node_index", Site::Edge(OF_WEB_1), json!([]), "1");
    check("node_index", Site::Vertex(ENDPOINT), json!([]), "0");
    check("node_index", Site::Vertex(STORAGE), json!([]), "0");
    for site in [SERVICE, POLICY, STORAGE_POLICY] {
        let nowhere = "error: `$node_index` means nothing here: this is in no node";
        check("node_index", Site::Vertex(site), json!([]), nowhere);
    }
    check("node_index", AT_WEB[0], json!([1]), "error: `$node_index`: expected no arguments, found 1");
}

#[test]
fn a_relationship_has_an_index() {
    check("relationship_index", Site::Edge(OF_WEB_1), json!([]), "0");
    let nowhere = "error: `$relationship_index` means nothing here: this is in no relationship";
    check("relationship_index", AT_WEB[0], json!([]), nowhere);
}

#[test]
fn what_relationships_leave_of_a_capability_is_available() {
    let path = json!(["SELF", "CAPABILITY", "endpoint"]);
    let at = Site::Vertex(STORE);
    check("available_allocation", at, json!([path, "slots"]), "3");
    check("available_allocation", at, json!([path, "share"]), "0.75");
    check("available_allocation", Site::Edge(OF_WEB_0), json!([["SELF", "CAPABILITY"], "slots"]), "3");
    let each = json!([["web", "ALL", "RELATIONSHIP", "store", "CAPABILITY"], "slots"]);
    check_in(
        &settled(),
        "available_allocation",
        at,
        each,
        concat!(
            "error: `$available_allocation`: path [web, ALL, RELATIONSHIP, store, CAPABILITY]: node `web-2` has no ",
            "relationship `store`; there is nothing"
        ),
    );
    check(
        "available_allocation",
        at,
        json!([["SELF"], "slots"]),
        "error: `$available_allocation`: the path must end at a capability, not at node `store`",
    );
    check(
        "available_allocation",
        at,
        json!([path, "label"]),
        concat!(
            "error: `$available_allocation`: only an integer, float or scalar can be allocated, and `label` of capability ",
            "`endpoint` of node `store` is the string \"x\""
        ),
    );
    check(
        "available_allocation",
        at,
        json!([path, "slot"]),
        concat!(
            "error: `$available_allocation`: there is no property `slot` of capability `endpoint` of node `store`; there is ",
            "`label`, `load`, `share` and `slots`"
        ),
    );
    check("available_allocation", at, json!([path, "load"]), "unknown: endpoint.load");
}

#[test]
fn an_artifact_has_a_location() {
    let digest = "ab".repeat(32);
    let file = Artifact { path: "files/page.html".to_owned(), digest: digest.clone() };
    let page = file.location();
    check("get_artifact", AT_WEB[0], json!([["SELF"], "page"]), &page);
    check("get_artifact", Site::Edge(OF_WEB_1), json!([["SELF", "SOURCE"], "page"]), &page);
    check("get_artifact", AT_WEB[0], json!([["web", "ALL"], "page"]), &format!("[{page}, {page}, {page}]"));
    assert_eq!(Artifact::at(&page), Some(file));
    for text in ["artifact://ab/x", &format!("artifact://{digest}/"), &format!(" {page}"), &digest] {
        assert_eq!(Artifact::at(text), None, "{text}");
    }
    check(
        "get_artifact",
        AT_WEB[0],
        json!([["SELF"], "pages"]),
        "error: `$get_artifact`: node `web-0` has no file `pages` as an artifact; there is `odd` and `page`",
    );
    check(
        "get_artifact",
        AT_WEB[0],
        json!([["SELF"], "odd"]),
        "error: `$get_artifact`: the artifact `odd` of node `web-0` has no file",
    );
    check(
        "get_artifact",
        Site::Vertex(STORE),
        json!([["SELF"], "page"]),
        "error: `$get_artifact`: node `store` has no file `page` as an artifact; there is nothing",
    );
    check(
        "get_artifact",
        Site::Edge(OF_WEB_1),
        json!([["SELF"], "page"]),
        "error: `$get_artifact`: the path must end at a node, not at relationship `store` of node `web-1`",
    );
}

#[test]
fn representations_are_found_by_index() {
    for index in 0..3 {
        check("get_property", AT_DISK_OUTSIDE, json!([["web", index], "name"]), &format!("web-{index}"));
    }
    check("get_property", AT_DISK_OUTSIDE, json!([["web"], "name"]), "web-0");
    check("get_property", AT_DISK_OUTSIDE, json!([["web", "ALL"], "name"]), "[web-0, web-1, web-2]");
    check("get_property", AT_DISK_OUTSIDE, json!([["store", 0], "name"]), "store");
    check("get_property", AT_DISK_OUTSIDE, json!([["store", "ALL"], "name"]), "[store]");
    check(
        "get_property",
        AT_DISK_OUTSIDE,
        json!([["store", 1], "name"]),
        "error: `$get_property`: path [store, 1]: node `store` has 1 representation: there is no index 1",
    );
    // `web-1` is no template, though a node is named so.
    check("get_property", AT_DISK_OUTSIDE, json!([["web-1"], "name"]), "unknown: estate.RELATIONSHIP");
    // A template of no nodes.
    check("get_property", AT_DISK_OUTSIDE, json!([["idle", "ALL"], "name"]), "[]");
}

const AT_DISK_OUTSIDE: Site = Site::Vertex(POLICY);

#[test]
fn nodes_with_other_names_are_found_by_their_marks() {
    let mut graph = settled();
    for (id, name) in [(WEB[0], "zoe"), (WEB[1], "yan"), (WEB[2], "xia")] {
        let mut vertex = graph.vertex(id).expect("it is there").clone();
        vertex.name = name.to_owned();
        graph.put_vertex(vertex);
    }
    check_in(&graph, "get_property", AT_DISK_OUTSIDE, json!([["web", 1], "name"]), "web-1");
    check_in(
        &graph,
        "get_property",
        AT_DISK_OUTSIDE,
        json!([["web", "ALL"], "name"]),
        "[web-0, web-1, web-2]",
    );
}

#[test]
fn relationships_that_enter_come_in_the_order_of_their_sources() {
    // The relationship of `web-1` was made first.
    let all = json!([["SELF", "CAPABILITY", "endpoint", "RELATIONSHIP", "ALL", "SOURCE"], "name"]);
    check("get_property", Site::Vertex(STORE), all, "[web-0, web-1]");
    for index in 0..2 {
        let one = json!([["SELF", "CAPABILITY", "endpoint", "RELATIONSHIP", index, "SOURCE"], "name"]);
        check("get_property", Site::Vertex(STORE), one, &format!("web-{index}"));
    }
    check("get_property", POLICY_SITE, json!([["link", "SOURCE"], "name"]), "web-0");
    check("get_property", POLICY_SITE, json!([["link"], "timeout"]), "2");
}

const POLICY_SITE: Site = Site::Vertex(POLICY);

#[test]
fn self_in_the_service_of_a_node_is_the_node() {
    check("get_property", Site::Vertex(STORAGE), json!([["SELF"], "name"]), "store");
    check("get_property", AT_DISK, json!([["SELF"], "name"]), "disk");
    let through = json!([["SELF", "CAPABILITY", "endpoint", "RELATIONSHIP", 1, "SOURCE"], "name"]);
    check("get_property", Site::Vertex(STORAGE), through, "web-1");
    for site in [SERVICE, POLICY, STORAGE_POLICY] {
        check(
            "get_property",
            Site::Vertex(site),
            json!([["SELF"], "name"]),
            "error: `$get_property`: path [SELF]: SELF means nothing here: this is in no node and no relationship",
        );
    }
}

#[test]
fn names_are_those_of_the_nearest_service() {
    for (site, greeting) in [
        (SERVICE, "outer"),
        (POLICY, "outer"),
        (STORE, "outer"),
        (ENDPOINT, "outer"),
        (STORAGE, "inner"),
        (STORAGE_POLICY, "inner"),
    ] {
        check("get_input", Site::Vertex(site), json!(["greeting"]), greeting);
    }
    check("get_input", AT_DISK, json!(["greeting"]), "inner");
    check("get_property", Site::Vertex(STORAGE_POLICY), json!([["disk"], "name"]), "disk");
    check_in(
        &settled(),
        "get_property",
        AT_DISK,
        json!([["web"], "name"]),
        "error: `$get_property`: path [web]: there is no node or relationship `web`; there is `disk`",
    );
    // A service without a mark is the outermost vertex.
    let mut graph = estate();
    let mut service = graph.vertex(SERVICE).expect("it is there").clone();
    service.metadata.clear();
    graph.put_vertex(service);
    check_in(&graph, "get_input", POLICY_SITE, json!(["greeting"]), "outer");
}

#[test]
fn a_requirement_that_waits_is_unknown_in_both_directions() {
    let name = json!("name");
    for path in [
        json!(["SELF", "RELATIONSHIP", "store", "TARGET"]),
        json!(["SELF", "RELATIONSHIP", "store", 7, "TARGET"]),
        json!(["web", "ALL", "RELATIONSHIP", "store", "ALL", "TARGET"]),
        json!(["web", 2, "RELATIONSHIP", "store", "TARGET", "CAPABILITY", "endpoint"]),
    ] {
        check("get_property", AT_WEB[2], json!([path, name]), "unknown: web-2.RELATIONSHIP store");
    }
    // The words have to be right all the same.
    check(
        "get_property",
        AT_WEB[2],
        json!([["SELF", "RELATIONSHIP", "store", "store"], name]),
        concat!(
            "error: `$get_property`: path [SELF, RELATIONSHIP, store, store]: at a relationship comes SOURCE, TARGET, ",
            "CAPABILITY or the end, not store"
        ),
    );
    check(
        "get_property",
        AT_WEB[2],
        json!([["SELF", "RELATIONSHIP", "shop"], name]),
        concat!(
            "error: `$get_property`: path [SELF, RELATIONSHIP, shop]: node `web-2` has no relationship `shop`; there is ",
            "nothing"
        ),
    );
    // Others do not wait.
    check("get_property", AT_WEB[1], json!([["SELF", "RELATIONSHIP", "store", "TARGET"], name]), "store");
    // What enters is what there is; an index that is not there may come.
    let third = json!([["SELF", "CAPABILITY", "endpoint", "RELATIONSHIP", 2, "SOURCE"], name]);
    check("get_property", Site::Vertex(STORE), third.clone(), "unknown: endpoint.RELATIONSHIP");
    check_in(
        &settled(),
        "get_property",
        Site::Vertex(STORE),
        third,
        concat!(
            "error: `$get_property`: path [SELF, CAPABILITY, endpoint, RELATIONSHIP, 2, SOURCE]: capability `endpoint` of node ",
            "`store` has 2 relationships: there is no index 2"
        ),
    );
    check("get_property", POLICY_SITE, json!([["plug", "TARGET"], name]), "unknown: estate.RELATIONSHIP");
}

#[test]
fn siblings_wait_with_their_requirement() {
    let mut graph = estate();
    let siblings = json!([["SELF", "CAPABILITY", "RELATIONSHIP", "ALL"], "timeout"]);
    check_in(&graph, "get_property", Site::Edge(OF_WEB_1), siblings.clone(), "[1]");
    let mut source = graph.vertex(WEB[1]).expect("it is there").clone();
    source.metadata.insert(tosca_functions::WAITING_MARK.to_owned(), Value::List(vec!["store".into()]));
    graph.put_vertex(source);
    check_in(&graph, "get_property", Site::Edge(OF_WEB_1), siblings, "unknown: web-1.RELATIONSHIP store");
    check_in(&graph, "get_property", Site::Edge(OF_WEB_1), json!([["SELF", "TARGET"], "name"]), "store");
}

#[test]
fn a_substituted_node_takes_the_outputs_of_its_service() {
    for site in [Site::Vertex(STORE), Site::Vertex(ENDPOINT), Site::Vertex(STORAGE)] {
        check("get_output", site, json!(["address"]), "10.0.0.9");
        check("get_output", site, json!(["ports"]), "[80, 81]");
        check("get_output", site, json!(["ports", 1]), "81");
    }
    check(
        "get_output",
        Site::Vertex(STORE),
        json!(["ports", 2]),
        "error: the output `ports` is a list of 2 entries: there is no index 2",
    );
    check(
        "get_output",
        Site::Vertex(STORE),
        json!(["adress"]),
        concat!(
            "error: `get_output`: the service `storage` in node `store` has no output `adress`; there is `address` and ",
            "`ports`"
        ),
    );
    check(
        "get_output",
        AT_WEB[0],
        json!(["address"]),
        "error: `get_output`: there is no service in node `web-0`: nothing substitutes it",
    );
    check(
        "get_output",
        POLICY_SITE,
        json!(["address"]),
        "error: `get_output`: what holds the expression is in no node",
    );
    // A relationship that leaves the node.
    let mut graph = estate();
    graph.put_edge(crate::shop::edge(9, "host", 0, STORE, VertexId(10)));
    check_in(&graph, "get_output", Site::Edge(floria::EdgeId(9)), json!(["address"]), "10.0.0.9");
}

/// C226: an index into an input may be that of the node or relationship that asks.
#[test]
fn indexes_lead_into_inputs_and_paths() {
    let mut graph = estate();
    let mut service = graph.vertex(SERVICE).expect("it is there").clone();
    service
        .properties
        .insert("ports".to_owned(), crate::shop::property(crate::shop::value(json!([80, 81, 82]))));
    graph.put_vertex(service);
    let own = || call("node_index", Vec::new());
    let port = call("get_input", vec![literal(json!("ports")), own()]);
    for (site, expected) in AT_WEB.into_iter().zip(["80", "81", "82"]) {
        assert_eq!(evaluate_in(&graph, &port, site), expected);
    }
    assert_eq!(evaluate_in(&graph, &port, Site::Edge(OF_WEB_1)), "81");
    let of_relationship =
        call("get_input", vec![literal(json!("ports")), call("relationship_index", Vec::new())]);
    assert_eq!(evaluate_in(&graph, &of_relationship, Site::Edge(OF_WEB_1)), "80");
    let path = floria::Expression::List(vec![literal(json!("web")), own()]);
    let twin = call("get_property", vec![path, literal(json!("name"))]);
    assert_eq!(evaluate_in(&graph, &twin, AT_WEB[2]), "web-2");
}

/// Whatever the words of a path are, walking it ends, with a message if it leads nowhere.
#[test]
fn any_words_are_a_path_or_an_error() {
    use proptest::{
        collection::vec,
        prelude::*,
        test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
    };
    let words = [
        "SELF",
        "SOURCE",
        "TARGET",
        "RELATIONSHIP",
        "CAPABILITY",
        "ALL",
        "web",
        "store",
        "endpoint",
        "link",
        "x",
        "",
    ];
    let word = prop_oneof![
        8 => proptest::sample::select(words.to_vec()).prop_map(Value::from),
        2 => (-2..4_i64).prop_map(Value::from),
        1 => Just(Value::Integer(i64::MAX)),
        1 => Just(Value::Null),
    ];
    let config = Config { cases: 4_000, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let graphs = [estate(), settled()];
    let sites = [Site::Vertex(STORE), Site::Edge(OF_WEB_0), Site::Vertex(STORAGE), POLICY_SITE];
    let case = (vec(word, 0..9), 0..graphs.len(), 0..sites.len());
    let outcome = runner.run(&case, |(path, graph, site)| {
        let walked = tosca_functions::path::walk(&graphs[graph], &path, sites[site], &mut |_, _| {});
        match walked {
            Ok(Walked::Arrived { places, all }) => prop_assert!(all || places.len() == 1),
            Ok(Walked::Waiting(waiting)) => prop_assert!(graph == 0 && !waiting.is_empty()),
            Err(error) => prop_assert!(error.to_string().starts_with("path [")),
        }
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}
