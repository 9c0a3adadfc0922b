//! Whether a condition is true of an entity.

use std::cmp::Ordering;

use floria::{Entity, Value};

use crate::{Comparison, Condition, Meaning, Test};

impl Condition {
    /// Returns whether it is true of an entity.
    pub fn holds(&self, entity: &Entity) -> bool {
        match self {
            Self::All(conditions) => conditions.iter().all(|condition| condition.holds(entity)),
            Self::Any(conditions) => conditions.iter().any(|condition| condition.holds(entity)),
            Self::Not(condition) => !condition.holds(entity),
            Self::Test(test) => test.holds(entity),
        }
    }
}

impl Test {
    fn holds(&self, entity: &Entity) -> bool {
        let property = |name: &str| entity.properties().and_then(|all| all.get(name)?.value.as_ref());
        match self {
            Self::Name(name) => {
                let index = entity.name().strip_prefix(name.as_str());
                index.is_some_and(|rest| {
                    let digits = rest.strip_prefix('-').unwrap_or_default();
                    rest.is_empty()
                        || (!digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit()))
                })
            }
            Self::Representation(name, index) => {
                let own = entity.name();
                own.strip_prefix(name.as_str()).and_then(|rest| rest.strip_prefix('-'))
                    == Some(&index.to_string())
                    || (*index == 0 && own == name)
            }
            Self::Exactly(name) => entity.name() == name,
            Self::Id(id) => entity.key().id() == Some(*id),
            Self::Namespace(namespace) => entity.namespace() == namespace,
            Self::Under(namespace) => entity.namespace().is_under(namespace),
            Self::Class(name) => entity.classes().any(|class| class.0 == *name || class.last() == name),
            Self::Origin(source) => entity.origin().is_some_and(|origin| origin.source == *source),
            Self::Property(name, comparison) => comparison.holds(property(name)),
            Self::Metadata(key, comparison) => comparison.holds(entity.metadata().get(key)),
            Self::Keyword { meaning, text, .. } => {
                let value = match meaning {
                    Meaning::Metadata(key) => entity.metadata().get(key),
                    Meaning::Property(name) => property(name),
                };
                value.is_some_and(|value| text_of(value) == Some(text))
            }
        }
    }
}

fn text_of(value: &Value) -> Option<&str> {
    match value {
        Value::Text(text) => Some(text),
        Value::Custom(custom) => Some(&custom.text),
        _ => None,
    }
}

impl Comparison {
    /// Returns whether it is true of a value, or of its absence.
    fn holds(&self, value: Option<&Value>) -> bool {
        let Some(value) = value else { return *self == Self::Absent };
        match self {
            Self::Present => true,
            Self::Absent => false,
            Self::Equal(other) => equal(value, other),
            Self::NotEqual(other) => !equal(value, other),
            Self::Less(other) => compare(value, other) == Some(Ordering::Less),
            Self::LessOrEqual(other) => {
                matches!(compare(value, other), Some(Ordering::Less | Ordering::Equal))
            }
            Self::Greater(other) => compare(value, other) == Some(Ordering::Greater),
            Self::GreaterOrEqual(other) => {
                matches!(compare(value, other), Some(Ordering::Greater | Ordering::Equal))
            }
            Self::Contains(other) => match (value, other) {
                (Value::List(items), _) => items.iter().any(|item| equal(item, other)),
                (Value::Map(entries), _) => entries.keys().any(|key| equal(key, other)),
                (_, Value::Text(part)) => text_of(value).is_some_and(|text| text.contains(part.as_str())),
                // `~80` is about what is written.
                (_, part) => text_of(value).is_some_and(|text| text.contains(&part.to_string())),
            },
        }
    }
}

fn equal(value: &Value, other: &Value) -> bool {
    value == other || compare(value, other) == Some(Ordering::Equal)
}

/// Compares what can be compared: numbers with numbers by what they come to, texts with texts, and custom values by their text
/// with texts and by what they come to with numbers.
fn compare(value: &Value, other: &Value) -> Option<Ordering> {
    match (value, other) {
        (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
        (Value::Custom(custom), Value::Text(text)) => (custom.text == *text).then_some(Ordering::Equal),
        (Value::Custom(custom), _) => custom.order.compare_numbers(other),
        _ => value.compare_numbers(other),
    }
}
