//! The tables, and how older files get them.

use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use floria::StoreError;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use crate::{
    backup::write_copy,
    error::{failed, is_busy, unavailable},
    migrations::Migration,
    partial::Partial,
};

/// How long a process waits for another one that writes. A commit takes milliseconds; a migration of a large file may take
/// seconds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(60);

/// How long it sleeps between two looks at whether that one is done. SQLite's own waiting sleeps a tenth of a second at a time,
/// and between two commits of a busy writer there is far less time than that: on a slow disk it might never have its turn.
const BUSY_PAUSE: Duration = Duration::from_micros(500);

/// How long it waits between two attempts to open a file that is just being made.
const RETRY_PAUSE: Duration = Duration::from_millis(2);

/// How many prepared statements a connection keeps: more than this crate has.
const STATEMENTS_MAX: usize = 128;

/// Marks a SQLite file as ours: `FLOR`.
const APPLICATION_ID: i32 = 0x464c_4f52;

/// What a SQLite file is without that mark.
const OTHER_PROGRAM: &str = "it is a SQLite database of another program";

/// Opens a file to write, makes it when there is none, and brings its tables up to date.
pub(crate) fn open(path: &Path, migrations: &[Migration]) -> Result<Connection, StoreError> {
    patiently(|| try_open(path, migrations))
}

/// Opens a file that is up to date, to read.
pub(crate) fn open_to_read(path: &Path, migrations: &[Migration]) -> Result<Connection, StoreError> {
    patiently(|| try_open_to_read(path, migrations))
}

/// Tries again while another process makes the file or turns on its log, where SQLite gives up without waiting.
fn patiently(open: impl Fn() -> Result<Connection, StoreError>) -> Result<Connection, StoreError> {
    let start = Instant::now();
    loop {
        let opened = open();
        let busy = opened.as_ref().err().is_some_and(is_busy);
        if !busy || start.elapsed() > BUSY_TIMEOUT {
            return opened;
        }
        thread::sleep(RETRY_PAUSE);
    }
}

fn try_open(path: &Path, migrations: &[Migration]) -> Result<Connection, StoreError> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection =
        Connection::open_with_flags(path, flags).map_err(|error| failed("open", path, error))?;
    // SQLite opens what it may not write for reading, and would say so only at the first commit.
    if connection.is_readonly(c"main").map_err(|error| failed("open", path, error))? {
        let written = fs::File::options().append(true).open(path);
        let cause = written.err().unwrap_or_else(|| io::ErrorKind::PermissionDenied.into());
        return Err(unavailable("open", path, cause));
    }
    configure(&mut connection).map_err(|error| failed("open", path, error))?;
    let (version, _) = versions(&connection).map_err(|error| failed("open", path, error))?;
    if usize::try_from(version) != Ok(migrations.len()) {
        migrate(&mut connection, path, migrations)?;
    } else {
        check_ours(&connection, path)?;
    }
    // The file remembers this; asking again costs nothing. On a file system without shared memory it stays as it was, which
    // is as durable.
    let mode = connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get::<_, String>(0));
    mode.map_err(|error| failed("open", path, error))?;
    // Only a connection that has read cleans up when it is the last to go.
    versions(&connection).map_err(|error| failed("open", path, error))?;
    Ok(connection)
}

fn try_open_to_read(path: &Path, migrations: &[Migration]) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = Connection::open_with_flags(path, flags).and_then(|mut connection| {
        configure(&mut connection)?;
        versions(&connection).map(|versions| (connection, versions.0))
    });
    let (connection, version) = match opened {
        Ok(opened) => opened,
        Err(error) => open_unchanging(path).ok_or_else(|| failed("open", path, error))?,
    };
    check_ours(&connection, path)?;
    match usize::try_from(version) {
        Ok(version) if version == migrations.len() => Ok(connection),
        Ok(version) if version < migrations.len() => Err(unavailable(
            "read",
            path,
            format!("it has schema version {version} and must first be opened to write, which updates it"),
        )),
        _ => Err(too_new(version, migrations)),
    }
}

/// Opens a file on a medium that cannot be written, where SQLite cannot make the files that readers share. Right only when
/// nobody can write it, and when no commit waits in a log beside it.
fn open_unchanging(path: &Path) -> Option<(Connection, i32)> {
    let log = fs::metadata(with_suffix(path, "-wal")).map_or(0, |log| log.len());
    let writable = fs::File::options().append(true).open(path).is_ok();
    if log > 0 || writable {
        return None;
    }
    let mut uri = "file:".to_owned();
    for octet in fs::canonicalize(path).ok()?.as_os_str().as_encoded_bytes() {
        match octet {
            b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => {
                uri.push(char::from(*octet));
            }
            _ => uri.push_str(&format!("%{octet:02x}")),
        }
    }
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let mut connection = Connection::open_with_flags(format!("{uri}?immutable=1"), flags).ok()?;
    configure(&mut connection).ok()?;
    let (version, _) = versions(&connection).ok()?;
    Some((connection, version))
}

/// Sleeps before the next look at whether the file is free; `looks` is how many there were. Returns false to give up.
fn wait_for_turn(looks: i32) -> bool {
    thread::sleep(BUSY_PAUSE);
    BUSY_PAUSE.saturating_mul(looks.unsigned_abs()) < BUSY_TIMEOUT
}

fn configure(connection: &mut Connection) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    connection.busy_handler(Some(wait_for_turn))?;
    // FULL: a commit is on the disk when it returns, also when the power fails.
    connection.execute_batch("PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF;")
}

/// Returns the version of the schema and the mark of the application.
fn versions(connection: &Connection) -> rusqlite::Result<(i32, i32)> {
    connection.query_row(
        "SELECT user_version, application_id FROM pragma_user_version, pragma_application_id",
        [],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// Makes sure that a store made this file.
pub(crate) fn check_ours(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let (_, application) = versions(connection).map_err(|error| failed("open", path, error))?;
    if application == APPLICATION_ID {
        return Ok(());
    }
    let is_empty = fs::metadata(path).is_ok_and(|file| file.len() == 0);
    Err(unavailable("open", path, if is_empty { "it is empty" } else { OTHER_PROGRAM }))
}

fn too_new(version: i32, migrations: &[Migration]) -> StoreError {
    StoreError::TooNew {
        found: u32::try_from(version).unwrap_or(u32::MAX),
        known: u32::try_from(migrations.len()).unwrap_or(u32::MAX),
    }
}

/// Brings the tables up to date in one transaction, after copying a file that has some.
fn migrate(connection: &mut Connection, path: &Path, migrations: &[Migration]) -> Result<(), StoreError> {
    let new = fs::metadata(path).is_ok_and(|file| file.len() == 0);
    let attempt = if new { "create" } else { "update the schema of" };
    let error = |error| failed(attempt, path, error);
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(error)?;
    // Another process may have done it while this one waited for its turn.
    let (version, application) = versions(&transaction).map_err(error)?;
    let tables: i64 =
        transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(error)?;
    if application != APPLICATION_ID && (tables > 0 || version != 0 || application != 0) {
        return Err(unavailable("open", path, OTHER_PROGRAM));
    }
    let Ok(done) = usize::try_from(version) else { return Err(too_new(version, migrations)) };
    if done > migrations.len() {
        return Err(too_new(version, migrations));
    }
    if done == migrations.len() {
        return Ok(());
    }
    if done > 0 {
        // Nobody else can write now, and reading is always allowed.
        back_up(path, done).map_err(|source| unavailable("back up", path, source))?;
    }
    for migration in &migrations[done..] {
        migration.run(&transaction).map_err(|problem| problem.told(attempt, path))?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(error)?;
    transaction.pragma_update(None, "user_version", migrations.len() as i64).map_err(error)?;
    transaction.commit().map_err(error)
}

/// Writes a copy beside the file: `floria.db.v1` for one of version 1. It has its name only when it is whole.
fn back_up(path: &Path, version: usize) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let copy = with_suffix(path, &format!(".v{version}"));
    let partial = Partial::of(&copy)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    write_copy(&Connection::open_with_flags(path, flags)?, partial.path())?;
    fs::rename(partial.path(), copy)?;
    Ok(())
}

pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}
