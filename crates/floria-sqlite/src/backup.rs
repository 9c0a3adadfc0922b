//! Copies of a store: made while it is used, and put in its place.

use std::{
    fs::{self, File},
    io,
    path::Path,
};

use floria::{Store as _, StoreError};
use rusqlite::{Connection, OpenFlags};

use crate::{
    SqliteStore,
    error::{Problem, failed, is_busy, unavailable},
    migrations::MIGRATIONS,
    partial::Partial,
    schema::{self, with_suffix},
};

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// What [`SqliteStore::restore`] does with a store that is in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InPlaceOf {
    /// There may be none.
    Nothing,
    /// It is replaced, unless somebody has it open.
    WhatIsThere,
}

impl SqliteStore {
    /// Writes a copy of the store to a new file: of one revision, the present one, while others read and write. The copy has its
    /// name only once it is whole and on the disk; it holds no free pages, so it may be smaller.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when there is such a file already or it cannot be written; [`StoreError::Damaged`] when the
    /// store cannot be read. Nothing is left then.
    pub fn back_up_to(&self, copy: impl AsRef<Path>) -> Result<(), StoreError> {
        let copy = copy.as_ref();
        // A connection of its own, since this cannot be done within a transaction.
        let connection = schema::open_to_read(self.path(), MIGRATIONS)?;
        let written = refuse_existing(copy).and_then(|()| {
            let partial = Partial::of(copy)?;
            write_copy(&connection, partial.path())?;
            take_name(partial.path(), copy)
        });
        written.map_err(|cause| about("back up to", copy, cause))
    }

    /// Puts a copy of a store in place, after looking at all of it. A copy of an older version is brought up to date. Until the
    /// new store is whole and on the disk, what was there is there.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] when something is wrong with the copy; [`StoreError::TooNew`] when a newer version wrote it;
    /// [`StoreError::Unavailable`] when there is a store already and nobody said that it may go, or when somebody has it open.
    /// Nothing is changed then.
    pub fn restore(
        copy: impl AsRef<Path>,
        place: impl AsRef<Path>,
        in_place_of: InPlaceOf,
    ) -> Result<(), StoreError> {
        let (copy, place) = (copy.as_ref(), place.as_ref());
        let error = |cause| about("restore", place, cause);
        if in_place_of == InPlaceOf::Nothing {
            refuse_existing(place).map_err(error)?;
        }
        let partial = Partial::of(place).map_err(|cause| error(cause.into()))?;
        check_copy(copy, partial.path())?;
        let _old = if in_place_of == InPlaceOf::WhatIsThere { take_away(place)? } else { None };
        match in_place_of {
            InPlaceOf::Nothing => take_name(partial.path(), place),
            InPlaceOf::WhatIsThere => replace(partial.path(), place),
        }
        .map_err(error)
    }
}

fn about(attempt: &str, path: &Path, cause: Cause) -> StoreError {
    match cause.downcast::<rusqlite::Error>() {
        Ok(error) => failed(attempt, path, *error),
        Err(cause) => unavailable(attempt, path, cause),
    }
}

fn refuse_existing(path: &Path) -> Result<(), Cause> {
    match fs::symlink_metadata(path) {
        Ok(_) => Err(exists().into()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn exists() -> io::Error {
    io::Error::new(io::ErrorKind::AlreadyExists, "there is one already")
}

/// Writes what a connection sees to an empty file, and that file to the disk.
pub(crate) fn write_copy(connection: &Connection, partial: &Path) -> Result<(), Cause> {
    let target = partial.to_str().ok_or("its path is not UTF-8")?;
    connection.execute("VACUUM INTO ?1", [target])?;
    File::open(partial)?.sync_all()?;
    Ok(())
}

/// Gives a file its name, unless another one has it.
fn take_name(partial: &Path, path: &Path) -> Result<(), Cause> {
    match fs::hard_link(partial, path) {
        Ok(()) => fs::remove_file(partial)?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(exists().into()),
        // A file system without links: the moment between looking and renaming remains.
        Err(_) => {
            refuse_existing(path)?;
            fs::rename(partial, path)?;
        }
    }
    sync_folder(path)
}

fn replace(partial: &Path, path: &Path) -> Result<(), Cause> {
    fs::rename(partial, path)?;
    sync_folder(path)
}

/// Makes a name durable.
fn sync_folder(path: &Path) -> Result<(), Cause> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok(File::open(folder)?.sync_all()?)
}

/// Looks at a whole copy, and writes what it holds, in tables of this version, to the file that is to be the store.
fn check_copy(copy: &Path, partial: &Path) -> Result<(), StoreError> {
    let error = |cause| about("read", copy, cause);
    let file = fs::metadata(copy).map_err(|cause| error(cause.into()))?;
    if !file.is_file() {
        return Err(error("it is not a file".into()));
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let source = Connection::open_with_flags(copy, flags).map_err(|cause| failed("open", copy, cause))?;
    // A copy of what is damaged may look whole: indexes are made anew.
    let sound: String = source
        .query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
        .map_err(|cause| error(cause.into()))?;
    if sound != "ok" {
        return Err(StoreError::Damaged(format!("`{}`: {sound}", copy.display())));
    }
    // What is empty is a database, too, and would become a store in which there is nothing.
    schema::check_ours(&source, copy)?;
    write_copy(&source, partial).map_err(error)?;
    let findings = {
        let store = SqliteStore::open(partial)?;
        // What is wrong is said of the copy, and what was opened has another name.
        store.verify()?
    };
    for version in 1..MIGRATIONS.len() {
        _ = fs::remove_file(with_suffix(partial, &format!(".v{version}")));
    }
    match findings.first() {
        None => Ok(()),
        Some(finding) => {
            let more = match findings.len() {
                1 => String::new(),
                count => format!(", and {} more", count - 1),
            };
            Err(StoreError::Damaged(format!("`{}`: {}{more}", copy.display(), finding.message)))
        }
    }
}

/// Makes sure that nobody uses the store that is to be replaced, and that nothing of it is beside the file. Returns what keeps
/// others from opening it.
fn take_away(place: &Path) -> Result<Option<Connection>, StoreError> {
    if !place.exists() {
        return Ok(None);
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = Connection::open_with_flags(place, flags).and_then(|connection| {
        connection.busy_timeout(std::time::Duration::ZERO)?;
        // Only whoever is alone can leave the mode in which several work beside each other.
        connection.pragma_update_and_check(None, "journal_mode", "delete", |_| Ok(()))?;
        connection.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE")?;
        Ok(connection)
    });
    match opened {
        Ok(connection) => Ok(Some(connection)),
        Err(cause) => {
            let error = Problem::from(cause).told("replace", place);
            if is_busy(&error) {
                let busy = io::Error::new(io::ErrorKind::ResourceBusy, "somebody has it open");
                return Err(unavailable("replace", place, busy));
            }
            // It cannot be used, which is why it is replaced. What is beside it must not be taken for the new one's.
            for suffix in ["-wal", "-shm", "-journal"] {
                match fs::remove_file(with_suffix(place, suffix)) {
                    Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
                        return Err(unavailable("replace", place, cause));
                    }
                    _ => {}
                }
            }
            Ok(None)
        }
    }
}
