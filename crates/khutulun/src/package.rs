//! Packages (CSAR) by path: which paths are some, how they are opened, and what goes wrong, in five parts.

use std::{
    fs::{self, File},
    io::Read as _,
    path::Path,
};

use tosca_csar::{Error, Options, Package};

use crate::{
    error::{CliError, chain},
    exit::Exit,
    terminal::harmless,
};

/// What archives are called. Others are known by their first bytes.
const SUFFIXES: [&str; 7] = [".csar", ".zip", ".tar", ".tgz", ".tar.gz", ".tar.zst", ".tzst"];

/// What ZIP archives, gzip and Zstandard begin with; no YAML does.
const BEGINNINGS: [&[u8]; 3] = [b"PK\x03\x04", &[0x1f, 0x8b], &[0x28, 0xb5, 0x2f, 0xfd]];

/// Where a directory says that it is a package (TOSCA 2.0, 17.1).
const META_PATHS: [&str; 2] = ["TOSCA.meta", "TOSCA-Metadata/TOSCA.meta"];

/// Returns whether a path is an archive, or a directory that says of itself that it is a package.
pub(crate) fn is_package(path: &Path) -> bool {
    let Ok(metadata) = fs::metadata(path) else { return false };
    if metadata.is_dir() {
        return META_PATHS.iter().any(|meta| path.join(meta).is_file());
    }
    metadata.is_file() && (stem(path).is_some() || begins_as_archive(path))
}

fn begins_as_archive(path: &Path) -> bool {
    let mut beginning = [0; 4];
    let Ok(read) = File::open(path).and_then(|mut file| file.read(&mut beginning)) else { return false };
    BEGINNINGS.iter().any(|known| beginning[..read].starts_with(known))
}

/// Returns the name of an archive without what says that it is one.
pub(crate) fn stem(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    // The longest first: `shop.tar.gz` is `shop`.
    let suffix = SUFFIXES
        .iter()
        .filter(|suffix| name.to_lowercase().ends_with(*suffix) && name.len() > suffix.len())
        .max_by_key(|suffix| suffix.len())?;
    Some(name[..name.len() - suffix.len()].to_owned())
}

/// Opens a package.
pub(crate) fn open(path: &Path, options: &Options) -> Result<Package, CliError> {
    Package::open_with(path, options).map_err(|error| failure("open the package", path, &error))
}

/// Why something could not be done with a package, as an error for people.
pub(crate) fn failure(what: &str, path: &Path, error: &Error) -> CliError {
    let shown = path.display().to_string();
    let (exit, why, next) = match error {
        Error::Open { source, .. } => (
            Exit::InvalidDesign,
            source.to_string(),
            "give the path of a directory, or of a .csar, .zip, .tar, .tgz or .tar.zst file".to_owned(),
        ),
        Error::Unrecognized { .. } => (
            Exit::InvalidDesign,
            "it is neither a directory nor a ZIP or tar archive".to_owned(),
            "khutulun csar create DIR makes one".to_owned(),
        ),
        Error::Damaged { source, .. } => (
            Exit::InvalidDesign,
            format!("the archive is damaged: {}", chain(source.as_ref())),
            "get it again from where it came from".to_owned(),
        ),
        Error::Refused { entry, refusal, .. } => (
            Exit::InvalidDesign,
            format!("the entry `{entry}` {refusal}"),
            "ask whoever made it; no honest package needs that".to_owned(),
        ),
        Error::Limit { exceeded, .. } => (
            Exit::InvalidDesign,
            exceeded.to_string(),
            "ask whoever made it; khutulun reads no larger ones".to_owned(),
        ),
        Error::Entry { entry, source, .. } => (
            Exit::InvalidDesign,
            format!("`{entry}` cannot be read: {source}"),
            format!("khutulun csar verify {shown} names every such file"),
        ),
        Error::Target { why, .. } => {
            (Exit::Usage, (*why).to_owned(), "say another file: --out FILE".to_owned())
        }
        Error::Exists { .. } => (
            Exit::Failed,
            "it exists, and nothing is overwritten".to_owned(),
            "remove it, or say another place".to_owned(),
        ),
        Error::Write { .. } => (
            Exit::Failed,
            chain(error),
            "mend what is said above (space, permissions), then run the command again".to_owned(),
        ),
        _ => (Exit::InvalidDesign, chain(error), format!("khutulun csar verify {shown}")),
    };
    CliError::new(exit, format!("failed to {what}"))
        .place(shown)
        .why(harmless(&why))
        .unchanged("nothing was written")
        .next(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_is_called_without_its_suffix() {
        for (path, name) in [("a/shop.csar", "shop"), ("shop.tar.gz", "shop"), ("a.b.ZIP", "a.b")] {
            assert_eq!(stem(Path::new(path)).as_deref(), Some(name), "{path}");
        }
        for path in ["service.yaml", ".zip", "tar"] {
            assert_eq!(stem(Path::new(path)), None, "{path}");
        }
    }
}
