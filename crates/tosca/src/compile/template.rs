//! The service template (6.9) and its node templates (7.2).

use std::collections::HashMap;
use std::sync::Arc;

use diagnostics::{Diagnostic, Place, Span};
use tosca_syntax::words::{self, Assignment, Common};

use super::interfaces::rebound;
use super::topology::OUTSIDE;
use super::values::{Assignments, plain_metadata};
use super::{Compiler, Context, SelfIs};
use crate::model::{
    Artifact, Capability, CapabilityDefinition, Interface, InterfaceDefinition, Map, Metadata, Name,
    NodeDirective, NodeTemplate, NodeTemplateId, Operation, OperationDefinition, Output, Parameter,
    ParameterDefinition, Property, PropertyDefinition, Relationship, ServiceTemplate, TypeBody, TypeId,
    TypeKind, ValueOrigin,
};

/// What is known of the service template while it is compiled.
#[derive(Default)]
pub(super) struct TemplateState<'a> {
    /// The positions of node templates by name.
    pub(super) ids: HashMap<&'a str, usize>,
    /// The names of node templates by position.
    pub(super) names: Vec<&'a str>,
    /// Their types by position.
    pub(super) types: Vec<TypeId>,
    /// Their requirement assignments by position.
    pub(super) targets: Vec<Vec<Target>>,
    /// The names of the artifacts that they define themselves, by position.
    pub(super) artifacts: Vec<Vec<&'a str>>,
    pub(super) inputs: Map<Parameter>,
    pub(super) inputs_are_vague: bool,
    /// Which keynames could not be read: what is not found in them may be there.
    pub(super) hidden: words::Hidden,
    /// Relationship templates by name, with the type of each.
    pub(super) relationships: HashMap<&'a str, (TypeId, &'a words::RelationshipTemplate<'a>)>,
    /// The inputs of workflows.
    pub(super) workflow_inputs: HashMap<&'a str, Map<Parameter>>,
    /// The values of relationship templates, once they are compiled.
    pub(super) relationship_templates: Map<Relationship>,
}

/// Where a requirement assignment leads, as far as that could be found out.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) requirement: Name,
    /// A node template, by position.
    pub(super) node: Option<usize>,
    /// A capability of its type, by position.
    pub(super) capability: Option<usize>,
    /// The type of nodes that may be the target, when no template is named.
    pub(super) node_type: Option<TypeId>,
    /// The relationship's type.
    pub(super) relationship: Option<TypeId>,
}

impl<'a> Compiler<'a> {
    /// The service template. Incomplete when something in it was reported; then there is no model.
    ///
    /// The words of each node template are dropped when it is compiled: all of them beside what they become would be
    /// a quarter of the memory that a large file needs.
    #[expect(clippy::vec_box, reason = "each is given back when it is compiled")]
    pub(super) fn service_template(
        &mut self,
        words: &'a words::ServiceTemplate<'a>,
        nodes: Vec<Box<words::NodeTemplate<'a>>>,
    ) -> Option<ServiceTemplate> {
        let file = 0;
        let outside = Context {
            file,
            self_is: SelfIs::Nothing,
            in_template: true,
            in_validation: false,
            subject: None,
        };
        for (position, node) in nodes.iter().enumerate() {
            self.template.ids.insert(node.name.text, position);
            self.template.names.push(node.name.text);
            let artifacts = node.artifacts.iter().filter_map(|artifact| artifact.name);
            self.template.artifacts.push(artifacts.map(|name| name.text).collect());
        }
        self.template.inputs_are_vague = words.hidden.has("inputs");
        self.template.hidden = words.hidden.clone();
        // An input's default cannot name other inputs: they have no order.
        let alone = Context { in_template: false, ..outside };
        self.template.inputs =
            words.inputs.iter().map(|input| self.parameter(input, alone, "input")).collect();
        self.template.types = nodes.iter().map(|node| self.node_template_type(node, file)).collect();
        self.template.relationships = words
            .relationship_templates
            .iter()
            .map(|own| (own.name.text, (self.relationship_template_type(own, file), &**own)))
            .collect();
        let targets = nodes.iter().enumerate().map(|(position, node)| self.targets(position, node, file));
        self.template.targets = targets.collect();
        let mut inputs = std::mem::take(&mut self.template.inputs);
        self.template.inputs = inputs.clone();
        self.map_inputs(&mut inputs, &words.inputs);
        self.template.inputs = inputs;
        self.check_used(words, &nodes);
        self.template.relationship_templates = self.relationship_templates(words, file);
        let sources = nodes.iter().filter_map(|node| self.template.ids.get(node.copy?.text));
        let sources: HashMap<usize, Span> = sources.map(|&source| (source, nodes[source].span)).collect();
        let mut node_templates = Map::with_capacity(nodes.len());
        // What substitution mappings say of node templates is held against their words.
        let mut kept = Vec::new();
        for (position, node) in nodes.into_iter().enumerate() {
            let before = self.diagnostics.borrow().len();
            if let Some(node) = self.node_template(position, &node, file) {
                node_templates.insert(node.name.clone(), node);
            }
            let source = node.copy.and_then(|word| self.template.ids.get(word.text));
            if let Some(source) = source {
                let names = (node.name.text, self.template.names[*source]);
                self.forget_copied(before, names, sources[source]);
            }
            if words.substitution.is_some() {
                kept.push(node);
            }
        }
        self.check_circles(&node_templates, file);
        self.check_overwritten(&node_templates);
        let outputs: Map<Parameter> =
            words.outputs.iter().map(|output| self.parameter(output, outside, "output")).collect();
        for output in &words.outputs {
            let output = &output.property;
            if output.value.is_none() && output.hidden.is_empty() && output.default.is_none() {
                let message = format!("the output `{}` has no value", output.name.text);
                self.report(
                    Diagnostic::error("missing-keyname", message)
                        .at(Place::new(output.name.span, "has no `value`"))
                        .hint("write for example `value: { $get_attribute: [ node, attribute ] }`")
                        .chapter("6.9.5"),
                );
            }
        }
        let groups = self.groups(&words.groups);
        let workflows = self.workflows(&words.workflows, &node_templates, &groups);
        let policies = self.policies(&words.policies, &node_templates, &groups);
        let substitution =
            words.substitution.as_ref().and_then(|own| self.substitution(own, &kept, &outputs, &workflows));
        Some(ServiceTemplate {
            inputs: std::mem::take(&mut self.template.inputs),
            outputs,
            node_templates,
            relationship_templates: std::mem::take(&mut self.template.relationship_templates),
            groups,
            policies,
            substitution,
            workflows,
            description: words.common.description.map(Arc::from),
            metadata: words.common.metadata.map(plain_metadata).unwrap_or_default(),
            span: words.span,
        })
    }

    /// What is wrong in a template that others copy is reported there, and not again with each copy.
    pub(super) fn forget_copied(&self, before: usize, (copy, original): (&str, &str), source: Span) {
        let mut diagnostics = self.diagnostics.borrow_mut();
        let own = diagnostics.split_off(before);
        let is_copied = |diagnostic: &Diagnostic| {
            diagnostic.primary.as_ref().is_some_and(|place| {
                place.span.source == source.source && (source.start..source.end).contains(&place.span.start)
            })
        };
        // What the copied template lacks, its copies lack, too.
        let (copy, original) = (format!("`{copy}`"), format!("`{original}`"));
        let is_known = |diagnostic: &Diagnostic| {
            let message = diagnostic.message.replace(&copy, &original);
            diagnostics.iter().any(|known| known.code == diagnostic.code && known.message == message)
        };
        let own: Vec<_> =
            own.into_iter().filter(|diagnostic| !is_copied(diagnostic) && !is_known(diagnostic)).collect();
        diagnostics.extend(own);
    }

    pub(super) fn parameter(
        &self,
        words: &'a words::ParameterDefinition<'a>,
        context: Context,
        what: &'static str,
    ) -> (Name, Parameter) {
        let own = &words.property;
        let label = format_args!("the {what} `{}`", own.name.text);
        let schema = self.parameter_schema(own, None, context);
        let required = own.required.unwrap_or(true);
        let default = own.default.and_then(|node| self.expression(node, schema.as_ref(), context, &label));
        self.check_default(own, required, what);
        let value = own.value.and_then(|node| self.expression(node, schema.as_ref(), context, &label));
        let parameter = Parameter {
            schema: schema.map(Arc::new),
            // Where a default is written and wrong, nobody else has to give a value.
            required: required && (own.default.is_none() || default.is_some()),
            default: default.filter(|_| required),
            value,
            mapping: None,
            description: own.common.description.map(Arc::from),
            metadata: own.common.metadata.map(plain_metadata).unwrap_or_default(),
            span: own.name.span,
        };
        (self.name(own.name.text), parameter)
    }

    /// The attributes that inputs go to (9.7); an input without a type is of its attribute's.
    pub(super) fn map_inputs(
        &self,
        inputs: &mut Map<Parameter>,
        words: &'a [words::ParameterDefinition<'a>],
    ) {
        for own in words {
            let (Some(node), Some(input)) = (own.mapping, inputs.get_mut(own.property.name.text)) else {
                continue;
            };
            let Some(mapping) = self.mapping(node, input.schema.as_ref(), OUTSIDE) else { continue };
            if input.schema.is_none() {
                input.schema = self.attribute_schema(&mapping, OUTSIDE);
            }
            input.mapping = Some(mapping);
        }
    }

    fn node_template_type(&self, words: &words::NodeTemplate<'a>, file: usize) -> TypeId {
        match words.node_type {
            Some(word) => self.find_type(file, TypeKind::Node, word),
            None => self.unknown.of(TypeKind::Node),
        }
    }

    fn node_template(
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
        };
        let name = words.name;
        let holder = format!("the node template `{}`", name.text);
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
        holder: &str,
        holder_span: Span,
    ) -> Map<Property> {
        let what = if keyname == "attributes" { "attribute" } else { "property" };
        let assigned: Assignments<'a> =
            words.iter().map(|own| (self.name(own.name.text), own.value)).collect();
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
        for own in &words.capabilities {
            if !definitions.contains_key(own.name.text) && !self.is_vague(type_id, "capabilities") {
                let names = definitions.keys().map(|name| name.as_str());
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
            let holder = format!("the capability `{name}` of the node template `{}`", of_node.text);
            let span = own.map_or(of_node.span, |own| own.name.span);
            let hides = words.hidden.has("capabilities") || is_only_selected(words);
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
                description: own
                    .and_then(|own| own.common.description)
                    .map(Arc::from)
                    .or(definition.description.clone()),
                metadata: extended(&definition.metadata, own.map(|own| own.common)),
                span: own.map_or(definition.span, |own| own.name.span),
            };
            capabilities.insert(name.clone(), capability);
        }
        capabilities
    }

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
    fn operation(
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
            description: own
                .and_then(|own| own.common.description)
                .map(Arc::from)
                .or(definition.description.clone()),
            metadata: extended(&definition.metadata, own.map(|own| own.common)),
            span: own.map_or(definition.span, |own| own.name.span),
        }
    }
}

/// Whether a node can only be one that exists already.
pub(super) fn is_only_selected(words: &words::NodeTemplate<'_>) -> bool {
    !words.directives.is_empty()
        && words.directives.iter().all(|(directive, _)| *directive == NodeDirective::Select)
}

/// The metadata of a definition, overridden and extended by an assignment's.
pub(super) fn extended(definition: &Metadata, own: Option<Common<'_>>) -> Metadata {
    let mut metadata = definition.clone();
    if let Some(own) = own.and_then(|own| own.metadata) {
        metadata.extend(plain_metadata(own));
    }
    metadata
}
