//! Tarballs, compressed or not (TOSCA 2.0, 17.1.1.1).

use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};

use crate::bytes::{Bytes, Spool};
use crate::entry::{Entry, EntryKind};
use crate::error::{Error, Exceeded, Refusal};
use crate::limits::{Limits, NAME_BYTES_MAX};
use crate::name::{self, Name};

const BLOCK_BYTES: u64 = 512;

/// The most bytes of extended headers for one entry: names and times, and room for a few attributes.
const EXTENSION_BYTES_MAX: u64 = 64 << 10;

/// Extended headers in a row that say nothing about a file are no honest archive's.
const EXTENSIONS_IN_A_ROW_MAX: usize = 16;

/// Decompresses a tarball, within the limits of what an archive of its size may unpack to.
pub(crate) fn decompress(
    package: &str,
    bytes: &Bytes,
    zstandard: bool,
    limits: &Limits,
) -> Result<Bytes, Error> {
    // A header for each entry, and the record that a tarball is padded to.
    let overhead = (limits.entries_max as u64).saturating_mul(3 * BLOCK_BYTES).min(RECORDS_BYTES_MAX);
    let bytes_max = limits.unpacked_bytes_of(bytes.length()).saturating_add(overhead);
    let mut spool = TarSpool::default();
    let source = BufReader::new(bytes.reader());
    let copied = if zstandard {
        let mut source = source.take(bytes.length());
        copy_zstandard(&mut source, &mut spool, bytes_max)
    } else {
        io::copy(&mut flate2::bufread::MultiGzDecoder::new(source).take(bytes_max + 1), &mut spool)
    };
    match copied {
        Ok(length) if length > bytes_max => Err(Error::Limit {
            package: package.to_owned(),
            exceeded: limits.unpacked_exceeded(bytes.length()),
        }),
        _ if spool.is_other => Err(Error::Unrecognized { package: package.to_owned() }),
        Ok(_) if spool.beginning.len() < BLOCK_BYTES as usize => {
            Err(Error::Unrecognized { package: package.to_owned() })
        }
        Ok(_) => Ok(spool.spool.finish()),
        Err(error) => Err(damaged(package, error)),
    }
}

/// Takes a decompressed tarball, and stops early when it is none: a stream of anything else would be unpacked up to
/// the limits for nothing.
#[derive(Debug, Default)]
struct TarSpool {
    spool: Spool,
    beginning: Vec<u8>,
    is_other: bool,
}

impl Write for TarSpool {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let wanted = BLOCK_BYTES as usize - self.beginning.len();
        if wanted > 0 {
            self.beginning.extend(&bytes[..bytes.len().min(wanted)]);
            self.is_other = self.beginning.len() == BLOCK_BYTES as usize && !is_tar(&self.beginning);
            if self.is_other {
                return Err(io::ErrorKind::InvalidData.into());
            }
        }
        self.spool.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What headers may add to the content that the limits allow.
const RECORDS_BYTES_MAX: u64 = 64 << 20;

/// A Zstandard file is frames, one after another, some of them to be skipped.
fn copy_zstandard(
    source: &mut io::Take<impl io::BufRead>,
    target: &mut TarSpool,
    bytes_max: u64,
) -> io::Result<u64> {
    use ruzstd::decoding::StreamingDecoder;
    use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
    let mut copied = 0;
    while copied <= bytes_max && !io::BufRead::fill_buf(source)?.is_empty() {
        let mut decoder = match StreamingDecoder::new(&mut *source) {
            Ok(decoder) => decoder,
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                length, ..
            })) => {
                let skipped = io::copy(&mut source.by_ref().take(u64::from(length)), &mut io::sink())?;
                if skipped < u64::from(length) {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                continue;
            }
            Err(error) => return Err(io::Error::other(error)),
        };
        copied += io::copy(&mut decoder.by_ref().take(bytes_max + 1 - copied), target)?;
        let decoder = decoder.into_frame_decoder();
        if let (Some(said), Some(found)) =
            (decoder.get_checksum_from_data(), decoder.get_calculated_checksum())
            && said != found
            && copied <= bytes_max
        {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a frame's checksum is wrong"));
        }
    }
    Ok(copied)
}

/// Whether these are the first bytes of a tar archive: a header whose sum is right.
pub(crate) fn is_tar(beginning: &[u8]) -> bool {
    let Some(block) = beginning.get(..BLOCK_BYTES as usize) else { return false };
    let sum: u32 =
        block[..148].iter().chain(&block[156..]).map(|&byte| u32::from(byte)).sum::<u32>() + 8 * 32;
    block[0] != 0 && tar::Header::from_byte_slice(block).cksum().is_ok_and(|said| said == sum)
}

/// Lists a tar archive, or refuses it. The places of entries are the positions of their content.
pub(crate) fn open(
    package: &str,
    bytes: &Bytes,
    archive_bytes: u64,
    limits: &Limits,
) -> Result<Vec<Entry>, Error> {
    let limit = |exceeded| Error::Limit { package: package.to_owned(), exceeded };
    let damaged = |error| damaged(package, error);
    let cut_off = || damaged(io::Error::new(io::ErrorKind::UnexpectedEof, "the archive is cut off"));
    let unpacked_bytes_max = limits.unpacked_bytes_of(archive_bytes);
    let mut unpacked_bytes = 0_u64;
    let mut entries = Vec::new();
    let mut headers = 0;
    let mut end = 0;
    let mut extension = Extension::default();
    let mut archive = tar::Archive::new(bytes.reader());
    // Raw: extended headers are entries like others. The library would read them into memory, however long.
    for header in archive.entries_with_seek().map_err(damaged)?.raw(true) {
        let mut content = header.map_err(damaged)?;
        let (position, size) = (content.raw_file_position(), content.size());
        end = size
            .checked_next_multiple_of(BLOCK_BYTES)
            .and_then(|size| position.checked_add(size))
            .ok_or_else(cut_off)?;
        if position.saturating_add(size) > bytes.length() {
            return Err(cut_off());
        }
        headers += 1;
        if headers > limits.entries_max {
            return Err(limit(Exceeded::Entries(limits.entries_max)));
        }
        let kind = content.header().entry_type();
        let named = String::from_utf8_lossy(&content.header().path_bytes()).into_owned();
        let refused = |entry: &str, refusal| Error::Refused {
            package: package.to_owned(),
            entry: entry.to_owned(),
            refusal,
        };
        if let Some(read) = Extension::reader(kind) {
            if size > EXTENSION_BYTES_MAX {
                return Err(refused(&named, Refusal::NameTooLong(NAME_BYTES_MAX)));
            }
            let mut text = Vec::new();
            content.read_to_end(&mut text).map_err(damaged)?;
            read(&mut extension, &text).map_err(|refusal| refused(&named, refusal))?;
            extension.count += 1;
            if extension.count > EXTENSIONS_IN_A_ROW_MAX {
                return Err(damaged(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "its extended headers have no end",
                )));
            }
            // They are no entries; an entry rarely has more than one.
            headers -= usize::from(extension.count == 1);
            continue;
        }
        let extension = std::mem::take(&mut extension);
        let raw = extension.path.unwrap_or_else(|| content.header().path_bytes().into_owned());
        let spelled = String::from_utf8_lossy(&raw).into_owned();
        let mode = content.header().mode().unwrap_or(0);
        if extension.size.is_some_and(|said| said != size) {
            return Err(refused(&spelled, Refusal::TwoSizes));
        }
        let entry = entry(kind, &raw, size, mode, position).map_err(|refusal| refused(&spelled, refusal))?;
        unpacked_bytes = unpacked_bytes.saturating_add(size);
        if unpacked_bytes > unpacked_bytes_max {
            return Err(limit(limits.unpacked_exceeded(archive_bytes)));
        }
        entries.extend(entry);
    }
    // Without the empty block at the end nobody can tell a whole archive from one that was cut off between entries.
    let mut last = [0xff; BLOCK_BYTES as usize];
    let mut reader = bytes.reader();
    reader.seek(SeekFrom::Start(end)).map_err(damaged)?;
    if reader.read_exact(&mut last).is_err() || last != [0; BLOCK_BYTES as usize] || extension.count > 0 {
        return Err(cut_off());
    }
    Ok(entries)
}

fn damaged(package: &str, error: io::Error) -> Error {
    Error::Damaged { package: package.to_owned(), source: error.into() }
}

fn entry(
    kind: tar::EntryType,
    raw: &[u8],
    size: u64,
    mode: u32,
    position: u64,
) -> Result<Option<Entry>, Refusal> {
    use tar::EntryType as Kind;
    let Name { path, folder } = name::check(raw)?;
    // Before POSIX a folder was a file whose name ends with `/`.
    let kind = match kind {
        Kind::Directory => EntryKind::Folder,
        Kind::Regular | Kind::Continuous if folder => EntryKind::Folder,
        Kind::Regular | Kind::Continuous => EntryKind::File,
        Kind::Symlink => return Err(Refusal::SymbolicLink),
        Kind::Link => return Err(Refusal::HardLink),
        Kind::Char | Kind::Block | Kind::Fifo => return Err(Refusal::Special),
        Kind::GNUSparse => return Err(Refusal::Sparse),
        other => return Err(Refusal::UnknownKind(other.as_byte())),
    };
    if kind == EntryKind::Folder && size > 0 {
        return Err(Refusal::FolderWithContent);
    }
    if path.is_empty() {
        return Ok(None);
    }
    Ok(Some(Entry {
        path,
        kind,
        size,
        executable: kind == EntryKind::File && mode & 0o100 != 0,
        place: position,
    }))
}

/// What the extended headers before an entry say about it.
#[derive(Debug, Default)]
struct Extension {
    path: Option<Vec<u8>>,
    size: Option<u64>,
    count: usize,
}

type ReadExtension = fn(&mut Extension, &[u8]) -> Result<(), Refusal>;

impl Extension {
    /// How to read a header of this kind, when it is an extended one.
    fn reader(kind: tar::EntryType) -> Option<ReadExtension> {
        use tar::EntryType as Kind;
        match kind {
            Kind::GNULongName => Some(Self::read_long_name),
            // The target of a link: the entry that follows is refused for being one.
            Kind::GNULongLink => Some(|_, _| Ok(())),
            Kind::XHeader => Some(Self::read_pax),
            Kind::XGlobalHeader => Some(Self::read_pax_global),
            _ => None,
        }
    }

    fn read_long_name(&mut self, text: &[u8]) -> Result<(), Refusal> {
        let name = text.strip_suffix(&[0]).unwrap_or(text);
        self.set_path(name)
    }

    fn set_path(&mut self, path: &[u8]) -> Result<(), Refusal> {
        match &self.path {
            Some(other) if other != path => {
                Err(Refusal::TwoNames(String::from_utf8_lossy(other).into_owned()))
            }
            _ => {
                self.path = Some(path.to_vec());
                Ok(())
            }
        }
    }

    fn read_pax(&mut self, text: &[u8]) -> Result<(), Refusal> {
        for record in pax_records(text) {
            let (key, value) = record?;
            match key {
                b"path" => self.set_path(value)?,
                b"size" => {
                    let size = std::str::from_utf8(value).ok().and_then(|size| size.parse().ok());
                    self.size = Some(size.ok_or(Refusal::TwoSizes)?);
                }
                key if key.starts_with(b"GNU.sparse.") => return Err(Refusal::Sparse),
                _ => {}
            }
        }
        Ok(())
    }

    /// Global headers hold comments in practice (`git archive` writes the commit). A name or size for all entries
    /// has no honest use.
    fn read_pax_global(&mut self, text: &[u8]) -> Result<(), Refusal> {
        let mut own = Self::default();
        own.read_pax(text)?;
        match own {
            Self { path: Some(path), .. } => {
                Err(Refusal::TwoNames(String::from_utf8_lossy(&path).into_owned()))
            }
            Self { size: Some(_), .. } => Err(Refusal::TwoSizes),
            Self { .. } => Ok(()),
        }
    }
}

/// The records of a pax header: `length key=value` and a line feed, the length counting all of it.
fn pax_records(mut text: &[u8]) -> impl Iterator<Item = Result<(&[u8], &[u8]), Refusal>> {
    std::iter::from_fn(move || {
        if text.is_empty() {
            return None;
        }
        let record = (|| {
            let blank = text.iter().take(8).position(|&byte| byte == b' ')?;
            let length: usize = std::str::from_utf8(&text[..blank]).ok()?.parse().ok()?;
            let record = text.get(blank + 1..length)?.strip_suffix(b"\n")?;
            let equals = record.iter().position(|&byte| byte == b'=')?;
            Some((length, &record[..equals], &record[equals + 1..]))
        })();
        let Some((length, key, value)) = record else {
            text = &[];
            return Some(Err(Refusal::UnknownKind(b'x')));
        };
        text = &text[length..];
        Some(Ok((key, value)))
    })
}
