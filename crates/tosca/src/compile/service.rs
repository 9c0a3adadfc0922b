//! The service template (6.9): its parts, in the order in which they need each other.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use diagnostics::{Diagnostic, Place, Span};
use tosca_syntax::words;

use super::form::plain_metadata;
use super::topology::OUTSIDE;
use super::{Compiler, Context, SelfIs};
use crate::model::{Map, Name, Parameter, Relationship, ServiceTemplate, TypeId, TypeKind};

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
    /// The requirements, each of a node template by position, that requirements of a substituted node are mapped to.
    pub(super) mapped: HashSet<(usize, &'a str)>,
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
            of_type: None,
        };
        for (position, node) in nodes.iter().enumerate() {
            self.template.ids.insert(node.name.text, position);
            self.template.names.push(node.name.text);
            let artifacts = node.artifacts.iter().filter_map(|artifact| artifact.name);
            self.template.artifacts.push(artifacts.map(|name| name.text).collect());
        }
        let mappings = words.substitution.iter().flat_map(|own| &own.requirements);
        let mapped = mappings.flat_map(|mapping| &mapping.targets).filter_map(|target| match target {
            words::MappingTarget::Pair(node, name) => Some((*self.template.ids.get(node.text)?, name.text)),
            words::MappingTarget::Selectable(_) => None,
        });
        self.template.mapped = mapped.collect();
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
        let required = self.required(own, None, what);
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
}
