//! The chain of digests that makes a log hard to change unnoticed.

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::{
    Author, Change, CodecError, Entity, EntityKey, EntityKind, LogEntry, Namespace, Record, Revision, decode,
    encode,
};

/// The digest that the first commit of a store is linked to.
pub const CHAIN_START: [u8; 32] = [0; 32];

/// What kind of entry a row of the log is, as stores that write it in rows tell it: put and delete of each kind of entity in
/// canonical order, or a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EntryCode(pub u8);

impl EntryCode {
    /// A record.
    pub const RECORD: Self = Self(0);
}

/// A row of the log as it is written.
#[derive(Clone, Copy, Debug)]
pub struct RowParts<'a> {
    /// Its place in the log.
    pub sequence: u64,
    /// What it is.
    pub code: EntryCode,
    /// The namespace that it is about.
    pub namespace: &'a str,
    /// The stream, of a record.
    pub stream: Option<&'a str>,
    /// The kind, of a record.
    pub kind: Option<&'a str>,
    /// The entity, the key or what the record says, as CBOR.
    pub body: &'a [u8],
}

/// Computes the digest of one commit: SHA-256 of the digest of the commit before it, of when and by whom it was made, and
/// of its rows.
pub struct Chain(Sha256);

impl Chain {
    /// Begins the digest of a commit.
    pub fn new(previous: &[u8; 32], revision: Revision, time_ms: u64, author: Option<&Author>) -> Self {
        let mut chain = Self(Sha256::new());
        chain.0.update(previous);
        chain.part(&(revision.0, time_ms, author));
        chain
    }

    /// Adds a row. Rows come in the order of the log.
    pub fn row(&mut self, row: &RowParts<'_>) {
        self.part(&(row.sequence, row.code.0, row.namespace, row.stream, row.kind, row.body.len()));
        self.0.update(row.body);
    }

    /// Returns the digest.
    pub fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }

    fn part<T: Serialize>(&mut self, part: &T) {
        let octets = encode(part).expect("numbers and text can be encoded");
        self.0.update(octets);
    }
}

impl Change {
    /// Returns how it is written in the log: its code and its body.
    ///
    /// # Errors
    ///
    /// When it nests too deep to be read again.
    pub fn encoded(&self) -> Result<(EntryCode, Vec<u8>), CodecError> {
        let put = |kind: EntityKind| EntryCode(1 + kind as u8);
        let delete = |kind: EntityKind| EntryCode(7 + kind as u8);
        Ok(match self {
            Self::Put(entity) => {
                let body = match entity {
                    Entity::Class(class) => encode(class)?,
                    Entity::Plugin(plugin) => encode(plugin)?,
                    Entity::VertexTemplate(vertex) => encode(vertex)?,
                    Entity::EdgeTemplate(edge) => encode(edge)?,
                    Entity::Vertex(vertex) => encode(vertex)?,
                    Entity::Edge(edge) => encode(edge)?,
                };
                (put(entity.kind()), body)
            }
            Self::Delete(key) => {
                let body = match key {
                    EntityKey::Class(namespace, name) => encode(&(namespace, name))?,
                    EntityKey::Plugin(namespace, name) => encode(&(namespace, name))?,
                    EntityKey::VertexTemplate(id) => encode(id)?,
                    EntityKey::EdgeTemplate(id) => encode(id)?,
                    EntityKey::Vertex(id) => encode(id)?,
                    EntityKey::Edge(id) => encode(id)?,
                };
                (delete(key.kind()), body)
            }
        })
    }
}

impl LogEntry {
    /// Returns how it is written: its code and its body.
    ///
    /// # Errors
    ///
    /// When it nests too deep to be read again.
    pub fn encoded(&self) -> Result<(EntryCode, Vec<u8>), CodecError> {
        match self {
            Self::Record(record) => Ok((EntryCode::RECORD, encode(&record.body)?)),
            Self::Change(change) => change.encoded(),
        }
    }

    /// Reads what [`Self::encoded`] made. The namespace, stream and kind are those of the row, for a record.
    ///
    /// # Errors
    ///
    /// When the body is not what the code says, or there is no such code.
    pub fn decoded(
        code: EntryCode,
        body: &[u8],
        namespace: &str,
        stream: Option<&str>,
        kind: Option<&str>,
    ) -> Result<Self, CodecError> {
        Ok(match code.0 {
            0 => Self::Record(Record {
                stream: stream.unwrap_or_default().to_owned(),
                namespace: Namespace(namespace.to_owned()),
                kind: kind.unwrap_or_default().to_owned(),
                body: decode(body)?,
            }),
            1 => Self::Change(Change::Put(Entity::Class(decode(body)?))),
            2 => Self::Change(Change::Put(Entity::Plugin(decode(body)?))),
            3 => Self::Change(Change::Put(Entity::VertexTemplate(decode(body)?))),
            4 => Self::Change(Change::Put(Entity::EdgeTemplate(decode(body)?))),
            5 => Self::Change(Change::Put(Entity::Vertex(decode(body)?))),
            6 => Self::Change(Change::Put(Entity::Edge(decode(body)?))),
            7 => {
                let (namespace, name) = decode(body)?;
                Self::Change(Change::Delete(EntityKey::Class(namespace, name)))
            }
            8 => {
                let (namespace, name) = decode(body)?;
                Self::Change(Change::Delete(EntityKey::Plugin(namespace, name)))
            }
            9 => Self::Change(Change::Delete(EntityKey::VertexTemplate(decode(body)?))),
            10 => Self::Change(Change::Delete(EntityKey::EdgeTemplate(decode(body)?))),
            11 => Self::Change(Change::Delete(EntityKey::Vertex(decode(body)?))),
            12 => Self::Change(Change::Delete(EntityKey::Edge(decode(body)?))),
            other => return Err(CodecError::UnknownEntry(other)),
        })
    }
}
