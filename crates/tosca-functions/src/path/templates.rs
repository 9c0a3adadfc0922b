//! Which relationships were made from which relationship templates.

use std::collections::HashMap;

use floria::{EdgeId, Graph, Value};

use crate::marks::RELATIONSHIP_MARK;

/// Relationships by the names of their relationship templates, so that not every path that starts at one looks at every edge.
#[derive(Default)]
pub(crate) struct RelationshipTemplates {
    /// How many edges the graph had and the highest id among them: as ids are never used again, both together tell whether
    /// they are the same edges.
    edges: Option<(usize, Option<EdgeId>)>,
    by_name: HashMap<String, Vec<EdgeId>>,
}

impl RelationshipTemplates {
    /// Returns the relationships that were made from the templates of this name, in all services of the graph.
    pub(super) fn named(&mut self, graph: &Graph, name: &str) -> &[EdgeId] {
        let edges = Some((graph.edges().len(), graph.edges().next_back().map(|edge| edge.id)));
        if self.edges != edges {
            self.edges = edges;
            self.by_name.clear();
            for edge in graph.edges() {
                if let Some(name) = edge.metadata.get(RELATIONSHIP_MARK).and_then(Value::as_text) {
                    self.by_name.entry(name.to_owned()).or_default().push(edge.id);
                }
            }
        }
        self.by_name.get(name).map_or(&[], Vec::as_slice)
    }
}
