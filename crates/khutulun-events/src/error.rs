//! Why events could not be read or emitted.

use floria::StoreError;
use khutulun_api::Failure;
use khutulun_engine::EngineError;

/// Why events could not be read or emitted. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    /// The cursor is one that the log has not reached: it is of another store, or of one that was restored since.
    #[error("there is no event {cursor} yet: the log ends at {end}")]
    Future {
        /// What was asked for.
        cursor: u64,
        /// The last row's number.
        end: u64,
    },
    /// Nothing can be called that.
    #[error("`{name}` cannot be the name of an event: {why}")]
    Name {
        /// The name.
        name: String,
        /// Why not.
        why: &'static str,
    },
    /// More came with it than an event can hold.
    #[error("the data of `{name}` comes to {bytes} bytes; an event holds {max}")]
    TooLarge {
        /// The event.
        name: String,
        /// How much came.
        bytes: usize,
        /// How much there may be.
        max: usize,
    },
    /// There is no such node or relationship.
    #[error("there is nothing that `{name}` could be about")]
    Gone {
        /// The event.
        name: String,
    },
    /// It is a notification, and an output of it does not fit the attribute that it goes to.
    #[error("`{name}` cannot be taken in: {}: {}", .failure.message, .failure.detail)]
    Refused {
        /// The event.
        name: String,
        /// Why.
        failure: Failure,
    },
    /// A run could not be begun, or the journal not be read.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The store could not be used.
    #[error("failed to {attempt}")]
    Store {
        /// What was tried.
        attempt: &'static str,
        /// Why.
        #[source]
        source: StoreError,
    },
}

impl EventError {
    pub(crate) fn store(attempt: &'static str) -> impl FnOnce(StoreError) -> Self {
        move |source| Self::Store { attempt, source }
    }
}
