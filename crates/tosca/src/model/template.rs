//! The service template and what is in it.

use std::sync::Arc;

use diagnostics::{SourceId, Span};

use super::{Expression, Map, Metadata, Name, Reference, RequirementDefinition, Schema, TypeId};

/// A service template (TOSCA 2.0, 6.9).
#[derive(Debug, Clone)]
pub struct ServiceTemplate {
    /// Inputs; whoever deploys gives them values.
    pub inputs: Map<Parameter>,
    /// Outputs.
    pub outputs: Map<Parameter>,
    /// Node templates, in the order of the document. Index with [`NodeTemplateId`], or
    /// [`Model::node`](super::Model::node).
    pub node_templates: Map<NodeTemplate>,
    /// `description`.
    pub description: Option<Arc<str>>,
    /// `metadata`.
    pub metadata: Metadata,
    /// The keyname `service_template`.
    pub span: Span,
}

/// An input or output of the service template (9.7).
#[derive(Debug, Clone)]
pub struct Parameter {
    /// What values are allowed; absent means any (an output without a type has that of its value).
    pub schema: Option<Arc<Schema>>,
    /// Whether an input must have a value (from outside or its default). True by default.
    pub required: bool,
    /// The value of an input that is not given one.
    pub default: Option<Expression>,
    /// The value of an output.
    pub value: Option<Expression>,
    /// `description`.
    pub description: Option<Arc<str>>,
    /// `metadata`.
    pub metadata: Metadata,
    /// The name where it is defined.
    pub span: Span,
}

/// Names a node template in its service template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeTemplateId(u32);

impl NodeTemplateId {
    /// The position in [`ServiceTemplate::node_templates`].
    pub fn index(self) -> usize {
        self.0 as usize
    }

    pub(crate) fn from_index(index: usize) -> Self {
        Self(
            u32::try_from(index)
                .expect("node templates are fewer than the bytes of their document, which fit u32"),
        )
    }
}

/// A node template (7.2).
#[derive(Debug, Clone)]
pub struct NodeTemplate {
    /// Its place in the service template.
    pub id: NodeTemplateId,
    /// Its name.
    pub name: Name,
    /// Its node type.
    pub type_id: TypeId,
    /// One entry for each property of the type, whether it has a value or not.
    pub properties: Map<Property>,
    /// One entry for each attribute of the type. Properties are not repeated here, although each is also readable
    /// as an attribute (9.5).
    pub attributes: Map<Property>,
    /// One entry for each capability of the type.
    pub capabilities: Map<Capability>,
    /// The requirements assigned, in the order of the document. One name may occur several times.
    pub requirements: Vec<Requirement>,
    /// One entry for each interface of the type.
    pub interfaces: Map<Interface>,
    /// The type's artifacts, overridden and extended by the template's.
    pub artifacts: Map<Arc<Artifact>>,
    /// `description`.
    pub description: Option<Arc<str>>,
    /// `metadata`.
    pub metadata: Metadata,
    /// The name where it is defined.
    pub span: Span,
}

/// Why a property has its value, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueOrigin {
    /// The template says so.
    Assigned,
    /// The definition's `default`.
    Default,
    /// The definition's fixed `value`.
    Fixed,
    /// Nobody gave one; it is not required, or an attribute.
    Unassigned,
}

/// A property, attribute or operation input with its value.
#[derive(Debug, Clone)]
pub struct Property {
    /// The value; literal parts are already of the schema's type.
    pub value: Option<Expression>,
    /// Why.
    pub origin: ValueOrigin,
    /// What values are allowed; absent for operation inputs without a type.
    pub schema: Option<Arc<Schema>>,
    /// Whether there must be a value.
    pub required: bool,
    /// The `metadata` of the definition.
    pub metadata: Arc<Metadata>,
    /// Where it is assigned; where it is defined when it is not.
    pub span: Span,
}

/// A capability of a node template.
#[derive(Debug, Clone)]
pub struct Capability {
    /// Its capability type.
    pub type_id: TypeId,
    /// One entry for each property of the type.
    pub properties: Map<Property>,
    /// One entry for each attribute of the type.
    pub attributes: Map<Property>,
    /// `description` of the assignment, else of the definition.
    pub description: Option<Arc<str>>,
    /// `metadata` of the definition, overridden and extended by the assignment's.
    pub metadata: Metadata,
    /// Where it is assigned; where it is defined when it is not.
    pub span: Span,
}

/// A requirement of a node template, with its target.
#[derive(Debug, Clone)]
pub struct Requirement {
    /// The name in the node type.
    pub name: Name,
    /// The definition in the node type.
    pub definition: Arc<RequirementDefinition>,
    /// The target.
    pub target: NodeTemplateId,
    /// The target's capability; it fits the definition.
    pub capability: Name,
    /// The type of the target's capability.
    pub capability_type: TypeId,
    /// The relationship to be made.
    pub relationship: Relationship,
    /// `description` of the assignment, else of the definition.
    pub description: Option<Arc<str>>,
    /// `metadata` of the definition, overridden and extended by the assignment's.
    pub metadata: Metadata,
    /// Where it is assigned.
    pub span: Span,
}

/// The relationship of a requirement.
#[derive(Debug, Clone)]
pub struct Relationship {
    /// Its relationship type.
    pub type_id: TypeId,
    /// One entry for each property of the type. `SELF` in their expressions is the relationship.
    pub properties: Map<Property>,
    /// One entry for each attribute of the type.
    pub attributes: Map<Property>,
    /// One entry for each interface of the type.
    pub interfaces: Map<Interface>,
    /// `metadata` of the assignment.
    pub metadata: Metadata,
    /// Where it is assigned; where the requirement is when it is not.
    pub span: Span,
}

/// An interface of a node template or relationship.
#[derive(Debug, Clone)]
pub struct Interface {
    /// Its interface type; [`Model::lineage`](super::Model::lineage) has the ancestors' names.
    pub type_id: TypeId,
    /// Operations.
    pub operations: Map<Operation>,
    /// `metadata` of the definition, overridden and extended by the assignment's.
    pub metadata: Metadata,
    /// Where it is assigned; where it is defined when it is not.
    pub span: Span,
}

/// An operation of an interface, with everything it needs to run.
#[derive(Debug, Clone)]
pub struct Operation {
    /// The interface's inputs, overridden and extended by the operation's.
    pub inputs: Map<Property>,
    /// Outputs.
    pub outputs: Map<Output>,
    /// Absent when the operation does nothing.
    pub implementation: Option<Arc<Implementation>>,
    /// `description` of the assignment, else of the definition.
    pub description: Option<Arc<str>>,
    /// `metadata` of the definition, overridden and extended by the assignment's.
    pub metadata: Metadata,
    /// Where it is assigned; where it is defined when it is not.
    pub span: Span,
}

/// An output of an operation.
#[derive(Debug, Clone)]
pub struct Output {
    /// The attribute that it goes to; absent when it goes nowhere.
    pub mapping: Option<Reference>,
    /// What values are allowed; absent means those of the attribute.
    pub schema: Option<Arc<Schema>>,
    /// Where it is mapped; where it is defined when it is not.
    pub span: Span,
}

/// What an operation runs (11.8).
#[derive(Debug, Clone)]
pub struct Implementation {
    /// The artifact to run.
    pub primary: Option<Arc<Artifact>>,
    /// Artifacts that it needs.
    pub dependencies: Vec<Arc<Artifact>>,
    /// How long the operation may take, in seconds.
    pub timeout_seconds: Option<u64>,
    /// Where it is given.
    pub span: Span,
}

/// An artifact (12.2): a file with a type.
#[derive(Debug, Clone)]
pub struct Artifact {
    /// Its name in a type's or template's `artifacts`; absent when it is written at an operation.
    pub name: Option<Name>,
    /// Its artifact type; [`Model::lineage`](super::Model::lineage) has the ancestors' names.
    pub type_id: TypeId,
    /// A path or URL; a relative one starts at the file that it is written in, [`Artifact::source`].
    pub file: Arc<str>,
    /// The file that `file` is relative to.
    pub source: SourceId,
    /// `artifact_version`.
    pub version: Option<Arc<str>>,
    /// `checksum` with its algorithm.
    pub checksum: Option<Checksum>,
    /// One entry for each property of the type.
    pub properties: Map<Property>,
    /// `description`.
    pub description: Option<Arc<str>>,
    /// `metadata`.
    pub metadata: Metadata,
    /// Where the file is written.
    pub span: Span,
}

/// The `checksum` of an artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checksum {
    /// As written.
    pub value: Arc<str>,
    /// `checksum_algorithm`, as written.
    pub algorithm: Arc<str>,
}
