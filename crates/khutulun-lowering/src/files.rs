//! How lowering learns of the files that a service brings.

use sha2::{Digest as _, Sha256};
use tosca::{Locator, SourceError, Sources};

/// Finds a service's files and says what is in them.
///
/// An implementer must keep: equal files have equal locators, and a locator that was given out can be digested.
pub trait Files {
    /// Finds a file by its path or URL as written in `importer`.
    ///
    /// # Errors
    /// When such URLs are refused.
    fn locate(&self, url: &str, importer: &Locator) -> Result<Locator, SourceError>;

    /// Returns the SHA-256 of a file's content in lower-case hexadecimal.
    ///
    /// # Errors
    /// When it cannot be read.
    fn digest(&self, locator: &Locator) -> Result<String, SourceError>;

    /// Returns the path, below that of the service's own files, of a file that a profile brings; None for other files.
    fn path_in_profile(&self, _locator: &Locator) -> Option<String> {
        None
    }
}

/// The files of [`Sources`], read whole to be digested.
#[derive(Clone, Copy)]
pub struct SourceFiles<'a>(pub &'a dyn Sources);

impl Files for SourceFiles<'_> {
    fn locate(&self, url: &str, importer: &Locator) -> Result<Locator, SourceError> {
        self.0.locate(url, Some(importer))
    }

    fn digest(&self, locator: &Locator) -> Result<String, SourceError> {
        Ok(digest_of(&self.0.read(locator)?))
    }
}

/// The SHA-256 of a content in lower-case hexadecimal.
pub fn digest_of(content: &[u8]) -> String {
    Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
}
