//! A value, as a plugin's author sees it.

/// Plain data: inputs, outputs and what the graph says. The same kinds as in the graph (`floria::Value`).
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// Nothing, on purpose. TOSCA's `nil`.
    #[default]
    Null,
    /// True or false.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A binary floating-point number.
    Float(f64),
    /// Unicode text.
    Text(String),
    /// Uninterpreted octets.
    Bytes(Vec<u8>),
    /// Values in an order that means something.
    List(Vec<Value>),
    /// Values by key, each key once. The host orders them.
    Map(Vec<(Value, Value)>),
    /// A scalar, timestamp or version. Only functions get such: operations get its text.
    Custom(Box<Custom>),
}

/// A value of a type that a language brings.
#[derive(Clone, Debug, PartialEq)]
pub struct Custom {
    /// The type: `tosca:version`.
    pub type_name: String,
    /// What it is compared by with others of its type, such as the number in the canonical unit. A function that answers a
    /// new value may leave it null where the result has a schema: the host reads the text again.
    pub order: Value,
    /// The text that people write.
    pub text: String,
}

impl Value {
    /// Builds a map from text keys.
    pub fn map<K: Into<String>, V: Into<Value>>(entries: impl IntoIterator<Item = (K, V)>) -> Self {
        Self::Map(entries.into_iter().map(|(key, value)| (Self::Text(key.into()), value.into())).collect())
    }

    /// Returns a map with this entry, in place of the one with its key if there is one. Anything but a map is replaced by a
    /// map of that entry.
    pub fn with(self, key: &str, value: impl Into<Value>) -> Self {
        let mut entries = if let Self::Map(entries) = self { entries } else { Vec::new() };
        entries.retain(|(candidate, _)| candidate.as_text() != Some(key));
        entries.push((Self::Text(key.to_owned()), value.into()));
        Self::Map(entries)
    }

    /// Returns the value at a text key, if this is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Value> {
        let Self::Map(entries) = self else { return None };
        entries.iter().find(|(candidate, _)| candidate.as_text() == Some(key)).map(|(_, value)| value)
    }

    /// Returns the text, if this is text.
    pub fn as_text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// Returns the kind in one word, for messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean(_) => "boolean",
            Self::Integer(_) => "integer",
            Self::Float(_) => "float",
            Self::Text(_) => "text",
            Self::Bytes(_) => "bytes",
            Self::List(_) => "list",
            Self::Map(_) => "map",
            Self::Custom(_) => "custom value",
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<i32> for Value {
    fn from(value: i32) -> Self {
        Self::Integer(value.into())
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::Integer(value.into())
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

/// None is null.
impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl<T: Into<Value>> From<Vec<T>> for Value {
    fn from(values: Vec<T>) -> Self {
        Self::List(values.into_iter().map(Into::into).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::Value;

    #[test]
    fn an_entry_takes_the_place_of_the_one_with_its_key() {
        let value = Value::map([("state", "stopped")]).with("pid", 7).with("state", "running");
        assert_eq!(value.get("state"), Some(&Value::from("running")));
        assert!(matches!(value, Value::Map(entries) if entries.len() == 2), "each key is there once");
    }
}
