//! What plans hold: sketches of designs, and the plans from one to the other as text.

// A test that cannot go on should say so where it stands.
#![allow(clippy::unwrap_used)]

mod keeping;
mod laws;
mod operate;
mod operational;
mod reality;
mod relationships;
mod sketch;
mod transcripts;
mod workflows;
mod world;
