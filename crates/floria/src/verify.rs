//! Looking for damage: what all stores check in the same way. For whoever writes a store.

mod chain;
mod laws;

use std::collections::BTreeMap;

use crate::{
    At, Change, EntityKey, EntityKind, Finding, Index, LogEntry, LogQuery, LogRow, Replay, Snapshot, Store,
    StoreError,
    posting::{Posting, Words},
    snapshot::{READ_MAX, each},
};

pub use chain::ChainCheck;

impl Finding {
    /// Makes one.
    pub fn new(kind: &str, message: impl Into<String>) -> Self {
        Self { kind: kind.to_owned(), message: message.into() }
    }
}

/// Looks whether what a store holds keeps the laws ([`crate::laws`]), and is what its log comes to.
///
/// # Errors
///
/// When the store cannot be read at all. Data that makes no sense is a finding.
pub fn entities(store: &(impl Store + ?Sized)) -> Result<Vec<Finding>, StoreError> {
    let snapshot = store.snapshot(At::Now)?;
    let mut findings = Vec::new();
    let Some(replay) = replayed(store, &*snapshot, &mut findings)? else { return Ok(findings) };
    let mut laws = laws::Laws::default();
    for kind in EntityKind::ALL {
        let mut logged = replay.entities().filter(|entity| entity.kind() == kind).peekable();
        let each = each(&*snapshot, &Index::All(kind), |entity| {
            let key = entity.key();
            while let Some(missing) = logged.next_if(|other| other.key() < key) {
                findings
                    .push(Finding::new("entity", format!("{} is in the log and not there", missing.key())));
            }
            match logged.next_if(|other| other.key() == key) {
                None => findings.push(Finding::new("log", format!("{key} is there and not in the log"))),
                Some(other) if *other != entity => {
                    findings.push(Finding::new("entity", format!("{key} differs from what the log says")));
                }
                Some(_) => {}
            }
            laws.look_at(&entity);
        });
        note(each, &mut findings)?;
        for missing in logged {
            findings.push(Finding::new("entity", format!("{} is in the log and not there", missing.key())));
        }
    }
    findings.extend(laws.findings());
    Ok(findings)
}

/// Looks whether each index holds what it should ([`Index::holds`]), and nothing else: each that anything in the log was
/// ever in.
///
/// # Errors
///
/// When the store cannot be read at all.
pub fn indexes(store: &(impl Store + ?Sized)) -> Result<Vec<Finding>, StoreError> {
    let snapshot = store.snapshot(At::Now)?;
    let mut findings = Vec::new();
    let Some(replay) = replayed(store, &*snapshot, &mut findings)? else { return Ok(Vec::new()) };
    let mut words = Words::default();
    let mut expected: BTreeMap<(EntityKind, Posting), Vec<EntityKey>> = BTreeMap::new();
    let logged = rows(store, |row| {
        if let LogEntry::Change(Change::Put(entity)) = &row.entry {
            for posting in words.postings(entity) {
                expected.entry((entity.kind(), posting)).or_default();
            }
        }
    });
    note(logged, &mut findings)?;
    for entity in replay.entities() {
        for posting in words.postings(entity) {
            let keys = expected.entry((entity.kind(), posting)).or_default();
            // Two properties may have read the same one.
            if keys.last() != Some(&entity.key()) {
                keys.push(entity.key());
            }
        }
    }
    for ((kind, posting), keys) in expected {
        let index = words.index(&posting, kind);
        let mut found = Vec::with_capacity(keys.len());
        note(each(&*snapshot, &index, |entity| found.push(entity.key())), &mut findings)?;
        if found != keys {
            let list =
                |keys: &[EntityKey]| keys.iter().map(EntityKey::to_string).collect::<Vec<_>>().join(", ");
            let (found, keys) = (list(&found), list(&keys));
            findings.push(Finding::new("index", format!("{index:?} holds [{found}], not [{keys}]")));
        }
    }
    Ok(findings)
}

fn replayed(
    store: &(impl Store + ?Sized),
    snapshot: &dyn Snapshot,
    findings: &mut Vec<Finding>,
) -> Result<Option<Replay>, StoreError> {
    let mut replay = Replay::default();
    let mut broken = None;
    let read = rows(store, |row| {
        if row.revision <= snapshot.revision() && broken.is_none() {
            broken = replay.play(&row).err();
        }
    });
    note(read, findings)?;
    match broken {
        Some(StoreError::Damaged(message)) => {
            findings.push(Finding::new("log", message));
            Ok(None)
        }
        Some(error) => Err(error),
        None => Ok(Some(replay)),
    }
}

/// Makes a finding of data that makes no sense.
fn note(result: Result<(), StoreError>, findings: &mut Vec<Finding>) -> Result<(), StoreError> {
    match result {
        Err(StoreError::Damaged(message)) => findings.push(Finding::new("entity", message)),
        other => other?,
    }
    Ok(())
}

fn rows(store: &(impl Store + ?Sized), mut work: impl FnMut(LogRow)) -> Result<(), StoreError> {
    let mut query = LogQuery { limit: Some(READ_MAX), ..LogQuery::default() };
    loop {
        let rows = store.log(&query)?;
        let Some(last) = rows.last() else { return Ok(()) };
        query.after = last.sequence;
        rows.into_iter().for_each(&mut work);
    }
}
