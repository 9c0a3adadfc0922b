//! Triggers of policies: the event that each is for, and what is done then.

use std::collections::BTreeSet;

use diagnostics::{Diagnostic, Span, did_you_mean};
use floria::{Properties, VertexTemplateId};
use khutulun_api::names;
use tosca::model::{Activity, ActivityKind, Interface, Map, Name, NodeTemplate, Policy, Trigger};

use crate::{
    groups::{Part, word},
    lower::Lowering,
};

impl<'a> Lowering<'a, '_> {
    pub(crate) fn trigger(
        &mut self,
        name: &Name,
        trigger: &'a Trigger,
        policy_id: VertexTemplateId,
        policy: &Policy,
    ) {
        // A policy without targets is for its service, with all that is in it.
        let nodes: Vec<&'a NodeTemplate> = match policy.targets.is_empty() {
            true => self.service.node_templates.values().collect(),
            false => self.nodes_among(&policy.targets),
        };
        let mut handlers = self.activities(&trigger.action, &nodes, None);
        self.conditions(&mut handlers, trigger.condition.as_ref(), trigger.span);
        for activity in &trigger.action {
            self.check_called(activity, &nodes, policy.span);
        }
        let event = self.raised_event(&trigger.event, &nodes, trigger.span);
        let mut metadata = self.entity_metadata(&trigger.metadata, trigger.span);
        metadata.insert(names::TRIGGER.to_owned(), name.as_str().into());
        self.part(Part {
            name: name.as_str().to_owned(),
            container: policy_id,
            properties: Properties::from([(names::EVENT.to_owned(), word(&event))]),
            handlers,
            metadata,
            span: trigger.span,
        });
    }

    /// The event as it is raised. A notification is written as `interface.notification` (TOSCA 2.0, 11.6), and raised under the
    /// prefix of its interface's type.
    fn raised_event(&mut self, written: &str, nodes: &[&'a NodeTemplate], span: Span) -> String {
        let Some((interface_name, notification)) = written.rsplit_once('.') else {
            return written.to_owned();
        };
        let holders = nodes.iter().flat_map(|node| {
            let edges = node.requirements.iter().map(|requirement| &requirement.relationship.interfaces);
            [&node.interfaces].into_iter().chain(edges)
        });
        let found: Vec<&Interface> = holders
            .filter_map(|interfaces| interfaces.get(interface_name))
            .filter(|interface| interface.notifications.contains_key(notification))
            .collect();
        let mut events: BTreeSet<String> = BTreeSet::new();
        for interface in found {
            events.insert(format!("{}.{notification}", self.event_prefix(interface_name, interface)));
        }
        if events.len() > 1 {
            let what = format!("the event `{written}`, which is another one for each of the targets, is");
            let hint = Some("make a policy for each kind of target".to_owned());
            self.not_run_yet(&what, span, "16.5", hint);
        }
        events.pop_first().unwrap_or_else(|| written.to_owned())
    }

    /// An operation that none of the targets has would never be called.
    fn check_called(&mut self, activity: &Activity, nodes: &[&'a NodeTemplate], holder: Span) {
        if activity.kind != ActivityKind::CallOperation {
            return;
        }
        let written = activity.subject.as_str();
        if let Some(own) = written.strip_prefix(names::ORCHESTRATION).and_then(|rest| rest.strip_prefix('.'))
            && !nodes.iter().any(|node| node.interfaces.contains_key(names::ORCHESTRATION))
        {
            self.check_orchestration(own, activity);
            return;
        }
        let operations = |interfaces: &'a Map<Interface>| {
            interfaces.iter().flat_map(|(name, interface)| {
                interface.operations.keys().map(move |operation| format!("{name}.{operation}"))
            })
        };
        let known: BTreeSet<String> = nodes.iter().flat_map(|node| operations(&node.interfaces)).collect();
        if known.contains(written) {
            return;
        }
        self.tell(
            Diagnostic::error("unknown-operation", format!("no target has an operation `{written}`"))
                .at(activity.span)
                .maybe_hint(did_you_mean(written, known.iter().map(String::as_str)))
                .related(diagnostics::Place::new(holder, "the policy"))
                .chapter("16.5"),
        );
    }

    /// What khutulun itself does, for any node.
    fn check_orchestration(&mut self, operation: &str, activity: &Activity) {
        let [heal, scale] = names::ORCHESTRATION_OPERATIONS;
        let inputs: &[&str] = match operation {
            operation if operation == scale => &["to", "by"],
            operation if operation == heal => &[],
            _ => {
                let message = format!("`{}` has no operation `{operation}`", names::ORCHESTRATION);
                let known = diagnostics::one_of(names::ORCHESTRATION_OPERATIONS);
                self.tell(
                    Diagnostic::error("unknown-operation", message)
                        .at(activity.span)
                        .hint(format!("the operations are: {known}"))
                        .chapter("16.5"),
                );
                return;
            }
        };
        let is_wrong = activity.inputs.keys().any(|name| !inputs.contains(&name.as_str()))
            || operation == scale && activity.inputs.len() != 1;
        if is_wrong {
            let needed = match operation == scale {
                true => "it has one of the inputs `to` (how many) and `by` (how many more, or fewer)",
                false => "it has no inputs",
            };
            let message = format!("`{}.{operation}` is not called with these inputs", names::ORCHESTRATION);
            self.tell(
                Diagnostic::error("unknown-input", message).at(activity.span).hint(needed).chapter("16.5"),
            );
        }
    }
}
