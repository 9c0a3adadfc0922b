//! Says what is wrong with someone's document, and where.
//!
//! The life of a value: a file's text enters a [`SourceMap`] and gets a [`SourceId`]; a reader marks pieces of it
//! with [`Span`]s; a check that finds a mistake gathers a [`Diagnostic`]; at the edge of the program the
//! diagnostics are rendered as [text with carets](render_text) as
//! [JSON](render_json), or as [SARIF](render_sarif).
//!
//! Everything here is data in and data out: nothing reads a file, a clock or an environment variable, and nothing
//! writes to a terminal. Whether colour is wanted is the caller's to know ([`TextStyle`]).
//!
//! ```
//! use diagnostics::{Diagnostic, Place, SourceMap, Span, TextStyle, render_text};
//!
//! let mut sources = SourceMap::new();
//! let file = sources.add("service.yaml", "type: Databse\n");
//! let diagnostic = Diagnostic::error("unknown-type", "unknown node type `Databse`")
//!     .at(Place::new(Span::new(file, 6, 13), "not found in this file or its imports"))
//!     .hint("did you mean `Database`?");
//! assert_eq!(
//!     render_text(&diagnostic, &sources, TextStyle::plain()),
//!     "error[unknown-type]: unknown node type `Databse`
//!    ┌─ service.yaml:1:7
//!  1 │ type: Databse
//!    │       ^^^^^^^ not found in this file or its imports
//!    = hint: did you mean `Database`?
//! "
//! );
//! ```

pub mod codes;
mod diagnostic;
mod json;
mod sarif;
mod source;
mod suggest;
mod text;

pub use codes::explain;
pub use diagnostic::{Diagnostic, Place, Severity, has_errors};
pub use json::{DIAGNOSTICS_SCHEMA, DiagnosticRecord, Report, render_json, report};
pub use sarif::render_sarif;
pub use source::{Location, Position, SourceFile, SourceId, SourceMap, Span};
pub use suggest::{closest, did_you_mean, one_of};
pub use text::{TextStyle, render_text, render_text_all};
