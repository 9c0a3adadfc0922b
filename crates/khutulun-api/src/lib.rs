//! What crosses the engine's doors.
//!
//! The engine hands an [`Operation`] to an [`Executor`] and gets an [`Outcome`]; an executor that runs sandboxed code asks a
//! [`Machine`] for what the code may have. [`names`] holds the words that the layers agree on. Nothing here does anything.

mod clock;
mod describe;
mod executor;
mod machine;
pub mod names;
mod no_machine;
mod operation;

pub use clock::{Clock, SystemClock};
pub use describe::{describe_error, describe_site, describe_unknown};
pub use executor::{BoxFuture, Executor, Recovery};
pub use machine::{
    CommandRequest, CommandResult, HttpRequest, HttpResponse, Machine, MachineError, NOBODY, ProcessIdentity,
    ProcessSpec, ProcessState, ProcessStatus, RestartPolicy,
};
pub use no_machine::NoMachine;
pub use operation::{Failure, FailureClass, Operation, OperationId, Outcome, RunId, Subject};
