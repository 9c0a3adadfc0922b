//! YAML 1.2 text to an arena of nodes with exact places.

mod arena;
mod loose;
mod parse;
mod scalar;

pub use arena::{Content, Document, Entries, Items, Node, Scalar, Style};
pub use parse::{Limits, Parsed, parse};
pub use scalar::ScalarKind;
pub use tosca_values::{parse_float, parse_integer};

#[cfg(test)]
mod tests;
