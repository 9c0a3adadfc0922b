//! The profiles that designs can import by name: those that come with khutulun, and those that somebody keeps.

use std::{
    env,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use diagnostics::Diagnostic;
use tosca::Locator;
use tosca_csar::Catalog;

use crate::{error::CliError, exit::Exit, package, terminal::harmless};

/// What people are told of the place of embedded profiles.
pub(crate) const EMBEDDED: &str = "built in";

/// Where a person keeps profiles, read when the first design is.
pub(crate) struct Profiles {
    places: Vec<Place>,
    catalog: OnceLock<Arc<Catalog>>,
}

struct Place {
    path: PathBuf,
    /// Whether somebody named it: then it has to be there.
    is_named: bool,
}

impl Profiles {
    /// Profiles of the places that the flag names, else the variable `KHUTULUN_PROFILES`, else of the XDG data directory.
    pub(crate) fn new(flag: &[PathBuf]) -> Self {
        let variable = env::var_os("KHUTULUN_PROFILES").filter(|paths| !paths.is_empty());
        let places = match (flag, variable) {
            ([], None) => default().into_iter().map(|path| Place { path, is_named: false }).collect(),
            ([], Some(paths)) => {
                let paths = env::split_paths(&paths).filter(|path| !path.as_os_str().is_empty());
                paths.map(|path| Place { path, is_named: true }).collect()
            }
            (paths, _) => paths.iter().map(|path| Place { path: path.clone(), is_named: true }).collect(),
        };
        Self { places, catalog: OnceLock::new() }
    }

    /// None but the embedded ones.
    pub(crate) fn none() -> Self {
        Self { places: Vec::new(), catalog: OnceLock::new() }
    }

    /// Returns the catalogue, without the embedded profiles.
    ///
    /// # Errors
    /// When a place is not there or cannot be read, and when two profiles of one name differ: a design would mean one thing
    /// here and another thing there.
    pub(crate) fn catalog(&self) -> Result<Arc<Catalog>, CliError> {
        if let Some(catalog) = self.catalog.get() {
            return Ok(Arc::clone(catalog));
        }
        let catalog = Arc::new(self.read()?);
        Ok(Arc::clone(self.catalog.get_or_init(|| catalog)))
    }

    fn read(&self) -> Result<Catalog, CliError> {
        let mut catalog = Catalog::default();
        for Place { path, is_named } in &self.places {
            if !is_named && !path.exists() {
                continue;
            }
            catalog.add(path).map_err(|error| {
                let mut failure = package::failure("read the profiles", path, &error);
                failure.exit = Exit::Usage;
                failure.next.clear();
                failure
                    .next("give a folder of profiles, or a profile: --profiles PATH (or KHUTULUN_PROFILES)")
            })?;
        }
        if let Some(clash) = catalog.clashes().first() {
            return Err(clashing(&clash.profile, &clash.first, &clash.second));
        }
        for profile in tosca_profiles::list() {
            if let Some(package) = catalog.find(&profile.name)
                && package.verify().digest != Some(embedded_digest(profile))
            {
                return Err(clashing(&profile.name, &format!("{EMBEDDED} (khutulun)"), package.name()));
            }
        }
        Ok(catalog)
    }
}

fn clashing(name: &str, first: &str, second: &str) -> CliError {
    CliError::new(Exit::InvalidDesign, format!("two different profiles are called `{}`", harmless(name)))
        .place(format!("{first}\n{second}"))
        .why("a design that imports it would mean one thing or the other")
        .next("give the changed one another version, or take one of them away")
        .next("say which profiles to use: --profiles PATH (or KHUTULUN_PROFILES)")
}

/// Returns where a profile is, for people.
pub(crate) fn place(catalog: &Catalog, name: &str) -> String {
    match (tosca_profiles::find(name), catalog.find(name)) {
        (None, Some(package)) => package.name().to_owned(),
        _ => EMBEDDED.to_owned(),
    }
}

/// Returns the digest of an embedded profile, which is that of a package with its files.
pub(crate) fn embedded_digest(profile: &tosca_profiles::Profile) -> String {
    tosca_csar::content_digest(profile.files.iter().map(|file| (file.path, file.content)))
}

/// Adds to what is said of unknown profiles what there is that might be them, and is no profile.
pub(crate) fn explain_unknown(diagnostics: &mut [Diagnostic], catalog: &Catalog) {
    const NAMED_MAX: usize = 3;
    for diagnostic in diagnostics.iter_mut().filter(|diagnostic| diagnostic.code == "unknown-profile") {
        let skipped = catalog.skipped().iter().take(NAMED_MAX);
        diagnostic.hints.extend(skipped.map(|skipped| {
            harmless(&format!("`{}` is not a profile: {}", skipped.path.display(), skipped.why))
        }));
    }
}

/// Returns where a file of a profile is among the files of a service that uses it: hidden, so that it is nobody's own.
pub(crate) fn path_in_profile(catalog: &Catalog, locator: &Locator) -> Option<String> {
    let (name, package) = catalog.profile_of(locator)?;
    let path = package.path_of(locator)?;
    let mut folder = String::new();
    for letter in name.chars() {
        match letter {
            letter if letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | ':') => {
                folder.push(letter)
            }
            '.' if !folder.is_empty() => folder.push('.'),
            other => folder.push_str(&format!("%{:x}%", u32::from(other))),
        }
    }
    Some(format!(".profiles/{folder}/{path}"))
}

/// XDG Base Directory Specification: a relative path there is to be ignored.
fn default() -> Option<PathBuf> {
    let absolute = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_DATA_HOME")
        .or_else(|| Some(absolute("HOME")?.join(".local/share")))
        .map(|base| base.join(Path::new("khutulun/profiles")))
}
