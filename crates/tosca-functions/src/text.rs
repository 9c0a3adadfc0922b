//! Strings, lists and maps (TOSCA 2.0, 10.2.3).

use std::fmt::Write as _;

use floria::Value;

use crate::arguments::{exactly, wrong};

/// `$length`: characters of a string, entries of a list or map.
pub(crate) fn length(arguments: &[Value]) -> Result<Value, String> {
    let [argument] = exactly(arguments)?;
    let length = match argument {
        Value::Text(text) => text.chars().count(),
        Value::List(items) => items.len(),
        Value::Map(entries) => entries.len(),
        other => return Err(wrong(other, 0, "a string, list or map")),
    };
    i64::try_from(length).map(Value::Integer).map_err(|_| "the length does not fit 64 bits".to_owned())
}

/// `$concat`: strings or lists, at least one.
///
/// The standard's own example concatenates a port (10.2.3.2), so among strings a number or boolean stands for its text.
pub(crate) fn concat(arguments: &[Value]) -> Result<Value, String> {
    match arguments.first() {
        None => Err("expected at least 1 argument, found 0".to_owned()),
        Some(Value::List(_)) => {
            let mut whole = Vec::new();
            for (place, argument) in arguments.iter().enumerate() {
                let items =
                    argument.as_list().ok_or_else(|| wrong(argument, place, "a list, as argument 1 is"))?;
                whole.extend_from_slice(items);
            }
            Ok(Value::List(whole))
        }
        Some(first) => {
            let expected = if first.as_text().is_some() {
                "a string or number, as argument 1 is"
            } else {
                "a string or number"
            };
            let mut whole = String::new();
            for (place, argument) in arguments.iter().enumerate() {
                match argument {
                    Value::Text(text) => whole.push_str(text),
                    Value::Integer(_) | Value::Float(_) | Value::Boolean(_) => {
                        write!(whole, "{argument}").expect("a string takes whatever is written to it");
                    }
                    other => return Err(wrong(other, place, expected)),
                }
            }
            Ok(Value::Text(whole))
        }
    }
}
