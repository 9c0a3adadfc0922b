//! From a file to a store.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    io::Read,
    mem,
};

use floria::{Author, Batch, Change, Entity, EntityKey, EntityKind, Namespace, Revision, Store};

use crate::{ExchangeError, Format, Limits, Reader, renumber::Renumber};

/// How many octets of entities make a batch, about, however few they are.
const STAGE_OCTETS: u64 = 32 << 20;

/// What ids entities get.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ids {
    /// Those of the file: the store then has what the exported one had, and the same digests. An entity that is in the store
    /// already is left alone if it is the same, and refused if it is not. What the file leads to may be in the store.
    #[default]
    Keep,
    /// New ones of the store, for all that has ids; what refers to an id of the file is changed with it (containers, ends of
    /// edges, what values were computed from). Ids that stand in values and metadata are not known as such, and stay. The
    /// file must have all that its entities are in, start at and end at.
    Renumber,
}

/// What is committed at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stages {
    /// All of it: the import happens, or it does not. Takes all of it in memory.
    #[default]
    One,
    /// So many entities at a time, in memory too. Each batch is visible whole or not at all, containers before what they
    /// contain and vertexes before edges; when one fails, those before it stay, and the same import (with [`Ids::Keep`]) can be
    /// run again: it finds them, and goes on.
    Of(usize),
}

/// How a file is imported.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportOptions {
    /// What ids entities get.
    pub ids: Ids,
    /// What is committed at once.
    pub stages: Stages,
    /// Who does this, for the log.
    pub author: Option<Author>,
    /// How much the file may take.
    pub limits: Limits,
}

/// What was imported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// How many entities were put into the store.
    pub entities: u64,
    /// How many were there already, the same.
    pub unchanged: u64,
    /// How many batches were committed.
    pub batches: u64,
    /// The revision of the last one; None when there was nothing to commit.
    pub revision: Option<Revision>,
}

/// Reads a file into a store, whose own laws judge every batch.
///
/// A batch is refused when somebody else changed one of its namespaces between its being compared with the store and its
/// commit ([`floria::StoreError::Conflict`]): then the import can be tried again.
///
/// # Errors
///
/// What is wrong with the file; what the store refuses; [`ExchangeError::Import`] for what cannot be imported as it was asked
/// for; [`ExchangeError::Partial`] when batches were committed before.
pub fn import(
    store: &dyn Store,
    format: Format,
    file: impl Read,
    options: &ImportOptions,
) -> Result<Imported, ExchangeError> {
    let mut import = Import {
        store,
        options,
        renumber: (options.ids == Ids::Renumber).then(|| Renumber::new(store)),
        kind: None,
        ready: Vec::new(),
        ready_octets: 0,
        waiting: BTreeMap::new(),
        held: HashSet::new(),
        waiting_octets: 0,
        imported: Imported::default(),
    };
    match import.run(&mut Reader::new(format, file, &options.limits)) {
        Ok(()) => Ok(import.imported),
        Err(error) if import.imported.batches == 0 => Err(error),
        Err(error) => {
            Err(ExchangeError::Partial { entities: import.imported.entities, source: Box::new(error) })
        }
    }
}

/// An entity, and the octets that it takes in memory, about.
type Sized = (Entity, u64);

struct Import<'a> {
    store: &'a dyn Store,
    options: &'a ImportOptions,
    renumber: Option<Renumber<'a>>,
    /// The kind that is read now.
    kind: Option<EntityKind>,
    /// What is to be in the next batch.
    ready: Vec<Entity>,
    ready_octets: u64,
    /// The vertexes of this kind whose container has not been read, by its id.
    waiting: BTreeMap<u64, Vec<Sized>>,
    /// The ids of those.
    held: HashSet<u64>,
    waiting_octets: u64,
    imported: Imported,
}

impl Import<'_> {
    fn run(&mut self, reader: &mut Reader<'_>) -> Result<(), ExchangeError> {
        while let Some(entity) = reader.next() {
            self.take(entity?, reader.octets())?;
        }
        self.finish_kind()?;
        self.commit()
    }

    fn take(&mut self, entity: Entity, octets: u64) -> Result<(), ExchangeError> {
        if self.kind != Some(entity.kind()) {
            self.finish_kind()?;
            self.kind = Some(entity.kind());
        }
        let id = entity.key().id().unwrap_or_default();
        // Entities come in the order of their ids.
        let comes_later = |container: &u64| *container >= id || self.held.contains(container);
        match entity.container().flatten().filter(comes_later) {
            Some(container) => {
                self.held.insert(id);
                self.waiting_octets += octets;
                self.waiting.entry(container).or_default().push((entity, octets));
                self.check_size()
            }
            None => self.place((entity, octets)),
        }
    }

    fn check_size(&self) -> Result<(), ExchangeError> {
        let max = self.options.limits.batch_octets_max;
        if self.ready_octets + self.waiting_octets <= max {
            return Ok(());
        }
        Err(ExchangeError::Import(match self.options.stages {
            Stages::One => format!("all of it at once takes more than {max} octets; stages take less"),
            Stages::Of(_) => {
                format!("vertexes that come before their containers take more than {max} octets")
            }
        }))
    }

    /// Puts an entity in the next batch, and then the vertexes that wait for it.
    fn place(&mut self, entity: Sized) -> Result<(), ExchangeError> {
        let mut open = vec![entity];
        while let Some((mut entity, octets)) = open.pop() {
            if entity.container().is_some()
                && let Some(id) = entity.key().id()
            {
                self.held.remove(&id);
                let contents = self.waiting.remove(&id).unwrap_or_default();
                self.waiting_octets -= contents.iter().map(|(_, octets)| octets).sum::<u64>();
                open.extend(contents);
            }
            if let Some(renumber) = &mut self.renumber {
                renumber.apply(&mut entity)?;
            }
            self.ready.push(entity);
            self.ready_octets += octets;
            self.check_size()?;
            let stage_octets = STAGE_OCTETS.min(self.options.limits.batch_octets_max / 2);
            if let Stages::Of(entities) = self.options.stages
                && (self.ready.len() >= entities || self.ready_octets >= stage_octets)
            {
                self.commit()?;
            }
        }
        Ok(())
    }

    /// All of a kind was read: what still waits is in what is not in the file, or in itself.
    fn finish_kind(&mut self) -> Result<(), ExchangeError> {
        let outside: Vec<u64> = self.waiting.keys().copied().filter(|id| !self.held.contains(id)).collect();
        for container in outside {
            for (entity, octets) in self.waiting.remove(&container).unwrap_or_default() {
                self.waiting_octets -= octets;
                self.place((entity, octets))?;
            }
        }
        match self.waiting.values().flatten().next() {
            None => Ok(()),
            Some((entity, _)) => Err(ExchangeError::Import(format!("{} contains itself", entity.key()))),
        }
    }

    fn commit(&mut self) -> Result<(), ExchangeError> {
        let entities = mem::take(&mut self.ready);
        self.ready_octets = 0;
        let snapshot = self.store.snapshot(floria::At::Now)?;
        let namespaces: BTreeSet<&Namespace> = entities.iter().map(Entity::namespace).collect();
        let mut expected = Vec::with_capacity(namespaces.len());
        for namespace in namespaces {
            expected.push((namespace.clone(), snapshot.namespace_revision(namespace)?));
        }
        let mut changes = Vec::with_capacity(entities.len());
        for entity in entities {
            // An empty store has nothing to compare with, and new ids are nobody's.
            let may_be_there =
                snapshot.revision() > Revision(0) && (self.renumber.is_none() || entity.key().id().is_none());
            match if may_be_there { snapshot.get(&entity.key())? } else { None } {
                None => changes.push(Change::Put(entity)),
                Some(there) if there == entity => self.imported.unchanged += 1,
                Some(there) => return Err(differs(&entity.key(), there.namespace())),
            }
        }
        drop(snapshot);
        if changes.is_empty() {
            return Ok(());
        }
        let count = changes.len() as u64;
        let batch = Batch { expected, changes, author: self.options.author.clone(), ..Batch::default() };
        self.imported.revision = Some(self.store.commit(&batch)?);
        self.imported.entities += count;
        self.imported.batches += 1;
        Ok(())
    }
}

fn differs(key: &EntityKey, namespace: &Namespace) -> ExchangeError {
    ExchangeError::Import(format!("{key} is in the store already, in namespace `{namespace}`, and differs"))
}
