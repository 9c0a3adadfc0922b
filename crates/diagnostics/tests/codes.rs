//! The list of codes is the list of what is used.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use diagnostics::codes::CODES;

/// Codes that are put together when they are used, from these beginnings.
const COMPOSED: [&str; 1] = ["unknown-"];

fn sources(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the sources can be read") {
        let path = entry.expect("the sources can be read").path();
        match path.is_dir() {
            true => sources(&path, files),
            false if path.extension().is_some_and(|extension| extension == "rs") => files.push(path),
            false => {}
        }
    }
}

/// The texts of all sources of all crates.
fn texts() -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    for entry in
        fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).expect("the sources can be read")
    {
        let folder = entry.expect("the sources can be read").path().join("src");
        if folder.is_dir() {
            sources(&folder, &mut files);
        }
    }
    files.retain(|path| !path.ends_with("diagnostics/src/codes.rs") && !path.ends_with("tests.rs"));
    files
        .into_iter()
        .map(|path| (path.clone(), fs::read_to_string(&path).expect("the sources can be read")))
        .collect()
}

/// What is made in a source: the first string literal of each call that makes a diagnostic.
fn used(text: &str) -> BTreeSet<String> {
    let mut codes = BTreeSet::new();
    for maker in ["Diagnostic::error(", "Diagnostic::warning(", "Diagnostic::new("] {
        for (at, _) in text.match_indices(maker) {
            let arguments = text[at + maker.len()..].trim_start();
            let arguments = match maker {
                "Diagnostic::new(" => arguments.split_once(',').map_or("", |(_, rest)| rest.trim_start()),
                _ => arguments,
            };
            let literal = arguments.strip_prefix('"').and_then(|rest| rest.split('"').next());
            codes.extend(literal.map(ToOwned::to_owned));
        }
    }
    codes
}

#[test]
fn every_code_that_is_used_is_listed_and_the_other_way_round() {
    assert!(CODES.is_sorted_by_key(|code| code.code), "the codes are not in order");
    let listed: BTreeSet<&str> = CODES.iter().map(|code| code.code).collect();
    assert_eq!(listed.len(), CODES.len(), "a code is listed twice");
    let texts = texts();
    let mut problems = Vec::new();
    for (path, text) in &texts {
        for code in used(text).iter().filter(|code| !listed.contains(code.as_str())) {
            if code != "code" {
                problems.push(format!("`{code}` of {} is not listed in codes.rs", path.display()));
            }
        }
    }
    for code in &listed {
        let literal = format!("\"{code}\"");
        let is_used = texts.iter().any(|(_, text)| text.contains(&literal));
        let is_composed = COMPOSED.iter().any(|beginning| {
            let composed = code.strip_prefix(beginning).map(|rest| format!("\"{rest}\""));
            composed.is_some_and(|rest| texts.iter().any(|(_, text)| text.contains(&rest)))
        });
        if !is_used && !is_composed {
            problems.push(format!("`{code}` is listed and not used"));
        }
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[test]
fn every_page_is_about_its_code_and_every_code_has_one() {
    for code in CODES {
        assert!(code.page.starts_with(&format!("# {}\n\n", code.code)), "the page of {}", code.code);
        assert!(!code.summary.ends_with('.') && !code.summary.is_empty(), "the summary of {}", code.code);
        assert_eq!(diagnostics::explain(code.code), Some(code.page));
    }
    assert_eq!(diagnostics::explain("nothing"), None);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/diagnostics");
    assert_eq!(
        fs::read_dir(folder).expect("the sources can be read").count(),
        CODES.len(),
        "a page without a code"
    );
}
