//! Profiles that somebody keeps: in folders, in archives.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tosca::{Locator, SourceError, Sources};

use crate::error::Error;
use crate::package::{Options, Package};
use crate::root::META_PATHS;

/// How deep in a folder packages are looked for: `name/version/` is a customary order, and one level more for a group of
/// them.
const FOLDER_LEVELS_MAX: usize = 3;

/// Profiles of folders: each directory or archive in them that defines one (TOSCA 2.0, 6.7, 17).
///
/// A profile has the name that its package's first file says, version included; what is imported must say exactly this.
/// The same profile in two places is one; two of one name that differ [clash](Self::clashes), and neither is better.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    profiles: Vec<(String, Package)>,
    clashes: Vec<Clash>,
    skipped: Vec<Skipped>,
}

/// Two profiles of one name, version included, with different content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clash {
    /// The name.
    pub profile: String,
    /// Where the first one is.
    pub first: String,
    /// Where the other one is.
    pub second: String,
}

/// Something in a folder that is no profile of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Where it is.
    pub path: PathBuf,
    /// Why, for people.
    pub why: String,
}

impl Catalog {
    /// Reads a folder; see [`Self::add`].
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, Error> {
        let mut catalog = Self::default();
        catalog.add(folder)?;
        Ok(catalog)
    }

    /// Adds a profile, which is a directory or an archive, or a folder of profiles. A directory is a profile itself when
    /// it has a YAML file or a TOSCA.meta; else profiles are looked for below it, as in `name/version/`. What is no
    /// profile is [skipped](Self::skipped), hidden entries of folders silently.
    ///
    /// # Errors
    /// When there is nothing, or it cannot be read.
    pub fn add(&mut self, path: impl AsRef<Path>) -> Result<(), Error> {
        let path = path.as_ref();
        self.search(path, FOLDER_LEVELS_MAX)
            .map_err(|source| Error::Open { package: path.to_string_lossy().into_owned(), source })?;
        self.profiles.sort_by(|(first, _), (second, _)| first.cmp(second));
        Ok(())
    }

    fn search(&mut self, path: &Path, levels: usize) -> io::Result<()> {
        if !std::fs::metadata(path)?.is_dir() {
            self.add_package(path);
            return Ok(());
        }
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(path)? {
            paths.push(entry?.path());
        }
        let is_yaml =
            |path: &PathBuf| path.extension().is_some_and(|found| found == "yaml" || found == "yml");
        let is_file = |path: &PathBuf| path.is_file();
        let has_meta = META_PATHS.iter().any(|meta| path.join(meta).is_file());
        if levels == 0 || has_meta || paths.iter().any(|path| is_yaml(path) && is_file(path)) {
            self.add_package(path);
            return Ok(());
        }
        paths.sort();
        for path in paths {
            let is_hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
            if is_hidden {
                continue;
            }
            if let Err(error) = self.search(&path, levels - 1) {
                self.skipped.push(Skipped { path, why: error.to_string() });
            }
        }
        Ok(())
    }

    fn add_package(&mut self, path: &Path) {
        if let Err(why) = self.try_package(path) {
            self.skipped.push(Skipped { path: path.to_owned(), why });
        }
    }

    fn try_package(&mut self, path: &Path) -> Result<(), String> {
        let package = Package::open_with(path, &Options::default()).map_err(|error| error.to_string())?;
        let entry = package.entry_definitions().ok_or("it does not say which file to start with")?;
        let content = package.read(entry).map_err(|error| error.to_string())?;
        let name = tosca::profile_of(&content).ok_or_else(|| format!("its `{entry}` defines no profile"))?;
        let Some((_, other)) = self.profiles.iter().find(|(known, _)| *known == name) else {
            self.profiles.push((name, package));
            return Ok(());
        };
        if package.digest()? != other.digest()? {
            let (first, second) = (other.name().to_owned(), package.name().to_owned());
            self.clashes.push(Clash { profile: name, first, second });
        }
        Ok(())
    }

    /// The profiles by name, in order, with their packages.
    pub fn profiles(&self) -> impl Iterator<Item = (&str, &Package)> {
        self.profiles.iter().map(|(name, package)| (name.as_str(), package))
    }

    /// The package of a profile by its exact name.
    pub fn find(&self, name: &str) -> Option<&Package> {
        self.profiles().find(|(known, _)| *known == name).map(|(_, package)| package)
    }

    /// The profiles of one name with different content.
    pub fn clashes(&self) -> &[Clash] {
        &self.clashes
    }

    /// What is there and is no profile.
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// The profile that a locator is in, if it is in one, with its package.
    pub fn profile_of(&self, locator: &Locator) -> Option<(&str, &Package)> {
        self.profiles().find(|(_, package)| package.path_of(locator).is_some())
    }

    /// The package that a locator is of, if it is of one.
    fn package_of(&self, locator: &Locator) -> Option<&Package> {
        self.profile_of(locator).map(|(_, package)| package)
    }
}

/// Sources that also have the profiles of a catalogue. A profile of the catalogue hides one of the same name behind it.
#[derive(Debug, Clone)]
pub struct WithCatalog<S> {
    catalog: Arc<Catalog>,
    behind: S,
}

impl<S: Sources> WithCatalog<S> {
    /// Puts a catalogue in front of sources.
    pub fn new(catalog: impl Into<Arc<Catalog>>, behind: S) -> Self {
        Self { catalog: catalog.into(), behind }
    }

    /// The catalogue.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }
}

impl<S: Sources> Sources for WithCatalog<S> {
    fn locate(&self, url: &str, importer: Option<&Locator>) -> Result<Locator, SourceError> {
        match importer.and_then(|importer| self.catalog.package_of(importer)) {
            Some(package) => package.locate(url, importer),
            None => self.behind.locate(url, importer),
        }
    }

    fn locate_profile(&self, name: &str) -> Option<Locator> {
        let Some(package) = self.catalog.find(name) else { return self.behind.locate_profile(name) };
        package.entry_definitions().map(|entry| package.locator(entry))
    }

    fn profiles(&self) -> Vec<String> {
        let mut names: Vec<String> = self.catalog.profiles().map(|(name, _)| name.to_owned()).collect();
        names.extend(self.behind.profiles());
        names.sort_unstable();
        names.dedup();
        names
    }

    fn read(&self, locator: &Locator) -> Result<Vec<u8>, SourceError> {
        match self.catalog.package_of(locator) {
            Some(package) => Sources::read(package, locator),
            None => self.behind.read(locator),
        }
    }

    fn display_name(&self, locator: &Locator) -> String {
        match self.catalog.package_of(locator) {
            Some(package) => package.display_name(locator),
            None => self.behind.display_name(locator),
        }
    }
}
