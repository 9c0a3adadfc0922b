//! Which capability of its target a requirement is for, and whether it may be (8.1 to 8.5).

use diagnostics::{Diagnostic, Place, one_of};
use tosca_syntax::words::{self, Word};

use super::Compiler;
use super::scope::Found;
use crate::model::{CapabilityDefinition, RequiredCapability, RequirementDefinition, TypeId, TypeKind};

impl<'a> Compiler<'a> {
    /// The one capability of the target that a requirement assignment means, by its position.
    pub(super) fn target_capability_of(
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
        if let (Some(word), RequiredCapability::Named { name, .. }) = (own.capability, &definition.capability)
            && *name != *word.text
        {
            self.not_the_named(word, name, definition);
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
        match candidates[..] {
            [capability] => Some(capability),
            [] if self.is_vague(type_id, "capabilities") => None,
            [] => {
                let wanted = match &definition.capability {
                    RequiredCapability::OfType(id) => format!("of type `{}`", self.type_of(*id).name),
                    RequiredCapability::Named { name, .. } => format!("`{name}`"),
                };
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

    pub(super) fn answers(
        &self,
        name: &str,
        capability: &CapabilityDefinition,
        wanted: &RequiredCapability,
    ) -> bool {
        match wanted {
            RequiredCapability::OfType(type_id) => self.fits(capability.type_id, *type_id),
            RequiredCapability::Named { name: wanted, .. } => wanted == name,
        }
    }

    /// Whether what is still to be found can have the capability that an assignment asks for.
    pub(super) fn check_open_capability(
        &self,
        own: &words::RequirementAssignment<'a>,
        node: Option<TypeId>,
        definition: &RequirementDefinition,
        file: usize,
    ) {
        let Some(word) = own.capability else {
            let Some(node) = node else { return };
            let offers = self.node_body(node).is_some_and(|body| {
                let mut capabilities = body.capabilities.iter();
                capabilities.any(|(name, capability)| self.answers(name, capability, &definition.capability))
            });
            if let (false, false, Some(word)) = (offers, self.is_vague(node, "capabilities"), own.node) {
                let message = format!(
                    "no node of type `{}` has the capability that the requirement `{}` needs",
                    word.text, own.name.text
                );
                self.report(
                    Diagnostic::error("no-fitting-capability", message)
                        .at(Place::new(word.span, "no capability fits"))
                        .related(Place::new(definition.span, "the requirement"))
                        .chapter("8.5.2"),
                );
            }
            return;
        };
        if let RequiredCapability::Named { name, .. } = &definition.capability
            && *name != *word.text
        {
            return self.not_the_named(word, name, definition);
        }
        let body = node.and_then(|node| Some((node, self.node_body(node)?)));
        let named = body.and_then(|(_, body)| body.capabilities.get(word.text));
        let found = match (named, self.scopes.find(file, TypeKind::Capability, word.text)) {
            (Some(capability), _) => capability.type_id,
            (None, Found::One(id)) => id,
            (None, Found::Unknowable) => return,
            (None, _) if node.is_none() => return,
            (None, _) => {
                if let Some((node, body)) = body.filter(|(node, _)| !self.is_vague(*node, "capabilities")) {
                    let names = body.capabilities.keys().map(|name| name.as_str());
                    self.unknown_name("capability", word, names, node, "not a capability of the node type");
                }
                return;
            }
        };
        let wanted = definition.capability.type_id();
        if !self.fits(found, wanted) {
            self.not_derived("capability", word, found, wanted, definition.span);
        }
    }

    /// Checks the lists of what is valid (7.3, 8.1, 8.2).
    pub(super) fn check_valid(
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

    /// 8.5.2: a capability that the definition names stays the one.
    fn not_the_named(&self, word: Word<'_>, name: &str, definition: &RequirementDefinition) {
        let message = format!("the requirement is for the capability `{name}`, not for `{}`", word.text);
        self.report(
            Diagnostic::error("not-derived", message)
                .at(Place::new(word.span, format!("must be `{name}`, or left out")))
                .related(Place::new(definition.span, "defined here"))
                .chapter("8.5.2"),
        );
    }
}
