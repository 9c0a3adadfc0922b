//! The embedded files.

use std::sync::LazyLock;

/// Every file of the tree, by its path in it, in order.
static FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// The name of a profile's root file.
const ROOT: &str = "profile.yaml";

/// A profile that is embedded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The name that it is imported by: `khutulun.process:0.1`.
    pub name: String,
    /// Its files; the root is the first.
    pub files: Vec<ProfileFile>,
}

/// A file of a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProfileFile {
    /// The path in the profile, with `/` between levels: `profile.yaml`.
    pub path: &'static str,
    /// The path in the tree of all profiles: `khutulun.process/0.1/profile.yaml`.
    pub full_path: &'static str,
    /// The content.
    pub content: &'static [u8],
}

/// Returns the profiles, by name.
pub fn list() -> &'static [Profile] {
    static PROFILES: LazyLock<Vec<Profile>> = LazyLock::new(gather);
    &PROFILES
}

/// Returns the names of the profiles, in order.
pub fn names() -> impl Iterator<Item = &'static str> {
    list().iter().map(|profile| profile.name.as_str())
}

/// Returns the profile of this name.
pub fn find(name: &str) -> Option<&'static Profile> {
    list().iter().find(|profile| profile.name == name)
}

/// Returns the content of a file by its path in the tree.
pub(crate) fn content(full_path: &str) -> Option<&'static [u8]> {
    FILES.binary_search_by_key(&full_path, |(path, _)| path).ok().map(|place| FILES[place].1)
}

/// Returns whether files of the tree are below this path.
pub(crate) fn is_folder(full_path: &str) -> bool {
    FILES.iter().any(|(path, _)| path.strip_prefix(full_path).is_some_and(|rest| rest.starts_with('/')))
}

fn gather() -> Vec<Profile> {
    let mut profiles = Vec::new();
    for (root, _) in FILES {
        let Some(folder) = root.strip_suffix(ROOT).filter(|folder| folder.matches('/').count() == 2) else {
            continue;
        };
        let mut files: Vec<ProfileFile> = FILES
            .iter()
            .filter_map(|(full_path, content)| {
                Some(ProfileFile { path: full_path.strip_prefix(folder)?, full_path, content })
            })
            .collect();
        files.sort_by_key(|file| (file.path != ROOT, file.path));
        profiles.push(Profile { name: folder.trim_end_matches('/').replacen('/', ":", 1), files });
    }
    profiles.sort_by(|first, second| first.name.cmp(&second.name));
    profiles
}
