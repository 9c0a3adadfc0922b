//! Files that are being made, and have their names only once they are whole.

use std::{
    fs::{self, File, TryLockError},
    io,
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use crate::schema::with_suffix;

/// What SQLite writes beside a database. What is left of one that is gone would be taken for a part of the next.
const BESIDE: [&str; 3] = ["-wal", "-shm", "-journal"];

/// What stands beside a file while that is written. One process at a time makes it; what one left that was killed is taken over.
#[derive(Debug)]
pub(crate) struct Partial {
    path: PathBuf,
    /// Its lock is what keeps others out, until it has another name or is gone.
    file: File,
}

impl Partial {
    /// Makes the empty file beside the one that is to be.
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        let path = with_suffix(path, ".partial");
        loop {
            let mut options = File::options();
            // A store may lie where only its owner looks, and a copy of it anywhere.
            options.write(true).create(true).truncate(false).mode(0o600);
            let file = options.open(&path)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    return Err(io::Error::new(
                        io::ErrorKind::ResourceBusy,
                        "somebody is writing it at this moment",
                    ));
                }
                Err(TryLockError::Error(error)) => return Err(error),
            }
            let partial = Self { path: path.clone(), file };
            // Whoever had it may have given it its name meanwhile: then it is theirs, and here is another one or none.
            if partial.is_here()? {
                partial.file.set_len(0)?;
                partial.remove(&BESIDE)?;
                return Ok(partial);
            }
        }
    }

    /// Returns whether the file still has this name. Nobody else gives it to another while it is locked.
    fn is_here(&self) -> io::Result<bool> {
        let locked = self.file.metadata()?;
        match fs::metadata(&self.path) {
            Ok(named) => Ok((named.dev(), named.ino()) == (locked.dev(), locked.ino())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn remove(&self, suffixes: &[&str]) -> io::Result<()> {
        for suffix in suffixes {
            match fs::remove_file(with_suffix(&self.path, suffix)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Partial {
    /// Takes away what did not become a file.
    fn drop(&mut self) {
        if self.is_here().unwrap_or(false) {
            _ = self.remove(&BESIDE);
            _ = self.remove(&[""]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_makes_a_file_and_what_it_left_is_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("copy");
        fs::write(with_suffix(&path, ".partial"), "of somebody who was killed").unwrap();
        fs::write(with_suffix(&path, ".partial-wal"), "commits of theirs").unwrap();
        let first = Partial::of(&path).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert_eq!(fs::read_to_string(first.path()).unwrap(), "");
        let second = Partial::of(&path).unwrap_err();
        assert_eq!(second.kind(), io::ErrorKind::ResourceBusy);
        // What has got its name is nobody's to empty.
        fs::write(first.path(), "whole").unwrap();
        fs::rename(first.path(), &path).unwrap();
        let second = Partial::of(&path).unwrap();
        drop(first);
        assert!(second.path().exists());
        drop(second);
        assert_eq!(fs::read_to_string(&path).unwrap(), "whole");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
