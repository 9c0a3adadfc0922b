//! Following events as they come.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use floria::{Signal, Store};

use crate::{
    error::EventError,
    event::Event,
    read::{Page, Reader},
};

/// How many events are handed out at once.
const EVENTS_MAX: usize = 500;

/// The events after a cursor, as they are recorded: each once, in order, none left out. While there are none, nothing is done: the
/// store's signal wakes it.
pub struct Follow<S> {
    store: S,
    reader: Reader,
    cursor: u64,
    signal: Arc<Signal>,
    stopped: Arc<AtomicBool>,
}

/// Ends the waiting of a [`Follow`], from another thread.
#[derive(Clone)]
pub struct Stop {
    signal: Arc<Signal>,
    stopped: Arc<AtomicBool>,
}

impl Stop {
    /// Ends it: no more events are handed out.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        self.signal.tell();
    }
}

impl<S: Store> Follow<S> {
    /// Follows what comes after a cursor; 0 is the beginning of the log.
    ///
    /// # Errors
    ///
    /// When the store cannot tell of commits.
    pub fn new(store: S, since: u64) -> Result<Self, EventError> {
        let signal = store.signal().map_err(EventError::store("watch the store"))?;
        Ok(Self { store, reader: Reader::new(), cursor: since, signal, stopped: Arc::default() })
    }

    /// Returns the cursor after which it goes on: all before it was handed out.
    pub fn cursor(&self) -> u64 {
        self.cursor
    }

    /// Returns what ends the waiting.
    pub fn stopper(&self) -> Stop {
        Stop { signal: Arc::clone(&self.signal), stopped: Arc::clone(&self.stopped) }
    }

    /// Returns the next events, waiting for some. None when somebody stopped it, or the time is over first.
    ///
    /// # Errors
    ///
    /// As [`Reader::read`]. Nothing is lost: the next call begins at the same event.
    pub fn next(&mut self, timeout: Option<Duration>) -> Result<Vec<Event>, EventError> {
        loop {
            let seen = self.signal.count();
            if let Some(events) = self.take()? {
                return Ok(events);
            }
            if !self.signal.wait(seen, timeout) {
                return Ok(Vec::new());
            }
        }
    }

    /// Returns the next events, if there are some; otherwise the task is woken once there may be. None of them when somebody
    /// stopped it.
    ///
    /// # Errors
    ///
    /// As [`Self::next`].
    pub fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Result<Vec<Event>, EventError>> {
        loop {
            let seen = self.signal.count();
            if let Some(events) = self.take().transpose() {
                return Poll::Ready(events);
            }
            if self.signal.poll(seen, context).is_pending() {
                return Poll::Pending;
            }
        }
    }

    /// The next events; no list where there are none yet, and an empty one at the end.
    fn take(&mut self) -> Result<Option<Vec<Event>>, EventError> {
        loop {
            if self.stopped.load(Ordering::SeqCst) {
                return Ok(Some(Vec::new()));
            }
            let Page { events, cursor, more } = self.reader.read(&self.store, self.cursor, EVENTS_MAX)?;
            self.cursor = cursor;
            if !events.is_empty() {
                return Ok(Some(events));
            }
            if !more {
                return Ok(None);
            }
        }
    }
}
