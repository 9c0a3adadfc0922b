//! The formats.

use std::{fmt, path::Path, str::FromStr};

/// What a graph is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// One JSON object, with one entity a line.
    Json,
    /// A YAML stream: a document for the header, one for each entity, one for the end.
    Yaml,
    /// One CBOR map, whose entities are an array of indefinite length.
    Cbor,
    /// A sequence of MessagePack maps: the header, each entity, the end.
    MessagePack,
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 4] = [Self::Json, Self::Yaml, Self::Cbor, Self::MessagePack];

    /// Returns its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "JSON",
            Self::Yaml => "YAML",
            Self::Cbor => "CBOR",
            Self::MessagePack => "MessagePack",
        }
    }

    /// Returns the format that a file's name asks for: `.json`, `.yaml` or `.yml`, `.cbor`, `.msgpack` or `.mpk`.
    pub fn of_path(path: &Path) -> Option<Self> {
        path.extension()?.to_str()?.parse().ok()
    }

    /// Whether people read it, so that bytes, floats that are not finite and maps with keys that are not text need a form of
    /// their own.
    pub(crate) fn is_text(self) -> bool {
        matches!(self, Self::Json | Self::Yaml)
    }

    /// Whether it is a sequence of documents, not one document.
    pub(crate) fn is_sequence(self) -> bool {
        matches!(self, Self::Yaml | Self::MessagePack)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A word that is no format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no format `{0}`: it is `json`, `yaml`, `cbor` or `msgpack`")]
pub struct UnknownFormat(pub String);

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(word: &str) -> Result<Self, UnknownFormat> {
        match word.to_ascii_lowercase().as_str() {
            "json" => Ok(Self::Json),
            "yaml" | "yml" => Ok(Self::Yaml),
            "cbor" => Ok(Self::Cbor),
            "msgpack" | "mpk" | "messagepack" => Ok(Self::MessagePack),
            _ => Err(UnknownFormat(word.to_owned())),
        }
    }
}
