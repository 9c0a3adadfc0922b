//! Files of the machine.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::{Locator, SourceError, Sources, is_fetched};

/// A file beyond this is not read: no TOSCA file comes near, and a device or pipe never ends.
const FILE_BYTES_MAX: u64 = 256 << 20;

/// Files of the machine, by paths; relative ones start at the importing file, or at a folder given for the entry.
///
/// URLs with a scheme other than `file:` are refused: nothing here reads a network. There are no profiles; whoever
/// embeds some, or fetches files, wraps this.
#[derive(Debug, Clone)]
pub struct FileSources {
    folder: PathBuf,
}

impl FileSources {
    /// Files relative to the present working folder.
    ///
    /// # Errors
    /// When the working folder is gone or hidden.
    pub fn new() -> io::Result<Self> {
        Ok(Self { folder: std::env::current_dir()? })
    }

    /// Files relative to a folder.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    fn error(error: &io::Error) -> SourceError {
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => SourceError::NotFound,
            io::ErrorKind::IsADirectory => SourceError::IsDirectory,
            _ => SourceError::Unreadable(error.to_string()),
        }
    }
}

impl Sources for FileSources {
    fn locate(&self, url: &str, importer: Option<&Locator>) -> Result<Locator, SourceError> {
        let path = match url.split_once(':') {
            Some(("file", rest)) => rest.strip_prefix("//").unwrap_or(rest),
            _ if is_fetched(url) => return Err(SourceError::NoNetwork),
            Some((scheme, rest)) if rest.starts_with("//") => {
                return Err(SourceError::Refused(format!(
                    "`{scheme}:` URLs cannot be read here, only files"
                )));
            }
            _ => url,
        };
        let folder = match importer {
            Some(importer) => Path::new(importer.as_str()).parent().unwrap_or(Path::new("/")).to_path_buf(),
            None => self.folder.clone(),
        };
        // The same file by two paths, also through symbolic links, must have one locator.
        let path = fs::canonicalize(folder.join(path)).map_err(|error| Self::error(&error))?;
        match path.to_str() {
            Some(path) => Ok(Locator::new(path)),
            None => Err(SourceError::Refused("the path is not UTF-8".to_owned())),
        }
    }

    fn locate_profile(&self, _: &str) -> Option<Locator> {
        None
    }

    fn read(&self, locator: &Locator) -> Result<Vec<u8>, SourceError> {
        let path = Path::new(locator.as_str());
        let metadata = fs::metadata(path).map_err(|error| Self::error(&error))?;
        if metadata.is_dir() {
            return Err(SourceError::IsDirectory);
        }
        if !metadata.is_file() {
            return Err(SourceError::Refused("it is not an ordinary file".to_owned()));
        }
        let file = fs::File::open(path).map_err(|error| Self::error(&error))?;
        let mut bytes = Vec::new();
        file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| Self::error(&error))?;
        if bytes.len() as u64 > FILE_BYTES_MAX {
            return Err(SourceError::TooLarge { bytes_max: FILE_BYTES_MAX });
        }
        Ok(bytes)
    }

    /// Relative to the folder when inside it, as people typed it.
    fn display_name(&self, locator: &Locator) -> String {
        let path = Path::new(locator.as_str());
        let folder = fs::canonicalize(&self.folder).unwrap_or_else(|_| self.folder.clone());
        path.strip_prefix(&folder).unwrap_or(path).to_string_lossy().into_owned()
    }
}
