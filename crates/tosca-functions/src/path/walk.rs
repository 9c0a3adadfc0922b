//! The walk itself, word by word.

mod start;

use std::{cell::RefCell, collections::BTreeSet};

use floria::{Edge, EdgeId, Graph, Site, Structure, Value, Vertex, VertexId};

use super::{Place, RelationshipTemplates, Walked, describe, is_capability, node_of};
use crate::{describe::names, marks::WAITING_MARK};

const RELATIONSHIP: &str = "RELATIONSHIP";

pub(super) fn walk(
    templates: &mut RelationshipTemplates,
    graph: &Graph,
    path: &[Value],
    site: Site,
    looked_at: &mut dyn FnMut(Site, &str),
) -> Result<Walked, String> {
    let looks = RefCell::default();
    let mut walk = Walk { graph, words: path, all: false, waiting: BTreeSet::new(), looks, templates };
    let places = walk.run(site);
    for (site, part) in walk.looks.take() {
        looked_at(site, &part.name());
    }
    let places = places?;
    Ok(match walk.waiting.is_empty() {
        true => Walked::Arrived { places, all: walk.all },
        false => Walked::Waiting(walk.waiting.into_iter().collect()),
    })
}

#[derive(Clone, Copy)]
enum Index {
    At(usize),
    All,
}

/// Where a walk is: at nodes or at relationships, never at both.
enum Context {
    Nodes(Vec<VertexId>),
    Relationships(Vec<EdgeId>),
}

struct Walk<'a, 't> {
    graph: &'a Graph,
    templates: &'t mut RelationshipTemplates,
    /// What is left of the path.
    words: &'a [Value],
    all: bool,
    /// What was not made yet where the walk came by. It goes on without: the rest of the words has to be right all the same.
    waiting: BTreeSet<(Site, String)>,
    /// What it looked at: were that another, it might lead elsewhere.
    looks: RefCell<Vec<(Site, Structure<'a>)>>,
}

impl<'a> Walk<'a, '_> {
    fn run(&mut self, site: Site) -> Result<Vec<Place>, String> {
        let mut context = self.start(site)?;
        while let Some(word) = self.keyword()? {
            context = match (context, word) {
                (Context::Nodes(nodes), RELATIONSHIP) => {
                    let requirement = self.name(RELATIONSHIP, "the name of a requirement")?;
                    let index = self.index();
                    self.outgoing(&nodes, requirement, index)?
                }
                (Context::Nodes(nodes), "CAPABILITY") => {
                    let name = self.name("CAPABILITY", "the name of a capability")?;
                    let capabilities = self.capabilities(&nodes, name)?;
                    if self.words.is_empty() {
                        return Ok(capabilities.into_iter().map(Place::Capability).collect());
                    }
                    match self.keyword()? {
                        Some(RELATIONSHIP) => {}
                        other => {
                            return Err(format!(
                                "after CAPABILITY, {name} comes RELATIONSHIP or the end, not {}",
                                other.unwrap_or_default()
                            ));
                        }
                    }
                    let index = self.index();
                    self.incoming(&capabilities, index)?
                }
                (Context::Relationships(edges), "SOURCE") => self.ends(&edges, |edge| edge.source)?,
                (Context::Relationships(edges), "TARGET") => self.ends(&edges, |edge| edge.target)?,
                (Context::Relationships(edges), "CAPABILITY") => {
                    if self.words.is_empty() {
                        return self.target_capabilities(&edges);
                    }
                    match self.keyword()? {
                        Some(RELATIONSHIP) => {}
                        other => {
                            return Err(format!(
                                "at a relationship, after CAPABILITY comes RELATIONSHIP or the end, not {}",
                                other.unwrap_or_default()
                            ));
                        }
                    }
                    let index = self.index();
                    self.siblings(&edges, index)?
                }
                (Context::Nodes(_), other) => {
                    return Err(format!("at a node comes RELATIONSHIP, CAPABILITY or the end, not {other}"));
                }
                (Context::Relationships(_), other) => {
                    return Err(format!(
                        "at a relationship comes SOURCE, TARGET, CAPABILITY or the end, not {other}"
                    ));
                }
            };
        }
        Ok(match context {
            Context::Nodes(nodes) => nodes.into_iter().map(Place::Node).collect(),
            Context::Relationships(edges) => edges.into_iter().map(Place::Relationship).collect(),
        })
    }

    /// The next word, if there is one; it must be text.
    fn keyword(&mut self) -> Result<Option<&'a str>, String> {
        let Some((word, rest)) = self.words.split_first() else { return Ok(None) };
        self.words = rest;
        word.as_text().map(Some).ok_or_else(|| format!("{word} is out of place"))
    }

    fn name(&mut self, after: &str, expected: &str) -> Result<&'a str, String> {
        self.keyword()?.ok_or_else(|| format!("after {after} comes {expected}"))
    }

    /// An index, if the next word is one. A missing one is 0.
    fn index(&mut self) -> Index {
        let index = match self.words.first() {
            Some(Value::Text(word)) if word == "ALL" => {
                self.all = true;
                Index::All
            }
            Some(Value::Integer(index)) => match usize::try_from(*index) {
                Ok(index) => Index::At(index),
                // Left where it is, so that it is reported as out of place.
                Err(_) => return Index::At(0),
            },
            _ => return Index::At(0),
        };
        self.words = &self.words[1..];
        index
    }

    fn outgoing(
        &mut self,
        nodes: &[VertexId],
        requirement: &'a str,
        index: Index,
    ) -> Result<Context, String> {
        let mut chosen = Vec::new();
        for node in nodes {
            self.of_requirement(*node, requirement, index, &mut chosen)?;
        }
        Ok(Context::Relationships(chosen))
    }

    fn siblings(&mut self, edges: &[EdgeId], index: Index) -> Result<Context, String> {
        let mut chosen = Vec::new();
        for id in edges {
            let edge = self.edge(*id)?;
            self.of_requirement(edge.source, &edge.name, index, &mut chosen)?;
        }
        Ok(Context::Relationships(chosen))
    }

    /// Adds the relationships of a requirement that an index says.
    fn of_requirement(
        &mut self,
        node: VertexId,
        requirement: &'a str,
        index: Index,
        chosen: &mut Vec<EdgeId>,
    ) -> Result<(), String> {
        let graph = self.graph;
        self.look(Site::Vertex(node), Structure::Outgoing(requirement));
        if graph.vertex(node).is_some_and(|vertex| waiting(vertex).any(|name| name == requirement)) {
            self.wait(node, Structure::Outgoing(requirement));
            return Ok(());
        }
        let all = || graph.outgoing(node).filter(|edge| edge.name == requirement);
        match index {
            Index::All => chosen.extend(all().map(|edge| edge.id)),
            Index::At(place) => {
                let place = u32::try_from(place).ok();
                match place.and_then(|place| graph.outgoing_at(node, requirement, place)) {
                    Some(edge) => chosen.push(edge.id),
                    None => {
                        return Err(no_index(index, all().count(), || self.relationships(node, requirement)));
                    }
                }
            }
        }
        Ok(())
    }

    /// What there is of a requirement, for a message.
    fn relationships(&self, node: VertexId, requirement: &str) -> String {
        let words = describe(self.graph, Place::Node(node));
        match self.graph.outgoing(node).filter(|edge| edge.name == requirement).count() {
            0 => {
                let mut there: Vec<&str> = self.graph.outgoing(node).map(|edge| edge.name.as_str()).collect();
                there.dedup();
                format!("{words} has no relationship `{requirement}`; there is {}", names(there))
            }
            count => format!("{words} has {count} relationship{} `{requirement}`", plural(count)),
        }
    }

    fn capabilities(&self, nodes: &[VertexId], name: &str) -> Result<Vec<VertexId>, String> {
        let mut found = Vec::with_capacity(nodes.len());
        for node in nodes {
            match self.graph.named(Some(*node), name).filter(|vertex| is_capability(vertex)) {
                Some(vertex) => found.push(vertex.id),
                None => {
                    self.look(Site::Vertex(*node), Structure::Contents);
                    let there = self.graph.contained(Some(*node)).filter(|vertex| is_capability(vertex));
                    return Err(format!(
                        "{} has no capability `{name}`; there is {}",
                        describe(self.graph, Place::Node(*node)),
                        names(there.map(|vertex| vertex.name.as_str()))
                    ));
                }
            }
        }
        Ok(found)
    }

    fn incoming(&mut self, capabilities: &[VertexId], index: Index) -> Result<Context, String> {
        let mut chosen = Vec::new();
        for capability in capabilities {
            self.look(Site::Vertex(*capability), Structure::Incoming);
            let mut edges: Vec<&Edge> = self.graph.incoming(*capability).collect();
            match index {
                Index::All => {
                    edges.sort_unstable_by(|first, second| in_order(first).cmp(&in_order(second)));
                    chosen.extend(edges.iter().map(|edge| edge.id));
                }
                Index::At(place) => match edges.len() {
                    count if place < count => {
                        let order = |first: &&Edge, second: &&Edge| in_order(first).cmp(&in_order(second));
                        chosen.push(edges.select_nth_unstable_by(place, order).1.id);
                    }
                    _ if self.wait_for_any(*capability, self.graph.vertexes()) => {}
                    _ => {
                        return Err(no_index(index, edges.len(), || {
                            let words = describe(self.graph, Place::Capability(*capability));
                            match edges.len() {
                                0 => format!("{words} has no relationships"),
                                count => format!("{words} has {count} relationship{}", plural(count)),
                            }
                        }));
                    }
                },
            }
        }
        Ok(Context::Relationships(chosen))
    }

    fn ends(&self, edges: &[EdgeId], end: fn(&Edge) -> VertexId) -> Result<Context, String> {
        let mut nodes = Vec::with_capacity(edges.len());
        for id in edges {
            self.look(Site::Edge(*id), Structure::Ends);
            let node = node_of(self.graph, end(self.edge(*id)?)).ok_or_else(|| {
                format!("{} ends at what is no node", describe(self.graph, Place::Relationship(*id)))
            })?;
            nodes.push(node.id);
        }
        Ok(Context::Nodes(nodes))
    }

    fn target_capabilities(&self, edges: &[EdgeId]) -> Result<Vec<Place>, String> {
        let mut found = Vec::with_capacity(edges.len());
        for id in edges {
            self.look(Site::Edge(*id), Structure::Ends);
            let target = self.edge(*id)?.target;
            if !self.graph.vertex(target).is_some_and(is_capability) {
                return Err(format!(
                    "{} ends at a node, not at a capability",
                    describe(self.graph, Place::Relationship(*id))
                ));
            }
            found.push(Place::Capability(target));
        }
        Ok(found)
    }

    fn edge(&self, id: EdgeId) -> Result<&'a Edge, String> {
        self.graph.edge(id).ok_or_else(|| format!("there is no edge {id}"))
    }

    /// Notes that relationships are not made yet.
    fn wait(&mut self, at: VertexId, part: Structure<'_>) {
        self.waiting.insert((Site::Vertex(at), part.name().into_owned()));
    }

    /// Notes that what is looked for at a vertex may still be made, if any of these vertexes waits; returns whether one does.
    fn wait_for_any(&mut self, at: VertexId, mut vertexes: impl Iterator<Item = &'a Vertex>) -> bool {
        let first = vertexes.find_map(|vertex| waiting(vertex).next().map(|name| (vertex.id, name)));
        let Some((id, requirement)) = first else { return false };
        // One is enough to know: once it waits no more, somebody looks for the next.
        self.look(Site::Vertex(id), Structure::Outgoing(requirement));
        self.wait(at, Structure::Incoming);
        true
    }

    /// Notes what the walk depends on.
    fn look(&self, at: Site, part: Structure<'a>) {
        self.looks.borrow_mut().push((at, part));
    }
}

/// The order of relationships that come from several nodes.
fn in_order(edge: &Edge) -> (VertexId, &str, u32) {
    (edge.source, &edge.name, edge.index)
}

/// The requirements that a node waits for the relationships of.
fn waiting(vertex: &Vertex) -> impl Iterator<Item = &str> {
    let names = vertex.metadata.get(WAITING_MARK).and_then(Value::as_list).unwrap_or_default();
    names.iter().filter_map(Value::as_text)
}

/// Says that nothing has an index; `there` describes what there is.
fn no_index(index: Index, count: usize, there: impl FnOnce() -> String) -> String {
    match index {
        Index::At(place) if place > 0 || count > 0 => format!("{}: there is no index {place}", there()),
        _ => there(),
    }
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}
