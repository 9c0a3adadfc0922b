//! What is in a package, for people and programs.

use crate::entry::Entry;
use crate::meta::Meta;
use crate::package::{Format, Package};

/// What is in a package, without reading its files.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Inspection {
    /// The name that the package was opened by.
    pub name: String,
    /// What holds it.
    pub format: Format,
    /// The size of the archive in bytes; none for a directory.
    pub archive_bytes: Option<u64>,
    /// The number of files.
    pub files: usize,
    /// The sizes of all files together, unpacked, in bytes.
    pub unpacked_bytes: u64,
    /// The version of CSAR, said or inferred.
    pub csar_version: Option<String>,
    /// Who made it.
    pub created_by: Option<String>,
    /// The path of the file to start with.
    pub entry_definitions: Option<String>,
    /// The paths of the files with templates for substitution.
    pub other_definitions: Vec<String>,
    /// Where its TOSCA.meta is, when it has one.
    pub meta_path: Option<String>,
    /// The blocks of its TOSCA.meta.
    pub meta: Option<Meta>,
    /// Its files and named folders, by path.
    pub entries: Vec<Entry>,
    /// The hidden files and folders of a directory that do not belong to the package.
    pub skipped: Vec<String>,
}

impl Package {
    /// Returns what is in the package.
    pub fn inspect(&self) -> Inspection {
        Inspection {
            name: self.name().to_owned(),
            format: self.format(),
            archive_bytes: self.archive_bytes(),
            files: self.entries().iter().filter(|entry| entry.is_file()).count(),
            unpacked_bytes: self.entries().iter().map(|entry| entry.size).sum(),
            csar_version: self.csar_version().map(str::to_owned),
            created_by: self.meta().and_then(|meta| meta.get("Created-By")).map(str::to_owned),
            entry_definitions: self.entry_definitions().map(str::to_owned),
            other_definitions: self.other_definitions().to_vec(),
            meta_path: self.meta_path().map(str::to_owned),
            meta: self.meta().cloned(),
            entries: self.entries().to_vec(),
            skipped: self.skipped().to_vec(),
        }
    }
}
