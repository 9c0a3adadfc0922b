//! Requirement definitions (8.4) and their refinement (8.4.1).

use std::collections::HashSet;
use std::sync::Arc;

use diagnostics::{Diagnostic, Place, one_of};
use tosca_syntax::words::{self, TypeBody as Words, Word};
use tosca_syntax::yaml::Node;

use super::form::{description_or, metadata_or};
use super::scope::Found;
use super::{Compiler, Context, SelfIs};
use crate::model::{
    CountRange, Expression, Map, RequiredCapability, RequirementDefinition, TypeBody, TypeId, TypeKind,
};

/// A type where it is known, the types that are valid there where that is said, and the type that says so.
type Check<'t> = (Option<TypeId>, Option<&'t [TypeId]>, TypeId);

impl<'a> Compiler<'a> {
    pub(super) fn requirement_definitions(
        &self,
        words: &'a [words::RequirementDefinition<'a>],
        inherited: Map<Arc<RequirementDefinition>>,
        context: Context,
    ) -> Map<Arc<RequirementDefinition>> {
        let mut definitions = inherited;
        let mut seen: Vec<Word<'a>> = Vec::new();
        for own in words {
            if let Some(first) = seen.iter().find(|first| first.text == own.name.text) {
                let message = format!("the requirement `{}` is defined twice", own.name.text);
                self.report(
                    Diagnostic::error("duplicate-requirement", message)
                        .at(Place::new(own.name.span, "defined again here"))
                        .related(Place::new(first.span, "first defined here"))
                        .hint("how many relationships there may be is said with `count_range`")
                        .chapter("8.4"),
                );
                continue;
            }
            seen.push(own.name);
            let name = self.name(own.name.text);
            let parent = definitions.get(&name).cloned();
            let definition = self.requirement_definition(own, parent.as_deref(), context);
            definitions.insert(name, Arc::new(definition));
        }
        definitions
    }

    fn requirement_definition(
        &self,
        own: &'a words::RequirementDefinition<'a>,
        parent: Option<&RequirementDefinition>,
        context: Context,
    ) -> RequirementDefinition {
        let node = match own.node {
            Some(word) => {
                let found = self.find_type(context.file, TypeKind::Node, word);
                let wider = parent.and_then(|parent| Some((parent.node?, parent.span)));
                if let Some((wider, span)) = wider.filter(|(wider, _)| !self.fits(found, *wider)) {
                    self.not_derived("node", word, found, wider, span);
                }
                Some(found)
            }
            None => parent.and_then(|parent| parent.node),
        };
        let capability = match (own.capability, parent) {
            (Some(word), parent) => {
                let found = match node {
                    // It may be the name of a capability of a node type that could not be read.
                    None if own.hidden.has("node") => {
                        let found = self.try_type(context.file, TypeKind::Capability, word.text, word.span);
                        let unknown = self.unknown.of(TypeKind::Capability);
                        RequiredCapability::OfType(found.unwrap_or(unknown))
                    }
                    _ => self.required_capability(word, node, own.node, context),
                };
                if let Some(parent) = parent {
                    self.check_refined_capability(word, &found, parent);
                }
                found
            }
            (None, Some(parent)) => {
                if let (Some(node), Some(word)) = (node, own.node) {
                    self.check_offered(node, word, parent);
                }
                parent.capability.clone()
            }
            (None, None) => {
                self.lacks_keyname(own, "capability", context);
                RequiredCapability::OfType(self.unknown.of(TypeKind::Capability))
            }
        };
        let relationship_words = own.relationship.as_ref();
        let relationship = match (relationship_words.and_then(|words| words.relationship_type), parent) {
            (Some(word), parent) => {
                let found = self.find_type(context.file, TypeKind::Relationship, word);
                if let Some(parent) = parent.filter(|parent| !self.fits(found, parent.relationship)) {
                    self.not_derived("relationship", word, found, parent.relationship, parent.span);
                }
                found
            }
            (None, Some(parent)) => parent.relationship,
            // The short form: any relationship will do.
            (None, None) if own.is_short => self.unknown.of(TypeKind::Relationship),
            (None, None) => {
                match relationship_words {
                    Some(words) if !words.hidden.has("type") => {
                        self.lacks_type("relationship of the requirement", own.name, "8.4");
                    }
                    Some(_) => {}
                    None => self.lacks_keyname(own, "relationship", context),
                }
                self.unknown.of(TypeKind::Relationship)
            }
        };
        let TypeBody::Relationship(body) = &self.type_of(relationship).body else {
            unreachable!("found as a relationship type")
        };
        self.check_possible(own.name, &capability, node, relationship, context);
        let refined = parent.filter(|parent| parent.relationship == relationship);
        let properties = refined.map_or(&body.properties, |parent| &parent.relationship_properties);
        let attributes = refined.map_or(&body.attributes, |parent| &parent.relationship_attributes);
        let interfaces = refined.map_or(&body.interfaces, |parent| &parent.relationship_interfaces);
        // 10.3: within a requirement definition, SELF is the relationship.
        let inside = Context { self_is: SelfIs::Relationship(relationship), ..context };
        let own_properties = relationship_words.map(|words| words.properties.as_slice()).unwrap_or_default();
        let own_attributes = relationship_words.map(|words| words.attributes.as_slice()).unwrap_or_default();
        let own_interfaces = relationship_words.map(|words| words.interfaces.as_slice()).unwrap_or_default();
        RequirementDefinition {
            capability,
            node,
            relationship,
            relationship_properties: self.property_refinements(
                own_properties,
                properties,
                relationship,
                inside,
                "property",
            ),
            relationship_attributes: self.property_refinements(
                own_attributes,
                attributes,
                relationship,
                inside,
                "attribute",
            ),
            relationship_interfaces: self.interface_definitions(
                own_interfaces,
                interfaces,
                inside,
                None,
                Some(relationship),
            ),
            node_filters: self.node_filters(own.node_filter, parent, inside),
            count_range: self.count_range(own, parent),
            description: description_or(
                own.common.description,
                parent.and_then(|parent| parent.description.as_ref()),
            ),
            metadata: metadata_or(own.common.metadata, parent.map(|parent| &parent.metadata)),
            span: own.name.span,
        }
    }

    /// A refinement adds its filter to the inherited ones (8.4.1).
    fn node_filters(
        &self,
        own: Option<Node<'a>>,
        parent: Option<&RequirementDefinition>,
        context: Context,
    ) -> Vec<Expression> {
        let mut filters = parent.map(|parent| parent.node_filters.clone()).unwrap_or_default();
        filters.extend(own.and_then(|node| self.condition(node, context, &"the node filter")));
        filters
    }

    fn lacks_keyname(&self, own: &words::RequirementDefinition<'_>, keyname: &'static str, context: Context) {
        if !own.hidden.has(keyname) && !self.may_inherit(context, "requirements") {
            let message = format!("the requirement `{}` needs the keyname `{keyname}`", own.name.text);
            self.report(
                Diagnostic::error("missing-keyname", message)
                    .at(Place::new(own.name.span, format!("has no `{keyname}`")))
                    .chapter("8.4"),
            );
        }
    }

    fn count_range(
        &self,
        own: &words::RequirementDefinition<'_>,
        parent: Option<&RequirementDefinition>,
    ) -> CountRange {
        let inherited = parent.map_or(CountRange::default(), |parent| parent.count_range);
        let Some(words) = own.count_range else {
            // Unreadable: nothing may be said to be missing.
            return if own.hidden.has("count_range") { CountRange::default() } else { inherited };
        };
        let range = CountRange { min: words.min, max: words.max };
        let is_within = range.min >= inherited.min
            && inherited.max.is_none_or(|widest| range.max.is_some_and(|max| max <= widest));
        if let Some(parent) = parent.filter(|_| !is_within) {
            let message = format!("the count range {range} is not within the inherited {inherited}");
            self.report(
                Diagnostic::error("widened-refinement", message)
                    .at(words.span)
                    .related(Place::new(parent.span, "refined from here"))
                    .chapter("8.4.1"),
            );
        }
        range
    }

    /// A capability type, or a capability of the required node type by its name.
    fn required_capability(
        &self,
        word: Word<'a>,
        node: Option<TypeId>,
        node_word: Option<Word<'a>>,
        context: Context,
    ) -> RequiredCapability {
        let is_type = self.scopes.find(context.file, TypeKind::Capability, word.text) != Found::Nothing;
        if let Some(node) = node.filter(|_| !is_type) {
            if let Some(type_id) = self.capability_in_words(node, word.text) {
                return RequiredCapability::Named { name: self.name(word.text), type_id };
            }
            if self.is_vague(node, "capabilities") {
                return RequiredCapability::OfType(self.unknown.of(TypeKind::Capability));
            }
        }
        let type_id = self.find_type(context.file, TypeKind::Capability, word);
        if let (Some(node), false) = (node, self.is_unknown(type_id))
            && !self.offers(node, type_id)
        {
            let name = &self.type_of(node).name;
            let message = format!("the node type `{name}` has no capability of type `{}`", word.text);
            let mut diagnostic = Diagnostic::error("no-fitting-capability", message)
                .at(Place::new(word.span, format!("no node of type `{name}` can fulfil this")))
                .chapter("8.4");
            if let Some(word) = node_word {
                diagnostic = diagnostic.related(Place::new(word.span, "the node type"));
            }
            self.report(diagnostic);
        }
        RequiredCapability::OfType(type_id)
    }

    /// A node type that a refinement names must offer the capability that was asked for before (8.4.1).
    fn check_offered(&self, node: TypeId, word: Word<'_>, parent: &RequirementDefinition) {
        if self.is_unknown(node) || self.offers(node, parent.capability.type_id()) {
            return;
        }
        let message = format!(
            "the node type `{}` has no capability of type `{}`",
            word.text,
            self.type_of(parent.capability.type_id()).name
        );
        self.report(
            Diagnostic::error("no-fitting-capability", message)
                .at(Place::new(word.span, "cannot fulfil the requirement"))
                .related(Place::new(parent.span, "defined here"))
                .chapter("8.4.1"),
        );
    }

    /// Reports a requirement that can never be fulfilled by what the types say is valid (7.3, 8.1).
    fn check_possible(
        &self,
        name: Word<'_>,
        capability: &RequiredCapability,
        node: Option<TypeId>,
        relationship: TypeId,
        context: Context,
    ) {
        let source = match context.self_is {
            SelfIs::Node(id) => Some(id),
            _ => None,
        };
        for (id, valid, by) in self.obstacles(source, capability.type_id(), node, relationship) {
            let (own, by_type) = (self.type_of(id), self.type_of(by));
            let allowed = one_of(valid.iter().map(|&id| self.type_of(id).name.as_str()));
            let message = format!(
                "the requirement `{}` can never be fulfilled: the {} type `{}` does not allow the {} type `{}`",
                name.text,
                by_type.kind(),
                by_type.name,
                own.kind(),
                own.name
            );
            self.report(
                Diagnostic::error("incompatible-relationship", message)
                    .at(Place::new(name.span, "this requirement"))
                    .related(Place::new(self.place_of(by, name.span), "says what is valid"))
                    .hint(format!("valid are these and types derived from them: {allowed}"))
                    .chapter("8.4"),
            );
        }
    }

    /// What keeps a requirement from ever being fulfilled: a type, the types that are valid instead of it, and the
    /// type that says so.
    pub(super) fn obstacles(
        &self,
        source: Option<TypeId>,
        capability: TypeId,
        node: Option<TypeId>,
        relationship: TypeId,
    ) -> Vec<(TypeId, &[TypeId], TypeId)> {
        let (TypeBody::Relationship(body), TypeBody::Capability(capability_body)) =
            (&self.type_of(relationship).body, &self.type_of(capability).body)
        else {
            return Vec::new();
        };
        let checks: [Check<'_>; 5] = [
            (Some(capability), body.valid_capability_types.as_deref(), relationship),
            (node, body.valid_target_node_types.as_deref(), relationship),
            (source, body.valid_source_node_types.as_deref(), relationship),
            (source, capability_body.valid_source_node_types.as_deref(), capability),
            (Some(relationship), capability_body.valid_relationship_types.as_deref(), capability),
        ];
        let obstacles = checks.into_iter().filter_map(|(id, valid, by)| {
            let (id, valid) = (id?, valid?);
            // A type that is derived from this one may be valid where this one is not.
            let is_possible = valid.iter().any(|&other| self.fits(id, other) || self.fits(other, id));
            (!is_possible).then_some((id, valid, by))
        });
        obstacles.collect()
    }

    fn check_refined_capability(
        &self,
        word: Word<'_>,
        found: &RequiredCapability,
        parent: &RequirementDefinition,
    ) {
        match &parent.capability {
            RequiredCapability::Named { name, .. } if *name != word.text => {
                let message = format!("the requirement names the capability `{name}`, which must stay so");
                self.report(
                    Diagnostic::error("not-derived", message)
                        .at(word.span)
                        .related(Place::new(parent.span, "defined here"))
                        .chapter("8.4.1"),
                );
            }
            wanted if !self.fits(found.type_id(), wanted.type_id()) => {
                self.not_derived("capability", word, found.type_id(), wanted.type_id(), parent.span);
            }
            _ => {}
        }
    }

    /// The words of a node type and its ancestors, nearest first: node types may need each other before they are
    /// built.
    fn lineage_words(&self, node: TypeId) -> impl Iterator<Item = (usize, &'a words::NodeType<'a>)> + '_ {
        let own = std::iter::once(node).chain(self.type_of(node).ancestors.iter().copied());
        own.filter_map(|id| {
            let declared = self.declared[id.index()]?;
            match &declared.words.body {
                Words::Node(words) => Some((declared.file, words)),
                _ => None,
            }
        })
    }

    /// The type of a capability of a node type by its name.
    fn capability_in_words(&self, node: TypeId, name: &str) -> Option<TypeId> {
        let mut is_there = false;
        let found = self.lineage_words(node).find_map(|(file, words)| {
            let definition = words.capabilities.iter().find(|definition| definition.name.text == name)?;
            is_there = true;
            self.quiet_type(file, definition.capability_type?)
        });
        // Where its type is wrong, that is said there.
        found.or_else(|| is_there.then(|| self.unknown.of(TypeKind::Capability)))
    }

    /// Whether a node type has a capability of a type.
    fn offers(&self, node: TypeId, capability: TypeId) -> bool {
        let mut seen = HashSet::new();
        self.is_vague(node, "capabilities")
            || self.lineage_words(node).any(|(file, words)| {
                words.capabilities.iter().any(|definition| {
                    seen.insert(definition.name.text)
                        && definition.capability_type.is_none_or(|word| {
                            self.quiet_type(file, word).is_none_or(|found| self.fits(found, capability))
                        })
                })
            })
    }

    fn quiet_type(&self, file: usize, word: Word<'_>) -> Option<TypeId> {
        match self.scopes.find(file, TypeKind::Capability, word.text) {
            Found::One(id) => Some(id),
            _ => None,
        }
    }
}
