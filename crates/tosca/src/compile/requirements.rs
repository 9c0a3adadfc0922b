//! Requirement assignments (8.5): from node template to node template.

use std::sync::Arc;

use diagnostics::{Diagnostic, Place, Span, did_you_mean, one_of};
use tosca_syntax::words::{self, Word};

use super::scope::Found;
use super::template::{Target, extended, is_only_selected};
use super::values::plain_metadata;
use super::{Compiler, Context, SelfIs};
use crate::model::{
    CapabilityDefinition, Expression, Map, Metadata, Name, NodeTemplateId, NodeType, Property, Relationship,
    RelationshipType, RequiredCapability, Requirement, RequirementDefinition, RequirementTarget, TypeBody,
    TypeId, TypeKind, Value, ValueOrigin,
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

    pub(super) fn node_body(&self, id: TypeId) -> Option<&NodeType> {
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
        // 8.5.2: a type first; the single-line form may name a template.
        let template = self.template.relationships.get(word.text).map(|(type_id, _)| *type_id);
        let is_type = self.scopes.find(file, TypeKind::Relationship, word.text) != Found::Nothing;
        let found = match template {
            Some(type_id) if !is_type => type_id,
            _ => self.find_type(file, TypeKind::Relationship, word),
        };
        if !self.fits(found, definition.relationship) {
            self.not_derived("relationship", word, found, definition.relationship, definition.span);
        }
        found
    }

    /// The relationship template that a requirement assignment names.
    fn relationship_template_of(
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

    /// Whether what is still to be found can have the capability that an assignment asks for.
    fn check_open_capability(
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
            let target_index = own.index.and_then(|node| self.instance_index(node, context));
            let count = own.count.and_then(|node| self.instances(node, context));
            let node_filter =
                own.node_filter.and_then(|node| self.condition(node, inside, &"the node filter"));
            let allocation = self.allocation(own, definition, target, inside);
            let target_of = match (target.node, target.capability) {
                (Some(node), Some(capability)) => {
                    let found = self.node_body(self.template.types[node]);
                    let found = found.and_then(|body| body.capabilities.get_index(capability));
                    let Some((name, capability)) = found else { continue };
                    RequirementTarget::Node {
                        template: NodeTemplateId::from_index(node),
                        index: target_index,
                        capability: name.clone(),
                        capability_type: capability.type_id,
                    }
                }
                // Reported.
                (Some(_), None) => continue,
                (None, _) => RequirementTarget::Open {
                    node: target.node_type.or(definition.node),
                    capability: self.open_capability(own, target.node_type, definition, context.file),
                },
            };
            requirements.push(Requirement {
                name: target.requirement.clone(),
                definition: definition.clone(),
                target: target_of,
                count,
                directives: own.directives.iter().map(|(reach, _)| *reach).collect(),
                optional: own.optional.unwrap_or(false),
                node_filter,
                allocation,
                is_implicit: false,
                relationship,
                description: own.common.description.map(Arc::from).or(definition.description.clone()),
                metadata: extended(&definition.metadata, Some(own.common)),
                span: own.name.span,
            });
        }
        // 8.5.4: what must be there and is not assigned is looked for as the definition says. Nodes that exist
        // already have their relationships.
        if is_only_selected(words) || words.hidden.has("requirements") {
            return requirements;
        }
        for (name, definition) in &body.requirements {
            let is_assigned = words.requirements.iter().any(|own| own.name.text == name.as_str());
            if is_assigned || definition.count_range.min == 0 {
                continue;
            }
            requirements.push(self.implicit_requirement(name, definition, words.name.span, context));
        }
        requirements
    }

    fn implicit_requirement(
        &self,
        name: &Name,
        definition: &Arc<RequirementDefinition>,
        span: Span,
        context: Context,
    ) -> Requirement {
        let holder = format!("the relationship of the requirement `{name}`");
        let type_id = definition.relationship;
        let inside = Context { self_is: SelfIs::Relationship(type_id), ..context };
        let values = |definitions, keyname, is_incomplete| {
            self.assign(definitions, &[], type_id, keyname, is_incomplete, inside, &holder, span)
        };
        let count = i64::try_from(definition.count_range.min).unwrap_or(i64::MAX);
        Requirement {
            name: name.clone(),
            definition: definition.clone(),
            target: RequirementTarget::Open {
                node: definition.node,
                capability: definition.capability.clone(),
            },
            count: Some(Expression::value(Value::Integer(count), definition.span)),
            directives: Vec::new(),
            optional: false,
            node_filter: None,
            allocation: Map::new(),
            is_implicit: true,
            relationship: Relationship {
                type_id,
                template: None,
                properties: values(&definition.relationship_properties, "properties", false),
                attributes: values(&definition.relationship_attributes, "attributes", true),
                interfaces: self.interfaces(
                    &[],
                    &definition.relationship_interfaces,
                    type_id,
                    inside,
                    None,
                    span,
                ),
                metadata: Metadata::new(),
                span,
            },
            description: definition.description.clone(),
            metadata: definition.metadata.clone(),
            span,
        }
    }

    /// What an assignment without a node template asks of the target.
    fn open_capability(
        &self,
        own: &words::RequirementAssignment<'a>,
        node: Option<TypeId>,
        definition: &RequirementDefinition,
        file: usize,
    ) -> RequiredCapability {
        let Some(word) = own.capability else { return definition.capability.clone() };
        let node = node.or(definition.node).and_then(|node| self.node_body(node));
        if let Some(capability) = node.and_then(|body| body.capabilities.get(word.text)) {
            return RequiredCapability::Named { name: self.name(word.text), type_id: capability.type_id };
        }
        match self.scopes.find(file, TypeKind::Capability, word.text) {
            Found::One(id) => RequiredCapability::OfType(id),
            // Without a node type, a name that is no type is that of a capability wherever one is found.
            _ => RequiredCapability::Named {
                name: self.name(word.text),
                type_id: definition.capability.type_id(),
            },
        }
    }

    /// How much an assignment takes of the properties of the target's capability (8.5.5).
    fn allocation(
        &self,
        own: &'a words::RequirementAssignment<'a>,
        definition: &RequirementDefinition,
        target: &Target,
        context: Context,
    ) -> Map<Expression> {
        let none = Map::new();
        let found = target.node.zip(target.capability).and_then(|(node, capability)| {
            let body = self.node_body(self.template.types[node])?;
            Some(body.capabilities.get_index(capability)?.1)
        });
        let type_id = found.map_or(definition.capability.type_id(), |found| found.type_id);
        let of_type = self.type_of(type_id).properties().unwrap_or(&none);
        let properties = found.map_or(of_type, |found| &found.properties);
        let mut allocation = Map::with_capacity(own.allocation.len());
        for assignment in &own.allocation {
            let name = assignment.name;
            let property = properties.get(name.text);
            if property.is_none() && (found.is_some() || target.node.is_none()) {
                // What is still to be found may be of a derived type that has more.
                let may_have = found.is_none()
                    && self.types.iter().any(|other| {
                        other.ancestors.contains(&type_id)
                            && other.properties().is_some_and(|known| known.contains_key(name.text))
                    });
                if !may_have && !self.is_vague(type_id, "properties") {
                    let names = properties.keys().map(|name| name.as_str());
                    let label = "what is allocated must be a property of the target's capability";
                    self.unknown_name("property", name, names, type_id, label);
                }
                continue;
            }
            let schema = property.map(|property| property.schema.clone());
            if let Some(schema) = &schema
                && !self.is_number(schema)
            {
                let message = format!("the property `{}` cannot be allocated: it is not a number", name.text);
                self.report(
                    Diagnostic::error("invalid-allocation", message)
                        .at(Place::new(name.span, "allocated here"))
                        .related(Place::new(schema.span, "defined here"))
                        .hint("only integers, floats and scalars can be allocated")
                        .chapter("8.5.5"),
                );
                continue;
            }
            let label = format_args!("the allocation of `{}`", name.text);
            if let Some(value) = self.expression(assignment.value, schema.as_deref(), context, &label) {
                allocation.insert(self.name(name.text), value);
            }
        }
        allocation
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
        let template = self.relationship_template_of(own, context.file);
        // What a template says holds where the assignment says nothing.
        let hides = hides || template.is_some();
        let properties =
            self.assign(properties, own_properties, type_id, "properties", hides, context, &holder, span);
        let attributes =
            self.assign(attributes, own_attributes, type_id, "attributes", true, context, &holder, span);
        let own_interfaces = self.interfaces(own_interfaces, interfaces, type_id, context, None, span);
        Relationship {
            type_id,
            template: template.map(|(name, _)| self.name(name)),
            properties: over(properties, template.map(|(_, template)| &template.properties)),
            attributes: over(attributes, template.map(|(_, template)| &template.attributes)),
            interfaces: match template {
                Some((_, template)) if words.is_none_or(|words| words.interfaces.is_empty()) => {
                    template.interfaces.clone()
                }
                _ => own_interfaces,
            },
            metadata: words.and_then(|words| words.common.metadata).map(plain_metadata).unwrap_or_default(),
            span,
        }
    }
}

/// Values that were assigned, and those of a template for all others.
fn over(mut values: Map<Property>, template: Option<&Map<Property>>) -> Map<Property> {
    for (name, value) in template.into_iter().flatten() {
        match values.get_mut(name) {
            Some(own) if own.origin == ValueOrigin::Assigned => {}
            Some(own) => *own = value.clone(),
            None => _ = values.insert(name.clone(), value.clone()),
        }
    }
    values
}
