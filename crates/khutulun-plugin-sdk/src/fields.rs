//! Inputs and properties, read with their types.

use crate::{Failure, Value};

/// A map of inputs, properties or attributes. Each getter fails with a sentence that names what is wrong.
///
/// A null counts as not given.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a> {
    what: &'static str,
    entries: &'a [(Value, Value)],
}

impl<'a> Fields<'a> {
    /// Makes fields of a map; of anything else, no fields. `what` is what one of them is called: `property`.
    pub fn new(what: &'static str, value: Option<&'a Value>) -> Self {
        let entries = if let Some(Value::Map(entries)) = value { entries.as_slice() } else { &[] };
        Self { what, entries }
    }

    /// Returns a field that may be absent.
    pub fn optional(&self, name: &str) -> Option<&'a Value> {
        let (_, value) = self.entries.iter().find(|(key, _)| key.as_text() == Some(name))?;
        if *value == Value::Null { None } else { Some(value) }
    }

    /// Fails when there is a field of another name: nothing that somebody wrote is silently ignored.
    pub fn only(&self, names: &[&str]) -> Result<(), Failure> {
        for (key, _) in self.entries {
            let known = key.as_text().is_some_and(|key| names.contains(&key));
            if !known {
                let key = key.as_text().unwrap_or("(not a text)");
                return Err(Failure::permanent(format!(
                    "{} `{key}` is not supported here; supported: {}",
                    self.what,
                    names.join(", ")
                )));
            }
        }
        Ok(())
    }

    /// Returns a text.
    pub fn text(&self, name: &str) -> Result<&'a str, Failure> {
        self.optional_text(name)?.ok_or_else(|| self.missing(name))
    }

    /// Returns a text that may be absent.
    pub fn optional_text(&self, name: &str) -> Result<Option<&'a str>, Failure> {
        self.optional(name)
            .map(|value| value.as_text().ok_or_else(|| self.mistyped(name, "a text", value)))
            .transpose()
    }

    /// Returns a whole number.
    pub fn integer(&self, name: &str) -> Result<i64, Failure> {
        self.optional_integer(name)?.ok_or_else(|| self.missing(name))
    }

    /// Returns a whole number that may be absent.
    pub fn optional_integer(&self, name: &str) -> Result<Option<i64>, Failure> {
        match self.optional(name) {
            None => Ok(None),
            Some(Value::Integer(value)) => Ok(Some(*value)),
            Some(value) => Err(self.mistyped(name, "an integer", value)),
        }
    }

    /// Returns a number from `least` to `most` that may be absent.
    pub fn optional_within(&self, name: &str, least: i64, most: i64) -> Result<Option<i64>, Failure> {
        match self.optional_integer(name)? {
            Some(value) if value < least || value > most => Err(Failure::permanent(format!(
                "{} `{name}` is {value}, which is not from {least} to {most}",
                self.what
            ))),
            value => Ok(value),
        }
    }

    /// Returns a boolean that may be absent.
    pub fn optional_boolean(&self, name: &str) -> Result<Option<bool>, Failure> {
        match self.optional(name) {
            None => Ok(None),
            Some(Value::Boolean(value)) => Ok(Some(*value)),
            Some(value) => Err(self.mistyped(name, "a boolean", value)),
        }
    }

    /// Returns a list; an absent one is empty.
    pub fn list(&self, name: &str) -> Result<&'a [Value], Failure> {
        match self.optional(name) {
            None => Ok(&[]),
            Some(Value::List(items)) => Ok(items),
            Some(value) => Err(self.mistyped(name, "a list", value)),
        }
    }

    /// Returns a list of texts; an absent one is empty.
    pub fn texts(&self, name: &str) -> Result<Vec<String>, Failure> {
        let item = |item: &Value| {
            item.as_text().map(str::to_owned).ok_or_else(|| self.mistyped(name, "a list of texts", item))
        };
        self.list(name)?.iter().map(item).collect()
    }

    /// Returns a map from text to text; an absent one is empty.
    pub fn text_map(&self, name: &str) -> Result<Vec<(String, String)>, Failure> {
        let entries = match self.optional(name) {
            None => return Ok(Vec::new()),
            Some(Value::Map(entries)) => entries,
            Some(value) => return Err(self.mistyped(name, "a map", value)),
        };
        let entry = |(key, value): &(Value, Value)| match (key.as_text(), value.as_text()) {
            (Some(key), Some(value)) => Ok((key.to_owned(), value.to_owned())),
            (None, _) => Err(self.mistyped(name, "a map with text keys", key)),
            (_, None) => Err(self.mistyped(name, "a map of texts", value)),
        };
        entries.iter().map(entry).collect()
    }

    fn missing(&self, name: &str) -> Failure {
        Failure::permanent(format!("{} `{name}` is missing", self.what))
    }

    fn mistyped(&self, name: &str, expected: &str, found: &Value) -> Failure {
        Failure::permanent(format!(
            "{} `{name}` must be {expected}, and there is {}",
            self.what,
            match found.kind() {
                "null" => "null".to_owned(),
                "bytes" => "bytes".to_owned(),
                kind @ "integer" => format!("an {kind}"),
                kind => format!("a {kind}"),
            }
        ))
    }
}
