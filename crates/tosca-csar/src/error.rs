//! What the program could not do, and what it refused to.

use std::fmt;
use std::io;

use crate::root::Findings;

/// Why a package could not be opened, read, made or extracted.
///
/// Mistakes in what a package says (TOSCA.meta, missing definitions) are diagnostics of the package instead:
/// [`Package::findings`](crate::Package::findings).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file or directory cannot be opened or listed.
    #[error("failed to open package `{package}`")]
    Open {
        /// The package's name.
        package: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Its first bytes are those of no format that is read here.
    #[error("failed to open package `{package}`: it is neither a directory nor a ZIP or tar archive")]
    Unrecognized {
        /// The package's name.
        package: String,
    },
    /// The archive is damaged: cut off, not decompressible, contradicting itself.
    #[error("failed to read archive `{package}`")]
    Damaged {
        /// The package's name.
        package: String,
        /// What is wrong with it.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// An entry is of a kind, or has a name, that no honest package needs.
    #[error("refused package `{package}`: entry `{}` {refusal}", Shown(entry))]
    Refused {
        /// The package's name.
        package: String,
        /// The entry's name as the archive spells it.
        entry: String,
        /// Why.
        refusal: Refusal,
    },
    /// The package is beyond one of the [`Limits`](crate::Limits).
    #[error("refused package `{package}`: {exceeded}")]
    Limit {
        /// The package's name.
        package: String,
        /// Which one.
        exceeded: Exceeded,
    },
    /// There is no file of this path.
    #[error("failed to find `{}` in package `{package}`", Shown(entry))]
    NoSuchEntry {
        /// The package's name.
        package: String,
        /// The path that was asked for.
        entry: String,
    },
    /// The path is a folder's.
    #[error("failed to read `{}` in package `{package}`: it is a folder", Shown(entry))]
    IsFolder {
        /// The package's name.
        package: String,
        /// The path that was asked for.
        entry: String,
    },
    /// A file's content cannot be had: a wrong checksum, a wrong size, a failing disk.
    #[error("failed to read `{}` in package `{package}`", Shown(entry))]
    Entry {
        /// The package's name.
        package: String,
        /// The file's path.
        entry: String,
        /// What is wrong with it.
        #[source]
        source: io::Error,
    },
    /// What should be packed is no valid package; the findings say why.
    #[error("failed to make an archive of `{package}`: it is not a valid package")]
    Invalid {
        /// The package's name.
        package: String,
        /// What is wrong with it.
        findings: Box<Findings>,
    },
    /// An archive may not be made at this place.
    #[error("failed to make archive `{target}`: {why}")]
    Target {
        /// The path that was asked for.
        target: String,
        /// Why not.
        why: &'static str,
    },
    /// The target is there already.
    #[error("failed to write `{target}`: it exists")]
    Exists {
        /// The path that was asked for.
        target: String,
    },
    /// Writing failed. Nothing of what was begun is left.
    #[error("failed to write `{target}`")]
    Write {
        /// What was being written.
        target: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

/// Why an entry is refused; as text, what follows its name.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// `..` or `.` in the middle of the name, or two `/` in a row.
    Traversal,
    /// The name starts with `/`.
    Absolute,
    /// The name has a `\`, which Windows takes for `/`.
    Backslash,
    /// The name starts with a drive's letter.
    Drive,
    /// The name has a NUL or another control character.
    ControlCharacter,
    /// The name is not UTF-8.
    NotUtf8,
    /// There is no name.
    NoName,
    /// The name is longer than this number of bytes.
    NameTooLong(usize),
    /// The name has more levels than this.
    TooDeep(usize),
    /// Two entries have this name.
    Duplicate,
    /// One entry makes it a file and another one a folder.
    FileAndFolder,
    /// It is a symbolic link.
    SymbolicLink,
    /// It is a hard link.
    HardLink,
    /// It is a device, a pipe or a socket.
    Special,
    /// It is a sparse file, which says less than it holds.
    Sparse,
    /// It is of a kind that tar does not define (the byte says which).
    UnknownKind(u8),
    /// It is a folder with content.
    FolderWithContent,
    /// It is encrypted.
    Encrypted,
    /// It is compressed with a method that ISO/IEC 21320-1 does not have.
    Method(u16),
    /// It shares bytes of the archive with another entry.
    Overlapping(String),
    /// The archive gives it two different names.
    TwoNames(String),
    /// The archive gives it two different sizes.
    TwoSizes,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Traversal => f.write_str("would lead out of its folder"),
            Self::Absolute => f.write_str("has an absolute name"),
            Self::Backslash => f.write_str("has a backslash in its name"),
            Self::Drive => f.write_str("has a drive letter in its name"),
            Self::ControlCharacter => f.write_str("has a control character in its name"),
            Self::NotUtf8 => f.write_str("has a name that is not UTF-8"),
            Self::NoName => f.write_str("has no name"),
            Self::NameTooLong(bytes_max) => write!(f, "has a name of more than {bytes_max} bytes"),
            Self::TooDeep(levels_max) => write!(f, "is nested more than {levels_max} levels deep"),
            Self::Duplicate => f.write_str("is there more than once"),
            Self::FileAndFolder => f.write_str("is both a file and a folder"),
            Self::SymbolicLink => f.write_str("is a symbolic link"),
            Self::HardLink => f.write_str("is a hard link"),
            Self::Special => f.write_str("is a device, a pipe or a socket"),
            Self::Sparse => f.write_str("is a sparse file"),
            Self::UnknownKind(kind) => write!(f, "is of an unknown kind, {kind:#04x}"),
            Self::FolderWithContent => f.write_str("is a folder with content"),
            Self::Encrypted => f.write_str("is encrypted"),
            Self::Method(method) => {
                write!(f, "is compressed with method {method}; only stored (0) and deflate (8) are allowed")
            }
            Self::Overlapping(other) => write!(f, "overlaps entry `{}`", Shown(other)),
            Self::TwoNames(other) => write!(f, "is called `{}` elsewhere in the archive", Shown(other)),
            Self::TwoSizes => f.write_str("has two different sizes"),
        }
    }
}

/// The limit that a package is beyond.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Exceeded {
    /// [`Limits::archive_bytes_max`](crate::Limits::archive_bytes_max).
    ArchiveBytes(u64),
    /// [`Limits::entries_max`](crate::Limits::entries_max).
    Entries(usize),
    /// [`Limits::unpacked_bytes_max`](crate::Limits::unpacked_bytes_max).
    UnpackedBytes(u64),
    /// [`Limits::ratio_max`](crate::Limits::ratio_max).
    Ratio(u64),
    /// [`Limits::read_bytes_max`](crate::Limits::read_bytes_max).
    ReadBytes(u64),
}

impl fmt::Display for Exceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ArchiveBytes(max) => write!(f, "it is larger than {max} bytes"),
            Self::Entries(max) => write!(f, "it has more than {max} entries"),
            Self::UnpackedBytes(max) => write!(f, "it unpacks to more than {max} bytes"),
            Self::Ratio(max) => write!(f, "it unpacks to more than {max} times its size"),
            Self::ReadBytes(max) => write!(f, "a file to be read into memory is larger than {max} bytes"),
        }
    }
}

/// A name from an archive, made fit for a terminal: control characters escaped, long ones cut.
pub(crate) struct Shown<'a>(pub(crate) &'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A longer name would hide what is said about it.
        const CHARACTERS_MAX: usize = 120;
        for (index, character) in self.0.chars().enumerate() {
            if index == CHARACTERS_MAX {
                return f.write_str("…");
            }
            if character.is_control() {
                write!(f, "{}", character.escape_default())?;
            } else {
                write!(f, "{character}")?;
            }
        }
        Ok(())
    }
}
