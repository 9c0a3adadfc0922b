//! Node templates (7.2), and values for what types define (9.4, 9.6).

use std::sync::Arc;

use diagnostics::{Diagnostic, Place, Span};
use tosca_syntax::words::{self, Assignment};

use super::form::{description_or, plain_metadata};
use super::operations::extended;
use super::values::Assignments;
use super::{Compiler, Context, SelfIs};
use crate::model::{
    Capability, CapabilityDefinition, Map, NodeDirective, NodeTemplate, NodeTemplateId, Property,
    PropertyDefinition, TypeBody, TypeId, ValueOrigin,
};

impl<'a> Compiler<'a> {
    pub(super) fn node_template(
        &self,
        position: usize,
        words: &words::NodeTemplate<'a>,
        file: usize,
    ) -> Option<NodeTemplate> {
        let type_id = self.template.types[position];
        let TypeBody::Node(body) = &self.type_of(type_id).body else { return None };
        let context = Context {
            file,
            self_is: SelfIs::NodeTemplate(position),
            in_template: true,
            in_validation: false,
            subject: None,
            of_type: None,
        };
        let name = words.name;
        let holder = format_args!("the node template `{}`", name.text);
        let hides = |keyname| words.hidden.has(keyname);
        let artifacts = self.artifacts(&words.artifacts, &body.artifacts, context);
        self.check_directives(words);
        let directives = words.directives.iter().map(|(directive, _)| *directive).collect();
        // What is selected exists, with values of its own.
        let is_selected = is_only_selected(words);
        Some(NodeTemplate {
            id: NodeTemplateId::from_index(position),
            name: self.name(name.text),
            type_id,
            properties: self.assign(
                &body.properties,
                &words.properties,
                type_id,
                "properties",
                hides("properties") || is_selected,
                context,
                &holder,
                name.span,
            ),
            attributes: self.assign(
                &body.attributes,
                &words.attributes,
                type_id,
                "attributes",
                true,
                context,
                &holder,
                name.span,
            ),
            capabilities: self.capabilities(words, &body.capabilities, type_id, context),
            requirements: self.requirements(position, words, context).into(),
            interfaces: self.interfaces(
                &words.interfaces,
                &body.interfaces,
                type_id,
                context,
                Some(&artifacts),
                name.span,
            ),
            artifacts,
            directives,
            count: words.count.and_then(|node| self.instances(node, context)).map(Box::new),
            node_filter: words
                .node_filter
                .and_then(|node| self.condition(node, context, &"the node filter"))
                .map(Box::new),
            copy: words
                .copy
                .and_then(|word| self.template.ids.get(word.text))
                .map(|&position| NodeTemplateId::from_index(position)),
            description: words.common.description.map(Arc::from),
            metadata: words.common.metadata.map(plain_metadata).unwrap_or_default(),
            span: name.span,
        })
    }

    /// Values for all definitions: assigned, fixed or default. `is_incomplete` says that some assignments could not
    /// be read, so that nothing is said to be missing.
    #[expect(clippy::too_many_arguments, reason = "an assignment has a definition, a holder and a place")]
    pub(super) fn assign(
        &self,
        definitions: &Map<Arc<PropertyDefinition>>,
        words: &[Assignment<'a>],
        of_type: TypeId,
        keyname: &'static str,
        is_incomplete: bool,
        context: Context,
        holder: &dyn std::fmt::Display,
        holder_span: Span,
    ) -> Map<Property> {
        let what = if keyname == "attributes" { "attribute" } else { "property" };
        // Nearly all names are those of definitions, which are there already.
        let named = |text| definitions.get_key(text).cloned().unwrap_or_else(|| self.name(text));
        let assigned: Assignments<'a> = words.iter().map(|own| (named(own.name.text), own.value)).collect();
        let mut misspelt: Vec<&str> = Vec::new();
        for own in words {
            if definitions.contains_key(own.name.text) || self.is_vague(of_type, keyname) {
                continue;
            }
            let names =
                definitions.keys().map(|name| name.as_str()).filter(|name| !assigned.contains_key(name));
            if self.can_suggest() {
                misspelt.extend(diagnostics::closest(own.name.text, names));
            }
            let kind = self.type_of(of_type).kind();
            let label =
                format!("not a{} {what} of its {kind} type", if what == "attribute" { "n" } else { "" });
            let is_attribute = what == "property"
                && self.type_of(of_type).attributes().is_some_and(|known| known.contains_key(own.name.text));
            if is_attribute {
                let message = format!("`{}` of {holder} is an attribute, not a property", own.name.text);
                self.report(
                    Diagnostic::error("unknown-property", message)
                        .at(Place::new(own.name.span, label))
                        .hint("assign it under `attributes`")
                        .chapter("7.2"),
                );
            } else {
                let all = definitions.keys().map(|name| name.as_str());
                self.unknown_name(what, own.name, all, of_type, &label);
            }
        }
        let mut values = Map::with_capacity(definitions.len());
        for (name, definition) in definitions {
            let node = assigned.get(name).copied();
            let label = format_args!("the {what} `{name}` of {holder}");
            let (value, origin, span) = match (node, &definition.value) {
                (Some(node), Some(fixed)) => {
                    let place = words.iter().find(|own| own.name.text == name.as_str());
                    self.fixed(&label, place.map_or(node.span(), |own| own.name.span), fixed.span);
                    (None, ValueOrigin::Unassigned, node.span())
                }
                (None, Some(fixed)) => (self.copy(fixed), ValueOrigin::Fixed, definition.span),
                (Some(node), None) => {
                    let value = self.expression(node, Some(&definition.schema), context, &label);
                    (value, ValueOrigin::Assigned, node.span())
                }
                (None, None) => match &definition.default {
                    Some(default) if definition.required || what == "attribute" => {
                        (self.copy(default), ValueOrigin::Default, definition.span)
                    }
                    _ => (None, ValueOrigin::Unassigned, definition.span),
                },
            };
            let is_missing = definition.required && origin == ValueOrigin::Unassigned && node.is_none();
            if is_missing && !is_incomplete && !misspelt.contains(&name.as_str()) {
                self.report(
                    Diagnostic::error(
                        "missing-property",
                        format!("the {what} `{name}` of {holder} has no value"),
                    )
                    .at(Place::new(holder_span, format!("`{name}` is required")))
                    .related(Place::new(definition.span, "defined here"))
                    .hint(format!("assign it under `{keyname}`: `{name}: …`"))
                    .chapter("9.4"),
                );
            }
            let property = Property {
                value,
                origin,
                schema: Some(definition.schema.clone()),
                required: definition.required,
                metadata: definition.metadata.clone(),
                span,
            };
            values.insert(name.clone(), property);
        }
        values
    }

    fn capabilities(
        &self,
        words: &words::NodeTemplate<'a>,
        definitions: &Map<Arc<CapabilityDefinition>>,
        type_id: TypeId,
        context: Context,
    ) -> Map<Capability> {
        // What was probably meant lacks nothing: it is assigned under another name.
        let mut misspelt: Vec<&str> = Vec::new();
        for own in &words.capabilities {
            if !definitions.contains_key(own.name.text) && !self.is_vague(type_id, "capabilities") {
                let names = definitions.keys().map(|name| name.as_str());
                misspelt.extend(diagnostics::closest(own.name.text, names.clone()));
                self.unknown_name(
                    "capability",
                    own.name,
                    names,
                    type_id,
                    "not a capability of its node type",
                );
            }
        }
        let mut capabilities = Map::with_capacity(definitions.len());
        for (name, definition) in definitions {
            let own = words.capabilities.iter().find(|own| own.name.text == name.as_str());
            let of_node = &words.name;
            let holder = format_args!("the capability `{name}` of the node template `{}`", of_node.text);
            let span = own.map_or(of_node.span, |own| own.name.span);
            let hides = words.hidden.has("capabilities")
                || is_only_selected(words)
                || misspelt.contains(&name.as_str());
            let properties = own.map(|own| own.properties.as_slice()).unwrap_or_default();
            let attributes = own.map(|own| own.attributes.as_slice()).unwrap_or_default();
            let capability = Capability {
                type_id: definition.type_id,
                properties: self.assign(
                    &definition.properties,
                    properties,
                    definition.type_id,
                    "properties",
                    hides || own.is_some_and(|own| own.hidden.has("properties")),
                    context,
                    &holder,
                    span,
                ),
                attributes: self.assign(
                    &definition.attributes,
                    attributes,
                    definition.type_id,
                    "attributes",
                    true,
                    context,
                    &holder,
                    span,
                ),
                directives: own
                    .map_or(&[][..], |own| &own.directives)
                    .iter()
                    .map(|(reach, _)| *reach)
                    .collect(),
                description: description_or(
                    own.and_then(|own| own.common.description),
                    definition.description.as_ref(),
                ),
                metadata: extended(&definition.metadata, own.map(|own| own.common)),
                span: own.map_or(definition.span, |own| own.name.span),
            };
            capabilities.insert(name.clone(), capability);
        }
        capabilities
    }
}

/// Whether a node can only be one that exists already.
pub(super) fn is_only_selected(words: &words::NodeTemplate<'_>) -> bool {
    !words.directives.is_empty()
        && words.directives.iter().all(|(directive, _)| *directive == NodeDirective::Select)
}
