//! From decisions to ordered steps.

use std::collections::{BTreeSet, HashMap};

use floria::{Evaluator, Graph, Handler, Site, VertexId};
use khutulun_api::names;

use crate::{
    Basis,
    as_made::AsMade,
    decide::{Decision, implements},
    document::{Action, Step},
    draft::{Draft, StepIndex, Strength},
    error::PlanError,
    inputs::{planned, planned_down},
    node::{Node, Nodes, event_of, operation_of, state_after},
    order::Dependencies,
    place::empty,
    relationships::Relationships,
    workflow::Lifecycle,
};

mod weave;

/// The event of a step that runs nothing and stands for many.
pub(crate) const WAIT: &str = "wait";

/// A graph with what was found out about it.
pub(crate) struct Side<'a> {
    pub(crate) graph: &'a Graph,
    pub(crate) nodes: &'a Nodes<'a>,
    pub(crate) dependencies: &'a Dependencies,
}

/// Makes the steps of decisions about nodes, by vertex, and about relationships.
///
/// `wanted_evaluator` must have forgotten what the plan is going to change.
pub(crate) fn assemble(
    basis: &Basis<'_>,
    (decisions, relationships): (&HashMap<VertexId, Decision>, &Relationships),
    actual: &Side<'_>,
    wanted: &Side<'_>,
    wanted_evaluator: &mut Evaluator<'_>,
) -> Result<Vec<Step>, PlanError> {
    let mut assembly = Assembly {
        basis,
        relationships,
        draft: Draft::default(),
        first: HashMap::new(),
        last: HashMap::new(),
        parted: HashMap::new(),
    };
    assembly.take_away(decisions, actual)?;
    assembly.bring_up(decisions, wanted, wanted_evaluator)?;
    assembly.move_away(decisions, actual);
    assembly.gone_first(decisions, actual, wanted);
    let circle = "what takes away goes from dependents to dependencies, what brings up the other way, and each node is taken \
                  away before it is brought up";
    Ok(assembly.draft.finish().expect(circle))
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Way {
    Down,
    Up,
}

struct Assembly<'b> {
    basis: &'b Basis<'b>,
    relationships: &'b Relationships,
    draft: Draft,
    first: HashMap<(VertexId, Way), StepIndex>,
    last: HashMap<(VertexId, Way), StepIndex>,
    /// The last steps that take away relationships, by their sources.
    parted: HashMap<VertexId, BTreeSet<StepIndex>>,
}

impl Assembly<'_> {
    fn take_away(
        &mut self,
        decisions: &HashMap<VertexId, Decision>,
        actual: &Side<'_>,
    ) -> Result<(), PlanError> {
        let is_done = |node, event: &str| is_among(decisions, node, event, |decision| &decision.down);
        let mut evaluator = Evaluator::new(actual.graph, self.basis.functions);
        let made = AsMade::new(actual.graph, actual.nodes, self.basis.functions);
        let mut tails: Vec<BTreeSet<StepIndex>> = vec![BTreeSet::new(); actual.nodes.list.len()];
        for &place in actual.dependencies.order.iter().rev() {
            let node = &actual.nodes.list[place];
            let mut waits: BTreeSet<StepIndex> = actual.dependencies.dependents[place]
                .iter()
                .flat_map(|other| tails[*other].clone())
                .collect();
            let going = self.going(node);
            let mut parted = self.part(&made, &going, "remove_target", &BTreeSet::new(), &mut evaluator);
            waits.extend(&parted);
            if let Some(decision) =
                decisions.get(&node.vertex.id).filter(|decision| !decision.down.is_empty())
            {
                let mut steps = Vec::new();
                for (operation, mut step) in
                    self.segment(node, decision.action, &decision.down, decision.up.is_empty())
                {
                    if let Some(handler) = coded(node, &step.event) {
                        step.inputs = planned_down(node, operation, handler, &mut evaluator);
                        made.fill(&mut step.inputs, handler, Site::Vertex(node.vertex.id));
                    }
                    let evaluator = &mut evaluator;
                    steps.push(Lifecycle { basis: self.basis, evaluator, is_done: &is_done }.steps(step)?);
                }
                if let Some(last) = self.chain(node.vertex.id, Way::Down, steps, &waits) {
                    waits = BTreeSet::from([last]);
                }
            }
            let told = self.part(&made, &going, "remove_source", &waits, &mut evaluator);
            parted.extend(&told);
            waits.extend(told);
            if !parted.is_empty() {
                self.parted.insert(node.vertex.id, parted);
            }
            let waiting = actual.dependencies.of[place].len();
            let barrier = || self.basis.step(node, WAIT.to_owned(), Action::Keep);
            tails[place] = self.draft.gather(waits, waiting, Strength::Must, barrier);
        }
        Ok(())
    }

    fn bring_up(
        &mut self,
        decisions: &HashMap<VertexId, Decision>,
        wanted: &Side<'_>,
        evaluator: &mut Evaluator<'_>,
    ) -> Result<(), PlanError> {
        let mut tails: Vec<BTreeSet<StepIndex>> = vec![BTreeSet::new(); wanted.nodes.list.len()];
        for &place in &wanted.dependencies.order {
            let node = &wanted.nodes.list[place];
            let id = node.vertex.id;
            let mut waits: BTreeSet<StepIndex> =
                wanted.dependencies.of[place].iter().flat_map(|other| tails[*other].clone()).collect();
            let mut steps = Vec::new();
            if let Some(decision) = decisions.get(&id).filter(|decision| !decision.up.is_empty()) {
                let is_done = |node, event: &str| {
                    is_among(decisions, node, event, |decision| &decision.up)
                        || decision.down.is_empty() && is_up(decisions, node, event)
                };
                for (operation, mut step) in self.segment(node, decision.action, &decision.up, true) {
                    if let Some(handler) = coded(node, &step.event) {
                        let site = Site::Vertex(id);
                        step.inputs = planned(&node.name, site, &step.event, handler, evaluator)?;
                    }
                    let step = Lifecycle { basis: self.basis, evaluator, is_done: &is_done }.steps(step)?;
                    steps.push((operation, step));
                }
            }
            let coming = self.coming(wanted.graph, node, evaluator)?;
            if !steps.is_empty() || !coming.is_empty() {
                waits.extend(self.last.get(&(id, Way::Down)));
                waits.extend(self.parted.get(&id).into_iter().flatten());
                waits = self.weave(node, steps, coming, waits);
            }
            let waiting = wanted.dependencies.dependents[place].len();
            let barrier = || self.basis.step(node, WAIT.to_owned(), Action::Keep);
            tails[place] = self.draft.gather(waits, waiting, Strength::Must, barrier);
        }
        Ok(())
    }

    /// Makes the steps of some operations of one node. Operations without code take none, but what follows from them is told
    /// by the last step; where no operation has code, `must_tell` makes one step that only tells.
    fn segment(
        &self,
        node: &Node<'_>,
        action: Action,
        operations: &[&'static str],
        must_tell: bool,
    ) -> Vec<(&'static str, Step)> {
        let mut steps: Vec<(&'static str, Step)> = operations
            .iter()
            .filter(|operation| implements(node, operation))
            .map(|operation| (*operation, self.basis.step(node, event_of(operation), action)))
            .collect();
        let Some(last) = operations.last().copied() else { return steps };
        if steps.is_empty() && must_tell {
            steps.push((last, self.basis.step(node, event_of(last), action)));
        }
        for (operation, step) in &mut steps {
            step.state = state_after(operation).map(str::to_owned);
        }
        if let Some((_, step)) = steps.last_mut() {
            // A node that is only configured anew goes on running.
            let told = if last == "configure" { "start" } else { last };
            step.state = state_after(told).map(str::to_owned);
        }
        steps
    }

    /// Adds the steps of each operation of a node, one operation after the other.
    fn chain(
        &mut self,
        id: VertexId,
        way: Way,
        steps: Vec<Vec<Step>>,
        waits: &BTreeSet<StepIndex>,
    ) -> Option<StepIndex> {
        let mut last: Option<StepIndex> = None;
        for (first, then) in
            steps.into_iter().filter_map(|steps| self.draft.add_all(steps)).collect::<Vec<_>>()
        {
            match last {
                Some(previous) => self.draft.order(previous, first, Strength::Must),
                None => {
                    self.first.insert((id, way), first);
                    for wait in waits {
                        self.draft.order(*wait, first, Strength::Must);
                    }
                }
            }
            last = Some(then);
        }
        self.last.extend(last.map(|last| ((id, way), last)));
        last
    }

    /// Whoever stays and depended on what goes is changed first, so that it does not miss it.
    fn move_away(&mut self, decisions: &HashMap<VertexId, Decision>, actual: &Side<'_>) {
        for (place, node) in actual.nodes.list.iter().enumerate() {
            let id = node.vertex.id;
            let goes = decisions.get(&id).is_some_and(|decision| decision.action == Action::Delete);
            let Some(first_down) = self.first.get(&(id, Way::Down)).copied().filter(|_| goes) else {
                continue;
            };
            for dependent in &actual.dependencies.dependents[place] {
                let dependent = actual.nodes.list[*dependent].vertex.id;
                if !self.last.contains_key(&(dependent, Way::Down))
                    && let Some(last_up) = self.last.get(&(dependent, Way::Up))
                {
                    self.draft.order(*last_up, first_down, Strength::MoveAway);
                }
            }
        }
    }

    /// What is new comes after what goes: a node that was given another name still wants the same port.
    fn gone_first(&mut self, decisions: &HashMap<VertexId, Decision>, actual: &Side<'_>, wanted: &Side<'_>) {
        let goes =
            |id: VertexId| decisions.get(&id).is_some_and(|decision| decision.action == Action::Delete);
        let gone: BTreeSet<StepIndex> = actual
            .nodes
            .list
            .iter()
            .filter(|node| goes(node.vertex.id))
            .filter_map(|node| self.last.get(&(node.vertex.id, Way::Down)).copied())
            .collect();
        let is_new = |place: usize| actual.nodes.owner(wanted.nodes.list[place].vertex.id).is_none();
        // What waits for another new one waits for what that one waits for.
        let new: Vec<usize> = (0..wanted.nodes.list.len())
            .filter(|place| {
                is_new(*place) && !wanted.dependencies.of[*place].iter().any(|other| is_new(*other))
            })
            .collect();
        let Some(any) = new.first().map(|place| &wanted.nodes.list[*place]) else { return };
        let barrier = || self.basis.step(any, WAIT.to_owned(), Action::Keep);
        let gone = self.draft.gather(gone, new.len(), Strength::GoneFirst, barrier);
        for place in new {
            if let Some(first_up) = self.first.get(&(wanted.nodes.list[place].vertex.id, Way::Up)).copied() {
                for gone in &gone {
                    self.draft.order(*gone, first_up, Strength::GoneFirst);
                }
            }
        }
    }
}

/// Tells whether an event is of one of these operations of what is decided of a node.
fn is_among(
    decisions: &HashMap<VertexId, Decision>,
    node: VertexId,
    event: &str,
    operations: impl Fn(&Decision) -> &[&'static str],
) -> bool {
    let operation = operation_of(event);
    decisions
        .get(&node)
        .is_some_and(|decision| operation.is_some_and(|own| operations(decision).contains(&own)))
}

/// Tells whether an event is one that makes or starts a node that is up, and stays so.
fn is_up(decisions: &HashMap<VertexId, Decision>, node: VertexId, event: &str) -> bool {
    let stays = decisions.get(&node).is_some_and(|decision| !decision.has_steps());
    stays && matches!(operation_of(event), Some("create" | "start"))
}

/// Returns the handler of an event, where there is code for it.
fn coded<'a>(node: &Node<'a>, event: &str) -> Option<&'a Handler> {
    node.vertex.handlers.get(event).filter(|handler| handler.implementation.is_some())
}

impl Basis<'_> {
    /// Makes a step of a node's operation, without inputs and order.
    pub(crate) fn step(&self, node: &Node<'_>, event: String, action: Action) -> Step {
        let handler = node.vertex.handlers.get(&event);
        self.located(Step {
            implementation: handler.and_then(|handler| handler.implementation.clone()),
            timeout_ms: handler.and_then(|handler| handler.timeout_ms_max).unwrap_or(self.timeout_ms_default),
            origin: handler.and_then(|handler| handler.origin.clone()).or_else(|| node.vertex.origin.clone()),
            ..empty(node.subject(), &event, action)
        })
    }
}

/// Returns the lifecycle operations that a node has code for.
pub(crate) fn lifecycle_events() -> impl Iterator<Item = String> {
    names::LIFECYCLE_UP.into_iter().chain(names::LIFECYCLE_DOWN).map(event_of)
}
