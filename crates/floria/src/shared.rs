//! Text that many entities have in common, once in memory.

use std::{
    cell::RefCell,
    fmt,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    ops::Deref,
    sync::Arc,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Text that many entities have in common, such as the name of the source that they were asked for in. It behaves as text;
/// making it again from the same text, or reading it from a store, mostly takes no memory.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SharedText(Arc<str>);

/// How many texts a thread remembers, to share them: more than the sources of a service, and few enough to be forgotten about.
const REMEMBERED: usize = 64;

/// How long what is remembered may be, in octets.
const REMEMBERED_LENGTH_MAX: usize = 256;

thread_local! {
    /// What was made last, by its hash.
    static RECENT: RefCell<[Option<SharedText>; REMEMBERED]> = const { RefCell::new([const { None }; REMEMBERED]) };
}

impl SharedText {
    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for SharedText {
    fn from(text: &str) -> Self {
        if text.len() > REMEMBERED_LENGTH_MAX {
            return Self(text.into());
        }
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        let place = hasher.finish() as usize % REMEMBERED;
        RECENT.with_borrow_mut(|recent| match &mut recent[place] {
            Some(same) if same.as_str() == text => same.clone(),
            other => other.insert(Self(text.into())).clone(),
        })
    }
}

impl From<String> for SharedText {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

impl Deref for SharedText {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for SharedText {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl PartialEq<str> for SharedText {
    fn eq(&self, other: &str) -> bool {
        *self.0 == *other
    }
}

impl PartialEq<&str> for SharedText {
    fn eq(&self, other: &&str) -> bool {
        *self.0 == **other
    }
}

impl PartialEq<String> for SharedText {
    fn eq(&self, other: &String) -> bool {
        *self.0 == **other
    }
}

impl fmt::Display for SharedText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

impl fmt::Debug for SharedText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, formatter)
    }
}

impl Serialize for SharedText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for SharedText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = SharedText;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("text")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<SharedText, E> {
                Ok(text.into())
            }
        }

        deserializer.deserialize_str(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_text_is_in_memory_once() {
        let one = SharedText::from("service.yaml");
        let other: SharedText = crate::decode(&crate::encode("service.yaml").unwrap()).unwrap();
        assert!(Arc::ptr_eq(&one.0, &other.0));
        // It is equal by what it says, however it came.
        let many: Vec<_> = (0..1_000).map(|number| SharedText::from(number.to_string())).collect();
        assert!(many.iter().enumerate().all(|(number, text)| *text == number.to_string()));
        assert_eq!(SharedText::from("service.yaml"), one);
        let long = "x".repeat(REMEMBERED_LENGTH_MAX + 1);
        assert_eq!(SharedText::from(long.as_str()).as_str(), long);
    }
}
