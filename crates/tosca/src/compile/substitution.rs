//! Substitution mappings (chapter 15).

use diagnostics::{Diagnostic, Place, did_you_mean, one_of};
use tosca_syntax::words::{self, MappedHolder as HolderWords, Word};

use super::topology::OUTSIDE;
use super::{Compiler, Context, SelfIs};
use crate::model::{
    CapabilityMapping, DataBase, Map, MappedHolder, Name, NodeTemplateId, NodeType, Parameter, Schema,
    Substitution, TypeId, TypeKind, ValueMapping, Workflow,
};

impl<'a> Compiler<'a> {
    /// The substitution mappings of a service template; `None` when their node type is not known.
    pub(super) fn substitution(
        &self,
        own: &'a words::Substitution<'a>,
        nodes: &[Box<words::NodeTemplate<'a>>],
        outputs: &Map<Parameter>,
        workflows: &Map<Workflow>,
    ) -> Option<Substitution> {
        let node_type = match own.node_type {
            Some(word) => self.find_type(0, TypeKind::Node, word),
            None => self.unknown.of(TypeKind::Node),
        };
        let body = self.node_body(node_type)?;
        let context = Context { self_is: SelfIs::Node(node_type), ..OUTSIDE };
        let filter = own.filter.and_then(|node| self.condition(node, context, &"the substitution filter"));
        let properties = own.properties.iter().filter_map(|mapping| {
            let schema = self.mapped_schema(mapping, node_type, body, false);
            self.value_mapping(mapping, schema, &self.template.inputs, "input", "inputs")
        });
        let properties: Vec<ValueMapping> = properties.collect();
        let attributes = own.attributes.iter().filter_map(|mapping| {
            let schema = self.mapped_schema(mapping, node_type, body, true);
            self.value_mapping(mapping, schema, outputs, "output", "outputs")
        });
        let attributes: Vec<ValueMapping> = attributes.collect();
        self.check_unmapped_inputs(own);
        let mut capabilities = Map::new();
        for mapping in &own.capabilities {
            if let Some(built) = self.capability_mapping(mapping, node_type, body) {
                capabilities.insert(self.name(mapping.name.text), built);
            }
        }
        let requirements = own
            .requirements
            .iter()
            .filter_map(|mapping| self.requirement_mapping(mapping, node_type, body, nodes))
            .collect();
        self.check_mapping_order(own);
        self.check_mapping_counts(own, body, nodes);
        let mut interfaces = Map::new();
        for mapping in &own.interfaces {
            let operations = self.interface_mapping(mapping, node_type, body, workflows);
            interfaces.insert(self.name(mapping.name.text), operations);
        }
        Some(Substitution {
            node_type,
            filter,
            properties,
            attributes,
            capabilities,
            requirements,
            interfaces,
            span: own.span,
        })
    }

    /// The schema of a mapped property or attribute; `Err` when it does not exist, `Ok(None)` when that is not known.
    fn mapped_schema<'m>(
        &'m self,
        mapping: &words::ValueMapping<'a>,
        node_type: TypeId,
        body: &'m NodeType,
        is_attribute: bool,
    ) -> Result<Option<&'m Schema>, ()> {
        let (of_type, properties, attributes) = match mapping.holder {
            HolderWords::Node => (node_type, &body.properties, &body.attributes),
            HolderWords::Capability(word) => match body.capabilities.get(word.text) {
                Some(found) => (found.type_id, &found.properties, &found.attributes),
                None => {
                    let names = body.capabilities.keys().map(|name| name.as_str());
                    return self.unknown_mapped(("capability", "capabilities"), word, names, node_type);
                }
            },
            HolderWords::Relationship(word, _) => match body.requirements.get(word.text) {
                Some(found) => {
                    (found.relationship, &found.relationship_properties, &found.relationship_attributes)
                }
                None => {
                    let names = body.requirements.keys().map(|name| name.as_str());
                    return self.unknown_mapped(("requirement", "requirements"), word, names, node_type);
                }
            },
        };
        let name = mapping.name;
        // 9.5: every property is also an attribute, but only its own node says what it is.
        let found = if is_attribute { attributes.get(name.text) } else { properties.get(name.text) };
        match found {
            Some(definition) => Ok(Some(&definition.schema)),
            None if is_attribute => {
                let names = attributes.keys().map(|name| name.as_str());
                self.unknown_mapped(("attribute", "attributes"), name, names, of_type)
            }
            None => {
                let names = properties.keys().map(|name| name.as_str());
                self.unknown_mapped(("property", "properties"), name, names, of_type)
            }
        }
    }

    pub(super) fn unknown_mapped<'n, T>(
        &self,
        (what, keyname): (&str, &'static str),
        word: Word<'_>,
        names: impl Iterator<Item = &'n str> + Clone,
        of_type: TypeId,
    ) -> Result<Option<T>, ()> {
        if self.is_vague(of_type, keyname) {
            return Ok(None);
        }
        self.unknown_name(what, word, names, of_type, "not in the substituted node type");
        Err(())
    }

    fn value_mapping(
        &self,
        mapping: &words::ValueMapping<'a>,
        schema: Result<Option<&Schema>, ()>,
        parameters: &Map<Parameter>,
        what: &str,
        keyname: &str,
    ) -> Option<ValueMapping> {
        let word = mapping.parameter;
        let Some(parameter) = parameters.get(word.text) else {
            if self.template.hidden.has(if what == "input" { "inputs" } else { "outputs" }) {
                return None;
            }
            let names = || parameters.keys().map(|name| name.as_str());
            let hint = did_you_mean(word.text, names()).unwrap_or_else(|| match parameters.is_empty() {
                true => format!("the service template has no {keyname}"),
                false => format!("the {keyname} are: {}", one_of(names())),
            });
            self.report(
                Diagnostic::error(format!("unknown-{what}"), format!("unknown {what} `{}`", word.text))
                    .at(Place::new(word.span, format!("not an {what} of the service template")))
                    .hint(hint)
                    .chapter("15.2"),
            );
            return None;
        };
        if let (Some(of_node), Some(of_parameter)) = (schema.ok()?, parameter.schema.as_deref()) {
            let is_all = matches!(mapping.holder, HolderWords::Relationship(_, None));
            self.check_mapped_types(mapping, of_node, of_parameter, is_all);
        }
        Some(ValueMapping {
            holder: match mapping.holder {
                HolderWords::Node => MappedHolder::Node,
                HolderWords::Capability(word) => MappedHolder::Capability(self.name(word.text)),
                HolderWords::Relationship(word, index) => {
                    MappedHolder::Relationship { requirement: self.name(word.text), index }
                }
            },
            name: self.name(mapping.name.text),
            parameter: self.name(word.text),
            span: mapping.name.span,
        })
    }

    /// Mapped values must be of one type; with `ALL` the parameter is a list of such values (15.2, 15.3).
    fn check_mapped_types(
        &self,
        mapping: &words::ValueMapping<'a>,
        of_node: &Schema,
        of_parameter: &Schema,
        is_all: bool,
    ) {
        let (Some(node), Some(parameter)) =
            (self.base_of(of_node.data_type), self.base_of(of_parameter.data_type))
        else {
            return;
        };
        let entry = of_parameter.entry_schema.as_deref();
        let fits = match is_all {
            true => {
                parameter == DataBase::List
                    && entry.is_none_or(|entry| self.base_of(entry.data_type).is_none_or(|base| base == node))
            }
            false => node == parameter || node == DataBase::Integer && parameter == DataBase::Float,
        };
        if fits {
            return;
        }
        let (node, parameter) =
            (&self.type_of(of_node.data_type).name, &self.type_of(of_parameter.data_type).name);
        let wanted = if is_all { format!("a list of {node}") } else { format!("of type `{node}`") };
        let message = format!(
            "`{}` is {wanted}, `{}` is of type `{parameter}`",
            mapping.name.text, mapping.parameter.text
        );
        self.report(
            Diagnostic::error("wrong-type", message)
                .at(Place::new(mapping.parameter.span, format!("of type `{parameter}`")))
                .related(Place::new(of_node.span, "mapped from or to this"))
                .chapter("15.2"),
        );
    }

    /// 15.2: inputs that must have a value get it from a mapping or from their default.
    fn check_unmapped_inputs(&self, own: &words::Substitution<'a>) {
        // A mapping to an input that does not exist was probably meant for one that gets no value.
        let is_known = |name: &str| self.template.inputs.contains_key(name);
        if own.hidden.has("properties") || !own.properties.iter().all(|own| is_known(own.parameter.text)) {
            return;
        }
        for (name, input) in &self.template.inputs {
            let is_mapped = own.properties.iter().any(|mapping| mapping.parameter.text == name.as_str());
            if input.required && input.default.is_none() && !is_mapped {
                let message =
                    format!("the input `{name}` gets no value when this template substitutes a node");
                self.report(
                    Diagnostic::error("unmapped-input", message)
                        .at(Place::new(own.span, format!("maps nothing to `{name}`")))
                        .related(Place::new(input.span, "required, and without a default"))
                        .hint("map a property to it under `properties`, give it a default, or make it not required")
                        .chapter("15.2"),
                );
            }
        }
    }

    pub(super) fn mapped_node(&self, word: Word<'_>, chapter: &'static str) -> Option<usize> {
        let found = self.template.ids.get(word.text).copied();
        if found.is_none() && !self.template.hidden.has("node_templates") {
            let names = || self.template.names.iter().copied();
            let hint = did_you_mean(word.text, names())
                .unwrap_or_else(|| format!("the node templates are: {}", one_of(names())));
            self.report(
                Diagnostic::error("unknown-node-template", format!("unknown node template `{}`", word.text))
                    .at(Place::new(word.span, "not a node template of this service template"))
                    .hint(hint)
                    .chapter(chapter),
            );
        }
        found
    }

    fn capability_mapping(
        &self,
        mapping: &words::CapabilityMapping<'a>,
        node_type: TypeId,
        body: &NodeType,
    ) -> Option<CapabilityMapping> {
        let outer = body.capabilities.get(mapping.name.text);
        if outer.is_none() {
            let names = body.capabilities.keys().map(|name| name.as_str());
            let unknown =
                self.unknown_mapped::<()>(("capability", "capabilities"), mapping.name, names, node_type);
            unknown.ok()?;
        }
        let node = self.mapped_node(mapping.node, "15.4")?;
        let type_id = self.template.types[node];
        let inner_body = self.node_body(type_id)?;
        let inner = inner_body.capabilities.get(mapping.capability.text);
        match (inner, outer) {
            (None, _) if self.is_vague(type_id, "capabilities") => {}
            (None, _) => {
                let names = inner_body.capabilities.keys().map(|name| name.as_str());
                let label = "not a capability of its node type";
                self.unknown_name("capability", mapping.capability, names, type_id, label);
                return None;
            }
            (Some(inner), Some(outer)) if !self.fits(inner.type_id, outer.type_id) => {
                let (found, wanted) = (inner.type_id, outer.type_id);
                self.not_derived("capability", mapping.capability, found, wanted, outer.span);
                return None;
            }
            _ => {}
        }
        Some(CapabilityMapping {
            node: NodeTemplateId::from_index(node),
            capability: self.name(mapping.capability.text),
            span: mapping.name.span,
        })
    }

    fn interface_mapping(
        &self,
        mapping: &words::InterfaceMapping<'a>,
        node_type: TypeId,
        body: &NodeType,
        workflows: &Map<Workflow>,
    ) -> Map<Name> {
        let mut operations = Map::new();
        let interface = body.interfaces.get(mapping.name.text);
        if interface.is_none() {
            let names = body.interfaces.keys().map(|name| name.as_str());
            _ = self.unknown_mapped::<()>(("interface", "interfaces"), mapping.name, names, node_type);
        }
        for (operation, workflow) in &mapping.operations {
            if let Some(interface) = interface
                && !interface.operations.contains_key(operation.text)
                && !self.is_vague(interface.type_id, "operations")
            {
                let names = interface.operations.keys().map(|name| name.as_str());
                let label = "not in the interface type";
                self.unknown_name("operation", *operation, names, interface.type_id, label);
            }
            if !workflows.contains_key(workflow.text) && !self.template.hidden.has("workflows") {
                let names = || workflows.keys().map(|name| name.as_str());
                let hint =
                    did_you_mean(workflow.text, names()).unwrap_or_else(|| match workflows.is_empty() {
                        true => "the service template has no workflows".to_owned(),
                        false => format!("the workflows are: {}", one_of(names())),
                    });
                self.report(
                    Diagnostic::error("unknown-workflow", format!("unknown workflow `{}`", workflow.text))
                        .at(Place::new(workflow.span, "not a workflow of this service template"))
                        .hint(hint)
                        .chapter("15.6"),
                );
            }
            operations.insert(self.name(operation.text), self.name(workflow.text));
        }
        operations
    }
}
