//! Parser events to the arena.

mod maps;
mod nodes;
mod places;

use std::collections::HashMap;
use std::sync::Arc;

use diagnostics::{Diagnostic, Place, SourceId, Span};
use saphyr_parser::{Event, Parser};

use super::arena::{Body, Document, NodeData, Style};
use super::loose::{Loosened, Offsets};
use super::scalar::ScalarKind;

/// How much a document may ask for. Hostile input gets a clear error in bounded time and memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Text beyond this is refused unread. Spans count in 32 bits; a template of 100,000 nodes has 11 MB.
    pub document_bytes_max: usize,
    /// Nesting of lists and maps, aliases expanded. Everything that reads a document recurses at most this deep.
    pub depth_max: u32,
    /// What aliases may add when all are expanded: a few lines of aliases to aliases can mean billions of nodes.
    pub aliased_nodes_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { document_bytes_max: 256 << 20, depth_max: 96, aliased_nodes_max: 1_000_000 }
    }
}

/// What came of a text.
#[derive(Debug)]
pub struct Parsed {
    /// Absent when there is nothing to work on: a syntax error, or a limit exceeded.
    pub document: Option<Document>,
    /// The mistakes found.
    pub diagnostics: Vec<Diagnostic>,
}

/// Parses a text of one YAML 1.2 document.
///
/// Linear in the text. Duplicate keys are reported with both places, the first is kept. An empty text is a document
/// that is null.
pub fn parse(source: SourceId, text: &Arc<str>, limits: &Limits) -> Parsed {
    let mut diagnostics = Vec::new();
    // Quoted scalars that were found to go on in the first columns; each costs reading the text once more.
    const LOOSE_MAX: usize = 16;
    let mut loose = Vec::new();
    let mut loosened = None;
    loop {
        let error = match Builder::new(source, text, limits, &mut diagnostics).run(loosened.as_ref()) {
            Ok(document) => return Parsed { document: Some(document), diagnostics },
            Err(error) => error,
        };
        let at = error.primary.as_ref().map_or(0, |place| place.span.start);
        if error.message.ends_with(LOOSE) && loose.len() < LOOSE_MAX {
            loosened = Loosened::with(text, &loose, at);
            if loosened.is_some() {
                loose.push(at);
                diagnostics.clear();
                continue;
            }
        }
        diagnostics.push(*error);
        return Parsed { document: None, diagnostics };
    }
}

/// What the parser says of a quoted scalar that is not indented deeper than its parent.
const LOOSE: &str = "invalid indentation in quoted scalar";

/// A fatal mistake, boxed because it is rare and large.
type Fatal = Box<Diagnostic>;

pub(super) struct Builder<'t, 'd> {
    source: SourceId,
    text: &'t Arc<str>,
    limits: &'t Limits,
    diagnostics: &'d mut Vec<Diagnostic>,
    offsets: Offsets<'t>,
    nodes: Vec<NodeData>,
    children: Vec<u32>,
    strings: Vec<Box<str>>,
    // Finished nodes whose parents are still open; each frame owns the tail from `first` on.
    pending: Vec<u32>,
    frames: Vec<Frame>,
    anchors: HashMap<usize, Anchor>,
    anchored: Vec<u32>,
    // The last place that text was seen at: where an empty value belongs.
    last_end: u32,
}

struct Frame {
    is_mapping: bool,
    is_flow: bool,
    first: usize,
    start: u32,
    anchor: usize,
    // With aliases expanded.
    size: u64,
    depth: u32,
}

#[derive(Clone, Copy)]
struct Anchor {
    // Absent while the node is open: an alias to it now would contain itself.
    node: Option<u32>,
    size: u64,
    depth: u32,
}

impl<'t, 'd> Builder<'t, 'd> {
    fn new(
        source: SourceId,
        text: &'t Arc<str>,
        limits: &'t Limits,
        diagnostics: &'d mut Vec<Diagnostic>,
    ) -> Self {
        Self {
            source,
            text,
            limits,
            diagnostics,
            offsets: Offsets::new(text, None),
            nodes: Vec::new(),
            children: Vec::new(),
            strings: Vec::new(),
            pending: Vec::new(),
            frames: Vec::new(),
            anchors: HashMap::new(),
            anchored: Vec::new(),
            last_end: 0,
        }
    }

    fn run(mut self, loosened: Option<&'t Loosened>) -> Result<Document, Fatal> {
        if self.text.len() > self.limits.document_bytes_max {
            let message = format!("the document is larger than {} bytes", self.limits.document_bytes_max);
            return Err(Box::new(
                Diagnostic::error("document-too-large", message).at(Span::beginning(self.source)),
            ));
        }
        self.check_characters()?;
        let text = match loosened {
            Some(loosened) => &loosened.text,
            None => &**self.text,
        };
        self.offsets = Offsets::new(text, loosened);
        let mut parser = Parser::new_from_str(text);
        let mut documents = 0;
        while let Some(event) = parser.next_event() {
            let (event, span) = event.map_err(|error| self.syntax_error(&error))?;
            let start = self.offsets.byte(span.start.index());
            let end = self.offsets.byte(span.end.index()).max(start);
            match event {
                Event::DocumentStart(_) => {
                    documents += 1;
                    if documents > 1 {
                        let diagnostic = Diagnostic::error(
                            "several-documents",
                            "the file has more than one YAML document",
                        )
                        .at(Place::new(self.span(start, end), "a second document starts here"))
                        .hint("put each TOSCA document into a file of its own")
                        .chapter("6");
                        return Err(Box::new(diagnostic));
                    }
                }
                Event::Alias(anchor) => self.alias(anchor, start, end)?,
                Event::Scalar(text, style, anchor, tag) => {
                    self.scalar(&text, style, anchor, tag.as_deref(), start, end)?;
                }
                Event::SequenceStart(anchor, tag) => self.open(false, anchor, tag.as_deref(), start, end)?,
                Event::MappingStart(anchor, tag) => self.open(true, anchor, tag.as_deref(), start, end)?,
                Event::SequenceEnd | Event::MappingEnd => self.close(end),
                Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
            }
        }
        let root = match self.pending.pop() {
            Some(root) => root,
            None => {
                let body = Body::Empty { style: Style::Plain, kind: ScalarKind::Null };
                self.nodes.push(NodeData { start: 0, end: 0, body });
                0
            }
        };
        Ok(self.document(root))
    }

    fn document(mut self, root: u32) -> Document {
        // It stays as long as whatever is read from it.
        self.nodes.shrink_to_fit();
        self.children.shrink_to_fit();
        Document {
            source: self.source,
            text: self.text.clone(),
            nodes: self.nodes,
            children: self.children,
            strings: self.strings,
            root,
            anchored: self.anchored,
        }
    }

    fn span(&self, start: u32, end: u32) -> Span {
        Span::new(self.source, start, end)
    }

    /// Characters that YAML does not allow (1.2.2, 5.1). The parser would take NUL for the end of the text.
    fn check_characters(&self) -> Result<(), Fatal> {
        let forbidden = |c: char| {
            matches!(c, '\0'..='\x08' | '\x0b' | '\x0c' | '\x0e'..='\x1f' | '\x7f' | '\u{80}'..='\u{84}'
                | '\u{86}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}')
        };
        // Told apart without branches: nearly every text is all of these.
        let is_usual = |byte: &u8| matches!(byte, b' '..=b'~') | (*byte == b'\n');
        if self
            .text
            .as_bytes()
            .chunks(64)
            .all(|chunk| chunk.iter().fold(true, |all, byte| all & is_usual(byte)))
        {
            return Ok(());
        }
        let Some((at, character)) = self.text.char_indices().find(|&(_, c)| forbidden(c)) else {
            return Ok(());
        };
        let message = format!("the character U+{:04X} is not allowed in YAML", character as u32);
        let span = self.span(at as u32, (at + character.len_utf8()) as u32);
        let hint =
            "is this a text file? in a string, write it as an escape in double quotes, such as \"\\x1b\"";
        Err(Box::new(Diagnostic::error("invalid-yaml", message).at(span).hint(hint)))
    }

    fn syntax_error(&self, error: &saphyr_parser::ScanError) -> Fatal {
        let at = self.offsets.byte(error.marker().index()).min(self.text.len() as u32);
        if error.info() == "recursion limit exceeded" {
            return self.too_deep(at, at);
        }
        let end = self.text[at as usize..].chars().next().map_or(at, |c| at + c.len_utf8() as u32);
        let line_start = self.text[..at as usize].rfind('\n').map_or(0, |newline| newline + 1);
        let mut diagnostic = Diagnostic::error("invalid-yaml", format!("not valid YAML: {}", error.info()))
            .at(self.span(at, end));
        let before = &self.text[line_start..at as usize];
        let rest = self.text[at as usize..].lines().next().unwrap_or("");
        if before.trim_start_matches(' ').starts_with('\t') || before.is_empty() && rest.starts_with('\t') {
            diagnostic = diagnostic.hint("YAML indents with spaces, not with tabs");
        }
        let hint = match error.info() {
            "mapping values are not allowed in this context" => {
                Some("put a text that has `: ` in it in quotes; else look at the indentation of this line")
            }
            "invalid indentation in quoted scalar" => Some("is the quote at its end missing?"),
            _ => None,
        };
        diagnostic = diagnostic.maybe_hint(hint.map(ToOwned::to_owned));
        Box::new(diagnostic)
    }
}
