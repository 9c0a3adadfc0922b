//! Workflows, their steps, and activities.
//!
//! A workflow is a vertex with its inputs as properties; its steps are vertexes in it, with edges to their targets and to the
//! steps that follow. What is evaluated somewhere else than where it stands (conditions, inputs of activities) is in handlers that
//! nobody runs: see [`names::CONDITION`] and [`names::ACTIVITY`].

use std::collections::{BTreeSet, HashMap};

use diagnostics::Span;
use floria::{Expression, Handler, Handlers, Metadata, Named, Properties, Rules, Value, VertexTemplateId};
use khutulun_api::names;
use tosca::model::{self, Activity, ActivityKind, Name, NodeTemplate, Workflow, WorkflowStep};

use crate::{
    expressions,
    groups::{Part, Places, word},
    lower::Lowering,
    operations::Holder,
};

impl<'a> Lowering<'a, '_> {
    pub(crate) fn workflow(&mut self, name: &Name, workflow: &'a Workflow, places: &Places<'_>) {
        let mut properties = Properties::new();
        for (name, input) in &workflow.inputs {
            if input.mapping.is_some() {
                let what = format!("sending the input `{name}` of a workflow to an attribute is");
                self.not_run_yet(&what, input.span, "13.2", None);
            }
            properties.insert(name.as_str().to_owned(), self.input(name, input));
        }
        let mut handlers = Handlers::new();
        self.workflow_outputs(&mut handlers, workflow);
        self.conditions(&mut handlers, workflow.precondition.as_ref(), workflow.span);
        self.implementing(&mut handlers, workflow);
        let mut metadata = self.entity_metadata(&workflow.metadata, workflow.span);
        metadata.insert(names::WORKFLOW.to_owned(), name.as_str().into());
        let id = self.part(Part {
            name: format!("workflow:{name}"),
            container: places.service,
            properties,
            handlers,
            metadata,
            span: workflow.span,
        });
        let steps: HashMap<&str, VertexTemplateId> =
            workflow.steps.iter().map(|(name, step)| (name.as_str(), self.step(name, step, id))).collect();
        for (name, step) in &workflow.steps {
            let source = steps[name.as_str()];
            self.members(names::TARGET, source, std::slice::from_ref(&step.target), places, step.span);
            for (edge, followers) in names::FOLLOWERS.into_iter().zip([&step.on_success, &step.on_failure]) {
                for (index, follower) in (0..).zip(followers) {
                    if let Some(target) = steps.get(follower.as_str()) {
                        self.link(edge, index, (source, *target), Rules::new(), step.span);
                    }
                }
            }
        }
    }

    /// Adds the handler that holds the outputs of a workflow, where there are any.
    fn workflow_outputs(&mut self, handlers: &mut Handlers, workflow: &Workflow) {
        let mut handler = self.silent(Named::new(), workflow.span);
        for (name, output) in &workflow.outputs {
            let name = name.as_str().to_owned();
            let value = match (&output.value, &output.mapping) {
                (Some(value), _) => self.expression(value),
                (None, Some(mapping)) if mapping.nested.is_empty() => {
                    handler.outputs.insert(name.clone(), mapping.name.as_str().to_owned());
                    self.attribute_of(mapping, output.span)
                }
                (None, Some(mapping)) => {
                    self.refuse_target(
                        mapping.name_span,
                        "an output that goes to a part of an attribute is not supported yet",
                    );
                    continue;
                }
                (None, None) => continue,
            };
            handler.inputs.insert(name, value);
        }
        if !handler.inputs.is_empty() {
            handlers.insert(names::WORKFLOW_OUTPUTS.to_owned(), handler);
        }
    }

    /// The handler of a workflow that is a file: it is given the workflow's inputs.
    fn implementing(&mut self, handlers: &mut Handlers, workflow: &Workflow) {
        let Some(written) = &workflow.implementation else { return };
        let Some(implementation) = self.implementation(written) else { return };
        let inputs = workflow.inputs.keys().map(|name| (name.as_str().to_owned(), expressions::input(name)));
        let handler = Handler {
            implementation: Some(implementation),
            inputs: inputs.collect(),
            timeout_ms_max: written.timeout_seconds.map(|seconds| seconds.saturating_mul(1000)),
            ..self.silent(Named::new(), written.span)
        };
        handlers.insert(names::WORKFLOW_RUN.to_owned(), handler);
    }

    fn step(&mut self, name: &Name, step: &'a WorkflowStep, workflow: VertexTemplateId) -> VertexTemplateId {
        let relationship = step.target_relationship.as_ref();
        let nodes = self.nodes_among(std::slice::from_ref(&step.target));
        let mut handlers = self.activities(&step.activities, &nodes, relationship);
        self.conditions(&mut handlers, &step.filter, step.span);
        let mut properties = Properties::new();
        if let Some(relationship) = relationship {
            properties.insert(names::TARGET_RELATIONSHIP.to_owned(), word(relationship));
        }
        let mut metadata = self.metadata_with(&step.metadata, step.span, names::APPROVAL);
        metadata.insert(names::STEP.to_owned(), name.as_str().into());
        let (name, span) = (name.as_str().to_owned(), step.span);
        self.part(Part { name, container: workflow, properties, handlers, metadata, span })
    }

    /// Adds the handler that holds conditions, where there are any.
    pub(crate) fn conditions<'c>(
        &mut self,
        handlers: &mut Handlers,
        conditions: impl IntoIterator<Item = &'c model::Expression>,
        span: Span,
    ) {
        let inputs: Named<Expression> = conditions
            .into_iter()
            .enumerate()
            .map(|(index, condition)| (index.to_string(), self.expression(condition)))
            .collect();
        if !inputs.is_empty() {
            handlers.insert(names::CONDITION.to_owned(), self.silent(inputs, span));
        }
    }

    /// The handlers that hold activities.
    pub(crate) fn activities(
        &mut self,
        activities: &'a [Activity],
        nodes: &[&'a NodeTemplate],
        relationship: Option<&Name>,
    ) -> Handlers {
        let mut handlers = Handlers::new();
        for (index, activity) in activities.iter().enumerate() {
            let mut inputs = Named::new();
            for (name, input) in &activity.inputs {
                if let Some(value) = self.operation_input(name, input) {
                    inputs.insert(name.as_str().to_owned(), value);
                }
            }
            let subject = match activity.kind {
                ActivityKind::CallOperation => self.called_event(activity, nodes, relationship),
                ActivityKind::SetState => {
                    self.check_state(activity, relationship.is_some());
                    activity.subject.as_str().to_owned()
                }
                ActivityKind::Inline | ActivityKind::Delegate => activity.subject.as_str().to_owned(),
            };
            let kind = match activity.kind {
                ActivityKind::Delegate => names::ACTIVITY_KINDS[0],
                ActivityKind::SetState => names::ACTIVITY_KINDS[1],
                ActivityKind::CallOperation => names::ACTIVITY_KINDS[2],
                ActivityKind::Inline => names::ACTIVITY_KINDS[3],
            };
            let mut handler = self.silent(inputs, activity.span);
            handler.metadata.insert(names::ACTIVITY_KIND.to_owned(), kind.into());
            handler.metadata.insert(names::ACTIVITY_SUBJECT.to_owned(), Value::Text(subject));
            handlers.insert(format!("{}.{index}", names::ACTIVITY), handler);
        }
        handlers
    }

    /// A handler without code.
    fn silent(&self, inputs: Named<Expression>, span: Span) -> Handler {
        Handler {
            implementation: None,
            inputs,
            outputs: Named::new(),
            timeout_ms_max: None,
            metadata: Metadata::new(),
            origin: self.origin(span),
        }
    }

    /// The event of an operation that is written as `interface.operation`: that of the interface of the targets.
    fn called_event(
        &mut self,
        activity: &Activity,
        nodes: &[&'a NodeTemplate],
        relationship: Option<&Name>,
    ) -> String {
        let written = activity.subject.as_str();
        let mut events = BTreeSet::new();
        for &node in nodes {
            let holders: Vec<Holder<'a>> = match relationship {
                None => vec![Holder::Node(node)],
                Some(name) => node
                    .requirements
                    .iter()
                    .filter(|requirement| requirement.name == **name)
                    .map(|requirement| Holder::Relationship(&requirement.name, &requirement.relationship))
                    .collect(),
            };
            for holder in holders {
                let found = written.match_indices('.').find_map(|(at, _)| {
                    let interface = holder.interfaces().get(&written[..at])?;
                    interface.operations.get(&written[at + 1..])?;
                    Some((&written[..at], interface, &written[at + 1..]))
                });
                if let Some((name, interface, operation)) = found {
                    events.insert(format!("{}.{operation}", self.event_prefix(name, interface)));
                }
            }
        }
        if events.len() > 1 {
            let what = format!("calling `{written}`, which is another operation for each of the targets, is");
            self.not_run_yet(
                &what,
                activity.span,
                "13.2.3.3",
                Some("make a step for each kind of target".to_owned()),
            );
        }
        events.pop_first().unwrap_or_else(|| written.to_owned())
    }

    fn check_state(&mut self, activity: &Activity, of_relationship: bool) {
        let state = activity.subject.as_str();
        if of_relationship {
            self.not_run_yet("setting the state of a relationship is", activity.span, "13.2.3.2", None);
        } else if !names::LIFECYCLE_STATES.contains(&state) {
            let known = diagnostics::one_of(names::LIFECYCLE_STATES);
            let hint = Some(format!("the states of a node are: {known}"));
            self.not_run_yet(&format!("the state `{state}` is"), activity.span, "13.2.3.2", hint);
        }
    }
}
