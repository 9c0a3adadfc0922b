//! The files of a suite, and the archives, URLs and profiles that its cases ask for.

use std::{
    collections::BTreeMap,
    fs,
    io::{Cursor, Write as _},
    path::Path,
};

use diagnostics::Diagnostic;
use tosca::{Locator, MemorySources, SourceError, Sources, compile};
use tosca_csar::{Options, Package};
use zip::{ZipWriter, write::SimpleFileOptions};

use super::manifest::Case;

/// What URLs of the suite's own repository have before the path of a case.
const URL_OF_CASES: &str = "/tests/tosca_2_0/";

/// The profile that a suite expects everybody to have, and where it is from the suite's folder.
const SIMPLE_PROFILE: (&str, &str) = ("org.oasis-open.tosca.simple:2.0", "../corpora/simple-2.0");

/// A file without definitions stands in for one that cases import but the suite does not have.
const STAND_IN: &str = "tosca_definitions_version: tosca_2_0\n";

/// All files of a suite, in memory.
pub(crate) struct Suite {
    files: BTreeMap<String, Vec<u8>>,
    sources: MemorySources,
    /// The root files of profiles.
    profiles: BTreeMap<String, String>,
    /// Files that cases name and the suite does not have.
    missing: Vec<String>,
}

impl Suite {
    /// Reads the files of a suite.
    pub(crate) fn read(folder: &Path, cases: &[Case]) -> Result<Self, String> {
        let mut files = BTreeMap::new();
        gather(&folder.join("cases"), "", &mut files)?;
        let mut profiles = BTreeMap::new();
        for (path, content) in &files {
            let text = String::from_utf8_lossy(content);
            if let Some(name) = text.lines().find_map(|line| line.strip_prefix("profile:")) {
                profiles.insert(name.trim().to_owned(), path.clone());
            }
        }
        let (name, simple) = SIMPLE_PROFILE;
        if folder.join(simple).is_dir() {
            gather(&folder.join(simple), "profile-simple/", &mut files)?;
            profiles.insert(name.to_owned(), "profile-simple/profile.yaml".to_owned());
        }
        let mut missing: Vec<String> = Vec::new();
        for case in cases {
            missing.extend(
                case.extra.iter().filter(|extra| find(&files, &case.section, extra).is_none()).cloned(),
            );
        }
        for path in missing.iter().filter(|path| path.ends_with(".yaml")) {
            files.insert(path.clone(), STAND_IN.into());
        }
        let mut sources = MemorySources::new();
        for (path, content) in &files {
            sources = sources.with(path, content.clone());
        }
        Ok(Self { files, sources, profiles, missing })
    }

    /// Compiles a case: its first error when it is rejected.
    pub(crate) fn compile(&self, case: &Case) -> Result<(), String> {
        if case.is_csar {
            let (entry, package) = self.package(case)?;
            let findings = package.findings();
            first_error(&findings.diagnostics, |diagnostic| diagnostic.message.clone())?;
            return outcome(&entry, &CaseSources { suite: self, case, inner: &package });
        }
        outcome(&case.file, &CaseSources { suite: self, case, inner: &self.sources })
    }

    /// The archive of a case: the files beside it, and what else the manifest names, with a `TOSCA.meta`.
    fn package(&self, case: &Case) -> Result<(String, Package), String> {
        let (folder, name) = case.file.rsplit_once('/').unwrap_or(("", &case.file));
        let text = self.files.get(&case.file).ok_or(format!("there is no file {}", case.file))?;
        // Paths that begin with `../` start in a folder below the archive's root.
        let entry = match String::from_utf8_lossy(text).contains("- ../") {
            true => format!("service/{name}"),
            false => name.to_owned(),
        };
        let mut content: BTreeMap<String, &[u8]> = BTreeMap::new();
        let meta = format!("CSAR-Version: 2.0\nCreated-By: xtask\nEntry-Definitions: {entry}\n");
        for (path, bytes) in self.files.iter().filter(|(path, _)| path.starts_with(&format!("{folder}/"))) {
            content.insert(path[folder.len() + 1..].to_owned(), bytes);
        }
        for extra in &case.extra {
            let bytes = find(&self.files, &case.section, extra).map_or(&[][..], Vec::as_slice);
            content.insert(extra.clone(), bytes);
        }
        content.insert(entry.clone(), text);
        content.insert("TOSCA-Metadata/TOSCA.meta".to_owned(), meta.as_bytes());
        let failed = |error: &dyn std::fmt::Display| format!("failed to zip {}: {error}", case.file);
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (path, bytes) in content {
            writer.start_file(path, SimpleFileOptions::default()).map_err(|error| failed(&error))?;
            writer.write_all(bytes).map_err(|error| failed(&error))?;
        }
        let bytes = writer.finish().map_err(|error| failed(&error))?.into_inner();
        let package = Package::from_bytes("case.csar", bytes, &Options::default())
            .map_err(|error| format!("the archive is refused: {error}"))?;
        Ok((entry, package))
    }
}

fn outcome(entry: &str, sources: &dyn Sources) -> Result<(), String> {
    let compilation = compile(entry, sources);
    first_error(&compilation.diagnostics, |diagnostic| diagnostic.one_line(&compilation.sources))
}

fn first_error(diagnostics: &[Diagnostic], show: impl Fn(&Diagnostic) -> String) -> Result<(), String> {
    match diagnostics.iter().find(|diagnostic| diagnostic.is_error()) {
        Some(error) => Err(format!("[{}] {}", error.code, show(error))),
        None => Ok(()),
    }
}

/// A file that a case names by a path from its archive's root: beside the case, or anywhere in the suite.
fn find<'a>(files: &'a BTreeMap<String, Vec<u8>>, section: &str, path: &str) -> Option<&'a Vec<u8>> {
    let name = path.rsplit('/').next().unwrap_or(path);
    files
        .get(&format!("{section}/{path}"))
        .or_else(|| files.get(&format!("{section}/{name}")))
        .or_else(|| files.get(path))
        .or_else(|| {
            files.iter().find(|(other, _)| other.ends_with(&format!("/{path}"))).map(|(_, bytes)| bytes)
        })
}

fn gather(folder: &Path, prefix: &str, files: &mut BTreeMap<String, Vec<u8>>) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("failed to read {}: {error}", folder.display());
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let path = entry.path();
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if path.is_dir() {
            gather(&path, &format!("{name}/"), files)?;
        } else {
            files.insert(name, fs::read(&path).map_err(failed)?);
        }
    }
    Ok(())
}

/// A suite's files as one case sees them.
struct CaseSources<'s> {
    suite: &'s Suite,
    case: &'s Case,
    /// The suite's folder or the case's archive.
    inner: &'s dyn Sources,
}

impl CaseSources<'_> {
    /// Locators of files outside of an archive.
    const OUTSIDE: &'static str = "suite:";

    fn outside(&self, path: &str) -> Locator {
        match self.case.is_csar {
            true => Locator::new(format!("{}{path}", Self::OUTSIDE)),
            false => Locator::new(path),
        }
    }
}

impl Sources for CaseSources<'_> {
    fn locate(&self, url: &str, importer: Option<&Locator>) -> Result<Locator, SourceError> {
        if url.contains("://") && (self.case.needs_network || url.contains(URL_OF_CASES)) {
            if let Some((_, path)) = url.split_once(URL_OF_CASES) {
                if self.suite.files.contains_key(path) {
                    return Ok(self.outside(path));
                }
                if let Some(missing) = self.suite.missing.iter().find(|missing| path.ends_with(*missing)) {
                    return Ok(self.outside(missing));
                }
            }
            return Err(SourceError::NotFound);
        }
        match importer.and_then(|importer| importer.as_str().strip_prefix(Self::OUTSIDE)) {
            Some(importer) => self
                .suite
                .sources
                .locate(url, Some(&Locator::new(importer)))
                .map(|locator| self.outside(locator.as_str())),
            None => self.inner.locate(url, importer),
        }
    }

    fn locate_profile(&self, name: &str) -> Option<Locator> {
        let is_wanted = self.case.profiles.iter().any(|profile| profile == name);
        self.suite.profiles.get(name).filter(|_| is_wanted).map(|path| self.outside(path))
    }

    fn profiles(&self) -> Vec<String> {
        self.case.profiles.clone()
    }

    fn read(&self, locator: &Locator) -> Result<Vec<u8>, SourceError> {
        match locator.as_str().strip_prefix(Self::OUTSIDE) {
            Some(path) => self.suite.sources.read(&Locator::new(path)),
            None => self.inner.read(locator),
        }
    }

    fn display_name(&self, locator: &Locator) -> String {
        self.inner.display_name(locator)
    }
}
