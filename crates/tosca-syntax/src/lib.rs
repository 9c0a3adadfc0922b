//! Reads TOSCA's words: a text becomes constructs of the grammar, each with its place, and no meaning yet.
//!
//! The life of a value: [`yaml::parse`] makes a text into a [`yaml::Document`], an arena of nodes with exact spans;
//! [`words::read_header`] says whether it is a file of TOSCA 2.0 and what it imports; [`words::read_types`] and
//! [`words::read_service_template`] check the keynames of every construct and return what they say. Mistakes are
//! gathered in the [`words::Reader`]; nothing stops at the first one.
//!
//! Values (of properties, functions, validation clauses) stay [`yaml::Node`]s: what they mean depends on types,
//! which are the next crate's.

pub mod words;
pub mod yaml;
