//! A service of as many nodes as are wanted, as it is once it was instantiated and before anything was evaluated.

use floria::{
    Call, Edge, EdgeId, Expression, Graph, Metadata, Namespace, Origin, Properties, Property, Value, Vertex,
    VertexId,
};
use tosca_functions::{Base, CAPABILITY_MARK, NODE_MARK, Schema, SchemaType};

/// The service's vertex.
pub const SERVICE: VertexId = VertexId(1);

/// How many inputs the service has. Nodes share them: the first node, and every so many after it, have the first one.
pub const INPUTS: usize = 1_000;

/// How many nodes are linked to each other: a node requires the one before it, and the first of its group.
const GROUP: u64 = 10;

/// Returns the vertex of a node, by its number from 0.
pub fn node(number: u64) -> VertexId {
    VertexId(2 + 2 * number)
}

/// Returns the capability of a node.
fn capability(number: u64) -> VertexId {
    VertexId(3 + 2 * number)
}

/// Makes a service of so many nodes with one capability, four properties and two requirements each, and an attribute that
/// a fifth property is computed from. Four properties of a node are computed: from inputs, from the node's own, through its
/// requirements.
pub fn service(nodes: u64) -> Graph {
    let mut graph = Graph::default();
    let inputs = (0..INPUTS).map(|number| (format!("input-{number}"), stored(Value::from("eu"))));
    graph.put_vertex(vertex(SERVICE, None, "shop", inputs.collect(), Metadata::new()));
    for number in 0..nodes {
        let name = format!("node-{number}");
        let mark = |mark: &str, name: &str| Metadata::from([(mark.to_owned(), Value::from(name))]);
        let first = number - number % GROUP;
        let input = format!("input-{}", number % INPUTS as u64);
        let port = Schema::of(SchemaType {
            name: Some("shop:Port".to_owned()),
            base: Base::Integer,
            validation: vec![Value::map([(
                "$less_or_equal",
                Value::from(vec![Value::map([("$value", Value::List(Vec::new()))]), Value::Integer(65_535)]),
            )])],
            ..SchemaType::default()
        });
        let text = Schema::of(SchemaType { base: Base::String, ..SchemaType::default() });
        let zone =
            call("concat", [call("get_input", [text_of(&input)]), text_of("-"), get(&["SELF"], "name")]);
        let next = if number == first {
            get(&["SELF"], "port")
        } else {
            call(
                "sum",
                [get(&["SELF", "RELATIONSHIP", "before", "TARGET"], "next"), Value::Integer(1).into()],
            )
        };
        let properties = Properties::from([
            ("name".to_owned(), stored(Value::from(name.as_str()))),
            ("port".to_owned(), stored(Value::Integer(8_000))),
            ("zone".to_owned(), computed(zone, &text)),
            ("next".to_owned(), computed(next, &port)),
            ("peer".to_owned(), computed(get(&["SELF", "RELATIONSHIP", "first", "TARGET"], "zone"), &text)),
            ("address".to_owned(), Property::default()),
            (
                "url".to_owned(),
                computed(call("concat", [text_of("http://"), get(&["SELF"], "address")]), &text),
            ),
        ]);
        graph.put_vertex(vertex(node(number), Some(SERVICE), &name, properties, mark(NODE_MARK, &name)));
        let endpoint = Properties::new();
        let metadata = mark(CAPABILITY_MARK, "endpoint");
        graph.put_vertex(vertex(capability(number), Some(node(number)), "endpoint", endpoint, metadata));
    }
    for number in 0..nodes {
        let first = number - number % GROUP;
        let before = if number == first { number } else { number - 1 };
        for (place, name, target) in [(0, "before", before), (1, "first", first)] {
            graph.put_edge(Edge {
                id: EdgeId(2 * nodes + 2 + 2 * number + place),
                namespace: namespace(),
                name: name.to_owned(),
                index: 0,
                source: node(number),
                target: capability(target),
                classes: Vec::new(),
                properties: Properties::new(),
                handlers: Default::default(),
                metadata: Metadata::new(),
                origin: origin(),
            });
        }
    }
    graph
}

fn namespace() -> Namespace {
    Namespace("shop".to_owned())
}

fn origin() -> Option<Origin> {
    Some(Origin { source: "service.yaml".into(), line: 1, column: 1 })
}

fn vertex(
    id: VertexId,
    container: Option<VertexId>,
    name: &str,
    properties: Properties,
    metadata: Metadata,
) -> Vertex {
    Vertex {
        id,
        namespace: namespace(),
        name: name.to_owned(),
        container,
        classes: Vec::new(),
        properties,
        handlers: Default::default(),
        metadata,
        origin: origin(),
    }
}

fn stored(value: Value) -> Property {
    Property { value: Some(value), read_only: true, origin: origin(), ..Property::default() }
}

fn computed(updater: Expression, schema: &Schema) -> Property {
    let preparer = call("coerce", [schema.to_value().into(), text_of("it")]);
    let (updater, preparer) = (Some(updater), Some(preparer));
    Property { updater, preparer, read_only: true, origin: origin(), ..Property::default() }
}

fn text_of(text: &str) -> Expression {
    Expression::Literal(Value::from(text))
}

fn call(function: &str, arguments: impl IntoIterator<Item = Expression>) -> Expression {
    let function = format!("tosca:{function}");
    Expression::from(Call { function, arguments: arguments.into_iter().collect(), origin: origin() })
}

fn get(path: &[&str], name: &str) -> Expression {
    let path = Value::List(path.iter().map(|word| Value::from(*word)).collect());
    call("get_attribute", [path.into(), text_of(name)])
}
