//! Substitution mappings (chapter 15).

use diagnostics::{Diagnostic, Place, did_you_mean, one_of};
use tosca_syntax::words::{self, MappedHolder as HolderWords, MappingTarget as TargetWords, Word};

use super::topology::OUTSIDE;
use super::{Compiler, Context, SelfIs};
use crate::model::{
    CapabilityMapping, DataBase, Map, MappedHolder, MappingCount, MappingTarget, Name, NodeDirective,
    NodeTemplateId, NodeType, Parameter, RequirementMapping, Schema, Substitution, TypeId, TypeKind,
    ValueMapping, Workflow,
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

    fn unknown_mapped<'n, T>(
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

    fn mapped_node(&self, word: Word<'_>, chapter: &'static str) -> Option<usize> {
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

    fn requirement_mapping(
        &self,
        mapping: &words::RequirementMapping<'a>,
        node_type: TypeId,
        body: &NodeType,
        nodes: &[Box<words::NodeTemplate<'a>>],
    ) -> Option<RequirementMapping> {
        if !body.requirements.contains_key(mapping.name.text) {
            let names = body.requirements.keys().map(|name| name.as_str());
            let known = ("requirement", "requirements");
            self.unknown_mapped::<()>(known, mapping.name, names, node_type).ok()?;
        }
        let mut targets = Vec::with_capacity(mapping.targets.len());
        for target in &mapping.targets {
            match *target {
                TargetWords::Selectable(word) => targets.extend(self.selectable(word, nodes)),
                TargetWords::Pair(first, second) => {
                    let Some(node) = self.mapped_node(first, "15.5") else { continue };
                    let type_id = self.template.types[node];
                    let has = self
                        .node_body(type_id)
                        .is_some_and(|body| body.requirements.contains_key(second.text));
                    // `[a, b]` is a node template and its requirement, or two node templates.
                    if !has && self.template.ids.contains_key(second.text) {
                        targets.extend(self.selectable(first, nodes));
                        targets.extend(self.selectable(second, nodes));
                        continue;
                    }
                    if !has && !self.is_vague(type_id, "requirements") {
                        let body = self.node_body(type_id);
                        let names = body.into_iter().flat_map(|body| body.requirements.keys());
                        let names = names.map(|name| name.as_str());
                        let label = "not a requirement of its node type";
                        self.unknown_name("requirement", second, names, type_id, label);
                        continue;
                    }
                    self.check_dangling(node, first, second, nodes);
                    let node = NodeTemplateId::from_index(node);
                    targets.push(MappingTarget::Requirement(node, self.name(second.text)));
                }
            }
        }
        Some(RequirementMapping {
            name: self.name(mapping.name.text),
            count: mapping.count,
            targets,
            span: mapping.name.span,
        })
    }

    fn selectable(&self, word: Word<'_>, nodes: &[Box<words::NodeTemplate<'a>>]) -> Option<MappingTarget> {
        let node = self.mapped_node(word, "15.5")?;
        let words = &nodes[node];
        let selects = words.directives.iter().any(|(directive, _)| *directive == NodeDirective::Select);
        if !selects && !words.hidden.has("directives") {
            self.report(
                Diagnostic::error(
                    "not-selectable",
                    format!("the node template `{}` cannot be selected", word.text),
                )
                .at(Place::new(word.span, "mapped without a requirement"))
                .related(Place::new(words.name.span, "has no `directives: [ select ]`"))
                .hint(format!("name a requirement of it: `[ {}, requirement ]`", word.text))
                .chapter("15.5.3"),
            );
            return None;
        }
        Some(MappingTarget::Selectable(NodeTemplateId::from_index(node)))
    }

    /// 15.5.4, rule 1: only requirements that have no target yet can be mapped to.
    fn check_dangling(
        &self,
        node: usize,
        first: Word<'_>,
        second: Word<'_>,
        nodes: &[Box<words::NodeTemplate<'a>>],
    ) {
        let assigned: Vec<_> = nodes[node]
            .requirements
            .iter()
            .zip(&self.template.targets[node])
            .filter(|(own, _)| own.name.text == second.text)
            .collect();
        let fulfilled = assigned.iter().find(|(_, target)| target.node.is_some());
        if let Some((own, _)) = fulfilled.filter(|_| assigned.iter().all(|(_, target)| target.node.is_some()))
        {
            self.report(
                Diagnostic::error(
                    "requirement-fulfilled",
                    format!("the requirement `{}` of `{}` has a target already", second.text, first.text),
                )
                .at(Place::new(second.span, "only dangling requirements can be mapped"))
                .related(Place::new(own.name.span, "assigned here"))
                .chapter("15.5.4"),
            );
        }
    }

    /// Nothing is left after `UNBOUNDED` (15.5).
    fn check_mapping_order(&self, own: &words::Substitution<'a>) {
        for (position, mapping) in own.requirements.iter().enumerate() {
            let before = own.requirements[..position].iter().find(|other| {
                other.name.text == mapping.name.text && other.count == Some(MappingCount::Unbounded)
            });
            if let Some(before) = before {
                let message = format!(
                    "the requirement `{}` is mapped again after all its assignments were",
                    mapping.name.text
                );
                self.report(
                    Diagnostic::error("mapping-after-unbounded", message)
                        .at(Place::new(mapping.name.span, "nothing is left to be mapped here"))
                        .related(Place::new(before.name.span, "maps all that is left"))
                        .chapter("15.5"),
                );
            }
        }
    }

    /// 15.5.4, rule 2: no more may be mapped to requirements that must be fulfilled than there are for sure. Rule 3
    /// is a convenience: what is too much is mapped to nothing.
    fn check_mapping_counts(
        &self,
        own: &words::Substitution<'a>,
        body: &NodeType,
        nodes: &[Box<words::NodeTemplate<'a>>],
    ) {
        for (name, definition) in &body.requirements {
            let mappings: Vec<_> =
                own.requirements.iter().filter(|mapping| mapping.name.text == name.as_str()).collect();
            let mut sum: u64 = 0;
            for mapping in mappings {
                if !mapping.targets.iter().any(|target| self.is_mandatory(target, nodes)) {
                    continue;
                }
                sum = sum.saturating_add(match mapping.count {
                    Some(MappingCount::Exactly(count)) => count,
                    Some(MappingCount::Unbounded) | None => 1,
                });
                let least = definition.count_range.min;
                if sum > least {
                    let message = format!(
                        "more is mapped to mandatory requirements than the {least} that `{name}` has for sure"
                    );
                    self.report(
                        Diagnostic::error("too-many-mappings", message)
                            .at(Place::new(mapping.name.span, "may have nothing to map"))
                            .related(Place::new(
                                definition.span,
                                format!("its count range is {}", definition.count_range),
                            ))
                            .hint("map to requirements that are optional, or raise the lower bound of the count range")
                            .chapter("15.5.4"),
                    );
                    break;
                }
            }
        }
    }

    /// Whether a requirement that is mapped to must be fulfilled.
    fn is_mandatory(&self, target: &TargetWords<'a>, nodes: &[Box<words::NodeTemplate<'a>>]) -> bool {
        let TargetWords::Pair(first, second) = target else { return false };
        let Some(&node) = self.template.ids.get(first.text) else { return false };
        let Some(body) = self.node_body(self.template.types[node]) else { return false };
        let Some(definition) = body.requirements.get(second.text) else { return false };
        let assigned = nodes[node].requirements.iter();
        let mut assigned = assigned.filter(|own| own.name.text == second.text).peekable();
        if assigned.peek().is_none() {
            return definition.count_range.min > 0;
        }
        assigned.any(|own| {
            own.optional == Some(false) || own.optional.is_none() && definition.count_range.min > 0
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
