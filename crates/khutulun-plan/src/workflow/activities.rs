//! Activities: what a step does at each of its targets.

use std::collections::BTreeMap;

use floria::{Evaluated, Expression, Named, Value, Vertex};
use khutulun_api::names;

use super::{Expansion, Frame, Spot, cannot};
use crate::{
    bind::bind,
    document::{Action, Step},
    error::PlanError,
    flow::{self, Activity},
    node::event_of,
    place::{Place, empty},
};

/// The workflows that every node has: to bring it up, and to take it away (TOSCA 2.0, 13.1).
const OWN: [(&str, &[&str], Action); 2] =
    [("deploy", &names::LIFECYCLE_UP, Action::Create), ("undeploy", &names::LIFECYCLE_DOWN, Action::Delete)];

/// How a workflow comes to run in another one.
pub(super) struct Called<'s, 'a> {
    pub(super) given: &'s Named<Expression>,
    /// Where what is given is evaluated.
    pub(super) place: &'s Place<'a>,
    pub(super) around: &'s Frame,
    pub(super) previous: u32,
}

impl<'a> Expansion<'_, 'a> {
    /// Adds the steps of an activity, and returns the last one.
    pub(super) fn activity(
        &mut self,
        spot: Spot<'_, 'a>,
        activity: &Activity<'a>,
        place: &Place<'a>,
        previous: u32,
        all: &mut Vec<u32>,
    ) -> Result<u32, PlanError> {
        let origin = activity.handler.origin.as_ref();
        let mut given = Named::new();
        for (name, input) in &activity.handler.inputs {
            let input = bind(input, &spot.frame.inputs).map_err(|why| cannot(spot, why, origin))?;
            given.insert(name.clone(), input);
        }
        let [delegate, set_state, call_operation, inline] = names::ACTIVITY_KINDS;
        let service = self.service_of(spot.step.vertex);
        let last = match activity.kind {
            kind if kind == call_operation => {
                self.operation(spot, place, activity.subject, Action::Run, &given, previous)?
            }
            kind if kind == set_state => {
                let state = Some(activity.subject.to_owned());
                let step = empty(place.subject.clone(), set_state, Action::Run);
                let part = Some(spot.part.to_owned());
                let origin = origin.cloned();
                self.add(Step { after: vec![previous], state, part, origin, ..step })?
            }
            kind if kind == inline || kind == delegate => {
                // What a node is delegated to is first of all a workflow of the service that stands for it.
                let nested = self.graph.contained(Some(place.subject.vertex));
                let nested =
                    nested.filter(|vertex| kind == delegate && vertex.metadata.contains_key(names::SERVICE));
                let found = nested
                    .map(|vertex| vertex.id)
                    .chain(service)
                    .find_map(|service| flow::workflow_named(self.graph, service, activity.subject));
                match found {
                    Some(workflow) => {
                        let end = self.mark(workflow, "end", spot.part);
                        // A workflow of another service knows nothing of this one.
                        let is_own = workflow.container == service;
                        let around = if is_own { spot.frame } else { &Frame::default() };
                        self.inline(workflow, &Called { given: &given, place, around, previous }, end)?
                    }
                    None if kind == delegate => self.delegate(spot, activity, place, previous, all)?,
                    None => {
                        return Err(PlanError::NoSuchWorkflow {
                            workflow: activity.subject.to_owned(),
                            known: self.workflow_names(service),
                        });
                    }
                }
            }
            other => return Err(cannot(spot, format!("there is no activity `{other}`"), origin)),
        };
        all.push(last);
        Ok(last)
    }

    fn operation(
        &mut self,
        spot: Spot<'_, 'a>,
        place: &Place<'a>,
        event: &str,
        action: Action,
        given: &Named<Expression>,
        previous: u32,
    ) -> Result<u32, PlanError> {
        let vertex = place.subject.vertex;
        if place.subject.relationship.is_none() {
            if (self.is_done)(vertex, event) {
                return Ok(previous);
            }
            if let Some(workflow) = flow::mapped(self.graph, vertex, event) {
                let mut end = self.now(place, event, &Named::new())?;
                end.part = Some(spot.part.to_owned());
                end.outputs.clone_from(&spot.frame.outputs);
                return self.mapped(workflow, given, place, previous, Step { action, ..end });
            }
        }
        let step = self.now(place, event, given)?;
        if step.implementation.is_some() {
            self.happens(place, event);
        }
        let (part, outputs) = (Some(spot.part.to_owned()), spot.frame.outputs.clone());
        self.add(Step { after: vec![previous], action, part, outputs, ..step })
    }

    /// The step of an operation, as far as its node will have come by then.
    pub(super) fn now(
        &mut self,
        place: &Place<'a>,
        event: &str,
        given: &Named<Expression>,
    ) -> Result<Step, PlanError> {
        let vertex = place.subject.vertex;
        let state =
            place.state.map(|state| self.states.get(&vertex).cloned().unwrap_or_else(|| state.to_owned()));
        let mut now: Place<'_> = place.clone();
        now.state = state.as_deref();
        now.step(self.basis, self.evaluator, event, given)
    }

    /// What the orchestrator itself does with a node: a workflow that every node has, or an operation of its lifecycle.
    fn delegate(
        &mut self,
        spot: Spot<'_, 'a>,
        activity: &Activity<'a>,
        place: &Place<'a>,
        previous: u32,
        all: &mut Vec<u32>,
    ) -> Result<u32, PlanError> {
        let name = activity.subject;
        let one = [name];
        let own = OWN.into_iter().find(|(own, _, _)| *own == name);
        let (operations, action) = match own {
            Some((_, operations, action)) => (operations, action),
            None if OWN.iter().any(|(_, operations, _)| operations.contains(&name)) => {
                (one.as_slice(), Action::Run)
            }
            None => {
                let why = format!(
                    "there is no workflow `{name}` to delegate to; there are: {}",
                    OWN.iter()
                        .flat_map(|(own, operations, _)| [*own].into_iter().chain(operations.iter().copied()))
                        .map(str::to_owned)
                        .chain(self.workflow_names(self.service_of(spot.step.vertex)))
                        .collect::<Vec<_>>()
                        .join(", ")
                );
                return Err(cannot(spot, why, activity.handler.origin.as_ref()));
            }
        };
        if place.subject.relationship.is_some() || !place.is_node() {
            let why = format!("`{name}` is for nodes, and `{}` is none", place.name);
            return Err(cannot(spot, why, activity.handler.origin.as_ref()));
        }
        let mut last = previous;
        for operation in operations {
            last = self.operation(spot, place, &event_of(operation), action, &Named::new(), last)?;
            all.push(last);
        }
        Ok(last)
    }

    /// The values that a workflow is given in the place of an activity.
    pub(super) fn values(
        &mut self,
        workflow: &Vertex,
        given: &Named<Expression>,
        place: &Place<'a>,
    ) -> Result<BTreeMap<String, Value>, PlanError> {
        let mut inputs = BTreeMap::new();
        for (name, input) in given {
            let wrong = |why: String| PlanError::WorkflowInput {
                workflow: flow::name_of(workflow).to_owned(),
                input: name.clone(),
                why,
            };
            let value = match self.evaluator.evaluate(input, place.subject.site()) {
                Ok(Evaluated::Known(value)) => value,
                Ok(Evaluated::Unknown(missing)) => {
                    return Err(wrong(format!(
                        "it must be known before the workflow around it is run, and {} is not",
                        self.describe(&missing)
                    )));
                }
                Err(error) => return Err(wrong(error.to_string())),
            };
            inputs.insert(name.clone(), value);
        }
        Ok(inputs)
    }

    /// Puts another workflow in the place of an activity. It ends with this step.
    pub(super) fn inline(
        &mut self,
        workflow: &'a Vertex,
        called: &Called<'_, 'a>,
        end: Step,
    ) -> Result<u32, PlanError> {
        let inputs = self.values(workflow, called.given, called.place)?;
        let frame = self.frame(workflow, &inputs, called.around)?;
        let part = end.part.clone().unwrap_or_default();
        let mut after = vec![called.previous];
        let (conditions, origin) = flow::conditions(workflow);
        if !conditions.is_empty() {
            let conditions = conditions.into_iter().map(|condition| bind(condition, &frame.inputs));
            let wrong = |why| PlanError::Step { step: part.clone(), why, origin: origin.cloned() };
            let conditions = conditions.collect::<Result<_, _>>().map_err(wrong)?;
            let guard = self.mark(workflow, "precondition", &part);
            after.push(self.add(Step { after: vec![called.previous], conditions, ..guard })?);
        }
        let before = after.last().copied();
        after.extend(self.workflow(workflow, &frame, &format!("{part}/"), before)?);
        let answer = self.answer(workflow, &frame)?;
        self.add(Step { after, gathers: true, answer, ..end })
    }
}
