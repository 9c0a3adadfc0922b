//! What the terminal can do, and signs and colours within that.

use std::{env, io, io::IsTerminal as _};

/// How wide text may be where nobody says.
const WIDTH_DEFAULT: usize = 80;
/// How high a frame may be where nobody says.
const HEIGHT_DEFAULT: usize = 24;

/// Whether to use escape codes, and which signs there are. Colour never says anything alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Style {
    color: bool,
    unicode: bool,
    columns: Option<usize>,
}

impl Style {
    /// Without escape codes, with Unicode signs.
    #[cfg(test)]
    pub(crate) fn plain() -> Self {
        Self { color: false, unicode: true, columns: None }
    }

    /// What standard output wants.
    pub(crate) fn stdout() -> Self {
        Self::of(io::stdout().is_terminal())
    }

    /// What standard error wants.
    pub(crate) fn stderr() -> Self {
        Self::of(io::stderr().is_terminal())
    }

    fn of(is_terminal: bool) -> Self {
        let columns = is_terminal.then(|| size().0);
        Self { color: is_terminal && colorful(), unicode: unicode(), columns }
    }

    /// Returns whether a text of so many columns fits on a line. Where there is no terminal, everything does.
    pub(crate) fn fits(self, columns: usize) -> bool {
        self.columns.is_none_or(|width| columns <= width)
    }

    /// Cuts the lines of a text to the terminal's width. Where there is no terminal, everything stays.
    pub(crate) fn cut(self, text: &str) -> String {
        let Some(width) = self.columns else { return text.to_owned() };
        text.lines().map(|line| fit(line, width) + "\n").collect()
    }

    /// Breaks a text between words into lines that fit, each after an indentation. Where there is no terminal, its own
    /// lines stay.
    pub(crate) fn wrapped(self, text: &str, indentation: &str) -> String {
        let mut out = String::new();
        for line in text.lines() {
            let mut used = 0;
            for word in line.split_whitespace() {
                let width = columns(word);
                if used > 0 && self.fits(columns(indentation) + used + 1 + width) {
                    out.push(' ');
                    used += 1;
                } else {
                    if used > 0 {
                        out.push('\n');
                    }
                    out.push_str(indentation);
                    used = 0;
                }
                out.push_str(word);
                used += width;
            }
            out.push('\n');
        }
        out
    }

    /// Returns whether colours are wanted.
    pub(crate) fn color(self) -> bool {
        self.color
    }

    /// Returns the one of two signs that the terminal can show.
    pub(crate) fn sign(self, unicode: &'static str, ascii: &'static str) -> &'static str {
        if self.unicode { unicode } else { ascii }
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.color && !text.trim().is_empty() {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    /// Bold.
    pub(crate) fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    /// Less important.
    pub(crate) fn dim(self, text: &str) -> String {
        self.paint("2", text)
    }

    /// Good.
    pub(crate) fn green(self, text: &str) -> String {
        self.paint("32", text)
    }

    /// Bad.
    pub(crate) fn red(self, text: &str) -> String {
        self.paint("31", text)
    }

    /// Bad, and the first thing to see.
    pub(crate) fn red_bold(self, text: &str) -> String {
        self.paint("1;31", text)
    }

    /// Changing.
    pub(crate) fn yellow(self, text: &str) -> String {
        self.paint("33", text)
    }

    /// At work.
    pub(crate) fn cyan(self, text: &str) -> String {
        self.paint("36", text)
    }
}

/// `NO_COLOR` (any value that is not empty) and `TERM=dumb` mean no.
fn colorful() -> bool {
    env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()) && !is_dumb()
}

/// Returns whether the terminal understands no escape codes.
pub(crate) fn is_dumb() -> bool {
    env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb")
}

/// The locale decides, in the order of POSIX; without one there is ASCII only.
fn unicode() -> bool {
    ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .filter_map(|name| env::var(name).ok())
        .find(|value| !value.is_empty())
        .is_some_and(|value| {
            let value = value.to_ascii_lowercase();
            value.contains("utf-8") || value.contains("utf8")
        })
}

/// Returns columns and rows of the terminal behind standard error, or of a usual one.
pub(crate) fn size() -> (usize, usize) {
    let number = |name: &str| env::var(name).ok()?.parse::<usize>().ok().filter(|number| *number > 0);
    let real = rustix::termios::tcgetwinsize(io::stderr())
        .or_else(|_| rustix::termios::tcgetwinsize(io::stdout()))
        .ok()
        .filter(|size| size.ws_col > 0 && size.ws_row > 0);
    let (columns, rows) =
        real.map_or((WIDTH_DEFAULT, HEIGHT_DEFAULT), |size| (size.ws_col.into(), size.ws_row.into()));
    (number("COLUMNS").unwrap_or(columns), number("LINES").unwrap_or(rows))
}

/// Cuts a text to a number of columns; a cut one ends with an ellipsis. Escape codes take no columns.
pub(crate) fn fit(text: &str, columns: usize) -> String {
    use unicode_width::UnicodeWidthChar as _;
    let mut out = String::new();
    let mut used = 0;
    let mut rest = text.chars().peekable();
    let mut escaped = false;
    while let Some(character) = rest.next() {
        if character == '\x1b' {
            escaped = true;
            out.push(character);
            for code in rest.by_ref() {
                out.push(code);
                if code.is_ascii_alphabetic() {
                    break;
                }
            }
            continue;
        }
        let width = character.width().unwrap_or(0);
        let visible_follows = rest.peek().is_some_and(|next| *next != '\x1b');
        if used + width > columns || (used + width == columns && visible_follows) {
            out.push('…');
            if escaped {
                out.push_str("\x1b[0m");
            }
            return out;
        }
        used += width;
        out.push(character);
    }
    out
}

/// Returns how many columns a text without escape codes takes.
pub(crate) fn columns(text: &str) -> usize {
    unicode_width::UnicodeWidthStr::width(text)
}

/// Returns a number of things: `1 node`, `3 nodes`.
pub(crate) fn counted(count: usize, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}

/// Pads a text with spaces to a number of columns.
pub(crate) fn pad(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(columns(text))))
}

/// Text from outside that cannot move a cursor or change a colour; line breaks and tabs become spaces.
pub(crate) fn harmless(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            '\n' | '\r' | '\t' => ' ',
            character if character.is_control() => '\u{fffd}',
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
            character => character,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_wrapped_where_there_is_a_terminal() {
        let narrow = Style { columns: Some(9), ..Style::plain() };
        assert_eq!(
            narrow.wrapped("one two three\n\nenormously x", "  "),
            "  one two\n  three\n\n  enormously\n  x\n"
        );
        assert_eq!(Style::plain().wrapped("one two three", "  "), "  one two three\n");
        assert_eq!(narrow.cut("123456789\n1234567890\n"), "123456789\n12345678…\n");
    }

    #[test]
    fn a_long_text_is_cut_with_an_ellipsis_and_a_short_one_is_not() {
        assert_eq!(fit("abcdef", 6), "abcdef");
        assert_eq!(fit("abcdef", 4), "abc…");
        assert_eq!(fit("\x1b[31mabcdef\x1b[0m", 6), "\x1b[31mabcdef\x1b[0m");
        assert_eq!(fit("\x1b[31mabcdef\x1b[0m", 3), "\x1b[31mab…\x1b[0m");
        assert_eq!(fit("日本語", 4), "日…");
    }
}
