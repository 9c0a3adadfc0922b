//! Lowered designs, instantiated and evaluated.

use std::collections::BTreeMap;

use floria::{Design, Evaluated, Evaluator, Graph, Site, Value};
use floria_resolver::{Limits, NoHooks, Request, resolve};
use khutulun_api::names;
use tosca_functions::{
    ALLOCATION_MARK, ARTIFACTS_MARK, CAPABILITY_MARK, INDEX_MARK, NODE_MARK, OUTPUT_PREFIX,
    RELATIONSHIP_MARK, REQUIRED_MARK, SERVICE_MARK, ToscaFunctions, WAITING_MARK,
};

use crate::package::{lowered, package};

pub(crate) fn graph(text: &str, inputs: BTreeMap<String, Value>) -> Graph {
    let design = lowered(&package(text), "service.yaml").expect("the service is valid").design;
    instance(&design, inputs)
}

/// An instance of a design.
pub(crate) fn instance(design: &Design, inputs: BTreeMap<String, Value>) -> Graph {
    resolve(
        &Request {
            design,
            inputs: &inputs,
            counts: &floria_resolver::OWN_COUNTS,
            current: &Graph::default(),
            inventory: &[],
            functions: &ToscaFunctions,
            limits: Limits::default(),
        },
        &mut (1..),
        &mut NoHooks,
    )
    .expect("the design is whole")
    .graph
}

/// The value of a property by the way to it: `web.command`, `web.endpoint.port`, `output:url`.
pub(crate) fn read(graph: &Graph, way: &str) -> String {
    let mut names: Vec<&str> = way.split('.').collect();
    let property = names.pop().unwrap_or_default();
    let mut vertex = graph.named(None, "shop").expect("the service has its name");
    for name in names {
        vertex = graph.named(Some(vertex.id), name).expect("the way leads to a vertex");
    }
    match Evaluator::new(graph, &ToscaFunctions).property(Site::Vertex(vertex.id), property) {
        Ok(Evaluated::Known(value)) => value.to_string(),
        Ok(Evaluated::Unknown(_)) => "unknown".to_owned(),
        Err(error) => {
            let place = error.origin.as_ref().map(|origin| format!("{origin}: ")).unwrap_or_default();
            format!("error: {place}{error}")
        }
    }
}

const PAIR: &str = "
data_types:
  Tree:
    properties:
      label: { type: string }
      weight: { type: float, default: 1 }
      children: { type: list, entry_schema: Tree, required: false }
node_types:
  Gardener:
    derived_from: Process
    properties:
      tree: { type: Tree, required: false }
service_template:
  inputs:
    port: { type: Port, default: 8080 }
    tree: { type: Tree, required: false }
    needed: { type: string }
  node_templates:
    web:
      type: Gardener
      properties:
        command: [ web ]
        tree: { $get_input: tree }
      capabilities:
        endpoint: { properties: { port: { $get_input: port } } }
    client:
      type: Process
      properties:
        command: [ client, { $get_property: [ SELF, RELATIONSHIP, connection, CAPABILITY, address ] } ]
        environment:
          PORT: { $concat: [ { $get_property: [ SELF, RELATIONSHIP, connection, CAPABILITY, port ] } ] }
      requirements:
      - connection: web
  outputs:
    pid: { value: { $get_attribute: [ web, pid ] } }
    needed: { value: { $get_input: needed } }
";

#[test]
fn the_words_of_functions_and_of_the_engine_are_the_same() {
    for (theirs, ours) in [
        (ALLOCATION_MARK, names::ALLOCATION),
        (ARTIFACTS_MARK, names::ARTIFACTS),
        (CAPABILITY_MARK, names::CAPABILITY),
        (INDEX_MARK, names::INDEX),
        (NODE_MARK, names::NODE),
        (OUTPUT_PREFIX, names::OUTPUT_PREFIX),
        (RELATIONSHIP_MARK, names::RELATIONSHIP),
        (REQUIRED_MARK, names::REQUIRED),
        (SERVICE_MARK, names::SERVICE),
        (WAITING_MARK, names::WAITING),
    ] {
        assert_eq!(theirs, ours);
    }
}

#[test]
fn values_find_their_way_along_requirements() {
    let graph = graph(PAIR, BTreeMap::from([("port".to_owned(), Value::from(99))]));
    assert_eq!(read(&graph, "client.command"), "[client, 127.0.0.1]");
    assert_eq!(read(&graph, "client.environment"), "{PORT: 99}");
    assert_eq!(read(&graph, "web.endpoint.port"), "99");
    assert_eq!(read(&graph, "output:pid"), "unknown");
    assert_eq!(read(&graph, "web.tree"), "null");
    assert_eq!(read(&graph, "web.user"), "null");
}

/// C071, C072: of a required input without a value, and of one whose value is not of its type's validation.
#[test]
fn what_is_wrong_with_an_input_is_told_at_the_input() {
    let wrong = graph(PAIR, BTreeMap::from([("port".to_owned(), Value::from(99999))]));
    assert_eq!(
        read(&wrong, "client.environment"),
        "error: service.yaml:17:5: `port`: 99999 does not satisfy { $less_or_equal: [ $value, 65535 ] }"
    );
    let without = graph(PAIR, BTreeMap::new());
    assert_eq!(
        read(&without, "output:needed"),
        "error: service.yaml:38:22: `$get_input`: the input `needed` has no value and is required"
    );
}

#[test]
fn recursive_values_are_checked_to_the_bottom() {
    let tree = |label: Value| {
        let leaf = Value::map([("label", label)]);
        let branch = Value::map([("label", Value::from("b")), ("children", Value::List(vec![leaf]))]);
        Value::map([("label", Value::from("a")), ("children", Value::List(vec![branch]))])
    };
    let with = |tree| graph(PAIR, BTreeMap::from([("tree".to_owned(), tree)]));
    assert_eq!(
        read(&with(tree("c".into())), "web.tree"),
        "{children: [{children: [{label: c, weight: 1.0}], label: b, weight: 1.0}], label: a, weight: 1.0}"
    );
    assert_eq!(
        read(&with(tree(3.into())), "web.tree"),
        "error: service.yaml:18:5: `tree.children[0].children[0].label`: expected a string, found the integer 3"
    );
}

#[test]
fn an_attribute_takes_what_an_operation_reports() {
    let graph = graph(PAIR, BTreeMap::new());
    let web = graph.named(Some(graph.named(None, "shop").expect("the service").id), "web").expect("the node");
    let mut evaluator = Evaluator::new(&graph, &ToscaFunctions);
    let mut prepare =
        |name: &str, value: Value| evaluator.prepare(&web.properties[name], value, Site::Vertex(web.id));
    assert_eq!(prepare("pid", 7.into()), Ok(Value::from(7)));
    assert_eq!(prepare("pid", Value::Null), Ok(Value::Null));
    assert_eq!(
        prepare("pid", "seven".into()).map_err(|error| error.to_string()),
        Err("`pid`: expected an integer, found the string \"seven\"".to_owned())
    );
}

const CIRCLE: &str = "
node_types:
  Linked:
    properties:
      one: { type: string, default: x }
      two: { type: string, default: x }
      list: { type: list, entry_schema: string, default: [ a ] }
    attributes:
      level: { type: integer, validation: { $less_than: [ $value, 10 ] } }
service_template:
  node_templates:
    a: { type: Linked, properties: { one: { $get_property: [ b, one ] } } }
    b: { type: Linked, properties: { one: { $get_property: [ a, two ] } } }
    c: { type: Linked, properties: { one: { $get_property: [ d, two ] } } }
    d: { type: Linked, properties: { two: { $concat: [ x, { $get_attribute: [ c, one ] } ] } } }
    alone: { type: Process, properties: { command: [ alone ] } }
  outputs:
    alone: { value: { $get_property: [ alone, RELATIONSHIP, connection, TARGET, command ] } }
    gone: { value: { $get_property: [ a, list, 5 ] } }
";

/// C004: values that depend on each other in a circle are an error that names all of it, also where the compiler, which
/// follows properties alone, could not see it.
#[test]
fn values_in_a_circle_are_told_with_the_whole_circle() {
    let graph = graph(CIRCLE, BTreeMap::new());
    assert_eq!(read(&graph, "a.one"), "x");
    assert_eq!(
        read(&graph, "c.one"),
        "error: service.yaml:17:59: a property depends on itself: `c.one` (service.yaml:16) → `d.two` (service.yaml:17) → `c.one`"
    );
}

/// C262: a path that leads to nothing is an error where its value is needed.
#[test]
fn a_path_that_leads_to_nothing_is_told_where_it_is_written() {
    let graph = graph(CIRCLE, BTreeMap::new());
    assert_eq!(
        read(&graph, "output:gone"),
        "error: service.yaml:21:20: `list` of node `a` is a list of 1 entry: there is no index 5"
    );
    assert_eq!(
        read(&graph, "output:alone"),
        "error: service.yaml:20:21: `$get_property`: path [alone, RELATIONSHIP, connection, TARGET]: node `alone` has no \
         relationship `connection`; there is nothing"
    );
}

/// C007: an attribute takes only what its type and its definition allow.
#[test]
fn an_attribute_is_validated_when_it_is_set() {
    let graph = graph(CIRCLE, BTreeMap::new());
    let node = graph.named(Some(graph.named(None, "shop").expect("the service").id), "a").expect("the node");
    let mut evaluator = Evaluator::new(&graph, &ToscaFunctions);
    let mut prepare = |value: Value| {
        evaluator
            .prepare(&node.properties["level"], value, Site::Vertex(node.id))
            .map_err(|error| error.to_string())
    };
    assert_eq!(prepare(9.into()), Ok(Value::from(9)));
    assert_eq!(
        prepare(10.into()),
        Err("`level`: 10 does not satisfy { $less_than: [ $value, 10 ] }".to_owned())
    );
    assert_eq!(
        prepare("high".into()),
        Err("`level`: expected an integer, found the string \"high\"".to_owned())
    );
}

const MAPPED: &str = "
capability_types: { Spot: { attributes: { place: { type: string } }, properties: { p: { type: string, default: x } } } }
relationship_types: { To: { properties: { speed: { type: integer, default: 1 } } } }
node_types:
  N:
    attributes: { state: { type: string } }
    properties: { p: { type: string, default: x } }
    capabilities: { spot: Spot }
    requirements: [ { to: { capability: Spot, relationship: To, count_range: [ 0, 1 ] } } ]
service_template:
  inputs:
    state: [ a, state ]
    place: { type: string, mapping: [ a, CAPABILITY, spot, place ] }
    at: { type: integer, default: 0 }
  node_templates:
    a: { type: N }
    b:
      type: N
      properties: { p: { $get_property: [ SELF, RELATIONSHIP, to, { $get_input: at }, TARGET, p ] } }
      requirements: [ { to: { node: a, relationship: wire } } ]
  relationship_templates: { wire: { type: To, properties: { speed: 5 } } }
  outputs:
    speed: { value: { $get_property: [ wire, speed ] } }
    all: { value: { $get_property: [ b, RELATIONSHIP, to, ALL, TARGET, p ] } }
";

/// C203, C206: what an input says is what its attribute says first.
#[test]
fn inputs_go_to_attributes() {
    let inputs = ["state", "place"].map(|name| (name.to_owned(), Value::from(format!("{name} of a"))));
    let graph = graph(MAPPED, inputs.into());
    assert_eq!(read(&graph, "a.state"), "state of a");
    assert_eq!(read(&graph, "a.spot.place"), "place of a");
    assert_eq!(read(&graph, "b.state"), "unknown");
}

/// C255, C258: relationship templates, computed indexes and `ALL` in paths.
#[test]
fn paths_start_at_relationship_templates_and_have_computed_indexes() {
    let with = |at: i64| {
        let inputs = ["state", "place"].map(|name| (name.to_owned(), Value::from("x")));
        graph(MAPPED, inputs.into_iter().chain([("at".to_owned(), at.into())]).collect())
    };
    assert_eq!(read(&with(0), "output:speed"), "5");
    assert_eq!(read(&with(0), "output:all"), "[x]");
    assert_eq!(read(&with(0), "b.p"), "x");
    assert_eq!(
        read(&with(1), "b.p"),
        "error: service.yaml:21:24: `$get_property`: path [SELF, RELATIONSHIP, to, 1, TARGET]: node `b` has 1 \
         relationship `to`: there is no index 1"
    );
}

const QUERIES: &str = "
artifact_types: { File: {} }
interface_types: { Door: { operations: { open: {} } } }
capability_types: { Room: { properties: { places: { type: integer, default: 8 } } } }
relationship_types: { Takes: { properties: { number: { type: integer, default: $relationship_index } } } }
node_types:
  House: { capabilities: { room: Room } }
  Guest:
    properties: { index: { type: integer }, place: { type: string } }
    interfaces: { door: { type: Door } }
    requirements: [ { room: { capability: Room, relationship: Takes, count_range: [ 0, 2 ] } } ]
service_template:
  node_templates:
    house: { type: House }
    guest:
      type: Guest
      properties: { index: $node_index, place: { $get_artifact: [ SELF, letter ] } }
      artifacts: { letter: { type: File, file: image.tar } }
      interfaces:
        door:
          operations:
            open:
              implementation: scripts/start.sh
              inputs: { words: [ a, [ { $get_property: [ SELF, index ] } ] ] }
      requirements:
      - room: house
      - room: house
  outputs:
    second: { value: { $get_property: [ guest, RELATIONSHIP, room, 1, number ] } }
    free: { value: { $available_allocation: [ house, CAPABILITY, room, places ] } }
";

/// C231, C233 to C235: what is asked of the graph besides properties and attributes.
#[test]
fn indexes_artifacts_and_allocations_are_asked_of_the_graph() {
    let graph = graph(QUERIES, BTreeMap::new());
    assert_eq!(read(&graph, "guest.index"), "0");
    assert_eq!(read(&graph, "output:second"), "1");
    assert_eq!(read(&graph, "output:free"), "8");
    let place = read(&graph, "guest.place");
    assert_eq!(floria::Artifact::at(&place).map(|artifact| artifact.path).as_deref(), Some("image.tar"));
}

/// A call that is in a list in a parameter without a type is a call too.
#[test]
fn a_call_in_a_list_in_a_parameter_without_a_type_is_called() {
    let graph = graph(QUERIES, BTreeMap::new());
    let guest = graph.vertexes().find(|vertex| vertex.name == "guest").expect("the node");
    let words = &guest.handlers["door.open"].inputs["words"];
    let words = Evaluator::new(&graph, &ToscaFunctions).evaluate(words, Site::Vertex(guest.id));
    assert!(matches!(words, Ok(Evaluated::Known(words)) if words.to_string() == "[a, [0]]"));
}

const ESCAPED: &str = "
node_types:
  Sign: { properties: { text: { type: string }, more: { type: map, entry_schema: string } } }
service_template:
  node_templates:
    sign: { type: Sign, properties: { text: $$name, more: { $$a: x, b: $$$y } } }
";

/// C218, C219: one dollar sign is taken from what begins with two, in values and in keys.
#[test]
fn what_begins_with_two_dollar_signs_is_no_call() {
    let graph = graph(ESCAPED, BTreeMap::new());
    assert_eq!(read(&graph, "sign.text"), "$name");
    assert_eq!(read(&graph, "sign.more"), "{$a: x, b: $$y}");
}
