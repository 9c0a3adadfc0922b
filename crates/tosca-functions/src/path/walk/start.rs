//! Where a walk starts.

use floria::{Edge, Site, Structure, Value, Vertex, VertexId};

use super::{Context, Index, Walk, in_order, no_index, plural};
use crate::{
    describe::names,
    marks::{INDEX_MARK, NODE_MARK},
    path::{is_node, node_of, service_of},
};

impl<'a> Walk<'a, '_> {
    pub(super) fn start(&mut self, site: Site) -> Result<Context, String> {
        let name = self.keyword()?.ok_or("it is empty")?;
        if name == "SELF" {
            return match site {
                Site::Edge(id) => Ok(Context::Relationships(vec![id])),
                Site::Vertex(id) => {
                    node_of(self.graph, id).map(|node| Context::Nodes(vec![node.id])).ok_or_else(|| {
                        "SELF means nothing here: this is in no node and no relationship".to_owned()
                    })
                }
            };
        }
        let service = service_of(self.graph, site).ok_or("it starts at what is in no service")?;
        let (words, all) = (self.words, self.all);
        let index = self.index();
        if let Some(nodes) = self.representations(service, name, index)? {
            return Ok(Context::Nodes(nodes));
        }
        // A template of no nodes, as `count: 0` makes it: a name that means nothing else was found at compile time.
        if matches!(index, Index::All) {
            return Ok(Context::Nodes(Vec::new()));
        }
        // No index comes after the name of a relationship: what looks like one is out of place then.
        (self.words, self.all) = (words, all);
        if let Some(edge) = self.relationship(service, name) {
            return Ok(Context::Relationships(vec![edge.id]));
        }
        let graph = self.graph;
        let nodes = || graph.contained(Some(service.id)).filter(|vertex| is_node(vertex));
        // It can only be a relationship's, of any requirement: all nodes are there before the first relationship.
        if self.wait_for_any(service.id, nodes()) {
            return Ok(Context::Relationships(Vec::new()));
        }
        Err(format!(
            "there is no node or relationship `{name}`; there is {}",
            names(nodes().map(|vertex| vertex.name.as_str()))
        ))
    }

    /// The nodes of a node template that an index says; None if the template has none at all.
    ///
    /// They are found by their names. Only for nodes that are named otherwise, and to say what is there, are all nodes of
    /// the service looked at.
    fn representations(
        &self,
        service: &'a Vertex,
        template: &str,
        index: Index,
    ) -> Result<Option<Vec<VertexId>>, String> {
        let named = |name: &str, index: Option<usize>| {
            let vertex = self.graph.named(Some(service.id), name)?;
            (is_made_from(vertex, template) && index_of(vertex) == index).then_some(vertex.id)
        };
        let single = || named(template, None);
        let numbered = |index: usize| named(&format!("{template}-{index}"), Some(index));
        let found: Vec<VertexId> = match index {
            Index::At(0) => single().or_else(|| numbered(0)).into_iter().collect(),
            Index::At(index) => numbered(index).into_iter().collect(),
            Index::All => match single() {
                Some(single) => vec![single],
                None => (0..).map_while(numbered).collect(),
            },
        };
        // One that is there stays what it is; how many there are may change.
        if found.is_empty() || matches!(index, Index::All) {
            self.look(Site::Vertex(service.id), Structure::Contents);
        }
        if !found.is_empty() {
            return Ok(Some(found));
        }
        let contained = self.graph.contained(Some(service.id));
        let mut nodes: Vec<&Vertex> = contained.filter(|vertex| is_made_from(vertex, template)).collect();
        nodes.sort_unstable_by_key(|vertex| (index_of(vertex), vertex.id));
        let nodes: Vec<VertexId> = nodes.into_iter().map(|vertex| vertex.id).collect();
        match (index, nodes.len()) {
            (_, 0) => Ok(None),
            (Index::All, _) => Ok(Some(nodes)),
            (Index::At(place), count) => match nodes.get(place) {
                Some(node) => Ok(Some(vec![*node])),
                None => Err(no_index(index, count, || {
                    format!("node `{template}` has {count} representation{}", plural(count))
                })),
            },
        }
    }

    /// The first relationship that was made from a relationship template.
    fn relationship(&mut self, service: &Vertex, template: &str) -> Option<&'a Edge> {
        let graph = self.graph;
        let made = self.templates.named(graph, template).iter().filter_map(|id| graph.edge(*id));
        let is_here =
            |edge: &&Edge| service_of(graph, Site::Edge(edge.id)).is_some_and(|other| other.id == service.id);
        made.filter(is_here).min_by(|first, second| in_order(first).cmp(&in_order(second)))
    }
}

fn is_made_from(vertex: &Vertex, template: &str) -> bool {
    vertex.metadata.get(NODE_MARK).and_then(Value::as_text) == Some(template)
}

/// The index of a node among those of its template, where it has one.
fn index_of(vertex: &Vertex) -> Option<usize> {
    usize::try_from(vertex.metadata.get(INDEX_MARK)?.as_integer()?).ok()
}
