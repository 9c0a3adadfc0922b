//! `conformance`: answers the cases of a TOSCA conformance suite and holds the answers against the expected ones.
//!
//! A suite is a folder with a `manifest.jsonl`, a line a case, and the files of the cases in `cases/`. A case is answered
//! rightly when a valid file is accepted and an invalid one rejected. Where the suite contradicts the standard's text,
//! `docs/tosca-conflicts.md` says so and why; such an answer is counted as a conflict.

mod manifest;
mod sources;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    panic::catch_unwind,
    path::{Path, PathBuf},
};

use manifest::Case;
use sources::Suite;

/// Where the suite is when no folder is named, from the project's root.
const FOLDER: &str = "../shared/tosca/conformance";

/// The page of cases that contradict the text. A case is listed when its name stands there in backticks.
const CONFLICTS: &str = "docs/tosca-conflicts.md";

/// What became of a case.
enum Answer {
    Accepted,
    /// With the first error, for people.
    Rejected(String),
}

#[derive(Default)]
struct Counts {
    accepted: usize,
    rejected: usize,
    wrong: usize,
    conflicts: usize,
}

/// Runs all cases of the suite in the folder that the options name.
pub(crate) fn run(root: &Path, options: &[&str]) -> Result<(), String> {
    let show_wrong = options.contains(&"--wrong");
    let folder = match options.iter().filter(|option| **option != "--wrong").collect::<Vec<_>>()[..] {
        [] => root.join(FOLDER),
        [folder] if !folder.starts_with('-') => PathBuf::from(folder),
        _ => return Err("usage: cargo xtask conformance [DIR] [--wrong]".to_owned()),
    };
    if !folder.join("manifest.jsonl").is_file() {
        return Err(format!(
            "there is no conformance suite in {} (no manifest.jsonl); name its folder: cargo xtask conformance DIR",
            folder.display()
        ));
    }
    let cases = manifest::read(&folder.join("manifest.jsonl"))?;
    let suite = Suite::read(&folder, &cases)?;
    let conflicts = conflicts(root)?;

    let mut sections: BTreeMap<&str, Counts> = BTreeMap::new();
    let mut total = Counts::default();
    let mut wrong = Vec::new();
    for case in &cases {
        let answer = answer(&suite, case);
        let is_right = matches!(answer, Answer::Accepted) == case.is_valid;
        let is_conflict = !is_right && conflicts.contains(&case.file);
        for counts in [sections.entry(&case.section).or_default(), &mut total] {
            match answer {
                Answer::Accepted => counts.accepted += 1,
                Answer::Rejected(_) => counts.rejected += 1,
            }
            counts.conflicts += usize::from(is_conflict);
            counts.wrong += usize::from(!is_right && !is_conflict);
        }
        if !is_right && !is_conflict {
            wrong.push((case, answer));
        }
    }

    let width = sections.keys().map(|section| section.len()).max().unwrap_or(0);
    println!("{:width$}  accepted  rejected  wrong  conflicts", "");
    for (section, counts) in sections.iter().map(|(section, counts)| (*section, counts)).chain([("", &total)])
    {
        let Counts { accepted, rejected, wrong, conflicts } = counts;
        let dash = |count: &usize| if *count == 0 { "–".to_owned() } else { count.to_string() };
        println!(
            "{section:width$}  {:>8}  {:>8}  {:>5}  {:>9}",
            dash(accepted),
            dash(rejected),
            dash(wrong),
            dash(conflicts)
        );
    }
    if show_wrong {
        for (case, answer) in &wrong {
            match answer {
                Answer::Accepted => println!("\n{}: accepted, should be rejected", case.file),
                Answer::Rejected(why) => println!("\n{}: should be accepted\n  {why}", case.file),
            }
        }
    }
    let right = cases.len() - total.wrong - total.conflicts;
    println!(
        "\n{right} of {} cases are answered as expected, {} are conflicts",
        cases.len(),
        total.conflicts
    );
    match total.wrong {
        0 => Ok(()),
        count if show_wrong => Err(format!("{count} case(s) are answered wrongly")),
        count => Err(format!("{count} case(s) are answered wrongly; --wrong shows them")),
    }
}

/// The cases that the page of conflicts names.
fn conflicts(root: &Path) -> Result<BTreeSet<String>, String> {
    let page = root.join(CONFLICTS);
    let text =
        fs::read_to_string(&page).map_err(|error| format!("failed to read {}: {error}", page.display()))?;
    Ok(text.split('`').skip(1).step_by(2).map(ToOwned::to_owned).collect())
}

fn answer(suite: &Suite, case: &Case) -> Answer {
    // One case that makes the compiler panic must not hide what the others do.
    catch_unwind(|| suite.compile(case))
        .unwrap_or_else(|_| Err("the compiler panicked".to_owned()))
        .map_or_else(Answer::Rejected, |()| Answer::Accepted)
}
