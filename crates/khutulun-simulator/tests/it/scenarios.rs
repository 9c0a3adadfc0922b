//! The scenarios in `scenarios/`: adding one is adding a file.

use std::{fs, path::Path};

use khutulun_simulator::{Bug, Scenario};

#[test]
fn all_scenarios_are_as_they_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let mut failed = Vec::new();
    for path in &paths {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let played =
            Scenario::read(&fs::read_to_string(path).unwrap()).and_then(|scenario| scenario.play(None));
        if let Err(error) = played {
            failed.push(format!("{name}: {error}\n{}", error.transcript.join("\n")));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
    // The nine published failures of older orchestrators, and ours.
    assert!(paths.len() >= 14, "{paths:?}");
}

/// Plays a scenario that goes wrong, and checks at which line and why.
#[track_caller]
fn check(text: &str, bug: Option<Bug>, line: u32, why: &str) {
    let error = Scenario::read(text).and_then(|scenario| scenario.play(bug)).unwrap_err();
    assert_eq!((error.line, error.why.as_str()), (line, why), "{}", error.transcript.join("\n"));
}

const DESIGN: &str = "design v1\n    db create() start() stop() delete()\n    web ->db start() stop()\n";

#[test]
fn an_expectation_that_does_not_hold_fails_at_its_line() {
    check(&format!("{DESIGN}do deploy v1\n=> failed\n"), None, 5, "it ended otherwise: succeeded");
    check(&format!("{DESIGN}do deploy v1\nexpect running db\n"), None, 5, "running are db web, and not db");
    check(&format!("{DESIGN}do deploy v1\nexpect db is stopped"), None, 5, "db is started, and not stopped");
    let what = "the effects were db.create db.start web.start, and not nothing";
    check(&format!("{DESIGN}do deploy v1\nexpect no effects"), None, 5, what);
    check(
        &format!("{DESIGN}do deploy v1\nexpect nothing is there"),
        None,
        5,
        "there is db web, and not nothing",
    );
    check(&format!("{DESIGN}do deploy v1\nexpect promise 3 is broken"), None, 5, "promise 3 was kept");
}

#[test]
fn a_line_that_makes_no_sense_is_said_to_make_none() {
    check(&format!("{DESIGN}do deploy v2\n"), None, 4, "there is no design `v2`");
    check(&format!("{DESIGN}do dance\n"), None, 4, "nobody can do `dance`");
    check(
        "hope for the best\n",
        None,
        1,
        "a line begins with given, do, go on, wait, expect or =>, and not with `hope`",
    );
    check("given db.start fails sadly\n", None, 1, "`sadly` is no class of failures");
}

#[test]
fn a_promise_that_is_broken_ends_a_scenario() {
    let text = format!(
        "{DESIGN}given db.start fails permanent\ndo deploy v1\nwait 1000\nexpect promise 3 is broken\n"
    );
    Scenario::read(&text).unwrap().play(Some(Bug::DependentAfterFailure)).unwrap();
    check(&text, None, 7, "promise 3 was kept");
}
