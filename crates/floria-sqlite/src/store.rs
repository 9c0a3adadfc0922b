//! The store itself: a connection to write, and several to read.

use std::{
    collections::BTreeMap,
    fs,
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

use floria::{
    At, Author, Batch, EntityKind, Finding, Forgotten, LogQuery, LogRow, Revision, Signal, Snapshot, Stats,
    Store, StoreError, laws,
};
use rusqlite::Connection;

use crate::{
    error::{Problem, integer, unavailable},
    forget::forget,
    listen::Signals,
    log,
    migrations::{MIGRATIONS, Migration},
    readers::{Readers, Reading},
    schema::{self, with_suffix},
    snapshot::SqliteSnapshot,
    verify::verify,
    writer::Writer,
};

/// A [`Store`] in one SQLite file. Several processes may have it open.
pub struct SqliteStore {
    path: PathBuf,
    /// Dropped before the writer, since the last connection to go moves what is in the log beside the file into it, and these
    /// cannot.
    readers: Readers,
    /// None: opened to read only.
    writer: Option<Writer>,
    signals: Signals,
}

impl SqliteStore {
    /// Opens the store in this file, makes it when there is none, and updates the schema of an older one, keeping a copy of
    /// the file beside it (`….v1` for one of version 1). The folder must exist, and two more files come and go in it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`], which names the path, when the file or its folder cannot be read and written, the disk is
    /// full, or the file is not a store; [`StoreError::TooNew`] when a newer version wrote it. Nothing was changed then.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::open_with(path.as_ref(), MIGRATIONS)
    }

    /// Opens the store in this file to read it, also on a medium that cannot be written. Whatever writes fails.
    ///
    /// # Errors
    ///
    /// As [`Self::open`]; also when there is no such file, or when its schema is older than this program's.
    pub fn open_read_only(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = path.as_ref();
        let reader = schema::open_to_read(path, MIGRATIONS)?;
        Ok(Self {
            path: path.to_owned(),
            writer: None,
            readers: Readers::new(path, vec![reader]),
            signals: Signals::new(path),
        })
    }

    pub(crate) fn open_with(path: &Path, migrations: &[Migration]) -> Result<Self, StoreError> {
        let writer = schema::open(path, migrations)?;
        Ok(Self {
            path: path.to_owned(),
            writer: Some(Writer::new(writer)),
            readers: Readers::new(path, Vec::new()),
            signals: Signals::new(path),
        })
    }

    /// Reads in one transaction: everything is of one revision.
    fn read<T>(&self, work: impl FnOnce(&Reading<'_>) -> Result<T, Problem>) -> Result<T, StoreError> {
        let reading = self.readers.begin()?;
        work(&reading).map_err(|problem| reading.told(problem))
    }

    /// Returns where it is, as it was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn writer(&self, attempt: &str) -> Result<&Writer, StoreError> {
        self.writer.as_ref().ok_or_else(|| unavailable(attempt, &self.path, "it was opened to read only"))
    }
}

impl Store for SqliteStore {
    fn commit(&self, batch: &Batch) -> Result<Revision, StoreError> {
        let revision = self.writer("commit to")?.commit(&self.path, batch)?;
        self.signals.tell();
        Ok(revision)
    }

    fn allocate(&self, count: u64) -> Result<Range<u64>, StoreError> {
        if count == 0 {
            return Ok(0..0);
        }
        let attempt = "take ids from";
        let taken = self.writer(attempt)?.transaction(|transaction, _| take_ids(transaction, count));
        taken.map_err(|problem| problem.told(attempt, &self.path))
    }

    fn snapshot(&self, at: At) -> Result<Box<dyn Snapshot + '_>, StoreError> {
        Ok(Box::new(SqliteSnapshot::new(self.readers.begin()?, at)?))
    }

    fn log(&self, query: &LogQuery) -> Result<Vec<LogRow>, StoreError> {
        self.read(|reading| log::rows(reading, query))
    }

    fn signal(&self) -> Result<Arc<Signal>, StoreError> {
        // Reading makes the file that others write to, so that there is something to listen to.
        self.revision()?;
        self.signals.signal()
    }

    fn forget_before(
        &self,
        revision: Revision,
        keep: &[String],
        author: Option<Author>,
    ) -> Result<Forgotten, StoreError> {
        let attempt = "forget what was in";
        let forgotten = self
            .writer(attempt)?
            .transaction(|transaction, time_ms| forget(transaction, revision, keep, (author, time_ms)))
            .map_err(|problem| problem.told(attempt, &self.path))?;
        self.signals.tell();
        Ok(forgotten)
    }

    fn stats(&self) -> Result<Stats, StoreError> {
        self.read(|reading| {
            let one = |sql: &str| {
                reading.query_row(sql, [], |row| row.get::<_, i64>(0)).map(|number| number as u64)
            };
            let mut entities = BTreeMap::new();
            for kind in EntityKind::ALL {
                let sql = "SELECT count(*) FROM entity WHERE kind = ?1";
                let count: i64 = reading.query_row(sql, [kind as i64], |row| row.get(0))?;
                entities.insert(kind, count as u64);
            }
            let waiting = fs::metadata(with_suffix(&self.path, "-wal")).map_or(0, |file| file.len());
            let pages = one("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")?;
            Ok(Stats {
                revision: Revision(one("SELECT revision FROM store")?),
                kept_from: Revision(one("SELECT kept_from FROM store")?),
                entities,
                log_rows: one("SELECT count(*) FROM log")?,
                octets: Some(pages + waiting),
            })
        })
    }

    fn verify(&self) -> Result<Vec<Finding>, StoreError> {
        self.read(|reading| verify(reading))
    }
}

fn take_ids(transaction: &Connection, count: u64) -> Result<Range<u64>, Problem> {
    let used: i64 =
        transaction.prepare_cached("SELECT ids_used FROM store")?.query_row([], |row| row.get(0))?;
    let used = used as u64;
    let end = used.checked_add(count).ok_or_else(|| laws::id_too_large(u64::MAX))?;
    transaction.prepare_cached("UPDATE store SET ids_used = ?1, ids_again = ?1")?.execute([integer(end)?])?;
    Ok(used + 1..end + 1)
}

#[cfg(test)]
mod tests {
    use floria::{Change, Namespace, Record, Value, VertexTemplate, VertexTemplateId};

    use super::*;

    fn record(size: usize) -> Batch {
        let record = Record {
            stream: "run/1".to_owned(),
            namespace: Namespace("shop".to_owned()),
            kind: "note".to_owned(),
            body: Value::Bytes(vec![7; size]),
        };
        Batch { records: vec![record], ..Batch::default() }
    }

    #[test]
    fn a_full_disk_refuses_the_commit_and_leaves_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path().join("floria.db")).unwrap();
        store.commit(&record(10)).unwrap();
        let limit = |pages: i64| {
            let connection = store.writer.as_ref().unwrap().connection();
            connection
                .pragma_update_and_check(None, "max_page_count", pages, |row| row.get::<_, i64>(0))
                .unwrap()
        };
        // As many pages as there are: the disk is full for whoever needs one more.
        limit(1);
        let error = store.commit(&record(100_000)).unwrap_err();
        let StoreError::Unavailable { attempt, source } = &error else { panic!("{error:?}") };
        assert!(attempt.starts_with("commit to store `") && attempt.ends_with("floria.db`"), "{attempt}");
        assert!(source.to_string().contains("full"), "{source}");
        assert_eq!(
            (store.revision().unwrap(), store.log(&LogQuery::default()).unwrap().len()),
            (Revision(1), 1)
        );
        // Once there is room again, the same commit is fine.
        limit(1_000_000);
        assert_eq!(store.commit(&record(100_000)).unwrap(), Revision(2));
    }

    #[test]
    fn an_older_file_is_copied_and_then_updated() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("floria.db");
        let namespace = Namespace("shop".to_owned());
        {
            let store = SqliteStore::open(&path).unwrap();
            let template = VertexTemplate {
                id: VertexTemplateId(1),
                namespace: namespace.clone(),
                name: "shop".to_owned(),
                container: None,
                classes: Vec::new(),
                properties: Default::default(),
                handlers: Default::default(),
                rules: Default::default(),
                metadata: Default::default(),
                origin: None,
            };
            let changes = vec![Change::put(template)];
            store.commit(&Batch { changes, ..Batch::default() }).unwrap();
        }
        // A migration that fails leaves the file as it was.
        let broken =
            [MIGRATIONS, &[Migration::of("CREATE TABLE extra (id INTEGER PRIMARY KEY); SELECT nonsense;")]]
                .concat();
        assert!(matches!(
            SqliteStore::open_with(&path, &broken),
            Err(StoreError::Unavailable { attempt, .. }) if attempt.starts_with("update the schema of store")
        ));
        let count = |path: &Path, table: &str| -> i64 {
            let connection = Connection::open(path).unwrap();
            let sql = "SELECT count(*) FROM sqlite_schema WHERE name = ?1";
            connection.query_row(sql, [table], |row| row.get(0)).unwrap()
        };
        assert_eq!(count(&path, "extra"), 0);
        assert!(SqliteStore::open(&path).unwrap().design(&namespace).unwrap().is_some());

        let next =
            [MIGRATIONS, &[Migration::of("CREATE TABLE extra (id INTEGER PRIMARY KEY) STRICT;")]].concat();
        drop(SqliteStore::open_with(&path, &next).unwrap());
        assert_eq!(count(&path, "extra"), 1);
        // This program, which is older than that one, now refuses the file, and can read the copy.
        assert!(matches!(SqliteStore::open(&path), Err(StoreError::TooNew { found: 3, known: 2 })));
        let copy = SqliteStore::open(folder.path().join("floria.db.v2")).unwrap();
        assert!(copy.design(&namespace).unwrap().is_some());
        assert_eq!(count(&folder.path().join("floria.db.v2"), "extra"), 0);
    }
}
