//! What a refresh came to, as people and programs read it.

use floria::{Namespace, Value};
use khutulun_plan::{Drift, DriftAction, DriftPolicy};
use serde_json::{Value as Json, json};

use crate::{
    answer::{Answer, Cell, Table, to_json},
    error::CliError,
    exit::Exit,
    instance,
    plan_view::{short_class, shown},
    terminal::{Style, harmless},
    time,
};

/// What was seen of all services that were looked at.
pub(crate) struct RefreshView {
    pub(crate) services: Vec<ServiceView>,
    pub(crate) now_ms: u64,
}

/// What was seen of a service.
pub(crate) struct ServiceView {
    pub(crate) service: Namespace,
    /// The runs that it took: to look, to take as it should be what was seen, to repair.
    pub(crate) runs: Vec<u64>,
    pub(crate) nodes: Vec<NodeView>,
    /// It was interrupted.
    pub(crate) cancelled: bool,
    /// Somebody was asked whether to repair, and did not agree.
    pub(crate) refused: bool,
}

/// What was seen of a node.
pub(crate) struct NodeView {
    pub(crate) name: String,
    pub(crate) class: String,
    /// Its lifecycle state, after all.
    pub(crate) state: String,
    /// What should have been seen.
    pub(crate) intended: Option<&'static str>,
    /// What was: see [`khutulun_api::names::OBSERVED`].
    pub(crate) observed: Option<Value>,
    pub(crate) drift: Vec<Drift>,
    pub(crate) policy: DriftPolicy,
    pub(crate) accepted: bool,
    pub(crate) repaired: bool,
    /// Why it was not looked at.
    pub(crate) not_asked: Option<String>,
    /// Why looking failed.
    pub(crate) failure: Option<String>,
}

impl NodeView {
    /// Tells whether it is still not as it should be, and that is to be said.
    fn is_adrift(&self) -> bool {
        !self.drift.is_empty()
            && !self.accepted
            && !self.repaired
            && self.policy.action != DriftAction::Ignore
    }

    fn seen(&self) -> Option<&str> {
        self.observed.as_ref()?.get("state")?.as_text()
    }

    /// What was seen, with a sign: of another state than it should be, or of other attributes.
    fn sign(&self, style: Style) -> Cell {
        let seen = self.seen().unwrap_or("?");
        match self.drift.iter().any(|drift| drift.attribute.is_none()) {
            true => Cell::styled(format!("{} {seen}", style.sign("✗", "x")), |text| style.red(text)),
            false => Cell::styled(format!("{} {seen}", style.sign("▲", "!")), |text| style.yellow(text)),
        }
    }

    /// What became of its drift, in a word.
    fn fate(&self) -> &'static str {
        match self.policy.action {
            _ if self.accepted => "adopted",
            _ if self.repaired => "repaired",
            DriftAction::Ignore => "ignored",
            _ => "reported",
        }
    }

    fn document(&self) -> Json {
        let looked = self.not_asked.is_none() && self.failure.is_none();
        let observed = self.observed.as_ref().filter(|_| looked);
        let at = observed.and_then(instance::seen_at);
        let drift = |drift: &Drift| {
            json!({
                "attribute": drift.attribute,
                "seen": to_json(&drift.seen),
                "intended": to_json(&drift.intended),
            })
        };
        json!({
            "node": self.name,
            "type": short_class(&self.class),
            "state": self.state,
            "intended": self.intended,
            "seen": self.seen().filter(|_| looked),
            "since": at.map(time::rfc3339),
            "attributes": observed.and_then(|observed| observed.get("attributes")).map(to_json),
            "drift": self.drift.iter().map(drift).collect::<Vec<_>>(),
            "action": self.policy.action.word(),
            "policy": self.policy.policy,
            "fate": (!self.drift.is_empty()).then(|| self.fate()),
            "not_looked_at": self.not_asked.as_ref().or(self.failure.as_ref()),
        })
    }

    /// What is not as it should be, or was not before it was repaired, in a few words.
    fn detail(&self) -> String {
        let (is, should) = if self.repaired { ("was", "should have been") } else { ("is", "should be") };
        let one = |drift: &Drift| match &drift.attribute {
            None => format!("it {is} {}, and {should} {}", words(&drift.seen), words(&drift.intended)),
            Some(name) => {
                format!("{name} {is} {}, and {should} {}", shown(&drift.seen), shown(&drift.intended))
            }
        };
        self.drift.iter().map(one).collect::<Vec<_>>().join("; ")
    }
}

fn words(value: &Value) -> String {
    value.as_text().map_or_else(|| shown(value), harmless)
}

impl RefreshView {
    fn nodes(&self) -> impl Iterator<Item = (&ServiceView, &NodeView)> {
        self.services.iter().flat_map(|service| service.nodes.iter().map(move |node| (service, node)))
    }

    /// Tells whether something is not as it should be.
    pub(crate) fn has_drift(&self) -> bool {
        self.nodes().any(|(_, node)| node.is_adrift())
    }

    /// Returns the error that it is when something could not be looked at.
    pub(crate) fn error(&self) -> Option<CliError> {
        let failed: Vec<_> = self.nodes().filter(|(_, node)| node.failure.is_some()).collect();
        let (service, first) = failed.first()?;
        let why: Vec<String> = failed
            .iter()
            .map(|(service, node)| {
                format!("{}:{}: {}", service.service, node.name, node.failure.as_deref().unwrap_or_default())
            })
            .collect();
        let what = match failed.len() {
            1 => format!("could not look at `{}`", first.name),
            count => format!("could not look at {count} nodes"),
        };
        let error = CliError::new(Exit::Failed, what)
            .place(format!("service `{}`", service.service))
            .why(why.join("\n"))
            .unchanged("what was seen of the others is recorded; nothing else was changed");
        Some(error.next("mend the cause, then: khutulun refresh"))
    }
}

impl Answer for RefreshView {
    fn document(&self) -> Json {
        let services = self.services.iter().map(|service| {
            json!({
                "service": service.service.0,
                "runs": service.runs,
                "nodes": service.nodes.iter().map(NodeView::document).collect::<Vec<_>>(),
            })
        });
        json!({
            "schema": "khutulun.refresh/1",
            "time": time::rfc3339(self.now_ms),
            "drift": self.has_drift(),
            "services": services.collect::<Vec<_>>(),
            "error": self.error().map(|error| error.document()),
        })
    }

    fn items(&self) -> Vec<Json> {
        let item = |(service, node): (&ServiceView, &NodeView)| {
            let mut item = node.document();
            item["schema"] = "khutulun.refresh-node/1".into();
            item["service"] = service.service.0.clone().into();
            item
        };
        self.nodes().map(item).collect()
    }

    fn text(&self, style: Style) -> String {
        self.services.iter().map(|service| service.text(style, self.now_ms)).collect()
    }
}

impl ServiceView {
    fn text(&self, style: Style, now_ms: u64) -> String {
        let (good, bad, mark) = (style.sign("✓", "+"), style.sign("✗", "x"), style.yellow("!"));
        let name = harmless(&self.service.0);
        let looked = self.nodes.iter().filter(|node| node.not_asked.is_none() && node.failure.is_none());
        let (looked, adrift) = (looked.count(), self.nodes.iter().filter(|node| node.is_adrift()).count());
        let failed = self.nodes.iter().filter(|node| node.failure.is_some()).count();
        let nodes = |count: usize| format!("{count} node{}", if count == 1 { "" } else { "s" });
        let mut text = match adrift {
            0 if failed > 0 || self.cancelled => {
                format!(
                    "{mark} `{name}` is as it should be as far as was seen ({} looked at)\n",
                    nodes(looked)
                )
            }
            0 => format!("{} `{name}` is as it should be ({} looked at)\n", style.green(good), nodes(looked)),
            count => format!(
                "{} {} of `{name}` {} should be ({} looked at)\n",
                style.red(bad),
                nodes(count),
                if count == 1 { "is not as it" } else { "are not as they" },
                nodes(looked),
            ),
        };
        let mut table = Table::new(&["NODE", "INTENDED", "SEEN", "SINCE", "DRIFT"]);
        let mut has_rows = false;
        for node in self.nodes.iter().filter(|node| node.is_adrift()) {
            has_rows = true;
            let since = node.observed.as_ref().and_then(instance::seen_at);
            table.row(vec![
                node.name.as_str().into(),
                node.intended.unwrap_or("?").into(),
                node.sign(style),
                since.map_or_else(String::new, |since| time::ago(since, now_ms)).into(),
                node.detail().into(),
            ]);
        }
        if has_rows {
            text.extend(table.render(style).lines().map(|line| format!("  {line}\n")));
        }
        for node in self.nodes.iter().filter(|node| node.accepted) {
            let policy = node.policy.policy.as_deref().unwrap_or_default();
            text.push_str(&format!(
                "{mark} `{}`: {}; the policy `{}` says that what was seen is what should be: it counts as {} now\n",
                harmless(&node.name),
                node.detail(),
                harmless(policy),
                node.state,
            ));
        }
        for node in self.nodes.iter().filter(|node| node.repaired) {
            text.push_str(&format!(
                "{} `{}` is repaired: {}\n",
                style.green(good),
                harmless(&node.name),
                node.detail()
            ));
        }
        for (node, why) in self.nodes.iter().filter_map(|node| Some((node, node.not_asked.as_ref()?))) {
            text.push_str(&format!(
                "{mark} `{}` was not looked at: {}\n",
                harmless(&node.name),
                harmless(why)
            ));
        }
        if self.cancelled {
            text.push_str(&format!(
                "{mark} it was interrupted: not all was looked at, and nothing was done about what differs\n"
            ));
        }
        if adrift > 0 && !self.refused {
            text.push_str(&format!(
                "{mark} to make them what they should be: khutulun refresh {name}: --repair\n"
            ));
        }
        text
    }
}
