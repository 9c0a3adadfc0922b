//! Turns TOSCA 2.0 files into a checked [`Model`](model::Model).
//!
//! The life of a value: [`compile`] asks its [`Sources`] for a file and for everything that it imports, checks all of
//! it, and answers with a [`Compilation`]: every mistake as a [`Diagnostic`](diagnostics::Diagnostic), and, when none
//! is an error, the [`Model`](model::Model), in which every name is resolved.
//!
//! Nothing here reads a disk, a network, a clock or the environment, but [`FileSources`], behind the feature
//! `file-system` (on by default), without which the crate builds for wasm32-unknown-unknown, and `WithHttp`, behind the
//! feature `http` (off by default).
//!
//! ```
//! use tosca::{MemorySources, compile};
//!
//! let sources = MemorySources::new().with(
//!     "service.yaml",
//!     "tosca_definitions_version: tosca_2_0
//! node_types:
//!   Web:
//!     properties:
//!       port: { type: integer }
//! service_template:
//!   node_templates:
//!     web: { type: Web, properties: { port: 8080 } }
//! ",
//! );
//! let compilation = compile("service.yaml", &sources);
//! assert!(compilation.diagnostics.is_empty());
//! let model = compilation.model.expect("a model, as there are no errors");
//! let service = model.service_template.as_ref().expect("the file has a service template");
//! let port = service.node_templates["web"].properties["port"].value.as_ref().and_then(|value| value.as_value());
//! assert_eq!(port, Some(&tosca::model::Value::Integer(8080)));
//! ```

mod compile;
pub mod model;
mod sources;
mod write;

pub use compile::{Compilation, compile, profile_of};
pub use diagnostics::explain;
#[cfg(feature = "file-system")]
pub use sources::FileSources;
#[cfg(feature = "http")]
pub use sources::{HttpLimits, WithHttp};
pub use sources::{Locator, MemorySources, SourceError, Sources, is_fetched};
pub use write::{WriteError, WriteOptions, lost_profiles, write};
