//! TOSCA.meta's lines: pairs, continuations and blocks.

use diagnostics::{Diagnostic, Place, SourceId, Span};

use super::{Pair, Piece};

/// Beyond this many broken lines a file is something else; the next ones would say nothing new.
const BROKEN_LINES_MAX: usize = 20;

const BLANKS: [char; 2] = [' ', '\t'];

pub(super) struct Parsed {
    pub(super) blocks: Vec<Vec<Pair>>,
    /// Whether a line of block 0 was not understood: what seems to be missing may be on it.
    pub(super) block_0_is_broken: bool,
}

/// Splits a text into blocks of pairs.
pub(super) fn parse(text: &str, source: SourceId, diagnostics: &mut Vec<Diagnostic>) -> Parsed {
    let mut parsed = Parsed { blocks: Vec::new(), block_0_is_broken: false };
    let mut block: Vec<Pair> = Vec::new();
    // Whether a line of this block was seen, be it a broken one.
    let mut in_block = false;
    let mut blocks_begun = 0;
    // Whether a continuation line belongs to a line that was not understood.
    let mut after_broken = false;
    let mut broken_lines = 0;
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let line_start = start;
        start += line.len();
        let mut line = line.trim_end_matches('\n');
        line = line.strip_suffix('\r').unwrap_or(line);
        // A mark of the byte order is no part of the text.
        let mark = if line_start == 0 && line.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        let line = &line[mark..];
        let line_start = line_start + mark;
        if line.trim_matches(BLANKS).is_empty() {
            if in_block {
                parsed.blocks.push(std::mem::take(&mut block));
            }
            in_block = false;
            after_broken = false;
            continue;
        }
        if !in_block {
            in_block = true;
            blocks_begun += 1;
        }
        let outcome = if let Some(rest) = line.strip_prefix(' ') {
            match block.last_mut() {
                _ if after_broken => Ok(()),
                Some(pair) => {
                    append(pair, rest, line_start + 1);
                    Ok(())
                }
                None => Err((0, line.len(), "continues nothing: it is the first line of its block", None)),
            }
        } else {
            read_pair(line, line_start, source).map(|pair| block.push(pair))
        };
        match outcome {
            Ok(()) if line.starts_with(' ') => {}
            Ok(()) => after_broken = false,
            Err((from, to, label, hint)) => {
                after_broken = true;
                parsed.block_0_is_broken |= blocks_begun == 1;
                broken_lines += 1;
                if broken_lines > BROKEN_LINES_MAX {
                    parsed.block_0_is_broken = true;
                    diagnostics.push(
                        Diagnostic::error("csar-meta-syntax", "too many lines that are not `keyname: value`")
                            .at(Span::new(source, line_start as u32, (line_start + line.len()) as u32))
                            .hint("the file may not be a TOSCA.meta at all")
                            .chapter("17.2"),
                    );
                    break;
                }
                let span = Span::new(source, (line_start + from) as u32, (line_start + to) as u32);
                diagnostics.push(
                    Diagnostic::error("csar-meta-syntax", "expected `keyname: value`")
                        .at(Place::new(span, label))
                        .maybe_hint(hint.map(str::to_owned))
                        .chapter("17.2"),
                );
            }
        }
    }
    if in_block {
        parsed.blocks.push(block);
    }
    // A block whose lines were all broken keeps its place, so that the next one is not taken for block 0.
    parsed
}

type Broken = (usize, usize, &'static str, Option<&'static str>);

/// Reads `keyname: value`. The offsets of an error are bytes of the line.
fn read_pair(line: &str, line_start: usize, source: SourceId) -> Result<Pair, Broken> {
    if line.starts_with('\t') {
        let hint = "a line that continues a value starts with a space";
        return Err((0, 1, "a tab is no space", Some(hint)));
    }
    if let Some(at) = line.find('\r') {
        return Err((at, at, "a carriage return without line feed", None));
    }
    let Some(colon) = line.find(':') else {
        return Err((0, line.len(), "has no colon", None));
    };
    let keyname = &line[..colon];
    let rest = &line[colon + 1..];
    if keyname.is_empty() {
        return Err((0, 1, "has no keyname before the colon", None));
    }
    if keyname.ends_with(BLANKS) {
        return Err((0, colon, "has a blank before the colon", None));
    }
    if !rest.is_empty() && !rest.starts_with(' ') {
        return Err(if rest.contains(": ") || rest.ends_with(':') {
            (0, colon + 1 + rest.rfind(':').unwrap_or(0), "a keyname has no colon", None)
        } else {
            (colon, colon + 1, "has no space after the colon", None)
        });
    }
    let span = Span::new(source, line_start as u32, (line_start + colon) as u32);
    let mut pair = Pair { keyname: keyname.to_owned(), value: String::new(), span, pieces: Vec::new() };
    append(&mut pair, rest, line_start + colon + 1);
    Ok(pair)
}

/// Adds a line to a value; the spaces around it are collapsed to one.
fn append(pair: &mut Pair, line: &str, line_start: usize) {
    let value = line.trim_matches(BLANKS);
    if value.is_empty() {
        return;
    }
    let blanks = line.len() - line.trim_start_matches(BLANKS).len();
    if !pair.value.is_empty() {
        pair.value.push(' ');
    }
    pair.pieces.push(Piece { in_value: pair.value.len() as u32, in_source: (line_start + blanks) as u32 });
    pair.value.push_str(value);
}
