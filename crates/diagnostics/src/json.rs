//! Diagnostics as JSON, for programs.

use serde::Serialize;

use crate::diagnostic::{Diagnostic, Place};
use crate::source::SourceMap;

/// What the `schema` field of [`render_json`] says. Within a major number, fields are only added.
pub const DIAGNOSTICS_SCHEMA: &str = "khutulun.diagnostics/1";

/// All diagnostics of a run with their places in words.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// [`DIAGNOSTICS_SCHEMA`].
    pub schema: &'static str,
    /// In the order given.
    pub diagnostics: Vec<DiagnosticRecord>,
}

/// One diagnostic. Lines and columns count from 1, columns in characters; the end is the position after the last
/// character.
#[derive(Debug, Clone, Serialize)]
pub struct DiagnosticRecord {
    /// [`Diagnostic::code`].
    pub code: String,
    /// `error`, `warning` or `note`.
    pub severity: &'static str,
    /// [`Diagnostic::message`].
    pub message: String,
    /// The primary place, absent when there is no text to point into.
    #[serde(flatten)]
    pub place: Option<PlaceRecord>,
    /// The chapter of the standard.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chapter: Option<String>,
    /// Other places.
    pub related: Vec<PlaceRecord>,
    /// What to do.
    pub hints: Vec<String>,
}

/// One place in words.
#[derive(Debug, Clone, Serialize)]
pub struct PlaceRecord {
    file: String,
    line: u32,
    column: u32,
    end_line: u32,
    end_column: u32,
    #[serde(skip_serializing_if = "String::is_empty")]
    label: String,
}

impl PlaceRecord {
    fn of(place: &Place, sources: &SourceMap) -> Self {
        let location = sources.location(place.span);
        Self {
            file: location.file.to_string(),
            line: location.start.line,
            column: location.start.column,
            end_line: location.end.line,
            end_column: location.end.column,
            label: place.label.clone(),
        }
    }
}

/// The diagnostics as a serializable value, for embedding in a larger answer.
pub fn report(diagnostics: &[Diagnostic], sources: &SourceMap) -> Report {
    let record = |diagnostic: &Diagnostic| DiagnosticRecord {
        code: diagnostic.code.to_string(),
        severity: diagnostic.severity.as_str(),
        message: diagnostic.message.clone(),
        place: diagnostic.primary.as_ref().map(|place| PlaceRecord::of(place, sources)),
        chapter: diagnostic.chapter.as_ref().map(ToString::to_string),
        related: diagnostic.related.iter().map(|place| PlaceRecord::of(place, sources)).collect(),
        hints: diagnostic.hints.clone(),
    };
    Report { schema: DIAGNOSTICS_SCHEMA, diagnostics: diagnostics.iter().map(record).collect() }
}

/// The diagnostics as indented JSON with a final line break.
pub fn render_json(diagnostics: &[Diagnostic], sources: &SourceMap) -> String {
    let mut text = serde_json::to_string_pretty(&report(diagnostics, sources))
        .expect("a report of strings and numbers serializes");
    text.push('\n');
    text
}
