//! Calls TOSCA's built-in functions on Floria's values and graphs.
//!
//! The life of a call: lowering writes it as a [`floria::Call`] of `tosca:<name>`; a [`floria::Evaluator`] that was made with
//! [`ToscaFunctions`] asks for it; the table finds the function by name. A *pure* function gets values and returns one;
//! a *graph* function (`get_input`, `get_property`, `get_attribute`) also [walks a path](mod@path) and reads properties
//! through the evaluator, which remembers what was read; [`coerce`](mod@schema) is the preparer of every typed property.
//!
//! # Arguments
//!
//! | function | arguments |
//! |---|---|
//! | `tosca:get_input` | the input's name, then names, keys or indexes into its value |
//! | `tosca:get_property`, `tosca:get_attribute` | the path as a list in the standard's words (`[SELF, RELATIONSHIP, host, 0, TARGET]`), of which only indexes may be computed, the name, then names, keys or indexes into the value |
//! | `tosca:coerce` | a schema as [`Schema::to_value`] writes it, then the value |
//! | all others | as in TOSCA 2.0, chapter 10 |
//!
//! # The graph that they expect
//!
//! A service is a vertex. The vertexes in it that have the metadata [`NODE_MARK`] are its nodes, and the vertexes in those that
//! have the metadata [`CAPABILITY_MARK`] are their capabilities. A relationship is an edge from a node to a capability, or to a
//! node, under the requirement's name. Inputs are properties of the service; those with the metadata [`REQUIRED_MARK`] must
//! have a value, and the others are nil without one. A read-only property is a property in TOSCA's
//! sense, any other is an attribute.
//!
//! Everything here is pure: no clock, no randomness, no file.

mod arguments;
mod arithmetic;
mod clause;
mod coerce;
mod comparison;
mod containment;
mod describe;
mod graph_query;
mod logic;
mod nested;
pub mod path;
pub mod schema;
mod sets;
pub mod special;
mod table;
mod text;

pub use clause::{VALUE_CALL, escape_literal};
pub use coerce::{CoerceError, VALUE_DEPTH_MAX, coerce};
pub use path::{CAPABILITY_MARK, NODE_MARK, RELATIONSHIP_MARK, REQUIRED_MARK};
pub use schema::{Base, Schema, SchemaError, SchemaProperty, SchemaType, Units};
pub use table::{NAMESPACE, ToscaFunctions, is_function, is_pure};
