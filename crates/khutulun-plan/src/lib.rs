//! The difference between what is wanted and what is there, as a plan.
//!
//! `plan` compares two graphs and returns a [`Plan`]: a document of [`Step`]s in a directed acyclic graph, with the reason of
//! each. It is a function from data to data: nothing here reads a clock, a store or a file.

mod document;

pub use document::{Action, Goal, NodeChange, Plan, PlannedValue, Reason, SCHEMA, Step};
