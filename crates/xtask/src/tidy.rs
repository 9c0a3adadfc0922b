//! `tidy`: what the compiler does not check about the house.
//!
//! The table of crates in `docs/architecture.md` says who may use whom; every `Cargo.toml` is held against it, so that the
//! drawing cannot lie. Then: who may know wasmtime, SQL and tokio; one version of each dependency that we name; no file that
//! is too long; no marker of unfinished work.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::Command,
};

use serde_json::Value;

/// A longer file hides a second noun that wants a file of its own.
const FILE_LINES_MAX: usize = 800;

/// Crates that are functions from data to data.
const PURE: [&str; 9] = [
    "diagnostics",
    "tosca-values",
    "tosca-syntax",
    "tosca",
    "floria",
    "floria-resolver",
    "tosca-functions",
    "khutulun-lowering",
    "khutulun-plan",
];

/// Dependencies that only the named crates may have, and no pure crate.
const RESERVED: [(&str, &[&str]); 3] = [
    ("wasmtime", &["khutulun-wasm"]),
    ("rusqlite", &["floria-sqlite"]),
    ("tokio-postgres", &["floria-postgres"]),
];

/// Dependencies that are locked in two versions, since nobody can help it: `docs/decisions/README.md` says why.
const TWICE: [&str; 4] = ["base64", "foldhash", "sha2", "wit-bindgen"];

/// Dependencies that do IO or read a clock, which a pure crate may not have.
const IMPURE: [&str; 5] = ["tokio", "rustix", "tempfile", "hyper", "signal-hook"];

/// What one member of the workspace depends on. Dev-dependencies are left out: a test may use anything.
struct Member {
    ours: BTreeSet<String>,
    others: BTreeSet<String>,
    problems: Vec<String>,
}

/// Checks the workspace at `root` and reports everything that is wrong at once.
pub(crate) fn run(root: &Path) -> Result<(), String> {
    let members = members(root)?;
    let mut problems: Vec<String> = members.values().flat_map(|member| member.problems.clone()).collect();
    problems.extend(arrows(root, &members)?);
    problems.extend(purity(&members));
    problems.extend(versions(root, &members)?);
    problems.extend(files(root)?);
    if problems.is_empty() {
        println!("tidy: {} crates are where the architecture says", members.len());
        return Ok(());
    }
    for problem in &problems {
        eprintln!("tidy: {problem}");
    }
    Err(format!("{} problem(s)", problems.len()))
}

fn members(root: &Path) -> Result<BTreeMap<String, Member>, String> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(root)
        .output()
        .map_err(|error| format!("failed to run cargo metadata: {error}"))?;
    if !output.status.success() {
        return Err(format!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr)));
    }
    let metadata: Value = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("cargo metadata is not JSON: {error}"))?;
    let mut members = BTreeMap::new();
    for package in list(&metadata, "packages") {
        let name = text(package, "name");
        let mut member = Member { ours: BTreeSet::new(), others: BTreeSet::new(), problems: Vec::new() };
        for dependency in list(package, "dependencies") {
            if text(dependency, "kind") == "dev" {
                continue;
            }
            let ours = !dependency["path"].is_null();
            let set = if ours { &mut member.ours } else { &mut member.others };
            set.insert(text(dependency, "name").to_owned());
        }
        for line in manifest_lines_outside_workspace(root, text(package, "manifest_path"))? {
            member
                .problems
                .push(format!("{name}/Cargo.toml: `{line}` should be inherited with `workspace = true`"));
        }
        members.insert(name.to_owned(), member);
    }
    Ok(members)
}

/// Returns the dependencies of a manifest that name a version or path of their own.
fn manifest_lines_outside_workspace(root: &Path, path: &str) -> Result<Vec<String>, String> {
    let manifest = read(&root.join(path))?;
    let mut in_dependencies = false;
    let mut lines = Vec::new();
    for line in manifest.lines().map(str::trim) {
        if line.starts_with('[') {
            in_dependencies = line.ends_with("dependencies]");
        } else if in_dependencies
            && (line.contains("version =") || line.contains("path =") || line.contains("= \""))
        {
            lines.push(line.to_owned());
        }
    }
    Ok(lines)
}

/// Holds each member against its row in the table of `docs/architecture.md`.
fn arrows(root: &Path, members: &BTreeMap<String, Member>) -> Result<Vec<String>, String> {
    let page = read(&root.join("docs/architecture.md"))?;
    let mut rows: BTreeMap<String, String> = BTreeMap::new();
    for line in page.lines().skip_while(|line| !line.starts_with("| crate |")).skip(2) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        match cells[..] {
            [name, _, uses] => rows.insert(name.to_owned(), uses.to_owned()),
            _ => break,
        };
    }
    let mut problems = Vec::new();
    for name in rows.keys().filter(|name| !members.contains_key(*name)) {
        problems.push(format!("docs/architecture.md lists `{name}`, which is no crate of the workspace"));
    }
    for (name, member) in members {
        let Some(uses) = rows.get(name) else {
            problems.push(format!("`{name}` has no row in the table of docs/architecture.md"));
            continue;
        };
        let allowed = |used: &str| match uses.as_str() {
            "–" => false,
            "any" => true,
            "all but `driver-*`" => !used.starts_with("driver-"),
            list => list.split(',').any(|allowed| allowed.trim() == used),
        };
        for used in member.ours.iter().filter(|used| !allowed(used)) {
            problems.push(format!("`{name}` uses `{used}`, which docs/architecture.md does not allow"));
        }
    }
    Ok(problems)
}

fn purity(members: &BTreeMap<String, Member>) -> Vec<String> {
    let mut problems = Vec::new();
    for (name, member) in members {
        for (reserved, owners) in RESERVED {
            if member.others.contains(reserved) && !owners.contains(&name.as_str()) {
                problems.push(format!("`{name}` knows `{reserved}`, which belongs to {}", owners.join(", ")));
            }
        }
        if PURE.contains(&name.as_str()) {
            for impure in IMPURE.iter().filter(|impure| member.others.contains(**impure)) {
                problems.push(format!("`{name}` is pure and must not know `{impure}`"));
            }
        }
    }
    problems
}

/// Checks that each dependency that we name ourselves is locked in one version.
fn versions(root: &Path, members: &BTreeMap<String, Member>) -> Result<Vec<String>, String> {
    let named: BTreeSet<&String> = members.values().flat_map(|member| &member.others).collect();
    let lock = read(&root.join("Cargo.lock"))?;
    let mut locked: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut name = "";
    for line in lock.lines() {
        if let Some(rest) = line.strip_prefix("name = ") {
            name = rest.trim_matches('"');
        } else if let Some(rest) = line.strip_prefix("version = ") {
            locked.entry(name).or_default().push(rest.trim_matches('"'));
        }
    }
    let twice = locked
        .iter()
        .filter(|(name, versions)| versions.len() > 1 + usize::from(TWICE.contains(name)))
        .filter(|(name, _)| named.iter().any(|known| known == *name));
    Ok(twice
        .map(|(name, versions)| format!("`{name}` is locked in several versions: {}", versions.join(", ")))
        .collect())
}

fn files(root: &Path) -> Result<Vec<String>, String> {
    // Spelled in halves, so that this file does not find itself.
    let markers = [
        concat!("to", "do!("),
        concat!("unimple", "mented!("),
        concat!("#[ig", "nore"),
        concat!("FIX", "ME"),
    ];
    let output = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.rs"])
        .current_dir(root)
        .output()
        .map_err(|error| format!("failed to run git ls-files: {error}"))?;
    if !output.status.success() {
        return Err(format!("git ls-files failed: {}", String::from_utf8_lossy(&output.stderr)));
    }
    let mut problems = Vec::new();
    for name in String::from_utf8_lossy(&output.stdout).split_terminator('\0') {
        let path = root.join(name);
        if !path.exists() {
            continue;
        }
        let content = read(&path)?;
        let lines = content.lines().count();
        if lines > FILE_LINES_MAX {
            problems.push(format!("{name} has {lines} lines, more than {FILE_LINES_MAX}"));
        }
        for marker in markers.iter().filter(|marker| content.contains(**marker)) {
            problems.push(format!("{name} has `{marker}`"));
        }
    }
    Ok(problems)
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("failed to read {}: {error}", path.display()))
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}
