//! What happened, as events: read from the store's log, in order and without gaps.
//!
//! The log is the outbox: what happened is recorded in the same transaction as what it changed, so there is no second place that
//! could disagree. A [`Reader`] makes [`Event`]s of rows, page by page; a [`Follow`] waits for more, woken by the store and not by a
//! clock; [`emit`] adds one. Whoever keeps the last [`Event::cursor`] and goes on after it misses nothing and sees nothing twice.
//! Where the store has forgotten rows, an event [`names::LOG_GAP`] says so.
//!
//! | event | when | data |
//! |---|---|---|
//! | `node.state` | a node's lifecycle state changed | `from`, where it is known; `to` |
//! | `node.observed` | a node was seen in another state than before | `from`, where it is known; `to` |
//! | `operation.ended` | an operation of a run ended | `event`, `run`, `step`, `attempt`, `result`; of a failed one `class` and `message` |
//! | `run.began`, `run.resumed`, `run.ended` | a run did | `run`; `goal` and `operations`; `result` |
//! | `log.gap` | rows were forgotten that nobody can see any more | `from`, `to`: their numbers |
//! | `<interface>.<notification>` | something outside told so | the notification's outputs |
//! | any other name | somebody emitted it | what they gave |
//!
//! Nothing here reads a clock.

mod emit;
mod error;
mod event;
mod follow;
pub mod names;
mod read;
mod translate;

pub use emit::{DATA_BYTES_MAX, Emission, NAME_CHARACTERS_MAX, emit, emit_all};
pub use error::EventError;
pub use event::{Event, Gap};
pub use follow::{Follow, Stop};
pub use read::{Page, Reader, end, read, since_time};
