//! Writing a package's files to a disk.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use crate::create::parent;
use crate::error::Error;
use crate::name;
use crate::package::Package;

impl Package {
    /// Writes all files and folders to a new directory, which may be there when it is empty.
    ///
    /// They are written beside it under a temporary name, and renamed when all of them are there: after a failure
    /// nothing is left, after a crash at most a hidden sibling. Nothing is written anywhere else; no file is written
    /// over another one, also not where names that differ by case are the same. Executable files stay executable;
    /// other modes, owners and times are those of new files.
    ///
    /// # Errors
    /// When the target has something in it, a file is damaged, or writing fails.
    pub fn extract(&self, target: impl AsRef<Path>) -> Result<(), Error> {
        let target = target.as_ref();
        let shown = target.to_string_lossy().into_owned();
        let failed = |source: io::Error| Error::Write { target: shown.clone(), source };
        match fs::read_dir(target) {
            Ok(mut items) => {
                if items.next().is_some() {
                    return Err(Error::Exists { target: shown });
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
                return Err(Error::Exists { target: shown });
            }
            Err(error) => return Err(failed(error)),
        }
        // A dangling symbolic link is not found either, and would be replaced.
        if fs::symlink_metadata(target).is_ok_and(|metadata| !metadata.is_dir()) {
            return Err(Error::Exists { target: shown });
        }
        let sibling = tempfile::Builder::new().prefix(".csar-").tempdir_in(parent(target)).map_err(failed)?;
        // A directory in the temporary one: that one is private, and this one has the modes of new directories.
        let root = sibling.path().join("package");
        fs::create_dir(&root).map_err(failed)?;
        for entry in self.entries() {
            let failed =
                |source: io::Error| Error::Write { target: format!("{shown}/{}", entry.path), source };
            if cfg!(windows) && !name::is_portable(&entry.path) {
                return Err(failed(io::ErrorKind::InvalidFilename.into()));
            }
            let path = root.join(&entry.path);
            if !entry.is_file() {
                fs::create_dir_all(&path).map_err(failed)?;
                continue;
            }
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder).map_err(failed)?;
            }
            let mut file = create_file(&path, entry.executable).map_err(failed)?;
            self.copy_entry(entry, &mut file)?;
            file.flush().map_err(failed)?;
        }
        if target.is_dir() {
            // Fails when something came into it meanwhile.
            fs::remove_dir(target).map_err(failed)?;
        }
        fs::rename(&root, target).map_err(failed)
    }
}

/// Creates a file that was not there.
fn create_file(path: &Path, executable: bool) -> io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, if executable { 0o777 } else { 0o666 });
    #[cfg(not(unix))]
    let _ = executable;
    options.open(path)
}
