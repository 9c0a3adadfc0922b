//! Strings, lists and maps (TOSCA 2.0, 10.2.3).

use std::fmt::Write as _;

use floria::Value;

use crate::{
    arguments::{exactly, list, wrong},
    describe,
};

/// `$length`: characters of a string, entries of a list or map, octets of bytes.
pub(crate) fn length(arguments: &[Value]) -> Result<Value, String> {
    let [argument] = exactly(arguments)?;
    let length = match argument {
        Value::Text(text) => text.chars().count(),
        Value::Bytes(octets) => octets.len(),
        Value::List(items) => items.len(),
        Value::Map(entries) => entries.len(),
        other => return Err(wrong(other, 0, "a string, list, map or bytes")),
    };
    i64::try_from(length).map(Value::Integer).map_err(|_| "the length does not fit 64 bits".to_owned())
}

/// `$concat`: strings or lists, at least one.
///
/// The standard's own example concatenates a port (10.2.3.2), so among strings a number or boolean stands for its text. Timestamps,
/// versions and scalars do as well: they are written as strings (9.1.2). Bytes do not, since they have no text of their own.
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
                if !push(&mut whole, argument) {
                    return Err(wrong(argument, place, expected));
                }
            }
            Ok(Value::Text(whole))
        }
    }
}

/// Appends a string, or the text of a number, boolean or special value; false for anything else.
fn push(text: &mut String, value: &Value) -> bool {
    match value {
        Value::Text(more) => text.push_str(more),
        Value::Custom(custom) => text.push_str(&custom.text),
        Value::Integer(_) | Value::Float(_) | Value::Boolean(_) => {
            write!(text, "{value}").expect("a string takes whatever is written to it");
        }
        _ => return false,
    }
    true
}

/// `$join`: a list of strings, and what comes between them; nothing, if it is not said.
///
/// The standard's own example joins a number (10.2.3.3), so what stands for its text in `$concat` does here.
pub(crate) fn join(arguments: &[Value]) -> Result<Value, String> {
    let (strings, delimiter) = match arguments {
        [strings] => (strings, ""),
        [strings, delimiter] => {
            (strings, delimiter.as_text().ok_or_else(|| wrong(delimiter, 1, "a string"))?)
        }
        _ => return Err(format!("expected 1 or 2 arguments, found {}", arguments.len())),
    };
    let mut whole = String::new();
    for (place, string) in list(strings, 0)?.iter().enumerate() {
        if place > 0 {
            whole.push_str(delimiter);
        }
        if !push(&mut whole, string) {
            let found = describe::value(string);
            return Err(format!("entry {place} of argument 1 must be a string or number, not {found}"));
        }
    }
    Ok(Value::Text(whole))
}

/// `$token`: a string, the characters that each separate its substrings, and the index of one of these, from 0.
pub(crate) fn token(arguments: &[Value]) -> Result<Value, String> {
    let [string, separators, index] = exactly(arguments)?;
    let text = string.as_text().ok_or_else(|| wrong(string, 0, "a string"))?;
    let characters = separators.as_text().filter(|characters| !characters.is_empty());
    let characters = characters.ok_or_else(|| wrong(separators, 1, "a string of at least one character"))?;
    let place = index.as_integer().ok_or_else(|| wrong(index, 2, "an integer"))?;
    let mut tokens = text.split(|character| characters.contains(character));
    let token = usize::try_from(place).ok().and_then(|place| tokens.nth(place));
    token.map(Value::from).ok_or_else(|| {
        let count = text.split(|character| characters.contains(character)).count();
        format!("there is no substring {place}: {} has {count}", describe::value(string))
    })
}
