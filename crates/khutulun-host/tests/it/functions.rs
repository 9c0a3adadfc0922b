//! Scripts as functions.

use floria::Artifact;
use khutulun_host::{FunctionFile, FunctionScripts};

use crate::support::{eventually, is_alive};

fn artifact(path: &str) -> Artifact {
    Artifact { path: path.to_owned(), digest: String::new() }
}

/// Runs the first of some files as the function `area`.
fn run_for(files: &[(&str, &str)], input: &str, timeout_ms: u64) -> Result<String, String> {
    let find = |artifact: &Artifact| {
        let file = files.iter().find(|(path, _)| *path == artifact.path);
        let (_, content) = file.ok_or_else(|| format!("there is no `{}`", artifact.path))?;
        Ok(FunctionFile { content: content.as_bytes().to_vec(), executable: false })
    };
    let artifacts: Vec<Artifact> = files.iter().map(|(path, _)| artifact(path)).collect();
    let (script, dependencies) = artifacts.split_first().expect("there is a script");
    FunctionScripts
        .run(script, dependencies, "area", input.as_bytes(), Some(timeout_ms), &find)
        .map(|output| String::from_utf8(output).expect("it is UTF-8"))
}

fn run(files: &[(&str, &str)]) -> Result<String, String> {
    run_for(files, "[1,2]", 300_000)
}

#[test]
fn a_script_gets_its_name_and_arguments_and_gives_a_result() {
    let output = run(&[("scripts/area.sh", "printf '%s %s ' \"$1\" \"$KHUTULUN_FUNCTION\"; cat")]);
    assert_eq!(output, Ok("area area [1,2]".to_owned()));
}

#[test]
fn the_first_line_says_what_runs_a_script() {
    let script = "#!/bin/sh -e\nfalse\necho not reached\n";
    assert_eq!(run(&[("area", script)]), Err("script `area` ended with code 1".to_owned()));
    let script = "#! /usr/bin/env sh\necho \"$0\"";
    let output = run(&[("a/b/area", script)]).expect("it runs");
    assert!(output.ends_with("/files/a/b/area\n"), "{output}");
}

#[test]
fn what_nothing_says_how_to_run_is_refused() {
    let error = run(&[("area", "echo 1")]).unwrap_err();
    assert_eq!(
        error,
        "script `area` could not be run: nothing says how to run `area`: begin it with `#!` and an \
         interpreter, or name it .sh or .py"
    );
    let error = run(&[("area", "#!/nonexistent/interpreter\n")]).unwrap_err();
    assert_eq!(error, "script `area` could not be run: program `/nonexistent/interpreter` was not found");
    let error = run(&[("../area.sh", "")]).unwrap_err();
    assert!(error.contains("`../area.sh` is not the path of a file inside a package"), "{error}");
}

#[test]
fn dependencies_lie_where_they_were_written() {
    let files = [("scripts/area.sh", ". ../lib/math.sh; area"), ("lib/math.sh", "area() { echo 6; }")];
    assert_eq!(run(&files), Ok("6\n".to_owned()));
}

#[test]
fn nothing_of_the_environment_gets_in() {
    let output = run(&[("area.sh", "env | cut -d= -f1 | sort | tr '\\n' ' '")]).expect("it runs");
    // What the shell itself sets.
    let own = ["PWD", "OLDPWD", "SHLVL", "_"];
    let names: Vec<&str> = output.split_whitespace().filter(|name| !own.contains(name)).collect();
    assert_eq!(names, ["HOME", "KHUTULUN_FUNCTION", "LC_ALL", "PATH", "TMPDIR"]);
}

#[test]
fn every_call_has_a_folder_of_its_own_that_is_gone_afterwards() {
    let script =
        "test ! -e left && test ! -e \"$TMPDIR/left\" && touch left \"$TMPDIR/left\" && printf %s \"$HOME\"";
    let first = run(&[("area.sh", script)]).expect("it finds nothing");
    let second = run(&[("area.sh", script)]).expect("it finds nothing again");
    assert_ne!(first, second);
    assert!(!std::path::Path::new(&first).exists());
}

#[test]
fn a_failure_has_the_end_of_what_the_script_said() {
    let error = run(&[("area.sh", "echo the sides must be positive >&2; exit 3")]).unwrap_err();
    assert_eq!(error, "script `area.sh` ended with code 3: the sides must be positive");
    let error = run(&[("area.sh", "kill -9 $$")]).unwrap_err();
    assert_eq!(error, "script `area.sh` was ended by signal 9");
    let script = "i=0; while [ $i -lt 1000 ]; do echo line $i >&2; i=$((i + 1)); done; exit 1";
    let error = run(&[("area.sh", script)]).unwrap_err();
    assert!(error.ends_with("line 999") && error.len() < 3_000, "{error}");
}

#[test]
fn one_that_takes_too_long_is_ended() {
    let error = run_for(&[("area.sh", "sleep 1000")], "[]", 50).unwrap_err();
    assert_eq!(error, "script `area.sh` took longer than 50 ms");
}

#[test]
fn what_one_leaves_behind_is_ended() {
    let output = run(&[("area.sh", "sleep 100000 & echo $!")]).expect("it runs");
    let left: u32 = output.trim().parse().expect("a pid");
    eventually("what the script left behind is ended", || !is_alive(left));
}

#[test]
fn what_one_may_compute_is_limited_whoever_waits_for_it() {
    // The limit comes a moment after the start.
    let script = "while [ \"$(ulimit -t)\" = unlimited ]; do :; done; ulimit -t";
    let output = run_for(&[("area.sh", script)], "[]", 60_000).expect("it runs");
    let seconds: u64 = output.trim().parse().expect("a number of seconds");
    assert!(seconds > 0 && seconds.is_multiple_of(61) || seconds < 61, "{seconds}");
}

#[test]
fn one_that_writes_too_much_is_ended() {
    for script in ["yes", "yes >&2", "head -c 1048577 /dev/zero"] {
        let error = run(&[("area.sh", script)]).unwrap_err();
        assert_eq!(error, "script `area.sh` wrote more than 1048576 bytes", "{script}");
    }
    let all = run(&[("area.sh", "head -c 1048576 /dev/zero | tr '\\0' a")]).expect("it may be as much");
    assert_eq!(all.len(), 1 << 20);
}

#[test]
fn input_that_nobody_reads_is_no_mistake() {
    let input = "1".repeat(1 << 20);
    assert_eq!(run_for(&[("area.sh", "echo 1")], &input, 300_000), Ok("1\n".to_owned()));
}
