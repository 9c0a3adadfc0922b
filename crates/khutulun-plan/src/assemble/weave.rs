//! The steps of relationships between those of nodes.

use std::collections::BTreeSet;

use floria::{Edge, Evaluator, Graph, Site};

use super::{Assembly, WAIT, Way};
use crate::{
    Basis,
    as_made::AsMade,
    document::{Action, Cause, Step},
    draft::{StepIndex, Strength},
    error::PlanError,
    inputs::{planned, planned_end},
    node::{Node, owning_node, subject_of},
    place::empty,
    relationships::{Going, Phase, event_of, is_of_target, phase_of},
};

/// When an operation of a node's own is run.
fn phase_of_node(operation: &str) -> Phase {
    match operation {
        "create" => Phase::Create,
        "configure" => Phase::Configure,
        "start" => Phase::Start,
        // What is not known before it is taken in when all is known.
        _ => Phase::AfterStart,
    }
}

/// The phases of a node that comes up, in order.
const PHASES: [Phase; 6] = [
    Phase::Create,
    Phase::BeforeConfigure,
    Phase::Configure,
    Phase::AfterConfigure,
    Phase::Start,
    Phase::AfterStart,
];

impl<'b> Assembly<'b> {
    /// The relationships of a node that are taken away.
    pub(super) fn going<'a>(&self, node: &Node<'a>) -> Vec<(&'a Edge, &'b Going)> {
        let all = &self.relationships.going;
        if all.is_empty() {
            return Vec::new();
        }
        node.edges.iter().filter_map(|edge| Some((*edge, all.get(&edge.id)?))).collect()
    }

    /// Adds the steps of one of the operations that take relationships away, each after `waits` and what was done with the
    /// relationship before. Returns them.
    pub(super) fn part(
        &mut self,
        made: &AsMade<'_>,
        going: &[(&Edge, &'b Going)],
        operation: &'static str,
        waits: &BTreeSet<StepIndex>,
        evaluator: &mut Evaluator<'_>,
    ) -> BTreeSet<StepIndex> {
        let mut steps = BTreeSet::new();
        for (edge, going) in going.iter().filter(|(_, going)| going.operations.contains(&operation)) {
            let action = if going.then.is_some() || going.cause == Cause::Gone {
                Action::Delete
            } else {
                Action::Replace
            };
            let mut step = self.basis.step_at(evaluator.graph(), edge, operation, action);
            if let Some(handler) = edge.handlers.get(&step.event) {
                step.inputs = planned_end(Site::Edge(edge.id), &|_| None, handler, evaluator);
                made.fill(&mut step.inputs, handler, Site::Edge(edge.id));
            }
            if going.operations.last() == Some(&operation) {
                step.state = Some("deleted".to_owned());
                step.then.clone_from(&going.then);
            }
            let index = self.draft.add(step);
            for wait in waits {
                self.draft.order(*wait, index, Strength::Must);
            }
            steps.insert(index);
        }
        steps
    }

    /// Makes the steps of the relationships of a node that are made or changed: for each its own, in order.
    pub(super) fn coming(
        &self,
        graph: &Graph,
        node: &Node<'_>,
        evaluator: &mut Evaluator<'_>,
    ) -> Result<Vec<Vec<(Phase, Step)>>, PlanError> {
        if self.relationships.coming.is_empty() {
            return Ok(Vec::new());
        }
        let mut all = Vec::new();
        for edge in &node.edges {
            let Some(coming) = self.relationships.coming.get(&edge.id) else { continue };
            let action = match coming.cause {
                Cause::New => Action::Create,
                Cause::SourceReplaced | Cause::TargetReplaced => Action::Replace,
                _ => Action::Update,
            };
            let mut steps = Vec::new();
            for operation in &coming.operations {
                let mut step = self.basis.step_at(graph, edge, operation, action);
                if let Some(handler) = edge.handlers.get(&step.event) {
                    step.inputs = planned(&node.name, Site::Edge(edge.id), &step.event, handler, evaluator)?;
                }
                let phase = phase_of(operation);
                let state = if phase < Phase::AfterConfigure { "created" } else { "configured" };
                step.state = (!coming.is_made).then(|| state.to_owned());
                steps.push((phase, step));
            }
            if steps.is_empty() {
                let mut told = self.basis.step_at(graph, edge, "add_source", action);
                told.implementation = None;
                steps.push((Phase::AfterStart, told));
            }
            if let Some((_, last)) = steps.last_mut() {
                last.state = Some("started".to_owned());
            }
            all.push(steps);
        }
        Ok(all)
    }

    /// Adds the steps of a node that comes up and those of its relationships, after `waits`. Returns the last ones.
    ///
    /// Each relationship waits for the node, and the node for all of its relationships; these do not wait for each other.
    pub(super) fn weave(
        &mut self,
        node: &Node<'_>,
        steps: Vec<(&'static str, Vec<Step>)>,
        relationships: Vec<Vec<(Phase, Step)>>,
        waits: BTreeSet<StepIndex>,
    ) -> BTreeSet<StepIndex> {
        if relationships.is_empty() {
            let steps = steps.into_iter().map(|(_, step)| step).collect();
            let last = self.chain(node.vertex.id, Way::Up, steps, &waits);
            return last.map_or(waits, |last| BTreeSet::from([last]));
        }
        let barrier = || self.basis.step(node, WAIT.to_owned(), Action::Keep);
        let waits = self.draft.gather(waits, relationships.len() + 1, Strength::Must, barrier);
        let mut steps = steps.into_iter().peekable();
        let mut relationships: Vec<_> =
            relationships.into_iter().map(|own| own.into_iter().peekable()).collect();
        // What the next step of the node, and of each relationship, waits for.
        let mut of_node = waits;
        let mut of_each: Vec<Option<StepIndex>> = vec![None; relationships.len()];
        for phase in PHASES {
            for (own, last) in relationships.iter_mut().zip(&mut of_each) {
                while let Some((_, step)) = own.next_if(|(at, _)| *at == phase) {
                    let index = self.draft.add(step);
                    match last {
                        Some(last) => self.draft.order(*last, index, Strength::Must),
                        None => {
                            of_node.iter().for_each(|wait| self.draft.order(*wait, index, Strength::Must))
                        }
                    }
                    *last = Some(index);
                }
            }
            while let Some((_, step)) = steps.next_if(|(operation, _)| phase_of_node(operation) == phase) {
                let Some((first, index)) = self.draft.add_all(step) else { continue };
                let before = of_node.iter().copied().chain(of_each.iter().copied().flatten());
                for before in before.collect::<BTreeSet<_>>() {
                    self.draft.order(before, first, Strength::Must);
                }
                self.first.entry((node.vertex.id, Way::Up)).or_insert(first);
                self.last.insert((node.vertex.id, Way::Up), index);
                of_node = BTreeSet::from([index]);
                of_each.fill(None);
            }
        }
        let after: BTreeSet<StepIndex> = of_each.iter().copied().flatten().collect();
        if after.is_empty() { of_node } else { after }
    }
}

impl Basis<'_> {
    /// Makes a step of a relationship's operation, without inputs and order; it is about the end where it is run.
    fn step_at(&self, graph: &Graph, edge: &Edge, operation: &str, action: Action) -> Step {
        let event = event_of(operation);
        let end = if is_of_target(operation) { edge.target } else { edge.source };
        let end = owning_node(graph, end).and_then(|node| subject_of(graph, node.id));
        let mut subject = end.expect("both ends of a relationship are in the graph");
        subject.relationship = Some(edge.id);
        let handler = edge.handlers.get(&event);
        self.located(Step {
            implementation: handler.and_then(|handler| handler.implementation.clone()),
            timeout_ms: handler.and_then(|handler| handler.timeout_ms_max).unwrap_or(self.timeout_ms_default),
            origin: handler.and_then(|handler| handler.origin.clone()).or_else(|| edge.origin.clone()),
            ..empty(subject, &event, action)
        })
    }
}
