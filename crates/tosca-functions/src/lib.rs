//! Calls TOSCA's built-in functions on Floria's values and graphs.
//!
//! The life of a call: lowering writes it as a [`floria::Call`] of `tosca:<name>`; a [`floria::Evaluator`] that was made with
//! [`ToscaFunctions`] asks for it; the table finds the function by name. A *pure* function gets values and returns one, but
//! `and` and `or` evaluate only what they need; a *graph* function also [walks a path](mod@path) and reads properties
//! through the evaluator, which remembers what was read; [`coerce`](mod@schema) is the preparer of every typed property.
//!
//! # Arguments
//!
//! | function | arguments |
//! |---|---|
//! | `tosca:get_input` | the input's name, then names, keys or indexes into its value |
//! | `tosca:get_property`, `tosca:get_attribute` | the path as a list in the standard's words (`[SELF, RELATIONSHIP, host, 0, TARGET]`), of which only indexes may be computed, the name, then names, keys or indexes into the value |
//! | `tosca:get_artifact` | such a path to a node, and the artifact's name; the result is [its location](floria::Artifact::location) |
//! | `tosca:available_allocation` | such a path to a capability, and the property's name |
//! | `tosca:node_index`, `tosca:relationship_index` | none |
//! | `tosca:get_output` | not in TOSCA, what substitution mappings become: the output's name, then names, keys or indexes into its value; at a substituted node, one of its capabilities or one of its relationships |
//! | `tosca:coerce` | not in TOSCA, the preparer: a schema as [`Schema::to_value`] writes it, then the value |
//! | all others | as in TOSCA 2.0, chapter 10 |
//!
//! `$value` is not among them: it only is in validation clauses, which are values in a [`Schema`].
//!
//! # The graph that they expect
//!
//! A service is a vertex, marked with [`SERVICE_MARK`] or outermost. The vertexes in it that have the metadata [`NODE_MARK`] are
//! its nodes, and the vertexes in those that have the metadata [`CAPABILITY_MARK`] are their capabilities. A service in a node
//! is what the node was substituted by. A relationship is an edge from a node to a capability, or to a node, under the
//! requirement's name. Inputs are properties of the service; those with the metadata [`REQUIRED_MARK`] must have a value, and
//! the others are nil without one. Outputs are properties of the service too, with [`OUTPUT_PREFIX`] before their names. A
//! read-only property is a property in TOSCA's sense, any other is an attribute. See [`mod@path`] for what is not made yet.
//!
//! # Functions of designs
//!
//! [`DesignFunctions`] calls those that a design defines, too: `custom:<name>`, whose first argument is its [definition](mod@custom). What
//! implements them is run by whoever has the means.
//!
//! Everything here is pure: no clock, no randomness, no file.

mod allocation;
mod arguments;
mod arithmetic;
mod artifact;
mod clause;
mod coerce;
mod comparison;
mod containment;
pub mod custom;
mod describe;
mod graph_query;
mod kept;
mod logic;
mod marks;
mod nested;
pub mod path;
mod position;
mod reference;
pub mod schema;
mod sets;
pub mod special;
mod substitution;
mod table;
mod text;

pub use clause::{VALUE_CALL, escape_literal};
pub use coerce::{CoerceError, VALUE_DEPTH_MAX, coerce};
pub use custom::{CUSTOM_NAMESPACE, DesignFunctions, FunctionRunner};
pub use marks::{
    ALLOCATED_MARK, ALLOCATION_MARK, ARTIFACTS_MARK, CAPABILITY_MARK, INDEX_MARK, NODE_MARK, OUTPUT_PREFIX,
    RELATIONSHIP_MARK, REQUIRED_MARK, SERVICE_MARK, WAITING_MARK,
};
pub use schema::{Base, Schema, SchemaError, SchemaProperty, SchemaType, Units};
pub use table::{NAMESPACE, ToscaFunctions, call_pure, is_function, is_pure, pure_functions};
