//! What a service template has besides node templates: groups, policies and triggers (chapter 16), and substitution
//! mappings (chapter 15).

use std::sync::Arc;

use diagnostics::Span;

use super::{Activity, Expression, Map, Metadata, Name, NodeTemplateId, Property, TypeId};

/// A group of node templates (16.2).
#[derive(Debug, Clone)]
pub struct Group {
    /// Its group type.
    pub type_id: TypeId,
    /// One entry for each property of the type.
    pub properties: Map<Property>,
    /// One entry for each attribute of the type.
    pub attributes: Map<Property>,
    /// Its members, in the order of the document. Groups are never members of each other in a circle.
    pub members: Vec<Member>,
    /// `description`.
    pub description: Option<Arc<str>>,
    /// `metadata`.
    pub metadata: Metadata,
    /// The name where it is defined.
    pub span: Span,
}

/// A member of a group, or a target of a policy or of a step of a workflow.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Member {
    /// A node template.
    Node(NodeTemplateId),
    /// A group, by its name.
    Group(Name),
}

/// A policy (16.4).
#[derive(Debug, Clone)]
pub struct Policy {
    /// Its policy type.
    pub type_id: TypeId,
    /// One entry for each property of the type.
    pub properties: Map<Property>,
    /// What it is for, in the order of the document.
    pub targets: Vec<Member>,
    /// The type's triggers and its own.
    pub triggers: Map<Arc<Trigger>>,
    /// `description`.
    pub description: Option<Arc<str>>,
    /// `metadata`.
    pub metadata: Metadata,
    /// The name where it is defined.
    pub span: Span,
}

/// What is done when something happens (16.5).
#[derive(Debug, Clone)]
pub struct Trigger {
    /// `event`: `interface.notification`, or what the orchestrator calls an event.
    pub event: Name,
    /// Nothing is done unless this holds.
    pub condition: Option<Expression>,
    /// What is done, in order.
    pub action: Vec<Activity>,
    /// `description`.
    pub description: Option<Arc<str>>,
    /// `metadata`.
    pub metadata: Metadata,
    /// The name where it is defined.
    pub span: Span,
}

/// Which nodes a service template can stand for, and how (15.1).
#[derive(Debug, Clone)]
pub struct Substitution {
    /// The type of those nodes.
    pub node_type: TypeId,
    /// Must hold for such a node; in it `SELF` is the node.
    pub filter: Option<Expression>,
    /// Properties of the node that become inputs.
    pub properties: Vec<ValueMapping>,
    /// Attributes of the node that outputs become.
    pub attributes: Vec<ValueMapping>,
    /// Capabilities of the node, each with the one that stands for it.
    pub capabilities: Map<CapabilityMapping>,
    /// Requirements of the node. Several entries of one name are for its assignments in order; a single one is for
    /// all of them (15.5).
    pub requirements: Vec<RequirementMapping>,
    /// Operations of the node's interfaces, each with the workflow that does it.
    pub interfaces: Map<Map<Name>>,
    /// The keyname `substitution_mappings`.
    pub span: Span,
}

/// A property and its input (15.2), or an attribute and its output (15.3).
#[derive(Debug, Clone)]
pub struct ValueMapping {
    /// Whose property or attribute.
    pub holder: MappedHolder,
    /// The property or attribute.
    pub name: Name,
    /// The input or output.
    pub parameter: Name,
    /// Where it is mapped.
    pub span: Span,
}

/// Whose property or attribute is mapped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MappedHolder {
    /// The node's own.
    Node,
    /// That of the node's capability.
    Capability(Name),
    /// That of a relationship of the node.
    Relationship {
        /// The requirement.
        requirement: Name,
        /// Which of its relationships; absent means all, whose values make a list.
        index: Option<u64>,
    },
}

/// The capability that stands for one of a substituted node (15.4).
#[derive(Debug, Clone)]
pub struct CapabilityMapping {
    /// A node template.
    pub node: NodeTemplateId,
    /// Its capability.
    pub capability: Name,
    /// Where it is mapped.
    pub span: Span,
}

/// What assignments of a requirement of a substituted node are mapped to (15.5).
#[derive(Debug, Clone)]
pub struct RequirementMapping {
    /// The requirement of the substituted node.
    pub name: Name,
    /// How many of its assignments; absent when it is not said.
    pub count: Option<MappingCount>,
    /// Where the target of the requirement goes: to each of these.
    pub targets: Vec<MappingTarget>,
    /// Where it is mapped.
    pub span: Span,
}

pub use tosca_syntax::words::MappingCount;

/// What a requirement is mapped to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MappingTarget {
    /// A node template with the directive `select`: it becomes the requirement's target.
    Selectable(NodeTemplateId),
    /// A requirement of a node template that has no target yet.
    Requirement(NodeTemplateId, Name),
}
