//! Targets in other services: vertexes that stand for them, made for those that look outside.

use std::collections::{HashMap, HashSet};

use floria::{
    EdgeTemplate, Graph, Handlers, Metadata, Value, Vertex, VertexId,
    rules::{NODE, REACH, Reach, SELECTED, Selector, VALID_RELATIONSHIPS, VALID_SOURCES},
};

use super::Solver;
use crate::{Inventory, ResolveError, candidates::Candidate, keep::keep, select};

/// What stands for vertexes of other services, by the place of the service and the vertex there.
pub(super) type References = HashMap<(usize, VertexId), VertexId>;

impl Solver<'_, '_> {
    /// Returns what of other services fits a selector, in the order of the inventory. Each is stood for by a vertex of this
    /// service.
    pub(super) fn externals(
        &mut self,
        template: &EdgeTemplate,
        selector: &Selector,
        service: VertexId,
    ) -> Result<Vec<Candidate>, ResolveError> {
        let mut candidates = Vec::new();
        for (place, other) in self.request.inventory.iter().enumerate() {
            for vertex in other.graph.vertexes() {
                if !self.is_fit(other.graph, vertex, template, selector) {
                    continue;
                }
                let Some(node) = other.graph.node_of(vertex.id) else { continue };
                // What is in a service inside of a node is that node's own affair.
                if vertex.id != node.id && vertex.container != Some(node.id) {
                    continue;
                }
                let reference = match self.references.get(&(place, node.id)) {
                    Some(reference) => *reference,
                    None => self.refer(place, other, node, service)?,
                };
                let target = match vertex.id == node.id {
                    true => Some(reference),
                    false => self.graph.named(Some(reference), &vertex.name).map(|part| part.id),
                };
                candidates.extend(target.map(|vertex| Candidate {
                    vertex,
                    node: reference,
                    template: 0,
                    is_restricted: false,
                }));
            }
        }
        Ok(candidates)
    }

    fn is_fit(&self, graph: &Graph, vertex: &Vertex, template: &EdgeTemplate, selector: &Selector) -> bool {
        let Some(container) = vertex.container.and_then(|id| graph.vertex(id)) else { return false };
        let is_one = |vertex: &Vertex, classes: &[floria::ClassName]| {
            classes.iter().any(|class| vertex.classes.contains(class))
        };
        let one = std::slice::from_ref;
        let allows = |mark: &str, classes: &[floria::ClassName]| {
            let valid = vertex.metadata.get(mark).and_then(Value::as_list);
            valid.is_none_or(|valid| {
                classes.iter().any(|class| valid.contains(&Value::from(class.0.as_str())))
            })
        };
        let reach = vertex.metadata.get(REACH).and_then(Value::as_list);
        let source = self.request.design.vertex(template.source);
        selector.class.as_ref().is_none_or(|class| is_one(vertex, one(class)))
            && selector.name.as_ref().is_none_or(|name| *name == vertex.name)
            && selector.container_class.as_ref().is_none_or(|class| is_one(container, one(class)))
            && selector.valid_classes.as_ref().is_none_or(|classes| is_one(vertex, classes))
            && selector.valid_container_classes.as_ref().is_none_or(|classes| is_one(container, classes))
            && reach.is_none_or(|reach| reach.contains(&Value::from(Reach::External.word())))
            && source.is_none_or(|source| allows(VALID_SOURCES, &source.classes))
            && allows(VALID_RELATIONSHIPS, &template.classes)
            && graph.node_of(vertex.id).is_some_and(|node| !node.metadata.contains_key(SELECTED))
    }

    /// Makes a vertex that stands for one of another service, with what that contains.
    fn refer(
        &mut self,
        place: usize,
        other: &Inventory<'_>,
        node: &Vertex,
        service: VertexId,
    ) -> Result<VertexId, ResolveError> {
        let name = format!("{}.{}", other.namespace, node.name).replace('/', ".");
        if let Some(present) = self.graph.named(Some(service), &name) {
            // Where what there is is explained, it stands there already.
            if !select::stands_for(present, other, node.id) {
                return Err(ResolveError::SameName { path: name, origin: node.origin.clone() });
            }
            let id = present.id;
            self.stands(place, node.id, id);
            return Ok(id);
        }
        let id = self.copy(node, name.clone(), service)?;
        if let Some(mut copy) = self.graph.remove_vertex(id) {
            copy.metadata.insert(NODE.to_owned(), Value::Text(name));
            self.graph.put_vertex(copy);
        }
        let parts = other.graph.contained(Some(node.id));
        // What has something inside is a service of its own.
        for part in parts.filter(|part| other.graph.contained(Some(part.id)).next().is_none()) {
            self.copy(part, part.name.clone(), id)?;
        }
        select::stand_for(self.request, &self.stands, &mut self.graph, id, other, node.id);
        self.stands(place, node.id, id);
        Ok(id)
    }

    /// Remembers what stands for a vertex of another service, and what others take of it there.
    fn stands(&mut self, place: usize, node: VertexId, id: VertexId) {
        let parts: Vec<VertexId> = self.graph.contained(Some(id)).map(|part| part.id).collect();
        parts.into_iter().for_each(|part| self.note_elsewhere(part));
        self.references.insert((place, node), id);
    }

    fn copy(&mut self, vertex: &Vertex, name: String, container: VertexId) -> Result<VertexId, ResolveError> {
        let present = self.request.current.named(Some(container), &name);
        let id = match present {
            Some(present) => present.id,
            None => VertexId(self.ids.next_id()?),
        };
        let is_mark = |(name, value): &(&String, &Value)| {
            *name == NODE || value.as_text() == Some(vertex.name.as_str()) || name.as_str() == REACH
        };
        let marks = vertex.metadata.iter().filter(is_mark);
        let metadata: Metadata = marks.map(|(name, value)| (name.clone(), value.clone())).collect();
        let mut copy = Vertex {
            id,
            namespace: self.request.design.namespace.clone(),
            name,
            container: Some(container),
            classes: vertex.classes.clone(),
            properties: vertex.properties.clone(),
            handlers: Handlers::new(),
            metadata,
            origin: vertex.origin.clone(),
        };
        for (_, property) in &mut copy.properties {
            property.preparer = None;
        }
        if let Some(present) = present {
            keep(&mut Default::default(), &mut copy.metadata, &Default::default(), &present.metadata);
        }
        self.graph.put_vertex(copy);
        Ok(id)
    }

    /// Takes out what nothing leads to in the end.
    pub(super) fn forget_references(&mut self) {
        let all: HashSet<VertexId> = self.references.values().copied().collect();
        for reference in all {
            let parts: Vec<VertexId> = self.graph.contained(Some(reference)).map(|part| part.id).collect();
            let is_used = |id: &VertexId| self.graph.incoming(*id).next().is_some();
            if !parts.iter().chain([&reference]).any(is_used) {
                for part in parts {
                    self.graph.remove_vertex(part);
                }
                self.graph.remove_vertex(reference);
            }
        }
    }
}
