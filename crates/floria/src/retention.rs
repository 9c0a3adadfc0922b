//! Retention: what a store may forget, and how it says that it did. For whoever writes a store.

use std::collections::HashSet;

use crate::{Change, EntityKey, LogEntry, LogRow, Namespace, Record, Revision, Value};

/// The stream in which a store records what it did to itself. It is never forgotten.
pub const STORE_STREAM: &str = "store";

/// The kind of the record that says what was forgotten.
pub const FORGOTTEN: &str = "forgotten";

/// A row of the log, as far as it matters here.
#[derive(Clone, Debug)]
pub enum Subject<'a> {
    /// It puts an entity in.
    Put(EntityKey),
    /// It takes an entity out.
    Delete(EntityKey),
    /// It is a record of this stream.
    Record(&'a str),
}

impl<'a> Subject<'a> {
    /// Returns what a row is about.
    pub fn of(entry: &'a LogEntry) -> Self {
        match entry {
            LogEntry::Change(Change::Put(entity)) => Self::Put(entity.key()),
            LogEntry::Change(Change::Delete(key)) => Self::Delete(key.clone()),
            LogEntry::Record(record) => Self::Record(&record.stream),
        }
    }
}

/// Decides, row by row and from the end of the log to its start, what goes when everything before a revision is forgotten.
///
/// Of the rows up to and at that revision, each entity that is there at it keeps the row that put it there last; all other
/// changes go, deletions too. Of the records below it, those of [`STORE_STREAM`] and of the streams to be kept stay. So the rows
/// that are left still come to what is there, at that revision and at each later one.
pub struct Forgetting<'a> {
    revision: Revision,
    keep: &'a [String],
    /// Entities whose last change is behind us.
    settled: HashSet<EntityKey>,
}

impl<'a> Forgetting<'a> {
    /// Begins at the end of the log.
    pub fn new(revision: Revision, keep: &'a [String]) -> Self {
        Self { revision, keep, settled: HashSet::new() }
    }

    /// Returns whether a row goes. Must be asked of each row, the last first.
    pub fn goes(&mut self, revision: Revision, subject: Subject<'_>) -> bool {
        if revision > self.revision {
            return false;
        }
        match subject {
            Subject::Put(key) => !self.settled.insert(key),
            Subject::Delete(key) => {
                self.settled.insert(key);
                true
            }
            Subject::Record(stream) => revision < self.revision && !keeps(self.keep, stream),
        }
    }
}

/// Returns whether the records of a stream stay, whatever is forgotten.
pub fn keeps(keep: &[String], stream: &str) -> bool {
    stream == STORE_STREAM || keep.iter().any(|kept| kept == stream)
}

/// Returns the sequences of the rows that go, by rows in the order of the log.
pub fn forgets(rows: &[LogRow], revision: Revision, keep: &[String]) -> Vec<u64> {
    let mut forgetting = Forgetting::new(revision, keep);
    let mut gone: Vec<_> = rows
        .iter()
        .rev()
        .filter(|row| forgetting.goes(row.revision, Subject::of(&row.entry)))
        .map(|row| row.sequence)
        .collect();
    gone.reverse();
    gone
}

/// Makes the record that says what was forgotten. It is about no namespace.
pub fn record(revision: Revision, rows: u64, keep: &[String]) -> Record {
    let number = |number: u64| Value::Integer(i64::try_from(number).unwrap_or(i64::MAX));
    let keep = keep.iter().map(|stream| Value::from(stream.as_str())).collect();
    Record {
        stream: STORE_STREAM.to_owned(),
        namespace: Namespace(String::new()),
        kind: FORGOTTEN.to_owned(),
        body: Value::map([
            ("before", number(revision.0)),
            ("rows", number(rows)),
            ("keep", Value::List(keep)),
        ]),
    }
}
