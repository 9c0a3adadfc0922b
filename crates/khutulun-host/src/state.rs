//! The state directory: where everything lives.

use std::{
    fs, io,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use khutulun_api::{MachineError, OperationId, ProcessIdentity, RunId, names::NAME_BYTES_MAX};
use sha2::{Digest as _, Sha256};

use crate::files::{self, Durability, system};

/// The largest artifact, in bytes. Images go through their backends' own stores, not through this one.
pub(crate) const ARTIFACT_BYTES_MAX: usize = 256 << 20;

/// The directory that khutulun keeps its state in, for its owner alone (0700).
///
/// ```text
/// khutulun.db                      the store
/// cache/                           what can be made again
/// artifacts/SHA256                 files that came with services, by digest
/// fences/SERVICE                   the highest epoch of the service's lease that this machine has seen
/// processes/SERVICE/NODE/          a supervised process: status.json, spec.json, pid, lock, stdout.log, stderr.log, work/
/// operations/RUN-STEP-ATTEMPT/     a script: files/, started, status.json, result.json, stdout.log, stderr.log
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateDirectory {
    root: PathBuf,
}

impl StateDirectory {
    /// Opens a state directory, making it when it is not there.
    ///
    /// Refuses one that others may write to, or that belongs to another user: they could make khutulun run their programs.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, MachineError> {
        let root: PathBuf = root.into();
        let attempt = || format!("open state directory `{}`", root.display());
        match fs::metadata(&root) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                files::make_private_folder(&root)
                    .map_err(system(format!("make state directory `{}`", root.display())))?;
            }
            Err(error) => return Err(system(attempt())(error)),
            Ok(_) => {}
        }
        // Absolute and without links: supervisors have other working directories, and the path names a process's family.
        let root = root.canonicalize().map_err(system(attempt()))?;
        let metadata = fs::metadata(&root).map_err(system(attempt()))?;
        let refused =
            |why: &str| Err(MachineError::Refused(format!("state directory `{}` {why}", root.display())));
        if !metadata.is_dir() {
            return refused("is not a directory");
        }
        if metadata.uid() != rustix::process::geteuid().as_raw() {
            return refused("belongs to another user");
        }
        if metadata.mode() & 0o022 != 0 {
            return refused("can be written by other users: `chmod 700` it");
        }
        if metadata.mode() & 0o077 != 0 {
            // Inputs and logs are nobody else's business.
            fs::set_permissions(&root, fs::Permissions::from_mode(0o700)).map_err(system(attempt()))?;
        }
        Ok(Self { root })
    }

    /// Returns the directory itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the file of the embedded store.
    pub fn database(&self) -> PathBuf {
        self.root.join("khutulun.db")
    }

    /// Returns the folder of what can be made again, making it when it is not there.
    pub fn cache(&self) -> Result<PathBuf, MachineError> {
        self.folder("cache")
    }

    /// Returns the folder of a supervised process, which may not be there.
    ///
    /// # Errors
    /// Refuses names that are not safe as file names.
    pub fn process(&self, identity: &ProcessIdentity) -> Result<PathBuf, MachineError> {
        check_name("service", &identity.service)?;
        check_name("node", &identity.node)?;
        Ok(self.root.join("processes").join(&identity.service).join(&identity.node))
    }

    /// Returns the folder of a script's operation, which may not be there.
    pub fn operation(&self, id: &OperationId) -> PathBuf {
        self.root.join("operations").join(id.to_string())
    }

    /// Returns the operations that scripts left folders of, in order.
    pub fn operations(&self) -> Vec<OperationId> {
        let entries = fs::read_dir(self.root.join("operations")).into_iter().flatten().flatten();
        let id = |entry: fs::DirEntry| {
            let name = entry.file_name();
            let numbers: Vec<&str> = name.to_str()?.split('-').collect();
            let &[run, step, attempt] = numbers.as_slice() else { return None };
            Some(OperationId {
                run: RunId(run.parse().ok()?),
                step: step.parse().ok()?,
                attempt: attempt.parse().ok()?,
            })
        };
        let mut operations: Vec<OperationId> = entries.filter_map(id).collect();
        operations.sort_unstable();
        operations
    }

    /// Returns the folder of fences, which may not be there.
    pub(crate) fn fences(&self) -> PathBuf {
        self.root.join("fences")
    }

    /// Returns the folder of artifacts, which may not be there.
    pub(crate) fn artifacts(&self) -> PathBuf {
        self.root.join("artifacts")
    }

    /// Stores a file that came with a service and returns its digest: SHA-256 in lower-case hexadecimal.
    ///
    /// After success it is on the disk. Storing the same content again changes nothing, but may make it executable.
    pub fn store_artifact(&self, bytes: &[u8], executable: bool) -> Result<String, MachineError> {
        if bytes.len() > ARTIFACT_BYTES_MAX {
            return Err(MachineError::TooLarge { what: "an artifact".to_owned(), limit: ARTIFACT_BYTES_MAX });
        }
        let digest = digest(bytes);
        let path = self.folder("artifacts")?.join(&digest);
        let mode = if executable { 0o500 } else { 0o400 };
        let attempt = || format!("store artifact `{}`", path.display());
        match fs::metadata(&path) {
            Ok(metadata) if metadata.len() == bytes.len() as u64 && self.load_artifact(&digest).is_ok() => {
                if executable && metadata.mode() & 0o100 == 0 {
                    fs::set_permissions(&path, fs::Permissions::from_mode(mode))
                        .map_err(system(attempt()))?;
                }
            }
            _ => {
                files::write_whole(&path, bytes, mode, Durability::PowerLoss).map_err(system(attempt()))?;
            }
        }
        Ok(digest)
    }

    /// Returns the content of an artifact after comparing it with its digest.
    pub fn load_artifact(&self, digest: &str) -> Result<Vec<u8>, MachineError> {
        load_artifact(&self.artifacts(), digest)
    }

    /// Returns the path of an artifact after comparing its content with its digest.
    pub fn artifact(&self, digest: &str) -> Result<PathBuf, MachineError> {
        self.load_artifact(digest)?;
        Ok(self.artifacts().join(digest))
    }

    fn folder(&self, name: &str) -> Result<PathBuf, MachineError> {
        let path = self.root.join(name);
        files::make_private_folder(&path).map_err(system(format!("make folder `{}`", path.display())))?;
        Ok(path)
    }
}

/// Returns the content of an artifact in a folder of artifacts, after comparing it with its digest.
pub(crate) fn load_artifact(artifacts: &Path, wanted: &str) -> Result<Vec<u8>, MachineError> {
    // A digest becomes a file name: nothing else may.
    if wanted.len() != 64 || !wanted.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return Err(MachineError::Refused(format!("`{wanted}` is not the digest of an artifact")));
    }
    let path = artifacts.join(wanted);
    let content = files::read_bounded(&path, ARTIFACT_BYTES_MAX)
        .map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => MachineError::NotFound { what: format!("artifact {wanted}") },
            _ => system(format!("read artifact `{}`", path.display()))(error),
        })?
        .ok_or(MachineError::TooLarge { what: format!("artifact {wanted}"), limit: ARTIFACT_BYTES_MAX })?;
    let actual = digest(&content);
    if actual != wanted {
        return Err(MachineError::Refused(format!(
            "artifact `{}` was changed: its digest is {actual}",
            path.display()
        )));
    }
    Ok(content)
}

/// Returns the SHA-256 of bytes in lower-case hexadecimal.
fn digest(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(64);
    for byte in Sha256::digest(bytes) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Refuses what is not safe as a file name.
pub(crate) fn check_name(what: &str, name: &str) -> Result<(), MachineError> {
    let why = if name.is_empty() {
        "is empty"
    } else if name.len() > NAME_BYTES_MAX {
        "is too long"
    } else if name.starts_with('.') || name.contains('/') || name.chars().any(char::is_control) {
        "is not safe as a file name"
    } else {
        return Ok(());
    };
    Err(MachineError::Refused(format!("the name `{}` of the {what} {why}", name.escape_debug())))
}
