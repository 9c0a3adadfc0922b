//! The store itself: a connection that writes, and some that read.

use std::{
    collections::BTreeMap,
    ops::Range,
    sync::{Arc, Mutex, Once},
};

use floria::{
    At, Author, Batch, EntityKind, Finding, Forgotten, Index, LogQuery, LogRow, Revision, Signal, Snapshot,
    Stats, Store, StoreError,
};

use crate::{
    batch::Prepared,
    commit::{self, Committed, Doubt},
    connection::{BREAKS_MAX, Connections, block_on, locked},
    error::Problem,
    forget, log,
    names::natural,
    schema,
    session::Session,
    settings::Settings,
    signal,
    snapshot::PostgresSnapshot,
    verify,
};

/// A [`Store`] in a schema of a PostgreSQL database. Any number of hosts may have it open.
pub struct PostgresStore {
    connections: Connections,
    /// The connection that commits, one batch at a time; those of other stores wait for each other at the server.
    writer: Mutex<Option<Session>>,
    signal: Arc<Signal>,
    listening: Once,
}

/// How often a commit is tried whose transaction collides with another one, or whose connection breaks.
const ATTEMPTS_MAX: usize = BREAKS_MAX;

impl PostgresStore {
    /// Opens the store that a URL names, as in `postgres://user@host/database?schema=floria`: makes the schema when there is
    /// none (its default is `floria`), and updates the tables of an older one. Words as in `host=/run/postgresql
    /// dbname=database schema=floria` will do, too. The database must be there.
    ///
    /// PostgreSQL 13 or newer is needed. Connections are not encrypted.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when the server cannot be reached, refuses the user, or the schema is another program's;
    /// [`StoreError::TooNew`] when a newer version made it. Nothing was changed then.
    pub fn connect(url: &str) -> Result<Self, StoreError> {
        let connections = Connections::new(Settings::parse(url)?)?;
        schema::prepare(&connections)?;
        Ok(Self { connections, writer: Mutex::new(None), signal: Arc::default(), listening: Once::new() })
    }

    /// Writes something on the connection for that, in one transaction that `work` begins and ends. When the connection
    /// breaks, it is done again on a new one, where `work` first looks whether it was done before.
    fn write<T>(
        &self,
        attempt: &str,
        mut work: impl FnMut(&Session) -> Result<T, Problem>,
    ) -> Result<T, StoreError> {
        let mut writer = locked(&self.writer);
        let mut broken: Option<(i32, String)> = None;
        let mut attempts = 1;
        loop {
            let session = match writer.take() {
                Some(session) => Ok(session),
                None => self.connections.open_patiently(),
            };
            let done = session.and_then(|session| {
                if let Some(broken) = &broken {
                    commit::end_other(&session, broken)?;
                }
                let done = work(&session);
                match &done {
                    Err(problem) if problem.is_broken_connection() => broken = Some(session.identity.clone()),
                    _ => *writer = Some(session),
                }
                done
            });
            match done {
                Err(problem)
                    if attempts < ATTEMPTS_MAX
                        && (problem.is_broken_connection() || problem.is_collision()) =>
                {
                    attempts += 1;
                }
                done => return done.map_err(|problem| problem.told(attempt)),
            }
        }
    }

    fn commit_prepared(
        &self,
        prepared: &mut Prepared<'_>,
        mut forget: Option<&mut forget::Forget<'_>>,
    ) -> Result<Revision, StoreError> {
        let mut doubt: Option<Doubt> = None;
        let committed = self.write("commit to the store", |session| {
            commit::commit(session, prepared, &mut doubt, forget.as_deref_mut())
        })?;
        let (Committed::Now(revision) | Committed::Before(revision)) = committed;
        self.signal.tell();
        Ok(revision)
    }
}

impl Store for PostgresStore {
    fn commit(&self, batch: &Batch) -> Result<Revision, StoreError> {
        self.commit_prepared(&mut Prepared::of(batch)?, None)
    }

    fn allocate(&self, count: u64) -> Result<Range<u64>, StoreError> {
        if count == 0 {
            return Ok(0..0);
        }
        // Ids that were taken without our knowing are nobody's.
        let last = self.write("take ids from the store", |session| commit::allocate(session, count))?;
        Ok(natural(last) - count + 1..natural(last) + 1)
    }

    fn snapshot(&self, at: At) -> Result<Box<dyn Snapshot + '_>, StoreError> {
        Ok(Box::new(PostgresSnapshot::open(&self.connections, at)?))
    }

    fn log(&self, query: &LogQuery) -> Result<Vec<LogRow>, StoreError> {
        self.connections.read("read the log of the store", |session| log::log(session, query))
    }

    fn signal(&self) -> Result<Arc<Signal>, StoreError> {
        self.listening.call_once(|| {
            let listening = signal::listen(self.connections.settings.clone(), Arc::downgrade(&self.signal));
            self.connections.runtime().spawn(listening);
        });
        Ok(self.signal.clone())
    }

    fn forget_before(
        &self,
        revision: Revision,
        keep: &[String],
        author: Option<Author>,
    ) -> Result<Forgotten, StoreError> {
        let mut forget = forget::Forget::new(revision, keep);
        let batch = forget.batch(author);
        let revision = self.commit_prepared(&mut Prepared::of(&batch)?, Some(&mut forget))?;
        Ok(Forgotten { revision, rows: forget.rows })
    }

    fn stats(&self) -> Result<Stats, StoreError> {
        let snapshot = self.snapshot(At::Now)?;
        let entities = EntityKind::ALL.into_iter().map(|kind| Ok((kind, snapshot.count(&Index::All(kind))?)));
        let entities = entities.collect::<Result<_, StoreError>>()?;
        let revision = snapshot.revision();
        drop(snapshot);
        let sizes = "SELECT (SELECT kept_from FROM store), (SELECT count(*) FROM log),
            (SELECT sum(pg_total_relation_size(oid))::bigint FROM pg_class
             WHERE relnamespace = to_regnamespace(quote_ident(current_schema())) AND relkind = 'r')";
        self.connections.read("read the store", |session| {
            let row = block_on(session.query_one(sizes, &[]))?;
            Ok(Stats {
                revision,
                kept_from: Revision(natural(row.get(0))),
                entities: BTreeMap::clone(&entities),
                log_rows: natural(row.get(1)),
                octets: Some(natural(row.get(2))),
            })
        })
    }

    fn verify(&self) -> Result<Vec<Finding>, StoreError> {
        verify::verify(self, &self.connections)
    }

    fn revision(&self) -> Result<Revision, StoreError> {
        self.connections.read("read the store", |session| {
            let row = block_on(session.query_one("SELECT revision FROM store", &[]))?;
            Ok(Revision(natural(row.get(0))))
        })
    }
}
