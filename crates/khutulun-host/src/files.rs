//! Files that are there whole or not at all.

use std::{
    ffi::{OsStr, OsString},
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use khutulun_api::MachineError;

/// How sure it must be that a file survives a power loss.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// It matters only while the machine runs.
    Session,
    /// It is on the disk when the call returns.
    PowerLoss,
}

/// Makes the temporary names of one program distinct; the pid keeps those of several programs apart.
static TEMPORARY: AtomicU32 = AtomicU32::new(0);

/// Replaces a file: readers see the old content or the new, never a part; after an error, the old.
pub(crate) fn write_whole(path: &Path, content: &[u8], mode: u32, durability: Durability) -> io::Result<()> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not the path of a file"));
    };
    let (temporary, mut file) = temporary(folder, name)?;
    let result = (|| {
        file.write_all(content)?;
        // The umask narrows the mode of a new file, and the mode was asked for.
        file.set_permissions(fs::Permissions::from_mode(mode))?;
        if durability == Durability::PowerLoss {
            file.sync_all()?;
        }
        drop(file);
        match durability {
            Durability::PowerLoss => fs::rename(&temporary, path),
            Durability::Session => exchange(&temporary, path),
        }
    })();
    if result.is_err() {
        // What is left of the attempt; the error that matters is the first one.
        let _ = fs::remove_file(&temporary);
        return result;
    }
    if durability == Durability::PowerLoss { sync_folder(folder) } else { Ok(()) }
}

/// Makes a file of a name that nobody has, beside the one that it will replace.
fn temporary(folder: &Path, name: &OsStr) -> io::Result<(PathBuf, File)> {
    loop {
        let number = TEMPORARY.fetch_add(1, Ordering::Relaxed);
        let mut own = OsString::from(".");
        own.push(name);
        own.push(format!(".{}.{number}", std::process::id()));
        let path = folder.join(own);
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
            // A program of the same pid left it when it was killed: pids are used again, in containers soon.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            file => return Ok((path, file?)),
        }
    }
}

/// Puts a file in the place of another without waiting for the disk: ext4 writes a file out as soon as it is renamed over
/// another (its `auto_da_alloc`), and the next to replace it waits for that. Exchanging two names has no such meaning.
fn exchange(new: &Path, path: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    match renameat_with(CWD, new, CWD, path, RenameFlags::EXCHANGE) {
        Ok(()) => fs::remove_file(new),
        // There is none yet, or the file system cannot.
        Err(_) => fs::rename(new, path),
    }
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Reads a regular file of at most `bytes_max` bytes. None: it is larger.
pub(crate) fn read_bounded(path: &Path, bytes_max: usize) -> io::Result<Option<Vec<u8>>> {
    // Without NONBLOCK, opening a pipe that nobody writes to would wait for ever.
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed())
        .open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    let capacity = usize::try_from(metadata.size()).unwrap_or(usize::MAX).min(bytes_max);
    let mut content = Vec::with_capacity(capacity.saturating_add(1));
    // The size may lie (as in /proc) or grow: what counts is what is read.
    file.take(bytes_max as u64 + 1).read_to_end(&mut content)?;
    Ok(if content.len() > bytes_max { None } else { Some(content) })
}

/// How often a folder is made anew because another program has just removed one above it, which was empty: that many times in a row
/// nobody does.
const FOLDER_ATTEMPTS_MAX: usize = 1_000;

/// Makes a folder and those above it, for the owner alone.
pub(crate) fn make_private_folder(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    let make = || fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    let mut made = make();
    for _ in 1..FOLDER_ATTEMPTS_MAX {
        match &made {
            Err(error) if error.kind() == io::ErrorKind::NotFound => made = make(),
            _ => break,
        }
    }
    made
}

/// Removes a folder with everything in it; one that is not there is fine.
pub(crate) fn remove_folder(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// An error of the operating system, with what was tried.
pub(crate) fn system(attempt: impl Into<String>) -> impl FnOnce(io::Error) -> MachineError {
    let attempt = attempt.into();
    move |source| MachineError::System { attempt, source }
}

/// [`MachineError::NotFound`] for what is not there, otherwise [`system`].
pub(crate) fn system_or_not_found(
    attempt: String,
    path: &Path,
) -> impl FnOnce(io::Error) -> MachineError + use<> {
    let path: PathBuf = path.to_owned();
    move |source| match source.kind() {
        io::ErrorKind::NotFound => MachineError::NotFound { what: format!("`{}`", path.display()) },
        _ => MachineError::System { attempt, source },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_of_the_same_pid_left_is_in_nobodys_way() {
        let folder = tempfile::tempdir().unwrap();
        let next = TEMPORARY.load(Ordering::Relaxed);
        for number in next..next + 64 {
            fs::write(folder.path().join(format!(".spec.json.{}.{number}", std::process::id())), "half")
                .unwrap();
        }
        let path = folder.path().join("spec.json");
        write_whole(&path, b"whole", 0o600, Durability::Session).unwrap();
        assert_eq!(fs::read(path).unwrap(), b"whole");
    }

    /// Programs at work at the same time make folders where others remove what is empty.
    #[test]
    fn a_folder_is_made_also_where_the_one_above_it_was_just_removed() {
        let root = tempfile::tempdir().unwrap();
        let work = |own: &'static str| {
            let root = root.path().to_owned();
            move || {
                for _ in 0..300 {
                    let folder = root.join("operations").join(own);
                    make_private_folder(&folder).unwrap();
                    fs::remove_dir(&folder).unwrap();
                    let _ = fs::remove_dir(root.join("operations"));
                }
            }
        };
        std::thread::scope(|scope| {
            scope.spawn(work("a"));
            scope.spawn(work("b"));
        });
    }
}
