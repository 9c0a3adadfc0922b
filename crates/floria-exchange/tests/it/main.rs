//! Files that come back as they went, and files that do not get in.

#![allow(clippy::unwrap_used, reason = "a test may panic, and so may its helpers")]

mod any;
mod hostile;
mod identity;
mod imports;
mod ordinary;
mod selections;

use floria::{At, Entity, EntityKind, Index, MemoryStore, Page, Store};
use floria_exchange::{
    Boundary, ExchangeError, Exported, Format, ImportOptions, Imported, Reader, Selection, Writer, export,
    import,
};

/// Writes a whole store.
fn exported(store: &dyn Store, format: Format) -> Vec<u8> {
    selected(store, &Selection::All, Boundary::Refuse, format).unwrap().0
}

fn selected(
    store: &dyn Store,
    selection: &Selection,
    boundary: Boundary,
    format: Format,
) -> Result<(Vec<u8>, Exported), ExchangeError> {
    let mut file = Vec::new();
    let snapshot = store.snapshot(At::Now).unwrap();
    let exported = export(&*snapshot, selection, boundary, format, &mut file)?;
    Ok((file, exported))
}

fn imported(store: &dyn Store, format: Format, file: &[u8]) -> Result<Imported, ExchangeError> {
    import(store, format, file, &ImportOptions::default())
}

fn read(format: Format, file: &[u8]) -> Result<Vec<Entity>, ExchangeError> {
    Reader::new(format, file, &Default::default()).collect()
}

fn written(format: Format, entities: &[Entity]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut writer = Writer::new(format, &mut file).unwrap();
    entities.iter().for_each(|entity| writer.write(entity).unwrap());
    assert_eq!(writer.finish().unwrap(), entities.len() as u64);
    file
}

/// Reads all entities of a store, in canonical order.
fn entities(store: &dyn Store) -> Vec<Entity> {
    let snapshot = store.snapshot(At::Now).unwrap();
    let of = |kind| snapshot.find(&Index::All(kind), &Page::default()).unwrap();
    EntityKind::ALL.into_iter().flat_map(of).collect()
}

fn store_with(entities: impl IntoIterator<Item = Entity>) -> MemoryStore {
    let store = MemoryStore::new();
    floria_conformance::build::commit(&store, entities.into_iter().map(floria::Change::Put));
    store
}

/// Says why something failed, with all causes.
fn reason(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", reason(source)),
        None => error.to_string(),
    }
}
