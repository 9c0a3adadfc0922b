//! `coverage`: which rules of the checklist are shown by a test that names them.
//!
//! A test names a rule by its id (`C123`), in a heading of a Markdown suite, in a comment, or at the head of a design whose
//! instance graph is expected. The page that is written has the rules' ids, chapters and kinds, and for some of those that
//! nothing shows the reason; what they say is in the checklist.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

/// Where the checklist is when none is named, from the project's root.
const CHECKLIST: &str = "../shared/tosca/checklist.md";

/// The page that is written.
const PAGE: &str = "docs/tosca-coverage.md";

/// Where designs are tests.
const DESIGNS: &str = "/tests/graphs/";

/// Why no test names a rule, where that is known.
const WHY: [(&str, &str); 1] = [("C363", "the sum of other rules")];

/// A row of the checklist.
struct Rule {
    id: String,
    chapter: String,
    kind: String,
}

/// Writes the page.
pub(crate) fn run(root: &Path, options: &[&str]) -> Result<(), String> {
    let checklist = match options {
        [] => root.join(CHECKLIST),
        [path] if !path.starts_with('-') => PathBuf::from(path),
        _ => return Err("usage: cargo xtask coverage [CHECKLIST]".to_owned()),
    };
    let text = fs::read_to_string(&checklist).map_err(|error| {
        format!(
            "failed to read the checklist {}: {error}; name it: cargo xtask coverage CHECKLIST",
            checklist.display()
        )
    })?;
    let rules: Vec<Rule> = text.lines().filter_map(rule).collect();
    let mut shown: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    gather(root, &root.join("crates"), &mut shown)?;
    if let Some(id) = shown.keys().find(|id| !rules.iter().any(|rule| rule.id == **id)) {
        let tests = shown[id].iter().cloned().collect::<Vec<_>>().join(", ");
        return Err(format!("{tests} names {id}, which is no rule of the checklist"));
    }
    let (page, summary) = page(&rules, &shown);
    fs::write(root.join(PAGE), page).map_err(|error| format!("failed to write {PAGE}: {error}"))?;
    println!("{PAGE}: {summary}");
    Ok(())
}

fn rule(line: &str) -> Option<Rule> {
    let mut cells = line.strip_prefix('|')?.split('|');
    let (id, chapter, _level, kind) = (cells.next()?, cells.next()?, cells.next()?, cells.next()?);
    let is_rule = id.len() == 4 && id.starts_with('C') && id[1..].bytes().all(|byte| byte.is_ascii_digit());
    is_rule.then(|| Rule {
        id: id.to_owned(),
        chapter: chapter.to_owned(),
        kind: kind.trim_matches('*').to_owned(),
    })
}

/// Finds the ids in the tests of all crates.
fn gather(root: &Path, folder: &Path, shown: &mut BTreeMap<String, BTreeSet<String>>) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("failed to read {}: {error}", folder.display());
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
        if path.is_dir() {
            if !name.ends_with("/target") {
                gather(root, &path, shown)?;
            }
            continue;
        }
        let is_text = name.ends_with(".md") || name.ends_with(".rs");
        let is_test = name.contains("/tests") && is_text || name.contains(DESIGNS) && name.ends_with(".yaml");
        if !is_test || name.ends_with("README.md") {
            continue;
        }
        for id in ids(&fs::read_to_string(&path).map_err(failed)?) {
            shown.entry(id).or_default().insert(name.clone());
        }
    }
    Ok(())
}

/// The ids in a text: `C` and three digits, and nothing of a word around them; `C001 to C003` names all three. A name may
/// begin with some, as `c001_c002_a_rule_is_kept` does.
fn ids(text: &str) -> BTreeSet<String> {
    let digits = |word: &str, first: char| -> Option<u16> {
        let digits = word.strip_prefix(first).filter(|digits| digits.len() == 3)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
    };
    let number = |word: &str| digits(word, 'C');
    let words: Vec<&str> = text
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty())
        .collect();
    let mut found = BTreeSet::new();
    for (place, word) in words.iter().enumerate() {
        if word.contains('_') {
            let leading = word.split('_').map_while(|part| digits(part, 'c'));
            found.extend(leading.map(|id| format!("C{id:03}")));
        }
        let Some(first) = number(word) else { continue };
        let last = match words.get(place + 1..place + 3) {
            Some(["to", last]) => number(last).unwrap_or(first),
            _ => first,
        };
        found.extend((first..=last).map(|id| format!("C{id:03}")));
    }
    found
}

fn page(rules: &[Rule], shown: &BTreeMap<String, BTreeSet<String>>) -> (String, String) {
    let mut table = String::new();
    let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for Rule { id, chapter, kind } in rules {
        let tests = shown.get(id);
        let count = counts.entry(kind).or_default();
        count.0 += usize::from(tests.is_some());
        count.1 += 1;
        let tests = match tests {
            Some(tests) => tests
                .iter()
                .map(|test| {
                    let name = test.split_once(DESIGNS).map_or_else(
                        || test.rsplit('/').next().unwrap_or(test),
                        |(_, case)| case.split('/').next().unwrap_or(case),
                    );
                    format!("[{name}](../{})", test.replace(' ', "%20"))
                })
                .collect::<Vec<_>>()
                .join(", "),
            None => match WHY.iter().find(|(known, _)| known == id) {
                Some((_, why)) => format!("– {why}"),
                None => "–".to_owned(),
            },
        };
        writeln!(table, "| {id} | {chapter} | {kind} | {tests} |").expect("a string takes writes");
    }
    let summary = counts
        .iter()
        .map(|(kind, (shown, all))| format!("{kind} {shown} of {all}"))
        .collect::<Vec<_>>()
        .join(", ");
    let page = format!(
        "# Which rules of TOSCA 2.0 are shown by a test\n\n\
         Written by `cargo xtask coverage`; do not edit. Each row is a rule of the checklist that we work by, with its\n\
         chapter in the standard, what a processor must do about it, and the tests that name it. A rule without a test\n\
         that names it may be kept all the same.\n\n\
         Named by a test: {summary}.\n\n\
         | rule | chapter | kind | shown by |\n|---|---|---|---|\n{table}"
    );
    (page, summary)
}

#[cfg(test)]
mod tests {
    use super::{ids, rule};

    #[test]
    fn ids_are_whole_words() {
        assert_eq!(ids("(C001, C123) xC124 C1250 C12").into_iter().collect::<Vec<_>>(), ["C001", "C123"]);
        assert_eq!(
            ids("C009 to C011, C013").into_iter().collect::<Vec<_>>(),
            ["C009", "C010", "C011", "C013"]
        );
        assert_eq!(ids("fn c002_c003_waits(c004: u8)").into_iter().collect::<Vec<_>>(), ["C002", "C003"]);
    }

    #[test]
    fn rows_of_the_checklist_are_rules() {
        let rule = rule("|C004|4.2.2|2|**reject**|A circle|").expect("it is a row");
        assert_eq!(
            (rule.id.as_str(), rule.chapter.as_str(), rule.kind.as_str()),
            ("C004", "4.2.2", "reject")
        );
        assert!(super::rule("|#|§|L|Kind|Check|").is_none());
    }
}
