//! The status of services, as people and programs read it.

use std::collections::BTreeMap;

use floria::{Namespace, Value};
use khutulun_api::names;
use khutulun_engine::{Holder, RunSummary};
use serde_json::{Value as Json, json};

use crate::{
    answer::{Answer, Cell, Table, to_json},
    busy,
    health::Health,
    history,
    plan_view::short_class,
    progress,
    terminal::{Style, harmless},
    time,
};

/// What is known of all services that were asked for.
pub(crate) struct Status {
    pub(crate) services: Vec<ServiceStatus>,
    pub(crate) now_ms: u64,
}

pub(crate) struct ServiceStatus {
    pub(crate) service: Namespace,
    pub(crate) nodes: Vec<NodeStatus>,
    /// The number of the revision that was intended last.
    pub(crate) revision: Option<u64>,
    pub(crate) last: Option<RunSummary>,
    pub(crate) holder: Option<Holder>,
}

pub(crate) struct NodeStatus {
    pub(crate) node: String,
    pub(crate) class: String,
    pub(crate) state: String,
    pub(crate) attempted: Option<String>,
    pub(crate) stands_for: Option<String>,
    /// What it stands for is no longer there.
    pub(crate) stands_for_nothing: bool,
    pub(crate) waiting: Vec<String>,
    pub(crate) origin: Option<String>,
    pub(crate) since_ms: Option<u64>,
    pub(crate) observed: Option<Result<BTreeMap<String, Value>, String>>,
    pub(crate) last_seen: Option<LastSeen>,
    pub(crate) adopted: bool,
    pub(crate) degraded: Option<Cause>,
}

/// What a run saw last of a node.
pub(crate) struct LastSeen {
    pub(crate) state: String,
    /// Since when it has been seen like that.
    pub(crate) since_ms: Option<u64>,
    pub(crate) looked_ms: Option<u64>,
}

/// Why a node that is well is of no full use.
pub(crate) struct Cause {
    /// What it depends on.
    pub(crate) through: String,
    /// What is not well: that, or what it needs.
    pub(crate) cause: String,
    pub(crate) how: String,
}

impl NodeStatus {
    pub(crate) fn observed_state(&self) -> Option<&str> {
        self.observed.as_ref()?.as_ref().ok()?.get("state")?.as_text()
    }

    /// What is known of its state: what is seen now, or what was seen last where nobody looks now.
    fn seen(&self) -> Option<&str> {
        match &self.observed {
            Some(_) => self.observed_state(),
            None => self.last_seen.as_ref().map(|seen| seen.state.as_str()),
        }
    }

    /// How it is by itself.
    pub(crate) fn health(&self) -> Health {
        let not = |how: &str| Health::Not(how.to_owned());
        if self.attempted.is_some() {
            return not("not finished");
        }
        if self.stands_for.is_some() {
            return if self.stands_for_nothing { not("gone") } else { Health::Well };
        }
        match (self.seen(), self.state.as_str()) {
            (Some(seen), _) if names::is_at_work(seen) => Health::Well,
            (None, "started") => Health::Well,
            (Some(seen), "started") => not(seen),
            (_, "initial" | "deleted") => not("not there"),
            (_, state) => not(state),
        }
    }

    /// How it is in effect, in a word.
    fn effective(&self) -> String {
        match self.health() {
            Health::Well if self.degraded.is_some() => "degraded".to_owned(),
            Health::Well => self.seen().unwrap_or(&self.state).to_owned(),
            Health::Not(how) => how,
        }
    }

    fn document(&self) -> Json {
        let observed = self.observed.as_ref().map(|observed| match observed {
            Ok(outputs) => {
                Json::Object(outputs.iter().map(|(name, value)| (name.clone(), to_json(value))).collect())
            }
            Err(message) => json!({ "state": null, "error": message }),
        });
        json!({
            "node": self.node,
            "type": short_class(&self.class),
            "class": self.class,
            "state": self.state,
            "attempted": self.attempted,
            "stands_for": self.stands_for,
            "stands_for_nothing": self.stands_for_nothing,
            "waits_for": self.waiting,
            "where": self.origin,
            "since": self.since_ms.map(time::rfc3339),
            "observed": observed,
            "intended": khutulun_plan::expected(&self.state),
            "last_seen": self.last_seen.as_ref().map(|seen| json!({
                "state": seen.state,
                "since": seen.since_ms.map(time::rfc3339),
                "looked": seen.looked_ms.map(time::rfc3339),
            })),
            "effective": self.effective(),
            "because": self.degraded.as_ref().map(|because| json!({
                "depends_on": because.through,
                "node": because.cause,
                "is": because.how,
            })),
            "adopted": self.adopted,
        })
    }

    /// The sign, the word and the colour of a node's state: reality first, then what is recorded.
    fn cell(&self, style: Style) -> Cell {
        let good = style.sign("✓", "+");
        let bad = style.sign("✗", "x");
        let rest = style.sign("·", ".");
        if let Some(attempted) = &self.attempted {
            let text = format!("{bad} {} ({} not finished)", self.state, progress::plain(attempted));
            return Cell::styled(text, |text| style.red(text));
        }
        if self.stands_for_nothing {
            return Cell::styled(format!("{bad} gone"), |text| style.red(text));
        }
        if self.stands_for.is_some() {
            return Cell::styled(format!("{rest} selected"), |text| style.dim(text));
        }
        if self.degraded.is_some() {
            return Cell::styled(format!("{} degraded", style.sign("▲", "!")), |text| style.yellow(text));
        }
        match (self.seen(), self.state.as_str()) {
            (Some("running"), _) => Cell::styled(format!("{good} running"), |text| style.green(text)),
            (Some(names::UNSUPERVISED), _) => {
                Cell::styled(format!("{} unsupervised", style.sign("▲", "!")), |text| style.yellow(text))
            }
            (Some("stopped" | "absent"), "initial" | "created" | "configured")
            | (Some("stopped" | "absent" | "failed"), "stopped") => {
                Cell::styled(format!("{rest} {}", self.state), |text| style.dim(text))
            }
            (Some(observed), recorded) => {
                Cell::styled(format!("{bad} {observed} (was {recorded})"), |text| style.red(text))
            }
            (None, "started") => Cell::styled(format!("{good} started"), |text| style.green(text)),
            (None, "failed") => Cell::styled(format!("{bad} failed"), |text| style.red(text)),
            (None, recorded) => Cell::styled(format!("{rest} {recorded}"), |text| style.dim(text)),
        }
    }

    /// What is worth knowing besides, in a few words.
    fn detail(&self, now_ms: u64) -> String {
        let mut parts = vec![self.own_detail(now_ms)];
        if self.adopted {
            parts.push("adopted".to_owned());
        }
        if let Some(Cause { through, cause, how }) = &self.degraded {
            parts.push(match through == cause {
                true => format!("depends on {through}, which is {how}"),
                false => format!("depends on {through}, which needs {cause}, which is {how}"),
            });
        }
        parts.retain(|part| !part.is_empty());
        parts.join("; ")
    }

    fn own_detail(&self, now_ms: u64) -> String {
        if let Some(other) = &self.stands_for {
            let gone = if self.stands_for_nothing { ", which is not there" } else { "" };
            return format!("stands for {other}{gone}");
        }
        if !self.waiting.is_empty() {
            return format!("waits for its requirement {}", self.waiting.join(", "));
        }
        match &self.observed {
            Some(Ok(outputs)) => {
                let integer = |name: &str| outputs.get(name).and_then(Value::as_integer);
                let mut parts = Vec::new();
                if let Some(pid) = integer("pid") {
                    parts.push(format!("pid {pid}"));
                }
                if self.observed_state() != Some("running") {
                    parts.extend(integer("exit_code").map(|code| format!("exit code {code}")));
                    parts.extend(integer("signal").map(|signal| format!("signal {signal}")));
                }
                if let Some(restarts) = integer("restarts").filter(|count| *count > 0) {
                    parts.push(format!("{restarts} restart{}", if restarts == 1 { "" } else { "s" }));
                }
                parts.extend(outputs.get("error").and_then(Value::as_text).map(harmless));
                let is_running = self.observed_state() == Some("running");
                if is_running && parts.is_empty() && outputs.contains_key("restarts") {
                    parts.push("no process at this moment".to_owned());
                }
                if parts.is_empty()
                    && is_running
                    && let Some(name) = outputs.get("name").and_then(Value::as_text)
                {
                    parts.push(name.to_owned());
                }
                parts.join(", ")
            }
            Some(Err(message)) => format!("cannot look: {message}"),
            None => match &self.last_seen {
                Some(LastSeen { since_ms, looked_ms, .. }) => {
                    let looked = looked_ms.or(*since_ms);
                    looked.map_or_else(String::new, |looked| format!("seen {}", time::ago(looked, now_ms)))
                }
                None => String::new(),
            },
        }
    }
}

impl ServiceStatus {
    /// What goes on, or what to run next, in a line.
    fn next(&self, style: Style, now_ms: u64) -> Option<String> {
        let sign = style.yellow("!");
        if let Some(holder) = &self.holder {
            let (who, since) = (harmless(&busy::who(holder)), time::ago(holder.since_ms, now_ms));
            return Some(format!("{sign} {who} is at work on it, begun {since}\n"));
        }
        let last = self.last.as_ref().filter(|last| history::is_resumable(last))?;
        let how = match last.result.as_deref() {
            Some("failed") => "failed; once the cause is mended",
            Some(_) => "was stopped part-way",
            None => "has not ended (killed, or needs an answer)",
        };
        let title = harmless(&last.title());
        Some(format!("{sign} run {} ({title}) {how}: khutulun resume {}\n", last.run, last.run))
    }

    fn document(&self) -> Json {
        let unfinished: Vec<Json> =
            self.last.iter().filter(|last| history::is_resumable(last)).map(run_document).collect();
        json!({
            "service": self.service.0,
            "revision": self.revision,
            "nodes": self.nodes.iter().map(NodeStatus::document).collect::<Vec<_>>(),
            "last_run": self.last.as_ref().map(run_document),
            "unfinished": unfinished,
            "at_work": self.holder.as_ref().map(|holder| json!({
                "pid": holder.owner.pid,
                "command": holder.owner.verb,
                "author": holder.owner.author,
                "host": holder.owner.host,
                "since": time::rfc3339(holder.since_ms),
            })),
        })
    }
}

fn run_document(summary: &RunSummary) -> Json {
    json!({
        "run": summary.run.0,
        "goal": summary.goal,
        "workflow": summary.workflow,
        "result": summary.result,
        "began": time::rfc3339(summary.began_ms),
        "ended": summary.ended_ms.map(time::rfc3339),
        "next": history::is_resumable(summary).then(|| format!("khutulun resume {}", summary.run)),
    })
}

impl Answer for Status {
    fn document(&self) -> Json {
        json!({
            "schema": "khutulun.status/1",
            "time": time::rfc3339(self.now_ms),
            "services": self.services.iter().map(ServiceStatus::document).collect::<Vec<_>>(),
        })
    }

    fn items(&self) -> Vec<Json> {
        let node = |service: &ServiceStatus, node: &NodeStatus| {
            let mut item = node.document();
            item["schema"] = "khutulun.status-node/1".into();
            item["service"] = service.service.0.clone().into();
            item
        };
        self.services
            .iter()
            .flat_map(|service| service.nodes.iter().map(move |entry| node(service, entry)))
            .collect()
    }

    fn text(&self, style: Style) -> String {
        if self.services.is_empty() {
            return "Nothing is deployed.\n".to_owned();
        }
        let mut text = String::new();
        for (index, service) in self.services.iter().enumerate() {
            if index > 0 {
                text.push('\n');
            }
            let last = service.last.as_ref().map_or_else(String::new, |last| {
                let when = time::ago(last.ended_ms.unwrap_or(last.began_ms), self.now_ms);
                let how = last.result.as_deref().unwrap_or("unfinished");
                format!(
                    "  {}",
                    style.dim(&format!("run {} ({}) {how} {when}", last.run, harmless(&last.title())))
                )
            });
            let revision = service
                .revision
                .map_or_else(String::new, |number| format!("  {}", style.dim(&format!("revision {number}"))));
            text.push_str(&format!("{}{revision}{last}\n", style.bold(&harmless(&service.service.0))));
            let mut table = Table::new(&["NODE", "TYPE", "STATE", "SINCE", "DETAIL"]);
            for node in &service.nodes {
                table.row(vec![
                    node.node.as_str().into(),
                    short_class(&node.class).into(),
                    node.cell(style),
                    node.since_ms.map_or_else(String::new, |since| time::ago(since, self.now_ms)).into(),
                    node.detail(self.now_ms).into(),
                ]);
            }
            text.extend(table.render(style).lines().map(|line| format!("  {line}\n")));
            text.extend(service.next(style, self.now_ms));
        }
        text
    }
}
