//! Errors of SQLite in the words of a store.

use std::{io, path::Path};

use floria::{CodecError, StoreError};
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
pub(crate) fn damaged(what: &str, id: i64, error: &CodecError) -> StoreError {
    use std::error::Error as _;
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    StoreError::Damaged(format!("{what} {id}: {error}{cause}"))
}
