//! The connection that writes, and how commits that come at once share one.

use std::{
    path::Path,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use floria::{Batch, Revision, StoreError};
use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::{
    commit::Commit,
    error::{Problem, unavailable},
};

/// How many batches are made durable together, so that none waits for long and the log beside the file stays small.
const GROUP_MAX: usize = 256;

/// What a commit came to.
type Committed = Result<Revision, StoreError>;

/// The one connection of a store that writes.
///
/// Making a commit durable takes a hundred times longer than anything else about it. So whoever comes while a commit is under
/// way leaves its batch in a queue, and the first to find that it is over commits the whole queue in one transaction. A batch
/// on its own waits for nobody, and no thread is needed.
pub(crate) struct Writer {
    connection: Mutex<Connection>,
    turn: Mutex<Turn>,
    /// Told at the end of each turn.
    over: Condvar,
}

#[derive(Default)]
struct Turn {
    /// Whether somebody commits now.
    taken: bool,
    queue: Vec<Waiting>,
}

struct Waiting {
    batch: Batch,
    committed: Arc<Mutex<Option<Committed>>>,
}

/// Ends a turn, also when the thread that has it panics.
struct TurnEnd<'a>(&'a Writer);

impl Drop for TurnEnd<'_> {
    fn drop(&mut self) {
        locked(&self.0.turn).taken = false;
        self.0.over.notify_all();
    }
}

impl Writer {
    pub(crate) fn new(connection: Connection) -> Self {
        Self { connection: Mutex::new(connection), turn: Mutex::default(), over: Condvar::new() }
    }

    /// Does something else than a commit of a batch in a transaction, which is told the time.
    pub(crate) fn transaction<T>(
        &self,
        work: impl FnOnce(&Connection, u64) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        let mut connection = self.connection();
        let transaction = begin(&mut connection)?;
        let done = work(&transaction, now_ms())?;
        transaction.commit()?;
        Ok(done)
    }

    pub(crate) fn connection(&self) -> MutexGuard<'_, Connection> {
        locked(&self.connection)
    }

    /// Commits a batch, alone or with others.
    pub(crate) fn commit(&self, path: &Path, batch: &Batch) -> Committed {
        let mut turn = locked(&self.turn);
        if !turn.taken && turn.queue.is_empty() {
            turn.taken = true;
            drop(turn);
            let _end = TurnEnd(self);
            return commit_one(&mut self.connection(), path, batch);
        }
        let committed = Arc::new(Mutex::new(None));
        turn.queue.push(Waiting { batch: batch.clone(), committed: committed.clone() });
        loop {
            if let Some(committed) = locked(&committed).take() {
                return committed;
            }
            if turn.taken {
                turn = self.over.wait(turn).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let size = turn.queue.len().min(GROUP_MAX);
            let group: Vec<Waiting> = turn.queue.drain(..size).collect();
            if group.is_empty() {
                return Err(unavailable("commit to", path, "the thread that had it in hand panicked"));
            }
            turn.taken = true;
            drop(turn);
            {
                let _end = TurnEnd(self);
                let batches: Vec<&Batch> = group.iter().map(|waiting| &waiting.batch).collect();
                let results = commit_group(&mut self.connection(), path, &batches);
                for (waiting, result) in group.iter().zip(results) {
                    *locked(&waiting.committed) = Some(result);
                }
            }
            turn = locked(&self.turn);
        }
    }
}

fn commit_one(connection: &mut Connection, path: &Path, batch: &Batch) -> Committed {
    let committed = begin(connection).and_then(|transaction| {
        let revision = Commit::new(&transaction, now_ms()).run(batch)?;
        transaction.commit()?;
        Ok(revision)
    });
    committed.map_err(|problem| problem.told("commit to", path))
}

/// Commits batches in order, each whole or not at all, and returns what each came to.
fn commit_group(connection: &mut Connection, path: &Path, batches: &[&Batch]) -> Vec<Committed> {
    if let [batch] = batches {
        return vec![commit_one(connection, path, batch)];
    }
    match try_group(connection, batches) {
        Ok((results, None)) => results,
        // They may be durable or not, and each has to be told so.
        Ok((results, Some(error))) => {
            let told = |committed: Committed| {
                committed.and_then(|_| Err(unavailable("commit to", path, error.to_string())))
            };
            results.into_iter().map(told).collect()
        }
        // Nothing was committed. It may be that one batch is too large for the disk, and the others are not.
        Err(_) => batches.iter().map(|batch| commit_one(connection, path, batch)).collect(),
    }
}

/// Commits in one transaction. An error within it is returned as such; one of the commit itself comes with the results, which
/// then did not come true.
fn try_group(
    connection: &mut Connection,
    batches: &[&Batch],
) -> Result<(Vec<Committed>, Option<rusqlite::Error>), rusqlite::Error> {
    let mut transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let time_ms = now_ms();
    let mut results = Vec::with_capacity(batches.len());
    for batch in batches {
        let mut savepoint = transaction.savepoint()?;
        match Commit::new(&savepoint, time_ms).run(batch) {
            Ok(revision) => {
                savepoint.commit()?;
                results.push(Ok(revision));
            }
            Err(Problem::Store(error)) => {
                savepoint.rollback()?;
                savepoint.commit()?;
                results.push(Err(error));
            }
            Err(Problem::Sqlite(error)) => return Err(error),
        }
    }
    let committed = transaction.commit();
    Ok((results, committed.err()))
}

/// Begins a transaction that writes. Immediate: the wait for other processes is before the first read, so that nothing that
/// was read can be outdated.
fn begin(connection: &mut Connection) -> Result<Transaction<'_>, Problem> {
    Ok(connection.transaction_with_behavior(TransactionBehavior::Immediate)?)
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// A thread that panicked left no transaction open: dropping it rolled it back.
pub(crate) fn locked<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use floria::{Change, Namespace, Record, Value, Vertex, VertexId};

    use super::*;
    use crate::{migrations::MIGRATIONS, schema};

    fn vertex(id: u64, name: &str) -> Batch {
        let vertex = Vertex {
            id: VertexId(id),
            namespace: Namespace("shop".to_owned()),
            name: name.to_owned(),
            container: None,
            classes: Vec::new(),
            properties: Default::default(),
            handlers: Default::default(),
            metadata: Default::default(),
            origin: None,
        };
        Batch { changes: vec![Change::put(vertex)], ..Batch::default() }
    }

    fn record(size: usize) -> Batch {
        let record = Record {
            stream: "run/1".to_owned(),
            namespace: Namespace("shop".to_owned()),
            kind: "note".to_owned(),
            body: Value::Bytes(vec![7; size]),
        };
        Batch { records: vec![record], ..Batch::default() }
    }

    fn group(batches: &[&Batch], prepare: impl FnOnce(&Connection)) -> (Vec<String>, i64, i64) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("floria.db");
        let mut connection = schema::open(&path, MIGRATIONS).unwrap();
        prepare(&connection);
        let results = commit_group(&mut connection, &path, batches);
        let told = |committed: Committed| match committed {
            Ok(revision) => revision.0.to_string(),
            Err(StoreError::Unavailable { source, .. }) => source.to_string(),
            Err(error) => error.to_string(),
        };
        let count = |sql: &str| connection.query_row(sql, [], |row| row.get(0)).unwrap();
        let results = results.into_iter().map(told).collect();
        (results, count("SELECT revision FROM store"), count("SELECT count(*) FROM log"))
    }

    #[test]
    fn a_refused_batch_does_not_harm_the_others_of_its_group() {
        let expecting = |revision: u64, batch: Batch| Batch {
            expected: vec![(Namespace("shop".to_owned()), Revision(revision))],
            ..batch
        };
        let batches = [
            vertex(1, "a"),
            vertex(2, "a"),
            expecting(1, vertex(2, "b")),
            // The one before it in the same group has moved the namespace.
            expecting(1, vertex(3, "c")),
            vertex(1, "d"),
        ];
        let (results, revision, rows) = group(&batches.each_ref(), |_| {});
        assert_eq!(
            results,
            [
                "1",
                "refused to commit: two of namespace `shop` have the name `a`: vertex 2 is one",
                "2",
                "namespace `shop` is at revision 2, not at 1 as expected",
                "3"
            ]
        );
        assert_eq!((revision, rows), (3, 3));
    }

    #[test]
    fn a_batch_that_does_not_fit_the_disk_does_not_harm_the_others_of_its_group() {
        let batches = [record(10), record(1_000_000), record(10)];
        let (results, revision, rows) = group(&batches.each_ref(), |connection| {
            // A disk of that many pages of 4 KiB, of which a new store takes a quarter.
            connection
                .pragma_update_and_check(None, "max_page_count", 100, |row| row.get::<_, i64>(0))
                .unwrap();
        });
        assert_eq!(results, ["1", "database or disk is full", "2"]);
        assert_eq!((revision, rows), (2, 2));
    }
}
