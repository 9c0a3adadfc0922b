//! From a store to a file.

use std::{
    collections::{BTreeSet, HashMap},
    io::Write,
};

use floria::{
    Entity, EntityKey, EntityKind, Index, Namespace, Page, Site, Snapshot, VertexId, VertexTemplateId,
};

use crate::{ExchangeError, Format, Writer};

/// How many entities are read from the store at once.
const PAGE_ENTITIES: usize = 500;

/// How many answers about what is selected are remembered. Neighbours ask the same again and again.
const REMEMBERED_MAX: usize = 10_000;

/// What is exported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// The whole store.
    All,
    /// A namespace, with those under it: all entities that live there.
    Under(Namespace),
    /// The whole store without a namespace and those under it.
    Without(Namespace),
    /// A vertex with all that it contains, at any depth, and the edges among these.
    Subtree(VertexId),
    /// A vertex template with all that it contains, at any depth, and the edge templates among these.
    TemplateSubtree(VertexTemplateId),
}

/// What becomes of whatever leads out of the selection: an edge with an end outside, a container outside, a note that a value
/// was computed from a property outside ([`floria::Property::reads`]).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Boundary {
    /// Such edges are left out, such vertexes have no container in the file, such notes are left out; [`Exported`] counts
    /// them. The file makes sense in any store.
    #[default]
    Cut,
    /// The export is refused.
    Refuse,
    /// All of it is written as it is. Such a file can only be imported where what it leads to is.
    Keep,
}

/// What was exported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// How many entities are in the file.
    pub entities: u64,
    /// How many edges and edge templates were left out.
    pub edges_left_out: u64,
    /// How many vertexes and templates lost their container.
    pub containers_cut: u64,
    /// How many notes of what was read were left out.
    pub reads_left_out: u64,
}

/// Writes what is selected to a file, in canonical order.
///
/// A store or namespace takes a page of entities in memory, whatever its size; a subtree its ids, too.
///
/// # Errors
///
/// When the file cannot be written or the store cannot be read; what [`Writer::write`] and [`Boundary::Refuse`] refuse;
/// [`ExchangeError::Missing`] for a vertex that is not there. What is in the file then is not a graph that can be read.
pub fn export(
    snapshot: &dyn Snapshot,
    selection: &Selection,
    boundary: Boundary,
    format: Format,
    file: impl Write,
) -> Result<Exported, ExchangeError> {
    let mut export = Export {
        snapshot,
        boundary,
        scope: Scope::All,
        remembered: HashMap::new(),
        writer: Writer::new(format, file)?,
        exported: Exported::default(),
    };
    match selection {
        Selection::All => export.indexes(Index::All)?,
        Selection::Under(namespace) => {
            export.scope = Scope::Under(namespace.clone());
            export.indexes(|kind| Index::Under(kind, namespace.clone()))?;
        }
        Selection::Without(namespace) => {
            export.scope = Scope::Without(namespace.clone());
            export.indexes(Index::All)?;
        }
        Selection::Subtree(id) => {
            export.subtree((*id).into(), |id| VertexId(id).into(), EntityKind::Vertex, EntityKind::Edge)?;
        }
        Selection::TemplateSubtree(id) => {
            let (vertexes, edges) = (EntityKind::VertexTemplate, EntityKind::EdgeTemplate);
            export.subtree((*id).into(), |id| VertexTemplateId(id).into(), vertexes, edges)?;
        }
    }
    export.exported.entities = export.writer.finish()?;
    Ok(export.exported)
}

/// What is selected.
enum Scope {
    All,
    Under(Namespace),
    Without(Namespace),
    /// These vertexes (or templates), and the edges of this kind that were collected.
    Keys(BTreeSet<EntityKey>),
}

struct Export<'a> {
    snapshot: &'a dyn Snapshot,
    boundary: Boundary,
    scope: Scope,
    remembered: HashMap<EntityKey, bool>,
    writer: Writer<'a>,
    exported: Exported,
}

impl Export<'_> {
    fn indexes(&mut self, index: impl Fn(EntityKind) -> Index) -> Result<(), ExchangeError> {
        for kind in EntityKind::ALL {
            pages(self.snapshot, &index(kind), |entity| self.write(entity))?;
        }
        Ok(())
    }

    fn subtree(
        &mut self,
        root: EntityKey,
        key: impl Fn(u64) -> EntityKey,
        vertexes: EntityKind,
        edges: EntityKind,
    ) -> Result<(), ExchangeError> {
        if self.snapshot.get(&root)?.is_none() {
            return Err(ExchangeError::Missing(root.to_string()));
        }
        let mut keys = BTreeSet::from([root.clone()]);
        let mut open: Vec<u64> = root.id().into_iter().collect();
        while let Some(id) = open.pop() {
            pages(self.snapshot, &Index::Contents(vertexes, id), |entity| {
                if keys.insert(entity.key()) {
                    open.extend(entity.key().id());
                }
                Ok(())
            })?;
        }
        let mut edge_keys = BTreeSet::new();
        for id in keys.iter().filter_map(EntityKey::id) {
            for index in [Index::Outgoing(edges, id), Index::Incoming(edges, id)] {
                pages(self.snapshot, &index, |edge| {
                    edge_keys.insert(edge.key());
                    Ok(())
                })?;
            }
        }
        if self.boundary != Boundary::Keep {
            // What leads out is counted when it is written, and is not there for those that read it.
            let mut inside = BTreeSet::new();
            for edge in &edge_keys {
                let ends = self.snapshot.get(edge)?.and_then(|edge| edge.ends());
                if ends.is_some_and(|(source, target)| {
                    keys.contains(&key(source)) && keys.contains(&key(target))
                }) {
                    inside.insert(edge.clone());
                }
            }
            self.scope = Scope::Keys(keys.iter().cloned().chain(inside).collect());
        } else {
            self.scope = Scope::Keys(keys.iter().chain(&edge_keys).cloned().collect());
        }
        for key in keys.iter().chain(&edge_keys) {
            if let Some(entity) = self.snapshot.get(key)? {
                self.write(entity)?;
            }
        }
        Ok(())
    }

    /// Returns whether something is selected.
    fn holds(&mut self, key: EntityKey) -> Result<bool, ExchangeError> {
        let (namespace, is_inside) = match &self.scope {
            Scope::All => return Ok(true),
            Scope::Keys(keys) => return Ok(keys.contains(&key)),
            Scope::Under(namespace) => (namespace, true),
            Scope::Without(namespace) => (namespace, false),
        };
        if let Some(known) = self.remembered.get(&key) {
            return Ok(*known);
        }
        let entity = self.snapshot.get(&key)?;
        let holds = entity.is_some_and(|entity| entity.namespace().is_under(namespace) == is_inside);
        if self.remembered.len() == REMEMBERED_MAX {
            self.remembered.clear();
        }
        self.remembered.insert(key, holds);
        Ok(holds)
    }

    fn write(&mut self, mut entity: Entity) -> Result<(), ExchangeError> {
        if matches!(&self.scope, Scope::Without(namespace) if entity.namespace().is_under(namespace)) {
            return Ok(());
        }
        if self.boundary != Boundary::Keep && !matches!(self.scope, Scope::All) && !self.cut(&mut entity)? {
            return Ok(());
        }
        self.writer.write(&entity)
    }

    /// Cuts what leads out of the selection. Returns whether the entity is still to be written.
    fn cut(&mut self, entity: &mut Entity) -> Result<bool, ExchangeError> {
        let ends: [EntityKey; 2] = match entity {
            Entity::Edge(edge) => [edge.source.into(), edge.target.into()],
            Entity::EdgeTemplate(edge) => [edge.source.into(), edge.target.into()],
            Entity::Vertex(vertex) => {
                if let Some(container) = vertex.container
                    && !self.holds(container.into())?
                {
                    self.refuse(&vertex.id.into(), &container.into())?;
                    vertex.container = None;
                    self.exported.containers_cut += 1;
                }
                return self.cut_reads(entity).map(|()| true);
            }
            Entity::VertexTemplate(vertex) => {
                if let Some(container) = vertex.container
                    && !self.holds(container.into())?
                {
                    self.refuse(&vertex.id.into(), &container.into())?;
                    vertex.container = None;
                    self.exported.containers_cut += 1;
                }
                return Ok(true);
            }
            Entity::Class(_) | Entity::Plugin(_) => return Ok(true),
        };
        for end in ends {
            if !self.holds(end.clone())? {
                self.refuse(&entity.key(), &end)?;
                self.exported.edges_left_out += 1;
                return Ok(false);
            }
        }
        self.cut_reads(entity).map(|()| true)
    }

    fn cut_reads(&mut self, entity: &mut Entity) -> Result<(), ExchangeError> {
        let key = entity.key();
        let properties = match entity {
            Entity::Vertex(vertex) => &mut vertex.properties,
            Entity::Edge(edge) => &mut edge.properties,
            _ => return Ok(()),
        };
        for property in properties.values_mut() {
            for (site, name) in std::mem::take(&mut property.reads) {
                let read = match site {
                    Site::Vertex(id) => EntityKey::Vertex(id),
                    Site::Edge(id) => EntityKey::Edge(id),
                };
                if self.holds(read.clone())? {
                    property.reads.push((site, name));
                } else {
                    self.refuse(&key, &read)?;
                    self.exported.reads_left_out += 1;
                }
            }
        }
        Ok(())
    }

    fn refuse(&self, from: &EntityKey, to: &EntityKey) -> Result<(), ExchangeError> {
        if self.boundary != Boundary::Refuse {
            return Ok(());
        }
        Err(ExchangeError::Export(format!("{from} leads to {to}, which is not selected")))
    }
}

/// Reads all that an index holds, page by page.
fn pages(
    snapshot: &dyn Snapshot,
    index: &Index,
    mut each: impl FnMut(Entity) -> Result<(), ExchangeError>,
) -> Result<(), ExchangeError> {
    let mut page = Page { after: None, limit: Some(PAGE_ENTITIES) };
    loop {
        let found = snapshot.find(index, &page)?;
        let is_last = found.len() < PAGE_ENTITIES;
        page.after = found.last().map(Entity::key);
        found.into_iter().try_for_each(&mut each)?;
        if is_last {
            return Ok(());
        }
    }
}
