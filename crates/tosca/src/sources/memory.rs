//! Files in memory.

use std::collections::BTreeMap;

use super::{Locator, SourceError, Sources, join_paths};

/// Files and profiles in memory: for tests, editors and web pages, and for what is embedded in a program.
///
/// Paths are `/`-separated and have no root but the collection itself.
#[derive(Debug, Clone, Default)]
pub struct MemorySources {
    files: BTreeMap<String, Vec<u8>>,
    profiles: BTreeMap<String, String>,
}

impl MemorySources {
    /// No files.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file.
    #[must_use]
    pub fn with(mut self, path: impl Into<String>, content: impl Into<Vec<u8>>) -> Self {
        self.files.insert(path.into(), content.into());
        self
    }

    /// Makes a file that was added the root file of a profile.
    #[must_use]
    pub fn with_profile(mut self, name: impl Into<String>, path: impl Into<String>) -> Self {
        self.profiles.insert(name.into(), path.into());
        self
    }
}

impl Sources for MemorySources {
    fn locate(&self, url: &str, importer: Option<&Locator>) -> Result<Locator, SourceError> {
        // `file:` with a path is that path; with a host or a folder of a machine it is not in memory.
        let url = url.strip_prefix("file:").filter(|path| !path.starts_with("//")).unwrap_or(url);
        if url.contains("://") || url.starts_with("file:") {
            return Err(SourceError::Refused("only files in memory can be read, no URLs".to_owned()));
        }
        join_paths(importer.map_or("", Locator::as_str), url)
            .map(Locator::new)
            .ok_or_else(|| SourceError::Refused("the path leads out of the sources".to_owned()))
    }

    fn locate_profile(&self, name: &str) -> Option<Locator> {
        self.profiles.get(name).map(|path| Locator::new(path.as_str()))
    }

    fn profiles(&self) -> Vec<String> {
        self.profiles.keys().cloned().collect()
    }

    fn read(&self, locator: &Locator) -> Result<Vec<u8>, SourceError> {
        let path = locator.as_str();
        match self.files.get(path) {
            Some(content) => Ok(content.clone()),
            None if self.files.keys().any(|file| file.starts_with(&format!("{path}/"))) => {
                Err(SourceError::IsDirectory)
            }
            None => Err(SourceError::NotFound),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_relative_to_the_importer_and_stay_inside() {
        let sources = MemorySources::new().with("a/b/c.yaml", "").with("a/d.yaml", "");
        let c = Locator::new("a/b/c.yaml");
        let locate = |url| sources.locate(url, Some(&c)).map(|locator| locator.to_string());
        assert_eq!(locate("../d.yaml"), Ok("a/d.yaml".to_owned()));
        assert_eq!(locate("./e.yaml"), Ok("a/b/e.yaml".to_owned()));
        assert_eq!(locate("/a/d.yaml"), Ok("a/d.yaml".to_owned()));
        assert!(locate("../../../x").is_err());
        assert!(locate("https://example.org/x").is_err());
        assert_eq!(sources.read(&Locator::new("a/b")), Err(SourceError::IsDirectory));
        assert_eq!(sources.read(&Locator::new("x")), Err(SourceError::NotFound));
    }
}
