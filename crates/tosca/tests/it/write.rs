//! What is written means what was read.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use diagnostics::Span;
use regex_lite::{Captures, Regex};
use tosca::model::{Model, TypeKind};
use tosca::{
    FileSources, Locator, MemorySources, SourceError, Sources, WriteOptions, compile, lost_profiles, write,
};

use super::suite::cases;

/// The files that belong to profiles which are imported by their names.
fn profile_files(model: &Model) -> Vec<bool> {
    let mut ways = vec![(0, false)];
    let mut seen = BTreeSet::new();
    while let Some((file, of_profile)) = ways.pop() {
        if seen.insert((file, of_profile)) {
            let imports = model.files[file].imports.iter();
            ways.extend(imports.map(|import| (import.file, of_profile || import.profile.is_some())));
        }
    }
    (0..model.files.len()).map(|file| seen.contains(&(file, true))).collect()
}

/// A model as text, without what writing may change: places, files, and the names that met.
fn essence(model: &Model) -> String {
    let of_profiles = profile_files(model);
    let is_of_profile = |span: Option<Span>| {
        let file = model.files.iter().position(|file| Some(file.source) == span.map(|span| span.source));
        file.is_some_and(|file| of_profiles[file])
    };
    let mut text = String::new();
    let mut names = vec![String::new(); model.types.len()];
    let mut order = Vec::new();
    for kind in TypeKind::ALL {
        let of_kind = (0..model.types.len()).filter(|&index| model.types[index].kind() == kind);
        let (mut imported, own): (Vec<_>, Vec<_>) =
            of_kind.partition(|&index| is_of_profile(model.types[index].span));
        imported.sort_by_key(|&index| &model.types[index].qualified_name);
        for (number, index) in own.into_iter().enumerate() {
            names[index] = format!("<{kind} {number}>");
            order.push(index);
        }
        for index in imported {
            names[index] = format!("<{kind} {}>", model.types[index].qualified_name);
            text.push_str(&format!("{}\n", names[index]));
            order.push(index);
        }
    }
    for index in order {
        text.push_str(&format!("{:?}\n", model.types[index]));
    }
    let (imported, own): (Vec<_>, Vec<_>) =
        model.functions.iter().partition(|function| is_of_profile(Some(function.span)));
    text.push_str(&format!("{own:?}\n{imported:?}\n"));
    text.push_str(&format!("{:?}\n", model.service_template));
    let mut metadata: Vec<_> = model.files[0].metadata.iter().collect();
    metadata.retain(|(name, _)| name.as_str() != "merged_files");
    text.push_str(&format!("{:?}\n{metadata:?}\n", model.files[0].description));
    let repositories = model.files.iter().flat_map(|file| file.repositories.values());
    let (imported, own): (Vec<_>, Vec<_>) =
        repositories.partition(|repository| is_of_profile(Some(repository.span)));
    text.push_str(&format!("{own:?}\n{imported:?}\n"));
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

const WRITTEN: &str = "written.yaml";

/// A written file, and the profiles that others have.
struct Written<'a> {
    text: &'a str,
    behind: &'a dyn Sources,
}

impl Sources for Written<'_> {
    fn locate(&self, url: &str, importer: Option<&Locator>) -> Result<Locator, SourceError> {
        match importer {
            None if url == WRITTEN => Ok(Locator::new(WRITTEN)),
            _ => self.behind.locate(url, importer),
        }
    }

    fn locate_profile(&self, name: &str) -> Option<Locator> {
        self.behind.locate_profile(name)
    }

    fn read(&self, locator: &Locator) -> Result<Vec<u8>, SourceError> {
        match locator.as_str() {
            WRITTEN => Ok(self.text.into()),
            _ => self.behind.read(locator),
        }
    }
}

/// Writes what `entry` is, and says what is wrong with it.
fn check(entry: &str, sources: &dyn Sources) -> Result<bool, String> {
    let Some(model) = compile(entry, sources).model else { return Ok(false) };
    let text = write(&model, &WriteOptions::default()).map_err(|error| error.to_string())?;
    let written = Written { text: &text, behind: sources };
    let again = compile(WRITTEN, &written);
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
    fn locate(&self, url: &str, importer: Option<&Locator>) -> Result<Locator, SourceError> {
        self.0.locate(url, importer)
    }

    fn locate_profile(&self, name: &str) -> Option<Locator> {
        let (name, version) = name.split_once(':')?;
        let path = root().join("profiles").join(name).join(version).join("profile.yaml");
        self.0.locate(path.to_str()?, None).ok()
    }

    fn read(&self, locator: &Locator) -> Result<Vec<u8>, SourceError> {
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

#[test]
fn profiles_stay_imports_and_get_namespaces_where_names_meet() {
    let version = "tosca_definitions_version: tosca_2_0\n";
    let sources = MemorySources::new()
        .with("a.yaml", format!("{version}profile: org.a:1\nnode_types: {{ Node: {{}}, OfA: {{}} }}\n"))
        .with_profile("org.a:1", "a.yaml")
        .with("b.yaml", format!("{version}profile: org.b:1\nnode_types: {{ Node: {{}}, OfB: {{}} }}\n"))
        .with_profile("org.b:1", "b.yaml")
        .with("parts/mine.yaml", format!(
            "{version}description: mine\nmetadata: {{ by: me }}\nimports: [ profile: 'org.a:1' ]\n\
             node_types: {{ Mine: {{ derived_from: OfA, artifacts: {{ run: {{ type: File, file: run.sh }} }} }} }}\n\
             artifact_types: {{ File: {{}} }}\n"
        ))
        .with("one.yaml", format!(
            "{version}imports: [ parts/mine.yaml ]\n\
             service_template: {{ node_templates: {{ m: {{ type: Mine }}, a: {{ type: Node }} }} }}\n"
        ))
        .with("two.yaml", format!(
            "{version}imports: [ parts/mine.yaml, {{ profile: 'org.b:1', namespace: b }} ]\n\
             service_template: {{ node_templates: {{ m: {{ type: Mine }}, a: {{ type: Node }}, b: {{ type: b:Node }} }} }}\n"
        ));
    let text = |entry: &str, options: &WriteOptions| {
        assert_eq!(check(entry, &sources), Ok(true), "{entry}");
        write(&compile(entry, &sources).model.expect("the test's own"), options).expect("the test's own")
    };
    let one = text("one.yaml", &WriteOptions::default());
    assert_eq!(
        one,
        "tosca_definitions_version: tosca_2_0
metadata:
  merged_files: [ { file: parts/mine.yaml, description: mine, metadata: { by: me } } ]
imports: [ { profile: \"org.a:1\" } ]
artifact_types: { File: {} }
node_types:
  Mine: { derived_from: OfA, artifacts: { run: { type: File, file: parts/run.sh } } }
service_template: { node_templates: { m: { type: Mine }, a: { type: Node } } }
"
    );
    let two = text("two.yaml", &WriteOptions { folder: Some("parts".to_owned()), ..WriteOptions::default() });
    for profile in
        ["{ profile: \"org.a:1\", namespace: org.a }", "{ profile: \"org.b:1\", namespace: org.b }"]
    {
        assert!(two.contains(profile), "{two}");
    }
    assert!(two.contains("a: { type: \"org.a:Node\" }, b: { type: \"org.b:Node\" }"), "{two}");
    assert!(two.contains("{ type: File, file: run.sh }"), "{two}");
    let sources = sources.clone().with("three.yaml", format!("{version}imports: [ a.yaml ]\n"));
    let three =
        write(&compile("three.yaml", &sources).model.expect("the test's own"), &WriteOptions::default());
    assert!(three.is_ok_and(|three| three.contains("{ file: a.yaml, profile: \"org.a:1\" }")));
    let lost = |entry: &str| lost_profiles(&compile(entry, &sources).model.expect("the test's own"));
    assert_eq!(lost("three.yaml").iter().map(|name| name.as_str()).collect::<Vec<_>>(), ["org.a:1"]);
    assert!(lost("one.yaml").is_empty());
    let options = WriteOptions { is_no_path: Some(|_, _| true), ..WriteOptions::default() };
    assert!(text("one.yaml", &options).contains("{ type: File, file: run.sh }"));
}
