//! Values of `scalar` types (TOSCA 2.0, 9.1.2.2).

use std::cmp::Ordering;
use std::fmt;

use super::{Name, Number, TypeId};

/// A value of a `scalar` type (9.1.2.2): a number with a unit.
#[derive(Debug, Clone)]
pub struct Scalar {
    /// The number as it was written, in `unit`.
    pub number: Number,
    /// The unit as it was written, with its prefix.
    pub unit: Name,
    /// The number in the canonical unit of the type.
    pub canonical: Number,
    /// The canonical unit.
    pub canonical_unit: Name,
    /// The first type below `scalar` that the value's type is derived from: what can be compared has the same.
    pub family: TypeId,
}

impl PartialEq for Scalar {
    fn eq(&self, other: &Self) -> bool {
        self.partial_cmp(other) == Some(Ordering::Equal)
    }
}

impl PartialOrd for Scalar {
    /// By the canonical numbers; scalars of different families cannot be compared.
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        if self.family != other.family {
            return None;
        }
        self.canonical.compare(other.canonical)
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number, self.unit)
    }
}
