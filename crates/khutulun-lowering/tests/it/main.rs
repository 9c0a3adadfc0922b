//! Lowering, through its boundary: TOSCA in, the text of a design or diagnostics out.

mod cases;
mod designs;
mod evaluation;
mod examples;
mod folding;
mod package;
mod special;
