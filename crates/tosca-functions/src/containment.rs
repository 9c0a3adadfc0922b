//! What is in a list, map or string (TOSCA 2.0, 10.2.2.3).

use floria::{Value, ValueMap};

use crate::{
    arguments::{exactly, list, wrong},
    comparison::{all_same, same},
    describe,
};

/// `$has_suffix`: two strings or two lists.
pub(crate) fn has_suffix(arguments: &[Value]) -> Result<Value, String> {
    pair(
        arguments,
        |text, part| text.ends_with(part),
        |items, part| items.len() >= part.len() && all_same(&items[items.len() - part.len()..], part),
    )
}

/// `$has_prefix`: two strings or two lists.
pub(crate) fn has_prefix(arguments: &[Value]) -> Result<Value, String> {
    pair(
        arguments,
        |text, part| text.starts_with(part),
        |items, part| items.len() >= part.len() && all_same(&items[..part.len()], part),
    )
}

/// `$contains`: two strings or two lists; the second without interruption in the first.
pub(crate) fn contains(arguments: &[Value]) -> Result<Value, String> {
    pair(
        arguments,
        |text, part| text.contains(part),
        |items, part| part.is_empty() || items.windows(part.len()).any(|window| all_same(window, part)),
    )
}

/// `$has_entry`: a list or map, and a value.
pub(crate) fn has_entry(arguments: &[Value]) -> Result<Value, String> {
    let [collection, value] = exactly(arguments)?;
    Ok(entries(collection)?.into_iter().any(|entry| same(entry, value)).into())
}

/// `$has_key`: a map and a key.
pub(crate) fn has_key(arguments: &[Value]) -> Result<Value, String> {
    let [map, key] = exactly(arguments)?;
    Ok(keys(map)?.keys().any(|other| same(other, key)).into())
}

/// `$has_all_entries`: a list or map, and a list of values.
pub(crate) fn has_all_entries(arguments: &[Value]) -> Result<Value, String> {
    let [collection, values] = exactly(arguments)?;
    let entries = entries(collection)?;
    Ok(list(values, 1)?.iter().all(|value| entries.iter().any(|entry| same(entry, value))).into())
}

/// `$has_all_keys`: a map and a list of keys.
pub(crate) fn has_all_keys(arguments: &[Value]) -> Result<Value, String> {
    let [map, wanted] = exactly(arguments)?;
    let map = keys(map)?;
    Ok(list(wanted, 1)?.iter().all(|key| map.keys().any(|other| same(other, key))).into())
}

/// `$has_any_entry`: a list or map, and a list of values.
pub(crate) fn has_any_entry(arguments: &[Value]) -> Result<Value, String> {
    let [collection, values] = exactly(arguments)?;
    let entries = entries(collection)?;
    Ok(list(values, 1)?.iter().any(|value| entries.iter().any(|entry| same(entry, value))).into())
}

/// `$has_any_key`: a map and a list of keys.
pub(crate) fn has_any_key(arguments: &[Value]) -> Result<Value, String> {
    let [map, wanted] = exactly(arguments)?;
    let map = keys(map)?;
    Ok(list(wanted, 1)?.iter().any(|key| map.keys().any(|other| same(other, key))).into())
}

fn pair(
    arguments: &[Value],
    texts: impl Fn(&str, &str) -> bool,
    lists: impl Fn(&[Value], &[Value]) -> bool,
) -> Result<Value, String> {
    let [first, second] = exactly(arguments)?;
    match (first, second) {
        (Value::Text(first), Value::Text(second)) => Ok(texts(first, second).into()),
        (Value::List(first), Value::List(second)) => Ok(lists(first, second).into()),
        _ => Err(format!(
            "expected two strings or two lists, found {} and {}",
            describe::value(first),
            describe::value(second)
        )),
    }
}

fn entries(collection: &Value) -> Result<Vec<&Value>, String> {
    match collection {
        Value::List(items) => Ok(items.iter().collect()),
        Value::Map(entries) => Ok(entries.values().collect()),
        other => Err(wrong(other, 0, "a list or map")),
    }
}

fn keys(map: &Value) -> Result<&ValueMap, String> {
    map.as_map().ok_or_else(|| wrong(map, 0, "a map"))
}
