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
//! - A failure that no `on_failure` is there for, here or where the workflow is inlined, is one of the run.

mod trigger;

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use floria::{Evaluated, Evaluator, Expression, Graph, Named, Origin, Site, Value, Vertex, VertexId};
use khutulun_api::{Subject, describe_unknown, names};

use crate::{
    Basis,
    bind::{Bindings, bind},
    document::{Action, Goal, NodeChange, Plan, Reason, SCHEMA, Step},
    error::PlanError,
    flow::{self, Activity, FlowStep},
    keeping,
    node::event_of,
    place::{Place, empty},
};

pub use trigger::{plan_trigger, policy_targets};

/// How many steps a plan of a workflow may have: far more than anybody reads, and few enough for memory where workflows inline
/// each other again and again.
pub const WORKFLOW_STEPS_MAX: usize = 100_000;

/// How deep workflows may inline each other. The bound keeps the machine's stack from being the limit.
pub const WORKFLOW_DEPTH_MAX: usize = 64;

/// The workflows that every node has: to bring it up, and to take it away (TOSCA 2.0, 13.1).
const OWN: [(&str, &[&str], Action); 2] =
    [("deploy", &names::LIFECYCLE_UP, Action::Create), ("undeploy", &names::LIFECYCLE_DOWN, Action::Delete)];

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
    let mut expansion = Expansion::new(basis, actual);
    expansion.whole(vertex, inputs)?;
    // What the operations write is not known before they did: once all of them are known, the inputs are looked at again.
    let written = expansion.written();
    let mut expansion = Expansion::new(basis, actual);
    written.iter().for_each(|(site, attribute)| expansion.evaluator.forget(*site, attribute));
    expansion.whole(vertex, inputs)?;
    keeping::check_steps(basis, actual, &expansion.steps)?;
    Ok(Plan {
        schema: SCHEMA.to_owned(),
        namespace: basis.namespace.clone(),
        goal: Goal::Workflow,
        base: basis.base,
        design: None,
        nodes: expansion.nodes.into_values().collect(),
        steps: expansion.steps,
        workflow: Some(flow::name_of(vertex).to_owned()),
        prepare: Vec::new(),
        conclude: Vec::new(),
    })
}

struct Expansion<'b, 'a> {
    basis: &'b Basis<'a>,
    graph: &'a Graph,
    evaluator: Evaluator<'a>,
    steps: Vec<Step>,
    nodes: BTreeMap<VertexId, NodeChange>,
    /// How far nodes will have come, of those that steps so far say it of.
    states: BTreeMap<VertexId, String>,
    /// The workflows that are being inlined, outermost first.
    inlining: Vec<&'a Vertex>,
}

/// Where an activity is.
#[derive(Clone, Copy)]
struct Spot<'s, 'a> {
    step: &'s FlowStep<'a>,
    /// The step's name after those around it.
    part: &'s str,
    bindings: &'s Bindings,
}

impl<'b, 'a> Expansion<'b, 'a> {
    fn new(basis: &'b Basis<'a>, graph: &'a Graph) -> Self {
        Self {
            basis,
            graph,
            evaluator: Evaluator::new(graph, basis.functions),
            steps: Vec::new(),
            nodes: BTreeMap::new(),
            states: BTreeMap::new(),
            inlining: Vec::new(),
        }
    }

    /// The attributes that the operations write.
    fn written(&self) -> BTreeSet<(Site, String)> {
        let written = self.steps.iter().filter(|step| step.implementation.is_some()).flat_map(|step| {
            let site = step.subject.site();
            let handlers = match site {
                Site::Vertex(id) => self.graph.vertex(id).map(|vertex| &vertex.handlers),
                Site::Edge(id) => self.graph.edge(id).map(|edge| &edge.handlers),
            };
            let outputs =
                handlers.and_then(|handlers| handlers.get(&step.event)).map(|handler| &handler.outputs);
            outputs
                .into_iter()
                .flat_map(move |outputs| outputs.values().map(move |name| (site, name.clone())))
        });
        written.collect()
    }

    /// The workflow that was asked for.
    fn whole(&mut self, workflow: &'a Vertex, inputs: &BTreeMap<String, Value>) -> Result<(), PlanError> {
        let bindings = self.bindings(workflow, inputs, &Bindings::new())?;
        self.precondition(workflow, &bindings)?;
        self.workflow(workflow, &bindings, "", None).map(drop)
    }

    /// Refuses a workflow whose precondition does not hold now.
    fn precondition(&mut self, workflow: &Vertex, bindings: &Bindings) -> Result<(), PlanError> {
        let (conditions, origin) = flow::conditions(workflow);
        for condition in conditions {
            let refused = |why: String| PlanError::NotTriggered {
                workflow: flow::name_of(workflow).to_owned(),
                why,
                origin: origin.cloned(),
            };
            let condition = bind(condition, bindings).map_err(refused)?;
            match self.evaluator.evaluate(&condition, Site::Vertex(workflow.id)) {
                Ok(Evaluated::Known(Value::Boolean(true))) => {}
                Ok(Evaluated::Known(Value::Boolean(false))) => {
                    return Err(refused("its precondition does not hold".to_owned()));
                }
                Ok(Evaluated::Known(other)) => {
                    return Err(refused(format!("its precondition is {other}, and neither true nor false")));
                }
                Ok(Evaluated::Unknown(missing)) => {
                    let missing = self.describe(&missing);
                    return Err(refused(format!(
                        "its precondition cannot be decided before {missing} has a value"
                    )));
                }
                Err(error) => return Err(refused(format!("its precondition cannot be decided: {error}"))),
            }
        }
        Ok(())
    }

    fn describe(&self, missing: &[(Site, String)]) -> String {
        let names: Vec<String> =
            missing.iter().map(|(site, name)| describe_unknown(self.graph, *site, name)).collect();
        names.join(", ")
    }

    /// The values of a workflow's inputs: those that are given, else those of the same name around it, else the defaults.
    fn bindings(
        &mut self,
        workflow: &'a Vertex,
        given: &BTreeMap<String, Value>,
        around: &Bindings,
    ) -> Result<Bindings, PlanError> {
        let wrong = |input: &str, why: String| PlanError::WorkflowInput {
            workflow: flow::name_of(workflow).to_owned(),
            input: input.to_owned(),
            why,
        };
        if let Some(unknown) = given.keys().find(|name| !workflow.properties.contains_key(*name)) {
            let known: Vec<&str> = workflow.properties.keys().map(String::as_str).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(wrong(unknown, format!("there is no such input; there are: {known}")));
        }
        let site = Site::Vertex(workflow.id);
        let service = workflow.container.and_then(|id| self.graph.vertex(id));
        let mut bindings = Bindings::new();
        for (name, property) in &workflow.properties {
            let value = if let Some(value) = given.get(name).or_else(|| around.get(name)) {
                let prepared = self.evaluator.prepare(property, value.clone(), site);
                prepared.map_err(|error| wrong(name, error.to_string()))?
            } else if property.value.is_some() || property.updater.is_some() {
                match self.evaluator.property(site, name) {
                    Ok(Evaluated::Known(value)) => value,
                    Ok(Evaluated::Unknown(missing)) => {
                        return Err(wrong(name, format!("its default needs {}", self.describe(&missing))));
                    }
                    Err(error) => return Err(wrong(name, error.to_string())),
                }
            } else if service.is_some_and(|service| service.properties.contains_key(name)) {
                continue;
            } else if property.metadata.get(names::REQUIRED) == Some(&Value::Boolean(true)) {
                return Err(wrong(name, "it must have a value".to_owned()));
            } else {
                Value::Null
            };
            bindings.insert(name.clone(), value);
        }
        Ok(bindings)
    }

    /// Adds the steps of a workflow, after one that there is already, and returns those that say whether it succeeded.
    fn workflow(
        &mut self,
        workflow: &'a Vertex,
        bindings: &Bindings,
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
            last.push(self.file(workflow, bindings, around, before)?);
        }
        let steps = flow::steps(self.graph, workflow)?;
        let mut ends: Vec<u32> = Vec::with_capacity(steps.len());
        for step in &steps {
            let part = format!("{around}{}", step.name);
            let spot = Spot { step, part: &part, bindings };
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
        bindings: &Bindings,
        around: &str,
        before: Option<u32>,
    ) -> Result<u32, PlanError> {
        let mut place =
            Place::at(self.graph, Site::Vertex(workflow.id)).expect("the workflow is in the graph");
        // What it is called on machines has no colon.
        place.subject.node = format!("workflow-{}", flow::name_of(workflow));
        let given = bindings.iter().map(|(name, value)| (name.clone(), Expression::Literal(value.clone())));
        let step = place.step(self.basis, &mut self.evaluator, names::WORKFLOW_RUN, &given.collect())?;
        let part = format!("{around}{}", flow::name_of(workflow));
        self.add(Step { after: before.into_iter().collect(), part: Some(part), ..step })
    }

    /// The activities of a step at one of its targets: those at these places.
    fn target(
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
            let conditions = filter.into_iter().map(|condition| bind(condition, spot.bindings));
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

    /// Adds the steps of an activity, and returns the last one.
    fn activity(
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
            let input = bind(input, spot.bindings).map_err(|why| cannot(spot, why, origin))?;
            given.insert(name.clone(), input);
        }
        let [delegate, set_state, call_operation, inline] = names::ACTIVITY_KINDS;
        let service = self.service_of(spot.step.vertex);
        let last = match activity.kind {
            kind if kind == call_operation => {
                let mapped = flow::mapped(self.graph, place.subject.vertex, activity.subject);
                match mapped.filter(|_| place.subject.relationship.is_none()) {
                    Some(workflow) => self.inline(spot, workflow, &given, place, previous)?,
                    None => self.operation(spot, place, activity.subject, Action::Run, &given, previous)?,
                }
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
                    Some(workflow) => self.inline(spot, workflow, &given, place, previous)?,
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
        let state =
            place.state.map(|state| self.states.get(&vertex).cloned().unwrap_or_else(|| state.to_owned()));
        let mut now: Place<'_> = place.clone();
        now.state = state.as_deref();
        let step = now.step(self.basis, &mut self.evaluator, event, given)?;
        if step.implementation.is_some() {
            self.happens(place, event);
        }
        self.add(Step { after: vec![previous], action, part: Some(spot.part.to_owned()), ..step })
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

    /// Puts another workflow in the place of an activity.
    fn inline(
        &mut self,
        spot: Spot<'_, 'a>,
        workflow: &'a Vertex,
        given: &Named<Expression>,
        place: &Place<'a>,
        previous: u32,
    ) -> Result<u32, PlanError> {
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
        let bindings = self.bindings(workflow, &inputs, spot.bindings)?;
        let mut after = vec![previous];
        let (conditions, origin) = flow::conditions(workflow);
        if !conditions.is_empty() {
            let conditions = conditions.into_iter().map(|condition| bind(condition, &bindings));
            let conditions = conditions.collect::<Result<_, _>>().map_err(|why| cannot(spot, why, origin))?;
            let guard = self.mark(workflow, "precondition", spot.part);
            after.push(self.add(Step { after: vec![previous], conditions, ..guard })?);
        }
        let before = after.last().copied();
        after.extend(self.workflow(workflow, &bindings, &format!("{}/", spot.part), before)?);
        self.add(Step { after, gathers: true, ..self.mark(workflow, "end", spot.part) })
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
