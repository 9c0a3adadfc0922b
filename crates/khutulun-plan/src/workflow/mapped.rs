//! Operations of a node that a workflow of the service inside of it does (TOSCA 2.0, 15.6).

use std::collections::BTreeMap;

use floria::{Evaluator, Expression, Named, Site, Value, Vertex};

use super::{Expansion, Frame, IsDone, activities::Called, expand};
use crate::{
    Basis,
    document::{Action, Plan, Step},
    error::PlanError,
    flow, keeping,
    place::{Place, empty},
};

/// Plans an operation of a node that a workflow of the service inside of it does.
pub(crate) fn plan_mapped(
    basis: &Basis<'_>,
    evaluator: &mut Evaluator<'_>,
    place: &Place<'_>,
    event: &str,
    inputs: &BTreeMap<String, Value>,
) -> Result<Option<Plan>, PlanError> {
    let graph = evaluator.graph();
    let Some(workflow) = flow::mapped(graph, place.subject.vertex, event) else { return Ok(None) };
    let given: Named<Expression> =
        inputs.iter().map(|(name, value)| (name.clone(), Expression::Literal(value.clone()))).collect();
    let expanded = expand(basis, evaluator, &|_, _| false, &|expansion| {
        let Some(place) = Place::at(graph, place.subject.site()) else { return Ok(()) };
        let all = expansion.given(workflow, &given, &place, event);
        let inputs = expansion.values(workflow, &all, &place)?;
        let frame = expansion.frame(workflow, &inputs, &Frame::default())?;
        expansion.precondition(workflow, &frame)?;
        let mut end = expansion.now(&place, event, &Named::new())?;
        end.part = Some(flow::name_of(workflow).to_owned());
        let begin = expansion.add(empty(place.subject.clone(), "begin", Action::Keep))?;
        expansion.mapped(workflow, &given, &place, begin, end).map(drop)
    })?;
    keeping::check_steps(basis, graph, &expanded.steps)?;
    Ok(Some(expanded.plan(basis, flow::name_of(workflow))))
}

/// What does the operations of nodes' lifecycles in a plan, where workflows do.
pub(crate) struct Lifecycle<'l, 'a> {
    pub(crate) basis: &'l Basis<'l>,
    pub(crate) evaluator: &'l mut Evaluator<'a>,
    /// What the plan itself does: a workflow does not do it again.
    pub(crate) is_done: IsDone<'l>,
}

impl Lifecycle<'_, '_> {
    /// Puts what a workflow does in the place of a step of an operation, where one does. The steps name each other by their places;
    /// the first begins, and the last is the operation's own.
    pub(crate) fn steps(&mut self, step: Step) -> Result<Vec<Step>, PlanError> {
        let graph = self.evaluator.graph();
        let Some(workflow) = flow::mapped(graph, step.subject.vertex, &step.event) else {
            return Ok(vec![step]);
        };
        let expanded = expand(self.basis, self.evaluator, self.is_done, &|expansion| {
            let Some(place) = Place::at(graph, Site::Vertex(step.subject.vertex)) else { return Ok(()) };
            let begin = expansion.add(empty(step.subject.clone(), "begin", Action::Keep))?;
            let part = Some(flow::name_of(workflow).to_owned());
            expansion.mapped(workflow, &Named::new(), &place, begin, Step { part, ..step.clone() }).map(drop)
        })?;
        keeping::check_steps(self.basis, graph, &expanded.steps)?;
        Ok(expanded.steps)
    }
}

impl<'a> Expansion<'_, 'a> {
    /// Puts a workflow of the service inside of a node in the place of an operation of that node. It is given the inputs of the
    /// operation that it knows, and its outputs are those of the operation. It ends with this step.
    pub(super) fn mapped(
        &mut self,
        workflow: &'a Vertex,
        given: &Named<Expression>,
        place: &Place<'a>,
        previous: u32,
        end: Step,
    ) -> Result<u32, PlanError> {
        let all = self.given(workflow, given, place, &end.event);
        let called = Called { given: &all, place, around: &Frame::default(), previous };
        self.inline(workflow, &called, end)
    }

    /// What a workflow is given in the place of an operation: of the operation's inputs those that it knows, and what whoever asks
    /// for it gives.
    fn given(
        &self,
        workflow: &Vertex,
        given: &Named<Expression>,
        place: &Place<'_>,
        event: &str,
    ) -> Named<Expression> {
        let node = self.graph.vertex(place.subject.vertex);
        let own = node.and_then(|node| node.handlers.get(event)).map(|handler| &handler.inputs);
        let known = own.into_iter().flatten().filter(|(name, _)| workflow.properties.contains_key(*name));
        known.chain(given).map(|(name, value)| (name.clone(), value.clone())).collect()
    }
}
