//! Interface assignments (11.3) with their operations and notifications (11.5, 11.7).

use std::sync::Arc;

use diagnostics::{Diagnostic, Place, Span};
use tosca_syntax::words::{self, Assignment, Common};

use super::form::{description_or, plain_metadata};
use super::interfaces::rebound;
use super::{Compiler, Context};
use crate::model::{
    Artifact, Interface, InterfaceDefinition, Map, Metadata, Name, Operation, OperationDefinition, Output,
    ParameterDefinition, Property, TypeId, ValueOrigin,
};

impl<'a> Compiler<'a> {
    /// The interfaces of a node template or relationship.
    pub(super) fn interfaces(
        &self,
        words: &[words::InterfaceAssignment<'a>],
        definitions: &Map<Arc<InterfaceDefinition>>,
        type_id: TypeId,
        context: Context,
        artifacts: Option<&Map<Arc<Artifact>>>,
        holder_span: Span,
    ) -> Map<Interface> {
        for own in words {
            if !definitions.contains_key(own.name.text) && !self.is_vague(type_id, "interfaces") {
                let names = definitions.keys().map(|name| name.as_str());
                let kind = self.type_of(type_id).kind();
                let label = format!("not an interface of its {kind} type");
                self.unknown_name("interface", own.name, names, type_id, &label);
            }
        }
        let mut interfaces = Map::with_capacity(definitions.len());
        for (name, definition) in definitions {
            let own = words.iter().find(|own| own.name.text == name.as_str());
            let shared = own.map(|own| self.inputs(&own.inputs, &[&definition.inputs], context));
            let shared = shared.unwrap_or_default();
            let hides_inputs = own.is_some_and(|own| own.hidden.has("inputs"));
            let build = |what: &'static str,
                         keyname: &'static str,
                         own: &[words::OperationAssignment<'a>],
                         definitions: &Map<Arc<OperationDefinition>>| {
                for operation in own {
                    let is_known = definitions.contains_key(operation.name.text);
                    if !is_known && !self.is_vague(definition.type_id, keyname) {
                        let names = definitions.keys().map(|name| name.as_str());
                        let label = "not in the interface type";
                        self.unknown_name(what, operation.name, names, definition.type_id, label);
                    }
                }
                let operations = definitions.iter().map(|(name, operation)| {
                    let own = own.iter().find(|assigned| assigned.name.text == name.as_str());
                    let built = self.operation(
                        name,
                        own,
                        operation,
                        definition,
                        &shared,
                        context,
                        artifacts,
                        own.map_or(holder_span, |own| own.name.span),
                        hides_inputs,
                    );
                    (name.clone(), built)
                });
                operations.collect::<Map<Operation>>()
            };
            let own_operations = own.map(|own| own.operations.as_slice()).unwrap_or_default();
            let own_notifications = own.map(|own| own.notifications.as_slice()).unwrap_or_default();
            let operations = build("operation", "operations", own_operations, &definition.operations);
            let notifications =
                build("notification", "notifications", own_notifications, &definition.notifications);
            let interface = Interface {
                type_id: definition.type_id,
                operations,
                notifications,
                metadata: extended(&definition.metadata, own.map(|own| own.common)),
                span: own.map_or(definition.span, |own| own.name.span),
            };
            interfaces.insert(name.clone(), interface);
        }
        interfaces
    }

    /// Assigned inputs; those that no definition has are allowed, and have no type (11.3, 11.5).
    pub(super) fn inputs(
        &self,
        words: &[Assignment<'a>],
        definitions: &[&Map<Arc<ParameterDefinition>>],
        context: Context,
    ) -> Map<Property> {
        let mut inputs = Map::with_capacity(words.len());
        for own in words {
            let definition = definitions.iter().find_map(|definitions| definitions.get(own.name.text));
            let label = format_args!("the input `{}`", own.name.text);
            if let Some(fixed) = definition.and_then(|definition| definition.value.as_ref()) {
                self.fixed(&label, own.name.span, fixed.span);
                continue;
            }
            let schema = definition.and_then(|definition| definition.schema.clone());
            let property = Property {
                value: self.expression(own.value, schema.as_deref(), context, &label),
                origin: ValueOrigin::Assigned,
                schema,
                required: definition.is_some_and(|definition| definition.required),
                metadata: definition.map(|definition| definition.metadata.clone()).unwrap_or_default(),
                span: own.value.span(),
            };
            inputs.insert(self.name(own.name.text), property);
        }
        inputs
    }

    #[expect(clippy::too_many_arguments, reason = "an operation is merged from four places")]
    pub(super) fn operation(
        &self,
        name: &Name,
        own: Option<&words::OperationAssignment<'a>>,
        definition: &OperationDefinition,
        interface: &InterfaceDefinition,
        shared: &Map<Property>,
        context: Context,
        artifacts: Option<&Map<Arc<Artifact>>>,
        holder_span: Span,
        is_incomplete: bool,
    ) -> Operation {
        let assigned =
            own.map(|own| self.inputs(&own.inputs, &[&definition.inputs, &interface.inputs], context));
        let assigned = assigned.unwrap_or_default();
        let implementation = own
            .and_then(|own| own.implementation.as_ref())
            .and_then(|words| self.implementation(words, context, artifacts))
            .or_else(|| {
                let inherited = definition.implementation.as_ref()?;
                Some(rebound(inherited, artifacts).unwrap_or_else(|| inherited.clone()))
            });
        let mut inputs = Map::new();
        // The operation's definitions win over the interface's, assignments over both.
        let own_first = definition.inputs.iter();
        let interface_inputs =
            interface.inputs.iter().filter(|(name, _)| !definition.inputs.contains_key(name));
        for (input, definition) in interface_inputs.chain(own_first) {
            if let Some(given) = assigned.get(input).or_else(|| shared.get(input)) {
                inputs.insert(input.clone(), given.clone());
                continue;
            }
            let (value, origin) = match (&definition.value, &definition.default) {
                (Some(fixed), _) => (self.copy(fixed), ValueOrigin::Fixed),
                (None, Some(default)) if definition.required => (self.copy(default), ValueOrigin::Default),
                _ => (None, ValueOrigin::Unassigned),
            };
            let hides = is_incomplete || own.is_some_and(|own| own.hidden.has("inputs"));
            // Nobody asks for the inputs of an operation that does nothing.
            if definition.required && value.is_none() && implementation.is_some() && !hides {
                self.report(
                    Diagnostic::error(
                        "missing-input",
                        format!("the input `{input}` of the operation `{name}` has no value"),
                    )
                    .at(Place::new(holder_span, format!("`{input}` is required")))
                    .related(Place::new(definition.span, "defined here"))
                    .chapter("11.5"),
                );
            }
            let property = Property {
                value,
                origin,
                schema: definition.schema.clone(),
                required: definition.required,
                metadata: definition.metadata.clone(),
                span: definition.span,
            };
            inputs.insert(input.clone(), property);
        }
        for (input, given) in shared.iter().chain(&assigned) {
            if !inputs.contains_key(input) || assigned.contains_key(input) {
                inputs.insert(input.clone(), given.clone());
            }
        }
        let mut outputs: Map<Output> = definition
            .outputs
            .iter()
            .map(|(name, definition)| {
                let mapping = definition.mapping.clone();
                (name.clone(), Output { mapping, schema: definition.schema.clone(), span: definition.span })
            })
            .collect();
        for own in own.iter().flat_map(|own| &own.outputs) {
            let known = definition.outputs.get(own.name.text);
            if let Some(mapping) = known.and_then(|known| known.mapping.as_ref()) {
                let label = format_args!("the output `{}` of the operation `{name}`", own.name.text);
                self.fixed(&label, own.name.span, mapping.name_span);
                continue;
            }
            let output = Output {
                mapping: self.mapping(own.value, known.and_then(|known| known.schema.as_ref()), context),
                schema: known.and_then(|known| known.schema.clone()),
                span: own.name.span,
            };
            outputs.insert(self.name(own.name.text), output);
        }
        Operation {
            inputs,
            outputs,
            implementation,
            description: description_or(
                own.and_then(|own| own.common.description),
                definition.description.as_ref(),
            ),
            metadata: extended(&definition.metadata, own.map(|own| own.common)),
            span: own.map_or(definition.span, |own| own.name.span),
        }
    }
}

/// The metadata of a definition, overridden and extended by an assignment's.
pub(super) fn extended(definition: &Metadata, own: Option<Common<'_>>) -> Metadata {
    let mut metadata = definition.clone();
    if let Some(own) = own.and_then(|own| own.metadata) {
        metadata.extend(plain_metadata(own));
    }
    metadata
}
