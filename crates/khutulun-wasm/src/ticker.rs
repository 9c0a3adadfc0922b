//! The clock of the Wasm engine: epochs that pass while plugins run, and only then.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use wasmtime::Engine;

/// How long an epoch is. Limits are in whole milliseconds of tens and more, so a hundredth of a second is fine enough.
pub(crate) const EPOCH: Duration = Duration::from_millis(10);

/// Advances an engine's epoch while there is a [`Ticking`]. One thread, not a task: a runtime whose threads are all busy must
/// not keep a plugin from being stopped. It sleeps without a wake-up while nothing runs.
pub(crate) struct Ticker {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    running: usize,
    ended: bool,
}

impl Shared {
    /// The state is two plain fields: a thread that panicked left them whole.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticker {
    /// Starts the thread.
    pub(crate) fn start(engine: &Engine) -> std::io::Result<Self> {
        let shared = Arc::new(Shared { state: Mutex::default(), changed: Condvar::new() });
        let (engine, seen) = (engine.clone(), Arc::clone(&shared));
        thread::Builder::new().name("wasm-epochs".to_owned()).spawn(move || {
            loop {
                let mut state = seen.state();
                while state.running == 0 && !state.ended {
                    state = seen.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
                if state.ended {
                    return;
                }
                drop(state);
                thread::sleep(EPOCH);
                engine.increment_epoch();
            }
        })?;
        Ok(Self { shared })
    }

    /// Lets epochs pass until the answer is dropped.
    pub(crate) fn tick(&self) -> Ticking<'_> {
        self.shared.state().running += 1;
        self.shared.changed.notify_one();
        Ticking { shared: &self.shared }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.state().ended = true;
        self.shared.changed.notify_one();
    }
}

/// While it lives, epochs pass.
pub(crate) struct Ticking<'a> {
    shared: &'a Shared,
}

impl Drop for Ticking<'_> {
    fn drop(&mut self) {
        self.shared.state().running -= 1;
    }
}
