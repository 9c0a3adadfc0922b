//! Errors of SQLite in the words of a store.

use std::{io, path::Path};

use floria::{CodecError, StoreError, laws};
use rusqlite::ErrorCode;

/// Makes the error for an attempt, such as "commit to", that failed.
pub(crate) fn unavailable(
    attempt: &str,
    path: &Path,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> StoreError {
    StoreError::Unavailable {
        attempt: format!("{attempt} store `{}`", path.display()),
        source: source.into(),
    }
}

/// Makes the error for what SQLite says; damage of the file is told apart.
pub(crate) fn failed(attempt: &str, path: &Path, error: rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt) => StoreError::Damaged(format!("`{}`: {error}", path.display())),
        Some(ErrorCode::CannotOpen) => match cannot_open_because(path) {
            Some(cause) => unavailable(attempt, path, cause),
            None => unavailable(attempt, path, error),
        },
        _ => unavailable(attempt, path, error),
    }
}

/// Returns whether another process was in the way, for a moment.
pub(crate) fn is_busy(error: &StoreError) -> bool {
    let StoreError::Unavailable { source, .. } = error else { return false };
    let code = source.downcast_ref::<rusqlite::Error>().and_then(rusqlite::Error::sqlite_error_code);
    matches!(
        code,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed)
    )
}

/// SQLite does not say why a file cannot be opened, so this tries it again by hand and leaves nothing behind.
fn cannot_open_because(path: &Path) -> Option<io::Error> {
    if path.exists() {
        if path.is_dir() {
            return Some(io::Error::from(io::ErrorKind::IsADirectory));
        }
        return std::fs::File::options().read(true).write(true).open(path).err();
    }
    match std::fs::File::create_new(path) {
        Err(error) => Some(error),
        Ok(_) => std::fs::remove_file(path).err(),
    }
}

/// Makes the error for a row that cannot be decoded.
pub(crate) fn damaged(what: impl std::fmt::Display, error: &CodecError) -> StoreError {
    StoreError::Damaged(format!("{what}: {}", because(error)))
}

/// Says why something cannot be decoded.
pub(crate) fn because(error: &CodecError) -> String {
    use std::error::Error as _;
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("{error}{cause}")
}

/// What went wrong within a transaction: what to tell, or what SQLite said, for whoever knows the path to tell.
#[derive(Debug)]
pub(crate) enum Problem {
    Store(StoreError),
    Sqlite(rusqlite::Error),
}

impl Problem {
    /// Makes the error for an attempt, such as "commit to", that failed because of this.
    pub(crate) fn told(self, attempt: &str, path: &Path) -> StoreError {
        match self {
            Self::Store(error) => error,
            Self::Sqlite(error) => failed(attempt, path, error),
        }
    }
}

impl From<rusqlite::Error> for Problem {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// SQLite's integers have a sign.
pub(crate) fn integer(id: u64) -> Result<i64, StoreError> {
    i64::try_from(id).map_err(|_| laws::id_too_large(id))
}
