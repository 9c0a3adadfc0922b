//! Requirement assignments (8.5): where they lead. Their values are in [`assigned`](super::assigned).

use diagnostics::{Diagnostic, Place, Span, did_you_mean, one_of};
use tosca_syntax::words::{self, Word};

use super::Compiler;
use super::scope::Found;
use super::service::Target;
use crate::model::{
    NodeType, Relationship, RelationshipType, RequirementDefinition, TypeBody, TypeId, TypeKind,
};

impl<'a> Compiler<'a> {
    /// Finds out where the requirements of a node template lead. Paths need this before any value is compiled.
    pub(super) fn targets(
        &self,
        position: usize,
        words: &words::NodeTemplate<'a>,
        file: usize,
    ) -> Vec<Target> {
        let type_id = self.template.types[position];
        let node_type = self.node_body(type_id);
        let targets: Vec<Target> =
            words.requirements.iter().map(|own| self.target_of(own, position, file)).collect();
        // Copied requirements are counted where they are written.
        let is_here = |own: &words::RequirementAssignment<'_>| {
            (words.span.start..words.span.end).contains(&own.name.span.start)
        };
        if words.copy.is_some() && !words.requirements.first().is_some_and(is_here) {
            return targets;
        }
        for (name, definition) in node_type.into_iter().flat_map(|body| &body.requirements) {
            let own: Vec<_> =
                words.requirements.iter().filter(|own| own.name.text == name.as_str()).collect();
            self.check_count(name, definition, &own, position, words);
        }
        targets
    }

    pub(super) fn node_body(&self, id: TypeId) -> Option<&NodeType> {
        match &self.type_of(id).body {
            TypeBody::Node(body) => Some(body),
            _ => None,
        }
    }

    pub(super) fn relationship_body(&self, id: TypeId) -> Option<&RelationshipType> {
        match &self.type_of(id).body {
            TypeBody::Relationship(body) => Some(body),
            _ => None,
        }
    }

    fn target_of(&self, own: &words::RequirementAssignment<'a>, position: usize, file: usize) -> Target {
        let type_id = self.template.types[position];
        let mut target = Target {
            requirement: self.name(own.name.text),
            node: None,
            capability: None,
            node_type: None,
            relationship: None,
        };
        let Some(body) = self.node_body(type_id) else { return target };
        let Some(definition) = body.requirements.get(own.name.text) else {
            if !self.is_vague(type_id, "requirements") {
                let names = body.requirements.keys().map(|name| name.as_str());
                self.unknown_name(
                    "requirement",
                    own.name,
                    names,
                    type_id,
                    "not a requirement of its node type",
                );
            }
            // The target may be wrong all the same.
            if let Some(word) = own.node {
                self.target_node(word, own.index.is_some(), file, &mut target);
            }
            return target;
        };
        target.relationship = Some(self.relationship_type_of(own, definition, file));
        let Some(word) = own.node else {
            target.node_type = definition.node;
            self.check_open_capability(own, definition.node, definition, file);
            return target;
        };
        self.target_node(word, own.index.is_some(), file, &mut target);
        if let Some(found) = target.node_type {
            match definition.node.filter(|&wanted| !self.fits(found, wanted)) {
                Some(wanted) => self.wrong_target(own.name, word, found, wanted, definition),
                None => self.check_open_capability(own, Some(found), definition, file),
            }
            return target;
        }
        let Some(node) = target.node else { return target };
        let found = self.template.types[node];
        if let Some(wanted) = definition.node.filter(|&wanted| !self.fits(found, wanted)) {
            self.wrong_target(own.name, word, found, wanted, definition);
            return target;
        }
        target.capability = self.target_capability_of(own, word, node, definition, file);
        // What can never be fulfilled was reported at the definition.
        let wanted = definition.capability.type_id();
        let is_possible =
            self.obstacles(Some(type_id), wanted, definition.node, definition.relationship).is_empty();
        if let (Some(capability), Some(relationship), true) =
            (target.capability, target.relationship, is_possible)
        {
            self.check_valid(own.name, type_id, found, capability, relationship);
        }
        target
    }

    fn relationship_type_of(
        &self,
        own: &words::RequirementAssignment<'a>,
        definition: &RequirementDefinition,
        file: usize,
    ) -> TypeId {
        let Some(word) = own.relationship.as_ref().and_then(|words| words.relationship_type) else {
            return definition.relationship;
        };
        // 8.5.2: a type first; the single-line form may name a template.
        let template = self.template.relationships.get(word.text).map(|(type_id, _)| *type_id);
        let is_type = self.scopes.find(file, TypeKind::Relationship, word.text) != Found::Nothing;
        let found = match template {
            Some(type_id) if !is_type => type_id,
            None if !is_type && self.template.hidden.has("relationship_templates") => {
                return definition.relationship;
            }
            _ => self.find_type(file, TypeKind::Relationship, word),
        };
        if !self.fits(found, definition.relationship) {
            self.not_derived("relationship", word, found, definition.relationship, definition.span);
        }
        found
    }

    /// The relationship template that a requirement assignment names.
    pub(super) fn relationship_template_of(
        &self,
        own: &words::RequirementAssignment<'a>,
        file: usize,
    ) -> Option<(&'a str, &Relationship)> {
        let word = own.relationship.as_ref()?.relationship_type?;
        if self.scopes.find(file, TypeKind::Relationship, word.text) != Found::Nothing {
            return None;
        }
        Some((word.text, self.template.relationship_templates.get(word.text)?))
    }

    /// A node template or, when there is none of that name, a node type (8.5.2). An index is for a template.
    fn target_node(&self, word: Word<'a>, has_index: bool, file: usize, target: &mut Target) {
        if let Some(&node) = self.template.ids.get(word.text) {
            target.node = Some(node);
            return;
        }
        if let (Found::One(found), false) = (self.scopes.find(file, TypeKind::Node, word.text), has_index) {
            target.node_type = Some(found);
            return;
        }
        if self.template.hidden.has("node_templates") {
            return;
        }
        let names = || self.template.names.iter().copied();
        let hint = did_you_mean(word.text, names())
            .unwrap_or_else(|| format!("the node templates are: {}", one_of(names())));
        self.report(
            Diagnostic::error("unknown-node-template", format!("unknown node template `{}`", word.text))
                .at(Place::new(word.span, "not a node template of this service template"))
                .hint(hint)
                .chapter("8.5.2"),
        );
    }

    /// The node templates that could fulfil a requirement, for hints.
    pub(super) fn fitting(&self, definition: &RequirementDefinition) -> Vec<&'a str> {
        let fits = |&(position, _): &(usize, &&'a str)| {
            let type_id = self.template.types[position];
            !self.is_unknown(type_id)
                && definition.node.is_none_or(|wanted| self.fits(type_id, wanted))
                && self.node_body(type_id).is_some_and(|body| {
                    body.capabilities
                        .iter()
                        .any(|(name, capability)| self.answers(name, capability, &definition.capability))
                })
        };
        self.template.names.iter().enumerate().filter(fits).map(|(_, name)| *name).collect()
    }

    fn wrong_target(
        &self,
        name: Word<'_>,
        word: Word<'_>,
        found: TypeId,
        wanted: TypeId,
        definition: &RequirementDefinition,
    ) {
        let (found, wanted) = (&self.type_of(found).name, &self.type_of(wanted).name);
        let message = format!(
            "the requirement `{}` needs a node of type `{wanted}`, but `{}` is of type `{found}`",
            name.text, word.text
        );
        let fitting = self.fitting(definition);
        let hint = (!fitting.is_empty()).then(|| format!("these node templates fit: {}", one_of(fitting)));
        self.report(
            Diagnostic::error("wrong-target", message)
                .at(Place::new(word.span, format!("not a `{wanted}`")))
                .related(Place::new(definition.span, "the requirement"))
                .maybe_hint(hint)
                .chapter("8.5.2"),
        );
    }

    fn check_count(
        &self,
        name: &str,
        definition: &RequirementDefinition,
        own: &[&words::RequirementAssignment<'a>],
        position: usize,
        words: &words::NodeTemplate<'a>,
    ) {
        // 8.5.4: the sum of the counts, and that of the counts of what is not optional, must be in the range. What
        // is computed is known only at run time.
        let literal = |own: &&words::RequirementAssignment<'a>| own.count.map_or(Some(1), words::count_of);
        let counts: Option<Vec<u64>> = own.iter().map(literal).collect();
        let Some(counts) = counts else { return };
        let range = definition.count_range;
        let count = counts.iter().fold(0, |sum: u64, count| sum.saturating_add(*count));
        let firm = own.iter().zip(&counts).filter(|(own, _)| own.optional != Some(true));
        let firm = firm.fold(0, |sum: u64, (_, count)| sum.saturating_add(*count));
        let template = self.template.names[position];
        let times = |count| if count == 1 { "once".to_owned() } else { format!("{count} times") };
        if let Some(max) = range.max.filter(|&max| count > max) {
            let mut sum: u64 = 0;
            let over = counts.iter().position(|count| {
                sum = sum.saturating_add(*count);
                sum > max
            });
            let place: Span =
                over.and_then(|over| own.get(over)).map_or(words.name.span, |own| own.name.span);
            let message = format!("the requirement `{name}` of `{template}` is assigned {}", times(count));
            self.report(
                Diagnostic::error("too-many-requirements", message)
                    .at(Place::new(place, format!("at most {max} allowed")))
                    .related(Place::new(definition.span, format!("its count range is {range}")))
                    .chapter("8.5.4"),
            );
        }
        // What is not assigned at all is found when the service is deployed.
        if firm < range.min && !own.is_empty() && !words.hidden.has("requirements") {
            let message = match count == firm {
                true => format!("the requirement `{name}` of `{template}` is assigned only {}", times(count)),
                false => format!(
                    "the requirement `{name}` of `{template}` is assigned only {} without `optional`",
                    times(firm)
                ),
            };
            self.report(
                Diagnostic::error("missing-requirement", message)
                    .at(Place::new(words.name.span, format!("needs `{name}`")))
                    .related(Place::new(definition.span, format!("its count range is {range}")))
                    .chapter("8.5.4"),
            );
        }
    }
}
