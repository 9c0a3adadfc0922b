//! What changes of a graph are to what was evaluated in it.

use std::borrow::Cow;

use super::{Memos, Site, Touched};
use crate::{
    Change, Edge, Entity, EntityKey, Graph, Metadata, Properties, Property, Value, Vertex, VertexId, rules,
};

/// A part of a graph's structure, as evaluation depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Structure<'n> {
    /// The edges of this name that start at a vertex: `RELATIONSHIP` and the name.
    Outgoing(&'n str),
    /// The edges that end at a vertex: `RELATIONSHIP`.
    Incoming,
    /// What a vertex contains directly, by name: `CONTENTS`.
    Contents,
    /// The ends of an edge: `ENDS`.
    Ends,
}

impl<'n> Structure<'n> {
    /// Returns the name that it has among the properties of its site. No property that TOSCA can write has such a name beside
    /// it in one memory: what is read of both is looked at again when either changes.
    pub fn name(self) -> Cow<'n, str> {
        match self {
            Self::Outgoing(name) => Cow::Owned(format!("RELATIONSHIP {name}")),
            Self::Incoming => Cow::Borrowed("RELATIONSHIP"),
            Self::Contents => Cow::Borrowed("CONTENTS"),
            Self::Ends => Cow::Borrowed("ENDS"),
        }
    }
}

impl Memos {
    /// Says that a graph was changed: as [`Self::touch`], with what changes of instances come to. `before` is the graph as
    /// it was before all of them.
    ///
    /// Metadata of a vertex is among it by its name, and that of properties. The relationships that a vertex waits for
    /// ([`WAITING`](rules::WAITING)) are as good as changed when that changes, and what an edge takes of where it ends
    /// ([`ALLOCATION`](rules::ALLOCATION)) belongs to that. Whoever evaluates by other metadata of edges, and changes it,
    /// touches what depends on it.
    pub fn changed(&mut self, before: &Graph, changes: &[Change]) {
        if self.is_empty() {
            return;
        }
        let mut touched = Touches::default();
        for change in changes {
            match change {
                Change::Put(Entity::Vertex(vertex)) => {
                    touched.vertex(before.vertex(vertex.id), Some(vertex));
                }
                Change::Delete(EntityKey::Vertex(id)) => touched.vertex(before.vertex(*id), None),
                Change::Put(Entity::Edge(edge)) => touched.edge(before.edge(edge.id), Some(edge)),
                Change::Delete(EntityKey::Edge(id)) => touched.edge(before.edge(*id), None),
                Change::Put(_) | Change::Delete(_) => {}
            }
        }
        let touched = touched.0.iter();
        self.touch(touched.map(|(site, name, is_redeclared)| Touched {
            site: *site,
            name,
            is_redeclared: *is_redeclared,
        }));
    }
}

#[derive(Default)]
struct Touches<'c>(Vec<(Site, Cow<'c, str>, bool)>);

impl<'c> Touches<'c> {
    fn vertex(&mut self, before: Option<&'c Vertex>, after: Option<&'c Vertex>) {
        let place = |vertex: &'c Vertex| (vertex.container, vertex.name.as_str());
        if before.map(place) != after.map(place) {
            for container in before.iter().chain(&after).filter_map(|vertex| vertex.container) {
                self.structure(Site::Vertex(container), Structure::Contents);
            }
        }
        if let Some(vertex) = before.or(after) {
            self.metadata(
                vertex.id,
                before.map(|vertex| &vertex.metadata),
                after.map(|vertex| &vertex.metadata),
            );
            let properties = |vertex: &'c Vertex| &vertex.properties;
            self.properties(Site::Vertex(vertex.id), before.map(properties), after.map(properties));
        }
    }

    fn edge(&mut self, before: Option<&'c Edge>, after: Option<&'c Edge>) {
        fn place(edge: &Edge) -> (VertexId, VertexId, &str, u32) {
            (edge.source, edge.target, &edge.name, edge.index)
        }
        let Some(any) = before.or(after) else { return };
        if before.map(place) != after.map(place) {
            self.structure(Site::Edge(any.id), Structure::Ends);
            for edge in before.iter().chain(&after) {
                self.structure(Site::Vertex(edge.source), Structure::Outgoing(&edge.name));
                self.structure(Site::Vertex(edge.target), Structure::Incoming);
            }
        }
        let allocation = |edge: &'c Edge| edge.metadata.get(rules::ALLOCATION);
        if before.and_then(allocation) != after.and_then(allocation) {
            self.structure(Site::Vertex(any.target), Structure::Incoming);
        }
        let properties = |edge: &'c Edge| &edge.properties;
        self.properties(Site::Edge(any.id), before.map(properties), after.map(properties));
    }

    fn metadata(&mut self, id: VertexId, before: Option<&'c Metadata>, after: Option<&'c Metadata>) {
        let site = Site::Vertex(id);
        for (one, other) in [(before, after), (after, before)] {
            for (name, value) in one.into_iter().flatten() {
                if other.and_then(|other| other.get(name)) == Some(value) {
                    continue;
                }
                self.0.push((site, Cow::Borrowed(name), false));
                if name == rules::WAITING {
                    let names = value.as_list().into_iter().flatten().filter_map(Value::as_text);
                    names.for_each(|name| self.structure(site, Structure::Outgoing(name)));
                }
            }
        }
    }

    fn structure(&mut self, site: Site, part: Structure<'c>) {
        self.0.push((site, part.name(), false));
    }

    fn properties(&mut self, site: Site, before: Option<&'c Properties>, after: Option<&'c Properties>) {
        static NONE: Properties = Properties::new();
        let (before, after) = (before.unwrap_or(&NONE), after.unwrap_or(&NONE));
        for (name, property) in before {
            match after.get(name) {
                None => self.0.push((site, Cow::Borrowed(name), true)),
                Some(now) if is_same(property, now) => {}
                Some(now) => self.0.push((site, Cow::Borrowed(name), is_redeclared(property, now))),
            }
        }
        for name in after.keys().filter(|name| !before.contains_key(*name)) {
            self.0.push((site, Cow::Borrowed(name), true));
        }
    }
}

/// Tells whether a property is the same but for what was computed when.
fn is_same(before: &Property, after: &Property) -> bool {
    before.value == after.value
        && before.updater == after.updater
        && before.preparer == after.preparer
        && !is_redeclared(before, after)
}

/// Tells whether functions that look at a property without reading it may see another one.
fn is_redeclared(before: &Property, after: &Property) -> bool {
    before.read_only != after.read_only
        || before.value.is_some() != after.value.is_some()
        || before.updater.is_some() != after.updater.is_some()
        || before.metadata != after.metadata
        || before.origin != after.origin
}
