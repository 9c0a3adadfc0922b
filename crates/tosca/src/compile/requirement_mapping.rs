//! Which requirements of the substituted node are whose in the template (15.5).

use diagnostics::{Diagnostic, Place};
use tosca_syntax::words::{self, MappingTarget as TargetWords, Word};

use super::Compiler;
use crate::model::{
    MappingCount, MappingTarget, NodeDirective, NodeTemplateId, NodeType, RequirementMapping, TypeId,
};

impl<'a> Compiler<'a> {
    pub(super) fn requirement_mapping(
        &self,
        mapping: &words::RequirementMapping<'a>,
        node_type: TypeId,
        body: &NodeType,
        nodes: &[Box<words::NodeTemplate<'a>>],
    ) -> Option<RequirementMapping> {
        if !body.requirements.contains_key(mapping.name.text) {
            let names = body.requirements.keys().map(|name| name.as_str());
            let known = ("requirement", "requirements");
            self.unknown_mapped::<()>(known, mapping.name, names, node_type).ok()?;
        }
        let mut targets = Vec::with_capacity(mapping.targets.len());
        for target in &mapping.targets {
            match *target {
                TargetWords::Selectable(word) => targets.extend(self.selectable(word, nodes)),
                TargetWords::Pair(first, second) => {
                    let Some(node) = self.mapped_node(first, "15.5") else { continue };
                    let type_id = self.template.types[node];
                    let has = self
                        .node_body(type_id)
                        .is_some_and(|body| body.requirements.contains_key(second.text));
                    // `[a, b]` is a node template and its requirement, or two node templates.
                    if !has && self.template.ids.contains_key(second.text) {
                        if self.is_vague(type_id, "requirements") {
                            continue;
                        }
                        targets.extend(self.selectable(first, nodes));
                        targets.extend(self.selectable(second, nodes));
                        continue;
                    }
                    if !has && !self.is_vague(type_id, "requirements") {
                        let body = self.node_body(type_id);
                        let names = body.into_iter().flat_map(|body| body.requirements.keys());
                        let names = names.map(|name| name.as_str());
                        let label = "not a requirement of its node type";
                        self.unknown_name("requirement", second, names, type_id, label);
                        continue;
                    }
                    self.check_dangling(node, first, second, nodes);
                    let node = NodeTemplateId::from_index(node);
                    targets.push(MappingTarget::Requirement(node, self.name(second.text)));
                }
            }
        }
        Some(RequirementMapping {
            name: self.name(mapping.name.text),
            count: mapping.count,
            targets,
            span: mapping.name.span,
        })
    }

    fn selectable(&self, word: Word<'_>, nodes: &[Box<words::NodeTemplate<'a>>]) -> Option<MappingTarget> {
        let node = self.mapped_node(word, "15.5")?;
        let words = &nodes[node];
        let selects = words.directives.iter().any(|(directive, _)| *directive == NodeDirective::Select);
        if !selects && !words.hidden.has("directives") {
            self.report(
                Diagnostic::error(
                    "not-selectable",
                    format!("the node template `{}` cannot be selected", word.text),
                )
                .at(Place::new(word.span, "mapped without a requirement"))
                .related(Place::new(words.name.span, "has no `directives: [ select ]`"))
                .hint(format!("name a requirement of it: `[ {}, requirement ]`", word.text))
                .chapter("15.5.3"),
            );
            return None;
        }
        Some(MappingTarget::Selectable(NodeTemplateId::from_index(node)))
    }

    /// 15.5.4, rule 1: only requirements that have no target yet can be mapped to.
    fn check_dangling(
        &self,
        node: usize,
        first: Word<'_>,
        second: Word<'_>,
        nodes: &[Box<words::NodeTemplate<'a>>],
    ) {
        let assigned: Vec<_> = nodes[node]
            .requirements
            .iter()
            .zip(&self.template.targets[node])
            .filter(|(own, _)| own.name.text == second.text)
            .collect();
        let fulfilled = assigned.iter().find(|(_, target)| target.node.is_some());
        if let Some((own, _)) = fulfilled.filter(|_| assigned.iter().all(|(_, target)| target.node.is_some()))
        {
            self.report(
                Diagnostic::error(
                    "requirement-fulfilled",
                    format!("the requirement `{}` of `{}` has a target already", second.text, first.text),
                )
                .at(Place::new(second.span, "only dangling requirements can be mapped"))
                .related(Place::new(own.name.span, "assigned here"))
                .chapter("15.5.4"),
            );
        }
    }

    /// Nothing is left after `UNBOUNDED` (15.5).
    pub(super) fn check_mapping_order(&self, own: &words::Substitution<'a>) {
        for (position, mapping) in own.requirements.iter().enumerate() {
            let before = own.requirements[..position].iter().find(|other| {
                other.name.text == mapping.name.text && other.count == Some(MappingCount::Unbounded)
            });
            if let Some(before) = before {
                let message = format!(
                    "the requirement `{}` is mapped again after all its assignments were",
                    mapping.name.text
                );
                self.report(
                    Diagnostic::error("mapping-after-unbounded", message)
                        .at(Place::new(mapping.name.span, "nothing is left to be mapped here"))
                        .related(Place::new(before.name.span, "maps all that is left"))
                        .chapter("15.5"),
                );
            }
        }
    }

    /// 15.5.4, rule 2: no more may be mapped to requirements that must be fulfilled than there are for sure. Rule 3
    /// is a convenience: what is too much is mapped to nothing.
    pub(super) fn check_mapping_counts(
        &self,
        own: &words::Substitution<'a>,
        body: &NodeType,
        nodes: &[Box<words::NodeTemplate<'a>>],
    ) {
        for (name, definition) in &body.requirements {
            let mappings: Vec<_> =
                own.requirements.iter().filter(|mapping| mapping.name.text == name.as_str()).collect();
            let mut sum: u64 = 0;
            for mapping in mappings {
                if !mapping.targets.iter().any(|target| self.is_mandatory(target, nodes)) {
                    continue;
                }
                sum = sum.saturating_add(match mapping.count {
                    Some(MappingCount::Exactly(count)) => count,
                    Some(MappingCount::Unbounded) | None => 1,
                });
                let least = definition.count_range.min;
                if sum > least {
                    let message = format!(
                        "more is mapped to mandatory requirements than the {least} that `{name}` has for sure"
                    );
                    self.report(
                        Diagnostic::error("too-many-mappings", message)
                            .at(Place::new(mapping.name.span, "may have nothing to map"))
                            .related(Place::new(
                                definition.span,
                                format!("its count range is {}", definition.count_range),
                            ))
                            .hint("map to requirements that are optional, or raise the lower bound of the count range")
                            .chapter("15.5.4"),
                    );
                    break;
                }
            }
        }
    }

    /// Whether a requirement that is mapped to must be fulfilled.
    fn is_mandatory(&self, target: &TargetWords<'a>, nodes: &[Box<words::NodeTemplate<'a>>]) -> bool {
        let TargetWords::Pair(first, second) = target else { return false };
        let Some(&node) = self.template.ids.get(first.text) else { return false };
        let Some(body) = self.node_body(self.template.types[node]) else { return false };
        let Some(definition) = body.requirements.get(second.text) else { return false };
        let assigned = nodes[node].requirements.iter();
        let mut assigned = assigned.filter(|own| own.name.text == second.text).peekable();
        if assigned.peek().is_none() {
            return definition.count_range.min > 0;
        }
        assigned.any(|own| {
            own.optional == Some(false) || own.optional.is_none() && definition.count_range.min > 0
        })
    }
}
