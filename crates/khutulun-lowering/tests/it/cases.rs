//! Cases in Markdown: a heading, a block of YAML, and a block of the text that comes of it.

use std::{fmt::Write as _, fs, path::PathBuf};

use tosca::MemorySources;

use crate::package;

/// Set, it makes the test write what it found instead of comparing.
const BLESS: &str = "KHUTULUN_BLESS";

struct Case {
    /// What comes before the text: heading, words and YAML.
    before: String,
    yaml: String,
    expected: String,
}

/// Reads a file of cases; what follows the last case is returned, too.
fn read(text: &str) -> (Vec<Case>, String) {
    let mut cases = Vec::new();
    let (mut before, mut yaml, mut expected) = (String::new(), String::new(), String::new());
    let mut block = None;
    for line in text.lines() {
        match (block, line) {
            (None, "```yaml") => {
                block = Some("yaml");
                before.push_str("```yaml\n");
                yaml.clear();
            }
            (None, "```text") => block = Some("text"),
            (Some("yaml"), "```") => {
                block = None;
                before.push_str("```\n");
            }
            (Some("text"), "```") => {
                block = None;
                cases.push(Case {
                    before: std::mem::take(&mut before),
                    yaml: yaml.clone(),
                    expected: std::mem::take(&mut expected),
                });
            }
            (Some("text"), line) => writeln!(expected, "{line}").expect("a string takes everything"),
            (Some(_), line) => {
                writeln!(yaml, "{line}").expect("a string takes everything");
                writeln!(before, "{line}").expect("a string takes everything");
            }
            (None, line) => writeln!(before, "{line}").expect("a string takes everything"),
        }
    }
    (cases, before)
}

fn check(name: &str, found_of: fn(&str) -> String) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(name);
    let (cases, after) = read(&fs::read_to_string(&path).expect("the cases are beside the test"));
    assert!(!cases.is_empty(), "{name} has cases");
    let mut written = String::new();
    let mut wrong = String::new();
    for case in &cases {
        let found = found_of(&case.yaml);
        write!(written, "{}```text\n{found}```\n", case.before).expect("a string takes everything");
        if found != case.expected {
            let heading = case.before.lines().rfind(|line| line.starts_with("## ")).unwrap_or_default();
            write!(wrong, "\n{heading}\nexpected:\n{}\nfound:\n{found}", case.expected)
                .expect("a string takes everything");
        }
    }
    if std::env::var_os(BLESS).is_some() {
        fs::write(&path, written + &after).expect("the cases can be written");
        return;
    }
    assert!(wrong.is_empty(), "{name}: {wrong}\n\n{BLESS}=1 writes what was found");
}

#[test]
fn designs() {
    check("designs.md", |yaml| {
        let lowered = package::lowered(&package::package(yaml), "service.yaml");
        let text =
            lowered.map_or_else(|mistakes| mistakes, |lowered| khutulun_lowering::render(&lowered.design));
        // The classes have a test of their own.
        let design = text.split("\nclass ").next().unwrap_or_default();
        format!("{}\n", design.trim_end())
    });
}

#[test]
fn mistakes() {
    check("mistakes.md", |yaml| {
        let text = match package::lowered(&package::package(yaml), "service.yaml") {
            Ok(lowered) => format!("no mistake was found:\n{}", khutulun_lowering::render(&lowered.design)),
            Err(mistakes) => mistakes,
        };
        format!("{}\n", text.trim_end())
    });
}

/// Files beside each other, each after a line `# file NAME`; those with substitution mappings may stand for nodes of the first.
#[test]
fn substitutions() {
    check("substitutions.md", |text| {
        let mut sources = MemorySources::new();
        let mut names = Vec::new();
        for file in text.split("# file ").skip(1) {
            let (name, yaml) = file.split_once('\n').expect("a file has a name");
            sources = sources.with(name, format!("tosca_definitions_version: tosca_2_0\n{yaml}"));
            names.push((name, yaml.contains("substitution_mappings")));
        }
        let (entry, _) = names[0];
        let others: Vec<&str> =
            names[1..].iter().filter(|(_, substitutes)| *substitutes).map(|(name, _)| *name).collect();
        let text = match package::lowered_with(&sources, entry, &others) {
            Ok(lowered) => khutulun_lowering::render(&lowered.design),
            Err(mistakes) => mistakes,
        };
        format!("{}\n", text.trim_end())
    });
}
