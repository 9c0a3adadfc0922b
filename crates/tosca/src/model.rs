//! The checked model: what a TOSCA file and its imports mean, with nothing left to look up.
//!
//! A [`Model`] is what later layers read. In it every name is resolved to an id, every type holds its *effective*
//! definitions (its own merged over its ancestors', TOSCA 2.0, 6.4.2), every template holds a value or the reason
//! for its absence for each property that its type defines, and every element has the [`Span`] that it came from.
//!
//! A model exists only when no error was found, so a reader needs no checks of its own; functions are kept as
//! [`Expression`]s, because inputs and attributes are known only at run time.

mod definitions;
mod expression;
mod function;
mod map;
mod name;
mod scalar;
mod template;
mod topology;
mod types;
mod value;
mod workflow;

use std::sync::Arc;

pub use definitions::{
    CapabilityDefinition, CountRange, InterfaceDefinition, OperationDefinition, ParameterDefinition,
    PropertyDefinition, RequiredCapability, RequirementDefinition, Schema,
};
use diagnostics::{SourceId, Span};
pub use expression::{Call, Expression, ExpressionKind, Index, Path, PathStart, Reference, Step};
pub use function::{Function, FunctionId, Signature};
pub use map::{Iter, Map};
pub use name::Name;
pub use scalar::Scalar;
pub use template::{
    Artifact, Capability, Checksum, Implementation, Interface, NodeDirective, NodeTemplate, NodeTemplateId,
    Operation, Output, Parameter, Property, Reach, Relationship, Requirement, RequirementTarget,
    ServiceTemplate, ValueOrigin,
};
pub use topology::{
    CapabilityMapping, Group, MappedHolder, MappingCount, MappingTarget, Member, Policy, RequirementMapping,
    Substitution, Trigger, ValueMapping,
};
pub use tosca_values::{Decimal, Number, Timestamp, Version};
pub use types::{
    ArtifactType, CapabilityType, DataBase, DataType, GroupType, InterfaceType, NodeType, PolicyType,
    RelationshipType, Type, TypeBody, TypeId, TypeKind, Units,
};
pub use value::Value;
pub use workflow::{Activity, ActivityKind, Workflow, WorkflowStep};

use crate::sources::Locator;

/// The `metadata` of an element: plain data, never functions (TOSCA 2.0, 5.3.1).
pub type Metadata = Map<Value>;

/// A TOSCA file and everything it imports, checked.
#[derive(Debug, Clone)]
pub struct Model {
    /// The files read, the entry first.
    pub files: Arc<[File]>,
    /// All types: the built-in data types, then those of the files. Index with [`TypeId`], or [`Model::type_of`].
    pub types: Vec<Type>,
    /// The functions that files and the service template define. Index with [`FunctionId`], or
    /// [`Model::function`].
    pub functions: Vec<Function>,
    /// The entry's service template; absent when the entry only defines types (a profile).
    pub service_template: Option<ServiceTemplate>,
}

/// One file of a model.
#[derive(Debug, Clone)]
pub struct File {
    /// Its text in the compilation's source map.
    pub source: SourceId,
    /// What its relative URLs (imports, artifact files) are relative to.
    pub locator: Locator,
    /// The profile that its types belong to: its own, else that of the file that first imported it (6.7.1).
    pub profile: Option<Name>,
    /// Its `description`.
    pub description: Option<Arc<str>>,
    /// Its `metadata`.
    pub metadata: Metadata,
    /// What it imports, in order; what could not be had is not here.
    pub imports: Vec<Import>,
    /// The import that it was first loaded for, in another file; absent for the entry. From there the way back to the
    /// entry goes on with [`Model::file_of`].
    pub imported_at: Option<Span>,
    /// Its `repositories` (6.5).
    pub repositories: Map<Repository>,
}

/// An import (6.8) that led to a file.
#[derive(Debug, Clone)]
pub struct Import {
    /// The namespace that the file's names are in; absent is the importing file's own.
    pub namespace: Option<Name>,
    /// The profile's name, where the import is by that and not by a URL.
    pub profile: Option<Name>,
    /// The file, by its position among those read.
    pub file: usize,
    /// The URL, or the profile's name.
    pub span: Span,
}

/// A repository definition (6.5).
#[derive(Debug, Clone)]
pub struct Repository {
    /// Its address as written.
    pub url: Arc<str>,
    /// Its `description`.
    pub description: Option<Arc<str>>,
    /// Its `metadata`.
    pub metadata: Metadata,
    /// Its name in the file.
    pub span: Span,
}

impl Model {
    /// The type of an id.
    ///
    /// # Panics
    /// When the id belongs to another model.
    pub fn type_of(&self, id: TypeId) -> &Type {
        &self.types[id.index()]
    }

    /// The function of an id.
    ///
    /// # Panics
    /// When the id belongs to another model.
    pub fn function(&self, id: FunctionId) -> &Function {
        &self.functions[id.index()]
    }

    /// The node template of an id.
    ///
    /// # Panics
    /// When the id belongs to another model.
    pub fn node(&self, id: NodeTemplateId) -> &NodeTemplate {
        let service =
            self.service_template.as_ref().expect("a node template id comes from a service template");
        &service.node_templates[id.index()]
    }

    /// Whether `id` is `ancestor` or derived from it.
    pub fn is_derived(&self, id: TypeId, ancestor: TypeId) -> bool {
        id == ancestor || self.type_of(id).ancestors.contains(&ancestor)
    }

    /// The qualified names of a type and its ancestors, the type's own first.
    pub fn lineage(&self, id: TypeId) -> impl Iterator<Item = &Name> {
        let own = self.type_of(id);
        std::iter::once(&own.qualified_name)
            .chain(own.ancestors.iter().map(|&ancestor| &self.type_of(ancestor).qualified_name))
    }

    /// The type of a kind with this qualified name (`profile:Type`).
    pub fn find_type(&self, kind: TypeKind, qualified_name: &str) -> Option<TypeId> {
        let same = |found: &Type| found.kind() == kind && found.qualified_name == *qualified_name;
        self.types.iter().position(same).map(TypeId::from_index)
    }

    /// A metadata value of a type, or of its nearest ancestor that has the key.
    ///
    /// The standard does not inherit metadata (6.4.2); this is for keys of our own that speak for a family of types.
    pub fn inherited_metadata(&self, id: TypeId, key: &str) -> Option<&Value> {
        let own = self.type_of(id);
        std::iter::once(own)
            .chain(own.ancestors.iter().map(|&ancestor| self.type_of(ancestor)))
            .find_map(|found| found.metadata.get(key))
    }

    /// The file that a span is in.
    pub fn file_of(&self, span: Span) -> Option<&File> {
        self.files.iter().find(|file| file.source == span.source)
    }
}
