//! A batch, as far as it can be made ready before the lock is taken: encoded, and all that has to be asked for by name.

use std::collections::{BTreeMap, BTreeSet};

use floria::{Batch, Change, Entity, EntityKey, Namespace, StoreError, encode, laws};

use crate::{
    names::{integer, key},
    parts::{Parts, kind_number, named},
};

/// A row of the log to be, but for its numbers.
pub(crate) struct Encoded {
    pub(crate) entry: i16,
    pub(crate) body: Vec<u8>,
}

/// A batch with everything that can be known of it beforehand.
pub(crate) struct Prepared<'a> {
    pub(crate) batch: &'a Batch,
    /// For each change, then for each record.
    pub(crate) rows: Vec<Encoded>,
    /// For each change, what the entity is found by; None for a deletion.
    pub(crate) parts: Vec<Option<Parts<&'a str>>>,
    /// Names of namespaces that get a number, with their keys.
    pub(crate) namespaces: BTreeMap<Vec<u8>, &'a str>,
    /// The same for words.
    pub(crate) words: BTreeMap<Vec<u8>, &'a str>,
    /// What it changes that has a name: kind, key of the namespace and key of the name; and the name.
    pub(crate) named: BTreeMap<(i16, Vec<u8>, Vec<u8>), &'a str>,
    /// What it changes that has an id.
    pub(crate) numbered: BTreeSet<(i16, i64)>,
}

impl<'a> Prepared<'a> {
    pub(crate) fn of(batch: &'a Batch) -> Result<Self, StoreError> {
        let mut prepared = Self {
            batch,
            rows: Vec::with_capacity(batch.changes.len() + batch.records.len()),
            parts: Vec::with_capacity(batch.changes.len()),
            namespaces: BTreeMap::new(),
            words: BTreeMap::new(),
            named: BTreeMap::new(),
            numbered: BTreeSet::new(),
        };
        for change in &batch.changes {
            prepared.change(change)?;
        }
        for record in &batch.records {
            let body = encode(&record.body).map_err(|error| laws::cannot_encode("a record", &error))?;
            prepared.rows.push(Encoded { entry: 0, body });
            prepared.namespace(&record.namespace.0);
            prepared.word(&record.stream);
            prepared.word(&record.kind);
        }
        Ok(prepared)
    }

    fn change(&mut self, change: &'a Change) -> Result<(), StoreError> {
        let (code, body) = change.encoded().map_err(|error| laws::cannot_encode("an entity", &error))?;
        self.rows.push(Encoded { entry: code.0.into(), body });
        let parts = match change {
            Change::Put(entity) => {
                self.namespace(&entity.namespace().0);
                let parts = Parts::of(entity);
                parts.words().for_each(|word| self.word(word));
                Some(parts)
            }
            Change::Delete(_) => None,
        };
        self.parts.push(parts);
        match (entity_key(change), change) {
            (Some(id), _) => _ = self.numbered.insert(id),
            (None, Change::Put(Entity::Class(class))) => {
                self.name(change, &class.namespace, &class.name.0);
            }
            (None, Change::Put(Entity::Plugin(plugin))) => {
                self.name(change, &plugin.namespace, &plugin.name.0);
            }
            (None, Change::Delete(EntityKey::Class(namespace, name))) => {
                self.name(change, namespace, &name.0);
            }
            (None, Change::Delete(EntityKey::Plugin(namespace, name))) => {
                self.name(change, namespace, &name.0);
            }
            (None, _) => {}
        }
        Ok(())
    }

    fn name(&mut self, change: &Change, namespace: &'a Namespace, name: &'a str) {
        self.namespace(&namespace.0);
        let kind = kind_number(change.key().kind());
        self.named.insert((kind, key(&namespace.0), key(name)), name);
    }

    fn namespace(&mut self, name: &'a str) {
        self.namespaces.insert(key(name), name);
    }

    fn word(&mut self, word: &'a str) {
        self.words.insert(key(word), word);
    }
}

/// Returns kind and id of what a change changes, if it has an id.
fn entity_key(change: &Change) -> Option<(i16, i64)> {
    let key = change.key();
    key.id().map(|id| (kind_number(key.kind()), integer(id)))
}

/// Returns what tells a thing with a name from all others: kind, and the keys of its namespace and name.
pub(crate) fn named_key(of: &EntityKey) -> Option<(i16, Vec<u8>, Vec<u8>)> {
    named(of).map(|(namespace, name)| (kind_number(of.kind()), key(namespace), key(name)))
}
