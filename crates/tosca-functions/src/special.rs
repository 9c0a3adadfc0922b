//! Values of TOSCA's special types (TOSCA 2.0, 9.1.2), as [`Custom`] values of Floria.
//!
//! | type | `type_name` | `order` |
//! |---|---|---|
//! | `timestamp` | `tosca:timestamp` | the second since 1970 in UTC, whether it is a leap second, the digits behind the point |
//! | `version` | `tosca:version` | the three numbers, whether there is no qualifier, the qualifier, the build |
//! | `scalar` | `tosca:scalar:`, the family, a space, the canonical unit | the number in the canonical unit |
//!
//! The text is what was written; of a result of arithmetic it is the number in the canonical unit. A scalar's *family* is the
//! type directly below `scalar`: it has one canonical unit, and all scalars of it can be compared and added. Versions with
//! different qualifiers have an `order`, for whoever sorts, but no function compares them: see [`Version`].

use std::cmp::Ordering;

use floria::{Custom, Value};
use tosca_values::{Number, NumberKind, Timestamp, Version, parse_float, parse_integer, split_scalar};

const TIMESTAMP: &str = "tosca:timestamp";
const VERSION: &str = "tosca:version";
const SCALAR: &str = "tosca:scalar:";

/// A timestamp as a value.
pub fn timestamp(timestamp: &Timestamp) -> Value {
    let order = vec![timestamp.seconds().into(), timestamp.is_leap().into(), timestamp.fraction().into()];
    custom(TIMESTAMP.to_owned(), Value::List(order), timestamp.as_str().to_owned())
}

/// A version as a value.
pub fn version(version: &Version) -> Value {
    let qualifier = version.qualifier.as_deref();
    let order = vec![
        natural(version.major),
        natural(version.minor),
        natural(version.fix),
        qualifier.is_none().into(),
        qualifier.map_or(Value::Null, Value::from),
        version.build.map_or(Value::Null, natural),
    ];
    custom(VERSION.to_owned(), Value::List(order), version.as_str().to_owned())
}

/// A scalar as a value: its family, the family's canonical unit, its number in that, and how it is written.
pub fn scalar(family: &str, canonical_unit: &str, canonical: Number, text: String) -> Value {
    custom(scalar_type(family, canonical_unit), number_value(canonical), text)
}

/// The result of arithmetic: written in the canonical unit.
pub(crate) fn scalar_like(model: &Custom, canonical: Number) -> Value {
    // No unit has white space in it.
    let unit = model.type_name.rsplit_once(' ').map_or("", |(_, unit)| unit);
    custom(model.type_name.clone(), number_value(canonical), format!("{canonical} {unit}"))
}

/// The name of the type of a family's scalars.
pub(crate) fn scalar_type(family: &str, canonical_unit: &str) -> String {
    format!("{SCALAR}{family} {canonical_unit}")
}

/// The scalar that a value is, if it is one, and its number in the canonical unit.
pub(crate) fn as_scalar(value: &Value) -> Option<(&Custom, Number)> {
    let custom = value.as_custom().filter(|custom| custom.type_name.starts_with(SCALAR))?;
    match custom.order {
        Value::Integer(integer) => Some((custom, Number::Integer(integer))),
        Value::Float(float) => Some((custom, Number::Float(float))),
        _ => None,
    }
}

/// The text of a timestamp, or of a string that may be meant as one.
pub(crate) fn timestamp_text(value: &Value) -> Option<&str> {
    text_of(value, TIMESTAMP)
}

/// The text of a version, or of a string that may be meant as one.
pub(crate) fn version_text(value: &Value) -> Option<&str> {
    text_of(value, VERSION)
}

/// The text of a scalar of this family, or of a string that may be meant as one.
pub(crate) fn scalar_text<'v>(value: &'v Value, family: &str) -> Option<&'v str> {
    match value {
        Value::Text(text) => Some(text),
        // The unit is left out: a value that was kept from before may have had another canonical one.
        Value::Custom(custom) => {
            let (own, _unit) = custom.type_name.strip_prefix(SCALAR)?.rsplit_once(' ')?;
            (own == family).then_some(custom.text.as_str())
        }
        _ => None,
    }
}

/// How messages call a type: `timestamp`, `Size`.
pub(crate) fn type_word(type_name: &str) -> &str {
    match type_name.strip_prefix(SCALAR).and_then(|rest| rest.rsplit_once(' ')) {
        Some((family, _unit)) => family,
        None => type_name.strip_prefix(crate::NAMESPACE).unwrap_or(type_name),
    }
}

fn text_of<'v>(value: &'v Value, type_name: &str) -> Option<&'v str> {
    match value {
        Value::Text(text) => Some(text),
        Value::Custom(custom) if custom.type_name == type_name => Some(&custom.text),
        _ => None,
    }
}

/// The order of two values of which at least one is special, if they have one. As at compile time, a string stands for the
/// timestamp or version that it is compared with, and a number for a scalar in the canonical unit.
pub(crate) fn order(first: &Value, second: &Value) -> Option<Ordering> {
    let is = |type_name| {
        let has = |value: &Value| value.as_custom().is_some_and(|custom| custom.type_name == type_name);
        has(first) || has(second)
    };
    if is(TIMESTAMP) {
        let read = |value| Timestamp::parse(timestamp_text(value)?);
        return Some(read(first)?.cmp(&read(second)?));
    }
    if is(VERSION) {
        let read = |value| Version::parse(version_text(value)?);
        return read(first)?.partial_cmp(&read(second)?);
    }
    match (as_scalar(first), as_scalar(second)) {
        (Some((one, first)), Some((other, second))) if one.type_name == other.type_name => {
            order_numbers(first, second)
        }
        (Some((scalar, number)), None) => order_beside(scalar, number, second),
        (None, Some((scalar, number))) => order_beside(scalar, number, first).map(Ordering::reverse),
        (None, None) => first.as_custom()?.compare(second.as_custom()?),
        _ => None,
    }
}

/// The order of a scalar and what is beside it: a number is in the canonical unit. A string is a scalar too; where the type of
/// the scalar is known at compile time it was made one, in any unit. Here only two units are known: the canonical one, and
/// the one that the scalar itself is written in, in which two amounts are in the order of their numbers.
fn order_beside(scalar: &Custom, canonical: Number, other: &Value) -> Option<Ordering> {
    let Value::Text(text) = other else { return order_numbers(canonical, plain_number(other)?) };
    let (number, unit) = split_scalar(text);
    let number = read_number(number)?;
    let (own_number, own_unit) = split_scalar(&scalar.text);
    match scalar.type_name.rsplit_once(' ') {
        Some((_, canonical_unit)) if unit == canonical_unit => order_numbers(canonical, number),
        _ if unit == own_unit => order_numbers(read_number(own_number)?, number),
        _ => None,
    }
}

fn read_number(text: &str) -> Option<Number> {
    match NumberKind::of(text)? {
        NumberKind::Integer => parse_integer(text).map(Number::Integer),
        NumberKind::Float => parse_float(text).map(Number::Float),
    }
}

/// Whether two values are versions, which may be of different branches: none is before the other (9.1.2.3).
pub(crate) fn are_versions(first: &Value, second: &Value) -> bool {
    let is_version = |value| version_text(value).is_some_and(|text| Version::parse(text).is_some());
    (first.as_custom().is_some() || second.as_custom().is_some()) && is_version(first) && is_version(second)
}

fn order_numbers(first: Number, second: Number) -> Option<Ordering> {
    crate::comparison::order(&number_value(first), &number_value(second))
}

/// The number that a value is.
pub(crate) fn plain_number(value: &Value) -> Option<Number> {
    match value {
        Value::Integer(integer) => Some(Number::Integer(*integer)),
        Value::Float(float) => Some(Number::Float(*float)),
        _ => None,
    }
}

fn number_value(number: Number) -> Value {
    match number {
        Number::Integer(integer) => integer.into(),
        Number::Float(float) => float.into(),
    }
}

/// A number without a sign; beyond 63 bits a text of 20 digits, which is behind all integers and in order.
fn natural(number: u64) -> Value {
    i64::try_from(number).map_or_else(|_| Value::Text(format!("{number:020}")), Value::Integer)
}

fn custom(type_name: String, order: Value, text: String) -> Value {
    Custom { type_name, order, text }.into()
}
