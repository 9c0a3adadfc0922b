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
//! | `policy.reacted`, `policy.exhausted`, `policy.undecided`, `policy.failed` | what a trigger did, or did not, about an event | `policy`, `event`, `of`: the event's cursor; `why` |
//! | `log.gap` | rows were forgotten that nobody can see any more | `from`, `to`: their numbers |
//! | `<interface>.<notification>` | something outside told so | the notification's outputs |
//! | any other name | somebody emitted it | what they gave |
//!
//! # Reactions
//!
//! [`react`] says what the triggers of a service make of an event (TOSCA 2.0, 16.5), from data alone. A [`Reactor`] reads events in
//! order and hands out what is due, for each service one reaction at a time; [`perform`] plans it and runs the plan. What a trigger did
//! is recorded in the same transaction as its run begins, so whoever is killed and begins again loses no event and does nothing twice.
//! Whoever hosts a reactor does this again and again:
//!
//! ```text
//! while reactor.read(store)? {}                    // what is new
//! for due in reactor.due(store, functions)? {      // at most one for each service
//!     let performed = perform(&actor, &due).await; // each in a task of its own
//!     reactor.ended(due, performed.ok());
//! }
//! reactor.settle(store)?;                          // once there is nothing more to hand out
//! // wait for the store's signal, or for a task to end
//! ```
//!
//! Nothing here reads a clock.

mod emit;
mod error;
mod event;
mod follow;
pub mod names;
mod perform;
mod reacted;
mod reaction;
mod reactor;
mod read;
mod translate;

pub use emit::{DATA_BYTES_MAX, Emission, NAME_CHARACTERS_MAX, emit, emit_all, emit_with};
pub use error::EventError;
pub use event::{Event, Gap};
pub use follow::{Follow, Stop};
pub use perform::{Actor, NoScaler, Performed, Scale, Scaled, Scaler, perform, plan_reaction};
pub use reacted::REACTIONS;
pub use reaction::{Considered, Limit, Reaction, Stage, Undecided, react, triggers};
pub use reactor::{Due, LIMIT_DEFAULT, Reactor};
pub use read::{Page, Reader, end, read, since_time};
