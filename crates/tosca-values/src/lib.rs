//! Reads and compares values of the types that TOSCA writes as strings: timestamps, scalars, versions, bytes (TOSCA 2.0,
//! 9.1.1.5 and 9.1.2), and the numbers in them.
//!
//! The compiler checks literals with it and the functions coerce values with it when a design runs, so that both read
//! alike. It knows no types and no files: what a scalar's units are is told by whoever asks.

mod base64;
mod notation;
mod number;
mod scalar;
mod timestamp;
mod version;

pub use base64::{decode_base64, encode_base64};
pub use notation::{NumberKind, parse_float, parse_integer};
pub use number::{Decimal, Number};
pub use scalar::{Amount, ScalarError, multiplier, split_scalar};
pub use timestamp::Timestamp;
pub use version::Version;
