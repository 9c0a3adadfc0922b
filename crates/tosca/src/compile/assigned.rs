//! Requirement assignments (8.5) with their values: relationships, filters, counts and allocations.

use std::sync::Arc;

use diagnostics::{Diagnostic, Place, Span, did_you_mean};
use tosca_syntax::words;
use tosca_syntax::words::Word;

use super::form::{description_or, plain_metadata};
use super::operations::extended;
use super::scope::Found;
use super::service::Target;
use super::template::is_only_selected;
use super::{Compiler, Context, SelfIs};
use crate::model::{
    Expression, Map, Metadata, Name, NodeTemplateId, Property, PropertyDefinition, Relationship,
    RelationshipType, RequiredCapability, Requirement, RequirementDefinition, RequirementTarget, Type,
    TypeId, TypeKind, Value, ValueOrigin,
};

impl<'a> Compiler<'a> {
    /// The requirements of a node template whose targets were found.
    pub(super) fn requirements(
        &self,
        position: usize,
        words: &words::NodeTemplate<'a>,
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
                        index: target_index.map(Box::new),
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
                count: count.map(Box::new),
                directives: own.directives.iter().map(|(reach, _)| *reach).collect(),
                optional: own.optional.unwrap_or(false),
                node_filter: node_filter.map(Box::new),
                allocation,
                is_implicit: false,
                relationship,
                description: description_or(own.common.description, definition.description.as_ref()),
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
            // What is mapped to comes from outside: it is there to be fulfilled, any number of times from none (15.5.5).
            let is_mapped = self.template.mapped.contains(&(position, name.as_str()));
            if is_assigned || definition.count_range.min == 0 && !is_mapped {
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
        let holder = format_args!("the relationship of the requirement `{name}`");
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
            count: Some(Box::new(Expression::value(Value::Integer(count), definition.span))),
            directives: Box::default(),
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
        own: &words::RequirementAssignment<'a>,
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
                if !self.is_vague(type_id, "properties") {
                    self.check_unknown_allocation(name, properties, type_id, found.is_some());
                }
                if found.is_some() {
                    continue;
                }
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

    /// What is allocated and not a property of the capability: a mistake where the capability is known. One that is
    /// still to be found may be of a derived type that has it, perhaps in another service.
    fn check_unknown_allocation(
        &self,
        name: Word<'_>,
        properties: &Map<Arc<PropertyDefinition>>,
        type_id: TypeId,
        is_found: bool,
    ) {
        let names = properties.keys().map(|name| name.as_str());
        if is_found {
            let label = "what is allocated must be a property of the target's capability";
            return self.unknown_name("property", name, names, type_id, label);
        }
        let has_it = |other: &Type| {
            other.ancestors.contains(&type_id)
                && other.properties().is_some_and(|known| known.contains_key(name.text))
        };
        if !self.types.iter().any(has_it) {
            let capability = &self.type_of(type_id).name;
            let message = format!("the capability type `{capability}` has no property `{}`", name.text);
            self.report(
                Diagnostic::warning("doubtful-allocation", message)
                    .at(Place::new(name.span, "only a capability of a derived type can have it"))
                    .maybe_hint(did_you_mean(name.text, names))
                    .chapter("8.5.5"),
            );
        }
    }

    fn relationship(
        &self,
        own: &words::RequirementAssignment<'a>,
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
        let holder = format_args!("the relationship of the requirement `{}`", own.name.text);
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
