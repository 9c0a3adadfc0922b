//! From the parser's characters to bytes, also for quoted scalars that go on in the first columns.
//!
//! YAML 1.2 has a quoted scalar in a block indented deeper than its parent on every line; many libraries do not ask for
//! it, and the standard's own examples (TOSCA 2.0, 5.3.2 and 9.1.1.5) do not do it. Blanks at the beginning of such a
//! line mean nothing, so the parser is given some more of them.

use std::ops::Range;

/// A text with blanks added, and where: bytes of the new text.
#[derive(Default)]
pub(super) struct Loosened {
    pub(super) text: String,
    added: Vec<Range<u32>>,
}

/// Deeper than any parent in practice: limits on nesting allow it hardly ever to be more.
const BLANKS: &str = "                                                                ";

impl Loosened {
    /// Adds blanks to the lines of the quoted scalar that begins at a byte of the original text. None when there is
    /// nothing to add.
    pub(super) fn with(original: &str, earlier: &[u32], at: u32) -> Option<Self> {
        if earlier.contains(&at) {
            return None;
        }
        let mut starts: Vec<u32> = earlier.to_vec();
        starts.push(at);
        starts.sort_unstable();
        let mut loosened = Self::default();
        let mut done = 0;
        for start in starts {
            let scalar = original.get(start as usize..)?;
            let quote = scalar.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
            let end = start as usize + closing(scalar, quote)?;
            for (newline, _) in original[start as usize..end].match_indices('\n') {
                let line = start as usize + newline + 1;
                // A line without text is a line break of the scalar.
                if original[line..].starts_with(['\n', '\r']) || line < done {
                    continue;
                }
                loosened.text.push_str(&original[done..line]);
                let from = loosened.text.len() as u32;
                loosened.text.push_str(BLANKS);
                loosened.added.push(from..loosened.text.len() as u32);
                done = line;
            }
        }
        loosened.text.push_str(&original[done..]);
        (!loosened.added.is_empty()).then_some(loosened)
    }

    /// From a byte of the new text to one of the original.
    fn original(&self, byte: u32) -> u32 {
        let before = self.added.partition_point(|added| added.start < byte);
        let whole = before.saturating_sub(1) * BLANKS.len();
        let last = self.added[..before].last().map_or(0, |added| byte.min(added.end) - added.start);
        byte - whole as u32 - last
    }
}

/// Where a quoted scalar ends, behind its closing quote.
fn closing(scalar: &str, quote: char) -> Option<usize> {
    let mut rest = scalar.char_indices().skip(1);
    while let Some((at, c)) = rest.next() {
        if c == '\\' && quote == '"' {
            rest.next();
        } else if c == quote {
            if quote == '\'' && scalar[at + 1..].starts_with('\'') {
                rest.next();
                continue;
            }
            return Some(at + 1);
        }
    }
    None
}

/// From the parser's characters to bytes of the original text.
pub(super) struct Offsets<'t> {
    text: &'t str,
    // The byte of every `STEP`th character; empty for ASCII texts, where both are equal.
    steps: Vec<u32>,
    loosened: Option<&'t Loosened>,
}

impl<'t> Offsets<'t> {
    const STEP: usize = 64;

    /// For the text that the parser reads.
    pub(super) fn new(text: &'t str, loosened: Option<&'t Loosened>) -> Self {
        let steps = if text.is_ascii() {
            Vec::new()
        } else {
            text.char_indices().step_by(Self::STEP).map(|(byte, _)| byte as u32).collect()
        };
        Self { text, steps, loosened }
    }

    /// The byte of a character.
    pub(super) fn byte(&self, character: usize) -> u32 {
        let byte = self.read_byte(character);
        self.loosened.map_or(byte, |loosened| loosened.original(byte))
    }

    fn read_byte(&self, character: usize) -> u32 {
        if self.steps.is_empty() {
            return character.min(self.text.len()) as u32;
        }
        let Some(&step) = self.steps.get(character / Self::STEP) else { return self.text.len() as u32 };
        self.text[step as usize..]
            .char_indices()
            .nth(character % Self::STEP)
            .map_or(self.text.len() as u32, |(byte, _)| step + byte as u32)
    }
}
