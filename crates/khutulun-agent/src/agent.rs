//! The agent: hears of everything, tells it, and hands events on.

use std::{
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use floria::{Functions, Store, StoreError};
use khutulun_api::{Clock, MachineError};
use khutulun_events::{EventError, Reactor};
use khutulun_host::{ProcessWatch, StateDirectory};
use tokio::{runtime::Handle, sync::Notify};

use crate::{
    alarm::Alarm,
    ears::{Ears, Orders},
    file::FileWatch,
    host::{Act, Host, Status},
    reacting::{Ended, Reacting},
    socket,
    teller::Teller,
};

/// How long it rests before something is tried again that failed, at first and at most. Only while something is wrong, such as a
/// full disk, does anything wait for time to pass.
pub(crate) const REST: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(30));

/// Why an agent cannot work.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// The machine cannot tell what happens.
    #[error(transparent)]
    Machine(#[from] MachineError),
    /// The operating system said no.
    #[error("failed to {attempt}")]
    System {
        /// What was tried.
        attempt: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The store cannot be used.
    #[error("failed to use the store")]
    Store(#[from] StoreError),
    /// Events cannot be read or recorded.
    #[error(transparent)]
    Events(#[from] EventError),
    /// A part of it broke down: without it nothing is heard, or nothing follows.
    #[error("the agent broke down; this is a bug")]
    Broken,
}

pub(crate) fn system(attempt: &'static str) -> impl FnOnce(io::Error) -> AgentError {
    move |source| AgentError::System { attempt, source }
}

/// Ends an agent.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    stopped: Arc<AtomicBool>,
    notify: Arc<Notify>,
}

impl Stop {
    /// Ends it: nothing new is begun, and what is at work is waited for.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        self.notify.notify_waiters();
        self.notify.notify_one();
    }

    /// Waits until somebody ended it.
    pub(crate) async fn wait(&self) {
        loop {
            let notified = self.notify.notified();
            tokio::pin!(notified);
            notified.as_mut().enable();
            if self.stopped.load(Ordering::SeqCst) {
                // Whoever else waits is to hear of it, too.
                self.notify.notify_waiters();
                return;
            }
            notified.await;
        }
    }
}

/// Ends an agent of which a part breaks down: whoever looks after it starts another one.
struct EndWhenBroken(Stop);

impl Drop for EndWhenBroken {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.stop();
        }
    }
}

/// An agent of a state directory. Whoever runs one has its [`crate::AgentLock`].
pub struct Agent {
    /// The state directory.
    pub state: StateDirectory,
    /// The store in it.
    pub store: Arc<dyn Store>,
    /// What values are computed with.
    pub functions: Arc<dyn Functions>,
    /// Whoever does what triggers want done.
    pub act: Arc<dyn Act>,
    /// The program around it.
    pub host: Arc<dyn Host>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Who tells what happens, for the log.
    pub author: String,
}

/// What parts of an agent share.
pub(crate) struct Shared {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) functions: Arc<dyn Functions>,
    pub(crate) host: Arc<dyn Host>,
    since_ms: u64,
    pub(crate) cursor: AtomicU64,
    pub(crate) at_work: AtomicU64,
    pub(crate) performed: AtomicU64,
    /// As [`Teller::numbers`].
    pub(crate) numbers: Mutex<[u64; 5]>,
    pub(crate) orders: Arc<Orders>,
    pub(crate) is_alarm_set: AtomicBool,
}

impl Shared {
    pub(crate) fn status(&self) -> Status {
        let [processes, timers, files, told, waiting] =
            *self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        Status {
            schema: "khutulun.agent/1".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            since_ms: self.since_ms,
            cursor: self.cursor.load(Ordering::Relaxed),
            processes,
            timers,
            alarm: self.is_alarm_set.load(Ordering::Relaxed),
            files,
            told,
            waiting,
            at_work: self.at_work.load(Ordering::Relaxed),
            performed: self.performed.load(Ordering::Relaxed),
        }
    }
}

impl Agent {
    /// Works until somebody ends it. `ready` is called once it hears of everything and its socket is there.
    ///
    /// Call it on a runtime of tokio with its input and output and its time enabled.
    ///
    /// # Errors
    /// When it cannot begin, or a part of it breaks down. What else goes wrong later is said ([`Host::note`]) and tried again.
    pub async fn run(self, stop: &Stop, ready: impl FnOnce()) -> Result<(), AgentError> {
        let Self { state, store, functions, act, host, clock, author } = self;
        let reactor = Reactor::open(&*store)?;
        let teller =
            Teller::new(Arc::clone(&store), Arc::clone(&functions), Arc::clone(&host), author.clone())?;
        let listener = socket::listen(state.root()).map_err(system("listen at the socket"))?;
        let shared = Arc::new(Shared {
            store: Arc::clone(&store),
            functions,
            host,
            since_ms: clock.now_ms(),
            cursor: AtomicU64::new(reactor.cursor()),
            at_work: AtomicU64::new(0),
            performed: AtomicU64::new(0),
            numbers: Mutex::default(),
            orders: Arc::new(Orders::new().map_err(system("make a bell"))?),
            is_alarm_set: AtomicBool::new(false),
        });
        let ears = Ears {
            orders: Arc::clone(&shared.orders),
            signal: store.signal()?,
            processes: ProcessWatch::new(&state)?,
            files: FileWatch::new().map_err(system("watch files"))?,
            alarm: Alarm::new().map_err(system("make an alarm"))?,
            teller,
            clock,
            shared: Arc::clone(&shared),
        };
        let hearing = thread::Builder::new()
            .name("khutulun-ears".to_owned())
            .spawn({
                let end = EndWhenBroken(stop.clone());
                move || {
                    let _end = end;
                    ears.listen();
                }
            })
            .map_err(system("start a thread"))?;
        let server = tokio::spawn(socket::serve(listener, Arc::clone(&shared), stop.clone()));
        let taking_up = tokio::spawn({
            let act = Arc::clone(&act);
            async move { act.take_up().await }
        });
        let ended = Arc::new(Ended::new().map_err(system("make a bell"))?);
        let reacting = Reacting {
            reactor,
            signal: store.signal()?,
            ended: Arc::clone(&ended),
            act,
            shared: Arc::clone(&shared),
            runtime: Handle::current(),
            at_work: 0,
            is_broken: false,
        };
        let reacting = thread::Builder::new()
            .name("khutulun-react".to_owned())
            .spawn({
                let end = EndWhenBroken(stop.clone());
                move || {
                    let _end = end;
                    reacting.work();
                }
            })
            .map_err(system("start a thread"))?;
        ready();
        stop.wait().await;
        // What hears is ended first, then what reacts, once all that it began has ended.
        shared.orders.end();
        ended.end();
        let joined = tokio::task::spawn_blocking(|| (hearing.join(), reacting.join())).await;
        let ended = (joined, taking_up.await, server.await);
        socket::remove(state.root());
        match ended {
            (Ok((Ok(()), Ok(()))), Ok(()), Ok(())) => Ok(()),
            _ => Err(AgentError::Broken),
        }
    }
}
