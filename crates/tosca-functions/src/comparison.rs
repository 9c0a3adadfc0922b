//! Comparison (TOSCA 2.0, 10.2.2.2).

use std::cmp::Ordering;

use floria::Value;
use regex_lite::RegexBuilder;

use crate::{
    arguments::{exactly, list, wrong},
    describe, special,
};

/// How large a compiled pattern may become, in bytes: patterns come from documents.
const PATTERN_BYTES_MAX: usize = 1 << 20;

/// `$equal`: two values of one type.
pub(crate) fn equal(arguments: &[Value]) -> Result<Value, String> {
    let [first, second] = exactly(arguments)?;
    if !are_of_one_type(first, second) {
        // "SHOULD be flagged as an error" (10.2.2.2.1).
        return Err(format!(
            "{} and {} are of different types",
            describe::value(first),
            describe::value(second)
        ));
    }
    Ok(same(first, second).into())
}

/// `$greater_than`.
pub(crate) fn greater_than(arguments: &[Value]) -> Result<Value, String> {
    compare(arguments, Ordering::is_gt)
}

/// `$greater_or_equal`.
pub(crate) fn greater_or_equal(arguments: &[Value]) -> Result<Value, String> {
    compare(arguments, Ordering::is_ge)
}

/// `$less_than`.
pub(crate) fn less_than(arguments: &[Value]) -> Result<Value, String> {
    compare(arguments, Ordering::is_lt)
}

/// `$less_or_equal`.
pub(crate) fn less_or_equal(arguments: &[Value]) -> Result<Value, String> {
    compare(arguments, Ordering::is_le)
}

/// `$valid_values`: a value and a list.
pub(crate) fn valid_values(arguments: &[Value]) -> Result<Value, String> {
    let [value, valid] = exactly(arguments)?;
    Ok(list(valid, 1)?.iter().any(|other| same(value, other)).into())
}

/// `$matches`: a string and a regular expression, which may match any part of it.
pub(crate) fn matches(arguments: &[Value]) -> Result<Value, String> {
    let [text, pattern] = exactly(arguments)?;
    let pattern = pattern.as_text().ok_or_else(|| wrong(pattern, 1, "a regular expression"))?;
    let text = text.as_text().ok_or_else(|| wrong(text, 0, "a string"))?;
    let pattern = RegexBuilder::new(pattern)
        .size_limit(PATTERN_BYTES_MAX)
        .build()
        .map_err(|error| format!("{} is not a regular expression: {error}", describe::quoted(pattern)))?;
    Ok(pattern.is_match(text).into())
}

/// Whether two values are equal; an integer equals the float of its value, and a special value whatever it comes to the same
/// with.
pub(crate) fn same(first: &Value, second: &Value) -> bool {
    match (first, second) {
        (Value::Custom(_), _) | (_, Value::Custom(_)) => {
            special::order(first, second) == Some(Ordering::Equal)
        }
        (Value::List(first), Value::List(second)) => all_same(first, second),
        (Value::Map(first), Value::Map(second)) => {
            first.len() == second.len()
                && first
                    .iter()
                    .zip(second)
                    .all(|((key, value), (other_key, other))| same(key, other_key) && same(value, other))
        }
        _ => order(first, second) == Some(Ordering::Equal) || first == second,
    }
}

/// Whether two lists have equal entries in the same order.
pub(crate) fn all_same(first: &[Value], second: &[Value]) -> bool {
    first.len() == second.len() && first.iter().zip(second).all(|(first, second)| same(first, second))
}

fn is_number(value: &Value) -> bool {
    matches!(value, Value::Integer(_) | Value::Float(_))
}

/// Whether `$equal` may ask. What is written as a string is compared with strings too, and scalars with numbers.
fn are_of_one_type(first: &Value, second: &Value) -> bool {
    match (first, second) {
        (Value::Custom(one), Value::Custom(other)) => one.type_name == other.type_name,
        (Value::Custom(_), _) | (_, Value::Custom(_)) => {
            special::order(first, second).is_some() || special::are_versions(first, second)
        }
        _ => first.kind() == second.kind() || is_number(first) && is_number(second),
    }
}

fn compare(arguments: &[Value], holds: fn(Ordering) -> bool) -> Result<Value, String> {
    let [first, second] = exactly(arguments)?;
    match order(first, second) {
        Some(order) => Ok(holds(order).into()),
        // No order holds for a NaN.
        None if is_number(first) && is_number(second) => Ok(false.into()),
        None if special::are_versions(first, second) => Ok(false.into()),
        None => Err(format!("{} and {} cannot be compared", describe::value(first), describe::value(second))),
    }
}

/// The order of two values, if they have one: numbers by value, strings by code point, special values as [`special`] says.
pub(crate) fn order(first: &Value, second: &Value) -> Option<Ordering> {
    match (first, second) {
        (Value::Text(first), Value::Text(second)) => Some(first.cmp(second)),
        (Value::Custom(_), _) | (_, Value::Custom(_)) => special::order(first, second),
        _ => first.compare_numbers(second),
    }
}

/// A value in an order in which exactly those are equal that are equal by what they come to: `1` and `1.0`, `1 GB` and
/// `1000 MB`. For sets: unlike [`same`], it does not take a string for a version or a number for a scalar.
#[derive(Clone, Copy)]
pub(crate) struct ByMeaning<'v>(pub(crate) &'v Value);

impl Ord for ByMeaning<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let (first, second) = (self.0, other.0);
        match (first, second) {
            (Value::List(first), Value::List(second)) => {
                first.iter().map(ByMeaning).cmp(second.iter().map(ByMeaning))
            }
            (Value::Map(first), Value::Map(second)) => {
                let pairs = |(key, value)| (ByMeaning(key), ByMeaning(value));
                first.iter().map(pairs).cmp(second.iter().map(pairs))
            }
            (Value::Custom(first), Value::Custom(second)) => {
                let types = first.type_name.cmp(&second.type_name);
                types.then_with(|| ByMeaning(&first.order).cmp(&ByMeaning(&second.order)))
            }
            _ if is_number(first) && is_number(second) => {
                // Those that are no numbers come last, all as one.
                let is_nan = |value: &Value| matches!(value, Value::Float(float) if float.is_nan());
                first.compare_numbers(second).unwrap_or_else(|| is_nan(first).cmp(&is_nan(second)))
            }
            _ => first.cmp(second),
        }
    }
}

impl PartialOrd for ByMeaning<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for ByMeaning<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for ByMeaning<'_> {}
