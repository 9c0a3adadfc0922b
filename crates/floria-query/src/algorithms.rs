//! Algorithms over the vertexes and some of the edges of a graph, on petgraph. Nothing here recurses: graphs may be deep.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use floria::{Entity, EntityKind, Index, Namespace, Page, Snapshot, StoreError, VertexId};
use petgraph::{
    Direction::{Incoming, Outgoing},
    algo::{kosaraju_scc, toposort},
    graph::{DiGraph, NodeIndex},
    unionfind::UnionFind,
    visit::EdgeRef as _,
};

use crate::{Condition, Direction};

/// How many entities are read from the store at once.
const PAGE_ENTITIES: usize = 500;

/// Vertexes, and the edges between them that matter to a question. An edge says that its source depends on its target.
#[derive(Clone, Debug, Default)]
pub struct Relations {
    graph: DiGraph<VertexId, ()>,
    places: BTreeMap<VertexId, NodeIndex>,
}

/// A way from a vertex back to itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is a circle: {}", self.0.iter().map(|id| format!("vertex {id}")).collect::<Vec<_>>().join(" -> "))]
pub struct Cycle(
    /// The vertexes along it; the first is the lowest, and is the last again.
    pub Vec<VertexId>,
);

impl Relations {
    /// Reads the vertexes of a namespace and those under it (of the whole store, without one), and the edges there that
    /// satisfy a condition and are between them.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn read(
        snapshot: &dyn Snapshot,
        namespace: Option<&Namespace>,
        edges: &Condition,
    ) -> Result<Self, StoreError> {
        let index =
            |kind| namespace.map_or(Index::All(kind), |namespace| Index::Under(kind, namespace.clone()));
        let mut relations = Self::default();
        pages(snapshot, &index(EntityKind::Vertex), |entity| {
            if let Entity::Vertex(vertex) = entity {
                relations.add_vertex(vertex.id);
            }
        })?;
        pages(snapshot, &index(EntityKind::Edge), |entity| {
            if edges.holds(&entity)
                && let Entity::Edge(edge) = entity
            {
                relations.add_edge(edge.source, edge.target);
            }
        })?;
        Ok(relations)
    }

    fn add_vertex(&mut self, id: VertexId) {
        let place = self.graph.add_node(id);
        self.places.insert(id, place);
    }

    fn add_edge(&mut self, source: VertexId, target: VertexId) {
        if let (Some(source), Some(target)) = (self.places.get(&source), self.places.get(&target)) {
            self.graph.add_edge(*source, *target, ());
        }
    }

    /// Returns all vertexes, what each depends on before it.
    ///
    /// # Errors
    ///
    /// When there is no such order: a shortest circle through the lowest vertex that is in one.
    pub fn order(&self) -> Result<Vec<VertexId>, Cycle> {
        match toposort(&self.graph, None) {
            Ok(places) => Ok(places.into_iter().rev().map(|place| self.graph[place]).collect()),
            Err(_) => match self.cycles().into_iter().next() {
                Some(cycle) => Err(cycle),
                None => unreachable!("only a circle has no order"),
            },
        }
    }

    /// Returns a shortest circle through the lowest vertex of each strong component that has one, in order.
    pub fn cycles(&self) -> Vec<Cycle> {
        let components = self.strong_components();
        components.iter().filter_map(|component| self.cycle_in(component)).collect()
    }

    fn cycle_in(&self, component: &[VertexId]) -> Option<Cycle> {
        let first = *component.first()?;
        let inside: BTreeSet<VertexId> = component.iter().copied().collect();
        let mut came_from: BTreeMap<VertexId, VertexId> = BTreeMap::new();
        let mut open = VecDeque::from([first]);
        while let Some(id) = open.pop_front() {
            for next in self.next(id, Direction::Out) {
                if !inside.contains(&next) || came_from.contains_key(&next) {
                    continue;
                }
                came_from.insert(next, id);
                if next != first {
                    open.push_back(next);
                    continue;
                }
                let mut way = vec![first];
                let mut at = first;
                while let Some(before) = came_from.get(&at).copied() {
                    way.push(before);
                    at = before;
                    if at == first {
                        break;
                    }
                }
                way.reverse();
                return Some(Cycle(way));
            }
        }
        None
    }

    /// Returns the neighbours of a vertex, from the lowest.
    fn next(&self, id: VertexId, direction: Direction) -> BTreeSet<VertexId> {
        let Some(place) = self.places.get(&id) else { return BTreeSet::new() };
        let direction = if direction == Direction::Out { Outgoing } else { Incoming };
        let edges = self.graph.edges_directed(*place, direction);
        edges
            .map(|edge| self.graph[if direction == Outgoing { edge.target() } else { edge.source() }])
            .collect()
    }

    /// Returns the sets of vertexes that are connected, whichever way their edges lead; each from its lowest, in that order.
    pub fn components(&self) -> Vec<Vec<VertexId>> {
        let mut sets = UnionFind::new(self.graph.node_count());
        for edge in self.graph.edge_references() {
            sets.union(edge.source().index(), edge.target().index());
        }
        let mut components: BTreeMap<usize, Vec<VertexId>> = BTreeMap::new();
        for (id, place) in &self.places {
            components.entry(sets.find(place.index())).or_default().push(*id);
        }
        let mut components: Vec<_> = components.into_values().collect();
        components.sort();
        components
    }

    /// Returns the sets of vertexes that each lead to all others of their set; each from its lowest, in that order.
    pub fn strong_components(&self) -> Vec<Vec<VertexId>> {
        // Not Tarjan's, which petgraph has as a recursion.
        let sorted = |component: Vec<NodeIndex>| {
            let mut ids: Vec<_> = component.into_iter().map(|place| self.graph[place]).collect();
            ids.sort();
            ids
        };
        let mut components: Vec<_> = kosaraju_scc(&self.graph).into_iter().map(sorted).collect();
        components.sort();
        components
    }

    /// Returns what depends on a vertex, directly or through others, with how many edges away it is: the nearest first, then
    /// the lowest. The vertex itself is among them only if it is in a circle.
    pub fn dependents(&self, id: VertexId) -> Vec<(VertexId, u32)> {
        self.reached(id, Direction::In)
    }

    /// Returns what a vertex depends on, directly or through others, in the same way.
    pub fn dependencies(&self, id: VertexId) -> Vec<(VertexId, u32)> {
        self.reached(id, Direction::Out)
    }

    fn reached(&self, id: VertexId, direction: Direction) -> Vec<(VertexId, u32)> {
        let mut found = Vec::new();
        let mut visited: BTreeSet<VertexId> = BTreeSet::new();
        let mut frontier = BTreeSet::from([id]);
        let mut distance = 0;
        while !frontier.is_empty() {
            distance += 1;
            let next: BTreeSet<VertexId> = frontier
                .iter()
                .flat_map(|id| self.next(*id, direction))
                .filter(|id| !visited.contains(id))
                .collect();
            visited.extend(&next);
            found.extend(next.iter().map(|id| (*id, distance)));
            frontier = next;
        }
        found
    }
}

fn pages(snapshot: &dyn Snapshot, index: &Index, mut each: impl FnMut(Entity)) -> Result<(), StoreError> {
    let mut page = Page { after: None, limit: Some(PAGE_ENTITIES) };
    loop {
        let found = snapshot.find(index, &page)?;
        let is_last = found.len() < PAGE_ENTITIES;
        page.after = found.last().map(Entity::key);
        found.into_iter().for_each(&mut each);
        if is_last {
            return Ok(());
        }
    }
}
