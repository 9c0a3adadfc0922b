//! Runs the Markdown suites; `suite/README.md` says how they are written.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use diagnostics::Diagnostic;
use tosca::{Compilation, MemorySources, compile};

pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) files: Vec<File>,
}

#[derive(Clone)]
pub(crate) struct File {
    pub(crate) name: String,
    pub(crate) profile: Option<String>,
    pub(crate) text: String,
}

struct Expected {
    file: String,
    line: u32,
    column: Option<u32>,
    code: String,
    text: String,
}

#[test]
fn every_case_of_the_suites_gives_its_diagnostics() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite");
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| {
        path.extension().is_some_and(|extension| extension == "md") && !path.ends_with("README.md")
    });
    paths.sort();
    let mut failures = String::new();
    let mut count = 0;
    for path in paths {
        for case in cases(&fs::read_to_string(&path).unwrap()) {
            count += 1;
            if let Some(failure) = check(&case) {
                let file = path.file_name().unwrap().to_string_lossy();
                writeln!(failures, "{file}: {}\n{failure}", case.name).unwrap();
            }
        }
    }
    assert!(failures.is_empty(), "\n{failures}");
    assert!(count > 0, "no case was found");
}

pub(crate) fn cases(markdown: &str) -> Vec<Case> {
    let mut shared: Vec<File> = Vec::new();
    let mut cases: Vec<Case> = Vec::new();
    let mut block: Option<(String, String)> = None;
    for line in markdown.lines() {
        match &mut block {
            Some((info, text)) if line == "```" => {
                let file = file(info, text);
                match cases.last_mut() {
                    Some(case) => case.files.push(file),
                    None => shared.push(file),
                }
                block = None;
            }
            Some((_, text)) => {
                text.push_str(line);
                text.push('\n');
            }
            None => {
                if let Some(info) = line.strip_prefix("```yaml") {
                    block = Some((info.trim().to_owned(), String::new()));
                } else if let Some(name) = line.strip_prefix("## ") {
                    cases.push(Case { name: name.to_owned(), files: Vec::new() });
                }
            }
        }
    }
    assert!(block.is_none(), "a block without an end");
    for case in &mut cases {
        assert!(!case.files.is_empty(), "the case `{}` has no block", case.name);
        case.files.extend(shared.iter().cloned());
    }
    cases
}

fn file(info: &str, text: &str) -> File {
    let mut file = File { name: "main.yaml".to_owned(), profile: None, text: String::new() };
    let mut is_raw = text.starts_with("tosca_definitions_version");
    for word in info.split_whitespace() {
        match word.split_once('=') {
            Some(("file", name)) => file.name = name.to_owned(),
            Some(("profile", name)) => {
                file.name = format!("profiles/{name}");
                file.profile = Some(name.to_owned());
            }
            None if word == "raw" => is_raw = true,
            _ => panic!("`{word}` is not an attribute of a block"),
        }
    }
    if !is_raw {
        file.text.push_str("tosca_definitions_version: tosca_2_0\n");
    }
    file.text.push_str(text);
    file
}

/// The expectations of a file, and its text without them.
fn expectations(file: &File) -> Vec<Expected> {
    let mut expected = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        for comment in line.split("#!").skip(1) {
            let comment = comment.trim();
            let (head, text) = comment.split_once(' ').unwrap_or((comment, ""));
            let (code, column) = match head.split_once(':') {
                Some((code, column)) => (code, Some(column.parse().expect("a column is a number"))),
                None => (head, None),
            };
            expected.push(Expected {
                file: file.name.clone(),
                line: index as u32 + 1,
                column,
                code: code.to_owned(),
                text: text.trim().to_owned(),
            });
        }
    }
    expected
}

fn check(case: &Case) -> Option<String> {
    let mut sources = MemorySources::new();
    let mut expected = Vec::new();
    for file in &case.files {
        expected.extend(expectations(file));
        sources = sources.with(&file.name, file.text.clone());
        if let Some(profile) = &file.profile {
            sources = sources.with_profile(profile, &file.name);
        }
    }
    let compilation = compile(&case.files[0].name, &sources);
    let mut failure = String::new();
    let mut found: Vec<&Diagnostic> = compilation.diagnostics.iter().collect();
    for wanted in &expected {
        match found.iter().position(|diagnostic| matches(wanted, diagnostic, &compilation)) {
            Some(position) => _ = found.remove(position),
            None => {
                let Expected { file, line, code, text, .. } = wanted;
                writeln!(failure, "  expected and not found: {file}:{line} {code} {text}")
                    .expect("a string takes writes");
            }
        }
    }
    for diagnostic in found {
        let place = diagnostic.one_line(&compilation.sources);
        writeln!(failure, "  not expected: [{}] {place} ({})", diagnostic.code, diagnostic.hints.join("; "))
            .expect("a string takes writes");
    }
    let has_errors = diagnostics::has_errors(&compilation.diagnostics);
    if has_errors == compilation.model.is_some() {
        writeln!(failure, "  there must be a model exactly when there are no errors")
            .expect("a string takes writes");
    }
    (!failure.is_empty()).then_some(failure)
}

fn matches(wanted: &Expected, diagnostic: &Diagnostic, compilation: &Compilation) -> bool {
    let Some(place) = &diagnostic.primary else { return false };
    let location = compilation.sources.location(place.span);
    *location.file == *wanted.file
        && location.start.line == wanted.line
        && wanted.column.is_none_or(|column| column == location.start.column)
        && diagnostic.code == wanted.code
        && (diagnostic.message.contains(&wanted.text)
            || place.label.contains(&wanted.text)
            || diagnostic.hints.iter().any(|hint| hint.contains(&wanted.text)))
}
