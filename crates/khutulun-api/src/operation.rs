//! Operations and their outcomes.

use std::{collections::BTreeMap, fmt};

use floria::{Artifact, EdgeId, Implementation, Origin, Site, Value, VertexId};
use serde::{Deserialize, Serialize};

/// The id of a run, unique in its store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RunId(pub u64);

impl fmt::Display for RunId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0)
    }
}

/// The id of one attempt at one operation of one run. An effect that carries it happens at most once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OperationId {
    /// The run.
    pub run: RunId,
    /// The place of the operation in the run's plan, from 0.
    pub step: u32,
    /// Which attempt it is, from 1. An attempt whose outcome was never recorded is taken up again under its own number; one
    /// that is known to have failed is followed by the next.
    pub attempt: u32,
}

/// As `17-3-1`: safe as a file name.
impl fmt::Display for OperationId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}-{}", self.run, self.step, self.attempt)
    }
}

/// What an operation is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// The service: the namespace.
    pub service: String,
    /// The node: the vertex's name, and its index when there is more than one (`web`, `web-3`). Safe as a file name.
    pub node: String,
    /// The vertex.
    pub vertex: VertexId,
    /// The relationship, where the operation is one of a relationship; `node` and `vertex` are then those of the end where it is
    /// run: its source, and for those of [`crate::names::RELATIONSHIP_OPERATIONS`] that are of the target's end its target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relationship: Option<EdgeId>,
    /// Where the node was asked for.
    pub origin: Option<Origin>,
}

impl Subject {
    /// Returns what `SELF` is for the operation: the relationship, or else the node.
    pub fn site(&self) -> Site {
        self.relationship.map_or(Site::Vertex(self.vertex), Site::Edge)
    }
}

/// One thing to do, with everything that doing it takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// The id.
    pub id: OperationId,
    /// What it is about.
    pub subject: Subject,
    /// The event, such as `lifecycle.start`.
    pub event: String,
    /// The code.
    pub implementation: Implementation,
    /// The inputs, evaluated.
    pub inputs: BTreeMap<String, Value>,
    /// What the code may read of the graph: a map with `properties` and `attributes` of the node, `capabilities` (name to a
    /// map of values), `requirements` (name to a list of maps with `node`, `properties` of the relationship, and
    /// `capability`, the values of the target capability), `relationship` (such a map, of the one that the operation is of,
    /// where it is of one, with the name of its `source`), and `artifacts` (name to a map with `path` and `digest`, see
    /// [`floria::Artifact`]).
    pub context: Value,
    /// How long it may take, in milliseconds.
    pub timeout_ms: u64,
    /// The epoch of the lease that the run held when it made the intent; epochs of a service only grow. Whoever has seen a later
    /// one refuses the effect. 0: it is no run's, and changes nothing.
    #[serde(default)]
    pub epoch: u64,
    /// Whether it may be run again where nobody knows how it ended: its design says that this does no harm
    /// ([`crate::names::REPEATABLE`]), or an operator does.
    #[serde(default)]
    pub repeatable: bool,
}

impl Operation {
    /// Puts local paths in the place of the locations of artifacts ([`Artifact::location`]) in the inputs and the context:
    /// expressions give locations, since values are the same on every machine, and code wants a file. `find` answers the path
    /// of an artifact on the machine where the operation runs; without one the location stays. Only a text that is a location
    /// as a whole is one.
    pub fn put_paths(&mut self, mut find: impl FnMut(&Artifact) -> Option<String>) {
        for value in self.inputs.values_mut() {
            put_paths(value, &mut find);
        }
        put_paths(&mut self.context, &mut find);
    }
}

fn put_paths(value: &mut Value, find: &mut dyn FnMut(&Artifact) -> Option<String>) {
    match value {
        Value::Text(text) => {
            if let Some(path) = Artifact::at(text).and_then(|artifact| find(&artifact)) {
                *text = path;
            }
        }
        Value::List(items) => items.iter_mut().for_each(|item| put_paths(item, find)),
        Value::Map(entries) => entries.values_mut().for_each(|item| put_paths(item, find)),
        _ => {}
    }
}

/// How an operation ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// It did what it was asked for; outputs by name.
    Succeeded(BTreeMap<String, Value>),
    /// It did not.
    Failed(Failure),
}

/// Why an operation failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What kind of failure, which decides what happens next.
    pub class: FailureClass,
    /// What and why, in a sentence for a person, without a period.
    pub message: String,
    /// More, such as the last lines that a script wrote; may be empty.
    pub detail: String,
}

impl Failure {
    /// Makes a failure that trying again will not mend.
    pub fn permanent(message: impl Into<String>) -> Self {
        Self { class: FailureClass::Permanent, message: message.into(), detail: String::new() }
    }
}

/// What kind of failure it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureClass {
    /// May go away by itself.
    Transient,
    /// Will not go away by itself.
    Permanent,
    /// Needs an operator's answer.
    NeedsOperator,
    /// Nobody can tell whether the effect happened.
    UnknownOutcome,
    /// Somebody asked for what was not granted.
    Denied,
}
