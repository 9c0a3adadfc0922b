//! Definitions in types, effective: what is inherited is in them.

use std::fmt;
use std::sync::Arc;

use diagnostics::Span;

use super::{Expression, Implementation, Map, Metadata, Name, Reference, TypeId};

/// What values are allowed (9.3, schema definition).
#[derive(Debug, Clone, PartialEq)]
pub struct Schema {
    /// The data type.
    pub data_type: TypeId,
    /// For maps; absent means `string`.
    pub key_schema: Option<Arc<Schema>>,
    /// For lists and maps.
    pub entry_schema: Option<Arc<Schema>>,
    /// Clauses that must all hold besides the data type's own.
    pub validation: Vec<Expression>,
    /// `description`.
    pub description: Option<Arc<str>>,
    /// Where it is written.
    pub span: Span,
}

/// A property or attribute definition (9.3, 9.5). For attributes `required` is false and `value` absent.
#[derive(Debug, Clone, PartialEq)]
pub struct PropertyDefinition {
    /// What values are allowed.
    pub schema: Arc<Schema>,
    /// Whether there must be a value; true by default.
    pub required: bool,
    /// The value when none is assigned.
    pub default: Option<Expression>,
    /// The fixed value; nobody may assign another.
    pub value: Option<Expression>,
    /// `description`.
    pub description: Option<Arc<str>>,
    /// `metadata`.
    pub metadata: Arc<Metadata>,
    /// The name where it is defined (or last refined).
    pub span: Span,
}

/// A parameter definition (9.7) of an interface or operation: input when it has a value, output when it has a
/// mapping.
#[derive(Debug, Clone, PartialEq)]
pub struct ParameterDefinition {
    /// What values are allowed; absent means whatever it is assigned or mapped to.
    pub schema: Option<Arc<Schema>>,
    /// Whether there must be a value; true by default.
    pub required: bool,
    /// The value when none is assigned.
    pub default: Option<Expression>,
    /// The fixed value of an input.
    pub value: Option<Expression>,
    /// The attribute that an output goes to.
    pub mapping: Option<Reference>,
    /// `description`.
    pub description: Option<Arc<str>>,
    /// `metadata`.
    pub metadata: Arc<Metadata>,
    /// The name where it is defined (or last refined).
    pub span: Span,
}

/// A capability definition (8.2).
#[derive(Debug, Clone)]
pub struct CapabilityDefinition {
    /// Its capability type.
    pub type_id: TypeId,
    /// The type's properties, refined.
    pub properties: Map<Arc<PropertyDefinition>>,
    /// The type's attributes, refined.
    pub attributes: Map<Arc<PropertyDefinition>>,
    /// Node types that may be the source; absent means any.
    pub valid_source_node_types: Option<Vec<TypeId>>,
    /// Relationship types that may target it; absent means any.
    pub valid_relationship_types: Option<Vec<TypeId>>,
    /// `description`.
    pub description: Option<Arc<str>>,
    /// `metadata`.
    pub metadata: Metadata,
    /// The name where it is defined (or last refined).
    pub span: Span,
}

/// How many relationships a requirement may have (8.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CountRange {
    /// At least.
    pub min: u64,
    /// At most; absent means `UNBOUNDED`.
    pub max: Option<u64>,
}

impl Default for CountRange {
    /// `[0, UNBOUNDED]` (8.4).
    fn default() -> Self {
        Self { min: 0, max: None }
    }
}

impl fmt::Display for CountRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.max {
            Some(max) => write!(f, "[{}, {max}]", self.min),
            None => write!(f, "[{}, UNBOUNDED]", self.min),
        }
    }
}

/// What a requirement definition asks of its target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequiredCapability {
    /// A capability of this type or one derived from it.
    OfType(TypeId),
    /// The capability of this name in the required node type, of the given type there.
    Named {
        /// The name.
        name: Name,
        /// Its type in the required node type.
        type_id: TypeId,
    },
}

impl RequiredCapability {
    /// The capability type that the target's must be or be derived from.
    pub fn type_id(&self) -> TypeId {
        match self {
            Self::OfType(type_id) | Self::Named { type_id, .. } => *type_id,
        }
    }
}

/// A requirement definition (8.4).
#[derive(Debug, Clone)]
pub struct RequirementDefinition {
    /// What the target must offer.
    pub capability: RequiredCapability,
    /// The node type that the target must have.
    pub node: Option<TypeId>,
    /// The relationship type.
    pub relationship: TypeId,
    /// The relationship type's properties, refined.
    pub relationship_properties: Map<Arc<PropertyDefinition>>,
    /// The relationship type's attributes, refined.
    pub relationship_attributes: Map<Arc<PropertyDefinition>>,
    /// The relationship type's interfaces, refined.
    pub relationship_interfaces: Map<Arc<InterfaceDefinition>>,
    /// All must hold of the target, the inherited first; in them `SELF` is the relationship.
    pub node_filters: Vec<Expression>,
    /// How many relationships.
    pub count_range: CountRange,
    /// `description`.
    pub description: Option<Arc<str>>,
    /// `metadata`.
    pub metadata: Metadata,
    /// The name where it is defined (or last refined).
    pub span: Span,
}

/// An interface definition (11.2): an interface type in a node or relationship type, refined.
#[derive(Debug, Clone)]
pub struct InterfaceDefinition {
    /// Its interface type.
    pub type_id: TypeId,
    /// Inputs of all operations.
    pub inputs: Map<Arc<ParameterDefinition>>,
    /// Operations.
    pub operations: Map<Arc<OperationDefinition>>,
    /// Notifications.
    pub notifications: Map<Arc<OperationDefinition>>,
    /// `description`.
    pub description: Option<Arc<str>>,
    /// `metadata`.
    pub metadata: Metadata,
    /// The name where it is defined (or last refined).
    pub span: Span,
}

/// An operation definition (11.4) or notification definition (11.6).
#[derive(Debug, Clone)]
pub struct OperationDefinition {
    /// Its own inputs; those of the interface come on top.
    pub inputs: Map<Arc<ParameterDefinition>>,
    /// Outputs.
    pub outputs: Map<Arc<ParameterDefinition>>,
    /// Absent in interface types, and where an operation does nothing.
    pub implementation: Option<Arc<Implementation>>,
    /// `description`.
    pub description: Option<Arc<str>>,
    /// `metadata`.
    pub metadata: Metadata,
    /// The name where it is defined (or last refined).
    pub span: Span,
}
