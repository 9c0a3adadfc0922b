//! Packages as sources of files for the compiler.

use tosca::{Locator, SourceError, Sources};

use crate::error::Error;
use crate::name;
use crate::package::Package;

impl Package {
    /// The locator of a file of the package.
    ///
    /// For a directory it is the file's absolute path, as for files outside of packages; for an archive it is the
    /// archive's absolute path, `!/`, and the path inside.
    pub fn locator(&self, path: &str) -> Locator {
        Locator::new(format!("{}{path}", self.locator_prefix))
    }

    /// The path inside the package of a locator that it gave out.
    pub fn path_of<'a>(&self, locator: &'a Locator) -> Option<&'a str> {
        locator.as_str().strip_prefix(&self.locator_prefix)
    }
}

/// Files of the package and nothing else: a relative path starts at the importing file, one with a leading `/` at the
/// package's root, and none leads out (TOSCA 2.0, 6.8.2.2). There are no profiles; whoever has some wraps this.
impl Sources for Package {
    fn locate(&self, url: &str, importer: Option<&Locator>) -> Result<Locator, SourceError> {
        let url = url.strip_prefix("file:").filter(|path| !path.starts_with("//")).unwrap_or(url);
        if let Some((scheme, _)) = url.split_once("://") {
            return Err(SourceError::Refused(format!(
                "`{scheme}:` URLs cannot be read from inside a package"
            )));
        }
        let importer = match importer {
            Some(importer) => self.path_of(importer).ok_or_else(|| {
                SourceError::Refused("the importing file does not belong to the package".to_owned())
            })?,
            None => "",
        };
        match name::join(importer, url) {
            Some(path) => Ok(self.locator(&path)),
            None => Err(SourceError::Refused("the path leads out of the package".to_owned())),
        }
    }

    fn locate_profile(&self, _: &str) -> Option<Locator> {
        None
    }

    fn read(&self, locator: &Locator) -> Result<Vec<u8>, SourceError> {
        let path = self.path_of(locator).ok_or(SourceError::NotFound)?;
        self.read(path).map_err(|error| match error {
            Error::NoSuchEntry { .. } => SourceError::NotFound,
            Error::IsFolder { .. } => SourceError::IsDirectory,
            Error::Limit { .. } => SourceError::TooLarge { bytes_max: self.limits().read_bytes_max },
            Error::Entry { source, .. } => SourceError::Unreadable(source.to_string()),
            error => SourceError::Unreadable(error.to_string()),
        })
    }

    fn display_name(&self, locator: &Locator) -> String {
        match self.path_of(locator) {
            Some(path) => format!("{}{path}", self.display_prefix),
            None => locator.as_str().to_owned(),
        }
    }
}
