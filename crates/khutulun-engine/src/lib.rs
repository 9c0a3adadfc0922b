//! Runs plans, keeps the journal, recovers.
//!
//! The life of a run: [`Engine::run`] commits the beginning of a [`khutulun_plan::Plan`], with the whole plan, to the store's
//! log. The [`Core`], a state machine that knows neither store nor clock, says which intents to record, what to execute once
//! they are durable, and which outcomes to record; the engine does it, many at a time, and commits what is ready together.
//! When the process dies, [`Engine::resume`] adds up the journal ([`RunState::fold`]), asks the executor what became of the
//! operations in flight, and goes on. [`Engine::supersede`] ends such a run, so that a removal can be planned from any state.
//!
//! An [`Observer`] is told what happens; a [`RunReport`] says what it came to; [`runs`] lists what there was.

mod cancel;
mod context;
mod core;
mod engine;
mod error;
mod journal;
mod mark;
mod notify;
mod report;
mod settle;
mod work;

pub use cancel::Cancel;
pub use context::operation;
pub use core::{Conduct, Core, Effect, Input, Known, StepFacts};
pub use engine::{Engine, EngineOptions};
pub use error::EngineError;
pub use journal::{RUNS, RunState, RunSummary, StepState, runs, stream_of, unfinished};
pub use notify::{NotificationError, taken_in};
pub use report::{Observer, Question, RunReport, RunResult, Settlement, StepEnd, StepReport};
