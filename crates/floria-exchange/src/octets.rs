//! A file, octet by octet.

use std::io::{self, Read};

use crate::Place;

const BUFFER_OCTETS: usize = 64 * 1024;

/// Reads octets and counts them, lines and characters.
pub(crate) struct Octets<R> {
    reader: R,
    buffer: Box<[u8]>,
    /// What of the buffer is not read yet.
    start: usize,
    end: usize,
    offset: u64,
    line: u64,
    column: u64,
}

impl<R: Read> Octets<R> {
    pub(crate) fn new(reader: R) -> Self {
        let buffer = vec![0; BUFFER_OCTETS].into_boxed_slice();
        Self { reader, buffer, start: 0, end: 0, offset: 0, line: 1, column: 1 }
    }

    /// Returns how many octets were read.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Returns the place of the next octet in text.
    pub(crate) fn text_place(&self) -> Place {
        Place::Text { line: self.line, column: self.column }
    }

    fn fill(&mut self) -> io::Result<()> {
        while self.start == self.end {
            match self.reader.read(&mut self.buffer) {
                Ok(count) => {
                    (self.start, self.end) = (0, count);
                    break;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Returns the next octet and leaves it there; None at the end.
    pub(crate) fn peek(&mut self) -> io::Result<Option<u8>> {
        self.fill()?;
        Ok(self.buffer[self.start..self.end].first().copied())
    }

    /// Takes the next octet; None at the end.
    pub(crate) fn next(&mut self) -> io::Result<Option<u8>> {
        let next = self.peek()?;
        if let Some(octet) = next {
            self.start += 1;
            self.offset += 1;
            match octet {
                b'\n' => (self.line, self.column) = (self.line + 1, 1),
                // Within a character.
                0x80..=0xbf => {}
                _ => self.column += 1,
            }
        }
        Ok(next)
    }

    /// Takes some of the octets that are at hand, as far as `wanted` is true of them, and appends them. The end of text lines
    /// must not be among them. Returns how many it took.
    pub(crate) fn take_while(
        &mut self,
        text: &mut Vec<u8>,
        wanted: impl Fn(u8) -> bool,
    ) -> io::Result<usize> {
        self.fill()?;
        let here = &self.buffer[self.start..self.end];
        let count = here.iter().position(|octet| !wanted(*octet)).unwrap_or(here.len());
        text.extend_from_slice(&here[..count]);
        self.column += here[..count].iter().filter(|octet| !matches!(octet, 0x80..=0xbf)).count() as u64;
        self.start += count;
        self.offset += count as u64;
        Ok(count)
    }

    /// Takes exactly `length` octets; [`io::ErrorKind::UnexpectedEof`] when there are fewer. Memory grows with what is there,
    /// not with what is asked for.
    pub(crate) fn take_octets(&mut self, length: u64) -> io::Result<Vec<u8>> {
        let mut octets = Vec::new();
        let mut left = length;
        while left > 0 {
            self.fill()?;
            let here = &self.buffer[self.start..self.end];
            if here.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let count = here.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            octets.extend_from_slice(&here[..count]);
            self.start += count;
            self.offset += count as u64;
            left -= count as u64;
        }
        Ok(octets)
    }
}

/// For the readers of binary formats: lines are not counted.
impl<R: Read> Read for Octets<R> {
    fn read(&mut self, octets: &mut [u8]) -> io::Result<usize> {
        self.fill()?;
        let here = &self.buffer[self.start..self.end];
        let count = here.len().min(octets.len());
        octets[..count].copy_from_slice(&here[..count]);
        self.start += count;
        self.offset += count as u64;
        Ok(count)
    }
}
