//! Nodes that stand for nodes of other services: which they stand for, and who stands for what a plan changes.

use std::collections::{BTreeMap, BTreeSet};

use floria::{Graph, Namespace, Store, StoreError, Value};
use khutulun_api::names;
use khutulun_plan::{Action, Plan};

use crate::{error::CliError, instance, session::Session, terminal::harmless};

/// How many of them are named.
const NAMED_MAX: usize = 10;

/// Returns a sentence for each node of another service that stands for one that a plan changes or takes away.
pub(crate) fn notes(session: &Session, store: &dyn Store, plan: &Plan) -> Result<Vec<String>, CliError> {
    let touched: BTreeSet<&str> = plan.steps.iter().map(|step| step.subject.node.as_str()).collect();
    let changed: BTreeMap<&str, Action> = plan
        .nodes
        .iter()
        .filter(|node| match node.action {
            Action::Replace | Action::Delete => true,
            Action::Update => touched.contains(khutulun_plan::machine_name(&node.node).as_ref()),
            _ => false,
        })
        .map(|node| (node.node.as_str(), node.action))
        .collect();
    if changed.is_empty() {
        return Ok(Vec::new());
    }
    let mut notes = read(store, &plan.namespace, &changed).map_err(|error| session.store_error(error))?;
    bound(&mut notes);
    Ok(notes)
}

/// Returns a sentence for each node of a service that is to stand for another node of another service than it does.
pub(crate) fn selections(service: &Namespace, wanted: &Graph, actual: &Graph) -> Vec<String> {
    let before: BTreeMap<String, String> = selected(actual).collect();
    let is_other = |other: &str| !other.strip_prefix(&service.0).is_some_and(|rest| rest.starts_with(':'));
    let changed = selected(wanted).filter(|(name, other)| is_other(other) && before.get(name) != Some(other));
    let mut notes: Vec<String> = changed
        .map(|(name, other)| {
            let no_longer =
                before.get(&name).map_or_else(String::new, |old| format!(", no longer for `{old}`"));
            harmless(&format!("`{name}` stands for `{other}`{no_longer}"))
        })
        .collect();
    bound(&mut notes);
    notes
}

/// The nodes that stand for others, with those.
fn selected(graph: &Graph) -> impl Iterator<Item = (String, String)> {
    instance::nodes(graph).into_iter().filter_map(|(name, node)| Some((name, instance::stands_for(node)?)))
}

fn bound(notes: &mut Vec<String>) {
    if notes.len() > NAMED_MAX {
        let more = notes.len() - NAMED_MAX;
        notes.truncate(NAMED_MAX);
        notes.push(format!("so it is with {more} more nodes"));
    }
}

fn read(
    store: &dyn Store,
    service: &Namespace,
    changed: &BTreeMap<&str, Action>,
) -> Result<Vec<String>, StoreError> {
    let mut notes = Vec::new();
    for other in store.namespaces()?.into_iter().filter(|other| other != service) {
        let graph = store.graph(&other)?;
        for (name, node) in instance::nodes(&graph) {
            let Some(selected) = node.metadata.get(names::SELECTED) else { continue };
            let part = |name: &str| selected.get(name).and_then(Value::as_text);
            if part("namespace") != Some(&service.0) {
                continue;
            }
            let Some((path, action)) = part("path").and_then(|path| changed.get_key_value(path)) else {
                continue;
            };
            let fate = match action {
                Action::Delete => format!("goes, and nobody changes `{other}`"),
                _ => format!("changes: deploy `{other}` again to take that in"),
            };
            notes.push(format!("`{}` of `{other}` stands for `{path}`, which {fate}", harmless(&name)));
        }
    }
    Ok(notes)
}
