//! Any values, expressions and graphs.

use floria::{
    Artifact, Call, Class, ClassName, Custom, Edge, EdgeId, EdgeTemplate, EdgeTemplateId, Entity, Expression,
    Handler, Handlers, Implementation, Metadata, Named, Namespace, Origin, Plugin, PluginName, Properties,
    Property, Rules, Site, Value, Vertex, VertexId, VertexTemplate, VertexTemplateId,
};
use proptest::{
    collection::{btree_map, vec},
    option,
    prelude::*,
};

/// Texts that formats are tempted to take for something else.
const TEXTS: [&str; 34] = [
    "",
    " ",
    "null",
    "~",
    "true",
    "no",
    "NaN",
    ".nan",
    ".inf",
    "1",
    "-1",
    "1.5",
    "1e3",
    "0x1f",
    "0o7",
    "2001-01-01",
    "- a",
    "a: b",
    "a #b",
    "#a",
    "*a",
    "&a",
    "!a",
    "%a",
    "@a",
    "`a",
    "---",
    "...",
    "\n",
    " a ",
    "$map",
    "$",
    "\u{feff}a\u{2028}b\u{85}\u{0}",
    "\"\\/\u{1F980}",
];

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z]{1,6}",
        2 => prop::sample::select(TEXTS.to_vec()).prop_map(str::to_owned),
        2 => any::<String>(),
        1 => "[a-z :,\\[\\]{}#-]{0,20}",
        1 => (0..40_usize).prop_map(|tens| "0123456789".repeat(tens * 5)),
    ]
}

fn float() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<u64>().prop_map(f64::from_bits),
        prop::sample::select(vec![
            0.0,
            -0.0,
            1.0,
            -1.5,
            0.1,
            1e300,
            1e-300,
            5e-324,
            f64::MAX,
            f64::MIN_POSITIVE,
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            9_007_199_254_740_993.0,
            1e15,
            1e16,
            1e17,
            -f64::NAN,
        ]),
    ]
}

pub(crate) fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Boolean),
        prop_oneof![any::<i64>(), -3..300_i64, Just(i64::MIN), Just(i64::MAX)].prop_map(Value::Integer),
        float().prop_map(Value::Float),
        text().prop_map(Value::Text),
        vec(any::<u8>(), 0..9).prop_map(Value::Bytes),
    ];
    leaf.prop_recursive(5, 24, 5, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::List),
            btree_map(text().prop_map(Value::Text), inner.clone(), 0..4).prop_map(Value::Map),
            btree_map(inner.clone(), inner.clone(), 0..4).prop_map(Value::Map),
            (text(), inner, text())
                .prop_map(|(type_name, order, text)| Custom { type_name, order, text }.into()),
        ]
    })
}

fn origin() -> impl Strategy<Value = Option<Origin>> {
    let origin = (text(), 0..u32::MAX, 0..9_u32);
    option::of(origin.prop_map(|(source, line, column)| Origin { source: source.into(), line, column }))
}

fn expression() -> impl Strategy<Value = Expression> {
    value().prop_map(Expression::Literal).prop_recursive(4, 12, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Expression::List),
            vec((inner.clone(), inner.clone()), 0..3).prop_map(Expression::Map),
            (text(), vec(inner, 0..3), origin()).prop_map(|(function, arguments, origin)| Expression::from(
                Call { function, arguments, origin }
            )),
        ]
    })
}

fn metadata() -> impl Strategy<Value = Metadata> {
    named(value(), 0..3)
}

fn property() -> impl Strategy<Value = Property> {
    let reads = vec((any::<bool>(), 1..30_u64, text()), 0..3);
    (
        option::of(value()),
        option::of(expression()),
        option::of(expression()),
        any::<bool>(),
        reads,
        metadata(),
        origin(),
    )
        .prop_map(|(value, updater, preparer, read_only, reads, metadata, origin)| {
            let site = |(edge, id)| if edge { Site::Edge(EdgeId(id)) } else { Site::Vertex(VertexId(id)) };
            let reads = reads.into_iter().map(|(edge, id, name)| (site((edge, id)), name)).collect();
            Property { value, updater, preparer, read_only, reads, metadata, origin }
        })
}

fn artifact() -> impl Strategy<Value = Artifact> {
    (text(), text()).prop_map(|(path, digest)| Artifact { path, digest })
}

fn handler() -> impl Strategy<Value = Handler> {
    let implementation = prop_oneof![
        text().prop_map(Implementation::Driver),
        artifact().prop_map(Implementation::Plugin),
        (artifact(), vec(artifact(), 0..3))
            .prop_map(|(artifact, dependencies)| Implementation::Script { artifact, dependencies }),
    ];
    (
        option::of(implementation),
        named(expression(), 0..3),
        named(text(), 0..3),
        option::of(any::<u64>()),
        metadata(),
        origin(),
    )
        .prop_map(|(implementation, inputs, outputs, timeout_ms_max, metadata, origin)| Handler {
            implementation,
            inputs,
            outputs,
            timeout_ms_max,
            metadata,
            origin,
        })
}

fn named<V: std::fmt::Debug>(
    values: impl Strategy<Value = V>,
    count: std::ops::Range<usize>,
) -> impl Strategy<Value = Named<V>> {
    btree_map(text(), values, count).prop_map(Named::from)
}

/// What all entities have.
#[derive(Clone, Debug)]
struct Content {
    classes: Vec<ClassName>,
    properties: Properties,
    handlers: Handlers,
    metadata: Metadata,
    origin: Option<Origin>,
}

fn content() -> impl Strategy<Value = Content> {
    (
        vec(text().prop_map(ClassName), 0..3),
        named(property(), 0..3),
        named(handler(), 0..2),
        metadata(),
        origin(),
    )
        .prop_map(|(classes, properties, handlers, metadata, origin)| Content {
            classes,
            properties,
            handlers,
            metadata,
            origin,
        })
}

fn namespace(number: usize) -> Namespace {
    Namespace(["shop", "shop/web", "bank"][number % 3].to_owned())
}

/// Makes a graph that keeps the laws, in canonical order.
pub(crate) fn graph() -> impl Strategy<Value = Vec<Entity>> {
    let contents = || vec((content(), any::<usize>(), any::<usize>()), 0..5);
    (contents(), contents(), contents(), contents(), contents(), contents()).prop_map(
        |(classes, plugins, vertex_templates, edge_templates, vertexes, edges)| {
            let mut entities = Vec::new();
            for (number, (it, ..)) in classes.into_iter().enumerate() {
                entities.push(Entity::Class(Class {
                    name: ClassName(format!("c:{number}")),
                    namespace: namespace(number),
                    ancestors: it.classes,
                    metadata: it.metadata,
                    origin: it.origin,
                }));
            }
            for (number, (it, ..)) in plugins.into_iter().enumerate() {
                entities.push(Entity::Plugin(Plugin {
                    name: PluginName(format!("p {number}")),
                    namespace: namespace(number),
                    artifact: Artifact { path: "x.wasm".to_owned(), digest: String::new() },
                    metadata: it.metadata,
                    origin: it.origin,
                }));
            }
            let templates = vertex_templates.len();
            for (number, (it, place, _)) in vertex_templates.into_iter().enumerate() {
                entities.push(Entity::VertexTemplate(VertexTemplate {
                    id: VertexTemplateId(number as u64 + 1),
                    namespace: namespace(number),
                    name: format!("t{number}"),
                    container: container(number, templates, place).map(VertexTemplateId),
                    classes: it.classes,
                    rules: rules(&it.properties),
                    properties: it.properties,
                    handlers: it.handlers,
                    metadata: it.metadata,
                    origin: it.origin,
                }));
            }
            for (number, (it, source, target)) in
                edge_templates.into_iter().enumerate().filter(|_| templates > 0)
            {
                entities.push(Entity::EdgeTemplate(EdgeTemplate {
                    id: EdgeTemplateId(number as u64 + 10),
                    namespace: namespace(number),
                    name: "uses".to_owned(),
                    index: number as u32,
                    source: VertexTemplateId((source % templates) as u64 + 1),
                    target: VertexTemplateId((target % templates) as u64 + 1),
                    classes: it.classes,
                    rules: rules(&it.properties),
                    properties: it.properties,
                    handlers: it.handlers,
                    metadata: it.metadata,
                    origin: it.origin,
                }));
            }
            let count = vertexes.len();
            for (number, (it, place, _)) in vertexes.into_iter().enumerate() {
                entities.push(Entity::Vertex(Vertex {
                    id: VertexId(number as u64 + 1),
                    namespace: namespace(number),
                    name: format!("v{number}"),
                    container: container(number, count, place).map(VertexId),
                    classes: it.classes,
                    properties: it.properties,
                    handlers: it.handlers,
                    metadata: it.metadata,
                    origin: it.origin,
                }));
            }
            for (number, (it, source, target)) in edges.into_iter().enumerate().filter(|_| count > 0) {
                entities.push(Entity::Edge(Edge {
                    id: EdgeId(number as u64 + 20),
                    namespace: namespace(number),
                    name: "uses".to_owned(),
                    index: number as u32,
                    source: VertexId((source % count) as u64 + 1),
                    target: VertexId((target % count) as u64 + 1),
                    classes: it.classes,
                    properties: it.properties,
                    handlers: it.handlers,
                    metadata: it.metadata,
                    origin: it.origin,
                }));
            }
            entities.sort_by_key(Entity::key);
            entities
        },
    )
}

/// Even places are in none or in a later one, odd ones in an earlier one that is even: nothing is in itself.
fn container(number: usize, count: usize, place: usize) -> Option<u64> {
    let later = number + 1 + place % 4;
    let container = match number % 2 {
        0 => (place.is_multiple_of(3) && later < count && later & 1 == 0).then_some(later)?,
        _ => place % number / 2 * 2,
    };
    Some(container as u64 + 1)
}

/// Rules that hold whatever expressions there are.
fn rules(properties: &Properties) -> Rules {
    let updaters = properties.iter().map(|(name, property)| (name, property.updater.clone()));
    updaters.filter_map(|(name, updater)| Some((name.clone(), updater?))).collect()
}
