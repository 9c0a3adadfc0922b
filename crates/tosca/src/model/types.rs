//! Types of all kinds.

use std::fmt;
use std::sync::Arc;

use diagnostics::Span;

use super::definitions::{
    CapabilityDefinition, InterfaceDefinition, OperationDefinition, ParameterDefinition, PropertyDefinition,
    RequirementDefinition, Schema,
};
use super::{Artifact, Decimal, Expression, Map, Metadata, Name, Trigger};

/// Names a type of any kind in its model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TypeId(u32);

impl TypeId {
    /// The position in [`Model::types`](super::Model::types).
    pub fn index(self) -> usize {
        self.0 as usize
    }

    pub(crate) fn from_index(index: usize) -> Self {
        Self(u32::try_from(index).expect("types are fewer than the bytes of their documents, which fit u32"))
    }
}

/// The kinds of types (TOSCA 2.0, 6.4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TypeKind {
    /// 12.1.
    Artifact,
    /// 9.2.
    Data,
    /// 8.1.
    Capability,
    /// 11.1.
    Interface,
    /// 7.3.
    Relationship,
    /// 7.1.
    Node,
    /// 16.1.
    Group,
    /// 16.3.
    Policy,
}

impl TypeKind {
    /// All kinds, in the order of the standard.
    pub const ALL: [Self; 8] = [
        Self::Artifact,
        Self::Data,
        Self::Capability,
        Self::Interface,
        Self::Relationship,
        Self::Node,
        Self::Group,
        Self::Policy,
    ];

    /// `node`, `data`, ….
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Artifact => "artifact",
            Self::Data => "data",
            Self::Capability => "capability",
            Self::Interface => "interface",
            Self::Relationship => "relationship",
            Self::Node => "node",
            Self::Group => "group",
            Self::Policy => "policy",
        }
    }
}

impl fmt::Display for TypeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A type of any kind.
#[derive(Debug, Clone)]
pub struct Type {
    /// The name that it was defined with.
    pub name: Name,
    /// `profile:Name`; without a profile the name alone, or `file:Name` when another type has that already. Unique
    /// among the model's types of one kind.
    pub qualified_name: Name,
    /// The profile that it belongs to; absent for built-in data types and files outside any profile.
    pub profile: Option<Name>,
    /// What it is derived from.
    pub parent: Option<TypeId>,
    /// The parent, the parent's parent, and so on.
    pub ancestors: Arc<[TypeId]>,
    /// Its `version`, as text.
    pub version: Option<Arc<str>>,
    /// Its `description`; not inherited.
    pub description: Option<Arc<str>>,
    /// Its `metadata`; not inherited.
    pub metadata: Metadata,
    /// The name where it is defined; absent for built-in data types.
    pub span: Option<Span>,
    /// What its kind adds.
    pub body: TypeBody,
}

impl Type {
    /// What kind of type it is.
    pub fn kind(&self) -> TypeKind {
        match self.body {
            TypeBody::Artifact(_) => TypeKind::Artifact,
            TypeBody::Data(_) => TypeKind::Data,
            TypeBody::Capability(_) => TypeKind::Capability,
            TypeBody::Interface(_) => TypeKind::Interface,
            TypeBody::Relationship(_) => TypeKind::Relationship,
            TypeBody::Node(_) => TypeKind::Node,
            TypeBody::Group(_) => TypeKind::Group,
            TypeBody::Policy(_) => TypeKind::Policy,
        }
    }

    /// The properties that the type defines; none for interface types.
    pub fn properties(&self) -> Option<&Map<Arc<PropertyDefinition>>> {
        match &self.body {
            TypeBody::Artifact(body) => Some(&body.properties),
            TypeBody::Data(body) => Some(&body.properties),
            TypeBody::Capability(body) => Some(&body.properties),
            TypeBody::Interface(_) => None,
            TypeBody::Relationship(body) => Some(&body.properties),
            TypeBody::Node(body) => Some(&body.properties),
            TypeBody::Group(body) => Some(&body.properties),
            TypeBody::Policy(body) => Some(&body.properties),
        }
    }

    /// The attributes that the type defines; none for artifact, data, interface and policy types.
    pub fn attributes(&self) -> Option<&Map<Arc<PropertyDefinition>>> {
        match &self.body {
            TypeBody::Capability(body) => Some(&body.attributes),
            TypeBody::Relationship(body) => Some(&body.attributes),
            TypeBody::Node(body) => Some(&body.attributes),
            TypeBody::Group(body) => Some(&body.attributes),
            _ => None,
        }
    }
}

/// What each kind of type adds. Definitions are effective: inherited ones included, refinements applied.
#[derive(Debug, Clone)]
pub enum TypeBody {
    /// 12.1.
    Artifact(ArtifactType),
    /// 9.2.
    Data(DataType),
    /// 8.1.
    Capability(CapabilityType),
    /// 11.1.
    Interface(InterfaceType),
    /// 7.3.
    Relationship(RelationshipType),
    /// 7.1.
    Node(NodeType),
    /// 16.1.
    Group(GroupType),
    /// 16.3.
    Policy(PolicyType),
}

/// A group type (16.1).
#[derive(Debug, Clone, Default)]
pub struct GroupType {
    /// Properties.
    pub properties: Map<Arc<PropertyDefinition>>,
    /// Attributes.
    pub attributes: Map<Arc<PropertyDefinition>>,
    /// Node types that may be members; absent means any.
    pub members: Option<Vec<TypeId>>,
}

/// A policy type (16.3).
#[derive(Debug, Clone, Default)]
pub struct PolicyType {
    /// Properties.
    pub properties: Map<Arc<PropertyDefinition>>,
    /// Node and group types that may be targets; absent means any.
    pub targets: Option<Vec<TypeId>>,
    /// Triggers.
    pub triggers: Map<Arc<Trigger>>,
}

/// An artifact type (12.1).
#[derive(Debug, Clone, Default)]
pub struct ArtifactType {
    /// `mime_type`.
    pub mime_type: Option<Arc<str>>,
    /// `file_ext`, without leading dots.
    pub file_ext: Vec<Arc<str>>,
    /// Whether `file_ext` is the type's own rather than inherited.
    pub file_ext_is_own: bool,
    /// Properties.
    pub properties: Map<Arc<PropertyDefinition>>,
}

/// What the values of a data type are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DataBase {
    /// 9.1.1.1.
    String,
    /// 9.1.1.2.
    Integer,
    /// 9.1.1.3.
    Float,
    /// 9.1.1.4.
    Boolean,
    /// 9.1.1.5.
    Bytes,
    /// 9.1.1.6.
    Nil,
    /// 9.1.2.1.
    Timestamp,
    /// 9.1.2.2.
    Scalar,
    /// 9.1.2.3.
    Version,
    /// 9.1.3.1.
    List,
    /// 9.1.3.2.
    Map,
    /// Named properties (9.2).
    Structure,
}

impl DataBase {
    /// The built-in type's name; `structure` for types of our own properties.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Integer => "integer",
            Self::Float => "float",
            Self::Boolean => "boolean",
            Self::Bytes => "bytes",
            Self::Nil => "nil",
            Self::Timestamp => "timestamp",
            Self::Scalar => "scalar",
            Self::Version => "version",
            Self::List => "list",
            Self::Map => "map",
            Self::Structure => "structure",
        }
    }
}

/// A data type (9.2).
#[derive(Debug, Clone)]
pub struct DataType {
    /// What its values are made of.
    pub base: DataBase,
    /// The properties of a structure.
    pub properties: Map<Arc<PropertyDefinition>>,
    /// For types derived from `map`.
    pub key_schema: Option<Arc<Schema>>,
    /// For types derived from `list` or `map`.
    pub entry_schema: Option<Arc<Schema>>,
    /// Clauses that must all hold, the ancestors' first.
    pub validation: Vec<Expression>,
    /// For types derived from `scalar`: what its values are measured in.
    pub units: Option<Arc<Units>>,
}

/// The units of a scalar type (9.1.2.2).
#[derive(Debug, Clone, PartialEq)]
pub struct Units {
    /// The type of the number: `float`, `integer` or derived from them.
    pub data_type: TypeId,
    /// Whether the number is an integer.
    pub is_integer: bool,
    /// The units, without prefixes, each with what it is in canonical units.
    pub units: Map<Decimal>,
    /// When there are any, they come before the one unit, and that never stands alone but for an empty prefix.
    pub prefixes: Map<Decimal>,
    /// The unit to calculate in and to show; its multiplier is 1.
    pub canonical_unit: Name,
    /// The type directly below `scalar`: what can be compared has the same.
    pub family: TypeId,
}

impl Units {
    /// What one of a unit (prefix included) is in canonical units.
    pub fn multiplier(&self, unit: &str) -> Option<Decimal> {
        let units = self.units.iter().map(|(own, multiplier)| (own.as_str(), *multiplier));
        let prefix = |prefix: &str| self.prefixes.get(prefix).copied();
        tosca_values::multiplier(units, (!self.prefixes.is_empty()).then_some(prefix), unit)
    }

    /// All units with their prefixes.
    pub fn all(&self) -> Vec<String> {
        let units = self.units.keys();
        if self.prefixes.is_empty() {
            return units.map(ToString::to_string).collect();
        }
        units.flat_map(|unit| self.prefixes.keys().map(move |prefix| format!("{prefix}{unit}"))).collect()
    }
}

/// A capability type (8.1).
#[derive(Debug, Clone, Default)]
pub struct CapabilityType {
    /// Properties.
    pub properties: Map<Arc<PropertyDefinition>>,
    /// Attributes.
    pub attributes: Map<Arc<PropertyDefinition>>,
    /// Node types that may be the source; absent means any.
    pub valid_source_node_types: Option<Vec<TypeId>>,
    /// Relationship types that may target it; absent means any.
    pub valid_relationship_types: Option<Vec<TypeId>>,
}

/// An interface type (11.1).
#[derive(Debug, Clone, Default)]
pub struct InterfaceType {
    /// Inputs of all operations.
    pub inputs: Map<Arc<ParameterDefinition>>,
    /// Operations.
    pub operations: Map<Arc<OperationDefinition>>,
    /// Notifications.
    pub notifications: Map<Arc<OperationDefinition>>,
}

/// A relationship type (7.3).
#[derive(Debug, Clone, Default)]
pub struct RelationshipType {
    /// Properties.
    pub properties: Map<Arc<PropertyDefinition>>,
    /// Attributes.
    pub attributes: Map<Arc<PropertyDefinition>>,
    /// Interfaces.
    pub interfaces: Map<Arc<InterfaceDefinition>>,
    /// Capability types that may be the target; absent means any.
    pub valid_capability_types: Option<Vec<TypeId>>,
    /// Node types that may be the target; absent means any.
    pub valid_target_node_types: Option<Vec<TypeId>>,
    /// Node types that may be the source; absent means any.
    pub valid_source_node_types: Option<Vec<TypeId>>,
}

/// A node type (7.1).
#[derive(Debug, Clone, Default)]
pub struct NodeType {
    /// Properties.
    pub properties: Map<Arc<PropertyDefinition>>,
    /// Attributes.
    pub attributes: Map<Arc<PropertyDefinition>>,
    /// Capabilities.
    pub capabilities: Map<Arc<CapabilityDefinition>>,
    /// Requirements, in order.
    pub requirements: Map<Arc<RequirementDefinition>>,
    /// Interfaces.
    pub interfaces: Map<Arc<InterfaceDefinition>>,
    /// Artifacts.
    pub artifacts: Map<Arc<Artifact>>,
}
