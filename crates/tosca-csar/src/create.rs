//! Making an archive of a directory.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::error::Error;
use crate::meta;
use crate::package::{Options, Package};
use crate::root::META_PATHS;
use crate::verify::{HashWriter, hexadecimal};

/// How to make an archive.
#[derive(Debug, Clone, Default)]
pub struct CreateOptions {
    /// The file to start with. When given, a TOSCA.meta is written; the directory must have none.
    pub entry_definitions: Option<String>,
    /// The files with templates for substitution, for that TOSCA.meta.
    pub other_definitions: Vec<String>,
    /// Who makes it, for that TOSCA.meta. None by default: what names its maker's version changes with it.
    pub created_by: Option<String>,
    /// Whether an archive that is there already is replaced.
    pub replace: bool,
    /// What may be packed, and whether hidden files are.
    pub options: Options,
}

/// An archive that was made.
#[derive(Debug, Clone)]
pub struct Created {
    /// The archive, opened again: what everybody else will see.
    pub package: Package,
    /// Its size in bytes.
    pub bytes: u64,
    /// The SHA-256 of the archive in lower-case hexadecimal.
    pub sha256: String,
    /// The hidden files and folders that were left out.
    pub skipped: Vec<String>,
}

/// Makes a ZIP archive of a directory (or of another archive), byte for byte the same for the same content.
///
/// The directory must be a valid package, with a TOSCA.meta or a single YAML file at its root, or the options say
/// where it starts. The archive is written beside `target` under a temporary name, checked by opening it, and renamed:
/// after a failure or a crash there is no half of it.
///
/// # Errors
/// When the directory cannot be read, is refused or not valid, when the target exists, or when writing fails.
pub fn create(
    directory: impl AsRef<Path>,
    target: impl AsRef<Path>,
    options: &CreateOptions,
) -> Result<Created, Error> {
    let (directory, target) = (directory.as_ref(), target.as_ref());
    let shown = target.to_string_lossy().into_owned();
    check_target(directory, target, &shown, options.replace)?;
    let package = open(directory, &shown, options)?;
    if package.findings().has_errors() {
        let findings = Box::new(package.findings().clone());
        return Err(Error::Invalid { package: package.name().to_owned(), findings });
    }
    let failed = |source: io::Error| Error::Write { target: shown.clone(), source };
    let folder = parent(target);
    let mut temporary = tempfile::Builder::new();
    temporary.prefix(".csar-");
    #[cfg(unix)]
    temporary.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let temporary = temporary.tempfile_in(folder).map_err(failed)?;
    let mut writer = BufWriter::new(temporary.as_file());
    package.write_zip(&mut writer)?;
    writer.flush().map_err(failed)?;
    drop(writer);
    temporary.as_file().sync_all().map_err(failed)?;
    // What we would refuse to open, nobody should get from us.
    Package::open_as(shown.clone(), temporary.path(), &options.options)?;
    let mut hash = HashWriter(Sha256::new());
    let bytes =
        io::copy(&mut fs::File::open(temporary.path()).map_err(failed)?, &mut hash).map_err(failed)?;
    let persisted =
        if options.replace { temporary.persist(target) } else { temporary.persist_noclobber(target) };
    persisted.map_err(|error| match error.error.kind() {
        io::ErrorKind::AlreadyExists => Error::Exists { target: shown.clone() },
        _ => failed(error.error),
    })?;
    Ok(Created {
        skipped: package.skipped().to_vec(),
        package: Package::open_with(target, &options.options)?,
        bytes,
        sha256: hexadecimal(hash.0),
    })
}

fn open(directory: &Path, target: &str, options: &CreateOptions) -> Result<Package, Error> {
    let Some(entry) = &options.entry_definitions else {
        return Package::open_with(directory, &options.options);
    };
    let refused = |why| Error::Target { target: target.to_owned(), why };
    if !directory.is_dir() {
        return Err(refused("a TOSCA.meta can only be added to a directory"));
    }
    if META_PATHS.iter().any(|path| directory.join(path).exists()) {
        return Err(refused("the directory has a TOSCA.meta, which says where the package starts"));
    }
    let name = directory.to_string_lossy().into_owned();
    let root = fs::canonicalize(directory).map_err(|source| Error::Open { package: name.clone(), source })?;
    let meta = meta::write(options.created_by.as_deref(), entry, &options.other_definitions);
    Package::open_directory(name, root, Some(meta), &options.options)
}

fn check_target(directory: &Path, target: &Path, shown: &str, replace: bool) -> Result<(), Error> {
    let refused = |why| Err(Error::Target { target: shown.to_owned(), why });
    let Some(name) = target.file_name().and_then(|name| name.to_str()) else {
        return refused("it is no file name");
    };
    // A ZIP archive under a tarball's name would be taken for a broken tarball.
    if [".tar", ".tgz", ".tar.gz", ".tar.zst"].iter().any(|end| name.ends_with(end)) {
        return refused("only ZIP archives are made, named `.zip` or `.csar`");
    }
    if target.is_dir() || (!replace && fs::symlink_metadata(target).is_ok()) {
        return Err(Error::Exists { target: shown.to_owned() });
    }
    // It would be packed into itself the next time.
    if let (Ok(directory), Ok(folder)) = (fs::canonicalize(directory), fs::canonicalize(parent(target)))
        && directory.is_dir()
        && folder.starts_with(&directory)
    {
        return refused("it lies inside the directory that is packed");
    }
    Ok(())
}

/// The folder that a path is in.
pub(crate) fn parent(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => PathBuf::from("."),
        Some(parent) => parent.to_owned(),
        None => PathBuf::from("/"),
    }
}
