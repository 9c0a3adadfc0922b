//! The door between the engine and whatever does the work.

use std::pin::Pin;

use crate::{Operation, Outcome};

/// A boxed future that can move between threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What is known of an operation whose outcome was never recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// It ended, and so.
    Finished(Outcome),
    /// Its effect did not happen, and will not: running it is safe.
    NeverStarted,
    /// Its effect may have happened, and running it again does no harm.
    Repeatable,
    /// Nobody can tell; the text says what is known, for the operator.
    Unknown(String),
}

/// Does operations.
///
/// An implementation keeps these laws: the future ends within the operation's timeout and a bounded grace; a panic or trap of
/// the code it runs is a `Failure`, never a panic; dropping the future leaves the effect as it is, to be settled by
/// `recover`.
pub trait Executor: Send + Sync {
    /// Does an operation. The engine has made the intent durable before it calls this.
    fn execute<'a>(&'a self, operation: &'a Operation) -> BoxFuture<'a, Outcome>;

    /// Says what became of an operation that was started before a crash, waiting for it where it still runs.
    fn recover<'a>(&'a self, operation: &'a Operation) -> BoxFuture<'a, Recovery>;
}
