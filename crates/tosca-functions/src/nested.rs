//! The way into a complex value, by names, keys and indexes.

use floria::Value;

use crate::describe;

/// Returns the value at the end of the way, or a sentence that says where it ends too early. `what` names the whole.
pub(crate) fn descend<'a>(value: &'a Value, way: &[Value], what: &str) -> Result<&'a Value, String> {
    let mut value = value;
    let mut place = what.to_owned();
    for step in way {
        value = match value {
            Value::List(items) => {
                let index =
                    step.as_integer().and_then(|index| usize::try_from(index).ok()).ok_or_else(|| {
                        format!("{place} is a list: {} is not an index into it", describe::value(step))
                    })?;
                items.get(index).ok_or_else(|| {
                    format!("{place} is {}: there is no index {index}", describe::value(value))
                })?
            }
            Value::Map(entries) => entries.get(step).ok_or_else(|| {
                let keys = entries.keys().map(describe::literal).collect::<Vec<_>>();
                let keys = if keys.is_empty() {
                    "it is empty".to_owned()
                } else {
                    format!("it has {}", keys.join(", "))
                };
                format!("{place} has no {}: {keys}", describe::literal(step))
            })?,
            other => {
                return Err(format!(
                    "{place} is {}: there is no {} in it",
                    describe::value(other),
                    describe::literal(step)
                ));
            }
        };
        match step {
            Value::Integer(index) => place.push_str(&format!("[{index}]")),
            other => place.push_str(&format!(".{other}")),
        }
    }
    Ok(value)
}
