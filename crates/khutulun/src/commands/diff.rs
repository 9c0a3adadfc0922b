//! `khutulun diff`: what differs between what was intended at two revisions, or between one and what is there now.

use std::collections::BTreeMap;

use floria::{Evaluator, Graph, Namespace, Revision as StoreRevision, Value};
use floria_resolver::Resolution;
use floria_sqlite::SqliteStore;
use khutulun_api::names;
use khutulun_plan::{Action, NodeChange, Plan, applied, plan_deploy, relationship_made};
use serde_json::{Value as Json, json};

use super::history::differing;
use crate::{
    answer::{self, Answer, to_json},
    cli::{DiffArguments, RemovalArguments},
    error::CliError,
    exit::Exit,
    intention::Intention,
    inventory::Others,
    plan_view::{self, PlanView},
    proposal::{plan_error, read_actual},
    resolution::MADE_UP,
    revision,
    session::Session,
    terminal::Style,
};

/// What differs.
struct Differs {
    service: Namespace,
    /// None: what is there now.
    from: Option<u64>,
    to: u64,
    inputs: BTreeMap<String, (Option<Value>, Option<Value>)>,
    counts: BTreeMap<String, (Option<u64>, Option<u64>)>,
    /// How the one becomes the other.
    plan: Plan,
}

impl Differs {
    fn nodes(&self) -> impl Iterator<Item = &NodeChange> {
        self.plan.nodes.iter().filter(|node| node.action != Action::Keep)
    }

    fn is_empty(&self) -> bool {
        self.inputs.is_empty() && self.counts.is_empty() && self.plan.is_empty()
    }
}

impl Answer for Differs {
    fn document(&self) -> Json {
        let input = |value: &Option<Value>| value.as_ref().map(to_json);
        let inputs = self
            .inputs
            .iter()
            .map(|(name, (from, to))| (name, json!({ "from": input(from), "to": input(to) })));
        let counts = self.counts.iter().map(|(path, (from, to))| (path, json!({ "from": from, "to": to })));
        json!({
            "schema": "khutulun.diff/1",
            "service": self.service.0,
            "from": self.from,
            "to": self.to,
            "empty": self.is_empty(),
            "inputs": inputs.collect::<BTreeMap<_, _>>(),
            "counts": counts.collect::<BTreeMap<_, _>>(),
            "nodes": self.items(),
        })
    }

    fn items(&self) -> Vec<Json> {
        let item = |node: &NodeChange| {
            let mut item = serde_json::to_value(node).unwrap_or_default();
            item["schema"] = "khutulun.diff-node/1".into();
            item
        };
        self.nodes().map(item).collect()
    }

    fn text(&self, style: Style) -> String {
        let from =
            self.from.map_or_else(|| "what is there now".to_owned(), |from| format!("revision {from}"));
        if self.is_empty() {
            return format!(
                "Nothing differs between {from} and revision {} of `{}`.\n",
                self.to, self.service
            );
        }
        let title = format!("From {from} to revision {} of `{}`:", self.to, self.service);
        let mut text = format!("{}\n", style.bold(&title));
        for (name, (from, to)) in &self.inputs {
            let shown = |value: &Option<Value>| {
                value.as_ref().map_or_else(|| "(default)".to_owned(), plan_view::shown)
            };
            text.push_str(&format!(
                "  {} input {name}: {} -> {}\n",
                style.yellow("~"),
                shown(from),
                shown(to)
            ));
        }
        for (path, (from, to)) in &self.counts {
            let shown =
                |count: &Option<u64>| count.map_or_else(|| "(its own)".to_owned(), |count| count.to_string());
            text.push_str(&format!(
                "  {} count of {path}: {} -> {}\n",
                style.yellow("~"),
                shown(from),
                shown(to)
            ));
        }
        text.push_str(&PlanView::of(&self.plan).nodes(style));
        text
    }
}

pub(crate) fn run(arguments: &DiffArguments, session: &Session) -> Result<Exit, CliError> {
    // Nothing is going to be done: what would be refused is worth knowing too.
    session.allow(RemovalArguments { allow_protected: true, delete_adopted: true });
    let store = session.reader()?.ok_or_else(|| session.nothing_deployed())?;
    let service = revision::service(session, &store, arguments.name.as_deref())?;
    let differs = match arguments.to {
        Some(to) => between(session, &store, &service, arguments.from, to)?,
        None => from_now(session, &store, &service, arguments.from)?,
    };
    session.progress.settle();
    answer::give(&differs, session.format)?;
    Ok(if differs.is_empty() { Exit::Success } else { Exit::Changes })
}

/// Compares two revisions, as if the first was all made: what is really there has no part in it.
fn between(
    session: &Session,
    store: &SqliteStore,
    service: &Namespace,
    from: u64,
    to: u64,
) -> Result<Differs, CliError> {
    let read = |number| -> Result<Intention, CliError> {
        let revision = revision::find(session, store, service, number)?;
        Intention::of_revision(session, store, service, &revision)
    };
    let (before, after) = (read(from)?, read(to)?);
    // The same ids for what is in both.
    let ids = &mut (MADE_UP..);
    let mut resolve = |intention: &Intention, current: &Graph| -> Result<Graph, CliError> {
        let others = Others::of_store(session, store, &intention.design)?;
        let Resolution { graph, .. } = intention.resolve(session, current, &others, ids)?;
        Ok(graph)
    };
    let made = made(session, resolve(&before, &Graph::default())?);
    let wanted = resolve(&after, &made)?;
    let basis = session.basis(service, StoreRevision(0));
    let plan = plan_deploy(&basis, &wanted, &made, &after.design.digest())
        .map_err(|error| plan_error(session, &error))?;
    Ok(Differs {
        service: service.clone(),
        from: Some(from),
        to,
        inputs: differing(&before.inputs, &after.inputs),
        counts: differing(&before.counts, &after.counts),
        plan,
    })
}

/// Compares what is there now with a revision.
fn from_now(
    session: &Session,
    store: &SqliteStore,
    service: &Namespace,
    to: u64,
) -> Result<Differs, CliError> {
    let revision = revision::find(session, store, service, to)?;
    let intention = Intention::of_revision(session, store, service, &revision)?;
    let plan = intention.preview(session, Some(store))?.plan;
    let current = revision::current(store, service).map_err(|error| session.store_error(error))?;
    let (inputs, counts) =
        current.map(|current| (current.said.inputs, current.said.counts)).unwrap_or_default();
    // Where there is nothing, all that is to be there is told already.
    let is_there = !read_actual(session, store, service)?.0.is_empty();
    let inputs = if is_there { differing(&inputs, &intention.inputs) } else { BTreeMap::new() };
    let counts = if is_there { differing(&counts, &intention.counts) } else { BTreeMap::new() };
    Ok(Differs { service: service.clone(), from: None, to, inputs, counts, plan })
}

/// Returns instances as they are once all of them were made.
fn made(session: &Session, graph: Graph) -> Graph {
    let mut made = graph.clone();
    let mut evaluator = Evaluator::new(&graph, &*session.functions);
    let nodes = graph.vertexes().filter(|vertex| vertex.metadata.contains_key(names::NODE));
    for node in nodes {
        let mut node = node.clone();
        node.metadata.insert(names::STATE.to_owned(), Value::from("started"));
        node.metadata.insert(names::APPLIED.to_owned(), Value::Map(applied(&graph, node.id, &mut evaluator)));
        made.put_vertex(node);
    }
    for edge in graph.edges() {
        made.put_edge(relationship_made(edge));
    }
    made
}
