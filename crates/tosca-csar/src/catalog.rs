//! A folder of profiles.

use std::io;
use std::path::Path;

use tosca::{Locator, SourceError, Sources};

use crate::error::Error;
use crate::package::{Options, Package};

/// Profiles of a folder: each directory or archive in it that defines one (TOSCA 2.0, 6.7, 17).
///
/// A profile has the name that its package's first file says, version included; what is imported must say exactly this.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    profiles: Vec<(String, Package)>,
    skipped: Vec<Skipped>,
}

/// Something in the folder that is no profile of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Its name in the folder.
    pub name: String,
    /// Why, for people.
    pub why: String,
}

impl Catalog {
    /// Reads a folder. What is in it and is no profile is [skipped](Self::skipped), hidden entries silently.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, Error> {
        let folder = folder.as_ref();
        let failed =
            |source: io::Error| Error::Open { package: folder.to_string_lossy().into_owned(), source };
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(failed)? {
            paths.push(entry.map_err(failed)?.path());
        }
        paths.sort();
        let mut catalog = Self::default();
        for path in paths {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.starts_with('.') {
                continue;
            }
            if let Err(why) = catalog.add(&path) {
                catalog.skipped.push(Skipped { name, why });
            }
        }
        catalog.profiles.sort_by(|(first, _), (second, _)| first.cmp(second));
        Ok(catalog)
    }

    fn add(&mut self, path: &Path) -> Result<(), String> {
        let package = Package::open_with(path, &Options::default()).map_err(|error| error.to_string())?;
        let entry = package.entry_definitions().ok_or("it does not say which file to start with")?;
        let content = package.read(entry).map_err(|error| error.to_string())?;
        let name = tosca::profile_of(&content).ok_or_else(|| format!("its `{entry}` defines no profile"))?;
        if let Some((_, other)) = self.profiles.iter().find(|(known, _)| *known == name) {
            return Err(format!("its profile `{name}` is that of {} already", other.name()));
        }
        self.profiles.push((name, package));
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

    /// What is in the folder and is no profile.
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// The package that a locator is of, if it is of one.
    fn package_of(&self, locator: &Locator) -> Option<&Package> {
        self.profiles().map(|(_, package)| package).find(|package| package.path_of(locator).is_some())
    }
}

/// Sources that also have the profiles of a catalogue. A profile of the catalogue hides one of the same name behind it.
#[derive(Debug, Clone)]
pub struct WithCatalog<S> {
    catalog: Catalog,
    behind: S,
}

impl<S: Sources> WithCatalog<S> {
    /// Puts a catalogue in front of sources.
    pub fn new(catalog: Catalog, behind: S) -> Self {
        Self { catalog, behind }
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
