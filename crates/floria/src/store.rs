//! The store: transactions over entities, with a log that is history, journal and outbox in one.

use std::{ops::Range, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{
    Class, ClassName, Design, Edge, EdgeId, EdgeTemplate, EdgeTemplateId, Graph, Namespace, Value, Vertex,
    VertexId, VertexTemplate, VertexTemplateId,
};

/// A revision of a store. Every commit makes the next one; 0 is the empty store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Revision(pub u64);

/// One change of one entity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// Puts a class in, in place of the one with its namespace and name.
    PutClass(Class),
    /// Puts a vertex template in, in place of the one with its id.
    PutVertexTemplate(VertexTemplate),
    /// Puts an edge template in, in place of the one with its id.
    PutEdgeTemplate(EdgeTemplate),
    /// Puts a vertex in, in place of the one with its id.
    PutVertex(Vertex),
    /// Puts an edge in, in place of the one with its id. Both ends must exist when the batch is in.
    PutEdge(Edge),
    /// Takes a class out.
    DeleteClass(Namespace, ClassName),
    /// Takes a vertex template out. Its edges and contents must go in the same batch.
    DeleteVertexTemplate(VertexTemplateId),
    /// Takes an edge template out.
    DeleteEdgeTemplate(EdgeTemplateId),
    /// Takes a vertex out. Its edges and contents must go in the same batch.
    DeleteVertex(VertexId),
    /// Takes an edge out.
    DeleteEdge(EdgeId),
}

impl Change {
    /// Returns the id of the entity that it puts in, if it does that and the entity has one.
    pub fn put_id(&self) -> Option<u64> {
        match self {
            Self::PutVertexTemplate(vertex) => Some(vertex.id.0),
            Self::PutEdgeTemplate(edge) => Some(edge.id.0),
            Self::PutVertex(vertex) => Some(vertex.id.0),
            Self::PutEdge(edge) => Some(edge.id.0),
            _ => None,
        }
    }
}

/// A record for the log that belongs to a stream, such as one run's journal: `run/17`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The stream.
    pub stream: String,
    /// The namespace that it is about.
    pub namespace: Namespace,
    /// What kind of record it is, such as `intent`.
    pub kind: String,
    /// What it says.
    pub body: Value,
}

/// What is committed at once: all of it is visible and durable after [`Store::commit`], or none of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// Revisions that namespaces must still be at; another one refuses the batch (compare-and-set).
    pub expected: Vec<(Namespace, Revision)>,
    /// Changes of entities, applied in order.
    pub changes: Vec<Change>,
    /// Records appended to the log, after the changes.
    pub records: Vec<Record>,
}

/// A row of the log. Rows of one commit share its revision and are told apart by `sequence`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogRow {
    /// Counts all rows of the store from 1, without gaps.
    pub sequence: u64,
    /// The commit that wrote it.
    pub revision: Revision,
    /// When it was committed: milliseconds since 1970-01-01T00:00:00Z by the store's clock.
    pub time_ms: u64,
    /// What it says.
    pub entry: LogEntry,
}

/// What a row of the log says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LogEntry {
    /// An entity changed.
    Change(Change),
    /// Somebody recorded something.
    Record(Record),
}

/// Which rows of the log are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogQuery {
    /// Only records of this stream. None: all rows, changes of entities too.
    pub stream: Option<String>,
    /// Only rows about this namespace.
    pub namespace: Option<Namespace>,
    /// Only rows with a higher sequence.
    pub after: u64,
    /// At most so many rows.
    pub limit: Option<usize>,
}

/// Where a graph is kept.
///
/// An implementation keeps these laws (the conformance suite checks them): a commit is visible whole or not at all, also
/// after a crash, and durable when it returns; revisions rise by one a commit; every change is in the log, in the same
/// commit; a read sees one revision; a batch whose result would have a dangling edge, a dangling container, a vertex that
/// contains itself or two vertexes of one name in one container (without a container: in one namespace) is refused whole, and
/// so is one that deletes what is not there, moves an entity to another namespace, or holds what nests too deep to be read
/// again ([`crate::ENCODED_DEPTH_MAX`]). The rules are in [`crate::laws`]. An id that a batch brings is taken from then on.
pub trait Store: Send + Sync {
    /// Returns the present revision.
    fn revision(&self) -> Result<Revision, StoreError>;

    /// Returns the last revision that changed an entity of this namespace (records do not count); 0 when none did.
    fn namespace_revision(&self, namespace: &Namespace) -> Result<Revision, StoreError>;

    /// Returns the namespaces that hold at least one vertex or vertex template, in order.
    fn namespaces(&self) -> Result<Vec<Namespace>, StoreError>;

    /// Takes `count` ids that nobody had or will have, for entities of any kind.
    fn allocate(&self, count: u64) -> Result<Range<u64>, StoreError>;

    /// Commits a batch and returns the revision that it made.
    fn commit(&self, batch: &Batch) -> Result<Revision, StoreError>;

    /// Returns all instances of a namespace, as of one revision.
    fn graph(&self, namespace: &Namespace) -> Result<Graph, StoreError>;

    /// Returns all templates and classes of a namespace, as of one revision, with the store's ids.
    fn design(&self, namespace: &Namespace) -> Result<Option<Design>, StoreError>;

    /// Returns rows of the log, in order.
    fn log(&self, query: &LogQuery) -> Result<Vec<LogRow>, StoreError>;
}

impl<S: Store + ?Sized> Store for Arc<S> {
    fn revision(&self) -> Result<Revision, StoreError> {
        (**self).revision()
    }

    fn namespace_revision(&self, namespace: &Namespace) -> Result<Revision, StoreError> {
        (**self).namespace_revision(namespace)
    }

    fn namespaces(&self) -> Result<Vec<Namespace>, StoreError> {
        (**self).namespaces()
    }

    fn allocate(&self, count: u64) -> Result<Range<u64>, StoreError> {
        (**self).allocate(count)
    }

    fn commit(&self, batch: &Batch) -> Result<Revision, StoreError> {
        (**self).commit(batch)
    }

    fn graph(&self, namespace: &Namespace) -> Result<Graph, StoreError> {
        (**self).graph(namespace)
    }

    fn design(&self, namespace: &Namespace) -> Result<Option<Design>, StoreError> {
        (**self).design(namespace)
    }

    fn log(&self, query: &LogQuery) -> Result<Vec<LogRow>, StoreError> {
        (**self).log(query)
    }
}

/// Why a store could not do its work. Nothing was changed, unless `Unavailable` came from a commit: then the caller must
/// read before it tries again.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A namespace has moved on since it was read.
    #[error("namespace `{namespace}` is at revision {}, not at {} as expected", .actual.0, .expected.0)]
    Conflict {
        /// Which one.
        namespace: Namespace,
        /// What the batch expected.
        expected: Revision,
        /// What is there.
        actual: Revision,
    },
    /// The batch breaks a law of the graph.
    #[error("refused to commit: {0}")]
    Invalid(String),
    /// What is stored makes no sense: a decoder failed, or a law is broken.
    #[error("stored data is damaged: {0}")]
    Damaged(String),
    /// The store was written by a newer version.
    #[error("the store has schema version {found}, and this program knows versions up to {known}")]
    TooNew {
        /// The version found.
        found: u32,
        /// The newest that we know.
        known: u32,
    },
    /// The database could not be used.
    #[error("failed to {attempt}")]
    Unavailable {
        /// What was tried, as in "open store `…`".
        attempt: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
