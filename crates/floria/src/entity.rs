//! The entities of a graph: classes, templates and instances.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Expression, Named, SharedText, Site, Value, rules::Rules};

/// Plain data about an entity, by name. Metadata never holds expressions.
pub type Metadata = Named<Value>;

/// The prefix of the metadata that an engine keeps on instances: it stays when an instance is made anew from a design that
/// does not say otherwise.
pub const ENGINE_METADATA_PREFIX: &str = "khutulun.";

/// Properties by name, in canonical order.
pub type Properties = Named<Property>;

/// Event handlers by event name, such as `lifecycle.start`.
pub type Handlers = Named<Handler>;

/// Where in a source something was asked for. Travels with templates and instances, so that an operation that fails
/// weeks later still names the line that asked for it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Origin {
    /// The name of the source as the person gave it, such as `examples/hello-world/service.yaml`.
    pub source: SharedText,
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}:{}", self.source, self.line, self.column)
    }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, "{}", self.0)
            }
        }
    };
}

id! {
    /// The id of a vertex template, unique in its store.
    VertexTemplateId
}
id! {
    /// The id of an edge template, unique in its store.
    EdgeTemplateId
}
id! {
    /// The id of a vertex, unique in its store and never used again.
    VertexId
}
id! {
    /// The id of an edge, unique in its store and never used again.
    EdgeId
}

/// A namespace: the directory that entities live in, levels separated by `/`. A service has one of its own name. It exists
/// as long as something is in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Namespace(pub String);

impl Namespace {
    /// Returns whether it is this namespace or one below it: `shop` and `shop/web` are under `shop`, `shopping` is not.
    pub fn is_under(&self, other: &Self) -> bool {
        self.0.strip_prefix(&other.0).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// Returns the namespace that this one is in, if it is not outermost.
    pub fn parent(&self) -> Option<Self> {
        self.0.rsplit_once('/').map(|(parent, _)| Self(parent.to_owned()))
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The name of a class, qualified by whoever defines it: `khutulun.process:0.1:Process`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ClassName(pub String);

impl ClassName {
    /// Returns the last part of the name, after whoever defines it: `Process`.
    pub fn last(&self) -> &str {
        self.0.rsplit_once(':').map_or(&self.0, |(_, last)| last)
    }
}

impl fmt::Display for ClassName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A class. Classes are not types: they select, index and carry policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Class {
    /// The name, unique in its namespace.
    pub name: ClassName,
    /// Where it lives.
    pub namespace: Namespace,
    /// The classes that this one extends, nearest first.
    pub ancestors: Vec<ClassName>,
    /// Plain data.
    pub metadata: Metadata,
    /// Where it was asked for.
    pub origin: Option<Origin>,
}

/// The name of a plugin.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PluginName(pub String);

impl fmt::Display for PluginName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Code that came with a service: a component whose functions and operations its entities name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plugin {
    /// The name, unique in its namespace.
    pub name: PluginName,
    /// Where it lives.
    pub namespace: Namespace,
    /// The file, by digest.
    pub artifact: Artifact,
    /// Plain data.
    pub metadata: Metadata,
    /// Where it was asked for.
    pub origin: Option<Origin>,
}

/// A property of a template or an instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Property {
    /// The value, once there is one. A value that is null is a value.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "some")]
    pub value: Option<Value>,
    /// The expression that computes the value, if it is computed.
    pub updater: Option<Expression>,
    /// The expression that coerces and validates whatever is about to be stored: a call whose last argument, the value,
    /// is appended by the caller. See [`crate::Evaluator::prepare`].
    pub preparer: Option<Expression>,
    /// Whether only its updater may change it. TOSCA's properties are read-only, its attributes are not.
    pub read_only: bool,
    /// The properties that the value was computed from, as an [`Evaluator`](crate::Evaluator) recorded them, in order. Of
    /// instances only: stores find the readers of a property by it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reads: Vec<(Site, String)>,
    /// Plain data, such as `khutulun.change`.
    #[serde(default, skip_serializing_if = "Metadata::is_empty")]
    pub metadata: Metadata,
    /// Where it was asked for.
    pub origin: Option<Origin>,
}

/// Reads a null that is there as a value, not as the absence of one.
fn some<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// What runs when an event reaches an entity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handler {
    /// The code. Without it the event is known and nothing runs.
    pub implementation: Option<Implementation>,
    /// The inputs, evaluated just before the call, with the entity as `SELF`.
    pub inputs: Named<Expression>,
    /// Which output goes where: output name to property name on this entity.
    pub outputs: Named<String>,
    /// How long one call may take, in milliseconds. None: the engine's default.
    pub timeout_ms_max: Option<u64>,
    /// Plain data.
    #[serde(default, skip_serializing_if = "Metadata::is_empty")]
    pub metadata: Metadata,
    /// Where it was asked for.
    pub origin: Option<Origin>,
}

/// Code that can handle an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Implementation {
    /// A Wasm component built into the product, by its name: `process`.
    Driver(String),
    /// A Wasm component that came with the service.
    Plugin(Artifact),
    /// A script or any other executable that came with the service.
    Script {
        /// The file that is run.
        artifact: Artifact,
        /// Files that the script expects beside it, at the same relative paths.
        dependencies: Vec<Artifact>,
    },
}

/// A file, carried by digest so that an instance works after its package is gone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Artifact {
    /// The path relative to the package's root, with `/` between levels.
    pub path: String,
    /// SHA-256 of the content in lower-case hexadecimal; empty until whoever has the file filled it in.
    pub digest: String,
}

impl Artifact {
    const SCHEME: &'static str = "artifact://";

    /// Returns a URL for it, `artifact://<digest>/<path>`: the same wherever the file lies. Whoever runs an operation puts a local
    /// path in its place.
    pub fn location(&self) -> String {
        format!("{}{}/{}", Self::SCHEME, self.digest, self.path)
    }

    /// Reads what [`Self::location`] wrote; None if a text is no such URL as a whole.
    pub fn at(location: &str) -> Option<Self> {
        let (digest, path) = location.strip_prefix(Self::SCHEME)?.split_once('/')?;
        let is_digit = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let is_one = digest.len() == 64 && digest.bytes().all(is_digit) && !path.is_empty();
        is_one.then(|| Self { path: path.to_owned(), digest: digest.to_owned() })
    }
}

/// A vertex template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VertexTemplate {
    /// The id.
    pub id: VertexTemplateId,
    /// Where it lives.
    pub namespace: Namespace,
    /// The name, unique in its container.
    pub name: String,
    /// The template that contains it.
    pub container: Option<VertexTemplateId>,
    /// Its classes, most specific first.
    pub classes: Vec<ClassName>,
    /// Its properties.
    pub properties: Properties,
    /// Its event handlers.
    pub handlers: Handlers,
    /// How instances are made of it; empty: one is made.
    #[serde(default, skip_serializing_if = "Rules::is_empty")]
    pub rules: Rules,
    /// Plain data.
    pub metadata: Metadata,
    /// Where it was asked for.
    pub origin: Option<Origin>,
}

/// An edge template, from a vertex template to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EdgeTemplate {
    /// The id.
    pub id: EdgeTemplateId,
    /// Where it lives.
    pub namespace: Namespace,
    /// The name: that of the requirement. Several edge templates of one source may share a name; `index` tells them apart.
    pub name: String,
    /// The place among the edge templates of one source and one name, from 0.
    pub index: u32,
    /// Where it starts.
    pub source: VertexTemplateId,
    /// Where it ends: a node's template, or one of its capabilities'; where its rules have a
    /// [`Selector`](crate::rules::Selector), where candidates for its ends are.
    pub target: VertexTemplateId,
    /// Its classes, most specific first.
    pub classes: Vec<ClassName>,
    /// Its properties.
    pub properties: Properties,
    /// Its event handlers.
    pub handlers: Handlers,
    /// How instances are made of it; empty: one is made, to the one instance of its target.
    #[serde(default, skip_serializing_if = "Rules::is_empty")]
    pub rules: Rules,
    /// Plain data.
    pub metadata: Metadata,
    /// Where it was asked for.
    pub origin: Option<Origin>,
}

/// A vertex: an instance. It never depends on the template that it was made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vertex {
    /// The id.
    pub id: VertexId,
    /// Where it lives.
    pub namespace: Namespace,
    /// The name, unique in its container.
    pub name: String,
    /// The vertex that contains it.
    pub container: Option<VertexId>,
    /// Its classes, most specific first.
    pub classes: Vec<ClassName>,
    /// Its properties.
    pub properties: Properties,
    /// Its event handlers.
    pub handlers: Handlers,
    /// Plain data.
    pub metadata: Metadata,
    /// Where it was asked for.
    pub origin: Option<Origin>,
}

/// An edge: an instance of a relationship, with data and behaviour of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edge {
    /// The id.
    pub id: EdgeId,
    /// Where it lives.
    pub namespace: Namespace,
    /// The name: that of the requirement.
    pub name: String,
    /// The place among the edges of one source and one name, from 0.
    pub index: u32,
    /// Where it starts.
    pub source: VertexId,
    /// Where it ends: a node, or one of its capabilities.
    pub target: VertexId,
    /// Its classes, most specific first.
    pub classes: Vec<ClassName>,
    /// Its properties.
    pub properties: Properties,
    /// Its event handlers.
    pub handlers: Handlers,
    /// Plain data.
    pub metadata: Metadata,
    /// Where it was asked for.
    pub origin: Option<Origin>,
}
