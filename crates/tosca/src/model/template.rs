//! The service template and what is in it.

use std::sync::Arc;

use diagnostics::{SourceId, Span};

pub use tosca_syntax::words::{NodeDirective, Reach};

use super::{
    Expression, Group, Map, Metadata, Name, Policy, Reference, RequiredCapability, RequirementDefinition,
    Schema, Substitution, TypeId, Workflow,
};

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
    /// Relationship templates; those that requirements name are also in these, with what they add.
    pub relationship_templates: Map<Relationship>,
    /// Groups.
    pub groups: Map<Group>,
    /// Policies, in the order of the document.
    pub policies: Map<Policy>,
    /// Which nodes this service template can stand for.
    pub substitution: Option<Substitution>,
    /// Workflows.
    pub workflows: Map<Workflow>,
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
    /// The attribute that an input goes to.
    pub mapping: Option<Reference>,
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
    /// Those that must be there but are not assigned are at the end, to be fulfilled by whatever fits (8.5.4).
    pub requirements: Box<[Requirement]>,
    /// One entry for each interface of the type.
    pub interfaces: Map<Interface>,
    /// The type's artifacts, overridden and extended by the template's.
    pub artifacts: Map<Arc<Artifact>>,
    /// How the node comes to be, to be tried in order; none means that it is created (7.2.1).
    pub directives: Box<[NodeDirective]>,
    /// How many nodes are made of it; absent means one. A literal is not negative.
    pub count: Option<Box<Expression>>,
    /// Which existing nodes it may be, when it is selected; in it `SELF` is such a node (8.6).
    pub node_filter: Option<Box<Expression>>,
    /// The template whose keynames it copied; they are here already.
    pub copy: Option<NodeTemplateId>,
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
    /// From where it may be used, the preferred first; none means from anywhere (8.3).
    pub directives: Box<[Reach]>,
    /// `description` of the assignment, else of the definition.
    pub description: Option<Arc<str>>,
    /// `metadata` of the definition, overridden and extended by the assignment's.
    pub metadata: Metadata,
    /// Where it is assigned; where it is defined when it is not.
    pub span: Span,
}

/// A requirement of a node template, with its target when that is said.
#[derive(Debug, Clone)]
pub struct Requirement {
    /// The name in the node type.
    pub name: Name,
    /// The definition in the node type.
    pub definition: Arc<RequirementDefinition>,
    /// The target.
    pub target: RequirementTarget,
    /// How many relationships; absent means one. A literal is not negative.
    pub count: Option<Box<Expression>>,
    /// Where to look for the target, the preferred first; none means anywhere.
    pub directives: Box<[Reach]>,
    /// Whether it may stay unfulfilled.
    pub optional: bool,
    /// Must hold of the target, besides those of the definition; in it `SELF` is the relationship (8.6).
    pub node_filter: Option<Box<Expression>>,
    /// How much of properties of the target's capability it takes (8.5.5).
    pub allocation: Map<Expression>,
    /// Whether nobody assigned it, but the definition wants it (8.5.4), or a substitution mapping leads to it; then its count
    /// may be 0.
    pub is_implicit: bool,
    /// The relationship to be made.
    pub relationship: Relationship,
    /// `description` of the assignment, else of the definition.
    pub description: Option<Arc<str>>,
    /// `metadata` of the definition, overridden and extended by the assignment's.
    pub metadata: Metadata,
    /// Where it is assigned.
    pub span: Span,
}

/// Where a requirement leads.
#[derive(Debug, Clone)]
pub enum RequirementTarget {
    /// To a node template.
    Node {
        /// The template.
        template: NodeTemplateId,
        /// Which of its nodes; absent means any.
        index: Option<Box<Expression>>,
        /// Its capability; it fits the definition.
        capability: Name,
        /// The capability's type.
        capability_type: TypeId,
    },
    /// To whatever fits: it is dangling until something is found.
    Open {
        /// The node type; absent means any.
        node: Option<TypeId>,
        /// What it must offer.
        capability: RequiredCapability,
    },
}

impl Requirement {
    /// The node template that it leads to, unless that is open.
    pub fn node(&self) -> Option<NodeTemplateId> {
        match &self.target {
            RequirementTarget::Node { template, .. } => Some(*template),
            RequirementTarget::Open { .. } => None,
        }
    }

    /// The type of the capability that it leads to, or to which what is found must be derived.
    pub fn capability_type(&self) -> TypeId {
        match &self.target {
            RequirementTarget::Node { capability_type, .. } => *capability_type,
            RequirementTarget::Open { capability, .. } => capability.type_id(),
        }
    }
}

/// The relationship of a requirement, or a relationship template (7.4).
#[derive(Debug, Clone)]
pub struct Relationship {
    /// Its relationship type.
    pub type_id: TypeId,
    /// The relationship template that it is made of.
    pub template: Option<Name>,
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
    /// Notifications: operations that come from outside.
    pub notifications: Map<Operation>,
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
    /// `repository`: then `file` is relative to it.
    pub repository: Option<Name>,
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
