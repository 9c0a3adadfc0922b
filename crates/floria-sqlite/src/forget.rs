//! Forgetting what is history, and saying so.

use floria::{Author, Batch, Forgotten, Revision, StoreError, retention};
use rusqlite::{Connection, params};

use crate::{
    commit::Commit,
    digests,
    error::{Problem, integer},
    names,
    snapshot::end_of,
};

/// Forgets within a transaction that the caller commits. [`retention::Forgetting`] is the rule.
pub(crate) fn forget(
    transaction: &Connection,
    revision: Revision,
    keep: &[String],
    (author, time_ms): (Option<Author>, u64),
) -> Result<Forgotten, Problem> {
    let (present, kept_from): (i64, i64) =
        transaction
            .query_row("SELECT revision, kept_from FROM store", [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if revision.0 > present as u64 {
        return Err(StoreError::Future { asked: revision, present: Revision(present as u64) }.into());
    }
    let before = integer(revision.0)?;
    let kept_from = kept_from.max(before);
    let end = end_of(transaction, before)?;
    // A namespace whose last change goes has changed all the same.
    transaction.execute(
        "UPDATE namespace SET kept = CASE WHEN revision <= ?1 THEN revision ELSE max(kept, coalesce(
             (SELECT max(log.revision) FROM log
              WHERE log.namespace = namespace.id AND log.entry > 0 AND log.sequence <= ?2), 0)) END",
        [kept_from, end_of(transaction, kept_from)?],
    )?;
    // The inner question is answered before anything goes. Codes above 6 are deletions.
    let changes = transaction.execute(
        "DELETE FROM log WHERE sequence IN (
             SELECT old.sequence FROM log old WHERE old.sequence <= ?1 AND old.entry > 0 AND (old.entry > 6 OR EXISTS (
                 SELECT 1 FROM log new INDEXED BY log_by_entity WHERE (new.entry - 1) % 6 = (old.entry - 1) % 6 AND new.entity = old.entity
                 AND new.entity IS NOT NULL AND new.sequence > old.sequence AND new.sequence <= ?1)))",
        [end],
    )?;
    let records = forget_records(transaction, before, keep)?;
    transaction.execute("UPDATE store SET kept_from = ?1", [kept_from])?;
    // The chain goes on from the oldest commit that is kept; of those before it, what is left has digests of its own.
    transaction.execute(
        "DELETE FROM chain WHERE revision < ?1 AND NOT EXISTS (
             SELECT 1 FROM log WHERE log.sequence <= chain.last AND log.revision = chain.revision
             AND log.sequence > coalesce((SELECT max(b.last) FROM chain b WHERE b.revision < chain.revision), 0))",
        [kept_from],
    )?;
    digests::each_commit(transaction, kept_from, |commit| {
        let rest = digests::rest(transaction, &commit)?;
        let mut statement = transaction.prepare_cached("UPDATE chain SET rest = ?1 WHERE revision = ?2")?;
        statement.execute(params![rest, commit.revision])?;
        Ok(())
    })?;
    let rows = (changes + records) as u64;
    let record = retention::record(revision, rows, keep);
    let batch = Batch { records: vec![record], author, ..Batch::default() };
    let revision = Commit::new(transaction, time_ms).run(&batch)?;
    Ok(Forgotten { revision, rows })
}

fn forget_records(transaction: &Connection, before: i64, keep: &[String]) -> Result<usize, Problem> {
    let end = end_of(transaction, before - 1)?;
    let mut kept = Vec::new();
    for stream in keep.iter().map(String::as_str).chain([retention::STORE_STREAM]) {
        kept.extend(names::stream(transaction, stream)?.map(|stream| stream.to_string()));
    }
    let sql =
        format!("DELETE FROM log WHERE sequence <= ?1 AND entry = 0 AND stream NOT IN ({})", kept.join(", "));
    Ok(transaction.execute(&sql, [end])?)
}
