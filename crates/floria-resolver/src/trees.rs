//! The services of a design, each a tree of templates: its own, and those that can stand for a vertex.

use std::{collections::HashMap, ops::Range, rc::Rc};

use floria::{Design, VertexTemplateId, rules::Substitution};

use crate::ResolveError;

/// The templates of a design by service.
pub(crate) struct Trees {
    /// The places of the templates, by their ids.
    pub(crate) places: Rc<HashMap<VertexTemplateId, usize>>,
    all: Vec<Tree>,
}

/// The templates of one service.
pub(crate) struct Tree {
    /// The places of its vertex templates; the service's own is the first.
    pub(crate) vertexes: Range<usize>,
    /// The places of the edge templates that start in it.
    pub(crate) edges: Vec<usize>,
    /// What it can stand for.
    pub(crate) substitution: Option<Substitution>,
}

impl Trees {
    /// Reads a design, in which each service's templates follow each other.
    pub(crate) fn of(design: &Design) -> Result<Self, ResolveError> {
        let templates = &design.vertexes;
        let places = templates.iter().zip(0..).map(|(template, place)| (template.id, place)).collect();
        let mut all: Vec<Tree> = Vec::new();
        for (place, template) in templates.iter().enumerate() {
            match all.last_mut() {
                Some(tree) if template.container.is_some() => tree.vertexes.end = place + 1,
                _ => {
                    let substitution =
                        Substitution::of(&template.rules).map_err(|source| ResolveError::Rule {
                            name: template.name.clone(),
                            source,
                            origin: template.origin.clone(),
                        })?;
                    all.push(Tree { vertexes: place..place + 1, edges: Vec::new(), substitution });
                }
            }
        }
        let mut trees = Self { places: Rc::new(places), all };
        for (place, edge) in design.edges.iter().enumerate() {
            let source = trees
                .place(edge.source)
                .ok_or_else(|| ResolveError::MissingEnd { name: edge.name.clone(), end: edge.source })?;
            let tree = trees.all.partition_point(|tree| tree.vertexes.end <= source);
            trees.all[tree].edges.push(place);
        }
        Ok(trees)
    }

    /// Returns the place of a template in the design.
    pub(crate) fn place(&self, id: VertexTemplateId) -> Option<usize> {
        self.places.get(&id).copied()
    }

    /// Returns the templates of a service, by its place among them. The first is the design's own.
    pub(crate) fn get(&self, tree: usize) -> &Tree {
        &self.all[tree]
    }

    /// Returns the services that can stand for a vertex, by their places.
    pub(crate) fn substituting(&self) -> impl Iterator<Item = (usize, &Tree, &Substitution)> {
        let all = self.all.iter().enumerate();
        all.filter_map(|(place, tree)| Some((place, tree, tree.substitution.as_ref()?)))
    }
}
