//! What was told already, so that after a crash nothing is told twice and nothing is left out.

use std::collections::BTreeMap;

use floria::{
    At, Change, Entity, EntityKind, Index, Metadata, Namespace, Page, Store, StoreError, Value, Vertex,
    VertexId,
};
use khutulun_api::names;

/// The metadata that holds what a mark says.
const MARK: &str = "khutulun.mark";

/// The marks of an agent: small values by name, each a vertex in a namespace of khutulun's own. A mark is committed with the event
/// that it is about.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    known: BTreeMap<String, (VertexId, Value)>,
}

/// A mark that is about to be committed.
#[derive(Clone, Debug)]
pub(crate) struct Mark {
    pub(crate) change: Change,
    name: String,
    kept: Option<(VertexId, Value)>,
}

impl Marks {
    /// Reads what there is.
    pub(crate) fn read(store: &dyn Store) -> Result<Self, StoreError> {
        let index = Index::Namespace(EntityKind::Vertex, namespace());
        let found = store.snapshot(At::Now)?.find(&index, &Page::default())?;
        let known = found.into_iter().filter_map(|entity| {
            let Entity::Vertex(vertex) = entity else { return None };
            let value = vertex.metadata.get(MARK)?.clone();
            Some((vertex.name, (vertex.id, value)))
        });
        Ok(Self { known: known.collect() })
    }

    /// Returns what a mark says.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.known.get(name).map(|(_, value)| value)
    }

    /// Returns the names of the marks that begin so.
    pub(crate) fn beginning_with<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a str> {
        let from = self.known.range(prefix.to_owned()..);
        from.map(|(name, _)| name.as_str()).take_while(move |name| name.starts_with(prefix))
    }

    /// Makes a mark, to be committed.
    pub(crate) fn put(&self, store: &dyn Store, name: &str, value: Value) -> Result<Mark, StoreError> {
        let id = match self.known.get(name) {
            Some((id, _)) => *id,
            None => VertexId(store.allocate(1)?.start),
        };
        let vertex = Vertex {
            id,
            namespace: namespace(),
            name: name.to_owned(),
            container: None,
            classes: Vec::new(),
            properties: Default::default(),
            handlers: Default::default(),
            metadata: Metadata::from([(MARK.to_owned(), value.clone())]),
            origin: None,
        };
        Ok(Mark { change: Change::put(vertex), name: name.to_owned(), kept: Some((id, value)) })
    }

    /// Takes a mark away; none where there is none.
    pub(crate) fn remove(&self, name: &str) -> Option<Mark> {
        let (id, _) = self.known.get(name)?;
        Some(Mark { change: Change::delete(*id), name: name.to_owned(), kept: None })
    }

    /// Remembers a mark that was committed.
    pub(crate) fn keep(&mut self, mark: Mark) {
        match mark.kept {
            Some(kept) => self.known.insert(mark.name, kept),
            None => self.known.remove(&mark.name),
        };
    }
}

/// The namespace of the marks.
fn namespace() -> Namespace {
    Namespace(format!("{}agent", names::OWN_NAMESPACE))
}
