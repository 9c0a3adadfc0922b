//! Reading: a view of one revision, and the indexes that it can be asked by.

use crate::{
    Class, ClassName, Design, Edge, EdgeTemplate, Entity, EntityKey, EntityKind, Graph, Namespace, Revision,
    Site, StoreError, Vertex, VertexTemplate,
};

/// When a store is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum At {
    /// As it is now.
    #[default]
    Now,
    /// As it was once this revision was committed.
    Revision(Revision),
    /// As it was at this time, in milliseconds since 1970-01-01T00:00:00Z by the store's clock: after the last commit at or
    /// before it.
    Time(u64),
}

/// What can be looked up without reading everything. Stores keep an index for each; [`Index::holds`] says what is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Index {
    /// All entities of a kind.
    All(EntityKind),
    /// Those in a namespace.
    Namespace(EntityKind, Namespace),
    /// Those in a namespace or in one below it: `shop` and `shop/web`, not `shopping`.
    Under(EntityKind, Namespace),
    /// Those of a class, which is also the class of whatever is of a class that extends it.
    Class(EntityKind, ClassName),
    /// Vertexes (or their templates) of this name, in this container, or in none.
    Name(EntityKind, Option<u64>, String),
    /// Vertexes (or their templates) in this container.
    Contents(EntityKind, u64),
    /// Edges (or their templates) that start here.
    Outgoing(EntityKind, u64),
    /// Edges (or their templates) that end here.
    Incoming(EntityKind, u64),
    /// Instances with a property whose value was computed from this property ([`crate::Property::reads`]).
    Readers(EntityKind, Site, String),
    /// Those that were asked for in this source ([`crate::Origin::source`]).
    Origin(EntityKind, String),
}

impl Index {
    /// Returns the kind of what it holds.
    pub fn kind(&self) -> EntityKind {
        match self {
            Self::All(kind)
            | Self::Namespace(kind, _)
            | Self::Under(kind, _)
            | Self::Class(kind, _)
            | Self::Name(kind, ..)
            | Self::Contents(kind, _)
            | Self::Outgoing(kind, _)
            | Self::Incoming(kind, _)
            | Self::Readers(kind, ..)
            | Self::Origin(kind, _) => *kind,
        }
    }

    /// Returns whether an entity belongs in it: what every store's index must come to.
    pub fn holds(&self, entity: &Entity) -> bool {
        if entity.kind() != self.kind() {
            return false;
        }
        match self {
            Self::All(_) => true,
            Self::Namespace(_, namespace) => entity.namespace() == namespace,
            Self::Under(_, namespace) => entity.namespace().is_under(namespace),
            Self::Class(_, class) => entity.classes().any(|other| other == class),
            Self::Name(_, container, name) => entity.container() == Some(*container) && entity.name() == name,
            Self::Contents(_, id) => entity.container() == Some(Some(*id)),
            Self::Outgoing(_, id) => entity.ends().is_some_and(|(source, _)| source == *id),
            Self::Incoming(_, id) => entity.ends().is_some_and(|(_, target)| target == *id),
            Self::Readers(_, site, name) => entity.properties().is_some_and(|properties| {
                let mut reads = properties.values().flat_map(|property| &property.reads);
                entity.site().is_some() && reads.any(|(other, read)| other == site && read == name)
            }),
            Self::Origin(_, source) => entity.origin().is_some_and(|origin| origin.source == *source),
        }
    }
}

/// Which part of an answer is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Only what comes after this key, in canonical order.
    pub after: Option<EntityKey>,
    /// At most so many. None: all.
    pub limit: Option<usize>,
}

/// A view of one revision. What is committed later does not change it, and it keeps nobody from committing.
pub trait Snapshot: Send {
    /// Returns the revision that it shows.
    fn revision(&self) -> Revision;

    /// Returns the last revision, up to this one, that changed an entity of this namespace; 0 when none did.
    fn namespace_revision(&self, namespace: &Namespace) -> Result<Revision, StoreError>;

    /// Returns the namespaces that hold at least one entity, in order.
    fn namespaces(&self) -> Result<Vec<Namespace>, StoreError>;

    /// Returns an entity.
    fn get(&self, key: &EntityKey) -> Result<Option<Entity>, StoreError>;

    /// Returns the entities that an index holds, in canonical order of their keys.
    fn find(&self, index: &Index, page: &Page) -> Result<Vec<Entity>, StoreError>;

    /// Returns how many entities an index holds.
    fn count(&self, index: &Index) -> Result<u64, StoreError>;

    /// Returns the names of classes whose last part, after the last `:`, is this: at least all that an entity here is of, and
    /// maybe others that none is of. None where that cannot be told without reading all entities.
    fn classes_called(&self, _last: &str) -> Result<Option<Vec<ClassName>>, StoreError> {
        Ok(None)
    }

    /// Returns all instances of a namespace.
    fn graph(&self, namespace: &Namespace) -> Result<Graph, StoreError> {
        let mut graph = Graph::default();
        for vertex in all::<Vertex>(self, EntityKind::Vertex, namespace)? {
            graph.put_vertex(vertex);
        }
        for edge in all::<Edge>(self, EntityKind::Edge, namespace)? {
            graph.put_edge(edge);
        }
        Ok(graph)
    }

    /// Returns all templates and classes of a namespace, with the store's ids.
    fn design(&self, namespace: &Namespace) -> Result<Option<Design>, StoreError> {
        let classes = self.find(&Index::Namespace(EntityKind::Class, namespace.clone()), &Page::default())?;
        let classes: Vec<Class> = classes
            .into_iter()
            .filter_map(|entity| if let Entity::Class(class) = entity { Some(class) } else { None })
            .collect();
        let vertexes = all::<VertexTemplate>(self, EntityKind::VertexTemplate, namespace)?;
        let edges = all::<EdgeTemplate>(self, EntityKind::EdgeTemplate, namespace)?;
        Ok(Design::stored(namespace.clone(), classes, vertexes, edges))
    }
}

fn all<T: TryFrom<Entity>>(
    snapshot: &(impl Snapshot + ?Sized),
    kind: EntityKind,
    namespace: &Namespace,
) -> Result<Vec<T>, StoreError> {
    let found = snapshot.find(&Index::Namespace(kind, namespace.clone()), &Page::default())?;
    Ok(found.into_iter().filter_map(|entity| T::try_from(entity).ok()).collect())
}

/// How many entities or rows are read at once by whoever looks at each.
pub(crate) const READ_MAX: usize = 1_000;

/// Calls a function with each entity that an index holds.
pub(crate) fn each(
    snapshot: &dyn Snapshot,
    index: &Index,
    mut work: impl FnMut(Entity),
) -> Result<(), StoreError> {
    let mut page = Page { after: None, limit: Some(READ_MAX) };
    loop {
        let found = snapshot.find(index, &page)?;
        let is_last = found.len() < READ_MAX;
        page.after = found.last().map(Entity::key);
        found.into_iter().for_each(&mut work);
        if is_last {
            return Ok(());
        }
    }
}
