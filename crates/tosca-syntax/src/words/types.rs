//! Type definitions (6.4).

use diagnostics::Span;

use super::artifact::ArtifactDefinition;
use super::construct::{
    CONSTRAINTS, Construct, Hidden, INTERFACES_OF_GROUPS, Keyname, OPERATIONS_HINT, Shape, VALID_SOURCES,
};
use super::definitions::{
    CapabilityDefinition, InterfaceDefinition, OperationDefinition, RequirementDefinition,
};
use super::field::Field;
use super::property::{ParameterDefinition, PropertyDefinition, Schema};
use super::reader::{Common, Reader, Word};
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

/// A type while it is read.
struct Typed<'a, B> {
    derived_from: Option<Word<'a>>,
    version: Option<Word<'a>>,
    common: Common<'a>,
    body: B,
}

impl<'a, B: 'a> Typed<'a, B> {
    /// The keynames of all types (6.4.1).
    const COMMON: &'a [Keyname<'a, Self>] = &[
        ("derived_from", |own, field| own.derived_from = field.word()),
        ("version", |own, field| own.version = field.word()),
        ("metadata", |own, field| own.common.metadata = field.metadata()),
        ("description", |own, field| own.common.description = field.text()),
    ];
}

impl<'a> ArtifactType<'a> {
    const CONSTRUCT: Construct<'a, Typed<'a, Self>> = Construct {
        shape: Shape::new("an artifact type", "12.1"),
        shared: Typed::COMMON,
        keynames: &[
            ("mime_type", |own, field| own.body.mime_type = field.text()),
            ("file_ext", |own, field| own.body.file_ext = field.words()),
            ("properties", |own, field| own.body.properties = field.named(Reader::property_definition)),
        ],
    };
}

impl<'a> DataType<'a> {
    const CONSTRUCT: Construct<'a, Typed<'a, Self>> = Construct {
        shape: Shape { gone: &[CONSTRAINTS], ..Shape::new("a data type", "9.2") },
        shared: Typed::COMMON,
        keynames: &[
            ("validation", |own, field| own.body.validation = field.node()),
            ("properties", |own, field| {
                own.body.has_properties = true;
                own.body.properties = field.named(Reader::property_definition);
            }),
            ("key_schema", |own, field| own.body.key_schema = field.schema()),
            ("entry_schema", |own, field| own.body.entry_schema = field.schema()),
            ("data_type", |own, field| own.body.data_type = field.word()),
            ("units", |own, field| own.body.units = field.multipliers()),
            ("canonical_unit", |own, field| own.body.canonical_unit = field.word()),
            ("prefixes", |own, field| own.body.prefixes = field.multipliers()),
        ],
    };
}

impl<'a> CapabilityType<'a> {
    const CONSTRUCT: Construct<'a, Typed<'a, Self>> = Construct {
        shape: Shape { gone: &[VALID_SOURCES], ..Shape::new("a capability type", "8.1") },
        shared: Typed::COMMON,
        keynames: &[
            ("properties", |own, field| own.body.properties = field.named(Reader::property_definition)),
            ("attributes", |own, field| own.body.attributes = field.named(Reader::attribute_definition)),
            ("valid_source_node_types", |own, field| own.body.valid_source_node_types = field.words()),
            ("valid_relationship_types", |own, field| own.body.valid_relationship_types = field.words()),
        ],
    };
}

impl<'a> InterfaceType<'a> {
    const CONSTRUCT: Construct<'a, Typed<'a, Self>> = Construct {
        shape: Shape { hint: OPERATIONS_HINT, ..Shape::new("an interface type", "11.1") },
        shared: Typed::COMMON,
        keynames: &[
            ("inputs", |own, field| own.body.inputs = field.named(Reader::outgoing_parameter)),
            ("operations", |own, field| own.body.operations = field.named(Reader::operation_definition)),
            ("notifications", |own, field| {
                own.body.notifications = field.named(Reader::operation_definition)
            }),
        ],
    };
}

impl<'a> RelationshipType<'a> {
    const CONSTRUCT: Construct<'a, Typed<'a, Self>> = Construct {
        shape: Shape {
            gone: &[("valid_target_types", "TOSCA 2.0 calls it `valid_capability_types`")],
            ..Shape::new("a relationship type", "7.3")
        },
        shared: Typed::COMMON,
        keynames: &[
            ("properties", |own, field| own.body.properties = field.named(Reader::property_definition)),
            ("attributes", |own, field| own.body.attributes = field.named(Reader::attribute_definition)),
            ("interfaces", |own, field| own.body.interfaces = field.named(Reader::interface_definition)),
            ("valid_capability_types", |own, field| own.body.valid_capability_types = field.words()),
            ("valid_target_node_types", |own, field| own.body.valid_target_node_types = field.words()),
            ("valid_source_node_types", |own, field| own.body.valid_source_node_types = field.words()),
        ],
    };
}

impl<'a> NodeType<'a> {
    const CONSTRUCT: Construct<'a, Typed<'a, Self>> = Construct {
        shape: Shape::new("a node type", "7.1"),
        shared: Typed::COMMON,
        keynames: &[
            ("properties", |own, field| own.body.properties = field.named(Reader::property_definition)),
            ("attributes", |own, field| own.body.attributes = field.named(Reader::attribute_definition)),
            ("capabilities", |own, field| own.body.capabilities = field.named(Reader::capability_definition)),
            ("requirements", |own, field| {
                own.body.requirements = field.named_list(Reader::requirement_definition)
            }),
            ("interfaces", |own, field| own.body.interfaces = field.named(Reader::interface_definition)),
            ("artifacts", |own, field| own.body.artifacts = field.named(Reader::named_artifact)),
        ],
    };
}

impl<'a> GroupType<'a> {
    const CONSTRUCT: Construct<'a, Typed<'a, Self>> = Construct {
        shape: Shape { gone: &[INTERFACES_OF_GROUPS], ..Shape::new("a group type", "16.1") },
        shared: Typed::COMMON,
        keynames: &[
            ("properties", |own, field| own.body.properties = field.named(Reader::property_definition)),
            ("attributes", |own, field| own.body.attributes = field.named(Reader::attribute_definition)),
            ("members", |own, field| own.body.members = field.words()),
        ],
    };
}

impl<'a> PolicyType<'a> {
    const CONSTRUCT: Construct<'a, Typed<'a, Self>> = Construct {
        shape: Shape::new("a policy type", "16.3"),
        shared: Typed::COMMON,
        keynames: &[
            ("properties", |own, field| own.body.properties = field.named(Reader::property_definition)),
            ("targets", |own, field| own.body.targets = field.words()),
            ("triggers", |own, field| own.body.triggers = field.named(Reader::trigger)),
        ],
    };
}

impl Reader {
    fn type_definition<'a, B: Default + 'a>(
        &mut self,
        construct: &Construct<'a, Typed<'a, B>>,
        of_kind: fn(B) -> TypeBody<'a>,
        name: Word<'a>,
        node: Node<'a>,
    ) -> TypeDefinition<'a> {
        let mut own =
            Typed { derived_from: None, version: None, common: Common::default(), body: B::default() };
        let hidden = self.fill(&mut own, construct, Some(name), node);
        let Typed { derived_from, version, common, body } = own;
        TypeDefinition { name, derived_from, version, common, body: of_kind(body), hidden }
    }

    pub(super) fn artifact_type<'a>(&mut self, name: Word<'a>, node: Node<'a>) -> TypeDefinition<'a> {
        self.type_definition(&ArtifactType::CONSTRUCT, TypeBody::Artifact, name, node)
    }

    pub(super) fn data_type<'a>(&mut self, name: Word<'a>, node: Node<'a>) -> TypeDefinition<'a> {
        self.type_definition(&DataType::CONSTRUCT, |body| TypeBody::Data(Box::new(body)), name, node)
    }

    pub(super) fn capability_type<'a>(&mut self, name: Word<'a>, node: Node<'a>) -> TypeDefinition<'a> {
        self.type_definition(&CapabilityType::CONSTRUCT, TypeBody::Capability, name, node)
    }

    pub(super) fn interface_type<'a>(&mut self, name: Word<'a>, node: Node<'a>) -> TypeDefinition<'a> {
        self.type_definition(&InterfaceType::CONSTRUCT, TypeBody::Interface, name, node)
    }

    pub(super) fn relationship_type<'a>(&mut self, name: Word<'a>, node: Node<'a>) -> TypeDefinition<'a> {
        self.type_definition(&RelationshipType::CONSTRUCT, TypeBody::Relationship, name, node)
    }

    pub(super) fn node_type<'a>(&mut self, name: Word<'a>, node: Node<'a>) -> TypeDefinition<'a> {
        self.type_definition(&NodeType::CONSTRUCT, TypeBody::Node, name, node)
    }

    pub(super) fn group_type<'a>(&mut self, name: Word<'a>, node: Node<'a>) -> TypeDefinition<'a> {
        self.type_definition(&GroupType::CONSTRUCT, TypeBody::Group, name, node)
    }

    pub(super) fn policy_type<'a>(&mut self, name: Word<'a>, node: Node<'a>) -> TypeDefinition<'a> {
        self.type_definition(&PolicyType::CONSTRUCT, TypeBody::Policy, name, node)
    }
}

impl<'a> Field<'a, '_> {
    fn multipliers(&mut self) -> Option<Multipliers<'a>> {
        self.chapter = "9.1.2.2";
        let mut multipliers = Vec::new();
        for (key, value) in self.entries()? {
            let what = format_args!("a name in `{}`", self.keyname);
            match self.reader.string(key, &what, self.chapter) {
                Some(name) => multipliers.push((name, value)),
                None => self.hide(),
            }
        }
        Some(Multipliers { entries: multipliers, span: self.key.span() })
    }
}
