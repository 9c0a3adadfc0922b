//! Scalars: a number with a unit (TOSCA 2.0, 9.1.2.2).

use crate::{Decimal, Number, NumberKind, parse_float};

/// A scalar as it was read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Amount<'t> {
    /// The number as it was written, in `unit`.
    pub number: Number,
    /// The unit as it was written, with its prefix.
    pub unit: &'t str,
    /// The number in the canonical unit.
    pub canonical: Number,
}

/// Why a text is no scalar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScalarError<'t> {
    /// Its first word, which this is, is no number.
    NoNumber(&'t str),
    /// Nothing comes after the number.
    NoUnit,
    /// There is no such unit.
    UnknownUnit(&'t str),
    /// The number is not an integer, and must be one.
    NotInteger,
    /// The integer, or what it is in the canonical unit, does not fit 64 bits with a sign.
    TooLarge,
}

impl<'t> Amount<'t> {
    /// Reads a number and a unit with white space between them. `multiplier` says what one of a unit is in the canonical
    /// unit; with `is_integer` the number, and what it comes to, must be integers.
    ///
    /// # Errors
    /// When the text is no such scalar.
    pub fn read(
        text: &'t str,
        is_integer: bool,
        multiplier: impl FnOnce(&str) -> Option<Decimal>,
    ) -> Result<Self, ScalarError<'t>> {
        let (number, unit) = split_scalar(text);
        let kind = NumberKind::of(number).ok_or(ScalarError::NoNumber(number))?;
        if unit.is_empty() {
            return Err(ScalarError::NoUnit);
        }
        let multiplier = multiplier(unit).ok_or(ScalarError::UnknownUnit(unit))?;
        if is_integer && kind != NumberKind::Integer {
            return Err(ScalarError::NotInteger);
        }
        let exact = Decimal::parse(number);
        let product = exact.and_then(|exact| exact.times(multiplier));
        let (number, canonical) = if is_integer {
            let both = exact.and_then(Decimal::as_integer).zip(product.and_then(Decimal::as_integer));
            let (number, canonical) = both.ok_or(ScalarError::TooLarge)?;
            (Number::Integer(number), Number::Integer(canonical))
        } else {
            // Only an octal or hexadecimal number can be too large for a float.
            let number = parse_float(number).ok_or(ScalarError::TooLarge)?;
            let inexact = || number * multiplier.as_float();
            (Number::Float(number), Number::Float(product.map_or_else(inexact, Decimal::as_float)))
        };
        Ok(Self { number, unit, canonical })
    }
}

/// The two words of a scalar: what must be the number, and the unit, empty when there is none.
pub fn split_scalar(text: &str) -> (&str, &str) {
    let text = text.trim();
    let (number, unit) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (number, unit.trim_start())
}

/// What one of a unit is in the canonical unit. `prefix` says the multiplier of a prefix; it is `None` where the type has no
/// prefixes. Where it has any, one must come before the unit, and may be the empty one.
pub fn multiplier<'u>(
    units: impl IntoIterator<Item = (&'u str, Decimal)>,
    prefix: Option<impl Fn(&str) -> Option<Decimal>>,
    unit: &str,
) -> Option<Decimal> {
    let mut units = units.into_iter();
    match prefix {
        None => units.find(|(own, _)| *own == unit).map(|(_, multiplier)| multiplier),
        Some(prefix) => {
            units.find_map(|(own, multiplier)| multiplier.times(prefix(unit.strip_suffix(own)?)?))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(unit: &str) -> Option<Decimal> {
        let prefixes = |prefix: &str| match prefix {
            "" => Some(Decimal::ONE),
            "k" => Decimal::parse("1000"),
            "G" => Decimal::parse("1e9"),
            _ => None,
        };
        multiplier([("B", Decimal::ONE)], Some(prefixes), unit)
    }

    fn read(text: &str, is_integer: bool) -> Result<Number, ScalarError<'_>> {
        Amount::read(text, is_integer, bytes).map(|amount| amount.canonical)
    }

    #[test]
    fn scalars_come_to_their_canonical_unit() {
        assert_eq!(read("10 GB", true), Ok(Number::Integer(10_000_000_000)));
        assert_eq!(read(" 0x10 \t kB ", true), Ok(Number::Integer(16_000)));
        assert_eq!(read("1.5 kB", false), Ok(Number::Float(1_500.0)));
        assert_eq!(read("7 B", false), Ok(Number::Float(7.0)));
    }

    #[test]
    fn what_is_no_scalar_says_why() {
        assert_eq!(read("10", true), Err(ScalarError::NoUnit));
        assert_eq!(read("10GB", true), Err(ScalarError::NoNumber("10GB")));
        assert_eq!(read("", true), Err(ScalarError::NoNumber("")));
        assert_eq!(read("10 gb", true), Err(ScalarError::UnknownUnit("gb")));
        assert_eq!(read("1.5 GB", true), Err(ScalarError::NotInteger));
        assert_eq!(read("10000000000 GB", true), Err(ScalarError::TooLarge));
    }

    #[test]
    fn without_prefixes_a_unit_stands_alone() {
        let none = None::<fn(&str) -> Option<Decimal>>;
        assert_eq!(multiplier([("m", Decimal::ONE)], none, "m"), Some(Decimal::ONE));
        assert_eq!(multiplier([("m", Decimal::ONE)], none, "km"), None);
    }
}
