//! TOSCA Path in all directions (TOSCA 2.0, 10.3): C228, C230, C255 to C259, C262.

use floria::{Site, Value, VertexId};
use serde_json::json;

use crate::shop::{DATABASE, SERVICE, STORE, WEB, WEB_ENDPOINT, call, evaluate, literal};

/// Reads a property at the end of a path; the last word is the property's name.
fn check(site: Site, path: serde_json::Value, expected: &str) {
    check_with("get_property", site, path, expected);
}

fn check_with(function: &str, site: Site, path: serde_json::Value, expected: &str) {
    let mut words = path.as_array().expect("a path is a list").clone();
    let name = words.pop().expect("a property is named last");
    let expression = call(function, vec![literal(words.into()), literal(name)]);
    assert_eq!(evaluate(&expression, site), expected, "{path}");
}

const AT_WEB: Site = Site::Vertex(WEB);
const AT_STORE: Site = Site::Edge(STORE);

#[test]
fn self_is_the_node_also_in_its_capabilities() {
    check(AT_WEB, json!(["SELF", "name"]), "web");
    check(Site::Vertex(WEB_ENDPOINT), json!(["SELF", "name"]), "web");
    check(AT_WEB, json!(["SELF", "CAPABILITY", "endpoint", "port"]), "8080");
}

#[test]
fn self_is_the_relationship_in_a_requirement() {
    check(AT_STORE, json!(["SELF", "timeout"]), "30");
    check(AT_STORE, json!(["SELF", "SOURCE", "name"]), "web");
    check(AT_STORE, json!(["SELF", "TARGET", "name"]), "database-0");
    check(AT_STORE, json!(["SELF", "CAPABILITY", "port"]), "5432");
    check(AT_STORE, json!(["SELF", "CAPABILITY", "RELATIONSHIP", 1, "timeout"]), "60");
    check(AT_STORE, json!(["SELF", "CAPABILITY", "RELATIONSHIP", "ALL", "timeout"]), "[30, 60]");
}

#[test]
fn self_means_nothing_in_a_service() {
    check(
        Site::Vertex(SERVICE),
        json!(["SELF", "name"]),
        "error: `$get_property`: path [SELF]: SELF means nothing here: this is in no node and no relationship",
    );
}

#[test]
fn nodes_and_relationships_have_names() {
    check(Site::Vertex(SERVICE), json!(["database", "name"]), "database-0");
    check(AT_WEB, json!(["database", 0, "name"]), "database-0");
    check(AT_WEB, json!(["database", 1, "name"]), "database-1");
    check(AT_WEB, json!(["database", "ALL", "name"]), "[database-0, database-1]");
    check(AT_WEB, json!(["database", "ALL", "CAPABILITY", "endpoint", "port"]), "[5432, 5433]");
    check(AT_WEB, json!(["my-store", "TARGET", "name"]), "database-0");
    check(
        AT_WEB,
        json!(["database", 2, "name"]),
        "error: `$get_property`: path [database, 2]: node `database` has 2 representations: there is no index 2",
    );
    check(
        AT_WEB,
        json!(["databse", "name"]),
        "error: `$get_property`: path [databse]: there is no node or relationship `databse`; there is `backup`, \
         `client-a`, `client-b`, `database-0`, `database-1` and `web`",
    );
}

#[test]
fn relationships_lead_out() {
    check(AT_WEB, json!(["SELF", "RELATIONSHIP", "store", "timeout"]), "30");
    check(AT_WEB, json!(["SELF", "RELATIONSHIP", "store", 1, "TARGET", "name"]), "backup");
    check(AT_WEB, json!(["SELF", "RELATIONSHIP", "store", "ALL", "TARGET", "name"]), "[database-0, backup]");
    check(
        Site::Vertex(VertexId(50)),
        json!(["SELF", "RELATIONSHIP", "server", "TARGET", "RELATIONSHIP", "store", 0, "CAPABILITY", "port"]),
        "5432",
    );
    check(
        AT_WEB,
        json!(["SELF", "RELATIONSHIP", "stor", "timeout"]),
        "error: `$get_property`: path [SELF, RELATIONSHIP, stor]: node `web` has no relationship `stor`; there is \
         `store`",
    );
    check(
        AT_WEB,
        json!(["SELF", "RELATIONSHIP", "store", 2, "timeout"]),
        "error: `$get_property`: path [SELF, RELATIONSHIP, store, 2]: node `web` has 2 relationships `store`: there \
         is no index 2",
    );
    check(
        AT_WEB,
        json!(["SELF", "RELATIONSHIP", "store", 1, "CAPABILITY", "port"]),
        "error: `$get_property`: path [SELF, RELATIONSHIP, store, 1, CAPABILITY]: relationship `store` 1 of node \
         `web` ends at a node, not at a capability",
    );
}

#[test]
fn capabilities_lead_back() {
    let incoming = json!(["SELF", "CAPABILITY", "endpoint", "RELATIONSHIP", "SOURCE", "name"]);
    check(AT_WEB, incoming, "client-a");
    let incoming = json!(["SELF", "CAPABILITY", "endpoint", "RELATIONSHIP", 1, "SOURCE", "name"]);
    check(AT_WEB, incoming, "client-b");
    let incoming = json!(["SELF", "CAPABILITY", "endpoint", "RELATIONSHIP", "ALL", "SOURCE", "name"]);
    check(AT_WEB, incoming.clone(), "[client-a, client-b]");
    check(Site::Vertex(VertexId(40)), incoming, "[]");
    check(
        Site::Vertex(VertexId(40)),
        json!(["SELF", "CAPABILITY", "endpoint", "RELATIONSHIP", "SOURCE", "name"]),
        "error: `$get_property`: path [SELF, CAPABILITY, endpoint, RELATIONSHIP, SOURCE]: capability `endpoint` of \
         node `backup` has no relationships",
    );
    // From the database back to web and from there back to web's clients; all the lists become one.
    check(
        Site::Vertex(DATABASE),
        json!([
            "SELF",
            "CAPABILITY",
            "endpoint",
            "RELATIONSHIP",
            "ALL",
            "SOURCE",
            "CAPABILITY",
            "endpoint",
            "RELATIONSHIP",
            "ALL",
            "SOURCE",
            "name"
        ]),
        "[client-a, client-b]",
    );
}

#[test]
fn words_out_of_place_are_named() {
    for (path, message) in [
        (json!([]), "path []: it is empty"),
        (json!([7]), "path [7]: 7 is out of place"),
        (
            json!(["SELF", "TARGET"]),
            "path [SELF, TARGET]: at a node comes RELATIONSHIP, CAPABILITY or the end, not TARGET",
        ),
        (
            json!(["SELF", "RELATIONSHIP"]),
            "path [SELF, RELATIONSHIP]: after RELATIONSHIP comes the name of a requirement",
        ),
        (
            json!(["SELF", "RELATIONSHIP", "store", "store"]),
            "path [SELF, RELATIONSHIP, store, store]: at a relationship comes SOURCE, TARGET, CAPABILITY or the end, \
             not store",
        ),
        (
            json!(["SELF", "RELATIONSHIP", "store", -1]),
            "path [SELF, RELATIONSHIP, store, -1]: -1 is out of place",
        ),
        (
            json!(["SELF", "CAPABILITY", "endpoint", "SOURCE"]),
            "path [SELF, CAPABILITY, endpoint, SOURCE]: after CAPABILITY, endpoint comes RELATIONSHIP or the end, not \
             SOURCE",
        ),
        (
            json!(["SELF", "CAPABILITY", "socket"]),
            "path [SELF, CAPABILITY, socket]: node `web` has no capability `socket`; there is `endpoint`",
        ),
        (
            json!(["SELF", "RELATIONSHIP", "store", "CAPABILITY", "SOURCE"]),
            "path [SELF, RELATIONSHIP, store, CAPABILITY, SOURCE]: at a relationship, after CAPABILITY comes \
             RELATIONSHIP or the end, not SOURCE",
        ),
    ] {
        let mut with_name = path.as_array().expect("a path is a list").clone();
        with_name.push(json!("name"));
        check(AT_WEB, with_name.into(), &format!("error: `$get_property`: {message}"));
    }
}

#[test]
fn properties_are_attributes_too_but_attributes_no_properties() {
    check_with("get_attribute", AT_WEB, json!(["SELF", "name"]), "web");
    check_with("get_attribute", AT_WEB, json!(["SELF", "pid"]), "unknown: web.pid");
    check_with(
        "get_attribute",
        AT_WEB,
        json!(["database", "ALL", "pid"]),
        "unknown: database-0.pid, database-1.pid",
    );
    check(
        AT_WEB,
        json!(["SELF", "pid"]),
        "error: `$get_property`: `pid` of node `web` is an attribute, not a property",
    );
    check(
        AT_WEB,
        json!(["SELF", "nam"]),
        "error: `$get_property`: there is no property `nam` of node `web`; there is `name` and `unset`",
    );
    check(
        AT_WEB,
        json!(["SELF", "unset"]),
        "error: `$get_property`: the property `unset` of node `web` has no value",
    );
}

#[test]
fn a_path_of_a_graph_without_marks_leads_nowhere() {
    assert!(floria::Graph::default().is_empty());
    let walked =
        tosca_functions::path::walk(&floria::Graph::default(), &[Value::from("web")], AT_WEB, &mut |_, _| {});
    assert_eq!(walked.unwrap_err().to_string(), "path [web]: it starts at what is in no service");
}
