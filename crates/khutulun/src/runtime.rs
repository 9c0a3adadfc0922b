//! The threads that operations run on, begun when the first operation is about to.

use tokio::runtime::{Builder, Runtime};

use crate::{error::CliError, exit::Exit};

/// How many threads drive operations. What they wait for blocks threads of the runtime's own pool, not these.
const THREADS_MAX: usize = 4;

/// Starts the threads.
pub(crate) fn start() -> Result<Runtime, CliError> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX);
    Builder::new_multi_thread().worker_threads(threads).enable_all().thread_name("khutulun").build().map_err(
        |error| {
            CliError::new(Exit::Failed, "failed to start threads")
                .place("this machine")
                .cause(&error)
                .next("raise the limit of processes (ulimit -u), then run the command again")
        },
    )
}
