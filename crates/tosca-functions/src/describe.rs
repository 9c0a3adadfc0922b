//! Values in messages, in TOSCA's words.

use floria::Value;

use crate::special;

/// How many characters of a value a message shows: enough to recognise it, little enough for one line.
const SHOWN_MAX: usize = 60;

/// A value with its kind: `the string "http"`, `the integer 3`, `a list of 2 entries`.
pub(crate) fn value(value: &Value) -> String {
    match value {
        Value::Null => "nil".to_owned(),
        Value::Boolean(value) => format!("the boolean {value}"),
        Value::Integer(value) => format!("the integer {value}"),
        Value::Float(_) => format!("the float {value}"),
        Value::Text(text) => format!("the string {}", quoted(text)),
        Value::Bytes(bytes) => format!("{} bytes", bytes.len()),
        Value::List(items) => counted("list", items.len()),
        Value::Map(entries) => counted("map", entries.len()),
        Value::Custom(custom) => {
            format!("the {} {}", special::type_word(&custom.type_name), quoted(&custom.text))
        }
    }
}

/// A value alone, as it would be written.
pub(crate) fn literal(value: &Value) -> String {
    match value {
        Value::Text(text) => quoted(text),
        Value::Custom(custom) => quoted(&custom.text),
        other => cut(&other.to_string()),
    }
}

/// A text as it would be written, on one line and not too long.
pub(crate) fn quoted(text: &str) -> String {
    format!("{:?}", cut(text))
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn counted(kind: &str, length: usize) -> String {
    match length {
        0 => format!("an empty {kind}"),
        1 => format!("a {kind} of 1 entry"),
        _ => format!("a {kind} of {length} entries"),
    }
}

/// Names in backticks, for "there is …": "`a`, `b` and `c`"; "nothing" when there are none.
pub(crate) fn names<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let mut quoted: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    match quoted.pop() {
        None => "nothing".to_owned(),
        Some(last) if quoted.is_empty() => last,
        Some(last) => format!("{} and {last}", quoted.join(", ")),
    }
}
