//! Where files come from.

#[cfg(feature = "file-system")]
mod files;
#[cfg(feature = "http")]
mod http;
mod memory;

use std::fmt;
use std::sync::Arc;

#[cfg(feature = "file-system")]
pub use files::FileSources;
#[cfg(feature = "http")]
pub use http::{HttpLimits, WithHttp};
pub use memory::MemorySources;

/// Where a file is, absolutely: a path, a URL, an entry of an archive, in the words of the [`Sources`] that gave it
/// out. Two imports of one file have equal locators; that is how it is read once.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Locator(Arc<str>);

impl Locator {
    /// A locator with this text.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Locator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Why a file could not be had.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SourceError {
    /// There is no such file.
    NotFound,
    /// It is a directory.
    IsDirectory,
    /// It is larger than the reader allows.
    TooLarge {
        /// The limit in bytes.
        bytes_max: u64,
    },
    /// These sources do not read the network.
    NoNetwork,
    /// These sources do not read such URLs (a scheme, or a path outside their root).
    Refused(String),
    /// Reading failed.
    Unreadable(String),
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str("there is no such file"),
            Self::IsDirectory => f.write_str("it is a directory"),
            Self::TooLarge { bytes_max } => write!(f, "it is larger than {bytes_max} bytes"),
            Self::NoNetwork => f.write_str("this build does not fetch URLs"),
            Self::Refused(why) | Self::Unreadable(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for SourceError {}

/// Gives the compiler the files that it asks for.
///
/// The compiler itself knows no disk and no network. An implementer may assume nothing about the order of calls and
/// must keep: equal files have equal locators, and a locator that was given out can be read.
pub trait Sources {
    /// Finds the file of a URL or path as written in an import or on a command line; a relative one starts at
    /// `importer`, or where the sources say when there is none.
    ///
    /// # Errors
    /// When such URLs are refused. A file that is not there may be found out only by [`Sources::read`].
    fn locate(&self, url: &str, importer: Option<&Locator>) -> Result<Locator, SourceError>;

    /// Finds the root file of a profile by its exact name.
    fn locate_profile(&self, name: &str) -> Option<Locator>;

    /// The names of the profiles that can be imported, for hints.
    fn profiles(&self) -> Vec<String> {
        Vec::new()
    }

    /// The bytes of a file.
    ///
    /// # Errors
    /// When it cannot be read.
    fn read(&self, locator: &Locator) -> Result<Vec<u8>, SourceError>;

    /// How the file is called in diagnostics; the locator's text by default.
    fn display_name(&self, locator: &Locator) -> String {
        locator.as_str().to_owned()
    }
}

/// Whether a URL or locator is one of the network: what such sources as `WithHttp` fetch.
pub fn is_fetched(url: &str) -> bool {
    let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
    scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http")
}

/// Joins a relative path to the folder of another path, both with `/`, and takes out `.` and `..`.
///
/// `None` when `..` leads above the beginning: a relative path never leaves the root that it starts in.
pub(crate) fn join_paths(importer: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = match path.strip_prefix('/') {
        Some(_) => Vec::new(),
        None => importer.rsplit_once('/').map_or("", |(folder, _)| folder).split('/').collect(),
    };
    parts.retain(|part| !part.is_empty());
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => _ = parts.pop()?,
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}
