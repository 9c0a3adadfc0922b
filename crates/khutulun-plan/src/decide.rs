//! What has to happen to one node.

use std::collections::BTreeSet;

use floria::{Evaluated, Site, Value, ValueMap, rules::MAPPED_WORKFLOW};
use khutulun_api::names;

use crate::{
    applied::{CODE, Entry, TYPE, Which},
    demand::Demand,
    document::{Action, Reason},
    drift::Drift,
    node::{Node, TAKE_IN, event_of},
};

/// What has to happen to a node, and why.
#[derive(Debug)]
pub(crate) struct Decision {
    pub(crate) action: Action,
    pub(crate) reasons: Vec<Reason>,
    /// Lifecycle operations that take away, in order, whether implemented or not.
    pub(crate) down: Vec<&'static str>,
    /// Lifecycle operations that bring up, in order, whether implemented or not.
    pub(crate) up: Vec<&'static str>,
}

impl Decision {
    pub(crate) fn keep() -> Self {
        Self { action: Action::Keep, reasons: Vec::new(), down: Vec::new(), up: Vec::new() }
    }

    /// Everything of it goes and is made anew.
    pub(crate) fn replace(reasons: Vec<Reason>) -> Self {
        let (down, up) = (names::LIFECYCLE_DOWN.to_vec(), names::LIFECYCLE_UP.to_vec());
        Self { action: Action::Replace, reasons, down, up }
    }

    pub(crate) fn has_steps(&self) -> bool {
        !self.down.is_empty() || !self.up.is_empty()
    }

    /// Puts a decision off. None: nothing would happen that has to wait.
    pub(crate) fn put_off(&self, reasons: Vec<Reason>) -> Option<Self> {
        let waits = !self.up.is_empty() && !reasons.is_empty();
        waits.then_some(Self { action: Action::Wait, reasons, down: Vec::new(), up: Vec::new() })
    }

    /// Returns the operations in order, the ones that take away first.
    pub(crate) fn operations(&self) -> impl Iterator<Item = &'static str> {
        self.down.iter().chain(&self.up).copied()
    }
}

/// Tells whether a property's value is going to change in this plan.
pub(crate) type IsUnknown<'u> = &'u dyn Fn(&(Site, &str)) -> bool;

/// Differences between what a node is to be made from and what it was made from.
pub(crate) struct Differences {
    pub(crate) reasons: Vec<Reason>,
    pub(crate) demand: Demand,
}

/// Compares the values that a node is to be made from with those that it was made from.
///
/// Where the entries are all that there are, values that are no longer among them are differences too; `gone` says of some of them
/// what that needs.
pub(crate) fn compare(
    entries: &[Entry<'_>],
    which: Which,
    applied: &ValueMap,
    is_unknown: IsUnknown<'_>,
    gone: &dyn Fn(&str) -> Option<Demand>,
) -> Differences {
    let mut differences = Differences { reasons: Vec::new(), demand: Demand::None };
    let mut seen = 0;
    for entry in entries {
        let from = applied.get(&entry.key);
        seen += usize::from(from.is_some());
        let will_change = entry.reads.iter().any(is_unknown);
        let (to, unknown) = match &entry.value {
            _ if will_change => (None, true),
            Evaluated::Known(Value::Null) => (None, false),
            Evaluated::Known(value) => (Some(value), false),
            // It was not known when the node was made either: nothing changed.
            Evaluated::Unknown(_) if from.is_none() => continue,
            Evaluated::Unknown(_) => (None, true),
        };
        if !unknown && to == from {
            continue;
        }
        let demand = if entry.key() == TYPE && base_name(from) == base_name(to) {
            Demand::Restart
        } else {
            entry.demand
        };
        differences.add(entry.key(), from, to, unknown, demand, entry);
    }
    if which == Which::All && seen < applied.len() {
        let present: BTreeSet<&str> = entries.iter().map(Entry::key).collect();
        for (key, from) in applied {
            let Some(key) = key.as_text().filter(|key| !present.contains(key)) else { continue };
            differences.demand = differences.demand.max(gone(key).unwrap_or_else(|| Demand::of_gone(key)));
            differences.reasons.push(reason(key, Some(from), None, false, None));
        }
    }
    differences
}

impl Differences {
    fn add(
        &mut self,
        key: &str,
        from: Option<&Value>,
        to: Option<&Value>,
        unknown: bool,
        demand: Demand,
        entry: &Entry<'_>,
    ) {
        self.demand = self.demand.max(demand);
        self.reasons.push(reason(key, from, to, unknown, entry.origin));
    }
}

fn reason(
    key: &str,
    from: Option<&Value>,
    to: Option<&Value>,
    unknown: bool,
    origin: Option<&floria::Origin>,
) -> Reason {
    match key.strip_prefix(CODE) {
        Some(event) => Reason::Code { event: event.to_owned() },
        None => Reason::Changed {
            property: key.trim_start_matches(':').to_owned(),
            from: from.cloned(),
            to: to.cloned(),
            unknown,
            origin: origin.cloned(),
        },
    }
}

/// The type's name without what qualifies it: another version of the same profile is no other kind of thing.
fn base_name(class: Option<&Value>) -> Option<&str> {
    class.and_then(Value::as_text).map(|class| class.rsplit(':').next().unwrap_or(class))
}

/// Decides what has to happen to a node that is wanted. `drifts` is what was seen of it and should not be so.
pub(crate) fn decide(
    wanted: &Node<'_>,
    actual: Option<&Node<'_>>,
    differences: Differences,
    drifts: &[Drift],
) -> Decision {
    let up_all = || names::LIFECYCLE_UP.to_vec();
    let Differences { mut reasons, demand } = differences;
    let Some(actual) = actual else {
        return Decision { action: Action::Create, reasons: vec![Reason::New], down: vec![], up: up_all() };
    };
    let (state, attempted) = (actual.state(), actual.attempted());
    let demand = escalate(
        drifts.iter().filter_map(|drift| drift.demand(actual.vertex)).fold(demand, Demand::max),
        wanted,
    );
    let seen = drifts.iter().find(|drift| drift.attribute.is_none()).and_then(|drift| drift.seen.as_text());
    let incomplete = |reasons: &mut Vec<Reason>| {
        let state = match attempted {
            Some(operation) => format!("{state}, and `{operation}` did not succeed"),
            None => state.to_owned(),
        };
        reasons.insert(0, Reason::Incomplete { state });
    };
    match state {
        "created" | "configured" | "stopped" => {
            incomplete(&mut reasons);
            if demand == Demand::Replace || attempted == Some("delete") {
                return Decision::replace(reasons);
            }
            let action = if state == "stopped" { Action::Update } else { Action::Create };
            // A start that did not succeed may have started something that the next one would trip over.
            let may_run = matches!(attempted, Some("start" | "stop")) || seen.is_some_and(names::is_at_work);
            let down = if may_run { vec!["stop"] } else { vec![] };
            let configured =
                state == "configured" && demand < Demand::Configure && attempted != Some("configure");
            let up = if configured { vec!["start"] } else { vec!["configure", "start"] };
            Decision { action, reasons, down, up }
        }
        "started" => {
            let demand = match attempted {
                None => demand,
                Some("configure") => demand.max(Demand::Configure),
                Some("delete") => Demand::Replace,
                Some(_) => demand.max(Demand::Restart),
            };
            if attempted.is_some() {
                incomplete(&mut reasons);
            }
            reasons.extend(drifts.iter().map(Reason::from));
            match demand {
                Demand::Replace => Decision::replace(reasons),
                _ if seen == Some("absent") => {
                    Decision { action: Action::Create, reasons, down: vec![], up: up_all() }
                }
                Demand::None if seen == Some(names::UNSUPERVISED) => {
                    Decision { action: Action::Update, reasons, down: vec![], up: vec!["start"] }
                }
                Demand::None if seen.is_some() => {
                    Decision { action: Action::Update, reasons, down: vec!["stop"], up: vec!["start"] }
                }
                Demand::None if reasons.is_empty() => Decision::keep(),
                Demand::None => {
                    // Nothing has to run, but what is not known yet can only be taken in once it is.
                    let unknown =
                        reasons.iter().any(|reason| matches!(reason, Reason::Changed { unknown: true, .. }));
                    let up = if unknown { vec![TAKE_IN] } else { vec![] };
                    Decision { action: Action::Update, reasons, down: vec![], up }
                }
                Demand::Configure if seen.is_none() => {
                    Decision { action: Action::Update, reasons, down: vec![], up: vec!["configure"] }
                }
                Demand::Configure | Demand::Restart => Decision {
                    action: Action::Update,
                    reasons,
                    down: vec!["stop"],
                    up: vec!["configure", "start"],
                },
            }
        }
        // `initial`, `deleted`, `failed` (its creation was tried) and whatever nobody wrote: from the beginning.
        _ => {
            reasons.clear();
            match (state, attempted) {
                ("initial", None) => reasons.push(Reason::New),
                _ => incomplete(&mut reasons),
            }
            Decision { action: Action::Create, reasons, down: vec![], up: up_all() }
        }
    }
}

/// Raises a demand that the node has no code for to the least that it has code for: a change that nothing takes in would be
/// lost silently.
pub(crate) fn escalate(demand: Demand, node: &Node<'_>) -> Demand {
    let has = |operation| implements(node, operation);
    let demand = if demand == Demand::Configure && !has("configure") { Demand::Restart } else { demand };
    if demand == Demand::Restart && has("create") && !has("configure") && !has("start") {
        return Demand::Replace;
    }
    demand
}

/// Tells whether a node has code for a lifecycle operation, or a workflow inside of it does that.
pub(crate) fn implements(node: &Node<'_>, operation: &str) -> bool {
    node.vertex.handlers.get(&event_of(operation)).is_some_and(|handler| {
        handler.implementation.is_some() || handler.metadata.contains_key(MAPPED_WORKFLOW)
    })
}

/// Decides what has to happen to a node that goes.
pub(crate) fn remove(actual: &Node<'_>, reason: Reason) -> Decision {
    let untouched = actual.attempted().is_none() && matches!(actual.state(), "initial" | "deleted");
    // What was never tried needs no code to go.
    let down = if untouched { vec![] } else { names::LIFECYCLE_DOWN.to_vec() };
    Decision { action: Action::Delete, reasons: vec![reason], down, up: vec![] }
}
