//! Entities as octets: deterministic CBOR, and digests of it.

use std::io::{self, Read as _, Write as _};

use flate2::{Compression, read::ZlibDecoder, write::ZlibEncoder};
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest as _, Sha256};

use crate::{Design, Graph, Value};

/// How deep what is encoded may nest, in levels of CBOR: a value nested in lists takes one level each, a call in a call
/// three. What exceeds this is refused when it is written, so that everything written can be read.
pub const ENCODED_DEPTH_MAX: usize = 200;

/// The same for reading, where serde takes up to two levels for one of ours.
const DECODED_DEPTH_MAX: usize = 2 * ENCODED_DEPTH_MAX + 16;

/// Why something could not be written as CBOR, or read.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// It nests too deep.
    #[error("it nests deeper than {ENCODED_DEPTH_MAX} levels")]
    TooDeep,
    /// It is not CBOR, or not of what was asked for.
    #[error("it is not what was expected")]
    Malformed(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A row of the log is of a kind that nobody writes.
    #[error("there is no kind {0} of entry")]
    UnknownEntry(u8),
    /// Something follows it.
    #[error("{0} octets follow its end")]
    Trailing(usize),
}

/// Encodes an entity, a value or anything made of them: the same octets for the same content, on every machine.
///
/// # Errors
///
/// When it nests deeper than [`ENCODED_DEPTH_MAX`].
pub fn encode<T: Serialize + ?Sized>(content: &T) -> Result<Vec<u8>, CodecError> {
    let mut octets = Vec::with_capacity(256);
    ciborium::into_writer(content, &mut octets).map_err(|error| CodecError::Malformed(Box::new(error)))?;
    if depth(&octets) > ENCODED_DEPTH_MAX {
        return Err(CodecError::TooDeep);
    }
    Ok(octets)
}

/// Decodes what [`encode`] made.
///
/// # Errors
///
/// When the octets are anything else. Time and memory are bounded by the number of octets, also for hostile ones.
pub fn decode<T: DeserializeOwned>(mut octets: &[u8]) -> Result<T, CodecError> {
    let content = ciborium::de::from_reader_with_recursion_limit(&mut octets, DECODED_DEPTH_MAX)
        .map_err(|error| CodecError::Malformed(Box::new(error)))?;
    if octets.is_empty() { Ok(content) } else { Err(CodecError::Trailing(octets.len())) }
}

/// Encodes something that may be large, such as a plan or a design, in a tenth of the octets of [`encode`], or fewer: the same names
/// come again and again in it. What is small is not worth it, and stays as [`encode`] makes it.
///
/// # Errors
///
/// As [`encode`].
pub fn pack<T: Serialize + ?Sized>(content: &T) -> Result<Vec<u8>, CodecError> {
    let malformed = |error: io::Error| CodecError::Malformed(Box::new(error));
    let mut packer = Packer::default();
    ciborium::into_writer(content, &mut packer).map_err(|error| CodecError::Malformed(Box::new(error)))?;
    packer.measure();
    if packer.depth.deepest > ENCODED_DEPTH_MAX {
        return Err(CodecError::TooDeep);
    }
    packer.finish().map_err(malformed)
}

/// Decodes what [`pack`] made, or [`encode`].
///
/// # Errors
///
/// As [`decode`]; unpacked it is at most a thousand times as large.
pub fn unpack<T: DeserializeOwned>(octets: &[u8]) -> Result<T, CodecError> {
    // CBOR that begins so is a text.
    if octets.first() != Some(&ZLIB) {
        return decode(octets);
    }
    let mut unpacked = Vec::new();
    let read = ZlibDecoder::new(octets).read_to_end(&mut unpacked);
    read.map_err(|error| CodecError::Malformed(Box::new(error)))?;
    decode(&unpacked)
}

/// What packed octets begin with.
const ZLIB: u8 = 0x78;

/// How many octets are packed at once.
const PACKED_AT_ONCE: usize = 1 << 16;

/// How many octets are not worth packing: they fit a page of a store, and to begin packing takes longer than to encode them.
const PLAIN_MAX: usize = 4096;

/// Packs once there is much, and measures it.
#[derive(Default)]
struct Packer {
    depth: Depth,
    zlib: Option<ZlibEncoder<Vec<u8>>>,
    /// What was not packed yet.
    plain: Vec<u8>,
}

impl Packer {
    fn measure(&mut self) {
        self.depth.take(&self.plain);
    }

    fn pack(&mut self) -> io::Result<()> {
        let begin = || ZlibEncoder::new(Vec::new(), Compression::fast());
        self.zlib.get_or_insert_with(begin).write_all(&self.plain)?;
        self.plain.clear();
        Ok(())
    }

    fn finish(mut self) -> io::Result<Vec<u8>> {
        let is_small = self.zlib.is_none() && self.plain.len() <= PLAIN_MAX;
        if is_small && self.plain.first() != Some(&ZLIB) {
            return Ok(self.plain);
        }
        self.pack()?;
        self.zlib.map_or_else(|| Ok(Vec::new()), ZlibEncoder::finish)
    }
}

impl io::Write for Packer {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.plain.extend_from_slice(octets);
        if self.plain.len() >= PACKED_AT_ONCE {
            self.measure();
            self.pack()?;
        }
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Returns how deep CBOR nests.
fn depth(octets: &[u8]) -> usize {
    let mut depth = Depth::default();
    depth.take(octets);
    depth.deepest
}

/// How deep CBOR nests that comes in pieces. The octets are our own: of definite lengths, and well-formed.
struct Depth {
    /// For each list or map around the innermost one that is open, how many items it still lacks.
    open: Vec<u64>,
    /// How many the innermost one lacks; around all there is no end.
    lacks: u64,
    deepest: usize,
    major: u8,
    argument: u64,
    /// How many octets of the argument are to come.
    argument_lacks: usize,
    /// How many octets of a text are to come.
    text_lacks: u64,
}

impl Default for Depth {
    fn default() -> Self {
        let (open, lacks) = (Vec::new(), u64::MAX);
        Self { open, lacks, deepest: 0, major: 0, argument: 0, argument_lacks: 0, text_lacks: 0 }
    }
}

impl Depth {
    fn take(&mut self, mut octets: &[u8]) {
        loop {
            if self.text_lacks > 0 {
                let skipped = octets.len().min(usize::try_from(self.text_lacks).unwrap_or(usize::MAX));
                self.text_lacks -= skipped as u64;
                octets = &octets[skipped..];
            }
            let Some((&octet, rest)) = octets.split_first() else { return };
            octets = rest;
            if self.argument_lacks > 0 {
                self.argument = self.argument << 8 | u64::from(octet);
                self.argument_lacks -= 1;
            } else {
                (self.major, self.argument) = (octet >> 5, u64::from(octet & 0x1f));
                self.argument_lacks = match self.argument {
                    24 => 1,
                    25 => 2,
                    26 => 4,
                    27 => 8,
                    _ => 0,
                };
                if self.argument_lacks > 0 {
                    self.argument = 0;
                }
            }
            if self.argument_lacks == 0 {
                self.item();
            }
        }
    }

    fn item(&mut self) {
        match self.major {
            4 | 5 => {
                self.open.push(self.lacks);
                self.lacks = if self.major == 5 { self.argument * 2 } else { self.argument };
                self.deepest = self.deepest.max(self.open.len());
            }
            // A tag is no item of its own, but a part of the one that follows.
            6 => return,
            // Text and bytes.
            2 | 3 => {
                self.text_lacks = self.argument;
                self.lacks = self.lacks.saturating_sub(1);
            }
            _ => self.lacks = self.lacks.saturating_sub(1),
        }
        while self.lacks == 0
            && let Some(around) = self.open.pop()
        {
            self.lacks = around.saturating_sub(1);
        }
    }
}

/// Returns the SHA-256 of the deterministic CBOR of the contents, one after the other, in lower-case hexadecimal.
pub fn digest<T: Serialize>(contents: impl IntoIterator<Item = T>) -> String {
    let mut hasher = Hasher(Sha256::new());
    for content in contents {
        ciborium::into_writer(&content, &mut hasher)
            .expect("hashing cannot fail, and entities can be encoded");
    }
    hasher.0.finalize().iter().map(|octet| format!("{octet:02x}")).collect()
}

struct Hasher(Sha256);

impl io::Write for Hasher {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0.update(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Returns how many octets the content comes to as CBOR.
pub(crate) fn length<T: Serialize + ?Sized>(content: &T) -> usize {
    let mut counter = Counter(0);
    ciborium::into_writer(content, &mut counter).expect("counting cannot fail, and entities can be encoded");
    counter.0
}

struct Counter(usize);

impl io::Write for Counter {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0 += octets.len();
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Value {
    /// Returns the SHA-256 of this value, in lower-case hexadecimal; equal values have one digest on every machine.
    pub fn digest(&self) -> String {
        digest([self])
    }
}

impl Design {
    /// Returns the SHA-256 of this design, in lower-case hexadecimal. Ids are taken as the places of the templates, so that
    /// a design has the same digest whatever ids a store gave it.
    pub fn digest(&self) -> String {
        digest([self.renumbered(1..self.size() + 1)])
    }
}

impl Graph {
    /// Returns the SHA-256 of this graph with its ids, in lower-case hexadecimal.
    pub fn digest(&self) -> String {
        #[derive(Serialize)]
        enum Entity<'a> {
            Vertex(&'a crate::Vertex),
            Edge(&'a crate::Edge),
        }
        digest(self.vertexes().map(Entity::Vertex).chain(self.edges().map(Entity::Edge)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Custom;

    fn nested(levels: usize) -> Value {
        (0..levels).fold(Value::Null, |value, _| Value::List(vec![value]))
    }

    #[test]
    fn depth_counts_lists_and_maps() {
        let octets = |value: &Value| {
            let mut octets = Vec::new();
            ciborium::into_writer(value, &mut octets).unwrap();
            octets
        };
        assert_eq!(depth(&octets(&Value::Integer(70_000))), 0);
        assert_eq!(depth(&octets(&nested(3))), 3);
        let wide = Value::List(vec![nested(2), Value::map([("k", nested(5))]), Value::List(vec![])]);
        assert_eq!(depth(&octets(&wide)), 7);
        assert_eq!(depth(&octets(&Value::List(vec![Value::from("x".repeat(70_000)), nested(1)]))), 2);
        let mut pieces = Depth::default();
        octets(&wide).iter().for_each(|octet| pieces.take(&[*octet]));
        assert_eq!(pieces.deepest, 7);
    }

    #[test]
    fn what_can_be_written_can_be_read() {
        let deep = nested(ENCODED_DEPTH_MAX);
        assert_eq!(decode::<Value>(&encode(&deep).unwrap()).unwrap(), deep);
        assert!(matches!(encode(&nested(ENCODED_DEPTH_MAX + 1)), Err(CodecError::TooDeep)));
    }

    #[test]
    fn what_is_packed_is_small_and_comes_back() {
        let same = Value::List((0..1_000).map(|number| Value::map([("number", number % 7)])).collect());
        let packed = pack(&same).unwrap();
        assert!(packed.len() * 10 < encode(&same).unwrap().len(), "{}", packed.len());
        assert_eq!(unpack::<Value>(&packed).unwrap(), same);
        // Also what was not packed.
        assert_eq!(unpack::<Value>(&encode(&same).unwrap()).unwrap(), same);
        assert!(matches!(pack(&nested(ENCODED_DEPTH_MAX + 1)), Err(CodecError::TooDeep)));
        assert_eq!(unpack::<Value>(&pack(&nested(9)).unwrap()).unwrap(), nested(9));
        assert!(unpack::<Value>(&packed[..packed.len() / 2]).is_err());
        assert!(unpack::<Value>(&[ZLIB; 100]).is_err());
        // What looks as if it were packed, and what is just too large to stay as it is.
        for length in [24, 200, PLAIN_MAX - 3, PLAIN_MAX, PACKED_AT_ONCE, 3 * PACKED_AT_ONCE] {
            let text = Value::from("x".repeat(length));
            assert_eq!(unpack::<Value>(&pack(&text).unwrap()).unwrap(), text, "{length}");
        }
        let small = Value::List(vec![Value::Integer(1); 100]);
        assert_eq!(pack(&small).unwrap(), encode(&small).unwrap());
    }

    #[test]
    fn custom_values_come_back() {
        let version = |text: &str, order: i64| Custom {
            type_name: "tosca:version".to_owned(),
            order: Value::Integer(order),
            text: text.to_owned(),
        };
        let list = Value::List(vec![version("1.0", 1).into(), Value::Integer(2), version("2.0", 2).into()]);
        assert_eq!(decode::<Value>(&encode(&list).unwrap()).unwrap(), list);
        assert_eq!(depth(&encode(&list).unwrap()), 2);
        assert_eq!(version("1.0", 1).compare(&version("1", 1)), Some(std::cmp::Ordering::Equal));
        assert_ne!(version("1.0", 1), version("1", 1));
        // Another tag, a tag without content, a tag with other content.
        for octets in [&[0xc1, 0x01][..], &[0xda, 0, 1, 0x12, 0x4f], &[0xda, 0, 1, 0x12, 0x4f, 0x83, 1, 2, 3]]
        {
            assert!(decode::<Value>(octets).is_err(), "{octets:x?}");
        }
    }

    #[test]
    fn hostile_octets_are_refused() {
        assert!(decode::<Value>(&[0x81; 100_000]).is_err());
        assert!(decode::<Value>(&[0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]).is_err());
        assert!(decode::<Value>(&[]).is_err());
        assert!(matches!(decode::<Value>(&[0x01, 0x02]), Err(CodecError::Trailing(1))));
    }

    #[test]
    fn digests_are_the_same_on_every_machine() {
        let value = Value::map([("b", Value::Integer(-1)), ("a", Value::Bytes(vec![0, 255]))]);
        // SHA-256 of A2 61 61 42 00 FF 61 62 20.
        assert_eq!(value.digest(), "3c67ee366d6bc05e86cbf307c00ad50e59ea9e3a09df6faeebf7775f653bb283");
    }
}
