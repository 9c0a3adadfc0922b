//! ZIP archives (TOSCA 2.0, 17.1.1.2; ISO/IEC 21320-1).

use std::collections::HashSet;
use std::io::{Read, Seek, SeekFrom};

use zip::read::{ArchiveOffset, Config, ZipFileEntry};
// Not covered by the version's promise (hence `~` in the manifest), and the one way to count entries before they are
// in memory and to see names that are there twice.
use zip::unstable::read::ZipIterable;
use zip::{ZipArchive, ZipReadOptions};

use crate::bytes::{ByteReader, Bytes};
use crate::entry::{Entry, EntryKind};
use crate::error::{Error, Exceeded, Refusal};
use crate::limits::Limits;
use crate::name;

/// The signature of the record at the end, and of the two before it in archives with 64-bit fields (APPNOTE 4.3.14
/// to 4.3.16).
const END: &[u8] = b"PK\x05\x06";
const END_64: &[u8] = b"PK\x06\x06";
const END_64_LOCATOR: &[u8] = b"PK\x06\x07";

const STORED: u16 = 0;
const DEFLATED: u16 = 8;

/// The kind of file in a Unix mode, and its values.
const MODE_KIND: u32 = 0o170_000;
const MODE_FOLDER: u32 = 0o040_000;
const MODE_FILE: u32 = 0o100_000;
const MODE_SYMBOLIC_LINK: u32 = 0o120_000;

/// A ZIP archive that was found honest.
#[derive(Debug, Clone)]
pub(crate) struct Zipped {
    archive: ZipArchive<ByteReader>,
}

/// Lists a ZIP archive, or refuses it.
///
/// The central directory is walked twice: record by record, because only that sees names that are there twice, and
/// then as the library indexes it, which is what is read later. Both must have found the same.
pub(crate) fn open(package: &str, bytes: &Bytes, limits: &Limits) -> Result<(Zipped, Vec<Entry>), Error> {
    let damaged = |error| damaged(package, error);
    let unreadable =
        |error: std::io::Error| Error::Damaged { package: package.to_owned(), source: error.into() };
    let refused = |entry: &str, refusal| Error::Refused {
        package: package.to_owned(),
        entry: entry.to_owned(),
        refusal,
    };
    // An archive starts with its first entry: with anything in front, other readers would see another file.
    let config = Config { archive_offset: ArchiveOffset::Known(0) };
    let mut records = ZipIterable::try_new(bytes.reader(), config).map_err(damaged)?;
    if records.len() > limits.entries_max {
        return Err(Error::Limit {
            package: package.to_owned(),
            exceeded: Exceeded::Entries(limits.entries_max),
        });
    }
    let mut local = bytes.reader();
    let mut entries = Vec::with_capacity(records.len());
    let mut ranges = Vec::with_capacity(records.len());
    let mut names = HashSet::new();
    let unpacked_bytes_max = limits.unpacked_bytes_of(bytes.length());
    let mut unpacked_bytes = 0_u64;
    let mut directory_end = None;
    for (index, record) in records.files().map_err(damaged)?.enumerate() {
        let record = record.map_err(damaged)?;
        let spelled = spelled(&record);
        let entry = entry(&record, index).map_err(|refusal| refused(&spelled, refusal))?;
        if !names.insert(record.name_raw().to_vec()) {
            return Err(refused(&spelled, Refusal::Duplicate));
        }
        unpacked_bytes = unpacked_bytes.saturating_add(record.size());
        if unpacked_bytes > unpacked_bytes_max {
            let exceeded = limits.unpacked_exceeded(bytes.length());
            return Err(Error::Limit { package: package.to_owned(), exceeded });
        }
        let (range, local_name) = range(&mut local, &record).map_err(unreadable)?;
        if local_name != record.name_raw() {
            let other = String::from_utf8_lossy(&local_name).into_owned();
            return Err(refused(&spelled, Refusal::TwoNames(other)));
        }
        ranges.push((range, spelled));
        directory_end = Some(record_end(&mut local, &record).map_err(unreadable)?);
        entries.extend(entry);
    }
    ranges.sort();
    for pair in ranges.windows(2) {
        let ((first, first_name), (second, second_name)) = (&pair[0], &pair[1]);
        if first.1 > second.0 {
            return Err(refused(second_name, Refusal::Overlapping(first_name.clone())));
        }
    }
    let mut archive = ZipArchive::with_config(config, bytes.reader()).map_err(damaged)?;
    if archive.len() != names.len() || archive.has_duplicate_names() {
        return Err(contradictory(package, "its central directory is not the one that its end names"));
    }
    // The remaining contradictions: sizes, checksums and methods that differ between the headers, content under the
    // central directory, entries that are there and not listed.
    archive.validate_header_consistency().map_err(damaged)?;
    let directory_end = directory_end.unwrap_or(archive.central_directory_start());
    if !ends_after(&mut local, directory_end, bytes.length()).map_err(unreadable)? {
        return Err(contradictory(package, "something else follows its central directory"));
    }
    if archive.comment().windows(END.len()).any(|window| window == END) {
        return Err(contradictory(package, "its comment holds the end of another archive"));
    }
    Ok((Zipped { archive }, entries))
}

impl Zipped {
    /// A reader of the entry at a place; its end checks the checksum.
    pub(crate) fn read<T>(
        &self,
        place: u64,
        read: impl FnOnce(&mut dyn Read) -> std::io::Result<T>,
    ) -> std::io::Result<T> {
        let mut archive = self.archive.clone();
        let options = ZipReadOptions::new().enforce_header_consistency(true);
        let mut file =
            archive.by_index_with_options(place as usize, options).map_err(std::io::Error::other)?;
        read(&mut file)
    }
}

fn damaged(package: &str, error: zip::result::ZipError) -> Error {
    Error::Damaged { package: package.to_owned(), source: error.into() }
}

fn contradictory(package: &str, why: &'static str) -> Error {
    Error::Damaged { package: package.to_owned(), source: why.into() }
}

fn spelled(record: &ZipFileEntry<'_>) -> String {
    String::from_utf8_lossy(record.name_raw()).into_owned()
}

/// What a record of the central directory says; `None` for the root folder itself.
fn entry(record: &ZipFileEntry<'_>, index: usize) -> Result<Option<Entry>, Refusal> {
    let name = name::check(record.name_raw())?;
    // A field beside the name can hold another one, which some readers prefer. Names that are not ASCII and not
    // marked as UTF-8 would be CP437 to the library; that they are UTF-8 was checked above.
    if record.name_raw().is_ascii() {
        let other = record.name().map_err(|_| Refusal::NotUtf8)?;
        if other.as_bytes() != record.name_raw() {
            return Err(Refusal::TwoNames(other.into_owned()));
        }
    }
    if record.encrypted() {
        return Err(Refusal::Encrypted);
    }
    let mode = record.unix_mode().unwrap_or(0);
    let folder = match mode & MODE_KIND {
        0 => name.folder,
        MODE_FILE if !name.folder => false,
        MODE_FOLDER if name.folder => true,
        MODE_FILE | MODE_FOLDER => return Err(Refusal::FileAndFolder),
        MODE_SYMBOLIC_LINK => return Err(Refusal::SymbolicLink),
        _ => return Err(Refusal::Special),
    };
    if folder && record.size() > 0 {
        return Err(Refusal::FolderWithContent);
    }
    let method = record.compression().into_compression().as_u16();
    if !matches!(method, STORED | DEFLATED) {
        return Err(Refusal::Method(method));
    }
    if name.path.is_empty() {
        return Ok(None);
    }
    Ok(Some(Entry {
        path: name.path,
        kind: if folder { EntryKind::Folder } else { EntryKind::File },
        size: record.size(),
        executable: !folder && mode & 0o100 != 0,
        place: index as u64,
    }))
}

/// The bytes that an entry takes of the archive, from its local header to the end of its content, and the name that
/// the local header has.
fn range(reader: &mut ByteReader, record: &ZipFileEntry<'_>) -> std::io::Result<((u64, u64), Vec<u8>)> {
    // APPNOTE 4.3.7: 26 bytes of fields after the signature, then the lengths of name and extra field.
    let start = record.header_start();
    let mut header = [0; 30];
    reader.seek(SeekFrom::Start(start))?;
    reader.read_exact(&mut header)?;
    let name_length = u16::from_le_bytes([header[26], header[27]]);
    let extra_length = u16::from_le_bytes([header[28], header[29]]);
    let mut name = vec![0; usize::from(name_length)];
    reader.read_exact(&mut name)?;
    let end = (start + 30 + u64::from(name_length) + u64::from(extra_length))
        .checked_add(record.compressed_size())
        .ok_or_else(|| std::io::Error::from(std::io::ErrorKind::InvalidData))?;
    Ok(((start, end), name))
}

/// Where a record of the central directory ends (APPNOTE 4.3.12).
fn record_end(reader: &mut ByteReader, record: &ZipFileEntry<'_>) -> std::io::Result<u64> {
    let start = record.central_header_start();
    let mut header = [0; 46];
    reader.seek(SeekFrom::Start(start))?;
    reader.read_exact(&mut header)?;
    let length = |at: usize| u64::from(u16::from_le_bytes([header[at], header[at + 1]]));
    Ok(start + 46 + length(28) + length(30) + length(32))
}

/// Whether the records of the end, and its comment, are all that follows the central directory.
///
/// The library looks for an end that fits, and skips others; other readers take the last one. An archive that is
/// followed by another one would be two packages, one for each.
fn ends_after(reader: &mut ByteReader, mut position: u64, length: u64) -> std::io::Result<bool> {
    let mut read = |position: u64| {
        let mut fields = [0; 22];
        reader.seek(SeekFrom::Start(position))?;
        match reader.read_exact(&mut fields) {
            Ok(()) => Ok(Some(fields)),
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(error),
        }
    };
    let Some(mut fields) = read(position)? else { return Ok(false) };
    if fields.starts_with(END_64) {
        let size = fields[4..12].try_into().map_or(0, u64::from_le_bytes);
        let Some(locator) = position.checked_add(12).and_then(|start| start.checked_add(size)) else {
            return Ok(false);
        };
        match read(locator)? {
            Some(fields) if fields.starts_with(END_64_LOCATOR) => {}
            _ => return Ok(false),
        }
        position = locator + 20;
        match read(position)? {
            Some(end) => fields = end,
            None => return Ok(false),
        }
    }
    let comment = u64::from(u16::from_le_bytes([fields[20], fields[21]]));
    Ok(fields.starts_with(END) && position + 22 + comment == length)
}
