//! Ctrl-C, and the termination that a service manager asks for: the first stops what is at work, the second leaves it.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
    thread,
};

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::{
    error::CliError,
    exit::Exit,
    progress::{Event, Progress},
    terminal::Style,
};

/// Hears of interruptions from the first time on that something is at work, until the command ends: whoever is heard once is not
/// asked by the operating system any more.
#[derive(Clone)]
pub(crate) struct Interruption(Arc<Shared>);

struct Shared {
    progress: Progress,
    words: Words,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// What stops what is at work.
    stop: Option<Box<dyn Fn() + Send>>,
    is_asked: bool,
    listens: bool,
}

/// What is said of an interruption.
#[derive(Clone, Copy)]
pub(crate) struct Words {
    /// That what is at work ends.
    pub(crate) stopping: &'static str,
    /// That it was left.
    pub(crate) left: fn() -> CliError,
}

impl Interruption {
    /// Makes one that hears of nothing yet.
    pub(crate) fn new(progress: Progress, words: Words) -> Self {
        Self(Arc::new(Shared { progress, words, state: Mutex::default() }))
    }

    /// Something is at work from now on, and can be stopped.
    pub(crate) fn begin(&self, stop: impl Fn() + Send + 'static) -> Result<(), CliError> {
        let mut state = self.state();
        if !state.listens {
            listen(Arc::clone(&self.0)).map_err(|error| {
                CliError::new(Exit::Failed, "failed to listen for interruptions")
                    .place("this machine")
                    .cause(&error)
                    .next("raise the limits of processes and open files (ulimit -u, -n), then run the command again")
            })?;
            state.listens = true;
        }
        state.stop = Some(Box::new(stop));
        Ok(())
    }

    /// Nothing is at work any more.
    pub(crate) fn end(&self) {
        self.state().stop = None;
    }

    /// Returns whether somebody has interrupted what was at work: then this command begins nothing more.
    pub(crate) fn is_asked(&self) -> bool {
        self.state().is_asked
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    fn heard(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match &state.stop {
            Some(stop) if !state.is_asked => {
                stop();
                state.is_asked = true;
                self.progress.show(Event::Note(self.words.stopping.to_owned()));
            }
            Some(_) => {
                self.progress.settle();
                self.progress.say(&(self.words.left)().render(Style::stderr()));
                std::process::exit(Exit::Interrupted.code().into());
            }
            // Between two runs, such as while somebody is asked, nothing is at work that would have to end.
            None => {
                self.progress.settle();
                std::process::exit(Exit::Interrupted.code().into());
            }
        }
    }
}

/// Listens in a thread of its own. On return it is heard.
fn listen(shared: Arc<Shared>) -> io::Result<()> {
    let (ready, is_ready) = mpsc::channel();
    let register = || -> io::Result<_> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        let signals = {
            let _entered = runtime.enter();
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
        };
        Ok((runtime, signals))
    };
    thread::Builder::new().name("khutulun-signals".to_owned()).spawn(move || match register() {
        Ok((runtime, signals)) => {
            let _ = ready.send(Ok(()));
            runtime.block_on(hear(&shared, signals));
        }
        Err(error) => drop(ready.send(Err(error))),
    })?;
    is_ready.recv().unwrap_or_else(|_| Err(io::Error::other("the thread that listens broke down")))
}

async fn hear(shared: &Shared, (mut interrupt, mut terminate): (Signal, Signal)) {
    loop {
        let heard = tokio::select! {
            heard = interrupt.recv() => heard,
            heard = terminate.recv() => heard,
        };
        if heard.is_none() {
            return;
        }
        shared.heard();
    }
}
