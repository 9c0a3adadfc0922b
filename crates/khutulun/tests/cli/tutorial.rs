//! The tutorial, run as it stands: files are written, commands run, and what they print is compared.

use std::{process::Stdio, time::Instant};

use crate::sandbox::{PATIENCE, Sandbox};

const PAGE: &str = include_str!("../../../../docs/tutorial.md");

#[test]
fn the_tutorial_is_true() {
    let sandbox = Sandbox::new();
    let mut commands = 0;
    for (information, lines) in blocks(PAGE) {
        match information.split_once(' ') {
            Some(("yaml", name)) => drop(sandbox.write(name, &format!("{}\n", lines.join("\n")))),
            _ if information == "console" => commands += console(&sandbox, &lines),
            _ => panic!("a block that is neither a file nor a console: {information}"),
        }
    }
    assert!(commands > 10, "the page was read");
}

/// The fenced blocks of a page: what stands behind the fence, and the lines.
fn blocks(page: &str) -> Vec<(&str, Vec<&str>)> {
    let mut blocks = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if let Some(information) = line.strip_prefix("```") {
            blocks.push((information, lines.by_ref().take_while(|line| *line != "```").collect()));
        }
    }
    blocks
}

/// Runs the commands of a block, each a line after `$ `, and returns how many there were.
fn console(sandbox: &Sandbox, lines: &[&str]) -> usize {
    let mut commands = 0;
    for part in
        lines.join("\n").split("$ ").filter(|part| part.starts_with(|first: char| first.is_ascii_lowercase()))
    {
        let (command, expected) = part.split_once('\n').unwrap_or((part, ""));
        let (expected, code) = match expected.split_once("[exit ") {
            Some((expected, code)) => (expected, code.trim_end().trim_end_matches(']').parse().unwrap()),
            None => (expected, 0),
        };
        // What a process writes, and that it has ended, take their time: a reader would look again.
        let looks = ["khutulun logs", "khutulun status"].iter().any(|look| command.starts_with(look));
        let end = Instant::now() + PATIENCE;
        while let Err(wrong) = run(sandbox, command, expected.trim_end(), code) {
            assert!(looks && Instant::now() < end, "$ {command}\n{wrong}");
        }
        commands += 1;
    }
    commands
}

/// Runs a command and compares its exit code and what it prints.
fn run(sandbox: &Sandbox, command: &str, expected: &str, code: i32) -> Result<(), String> {
    let output = shell(sandbox, command).stdout(Stdio::piped()).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    if output.status.code() == Some(code) {
        compare(expected, printed.trim_end())
    } else {
        Err(format!("{}, not {code}:\n{printed}", output.status))
    }
}

/// A shell in the sandbox in which `khutulun` is the binary under test. Both outputs are one, as on a terminal.
fn shell(sandbox: &Sandbox, command: &str) -> std::process::Command {
    let binary = sandbox.command(&[]);
    let folder = std::path::Path::new(binary.get_program()).parent().unwrap();
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", &format!("exec 2>&1; {command}")]).env_clear().stdin(Stdio::null());
    for (name, value) in binary.get_envs() {
        shell.env(name, value.unwrap_or_default());
    }
    let path = std::env::var("PATH").unwrap_or_default();
    shell.env("PATH", format!("{}:{path}", folder.display())).current_dir(sandbox.path("."));
    shell
}

/// Compares line by line; `…` is any lines where it stands alone, and any text within a line. What a slow machine tells of what
/// it is at (`→ compiling …`) is not on the page.
fn compare(expected: &str, printed: &str) -> Result<(), String> {
    let mut rest = printed.lines().filter(|line| !line.starts_with("→ "));
    let mut anything = false;
    for line in expected.lines() {
        if line == "…" {
            anything = true;
            continue;
        }
        let found = if anything {
            rest.any(|printed| matches(line, printed))
        } else {
            rest.next().is_some_and(|printed| matches(line, printed))
        };
        if !found {
            return Err(format!("expected {line:?} in:\n{printed}"));
        }
        anything = false;
    }
    if anything || rest.next().is_none() {
        Ok(())
    } else {
        Err(format!("printed more than expected:\n{printed}"))
    }
}

fn matches(pattern: &str, line: &str) -> bool {
    let mut rest = line;
    let mut pieces = pattern.split('…').map(str::trim);
    let first = pieces.next().unwrap_or_default();
    if !rest.trim_start().starts_with(first) {
        return false;
    }
    rest = &rest.trim_start()[first.len()..];
    let mut last = first;
    for piece in pieces {
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
        last = piece;
    }
    last.is_empty() || rest.trim().is_empty()
}
