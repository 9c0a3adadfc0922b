//! What is written means what was read.

use std::fs;
use std::path::{Path, PathBuf};

use regex_lite::{Captures, Regex};
use tosca::model::{Model, TypeKind};
use tosca::{FileSources, MemorySources, Sources, WriteOptions, compile, write};

use super::suite::cases;

/// A model as text, without what writing may change: places, files, and the names that met.
fn essence(model: &Model) -> String {
    let mut names = Vec::with_capacity(model.types.len());
    let mut by_kind: Vec<(TypeKind, Vec<usize>)> = TypeKind::ALL.map(|kind| (kind, Vec::new())).into();
    for (index, own) in model.types.iter().enumerate() {
        let kind = by_kind.iter_mut().find(|(kind, _)| *kind == own.kind()).expect("the test's own");
        names.push(format!("<{} {}>", own.kind(), kind.1.len()));
        kind.1.push(index);
    }
    let mut text = String::new();
    for index in by_kind.iter().flat_map(|(_, all)| all) {
        text.push_str(&format!("{:?}\n", model.types[*index]));
    }
    text.push_str(&format!("{:?}\n", model.functions));
    text.push_str(&format!("{:?}\n", model.service_template));
    text.push_str(&format!("{:?}\n{:?}\n", model.files[0].description, model.files[0].metadata));
    let repositories = model.files.iter().flat_map(|file| file.repositories.values());
    text.push_str(&format!("{:?}\n", repositories.collect::<Vec<_>>()));
    let replace = |text: String, pattern: &str, with: &str| {
        Regex::new(pattern).expect("the test's own").replace_all(&text, with).into_owned()
    };
    let text =
        Regex::new(r"TypeId\((\d+)\)").expect("the test's own").replace_all(&text, |found: &Captures<'_>| {
            names[found[1].parse::<usize>().expect("the test's own")].clone()
        });
    let text = replace(text.into_owned(), r"Span \{[^}]*\}", "_");
    let text = replace(text, r"SourceId\(\d+\)", "_");
    let text = replace(text, r#"Type \{ name: "[^"]*", qualified_name: "[^"]*", profile: [^,]*,"#, "Type {");
    let text = replace(text, r#"Function \{ name: "[^"]*", profile: [^,]*,"#, "Function {");
    let text = replace(text, r#"Custom \{ name: "[^"]*","#, "Custom {");
    let text = replace(text, r#"file: "([^"]*/)?([^"/]*)", source"#, "file: $2, source");
    replace(text, r#"repository: Some\("[^"]*"\)"#, "repository: Some")
}

/// Where two texts begin to differ.
fn difference(left: &str, right: &str) -> String {
    let at = left.bytes().zip(right.bytes()).take_while(|(left, right)| left == right).count();
    let around = |text: &str| {
        let text =
            String::from_utf8_lossy(&text.as_bytes()[at.saturating_sub(300).min(text.len())..]).into_owned();
        text.chars().take(500).collect::<String>()
    };
    format!("was: …{}…\n  is: …{}…", around(left), around(right))
}

/// Writes what `entry` is, and says what is wrong with it.
fn check(entry: &str, sources: &dyn Sources) -> Result<bool, String> {
    let Some(model) = compile(entry, sources).model else { return Ok(false) };
    let text = write(&model, &WriteOptions::default()).map_err(|error| error.to_string())?;
    let again = compile("written.yaml", &MemorySources::new().with("written.yaml", text.clone()));
    let Some(second) = again.model else {
        let problems: Vec<_> = again.diagnostics.iter().map(|found| found.one_line(&again.sources)).collect();
        return Err(format!("does not compile: {problems:#?}\n{text}"));
    };
    let (was, is) = (essence(&model), essence(&second));
    if was != is {
        return Err(format!("means something else: {}\n{text}", difference(&was, &is)));
    }
    let fixed = write(&second, &WriteOptions::default()).map_err(|error| error.to_string())?;
    match fixed == text {
        true => Ok(true),
        false => Err(format!("is written differently again: {}", difference(&text, &fixed))),
    }
}

fn report(failures: &[String], count: usize, least: usize) {
    assert!(failures.is_empty(), "{} of {count} fail:\n{}", failures.len(), failures.join("\n\n"));
    assert!(count >= least, "only {count} models were written");
}

#[test]
fn what_the_suites_accept_is_written_as_it_was() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite");
    let mut paths: Vec<_> = fs::read_dir(folder)
        .expect("the test's own")
        .map(|entry| entry.expect("the test's own").path())
        .collect();
    paths.retain(|path| path.extension().is_some_and(|found| found == "md") && !path.ends_with("README.md"));
    paths.sort();
    let (mut failures, mut count) = (Vec::new(), 0);
    for path in paths {
        for case in cases(&fs::read_to_string(&path).expect("the test's own")) {
            let mut sources = MemorySources::new();
            for file in &case.files {
                sources = sources.with(&file.name, file.text.clone());
                if let Some(profile) = &file.profile {
                    sources = sources.with_profile(profile, &file.name);
                }
            }
            match check(&case.files[0].name, &sources) {
                Ok(is_written) => count += usize::from(is_written),
                Err(problem) => failures.push(format!("{}: {}: {problem}", path.display(), case.name)),
            }
        }
    }
    report(&failures, count, 15);
}

/// The profiles of the repository, and what is in files beside each other.
struct Repository(FileSources);

impl Sources for Repository {
    fn locate(
        &self,
        url: &str,
        importer: Option<&tosca::Locator>,
    ) -> Result<tosca::Locator, tosca::SourceError> {
        self.0.locate(url, importer)
    }

    fn locate_profile(&self, name: &str) -> Option<tosca::Locator> {
        let (name, version) = name.split_once(':')?;
        let path = root().join("profiles").join(name).join(version).join("profile.yaml");
        self.0.locate(path.to_str()?, None).ok()
    }

    fn read(&self, locator: &tosca::Locator) -> Result<Vec<u8>, tosca::SourceError> {
        self.0.read(locator)
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the test's own")
}

/// All YAML files below a folder.
fn yaml_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the test's own") {
        let path = entry.expect("the test's own").path();
        if path.is_dir() {
            yaml_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
            found.push(path);
        }
    }
}

#[test]
fn examples_and_profiles_are_written_as_they_were() {
    let mut paths = vec![root().join("crates/tosca/tests/it/everything.yaml")];
    yaml_files(&root().join("examples"), &mut paths);
    yaml_files(&root().join("profiles"), &mut paths);
    // More of them, when somebody asks.
    if let Some(folder) = std::env::var_os("TOSCA_FILES") {
        yaml_files(Path::new(&folder), &mut paths);
    }
    paths.sort();
    let (mut failures, mut count) = (Vec::new(), 0);
    for path in paths {
        match check(
            path.to_str().expect("the test's own"),
            &Repository(FileSources::new().expect("the test's own")),
        ) {
            Ok(is_written) => count += usize::from(is_written),
            Err(problem) => failures.push(format!("{}: {problem}", path.display())),
        }
    }
    println!("{count} models");
    report(&failures, count, 4);
}
