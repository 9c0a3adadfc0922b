//! What a path means: a TOSCA file with the files around it, or a package with an entry.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use diagnostics::{Diagnostic, SourceMap, Span};
use tosca::{
    Compilation, FileSources, Locator, SourceError, Sources,
    model::{File, Model, Value},
};
use tosca_csar::{Findings, Format, Options, Package, WithCatalog};
use tosca_profiles::WithProfiles;

use crate::{
    entry,
    error::CliError,
    exit::Exit,
    lockfile::{self, Uses},
    package,
    profiles::{self, Profiles},
};

/// Metadata of a TOSCA file: the files with service templates that can stand for nodes of its own, relative to it.
const SUBSTITUTIONS: &str = "khutulun.substitutions";

/// A design that somebody pointed at, before anything is known of it.
pub(crate) struct Source {
    /// The file, archive or directory, as people are told of it.
    pub(crate) path: PathBuf,
    /// Where its files come from, with all profiles.
    pub(crate) files: Files,
    package: Option<Arc<Package>>,
    /// What is wrong with what the package says about itself.
    findings: Findings,
    entries: Vec<String>,
}

/// The profiles that somebody keeps, the built-in ones, and the files of the design.
pub(crate) type Files = WithCatalog<WithProfiles<Origin>>;

/// Files of the machine, and of the network where this build fetches them.
#[cfg(feature = "http")]
type MachineFiles = tosca::WithHttp<FileSources>;
#[cfg(not(feature = "http"))]
type MachineFiles = FileSources;

/// Where files come from.
#[derive(Clone)]
pub(crate) enum Origin {
    /// The machine's file system.
    Machine(MachineFiles),
    /// A package, and nothing outside of it.
    Package(Arc<Package>),
}

/// What compiling a source found.
pub(crate) struct Checked {
    /// What the design says; None when it has mistakes.
    pub(crate) model: Option<Model>,
    /// The files that it was read from, also when it has mistakes; the first one first.
    pub(crate) files: Arc<[File]>,
    /// What is wrong with the package around it.
    pub(crate) package: Findings,
    /// What is wrong with the design, and the texts that its model points into.
    pub(crate) design: Findings,
    /// What is wrong with the package's other definitions.
    pub(crate) others: Vec<Findings>,
}

impl Checked {
    /// Everything that was found, in the order to be told.
    pub(crate) fn findings(&self) -> Vec<&Findings> {
        [&self.package, &self.design].into_iter().chain(&self.others).collect()
    }

    /// Returns whether there is a mistake.
    pub(crate) fn is_invalid(&self) -> bool {
        self.model.is_none() || self.findings().iter().any(|findings| findings.has_errors())
    }
}

impl Source {
    /// Finds out what a path means, and opens it when it is a package.
    pub(crate) fn find(path: &Path, profiles: &Profiles) -> Result<Self, CliError> {
        if package::is_package(path) {
            let package = package::open(path, &Options::default())?;
            return Self::of_package(path, package, profiles);
        }
        let path = entry::find(path)?;
        let Some(text) = path.to_str() else {
            return Err(CliError::new(Exit::InvalidDesign, "cannot read the design")
                .place(path.display().to_string())
                .why("its path is not UTF-8, and could not be named in messages and in state")
                .next("rename it"));
        };
        let sources = FileSources::new().map_err(|error| {
            CliError::new(Exit::Failed, "found no working directory")
                .place("the working directory")
                .cause(&error)
                .next("change to a directory that is there")
        })?;
        #[cfg(feature = "http")]
        let sources = tosca::WithHttp::new(sources, tosca::HttpLimits::default());
        let files = WithCatalog::new(profiles.catalog()?, WithProfiles::new(Origin::Machine(sources)));
        let entries = vec![text.to_owned()];
        Ok(Self { path, files, package: None, findings: Findings::default(), entries })
    }

    /// An open package, which starts where it says.
    pub(crate) fn of_package(path: &Path, package: Package, profiles: &Profiles) -> Result<Self, CliError> {
        let entry = package.entry_definitions().map(str::to_owned);
        let entries = entry.into_iter().chain(package.other_definitions().iter().cloned()).collect();
        let findings = package.findings().clone();
        Ok(Self { findings, ..Self::starting_at(path, package, entries, profiles)? })
    }

    /// An open package that starts where somebody else says, with its other definitions: whatever it says about itself.
    pub(crate) fn starting_at(
        path: &Path,
        package: Package,
        entries: Vec<String>,
        profiles: &Profiles,
    ) -> Result<Self, CliError> {
        let package = Arc::new(package);
        let origin = Origin::Package(Arc::clone(&package));
        let files = WithCatalog::new(profiles.catalog()?, WithProfiles::new(origin));
        Ok(Self {
            path: path.to_owned(),
            files,
            package: Some(package),
            findings: Findings::default(),
            entries,
        })
    }

    /// The package, if it is one.
    pub(crate) fn package(&self) -> Option<&Package> {
        self.package.as_deref()
    }

    /// Whether its files are inside of an archive, where nothing else can name them.
    pub(crate) fn is_archive(&self) -> bool {
        self.package().is_some_and(|package| package.format() != Format::Directory)
    }

    /// Compiles the design. A package that does not say what it starts with has none.
    pub(crate) fn check(&self) -> Checked {
        let package = self.findings.clone();
        let entry = self.entries.first().filter(|_| !package.has_errors());
        let Some(entry) = entry else {
            let (files, design) = (Arc::default(), Findings::default());
            return Checked { model: None, files, package, design, others: Vec::new() };
        };
        let Compilation { model, files, diagnostics, sources } = self.compile(entry);
        let design = Findings { diagnostics, sources };
        Checked { model, files, package, design, others: Vec::new() }
    }

    /// Compiles a file and holds it against the lock file beside the first one.
    fn compile(&self, entry: &str) -> Compilation {
        let mut compilation = tosca::compile(entry, &self.files);
        let catalog = self.files.catalog();
        profiles::explain_unknown(&mut compilation.diagnostics, catalog);
        if let Some(first) = self.first() {
            let design = self.path.display().to_string();
            lockfile::check(&mut compilation, &self.files, &first, catalog, &design);
        }
        compilation
    }

    /// Compiles the files that may have service templates which can stand for nodes of the design: the package's other
    /// definitions, and what the design's own file and they name in their metadata, each once.
    ///
    /// # Errors
    /// With what is wrong in such metadata.
    pub(crate) fn substituting(
        &self,
        design: &Model,
        texts: &SourceMap,
    ) -> Result<Vec<Compilation>, Findings> {
        let mut entries: Vec<String> = self.entries.iter().skip(1).cloned().collect();
        let mut known: Vec<Locator> =
            design.files.first().map(|file| file.locator.clone()).into_iter().collect();
        entries.extend(self.named_by(&design.files, texts)?);
        let mut compiled = Vec::new();
        let mut next = 0;
        while let Some(entry) = entries.get(next).cloned() {
            next += 1;
            if let Ok(locator) = self.files.locate(&entry, None) {
                if known.contains(&locator) {
                    continue;
                }
                known.push(locator);
            }
            let compilation = self.compile(&entry);
            entries.extend(self.named_by(&compilation.files, &compilation.sources)?);
            compiled.push(compilation);
        }
        Ok(compiled)
    }

    /// The files that the metadata of a model's first file names, as something to start with.
    fn named_by(&self, files: &[File], texts: &SourceMap) -> Result<Vec<String>, Findings> {
        let Some(file) = files.first() else { return Ok(Vec::new()) };
        let Some(named) = file.metadata.get(SUBSTITUTIONS) else { return Ok(Vec::new()) };
        let wrong = |message: String| Findings {
            diagnostics: vec![
                Diagnostic::error("invalid-metadata", message).at(Span::beginning(file.source)),
            ],
            sources: texts.clone(),
        };
        let paths: Option<Vec<&str>> = match named {
            Value::List(paths) => paths.iter().map(Value::as_str).collect(),
            path => path.as_str().map(|path| vec![path]),
        };
        let paths = paths.ok_or_else(|| {
            wrong(format!("the metadata `{SUBSTITUTIONS}` is not a list of paths of TOSCA files"))
        })?;
        let entry_of = |path: &str| match self.files.locate(path, Some(&file.locator)) {
            Ok(locator) => Ok(match self.package().and_then(|package| package.path_of(&locator)) {
                Some(path) => path.to_owned(),
                None => locator.as_str().to_owned(),
            }),
            Err(error) => Err(wrong(format!(
                "the metadata `{SUBSTITUTIONS}` names `{path}`, which cannot be had: {error}"
            ))),
        };
        paths.into_iter().map(entry_of).collect()
    }

    /// Where the design starts.
    fn first(&self) -> Option<Locator> {
        self.files.locate(self.entries.first()?, None).ok()
    }

    /// Compiles the design, and its other definitions, without a look at the lock file: what do they use? Also returns
    /// where the lock file would be. Not for archives, which have it inside.
    pub(crate) fn uses(&self) -> Result<(PathBuf, Uses), Vec<Findings>> {
        let mut uses = Uses::default();
        let mut findings = vec![self.findings.clone()];
        let mut entries = self.entries.clone();
        let mut next = 0;
        while let Some(entry) = entries.get(next).cloned() {
            next += 1;
            let compilation = tosca::compile(&entry, &self.files);
            // What is wrong with such names is told when they are needed.
            let named = self.named_by(&compilation.files, &compilation.sources).unwrap_or_default();
            entries.extend(named.into_iter().filter(|named| !entries.contains(named)).collect::<Vec<_>>());
            uses.add(&compilation, self.files.catalog());
            let Compilation { mut diagnostics, sources, .. } = compilation;
            profiles::explain_unknown(&mut diagnostics, self.files.catalog());
            findings.push(Findings { diagnostics, sources });
        }
        let folder = self.first().and_then(|first| Some(Path::new(first.as_str()).parent()?.to_owned()));
        match folder {
            Some(folder) if !findings.iter().any(Findings::has_errors) => {
                Ok((folder.join(lockfile::NAME), uses))
            }
            _ => Err(findings),
        }
    }

    /// Compiles the design and, of a package, its other definitions too. What several of them import is told once.
    pub(crate) fn check_all(&self) -> Checked {
        let mut checked = self.check();
        if checked.package.has_errors() {
            return checked;
        }
        let mut known = Vec::new();
        for entry in self.entries.iter().skip(1) {
            if known.is_empty() {
                known = records(&checked.design);
            }
            let compilation = self.compile(entry);
            let mut findings =
                Findings { diagnostics: compilation.diagnostics, sources: compilation.sources };
            let told = records(&findings);
            let mut is_new = told.iter().map(|record| !known.contains(record));
            findings.diagnostics.retain(|_| is_new.next().unwrap_or(true));
            known.extend(told);
            checked.others.push(findings);
        }
        checked
    }

    /// The folder that the paths of artifacts are relative to; None: that of the design's file.
    pub(crate) fn root(&self) -> Option<String> {
        let root = self.package()?.locator("");
        Some(root.as_str().trim_end_matches('/').to_owned())
    }

    /// Whoever gave a file the right to be executed meant it.
    pub(crate) fn is_executable(&self, locator: &Locator) -> bool {
        use std::os::unix::fs::PermissionsExt as _;
        let of_profile = self.files.catalog().profile_of(locator).map(|(_, package)| package);
        let packages = of_profile.into_iter().chain(self.package());
        match packages.into_iter().find_map(|package| package.entry(package.path_of(locator)?)) {
            Some(entry) => entry.executable,
            None => std::fs::metadata(locator.as_str())
                .is_ok_and(|metadata| metadata.permissions().mode() & 0o111 != 0),
        }
    }

    /// Returns the name that a service has when nobody names it: by where its design is.
    pub(crate) fn default_name(&self) -> Option<String> {
        match self.package() {
            Some(_) => entry::package_name(&self.path),
            None => entry::default_name(&self.path),
        }
    }
}

impl khutulun_lowering::Files for Source {
    fn locate(&self, url: &str, importer: &Locator) -> Result<Locator, SourceError> {
        self.files.locate(url, Some(importer))
    }

    fn digest(&self, locator: &Locator) -> Result<String, SourceError> {
        Ok(khutulun_lowering::digest_of(&self.files.read(locator)?))
    }

    fn path_in_profile(&self, locator: &Locator) -> Option<String> {
        profiles::path_in_profile(self.files.catalog(), locator)
    }
}

/// Diagnostics in words, which can be compared over several compilations.
fn records(findings: &Findings) -> Vec<serde_json::Value> {
    let records = diagnostics::report(&findings.diagnostics, &findings.sources).diagnostics;
    records.iter().map(|record| serde_json::to_value(record).unwrap_or_default()).collect()
}

impl Origin {
    fn sources(&self) -> &dyn Sources {
        match self {
            Self::Machine(sources) => sources,
            Self::Package(package) => package.as_ref(),
        }
    }
}

impl Sources for Origin {
    fn locate(&self, url: &str, importer: Option<&Locator>) -> Result<Locator, SourceError> {
        self.sources().locate(url, importer)
    }

    fn locate_profile(&self, name: &str) -> Option<Locator> {
        self.sources().locate_profile(name)
    }

    fn profiles(&self) -> Vec<String> {
        self.sources().profiles()
    }

    fn read(&self, locator: &Locator) -> Result<Vec<u8>, SourceError> {
        self.sources().read(locator)
    }

    fn display_name(&self, locator: &Locator) -> String {
        self.sources().display_name(locator)
    }
}
