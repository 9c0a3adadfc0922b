//! Connections: a thread that drives them, and those that wait to be used again.

use std::{
    future::Future,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Wake},
    thread::{self, Thread},
    time::{Duration, Instant},
};

use floria::StoreError;
use tokio::runtime::Runtime;

use crate::{
    error::{Problem, unavailable},
    session::Session,
    settings::Settings,
};

/// How long a server may be away, as when it is restarted, before whoever wants something of it is told so.
const PATIENCE: Duration = Duration::from_secs(10);

/// The first pause between two attempts to reach it; the next ones double, up to the last.
const PAUSE_FIRST: Duration = Duration::from_millis(5);
const PAUSE_LAST: Duration = Duration::from_millis(500);

/// How many connections are kept for later readers. More are opened when more read at once.
const IDLE_MAX: usize = 4;

/// Makes connections, keeps them and drives them.
///
/// The trait of stores is synchronous. Only the driving of connections is not, and has a thread of its own; callers wait
/// for its messages as for anything else, within a runtime of theirs or without one.
pub(crate) struct Connections {
    pub(crate) settings: Settings,
    idle: Mutex<Vec<Session>>,
    runtime: Option<Runtime>,
}

impl Connections {
    pub(crate) fn new(settings: Settings) -> Result<Self, StoreError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("floria-postgres")
            .enable_io()
            .enable_time()
            .build()
            .map_err(|error| unavailable("start the thread for PostgreSQL", error))?;
        Ok(Self { settings, idle: Mutex::default(), runtime: Some(runtime) })
    }

    pub(crate) fn runtime(&self) -> &Runtime {
        self.runtime.as_ref().expect("it is there until this is dropped")
    }

    /// Opens a connection, once.
    pub(crate) fn open(&self) -> Result<Session, Problem> {
        let settings = self.settings.clone();
        let opened = block_on(self.runtime().spawn(async move { Session::open(&settings).await }));
        opened.unwrap_or_else(|error| Err(unavailable("connect to PostgreSQL", error).into()))
    }

    /// Opens a connection to a server that was there before, and may be again in a moment.
    pub(crate) fn open_patiently(&self) -> Result<Session, Problem> {
        let start = Instant::now();
        let mut pause = PAUSE_FIRST;
        loop {
            match self.open() {
                Err(problem) if problem.is_broken_connection() && start.elapsed() < PATIENCE => {
                    thread::sleep(pause);
                    pause = (2 * pause).min(PAUSE_LAST);
                }
                opened => return opened,
            }
        }
    }

    /// Returns a connection to read with, one that was used before if there is one. It may be broken.
    pub(crate) fn take(&self) -> Result<Session, Problem> {
        let idle = locked(&self.idle).pop();
        idle.map_or_else(|| self.open_patiently(), Ok)
    }

    /// Keeps a connection for the next reader.
    pub(crate) fn put_back(&self, session: Session) {
        let mut idle = locked(&self.idle);
        if idle.len() < IDLE_MAX && !session.is_closed() {
            idle.push(session);
        }
    }

    /// Drops the connections that wait, because one was found broken: others may be, too.
    pub(crate) fn forget_idle(&self) {
        locked(&self.idle).retain(|session| !session.is_closed());
    }

    /// Does something on a connection, and once more on a new one each time that it breaks, while the server comes back.
    pub(crate) fn read<T>(
        &self,
        attempt: &str,
        work: impl Fn(&Session) -> Result<T, Problem>,
    ) -> Result<T, StoreError> {
        let mut breaks = 0;
        loop {
            let done = self.take().and_then(|session| {
                let done = work(&session);
                self.put_back(session);
                done
            });
            match done {
                Err(problem) if problem.is_broken_connection() && breaks < BREAKS_MAX => {
                    breaks += 1;
                    self.forget_idle();
                }
                done => return done.map_err(|problem| problem.told(attempt)),
            }
        }
    }
}

/// How often in a row a connection may break under the same work: each of those that wait may, and then some.
pub(crate) const BREAKS_MAX: usize = IDLE_MAX + 4;

impl Drop for Connections {
    fn drop(&mut self) {
        // Not by dropping it, which waits, and must not be done within another runtime.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Waits for a future on this thread, whether it is within a runtime or not.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    let waker = Arc::new(Unpark(thread::current())).into();
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

/// What is behind a lock here is whole at every moment, also when a thread that held it panicked.
pub(crate) fn locked<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
