//! `khutulun forget`: lets go of nodes without touching them, and says what remains where.

use std::collections::BTreeSet;

use floria::{Graph, Namespace, Value, Vertex, VertexId};
use khutulun_api::{Outcome, names};
use khutulun_plan::plan_forget;
use serde_json::{Value as Json, json};

use crate::{
    answer::{self, Answer, to_json},
    busy,
    cli::{ConductArguments, ForgetArguments, OnFailure},
    error::CliError,
    execution::{Execution, refuse_unfinished},
    exit::Exit,
    instance,
    plan_view::{PlanView, short_class},
    probe::Prober,
    proposal::read_actual,
    question, selection,
    selector::Selector,
    session::{Session, quoted},
    terminal::{Style, counted, harmless},
};

/// The attributes that say where something is, in the order in which they are told.
const PLACES: [&str; 6] = ["pid", "name", "id", "supervisor", "image_id", "log_files"];

pub(crate) fn run(arguments: &ForgetArguments, session: &Session) -> Result<Exit, CliError> {
    let reader = session.reader()?.ok_or_else(|| session.nothing_deployed())?;
    // The name of a service means all of it, where no node is called the same.
    let services = session.services(&reader)?;
    let is_service = |text: &String| services.iter().any(|service| service.0 == *text);
    let texts: Vec<String> = match arguments.selectors.as_slice() {
        [only] if is_service(only) && !is_node(session, &reader, arguments, only)? => {
            vec![format!("{only}:")]
        }
        several => several.to_vec(),
    };
    Selector::check(&texts)?;
    let selectors = Selector::read_all(&texts, &reader)?;
    let service = selection::service(session, &reader, arguments.name.as_deref(), &selectors)?;
    if !arguments.yes && !question::can_ask() {
        return Err(question::unasked(&format!("forget nodes of `{service}`"))
            .place(session.root().display().to_string()));
    }
    drop(reader);
    let (state, store) = session.writer()?;
    busy::refuse(session, &store, &service)?;
    refuse_unfinished(session, &store, &service)?;
    let selectors = Selector::read_all(&texts, &store)?;
    let (graph, base) = read_actual(session, &store, &service)?;
    let nodes = selection::nodes(&graph, &service, &texts, &selectors)?;
    let meant = nodes.iter().map(|(_, node)| node.id).collect();
    let basis = session.basis(&service, base);
    let plan = plan_forget(&basis, &graph, &meant, arguments.force).map_err(|error| {
        let others: Vec<&String> = error.needed.values().flatten().collect();
        let others = others.into_iter().map(|other| format!(" {other}")).collect::<String>();
        CliError::new(Exit::Failed, "others depend on what is to be forgotten")
            .place(format!("service `{service}`"))
            .why(error.to_string())
            .next(format!("forget those too: khutulun forget {}{others}", texts.join(" ")))
            .next("let them lose their relationships to it: --force")
    })?;
    let remains = remains(session, &graph, &meant)?;
    session.progress.say(&PlanView::of(&plan).text(Style::stderr()));
    if !arguments.yes {
        let question = format!("Let go of {} of `{service}`, as they are?", counted(remains.len(), "node"));
        if !question::ask(&session.progress, &question)? {
            return Err(question::refused());
        }
    }
    let conduct = ConductArguments { parallel: 1, on_failure: OnFailure::Stop };
    let execution = Execution::new(session, state, store, &conduct);
    let done = execution.perform(plan, Vec::new())?;
    if !done.succeeded() {
        return execution.answer(&done, &[], None);
    }
    session.progress.settle();
    let run = done.report().run.0;
    let forgotten = Forgotten { service, run, remains, root: session.root().display().to_string() };
    answer::give(&forgotten, session.format)?;
    Ok(Exit::Success)
}

fn is_node(
    session: &Session,
    store: &floria_sqlite::SqliteStore,
    arguments: &ForgetArguments,
    text: &str,
) -> Result<bool, CliError> {
    let Ok(service) = session.service(store, arguments.name.as_deref()) else { return Ok(false) };
    let (graph, _) = read_actual(session, store, &service)?;
    let selector = Selector::read(text, store)?;
    Ok(instance::nodes(&graph).iter().any(|(_, node)| selector.selects(node, None)))
}

/// What is left of a node when nobody manages it.
struct Remains {
    name: String,
    class: String,
    /// Its lifecycle state, as it was last.
    state: String,
    /// What was seen of it just before; why nothing, where nobody could look.
    seen: Result<Option<String>, String>,
    /// Where it is: names, pids, files.
    places: Vec<(&'static str, Value)>,
    /// Where its output is: see [`names::LOGS`].
    logs: Option<Value>,
}

/// Looks what will be left of nodes, and of those in them.
fn remains(session: &Session, graph: &Graph, meant: &BTreeSet<VertexId>) -> Result<Vec<Remains>, CliError> {
    let nodes = instance::nodes(graph);
    let chosen: Vec<(String, &Vertex)> =
        nodes.into_iter().filter(|(_, node)| meant.contains(&node.id)).collect();
    let inside = selection::with_inside(graph, &chosen);
    let nodes = instance::nodes(graph).into_iter().filter(|(_, node)| inside.contains(&node.id));
    let nodes: Vec<(String, &Vertex)> = nodes.collect();
    let is_made = |node: &&Vertex| !matches!(instance::lifecycle_state(node), "initial" | "deleted");
    let made: Vec<&Vertex> = nodes.iter().map(|(_, node)| *node).filter(is_made).collect();
    let event = |operation: &str| format!("{}.{operation}", names::LIFECYCLE);
    session.progress.phase("looking at what remains");
    let prober = Prober::new(session);
    let seen = prober.ask(graph, &made, &event(names::OBSERVE))?;
    let logs = prober.ask(graph, &made, &event(names::LOGS))?;
    let one = |(name, node): (String, &Vertex)| {
        let mut places = Vec::new();
        for place in PLACES {
            let stored = node.properties.get(place).filter(|property| !property.read_only);
            let value = match seen.get(&node.id) {
                Some(Outcome::Succeeded(outputs)) => outputs.get(place),
                _ => stored.and_then(|property| property.value.as_ref()),
            };
            places.extend(value.filter(|value| **value != Value::Null).map(|value| (place, value.clone())));
        }
        Remains {
            class: instance::class(node).to_owned(),
            state: instance::lifecycle_state(node).to_owned(),
            seen: match seen.get(&node.id) {
                Some(Outcome::Succeeded(outputs)) => {
                    Ok(outputs.get("state").and_then(Value::as_text).map(str::to_owned))
                }
                Some(Outcome::Failed(failure)) => Err(failure.message.clone()),
                None => Ok(None),
            },
            logs: match logs.get(&node.id) {
                Some(Outcome::Succeeded(outputs)) => outputs.get("source").cloned(),
                _ => None,
            },
            places,
            name,
        }
    };
    Ok(nodes.into_iter().map(one).collect())
}

/// What was let go.
struct Forgotten {
    service: Namespace,
    run: u64,
    remains: Vec<Remains>,
    /// The state directory.
    root: String,
}

impl Remains {
    fn document(&self) -> Json {
        let places = self.places.iter().map(|(name, value)| ((*name).to_owned(), to_json(value)));
        json!({
            "node": self.name,
            "type": short_class(&self.class),
            "state": self.state,
            "seen": self.seen.as_ref().ok(),
            "not_looked_at": self.seen.as_ref().err(),
            "places": places.collect::<serde_json::Map<_, _>>(),
            "logs": self.logs.as_ref().map(to_json),
        })
    }

    /// What is there, in a line.
    fn line(&self) -> String {
        let mut parts = Vec::new();
        match &self.seen {
            Ok(Some(seen)) => parts.push(format!("is {seen}")),
            Ok(None) => parts.push(format!("was {}; nobody can look at it", self.state)),
            Err(why) => parts.push(format!("was {}; could not be looked at: {why}", self.state)),
        }
        for (place, value) in &self.places {
            let value = match value {
                Value::List(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
                value => plain(value),
            };
            parts.push(format!("{} {value}", place.replace('_', " ")));
        }
        if let Some(program) = self.logs.as_ref().and_then(|logs| logs.get("program")) {
            let arguments = self.logs.as_ref().and_then(|logs| logs.get("arguments")?.as_list());
            let words =
                std::iter::once(plain(program)).chain(arguments.unwrap_or_default().iter().map(plain));
            parts.push(format!("its output: {}", words.collect::<Vec<_>>().join(" ")));
        }
        harmless(&parts.join(", "))
    }
}

fn plain(value: &Value) -> String {
    value.as_text().map_or_else(|| value.to_string(), str::to_owned)
}

impl Answer for Forgotten {
    fn document(&self) -> Json {
        json!({
            "schema": "khutulun.forget/1",
            "service": self.service.0,
            "run": self.run,
            "state_directory": self.root,
            "remains": self.remains.iter().map(Remains::document).collect::<Vec<_>>(),
        })
    }

    fn text(&self, style: Style) -> String {
        let sign = style.green(style.sign("✓", "+"));
        let how = match self.remains.len() {
            1 => "is no longer managed, and stays as it is",
            _ => "are no longer managed, and stay as they are",
        };
        let mut text =
            format!("{sign} {} of `{}` {how}\n", counted(self.remains.len(), "node"), self.service);
        for remains in &self.remains {
            text.push_str(&format!("  {}  {}\n", style.bold(&harmless(&remains.name)), remains.line()));
        }
        let supervised = |remains: &&Remains| {
            remains.seen.as_ref().is_ok_and(|seen| seen.as_deref() == Some("running"))
                && remains.places.contains(&("supervisor", Value::from("khutulun")))
        };
        let kept: Vec<&String> =
            self.remains.iter().filter(supervised).map(|remains| &remains.name).collect();
        if !kept.is_empty() {
            text.push_str(&format!(
                "{} {} still kept by khutulun's supervisor, whose records stay in {}: `adopt` takes them back\n",
                style.yellow("note:"),
                if kept.len() == 1 { format!("{} is", quoted(&kept)) } else { format!("{} are", quoted(&kept)) },
                self.root,
            ));
        }
        text
    }
}
