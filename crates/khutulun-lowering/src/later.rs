//! What is understood, but not run yet: each such thing is told at its place, and nothing is silently ignored.
//!
//! Substitution mappings are no such thing: a service template that has them is whole without them when it is deployed
//! by itself (TOSCA 2.0, 15.1).

use diagnostics::{Diagnostic, Span, one_of};
use tosca::model::{
    Expression, NodeDirective, NodeTemplate, Reach, RequiredCapability, Requirement, RequirementTarget, Value,
};

use crate::lower::Lowering;

impl<'a> Lowering<'a> {
    /// Tells that something is not run yet.
    fn not_run_yet(&mut self, what: &str, span: Span, chapter: &'static str, hint: Option<String>) {
        let message = format!("{what} understood, but not run yet");
        self.tell(Diagnostic::error("not-run-yet", message).at(span).maybe_hint(hint).chapter(chapter));
    }

    /// What a service template has besides nodes.
    pub(crate) fn refuse_service(&mut self) {
        let service = self.service;
        for (name, group) in &service.groups {
            self.not_run_yet(&format!("the group `{name}` is"), group.span, "16.2", None);
        }
        for (name, policy) in &service.policies {
            self.not_run_yet(&format!("the policy `{name}` is"), policy.span, "16.4", None);
        }
        for (name, workflow) in &service.workflows {
            let hint = "what khutulun does on its own, such as creating and deleting, needs no workflow";
            let hint = Some(hint.to_owned());
            self.not_run_yet(&format!("the workflow `{name}` is"), workflow.span, "13.2", hint);
        }
    }

    /// What a node template says of how its nodes come to be, and of who may use and call them.
    pub(crate) fn refuse_node(&mut self, node: &'a NodeTemplate) {
        match node.directives.first() {
            None | Some(NodeDirective::Create) => {}
            Some(NodeDirective::Select) => {
                let what = format!("selecting an existing node for `{}` is", node.name);
                self.not_run_yet(&what, node.span, "7.2.1", None);
            }
            Some(NodeDirective::Substitute) => {
                let what = format!("substituting the node `{}` is", node.name);
                self.not_run_yet(&what, node.span, "7.2.1", None);
            }
        }
        if let Some(count) = node.count.as_ref().filter(|count| !is(count, 1)) {
            let what = format!("the count of the node template `{}` is", node.name);
            self.not_run_yet(&what, count.span, "14.1", None);
        }
        for (name, capability) in &node.capabilities {
            if !capability.directives.is_empty() && !capability.directives.contains(&Reach::Internal) {
                let what = format!("the reach of the capability `{name}` is");
                self.not_run_yet(&what, capability.span, "8.3", None);
            }
        }
        for interface in node.interfaces.values() {
            for (name, notification) in &interface.notifications {
                if notification.implementation.is_some() {
                    let what = format!("the notification `{name}` is");
                    self.not_run_yet(&what, notification.span, "11.6", None);
                }
            }
        }
    }

    /// What a requirement asks for beyond one relationship to the one node of a template.
    pub(crate) fn refuse_requirement(&mut self, requirement: &'a Requirement) {
        let name = &requirement.name;
        match &requirement.target {
            RequirementTarget::Node { index: Some(index), .. } if !is(index, 0) => {
                let what = format!("the index in the requirement `{name}` is");
                self.not_run_yet(&what, index.span, "8.5.2", None);
            }
            RequirementTarget::Node { .. } => {}
            RequirementTarget::Open { .. } => self.refuse_open(requirement),
        }
        let count = requirement.count.as_ref().filter(|count| !is(count, 1));
        if let Some(count) = count.filter(|_| !requirement.is_implicit) {
            let what = format!("the count of the requirement `{name}` is");
            let hint = Some("assign it once for each relationship".to_owned());
            self.not_run_yet(&what, count.span, "8.5.4", hint);
        }
        let own = requirement.node_filter.as_deref();
        let filters = requirement.definition.node_filters.iter().chain(own);
        if let Some(filter) = filters.last() {
            let what = format!("the node filter of the requirement `{name}` is");
            self.not_run_yet(&what, filter.span, "8.6", None);
        }
        if let Some(allocation) = requirement.allocation.values().next() {
            let what = format!("the allocation of the requirement `{name}` is");
            self.not_run_yet(&what, allocation.span, "8.5.5", None);
        }
        if !requirement.directives.is_empty() && !requirement.directives.contains(&Reach::Internal) {
            let what = format!("looking outside the service for the requirement `{name}` is");
            self.not_run_yet(&what, requirement.span, "8.5.2", None);
        }
        for interface in requirement.relationship.interfaces.values() {
            for (name, notification) in &interface.notifications {
                if notification.implementation.is_some() {
                    let what = format!("the notification `{name}` is");
                    self.not_run_yet(&what, notification.span, "11.6", None);
                }
            }
        }
    }

    fn refuse_open(&mut self, requirement: &Requirement) {
        let fitting = self.fitting(&requirement.target);
        let hint = match fitting.first() {
            None => "no node template here fits it".to_owned(),
            Some(first) => format!(
                "name a node template, as in `{}: {first}`; these fit: {}",
                requirement.name,
                one_of(fitting.iter().copied())
            ),
        };
        let what = format!("finding a target for the requirement `{}` is", requirement.name);
        self.not_run_yet(&what, requirement.span, "8.5", Some(hint));
    }

    /// The node templates that could be the target.
    fn fitting(&self, target: &RequirementTarget) -> Vec<&'a str> {
        let RequirementTarget::Open { node: node_type, capability } = target else { return Vec::new() };
        let (service, model) = (self.service, self.model);
        let fits = |node: &&NodeTemplate| {
            node_type.is_none_or(|wanted| model.is_derived(node.type_id, wanted))
                && node.capabilities.iter().any(|(name, found)| match capability {
                    RequiredCapability::OfType(wanted) => model.is_derived(found.type_id, *wanted),
                    RequiredCapability::Named { name: wanted, .. } => wanted == name,
                })
        };
        service.node_templates.values().filter(fits).map(|node| node.name.as_str()).collect()
    }

    /// An artifact from a repository.
    pub(crate) fn refuse_repository(&mut self, artifact: &tosca::model::Artifact) -> bool {
        let Some(repository) = &artifact.repository else { return false };
        let what = format!("taking an artifact from the repository `{repository}` is");
        self.not_run_yet(&what, artifact.span, "12.2", None);
        true
    }
}

/// Whether an expression is this number.
fn is(expression: &Expression, number: i64) -> bool {
    expression.as_value() == Some(&Value::Integer(number))
}
