//! The words that an application brings.

use std::collections::BTreeMap;

use crate::Meaning;

/// Which keywords there are beside those of every query, and what they look at: `state:failed` is for an application that says
/// where it keeps a state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vocabulary {
    words: BTreeMap<String, Meaning>,
}

impl Vocabulary {
    /// Adds a keyword that looks at metadata.
    pub fn metadata(mut self, word: &str, key: &str) -> Self {
        self.words.insert(word.to_owned(), Meaning::Metadata(key.to_owned()));
        self
    }

    /// Adds a keyword that looks at the value of a property.
    pub fn property(mut self, word: &str, name: &str) -> Self {
        self.words.insert(word.to_owned(), Meaning::Property(name.to_owned()));
        self
    }

    pub(crate) fn meaning(&self, word: &str) -> Option<&Meaning> {
        self.words.get(word)
    }

    pub(crate) fn words(&self) -> impl Iterator<Item = &str> {
        self.words.keys().map(String::as_str)
    }
}
