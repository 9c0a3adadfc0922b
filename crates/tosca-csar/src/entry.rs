//! What a package holds.

use std::collections::HashSet;

use crate::error::Refusal;

/// A file or folder of a package.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Entry {
    /// The path from the package's root, with `/` between parts.
    pub path: String,
    /// Whether it is a file or a folder.
    pub kind: EntryKind,
    /// The size of a file in bytes, unpacked; 0 for a folder.
    pub size: u64,
    /// Whether its owner may execute it.
    pub executable: bool,
    /// Where the container has it: an index, a position.
    #[serde(skip)]
    pub(crate) place: u64,
}

/// Whether an entry is a file or a folder; there is nothing else in a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EntryKind {
    /// A file.
    File,
    /// A folder that the package names. Folders that only hold files need not be named.
    Folder,
}

impl Entry {
    /// Whether it is a file.
    pub fn is_file(&self) -> bool {
        self.kind == EntryKind::File
    }
}

/// Sorts the entries by path and refuses what would be written twice.
///
/// A folder that is named repeatedly is one folder: tarballs that were appended to have that.
pub(crate) fn index(mut entries: Vec<Entry>) -> Result<Vec<Entry>, (String, Refusal)> {
    entries.sort_by(|first, second| first.path.cmp(&second.path));
    entries.dedup_by(|second, first| {
        second.path == first.path && first.kind == EntryKind::Folder && second.kind == EntryKind::Folder
    });
    for pair in entries.windows(2) {
        if pair[0].path == pair[1].path {
            let refusal =
                if pair[0].kind == pair[1].kind { Refusal::Duplicate } else { Refusal::FileAndFolder };
            return Err((pair[0].path.clone(), refusal));
        }
    }
    let files: HashSet<&str> =
        entries.iter().filter(|entry| entry.is_file()).map(|entry| entry.path.as_str()).collect();
    for entry in &entries {
        let above = entry.path.match_indices('/').map(|(end, _)| &entry.path[..end]);
        if let Some(file) = above.into_iter().find(|above| files.contains(above)) {
            return Err((file.to_owned(), Refusal::FileAndFolder));
        }
    }
    Ok(entries)
}

/// The entry of a path in an indexed list.
pub(crate) fn find<'a>(entries: &'a [Entry], path: &str) -> Option<&'a Entry> {
    entries.binary_search_by(|entry| entry.path.as_str().cmp(path)).ok().map(|place| &entries[place])
}

/// Whether the path is a folder, named or only there because files are below it.
pub(crate) fn is_folder(entries: &[Entry], path: &str) -> bool {
    path.is_empty()
        || find(entries, path).is_some_and(|entry| !entry.is_file())
        || has_entries_below(entries, path)
}

/// Whether there is something in a folder.
pub(crate) fn has_entries_below(entries: &[Entry], folder: &str) -> bool {
    let below = format!("{folder}/");
    let first = entries.partition_point(|entry| entry.path < below);
    entries.get(first).is_some_and(|entry| entry.path.starts_with(&below))
}
