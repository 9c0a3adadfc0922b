//! One thing that happened.

use std::collections::BTreeMap;

use floria::{Namespace, Site, Value};
use khutulun_api::RunId;

use crate::names;

/// One thing that happened: a row of the store's log, as those who react to it see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Where it is in the log: the row's sequence number. Later events have larger ones; numbers in between belong to rows that
    /// are no events.
    pub cursor: u64,
    /// When it was recorded, in milliseconds since 1970-01-01T00:00:00Z.
    pub time_ms: u64,
    /// The service. Empty where it is about none.
    pub service: Namespace,
    /// What it is about: a node or relationship. None: the service, or nothing in particular.
    pub site: Option<Site>,
    /// The path of the node that it is about, `web-0`; empty where there is none.
    pub node: String,
    /// Its name: `<interface>.<notification>` of what it is about, such as `process.exited`; or `node.state`, `operation.ended`,
    /// `run.began`, `run.ended`, `timer.<name>`, `file.changed`, `webhook.<name>`; or whatever somebody emitted.
    pub name: String,
    /// What came with it, by name.
    pub data: BTreeMap<String, Value>,
    /// Who caused it, as in `alice@h1`. None: nobody is known.
    pub author: Option<String>,
    /// The run that it is a part of.
    pub run: Option<RunId>,
}

/// Rows of the log that were forgotten before they were read: what they said is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The number of the first one.
    pub from: u64,
    /// The number of the last one. Some in between may be there still, and were read.
    pub to: u64,
}

impl Event {
    /// Returns what it says was forgotten, if it is one of [`names::LOG_GAP`].
    pub fn gap(&self) -> Option<Gap> {
        let number = |name: &str| self.data.get(name)?.as_integer()?.try_into().ok();
        let is_gap = self.name == names::LOG_GAP;
        is_gap.then(|| Some(Gap { from: number("from")?, to: number("to")? })).flatten()
    }

    pub(crate) fn of_gap(gap: Gap, time_ms: u64) -> Self {
        let numbers = [("from", gap.from), ("to", gap.to)];
        Self {
            cursor: gap.to,
            time_ms,
            service: Namespace(String::new()),
            site: None,
            node: String::new(),
            name: names::LOG_GAP.to_owned(),
            data: numbers.into_iter().map(|(name, number)| (name.to_owned(), number_of(number))).collect(),
            author: None,
            run: None,
        }
    }
}

/// A number as a value. Numbers of rows and runs stay far below the largest integer.
pub(crate) fn number_of(number: u64) -> Value {
    Value::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}
