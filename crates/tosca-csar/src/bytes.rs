//! The bytes of an archive, in memory or in a file, for many readers at once.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::Arc;

/// Bytes that any number of readers read, each at its own position.
#[derive(Debug, Clone)]
pub(crate) enum Bytes {
    Memory(Arc<[u8]>),
    #[cfg(feature = "file-system")]
    File {
        file: Arc<std::fs::File>,
        length: u64,
    },
}

impl Bytes {
    pub(crate) fn length(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            #[cfg(feature = "file-system")]
            Self::File { length, .. } => *length,
        }
    }

    pub(crate) fn reader(&self) -> ByteReader {
        ByteReader { bytes: self.clone(), position: 0, ahead: Vec::new(), ahead_start: 0 }
    }

    /// The first bytes, fewer when there are not as many.
    pub(crate) fn beginning(&self, length: usize) -> io::Result<Vec<u8>> {
        let mut beginning = Vec::with_capacity(length);
        self.reader().take(length as u64).read_to_end(&mut beginning)?;
        Ok(beginning)
    }

    fn read_at(&self, position: u64, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Memory(bytes) => {
                let start = usize::try_from(position).unwrap_or(usize::MAX).min(bytes.len());
                let length = buffer.len().min(bytes.len() - start);
                buffer[..length].copy_from_slice(&bytes[start..start + length]);
                Ok(length)
            }
            #[cfg(all(feature = "file-system", unix))]
            Self::File { file, .. } => std::os::unix::fs::FileExt::read_at(&**file, buffer, position),
            #[cfg(all(feature = "file-system", windows))]
            Self::File { file, .. } => std::os::windows::fs::FileExt::seek_read(&**file, buffer, position),
        }
    }
}

/// One reader of [`Bytes`], which reads ahead: archives are full of small fields.
#[derive(Debug, Clone)]
pub(crate) struct ByteReader {
    bytes: Bytes,
    position: u64,
    ahead: Vec<u8>,
    ahead_start: u64,
}

impl Read for ByteReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // Enough that a file is read in few calls, little enough for many readers.
        const AHEAD_BYTES: usize = 32 << 10;
        if matches!(self.bytes, Bytes::Memory(_)) || buffer.len() >= AHEAD_BYTES {
            let length = self.bytes.read_at(self.position, buffer)?;
            self.position += length as u64;
            return Ok(length);
        }
        if self.position < self.ahead_start || self.position >= self.ahead_start + self.ahead.len() as u64 {
            self.ahead.resize(AHEAD_BYTES, 0);
            let length = match self.bytes.read_at(self.position, &mut self.ahead) {
                Ok(length) => length,
                Err(error) => {
                    self.ahead.clear();
                    return Err(error);
                }
            };
            self.ahead.truncate(length);
            self.ahead_start = self.position;
        }
        let rest = &self.ahead[(self.position - self.ahead_start) as usize..];
        let length = buffer.len().min(rest.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        self.position += length as u64;
        Ok(length)
    }
}

impl Seek for ByteReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(distance) => self.bytes.length().checked_add_signed(distance),
            SeekFrom::Current(distance) => self.position.checked_add_signed(distance),
        };
        self.position = position.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.position)
    }
}

/// Takes decompressed bytes: in memory as long as they are few, then in a nameless temporary file.
#[derive(Debug, Default)]
pub(crate) struct Spool {
    memory: Vec<u8>,
    #[cfg(feature = "file-system")]
    file: Option<(std::fs::File, u64)>,
}

/// Beyond this a decompressed tarball goes to a temporary file, so that a large one costs disk and not memory.
#[cfg(feature = "file-system")]
const SPOOL_MEMORY_BYTES_MAX: usize = 32 << 20;

impl Spool {
    pub(crate) fn finish(self) -> Bytes {
        #[cfg(feature = "file-system")]
        if let Some((file, length)) = self.file {
            return Bytes::File { file: Arc::new(file), length };
        }
        Bytes::Memory(self.memory.into())
    }
}

impl Write for Spool {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        #[cfg(feature = "file-system")]
        {
            if self.file.is_none() && self.memory.len() + bytes.len() > SPOOL_MEMORY_BYTES_MAX {
                let mut file = tempfile::tempfile()?;
                file.write_all(&self.memory)?;
                self.file = Some((file, self.memory.len() as u64));
                self.memory = Vec::new();
            }
            if let Some((file, length)) = &mut self.file {
                let written = file.write(bytes)?;
                *length += written as u64;
                return Ok(written);
            }
        }
        self.memory.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
