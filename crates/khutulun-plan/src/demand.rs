//! What a changed value needs.

use floria::{Metadata, Value};
use khutulun_api::names;

/// What a changed value needs, from nothing to everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Demand {
    /// Nothing at all.
    None,
    /// `configure` alone.
    Configure,
    /// Stop, configure and start.
    #[default]
    Restart,
    /// Delete and create anew.
    Replace,
}

impl Demand {
    /// Reads the metadata [`names::CHANGE`]; None where it says nothing, or nothing that we know.
    pub fn of(metadata: &Metadata) -> Option<Self> {
        Self::named(metadata.get(names::CHANGE)?)
    }

    /// Reads one of [`names::CHANGES`].
    pub(crate) fn named(word: &Value) -> Option<Self> {
        let word = word.as_text()?;
        let demands = [Self::None, Self::Configure, Self::Restart, Self::Replace];
        names::CHANGES.iter().zip(demands).find(|(name, _)| **name == word).map(|(_, demand)| demand)
    }

    /// Returns what a change of the inputs or the code of a lifecycle operation needs, where its metadata does not say: what
    /// `create` made can only be made anew, and what takes a node away matters only then.
    pub(crate) fn of_operation(operation: &str) -> Self {
        match operation {
            "create" => Self::Replace,
            "stop" | "delete" => Self::None,
            _ => Self::Restart,
        }
    }

    /// Returns what a value needs that is no longer there, judging by its name alone.
    pub(crate) fn of_gone(key: &str) -> Self {
        let rest = key.strip_prefix("input.").or_else(|| key.strip_prefix("code.lifecycle."));
        rest.map_or(Self::Restart, |rest| Self::of_operation(rest.split('.').next().unwrap_or(rest)))
    }
}
