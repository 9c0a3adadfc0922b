//! The service template (6.9) and node templates (7.2).

use diagnostics::Span;

use super::definitions::{ArtifactDefinition, Implementation, ParameterDefinition};
use super::keynames::{self, Hidden};
use super::reader::{Common, Fields, Reader, Word};
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
    /// `description`, `metadata`.
    pub common: Common<'a>,
    /// What could not be read.
    pub hidden: Hidden,
}

/// A node template (7.2).
#[derive(Debug)]
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
    /// `description`, `metadata`.
    pub common: Common<'a>,
    /// What could not be read.
    pub hidden: Hidden,
}

/// A capability assignment (8.3).
#[derive(Debug)]
pub struct CapabilityAssignment<'a> {
    /// Its name.
    pub name: Word<'a>,
    /// `properties`.
    pub properties: Vec<Assignment<'a>>,
    /// `attributes`.
    pub attributes: Vec<Assignment<'a>>,
    /// `description`, `metadata`.
    pub common: Common<'a>,
    /// What could not be read.
    pub hidden: Hidden,
}

/// A requirement assignment (8.5).
#[derive(Debug)]
pub struct RequirementAssignment<'a> {
    /// Its name.
    pub name: Word<'a>,
    /// `node`: a node template (or type).
    pub node: Option<Word<'a>>,
    /// `capability`: a capability of the target, or a capability type.
    pub capability: Option<Word<'a>>,
    /// `relationship`.
    pub relationship: Option<RelationshipAssignment<'a>>,
    /// `description`, `metadata`.
    pub common: Common<'a>,
    /// What could not be read.
    pub hidden: Hidden,
}

/// The relationship of a requirement assignment (8.5).
#[derive(Debug)]
pub struct RelationshipAssignment<'a> {
    /// `type`.
    pub relationship_type: Option<Word<'a>>,
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
#[derive(Debug)]
pub struct InterfaceAssignment<'a> {
    /// Its name.
    pub name: Word<'a>,
    /// `inputs`.
    pub inputs: Vec<Assignment<'a>>,
    /// `operations`.
    pub operations: Vec<OperationAssignment<'a>>,
    /// `description`, `metadata`.
    pub common: Common<'a>,
    /// What could not be read.
    pub hidden: Hidden,
}

/// An operation assignment (11.5).
#[derive(Debug)]
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
    let node_templates = reader.named(&mut fields, "node_templates", Reader::node_template);
    Some(ServiceTemplate { span: key.span(), inputs, outputs, node_templates, common, hidden: fields.hidden })
}

impl Reader {
    fn assignments<'a>(&mut self, fields: &mut Fields<'a>, keyname: &'static str) -> Vec<Assignment<'a>> {
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
            common: Common::default(),
            hidden: Hidden::default(),
        };
        let Some(mut fields) = self.fields(node, &keynames::NODE_TEMPLATE, Some(name)) else {
            template.hidden.add("type");
            return template;
        };
        // A template with `copy` may take its type from there.
        let copies = node.get("copy").is_some();
        template.node_type =
            if copies { self.word(&mut fields, "type") } else { self.mandatory_word(&mut fields, "type") };
        template.common = self.common(&mut fields);
        template.properties = self.assignments(&mut fields, "properties");
        template.attributes = self.assignments(&mut fields, "attributes");
        template.capabilities = self.named(&mut fields, "capabilities", Self::capability_assignment);
        template.requirements = self.named_list(&mut fields, "requirements", Self::requirement_assignment);
        template.interfaces = self.named(&mut fields, "interfaces", Self::interface_assignment);
        template.artifacts = self.named(&mut fields, "artifacts", Self::named_artifact);
        if copies || node.get("directives").is_some() {
            // Copied from elsewhere, or made elsewhere: nothing can be said to be missing here.
            for keyname in ["type", "properties", "requirements", "capabilities", "interfaces"] {
                fields.hidden.add(keyname);
            }
        }
        template.hidden = fields.hidden;
        template
    }

    fn capability_assignment<'a>(&mut self, name: Word<'a>, node: Node<'a>) -> CapabilityAssignment<'a> {
        let mut assignment = CapabilityAssignment {
            name,
            properties: Vec::new(),
            attributes: Vec::new(),
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
        assignment.hidden = fields.hidden;
        assignment
    }

    fn requirement_assignment<'a>(&mut self, name: Word<'a>, node: Node<'a>) -> RequirementAssignment<'a> {
        let mut assignment = RequirementAssignment {
            name,
            node: None,
            capability: None,
            relationship: None,
            common: Common::default(),
            hidden: Hidden::default(),
        };
        if let Some(text) = node.as_string() {
            assignment.node = Some(Word { text, span: node.span() });
            return assignment;
        }
        if node.items().is_some() {
            self.unsupported_index(node);
            assignment.hidden.add("node");
            return assignment;
        }
        let Some(mut fields) = self.fields(node, &keynames::REQUIREMENT_ASSIGNMENT, Some(name)) else {
            assignment.hidden.add("node");
            return assignment;
        };
        assignment.node = match fields.get("node") {
            Some(list) if list.items().is_some() => {
                self.unsupported_index(list);
                fields.hidden.add("node");
                None
            }
            _ => self.word(&mut fields, "node"),
        };
        if ["node_filter", "directives", "optional", "count"]
            .iter()
            .any(|keyname| node.get(keyname).is_some())
        {
            // Reported as unsupported; without a node, the target would have been looked for.
            fields.hidden.add("node");
        }
        assignment.capability = self.word(&mut fields, "capability");
        assignment.common = self.common(&mut fields);
        assignment.relationship = self.relationship_assignment(&mut fields);
        assignment.hidden = fields.hidden;
        assignment
    }

    fn unsupported_index(&mut self, node: Node<'_>) {
        self.report(
            diagnostics::Diagnostic::error(
                "unsupported-value",
                "a node template with an index (`[template, index]`) is not supported yet by khutulun",
            )
            .at(node.span())
            .hint("name the node template alone")
            .chapter("8.5.2"),
        );
    }

    fn relationship_assignment<'a>(&mut self, fields: &mut Fields<'a>) -> Option<RelationshipAssignment<'a>> {
        let (key, node) = fields.entry("relationship")?;
        let span = key.span();
        let mut assignment = RelationshipAssignment {
            relationship_type: None,
            properties: Vec::new(),
            attributes: Vec::new(),
            interfaces: Vec::new(),
            common: Common::default(),
            span,
            hidden: Hidden::default(),
        };
        if let Some(text) = node.as_string() {
            assignment.relationship_type = Some(Word { text, span: node.span() });
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

    fn interface_assignment<'a>(&mut self, name: Word<'a>, node: Node<'a>) -> InterfaceAssignment<'a> {
        let mut assignment = InterfaceAssignment {
            name,
            inputs: Vec::new(),
            operations: Vec::new(),
            common: Common::default(),
            hidden: Hidden::default(),
        };
        let Some(mut fields) = self.fields(node, &keynames::INTERFACE_ASSIGNMENT, Some(name)) else {
            assignment.hidden.add("inputs");
            assignment.hidden.add("operations");
            return assignment;
        };
        assignment.common = self.common(&mut fields);
        assignment.inputs = self.assignments(&mut fields, "inputs");
        assignment.operations = self.named(&mut fields, "operations", Self::operation_assignment);
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
