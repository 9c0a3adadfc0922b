//! How much of a package is too much.

use crate::error::Exceeded;

/// What a package may cost. Whoever trusts its packages more can raise them; nothing turns them off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The size of the archive itself, in bytes.
    pub archive_bytes_max: u64,
    /// The number of entries, folders included.
    pub entries_max: usize,
    /// The sizes of all files together, unpacked, in bytes.
    pub unpacked_bytes_max: u64,
    /// How many times larger than the archive its unpacked content may be, once it is beyond
    /// [`RATIO_FREE_BYTES`].
    pub ratio_max: u64,
    /// The size of a file that is read into memory whole, in bytes. Copying has no such limit.
    pub read_bytes_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // Disk images travel in packages, and beyond this they are better fetched from where they are made.
            archive_bytes_max: 4 << 30,
            // What a ZIP file without extensions can count, plus one; a list of them costs some megabytes.
            entries_max: 65_536,
            // Fits beside the archive on any disk that held it, and is extracted in about a minute.
            unpacked_bytes_max: 8 << 30,
            // Source text reaches 20, logs 50; deflate ends at about 1,000, and only bombs and zeros come near.
            ratio_max: 200,
            // TOSCA files are far smaller, and scripts and packages are copied rather than read.
            read_bytes_max: 256 << 20,
        }
    }
}

/// Unpacking this much is never a bomb, whatever the archive's size: a small archive of zeros stays welcome.
pub const RATIO_FREE_BYTES: u64 = 64 << 20;

/// The longest name of an entry, in bytes: a quarter of what Linux allows a whole path, so that the target's own
/// path fits before it.
pub const NAME_BYTES_MAX: usize = 1024;

/// The longest part of a name between two `/`, in bytes: what file systems allow.
pub const NAME_PART_BYTES_MAX: usize = 255;

/// The most levels of a name: deeper than any tree that people made, and it bounds the work of checking each one.
pub const NAME_LEVELS_MAX: usize = 64;

/// The largest TOSCA.meta, in bytes: room for a block about each of a thousand files.
pub const META_BYTES_MAX: u64 = 256 << 10;

impl Limits {
    /// The most bytes that an archive of this size may unpack to.
    pub(crate) fn unpacked_bytes_of(&self, archive_bytes: u64) -> u64 {
        self.by_ratio(archive_bytes).min(self.unpacked_bytes_max)
    }

    /// Which limit that is.
    pub(crate) fn unpacked_exceeded(&self, archive_bytes: u64) -> Exceeded {
        if self.by_ratio(archive_bytes) < self.unpacked_bytes_max {
            Exceeded::Ratio(self.ratio_max)
        } else {
            Exceeded::UnpackedBytes(self.unpacked_bytes_max)
        }
    }

    fn by_ratio(&self, archive_bytes: u64) -> u64 {
        archive_bytes.saturating_mul(self.ratio_max).max(RATIO_FREE_BYTES)
    }
}
