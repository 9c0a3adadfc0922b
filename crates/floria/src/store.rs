//! The store: transactions over entities, with a log that is history, journal and outbox in one.

use std::{collections::BTreeMap, ops::Range, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{At, Design, Entity, EntityKey, EntityKind, Graph, Namespace, Signal, Snapshot, Value};

/// A revision of a store. Every commit makes the next one; 0 is the empty store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Revision(pub u64);

/// One change of one entity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// Puts an entity in, in place of the one with its key. The ends of an edge and the container of a vertex must exist when
    /// the batch is in.
    Put(Entity),
    /// Takes an entity out. The edges and contents of a vertex must go in the same batch: see [`crate::deletion`].
    Delete(EntityKey),
}

impl Change {
    /// Puts an entity in, in place of the one with its key.
    pub fn put(entity: impl Into<Entity>) -> Self {
        Self::Put(entity.into())
    }

    /// Takes an entity out.
    pub fn delete(key: impl Into<EntityKey>) -> Self {
        Self::Delete(key.into())
    }

    /// Returns the key of the entity that it changes.
    pub fn key(&self) -> EntityKey {
        match self {
            Self::Put(entity) => entity.key(),
            Self::Delete(key) => key.clone(),
        }
    }

    /// Returns the id of the entity that it puts in, if it does that and the entity has one.
    pub fn put_id(&self) -> Option<u64> {
        if let Self::Put(entity) = self { entity.key().id() } else { None }
    }
}

/// Who makes a commit, for the log.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Author {
    /// A person or a program, and where: `alice@h1`.
    pub name: String,
    /// The stream that the commit belongs to, such as one run's journal: `run/17`.
    pub stream: Option<String>,
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
    /// Who does this.
    pub author: Option<Author>,
}

/// A row of the log. Rows of one commit share its revision and are told apart by `sequence`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogRow {
    /// Counts all rows of the store from 1. There are gaps only where [`Store::forget_before`] made them.
    pub sequence: u64,
    /// The commit that wrote it.
    pub revision: Revision,
    /// When it was committed: milliseconds since 1970-01-01T00:00:00Z by the store's clock, or the time of the commit before,
    /// where the clock went back since.
    pub time_ms: u64,
    /// Who committed it, if the batch said so.
    pub author: Option<Author>,
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
    /// Only rows about this entity: changes of it.
    pub entity: Option<EntityKey>,
    /// Only rows with a higher sequence.
    pub after: u64,
    /// Only rows of later revisions. A revision below what is kept is refused ([`StoreError::Forgotten`]), but for 0, which
    /// asks for all there is.
    pub since: Revision,
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
    /// Commits a batch and returns the revision that it made.
    fn commit(&self, batch: &Batch) -> Result<Revision, StoreError>;

    /// Takes `count` ids that nobody had or will have, for entities of any kind.
    fn allocate(&self, count: u64) -> Result<Range<u64>, StoreError>;

    /// Returns a view of one revision.
    ///
    /// # Errors
    ///
    /// [`StoreError::Future`] for a revision that is not there yet, [`StoreError::Forgotten`] for one that is no longer kept.
    fn snapshot(&self, at: At) -> Result<Box<dyn Snapshot + '_>, StoreError>;

    /// Returns rows of the log, in order.
    fn log(&self, query: &LogQuery) -> Result<Vec<LogRow>, StoreError>;

    /// Returns what is told after each commit, of this program or of another one on the same data. Make a
    /// [`Watch`](crate::Watch) of it.
    fn signal(&self) -> Result<Arc<Signal>, StoreError>;

    /// Forgets what was replaced before a revision. Of the rows of changes up to and at it, those stay that put what is there
    /// at that revision; of the records below it, those of streams that are still written to (the caller names them in
    /// `keep`) and of the store's own: [`crate::retention`] is the rule. What was done is recorded in the stream `store`, in the
    /// same transaction, so it never happens silently. From then on nothing before `revision` can be asked for, but a snapshot
    /// that is open stays as it is.
    ///
    /// # Errors
    ///
    /// [`StoreError::Future`] for a revision that is not there yet. One that is no longer kept is not an error.
    fn forget_before(
        &self,
        revision: Revision,
        keep: &[String],
        author: Option<Author>,
    ) -> Result<Forgotten, StoreError>;

    /// Counts what is there.
    fn stats(&self) -> Result<Stats, StoreError>;

    /// Looks for damage: an entity or row that cannot be read, a broken law, an index that disagrees, a chain of digests
    /// ([`crate::Chain`]) that does not hold, a log that does not come to what is there. Returns what was found, nothing for a
    /// store that is whole.
    fn verify(&self) -> Result<Vec<Finding>, StoreError>;

    /// Returns the present revision.
    fn revision(&self) -> Result<Revision, StoreError> {
        Ok(self.snapshot(At::Now)?.revision())
    }

    /// Returns the last revision that changed an entity of this namespace (records do not count); 0 when none did.
    fn namespace_revision(&self, namespace: &Namespace) -> Result<Revision, StoreError> {
        self.snapshot(At::Now)?.namespace_revision(namespace)
    }

    /// Returns the namespaces that hold at least one entity, in order.
    fn namespaces(&self) -> Result<Vec<Namespace>, StoreError> {
        self.snapshot(At::Now)?.namespaces()
    }

    /// Returns all instances of a namespace, as of one revision.
    fn graph(&self, namespace: &Namespace) -> Result<Graph, StoreError> {
        self.snapshot(At::Now)?.graph(namespace)
    }

    /// Returns all templates and classes of a namespace, as of one revision, with the store's ids.
    fn design(&self, namespace: &Namespace) -> Result<Option<Design>, StoreError> {
        self.snapshot(At::Now)?.design(namespace)
    }
}

/// What [`Store::forget_before`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forgotten {
    /// The revision of the record that says so.
    pub revision: Revision,
    /// How many rows of the log went.
    pub rows: u64,
}

/// What a store holds, in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// The present revision.
    pub revision: Revision,
    /// The oldest revision that can be asked for: 0 unless something was forgotten.
    pub kept_from: Revision,
    /// Entities by kind.
    pub entities: BTreeMap<EntityKind, u64>,
    /// Rows of the log.
    pub log_rows: u64,
    /// Octets that it takes on a disk, if it is on one.
    pub octets: Option<u64>,
}

/// Something that is wrong with stored data.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// What kind of damage it is: `database`, `entity`, `law`, `index`, `chain` or `log`.
    pub kind: String,
    /// Where it is and what is wrong there.
    pub message: String,
}

macro_rules! pass_on {
    ($($method:ident($($argument:ident: $type:ty),*) -> $result:ty;)*) => {
        impl<S: Store + ?Sized> Store for Arc<S> {
            $(
                fn $method(&self, $($argument: $type),*) -> Result<$result, StoreError> {
                    (**self).$method($($argument),*)
                }
            )*
        }
    };
}

pass_on! {
    commit(batch: &Batch) -> Revision;
    allocate(count: u64) -> Range<u64>;
    snapshot(at: At) -> Box<dyn Snapshot + '_>;
    log(query: &LogQuery) -> Vec<LogRow>;
    signal() -> Arc<Signal>;
    forget_before(revision: Revision, keep: &[String], author: Option<Author>) -> Forgotten;
    stats() -> Stats;
    verify() -> Vec<Finding>;
    revision() -> Revision;
    namespace_revision(namespace: &Namespace) -> Revision;
    namespaces() -> Vec<Namespace>;
    graph(namespace: &Namespace) -> Graph;
    design(namespace: &Namespace) -> Option<Design>;
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
    /// A revision was asked for that nobody has made yet.
    #[error("revision {} is not there yet: the store is at {}", .asked.0, .present.0)]
    Future {
        /// What was asked for.
        asked: Revision,
        /// What is there.
        present: Revision,
    },
    /// A revision was asked for that is no longer kept.
    #[error("revision {} is no longer kept: the oldest is {}", .asked.0, .kept_from.0)]
    Forgotten {
        /// What was asked for.
        asked: Revision,
        /// The oldest that is kept.
        kept_from: Revision,
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
