//! Lowers a checked TOSCA model to a Floria design.
//!
//! The life of a service: [`tosca::model::Model`] goes in; [`lower`] (or [`lower_with`], where service templates may stand for its
//! nodes) walks its service template once and returns a [`Lowered`]: a self-contained [`floria::Design`] with everything that instances need (classes, expressions, schemas, code by
//! digest, the line of each thing), and the list of the files that it refers to. [`render()`] shows a design to a person,
//! and [`Instances`] what was made of it.
//!
//! # How a service looks in Floria
//!
//! | TOSCA | Floria |
//! |---|---|
//! | service template | the first vertex template, named after the service; metadata `khutulun.service` and `khutulun.outputs` |
//! | service template that can stand for a node | a further outermost vertex template, with what is in it, its rules a [`floria::rules::Substitution`]; the inputs that properties are mapped to have updaters, whose `SELF` is the substituted node |
//! | input | a read-only property of it; metadata `khutulun.required` where it must have a value |
//! | output | a property `output:<name>` of it |
//! | node template | a vertex template in it; metadata `khutulun.node` (the template's name) and `khutulun.artifacts` |
//! | count, directives and node filter of a node template | its rules, [`floria::rules::Making`]; none where one node is made |
//! | capability | a vertex template in its node's; metadata `khutulun.capability`, and who may use it: `khutulun.valid-sources`, `khutulun.valid-relationships`, `khutulun.reach` |
//! | requirement and relationship | an edge template from the node with the requirement's name; `index` counts the assignments of one name |
//! | requirement to the one node of a template | leads to that node's capability, without rules |
//! | requirement to a node template, with more to it (a count here or there, an index, filters, an allocation) | leads to the template's capability; the rules, [`floria::rules::Selector`], say the rest |
//! | requirement without a node template, or without an assignment | leads to the service's template; the rules say what is looked for there |
//! | property | a read-only property |
//! | attribute | a property that is not read-only |
//! | value | what is literal was checked and is stored; an expression becomes the updater, and the schema a preparer, a call of `tosca:coerce` (see [`tosca_functions::schema`]) |
//! | operation with an implementation | a handler of the event `<interface>.<operation>`, on the node's vertex template or the relationship's edge template; see below |
//! | notification | such a handler without code; metadata `khutulun.notification` |
//! | group, policy, workflow | a vertex template `group:<name>`, `policy:<name>`, `workflow:<name>` in the service's, after the nodes; metadata `khutulun.group`, `khutulun.policy`, `khutulun.workflow` |
//! | trigger, step | a vertex template in its policy's or workflow's; metadata `khutulun.trigger`, `khutulun.step` |
//! | member of a group, target of a policy or step | an edge template `member` or `target` to the node's or group's vertex template, with a selector of all instances |
//! | `on_success`, `on_failure` | edge templates of these names between steps |
//! | condition, precondition, filter; activity | inputs of the handler `condition`; a handler `activity.<n>` ([`khutulun_api::names::CONDITION`], [`khutulun_api::names::ACTIVITY`]) |
//! | type of a node, capability, relationship, group or policy that is used, and its ancestors | a class of its qualified name; one type is what one profile, or else one file, defines, also in several models; the name of a further type is given with its file |
//! | metadata of a definition (of a property, requirement, operation) | metadata of the property, edge, handler |
//!
//! A call of a function that the design defines is one of `custom:<name>`, with its [definition](mod@tosca_functions::custom) before its
//! arguments: what computes it is a file of the package, by digest.
//!
//! An expression's `SELF` is where it stands: on a node's or capability's vertex the node, on an edge the relationship.
//! `$get_property: [SELF, RELATIONSHIP, host, TARGET, address]` becomes `tosca:get_property([SELF, RELATIONSHIP, host, TARGET],
//! address)`.
//!
//! Two names in the metadata of types, which derived types inherit, say what runs: `khutulun.events` on an interface type is
//! the prefix of its events (the profile's `Lifecycle` has `lifecycle`; without it, the prefix is the interface's name), and
//! `khutulun.implementation` on an artifact type is how such a file is run: `driver`, `plugin` or `script`.
//!
//! # What is not run yet
//!
//! The lifecycle of relationships, outputs of operations that go elsewhere than to an attribute of the node, and functions that
//! are not built yet are diagnostics; so are notifications that have an implementation (`not-run-yet`). Nothing is silently ignored.
//!
//! Lowering is pure. Files are found and read through the [`Files`] that the caller brings.

mod artifacts;
mod classes;
mod custom;
mod edges;
mod expressions;
mod files;
mod groups;
mod inputs;
mod instances;
mod later;
mod lower;
mod making;
mod operations;
mod properties;
mod render;
mod render_parts;
mod render_rules;
mod schemas;
mod services;
mod substitution;
mod triggers;
mod workflows;

pub use artifacts::is_driver;
pub use files::{Files, SourceFiles, digest_of};
pub use instances::{Instance, InstanceEdge, Instances, Kind, Outcome};
pub use lower::{ArtifactFile, Lowered, Options};
pub use render::render;
pub use services::{Mistakes, Substituting, lower, lower_with};
