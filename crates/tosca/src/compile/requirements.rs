//! Requirement assignments (8.5): from node template to node template.

use std::sync::Arc;

use diagnostics::{Diagnostic, Place, Span, did_you_mean, one_of};
use tosca_syntax::words::{self, Word};

use super::scope::Found;
use super::template::{Target, extended};
use super::values::plain_metadata;
use super::{Compiler, Context, SelfIs};
use crate::model::{
    CapabilityDefinition, NodeTemplateId, NodeType, Relationship, RelationshipType, RequiredCapability,
    Requirement, RequirementDefinition, TypeBody, TypeId, TypeKind,
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
        for (name, definition) in node_type.into_iter().flat_map(|body| &body.requirements) {
            let own: Vec<_> =
                words.requirements.iter().filter(|own| own.name.text == name.as_str()).collect();
            self.check_count(name, definition, &own, position, words);
        }
        targets
    }

    fn node_body(&self, id: TypeId) -> Option<&NodeType> {
        match &self.type_of(id).body {
            TypeBody::Node(body) => Some(body),
            _ => None,
        }
    }

    fn relationship_body(&self, id: TypeId) -> Option<&RelationshipType> {
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
            target.node = own.node.and_then(|word| self.target_node(word, file));
            return target;
        };
        target.relationship = Some(self.relationship_type_of(own, definition, file));
        target.node = match own.node {
            Some(word) => self.target_node(word, file),
            None => {
                if !own.hidden.has("node") {
                    self.dangling(own, definition);
                }
                None
            }
        };
        let (Some(node), Some(word)) = (target.node, own.node) else { return target };
        let found = self.template.types[node];
        if let Some(wanted) = definition.node.filter(|&wanted| !self.fits(found, wanted)) {
            self.wrong_target(own.name, word, found, wanted, definition);
            return target;
        }
        target.capability = self.target_capability_of(own, word, node, definition, file);
        if let (Some(capability), Some(relationship)) = (target.capability, target.relationship) {
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
        let found = self.find_type(file, TypeKind::Relationship, word);
        if !self.fits(found, definition.relationship) {
            self.not_derived("relationship", word, found, definition.relationship, definition.span);
        }
        found
    }

    fn target_node(&self, word: Word<'a>, file: usize) -> Option<usize> {
        if let Some(&node) = self.template.ids.get(word.text) {
            return Some(node);
        }
        if let Found::One(_) = self.scopes.find(file, TypeKind::Node, word.text) {
            let message = "a node type as the target of a requirement is not supported yet by khutulun";
            self.report(
                Diagnostic::error("unsupported-value", message)
                    .at(Place::new(word.span, "a node type, not a node template"))
                    .hint("name a node template of that type")
                    .chapter("8.5.2"),
            );
            return None;
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
        None
    }

    /// The node templates that could fulfil a requirement, for hints.
    fn fitting(&self, definition: &RequirementDefinition) -> Vec<&'a str> {
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

    fn dangling(&self, own: &words::RequirementAssignment<'a>, definition: &RequirementDefinition) {
        let fitting = self.fitting(definition);
        let hint = match fitting.is_empty() {
            true => "no node template here fits it".to_owned(),
            false => format!("name a node template; these fit: {}", one_of(fitting)),
        };
        let message = format!(
            "the requirement `{}` names no node; finding one is not supported yet by khutulun",
            own.name.text
        );
        self.report(
            Diagnostic::error("unsupported-value", message)
                .at(Place::new(own.name.span, "has no `node`"))
                .hint(hint)
                .chapter("8.5"),
        );
    }

    fn answers(&self, name: &str, capability: &CapabilityDefinition, wanted: &RequiredCapability) -> bool {
        match wanted {
            RequiredCapability::OfType(type_id) => self.fits(capability.type_id, *type_id),
            RequiredCapability::Named { name: wanted, .. } => wanted == name,
        }
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

    /// The one capability of the target that a requirement assignment means, by its position.
    fn target_capability_of(
        &self,
        own: &words::RequirementAssignment<'a>,
        target: Word<'a>,
        node: usize,
        definition: &RequirementDefinition,
        file: usize,
    ) -> Option<usize> {
        let type_id = self.template.types[node];
        let body = self.node_body(type_id)?;
        if self.is_unknown(type_id) {
            return None;
        }
        let named = own.capability.and_then(|word| body.capabilities.get_index_of(word.text));
        let of_type = match (own.capability, named) {
            (Some(word), None) => match self.scopes.find(file, TypeKind::Capability, word.text) {
                Found::One(id) => Some(id),
                Found::Unknowable => return None,
                _ if self.is_vague(type_id, "capabilities") => return None,
                _ => {
                    let names = body.capabilities.keys().map(|name| name.as_str());
                    self.unknown_name(
                        "capability",
                        word,
                        names,
                        type_id,
                        "not a capability of the target's type",
                    );
                    return None;
                }
            },
            _ => None,
        };
        let candidates: Vec<usize> = body
            .capabilities
            .iter()
            .enumerate()
            .filter(|(position, (name, capability))| {
                self.answers(name, capability, &definition.capability)
                    && named.is_none_or(|named| named == *position)
                    && of_type.is_none_or(|wanted| self.fits(capability.type_id, wanted))
            })
            .map(|(position, _)| position)
            .collect();
        let wanted = match &definition.capability {
            RequiredCapability::OfType(id) => format!("of type `{}`", self.type_of(*id).name),
            RequiredCapability::Named { name, .. } => format!("`{name}`"),
        };
        match candidates[..] {
            [capability] => Some(capability),
            [] if self.is_vague(type_id, "capabilities") => None,
            [] => {
                let place = own.capability.unwrap_or(target);
                let offered: Vec<String> = body
                    .capabilities
                    .iter()
                    .map(|(name, capability)| format!("`{name}` ({})", self.type_of(capability.type_id).name))
                    .collect();
                let hint = match offered.is_empty() {
                    true => format!("`{}` has no capabilities", target.text),
                    false => format!("`{}` has: {}", target.text, offered.join(", ")),
                };
                let message = format!(
                    "the requirement `{}` needs a capability {wanted}, which `{}` does not have",
                    own.name.text, target.text
                );
                let fitting = self.fitting(definition);
                let others =
                    (!fitting.is_empty()).then(|| format!("these node templates fit: {}", one_of(fitting)));
                self.report(
                    Diagnostic::error("no-fitting-capability", message)
                        .at(Place::new(place.span, "no capability fits"))
                        .related(Place::new(definition.span, "the requirement"))
                        .hint(hint)
                        .maybe_hint(others)
                        .chapter("8.5.2"),
                );
                None
            }
            _ => {
                let names = candidates.iter().filter_map(|&position| body.capabilities.get_index(position));
                let names = one_of(names.map(|(name, _)| name.as_str()));
                let message = format!(
                    "several capabilities of `{}` fit the requirement `{}`",
                    target.text, own.name.text
                );
                self.report(
                    Diagnostic::error("ambiguous-capability", message)
                        .at(Place::new(target.span, "which of its capabilities?"))
                        .hint(format!("name one with `capability`: {names}"))
                        .chapter("8.5.2"),
                );
                None
            }
        }
    }

    /// Checks the lists of what is valid (7.3, 8.1, 8.2).
    fn check_valid(
        &self,
        name: Word<'_>,
        source: TypeId,
        target: TypeId,
        capability: usize,
        relationship: TypeId,
    ) {
        let Some((_, capability)) =
            self.node_body(target).and_then(|body| body.capabilities.get_index(capability))
        else {
            return;
        };
        let Some(body) = self.relationship_body(relationship) else { return };
        let checks: [(TypeId, Option<&[TypeId]>, TypeId, &str); 5] = [
            (capability.type_id, body.valid_capability_types.as_deref(), relationship, "target a"),
            (target, body.valid_target_node_types.as_deref(), relationship, "target a"),
            (source, body.valid_source_node_types.as_deref(), relationship, "start at a"),
            (source, capability.valid_source_node_types.as_deref(), capability.type_id, "be used by a"),
            (
                relationship,
                capability.valid_relationship_types.as_deref(),
                capability.type_id,
                "be used through a",
            ),
        ];
        for (id, valid, by, verb) in checks {
            if self.is_valid(id, valid) {
                continue;
            }
            let (own, by_type) = (self.type_of(id), self.type_of(by));
            let message = format!(
                "a {} of type `{}` cannot {verb} {} of type `{}`",
                by_type.kind(),
                by_type.name,
                own.kind(),
                own.name
            );
            let allowed = one_of(valid.unwrap_or_default().iter().map(|&id| self.type_of(id).name.as_str()));
            self.report(
                Diagnostic::error("incompatible-relationship", message)
                    .at(Place::new(name.span, "this requirement"))
                    .related(Place::new(self.place_of(by, name.span), "says what is valid"))
                    .hint(format!("valid are these and types derived from them: {allowed}"))
                    .chapter("7.3"),
            );
        }
    }

    fn check_count(
        &self,
        name: &str,
        definition: &RequirementDefinition,
        own: &[&words::RequirementAssignment<'a>],
        position: usize,
        words: &words::NodeTemplate<'a>,
    ) {
        let range = definition.count_range;
        let count = own.len() as u64;
        let template = self.template.names[position];
        if let Some(max) = range.max.filter(|&max| count > max) {
            let place: Span = own.get(max as usize).map_or(words.name.span, |own| own.name.span);
            let message = format!("the requirement `{name}` of `{template}` is assigned {count} times");
            self.report(
                Diagnostic::error("too-many-requirements", message)
                    .at(Place::new(place, format!("at most {max} allowed")))
                    .related(Place::new(definition.span, format!("its count range is {range}")))
                    .chapter("8.5.4"),
            );
        }
        let is_misspelt = words
            .requirements
            .iter()
            .any(|other| diagnostics::closest(other.name.text, [name]).is_some() && other.name.text != name);
        if count < range.min && !words.hidden.has("requirements") && !is_misspelt {
            let fitting = self.fitting(definition);
            let hint = match fitting.is_empty() {
                true => "no node template here fits it".to_owned(),
                false => format!(
                    "add `- {name}: {}` under `requirements`; these fit: {}",
                    fitting[0],
                    one_of(fitting.iter().copied())
                ),
            };
            let message = match count {
                0 => format!("the requirement `{name}` of `{template}` is not assigned"),
                _ => format!("the requirement `{name}` of `{template}` is assigned only {count} times"),
            };
            self.report(
                Diagnostic::error("missing-requirement", message)
                    .at(Place::new(words.name.span, format!("needs `{name}`")))
                    .related(Place::new(definition.span, format!("its count range is {range}")))
                    .hint(hint)
                    .chapter("8.5.4"),
            );
        }
    }

    /// The requirements of a node template whose targets were found.
    pub(super) fn requirements(
        &self,
        position: usize,
        words: &'a words::NodeTemplate<'a>,
        context: Context,
    ) -> Vec<Requirement> {
        let Some(body) = self.node_body(self.template.types[position]) else { return Vec::new() };
        let mut requirements = Vec::with_capacity(words.requirements.len());
        for (index, own) in words.requirements.iter().enumerate() {
            let target = &self.template.targets[position][index];
            let Some(definition) = body.requirements.get(own.name.text) else { continue };
            let Some(relationship_type) = target.relationship else { continue };
            // 10.3: here SELF is the relationship.
            let inside = Context { self_is: SelfIs::RequirementOf(position, index), ..context };
            let relationship = self.relationship(own, definition, relationship_type, inside);
            let (Some(node), Some(capability)) = (target.node, target.capability) else { continue };
            let found = self.node_body(self.template.types[node]);
            let Some((name, capability)) = found.and_then(|body| body.capabilities.get_index(capability))
            else {
                continue;
            };
            requirements.push(Requirement {
                name: target.requirement.clone(),
                definition: definition.clone(),
                target: NodeTemplateId::from_index(node),
                capability: name.clone(),
                capability_type: capability.type_id,
                relationship,
                description: own.common.description.map(Arc::from).or(definition.description.clone()),
                metadata: extended(&definition.metadata, Some(own.common)),
                span: own.name.span,
            });
        }
        requirements
    }

    fn relationship(
        &self,
        own: &'a words::RequirementAssignment<'a>,
        definition: &RequirementDefinition,
        type_id: TypeId,
        context: Context,
    ) -> Relationship {
        let none = RelationshipType::default();
        let body = self.relationship_body(type_id).unwrap_or(&none);
        // A derived type has definitions of its own; else those refined by the requirement definition hold.
        let is_refined = type_id == definition.relationship;
        let properties = if is_refined { &definition.relationship_properties } else { &body.properties };
        let attributes = if is_refined { &definition.relationship_attributes } else { &body.attributes };
        let interfaces = if is_refined { &definition.relationship_interfaces } else { &body.interfaces };
        let words = own.relationship.as_ref();
        let span = words.map_or(own.name.span, |words| words.span);
        let holder = format!("the relationship of the requirement `{}`", own.name.text);
        let hides =
            own.hidden.has("relationship") || words.is_some_and(|words| words.hidden.has("properties"));
        let own_properties = words.map(|words| words.properties.as_slice()).unwrap_or_default();
        let own_attributes = words.map(|words| words.attributes.as_slice()).unwrap_or_default();
        let own_interfaces = words.map(|words| words.interfaces.as_slice()).unwrap_or_default();
        Relationship {
            type_id,
            properties: self.assign(
                properties,
                own_properties,
                type_id,
                "properties",
                hides,
                context,
                &holder,
                span,
            ),
            attributes: self.assign(
                attributes,
                own_attributes,
                type_id,
                "attributes",
                true,
                context,
                &holder,
                span,
            ),
            interfaces: self.interfaces(own_interfaces, interfaces, type_id, context, None, span),
            metadata: words.and_then(|words| words.common.metadata).map(plain_metadata).unwrap_or_default(),
            span,
        }
    }
}
