//! The metadata that tells functions what a vertex, edge or property is. Lowering and the resolver write it.

/// Metadata of a vertex: it is a node; the value is the name of its node template.
pub const NODE_MARK: &str = floria::rules::NODE;

/// Metadata of a node: its index among those that were made from the same template, from 0. Only where the template says how
/// many there are; then the nodes of the template `web` are named `web-0`, `web-1` and so on, without gaps.
pub const INDEX_MARK: &str = floria::rules::INDEX;

/// Metadata of a vertex: it is a service; the value is its name. A service in a node is what the node was substituted by.
pub const SERVICE_MARK: &str = "khutulun.service";

/// Metadata of a vertex: it is a capability of the node that contains it.
pub const CAPABILITY_MARK: &str = "khutulun.capability";

/// Metadata of an edge: the name of the relationship template that it was made from, if it was made from one.
pub const RELATIONSHIP_MARK: &str = "khutulun.relationship";

/// Metadata of a property of a service: it is an input that must have a value; a boolean.
pub const REQUIRED_MARK: &str = "khutulun.required";

/// Metadata of a node: the names of its requirements whose relationships are not all made yet, as a list.
pub const WAITING_MARK: &str = floria::rules::WAITING;

/// Metadata of a relationship: what it takes of the capability at its end, as a map from names of properties to amounts.
pub const ALLOCATION_MARK: &str = floria::rules::ALLOCATION;

/// Metadata of a capability that stands for one of another service: what is taken of that by relationships that are not in the
/// graph, as a map from names of properties to lists of amounts.
pub const ALLOCATED_MARK: &str = floria::rules::ALLOCATED;

/// Metadata of a node: its artifacts, as a map from names to maps with `path` and `digest`.
pub const ARTIFACTS_MARK: &str = "khutulun.artifacts";

/// What comes before the name of an output in the name of the service's property that holds it.
pub const OUTPUT_PREFIX: &str = "output:";
