//! The connections that read: as many as are used at once.

use std::{
    ops::Deref,
    path::{Path, PathBuf},
    sync::Mutex,
};

use floria::StoreError;
use rusqlite::Connection;

use crate::{error::Problem, migrations::MIGRATIONS, schema, writer::locked};

/// How many connections are kept for the next reader. More are opened where more read at once, and closed again.
const IDLE_MAX: usize = 4;

/// Connections to read with.
pub(crate) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    /// The first connection is opened by the first read, so that what only writes does not pay for it.
    pub(crate) fn new(path: &Path, idle: Vec<Connection>) -> Self {
        Self { path: path.to_owned(), idle: Mutex::new(idle) }
    }

    /// Begins to read: everything that is read is of one revision, whatever is committed meanwhile.
    pub(crate) fn begin(&self) -> Result<Reading<'_>, StoreError> {
        let idle = locked(&self.idle).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => schema::open_to_read(&self.path, MIGRATIONS)?,
        };
        begin(&connection, "BEGIN").map_err(|problem| problem.told("read", &self.path))?;
        Ok(Reading { readers: self, connection: Some(connection) })
    }
}

fn begin(connection: &Connection, sql: &str) -> Result<(), Problem> {
    connection.prepare_cached(sql)?.execute([])?;
    Ok(())
}

/// A transaction that reads. It sees the revision that is there at its first statement.
pub(crate) struct Reading<'a> {
    readers: &'a Readers,
    /// Always there until it is dropped.
    connection: Option<Connection>,
}

impl Reading<'_> {
    /// Makes the error of the store for what went wrong here.
    pub(crate) fn told(&self, problem: impl Into<Problem>) -> StoreError {
        problem.into().told("read", &self.readers.path)
    }
}

impl Deref for Reading<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection.as_ref().expect("the connection is there until it is given back")
    }
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        // There is nothing to commit. One that cannot end its transaction is not used again.
        if begin(&connection, "ROLLBACK").is_ok() {
            let mut idle = locked(&self.readers.idle);
            if idle.len() < IDLE_MAX {
                idle.push(connection);
            }
        }
    }
}
