//! TOSCA.meta, by the cases of `tests/meta.md`.

use crate::archives::{TOSCA, ZipEntry, open, zip};

/// The files of every case's package.
const FILES: [&str; 5] =
    ["service.yaml", "other.yaml", "definitions/moose.yaml", "with blank.yaml", "definitions/a b.yaml"];

/// What a case's package says: its definitions and blocks, then its diagnostics, a line each.
fn outcome(meta: &str) -> String {
    let mut entries = vec![ZipEntry::new("TOSCA.meta", meta)];
    entries.extend(FILES.map(|name| ZipEntry::new(name, TOSCA)));
    let package = open(zip(&entries)).unwrap();
    let mut lines = Vec::new();
    if let Some(entry) = package.entry_definitions() {
        lines.push(format!("entry {entry}"));
    }
    lines.extend(package.other_definitions().iter().map(|other| format!("other {other}")));
    for (number, block) in package.meta().map_or(&[][..], |meta| &meta.blocks).iter().enumerate() {
        for pair in block {
            let known = ["CSAR-Version", "Entry-Definitions", "Other-Definitions"];
            if !known.contains(&pair.keyname.as_str()) {
                let line = format!("block {number} {} = {}", pair.keyname, pair.value);
                lines.push(line.trim_end().to_owned());
            }
        }
    }
    let findings = package.findings();
    for diagnostic in &findings.diagnostics {
        let location = diagnostic.primary.as_ref().map(|place| findings.sources.location(place.span));
        let place = location
            .map(|location| format!("{}-{} ", location.start, location.end.column))
            .unwrap_or_default();
        lines.push(format!(
            "{}[{}] {place}{}{}",
            diagnostic.severity.as_str(),
            diagnostic.code,
            diagnostic.message,
            diagnostic.hints.iter().map(|hint| format!("; {hint}")).collect::<String>()
        ));
    }
    lines.join("\n")
}

// C355, C356, C357, C358: the cases are in `meta.md`.
#[test]
fn every_case_of_the_file() {
    let suite = include_str!("../meta.md");
    let mut cases = 0;
    let mut wrong = String::new();
    for case in suite.split("\n## ").skip(1) {
        let title = case.lines().next().expect("a heading");
        let block = |start: &str| {
            let (_, rest) = case.split_once(start).unwrap_or_else(|| panic!("{title}: no {start}"));
            rest.split_once("\n```").unwrap_or_else(|| panic!("{title}: an open block")).0
        };
        // What editors do not keep is spelled out.
        let meta = format!("{}\n", block("```meta\n"));
        let meta = meta.replace('␠', " ").replace('→', "\t").replace('␍', "\r").replace('␀', "\0");
        let expected = block("```outcome").trim_start_matches('\n');
        let outcome = outcome(&meta);
        if outcome != expected {
            wrong.push_str(&format!("## {title}\n--- expected\n{expected}\n--- got\n{outcome}\n\n"));
        }
        cases += 1;
    }
    assert!(wrong.is_empty(), "\n{wrong}");
    assert!(cases > 25, "only {cases} cases were found");
}

#[test]
fn a_meta_that_is_no_text_is_told_where() {
    let package =
        open(zip(&[ZipEntry::new("TOSCA.meta", b"CSAR-Version: 2.0\nCreated-By: M\xfcller\n")])).unwrap();
    let findings = package.findings();
    assert_eq!(findings.diagnostics.len(), 1);
    assert_eq!(
        findings.diagnostics[0].one_line(&findings.sources),
        "p!/TOSCA.meta:2:14: TOSCA.meta is not UTF-8"
    );
}

#[test]
fn a_meta_that_is_too_large_is_not_read() {
    let package = open(zip(&[ZipEntry::new("TOSCA.meta", "a: b\n".repeat(100_000))])).unwrap();
    assert_eq!(package.findings().diagnostics[0].message, "TOSCA.meta is larger than 262144 bytes");
}

#[test]
fn a_hostile_meta_takes_no_time() {
    // Names and keynames by the thousand: comparing each with each other would show.
    for meta in [
        format!("CSAR-Version: 2.0\nOther-Definitions: {}\n", "a ".repeat(120_000)),
        "a: b\n".repeat(50_000),
        ":\n".repeat(120_000),
        "x\n\n".repeat(80_000),
        format!("CSAR-Version: 2.0\nEntry-Definitions: service.yaml\nx:{}\n", "\n y".repeat(80_000)),
    ] {
        assert!(!outcome(&meta).is_empty());
    }
}
