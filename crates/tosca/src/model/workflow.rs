//! Workflows (chapter 13).

use std::sync::Arc;

use diagnostics::Span;

pub use tosca_syntax::words::ActivityKind;

use super::{Expression, Implementation, Map, Member, Metadata, Name, Parameter, Property};

/// A workflow (13.2).
#[derive(Debug, Clone)]
pub struct Workflow {
    /// What it is given, besides the inputs of the service template.
    pub inputs: Map<Parameter>,
    /// It runs only when this holds.
    pub precondition: Option<Expression>,
    /// Its steps. Those that no other step leads to come first, at the same time.
    pub steps: Map<WorkflowStep>,
    /// What does it all, instead of steps.
    pub implementation: Option<Arc<Implementation>>,
    /// What it puts out: values, and attributes that outputs of what it runs go to.
    pub outputs: Map<Parameter>,
    /// `description`.
    pub description: Option<Arc<str>>,
    /// `metadata`.
    pub metadata: Metadata,
    /// The name where it is defined.
    pub span: Span,
}

/// A step of a workflow (13.2.2).
#[derive(Debug, Clone)]
pub struct WorkflowStep {
    /// What it works on.
    pub target: Member,
    /// A requirement of the target: then its relationship is worked on.
    pub target_relationship: Option<Name>,
    /// All must hold.
    pub filter: Vec<Expression>,
    /// What is done, in order.
    pub activities: Vec<Activity>,
    /// Steps that follow when all was done.
    pub on_success: Vec<Name>,
    /// Steps that follow when something failed.
    pub on_failure: Vec<Name>,
    /// `description`.
    pub description: Option<Arc<str>>,
    /// `metadata`.
    pub metadata: Metadata,
    /// The name where it is defined.
    pub span: Span,
}

/// Something that is done (13.2.3).
#[derive(Debug, Clone)]
pub struct Activity {
    /// What kind of thing.
    pub kind: ActivityKind,
    /// The workflow, the state, or the operation as `interface.operation`.
    pub subject: Name,
    /// Inputs for it, over those that the operation has anyway.
    pub inputs: Map<Property>,
    /// Where it is written.
    pub span: Span,
}
