//! The keynames that the standard defines (TOSCA 2.0, 17.2.1 and 17.2.2).

use std::collections::HashMap;

use diagnostics::{Diagnostic, Place, SourceId, Span, did_you_mean};

use super::{CSAR_VERSION, Meta, NamedFile, Pair};
use crate::name;

/// The keynames of block 0.
const KEYNAMES: [&str; 4] = ["CSAR-Version", "Created-By", "Entry-Definitions", "Other-Definitions"];

/// The keynames without which a package cannot be read.
const MANDATORY: [&str; 2] = ["CSAR-Version", "Entry-Definitions"];

/// What TOSCA 1.x had beside `CSAR-Version`. It is so common that it gets words of its own.
const META_FILE_VERSION: &str = "TOSCA-Meta-File-Version";

pub(super) fn check(
    meta: &mut Meta,
    source: SourceId,
    block_0_is_broken: bool,
    diagnostics: &mut Vec<Diagnostic>,
) {
    for (index, block) in meta.blocks.iter().enumerate() {
        check_keynames(meta, index, block, diagnostics);
    }
    if !block_0_is_broken {
        for keyname in MANDATORY {
            if meta.pair(keyname).is_none() {
                // Where it was meant is said by the misspelt or misplaced keyname, if there is one.
                let meant = meta.blocks.iter().flatten().find(|pair| {
                    pair.keyname == keyname || diagnostics::closest(&pair.keyname, KEYNAMES) == Some(keyname)
                });
                let diagnostic =
                    Diagnostic::error("csar-meta-missing-keyname", format!("missing `{keyname}`"))
                        .chapter("17.2.1");
                diagnostics.push(match meant {
                    Some(pair) => diagnostic.at(Place::new(pair.span, "not a keyname of block 0")).hint(
                        if pair.keyname == keyname {
                            "it belongs to block 0, before the first empty line".to_owned()
                        } else {
                            format!("did you mean `{keyname}`?")
                        },
                    ),
                    None => diagnostic.at(Place::new(Span::beginning(source), "block 0 starts here")).hint(
                        match keyname {
                            "CSAR-Version" => "add `CSAR-Version: 2.0`",
                            _ => "name the file to start with: `Entry-Definitions: service.yaml`",
                        },
                    ),
                });
            }
        }
    }
    if let Some(version) = meta.pair("CSAR-Version") {
        check_version(version, diagnostics);
    }
    if let Some(pair) = meta.pair("Entry-Definitions") {
        meta.entry = entry_definitions(pair, diagnostics);
    }
    if let Some(pair) = meta.pair("Other-Definitions") {
        meta.others = other_definitions(pair, meta.entry.as_ref(), diagnostics);
    }
}

fn check_keynames(meta: &Meta, index: usize, block: &[Pair], diagnostics: &mut Vec<Diagnostic>) {
    let mut seen: HashMap<&str, Span> = HashMap::new();
    for pair in block {
        let keyname = pair.keyname.as_str();
        let normative = KEYNAMES.contains(&keyname);
        // Custom blocks are outside the standard; what they repeat is theirs.
        if index == 0
            && let Some(&first) = seen.get(keyname)
        {
            diagnostics.push(
                Diagnostic::error("csar-meta-duplicate-keyname", format!("`{keyname}` is there twice"))
                    .at(pair.span)
                    .related(Place::new(first, "first here"))
                    .chapter("17.2.1"),
            );
            continue;
        }
        seen.insert(keyname, pair.span);
        if normative && index > 0 {
            // When block 0 lacks it and must have it, the error about that is enough.
            if !MANDATORY.contains(&keyname) || meta.pair(keyname).is_some() {
                diagnostics.push(
                    Diagnostic::error(
                        "csar-meta-misplaced-keyname",
                        format!("`{keyname}` is a keyname of block 0"),
                    )
                    .at(Place::new(pair.span, "in another block"))
                    .hint("move it before the first empty line, or give it another name")
                    .chapter("17.2.2"),
                );
            }
        } else if keyname == META_FILE_VERSION {
            diagnostics.push(
                Diagnostic::warning(
                    "csar-meta-reserved-keyname",
                    format!("`{keyname}` means nothing in TOSCA 2.0"),
                )
                .at(pair.span)
                .hint("remove it: `CSAR-Version` is the version of this file too")
                .chapter("17.2.2"),
            );
        } else if keyname.starts_with("TOSCA") || keyname.starts_with("tosca") {
            diagnostics.push(
                Diagnostic::warning("csar-meta-reserved-keyname", format!("`{keyname}` is reserved"))
                    .at(pair.span)
                    .hint(
                        "custom keynames do not start with `TOSCA` or `tosca`; use your organization's name",
                    )
                    .chapter("17.2.2"),
            );
        } else if index == 0 && !normative {
            let hint = did_you_mean(keyname, KEYNAMES.into_iter().filter(|name| !MANDATORY.contains(name)));
            if let Some(hint) = hint {
                diagnostics.push(
                    Diagnostic::warning("csar-meta-unknown-keyname", format!("unknown keyname `{keyname}`"))
                        .at(pair.span)
                        .hint(hint)
                        .chapter("17.2.1"),
                );
            }
        }
    }
}

fn check_version(pair: &Pair, diagnostics: &mut Vec<Diagnostic>) {
    if pair.value == CSAR_VERSION {
        return;
    }
    let diagnostic = Diagnostic::error(
        "csar-meta-version",
        if pair.value.is_empty() {
            "`CSAR-Version` has no value".to_owned()
        } else {
            format!("unsupported CSAR version `{}`", pair.value)
        },
    )
    .at(Place::new(pair.value_span(0, pair.value.len()), "must be 2.0"))
    .chapter("17.2.1");
    diagnostics.push(if pair.value.starts_with("1.") {
        diagnostic.hint("this is a package of TOSCA 1.x; its definitions have to be moved to TOSCA 2.0 first")
    } else {
        diagnostic
    });
}

fn entry_definitions(pair: &Pair, diagnostics: &mut Vec<Diagnostic>) -> Option<NamedFile> {
    let value = pair.value.as_str();
    let whole = pair.value_span(0, value.len());
    if value.len() > 1 && value.starts_with('"') && value.ends_with('"') {
        diagnostics.push(
            Diagnostic::error("csar-meta-value", "`Entry-Definitions` is one name, without quotation marks")
                .at(whole)
                .hint(format!("write `Entry-Definitions: {}`", value.trim_matches('"')))
                .chapter("17.2.1"),
        );
        return None;
    }
    named_file(value, whole, "Entry-Definitions", diagnostics)
}

fn named_file(path: &str, span: Span, keyname: &str, diagnostics: &mut Vec<Diagnostic>) -> Option<NamedFile> {
    let why = match name::check(path.as_bytes()) {
        Ok(name) if !name.folder => return Some(NamedFile { path: name.path, span }),
        Ok(_) => "is a folder".to_owned(),
        Err(crate::Refusal::NoName) => {
            diagnostics.push(
                Diagnostic::error("csar-meta-value", format!("`{keyname}` names no file"))
                    .at(span)
                    .chapter("17.2.1"),
            );
            return None;
        }
        Err(refusal) => refusal.to_string(),
    };
    diagnostics.push(
        Diagnostic::error("csar-meta-value", format!("`{keyname}` names a file that {why}"))
            .at(span)
            .hint("names start at the root of the package and have `/` between parts")
            .chapter("17.2.1"),
    );
    None
}

/// Splits a list at its blanks; names in double quotation marks may have some.
fn other_definitions(
    pair: &Pair,
    entry: Option<&NamedFile>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<NamedFile> {
    let value = pair.value.as_str();
    let mut files: Vec<NamedFile> = Vec::new();
    let mut seen: HashMap<String, Span> =
        entry.map(|file| (file.path.clone(), file.span)).into_iter().collect();
    let mut at = 0;
    while let Some(blanks) = value[at..].find(|character| character != ' ') {
        let start = at + blanks;
        let quoted = value[start..].starts_with('"');
        let inside = start + usize::from(quoted);
        let length = value[inside..].find(if quoted { '"' } else { ' ' });
        let end = length.map_or(value.len(), |length| inside + length);
        at = if quoted { (end + 1).min(value.len()) } else { end };
        let whole = pair.value_span(start, at);
        let problem = if quoted && length.is_none() {
            Some("a quotation mark is not closed")
        } else if quoted && !value[at..].is_empty() && !value[at..].starts_with(' ') {
            Some("a blank is missing after a quotation mark")
        } else if !quoted && value[start..end].contains('"') {
            Some("a quotation mark is in the middle of a name")
        } else {
            None
        };
        if let Some(problem) = problem {
            diagnostics.push(
                Diagnostic::error("csar-meta-value", format!("`Other-Definitions`: {problem}"))
                    .at(whole)
                    .hint("names are separated by blanks; those with blanks stand in double quotation marks")
                    .chapter("17.2.1"),
            );
            // Where the next name starts is anybody's guess.
            return files;
        }
        let Some(file) = named_file(&value[inside..end], whole, "Other-Definitions", diagnostics) else {
            continue;
        };
        if let Some(&first) = seen.get(&file.path) {
            diagnostics.push(
                Diagnostic::warning("csar-repeated-definitions", format!("`{}` is named twice", file.path))
                    .at(Place::new(whole, "for substitution only"))
                    .related(Place::new(first, "first here"))
                    .hint("remove it here: a file is either the entry or for substitution, once")
                    .chapter("17.2.1"),
            );
            continue;
        }
        seen.insert(file.path.clone(), file.span);
        files.push(file);
    }
    files
}
