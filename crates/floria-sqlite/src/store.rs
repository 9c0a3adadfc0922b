//! The store itself: two connections, one to write and one to read.

use std::{
    ops::Range,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use floria::{
    At, Author, Batch, Design, EntityKind, Finding, Forgotten, Graph, Index, LogQuery, LogRow, Namespace,
    Replay, Revision, Signal, Snapshot, Stats, Store, StoreError, laws,
};
use rusqlite::{Connection, Transaction};

use crate::{
    commit::{Problem, integer},
    error::{failed, unavailable},
    read,
    schema::{self, MIGRATIONS},
    writer::{Writer, begin, locked},
};

/// A [`Store`] in one SQLite file. Several processes may have it open.
pub struct SqliteStore {
    path: PathBuf,
    /// Opened by the first read, so that what only writes does not pay for it. Dropped before the writer, since the last
    /// connection to go moves what is in the log beside the file into it, and this one cannot.
    reader: Mutex<Option<Connection>>,
    /// None: opened to read only.
    writer: Option<Writer>,
    signal: Arc<Signal>,
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
            reader: Mutex::new(Some(reader)),
            signal: Arc::default(),
        })
    }

    pub(crate) fn open_with(path: &Path, migrations: &[&str]) -> Result<Self, StoreError> {
        let writer = schema::open(path, migrations)?;
        Ok(Self {
            path: path.to_owned(),
            writer: Some(Writer::new(writer)),
            reader: Mutex::new(None),
            signal: Arc::default(),
        })
    }

    /// Reads in one transaction: everything is of one revision.
    fn read<T>(
        &self,
        attempt: &str,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, Problem>,
    ) -> Result<T, StoreError> {
        let mut reader = locked(&self.reader);
        let connection = match &mut *reader {
            Some(connection) => connection,
            none => none.insert(schema::open_to_read(&self.path, MIGRATIONS)?),
        };
        // Dropped afterwards: there is nothing to commit.
        let transaction = connection.transaction().map_err(Problem::from);
        transaction.and_then(|transaction| work(&transaction)).map_err(|problem| self.told(attempt, problem))
    }

    fn writer(&self, attempt: &str) -> Result<&Writer, StoreError> {
        self.writer.as_ref().ok_or_else(|| unavailable(attempt, &self.path, "it was opened to read only"))
    }

    fn told(&self, attempt: &str, problem: Problem) -> StoreError {
        match problem {
            Problem::Store(error) => error,
            Problem::Sqlite(error) => failed(attempt, &self.path, error),
        }
    }
}

impl Store for SqliteStore {
    fn snapshot(&self, at: At) -> Result<Box<dyn Snapshot + '_>, StoreError> {
        Ok(Box::new(Replay::of(&self.log(&LogQuery::default())?, self.revision()?, at)?))
    }

    fn signal(&self) -> Result<Arc<Signal>, StoreError> {
        Ok(self.signal.clone())
    }

    fn forget_before(
        &self,
        _revision: Revision,
        _keep: &[String],
        _author: Option<Author>,
    ) -> Result<Forgotten, StoreError> {
        Err(StoreError::Invalid("this store keeps everything".to_owned()))
    }

    fn stats(&self) -> Result<Stats, StoreError> {
        let snapshot = self.snapshot(At::Now)?;
        let mut stats = Stats { revision: snapshot.revision(), ..Stats::default() };
        for kind in EntityKind::ALL {
            stats.entities.insert(kind, snapshot.count(&Index::All(kind))?);
        }
        stats.log_rows = self.log(&LogQuery::default())?.len() as u64;
        Ok(stats)
    }

    fn verify(&self) -> Result<Vec<Finding>, StoreError> {
        Ok(Vec::new())
    }

    fn revision(&self) -> Result<Revision, StoreError> {
        self.read("read", read::revision)
    }

    fn namespace_revision(&self, namespace: &Namespace) -> Result<Revision, StoreError> {
        self.read("read", |transaction| read::namespace_revision(transaction, namespace))
    }

    fn namespaces(&self) -> Result<Vec<Namespace>, StoreError> {
        self.read("read", read::namespaces)
    }

    fn allocate(&self, count: u64) -> Result<Range<u64>, StoreError> {
        if count == 0 {
            return Ok(0..0);
        }
        let mut connection = self.writer("take ids from")?.connection();
        take_ids(&mut connection, count).map_err(|problem| self.told("take ids from", problem))
    }

    fn commit(&self, batch: &Batch) -> Result<Revision, StoreError> {
        let revision = self.writer("commit to")?.commit(&self.path, batch)?;
        self.signal.tell();
        Ok(revision)
    }

    fn graph(&self, namespace: &Namespace) -> Result<Graph, StoreError> {
        self.read("read", |transaction| read::graph(transaction, namespace))
    }

    fn design(&self, namespace: &Namespace) -> Result<Option<Design>, StoreError> {
        self.read("read", |transaction| read::design(transaction, namespace))
    }

    fn log(&self, query: &LogQuery) -> Result<Vec<LogRow>, StoreError> {
        self.read("read", |transaction| read::log(transaction, query))
    }
}

fn take_ids(connection: &mut Connection, count: u64) -> Result<Range<u64>, Problem> {
    let transaction = begin(connection)?;
    let used: i64 =
        transaction.prepare_cached("SELECT ids_used FROM store")?.query_row([], |row| row.get(0))?;
    let used = used as u64;
    let end = used.checked_add(count).ok_or_else(|| laws::id_too_large(u64::MAX))?;
    transaction.prepare_cached("UPDATE store SET ids_used = ?1")?.execute([integer(end)?])?;
    transaction.commit()?;
    Ok(used + 1..end + 1)
}

#[cfg(test)]
mod tests {
    use floria::{Change, Record, Value, VertexTemplate, VertexTemplateId};

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
                metadata: Default::default(),
                origin: None,
            };
            let changes = vec![Change::put(template)];
            store.commit(&Batch { changes, ..Batch::default() }).unwrap();
        }
        // A migration that fails leaves the file as it was.
        let broken =
            [MIGRATIONS, &["CREATE TABLE extra (id INTEGER PRIMARY KEY); SELECT nonsense;"]].concat();
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

        let next = [MIGRATIONS, &["CREATE TABLE extra (id INTEGER PRIMARY KEY) STRICT;"]].concat();
        drop(SqliteStore::open_with(&path, &next).unwrap());
        assert_eq!(count(&path, "extra"), 1);
        // This program, which is older than that one, now refuses the file, and can read the copy.
        assert!(matches!(SqliteStore::open(&path), Err(StoreError::TooNew { found: 2, known: 1 })));
        let copy = SqliteStore::open(folder.path().join("floria.db.v1")).unwrap();
        assert!(copy.design(&namespace).unwrap().is_some());
        assert_eq!(count(&folder.path().join("floria.db.v1"), "extra"), 0);
    }
}
