//! Which nodes depend on which.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, BinaryHeap, HashMap},
    rc::Rc,
};

use floria::{Evaluator, Graph, Site};
use foldhash::fast::RandomState;
use petgraph::{
    algo::kosaraju_scc,
    graph::{DiGraph, NodeIndex},
};

use crate::{
    applied::{Entry, owner_of, properties_at},
    error::PlanError,
    node::Nodes,
};

/// For each node, by its place: the nodes that it depends on directly.
#[derive(Clone, Debug)]
pub(crate) struct Dependencies {
    pub(crate) of: Vec<BTreeSet<usize>>,
    /// The same from the other side.
    pub(crate) dependents: Vec<BTreeSet<usize>>,
    /// All nodes, each after those that it depends on.
    pub(crate) order: Vec<usize>,
}

/// A property, and what it was computed from.
pub(crate) type ReadsBy<'a> = HashMap<(Site, &'a str), Vec<(Site, &'a str)>, RandomState>;

/// Returns what each property that was evaluated read directly.
pub(crate) fn reads_of<'a>(evaluator: &Evaluator<'a>) -> ReadsBy<'a> {
    evaluator.reads().into_iter().collect()
}

impl Dependencies {
    /// Returns those of no nodes.
    pub(crate) fn none() -> Self {
        Self::from_direct(Vec::new())
    }

    /// Finds what depends on what: along edges, where values read attributes, and what contains on what it contains.
    pub(crate) fn new(
        graph: &Graph,
        nodes: &Nodes<'_>,
        entries: &[Vec<Entry<'_>>],
        reads: &ReadsBy<'_>,
    ) -> Self {
        let mut of: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); nodes.list.len()];
        for (place, node) in nodes.list.iter().enumerate() {
            of[place].extend(node.edges.iter().filter_map(|edge| nodes.reached(graph, edge.target)));
            // What is inside of a node is what it is made of.
            if let Some(outer) = nodes.around(graph, node.vertex) {
                of[outer].insert(place);
            }
        }
        let mut sources = Sources { graph, nodes, reads, known: HashMap::default() };
        for (place, entries) in entries.iter().enumerate() {
            for read in entries.iter().flat_map(|entry| &entry.reads) {
                of[place].extend(sources.of(*read).iter());
            }
            of[place].remove(&place);
        }
        Self::from_direct(of)
    }

    fn from_direct(of: Vec<BTreeSet<usize>>) -> Self {
        let mut dependents = vec![BTreeSet::new(); of.len()];
        for (place, targets) in of.iter().enumerate() {
            for target in targets {
                dependents[*target].insert(place);
            }
        }
        // Kahn's algorithm; among nodes that could come next, the first in the design does. In a circle nobody can.
        let mut waits_for: Vec<usize> = of.iter().map(BTreeSet::len).collect();
        let mut ready: BinaryHeap<Reverse<usize>> =
            (0..of.len()).filter(|place| waits_for[*place] == 0).map(Reverse).collect();
        let mut order = Vec::with_capacity(of.len());
        while let Some(Reverse(place)) = ready.pop() {
            order.push(place);
            for dependent in &dependents[place] {
                waits_for[*dependent] -= 1;
                if waits_for[*dependent] == 0 {
                    ready.push(Reverse(*dependent));
                }
            }
        }
        Self { of, dependents, order }
    }

    fn graph(&self) -> DiGraph<(), ()> {
        let mut graph = DiGraph::with_capacity(self.of.len(), self.of.len());
        for _ in &self.of {
            graph.add_node(());
        }
        for (place, targets) in self.of.iter().enumerate() {
            for target in targets {
                graph.add_edge(NodeIndex::new(*target), NodeIndex::new(place), ());
            }
        }
        graph
    }

    /// Refuses circles.
    pub(crate) fn acyclic(self, nodes: &Nodes<'_>) -> Result<Self, PlanError> {
        if self.order.len() == self.of.len() {
            return Ok(self);
        }
        let circle = kosaraju_scc(&self.graph()).into_iter().find(|component| component.len() > 1);
        let members: BTreeSet<usize> = circle.unwrap_or_default().into_iter().map(NodeIndex::index).collect();
        // Whoever follows dependencies within the component comes back to where they have been.
        let mut path: Vec<usize> = members.first().copied().into_iter().collect();
        while let Some(next) =
            path.last().and_then(|last| self.of[*last].intersection(&members).next().copied())
        {
            if let Some(start) = path.iter().position(|place| *place == next) {
                path.drain(..start);
                path.push(next);
                break;
            }
            path.push(next);
        }
        // What makes the first of them depend on the second; values do so without an edge.
        let origin = path.first().map(|first| &nodes.list[*first]).and_then(|first| {
            let is_next = |target| path.get(1).is_some() && nodes.owner(target) == path.get(1).copied();
            let edge = first.edges.iter().find(|edge| is_next(edge.target));
            edge.and_then(|edge| edge.origin.clone()).or_else(|| first.vertex.origin.clone())
        });
        Err(PlanError::Cycle {
            origin,
            nodes: path.into_iter().map(|place| nodes.list[place].name.to_string()).collect(),
        })
    }

    /// Breaks circles, for what has to go whatever it looks like: within one, nobody depends on anybody.
    pub(crate) fn broken(mut self) -> Self {
        if self.order.len() == self.of.len() {
            return self;
        }
        for component in kosaraju_scc(&self.graph()).into_iter().filter(|component| component.len() > 1) {
            let members: BTreeSet<usize> = component.into_iter().map(NodeIndex::index).collect();
            for place in &members {
                self.of[*place].retain(|target| !members.contains(target));
            }
        }
        Self::from_direct(self.of)
    }
}

/// Finds the nodes whose attributes a value is computed from, directly or through other properties.
struct Sources<'g, 'a> {
    graph: &'g Graph,
    nodes: &'g Nodes<'a>,
    reads: &'g ReadsBy<'g>,
    known: HashMap<(Site, &'g str), Rc<BTreeSet<usize>>, RandomState>,
}

impl<'g> Sources<'g, '_> {
    fn of(&mut self, read: (Site, &'g str)) -> Rc<BTreeSet<usize>> {
        if let Some(known) = self.known.get(&read) {
            return Rc::clone(known);
        }
        let mut found = BTreeSet::new();
        let is_attribute = properties_at(self.graph, read.0)
            .and_then(|properties| properties.get(read.1))
            .is_some_and(|property| !property.read_only);
        if is_attribute {
            found.extend(owner_of(self.graph, self.nodes, read.0));
        }
        // Evaluation refuses properties that depend on themselves, and bounds how deep they nest.
        for inner in self.reads.get(&read).into_iter().flatten() {
            found.extend(self.of(*inner).iter());
        }
        let found = Rc::new(found);
        self.known.insert(read, Rc::clone(&found));
        found
    }
}
