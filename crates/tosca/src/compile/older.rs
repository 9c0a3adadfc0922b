//! Words of TOSCA 1.x: one is a slip and told at its place; a file full of them is told once.

use std::collections::BTreeMap;

use diagnostics::{Diagnostic, Place, SourceId, SourceMap, Span};

/// How every hint about an older word begins.
const MARK: &str = "TOSCA 2.0 ";

/// Up to so many words of TOSCA 1.x in a file are slips. A file that has more was written for TOSCA 1.x, whatever its
/// first line says: somebody has to go through it, and needs a list of what to replace rather than a page of errors.
const SLIPS_MAX: usize = 3;

/// Data types of TOSCA 1.x that are gone.
const TYPES: [(&str, &str); 5] = [
    ("scalar-unit.size", SCALAR),
    ("scalar-unit.time", SCALAR),
    ("scalar-unit.frequency", SCALAR),
    ("scalar-unit.bitrate", SCALAR),
    ("range", "TOSCA 2.0 has no ranges; use a list of two integers, or a data type with two properties"),
];

const SCALAR: &str =
    "TOSCA 2.0 has `scalar`: define a data type that derives from it, with the `units` that it has";

/// What to write instead of a data type of TOSCA 1.x.
pub(super) fn instead_of_type(name: &str) -> Option<&'static str> {
    TYPES.iter().find(|(gone, _)| *gone == name).map(|(_, hint)| *hint)
}

/// Puts the diagnostics about older words of one file into one, where there are many.
pub(super) fn fold(diagnostics: &mut Vec<Diagnostic>, map: &SourceMap) {
    let mut files: BTreeMap<SourceId, Vec<(Span, String)>> = BTreeMap::new();
    for diagnostic in &*diagnostics {
        if let Some((span, hint)) = older(diagnostic) {
            files.entry(span.source).or_default().push((span, hint.to_owned()));
        }
    }
    files.retain(|_, words| words.len() > SLIPS_MAX);
    if files.is_empty() {
        return;
    }
    diagnostics
        .retain(|diagnostic| older(diagnostic).is_none_or(|(span, _)| !files.contains_key(&span.source)));
    diagnostics.extend(files.into_values().map(|words| folded(words, map)));
}

/// The place of an older word, and what is said about it.
fn older(diagnostic: &Diagnostic) -> Option<(Span, &str)> {
    let hint = diagnostic.hints.iter().find(|hint| hint.starts_with(MARK))?;
    Some((diagnostic.primary.as_ref()?.span, hint))
}

fn folded(mut words: Vec<(Span, String)>, map: &SourceMap) -> Diagnostic {
    words.sort_by_key(|(span, _)| span.start);
    let count = words.len();
    // By word and what to do about it, in order of the document.
    let mut kinds: Vec<(&str, &str, Vec<Span>)> = Vec::new();
    for (span, hint) in &words {
        // Of a map, which can be long, its first key.
        let word = map.snippet(*span).trim_start_matches(['{', ' ', '"']);
        let word = word.split([':', '"', '\n']).next().unwrap_or(word);
        match kinds.iter_mut().find(|(other, instead, _)| *other == word && instead == hint) {
            Some((.., spans)) => spans.push(*span),
            None => kinds.push((word, hint, vec![*span])),
        }
    }
    let message = format!("this file says that it is of TOSCA 2.0, and has {count} words of TOSCA 1.x");
    let mut diagnostic = Diagnostic::error("older-words", message).chapter("6.2");
    for (position, (.., spans)) in kinds.iter().enumerate() {
        diagnostic = match position {
            0 => diagnostic.at(Place::new(spans[0], "this is one")),
            _ => diagnostic.related(Place::new(spans[0], "and this")),
        };
    }
    for (word, instead, spans) in &kinds {
        diagnostic = diagnostic.hint(format!("`{word}` ({}): {instead}", lines(spans, map)));
    }
    diagnostic
}

/// `line 3`, or `lines 3, 7 and 9`.
fn lines(spans: &[Span], map: &SourceMap) -> String {
    let all: Vec<String> = spans.iter().map(|span| map.location(*span).start.line.to_string()).collect();
    match &all[..] {
        [] => String::new(),
        [one] => format!("line {one}"),
        [first @ .., last] => format!("lines {} and {last}", first.join(", ")),
    }
}
