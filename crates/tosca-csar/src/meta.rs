//! The file TOSCA.meta (TOSCA 2.0, 17.2).

mod check;
mod parse;

use diagnostics::{Diagnostic, SourceId, Span};

/// The version that `CSAR-Version` has in TOSCA 2.0.
pub const CSAR_VERSION: &str = "2.0";

/// A TOSCA.meta file: blocks of keynames and values. What the standard does not define is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
#[serde(transparent)]
pub struct Meta {
    /// The blocks in the order of the file. The first one, block 0, is about the package itself.
    pub blocks: Vec<Vec<Pair>>,
    #[serde(skip)]
    entry: Option<NamedFile>,
    #[serde(skip)]
    others: Vec<NamedFile>,
}

/// A keyname and its value.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Pair {
    /// The keyname; it has no colon.
    pub keyname: String,
    /// The value; what was spread over lines is joined with single blanks.
    pub value: String,
    /// Where the keyname is.
    #[serde(skip)]
    pub span: Span,
    #[serde(skip)]
    pieces: Vec<Piece>,
}

/// A part of a value that stands on one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Piece {
    in_value: u32,
    in_source: u32,
}

/// A file that TOSCA.meta names, and where it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NamedFile {
    pub(crate) path: String,
    pub(crate) span: Span,
}

impl Meta {
    /// Reads a TOSCA.meta file and says what is wrong with it. Never fails: what can be understood is returned.
    ///
    /// Whether the files that it names exist is not known here.
    pub fn parse(text: &str, source: SourceId) -> (Self, Vec<Diagnostic>) {
        let mut diagnostics = Vec::new();
        let parsed = parse::parse(text, source, &mut diagnostics);
        let mut meta = Self { blocks: parsed.blocks, entry: None, others: Vec::new() };
        check::check(&mut meta, source, parsed.block_0_is_broken, &mut diagnostics);
        (meta, diagnostics)
    }

    /// The value of a keyname of block 0.
    pub fn get(&self, keyname: &str) -> Option<&str> {
        self.pair(keyname).map(|pair| pair.value.as_str())
    }

    /// The path of the definitions to start with, when it is a path.
    pub fn entry_definitions(&self) -> Option<&str> {
        self.entry.as_ref().map(|file| file.path.as_str())
    }

    /// The paths of the files with templates for substitution.
    pub fn other_definitions(&self) -> impl Iterator<Item = &str> {
        self.others.iter().map(|file| file.path.as_str())
    }

    /// All files that it names, the entry first.
    pub(crate) fn named_files(&self) -> impl Iterator<Item = &NamedFile> {
        self.entry.iter().chain(&self.others)
    }

    fn pair(&self, keyname: &str) -> Option<&Pair> {
        self.blocks.first()?.iter().find(|pair| pair.keyname == keyname)
    }
}

impl Pair {
    /// The place of a part of the value, in bytes of the value; of the keyname when the value is empty.
    fn value_span(&self, start: usize, end: usize) -> Span {
        if self.value.is_empty() {
            return self.span;
        }
        let last = end.saturating_sub(1).max(start);
        Span::new(self.span.source, self.in_source(start), self.in_source(last) + u32::from(end > start))
    }

    fn in_source(&self, in_value: usize) -> u32 {
        let after = self.pieces.partition_point(|piece| piece.in_value as usize <= in_value);
        match after.checked_sub(1).map(|index| self.pieces[index]) {
            Some(piece) => piece.in_source + (in_value as u32 - piece.in_value),
            None => self.span.start,
        }
    }
}

/// Writes block 0 of a TOSCA.meta file.
///
/// Names with a double quotation mark cannot be told in `Other-Definitions`; reading the result says so.
#[cfg(feature = "file-system")]
pub(crate) fn write(created_by: Option<&str>, entry: &str, others: &[String]) -> String {
    let mut text = format!("CSAR-Version: {CSAR_VERSION}\n");
    if let Some(created_by) = created_by {
        text.push_str(&format!("Created-By: {created_by}\n"));
    }
    text.push_str(&format!("Entry-Definitions: {entry}\n"));
    if !others.is_empty() {
        text.push_str("Other-Definitions:");
        for other in others {
            let quote = if other.contains(' ') { "\"" } else { "" };
            text.push_str(&format!(" {quote}{other}{quote}"));
        }
        text.push('\n');
    }
    text
}
