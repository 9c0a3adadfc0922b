//! Steps while their order is being found.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, BinaryHeap},
};

use petgraph::{
    Direction,
    graph::{DiGraph, NodeIndex},
};

use crate::document::{Action, Step};

/// How many steps a node that has none of its own passes on to each that waits for it, before one step that runs nothing
/// stands for all of them. Without a bound, n nodes that wait for m others through one would take n·m references.
const PASSED_ON_MAX: usize = 4;

/// Steps, with what each waits for.
#[derive(Default)]
pub(crate) struct Draft {
    graph: DiGraph<Step, Strength>,
}

/// Whether an order must be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Strength {
    /// Kept unless it contradicts others: what others depend on goes after they have moved away from it.
    MoveAway,
    /// Kept unless it contradicts others: what is new comes after what goes is gone, since both may need the same port.
    GoneFirst,
    /// Always kept.
    Must,
    /// Always kept: the failure of the first leads to the other ([`Step::otherwise`]).
    Otherwise,
}

pub(crate) type StepIndex = NodeIndex;

impl Draft {
    pub(crate) fn add(&mut self, step: Step) -> StepIndex {
        self.graph.add_node(step)
    }

    /// Adds steps that name each other by their places here, and returns the first and the last one.
    pub(crate) fn add_all(&mut self, steps: Vec<Step>) -> Option<(StepIndex, StepIndex)> {
        let mut added: Vec<StepIndex> = Vec::with_capacity(steps.len());
        for mut step in steps {
            let (after, otherwise) = (std::mem::take(&mut step.after), std::mem::take(&mut step.otherwise));
            let index = self.add(step);
            after.iter().for_each(|before| self.order(added[*before as usize], index, Strength::Must));
            otherwise
                .iter()
                .for_each(|before| self.order(added[*before as usize], index, Strength::Otherwise));
            added.push(index);
        }
        Some((*added.first()?, *added.last()?))
    }

    /// Orders two steps.
    pub(crate) fn order(&mut self, first: StepIndex, then: StepIndex, strength: Strength) {
        self.graph.add_edge(first, then, strength);
    }

    /// Returns what stands for all of these steps towards those who wait for them: themselves where they are few or nobody
    /// or just one waits, else one step that runs nothing.
    pub(crate) fn gather(
        &mut self,
        steps: BTreeSet<StepIndex>,
        waiting: usize,
        strength: Strength,
        barrier: impl FnOnce() -> Step,
    ) -> BTreeSet<StepIndex> {
        if steps.len() <= PASSED_ON_MAX || waiting <= 1 {
            return steps;
        }
        let barrier = self.add(Step { action: Action::Keep, ..barrier() });
        for step in steps {
            self.order(step, barrier, strength);
        }
        BTreeSet::from([barrier])
    }

    /// Returns the steps in an order in which each comes after those that it waits for.
    ///
    /// Weak orders that contradict strong ones are dropped, all of one strength together. None: the strong ones contradict
    /// each other.
    pub(crate) fn finish(self) -> Option<Vec<Step>> {
        let (kept, order) = [Strength::MoveAway, Strength::GoneFirst, Strength::Must]
            .into_iter()
            .find_map(|kept| Some((kept, self.sorted(kept)?)))?;
        let mut places = vec![0_u32; order.len()];
        for (place, index) in (0_u32..).zip(&order) {
            places[index.index()] = place;
        }
        let mut ways: Vec<(Vec<u32>, Vec<u32>)> = order
            .iter()
            .map(|index| {
                let (mut after, mut otherwise) = (Vec::new(), Vec::new());
                for edge in self.graph.edges_directed(*index, Direction::Incoming) {
                    let before = places[petgraph::visit::EdgeRef::source(&edge).index()];
                    match *edge.weight() {
                        Strength::Otherwise => otherwise.push(before),
                        strength if strength >= kept => after.push(before),
                        _ => {}
                    }
                }
                for before in [&mut after, &mut otherwise] {
                    before.sort_unstable();
                    before.dedup();
                }
                (after, otherwise)
            })
            .collect();
        let (nodes, _) = self.graph.into_nodes_edges();
        let mut steps: Vec<Option<Step>> = nodes.into_iter().map(|node| Some(node.weight)).collect();
        let placed = order.iter().zip(&mut ways).filter_map(|(index, ways)| {
            let step = steps[index.index()].take()?;
            let (after, otherwise) = std::mem::take(ways);
            Some(Step { after, otherwise, ..step })
        });
        Some(placed.collect())
    }

    /// Kahn's algorithm; among steps that could come next, the one that was added first does. None: there is a cycle.
    fn sorted(&self, kept: Strength) -> Option<Vec<StepIndex>> {
        let mut waits_for: Vec<usize> = self
            .graph
            .node_indices()
            .map(|index| {
                let edges = self.graph.edges_directed(index, Direction::Incoming);
                edges.filter(|edge| *edge.weight() >= kept).count()
            })
            .collect();
        let mut ready: BinaryHeap<Reverse<StepIndex>> =
            self.graph.node_indices().filter(|index| waits_for[index.index()] == 0).map(Reverse).collect();
        let mut order = Vec::with_capacity(waits_for.len());
        while let Some(Reverse(index)) = ready.pop() {
            order.push(index);
            for edge in self.graph.edges(index).filter(|edge| *edge.weight() >= kept) {
                let then = petgraph::visit::EdgeRef::target(&edge);
                waits_for[then.index()] -= 1;
                if waits_for[then.index()] == 0 {
                    ready.push(Reverse(then));
                }
            }
        }
        (order.len() == waits_for.len()).then_some(order)
    }
}
