//! Archives made by hand, also those that no library would make.

use std::io::Write;

use tosca_csar::{Error, Options, Package, Refusal};

/// The smallest TOSCA file.
pub(crate) const TOSCA: &str = "tosca_definitions_version: tosca_2_0\n";

/// An entry of a ZIP archive, honest until a field is changed.
#[derive(Clone)]
pub(crate) struct ZipEntry {
    pub(crate) name: Vec<u8>,
    pub(crate) content: Vec<u8>,
    /// 0 is stored, 8 is deflate; with others the content is taken as it is.
    pub(crate) method: u16,
    pub(crate) flags: u16,
    /// The Unix mode; 0 for none.
    pub(crate) mode: u32,
    /// What the headers say instead of the truth.
    pub(crate) crc: Option<u32>,
    pub(crate) size: Option<u32>,
    pub(crate) local_name: Option<Vec<u8>>,
    /// The index of the entry whose local header the central directory names instead of its own.
    pub(crate) header_of: Option<usize>,
    /// Not in the central directory.
    pub(crate) unlisted: bool,
}

impl ZipEntry {
    pub(crate) fn new(name: impl AsRef<[u8]>, content: impl AsRef<[u8]>) -> Self {
        Self {
            name: name.as_ref().to_vec(),
            content: content.as_ref().to_vec(),
            method: 8,
            flags: 0x800,
            mode: 0,
            crc: None,
            size: None,
            local_name: None,
            header_of: None,
            unlisted: false,
        }
    }

    pub(crate) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }
}

/// The bytes of a ZIP archive, by APPNOTE 4.3.
pub(crate) fn zip(entries: &[ZipEntry]) -> Vec<u8> {
    let mut archive = Vec::new();
    let mut directory = Vec::new();
    let mut positions = Vec::new();
    let mut listed = 0_u16;
    for entry in entries {
        let packed = if entry.method == 8 { deflate(&entry.content) } else { entry.content.clone() };
        let crc = entry.crc.unwrap_or_else(|| {
            let mut crc = flate2::Crc::new();
            crc.update(&entry.content);
            crc.sum()
        });
        let size = entry.size.unwrap_or(entry.content.len() as u32);
        let position = archive.len() as u32;
        positions.push(position);
        // From "version needed" to "length of the extra field", the same in both headers but for the name's length.
        let common = |name: &[u8]| {
            let mut fields = Vec::new();
            for field in [20, entry.flags, entry.method, 0, 0x21] {
                fields.extend(field.to_le_bytes());
            }
            for field in [crc, packed.len() as u32, size] {
                fields.extend(field.to_le_bytes());
            }
            fields.extend((name.len() as u16).to_le_bytes());
            fields.extend(0_u16.to_le_bytes());
            fields
        };
        let local_name = entry.local_name.as_ref().unwrap_or(&entry.name);
        archive.extend(b"PK\x03\x04");
        archive.extend(common(local_name));
        archive.extend(local_name);
        archive.extend(&packed);
        if entry.unlisted {
            continue;
        }
        listed += 1;
        directory.extend(b"PK\x01\x02");
        // Made by version 2.0 on Unix.
        directory.extend(0x0314_u16.to_le_bytes());
        directory.extend(common(&entry.name));
        directory.extend([0; 6]);
        directory.extend((entry.mode << 16).to_le_bytes());
        directory.extend(entry.header_of.map_or(position, |index| positions[index]).to_le_bytes());
        directory.extend(&entry.name);
    }
    let start = archive.len() as u32;
    archive.extend(&directory);
    archive.extend(b"PK\x05\x06\0\0\0\0");
    archive.extend(listed.to_le_bytes());
    archive.extend(listed.to_le_bytes());
    archive.extend((directory.len() as u32).to_le_bytes());
    archive.extend(start.to_le_bytes());
    archive.extend([0; 2]);
    archive
}

/// A valid package as a ZIP archive, and some entries more.
pub(crate) fn zip_with(entries: impl IntoIterator<Item = ZipEntry>) -> Vec<u8> {
    let mut all = vec![ZipEntry::new("service.yaml", TOSCA)];
    all.extend(entries);
    zip(&all)
}

fn deflate(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn zstandard(content: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(content, ruzstd::encoding::CompressionLevel::Fastest)
}

/// An entry of a tarball: its name, kind, content and mode.
pub(crate) type TarEntry<'a> = (&'a [u8], u8, &'a [u8], u32);

/// The bytes of a tarball without its end, by POSIX.
pub(crate) fn tar_open(entries: &[TarEntry<'_>]) -> Vec<u8> {
    let mut archive = Vec::new();
    for &(name, kind, content, mode) in entries {
        let mut header = tar::Header::new_ustar();
        header.as_old_mut().name[..name.len()].copy_from_slice(name);
        header.set_entry_type(tar::EntryType::new(kind));
        header.set_size(content.len() as u64);
        header.set_mode(mode);
        header.set_cksum();
        archive.extend(header.as_bytes());
        archive.extend(content);
        archive.resize(archive.len().next_multiple_of(512), 0);
    }
    archive
}

pub(crate) fn tar(entries: &[TarEntry<'_>]) -> Vec<u8> {
    let mut archive = tar_open(entries);
    archive.resize(archive.len() + 1024, 0);
    archive
}

/// A valid package as a tarball, and some entries more.
pub(crate) fn tar_with<'a>(entries: &[TarEntry<'a>]) -> Vec<u8> {
    let mut all: Vec<TarEntry<'a>> = vec![(b"service.yaml", b'0', TOSCA.as_bytes(), 0o644)];
    all.extend(entries);
    tar(&all)
}

pub(crate) fn open(bytes: Vec<u8>) -> Result<Package, Error> {
    Package::from_bytes("p", bytes, &Options::default())
}

/// The entry that makes an archive refused, and why.
#[track_caller]
pub(crate) fn refusal(bytes: Vec<u8>) -> (String, Refusal) {
    match open(bytes) {
        Err(Error::Refused { entry, refusal, .. }) => (entry, refusal),
        other => panic!("expected a refused entry, got {other:?}"),
    }
}

/// An error and its causes, as a person would see them.
pub(crate) fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}
