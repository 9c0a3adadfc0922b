//! Exact places, where the parser's spans say more or less.

use saphyr_parser::Tag;

use super::super::arena::Style;
use super::Builder;

impl Builder<'_, '_> {
    /// The exact place of a scalar: without the blanks and comments that the parser's span may end with, and for an
    /// empty value right behind its key's colon.
    pub(super) fn scalar_place(&self, text: &str, style: Style, start: u32, end: u32) -> (u32, u32) {
        let source = &self.text[start as usize..end as usize];
        let len = match style {
            Style::Plain if text.is_empty() => {
                let is_value = self.frames.last().is_some_and(|frame| frame.is_mapping);
                let colon = u32::from(self.text[self.last_end as usize..].starts_with(':'));
                let at = if is_value { self.last_end + colon } else { start };
                return (at, at);
            }
            Style::SingleQuoted => {
                let mut quotes = source.match_indices('\'').skip(1).map(|(at, _)| at);
                loop {
                    match quotes.next() {
                        // Two quotes stand for one.
                        Some(at) if source[at + 1..].starts_with('\'') => _ = quotes.next(),
                        Some(at) => break at + 1,
                        None => break source.len(),
                    }
                }
            }
            Style::DoubleQuoted => {
                let mut is_escaped = false;
                let closing = source.char_indices().skip(1).find(|&(_, c)| {
                    let closes = c == '"' && !is_escaped;
                    is_escaped = c == '\\' && !is_escaped;
                    closes
                });
                closing.map_or(source.len(), |(at, _)| at + 1)
            }
            Style::Plain | Style::Literal | Style::Folded => {
                source.trim_end_matches([' ', '\t', '\n', '\r']).len()
            }
        };
        (start, start + len as u32)
    }

    /// The start of a node behind its tag and anchor, which the parser's span begins with.
    pub(super) fn without_properties(&self, start: u32, end: u32, anchor: usize, tag: Option<&Tag>) -> u32 {
        let mut left = usize::from(anchor != 0) + usize::from(tag.is_some());
        let mut rest = &self.text[start as usize..end as usize];
        let whole = rest.len();
        while left > 0 && rest.starts_with(['&', '!']) {
            rest =
                rest.trim_start_matches(|c: char| !matches!(c, ' ' | '\t' | '\n' | '\r' | ',' | ']' | '}'));
            rest = rest.trim_start();
            while rest.starts_with('#') {
                rest = rest.find('\n').map_or("", |newline| &rest[newline..]).trim_start();
            }
            left -= 1;
        }
        start + (whole - rest.len()) as u32
    }

    pub(super) fn trimmed_end(&self, start: u32, end: u32) -> u32 {
        start + self.text[start as usize..end as usize].trim_end().len() as u32
    }

    /// The end of a flow collection, from the end of its last member: the parser's span may go on with a comment.
    pub(super) fn after_bracket(&self, from: u32, is_mapping: bool) -> Option<u32> {
        let mut rest = self.text.get(from as usize..)?;
        loop {
            rest = rest.trim_start_matches([' ', '\t', '\n', '\r', ',']);
            if !rest.starts_with('#') {
                break;
            }
            rest = &rest[rest.find(['\n', '\r'])?..];
        }
        let after = rest.strip_prefix(if is_mapping { '}' } else { ']' })?;
        Some((self.text.len() - after.len()) as u32)
    }

    /// The dash of a list's first item, when it is at the list's own place or right before the item.
    pub(super) fn dash_before(&self, list: u32, item: u32) -> Option<u32> {
        if self.text[list as usize..].starts_with('-') && list < item {
            return Some(list);
        }
        self.text[..item as usize].trim_end().strip_suffix('-').map(|before| before.len() as u32)
    }
}
