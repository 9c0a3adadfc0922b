//! Reading rules, each once.

use std::collections::BTreeSet;

use super::Rules;
use crate::{Expression, Value};

/// Why rules cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// Nobody knows a rule.
    #[error("there is no rule `{name}`")]
    Unknown {
        /// The rule.
        name: String,
    },
    /// A rule is not of its form.
    #[error("the rule `{name}` is not {expected}")]
    Malformed {
        /// The rule.
        name: String,
        /// What it should be.
        expected: &'static str,
    },
}

/// Rules, and which of them were asked for.
pub(super) struct Reader<'r> {
    rules: &'r Rules,
    asked: BTreeSet<&'static str>,
}

impl<'r> Reader<'r> {
    pub(super) fn new(rules: &'r Rules) -> Self {
        Self { rules, asked: BTreeSet::new() }
    }

    pub(super) fn rule(&mut self, name: &'static str) -> Option<&'r Expression> {
        self.asked.insert(name);
        self.rules.get(name)
    }

    pub(super) fn skip(&mut self, names: &[&'static str]) {
        self.asked.extend(names);
    }

    pub(super) fn expression(&mut self, name: &'static str) -> Option<Expression> {
        self.rule(name).cloned()
    }

    pub(super) fn literal(&mut self, name: &'static str) -> Result<Option<&'r Value>, RuleError> {
        match self.rule(name) {
            None => Ok(None),
            Some(Expression::Literal(value)) => Ok(Some(value)),
            Some(_) => Err(malformed(name, "a literal")),
        }
    }

    pub(super) fn text(&mut self, name: &'static str) -> Result<Option<String>, RuleError> {
        match self.literal(name)? {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text.clone())),
            Some(_) => Err(malformed(name, "a text")),
        }
    }

    pub(super) fn flag(&mut self, name: &'static str) -> Result<bool, RuleError> {
        match self.literal(name)? {
            None => Ok(false),
            Some(Value::Boolean(flag)) => Ok(*flag),
            Some(_) => Err(malformed(name, "true or false")),
        }
    }

    pub(super) fn texts(&mut self, name: &'static str) -> Result<Option<Vec<String>>, RuleError> {
        let wrong = || malformed(name, "a list of texts");
        match self.literal(name)? {
            None => Ok(None),
            Some(Value::List(items)) => items
                .iter()
                .map(|item| item.as_text().map(str::to_owned).ok_or_else(wrong))
                .collect::<Result<_, _>>()
                .map(Some),
            Some(_) => Err(wrong()),
        }
    }

    pub(super) fn words<T: Copy>(
        &mut self,
        name: &'static str,
        words: &[(&str, T)],
    ) -> Result<Vec<T>, RuleError> {
        let wrong = || malformed(name, "a list of the words it may hold");
        let meaning = |text: String| {
            words.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning).ok_or_else(wrong)
        };
        self.texts(name)?.unwrap_or_default().into_iter().map(meaning).collect()
    }

    /// Refuses what was not asked for.
    pub(super) fn done(self) -> Result<(), RuleError> {
        match self.rules.keys().find(|name| !self.asked.contains(name.as_str())) {
            Some(name) => Err(RuleError::Unknown { name: name.clone() }),
            None => Ok(()),
        }
    }
}

pub(super) fn malformed(name: &str, expected: &'static str) -> RuleError {
    RuleError::Malformed { name: name.to_owned(), expected }
}

/// The word for a meaning, of which each has one.
pub(super) fn word_of<T: PartialEq>(words: &[(&'static str, T)], meaning: T) -> &'static str {
    words.iter().find(|(_, other)| *other == meaning).map_or("", |(word, _)| word)
}
