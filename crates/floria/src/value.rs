//! A Floria value: plain data with a total order.

use std::{
    cmp::Ordering,
    collections::BTreeMap,
    fmt,
    hash::{Hash, Hasher},
};

/// A map of values. Any value can be a key; iteration is in canonical order.
pub type ValueMap = BTreeMap<Value, Value>;

/// Plain data: what properties hold, what operations take and return, what the journal keeps.
///
/// Values are totally ordered, first by kind (in the order of the variants), then by content: maps as the lists of their
/// entries in order. Two values are equal exactly when their digests ([`Self::digest`]) are, on every machine.
///
/// There is one kind of integer: 64 bits with a sign, compared by value, however wide it was where it came from. What does not
/// fit is an error that names the number, wherever values are read; nothing rounds it. Integers and floats are different
/// kinds, so `1` is not `1.0`. Floats compare by `f64::total_cmp`: a NaN equals itself, and `-0.0` comes before `0.0`.
#[derive(Clone, Debug, Default)]
pub enum Value {
    /// Nothing, on purpose. TOSCA's `nil`.
    #[default]
    Null,
    /// True or false.
    Boolean(bool),
    /// A whole number. What does not fit is refused where it is read, never rounded.
    Integer(i64),
    /// A binary floating-point number.
    Float(f64),
    /// Unicode text.
    Text(String),
    /// Uninterpreted octets.
    Bytes(Vec<u8>),
    /// Values in an order that means something.
    List(Vec<Value>),
    /// Values by key.
    Map(ValueMap),
    /// A value of a type that a language brings.
    Custom(Box<Custom>),
}

/// A value of a type that a language brings, such as TOSCA's scalars, timestamps and versions: what people read and write,
/// and what it is compared by.
///
/// Custom values are ordered by type, then by `order`, then by text. So `1 GB` and `1000 MB` are different values (they are
/// different text, and a graph has one digest), and [`Self::compare`] says that they come to the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Custom {
    /// The type, qualified by whoever defines it: `tosca:version`.
    pub type_name: String,
    /// What it is compared by with others of its type: a number in the base unit, a list of the parts of a version.
    pub order: Value,
    /// The text form, which makes the same value again when its type reads it.
    pub text: String,
}

impl Custom {
    /// Compares two custom values by what they come to; None for those of different types, which cannot be compared.
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        (self.type_name == other.type_name).then(|| self.order.cmp(&other.order))
    }
}

impl From<Custom> for Value {
    fn from(custom: Custom) -> Self {
        Self::Custom(Box::new(custom))
    }
}

impl Value {
    /// Returns the kind of this value in one word, for messages.
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

    /// Builds a map from text keys.
    pub fn map<K: Into<String>, V: Into<Value>>(entries: impl IntoIterator<Item = (K, V)>) -> Self {
        Self::Map(entries.into_iter().map(|(key, value)| (Self::Text(key.into()), value.into())).collect())
    }

    /// Returns the text, if this is text.
    pub fn as_text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// Returns the integer, if this is one.
    pub fn as_integer(&self) -> Option<i64> {
        if let Self::Integer(integer) = self { Some(*integer) } else { None }
    }

    /// Returns the boolean, if this is one.
    pub fn as_boolean(&self) -> Option<bool> {
        if let Self::Boolean(boolean) = self { Some(*boolean) } else { None }
    }

    /// Returns the items, if this is a list.
    pub fn as_list(&self) -> Option<&[Value]> {
        if let Self::List(items) = self { Some(items) } else { None }
    }

    /// Returns the entries, if this is a map.
    pub fn as_map(&self) -> Option<&ValueMap> {
        if let Self::Map(entries) = self { Some(entries) } else { None }
    }

    /// Returns the custom value, if this is one.
    pub fn as_custom(&self) -> Option<&Custom> {
        if let Self::Custom(custom) = self { Some(custom) } else { None }
    }

    /// Returns the value at a text key, if this is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.as_map()?.get(&Value::Text(key.to_owned()))
    }

    /// Compares two numbers by what they come to, exactly also where an integer has no float of its value. None when one is no
    /// number or a NaN. In the total order of values, integers and floats are apart.
    pub fn compare_numbers(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Integer(a), Self::Integer(b)) => Some(a.cmp(b)),
            (Self::Float(a), Self::Float(b)) => a.partial_cmp(b),
            (Self::Integer(a), Self::Float(b)) => compare_mixed(*a, *b),
            (Self::Float(a), Self::Integer(b)) => compare_mixed(*b, *a).map(Ordering::reverse),
            _ => None,
        }
    }

    /// The rank of the kind in the total order.
    fn rank(&self) -> u8 {
        match self {
            Self::Null => 0,
            Self::Boolean(_) => 1,
            Self::Integer(_) => 2,
            Self::Float(_) => 3,
            Self::Text(_) => 4,
            Self::Bytes(_) => 5,
            Self::List(_) => 6,
            Self::Map(_) => 7,
            Self::Custom(_) => 8,
        }
    }
}

fn compare_mixed(integer: i64, float: f64) -> Option<Ordering> {
    // 2^63: the first float above all integers.
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if float.is_nan() {
        None
    } else if float >= LIMIT {
        Some(Ordering::Less)
    } else if float < -LIMIT {
        Some(Ordering::Greater)
    } else {
        // Within the limits the integral part fits, and what is behind the point decides between equals.
        let integral = float.trunc();
        Some(integer.cmp(&(integral as i64)).then(integral.total_cmp(&float)))
    }
}

impl Ord for Value {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Boolean(a), Self::Boolean(b)) => a.cmp(b),
            (Self::Integer(a), Self::Integer(b)) => a.cmp(b),
            (Self::Float(a), Self::Float(b)) => a.total_cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Bytes(a), Self::Bytes(b)) => a.cmp(b),
            (Self::List(a), Self::List(b)) => a.cmp(b),
            (Self::Map(a), Self::Map(b)) => a.cmp(b),
            (Self::Custom(a), Self::Custom(b)) => a.cmp(b),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Value {}

impl Hash for Value {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.rank().hash(state);
        match self {
            Self::Null => {}
            Self::Boolean(value) => value.hash(state),
            Self::Integer(value) => value.hash(state),
            // Floats that are equal here have the same bits.
            Self::Float(value) => value.to_bits().hash(state),
            Self::Text(value) => value.hash(state),
            Self::Bytes(value) => value.hash(state),
            Self::List(items) => items.hash(state),
            Self::Map(entries) => entries.hash(state),
            Self::Custom(custom) => custom.hash(state),
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

impl From<Vec<Value>> for Value {
    fn from(value: Vec<Value>) -> Self {
        Self::List(value)
    }
}

/// Shows the value as a person would write it on one line: text bare, everything else as in JSON.
impl fmt::Display for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => formatter.write_str("null"),
            Self::Boolean(value) => write!(formatter, "{value}"),
            Self::Integer(value) => write!(formatter, "{value}"),
            Self::Float(value) => write!(formatter, "{value:?}"),
            Self::Text(value) => formatter.write_str(value),
            Self::Custom(custom) => formatter.write_str(&custom.text),
            Self::Bytes(value) => write!(formatter, "<{} bytes>", value.len()),
            Self::List(items) => {
                formatter.write_str("[")?;
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        formatter.write_str(", ")?;
                    }
                    write!(formatter, "{item}")?;
                }
                formatter.write_str("]")
            }
            Self::Map(entries) => {
                formatter.write_str("{")?;
                for (index, (key, value)) in entries.iter().enumerate() {
                    if index > 0 {
                        formatter.write_str(", ")?;
                    }
                    write!(formatter, "{key}: {value}")?;
                }
                formatter.write_str("}")
            }
        }
    }
}
