//! Forgetting what was replaced before a revision.

use floria::{Author, Batch, Revision, StoreError, encode, laws, retention};

use crate::{
    batch::Prepared,
    error::Problem,
    names::{integer, key, natural},
    session::Session,
};

/// The last change of each namespace up to then, which the log may no longer tell of afterwards.
const CHANGES: &str = "UPDATE namespace SET forgotten_revision = CASE WHEN revision <= $1 THEN revision ELSE
        greatest(forgotten_revision, (SELECT log.revision FROM log WHERE log.namespace = namespace.id
            AND log.sequence <= $2 AND log.entry > 0 ORDER BY log.sequence DESC LIMIT 1)) END";

/// Each entity that is there at that revision keeps the row that put it there last; all other changes go.
const REPLACED: &str = "DELETE FROM log USING (
        SELECT sequence, lead(sequence) OVER (PARTITION BY entity, (entry - 1) % 6 ORDER BY sequence) AS next FROM log
        WHERE entry > 0 AND sequence <= $1) AS version
    WHERE log.sequence = version.sequence AND (log.entry > 6 OR version.next IS NOT NULL)";

const RECORDS: &str = "DELETE FROM log WHERE entry = 0 AND revision < $1
    AND stream NOT IN (SELECT id FROM word WHERE key = ANY($2))";

const KEPT_FROM: &str = "UPDATE store SET kept_from = greatest(kept_from, $1)";

/// What is to be forgotten, and what that came to.
pub(crate) struct Forget<'a> {
    revision: Revision,
    keep: &'a [String],
    /// How many rows went.
    pub(crate) rows: u64,
}

impl<'a> Forget<'a> {
    pub(crate) fn new(revision: Revision, keep: &'a [String]) -> Self {
        Self { revision, keep, rows: 0 }
    }

    /// Returns the batch with the record of it, which does not know yet how many rows go.
    pub(crate) fn batch(&self, author: Option<Author>) -> Batch {
        let record = retention::record(self.revision, 0, self.keep);
        Batch { records: vec![record], author, ..Batch::default() }
    }

    /// Forgets within a transaction that holds the lock, and completes the record.
    pub(crate) async fn run(
        &mut self,
        session: &Session,
        present: i64,
        prepared: &mut Prepared<'_>,
    ) -> Result<(), Problem> {
        let (asked, present) = (self.revision, Revision(natural(present)));
        if asked > present {
            return Err(StoreError::Future { asked, present }.into());
        }
        let revision = integer(asked.0);
        let sequence =
            session.query_opt("SELECT sequence FROM commit WHERE revision = $1", &[&revision]).await?;
        let sequence: i64 = sequence.map_or(0, |row| row.get(0));
        session.execute(CHANGES, &[&revision, &sequence]).await?;
        let keep = self.keep.iter().map(String::as_str).chain([retention::STORE_STREAM]);
        let keep: Vec<Vec<u8>> = keep.map(key).collect();
        self.rows = session.execute(REPLACED, &[&sequence]).await?
            + session.execute(RECORDS, &[&revision, &keep]).await?;
        session.execute(KEPT_FROM, &[&revision]).await?;
        let record = retention::record(asked, self.rows, self.keep);
        let body = encode(&record.body).map_err(|error| laws::cannot_encode("a record", &error))?;
        if let Some(row) = prepared.rows.first_mut() {
            row.body = body;
        }
        Ok(())
    }
}
