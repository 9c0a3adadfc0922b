//! A package as a ZIP archive, the same bytes every time.

use std::io::{Seek, Write};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, System, ZipWriter};

use crate::entry;
use crate::error::Error;
use crate::package::Package;

/// Neither fast nor small: what everybody uses.
const DEFLATE_LEVEL: i64 = 6;

impl Package {
    /// Writes the package as a ZIP archive.
    ///
    /// Equal files give equal bytes: entries are in the order of their paths, without times (1980-01-01, ZIP's zero)
    /// and owners, and of their modes only that a file is executable is kept. Folders are there when they are empty.
    ///
    /// # Errors
    /// When a file cannot be read or writing fails. The target then has a part of the archive.
    pub fn write_zip(&self, target: impl Write + Seek) -> Result<(), Error> {
        let failed = |error: zip::result::ZipError| Error::Write {
            target: format!("archive of {}", self.name()),
            source: match error {
                zip::result::ZipError::Io(error) => error,
                error => std::io::Error::other(error),
            },
        };
        let options = SimpleFileOptions::default()
            .system(System::Unix)
            .last_modified_time(DateTime::DEFAULT)
            .compression_method(CompressionMethod::Deflated)
            .compression_level(Some(DEFLATE_LEVEL));
        let mut writer = ZipWriter::new(target);
        for entry in self.entries() {
            if !entry.is_file() {
                if !entry::has_entries_below(self.entries(), &entry.path) {
                    let name = format!("{}/", entry.path);
                    writer
                        .add_directory(name, options.compression_level(None).unix_permissions(0o755))
                        .map_err(failed)?;
                }
                continue;
            }
            let options = options
                .unix_permissions(if entry.executable { 0o755 } else { 0o644 })
                .large_file(entry.size >= u64::from(u32::MAX));
            writer.start_file(&entry.path, options).map_err(failed)?;
            self.copy_entry(entry, &mut writer)?;
        }
        let mut target = writer.finish().map_err(failed)?;
        target.flush().map_err(|error| failed(error.into()))
    }
}
