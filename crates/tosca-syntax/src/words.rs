//! TOSCA's words: each construct of the grammar with its keynames checked, its parts and their places; no meaning.
//!
//! Readers keep what they can read. What is missing because it could not be read is in the element's [`Hidden`]
//! keynames, so that a later check does not complain about what was in fact written.

mod definitions;
mod file;
mod functions;
mod keynames;
mod reader;
mod template;
mod types;

pub use definitions::{
    ArtifactDefinition, ArtifactReference, CapabilityDefinition, ChecksumWords, CountRangeWords,
    Implementation, InterfaceDefinition, OperationDefinition, ParameterDefinition, PropertyDefinition,
    RelationshipDefinition, RequirementDefinition, Schema,
};
pub use file::{Header, Import, ImportTarget, Repository, read_header, read_types, scheme};
pub use functions::{
    FunctionDefinition, Functions, SignatureDefinition, read_functions, read_template_functions,
};
pub use keynames::{Hidden, Shape};
pub use reader::{Common, Reader, Word};
pub use template::{
    Assignment, CapabilityAssignment, InterfaceAssignment, NodeTemplate, OperationAssignment,
    RelationshipAssignment, RequirementAssignment, ServiceTemplate, read_service_template,
};
pub use types::{
    ArtifactType, CapabilityType, DataType, InterfaceType, Multipliers, NodeType, RelationshipType, TypeBody,
    TypeDefinition,
};
