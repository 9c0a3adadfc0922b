//! Turns TOSCA 2.0 files into a checked [`Model`](model::Model).

pub mod model;
mod sources;

pub use sources::{Locator, SourceError, Sources};
