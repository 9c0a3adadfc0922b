//! Executors behind the fence.

use std::io;

use khutulun_api::{
    BoxFuture, Executor, Failure, FailureClass, MachineError, Operation, Outcome, Recovery, describe_error,
};

use crate::{fence::Pass, files::system, state::StateDirectory};

/// Refuses operations of runs whose service's lease was taken over, as far as this machine has seen: before anything else happens.
///
/// [`Operation::epoch`] is compared with the highest that this machine has seen for the service, and written down when it is
/// higher. This is the first look, and for a recovery the last: it waits until nobody is in the middle of beginning something. For an
/// execution the last is taken where an effect begins: by the supervisor that executes a script or a process,
/// and by the machine that a component asks ([`khutulun_api::Machine::bound_to`]). Between that look and the beginning of the
/// effect nobody can come with a later epoch, so that a program which was stopped in between does no harm when it is woken.
#[derive(Debug)]
pub struct Fenced<E> {
    state: StateDirectory,
    inner: E,
}

impl<E: Executor> Fenced<E> {
    /// Puts an executor behind the fence of a state directory.
    pub fn new(state: StateDirectory, inner: E) -> Self {
        Self { state, inner }
    }

    fn look(&self, operation: &Operation) -> Result<(), MachineError> {
        if let Some(pass) = Pass::of(&self.state, operation)? {
            pass.look()?;
        }
        Ok(())
    }
}

impl<E> Fenced<E> {
    /// Comes in, waiting for whoever is just beginning something: what is found out from now on stays so, because nobody who was taken
    /// over begins anything after this.
    async fn enter(&self, operation: &Operation) -> Result<(), MachineError> {
        let Some(pass) = Pass::of(&self.state, operation)? else { return Ok(()) };
        let entered = tokio::task::spawn_blocking(move || pass.enter().map(drop)).await;
        Ok(entered.map_err(|error| system("enter the fence")(io::Error::other(error)))??)
    }
}

impl<E: Executor> Executor for Fenced<E> {
    fn execute<'a>(&'a self, operation: &'a Operation) -> BoxFuture<'a, Outcome> {
        match self.look(operation) {
            Ok(()) => self.inner.execute(operation),
            Err(error) => {
                let class = match error {
                    MachineError::Refused(_) => FailureClass::Denied,
                    // Somebody is in the way, or the disk is full.
                    _ => FailureClass::Transient,
                };
                let failure = Failure { class, message: describe_error(&error), detail: String::new() };
                Box::pin(std::future::ready(Outcome::Failed(failure)))
            }
        }
    }

    fn recover<'a>(&'a self, operation: &'a Operation) -> BoxFuture<'a, Recovery> {
        Box::pin(async move {
            match self.enter(operation).await {
                Ok(()) => self.inner.recover(operation).await,
                Err(error) => Recovery::Unknown(describe_error(&error)),
            }
        })
    }
}
