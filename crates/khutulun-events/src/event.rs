//! One thing that happened.

use std::collections::BTreeMap;

use floria::{Namespace, Site, Value};

/// One thing that happened: a row of the store's log, as those who react to it see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Where it is in the log: the row's sequence number. Later events have larger ones; numbers in between belong to rows that
    /// are no events.
    pub cursor: u64,
    /// When it was recorded, in milliseconds since 1970-01-01T00:00:00Z.
    pub time_ms: u64,
    /// The service.
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
}
