//! The embedded profiles in front of somebody's sources.

use tosca::{Locator, SourceError, Sources};

use crate::catalog::{self, Profile};

/// What the locators of embedded files begin with. No path of a machine does, and URLs have `//` behind it.
const SCHEME: &str = "profile:";

/// Sources that also have the embedded profiles. A profile that is embedded hides one of the same name behind it.
#[derive(Clone, Copy, Debug)]
pub struct WithProfiles<S>(S);

impl<S: Sources> WithProfiles<S> {
    /// Puts the embedded profiles in front of sources.
    pub fn new(sources: S) -> Self {
        Self(sources)
    }
}

impl<S: Sources> Sources for WithProfiles<S> {
    fn locate(&self, url: &str, importer: Option<&Locator>) -> Result<Locator, SourceError> {
        let Some(importer) = importer.and_then(|importer| importer.as_str().strip_prefix(SCHEME)) else {
            return self.0.locate(url, importer);
        };
        join(importer, url)
            .map(|path| Locator::new(format!("{SCHEME}{path}")))
            .ok_or_else(|| SourceError::Refused(format!("`{url}` leads out of the profile that asks for it")))
    }

    fn locate_profile(&self, name: &str) -> Option<Locator> {
        match catalog::find(name) {
            Some(profile) => root_of(profile),
            None => self.0.locate_profile(name),
        }
    }

    fn profiles(&self) -> Vec<String> {
        let mut names: Vec<String> = catalog::list().iter().map(|profile| profile.name.clone()).collect();
        names.extend(self.0.profiles());
        names.sort_unstable();
        names.dedup();
        names
    }

    fn read(&self, locator: &Locator) -> Result<Vec<u8>, SourceError> {
        let Some(path) = locator.as_str().strip_prefix(SCHEME) else { return self.0.read(locator) };
        match catalog::content(path) {
            Some(content) => Ok(content.to_vec()),
            None if catalog::is_folder(path) => Err(SourceError::IsDirectory),
            None => Err(SourceError::NotFound),
        }
    }

    /// `khutulun.process:0.1/profile.yaml`, which nobody takes for a file of theirs.
    fn display_name(&self, locator: &Locator) -> String {
        match locator.as_str().strip_prefix(SCHEME) {
            Some(path) => path.replacen('/', ":", 1),
            None => self.0.display_name(locator),
        }
    }
}

/// Where the root file of a profile is.
fn root_of(profile: &Profile) -> Option<Locator> {
    Some(Locator::new(format!("{SCHEME}{}", profile.files.first()?.full_path)))
}

/// A path relative to a file of a profile; None where it leads out of the profile's folder.
fn join(importer: &str, url: &str) -> Option<String> {
    // Two levels, the name and the version, are the profile's own.
    const OWN_LEVELS: usize = 2;
    if url.starts_with('/') || url.contains(':') {
        return None;
    }
    let mut levels: Vec<&str> = importer.split('/').collect();
    levels.pop();
    for level in url.split('/') {
        match level {
            "" | "." => {}
            ".." if levels.len() > OWN_LEVELS => {
                levels.pop();
            }
            ".." => return None,
            level => levels.push(level),
        }
    }
    Some(levels.join("/"))
}

#[cfg(test)]
mod tests {
    use super::join;

    #[test]
    fn a_profile_stays_in_its_folder() {
        assert_eq!(join("a/1/profile.yaml", "types/b.yaml").as_deref(), Some("a/1/types/b.yaml"));
        assert_eq!(join("a/1/types/b.yaml", "../c.yaml").as_deref(), Some("a/1/c.yaml"));
        assert_eq!(join("a/1/profile.yaml", "../2/profile.yaml"), None);
        assert_eq!(join("a/1/profile.yaml", "/etc/passwd"), None);
        assert_eq!(join("a/1/profile.yaml", "file:///etc/passwd"), None);
    }
}
