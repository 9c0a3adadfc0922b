//! The steps of a workflow.

use std::ops::Range;

use floria::{Expression, Site, Vertex};
use khutulun_api::names;

use super::{Expansion, Frame, Spot, WORKFLOW_DEPTH_MAX, cannot};
use crate::{bind::bind, document::Step, error::PlanError, flow, place::Place};

impl<'a> Expansion<'_, 'a> {
    /// Adds the steps of a workflow, after one that there is already, and returns those that say whether it succeeded.
    pub(super) fn workflow(
        &mut self,
        workflow: &'a Vertex,
        frame: &Frame,
        around: &str,
        before: Option<u32>,
    ) -> Result<Vec<u32>, PlanError> {
        if self.inlining.iter().any(|other| other.id == workflow.id)
            || self.inlining.len() >= WORKFLOW_DEPTH_MAX
        {
            let path = self.inlining.iter().chain([&workflow]).map(|other| flow::name_of(other).to_owned());
            return Err(PlanError::WorkflowsInCircle { workflows: path.collect() });
        }
        self.inlining.push(workflow);
        let mut last = Vec::new();
        if workflow.handlers.contains_key(names::WORKFLOW_RUN) {
            last.push(self.file(workflow, frame, around, before)?);
        }
        let steps = flow::steps(self.graph, workflow)?;
        let mut ends: Vec<u32> = Vec::with_capacity(steps.len());
        for step in &steps {
            let part = format!("{around}{}", step.name);
            let spot = Spot { step, part: &part, frame };
            let begin = Step {
                after: match step.after.is_empty() && step.otherwise.is_empty() {
                    true => before.into_iter().collect(),
                    false => step.after.iter().map(|place| ends[*place]).collect(),
                },
                otherwise: step.otherwise.iter().map(|place| ends[*place]).collect(),
                ..self.mark(step.vertex, "begin", &part)
            };
            let mut begin = self.add(begin)?;
            let mut all = vec![begin];
            if let Some(question) = step.vertex.metadata.get(names::APPROVAL) {
                let question = question.as_text().map_or_else(|| question.to_string(), str::to_owned);
                let asked = self.mark(step.vertex, "approval", &part);
                begin = self.add(Step { after: vec![begin], approval: Some(question), ..asked })?;
                all.push(begin);
            }
            for site in flow::targets(self.graph, step.vertex) {
                self.target(spot, site, begin, &(0..usize::MAX), &mut all)?;
            }
            let end = self.add(Step { after: all, gathers: true, ..self.mark(step.vertex, "end", &part) })?;
            ends.push(end);
        }
        self.inlining.pop();
        last.extend(steps.iter().zip(ends).filter(|(step, _)| !step.is_caught).map(|(_, end)| end));
        Ok(last)
    }

    /// A workflow that is a file.
    fn file(
        &mut self,
        workflow: &'a Vertex,
        frame: &Frame,
        around: &str,
        before: Option<u32>,
    ) -> Result<u32, PlanError> {
        let mut place =
            Place::at(self.graph, Site::Vertex(workflow.id)).expect("the workflow is in the graph");
        // What it is called on machines has no colon.
        place.subject.node = format!("workflow-{}", flow::name_of(workflow));
        let given =
            frame.inputs.iter().map(|(name, value)| (name.clone(), Expression::Literal(value.clone())));
        let step = place.step(self.basis, self.evaluator, names::WORKFLOW_RUN, &given.collect())?;
        let part = format!("{around}{}", flow::name_of(workflow));
        self.add(Step {
            after: before.into_iter().collect(),
            part: Some(part),
            outputs: frame.outputs.clone(),
            ..step
        })
    }

    /// The activities of a step at one of its targets: those at these places.
    pub(super) fn target(
        &mut self,
        spot: Spot<'_, 'a>,
        site: Site,
        begin: u32,
        places: &Range<usize>,
        all: &mut Vec<u32>,
    ) -> Result<(), PlanError> {
        let Some(place) = Place::at(self.graph, site) else { return Ok(()) };
        let vertex = self.graph.vertex(place.subject.vertex);
        if vertex.is_some_and(|vertex| vertex.metadata.contains_key(names::SELECTED)) {
            let why = format!("`{}` is a node of another service, and operated on there", place.name);
            return Err(cannot(spot, why, spot.step.vertex.origin.as_ref()));
        }
        let mut previous = begin;
        let (filter, origin) = flow::conditions(spot.step.vertex);
        if !filter.is_empty() {
            let conditions = filter.into_iter().map(|condition| bind(condition, &spot.frame.inputs));
            let conditions = conditions.collect::<Result<_, _>>().map_err(|why| cannot(spot, why, origin))?;
            let guard = self.mark(spot.step.vertex, "filter", spot.part);
            let guard = Step { subject: place.subject.clone(), after: vec![previous], conditions, ..guard };
            previous = self.add(guard)?;
            all.push(previous);
        }
        let activities = flow::activities(spot.step.vertex).enumerate();
        for (_, activity) in activities.filter(|(place, _)| places.contains(place)) {
            previous = self.activity(spot, &activity, &place, previous, all)?;
        }
        Ok(())
    }
}
