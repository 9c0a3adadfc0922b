//! The keynames of each construct.

/// What keynames a construct has, by the standard and by what is built.
#[derive(Debug)]
pub struct Shape {
    /// The construct in words, with its article: `a node type`.
    pub element: &'static str,
    /// The chapter of TOSCA 2.0 that lists the keynames.
    pub chapter: &'static str,
    /// The keynames that are read.
    pub keynames: &'static [&'static str],
    /// Words of older versions, each with what to do instead.
    pub gone: &'static [(&'static str, &'static str)],
    /// What is said of any other word.
    pub hint: Option<&'static str>,
}

/// The keynames that an element has, or seems to have had, but that could not be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hidden(Vec<&'static str>);

impl Hidden {
    /// Whether the keyname is there but unread.
    pub fn has(&self, keyname: &str) -> bool {
        self.0.contains(&keyname)
    }

    /// Whether every keyname was read.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds what another element hides: one that is copied.
    pub(super) fn join(&mut self, other: &Self) {
        other.0.iter().for_each(|keyname| self.add(keyname));
    }

    pub(super) fn add(&mut self, keyname: &'static str) {
        if !self.has(keyname) {
            self.0.push(keyname);
        }
    }
}

const CONSTRAINTS: (&str, &str) = ("constraints", "TOSCA 2.0 has `validation` instead");
const VALID_SOURCES: (&str, &str) = ("valid_source_types", "TOSCA 2.0 calls it `valid_source_node_types`");
const STATUS: (&str, &str) = ("status", "TOSCA 2.0 has no such keyname; `metadata` can say it");
const INTERFACES_OF_GROUPS: (&str, &str) = ("interfaces", "groups of TOSCA 2.0 have no interfaces");
const INTERFACE_HINT: &str = "operations go under the keyname `operations`";

macro_rules! shape {
    ($name:ident: $element:literal, $chapter:literal, [$($keyname:literal),* $(,)?],
        gone [$($gone:expr),*]) => {
        shape!($name: $element, $chapter, [$($keyname),*], gone [$($gone),*], None);
    };
    ($name:ident: $element:literal, $chapter:literal, [$($keyname:literal),* $(,)?],
        gone [$($gone:expr),*], $hint:expr) => {
        pub(super) const $name: Shape = Shape {
            element: $element,
            chapter: $chapter,
            keynames: &[$($keyname),*],
            gone: &[$($gone),*],
            hint: $hint,
        };
    };
}

shape!(FILE: "a TOSCA file", "6.1",
["tosca_definitions_version", "description", "metadata", "dsl_definitions", "profile", "imports",
 "artifact_types", "data_types", "capability_types", "interface_types", "relationship_types", "node_types",
 "group_types", "policy_types", "repositories", "functions", "service_template"],
gone [
    ("topology_template", "TOSCA 2.0 calls it `service_template`"),
    ("template_name", "TOSCA 2.0 has `metadata` for this"),
    ("template_author", "TOSCA 2.0 has `metadata` for this"),
    ("template_version", "TOSCA 2.0 has `metadata` for this"),
    ("namespace", "TOSCA 2.0 has `profile` for this")
]);
shape!(IMPORT: "an import", "6.8.1",
["url", "profile", "repository", "namespace", "description", "metadata"],
gone [
    ("file", "TOSCA 2.0 calls it `url`"),
    ("namespace_prefix", "TOSCA 2.0 calls it `namespace`"),
    ("namespace_uri", "TOSCA 2.0 calls it `namespace`")
]);
shape!(REPOSITORY: "a repository", "6.5",
["url", "description", "metadata"],
gone [("credential", "TOSCA 2.0 has no such keyname; credentials belong to the processor's configuration")]);
shape!(ARTIFACT_TYPE: "an artifact type", "12.1",
    ["derived_from", "version", "metadata", "description", "mime_type", "file_ext", "properties"],
    gone []);
shape!(DATA_TYPE: "a data type", "9.2",
    ["derived_from", "version", "metadata", "description", "validation", "properties", "key_schema", "entry_schema",
     "data_type", "units", "canonical_unit", "prefixes"],
    gone [CONSTRAINTS]);
shape!(CAPABILITY_TYPE: "a capability type", "8.1",
    ["derived_from", "version", "metadata", "description", "properties", "attributes", "valid_source_node_types",
     "valid_relationship_types"],
    gone [VALID_SOURCES]);
shape!(INTERFACE_TYPE: "an interface type", "11.1",
    ["derived_from", "version", "metadata", "description", "inputs", "operations", "notifications"],
    gone [], Some(INTERFACE_HINT));
shape!(RELATIONSHIP_TYPE: "a relationship type", "7.3",
    ["derived_from", "version", "metadata", "description", "properties", "attributes", "interfaces",
     "valid_capability_types", "valid_target_node_types", "valid_source_node_types"],
    gone [("valid_target_types", "TOSCA 2.0 calls it `valid_capability_types`")]);
shape!(NODE_TYPE: "a node type", "7.1",
    ["derived_from", "version", "metadata", "description", "properties", "attributes", "capabilities",
     "requirements", "interfaces", "artifacts"],
    gone []);
shape!(PROPERTY_DEFINITION: "a property definition", "9.3",
    ["type", "description", "metadata", "required", "default", "value", "validation", "key_schema", "entry_schema"],
    gone [CONSTRAINTS, STATUS]);
shape!(ATTRIBUTE_DEFINITION: "an attribute definition", "9.5",
    ["type", "description", "metadata", "default", "validation", "key_schema", "entry_schema"],
    gone [CONSTRAINTS, STATUS]);
shape!(PARAMETER_DEFINITION: "a parameter definition", "9.7",
    ["type", "description", "metadata", "required", "default", "value", "mapping", "validation", "key_schema",
     "entry_schema"],
    gone [CONSTRAINTS, STATUS]);
shape!(SCHEMA: "a schema definition", "9.3",
    ["type", "description", "metadata", "validation", "key_schema", "entry_schema"],
    gone [CONSTRAINTS]);
shape!(FUNCTION_DEFINITION: "a function definition", "10.4",
    ["signatures", "description", "metadata"],
    gone [("implementation", "each signature has an `implementation` of its own")]);
shape!(SIGNATURE_DEFINITION: "a signature definition", "10.4",
    ["arguments", "optional_arguments", "variadic", "result", "implementation"],
    gone []);
shape!(CAPABILITY_DEFINITION: "a capability definition", "8.2",
    ["type", "description", "metadata", "properties", "attributes", "valid_source_node_types",
     "valid_relationship_types"],
    gone [VALID_SOURCES, ("occurrences", "TOSCA 2.0 has `allocation` in requirement assignments instead")]);
shape!(REQUIREMENT_DEFINITION: "a requirement definition", "8.4",
    ["description", "metadata", "relationship", "node", "capability", "node_filter", "count_range"],
    gone [("occurrences", "TOSCA 2.0 calls it `count_range`")]);
shape!(RELATIONSHIP_DEFINITION: "a relationship definition", "8.4",
    ["type", "description", "metadata", "properties", "attributes", "interfaces"],
    gone []);
shape!(INTERFACE_DEFINITION: "an interface definition", "11.2",
    ["type", "description", "metadata", "inputs", "operations", "notifications"],
    gone [], Some(INTERFACE_HINT));
shape!(OPERATION_DEFINITION: "an operation definition", "11.4",
    ["description", "metadata", "implementation", "inputs", "outputs"],
    gone []);
shape!(IMPLEMENTATION: "an implementation", "11.8",
    ["primary", "dependencies", "timeout"],
    gone [("operation_host", "TOSCA 2.0 has no such keyname")]);
shape!(ARTIFACT_DEFINITION: "an artifact definition", "12.2",
    ["type", "file", "repository", "description", "metadata", "artifact_version", "version", "checksum",
     "checksum_algorithm", "properties"],
    gone [("deploy_path", "TOSCA 2.0 has no such keyname; make it a property of the artifact's type")]);
shape!(SERVICE_TEMPLATE: "a service template", "6.9.1",
    ["description", "metadata", "inputs", "outputs", "node_templates", "relationship_templates", "groups",
     "policies", "substitution_mappings", "workflows", "functions"],
    gone [("substitution_mapping", "the keyname is `substitution_mappings`")]);
shape!(NODE_TEMPLATE: "a node template", "7.2",
    ["type", "description", "metadata", "properties", "attributes", "requirements", "capabilities", "interfaces",
     "artifacts", "directives", "count", "node_filter", "copy"],
    gone []);
shape!(CAPABILITY_ASSIGNMENT: "a capability assignment", "8.3",
    ["properties", "attributes", "directives", "description", "metadata"],
    gone [("occurrences", "TOSCA 2.0 has `allocation` in requirement assignments instead")]);
shape!(REQUIREMENT_ASSIGNMENT: "a requirement assignment", "8.5",
["node", "capability", "relationship", "node_filter", "count", "directives", "optional", "allocation", "description",
 "metadata"],
gone [
    ("occurrences", "TOSCA 2.0 calls it `count`"),
    ("allocations", "the keyname is `allocation`")
]);
shape!(RELATIONSHIP_ASSIGNMENT: "a relationship assignment", "8.5",
    ["type", "properties", "attributes", "interfaces", "description", "metadata"],
    gone []);
shape!(INTERFACE_ASSIGNMENT: "an interface assignment", "11.3",
    ["inputs", "operations", "notifications", "description", "metadata"],
    gone [], Some(INTERFACE_HINT));
shape!(OPERATION_ASSIGNMENT: "an operation assignment", "11.5",
    ["implementation", "inputs", "outputs", "description", "metadata"],
    gone []);
shape!(GROUP_TYPE: "a group type", "16.1",
    ["derived_from", "version", "metadata", "description", "properties", "attributes", "members"],
    gone [INTERFACES_OF_GROUPS]);
shape!(POLICY_TYPE: "a policy type", "16.3",
    ["derived_from", "version", "metadata", "description", "properties", "targets", "triggers"],
    gone []);
shape!(RELATIONSHIP_TEMPLATE: "a relationship template", "7.4",
    ["type", "description", "metadata", "properties", "attributes", "interfaces", "copy"],
    gone []);
shape!(GROUP: "a group definition", "16.2",
    ["type", "description", "metadata", "properties", "attributes", "members"],
    gone [("targets", "a group has `members`"), INTERFACES_OF_GROUPS]);
shape!(POLICY: "a policy definition", "16.4",
    ["type", "description", "metadata", "properties", "targets", "triggers"],
    gone [("members", "a policy has `targets`")]);
shape!(TRIGGER: "a trigger definition", "16.5",
["description", "metadata", "event", "condition", "action"],
gone [
    ("event_type", "TOSCA 2.0 calls it `event`"),
    ("target_filter", "TOSCA 2.0 has no such keyname; the policy has `targets`"),
    ("schedule", "TOSCA 2.0 has no such keyname"),
    ("constraint", "TOSCA 2.0 calls it `condition`"),
    ("period", "TOSCA 2.0 has no such keyname"),
    ("evaluations", "TOSCA 2.0 has no such keyname"),
    ("method", "TOSCA 2.0 has no such keyname")
]);
shape!(WORKFLOW: "a workflow", "13.2",
    ["description", "metadata", "inputs", "precondition", "steps", "implementation", "outputs"],
    gone [("preconditions", "TOSCA 2.0 has one `precondition`: join several with `$and`")]);
shape!(STEP: "a workflow step", "13.2.2",
    ["target", "target_relationship", "filter", "activities", "on_success", "on_failure", "description", "metadata"],
    gone [("operation_host", "TOSCA 2.0 has no such keyname")]);
shape!(ACTIVITY: "an activity", "13.2.3",
    ["delegate", "set_state", "call_operation", "inline"],
    gone []);
shape!(WORKFLOW_CALL: "a workflow activity", "13.2.3",
    ["workflow", "inputs"],
    gone []);
shape!(OPERATION_CALL: "an operation activity", "13.2.3.3",
    ["operation", "inputs"],
    gone []);
shape!(SUBSTITUTION: "a substitution mapping", "15.1",
    ["node_type", "substitution_filter", "properties", "attributes", "capabilities", "requirements", "interfaces"],
    gone [("node_filter", "the keyname is `substitution_filter`")]);
