//! Lowering, through its boundary: TOSCA in, the text of a design or diagnostics out.

mod cases;
mod designs;
mod evaluation;
mod examples;
mod package;
mod special;
