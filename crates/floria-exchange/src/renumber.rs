//! New ids for what is imported.

use std::{collections::HashMap, ops::Range};

use floria::{
    EdgeId, EdgeTemplateId, Entity, EntityKind, Properties, Site, Store, VertexId, VertexTemplateId,
};

use crate::ExchangeError;

/// How many ids are taken from the store at once. Those that are left over at the end are nobody's.
const IDS_AT_ONCE: u64 = 1_000;

/// Gives new ids, and remembers which: some 40 octets for each of the file's.
pub(crate) struct Renumber<'a> {
    store: &'a dyn Store,
    free: Range<u64>,
    /// What each id of the file became, and whether the entity was read that has it.
    ids: HashMap<(EntityKind, u64), (u64, bool)>,
}

impl<'a> Renumber<'a> {
    pub(crate) fn new(store: &'a dyn Store) -> Self {
        Self { store, free: 0..0, ids: HashMap::new() }
    }

    /// Changes all ids of an entity. What contains it and where it starts and ends must have been given before.
    ///
    /// # Errors
    ///
    /// When one of these was not; when the store has no more ids.
    pub(crate) fn apply(&mut self, entity: &mut Entity) -> Result<(), ExchangeError> {
        use EntityKind as Kind;
        let what = entity.key().to_string();
        match entity {
            Entity::Class(_) | Entity::Plugin(_) => {}
            Entity::VertexTemplate(vertex) => {
                vertex.id = VertexTemplateId(self.given(Kind::VertexTemplate, vertex.id.0)?);
                if let Some(container) = &mut vertex.container {
                    *container =
                        VertexTemplateId(self.known(Kind::VertexTemplate, container.0, &what, "is in")?);
                }
            }
            Entity::Vertex(vertex) => {
                vertex.id = VertexId(self.given(Kind::Vertex, vertex.id.0)?);
                if let Some(container) = &mut vertex.container {
                    *container = VertexId(self.known(Kind::Vertex, container.0, &what, "is in")?);
                }
                self.reads(&mut vertex.properties)?;
            }
            Entity::EdgeTemplate(edge) => {
                edge.id = EdgeTemplateId(self.given(Kind::EdgeTemplate, edge.id.0)?);
                edge.source =
                    VertexTemplateId(self.known(Kind::VertexTemplate, edge.source.0, &what, "starts at")?);
                edge.target =
                    VertexTemplateId(self.known(Kind::VertexTemplate, edge.target.0, &what, "ends at")?);
            }
            Entity::Edge(edge) => {
                edge.id = EdgeId(self.given(Kind::Edge, edge.id.0)?);
                edge.source = VertexId(self.known(Kind::Vertex, edge.source.0, &what, "starts at")?);
                edge.target = VertexId(self.known(Kind::Vertex, edge.target.0, &what, "ends at")?);
                self.reads(&mut edge.properties)?;
            }
        }
        Ok(())
    }

    /// What a value was computed from may be read later, or never: then nothing has its id.
    fn reads(&mut self, properties: &mut Properties) -> Result<(), ExchangeError> {
        for property in properties.values_mut() {
            for (site, _) in &mut property.reads {
                match site {
                    Site::Vertex(id) => *id = VertexId(self.id(EntityKind::Vertex, id.0)?.0),
                    Site::Edge(id) => *id = EdgeId(self.id(EntityKind::Edge, id.0)?.0),
                }
            }
            // They are in order.
            property.reads.sort();
        }
        Ok(())
    }

    fn given(&mut self, kind: EntityKind, id: u64) -> Result<u64, ExchangeError> {
        let entry = self.id(kind, id)?;
        entry.1 = true;
        Ok(entry.0)
    }

    fn known(&mut self, kind: EntityKind, id: u64, what: &str, verb: &str) -> Result<u64, ExchangeError> {
        match self.ids.get(&(kind, id)) {
            Some((id, true)) => Ok(*id),
            _ => {
                let problem = format!("{what} {verb} {} {id}, which is not in the file", kind.word());
                Err(ExchangeError::Import(problem))
            }
        }
    }

    fn id(&mut self, kind: EntityKind, id: u64) -> Result<&mut (u64, bool), ExchangeError> {
        if self.free.is_empty() {
            self.free = self.store.allocate(IDS_AT_ONCE)?;
        }
        let free = &mut self.free;
        Ok(self.ids.entry((kind, id)).or_insert_with(|| (free.next().unwrap_or_default(), false)))
    }
}
