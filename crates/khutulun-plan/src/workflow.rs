//! Workflows as plans (TOSCA 2.0, 13.2).
//!
//! A step of a workflow becomes steps of the plan: one that it begins with, for each of its targets one with the step's filter and
//! one for each activity, in their order, and one that it ends with. None of the first and last runs code; they are where the
//! ways between steps start and end. The rules:
//!
//! - A step is run when all steps that lead to it are over, where one of those leads to it (it succeeded and has it in
//!   `on_success`, or failed and has it in `on_failure`), and none that has it in `on_success` alone has failed.
//! - A target for which a filter does not hold is left out; a step whose targets are all left out has succeeded.
//! - When an activity of a target failed, its next ones are not run; those of other targets are. The step has failed.
//! - Where its metadata ask for an approval ([`names::APPROVAL`]), it goes on once somebody has approved it; a refusal is a failure of
//!   the step.
//! - Its outputs are computed once all of that is over and nothing has failed for good. Those that are mappings go to their
//!   attributes when an operation that the workflow runs puts out one of that name.
//! - A failure that no `on_failure` is there for, here or where the workflow is inlined, is one of the run.

mod activities;
mod given;
mod mapped;
mod outputs;
mod steps;
mod trigger;

use std::collections::{BTreeMap, BTreeSet};

use floria::{Evaluator, Graph, Origin, Site, Value, Vertex, VertexId};
use khutulun_api::{Subject, names};

use crate::{
    Basis,
    bind::Bindings,
    document::{Action, Goal, NodeChange, OutputTarget, Plan, Reason, Step},
    error::PlanError,
    flow::{self, FlowStep},
    keeping,
    place::{Place, empty},
};

pub(crate) use mapped::{Lifecycle, plan_mapped};
pub use trigger::{plan_trigger, policy_targets};

/// How many steps a plan of a workflow may have: far more than anybody reads, and few enough for memory where workflows inline
/// each other again and again.
pub const WORKFLOW_STEPS_MAX: usize = 100_000;

/// How deep workflows may inline each other. The bound keeps the machine's stack from being the limit.
pub const WORKFLOW_DEPTH_MAX: usize = 64;

/// Plans a workflow, wherever in the graph it is. `inputs` are those of the workflow.
///
/// # Errors
///
/// When there is no such workflow, an input is not known or has no value, its precondition does not hold, its steps lead to each
/// other in a circle, workflows inline each other in one, or something in it cannot be done or evaluated.
pub fn plan_workflow(
    basis: &Basis<'_>,
    actual: &Graph,
    workflow: VertexId,
    inputs: &BTreeMap<String, Value>,
) -> Result<Plan, PlanError> {
    let vertex = actual
        .vertex(workflow)
        .filter(|vertex| vertex.metadata.contains_key(names::WORKFLOW))
        .ok_or_else(|| PlanError::NoSuchWorkflow { workflow: workflow.to_string(), known: Vec::new() })?;
    let mut evaluator = Evaluator::new(actual, basis.functions);
    let expanded =
        expand(basis, &mut evaluator, &|_, _| false, &|expansion| expansion.whole(vertex, inputs))?;
    keeping::check_steps(basis, actual, &expanded.steps)?;
    Ok(expanded.plan(basis, flow::name_of(vertex)))
}

/// What a workflow, a trigger or an operation comes to.
struct Expanded {
    steps: Vec<Step>,
    nodes: Vec<NodeChange>,
}

impl Expanded {
    fn plan(self, basis: &Basis<'_>, workflow: &str) -> Plan {
        let workflow = Some(workflow.to_owned());
        Plan { nodes: self.nodes, steps: self.steps, workflow, ..basis.plan(Goal::Workflow) }
    }
}

/// Tells of a node and an event whether what is around does that anyway.
type IsDone<'d> = &'d dyn Fn(VertexId, &str) -> bool;

/// Expands what `fill` says. What the operations write is not known before they did: once all of them are known, the inputs are
/// looked at again, and the evaluator has forgotten what they write.
fn expand<'a>(
    basis: &Basis<'_>,
    evaluator: &mut Evaluator<'a>,
    is_done: IsDone<'_>,
    fill: &dyn Fn(&mut Expansion<'_, 'a>) -> Result<(), PlanError>,
) -> Result<Expanded, PlanError> {
    let mut expansion = Expansion::new(basis, evaluator, is_done);
    fill(&mut expansion)?;
    for (site, attribute) in expansion.written() {
        evaluator.forget(site, &attribute);
    }
    let mut expansion = Expansion::new(basis, evaluator, is_done);
    fill(&mut expansion)?;
    Ok(Expanded { steps: expansion.steps, nodes: expansion.nodes.into_values().collect() })
}

struct Expansion<'b, 'a> {
    basis: &'b Basis<'b>,
    graph: &'a Graph,
    evaluator: &'b mut Evaluator<'a>,
    is_done: IsDone<'b>,
    steps: Vec<Step>,
    nodes: BTreeMap<VertexId, NodeChange>,
    /// How far nodes will have come, of those that steps so far say it of.
    states: BTreeMap<VertexId, String>,
    /// The workflows that are being inlined, outermost first.
    inlining: Vec<&'a Vertex>,
}

/// What a workflow is given, and what becomes of its outputs.
#[derive(Default)]
struct Frame {
    inputs: Bindings,
    /// The attributes that outputs of operations go to.
    outputs: Vec<OutputTarget>,
}

/// Where an activity is.
#[derive(Clone, Copy)]
struct Spot<'s, 'a> {
    step: &'s FlowStep<'a>,
    /// The step's name after those around it.
    part: &'s str,
    frame: &'s Frame,
}

impl<'b, 'a> Expansion<'b, 'a> {
    fn new(basis: &'b Basis<'b>, evaluator: &'b mut Evaluator<'a>, is_done: IsDone<'b>) -> Self {
        Self {
            basis,
            graph: evaluator.graph(),
            evaluator,
            is_done,
            steps: Vec::new(),
            nodes: BTreeMap::new(),
            states: BTreeMap::new(),
            inlining: Vec::new(),
        }
    }

    /// The attributes that the steps write.
    fn written(&self) -> BTreeSet<(Site, String)> {
        let mut written = BTreeSet::new();
        for step in &self.steps {
            written.extend(step.outputs.iter().map(|target| (target.site, target.attribute.clone())));
            if step.implementation.is_none() && step.answer.is_none() {
                continue;
            }
            let site = step.subject.site();
            let handlers = match site {
                Site::Vertex(id) => self.graph.vertex(id).map(|vertex| &vertex.handlers),
                Site::Edge(id) => self.graph.edge(id).map(|edge| &edge.handlers),
            };
            let handler = handlers.and_then(|handlers| handlers.get(&step.event));
            let outputs = handler.into_iter().flat_map(|handler| handler.outputs.values());
            written.extend(outputs.map(|name| (site, name.clone())));
        }
        written
    }

    /// The workflow that was asked for.
    fn whole(&mut self, workflow: &'a Vertex, inputs: &BTreeMap<String, Value>) -> Result<(), PlanError> {
        let frame = self.frame(workflow, inputs, &Frame::default())?;
        self.precondition(workflow, &frame)?;
        let ends = self.workflow(workflow, &frame, "", None)?;
        if let Some(answer) = self.answer(workflow, &frame)? {
            // The first step is always run; where nobody comes to those that could be the last ones, it is enough.
            let first = (!self.steps.is_empty()).then_some(0);
            let after: BTreeSet<u32> = ends.into_iter().chain(first).collect();
            let (answer, after) = (Some(answer), after.into_iter().collect());
            self.add(Step {
                after,
                gathers: true,
                answer,
                ..self.mark(workflow, "end", flow::name_of(workflow))
            })?;
        }
        Ok(())
    }

    /// A step that does nothing and is about a part of a workflow.
    fn mark(&self, vertex: &Vertex, event: &str, part: &str) -> Step {
        let subject = Subject {
            service: vertex.namespace.0.clone(),
            node: vertex.name.clone(),
            vertex: vertex.id,
            relationship: None,
            origin: vertex.origin.clone(),
        };
        let origin = vertex.origin.clone();
        Step { origin, part: Some(part.to_owned()), ..empty(subject, event, Action::Keep) }
    }

    fn add(&mut self, step: Step) -> Result<u32, PlanError> {
        if self.steps.len() >= WORKFLOW_STEPS_MAX {
            return Err(PlanError::TooManySteps { max: WORKFLOW_STEPS_MAX });
        }
        if let Some(state) = &step.state {
            self.states.insert(step.subject.vertex, state.clone());
        }
        let index = u32::try_from(self.steps.len()).expect("there are at most a hundred thousand");
        self.steps.push(step);
        Ok(index)
    }

    /// Notes what happens to a node.
    fn happens(&mut self, place: &Place<'_>, event: &str) {
        let Some(vertex) = self.graph.vertex(place.subject.vertex) else { return };
        let change = self.nodes.entry(vertex.id).or_insert_with(|| NodeChange {
            node: self.graph.path_of(vertex.id),
            class: vertex.classes.first().cloned(),
            action: Action::Run,
            reasons: Vec::new(),
            origin: vertex.origin.clone(),
        });
        let asked = Reason::Asked { event: event.to_owned() };
        if !change.reasons.contains(&asked) {
            change.reasons.push(asked);
        }
    }

    /// The service that a step is in.
    fn service_of(&self, step: &Vertex) -> Option<VertexId> {
        step.container
            .and_then(|workflow| self.graph.vertex(workflow))
            .and_then(|workflow| workflow.container)
    }

    fn workflow_names(&self, service: Option<VertexId>) -> Vec<String> {
        let workflows = service.into_iter().flat_map(|service| flow::workflows(self.graph, service));
        workflows.map(|workflow| flow::name_of(workflow).to_owned()).collect()
    }
}

fn cannot(spot: Spot<'_, '_>, why: String, origin: Option<&Origin>) -> PlanError {
    PlanError::Step { step: spot.part.to_owned(), why, origin: origin.cloned() }
}
