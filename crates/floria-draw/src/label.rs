//! Text in pictures: what may be shown of it, how much of it, and how wide it is.

use unicode_width::UnicodeWidthChar as _;

/// How many columns of a name a box or an arrow shows. The whole name is in its title.
pub(crate) const COLUMNS_MAX: usize = 36;

/// How many columns a title shows: enough for every honest name, and an end for all others.
pub(crate) const TITLE_COLUMNS_MAX: usize = 240;

/// Returns text as it may be shown: on one line, without what steers terminals, markup or the direction of writing.
pub(crate) fn printable(text: &str) -> String {
    text.chars()
        .map(|letter| match letter {
            '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' => ' ',
            letter if letter.is_control() => '\u{FFFD}',
            '\u{200B}'..='\u{200F}'
            | '\u{202A}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}'
            | '\u{FEFF}'
            | '\u{FFFE}'
            | '\u{FFFF}' => '\u{FFFD}',
            letter => letter,
        })
        .collect()
}

/// Returns printable text in at most so many columns: its beginning and its end, as what tells names apart is often at the end.
pub(crate) fn shortened(text: &str, columns_max: usize) -> String {
    let text = printable(text);
    if columns(text.chars()) <= columns_max {
        return text;
    }
    let end = columns_max / 3;
    let head = fitting(text.chars(), columns_max.saturating_sub(1 + end));
    let tail = fitting(text.chars().rev(), end);
    let tail: String = tail.chars().rev().collect();
    format!("{head}…{tail}")
}

fn fitting(letters: impl Iterator<Item = char>, columns_max: usize) -> String {
    let (mut used, mut taken) = (0, 0);
    letters
        .take_while(|letter| {
            used += letter.width().unwrap_or(0);
            taken += 1;
            // Marks have no width, and no end of their own either.
            used <= columns_max && taken <= 2 * columns_max
        })
        .collect()
}

fn columns(letters: impl Iterator<Item = char>) -> usize {
    // Marks without a width count in pairs, so that a heap of them is too long as well.
    let (mut wide, mut all) = (0, 0_usize);
    for letter in letters {
        wide += letter.width().unwrap_or(0);
        all += 1;
    }
    wide.max(all.div_ceil(2))
}

/// Returns how wide a text of this font size is at most, in the sans-serif fonts that machines have, in pixels.
pub(crate) fn width(text: &str, size: f64, is_bold: bool) -> i32 {
    let ems: f64 = text.chars().map(em).sum();
    let weight = if is_bold { 1.09 } else { 1.0 };
    (ems * size * weight).ceil() as i32
}

/// Returns whether a text holds letters whose width is known.
pub(crate) fn is_plain(text: &str) -> bool {
    text.chars().all(|letter| letter.is_ascii() || letter == '…' || letter == '×')
}

/// The width of a letter in the widest of the common fonts, in parts of the font's size.
fn em(letter: char) -> f64 {
    match letter {
        'i' | 'j' | 'l' | '\'' | '|' | 'I' => 0.32,
        ' ' | '.' | ',' | ':' | ';' | '!' | '(' | ')' | '[' | ']' | '-' | '/' | 'f' | 't' | 'r' | '`' => 0.41,
        'm' | 'w' | 'M' | 'W' | '%' | '@' | '…' => 1.0,
        'A'..='Z' | '&' | '~' | '+' | '=' | '<' | '>' | '#' | '^' | '×' => 0.78,
        letter if letter.is_ascii() => 0.62,
        letter => match letter.width() {
            Some(0) => 0.3,
            Some(2) => 1.1,
            _ => 0.85,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_keeps_its_beginning_and_its_end() {
        assert_eq!(shortened("web", 10), "web");
        assert_eq!(shortened("abcdefghijklm-17", 10), "abcdef…-17");
        assert_eq!(shortened(&"漢".repeat(20), 10), "漢漢漢…漢");
        assert!(shortened(&"e\u{301}".repeat(5_000), 10).chars().count() < 32);
        assert!(shortened(&"\u{301}".repeat(10_000), 10).chars().count() < 32);
    }

    #[test]
    fn what_steers_is_not_shown() {
        assert_eq!(printable("a\nb\u{1b}[1m\u{202e}c\0"), "a b\u{fffd}[1m\u{fffd}c\u{fffd}");
    }
}
