//! Policies and triggers (16.3 to 16.5).

use std::collections::HashSet;
use std::sync::Arc;

use diagnostics::{Diagnostic, Place, did_you_mean, one_of};
use tosca_syntax::words::{self, Word};

use super::form::plain_metadata;
use super::scope::Found;
use super::topology::OUTSIDE;
use super::workflows::Surroundings;
use super::{Compiler, Context, SelfIs};
use crate::model::{Group, Map, Member, NodeTemplate, Policy, Trigger, TypeBody, TypeId, TypeKind};

impl<'a> Compiler<'a> {
    /// The node and group types that a policy type is for (16.3): a derived one may only narrow the list.
    pub(super) fn policy_target_types(
        &self,
        words: Option<&[Word<'a>]>,
        inherited: Option<Vec<TypeId>>,
        file: usize,
    ) -> Option<Vec<TypeId>> {
        let Some(words) = words else { return inherited };
        let mut types = Vec::with_capacity(words.len());
        for &word in words {
            let is_group = matches!(self.scopes.find(file, TypeKind::Group, word.text), Found::One(_))
                && self.scopes.find(file, TypeKind::Node, word.text) == Found::Nothing;
            let kind = if is_group { TypeKind::Group } else { TypeKind::Node };
            let found = self.find_type(file, kind, word);
            if let Some(inherited) = &inherited
                && !inherited.iter().any(|&wider| self.fits(found, wider))
            {
                let message = format!("the {kind} type `{}` was not a valid target before", word.text);
                let allowed = one_of(inherited.iter().map(|&id| self.type_of(id).name.as_str()));
                self.report(
                    Diagnostic::error("widened-refinement", message)
                        .at(Place::new(word.span, "the list may only be narrowed"))
                        .hint(format!("valid are these and types derived from them: {allowed}"))
                        .chapter("16.3"),
                );
            }
            types.push(found);
        }
        Some(types)
    }

    /// Triggers; inherited ones cannot be changed (16.3).
    pub(super) fn triggers(
        &self,
        words: &'a [words::Trigger<'a>],
        inherited: Map<Arc<Trigger>>,
        context: Context,
        holder: &str,
    ) -> Map<Arc<Trigger>> {
        let mut triggers = inherited;
        for own in words {
            if let Some(before) = triggers.get(own.name.text) {
                let message = format!("the trigger `{}` is there already", own.name.text);
                self.report(
                    Diagnostic::error("duplicate-trigger", message)
                        .at(Place::new(
                            own.name.span,
                            format!("a {holder} may add triggers, not change them"),
                        ))
                        .related(Place::new(before.span, "defined here"))
                        .chapter("16.3"),
                );
                continue;
            }
            let condition =
                own.condition.and_then(|node| self.condition(node, context, &"the condition of the trigger"));
            let action = self.activities(&own.action, context, &Surroundings::default());
            let Some(event) = own.event else { continue };
            let trigger = Trigger {
                event: self.name(event.text),
                condition,
                action,
                description: own.common.description.map(Arc::from),
                metadata: own.common.metadata.map(plain_metadata).unwrap_or_default(),
                span: own.name.span,
            };
            triggers.insert(self.name(own.name.text), Arc::new(trigger));
        }
        triggers
    }

    /// Policies, what they are for, and their triggers.
    pub(super) fn policies(
        &self,
        words: &'a [words::Policy<'a>],
        nodes: &Map<NodeTemplate>,
        groups: &Map<Group>,
    ) -> Map<Policy> {
        let mut policies = Map::with_capacity(words.len());
        for own in words {
            let type_id = match own.policy_type {
                Some(word) => self.find_type(0, TypeKind::Policy, word),
                None => self.unknown.of(TypeKind::Policy),
            };
            let TypeBody::Policy(body) = &self.type_of(type_id).body else { continue };
            let mut targets = Vec::with_capacity(own.targets.len());
            let mut seen = HashSet::with_capacity(own.targets.len());
            for &word in &own.targets {
                let is_group = |name: &str| groups.contains_key(name);
                let Some(target) = self.member_of(word, &is_group, "16.4") else { continue };
                if !seen.insert(target.clone()) {
                    self.repeated(word);
                }
                self.check_policy_target(word, &target, body.targets.as_deref(), type_id, groups);
                targets.push(target);
            }
            let holder = format!("the policy `{}`", own.name.text);
            let properties = self.assign(
                &body.properties,
                &own.properties,
                type_id,
                "properties",
                own.hidden.has("properties"),
                OUTSIDE,
                &holder,
                own.name.span,
            );
            // In a trigger `SELF` is what the policy is for.
            let context = Context {
                self_is: match targets[..] {
                    [Member::Node(node)] => SelfIs::NodeTemplate(node.index()),
                    _ => SelfIs::Unknown,
                },
                ..OUTSIDE
            };
            for trigger in &own.triggers {
                // A target that was not found may be the one that has it.
                if targets.len() == own.targets.len() {
                    self.check_event(trigger, &targets, nodes);
                }
            }
            let policy = Policy {
                type_id,
                properties,
                targets,
                triggers: self.triggers(&own.triggers, body.triggers.clone(), context, "policy"),
                description: own.common.description.map(Arc::from),
                metadata: own.common.metadata.map(plain_metadata).unwrap_or_default(),
                span: own.name.span,
            };
            policies.insert(self.name(own.name.text), policy);
        }
        policies
    }

    fn check_policy_target(
        &self,
        word: Word<'_>,
        target: &Member,
        valid: Option<&[TypeId]>,
        type_id: TypeId,
        groups: &Map<Group>,
    ) {
        match target {
            Member::Node(node) => {
                self.check_member(word, self.template.types[node.index()], valid, type_id, "targets");
            }
            Member::Group(name) => {
                let Some(group) = groups.get(name) else { return };
                let members_fit = || {
                    group.members.iter().all(|member| match member {
                        Member::Node(node) => self.is_valid(self.template.types[node.index()], valid),
                        Member::Group(_) => true,
                    })
                };
                // A policy for nodes is, at a group, for the group's members.
                if !self.is_valid(group.type_id, valid) && !members_fit() {
                    self.check_member(word, group.type_id, valid, type_id, "targets");
                }
            }
        }
    }

    /// An event that looks like a notification of the one target but is none of its notifications.
    fn check_event(&self, trigger: &words::Trigger<'a>, targets: &[Member], nodes: &Map<NodeTemplate>) {
        let ([Member::Node(node)], Some(event)) = (targets, trigger.event) else { return };
        let Some((interface, notification)) = event.text.rsplit_once('.') else { return };
        let node = nodes.get(self.template.names[node.index()]);
        let Some(found) = node.and_then(|node| node.interfaces.get(interface)) else { return };
        if found.notifications.contains_key(notification) {
            return;
        }
        let names = found.notifications.keys().map(|name| name.as_str());
        self.report(
            Diagnostic::warning(
                "unknown-event",
                format!("the interface `{interface}` has no notification `{notification}`"),
            )
            .at(Place::new(event.span, "nothing will ever trigger this"))
            .maybe_hint(did_you_mean(notification, names))
            .chapter("16.5"),
        );
    }
}
