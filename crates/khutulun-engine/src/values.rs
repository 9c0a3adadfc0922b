//! Numbers in values.

use floria::Value;

/// Makes a value of an id, a count or a time. Those stay far below the largest integer; what does not becomes it.
pub(crate) fn number(number: u64) -> Value {
    Value::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}

/// Returns what a map holds at a key, where that is a number that is not negative.
pub(crate) fn unsigned(body: &Value, key: &str) -> Option<u64> {
    body.get(key).and_then(Value::as_integer).and_then(|number| u64::try_from(number).ok())
}
