//! Workflows, their steps and activities (chapter 13).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use diagnostics::{Diagnostic, Place, Span, did_you_mean, one_of};
use tosca_syntax::words::{self, ActivityKind, Word};

use super::form::plain_metadata;
use super::topology::OUTSIDE;
use super::{Compiler, Context, SelfIs};
use crate::model::{
    Activity, Call, ExpressionKind, Group, Interface, Map, Member, Name, NodeTemplate, Operation, Parameter,
    Property, TypeId, ValueOrigin, Workflow, WorkflowStep,
};

/// What activities work on, as far as it is known.
#[derive(Default)]
pub(super) struct Surroundings<'m> {
    /// The interfaces of the node or relationship.
    interfaces: Option<&'m Map<Interface>>,
}

impl<'a> Compiler<'a> {
    /// All workflows. Each sees its own inputs besides those of the service template.
    pub(super) fn workflows(
        &mut self,
        words: &'a [words::Workflow<'a>],
        nodes: &Map<NodeTemplate>,
        groups: &Map<Group>,
    ) -> Map<Workflow> {
        // Inputs first: workflows may inline each other.
        for own in words {
            let mut inputs: Map<Parameter> =
                own.inputs.iter().map(|input| self.parameter(input, OUTSIDE, "input")).collect();
            self.map_inputs(&mut inputs, &own.inputs);
            self.template.workflow_inputs.insert(own.name.text, inputs);
        }
        let mut workflows = Map::with_capacity(words.len());
        for own in words {
            let inputs = self.template.workflow_inputs.get(own.name.text).cloned().unwrap_or_default();
            let outer = self.template.inputs.clone();
            self.template.inputs.extend(inputs.iter().map(|(name, input)| (name.clone(), input.clone())));
            let outer_is_vague = self.template.inputs_are_vague;
            self.template.inputs_are_vague |= !own.is_whole;
            let workflow = self.workflow(own, inputs, nodes, groups);
            (self.template.inputs, self.template.inputs_are_vague) = (outer, outer_is_vague);
            workflows.insert(self.name(own.name.text), workflow);
        }
        workflows
    }

    fn workflow(
        &self,
        own: &'a words::Workflow<'a>,
        inputs: Map<Parameter>,
        nodes: &Map<NodeTemplate>,
        groups: &Map<Group>,
    ) -> Workflow {
        let precondition =
            own.precondition.and_then(|node| self.condition(node, OUTSIDE, &"the precondition"));
        let names: HashSet<&str> = own.steps.iter().map(|step| step.name.text).collect();
        let mut steps = Map::with_capacity(own.steps.len());
        for step in &own.steps {
            for word in step.on_success.iter().chain(&step.on_failure) {
                if !names.contains(word.text) {
                    self.unknown_step(*word, own);
                }
            }
            if let Some(built) = self.step(step, nodes, groups) {
                steps.insert(self.name(step.name.text), built);
            }
        }
        self.check_reachable(own);
        let mut outputs: Map<Parameter> =
            own.outputs.iter().map(|output| self.parameter(output, OUTSIDE, "output")).collect();
        self.map_inputs(&mut outputs, &own.outputs);
        if own.implementation.is_some() {
            self.refuse_values(&own.outputs);
        }
        Workflow {
            inputs,
            precondition,
            steps,
            implementation: own
                .implementation
                .as_ref()
                .and_then(|words| self.implementation(words, OUTSIDE, None)),
            outputs,
            description: own.common.description.map(Arc::from),
            metadata: own.common.metadata.map(plain_metadata).unwrap_or_default(),
            span: own.name.span,
        }
    }

    /// What a workflow that is a file puts out comes from outside.
    fn refuse_values(&self, outputs: &'a [words::ParameterDefinition<'a>]) {
        for output in outputs {
            let Some(value) = output.property.value else { continue };
            let message =
                format!("the output `{}` comes from a file: it has no value", output.property.name.text);
            self.report(
                Diagnostic::error("misplaced-value", message)
                    .at(Place::new(value.span(), "not allowed here"))
                    .hint("say which attribute it goes to: `[ node, attribute ]`")
                    .chapter("9.7"),
            );
        }
    }

    fn unknown_step(&self, word: Word<'a>, workflow: &words::Workflow<'a>) {
        let names = || workflow.steps.iter().map(|step| step.name.text);
        let near = if self.can_suggest() { did_you_mean(word.text, names()) } else { None };
        let hint = near.unwrap_or_else(|| format!("the steps are: {}", one_of(names())));
        self.report(
            Diagnostic::error(
                "unknown-step",
                format!("the workflow `{}` has no step `{}`", workflow.name.text, word.text),
            )
            .at(Place::new(word.span, "not a step of this workflow"))
            .hint(hint)
            .chapter("13.2.2"),
        );
    }

    /// Steps that others lead to, but none of those that come first.
    fn check_reachable(&self, workflow: &words::Workflow<'a>) {
        let follows = |step: &words::Step<'a>| {
            step.on_success.iter().chain(&step.on_failure).map(|word| word.text).collect::<Vec<_>>()
        };
        let led_to: HashSet<&str> = workflow.steps.iter().flat_map(follows).collect();
        let by_name: HashMap<&str, &words::Step<'a>> =
            workflow.steps.iter().map(|step| (step.name.text, step)).collect();
        let mut reached: HashSet<&str> = HashSet::new();
        let names = workflow.steps.iter().map(|step| step.name.text);
        let mut open: Vec<&str> = names.filter(|name| !led_to.contains(name)).collect();
        while let Some(name) = open.pop() {
            if reached.insert(name)
                && let Some(step) = by_name.get(name)
            {
                open.extend(follows(step));
            }
        }
        // One of a circle is enough.
        if let Some(step) = workflow.steps.iter().find(|step| !reached.contains(step.name.text)) {
            self.report(
                Diagnostic::warning(
                    "unreachable-step",
                    format!("the step `{}` is never reached", step.name.text),
                )
                .at(Place::new(step.name.span, "only steps that follow it lead to it"))
                .chapter("13.2.2"),
            );
        }
    }

    fn step(
        &self,
        own: &'a words::Step<'a>,
        nodes: &Map<NodeTemplate>,
        groups: &Map<Group>,
    ) -> Option<WorkflowStep> {
        let is_group = |name: &str| groups.contains_key(name);
        let target = own.target.and_then(|word| self.member_of(word, &is_group, "13.2.2"));
        let node = match &target {
            Some(Member::Node(node)) => nodes.get(self.template.names[node.index()]),
            _ => None,
        };
        // Whatever an unknown type may have.
        let known = |type_id: TypeId, interfaces| {
            let is_vague = |interface: &Interface| self.is_vague(interface.type_id, "operations");
            let of_type: &Map<Interface> = interfaces;
            let is_known = !self.is_vague(type_id, "interfaces") && !of_type.values().any(is_vague);
            is_known.then_some(of_type)
        };
        let mut surroundings =
            Surroundings { interfaces: node.and_then(|node| known(node.type_id, &node.interfaces)) };
        let mut self_is = match &target {
            Some(Member::Node(node)) => SelfIs::NodeTemplate(node.index()),
            _ => SelfIs::Unknown,
        };
        if let Some(requirement) = own.target_relationship {
            self.check_target_relationship(requirement, target.as_ref());
            let found =
                node.and_then(|node| node.requirements.iter().find(|other| other.name == *requirement.text));
            surroundings.interfaces =
                found.and_then(|found| known(found.relationship.type_id, &found.relationship.interfaces));
            self_is = found.map_or(SelfIs::Unknown, |found| SelfIs::Relationship(found.relationship.type_id));
        }
        let context = Context { self_is, ..OUTSIDE };
        let filter = own.filter.iter().filter_map(|node| self.condition(*node, context, &"the filter"));
        let filter = filter.collect();
        let activities = self.activities(&own.activities, context, &surroundings);
        let names = |words: &[Word<'a>]| words.iter().map(|word| self.name(word.text)).collect::<Vec<Name>>();
        Some(WorkflowStep {
            target: target?,
            target_relationship: own.target_relationship.map(|word| self.name(word.text)),
            filter,
            activities,
            on_success: names(&own.on_success),
            on_failure: names(&own.on_failure),
            description: own.common.description.map(Arc::from),
            metadata: own.common.metadata.map(plain_metadata).unwrap_or_default(),
            span: own.name.span,
        })
    }

    fn check_target_relationship(&self, word: Word<'a>, target: Option<&Member>) {
        match target {
            Some(Member::Node(node)) => {
                let type_id = self.template.types[node.index()];
                let Some(body) = self.node_body(type_id) else { return };
                if !body.requirements.contains_key(word.text) && !self.is_vague(type_id, "requirements") {
                    let names = body.requirements.keys().map(|name| name.as_str());
                    self.unknown_name("requirement", word, names, type_id, "not a requirement of the target");
                }
            }
            Some(Member::Group(name)) => self.report(
                Diagnostic::error("wrong-target", format!("the group `{name}` has no relationships"))
                    .at(Place::new(word.span, "only for node templates"))
                    .chapter("13.2.2"),
            ),
            None => {}
        }
    }

    /// Activities, in order; those that were reported are left out.
    pub(super) fn activities(
        &self,
        words: &'a [words::Activity<'a>],
        context: Context,
        surroundings: &Surroundings<'_>,
    ) -> Vec<Activity> {
        let built = words.iter().filter_map(|own| {
            let inputs = match own.kind {
                ActivityKind::SetState => Map::new(),
                ActivityKind::CallOperation => {
                    let operation = match surroundings.interfaces {
                        Some(interfaces) => Some(self.called_operation(own.subject, interfaces)?),
                        None => {
                            self.check_operation_name(own.subject)?;
                            None
                        }
                    };
                    self.called_inputs(own, operation.map(|operation| &operation.inputs), context)
                }
                ActivityKind::Inline if context.in_template => self.inlined_inputs(own, context)?,
                ActivityKind::Inline | ActivityKind::Delegate => self.inputs(&own.inputs, &[], context),
            };
            Some(Activity { kind: own.kind, subject: self.name(own.subject.text), inputs, span: own.span })
        });
        built.collect()
    }

    fn check_operation_name(&self, word: Word<'a>) -> Option<()> {
        if word.text.split_once('.').is_some_and(|(before, after)| !before.is_empty() && !after.is_empty()) {
            return Some(());
        }
        self.report(
            Diagnostic::error("unknown-operation", format!("`{}` does not name an operation", word.text))
                .at(word.span)
                .hint("write `interface.operation`")
                .chapter("13.2.3.3"),
        );
        None
    }

    /// The operation that `interface.operation` names.
    fn called_operation<'m>(&self, word: Word<'a>, interfaces: &'m Map<Interface>) -> Option<&'m Operation> {
        self.check_operation_name(word)?;
        let found = word
            .text
            .match_indices('.')
            .find_map(|(at, _)| interfaces.get(&word.text[..at])?.operations.get(&word.text[at + 1..]));
        if found.is_none() {
            let names: Vec<String> = interfaces
                .iter()
                .flat_map(|(interface, body)| {
                    body.operations.keys().map(move |operation| format!("{interface}.{operation}"))
                })
                .collect();
            let known = || names.iter().map(String::as_str);
            let hint = did_you_mean(word.text, known()).unwrap_or_else(|| match names.is_empty() {
                true => "the target has no operations".to_owned(),
                false => format!("the operations of the target are: {}", one_of(known())),
            });
            self.report(
                Diagnostic::error(
                    "unknown-operation",
                    format!("the target has no operation `{}`", word.text),
                )
                .at(Place::new(word.span, "not an operation of the target"))
                .hint(hint)
                .chapter("13.2.3.3"),
            );
        }
        found
    }

    /// The inputs of a call: they must be those of the operation, when it is known, and all that it needs.
    fn called_inputs(
        &self,
        own: &'a words::Activity<'a>,
        known: Option<&Map<Property>>,
        context: Context,
    ) -> Map<Property> {
        let Some(known) = known else { return self.inputs(&own.inputs, &[], context) };
        let mut inputs = Map::with_capacity(own.inputs.len());
        for assignment in &own.inputs {
            let name = assignment.name;
            let Some(input) = known.get(name.text) else {
                let names = known.keys().map(|name| name.as_str());
                self.unknown_input(name, own.subject, names, "13.2.3.3");
                continue;
            };
            let label = format_args!("the input `{}` of `{}`", name.text, own.subject.text);
            if input.origin == ValueOrigin::Fixed {
                self.fixed(&label, name.span, input.span);
                continue;
            }
            let value = self.expression(assignment.value, input.schema.as_deref(), context, &label);
            if let (true, Some(ExpressionKind::Call(call))) =
                (input.required, value.as_ref().map(|v| &v.kind))
            {
                self.check_firm(call, name, assignment.value.span());
            }
            let (origin, span) = (ValueOrigin::Assigned, assignment.value.span());
            inputs.insert(self.name(name.text), Property { value, origin, span, ..input.clone() });
        }
        for (name, input) in known {
            let is_given = own.inputs.iter().any(|given| given.name.text == name.as_str());
            if input.required && input.value.is_none() && !is_given && !own.hides_inputs {
                self.missing_input(name, own.subject, input.span, "13.2.3.3");
            }
        }
        inputs
    }

    /// An input that must have a value cannot come from one that may have none.
    fn check_firm(&self, call: &Call, name: Word<'_>, span: Span) {
        let Call::GetInput { input, nested } = call else { return };
        let Some(source) = self.template.inputs.get(input) else { return };
        if source.required || source.default.is_some() || !nested.is_empty() {
            return;
        }
        let message = format!("the input `{}` is required, but `{input}` may have no value", name.text);
        self.report(
            Diagnostic::error("optional-for-required", message)
                .at(Place::new(span, "may have no value"))
                .related(Place::new(source.span, "not required"))
                .hint(format!("make `{input}` required, or give it a default"))
                .chapter("13.2.3.3"),
        );
    }

    /// The inputs of a workflow that is inlined; `None` when there is no such workflow.
    fn inlined_inputs(&self, own: &'a words::Activity<'a>, context: Context) -> Option<Map<Property>> {
        let word = own.subject;
        let Some(known) = self.template.workflow_inputs.get(word.text) else {
            if self.template.hidden.has("workflows") {
                return None;
            }
            let mut names: Vec<&str> = self.template.workflow_inputs.keys().copied().collect();
            names.sort_unstable();
            let hint = did_you_mean(word.text, names.iter().copied());
            self.report(
                Diagnostic::error("unknown-workflow", format!("unknown workflow `{}`", word.text))
                    .at(Place::new(word.span, "not a workflow of this service template"))
                    .maybe_hint(hint)
                    .chapter("13.2.3.4"),
            );
            return None;
        };
        let mut inputs = Map::with_capacity(own.inputs.len());
        for assignment in &own.inputs {
            let name = assignment.name;
            let Some(input) = known.get(name.text) else {
                let names = known.keys().map(|name| name.as_str());
                self.unknown_input(name, word, names, "13.2.3.4");
                continue;
            };
            let label = format_args!("the input `{}` of `{}`", name.text, word.text);
            let property = Property {
                value: self.expression(assignment.value, input.schema.as_deref(), context, &label),
                origin: ValueOrigin::Assigned,
                schema: input.schema.clone(),
                required: input.required,
                metadata: Arc::default(),
                span: assignment.value.span(),
            };
            inputs.insert(self.name(name.text), property);
        }
        for (name, input) in known {
            // What a workflow is not given, it may find among the inputs of the workflow around it.
            let is_given = own.inputs.iter().any(|given| given.name.text == name.as_str())
                || self.template.inputs.contains_key(name);
            if input.required && input.default.is_none() && !is_given && !own.hides_inputs {
                self.missing_input(name, word, input.span, "13.2.3.4");
            }
        }
        Some(inputs)
    }

    fn unknown_input<'n>(
        &self,
        name: Word<'_>,
        subject: Word<'_>,
        names: impl Iterator<Item = &'n str> + Clone,
        chapter: &'static str,
    ) {
        let hint = did_you_mean(name.text, names.clone()).unwrap_or_else(|| match names.clone().next() {
            Some(_) => format!("the inputs are: {}", one_of(names)),
            None => "it has no inputs".to_owned(),
        });
        self.report(
            Diagnostic::error("unknown-input", format!("`{}` has no input `{}`", subject.text, name.text))
                .at(Place::new(name.span, "no such input"))
                .hint(hint)
                .chapter(chapter),
        );
    }

    fn missing_input(&self, name: &str, subject: Word<'_>, defined: Span, chapter: &'static str) {
        self.report(
            Diagnostic::error(
                "missing-input",
                format!("the input `{name}` of `{}` has no value", subject.text),
            )
            .at(Place::new(subject.span, format!("`{name}` is required")))
            .related(Place::new(defined, "defined here"))
            .chapter(chapter),
        );
    }
}
