//! TOSCA's words: each construct of the grammar with its keynames checked, its parts and their places; no meaning.
//!
//! Readers keep what they can read. What is missing because it could not be read is in the element's [`Hidden`]
//! keynames, so that a later check does not complain about what was in fact written.

mod copies;
mod definitions;
mod file;
mod functions;
mod keynames;
mod reader;
mod template;
mod topology;
mod types;
mod workflow;

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
    Assignment, CapabilityAssignment, InterfaceAssignment, NodeDirective, NodeTemplate, OperationAssignment,
    Reach, RelationshipAssignment, RequirementAssignment, ServiceTemplate, read_service_template,
};
pub use topology::{
    CapabilityMapping, Group, InterfaceMapping, MappedHolder, MappingCount, MappingTarget, Policy,
    RelationshipTemplate, RequirementMapping, Substitution, Trigger, ValueMapping, count_of,
};
pub use types::{
    ArtifactType, CapabilityType, DataType, GroupType, InterfaceType, Multipliers, NodeType, PolicyType,
    RelationshipType, TypeBody, TypeDefinition,
};
pub use workflow::{Activity, ActivityKind, Step, Workflow};
