//! What tells one store from all others: a record that is made when it is first asked for, and goes with every copy of the store.

use std::{fs::File, io::Read as _};

use floria::{
    Author, Batch, LogEntry, LogQuery, Namespace, Record, Store, StoreError, Value, retention::STORE_STREAM,
};

use crate::author;

/// The kind of the record. Records of its stream are never forgotten.
const IDENTITY: &str = "identity";

/// Returns the identity of a store, if it was asked for before.
pub(crate) fn of(store: &dyn Store) -> Result<Option<String>, StoreError> {
    let query = LogQuery { stream: Some(STORE_STREAM.to_owned()), ..LogQuery::default() };
    let rows = store.log(&query)?;
    // Of two that were made at the same time, the first is meant by all.
    Ok(rows.iter().find_map(|row| match &row.entry {
        LogEntry::Record(record) if record.kind == IDENTITY => {
            record.body.get("identity").and_then(Value::as_text).map(str::to_owned)
        }
        _ => None,
    }))
}

/// Returns the identity of a store, making it when there is none.
pub(crate) fn make(store: &dyn Store) -> Result<String, StoreError> {
    if let Some(identity) = of(store)? {
        return Ok(identity);
    }
    let identity = random().map_err(|error| StoreError::Unavailable {
        attempt: "read random numbers for the store's identity".to_owned(),
        source: Box::new(error),
    })?;
    let record = Record {
        stream: STORE_STREAM.to_owned(),
        namespace: Namespace(String::new()),
        kind: IDENTITY.to_owned(),
        body: Value::map([("identity", Value::from(identity.as_str()))]),
    };
    let author = Some(Author { name: author::name(), stream: None });
    store.commit(&Batch { records: vec![record], author, ..Batch::default() })?;
    Ok(of(store)?.unwrap_or(identity))
}

fn random() -> std::io::Result<String> {
    let mut octets = [0; 16];
    File::open("/dev/urandom")?.read_exact(&mut octets)?;
    Ok(octets.iter().map(|octet| format!("{octet:02x}")).collect())
}
