//! Literal values.

use std::fmt;
use std::sync::Arc;

use tosca_values::encode_base64;

use super::{Scalar, Timestamp, Version};

/// A literal value: no functions in it, and where its data type is known, already of that type (an integer given
/// for a float is a [`Value::Float`]; `$$name` in the document is the string `$name`).
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `null`.
    Nil,
    /// `true` or `false`.
    Boolean(bool),
    /// 64 bits, signed (TOSCA 2.0, 9.1.1.2).
    Integer(i64),
    /// IEEE 754 double precision, with infinities and NaN (9.1.1.3).
    Float(f64),
    /// Text.
    String(Arc<str>),
    /// Octets, Base64 in the document (9.1.1.5).
    Bytes(Arc<[u8]>),
    /// An instant (9.1.2.1).
    Timestamp(Box<Timestamp>),
    /// A number with a unit (9.1.2.2).
    Scalar(Box<Scalar>),
    /// A version (9.1.2.3).
    Version(Box<Version>),
    /// A list.
    List(Vec<Value>),
    /// A map or a structure, in the order of the document. Keys of structures are strings.
    Map(Vec<(Value, Value)>),
}

impl Value {
    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// What was written in the document for a value of a type that is written as a string: `bytes` as Base64, a
    /// `timestamp`, a `version`, a `scalar`; a string itself.
    pub fn to_text(&self) -> Option<Arc<str>> {
        match self {
            Self::String(text) => Some(text.clone()),
            Self::Bytes(bytes) => Some(encode_base64(bytes).into()),
            Self::Timestamp(instant) => Some(instant.as_str().into()),
            Self::Scalar(scalar) => Some(scalar.to_string().into()),
            Self::Version(version) => Some(version.as_str().into()),
            _ => None,
        }
    }

    /// The entry of a map with a string key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        match self {
            Self::Map(entries) => {
                entries.iter().find(|(name, _)| name.as_str() == Some(key)).map(|(_, value)| value)
            }
            _ => None,
        }
    }

    /// The number of values in it, itself included.
    pub fn size(&self) -> u64 {
        match self {
            Self::List(items) => items.iter().fold(1, |sum, item| sum + item.size()),
            Self::Map(entries) => entries.iter().fold(1, |sum, (key, value)| sum + key.size() + value.size()),
            _ => 1,
        }
    }

    /// What kind of value it is, in the standard's words: `string`, `integer`, ….
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Nil => "nil",
            Self::Boolean(_) => "boolean",
            Self::Integer(_) => "integer",
            Self::Float(_) => "float",
            Self::String(_) => "string",
            Self::Bytes(_) => "bytes",
            Self::Timestamp(_) => "timestamp",
            Self::Scalar(_) => "scalar",
            Self::Version(_) => "version",
            Self::List(_) => "list",
            Self::Map(_) => "map",
        }
    }
}

impl fmt::Display for Value {
    /// The value as one line of YAML, strings in double quotes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nil => f.write_str("null"),
            Self::Boolean(value) => write!(f, "{value}"),
            Self::Integer(value) => write!(f, "{value}"),
            Self::Float(value) if value.is_nan() => f.write_str(".nan"),
            Self::Float(value) if value.is_infinite() => {
                f.write_str(if *value > 0.0 { ".inf" } else { "-.inf" })
            }
            Self::Float(value) => write!(f, "{value:?}"),
            Self::String(text) => write!(f, "{text:?}"),
            Self::Bytes(bytes) => write!(f, "{:?}", encode_base64(bytes)),
            Self::Timestamp(instant) => write!(f, "{:?}", instant.as_str()),
            Self::Scalar(scalar) => write!(f, "{:?}", scalar.to_string()),
            Self::Version(version) => write!(f, "{:?}", version.as_str()),
            Self::List(items) => {
                f.write_str("[")?;
                for (index, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if index > 0 { ", " } else { "" })?;
                }
                f.write_str("]")
            }
            Self::Map(entries) => {
                f.write_str("{")?;
                for (index, (key, value)) in entries.iter().enumerate() {
                    write!(f, "{}{key}: {value}", if index > 0 { ", " } else { "" })?;
                }
                f.write_str("}")
            }
        }
    }
}
