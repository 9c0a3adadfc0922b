//! A mistake in a document, as data.

use std::borrow::Cow;

use crate::source::{SourceMap, Span};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Legal, and probably not meant.
    Warning,
    /// The document is not valid.
    Error,
}

impl Severity {
    /// The word: `note`, `warning`, `error`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// A piece of a document and what is to be said about it there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Where.
    pub span: Span,
    /// A few words that go beside the carets; may be empty.
    pub label: String,
}

impl Place {
    /// A place with its label, which may be empty.
    pub fn new(span: Span, label: impl Into<String>) -> Self {
        Self { span, label: label.into() }
    }
}

impl From<Span> for Place {
    fn from(span: Span) -> Self {
        Self { span, label: String::new() }
    }
}

/// One mistake in a document: short at the top and kind at the bottom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stable, in kebab-case: `unknown-type`. What `explain` and tests go by.
    pub code: Cow<'static, str>,
    /// How bad it is.
    pub severity: Severity,
    /// One line: lowercase, no period, names from the document in backticks.
    pub message: String,
    /// Where it is. Absent only when there is no text to point into (a file that cannot be read).
    pub primary: Option<Place>,
    /// Other places that belong to it: the first definition, the import, the type.
    pub related: Vec<Place>,
    /// What to do about it; each one a line.
    pub hints: Vec<String>,
    /// The chapter of the standard that holds the rule: `8.5.2`.
    pub chapter: Option<Cow<'static, str>>,
}

impl Diagnostic {
    /// A diagnostic without place or hints.
    pub fn new(severity: Severity, code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            severity,
            message: message.into(),
            primary: None,
            related: Vec::new(),
            hints: Vec::new(),
            chapter: None,
        }
    }

    /// An error.
    pub fn error(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, message)
    }

    /// A warning.
    pub fn warning(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, message)
    }

    /// Says where it is.
    #[must_use]
    pub fn at(mut self, place: impl Into<Place>) -> Self {
        self.primary = Some(place.into());
        self
    }

    /// Adds another place that belongs to it.
    #[must_use]
    pub fn related(mut self, place: impl Into<Place>) -> Self {
        self.related.push(place.into());
        self
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Adds a hint when there is one.
    #[must_use]
    pub fn maybe_hint(mut self, hint: Option<String>) -> Self {
        self.hints.extend(hint);
        self
    }

    /// Names the chapter of the standard that holds the rule.
    #[must_use]
    pub fn chapter(mut self, chapter: impl Into<Cow<'static, str>>) -> Self {
        self.chapter = Some(chapter.into());
        self
    }

    /// Whether the document is invalid because of it.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// `file:line:column: message`, for where only one line fits.
    pub fn one_line(&self, sources: &SourceMap) -> String {
        match &self.primary {
            Some(place) => format!("{}: {}", sources.location(place.span), self.message),
            None => self.message.clone(),
        }
    }
}

/// Whether any of them is an error.
pub fn has_errors(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(Diagnostic::is_error)
}
