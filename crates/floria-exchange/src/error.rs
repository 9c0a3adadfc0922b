//! What can go wrong.

use std::{fmt, io};

use floria::StoreError;

use crate::Format;

/// Where something is in what is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// In text: the line and the column in characters, both from 1.
    Text {
        /// The line.
        line: u64,
        /// The column.
        column: u64,
    },
    /// In octets: how many come before it.
    Octet(u64),
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text { line, column } => write!(formatter, "line {line}, column {column}"),
            Self::Octet(offset) => write!(formatter, "octet {offset}"),
        }
    }
}

/// What is wrong with what is read, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// What it is read as.
    pub format: Format,
    /// Where it is.
    pub place: Place,
    /// The entity: its place among all, from 1, and what it is as far as that is known.
    pub entity: Option<String>,
    /// What is wrong.
    pub problem: String,
}

impl fmt::Display for Malformed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}, {}: ", self.format, self.place)?;
        if let Some(entity) = &self.entity {
            write!(formatter, "{entity}: ")?;
        }
        formatter.write_str(&self.problem)
    }
}

impl std::error::Error for Malformed {}

/// Why an export or an import failed.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// What is read is no graph of ours.
    #[error("failed to read the graph")]
    Malformed(#[source] Box<Malformed>),
    /// The file could not be read.
    #[error("failed to read the file")]
    Read(#[source] io::Error),
    /// The file could not be written.
    #[error("failed to write the file")]
    Write(#[source] io::Error),
    /// The store could not do its part, or refused what is imported.
    #[error("failed to use the store")]
    Store(#[from] StoreError),
    /// There is no such entity to select.
    #[error("there is no {0} to export")]
    Missing(String),
    /// What is selected cannot be written as it was asked for.
    #[error("refused to export: {0}")]
    Export(String),
    /// What is in the file cannot be put in the store as it was asked for.
    #[error("refused to import: {0}")]
    Import(String),
    /// A step of an import failed, and those before it stay: the same import can be run again.
    #[error("the import stopped after {entities} entities, which are in the store")]
    Partial {
        /// How many entities are in, of those that were not there before.
        entities: u64,
        /// Why it stopped.
        #[source]
        source: Box<ExchangeError>,
    },
}

impl ExchangeError {
    /// Returns what is wrong with the file, if that is what it is.
    pub fn malformed(&self) -> Option<&Malformed> {
        match self {
            Self::Malformed(malformed) => Some(malformed),
            Self::Partial { source, .. } => source.malformed(),
            _ => None,
        }
    }
}
