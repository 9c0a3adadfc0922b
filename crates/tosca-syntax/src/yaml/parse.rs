//! Parser events to the arena.

mod maps;
mod places;

use std::collections::HashMap;
use std::sync::Arc;

use diagnostics::{Diagnostic, Place, SourceId, Span};
use saphyr_parser::{Event, Parser, ScalarStyle, Tag};

use super::arena::{Body, Document, NodeData, Style};
use super::everyday::Everyday;
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
    parse_with(source, text, limits, true)
}

/// As [`parse`], without its short cut for everyday YAML: slower, and the same answer. For checking that it is.
pub fn parse_thoroughly(source: SourceId, text: &Arc<str>, limits: &Limits) -> Parsed {
    parse_with(source, text, limits, false)
}

fn parse_with(source: SourceId, text: &Arc<str>, limits: &Limits, quickly: bool) -> Parsed {
    let mut diagnostics = Vec::new();
    if quickly && text.len() <= limits.document_bytes_max {
        let mut builder = Builder::new(source, text, limits, &mut diagnostics);
        let is_read =
            builder.check_characters().is_ok() && Everyday::new(&mut builder, text).run(text).is_ok();
        if is_read && let Some(root) = builder.pending.pop() {
            return Parsed { document: Some(builder.document(root)), diagnostics };
        }
        diagnostics.clear();
    }
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

    fn document(self, root: u32) -> Document {
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

    /// A scalar without escapes, quotes included.
    pub(super) fn word(&mut self, style: Style, start: usize, end: usize) {
        let (start, end) = (start as u32, end as u32);
        let kind = match style {
            Style::Plain => ScalarKind::of_plain(&self.text[start as usize..end as usize]),
            _ => ScalarKind::String,
        };
        self.push(NodeData { start, end, body: Body::Written { style, kind } }, 1, 0);
    }

    /// A scalar whose text may differ from what is written.
    pub(super) fn text(&mut self, style: Style, start: usize, end: usize, text: String) {
        let kind = if style == Style::Plain { ScalarKind::of_plain(&text) } else { ScalarKind::String };
        let body = if self.text.get(start..end) == Some(text.as_str()) && style.quote() == 0 {
            Body::Written { style, kind }
        } else {
            self.strings.push(text.into());
            Body::Owned { string: (self.strings.len() - 1) as u32, style, kind }
        };
        self.push(NodeData { start: start as u32, end: end as u32, body }, 1, 0);
    }

    /// A piece of the text, when it is on character boundaries.
    pub(super) fn slice(&self, start: usize, end: usize) -> Option<&'t str> {
        self.text.get(start..end)
    }

    /// The value of a key that has none.
    pub(super) fn nothing(&mut self) {
        let at = self.last_end + u32::from(self.text[self.last_end as usize..].starts_with(':'));
        let body = Body::Empty { style: Style::Plain, kind: ScalarKind::Null };
        self.push(NodeData { start: at, end: at, body }, 1, 0);
    }

    /// Begins a map or list; `None` when that is too deep.
    pub(super) fn begin(&mut self, is_mapping: bool, is_flow: bool, start: usize) -> Option<()> {
        let depth = self.frames.len() as u32 + 1;
        if depth > self.limits.depth_max {
            return None;
        }
        let (first, start) = (self.pending.len(), start as u32);
        self.frames.push(Frame { is_mapping, is_flow, first, start, anchor: 0, size: 1, depth: 0 });
        Some(())
    }

    /// Begins a map whose first key is what was read last.
    pub(super) fn begin_with_key(&mut self) -> Option<()> {
        let first = self.pending.len().checked_sub(1)?;
        let start = self.nodes[self.pending[first] as usize].start;
        self.begin(true, false, start as usize)?;
        self.frames.last_mut()?.first = first;
        Some(())
    }

    /// Ends the innermost map or list, before `end` when it is a flow one, else with its last member.
    pub(super) fn finish(&mut self, end: usize) {
        self.close(end as u32);
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
        Box::new(diagnostic)
    }

    /// Adds a finished node to the innermost open one.
    fn push(&mut self, data: NodeData, size: u64, depth: u32) -> u32 {
        let id =
            u32::try_from(self.nodes.len()).expect("nodes are fewer than the bytes of a text below 4 GiB");
        self.nodes.push(data);
        self.pending.push(id);
        if let Some(frame) = self.frames.last_mut() {
            frame.size = frame.size.saturating_add(size);
            frame.depth = frame.depth.max(depth);
        }
        self.last_end = data.end;
        id
    }

    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<&Tag>,
        start: u32,
        end: u32,
    ) -> Result<(), Fatal> {
        let style = match style {
            ScalarStyle::Plain => Style::Plain,
            ScalarStyle::SingleQuoted => Style::SingleQuoted,
            ScalarStyle::DoubleQuoted => Style::DoubleQuoted,
            ScalarStyle::Literal => Style::Literal,
            ScalarStyle::Folded => Style::Folded,
        };
        let start = self.without_properties(start, end, anchor, tag);
        let (start, end) = self.scalar_place(text, style, start, end);
        let kind = if style == Style::Plain { ScalarKind::of_plain(text) } else { ScalarKind::String };
        let kind = self.tagged_kind(kind, text, tag, self.span(start, end));
        let source = &self.text[start as usize..end as usize];
        let quote = style.quote();
        let inner = source.get(quote..source.len().saturating_sub(quote));
        let body = if inner == Some(text) {
            Body::Written { style, kind }
        } else if text.is_empty() {
            Body::Empty { style, kind }
        } else {
            self.strings.push(text.into());
            Body::Owned { string: (self.strings.len() - 1) as u32, style, kind }
        };
        let id = self.push(NodeData { start, end, body }, 1, 0);
        if anchor != 0 {
            self.anchors.insert(anchor, Anchor { node: Some(id), size: 1, depth: 0 });
            self.anchored.push(id);
        }
        Ok(())
    }

    /// What a tag makes of a scalar. Only the core schema's tags mean something in TOSCA.
    fn tagged_kind(&mut self, kind: ScalarKind, text: &str, tag: Option<&Tag>, span: Span) -> ScalarKind {
        let Some(tag) = tag else { return kind };
        if tag.handle.is_empty() && tag.suffix == "!" || tag.handle == "!" && tag.suffix.is_empty() {
            return ScalarKind::String;
        }
        let wanted = match core_tag(tag) {
            Some("str") => return ScalarKind::String,
            Some("null") => ScalarKind::Null,
            Some("bool") => ScalarKind::Boolean,
            Some("int") => ScalarKind::Integer,
            Some("float") => ScalarKind::Float,
            _ => {
                self.unsupported_tag(tag, span);
                return kind;
            }
        };
        let plain = ScalarKind::of_plain(text);
        if plain != wanted && !(wanted == ScalarKind::Float && plain == ScalarKind::Integer) {
            let message = format!("the value is not what its tag `{tag}` says");
            self.diagnostics.push(Diagnostic::error("invalid-tag", message).at(span));
        }
        wanted
    }

    fn unsupported_tag(&mut self, tag: &Tag, span: Span) {
        let message = format!("the YAML tag `{tag}` has no meaning in TOSCA");
        let hint = "use only the tags of YAML's core schema: `!!str`, `!!int`, `!!float`, `!!bool`, `!!null`, \
                    `!!seq`, `!!map`";
        self.diagnostics.push(Diagnostic::error("invalid-tag", message).at(span).hint(hint));
    }

    fn alias(&mut self, anchor: usize, start: u32, end: u32) -> Result<(), Fatal> {
        let end = self.trimmed_end(start, end);
        let Some(Anchor { node: Some(node), size, depth }) = self.anchors.get(&anchor).copied() else {
            let diagnostic =
                Diagnostic::error("recursive-alias", "an alias may not be inside what it stands for")
                    .at(self.span(start, end));
            return Err(Box::new(diagnostic));
        };
        self.check_depth(self.frames.len() as u32 + depth, start, end)?;
        self.push(NodeData { start, end, body: Body::Alias(node) }, size, depth);
        let total = self.frames.iter().fold(0_u64, |sum, frame| sum.saturating_add(frame.size));
        if total > self.limits.aliased_nodes_max.saturating_add(self.nodes.len() as u64) {
            let message = format!("the aliases expand to more than {} nodes", self.limits.aliased_nodes_max);
            let diagnostic = Diagnostic::error("too-many-aliases", message)
                .at(Place::new(self.span(start, end), "up to here"));
            return Err(Box::new(diagnostic));
        }
        Ok(())
    }

    fn check_depth(&self, depth: u32, start: u32, end: u32) -> Result<(), Fatal> {
        if depth <= self.limits.depth_max {
            return Ok(());
        }
        Err(self.too_deep(start, end))
    }

    fn too_deep(&self, start: u32, end: u32) -> Fatal {
        let message = format!("lists and maps are nested more than {} deep", self.limits.depth_max);
        Box::new(Diagnostic::error("nested-too-deep", message).at(self.span(start, end)))
    }

    fn open(
        &mut self,
        is_mapping: bool,
        anchor: usize,
        tag: Option<&Tag>,
        start: u32,
        end: u32,
    ) -> Result<(), Fatal> {
        self.check_depth(self.frames.len() as u32 + 1, start, end)?;
        if let Some(tag) = tag
            && core_tag(tag) != Some(if is_mapping { "map" } else { "seq" })
        {
            self.unsupported_tag(tag, self.span(start, end));
        }
        if anchor != 0 {
            self.anchors.insert(anchor, Anchor { node: None, size: 0, depth: 0 });
        }
        // A flow collection's start event covers its bracket and the blanks after it; a block collection's nothing.
        let end = self.trimmed_end(start, end);
        let bracket = if is_mapping { "{" } else { "[" };
        let is_flow = self.text[..end as usize].ends_with(bracket) && end > start;
        let start = if is_flow { end - 1 } else { start };
        self.frames.push(Frame {
            is_mapping,
            is_flow,
            first: self.pending.len(),
            start,
            anchor,
            size: 1,
            depth: 0,
        });
        self.last_end = self.last_end.max(start);
        Ok(())
    }

    fn close(&mut self, end: u32) {
        let frame = self.frames.pop().expect("the parser balances starts and ends");
        let members = &self.pending[frame.first..];
        let first_start = members.first().map(|&id| self.nodes[id as usize].start);
        // A block list begins with its dash, which the parser's span may leave out, a block map with its first key.
        let start = match first_start {
            Some(first) if !frame.is_flow => {
                let dash = (!frame.is_mapping).then(|| self.dash_before(frame.start, first));
                dash.flatten().unwrap_or(first)
            }
            _ => frame.start,
        };
        let members_end = members.last().map_or(start, |&id| self.nodes[id as usize].end);
        let end = match frame.is_flow {
            true => {
                let inside = members_end.max(start + 1);
                self.after_bracket(inside, frame.is_mapping).unwrap_or(self.trimmed_end(start, end))
            }
            false => members_end.max(start),
        };
        let at = self.children.len();
        self.children.push(0);
        let body = if frame.is_mapping {
            if self.is_unique(members) {
                self.children.extend_from_slice(members);
            } else {
                let members = self.unique(members.to_vec());
                self.children.extend(&members);
            }
            self.children[at] = (self.children.len() - at - 1) as u32 / 2;
            Body::Mapping(at as u32)
        } else {
            self.children.extend_from_slice(members);
            self.children[at] = members.len() as u32;
            Body::Sequence(at as u32)
        };
        self.pending.truncate(frame.first);
        let depth = frame.depth + 1;
        let id = self.push(NodeData { start, end, body }, frame.size, depth);
        if frame.anchor != 0 {
            self.anchors.insert(frame.anchor, Anchor { node: Some(id), size: frame.size, depth });
            self.anchored.push(id);
        }
    }
}

/// The name of a tag of the core schema.
fn core_tag(tag: &Tag) -> Option<&str> {
    tag.is_yaml_core_schema().then_some(tag.suffix.as_str())
}
