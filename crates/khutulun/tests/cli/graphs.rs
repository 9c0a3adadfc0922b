//! The instance graphs that the standard's patterns ask for: see `tests/graphs/README.md`.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::Value as Json;

use crate::sandbox::{Ended, Sandbox};

const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/graphs");

/// What the lines of a case may begin with, that list all there is of a kind.
const COMPLETE: [&str; 5] = ["node", "edge", "mapped", "selected", "waits"];

#[test]
fn every_pattern_makes_the_graph_that_the_standard_asks_for() {
    let mut failures = String::new();
    let mut cases = 0;
    let mut folders: Vec<_> = fs::read_dir(CASES).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    for folder in folders {
        let Ok(expected) = fs::read_to_string(folder.join("expected")) else { continue };
        cases += 1;
        if let Err(wrong) = check(&folder, &expected) {
            failures += &format!("\n== {}\n{wrong}", folder.file_name().unwrap().display());
        }
    }
    assert!(cases >= 40, "only {cases} cases were found in {CASES}");
    assert!(failures.is_empty(), "{failures}");
}

fn check(folder: &Path, expected: &str) -> Result<(), String> {
    let sandbox = Sandbox::new();
    let is_package = folder.join("TOSCA.meta").exists();
    let design = if is_package { folder.to_owned() } else { folder.join("service.yaml") };
    let profiles = Path::new(CASES).join("profiles");
    let inputs = folder.join("inputs.yaml");
    let mut arguments: Vec<&str> = vec!["compile", "--instantiate", "-o", "json", "--profiles"];
    arguments.extend([profiles.to_str().unwrap(), design.to_str().unwrap()]);
    if inputs.exists() {
        arguments.extend(["--inputs", inputs.to_str().unwrap()]);
    }
    // Another service that is there already.
    let existing = folder.join("existing.yaml");
    let inventory = sandbox.path("inventory.yaml");
    if existing.exists() {
        let deploy =
            ["deploy", "--yes", "--profiles", profiles.to_str().unwrap(), existing.to_str().unwrap()];
        sandbox.run(&deploy).expect(0);
        sandbox.run(&["store", "export", "--out", inventory.to_str().unwrap()]).expect(0);
        arguments.extend(["--inventory", inventory.to_str().unwrap()]);
    }
    let ended = sandbox.run(&arguments);
    if expected.starts_with("error ") {
        return refused(&ended, expected.lines().map(|line| line.strip_prefix("error ").unwrap()));
    }
    if ended.code != 0 {
        return Err(ended.stderr);
    }
    let made = lines(&ended.json());
    let expected: BTreeSet<String> = expected.lines().map(str::to_owned).collect();
    let is_listed = |line: &&String| COMPLETE.iter().any(|word| line.split(' ').next() == Some(*word));
    let missing = expected.difference(&made).map(|line| format!("- {line}\n"));
    let extra = made.difference(&expected).filter(is_listed).map(|line| format!("+ {line}\n"));
    let wrong: String = missing.chain(extra).collect();
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let waits = expected.iter().any(|line| line.starts_with("waits "));
    let arguments = arguments[4..].split(|argument| *argument == "--inventory").next().unwrap();
    deployed(&sandbox, arguments, if waits { 4 } else { 0 })
}

/// An error says all that is expected, in five parts, with the line.
fn refused<'m>(ended: &Ended, mut messages: impl Iterator<Item = &'m str>) -> Result<(), String> {
    if ended.code != 3 {
        return Err(format!("it should fail with 3 and ends with {}\n{}", ended.code, ended.stdout));
    }
    ended.five_parts();
    match messages.find(|message| !ended.stderr.contains(*message)) {
        Some(missing) => Err(format!("no {missing:?} in\n{}", ended.stderr)),
        None if !ended.stderr.contains(".yaml:") => Err(format!("no line in\n{}", ended.stderr)),
        None => Ok(()),
    }
}

/// What was deployed stays as it is: another plan has nothing to do. And it goes again. 4: something waits, for good here.
fn deployed(sandbox: &Sandbox, arguments: &[&str], code: i32) -> Result<(), String> {
    let run = |command: &[&str], arguments: &[&str], code: i32| {
        let ended = sandbox.run(&[command, arguments].concat());
        if ended.code == code { Ok(ended) } else { Err(format!("{}\n{}", ended.stdout, ended.stderr)) }
    };
    let first = run(&["deploy", "--yes", "--name", "case"], arguments, code)?;
    if code != 0 {
        first.five_parts();
    }
    let again = run(&["plan", "-o", "json", "--name", "case"], arguments, 0)?;
    let operations = &again.json()["operations"];
    if operations.as_array().is_some_and(|operations| !operations.is_empty()) {
        return Err(format!("it should have nothing to do, and plans\n{operations:#}"));
    }
    run(&["destroy", "--yes", "case"], &[], 0).map(drop)
}

/// What was made, in the words of the cases.
fn lines(made: &Json) -> BTreeSet<String> {
    let instances = made["instances"].as_array().unwrap();
    let text = |json: &Json| json.as_str().unwrap_or_default().to_owned();
    let service = text(&made["service"]);
    let of_kind = |kind: &str| {
        let found = instances.iter().filter(|instance| instance["kind"] == kind);
        found.map(|instance| text(&instance["path"])).collect::<BTreeSet<_>>()
    };
    let (services, capabilities) = (of_kind("service"), of_kind("capability"));
    // The services inside of nodes have names of their own, which cases leave out.
    let short = |path: &str| {
        let parts: Vec<&str> = path.split('/').collect();
        let is_inner = |end: usize| end > 1 && services.contains(&parts[..end].join("/"));
        let kept: Vec<&str> =
            (1..=parts.len()).filter(|end| !is_inner(*end)).map(|end| parts[end - 1]).collect();
        let place = kept.join("/");
        match place.rsplit_once('/') {
            Some((node, name)) if capabilities.contains(path) => format!("{node}.{name}"),
            _ => place,
        }
    };
    let mut lines = BTreeSet::new();
    for instance in instances {
        let path = text(&instance["path"]);
        let place = short(&path);
        if instance["kind"] == "node" {
            let class = text(&instance["class"]);
            let class = class.rsplit(':').next().unwrap_or_default();
            lines.insert(format!("node {place} {class}"));
            for name in instance["waits_for"].as_array().into_iter().flatten() {
                lines.insert(format!("waits {place} {}", text(name)));
            }
            let selected = &instance["stands_for"];
            if selected.is_object() {
                let namespace = text(&selected["namespace"]);
                let other = if namespace == service { String::new() } else { namespace + ":" };
                lines.insert(format!("selected {place} {other}{}", text(&selected["path"])));
            }
        }
        for kind in ["properties", "attributes"] {
            for (name, value) in instance[kind].as_object().into_iter().flatten() {
                lines.insert(format!("value {place}.{name} {value}"));
            }
        }
        if path == service {
            for (name, value) in instance["outputs"].as_object().into_iter().flatten() {
                lines.insert(format!("output {name} {value}"));
            }
        }
    }
    for edge in made["edges"].as_array().unwrap() {
        // That one stands for the other was said of the node.
        if edge["name"] == "selection" {
            continue;
        }
        let ends = text(&edge["edge"]);
        let (source, target) = ends.split_once(" → ").unwrap();
        lines.insert(if capabilities.contains(source) {
            format!("mapped {} {}", short(source), short(target))
        } else {
            format!("edge {} {}[{}] {}", short(source), text(&edge["name"]), edge["index"], short(target))
        });
    }
    lines
}
