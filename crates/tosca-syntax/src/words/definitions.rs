//! Definitions inside types: properties, parameters, schemas, capabilities, requirements, interfaces, operations,
//! artifacts.

use diagnostics::{Diagnostic, Place, Span};

use super::keynames::{self, Hidden, Shape};
use super::reader::{Common, Fields, Reader, Word, has_keyname_of, has_near_keyname_of};
use super::template::Assignment;
use crate::yaml::{Node, ScalarKind, parse_integer};

/// A property or attribute definition or refinement (9.3, 9.5).
#[derive(Debug)]
pub struct PropertyDefinition<'a> {
    /// Its name.
    pub name: Word<'a>,
    /// Whether it is the single-line form, which gives only `value`.
    pub is_short: bool,
    /// `type`.
    pub data_type: Option<Word<'a>>,
    /// `required`.
    pub required: Option<bool>,
    /// `default`.
    pub default: Option<Node<'a>>,
    /// `value`.
    pub value: Option<Node<'a>>,
    /// `validation`.
    pub validation: Option<Node<'a>>,
    /// `key_schema`.
    pub key_schema: Option<Schema<'a>>,
    /// `entry_schema`.
    pub entry_schema: Option<Schema<'a>>,
    /// `description`, `metadata`.
    pub common: Common<'a>,
    /// What could not be read.
    pub hidden: Hidden,
}

/// A parameter definition or refinement (9.7): a property definition with a mapping.
#[derive(Debug)]
pub struct ParameterDefinition<'a> {
    /// What it shares with a property definition; its short form is a value or a mapping.
    pub property: PropertyDefinition<'a>,
    /// `mapping`.
    pub mapping: Option<Node<'a>>,
}

/// A schema definition (9.3).
#[derive(Debug)]
pub struct Schema<'a> {
    /// `type`.
    pub data_type: Option<Word<'a>>,
    /// `validation`.
    pub validation: Option<Node<'a>>,
    /// `key_schema`.
    pub key_schema: Option<Box<Schema<'a>>>,
    /// `entry_schema`.
    pub entry_schema: Option<Box<Schema<'a>>>,
    /// `description`, `metadata`.
    pub common: Common<'a>,
    /// Where it is.
    pub span: Span,
    /// What could not be read.
    pub hidden: Hidden,
}

/// A capability definition or refinement (8.2).
#[derive(Debug)]
pub struct CapabilityDefinition<'a> {
    /// Its name.
    pub name: Word<'a>,
    /// `type`; may be absent in refinements.
    pub capability_type: Option<Word<'a>>,
    /// `properties`.
    pub properties: Vec<PropertyDefinition<'a>>,
    /// `attributes`.
    pub attributes: Vec<PropertyDefinition<'a>>,
    /// `valid_source_node_types`.
    pub valid_source_node_types: Option<Vec<Word<'a>>>,
    /// `valid_relationship_types`.
    pub valid_relationship_types: Option<Vec<Word<'a>>>,
    /// `description`, `metadata`.
    pub common: Common<'a>,
    /// What could not be read.
    pub hidden: Hidden,
}

/// A `count_range`.
#[derive(Debug, Clone, Copy)]
pub struct CountRangeWords {
    /// At least.
    pub min: u64,
    /// At most; absent means `UNBOUNDED`.
    pub max: Option<u64>,
    /// Where it is.
    pub span: Span,
}

/// A requirement definition or refinement (8.4).
#[derive(Debug)]
pub struct RequirementDefinition<'a> {
    /// Its name.
    pub name: Word<'a>,
    /// Whether it is the single-line form, which gives only `capability`.
    pub is_short: bool,
    /// `capability`: a capability type, or a capability's name in the node type.
    pub capability: Option<Word<'a>>,
    /// `node`: a node type.
    pub node: Option<Word<'a>>,
    /// `relationship`.
    pub relationship: Option<RelationshipDefinition<'a>>,
    /// `node_filter`: a condition clause.
    pub node_filter: Option<Node<'a>>,
    /// `count_range`.
    pub count_range: Option<CountRangeWords>,
    /// `description`, `metadata`.
    pub common: Common<'a>,
    /// What could not be read.
    pub hidden: Hidden,
}

/// The relationship of a requirement definition (8.4).
#[derive(Debug)]
pub struct RelationshipDefinition<'a> {
    /// `type`.
    pub relationship_type: Option<Word<'a>>,
    /// `properties`: refinements.
    pub properties: Vec<PropertyDefinition<'a>>,
    /// `attributes`: refinements.
    pub attributes: Vec<PropertyDefinition<'a>>,
    /// `interfaces`: refinements.
    pub interfaces: Vec<InterfaceDefinition<'a>>,
    /// `description`, `metadata`.
    pub common: Common<'a>,
    /// Where it is.
    pub span: Span,
    /// What could not be read.
    pub hidden: Hidden,
}

/// An interface definition or refinement (11.2).
#[derive(Debug)]
pub struct InterfaceDefinition<'a> {
    /// Its name.
    pub name: Word<'a>,
    /// `type`; may be absent in refinements.
    pub interface_type: Option<Word<'a>>,
    /// `inputs`.
    pub inputs: Vec<ParameterDefinition<'a>>,
    /// `operations`.
    pub operations: Vec<OperationDefinition<'a>>,
    /// `notifications`.
    pub notifications: Vec<OperationDefinition<'a>>,
    /// `description`, `metadata`.
    pub common: Common<'a>,
    /// What could not be read.
    pub hidden: Hidden,
}

/// An operation or notification definition or refinement (11.4, 11.6).
#[derive(Debug)]
pub struct OperationDefinition<'a> {
    /// Its name.
    pub name: Word<'a>,
    /// `implementation`.
    pub implementation: Option<Implementation<'a>>,
    /// `inputs`.
    pub inputs: Vec<ParameterDefinition<'a>>,
    /// `outputs`.
    pub outputs: Vec<ParameterDefinition<'a>>,
    /// `description`, `metadata`.
    pub common: Common<'a>,
    /// What could not be read.
    pub hidden: Hidden,
}

/// What an operation runs (11.8).
#[derive(Debug, Clone)]
pub struct Implementation<'a> {
    /// `primary`.
    pub primary: Option<ArtifactReference<'a>>,
    /// `dependencies`.
    pub dependencies: Vec<ArtifactReference<'a>>,
    /// `timeout`, in seconds.
    pub timeout: Option<u64>,
    /// Where it is.
    pub span: Span,
}

/// An artifact by its name (or file), or defined on the spot.
#[derive(Debug, Clone)]
pub enum ArtifactReference<'a> {
    /// The name of an artifact of the type or template; else a file.
    Name(Word<'a>),
    /// An artifact definition.
    Inline(Box<ArtifactDefinition<'a>>),
}

/// An artifact definition (12.2).
#[derive(Debug, Clone)]
pub struct ArtifactDefinition<'a> {
    /// Its name; absent when it is written at an operation.
    pub name: Option<Word<'a>>,
    /// `type`.
    pub artifact_type: Option<Word<'a>>,
    /// `file`.
    pub file: Option<Word<'a>>,
    /// `repository`.
    pub repository: Option<Word<'a>>,
    /// `artifact_version`, or `version` as in the standard's grammar and example.
    pub version: Option<&'a str>,
    /// `checksum` and `checksum_algorithm`.
    pub checksum: Option<ChecksumWords<'a>>,
    /// `properties`.
    pub properties: Vec<Assignment<'a>>,
    /// `description`, `metadata`.
    pub common: Common<'a>,
    /// Where it is.
    pub span: Span,
    /// What could not be read.
    pub hidden: Hidden,
}

/// A checksum with its algorithm.
#[derive(Debug, Clone, Copy)]
pub struct ChecksumWords<'a> {
    /// `checksum`.
    pub value: &'a str,
    /// `checksum_algorithm`.
    pub algorithm: &'a str,
}

impl Reader {
    pub(super) fn property_definition<'a>(
        &mut self,
        name: Word<'a>,
        node: Node<'a>,
    ) -> PropertyDefinition<'a> {
        self.definition(name, node, &keynames::PROPERTY_DEFINITION).0
    }

    pub(super) fn attribute_definition<'a>(
        &mut self,
        name: Word<'a>,
        node: Node<'a>,
    ) -> PropertyDefinition<'a> {
        self.definition(name, node, &keynames::ATTRIBUTE_DEFINITION).0
    }

    /// An outgoing parameter: its short form is a value.
    pub(super) fn outgoing_parameter<'a>(
        &mut self,
        name: Word<'a>,
        node: Node<'a>,
    ) -> ParameterDefinition<'a> {
        let (property, mapping) = self.definition(name, node, &keynames::PARAMETER_DEFINITION);
        if let Some(mapping) = mapping {
            self.report(
                Diagnostic::error(
                    "misplaced-mapping",
                    format!("the parameter `{}` is outgoing: it has no mapping", name.text),
                )
                .at(Place::new(mapping.span(), "not allowed here"))
                .hint("give it a `value`")
                .chapter("9.7"),
            );
        }
        ParameterDefinition { property, mapping: None }
    }

    /// An incoming parameter: its short form is a mapping.
    pub(super) fn incoming_parameter<'a>(
        &mut self,
        name: Word<'a>,
        node: Node<'a>,
    ) -> ParameterDefinition<'a> {
        let (mut property, mut mapping) = self.definition(name, node, &keynames::PARAMETER_DEFINITION);
        if let Some(value) = property.value.take() {
            if property.is_short {
                mapping = Some(value);
            } else {
                self.report(
                    Diagnostic::error(
                        "misplaced-value",
                        format!("the parameter `{}` is incoming: it has no value", name.text),
                    )
                    .at(Place::new(value.span(), "not allowed here"))
                    .hint("its value comes from outside; `mapping` says which attribute it goes to")
                    .chapter("9.7"),
                );
            }
        }
        ParameterDefinition { property, mapping }
    }

    fn definition<'a>(
        &mut self,
        name: Word<'a>,
        node: Node<'a>,
        shape: &'static Shape,
    ) -> (PropertyDefinition<'a>, Option<Node<'a>>) {
        let mut definition = PropertyDefinition {
            name,
            is_short: false,
            data_type: None,
            required: None,
            default: None,
            value: None,
            validation: None,
            key_schema: None,
            entry_schema: None,
            common: Common::default(),
            hidden: Hidden::default(),
        };
        let is_empty = node.entries().is_some_and(|entries| entries.len() == 0);
        let is_long = node.entries().is_some()
            && (is_empty || has_keyname_of(node, shape) || has_near_keyname_of(node, shape));
        if !is_long {
            definition.is_short = true;
            definition.value = Some(node);
            return (definition, None);
        }
        let Some(mut fields) = self.fields(node, shape, Some(name)) else { return (definition, None) };
        let has = |keyname: &str| shape.keynames.contains(&keyname);
        definition.data_type = self.word(&mut fields, "type");
        definition.common = self.common(&mut fields);
        definition.default = fields.get("default");
        definition.validation = fields.get("validation");
        definition.key_schema = self.schema(&mut fields, "key_schema");
        definition.entry_schema = self.schema(&mut fields, "entry_schema");
        if has("required") {
            definition.required = self.boolean(&fields, "required");
            definition.value = fields.get("value");
        }
        let mapping = if has("mapping") { fields.get("mapping") } else { None };
        definition.hidden = fields.hidden;
        (definition, mapping)
    }

    pub(super) fn schema<'a>(
        &mut self,
        fields: &mut Fields<'a>,
        keyname: &'static str,
    ) -> Option<Schema<'a>> {
        let node = fields.get(keyname)?;
        let schema = self.schema_at(node);
        if schema.is_none() {
            fields.hidden.add(keyname);
        }
        schema
    }

    pub(super) fn schema_at<'a>(&mut self, node: Node<'a>) -> Option<Schema<'a>> {
        let span = node.span();
        if let Some(text) = node.as_string() {
            let data_type = Some(Word { text, span });
            let common = Common::default();
            let hidden = Hidden::default();
            return Some(Schema {
                data_type,
                validation: None,
                key_schema: None,
                entry_schema: None,
                common,
                span,
                hidden,
            });
        }
        let mut own = self.fields(node, &keynames::SCHEMA, None)?;
        // A refinement may leave it out.
        let data_type = self.word(&mut own, "type");
        let common = self.common(&mut own);
        let key_schema = self.schema(&mut own, "key_schema").map(Box::new);
        let entry_schema = self.schema(&mut own, "entry_schema").map(Box::new);
        let validation = own.get("validation");
        Some(Schema { data_type, validation, key_schema, entry_schema, common, span, hidden: own.hidden })
    }

    pub(super) fn capability_definition<'a>(
        &mut self,
        name: Word<'a>,
        node: Node<'a>,
    ) -> CapabilityDefinition<'a> {
        let mut definition = CapabilityDefinition {
            name,
            capability_type: None,
            properties: Vec::new(),
            attributes: Vec::new(),
            valid_source_node_types: None,
            valid_relationship_types: None,
            common: Common::default(),
            hidden: Hidden::default(),
        };
        if let Some(text) = node.as_string() {
            definition.capability_type = Some(Word { text, span: node.span() });
            return definition;
        }
        let Some(mut fields) = self.fields(node, &keynames::CAPABILITY_DEFINITION, Some(name)) else {
            definition.hidden.add("type");
            return definition;
        };
        definition.capability_type = self.word(&mut fields, "type");
        definition.common = self.common(&mut fields);
        definition.properties = self.named(&mut fields, "properties", Self::property_definition);
        definition.attributes = self.named(&mut fields, "attributes", Self::attribute_definition);
        definition.valid_source_node_types = self.words(&mut fields, "valid_source_node_types");
        definition.valid_relationship_types = self.words(&mut fields, "valid_relationship_types");
        definition.hidden = fields.hidden;
        definition
    }

    pub(super) fn requirement_definition<'a>(
        &mut self,
        name: Word<'a>,
        node: Node<'a>,
    ) -> RequirementDefinition<'a> {
        let mut definition = RequirementDefinition {
            name,
            is_short: false,
            capability: None,
            node: None,
            relationship: None,
            node_filter: None,
            count_range: None,
            common: Common::default(),
            hidden: Hidden::default(),
        };
        // The grammar of 8.4 has no such form any more, but the standard's own examples and many files do.
        if let Some(text) = node.as_string() {
            self.report(
                Diagnostic::warning(
                    "short-requirement",
                    format!("the requirement `{}` says nothing of its relationship", name.text),
                )
                .at(Place::new(node.span(), "a form of TOSCA 1.x"))
                .hint(format!("write `{}: {{ capability: {text}, relationship: … }}`", name.text))
                .chapter("8.4"),
            );
            definition.is_short = true;
            definition.capability = Some(Word { text, span: node.span() });
            return definition;
        }
        let Some(mut fields) = self.fields(node, &keynames::REQUIREMENT_DEFINITION, Some(name)) else {
            definition.hidden.add("capability");
            definition.hidden.add("relationship");
            return definition;
        };
        definition.capability = self.word(&mut fields, "capability");
        definition.node = self.word(&mut fields, "node");
        definition.common = self.common(&mut fields);
        definition.node_filter = self.node_filter(&mut fields);
        definition.count_range = self.count_range(&mut fields);
        definition.relationship = self.relationship_definition(&mut fields);
        definition.hidden = fields.hidden;
        definition
    }

    fn count_range(&mut self, fields: &mut Fields<'_>) -> Option<CountRangeWords> {
        let node = fields.get("count_range")?;
        let span = node.span();
        let count = |node: Node<'_>| {
            let scalar = node.as_scalar().filter(|scalar| scalar.kind == ScalarKind::Integer)?;
            parse_integer(scalar.text).and_then(|value| u64::try_from(value).ok())
        };
        let items: Vec<_> = node.items().into_iter().flatten().collect();
        let range = match items[..] {
            [min, max] => count(min).and_then(|min| {
                let max = if max.as_string() == Some("UNBOUNDED") { None } else { Some(count(max)?) };
                (max.is_none_or(|max| min <= max)).then_some(CountRangeWords { min, max, span })
            }),
            _ => None,
        };
        if range.is_none() {
            self.report(
                Diagnostic::error(
                    "invalid-count-range",
                    "a count range must be `[min, max]`: two counts, min at most max",
                )
                .at(span)
                .hint("the maximum may be `UNBOUNDED`")
                .chapter("8.4"),
            );
            fields.hidden.add("count_range");
        }
        range
    }

    fn relationship_definition<'a>(&mut self, fields: &mut Fields<'a>) -> Option<RelationshipDefinition<'a>> {
        let (key, node) = fields.entry("relationship")?;
        let span = node.span();
        let mut definition = RelationshipDefinition {
            relationship_type: None,
            properties: Vec::new(),
            attributes: Vec::new(),
            interfaces: Vec::new(),
            common: Common::default(),
            span,
            hidden: Hidden::default(),
        };
        if let Some(text) = node.as_string() {
            definition.relationship_type = Some(Word { text, span });
            return Some(definition);
        }
        let name = Word { text: "relationship", span: key.span() };
        let Some(mut own) = self.fields(node, &keynames::RELATIONSHIP_DEFINITION, Some(name)) else {
            fields.hidden.add("relationship");
            return None;
        };
        definition.relationship_type = self.word(&mut own, "type");
        definition.common = self.common(&mut own);
        definition.properties = self.named(&mut own, "properties", Self::property_definition);
        definition.attributes = self.named(&mut own, "attributes", Self::attribute_definition);
        definition.interfaces = self.named(&mut own, "interfaces", Self::interface_definition);
        definition.hidden = own.hidden;
        Some(definition)
    }

    pub(super) fn interface_definition<'a>(
        &mut self,
        name: Word<'a>,
        node: Node<'a>,
    ) -> InterfaceDefinition<'a> {
        let mut definition = InterfaceDefinition {
            name,
            interface_type: None,
            inputs: Vec::new(),
            operations: Vec::new(),
            notifications: Vec::new(),
            common: Common::default(),
            hidden: Hidden::default(),
        };
        let Some(mut fields) = self.fields(node, &keynames::INTERFACE_DEFINITION, Some(name)) else {
            definition.hidden.add("type");
            return definition;
        };
        definition.interface_type = self.word(&mut fields, "type");
        definition.common = self.common(&mut fields);
        definition.inputs = self.named(&mut fields, "inputs", Self::outgoing_parameter);
        definition.operations = self.named(&mut fields, "operations", Self::operation_definition);
        definition.notifications = self.named(&mut fields, "notifications", Self::notification_definition);
        definition.hidden = fields.hidden;
        definition
    }

    pub(super) fn operation_definition<'a>(
        &mut self,
        name: Word<'a>,
        node: Node<'a>,
    ) -> OperationDefinition<'a> {
        let mut definition = OperationDefinition {
            name,
            implementation: None,
            inputs: Vec::new(),
            outputs: Vec::new(),
            common: Common::default(),
            hidden: Hidden::default(),
        };
        if let Some(text) = node.as_string() {
            definition.implementation = Some(Implementation::of_name(Word { text, span: node.span() }));
            return definition;
        }
        let Some(mut fields) = self.fields(node, &keynames::OPERATION_DEFINITION, Some(name)) else {
            definition.hidden.add("implementation");
            return definition;
        };
        definition.common = self.common(&mut fields);
        definition.implementation = self.implementation(&mut fields);
        definition.inputs = self.named(&mut fields, "inputs", Self::outgoing_parameter);
        definition.outputs = self.named(&mut fields, "outputs", Self::incoming_parameter);
        definition.hidden = fields.hidden;
        definition
    }

    /// 11.6: the keynames of an operation.
    pub(super) fn notification_definition<'a>(
        &mut self,
        name: Word<'a>,
        node: Node<'a>,
    ) -> OperationDefinition<'a> {
        self.operation_definition(name, node)
    }

    pub(super) fn implementation<'a>(&mut self, fields: &mut Fields<'a>) -> Option<Implementation<'a>> {
        let (key, node) = fields.entry("implementation")?;
        let span = node.span();
        if let Some(text) = node.as_string() {
            return Some(Implementation::of_name(Word { text, span }));
        }
        let name = Word { text: "implementation", span: key.span() };
        let Some(own) = self.fields(node, &keynames::IMPLEMENTATION, Some(name)) else {
            fields.hidden.add("implementation");
            return None;
        };
        let primary = own.get("primary").and_then(|node| self.artifact_reference(node));
        let dependencies = match own.get("dependencies").map(|node| (node, node.items())) {
            None => Vec::new(),
            Some((_, Some(items))) => items.filter_map(|item| self.artifact_reference(item)).collect(),
            Some((node, None)) => {
                self.wrong_kind("`dependencies`", "a list", node, "11.8");
                Vec::new()
            }
        };
        let timeout = own.get("timeout").and_then(|node| {
            let scalar = node.as_scalar().filter(|scalar| scalar.kind == ScalarKind::Integer);
            let seconds = scalar
                .and_then(|scalar| parse_integer(scalar.text))
                .and_then(|seconds| u64::try_from(seconds).ok())
                .filter(|seconds| *seconds > 0);
            if seconds.is_none() {
                self.wrong_kind("`timeout`", "a whole number of seconds above 0", node, "11.8");
            }
            seconds
        });
        Some(Implementation { primary, dependencies, timeout, span })
    }

    fn artifact_reference<'a>(&mut self, node: Node<'a>) -> Option<ArtifactReference<'a>> {
        if let Some(text) = node.as_string() {
            return Some(ArtifactReference::Name(Word { text, span: node.span() }));
        }
        if node.entries().is_none() {
            self.wrong_kind("an artifact", "a name, a file or an artifact definition", node, "11.8");
            return None;
        }
        Some(ArtifactReference::Inline(Box::new(self.artifact_definition(None, node))))
    }

    pub(super) fn named_artifact<'a>(&mut self, name: Word<'a>, node: Node<'a>) -> ArtifactDefinition<'a> {
        self.artifact_definition(Some(name), node)
    }

    fn artifact_definition<'a>(&mut self, name: Option<Word<'a>>, node: Node<'a>) -> ArtifactDefinition<'a> {
        let mut definition = ArtifactDefinition {
            name,
            artifact_type: None,
            file: None,
            repository: None,
            version: None,
            checksum: None,
            properties: Vec::new(),
            common: Common::default(),
            span: name.map_or(node.span(), |name| name.span),
            hidden: Hidden::default(),
        };
        let Some(mut fields) = self.fields(node, &keynames::ARTIFACT_DEFINITION, name) else {
            definition.hidden.add("type");
            definition.hidden.add("file");
            return definition;
        };
        definition.artifact_type = self.mandatory_word(&mut fields, "type");
        definition.file = self.mandatory_word(&mut fields, "file");
        definition.repository = self.word(&mut fields, "repository");
        definition.common = self.common(&mut fields);
        let version = self.word(&mut fields, "artifact_version");
        definition.version = version.or(self.word(&mut fields, "version")).map(|word| word.text);
        let checksum = self.word(&mut fields, "checksum");
        let algorithm = self.word(&mut fields, "checksum_algorithm");
        definition.checksum = match (checksum, algorithm) {
            (Some(value), Some(algorithm)) => {
                Some(ChecksumWords { value: value.text, algorithm: algorithm.text })
            }
            (Some(_), None) => {
                self.missing(&fields, "checksum_algorithm");
                None
            }
            (None, _) => None,
        };
        definition.properties =
            self.named(&mut fields, "properties", |_, name, value| Assignment { name, value });
        definition.hidden = fields.hidden;
        definition
    }
}

impl<'a> Implementation<'a> {
    /// The short form: only the primary artifact's name or file.
    pub(super) fn of_name(name: Word<'a>) -> Self {
        Self {
            primary: Some(ArtifactReference::Name(name)),
            dependencies: Vec::new(),
            timeout: None,
            span: name.span,
        }
    }
}
