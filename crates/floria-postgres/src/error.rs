//! Errors of PostgreSQL in the words of a store.

use floria::{CodecError, StoreError};
use tokio_postgres::{Error, error::SqlState};

/// What went wrong within a transaction: what to tell, or what PostgreSQL said, which may be worth another attempt.
#[derive(Debug)]
pub(crate) enum Problem {
    Store(StoreError),
    Postgres(Error),
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::Postgres(error)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Problem {
    /// Returns what a caller is told, who was about to `attempt`.
    pub(crate) fn told(self, attempt: &str) -> StoreError {
        match self {
            Self::Store(error) => error,
            Self::Postgres(error) => unavailable(attempt, Said(error)),
        }
    }

    /// Returns whether the connection is of no use any more, or never was, and another one may be.
    pub(crate) fn is_broken_connection(&self) -> bool {
        matches!(self, Self::Postgres(error) if is_broken_connection(error))
    }

    /// Returns whether the transaction was in another one's way, and may be tried again.
    pub(crate) fn is_collision(&self) -> bool {
        let Self::Postgres(error) = self else { return false };
        matches!(error.code(), Some(&SqlState::T_R_SERIALIZATION_FAILURE | &SqlState::T_R_DEADLOCK_DETECTED))
    }
}

pub(crate) fn is_broken_connection(error: &Error) -> bool {
    match error.code() {
        Some(code) => {
            // Class 08: exceptions of connections. 25P03 and 57P05: it was idle for too long.
            code.code().starts_with("08")
                || matches!(code.code(), "25P03" | "57P05")
                || [&SqlState::ADMIN_SHUTDOWN, &SqlState::CRASH_SHUTDOWN, &SqlState::CANNOT_CONNECT_NOW]
                    .contains(&code)
        }
        None => {
            let mut source = std::error::Error::source(error);
            while let Some(cause) = source {
                if cause.is::<std::io::Error>() {
                    return true;
                }
                source = cause.source();
            }
            error.is_closed()
        }
    }
}

/// Makes the error for an attempt, such as "commit to the store", that failed.
pub(crate) fn unavailable(
    attempt: &str,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> StoreError {
    StoreError::Unavailable { attempt: attempt.to_owned(), source: source.into() }
}

/// Makes the error for a row that cannot be decoded.
pub(crate) fn damaged(what: impl std::fmt::Display, error: &CodecError) -> StoreError {
    use std::error::Error as _;
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    StoreError::Damaged(format!("{what}: {error}{cause}"))
}

/// What PostgreSQL said, on one line: its own `Display` is only "db error".
#[derive(Debug)]
struct Said(Error);

impl std::fmt::Display for Said {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0.as_db_error() {
            Some(error) => write!(formatter, "{} ({})", error.message(), error.code().code()),
            None => match std::error::Error::source(&self.0) {
                Some(cause) => write!(formatter, "{}: {cause}", self.0),
                None => self.0.fmt(formatter),
            },
        }
    }
}

impl std::error::Error for Said {}
