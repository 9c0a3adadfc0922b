//! `khutulun status`: the nodes of services, what is recorded of them and what reality says.

use std::collections::{BTreeMap, BTreeSet};

use floria::{Graph, Namespace, Store, StoreError, Value, Vertex, VertexId};
use khutulun_api::{Outcome, names};
use khutulun_engine::RunSummary;
use khutulun_plan::needs;
use serde_json::{Value as Json, json};

use crate::{
    answer::{self, Answer, Cell, Table, to_json},
    cli::StatusArguments,
    error::CliError,
    exit::Exit,
    health::{Degraded, Health, degraded},
    history, instance,
    lock::Holder,
    plan_view::short_class,
    probe::Prober,
    progress,
    proposal::read_actual,
    selector::Selector,
    session::Session,
    terminal::{Style, harmless},
    time,
};

/// What is known of all services that were asked for.
struct Status {
    services: Vec<ServiceStatus>,
    now_ms: u64,
}

struct ServiceStatus {
    service: Namespace,
    nodes: Vec<NodeStatus>,
    last: Option<RunSummary>,
    holder: Option<Holder>,
}

struct NodeStatus {
    node: String,
    class: String,
    state: String,
    attempted: Option<String>,
    stands_for: Option<String>,
    /// What it stands for is no longer there.
    stands_for_nothing: bool,
    waiting: Vec<String>,
    origin: Option<String>,
    since_ms: Option<u64>,
    observed: Option<Result<BTreeMap<String, Value>, String>>,
    last_seen: Option<LastSeen>,
    adopted: bool,
    degraded: Option<Cause>,
}

/// What a run saw last of a node.
struct LastSeen {
    state: String,
    /// Since when it has been seen like that.
    since_ms: Option<u64>,
    looked_ms: Option<u64>,
}

/// Why a node that is well is of no full use.
struct Cause {
    /// What it depends on.
    through: String,
    /// What is not well: that, or what it needs.
    cause: String,
    how: String,
}

impl NodeStatus {
    fn observed_state(&self) -> Option<&str> {
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
    fn health(&self) -> Health {
        let not = |how: &str| Health::Not(how.to_owned());
        if self.attempted.is_some() {
            return not("not finished");
        }
        if self.stands_for.is_some() {
            return if self.stands_for_nothing { not("gone") } else { Health::Well };
        }
        match (self.seen(), self.state.as_str()) {
            (Some("running"), _) | (None, "started") => Health::Well,
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
        if let Some(Holder { pid, verb, since_ms }) = &self.holder {
            let since = time::ago(*since_ms, now_ms);
            return Some(format!("{sign} `khutulun {verb}` (pid {pid}) is at work on it, begun {since}\n"));
        }
        let last = self.last.as_ref().filter(|last| history::is_resumable(last))?;
        let how = match last.result.as_deref() {
            Some("failed") => "failed; once the cause is mended",
            Some(_) => "was stopped part-way",
            None => "has not ended (killed, or needs an answer)",
        };
        Some(format!("{sign} run {} ({}) {how}: khutulun resume {}\n", last.run, last.goal, last.run))
    }

    fn document(&self) -> Json {
        let unfinished: Vec<Json> =
            self.last.iter().filter(|last| history::is_resumable(last)).map(run_document).collect();
        json!({
            "service": self.service.0,
            "nodes": self.nodes.iter().map(NodeStatus::document).collect::<Vec<_>>(),
            "last_run": self.last.as_ref().map(run_document),
            "unfinished": unfinished,
            "at_work": self.holder.as_ref().map(|holder| json!({
                "pid": holder.pid,
                "command": holder.verb,
                "since": time::rfc3339(holder.since_ms),
            })),
        })
    }
}

fn run_document(summary: &RunSummary) -> Json {
    json!({
        "run": summary.run.0,
        "goal": summary.goal,
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
                format!("  {}", style.dim(&format!("run {} ({}) {how} {when}", last.run, last.goal)))
            });
            text.push_str(&format!("{}{last}\n", style.bold(&harmless(&service.service.0))));
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

pub(crate) fn run(arguments: &StatusArguments, session: &Session) -> Result<Exit, CliError> {
    Selector::check(&arguments.selectors)?;
    let Some(store) = session.reader()? else {
        if arguments.name.is_some() || !arguments.selectors.is_empty() {
            return Err(session.nothing_deployed());
        }
        answer::give(&Status { services: Vec::new(), now_ms: time::now_ms() }, session.format)?;
        return Ok(Exit::Success);
    };
    let selectors = Selector::read_all(&arguments.selectors, &store)?;
    let mut status = Status { services: Vec::new(), now_ms: time::now_ms() };
    let known = session.services(&store)?;
    if let Some(name) = &arguments.name
        && !known.iter().any(|service| service.0 == *name)
    {
        return Err(session.no_service(name, &known));
    }
    let prober = if arguments.stored { None } else { Some(Prober::new(session)) };
    for service in known {
        let is_meant = |selector: &Selector| selector.service().is_none_or(|named| named == service.0);
        if arguments.name.as_ref().is_some_and(|name| *name != service.0)
            || (!selectors.is_empty() && !selectors.iter().any(is_meant))
        {
            continue;
        }
        let found = look(session, &store, prober.as_ref(), &service, &selectors)?;
        if selectors.is_empty() || !found.nodes.is_empty() {
            status.services.push(found);
        }
    }
    if status.services.is_empty() && !selectors.is_empty() {
        return Err(CliError::usage("no node is selected", "nothing that is deployed matches")
            .place(session.root().display().to_string())
            .next("khutulun status"));
    }
    session.progress.settle();
    answer::give(&status, session.format)?;
    Ok(Exit::Success)
}

fn look(
    session: &Session,
    store: &dyn Store,
    prober: Option<&Prober<'_>>,
    service: &Namespace,
    selectors: &[Selector],
) -> Result<ServiceStatus, CliError> {
    let (graph, _) = read_actual(session, store, service)?;
    let last = history::last(session, store, service)?;
    let times = history::times(store, service);
    let needs = needs(&graph);
    let mut nodes = instance::nodes(&graph);
    // A selector by state needs reality first; all others need not look at what they do not want.
    let is_selected = |node: &Vertex, observed: Option<&str>| {
        selectors.is_empty() || selectors.iter().any(|selector| selector.selects(node, observed))
    };
    let by_state = selectors.iter().any(Selector::is_about_states);
    let mut meant: BTreeSet<VertexId> = nodes
        .iter()
        .map(|(_, node)| node.id)
        .filter(|id| graph.vertex(*id).is_some_and(|node| by_state || is_selected(node, None)))
        .collect();
    // How a node is in effect depends on what it needs, directly or not.
    let mut open: Vec<VertexId> = meant.iter().copied().collect();
    while let Some(id) = open.pop() {
        open.extend(needs.get(&id).into_iter().flatten().copied().filter(|id| meant.insert(*id)));
    }
    nodes.retain(|(_, node)| meant.contains(&node.id));
    let event = format!("{}.{}", names::LIFECYCLE, names::OBSERVE);
    let observed = match prober {
        Some(prober) => {
            let there: Vec<_> = nodes
                .iter()
                .map(|(_, node)| *node)
                .filter(|node| !matches!(instance::lifecycle_state(node), "initial" | "deleted"))
                .collect();
            session.progress.phase(format!("looking at {} nodes of {service}", there.len()));
            prober.ask(&graph, &there, &event)?
        }
        None => BTreeMap::new(),
    };
    let there = still_there(store, service, &graph, nodes.iter().map(|(_, node)| *node))
        .map_err(|error| session.store_error(error))?;
    let mut nodes: Vec<(NodeStatus, &Vertex)> = nodes
        .into_iter()
        .map(|(name, node)| {
            let machine_name = khutulun_plan::machine_name(&name);
            let seen = node.metadata.get(names::OBSERVED);
            let entry = NodeStatus {
                class: instance::class(node).to_owned(),
                state: instance::lifecycle_state(node).to_owned(),
                attempted: instance::attempted(node).map(str::to_owned),
                stands_for: instance::stands_for(node),
                stands_for_nothing: selected(node).is_some_and(|other| !there.contains(&other)),
                waiting: instance::waiting(node),
                origin: node.origin.as_ref().map(ToString::to_string),
                since_ms: times.changed.get(machine_name.as_ref()).copied(),
                last_seen: seen.and_then(|seen| {
                    Some(LastSeen {
                        state: seen.get("state")?.as_text()?.to_owned(),
                        since_ms: instance::seen_at(seen),
                        looked_ms: times.looked.get(machine_name.as_ref()).copied(),
                    })
                }),
                adopted: node.metadata.get(names::ADOPTED) == Some(&Value::Boolean(true)),
                degraded: None,
                observed: observed.get(&node.id).map(|outcome| match outcome {
                    Outcome::Succeeded(outputs) => Ok(outputs.clone()),
                    Outcome::Failed(failure) => Err(failure.message.clone()),
                }),
                node: name,
            };
            (entry, node)
        })
        .collect();
    let own: BTreeMap<VertexId, Health> =
        nodes.iter().map(|(entry, node)| (node.id, entry.health())).collect();
    let mut degraded = degraded(&needs, &own);
    for (entry, node) in &mut nodes {
        entry.degraded = degraded.remove(&node.id).map(|Degraded { through, cause, how }| Cause {
            through: graph.path_of(through),
            cause: graph.path_of(cause),
            how,
        });
    }
    nodes.retain(|(entry, node)| is_selected(node, entry.observed_state()));
    let nodes = nodes.into_iter().map(|(entry, _)| entry).collect();
    let holder = Holder::of(session.root(), &service.0);
    Ok(ServiceStatus { service: service.clone(), nodes, last, holder })
}

/// Returns the service and the path of the node that a node stands for, if it does.
fn selected(node: &Vertex) -> Option<(&str, &str)> {
    let selected = node.metadata.get(names::SELECTED)?;
    let part = |name: &str| selected.get(name).and_then(Value::as_text);
    Some((part("namespace")?, part("path")?))
}

/// Returns those of the nodes that these nodes stand for that are there.
fn still_there<'n>(
    store: &dyn Store,
    service: &Namespace,
    graph: &Graph,
    nodes: impl Iterator<Item = &'n Vertex>,
) -> Result<BTreeSet<(&'n str, &'n str)>, StoreError> {
    let mut asked: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (other, path) in nodes.filter_map(selected) {
        asked.entry(other).or_default().insert(path);
    }
    let mut there = BTreeSet::new();
    for (other, paths) in asked {
        let read;
        let graph = if other == service.0 {
            graph
        } else {
            read = store.graph(&Namespace(other.to_owned()))?;
            &read
        };
        let names: BTreeSet<String> = instance::nodes(graph).into_iter().map(|(name, _)| name).collect();
        there.extend(paths.into_iter().filter(|path| names.contains(*path)).map(|path| (other, path)));
    }
    Ok(there)
}
