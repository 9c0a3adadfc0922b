//! Floria keeps orchestration data as a graph of templates and instances, and evaluates and stores it.
//!
//! The life of a value: a frontend lowers a document to a [`Design`] of templates; a resolver makes it a [`Graph`] of
//! vertexes and edges; an [`Evaluator`] turns the [`Expression`]s of their properties into [`Value`]s; a [`Batch`] of
//! [`Change`]s and [`Record`]s commits it to a [`Store`], whose log is history, journal and outbox in one.
//!
//! A [`Snapshot`] reads one revision, of now or of the past, by its [`Index`]es; a [`Watch`] hears of each row of the log once;
//! [`KeptGraphs`] keeps what was read in memory, for programs that stay; [`history`] says what differs and who changed it,
//! [`deletion()`] what goes with what is deleted and what forbids it. For whoever writes a store there are the [`laws`] of a batch,
//! the rule of [`retention`], and how to [`verify`] what is there.
//!
//! Nothing here knows a language (TOSCA), an engine, a clock or a disk.

mod any;
mod chain;
mod codec;
mod deletion;
mod difference;
mod entity;
mod evaluate;
mod expression;
mod graph;
pub mod history;
mod kept;
pub mod laws;
mod memory;
pub mod named;
mod posting;
mod replay;
pub mod retention;
pub mod rules;
mod shared;
mod snapshot;
mod store;
mod value;
mod value_serde;
pub mod verify;
mod watch;

pub use any::{Entity, EntityKey, EntityKind};
pub use chain::{CHAIN_START, Chain, EntryCode, RowParts};
pub use codec::{CodecError, ENCODED_DEPTH_MAX, decode, digest, encode, pack, unpack};
pub use deletion::{Deletion, Forbids, deletion};
pub use difference::difference;
pub use entity::{
    Artifact, Class, ClassName, ENGINE_METADATA_PREFIX, Edge, EdgeId, EdgeTemplate, EdgeTemplateId, Handler,
    Handlers, Implementation, Metadata, Namespace, Origin, Plugin, PluginName, Properties, Property, Vertex,
    VertexId, VertexTemplate, VertexTemplateId,
};
pub use evaluate::{
    EVALUATION_DEPTH_MAX, Evaluated, EvaluationError, Evaluator, Functions, Memos, Reads, Site, Structure,
    Touched,
};
pub use expression::{Call, Expression};
pub use graph::{Design, Graph};
pub use kept::KeptGraphs;
pub use memory::MemoryStore;
pub use named::Named;
pub use replay::Replay;
pub use rules::Rules;
pub use shared::SharedText;
pub use snapshot::{At, Index, Page, Snapshot};
pub use store::{
    Author, Batch, Change, Finding, Forgotten, LogEntry, LogQuery, LogRow, Record, Revision, Stats, Store,
    StoreError,
};
pub use value::{Custom, Value, ValueMap};
pub use watch::{Signal, Watch};
