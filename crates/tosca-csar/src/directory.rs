//! A directory as a package: read as the archive that would be made of it.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::entry::{Entry, EntryKind};
use crate::error::{Error, Exceeded, Refusal};
use crate::limits::{Limits, NAME_LEVELS_MAX};
use crate::name;

/// A directory's files, and perhaps a TOSCA.meta that is not on the disk.
#[derive(Debug, Clone)]
pub(crate) struct Directory {
    /// Absolute and without symbolic links.
    pub(crate) root: PathBuf,
    /// The content of a TOSCA.meta at the root that was made up.
    pub(crate) meta: Option<String>,
}

/// A directory's listing.
pub(crate) struct Listing {
    pub(crate) entries: Vec<Entry>,
    /// The hidden files and folders that were left out, by path.
    pub(crate) skipped: Vec<String>,
}

/// Lists a directory's files, and the folders that are empty.
pub(crate) fn list(package: &str, root: &Path, hidden: bool, limits: &Limits) -> Result<Listing, Error> {
    let mut listing = Listing { entries: Vec::new(), skipped: Vec::new() };
    let mut unpacked_bytes = 0_u64;
    // Paths in the package; the root is the empty one.
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        let open = |source: io::Error| Error::Open { package: package.to_owned(), source };
        let mut is_empty = true;
        for item in fs::read_dir(root.join(&folder)).map_err(open)? {
            let item = item.map_err(open)?;
            is_empty = false;
            let raw = item.file_name();
            let below =
                |name: &str| if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
            let refused = |refusal| Error::Refused {
                package: package.to_owned(),
                entry: below(&raw.to_string_lossy()),
                refusal,
            };
            let path = below(raw.to_str().ok_or_else(|| refused(Refusal::NotUtf8))?);
            if !hidden && name::is_hidden(&path) {
                listing.skipped.push(path);
                continue;
            }
            name::check(path.as_bytes()).map_err(refused)?;
            let kind = item.file_type().map_err(open)?;
            if kind.is_dir() {
                if path.split('/').count() == NAME_LEVELS_MAX {
                    return Err(refused(Refusal::TooDeep(NAME_LEVELS_MAX)));
                }
                folders.push(path);
            } else if kind.is_file() {
                let metadata = item.metadata().map_err(open)?;
                unpacked_bytes = unpacked_bytes.saturating_add(metadata.len());
                listing.entries.push(Entry {
                    path,
                    kind: EntryKind::File,
                    size: metadata.len(),
                    executable: is_executable(&metadata),
                    place: 0,
                });
            } else if kind.is_symlink() {
                return Err(refused(Refusal::SymbolicLink));
            } else {
                return Err(refused(Refusal::Special));
            }
            if listing.entries.len() + folders.len() > limits.entries_max {
                let exceeded = Exceeded::Entries(limits.entries_max);
                return Err(Error::Limit { package: package.to_owned(), exceeded });
            }
            if unpacked_bytes > limits.unpacked_bytes_max {
                let exceeded = Exceeded::UnpackedBytes(limits.unpacked_bytes_max);
                return Err(Error::Limit { package: package.to_owned(), exceeded });
            }
        }
        if is_empty && !folder.is_empty() {
            listing.entries.push(Entry {
                path: folder,
                kind: EntryKind::Folder,
                size: 0,
                executable: false,
                place: 0,
            });
        }
    }
    listing.skipped.sort();
    Ok(listing)
}

impl Directory {
    /// Opens a file of the listing.
    ///
    /// What became a symbolic link since then is not followed out of the directory, as far as the system allows to
    /// see that: a directory that somebody else changes meanwhile is not safe to read.
    pub(crate) fn open(&self, entry: &Entry) -> io::Result<Box<dyn Read>> {
        if let Some(meta) = self.meta.as_ref().filter(|_| entry.path == "TOSCA.meta") {
            return Ok(Box::new(io::Cursor::new(meta.clone().into_bytes())));
        }
        let path = self.root.join(&entry.path);
        if fs::canonicalize(&path)? != path {
            return Err(io::Error::other("it became a symbolic link"));
        }
        if !fs::symlink_metadata(&path)?.is_file() {
            return Err(io::Error::other("it is no longer a file"));
        }
        Ok(Box::new(fs::File::open(path)?))
    }
}

#[cfg(unix)]
fn is_executable(metadata: &fs::Metadata) -> bool {
    std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o100 != 0
}

#[cfg(not(unix))]
fn is_executable(_: &fs::Metadata) -> bool {
    false
}
