//! TOSCA's words: each construct of the grammar with its keynames checked, its parts and their places; no meaning.
//!
//! Readers keep what they can read. What is missing because it could not be read is in the element's [`Hidden`]
//! keynames, so that a later check does not complain about what was in fact written.

mod artifact;
mod assignment;
mod construct;
mod copies;
mod definitions;
mod field;
mod file;
mod functions;
mod property;
mod reader;
mod substitution;
mod template;
mod topology;
mod types;
mod workflow;

pub use artifact::{ArtifactDefinition, ArtifactReference, ChecksumWords, Implementation};
pub use assignment::{
    Assignment, CapabilityAssignment, InterfaceAssignment, OperationAssignment, Reach,
    RelationshipAssignment, RequirementAssignment,
};
pub use construct::Hidden;
pub use definitions::{
    CapabilityDefinition, CountRangeWords, InterfaceDefinition, OperationDefinition, RelationshipDefinition,
    RequirementDefinition,
};
pub use file::{Header, Import, ImportTarget, Repository, read_header, read_types, scheme};
pub use functions::{
    FunctionDefinition, Functions, SignatureDefinition, read_functions, read_template_functions,
};
pub use property::{ParameterDefinition, PropertyDefinition, Schema};
pub use reader::{Common, Reader, Word};
pub use substitution::{
    CapabilityMapping, InterfaceMapping, MappedHolder, MappingCount, MappingTarget, RequirementMapping,
    Substitution, ValueMapping, count_of,
};
pub use template::{NodeDirective, NodeTemplate, ServiceTemplate, read_service_template};
pub use topology::{Group, Policy, RelationshipTemplate, Trigger};
pub use types::{
    ArtifactType, CapabilityType, DataType, GroupType, InterfaceType, Multipliers, NodeType, PolicyType,
    RelationshipType, TypeBody, TypeDefinition,
};
pub use workflow::{Activity, ActivityKind, Step, Workflow};
