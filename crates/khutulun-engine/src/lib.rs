//! Runs plans, keeps the journal, recovers.
//!
//! The life of a run: [`Engine::run`] commits the beginning of a [`khutulun_plan::Plan`], with the plan, to the store's
//! log. When the process dies, [`Engine::resume`] adds up the journal ([`RunState::fold`]), asks the executor what became of the
//! operations in flight, and goes on. [`Engine::supersede`] ends such a run, so that a removal can be planned from any state.
//!
//! While it works, the engine has the service's [`Lease`]: whoever takes that over fences it off. [`Engine::cancel`] asks whoever
//! has it to stop.
//!
//! # A pure machine and its shell
//!
//! All that is decided is decided by a [`Run`]: what happens goes in ([`Input`]), what is to be done comes out ([`Effect`]). It
//! knows no store, clock, chance or runtime. It holds the instances and the journal's state; its [`Scheduler`] knows the order of
//! steps. The engine is a shell that does the effects on tokio; the simulator is another one, which does them in a world of its own:
//!
//! ```
//! # use khutulun_engine::{Effect, Input, Run, RunReport};
//! # use floria::{Batch, Revision};
//! # use khutulun_api::{Operation, Outcome};
//! # trait World {
//! #     fn commit(&mut self, batch: &Batch) -> Revision;
//! #     fn execute(&mut self, operation: &Operation) -> Outcome;
//! # }
//! /// Drives a run to its end in a world without faults, one effect at a time.
//! fn drive(mut run: Run, mut effects: Vec<Effect>, world: &mut dyn World) -> Option<RunReport> {
//!     while !effects.is_empty() {
//!         let mut inputs = Vec::new();
//!         for effect in effects {
//!             match effect {
//!                 Effect::Commit(batch) => inputs.push(Input::Committed(world.commit(&batch))),
//!                 Effect::Execute(operation) => inputs.push(Input::Finished {
//!                     step: operation.id.step,
//!                     attempt: operation.id.attempt,
//!                     outcome: world.execute(&operation),
//!                 }),
//!                 Effect::Rest { step, .. } => inputs.push(Input::Rested { step }),
//!                 Effect::Done(report) => return Some(report),
//!                 Effect::Recover(_) | Effect::Tell(_) | Effect::Lost(_) => {}
//!             }
//!         }
//!         effects = run.handle_all(inputs);
//!     }
//!     None
//! }
//! ```
//!
//! An [`Observer`] is told what happens; a [`RunReport`] says what it came to; [`runs`] lists what there was.

mod cancel;
mod context;
mod effect;
mod engine;
mod error;
mod journal;
mod lease;
mod merge;
mod notify;
mod present;
mod report;
mod requests;
mod run;
mod scheduler;
mod settle;
mod shell;
mod values;

pub use cancel::Cancel;
pub use context::operation;
pub use effect::{Effect, Input, Lost, Setup, TakeUp, Tell};
pub use engine::{Cancelling, Engine, EngineOptions};
pub use error::EngineError;
pub use journal::{
    RUNS, RunState, RunSummary, SUPERSEDED, StepState, outputs_of, runs, stream_of, unfinished,
};
pub use lease::{Holder, LEASE_MS_MAX, Lease, Owner, Presence};
pub use notify::{NotificationError, taken_in};
pub use present::Present;
pub use report::{Observer, Question, RunReport, RunResult, Settlement, StepEnd, StepReport};
pub use run::Run;
pub use scheduler::{Conduct, Happened, Known, Order, Scheduler, StepFacts};
