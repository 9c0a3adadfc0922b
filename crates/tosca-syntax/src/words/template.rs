//! The service template (6.9) and node templates (7.2).

use std::collections::HashMap;

use diagnostics::{Diagnostic, Place, Span};

use super::artifact::ArtifactDefinition;
use super::assignment::{Assignment, CapabilityAssignment, InterfaceAssignment, RequirementAssignment};
use super::construct::{Construct, Hidden, Shape};
use super::copies::copy_templates;
use super::property::ParameterDefinition;
use super::reader::{Common, Reader, Word};
use super::substitution::Substitution;
use super::topology::{Group, Policy, RelationshipTemplate};
use super::workflow::Workflow;
use crate::yaml::{Document, Node};

/// A service template (6.9).
#[derive(Debug, Default)]
pub struct ServiceTemplate<'a> {
    /// The keyname `service_template`.
    pub span: Span,
    /// `inputs`.
    pub inputs: Vec<ParameterDefinition<'a>>,
    /// `outputs`.
    pub outputs: Vec<ParameterDefinition<'a>>,
    /// `node_templates`.
    pub node_templates: Vec<Box<NodeTemplate<'a>>>,
    /// `relationship_templates`.
    pub relationship_templates: Vec<Box<RelationshipTemplate<'a>>>,
    /// `groups`.
    pub groups: Vec<Group<'a>>,
    /// `policies`, in order.
    pub policies: Vec<Policy<'a>>,
    /// `substitution_mappings`.
    pub substitution: Option<Substitution<'a>>,
    /// `workflows`.
    pub workflows: Vec<Workflow<'a>>,
    /// `description`, `metadata`.
    pub common: Common<'a>,
    /// What could not be read.
    pub hidden: Hidden,
}

/// A node template (7.2).
#[derive(Debug, Clone, Default)]
pub struct NodeTemplate<'a> {
    /// Its name.
    pub name: Word<'a>,
    /// `type`.
    pub node_type: Option<Word<'a>>,
    /// `properties`.
    pub properties: Vec<Assignment<'a>>,
    /// `attributes`.
    pub attributes: Vec<Assignment<'a>>,
    /// `capabilities`.
    pub capabilities: Vec<CapabilityAssignment<'a>>,
    /// `requirements`.
    pub requirements: Vec<RequirementAssignment<'a>>,
    /// `interfaces`.
    pub interfaces: Vec<InterfaceAssignment<'a>>,
    /// `artifacts`.
    pub artifacts: Vec<ArtifactDefinition<'a>>,
    /// `directives`, to be tried in order.
    pub directives: Vec<(NodeDirective, Span)>,
    /// `count`.
    pub count: Option<Node<'a>>,
    /// `node_filter`: a condition clause.
    pub node_filter: Option<Node<'a>>,
    /// `copy`: another node template, whose keynames are here already.
    pub copy: Option<Word<'a>>,
    /// All of it.
    pub span: Span,
    /// `description`, `metadata`.
    pub common: Common<'a>,
    /// What could not be read.
    pub hidden: Hidden,
}

/// How a node comes to be (7.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NodeDirective {
    /// It is created.
    Create,
    /// It is found: it exists already, in another service.
    Select,
    /// It is created, and another service template says what is in it.
    Substitute,
}

const DIRECTIVES: [(&str, NodeDirective); 3] = [
    ("create", NodeDirective::Create),
    ("select", NodeDirective::Select),
    ("substitute", NodeDirective::Substitute),
];

impl<'a> ServiceTemplate<'a> {
    const CONSTRUCT: Construct<'a, Self> = Construct::new(
        Shape {
            needs: &[("node_templates", None)],
            gone: &[("substitution_mapping", "the keyname is `substitution_mappings`")],
            ..Shape::new("a service template", "6.9.1")
        },
        &[
            ("description", |own, field| own.common.description = field.text()),
            ("metadata", |own, field| own.common.metadata = field.metadata()),
            // For the template, inputs come in and outputs go out.
            ("inputs", |own, field| own.inputs = field.named(Reader::incoming_parameter)),
            ("outputs", |own, field| own.outputs = field.named(Reader::outgoing_parameter)),
            ("node_templates", |own, field| own.node_templates = field.named(Reader::node_template)),
            ("relationship_templates", |own, field| {
                own.relationship_templates = field.named(Reader::relationship_template);
            }),
            ("groups", |own, field| own.groups = field.named(Reader::group)),
            ("policies", |own, field| own.policies = field.named_list(Reader::policy)),
            ("substitution_mappings", |own, field| own.substitution = field.substitution()),
            ("workflows", |own, field| own.workflows = field.named(Reader::workflow)),
            // Read by `read_template_functions`.
            ("functions", |_, _| {}),
        ],
    );
}

impl<'a> NodeTemplate<'a> {
    const CONSTRUCT: Construct<'a, Self> = Construct::new(
        // A template with `copy` may take its type from there.
        Shape { needs: &[("type", Some("copy"))], ..Shape::new("a node template", "7.2") },
        &[
            ("type", |own, field| own.node_type = field.word()),
            ("description", |own, field| own.common.description = field.text()),
            ("metadata", |own, field| own.common.metadata = field.metadata()),
            ("properties", |own, field| own.properties = field.assignments()),
            ("attributes", |own, field| own.attributes = field.assignments()),
            ("requirements", |own, field| {
                own.requirements = field.named_list(Reader::requirement_assignment)
            }),
            ("capabilities", |own, field| own.capabilities = field.named(Reader::capability_assignment)),
            ("interfaces", |own, field| own.interfaces = field.named(Reader::interface_assignment)),
            ("artifacts", |own, field| own.artifacts = field.named(Reader::named_artifact)),
            ("directives", |own, field| own.directives = field.directives(&DIRECTIVES)),
            ("count", |own, field| own.count = field.node()),
            ("node_filter", |own, field| own.node_filter = field.node_filter()),
            ("copy", |own, field| own.copy = field.word()),
        ],
    );
}

/// Reads the service template of a file, when it has one.
pub fn read_service_template<'a>(reader: &mut Reader, document: &'a Document) -> Option<ServiceTemplate<'a>> {
    let (key, node) =
        document.root().entries()?.find(|(key, _)| key.as_string() == Some("service_template"))?;
    let mut template = ServiceTemplate { span: key.span(), ..ServiceTemplate::default() };
    template.hidden = reader.fill(&mut template, &ServiceTemplate::CONSTRUCT, Word::of(key), node);
    node.entries()?;
    copy_templates(reader, &mut template.node_templates);
    copy_templates(reader, &mut template.relationship_templates);
    reader.unique_policies(&template.policies);
    Some(template)
}

impl Reader {
    fn node_template<'a>(&mut self, name: Word<'a>, node: Node<'a>) -> Box<NodeTemplate<'a>> {
        let mut own = Box::new(NodeTemplate { name, span: node.span(), ..NodeTemplate::default() });
        own.hidden = self.fill(&mut *own, &NodeTemplate::CONSTRUCT, Some(name), node);
        own
    }

    /// Policies are a list, so that the document may name two alike (6.9.1).
    fn unique_policies(&mut self, policies: &[Policy<'_>]) {
        let mut seen: HashMap<&str, Span> = HashMap::with_capacity(policies.len());
        for policy in policies {
            let name = policy.name;
            let first = *seen.entry(name.text).or_insert(name.span);
            if first != name.span {
                self.report(
                    Diagnostic::error("duplicate-policy", format!("two policies are called `{}`", name.text))
                        .at(Place::new(name.span, "defined again here"))
                        .related(Place::new(first, "first defined here"))
                        .chapter("6.9.8"),
                );
            }
        }
    }
}
