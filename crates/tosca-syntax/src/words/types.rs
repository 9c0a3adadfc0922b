//! Type definitions (6.4).

use diagnostics::Span;

use super::definitions::{
    ArtifactDefinition, CapabilityDefinition, InterfaceDefinition, OperationDefinition, ParameterDefinition,
    PropertyDefinition, RequirementDefinition, Schema,
};
use super::keynames::{self, Hidden, Shape};
use super::reader::{Common, Fields, Reader, Word};
use super::topology::Trigger;
use crate::yaml::Node;

/// A type of any kind.
#[derive(Debug)]
pub struct TypeDefinition<'a> {
    /// Its name.
    pub name: Word<'a>,
    /// `derived_from`.
    pub derived_from: Option<Word<'a>>,
    /// `version`.
    pub version: Option<Word<'a>>,
    /// `description`, `metadata`.
    pub common: Common<'a>,
    /// What its kind adds.
    pub body: TypeBody<'a>,
    /// What could not be read.
    pub hidden: Hidden,
}

/// What each kind of type adds.
#[derive(Debug)]
pub enum TypeBody<'a> {
    /// 12.1.
    Artifact(ArtifactType<'a>),
    /// 9.2.
    Data(Box<DataType<'a>>),
    /// 8.1.
    Capability(CapabilityType<'a>),
    /// 11.1.
    Interface(InterfaceType<'a>),
    /// 7.3.
    Relationship(RelationshipType<'a>),
    /// 7.1.
    Node(NodeType<'a>),
    /// 16.1.
    Group(GroupType<'a>),
    /// 16.3.
    Policy(PolicyType<'a>),
}

/// A group type (16.1).
#[derive(Debug, Default)]
pub struct GroupType<'a> {
    /// `properties`.
    pub properties: Vec<PropertyDefinition<'a>>,
    /// `attributes`.
    pub attributes: Vec<PropertyDefinition<'a>>,
    /// `members`: node types.
    pub members: Option<Vec<Word<'a>>>,
}

/// A policy type (16.3).
#[derive(Debug, Default)]
pub struct PolicyType<'a> {
    /// `properties`.
    pub properties: Vec<PropertyDefinition<'a>>,
    /// `targets`: node or group types.
    pub targets: Option<Vec<Word<'a>>>,
    /// `triggers`.
    pub triggers: Vec<Trigger<'a>>,
}

/// An artifact type (12.1).
#[derive(Debug, Default)]
pub struct ArtifactType<'a> {
    /// `mime_type`.
    pub mime_type: Option<&'a str>,
    /// `file_ext`.
    pub file_ext: Option<Vec<Word<'a>>>,
    /// `properties`.
    pub properties: Vec<PropertyDefinition<'a>>,
}

/// A data type (9.2).
#[derive(Debug, Default)]
pub struct DataType<'a> {
    /// `validation`.
    pub validation: Option<Node<'a>>,
    /// `properties`.
    pub properties: Vec<PropertyDefinition<'a>>,
    /// Whether `properties` is there.
    pub has_properties: bool,
    /// `key_schema`.
    pub key_schema: Option<Schema<'a>>,
    /// `entry_schema`.
    pub entry_schema: Option<Schema<'a>>,
    /// `data_type` of the number of a scalar.
    pub data_type: Option<Word<'a>>,
    /// `units`: names and their multipliers, which are whatever was written.
    pub units: Option<Multipliers<'a>>,
    /// `prefixes`: likewise.
    pub prefixes: Option<Multipliers<'a>>,
    /// `canonical_unit`.
    pub canonical_unit: Option<Word<'a>>,
}

/// The `units` or `prefixes` of a scalar type (9.1.2.2).
#[derive(Debug)]
pub struct Multipliers<'a> {
    /// Names and multipliers.
    pub entries: Vec<(Word<'a>, Node<'a>)>,
    /// Where the keyname is.
    pub span: Span,
}

/// A capability type (8.1).
#[derive(Debug, Default)]
pub struct CapabilityType<'a> {
    /// `properties`.
    pub properties: Vec<PropertyDefinition<'a>>,
    /// `attributes`.
    pub attributes: Vec<PropertyDefinition<'a>>,
    /// `valid_source_node_types`.
    pub valid_source_node_types: Option<Vec<Word<'a>>>,
    /// `valid_relationship_types`.
    pub valid_relationship_types: Option<Vec<Word<'a>>>,
}

/// An interface type (11.1).
#[derive(Debug, Default)]
pub struct InterfaceType<'a> {
    /// `inputs`.
    pub inputs: Vec<ParameterDefinition<'a>>,
    /// `operations`.
    pub operations: Vec<OperationDefinition<'a>>,
    /// `notifications`.
    pub notifications: Vec<OperationDefinition<'a>>,
}

/// A relationship type (7.3).
#[derive(Debug, Default)]
pub struct RelationshipType<'a> {
    /// `properties`.
    pub properties: Vec<PropertyDefinition<'a>>,
    /// `attributes`.
    pub attributes: Vec<PropertyDefinition<'a>>,
    /// `interfaces`.
    pub interfaces: Vec<InterfaceDefinition<'a>>,
    /// `valid_capability_types`.
    pub valid_capability_types: Option<Vec<Word<'a>>>,
    /// `valid_target_node_types`.
    pub valid_target_node_types: Option<Vec<Word<'a>>>,
    /// `valid_source_node_types`.
    pub valid_source_node_types: Option<Vec<Word<'a>>>,
}

/// A node type (7.1).
#[derive(Debug, Default)]
pub struct NodeType<'a> {
    /// `properties`.
    pub properties: Vec<PropertyDefinition<'a>>,
    /// `attributes`.
    pub attributes: Vec<PropertyDefinition<'a>>,
    /// `capabilities`.
    pub capabilities: Vec<CapabilityDefinition<'a>>,
    /// `requirements`.
    pub requirements: Vec<RequirementDefinition<'a>>,
    /// `interfaces`.
    pub interfaces: Vec<InterfaceDefinition<'a>>,
    /// `artifacts`.
    pub artifacts: Vec<ArtifactDefinition<'a>>,
}

impl Reader {
    /// The common keynames of types (6.4.1) and, through `body`, those of the kind.
    fn type_definition<'a>(
        &mut self,
        name: Word<'a>,
        node: Node<'a>,
        shape: &'static Shape,
        body: impl FnOnce(&mut Self, Option<&mut Fields<'a>>) -> TypeBody<'a>,
    ) -> TypeDefinition<'a> {
        let Some(mut fields) = self.fields(node, shape, Some(name)) else {
            let mut hidden = Hidden::default();
            shape.keynames.iter().for_each(|keyname| hidden.add(keyname));
            let body = body(self, None);
            return TypeDefinition {
                name,
                derived_from: None,
                version: None,
                common: Common::default(),
                body,
                hidden,
            };
        };
        let derived_from = self.word(&mut fields, "derived_from");
        let version = self.word(&mut fields, "version");
        let common = self.common(&mut fields);
        let body = body(self, Some(&mut fields));
        TypeDefinition { name, derived_from, version, common, body, hidden: fields.hidden }
    }

    pub(super) fn artifact_type<'a>(&mut self, name: Word<'a>, node: Node<'a>) -> TypeDefinition<'a> {
        self.type_definition(name, node, &keynames::ARTIFACT_TYPE, |reader, fields| {
            TypeBody::Artifact(fields.map_or_else(ArtifactType::default, |fields| ArtifactType {
                mime_type: reader.word(fields, "mime_type").map(|word| word.text),
                file_ext: reader.words(fields, "file_ext"),
                properties: reader.named(fields, "properties", Self::property_definition),
            }))
        })
    }

    pub(super) fn data_type<'a>(&mut self, name: Word<'a>, node: Node<'a>) -> TypeDefinition<'a> {
        self.type_definition(name, node, &keynames::DATA_TYPE, |reader, fields| {
            TypeBody::Data(Box::new(fields.map_or_else(DataType::default, |fields| DataType {
                validation: fields.get("validation"),
                properties: reader.named(fields, "properties", Self::property_definition),
                has_properties: fields.get("properties").is_some(),
                key_schema: reader.schema(fields, "key_schema"),
                entry_schema: reader.schema(fields, "entry_schema"),
                data_type: reader.word(fields, "data_type"),
                units: reader.multipliers(fields, "units"),
                prefixes: reader.multipliers(fields, "prefixes"),
                canonical_unit: reader.word(fields, "canonical_unit"),
            })))
        })
    }

    fn multipliers<'a>(&mut self, fields: &mut Fields<'a>, keyname: &'static str) -> Option<Multipliers<'a>> {
        let (key, node) = fields.entry(keyname)?;
        let Some(entries) = node.entries() else {
            self.wrong_kind(&format!("`{keyname}`"), "a map", node, "9.1.2.2");
            fields.hidden.add(keyname);
            return None;
        };
        let entries = entries
            .filter_map(|(name, value)| {
                let word = self.string(name, &format_args!("a name in `{keyname}`"), "9.1.2.2");
                if word.is_none() {
                    fields.hidden.add(keyname);
                }
                Some((word?, value))
            })
            .collect();
        Some(Multipliers { entries, span: key.span() })
    }

    pub(super) fn capability_type<'a>(&mut self, name: Word<'a>, node: Node<'a>) -> TypeDefinition<'a> {
        self.type_definition(name, node, &keynames::CAPABILITY_TYPE, |reader, fields| {
            TypeBody::Capability(fields.map_or_else(CapabilityType::default, |fields| CapabilityType {
                properties: reader.named(fields, "properties", Self::property_definition),
                attributes: reader.named(fields, "attributes", Self::attribute_definition),
                valid_source_node_types: reader.words(fields, "valid_source_node_types"),
                valid_relationship_types: reader.words(fields, "valid_relationship_types"),
            }))
        })
    }

    pub(super) fn interface_type<'a>(&mut self, name: Word<'a>, node: Node<'a>) -> TypeDefinition<'a> {
        self.type_definition(name, node, &keynames::INTERFACE_TYPE, |reader, fields| {
            TypeBody::Interface(fields.map_or_else(InterfaceType::default, |fields| InterfaceType {
                inputs: reader.named(fields, "inputs", Self::outgoing_parameter),
                operations: reader.named(fields, "operations", Self::operation_definition),
                notifications: reader.named(fields, "notifications", Self::notification_definition),
            }))
        })
    }

    pub(super) fn relationship_type<'a>(&mut self, name: Word<'a>, node: Node<'a>) -> TypeDefinition<'a> {
        self.type_definition(name, node, &keynames::RELATIONSHIP_TYPE, |reader, fields| {
            TypeBody::Relationship(fields.map_or_else(RelationshipType::default, |fields| RelationshipType {
                properties: reader.named(fields, "properties", Self::property_definition),
                attributes: reader.named(fields, "attributes", Self::attribute_definition),
                interfaces: reader.named(fields, "interfaces", Self::interface_definition),
                valid_capability_types: reader.words(fields, "valid_capability_types"),
                valid_target_node_types: reader.words(fields, "valid_target_node_types"),
                valid_source_node_types: reader.words(fields, "valid_source_node_types"),
            }))
        })
    }

    pub(super) fn node_type<'a>(&mut self, name: Word<'a>, node: Node<'a>) -> TypeDefinition<'a> {
        self.type_definition(name, node, &keynames::NODE_TYPE, |reader, fields| {
            TypeBody::Node(fields.map_or_else(NodeType::default, |fields| NodeType {
                properties: reader.named(fields, "properties", Self::property_definition),
                attributes: reader.named(fields, "attributes", Self::attribute_definition),
                capabilities: reader.named(fields, "capabilities", Self::capability_definition),
                requirements: reader.named_list(fields, "requirements", Self::requirement_definition),
                interfaces: reader.named(fields, "interfaces", Self::interface_definition),
                artifacts: reader.named(fields, "artifacts", Self::named_artifact),
            }))
        })
    }

    pub(super) fn group_type<'a>(&mut self, name: Word<'a>, node: Node<'a>) -> TypeDefinition<'a> {
        self.type_definition(name, node, &keynames::GROUP_TYPE, |reader, fields| {
            TypeBody::Group(fields.map_or_else(GroupType::default, |fields| GroupType {
                properties: reader.named(fields, "properties", Self::property_definition),
                attributes: reader.named(fields, "attributes", Self::attribute_definition),
                members: reader.words(fields, "members"),
            }))
        })
    }

    pub(super) fn policy_type<'a>(&mut self, name: Word<'a>, node: Node<'a>) -> TypeDefinition<'a> {
        self.type_definition(name, node, &keynames::POLICY_TYPE, |reader, fields| {
            TypeBody::Policy(fields.map_or_else(PolicyType::default, |fields| PolicyType {
                properties: reader.named(fields, "properties", Self::property_definition),
                targets: reader.words(fields, "targets"),
                triggers: reader.named(fields, "triggers", Self::trigger),
            }))
        })
    }
}
