//! The laws that every store checks before it commits a batch; for whoever writes a store.
//!
//! A store applies the changes of a batch inside its transaction, then calls [`check`] with a [`View`] of the result, and
//! rolls back when that fails. The laws are those of [`Store`](crate::Store), and that nothing contains itself. Whatever is
//! deleted must be there ([`not_there`]) and whatever is put stays in its namespace ([`stays`]), which a store sees as it applies
//! a change; for classes and plugins that is all.

use std::collections::{BTreeMap, HashMap};

use crate::{Batch, Change, CodecError, Entity, EntityKey, Namespace, StoreError};

/// Templates and instances obey the same laws, apart from each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Vertex templates and edge templates.
    Template,
    /// Vertexes and edges.
    Instance,
}

impl Kind {
    /// Returns what a vertex of this kind is called.
    pub fn vertex(self) -> &'static str {
        match self {
            Self::Template => "vertex template",
            Self::Instance => "vertex",
        }
    }

    /// Returns what an edge of this kind is called.
    pub fn edge(self) -> &'static str {
        match self {
            Self::Template => "edge template",
            Self::Instance => "edge",
        }
    }
}

/// What a store shows of itself after it applied a batch, before it commits.
pub trait View {
    /// Returns whether there is a vertex with this id, and what contains it.
    fn container(&mut self, kind: Kind, id: u64) -> Result<Option<Option<u64>>, StoreError>;

    /// Returns whether more than one vertex has this name in this container or, without one, in this namespace.
    fn is_ambiguous(
        &mut self,
        kind: Kind,
        namespace: &Namespace,
        container: Option<u64>,
        name: &str,
    ) -> Result<bool, StoreError>;

    /// Returns whether a vertex says that this one contains it.
    fn has_contents(&mut self, kind: Kind, id: u64) -> Result<bool, StoreError>;

    /// Returns whether an edge starts or ends at this vertex.
    fn has_edges(&mut self, kind: Kind, id: u64) -> Result<bool, StoreError>;
}

/// A vertex, as far as the laws look at it.
struct Place<'a> {
    namespace: &'a Namespace,
    container: Option<u64>,
    name: &'a str,
}

/// The name of an edge, and its ends.
type Ends<'a> = (&'a str, u64, u64);

/// Checks what a batch came to.
///
/// # Errors
///
/// [`StoreError::Invalid`] when a law is broken; whatever the view fails with.
pub fn check(batch: &Batch, view: &mut dyn View) -> Result<(), StoreError> {
    // The last change of an entity is what counts.
    let mut vertexes: BTreeMap<(Kind, u64), Option<Place<'_>>> = BTreeMap::new();
    let mut edges: BTreeMap<(Kind, u64), Option<Ends<'_>>> = BTreeMap::new();
    for change in &batch.changes {
        if let Some(id) = change.put_id().filter(|id| *id > ID_MAX) {
            return Err(id_too_large(id));
        }
        match change {
            Change::Put(Entity::Vertex(vertex)) => {
                let (namespace, name) = (&vertex.namespace, vertex.name.as_str());
                let container = vertex.container.map(|id| id.0);
                vertexes.insert((Kind::Instance, vertex.id.0), Some(Place { namespace, container, name }));
            }
            Change::Put(Entity::VertexTemplate(vertex)) => {
                let (namespace, name) = (&vertex.namespace, vertex.name.as_str());
                let container = vertex.container.map(|id| id.0);
                vertexes.insert((Kind::Template, vertex.id.0), Some(Place { namespace, container, name }));
            }
            Change::Put(Entity::Edge(edge)) => {
                edges.insert((Kind::Instance, edge.id.0), Some((&edge.name, edge.source.0, edge.target.0)));
            }
            Change::Put(Entity::EdgeTemplate(edge)) => {
                edges.insert((Kind::Template, edge.id.0), Some((&edge.name, edge.source.0, edge.target.0)));
            }
            Change::Delete(EntityKey::Vertex(id)) => _ = vertexes.insert((Kind::Instance, id.0), None),
            Change::Delete(EntityKey::VertexTemplate(id)) => {
                _ = vertexes.insert((Kind::Template, id.0), None)
            }
            Change::Delete(EntityKey::Edge(id)) => _ = edges.insert((Kind::Instance, id.0), None),
            Change::Delete(EntityKey::EdgeTemplate(id)) => _ = edges.insert((Kind::Template, id.0), None),
            Change::Put(Entity::Class(_) | Entity::Plugin(_))
            | Change::Delete(EntityKey::Class(..) | EntityKey::Plugin(..)) => {}
        }
    }

    let mut checker = Checker { view, known: HashMap::new(), walked: HashMap::new(), walks: 0 };
    for ((kind, id), place) in &vertexes {
        checker.known.insert((*kind, *id), place.as_ref().map(|place| place.container));
    }
    for ((kind, id), place) in &vertexes {
        match place {
            Some(place) => checker.put(*kind, *id, place)?,
            None => checker.deleted(*kind, *id)?,
        }
    }
    for ((kind, id), edge) in &edges {
        let Some((name, source, target)) = edge else { continue };
        for (word, end) in [("starts", source), ("ends", target)] {
            if checker.container(*kind, *end)?.is_none() {
                let (edge, vertex) = (kind.edge(), kind.vertex());
                return Err(invalid(format!(
                    "{edge} {id} `{name}` {word} at {vertex} {end}, which does not exist"
                )));
            }
        }
    }
    Ok(())
}

struct Checker<'a> {
    view: &'a mut dyn View,
    /// What contains a vertex, where that is known; None where there is no such vertex.
    known: HashMap<(Kind, u64), Option<Option<u64>>>,
    /// What has been walked up from, and in which walk.
    walked: HashMap<(Kind, u64), usize>,
    walks: usize,
}

impl Checker<'_> {
    fn container(&mut self, kind: Kind, id: u64) -> Result<Option<Option<u64>>, StoreError> {
        if let Some(known) = self.known.get(&(kind, id)) {
            return Ok(*known);
        }
        let found = self.view.container(kind, id)?;
        self.known.insert((kind, id), found);
        Ok(found)
    }

    fn put(&mut self, kind: Kind, id: u64, place: &Place<'_>) -> Result<(), StoreError> {
        let word = kind.vertex();
        if self.view.is_ambiguous(kind, place.namespace, place.container, place.name)? {
            let (name, namespace) = (place.name, place.namespace);
            return Err(invalid(match place.container {
                Some(container) => {
                    format!("two of the contents of {word} {container} have the name `{name}`")
                }
                None => format!("two of namespace `{namespace}` have the name `{name}`: {word} {id} is one"),
            }));
        }
        self.walks += 1;
        let mut inner = id;
        while !self.walked.contains_key(&(kind, inner)) {
            self.walked.insert((kind, inner), self.walks);
            let Some(container) = self.container(kind, inner)?.flatten() else { return Ok(()) };
            if self.container(kind, container)?.is_none() {
                return Err(invalid(format!(
                    "{word} {inner} is in {word} {container}, which does not exist"
                )));
            }
            inner = container;
        }
        // What an earlier walk passed has been found to end somewhere; what this one passed is a circle.
        if self.walked.get(&(kind, inner)) == Some(&self.walks) {
            return Err(invalid(format!("{word} {inner} contains itself")));
        }
        Ok(())
    }

    fn deleted(&mut self, kind: Kind, id: u64) -> Result<(), StoreError> {
        let word = kind.vertex();
        if self.view.has_contents(kind, id)? {
            return Err(invalid(format!("{word} {id} is deleted, and others are still in it")));
        }
        if self.view.has_edges(kind, id)? {
            return Err(invalid(format!("{word} {id} is deleted, and edges still start or end at it")));
        }
        Ok(())
    }
}

/// Makes the error for a batch that deletes what is not there.
pub fn not_there(key: &EntityKey) -> StoreError {
    invalid(format!("there is no {key} to delete"))
}

/// Checks that an entity stays in its namespace: `from` is where it is, `to` where the batch puts it.
///
/// # Errors
///
/// [`StoreError::Invalid`] when they differ, since neither namespace's history would tell of it.
pub fn stays(key: &EntityKey, from: &Namespace, to: &Namespace) -> Result<(), StoreError> {
    if from == to {
        return Ok(());
    }
    Err(invalid(format!("{key} is in namespace `{from}` and cannot move to `{to}`")))
}

/// The highest id: what databases have for integers has a sign.
pub const ID_MAX: u64 = i64::MAX as u64;

/// Makes the error for an id above [`ID_MAX`].
pub fn id_too_large(id: u64) -> StoreError {
    invalid(format!("id {id} is above {ID_MAX}"))
}

/// Makes the error for an entity or a record that cannot be stored.
pub fn cannot_encode(what: &str, error: &CodecError) -> StoreError {
    invalid(format!("{what} cannot be stored: {error}"))
}

fn invalid(message: String) -> StoreError {
    StoreError::Invalid(message)
}
