//! Numbers as they are written, exact.

use std::{cmp::Ordering, fmt};

use crate::notation::{NumberKind, parse_float, parse_integer};

/// A decimal number: `digits` × 10^`exponent`, without trailing zeros in the digits.
///
/// Units multiply; with decimals `125.3 mm` is exactly 0.1253 m, where doubles would be a little beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Decimal {
    digits: i128,
    exponent: i32,
}

impl fmt::Display for Decimal {
    /// Exact, and as YAML reads it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.exponent {
            0 => write!(f, "{}", self.digits),
            exponent @ 1..=18 => write!(f, "{}{:0<width$}", self.digits, "", width = exponent as usize),
            exponent => write!(f, "{}e{exponent}", self.digits),
        }
    }
}

impl Decimal {
    /// The number 1.
    pub const ONE: Self = Self { digits: 1, exponent: 0 };

    /// A number in YAML's notation: decimal, `0o17`, `0x1F`, with a point or exponent. `None` when it is none, is
    /// infinite, or has more digits than anybody needs.
    pub fn parse(text: &str) -> Option<Self> {
        match NumberKind::of(text)? {
            NumberKind::Integer if text.starts_with("0o") || text.starts_with("0x") => {
                parse_integer(text).map(|value| Self::new(value.into(), 0))
            }
            NumberKind::Integer => text.parse().ok().map(|digits| Self::new(digits, 0)),
            NumberKind::Float => {
                let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
                let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
                let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
                let exponent: i32 = exponent.parse().ok()?;
                let fraction = i32::try_from(fraction.len()).ok()?;
                exponent.checked_sub(fraction).map(|exponent| Self::new(digits, exponent))
            }
        }
    }

    fn new(mut digits: i128, mut exponent: i32) -> Self {
        if digits == 0 {
            return Self { digits, exponent: 0 };
        }
        while digits % 10 == 0 && exponent < i32::MAX {
            digits /= 10;
            exponent += 1;
        }
        Self { digits, exponent }
    }

    /// The product, when it is not too large to be held exactly.
    pub fn times(self, other: Self) -> Option<Self> {
        let digits = self.digits.checked_mul(other.digits)?;
        Some(Self::new(digits, self.exponent.checked_add(other.exponent)?))
    }

    /// Whether it is 1, however written.
    pub fn is_one(self) -> bool {
        self == Self::ONE
    }

    /// The integer, when it is one and fits 64 bits.
    pub fn as_integer(self) -> Option<i64> {
        let power = u32::try_from(self.exponent).ok()?;
        let value = self.digits.checked_mul(10i128.checked_pow(power)?)?;
        i64::try_from(value).ok()
    }

    /// The nearest double.
    pub fn as_float(self) -> f64 {
        parse_float(&format!("{}e{}", self.digits, self.exponent)).unwrap_or(f64::NAN)
    }
}

/// A number of a scalar: of the kind that its type's `data_type` says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// `integer`.
    Integer(i64),
    /// `float`.
    Float(f64),
}

impl Number {
    /// As a double.
    pub fn as_float(self) -> f64 {
        match self {
            Self::Integer(value) => value as f64,
            Self::Float(value) => value,
        }
    }

    /// The order of two numbers by value, exact also where an integer has no double of its value; None if one is no number.
    pub fn compare(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Integer(own), Self::Integer(other)) => Some(own.cmp(&other)),
            (Self::Float(own), Self::Float(other)) => own.partial_cmp(&other),
            (Self::Integer(own), Self::Float(other)) => compare_mixed(own, other),
            (Self::Float(own), Self::Integer(other)) => compare_mixed(other, own).map(Ordering::reverse),
        }
    }
}

fn compare_mixed(integer: i64, float: f64) -> Option<Ordering> {
    // 2^63: the first double above all integers.
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if float >= LIMIT {
        Some(Ordering::Less)
    } else if float < -LIMIT {
        Some(Ordering::Greater)
    } else {
        // Within the limits the integral part fits, and what is behind the point decides between equals.
        let integral = float.trunc();
        Some(integer.cmp(&(integral as i64)).then(integral.partial_cmp(&float)?))
    }
}

impl fmt::Display for Number {
    /// As YAML reads it, with an exponent where there would be many zeros.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(value) => write!(f, "{value}"),
            Self::Float(value) if value.is_nan() => f.write_str(".nan"),
            Self::Float(value) if value.is_infinite() => {
                f.write_str(if *value > 0.0 { ".inf" } else { "-.inf" })
            }
            Self::Float(value) if *value != 0.0 && !(1e-6..1e16).contains(&value.abs()) => {
                write!(f, "{value:e}")
            }
            Self::Float(value) => write!(f, "{value}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use super::{Decimal, Number};

    #[test]
    fn numbers_are_compared_exactly() {
        let order = |integer, float| Number::Integer(integer).compare(Number::Float(float));
        assert_eq!(order(9_007_199_254_740_993, 9_007_199_254_740_992.0), Some(Ordering::Greater));
        assert_eq!(order(-1, -1.5), Some(Ordering::Greater));
        assert_eq!(order(0, -0.0), Some(Ordering::Equal));
        assert_eq!(order(i64::MAX, 9_223_372_036_854_775_808.0), Some(Ordering::Less));
        assert_eq!(order(i64::MIN, -9_223_372_036_854_775_808.0), Some(Ordering::Equal));
        assert_eq!(order(0, f64::NAN), None);
        assert_eq!(Number::Float(0.5).compare(Number::Integer(1)), Some(Ordering::Less));
    }

    #[test]
    fn decimals_are_exact() {
        let product =
            |left, right| Decimal::parse(left).and_then(|left| left.times(Decimal::parse(right)?)).unwrap();
        assert_eq!(product("125.3", "0.001").as_float(), 0.1253);
        assert_eq!(product("0x10", "1e3").as_integer(), Some(16_000));
        assert_eq!(product("1.50", "100").as_integer(), Some(150));
        assert_eq!(product("1.5", "1").as_integer(), None);
        assert!(product("1e3", "0.001").is_one());
        assert_eq!(product("0.0", "1e300").as_integer(), Some(0));
        assert_eq!(Decimal::parse(".inf"), None);
        assert_eq!(Decimal::parse("1 kg"), None);
        assert_eq!(Decimal::parse("1e999999999999"), None);
    }
}
