//! Watching: the rows of the log as they come, without gaps and without asking again and again.

use std::{
    any::Any,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::Duration,
};

use crate::{LogQuery, LogRow, Namespace, Revision, Store, StoreError};

/// Wakes whoever watches a store. It says that something may be new, never what: that is in the log.
#[derive(Default)]
pub struct Signal {
    state: Mutex<SignalState>,
    told: Condvar,
    /// Dropped with it.
    _keeper: Option<Box<dyn Any + Send + Sync>>,
}

#[derive(Default)]
struct SignalState {
    /// Counts how often it was told.
    count: u64,
    wakers: Vec<Waker>,
}

impl Signal {
    /// Makes one that nobody has told anything.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes one that holds whatever listens on its behalf: what is dropped once nobody holds the signal any more.
    pub fn with_keeper(keeper: impl Any + Send + Sync) -> Self {
        Self { _keeper: Some(Box::new(keeper)), ..Self::default() }
    }

    /// Tells all who wait that something may be new. A store does so after each commit, its own or another's.
    pub fn tell(&self) {
        let wakers = {
            let mut state = self.state();
            state.count += 1;
            std::mem::take(&mut state.wakers)
        };
        self.told.notify_all();
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Returns how often it was told so far. Take it before reading, and wait for more after.
    pub fn count(&self) -> u64 {
        self.state().count
    }

    /// Waits until it was told more often than `seen`. Returns false when the time is over first.
    pub fn wait(&self, seen: u64, timeout: Option<Duration>) -> bool {
        let state = self.state();
        let waits = |state: &mut SignalState| state.count <= seen;
        match timeout {
            None => {
                drop(self.told.wait_while(state, waits).unwrap_or_else(PoisonError::into_inner));
                true
            }
            Some(timeout) => {
                let waited = self.told.wait_timeout_while(state, timeout, waits);
                !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
            }
        }
    }

    /// Returns whether it was told more often than `seen`; if not, the task is woken once it is.
    pub fn poll(&self, seen: u64, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.state();
        if state.count > seen {
            return Poll::Ready(());
        }
        if !state.wakers.iter().any(|waker| waker.will_wake(context.waker())) {
            state.wakers.push(context.waker().clone());
        }
        Poll::Pending
    }

    fn state(&self) -> MutexGuard<'_, SignalState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The rows of a store's log from a revision on, as they are committed: each once, in order, none left out.
pub struct Watch<S> {
    store: S,
    signal: Arc<Signal>,
    query: LogQuery,
}

/// How many rows are handed out at once, so that one who comes late does not hold the whole log in memory.
const ROWS_MAX: usize = 1_000;

impl<S: Store> Watch<S> {
    /// Watches what is committed after a revision, of one namespace or of all.
    ///
    /// # Errors
    ///
    /// [`StoreError::Forgotten`] when that revision is older than what the store keeps.
    pub fn new(store: S, from: Revision, namespace: Option<Namespace>) -> Result<Self, StoreError> {
        let signal = store.signal()?;
        let query = LogQuery { since: from, namespace, limit: Some(ROWS_MAX), ..LogQuery::default() };
        // Whoever asks for what is gone hears of it now.
        store.log(&LogQuery { limit: Some(0), ..query.clone() })?;
        Ok(Self { store, signal, query })
    }

    /// Returns the next rows, waiting for some; none when the time is over first.
    ///
    /// # Errors
    ///
    /// When the store cannot be read. Nothing is lost: the next call begins at the same row.
    pub fn next(&mut self, timeout: Option<Duration>) -> Result<Vec<LogRow>, StoreError> {
        loop {
            let seen = self.signal.count();
            let rows = self.take()?;
            if !rows.is_empty() || !self.signal.wait(seen, timeout) {
                return Ok(rows);
            }
        }
    }

    /// Returns the next rows, if there are some; otherwise the task is woken once there may be.
    ///
    /// # Errors
    ///
    /// As [`Self::next`].
    pub fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Result<Vec<LogRow>, StoreError>> {
        loop {
            let seen = self.signal.count();
            let rows = self.take();
            if rows.as_ref().map_or(true, |rows| !rows.is_empty()) {
                return Poll::Ready(rows);
            }
            if self.signal.poll(seen, context).is_pending() {
                return Poll::Pending;
            }
        }
    }

    fn take(&mut self) -> Result<Vec<LogRow>, StoreError> {
        let rows = self.store.log(&self.query)?;
        if let Some(last) = rows.last() {
            self.query.after = last.sequence;
        }
        Ok(rows)
    }
}
