//! Whether a whole graph keeps the laws.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::{Entity, Finding, laws::Kind};

/// What the laws are about, of all templates and instances.
#[derive(Default)]
pub(super) struct Laws {
    vertexes: BTreeMap<(Kind, u64), Vertex>,
    edges: Vec<(Kind, u64, u64, u64)>,
}

struct Vertex {
    container: Option<u64>,
    /// What tells its name from those of others: without a container, the namespace too.
    name: (Option<String>, String),
}

impl Laws {
    pub(super) fn look_at(&mut self, entity: &Entity) {
        let kind = match entity {
            Entity::VertexTemplate(_) | Entity::EdgeTemplate(_) => Kind::Template,
            _ => Kind::Instance,
        };
        let id = entity.key().id().unwrap_or_default();
        if let Some(container) = entity.container() {
            let namespace = container.is_none().then(|| entity.namespace().0.clone());
            let name = (namespace, entity.name().to_owned());
            self.vertexes.insert((kind, id), Vertex { container, name });
        }
        if let Some((source, target)) = entity.ends() {
            self.edges.push((kind, id, source, target));
        }
    }

    pub(super) fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut found = |message: String| findings.push(Finding::new("law", message));
        let mut names = HashSet::new();
        for ((kind, id), vertex) in &self.vertexes {
            let word = kind.vertex();
            if let Some(container) = vertex.container
                && !self.vertexes.contains_key(&(*kind, container))
            {
                found(format!("{word} {id} is in {word} {container}, which does not exist"));
            }
            if !names.insert((kind, vertex.container, &vertex.name)) {
                found(format!("{word} {id} has the name `{}` of another there", vertex.name.1));
            }
        }
        for (kind, id, source, target) in &self.edges {
            for (word, end) in [("starts", source), ("ends", target)] {
                if !self.vertexes.contains_key(&(*kind, *end)) {
                    let (edge, vertex) = (kind.edge(), kind.vertex());
                    found(format!("{edge} {id} {word} at {vertex} {end}, which does not exist"));
                }
            }
        }
        for (kind, id) in self.circles() {
            found(format!("{} {id} contains itself", kind.vertex()));
        }
        findings
    }

    /// Returns one vertex of each circle of containers.
    fn circles(&self) -> Vec<(Kind, u64)> {
        // In which walk each was passed.
        let mut walked: HashMap<(Kind, u64), usize> = HashMap::new();
        let mut circles = Vec::new();
        for (walk, start) in self.vertexes.keys().enumerate() {
            let (kind, mut id) = *start;
            while !walked.contains_key(&(kind, id)) {
                walked.insert((kind, id), walk);
                match self.vertexes.get(&(kind, id)).and_then(|vertex| vertex.container) {
                    Some(container) => id = container,
                    None => break,
                }
            }
            let outermost = self.vertexes.get(&(kind, id)).is_none_or(|vertex| vertex.container.is_none());
            if !outermost && walked.get(&(kind, id)) == Some(&walk) {
                circles.push((kind, id));
            }
        }
        circles
    }
}
