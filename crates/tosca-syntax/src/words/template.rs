//! The service template (6.9) and node templates (7.2).

use std::collections::HashMap;

use diagnostics::{Diagnostic, Place, Span, one_of};

use super::copies::copy_templates;
use super::definitions::{ArtifactDefinition, Implementation, ParameterDefinition};
use super::keynames::{self, Hidden};
use super::reader::{Common, Fields, Reader, Word};
use super::topology::{Group, Policy, RelationshipTemplate, Substitution};
use super::workflow::Workflow;
use crate::yaml::{Document, Node};

/// A name and a value: a property, attribute, input or output assignment.
#[derive(Debug, Clone, Copy)]
pub struct Assignment<'a> {
    /// The name.
    pub name: Word<'a>,
    /// The value.
    pub value: Node<'a>,
}

/// A service template (6.9).
#[derive(Debug)]
pub struct ServiceTemplate<'a> {
    /// The keyname `service_template`.
    pub span: Span,
    /// `inputs`.
    pub inputs: Vec<ParameterDefinition<'a>>,
    /// `outputs`.
    pub outputs: Vec<ParameterDefinition<'a>>,
    /// `node_templates`.
    pub node_templates: Vec<NodeTemplate<'a>>,
    /// `relationship_templates`.
    pub relationship_templates: Vec<RelationshipTemplate<'a>>,
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
#[derive(Debug, Clone)]
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

/// Where to look for the target of a requirement (8.5.2), or from where a capability may be used (8.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reach {
    /// In the same service.
    Internal,
    /// In other services.
    External,
}

/// A capability assignment (8.3).
#[derive(Debug, Clone)]
pub struct CapabilityAssignment<'a> {
    /// Its name.
    pub name: Word<'a>,
    /// `properties`.
    pub properties: Vec<Assignment<'a>>,
    /// `attributes`.
    pub attributes: Vec<Assignment<'a>>,
    /// `directives`, the preferred first.
    pub directives: Vec<(Reach, Span)>,
    /// `description`, `metadata`.
    pub common: Common<'a>,
    /// What could not be read.
    pub hidden: Hidden,
}

/// A requirement assignment (8.5).
#[derive(Debug, Clone)]
pub struct RequirementAssignment<'a> {
    /// Its name.
    pub name: Word<'a>,
    /// `node`: a node template (or type).
    pub node: Option<Word<'a>>,
    /// The index of `[node_template, index]`.
    pub index: Option<Node<'a>>,
    /// `capability`: a capability of the target, or a capability type.
    pub capability: Option<Word<'a>>,
    /// `relationship`.
    pub relationship: Option<Box<RelationshipAssignment<'a>>>,
    /// `node_filter`: a condition clause.
    pub node_filter: Option<Node<'a>>,
    /// `count`.
    pub count: Option<Node<'a>>,
    /// `directives`, the preferred first.
    pub directives: Vec<(Reach, Span)>,
    /// `optional`.
    pub optional: Option<bool>,
    /// `allocation`: how much of the properties of the target's capability it takes.
    pub allocation: Vec<Assignment<'a>>,
    /// `description`, `metadata`.
    pub common: Common<'a>,
    /// What could not be read.
    pub hidden: Hidden,
}

/// The relationship of a requirement assignment (8.5).
#[derive(Debug, Clone)]
pub struct RelationshipAssignment<'a> {
    /// `type`.
    pub relationship_type: Option<Word<'a>>,
    /// Whether it is the single-line form, which may name a relationship template too.
    pub is_short: bool,
    /// `properties`.
    pub properties: Vec<Assignment<'a>>,
    /// `attributes`.
    pub attributes: Vec<Assignment<'a>>,
    /// `interfaces`.
    pub interfaces: Vec<InterfaceAssignment<'a>>,
    /// `description`, `metadata`.
    pub common: Common<'a>,
    /// Where it is.
    pub span: Span,
    /// What could not be read.
    pub hidden: Hidden,
}

/// An interface assignment (11.3).
#[derive(Debug, Clone)]
pub struct InterfaceAssignment<'a> {
    /// Its name.
    pub name: Word<'a>,
    /// `inputs`.
    pub inputs: Vec<Assignment<'a>>,
    /// `operations`.
    pub operations: Vec<OperationAssignment<'a>>,
    /// `notifications`.
    pub notifications: Vec<OperationAssignment<'a>>,
    /// `description`, `metadata`.
    pub common: Common<'a>,
    /// What could not be read.
    pub hidden: Hidden,
}

/// An operation or notification assignment (11.5, 11.7).
#[derive(Debug, Clone)]
pub struct OperationAssignment<'a> {
    /// Its name.
    pub name: Word<'a>,
    /// `implementation`.
    pub implementation: Option<Implementation<'a>>,
    /// `inputs`.
    pub inputs: Vec<Assignment<'a>>,
    /// `outputs`: attribute mappings.
    pub outputs: Vec<Assignment<'a>>,
    /// `description`, `metadata`.
    pub common: Common<'a>,
    /// What could not be read.
    pub hidden: Hidden,
}

/// Reads the service template of a file, when it has one.
pub fn read_service_template<'a>(reader: &mut Reader, document: &'a Document) -> Option<ServiceTemplate<'a>> {
    let (key, node) =
        document.root().entries()?.find(|(key, _)| key.as_string() == Some("service_template"))?;
    let name = Word { text: "service_template", span: key.span() };
    let mut fields = reader.fields(node, &keynames::SERVICE_TEMPLATE, Some(name))?;
    if fields.entry("node_templates").is_none() {
        reader.missing(&fields, "node_templates");
    }
    let common = reader.common(&mut fields);
    // For the template, inputs come in and outputs go out.
    let inputs = reader.named(&mut fields, "inputs", Reader::incoming_parameter);
    let outputs = reader.named(&mut fields, "outputs", Reader::outgoing_parameter);
    let mut node_templates = reader.named(&mut fields, "node_templates", Reader::node_template);
    copy_templates(reader, &mut node_templates);
    let mut relationship_templates =
        reader.named(&mut fields, "relationship_templates", Reader::relationship_template);
    copy_templates(reader, &mut relationship_templates);
    let groups = reader.named(&mut fields, "groups", Reader::group);
    let policies = reader.named_list(&mut fields, "policies", Reader::policy);
    reader.unique_policies(&policies);
    Some(ServiceTemplate {
        span: key.span(),
        inputs,
        outputs,
        node_templates,
        relationship_templates,
        groups,
        policies,
        substitution: reader.substitution(&mut fields),
        workflows: reader.named(&mut fields, "workflows", Reader::workflow),
        common,
        hidden: fields.hidden,
    })
}

impl Reader {
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

    /// `directives`: each once, of those known.
    fn directives<T: Copy + PartialEq>(
        &mut self,
        fields: &mut Fields<'_>,
        known: &[(&'static str, T)],
    ) -> Vec<(T, Span)> {
        let chapter = fields.shape_chapter();
        let mut directives: Vec<(T, Span)> = Vec::new();
        for word in self.words(fields, "directives").unwrap_or_default() {
            let Some((_, directive)) = known.iter().find(|(name, _)| *name == word.text) else {
                let gone = match word.text {
                    "substitutable" => Some("TOSCA 2.0 calls it `substitute`".to_owned()),
                    "selectable" => Some("TOSCA 2.0 calls it `select`".to_owned()),
                    text => diagnostics::did_you_mean(text, known.iter().map(|(name, _)| *name)),
                };
                let names = one_of(known.iter().map(|(name, _)| *name));
                self.report(
                    Diagnostic::error("unknown-directive", format!("unknown directive `{}`", word.text))
                        .at(word.span)
                        .maybe_hint(gone)
                        .hint(format!("allowed here: {names}"))
                        .chapter(chapter),
                );
                fields.hidden.add("directives");
                continue;
            };
            if let Some((_, first)) = directives.iter().find(|(other, _)| other == directive) {
                self.report(
                    Diagnostic::error(
                        "duplicate-directive",
                        format!("the directive `{}` is here twice", word.text),
                    )
                    .at(word.span)
                    .related(Place::new(*first, "the first"))
                    .chapter(chapter),
                );
                continue;
            }
            directives.push((*directive, word.span));
        }
        directives
    }

    /// `node_filter`: a condition clause, not what TOSCA 1.x had.
    pub(super) fn node_filter<'a>(&mut self, fields: &mut Fields<'a>) -> Option<Node<'a>> {
        let node = fields.get("node_filter")?;
        let is_old = node.entries().is_some_and(|mut entries| {
            entries.any(|(key, _)| matches!(key.as_string(), Some("properties" | "capabilities")))
        });
        if is_old {
            self.report(
                Diagnostic::error("invalid-condition", "a node filter is a condition clause")
                    .at(Place::new(node.span(), "this is the node filter of TOSCA 1.x"))
                    .hint("for example: `node_filter: { $equal: [ { $get_property: [ SELF, TARGET, name ] }, value ] }`")
                    .chapter("8.6"),
            );
            fields.hidden.add("node_filter");
            return None;
        }
        Some(node)
    }

    pub(super) fn assignments<'a>(
        &mut self,
        fields: &mut Fields<'a>,
        keyname: &'static str,
    ) -> Vec<Assignment<'a>> {
        self.named(fields, keyname, |_, name, value| Assignment { name, value })
    }

    fn node_template<'a>(&mut self, name: Word<'a>, node: Node<'a>) -> NodeTemplate<'a> {
        let mut template = NodeTemplate {
            name,
            node_type: None,
            properties: Vec::new(),
            attributes: Vec::new(),
            capabilities: Vec::new(),
            requirements: Vec::new(),
            interfaces: Vec::new(),
            artifacts: Vec::new(),
            directives: Vec::new(),
            count: None,
            node_filter: None,
            copy: None,
            span: node.span(),
            common: Common::default(),
            hidden: Hidden::default(),
        };
        let Some(mut fields) = self.fields(node, &keynames::NODE_TEMPLATE, Some(name)) else {
            template.hidden.add("type");
            return template;
        };
        // A template with `copy` may take its type from there.
        let copies = fields.entry("copy").is_some();
        template.copy = self.word(&mut fields, "copy");
        template.node_type =
            if copies { self.word(&mut fields, "type") } else { self.mandatory_word(&mut fields, "type") };
        template.common = self.common(&mut fields);
        template.properties = self.assignments(&mut fields, "properties");
        template.attributes = self.assignments(&mut fields, "attributes");
        template.capabilities = self.named(&mut fields, "capabilities", Self::capability_assignment);
        template.requirements = self.named_list(&mut fields, "requirements", Self::requirement_assignment);
        template.interfaces = self.named(&mut fields, "interfaces", Self::interface_assignment);
        template.artifacts = self.named(&mut fields, "artifacts", Self::named_artifact);
        template.directives = self.directives(
            &mut fields,
            &[
                ("create", NodeDirective::Create),
                ("select", NodeDirective::Select),
                ("substitute", NodeDirective::Substitute),
            ],
        );
        template.count = fields.get("count");
        template.node_filter = self.node_filter(&mut fields);
        template.hidden = fields.hidden;
        template
    }

    fn capability_assignment<'a>(&mut self, name: Word<'a>, node: Node<'a>) -> CapabilityAssignment<'a> {
        let mut assignment = CapabilityAssignment {
            name,
            properties: Vec::new(),
            attributes: Vec::new(),
            directives: Vec::new(),
            common: Common::default(),
            hidden: Hidden::default(),
        };
        let Some(mut fields) = self.fields(node, &keynames::CAPABILITY_ASSIGNMENT, Some(name)) else {
            assignment.hidden.add("properties");
            return assignment;
        };
        assignment.common = self.common(&mut fields);
        assignment.properties = self.assignments(&mut fields, "properties");
        assignment.attributes = self.assignments(&mut fields, "attributes");
        assignment.directives = self.directives(&mut fields, &REACHES);
        assignment.hidden = fields.hidden;
        assignment
    }

    fn requirement_assignment<'a>(&mut self, name: Word<'a>, node: Node<'a>) -> RequirementAssignment<'a> {
        let mut assignment = RequirementAssignment {
            name,
            node: None,
            index: None,
            capability: None,
            relationship: None,
            node_filter: None,
            count: None,
            directives: Vec::new(),
            optional: None,
            allocation: Vec::new(),
            common: Common::default(),
            hidden: Hidden::default(),
        };
        if let Some(text) = node.as_string() {
            assignment.node = Some(Word { text, span: node.span() });
            return assignment;
        }
        if node.items().is_some() {
            self.indexed_node(node, &mut assignment);
            return assignment;
        }
        let Some(mut fields) = self.fields(node, &keynames::REQUIREMENT_ASSIGNMENT, Some(name)) else {
            assignment.hidden.add("node");
            return assignment;
        };
        match fields.get("node") {
            Some(list) if list.items().is_some() => self.indexed_node(list, &mut assignment),
            _ => assignment.node = self.word(&mut fields, "node"),
        }
        assignment.node_filter = self.node_filter(&mut fields);
        assignment.count = fields.get("count");
        assignment.directives = self.directives(&mut fields, &REACHES);
        assignment.optional = self.boolean(&fields, "optional");
        assignment.allocation = self.assignments(&mut fields, "allocation");
        assignment.capability = self.word(&mut fields, "capability");
        assignment.common = self.common(&mut fields);
        assignment.relationship = self.relationship_assignment(&mut fields).map(Box::new);
        if assignment.hidden.has("node") {
            fields.hidden.add("node");
        }
        assignment.hidden = fields.hidden;
        assignment
    }

    /// `[node_template, index]`; the index may be computed.
    fn indexed_node<'a>(&mut self, node: Node<'a>, assignment: &mut RequirementAssignment<'a>) {
        let items: Vec<_> = node.items().into_iter().flatten().collect();
        if let [of, index] = items[..]
            && let Some(text) = of.as_string()
        {
            assignment.node = Some(Word { text, span: of.span() });
            assignment.index = Some(index);
            return;
        }
        self.report(
            Diagnostic::error("wrong-kind", "a node with an index is written `[ node_template, index ]`")
                .at(node.span())
                .chapter("8.5.2"),
        );
        assignment.hidden.add("node");
    }

    fn relationship_assignment<'a>(&mut self, fields: &mut Fields<'a>) -> Option<RelationshipAssignment<'a>> {
        let (key, node) = fields.entry("relationship")?;
        let span = key.span();
        let mut assignment = RelationshipAssignment {
            relationship_type: None,
            is_short: false,
            properties: Vec::new(),
            attributes: Vec::new(),
            interfaces: Vec::new(),
            common: Common::default(),
            span,
            hidden: Hidden::default(),
        };
        if let Some(text) = node.as_string() {
            assignment.relationship_type = Some(Word { text, span: node.span() });
            assignment.is_short = true;
            return Some(assignment);
        }
        let name = Word { text: "relationship", span };
        let Some(mut own) = self.fields(node, &keynames::RELATIONSHIP_ASSIGNMENT, Some(name)) else {
            fields.hidden.add("relationship");
            return None;
        };
        assignment.relationship_type = self.word(&mut own, "type");
        assignment.common = self.common(&mut own);
        assignment.properties = self.assignments(&mut own, "properties");
        assignment.attributes = self.assignments(&mut own, "attributes");
        assignment.interfaces = self.named(&mut own, "interfaces", Self::interface_assignment);
        assignment.hidden = own.hidden;
        Some(assignment)
    }

    pub(super) fn interface_assignment<'a>(
        &mut self,
        name: Word<'a>,
        node: Node<'a>,
    ) -> InterfaceAssignment<'a> {
        let mut assignment = InterfaceAssignment {
            name,
            inputs: Vec::new(),
            operations: Vec::new(),
            notifications: Vec::new(),
            common: Common::default(),
            hidden: Hidden::default(),
        };
        let Some(mut fields) = self.fields(node, &keynames::INTERFACE_ASSIGNMENT, Some(name)) else {
            assignment.hidden.add("inputs");
            assignment.hidden.add("operations");
            assignment.hidden.add("notifications");
            return assignment;
        };
        assignment.common = self.common(&mut fields);
        assignment.inputs = self.assignments(&mut fields, "inputs");
        assignment.operations = self.named(&mut fields, "operations", Self::operation_assignment);
        assignment.notifications = self.named(&mut fields, "notifications", Self::operation_assignment);
        assignment.hidden = fields.hidden;
        assignment
    }

    fn operation_assignment<'a>(&mut self, name: Word<'a>, node: Node<'a>) -> OperationAssignment<'a> {
        let mut assignment = OperationAssignment {
            name,
            implementation: None,
            inputs: Vec::new(),
            outputs: Vec::new(),
            common: Common::default(),
            hidden: Hidden::default(),
        };
        if let Some(text) = node.as_string() {
            assignment.implementation = Some(Implementation::of_name(Word { text, span: node.span() }));
            return assignment;
        }
        let Some(mut fields) = self.fields(node, &keynames::OPERATION_ASSIGNMENT, Some(name)) else {
            assignment.hidden.add("inputs");
            return assignment;
        };
        assignment.common = self.common(&mut fields);
        assignment.implementation = self.implementation(&mut fields);
        assignment.inputs = self.assignments(&mut fields, "inputs");
        assignment.outputs = self.assignments(&mut fields, "outputs");
        assignment.hidden = fields.hidden;
        assignment
    }
}

const REACHES: [(&str, Reach); 2] = [("internal", Reach::Internal), ("external", Reach::External)];
