//! What edges take of their targets: integers, floats, and custom values of one type that are compared by a number.

use floria::Value;

/// A number: exact among integers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Number {
    Integer(i128),
    Float(f64),
}

impl Number {
    pub(crate) const ZERO: Self = Self::Integer(0);

    pub(crate) fn plus(self, other: Self) -> Self {
        match (self, other) {
            (Self::Integer(one), Self::Integer(other)) => Self::Integer(one.saturating_add(other)),
            _ => Self::Float(self.as_float() + other.as_float()),
        }
    }

    pub(crate) fn is_at_most(self, other: Self) -> bool {
        match (self, other) {
            (Self::Integer(one), Self::Integer(other)) => one <= other,
            _ => self.as_float() <= other.as_float(),
        }
    }

    pub(crate) fn is_negative(self) -> bool {
        !Self::ZERO.is_at_most(self)
    }

    fn as_float(self) -> f64 {
        match self {
            Self::Integer(integer) => integer as f64,
            Self::Float(float) => float,
        }
    }
}

/// A number, and of what.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Amount {
    pub(crate) number: Number,
    /// The type of the custom value that it came from; None for a plain number, which goes with all.
    unit: Option<String>,
    /// What it came from.
    pub(crate) value: Value,
}

impl Amount {
    /// Reads a value: None, if it is no amount.
    pub(crate) fn of(value: &Value) -> Option<Self> {
        let number = |value: &Value| match value {
            Value::Integer(integer) => Some(Number::Integer(i128::from(*integer))),
            Value::Float(float) if !float.is_nan() => Some(Number::Float(*float)),
            _ => None,
        };
        let (number, unit) = match value {
            Value::Custom(custom) => (number(&custom.order)?, Some(custom.type_name.clone())),
            plain => (number(plain)?, None),
        };
        Some(Self { number, unit, value: value.clone() })
    }

    /// Returns whether the two can be compared.
    pub(crate) fn goes_with(&self, other: &Self) -> bool {
        match (&self.unit, &other.unit) {
            (Some(one), Some(other)) => one == other,
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use floria::Custom;

    use super::*;

    #[test]
    fn integers_are_exact_and_units_do_not_mix() {
        let max = Amount::of(&Value::Integer(i64::MAX)).unwrap();
        let more = max.number.plus(Number::Integer(1));
        assert!(max.number.is_at_most(more) && !more.is_at_most(max.number));
        assert!(!more.is_at_most(Number::Float(1.5)) && Number::Integer(1).is_at_most(Number::Float(1.5)));
        assert!(Number::Float(-0.5).is_negative() && !Number::Float(-0.0).is_negative());
        let scalar = |unit: &str| {
            Value::from(Custom { type_name: unit.to_owned(), order: 2.into(), text: "2".to_owned() })
        };
        let (size, time) = (Amount::of(&scalar("size")).unwrap(), Amount::of(&scalar("time")).unwrap());
        assert!(size.goes_with(&size) && size.goes_with(&max) && !size.goes_with(&time));
        assert_eq!(Amount::of(&Value::from("2")), None);
        assert_eq!(Amount::of(&Value::Float(f64::NAN)), None);
    }
}
