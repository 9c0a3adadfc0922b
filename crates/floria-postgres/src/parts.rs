//! What an entity is found by, as the columns of its row.

use std::collections::BTreeSet;

use floria::{Entity, EntityKey, EntityKind, Site};

use crate::names::{integer, key};

/// The number of a kind, as rows have it.
pub(crate) fn kind_number(kind: EntityKind) -> i16 {
    kind as i16
}

/// The code of the row of the log that puts an entity of this kind in.
pub(crate) fn put_code(kind: EntityKind) -> i16 {
    1 + kind as i16
}

/// The code of the row of the log that takes an entity of this kind out.
pub(crate) fn delete_code(kind: EntityKind) -> i16 {
    7 + kind as i16
}

/// Returns the namespace and the name of what has no id.
pub(crate) fn named(key: &EntityKey) -> Option<(&str, &str)> {
    match key {
        EntityKey::Class(namespace, name) => Some((&namespace.0, &name.0)),
        EntityKey::Plugin(namespace, name) => Some((&namespace.0, &name.0)),
        _ => None,
    }
}

/// Where a property stands: 0 and a vertex, or 1 and an edge.
pub(crate) fn site(site: Site) -> (i16, i64) {
    match site {
        Site::Vertex(id) => (0, integer(id.0)),
        Site::Edge(id) => (1, integer(id.0)),
    }
}

/// What an entity is found by, but for its key and namespace. `W` is how words are held: as they are, or by number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Parts<W> {
    pub(crate) container: Option<i64>,
    /// The key of its name, for vertexes and their templates.
    pub(crate) name: Option<Vec<u8>>,
    pub(crate) source: Option<i64>,
    pub(crate) target: Option<i64>,
    pub(crate) origin: Option<W>,
    pub(crate) classes: Vec<W>,
    /// Site and name of the properties that its own were computed from.
    pub(crate) reads: Vec<(i16, i64, W)>,
}

impl<'a> Parts<&'a str> {
    pub(crate) fn of(entity: &'a Entity) -> Self {
        let container = entity.container();
        let ends = entity.ends();
        let classes: BTreeSet<_> = entity.classes().map(|class| class.0.as_str()).collect();
        let properties = entity.site().and(entity.properties()).into_iter().flat_map(|all| all.values());
        let reads: BTreeSet<_> = properties
            .flat_map(|property| &property.reads)
            .map(|(place, name)| {
                let (kind, id) = site(*place);
                (kind, id, name.as_str())
            })
            .collect();
        Self {
            container: container.flatten().map(integer),
            name: container.map(|_| key(entity.name())),
            source: ends.map(|(source, _)| integer(source)),
            target: ends.map(|(_, target)| integer(target)),
            origin: entity.origin().map(|origin| origin.source.as_str()),
            classes: classes.into_iter().collect(),
            reads: reads.into_iter().collect(),
        }
    }

    /// Returns the words of it.
    pub(crate) fn words(&self) -> impl Iterator<Item = &'a str> {
        let reads = self.reads.iter().map(|(_, _, name)| *name);
        self.origin.into_iter().chain(self.classes.iter().copied()).chain(reads)
    }

    /// Returns the same with numbers in place of words; None when a word has none.
    pub(crate) fn numbered(&self, number: impl Fn(&str) -> Option<i64>) -> Option<Parts<i64>> {
        let mut classes = self.classes.iter().map(|class| number(class)).collect::<Option<Vec<_>>>()?;
        classes.sort_unstable();
        let mut reads = Vec::with_capacity(self.reads.len());
        for (kind, id, name) in &self.reads {
            reads.push((*kind, *id, number(name)?));
        }
        reads.sort_unstable();
        let origin = match self.origin {
            Some(source) => Some(number(source)?),
            None => None,
        };
        Some(Parts {
            container: self.container,
            name: self.name.clone(),
            source: self.source,
            target: self.target,
            origin,
            classes,
            reads,
        })
    }
}

/// Writes what an entity has several of: the numbers of its classes and reads, for its own row, so that the next change of it
/// knows what to take out of the tables of those. None for nothing.
pub(crate) fn encode_several(parts: &Parts<i64>) -> Option<Vec<u8>> {
    if parts.classes.is_empty() && parts.reads.is_empty() {
        return None;
    }
    Some(floria::encode(&(&parts.classes, &parts.reads)).expect("lists of numbers can be encoded"))
}

/// Several classes and reads.
pub(crate) type Several = (Vec<i64>, Vec<(i16, i64, i64)>);

/// Reads what [`encode_several`] wrote.
pub(crate) fn decode_several(octets: Option<&[u8]>) -> Result<Several, floria::CodecError> {
    octets.map_or(Ok(Several::default()), floria::decode)
}
