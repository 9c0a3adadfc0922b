//! What references (10.2.1) name at the end of their paths, and whether it can be there.

use std::sync::Arc;

use diagnostics::{Diagnostic, Place, Span, did_you_mean, one_of};

use super::follow::Entity;
use super::{Compiler, Context, Wanted};
use crate::model::{
    DataBase, Expression, Map, PropertyDefinition, Reference, Schema, TypeBody, TypeId, Value,
};

impl Compiler<'_> {
    /// Follows the references in types, now that all types are known.
    pub(super) fn check_type_references(&self) {
        let references = std::mem::take(&mut *self.references.borrow_mut());
        for pending in references {
            let (reference, context) = (&pending.reference, pending.context);
            _ = match pending.wanted {
                Wanted::Property => self.check_reference(reference, context, false),
                Wanted::Attribute => self.check_mapping(reference, pending.given.as_ref(), context),
                Wanted::Artifact => self.check_artifact(reference, context),
                Wanted::Allocation => self.check_allocation(reference, context),
            };
        }
    }

    /// Whether a property or attribute can be there.
    pub(super) fn check_reference(
        &self,
        reference: &Reference,
        context: Context,
        is_attribute: bool,
    ) -> Option<()> {
        let entity = self.follow(&reference.path, context, Some(reference.name_span))?;
        let schema = self.member(entity, reference, is_attribute, true)?;
        self.check_nested(&reference.nested, schema.as_deref())
    }

    /// The schema of what a reference names, when it is known; reports nothing.
    pub(super) fn referenced_schema(
        &self,
        reference: &Reference,
        context: Context,
        is_attribute: bool,
    ) -> Option<Arc<Schema>> {
        let entity = self.follow(&reference.path, context, None)?;
        self.member(entity, reference, is_attribute, false)?
    }

    /// Like [`Compiler::check_reference`], for where what comes in goes: it must be of the attribute's type.
    pub(super) fn check_mapping(
        &self,
        reference: &Reference,
        given: Option<&Arc<Schema>>,
        context: Context,
    ) -> Option<()> {
        self.check_reference(reference, context, true)?;
        let Some(given) = given else { return Some(()) };
        let target = self.attribute_schema(reference, context);
        let Some((target, found)) = target.zip(self.kind_of_schema(given)) else { return Some(()) };
        let Some(wanted) = self.misfit(&found, &target) else { return Some(()) };
        let found = self.kind_with_article(&found);
        let message =
            format!("the attribute `{}` is of type {wanted}, but the parameter is {found}", reference.name);
        self.report(
            Diagnostic::error("wrong-type", message)
                .at(Place::new(reference.name_span, format!("of type {wanted}")))
                .related(Place::new(given.span, "the parameter"))
                .related(Place::new(target.span, "the attribute"))
                .chapter("9.9"),
        );
        None
    }

    /// The schema of the attribute, or of the part of it, that a mapping goes to, when it is known.
    pub(super) fn attribute_schema(&self, reference: &Reference, context: Context) -> Option<Arc<Schema>> {
        let schema = self.referenced_schema(reference, context, true)?;
        self.walk_nested(&reference.nested, Some(schema), false)?
    }

    /// The schema of a property or attribute of an entity; `None` when it does not exist, which is reported, and
    /// `Some(None)` when that cannot be known.
    fn member(
        &self,
        entity: Entity,
        reference: &Reference,
        is_attribute: bool,
        reports: bool,
    ) -> Option<Option<Arc<Schema>>> {
        let (type_id, properties, attributes): (_, &Map<Arc<PropertyDefinition>>, _) = match entity {
            Entity::Unknown | Entity::Relationship { type_id: None, .. } => return Some(None),
            Entity::Node(type_id, _)
            | Entity::CapabilityOf(type_id)
            | Entity::Relationship { type_id: Some(type_id), .. } => {
                let own = self.type_of(type_id);
                let (Some(properties), Some(attributes)) = (own.properties(), own.attributes()) else {
                    return Some(None);
                };
                (type_id, properties, attributes)
            }
            Entity::Capability(node, position) => {
                let TypeBody::Node(body) = &self.type_of(node).body else { return Some(None) };
                let Some((_, capability)) = body.capabilities.get_index(position) else { return Some(None) };
                (capability.type_id, &capability.properties, &capability.attributes)
            }
        };
        let name = reference.name.as_str();
        let found = match is_attribute {
            // 9.5: every property is also an attribute.
            true => attributes.get(name).or_else(|| properties.get(name)),
            false => properties.get(name),
        };
        if let Some(definition) = found {
            return Some(Some(definition.schema.clone()));
        }
        let is_vague =
            self.is_vague(type_id, "properties") || is_attribute && self.is_vague(type_id, "attributes");
        // What a derived type adds may be there at run time, but not where the standard lets a path name it.
        if is_vague {
            return Some(None);
        }
        if reports {
            self.no_such_member(entity, type_id, properties, attributes, reference, is_attribute);
        }
        None
    }

    fn no_such_member(
        &self,
        entity: Entity,
        type_id: TypeId,
        properties: &Map<Arc<PropertyDefinition>>,
        attributes: &Map<Arc<PropertyDefinition>>,
        reference: &Reference,
        is_attribute: bool,
    ) {
        let own = self.type_of(type_id);
        let (kind, name) = (own.kind(), &reference.name);
        let what = if is_attribute { "attribute" } else { "property" };
        let mut diagnostic = Diagnostic::error(
            format!("unknown-{what}"),
            format!("unknown {what} `{name}` of the {kind} type `{}`", own.name),
        )
        .at(Place::new(reference.name_span, format!("the {kind} type `{}` has no such {what}", own.name)))
        .chapter("10.3");
        if let Some(span) = own.span {
            diagnostic = diagnostic.related(Place::new(span, "the type"));
        }
        let names =
            properties.keys().chain(attributes.keys().filter(|_| is_attribute)).map(|name| name.as_str());
        let mut hint = did_you_mean(name, names.clone());
        if !is_attribute && attributes.contains_key(name) {
            hint = Some(format!("`{name}` is an attribute: read it with `$get_attribute`"));
        }
        if let (Entity::Node(..), TypeBody::Node(node)) = (entity, &own.body) {
            // The short paths of TOSCA 1.x.
            if node.capabilities.contains_key(name) {
                hint = Some(format!("`{name}` is a capability: write `CAPABILITY, {name}`"));
            } else if node.requirements.contains_key(name) {
                hint = Some(format!("`{name}` is a requirement: write `RELATIONSHIP, {name}, TARGET`"));
            }
        }
        let hint = hint.unwrap_or_else(|| match names.clone().next() {
            Some(_) => format!("it has: {}", one_of(names)),
            None => format!("it has no {}", if is_attribute { "attributes" } else { "properties" }),
        });
        self.report(diagnostic.hint(hint));
    }

    /// Whether names and indexes lead into a value of a schema.
    pub(super) fn check_nested(&self, nested: &[Expression], schema: Option<&Schema>) -> Option<()> {
        self.walk_nested(nested, schema.cloned().map(Arc::new), true).map(|_| ())
    }

    /// Where names and indexes lead in a value of a schema. `None` when they lead nowhere, which is reported when it
    /// is to be; `Some(None)` when only run time can know.
    pub(super) fn walk_nested(
        &self,
        nested: &[Expression],
        schema: Option<Arc<Schema>>,
        reports: bool,
    ) -> Option<Option<Arc<Schema>>> {
        let mut current = schema;
        for item in nested {
            let Some(schema) = current else { return Some(None) };
            let Some(base) = self.base_of(schema.data_type) else { return Some(None) };
            let data = self.data(schema.data_type);
            let entry = || schema.entry_schema.as_ref().or(data.entry_schema.as_ref()).cloned();
            current = match (base, item.as_value()) {
                (DataBase::Structure, Some(Value::String(name))) => match data.properties.get(name) {
                    Some(definition) => Some(definition.schema.clone()),
                    None if self.is_vague(schema.data_type, "properties") => None,
                    None => {
                        if reports {
                            self.no_such_field(schema.data_type, name, item.span);
                        }
                        return None;
                    }
                },
                (DataBase::List, Some(Value::Integer(index))) if *index >= 0 => entry(),
                (DataBase::Map, Some(Value::String(_))) => entry(),
                (_, None) => None,
                (_, Some(value)) => {
                    if reports {
                        let own = &self.type_of(schema.data_type).name;
                        let message = format!("a {} leads nowhere in a value of type `{own}`", value.kind());
                        self.report(Diagnostic::error("invalid-path", message).at(item.span).chapter("10.3"));
                    }
                    return None;
                }
            };
        }
        Some(current)
    }

    fn no_such_field(&self, data_type: TypeId, name: &str, span: Span) {
        let own = &self.type_of(data_type).name;
        let names = self.data(data_type).properties.keys().map(|name| name.as_str());
        let hint = did_you_mean(name, names.clone()).unwrap_or_else(|| format!("it has: {}", one_of(names)));
        let message = format!("unknown property `{name}` of the data type `{own}`");
        self.report(Diagnostic::error("unknown-property", message).at(span).hint(hint).chapter("10.3"));
    }

    /// The artifact that a path leads to (10.2.1.4).
    pub(super) fn check_artifact(&self, reference: &Reference, context: Context) -> Option<()> {
        let entity = self.follow(&reference.path, context, Some(reference.name_span))?;
        let wrong = |message: String| {
            Diagnostic::error("invalid-path", message)
                .at(Place::new(reference.name_span, "no artifact can be there"))
                .chapter("10.2.1.4")
        };
        let (type_id, template) = match entity {
            Entity::Node(type_id, template) => (type_id, template),
            Entity::Unknown => return Some(()),
            Entity::Relationship { .. } | Entity::Capability(..) | Entity::CapabilityOf(_) => {
                self.report(wrong("only nodes have artifacts".to_owned()));
                return None;
            }
        };
        let TypeBody::Node(body) = &self.type_of(type_id).body else { return Some(()) };
        // A template may add artifacts to those of its type; of which template the node is may be unknown.
        let Some(template) = template else { return Some(()) };
        let name = reference.name.as_str();
        let own = self.template.artifacts.get(template).map(Vec::as_slice).unwrap_or_default();
        if body.artifacts.contains_key(name) || own.contains(&name) || self.is_vague(type_id, "artifacts") {
            return Some(());
        }
        let names = body.artifacts.keys().map(|name| name.as_str()).chain(own.iter().copied());
        let holder = self.template.names[template];
        let hint = did_you_mean(name, names.clone()).unwrap_or_else(|| match names.clone().next() {
            Some(_) => format!("it has: {}", one_of(names)),
            None => "it has none".to_owned(),
        });
        self.report(
            Diagnostic::error("unknown-artifact", format!("unknown artifact `{name}` of `{holder}`"))
                .at(Place::new(reference.name_span, "not an artifact of the node"))
                .hint(hint)
                .chapter("10.2.1.4"),
        );
        None
    }

    /// The property of a capability that can be allocated (10.2.1.8).
    pub(super) fn check_allocation(&self, reference: &Reference, context: Context) -> Option<()> {
        let entity = self.follow(&reference.path, context, Some(reference.name_span))?;
        if matches!(entity, Entity::Node(..) | Entity::Relationship { .. }) {
            self.report(
                Diagnostic::error("invalid-path", "only the properties of a capability can be allocated")
                    .at(Place::new(reference.name_span, "the path does not end at a capability"))
                    .hint("write for example `[ SELF, CAPABILITY, host, num-cpus ]`")
                    .chapter("10.2.1.8"),
            );
            return None;
        }
        let schema = self.member(entity, reference, false, true)?;
        let base = schema.and_then(|schema| self.base_of(schema.data_type));
        if let Some(base) = base
            && !matches!(base, DataBase::Integer | DataBase::Float | DataBase::Scalar)
        {
            let message = format!("the property `{}` cannot be allocated", reference.name);
            self.report(
                Diagnostic::error("wrong-type", message)
                    .at(Place::new(reference.name_span, format!("of type {}", base.as_str())))
                    .hint("only integers, floats and scalars can")
                    .chapter("10.2.1.8"),
            );
            return None;
        }
        Some(())
    }
}
