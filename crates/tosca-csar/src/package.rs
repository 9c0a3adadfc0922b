//! The package itself.

use std::fmt;
use std::io::{self, Read, Write};

use crate::bytes::Bytes;
#[cfg(feature = "file-system")]
use crate::directory::{self, Directory};
use crate::entry::{self, Entry};
use crate::error::{Error, Exceeded};
use crate::limits::Limits;
use crate::meta::Meta;
use crate::root::{self, Findings, Root};
use crate::tarball;
use crate::zipped::{self, Zipped};

/// How to open a package.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// What it may cost.
    pub limits: Limits,
    /// Whether a directory's hidden files (those with a part that starts with a dot) belong to it. In archives they
    /// always do.
    pub hidden: bool,
}

/// What holds a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub enum Format {
    /// A directory.
    #[serde(rename = "directory")]
    Directory,
    /// A ZIP archive.
    #[serde(rename = "zip")]
    Zip,
    /// A tarball.
    #[serde(rename = "tar")]
    Tar,
    /// A tarball compressed with gzip.
    #[serde(rename = "tar.gz")]
    TarGzip,
    /// A tarball compressed with Zstandard.
    #[serde(rename = "tar.zst")]
    TarZstandard,
}

impl Format {
    /// The word for it: `zip`, `tar.gz`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Directory => "directory",
            Self::Zip => "zip",
            Self::Tar => "tar",
            Self::TarGzip => "tar.gz",
            Self::TarZstandard => "tar.zst",
        }
    }

    /// By the first bytes: names lie. An archive with anything in front of it is not one.
    fn of(beginning: &[u8]) -> Option<Self> {
        match beginning {
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Some(Self::Zip),
            [0x1f, 0x8b, ..] => Some(Self::TarGzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Self::TarZstandard),
            // A frame to be skipped, which some compressors put first.
            [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Self::TarZstandard),
            _ => tarball::is_tar(beginning).then_some(Self::Tar),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A cloud service archive: a directory, a ZIP archive or a tarball, listed and found honest.
///
/// That it is open says that its container is sound: names that stay inside, files and folders only, nothing twice,
/// all within the [`Limits`]. Whether it says sound things about itself is in its [findings](Self::findings); whether
/// every byte is right is found out by reading, or by [`verify`](Self::verify) for all.
#[derive(Debug, Clone)]
pub struct Package {
    pub(crate) name: String,
    /// What stands before an entry's path in a locator.
    pub(crate) locator_prefix: String,
    pub(crate) display_prefix: String,
    format: Format,
    contents: Contents,
    archive_bytes: Option<u64>,
    entries: Vec<Entry>,
    skipped: Vec<String>,
    root: Root,
    limits: Limits,
}

#[derive(Debug, Clone)]
enum Contents {
    #[cfg(feature = "file-system")]
    Directory(Directory),
    Zip(Zipped),
    Tar(Bytes),
}

impl Package {
    /// Opens an archive in memory. Its name is for messages and locators.
    ///
    /// # Errors
    /// When it is damaged, refused or beyond the limits.
    pub fn from_bytes(
        name: impl Into<String>,
        bytes: impl Into<Vec<u8>>,
        options: &Options,
    ) -> Result<Self, Error> {
        let name = name.into();
        let prefix = format!("{name}!/");
        Self::open_archive(name, prefix, Bytes::Memory(bytes.into().into()), options)
    }

    /// Opens a directory or an archive.
    ///
    /// # Errors
    /// When it cannot be opened, is damaged, refused or beyond the limits.
    #[cfg(feature = "file-system")]
    pub fn open(path: impl AsRef<std::path::Path>) -> Result<Self, Error> {
        Self::open_with(path, &Options::default())
    }

    /// Opens a directory or an archive with options.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    #[cfg(feature = "file-system")]
    pub fn open_with(path: impl AsRef<std::path::Path>, options: &Options) -> Result<Self, Error> {
        let path = path.as_ref();
        Self::open_as(path.to_string_lossy().into_owned(), path, options)
    }

    /// Opens what is at a path under another name, for messages.
    #[cfg(feature = "file-system")]
    pub(crate) fn open_as(name: String, path: &std::path::Path, options: &Options) -> Result<Self, Error> {
        let open = |source| Error::Open { package: name.clone(), source };
        let absolute = std::fs::canonicalize(path).map_err(open)?;
        let metadata = std::fs::metadata(&absolute).map_err(open)?;
        if metadata.is_dir() {
            return Self::open_directory(name, absolute, None, options);
        }
        if !metadata.is_file() {
            return Err(open(io::Error::other("it is neither a file nor a directory")));
        }
        let file = std::fs::File::open(&absolute).map_err(open)?;
        let length = file.metadata().map_err(open)?.len();
        let prefix = format!("{}!/", absolute.to_string_lossy());
        let bytes = Bytes::File { file: std::sync::Arc::new(file), length };
        Self::open_archive(name, prefix, bytes, options)
    }

    /// A directory as a package, with a TOSCA.meta that is not on the disk when one is given.
    #[cfg(feature = "file-system")]
    pub(crate) fn open_directory(
        name: String,
        root: std::path::PathBuf,
        meta: Option<String>,
        options: &Options,
    ) -> Result<Self, Error> {
        let directory::Listing { mut entries, skipped } =
            directory::list(&name, &root, options.hidden, &options.limits)?;
        if let Some(meta) = &meta {
            entries.push(Entry {
                path: root::META_PATHS[0].to_owned(),
                kind: entry::EntryKind::File,
                size: meta.len() as u64,
                executable: false,
                place: 0,
            });
        }
        let mut locator_prefix = root.to_string_lossy().into_owned();
        if !locator_prefix.ends_with('/') {
            locator_prefix.push('/');
        }
        let display_prefix = match name.trim_end_matches('/') {
            "." => String::new(),
            name => format!("{name}/"),
        };
        let package = Self {
            name,
            locator_prefix,
            display_prefix,
            format: Format::Directory,
            contents: Contents::Directory(Directory { root, meta }),
            archive_bytes: None,
            entries,
            skipped,
            root: Root::default(),
            limits: options.limits,
        };
        package.examined()
    }

    fn open_archive(
        name: String,
        locator_prefix: String,
        bytes: Bytes,
        options: &Options,
    ) -> Result<Self, Error> {
        let limits = &options.limits;
        let length = bytes.length();
        if length > limits.archive_bytes_max {
            let exceeded = Exceeded::ArchiveBytes(limits.archive_bytes_max);
            return Err(Error::Limit { package: name, exceeded });
        }
        let beginning =
            bytes.beginning(512).map_err(|source| Error::Open { package: name.clone(), source })?;
        let Some(format) = Format::of(&beginning) else {
            return Err(Error::Unrecognized { package: name });
        };
        let (contents, entries) = match format {
            Format::Zip => {
                let (zipped, entries) = zipped::open(&name, &bytes, limits)?;
                (Contents::Zip(zipped), entries)
            }
            Format::TarGzip | Format::TarZstandard => {
                let tar = tarball::decompress(&name, &bytes, format == Format::TarZstandard, limits)?;
                let entries = tarball::open(&name, &tar, length, limits)?;
                (Contents::Tar(tar), entries)
            }
            Format::Tar | Format::Directory => {
                let entries = tarball::open(&name, &bytes, length, limits)?;
                (Contents::Tar(bytes), entries)
            }
        };
        let package = Self {
            display_prefix: format!("{name}!/"),
            name,
            locator_prefix,
            format,
            contents,
            archive_bytes: Some(length),
            entries,
            skipped: Vec::new(),
            root: Root::default(),
            limits: *limits,
        };
        package.examined()
    }

    /// Sorts the entries and reads what the package says about itself.
    fn examined(mut self) -> Result<Self, Error> {
        self.entries = entry::index(std::mem::take(&mut self.entries))
            .map_err(|(entry, refusal)| Error::Refused { package: self.name.clone(), entry, refusal })?;
        self.root = root::examine(
            |path| format!("{}{path}", self.display_prefix),
            &self.entries,
            |entry, bytes_max| {
                let mut content = Vec::new();
                self.read_with(entry, |reader| reader.take(bytes_max).read_to_end(&mut content))?;
                Ok(content)
            },
        )?;
        Ok(self)
    }

    /// The name that it was opened by.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What holds it.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The size of the archive in bytes; none for a directory.
    pub fn archive_bytes(&self) -> Option<u64> {
        self.archive_bytes
    }

    /// Its files and named folders, by path.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entry of a path.
    pub fn entry(&self, path: &str) -> Option<&Entry> {
        entry::find(&self.entries, path)
    }

    /// Whether the path is a folder, be it only because files are below it.
    pub fn is_folder(&self, path: &str) -> bool {
        entry::is_folder(&self.entries, path)
    }

    /// The hidden files and folders of a directory that do not belong to the package.
    pub fn skipped(&self) -> &[String] {
        &self.skipped
    }

    /// The path of the file to start with: what TOSCA.meta says, or the single YAML file at the root. None when that
    /// is not known; the findings then have an error. When they have none, it exists.
    pub fn entry_definitions(&self) -> Option<&str> {
        self.root.entry_definitions.as_deref()
    }

    /// The paths of the files with templates for substitution.
    pub fn other_definitions(&self) -> &[String] {
        &self.root.other_definitions
    }

    /// The version of CSAR: what TOSCA.meta says, or what goes with the entry's `tosca_definitions_version`.
    pub fn csar_version(&self) -> Option<&str> {
        self.root.csar_version.as_deref()
    }

    /// Its TOSCA.meta, as far as it could be understood.
    pub fn meta(&self) -> Option<&Meta> {
        self.root.meta.as_ref()
    }

    /// Where its TOSCA.meta is.
    pub fn meta_path(&self) -> Option<&str> {
        self.root.meta_path
    }

    /// What is wrong with what it says about itself.
    pub fn findings(&self) -> &Findings {
        &self.root.findings
    }

    /// Reads a file whole.
    ///
    /// # Errors
    /// When there is no such file, it is larger than [`Limits::read_bytes_max`], or its content is damaged.
    pub fn read(&self, path: &str) -> Result<Vec<u8>, Error> {
        let entry = self.file(path)?;
        if entry.size > self.limits.read_bytes_max {
            let exceeded = Exceeded::ReadBytes(self.limits.read_bytes_max);
            return Err(Error::Limit { package: self.name.clone(), exceeded });
        }
        let mut content = Vec::with_capacity(usize::try_from(entry.size.min(1 << 20)).unwrap_or(0));
        self.copy_entry(entry, &mut content)?;
        Ok(content)
    }

    /// Copies a file's content, whatever its size.
    ///
    /// # Errors
    /// When there is no such file, its content is damaged (a part of it may have been written then), or writing
    /// fails.
    pub fn copy(&self, path: &str, target: &mut dyn Write) -> Result<u64, Error> {
        self.copy_entry(self.file(path)?, target)
    }

    fn file(&self, path: &str) -> Result<&Entry, Error> {
        match self.entry(path) {
            Some(entry) if entry.is_file() => Ok(entry),
            _ if self.is_folder(path) => {
                Err(Error::IsFolder { package: self.name.clone(), entry: path.to_owned() })
            }
            _ => Err(Error::NoSuchEntry { package: self.name.clone(), entry: path.to_owned() }),
        }
    }

    /// Copies exactly as many bytes as the entry says that it has.
    pub(crate) fn copy_entry(&self, entry: &Entry, target: &mut dyn Write) -> Result<u64, Error> {
        let mut failed_write = None;
        let copied = self.read_with(entry, |reader| {
            // One more than it should have: reaching the end is what checks the checksum, and a liar is found out.
            let mut reader = reader.take(entry.size.saturating_add(1));
            let mut buffer = vec![0; 64 << 10];
            let mut copied = 0_u64;
            loop {
                let length = match reader.read(&mut buffer) {
                    Ok(0) => return Ok(copied),
                    Ok(length) => length,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) => return Err(error),
                };
                copied += length as u64;
                if copied > entry.size {
                    return Ok(copied);
                }
                if let Err(error) = target.write_all(&buffer[..length]) {
                    failed_write = Some(error);
                    return Ok(copied);
                }
            }
        })?;
        if let Some(source) = failed_write {
            return Err(Error::Write { target: entry.path.clone(), source });
        }
        if copied != entry.size {
            let why = if copied > entry.size { "it has more bytes than" } else { "it has fewer bytes than" };
            let source = io::Error::new(
                io::ErrorKind::InvalidData,
                format!("{why} the {} that were announced", entry.size),
            );
            return Err(Error::Entry { package: self.name.clone(), entry: entry.path.clone(), source });
        }
        Ok(copied)
    }

    fn read_with<T>(
        &self,
        entry: &Entry,
        read: impl FnOnce(&mut dyn Read) -> io::Result<T>,
    ) -> Result<T, Error> {
        let outcome = match &self.contents {
            #[cfg(feature = "file-system")]
            Contents::Directory(directory) => directory.open(entry).and_then(|mut file| read(&mut file)),
            Contents::Zip(zipped) => zipped.read(entry.place, read),
            Contents::Tar(bytes) => {
                let mut reader = bytes.reader();
                io::Seek::seek(&mut reader, io::SeekFrom::Start(entry.place))
                    .and_then(|_| read(&mut reader.take(entry.size)))
            }
        };
        outcome.map_err(|source| Error::Entry {
            package: self.name.clone(),
            entry: entry.path.clone(),
            source,
        })
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }
}
