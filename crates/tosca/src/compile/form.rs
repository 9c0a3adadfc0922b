//! What YAML nodes are before any type is known: functions (10.1), or plain data.

use std::sync::Arc;

use diagnostics::Span;
use tosca_syntax::yaml::{Content, Node, Scalar, ScalarKind, parse_float, parse_integer};

use crate::model::{Metadata, Name, Value};

/// What a YAML node is by the algorithm of 10.1.
pub(super) enum Form<'a> {
    /// Not a function.
    Literal,
    /// `$name`, or `{ $name: arguments }`.
    Call { name: &'a str, span: Span, arguments: Option<Node<'a>> },
    /// A map with a function and something else.
    Malformed(Node<'a>),
}

pub(super) fn form(node: Node<'_>) -> Form<'_> {
    let function = |text: &str| text.starts_with('$') && !text.starts_with("$$");
    match node.content() {
        Content::Scalar(Scalar { text, kind: ScalarKind::String, .. }) if function(text) => {
            Form::Call { name: &text[1..], span: node.span(), arguments: None }
        }
        Content::Mapping(mut entries) => {
            let count = entries.len();
            let found = entries.find_map(|(key, value)| {
                let text = key.as_string().filter(|text| function(text))?;
                Some((key, text, value))
            });
            match found {
                Some((key, text, arguments)) if count == 1 => {
                    Form::Call { name: &text[1..], span: key.span(), arguments: Some(arguments) }
                }
                Some((key, ..)) => Form::Malformed(key),
                None => Form::Literal,
            }
        }
        _ => Form::Literal,
    }
}

/// What to say of a map that looks like a function of TOSCA 1.x.
pub(super) fn without_dollar(node: Node<'_>) -> Option<String> {
    let mut entries = node.entries().filter(|entries| entries.len() == 1)?;
    let name = entries.next().and_then(|(key, _)| key.as_string())?;
    let is_function = super::built_in_functions().any(|function| function == name);
    is_function.then(|| format!("TOSCA 2.0 begins functions with `$`: write `${name}`"))
}

/// A string with the escape of 10.1 taken out: `$$name` is the text `$name`.
pub(super) fn unescaped(text: &str) -> &str {
    if text.starts_with("$$") { &text[1..] } else { text }
}

/// A node as plain data: metadata, where `$` means nothing.
pub(super) fn plain_value(node: Node<'_>) -> Value {
    match node.content() {
        Content::Scalar(scalar) => match scalar.kind {
            ScalarKind::Null => Value::Nil,
            ScalarKind::Boolean => Value::Boolean(scalar.text.eq_ignore_ascii_case("true")),
            // Beyond 64 bits an integer keeps its digits as text: metadata must not lose any.
            ScalarKind::Integer => {
                parse_integer(scalar.text).map_or_else(|| Value::String(scalar.text.into()), Value::Integer)
            }
            ScalarKind::Float => parse_float(scalar.text).map_or(Value::Nil, Value::Float),
            ScalarKind::String => Value::String(scalar.text.into()),
        },
        Content::Sequence(items) => Value::List(items.map(plain_value).collect()),
        Content::Mapping(entries) => {
            Value::Map(entries.map(|(key, value)| (plain_value(key), plain_value(value))).collect())
        }
    }
}

/// The entries of a `metadata` map. Keys that are not strings are named by their YAML text.
pub(super) fn plain_metadata(node: Node<'_>) -> Metadata {
    let entries = node.entries().into_iter().flatten();
    entries
        .map(|(key, value)| {
            let name =
                key.as_scalar().map_or_else(|| plain_value(key).to_string(), |scalar| scalar.text.to_owned());
            (Name::from(name), plain_value(value))
        })
        .collect()
}

/// A `description` of one's own, else the inherited one.
pub(super) fn description_or(own: Option<&str>, inherited: Option<&Arc<str>>) -> Option<Arc<str>> {
    own.map(Arc::from).or_else(|| inherited.cloned())
}

/// A `metadata` of one's own, else the inherited one: it overwrites (9.7).
pub(super) fn metadata_or(own: Option<Node<'_>>, inherited: Option<&Metadata>) -> Metadata {
    own.map(plain_metadata).or_else(|| inherited.cloned()).unwrap_or_default()
}
