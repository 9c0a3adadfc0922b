//! Whether every byte of a package is right.

use std::collections::BTreeMap;
use std::io::{self, Write};

use sha2::{Digest as _, Sha256};

use crate::error::Error;
use crate::package::Package;

/// What reading a whole package found.
#[derive(Debug)]
pub struct Verification {
    /// The digest of the package's content, whatever holds it: the SHA-256, in lower-case hexadecimal, of what
    /// `sha256sum` prints for all files in the order of their paths (two blanks, a line feed each). None when a file
    /// could not be read.
    pub digest: Option<String>,
    /// The digests of the files, by path.
    pub files: Vec<FileDigest>,
    /// The files that could not be read.
    pub failures: Vec<Error>,
}

/// The digest of one file.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct FileDigest {
    /// The path in the package.
    pub path: String,
    /// The size in bytes.
    pub size: u64,
    /// The SHA-256 of the content in lower-case hexadecimal.
    pub sha256: String,
}

impl Package {
    /// Reads every file to its end, which checks its checksum and size, and says what it is by digest.
    ///
    /// The package is right when there are no failures and its [findings](Self::findings) have no errors: those hold
    /// what is wrong with TOSCA.meta and the files that it names.
    pub fn verify(&self) -> Verification {
        let mut verification = Verification { digest: None, files: Vec::new(), failures: Vec::new() };
        let mut whole = Sha256::new();
        for entry in self.entries().iter().filter(|entry| entry.is_file()) {
            let mut target = HashWriter(Sha256::new());
            match self.copy_entry(entry, &mut target) {
                Ok(size) => {
                    let sha256 = hexadecimal(target.0);
                    whole.update(format!("{sha256}  {}\n", entry.path));
                    verification.files.push(FileDigest { path: entry.path.clone(), size, sha256 });
                }
                Err(error) => verification.failures.push(error),
            }
        }
        if verification.failures.is_empty() {
            verification.digest = Some(hexadecimal(whole));
        }
        verification
    }

    /// The [digest](Verification::digest) of the content; else why it cannot be read, for people.
    pub(crate) fn digest(&self) -> Result<String, String> {
        let Verification { digest, failures, .. } = self.verify();
        digest.ok_or_else(|| failures.first().map_or_else(String::new, ToString::to_string))
    }
}

/// The [digest](Verification::digest) of a package with these files, by their paths.
pub fn content_digest<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> String {
    let files: BTreeMap<&str, &[u8]> = files.into_iter().collect();
    let mut whole = Sha256::new();
    for (path, content) in files {
        let sha256 = hexadecimal(Sha256::new_with_prefix(content));
        whole.update(format!("{sha256}  {path}\n"));
    }
    hexadecimal(whole)
}

/// Hashes what is written to it.
pub(crate) struct HashWriter(pub(crate) Sha256);

impl Write for HashWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(crate) fn hexadecimal(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
