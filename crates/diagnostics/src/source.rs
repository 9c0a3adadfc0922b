//! Texts and places in them.

use std::fmt;
use std::sync::Arc;

/// Names one text of a [`SourceMap`]; the default is the first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(u32);

impl SourceId {
    /// The position of the text in its map, from 0, in the order of [`SourceMap::add`].
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A piece of one text: `start..end` in bytes, both on character boundaries; the default is the beginning of the first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The text.
    pub source: SourceId,
    /// The first byte.
    pub start: u32,
    /// The byte after the last one.
    pub end: u32,
}

impl Span {
    /// The piece `start..end` of a text, in bytes.
    pub fn new(source: SourceId, start: u32, end: u32) -> Self {
        Self { source, start, end: end.max(start) }
    }

    /// The empty piece at the beginning of a text: the place of what is missing from a whole file.
    pub fn beginning(source: SourceId) -> Self {
        Self::new(source, 0, 0)
    }

    /// The length in bytes.
    pub fn len(self) -> usize {
        (self.end - self.start) as usize
    }

    /// Whether the piece has no characters.
    pub fn is_empty(self) -> bool {
        self.start == self.end
    }

    /// The smallest piece that holds both; `self` when the other one is of another text.
    #[must_use]
    pub fn to(self, other: Self) -> Self {
        if self.source != other.source {
            return self;
        }
        Self { source: self.source, start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

/// A line and a column as people count them: from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1, in characters (Unicode scalar values), a tab being one.
    pub column: u32,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A span in words: the text's name, where it starts and where it ends (the position after its last character).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The text's name, usually a path or URL.
    pub file: Arc<str>,
    /// Where the span starts.
    pub start: Position,
    /// The position after the span's last character.
    pub end: Position,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.start)
    }
}

/// One named text and the beginnings of its lines.
#[derive(Debug, Clone)]
pub struct SourceFile {
    name: Arc<str>,
    text: Arc<str>,
    line_starts: Vec<u32>,
    // Columns of ASCII texts are byte differences; without this, a file of one enormous line costs quadratic time.
    is_ascii: bool,
}

impl SourceFile {
    /// The name given to [`SourceMap::add`].
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The whole text.
    pub fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// The number of lines; an empty text has one.
    pub fn lines(&self) -> usize {
        self.line_starts.len()
    }

    /// The text of a line (from 1) without its line break; empty when there is no such line.
    pub fn line(&self, line: u32) -> &str {
        let index = (line as usize).saturating_sub(1);
        let Some(&start) = self.line_starts.get(index) else { return "" };
        let end = self.line_starts.get(index + 1).map_or(self.text.len(), |&next| next as usize);
        self.text[start as usize..end].trim_end_matches(['\n', '\r'])
    }

    /// The byte at which a line (from 1) starts.
    pub(crate) fn line_start(&self, line: u32) -> u32 {
        self.line_starts.get((line as usize).saturating_sub(1)).copied().unwrap_or(self.text.len() as u32)
    }

    /// The line and column of a byte. A byte past the end counts as the end, one inside a character as its start.
    pub fn position(&self, byte: u32) -> Position {
        let mut byte = (byte as usize).min(self.text.len());
        while !self.text.is_char_boundary(byte) {
            byte -= 1;
        }
        let line = self.line_starts.partition_point(|&start| start as usize <= byte);
        let start = self.line_starts[line - 1] as usize;
        let column = if self.is_ascii { byte - start } else { self.text[start..byte].chars().count() };
        Position { line: line as u32, column: column as u32 + 1 }
    }
}

/// The texts that a run has read, each with a name.
#[derive(Debug, Clone, Default)]
pub struct SourceMap {
    files: Vec<SourceFile>,
}

impl SourceMap {
    /// A map without texts.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a text. The name is what people see in diagnostics, usually a path or URL.
    ///
    /// Spans count in `u32`: of a text beyond 4 GiB only the beginning that fits is kept. Readers refuse such
    /// texts long before.
    pub fn add(&mut self, name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> SourceId {
        let mut text: Arc<str> = text.into();
        if text.len() >= u32::MAX as usize {
            let mut end = u32::MAX as usize - 1;
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            text = text[..end].into();
        }
        // YAML 1.2 breaks lines at LF, CR LF and a lone CR.
        let bytes = text.as_bytes();
        let mut line_starts = vec![0];
        for (index, &byte) in bytes.iter().enumerate() {
            if byte == b'\n' || (byte == b'\r' && bytes.get(index + 1) != Some(&b'\n')) {
                line_starts.push(index as u32 + 1);
            }
        }
        let id = SourceId(u32::try_from(self.files.len()).expect("fewer than 2^32 sources fit in memory"));
        self.files.push(SourceFile { name: name.into(), is_ascii: text.is_ascii(), text, line_starts });
        id
    }

    /// The text of an id that this map gave out.
    ///
    /// # Panics
    /// When the id belongs to another map and is beyond this one.
    pub fn file(&self, id: SourceId) -> &SourceFile {
        &self.files[id.index()]
    }

    /// All texts with their ids, in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = (SourceId, &SourceFile)> {
        self.files.iter().enumerate().map(|(index, file)| (SourceId(index as u32), file))
    }

    /// The number of texts.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether there are no texts.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// The name, start and end of a span as people count them.
    pub fn location(&self, span: Span) -> Location {
        let file = self.file(span.source);
        Location { file: file.name.clone(), start: file.position(span.start), end: file.position(span.end) }
    }

    /// The characters of a span.
    pub fn snippet(&self, span: Span) -> &str {
        self.file(span.source).text.get(span.start as usize..span.end as usize).unwrap_or("")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_lines_break_at_each_kind_of_line_break() {
        let mut sources = SourceMap::new();
        let id = sources.add("a", "ö: x\r\nb\rc\nd");
        let file = sources.file(id);
        assert_eq!(file.lines(), 4);
        assert_eq!(file.position(4), Position { line: 1, column: 4 });
        assert_eq!(file.position(7), Position { line: 2, column: 1 });
        assert_eq!(file.position(9), Position { line: 3, column: 1 });
        assert_eq!(file.position(999), Position { line: 4, column: 2 });
        assert_eq!(file.position(1), Position { line: 1, column: 1 }, "inside a character");
        assert_eq!(file.line(1), "ö: x");
        assert_eq!(file.line(9), "");
    }

    #[test]
    fn an_empty_text_has_one_line() {
        let mut sources = SourceMap::new();
        let id = sources.add("a", "");
        assert_eq!(sources.file(id).position(0), Position { line: 1, column: 1 });
        assert_eq!(sources.location(Span::beginning(id)).to_string(), "a:1:1");
    }
}
