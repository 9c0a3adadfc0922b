//! Diagnostics as text with carets, for people.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthChar;

use crate::diagnostic::{Diagnostic, Place, Severity};
use crate::source::{SourceFile, SourceMap};

/// Tab stops in shown lines.
const TAB_COLUMNS: usize = 4;
/// A longer line is shown as the piece around its caret: minified documents have lines of megabytes.
const SHOWN_CHARACTERS_MAX: usize = 160;
/// What is shown before the caret of such a line.
const SHOWN_BEFORE_MAX: usize = 60;

/// How the text looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TextStyle {
    /// Whether to use ANSI colours. Everything said with colour is also said with words or signs.
    pub color: bool,
}

impl TextStyle {
    /// Without escape codes.
    pub fn plain() -> Self {
        Self { color: false }
    }

    /// With ANSI colours.
    pub fn colored() -> Self {
        Self { color: true }
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// All diagnostics, one after the other with an empty line between them.
pub fn render_text_all(diagnostics: &[Diagnostic], sources: &SourceMap, style: TextStyle) -> String {
    diagnostics
        .iter()
        .map(|diagnostic| render_text(diagnostic, sources, style))
        .collect::<Vec<_>>()
        .join("\n")
}

/// One diagnostic: head line, shown lines with carets, hints; ends with a line break.
///
/// Control characters of the document never reach the terminal: they are shown as pictures.
pub fn render_text(diagnostic: &Diagnostic, sources: &SourceMap, style: TextStyle) -> String {
    let tint = match diagnostic.severity {
        Severity::Error => "1;31",
        Severity::Warning => "1;33",
        Severity::Note => "1;36",
    };
    let mut out = String::new();
    let head = style.paint(tint, &format!("{}[{}]", diagnostic.severity.as_str(), diagnostic.code));
    let _ = writeln!(out, "{head}: {}", style.paint("1", &harmless(&diagnostic.message)));

    // The primary place's file first, then the others in order of first mention; places of one file share a frame.
    let mut places: Vec<(&Place, bool)> = Vec::new();
    places.extend(diagnostic.primary.iter().map(|place| (place, true)));
    places.extend(diagnostic.related.iter().map(|place| (place, false)));
    let line_of = |place: &Place| sources.file(place.span.source).position(place.span.start).line;
    let gutter = places.iter().map(|(place, _)| line_of(place).to_string().len()).max().unwrap_or(1);
    let blank = " ".repeat(gutter + 1);

    let mut files: Vec<_> = Vec::new();
    for (place, _) in &places {
        if !files.contains(&place.span.source) {
            files.push(place.span.source);
        }
    }
    for id in files {
        let file = sources.file(id);
        let mut of_file: Vec<_> = places.iter().filter(|(place, _)| place.span.source == id).collect();
        let first = of_file[0].0;
        let position = file.position(first.span.start);
        let frame = style.paint("34", "┌─");
        let _ = writeln!(out, "{blank} {frame} {}:{position}", harmless(file.name()));
        of_file.sort_by_key(|(place, _)| place.span.start);
        let mut previous: Option<u32> = None;
        for (place, is_primary) in of_file {
            let line = line_of(place);
            let shown = Shown::of(file, place, line);
            if previous != Some(line) || shown.is_cut {
                if previous.is_some_and(|previous| line > previous + 1) {
                    let _ = writeln!(out, "{blank} {}", style.paint("34", "·"));
                }
                let text = format!("{} {}", style.paint("34", "│"), shown.text);
                let _ =
                    writeln!(out, " {} {}", style.paint("34", &format!("{line:>gutter$}")), text.trim_end());
            }
            previous = Some(line);
            let (sign, tint) = if *is_primary { ("^", tint) } else { ("-", "1;34") };
            let mut marks = sign.repeat(shown.caret_width);
            if !place.label.is_empty() {
                marks = format!("{marks} {}", harmless(&place.label));
            }
            let pad = " ".repeat(shown.caret_column);
            let _ = writeln!(out, "{blank} {} {pad}{}", style.paint("34", "│"), style.paint(tint, &marks));
        }
    }
    for hint in &diagnostic.hints {
        let _ =
            writeln!(out, "{blank} {} {}", style.paint("34", "="), format_args!("hint: {}", harmless(hint)));
    }
    out
}

/// A line of the document as it is shown, and where its carets go, in terminal cells.
struct Shown {
    text: String,
    caret_column: usize,
    caret_width: usize,
    is_cut: bool,
}

impl Shown {
    fn of(file: &SourceFile, place: &Place, line: u32) -> Self {
        let text = file.line(line);
        let line_start = file.line_start(line);
        let start = (place.span.start.saturating_sub(line_start) as usize).min(text.len());
        // A span over several lines is marked to the end of its first.
        let end = (place.span.end.saturating_sub(line_start) as usize).clamp(start, text.len());
        let marked_end = if (place.span.end - line_start) as usize > text.len() {
            text.trim_end().len().max(start)
        } else {
            end
        };
        let (from, to) = window(text, start);
        let is_cut = from > 0 || to < text.len();
        let mut shown = Self { text: String::new(), caret_column: 0, caret_width: 0, is_cut };
        let mut column = 0;
        if from > 0 {
            shown.text.push('…');
            column = 1;
        }
        let mut caret_start = None;
        let mut caret_end = column;
        for (offset, character) in text[from..to].char_indices() {
            let offset = from + offset;
            if offset >= start && caret_start.is_none() {
                caret_start = Some(column);
            }
            if character == '\t' {
                let width = TAB_COLUMNS - column % TAB_COLUMNS;
                shown.text.push_str(&" ".repeat(width));
                column += width;
            } else {
                let character = harmless_character(character);
                shown.text.push(character);
                column += character.width().unwrap_or(0);
            }
            if offset < marked_end {
                caret_end = column;
            }
        }
        if to < text.len() {
            shown.text.push('…');
        }
        shown.caret_column = caret_start.unwrap_or(column);
        shown.caret_width = caret_end.saturating_sub(shown.caret_column).max(1);
        shown
    }
}

/// The bytes of a line that are shown: all of it, or the piece around `start`.
fn window(text: &str, start: usize) -> (usize, usize) {
    if text.len() <= SHOWN_CHARACTERS_MAX || text.chars().count() <= SHOWN_CHARACTERS_MAX {
        return (0, text.len());
    }
    let start = (0..=start).rev().find(|&byte| text.is_char_boundary(byte)).unwrap_or(0);
    let from =
        text[..start].char_indices().rev().take(SHOWN_BEFORE_MAX).last().map_or(start, |(byte, _)| byte);
    let to =
        text[from..].char_indices().nth(SHOWN_CHARACTERS_MAX).map_or(text.len(), |(byte, _)| from + byte);
    (from, to)
}

/// Text that cannot move a cursor, change a colour or reverse the direction of writing.
fn harmless(text: &str) -> String {
    text.chars()
        .map(|character| if character == '\t' { ' ' } else { harmless_character(character) })
        .collect()
}

fn harmless_character(character: char) -> char {
    match character {
        '\u{0}'..='\u{1f}' => char::from_u32(0x2400 + character as u32).unwrap_or('\u{fffd}'),
        '\u{7f}' => '\u{2421}',
        '\u{80}'..='\u{9f}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            '\u{fffd}'
        }
        _ => character,
    }
}
