//! The YAML that nearly everybody writes nearly always, read in one pass.
//!
//! Block maps and lists, flow maps and lists, and scalars without the rarer escapes: this reads ten times as fast as a
//! parser of all of YAML. Anything else, mistakes included, is [`Unusual`]: then the whole text goes to that parser, which has the
//! last word. So this must be right whenever it answers, and may give up whenever it likes; that both say the same is
//! checked by a test over many texts and by the fuzz target `yaml`.

use super::arena::Style;
use super::parse::Builder;

/// Something that is not read here.
pub(super) struct Unusual;

type Read<T = ()> = Result<T, Unusual>;

/// YAML allows 1024 characters for a key without `?`.
const KEY_BYTES_MAX: usize = 1000;

pub(super) struct Everyday<'b, 't, 'd> {
    builder: &'b mut Builder<'t, 'd>,
    bytes: &'t [u8],
    at: usize,
    line_start: usize,
    /// The column of the content at `at`, when that is the first of its line; absent at the end of the text.
    column: Option<usize>,
}

impl<'b, 't, 'd> Everyday<'b, 't, 'd> {
    pub(super) fn new(builder: &'b mut Builder<'t, 'd>, text: &'t str) -> Self {
        Self { builder, bytes: text.as_bytes(), at: 0, line_start: 0, column: None }
    }

    /// Reads the text; its root is then the builder's only pending node.
    pub(super) fn run(mut self, text: &str) -> Read {
        // Tabs and other line breaks have rules of their own, as have marks that look like nothing.
        let is_odd = |c| matches!(c, '\u{feff}' | '\u{85}' | '\u{2028}' | '\u{2029}');
        if self.bytes.iter().any(|&b| b == b'\t' || b == b'\r') || !text.is_ascii() && text.contains(is_odd) {
            return Err(Unusual);
        }
        if text.starts_with("---\n") {
            self.at = 3;
        }
        self.advance()?;
        let column = self.column.ok_or(Unusual)?;
        self.block(column)?;
        if self.column.is_some() { Err(Unusual) } else { Ok(()) }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Whether a position ends a word of block context: a blank, a line break or the end of the text.
    fn is_gap(&self, at: usize) -> bool {
        matches!(self.bytes.get(at), None | Some(b' ' | b'\n'))
    }

    fn is_dash(&self) -> bool {
        self.peek() == Some(b'-') && self.is_gap(self.at + 1)
    }

    fn skip_spaces(&mut self) {
        while self.peek() == Some(b' ') {
            self.at += 1;
        }
    }

    /// From the end of some content to the end of its line; nothing but a comment may be there.
    fn end_of_line(&mut self) -> Read {
        self.skip_spaces();
        match self.peek() {
            None | Some(b'\n') => Ok(()),
            Some(b'#') if self.at > 0 && matches!(self.bytes[self.at - 1], b' ' | b'\n') => {
                self.skip_line();
                Ok(())
            }
            Some(_) => Err(Unusual),
        }
    }

    fn skip_line(&mut self) {
        let rest = &self.bytes[self.at..];
        self.at += rest.iter().position(|&b| b == b'\n').unwrap_or(rest.len());
    }

    /// From the end of a line, or the start of the text, to the next line with content.
    fn advance(&mut self) -> Read {
        loop {
            if self.peek() == Some(b'\n') {
                self.at += 1;
            }
            self.line_start = self.at;
            self.skip_spaces();
            match self.peek() {
                None => {
                    self.column = None;
                    return Ok(());
                }
                Some(b'\n') => {}
                Some(b'#') => self.skip_line(),
                Some(_) => {
                    let column = self.at - self.line_start;
                    let rest = &self.bytes[self.at..];
                    if column == 0 && (rest.starts_with(b"---") || rest.starts_with(b"...")) {
                        return Err(Unusual);
                    }
                    self.column = Some(column);
                    return Ok(());
                }
            }
        }
    }

    /// A node that starts its line.
    fn block(&mut self, column: usize) -> Read {
        if self.is_dash() { self.list(column) } else { self.map(column) }
    }

    /// A block map whose keys are in this column. The first one is at hand.
    fn map(&mut self, column: usize) -> Read {
        self.builder.begin(true, false, self.at).ok_or(Unusual)?;
        loop {
            self.key()?;
            self.skip_spaces();
            if self.is_gap(self.at) || self.peek() == Some(b'#') {
                self.end_of_line()?;
                self.advance()?;
                match self.column {
                    Some(next) if next > column => self.block(next)?,
                    Some(next) if next == column && self.is_dash() => self.list(next)?,
                    _ => self.builder.nothing(),
                }
            } else {
                self.inline(column)?;
            }
            match self.column {
                Some(next) if next > column || next == column && self.is_dash() => return Err(Unusual),
                Some(next) if next == column => {}
                _ => break,
            }
        }
        self.builder.finish(self.at);
        Ok(())
    }

    /// A block list whose dashes are in this column. The first one is at hand.
    fn list(&mut self, column: usize) -> Read {
        self.builder.begin(false, false, self.at).ok_or(Unusual)?;
        loop {
            self.at += 1;
            self.skip_spaces();
            if self.is_gap(self.at) || self.peek() == Some(b'#') {
                self.end_of_line()?;
                self.advance()?;
                match self.column {
                    Some(next) if next > column => self.block(next)?,
                    _ => return Err(Unusual),
                }
            } else {
                let inner = self.at - self.line_start;
                if self.is_dash() {
                    self.list(inner)?;
                } else if self.is_key() {
                    self.map(inner)?;
                } else {
                    self.inline(column)?;
                }
            }
            match self.column {
                Some(next) if next > column => return Err(Unusual),
                Some(next) if next == column && self.is_dash() => {}
                _ => break,
            }
        }
        self.builder.finish(self.at);
        Ok(())
    }

    /// Whether this line goes on with a key.
    fn is_key(&self) -> bool {
        let line = &self.bytes[self.at..];
        let after = match line.first() {
            Some(b'[' | b'{') => return false,
            Some(&quote @ (b'"' | b'\'')) => {
                let Some(end) = closing(line, quote) else { return false };
                let blanks = line[end..].iter().take_while(|&&b| b == b' ').count();
                end + blanks
            }
            _ => {
                let mut at = 0;
                loop {
                    match line.get(at) {
                        None | Some(b'\n') => return false,
                        Some(b':') if self.is_gap(self.at + at + 1) => break at,
                        Some(b'#') if at > 0 && line[at - 1] == b' ' => return false,
                        Some(_) => at += 1,
                    }
                }
            }
        };
        line.get(after) == Some(&b':') && self.is_gap(self.at + after + 1)
    }

    /// A key of a block map and its colon.
    fn key(&mut self) -> Read {
        let start = self.at;
        if matches!(self.peek(), Some(b'"' | b'\'')) {
            self.quoted()?;
            self.skip_spaces();
        } else {
            self.check_plain_start(false)?;
            let colon = loop {
                match self.peek() {
                    None | Some(b'\n') => return Err(Unusual),
                    Some(b':') if self.is_gap(self.at + 1) => break self.at,
                    Some(b'#') if self.bytes[self.at - 1] == b' ' => return Err(Unusual),
                    Some(_) => self.at += 1,
                }
            };
            self.plain(start, colon);
        }
        if self.peek() != Some(b':') || !self.is_gap(self.at + 1) || self.at - start > KEY_BYTES_MAX {
            return Err(Unusual);
        }
        self.at += 1;
        Ok(())
    }

    /// A value in the line of its key or dash, and the way to the next line with content.
    fn inline(&mut self, column: usize) -> Read {
        match self.peek() {
            Some(b'"' | b'\'') => self.quoted()?,
            Some(b'[' | b'{') => self.flow(column)?,
            Some(b'|' | b'>') => return self.block_scalar(column),
            _ => return self.plain_lines(column),
        }
        self.end_of_line()?;
        self.advance()?;
        if self.column.is_some_and(|next| next > column) { Err(Unusual) } else { Ok(()) }
    }

    /// A plain scalar, which may go on in lines that are further in than this column.
    fn plain_lines(&mut self, column: usize) -> Read {
        self.check_plain_start(false)?;
        let start = self.at;
        let mut folded = String::new();
        loop {
            let line = self.at;
            loop {
                match self.peek() {
                    None | Some(b'\n') => break,
                    Some(b':') if self.is_gap(self.at + 1) => return Err(Unusual),
                    Some(b'#') if self.bytes[self.at - 1] == b' ' => break,
                    Some(_) => self.at += 1,
                }
            }
            let has_comment = self.peek() == Some(b'#');
            let end = self.trimmed(line, self.at);
            let stop = self.at;
            self.end_of_line()?;
            self.advance()?;
            let goes_on = self.column.is_some_and(|next| next > column);
            if !goes_on && folded.is_empty() {
                self.builder.word(Style::Plain, start, end);
                return Ok(());
            }
            folded.push_str(self.builder.slice(line, end).ok_or(Unusual)?);
            if !goes_on {
                self.builder.text(Style::Plain, start, end, folded);
                return Ok(());
            }
            let gap = &self.bytes[stop..self.at];
            if has_comment || gap.contains(&b'#') {
                return Err(Unusual);
            }
            fold(&mut folded, gap.iter().filter(|&&b| b == b'\n').count());
        }
    }

    /// A literal or folded scalar, without an indicator of its indentation and without blank lines at its start.
    fn block_scalar(&mut self, column: usize) -> Read {
        let is_literal = self.bytes[self.at] == b'|';
        self.at += 1;
        let is_stripped = self.peek() == Some(b'-');
        self.at += usize::from(is_stripped);
        self.skip_spaces();
        if self.peek() != Some(b'\n') {
            return Err(Unusual);
        }
        let first_line = self.at + 1;
        let indent = self.bytes[first_line..].iter().take_while(|&&b| b == b' ').count();
        if indent <= column || matches!(self.bytes.get(first_line + indent), None | Some(b'\n')) {
            return Err(Unusual);
        }
        let (start, mut end) = (first_line + indent, first_line);
        let (mut text, mut breaks) = (String::new(), 0);
        loop {
            // At a line break, before a line of the scalar, a blank one or the one that ends it.
            let line = self.at + 1;
            let Some(rest) = self.bytes.get(line..) else { return Err(Unusual) };
            let spaces = rest.iter().take_while(|&&b| b == b' ').count();
            let len = rest.iter().position(|&b| b == b'\n');
            if len == Some(0) {
                breaks += 1;
            } else if spaces < indent {
                // Lines of nothing but blanks have rules of their own.
                if spaces > 0 && matches!(rest.get(spaces), None | Some(b'\n')) {
                    return Err(Unusual);
                }
                break;
            } else {
                let len = len.ok_or(Unusual)?;
                let content = self.builder.slice(line + indent, line + len).ok_or(Unusual)?;
                if content.trim().is_empty() || !is_literal && content.starts_with(' ') {
                    return Err(Unusual);
                }
                if !text.is_empty() {
                    match is_literal {
                        true => text.extend(std::iter::repeat_n('\n', breaks + 1)),
                        false => fold(&mut text, breaks + 1),
                    }
                }
                text.push_str(content);
                (breaks, end) = (0, line + len);
            }
            self.at = line + len.unwrap_or(0);
        }
        if !is_stripped {
            text.push('\n');
        }
        let end = self.trimmed(start, end);
        let style = if is_literal { Style::Literal } else { Style::Folded };
        self.builder.text(style, start, end, text);
        self.advance()?;
        if self.column.is_some_and(|next| next > column) { Err(Unusual) } else { Ok(()) }
    }

    fn trimmed(&self, start: usize, mut end: usize) -> usize {
        while end > start && self.bytes[end - 1] == b' ' {
            end -= 1;
        }
        end
    }

    fn check_plain_start(&self, in_flow: bool) -> Read {
        match self.peek() {
            None | Some(b' ' | b'\n') => Err(Unusual),
            Some(
                b',' | b'[' | b']' | b'{' | b'}' | b'#' | b'&' | b'*' | b'!' | b'|' | b'>' | b'\'' | b'"'
                | b'%' | b'@' | b'`' | b'?' | b':',
            ) => Err(Unusual),
            Some(b'-') if self.is_gap(self.at + 1) => Err(Unusual),
            Some(b'-')
                if in_flow
                    && matches!(self.bytes.get(self.at + 1), Some(b',' | b'[' | b']' | b'{' | b'}')) =>
            {
                Err(Unusual)
            }
            Some(_) => Ok(()),
        }
    }

    /// A plain scalar between two positions, blanks before the second one left out.
    fn plain(&mut self, start: usize, end: usize) {
        let end = self.trimmed(start, end);
        self.builder.word(Style::Plain, start, end);
    }

    /// A scalar in quotes, on one line and with the commonest escapes at most.
    fn quoted(&mut self) -> Read {
        let quote = self.bytes[self.at];
        let len = closing(&self.bytes[self.at..], quote).ok_or(Unusual)?;
        let style = if quote == b'"' { Style::DoubleQuoted } else { Style::SingleQuoted };
        let (start, end) = (self.at, self.at + len);
        let inner = self.builder.slice(start + 1, end - 1).ok_or(Unusual)?;
        match quote {
            b'"' if inner.contains('\\') => {
                let text = unescaped(inner).ok_or(Unusual)?;
                self.builder.text(style, start, end, text);
            }
            b'\'' if inner.contains('\'') => {
                let text = inner.replace("''", "'");
                self.builder.text(style, start, end, text);
            }
            _ => self.builder.word(style, start, end),
        }
        self.at = end;
        Ok(())
    }

    /// A flow map or list, inside of a block node in this column.
    fn flow(&mut self, column: usize) -> Read {
        let is_map = self.bytes[self.at] == b'{';
        let close = if is_map { b'}' } else { b']' };
        self.builder.begin(is_map, true, self.at).ok_or(Unusual)?;
        self.at += 1;
        loop {
            self.flow_gap(column)?;
            if self.peek() == Some(close) {
                break;
            }
            let start = self.at;
            if matches!(self.peek(), Some(b'[' | b'{')) {
                if is_map {
                    return Err(Unusual);
                }
                self.flow(column)?;
            } else {
                self.flow_scalar()?;
                self.skip_spaces();
                let is_key = self.peek() == Some(b':') && self.is_gap(self.at + 1);
                if is_key {
                    if self.at - start > KEY_BYTES_MAX {
                        return Err(Unusual);
                    }
                    if !is_map {
                        // A map of one key needs no braces in a list.
                        self.builder.begin_with_key().ok_or(Unusual)?;
                    }
                    self.at += 1;
                    self.flow_gap(column)?;
                    match self.peek() {
                        Some(b'[' | b'{') => self.flow(column)?,
                        _ => self.flow_scalar()?,
                    }
                    if !is_map {
                        self.builder.finish(self.at);
                    }
                } else if is_map {
                    return Err(Unusual);
                }
            }
            self.flow_gap(column)?;
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(byte) if byte == close => break,
                _ => return Err(Unusual),
            }
        }
        self.at += 1;
        self.builder.finish(self.at);
        Ok(())
    }

    /// Blanks, comments and line breaks between the parts of a flow node.
    fn flow_gap(&mut self, column: usize) -> Read {
        self.skip_spaces();
        if matches!(self.peek(), Some(b'\n' | b'#')) {
            self.end_of_line()?;
            self.advance()?;
            if self.column.is_none_or(|next| next <= column) {
                return Err(Unusual);
            }
        }
        Ok(())
    }

    fn flow_scalar(&mut self) -> Read {
        if matches!(self.peek(), Some(b'"' | b'\'')) {
            return self.quoted();
        }
        self.check_plain_start(true)?;
        let start = self.at;
        loop {
            match self.peek() {
                None | Some(b'\n' | b',' | b']' | b'}') => break,
                Some(b'[' | b'{') => return Err(Unusual),
                // The parser refuses this, though only a scalar that begins so would be wrong.
                Some(b'-') if matches!(self.bytes.get(self.at + 1), Some(b',' | b']' | b'}')) => {
                    return Err(Unusual);
                }
                Some(b':')
                    if self.is_gap(self.at + 1)
                        || matches!(self.bytes[self.at + 1], b',' | b'[' | b']' | b'{' | b'}') =>
                {
                    break;
                }
                Some(b'#') if self.bytes[self.at - 1] == b' ' => break,
                Some(_) => self.at += 1,
            }
        }
        self.plain(start, self.at);
        Ok(())
    }
}

/// The length of a scalar in quotes that the line starts with; none when it does not end there.
fn closing(line: &[u8], quote: u8) -> Option<usize> {
    let mut at = 1;
    loop {
        match *line.get(at)? {
            b'\n' => return None,
            b'\\' if quote == b'"' => at += 2,
            // Two single quotes are an escape.
            byte if byte == quote && quote == b'\'' && line.get(at + 1) == Some(&quote) => at += 2,
            byte if byte == quote => return Some(at + 1),
            _ => at += 1,
        }
    }
}

/// The text behind escapes; none when there are rarer ones.
fn unescaped(inner: &str) -> Option<String> {
    let mut text = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        text.push(match character {
            '\\' => match characters.next()? {
                'n' => '\n',
                't' => '\t',
                escaped @ ('\\' | '"') => escaped,
                _ => return None,
            },
            _ => character,
        });
    }
    Some(text)
}

/// Adds what line breaks become: one a blank, several one less.
fn fold(text: &mut String, breaks: usize) {
    match breaks {
        1 => text.push(' '),
        _ => text.extend(std::iter::repeat_n('\n', breaks - 1)),
    }
}
