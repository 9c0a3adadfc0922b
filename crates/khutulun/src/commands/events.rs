//! `khutulun events`: what happened, and what happens; telling that something did.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write as _,
    sync::Arc,
};

use floria::{At, Change, Entity, EntityKey, LogEntry, LogQuery, Namespace, Site, Store, Vertex, VertexId};
use floria_sqlite::SqliteStore;
use khutulun_events::{Emission, Event, EventError, Follow, Reader, emit_all, end, since_time};
use serde_json::{Value as Json, json};

use crate::{
    answer::{self, Answer},
    author,
    cli::{EmitArguments, EventsArguments, EventsCommand, Format},
    error::{CliError, chain},
    exit::Exit,
    inputs, instance,
    proposal::read_actual,
    selector::Selector,
    session::{Session, quoted},
    terminal::{Style, harmless},
    time,
};

/// How many events are read and written at once.
const EVENTS_MAX: usize = 500;

/// How many nodes are remembered as selected or not; of more, some are looked at again.
const NODES_MAX: usize = 10_000;

pub(crate) fn run(arguments: &EventsArguments, session: &Session) -> Result<Exit, CliError> {
    if let Some(EventsCommand::Emit(arguments)) = &arguments.command {
        return emit(arguments, session);
    }
    Selector::check(&arguments.selectors)?;
    let since = arguments.since.as_deref().map(Since::read).transpose()?;
    let failed = |error: EventError| failed(session, &error);
    let store = match session.reader()? {
        Some(store) => store,
        // Nothing happened yet; whoever wants to hear of the first thing waits for it.
        None if arguments.follow => session.writer()?.1,
        None => return Ok(Exit::Success),
    };
    let mut filter = Filter::read(arguments, &store)?;
    let printer = Printer { format: session.format, style: Style::stdout() };
    let mut cursor = match since {
        Some(Since::Cursor(cursor)) => cursor,
        Some(Since::Back(time_ms)) => {
            since_time(&store, time::now_ms().saturating_sub(time_ms)).map_err(failed)?
        }
        None if arguments.follow => end(&store).map_err(failed)?,
        None => 0,
    };
    session.progress.settle();
    if arguments.follow {
        let store = Arc::new(store);
        let mut follow = Follow::new(Arc::clone(&store), cursor).map_err(failed)?;
        loop {
            let events = follow.next(None).map_err(failed)?;
            printer.print(&filter.of(events, &*store, session)?)?;
        }
    }
    let mut reader = Reader::new();
    loop {
        let page = reader.read(&store, cursor, EVENTS_MAX).map_err(failed)?;
        cursor = page.cursor;
        printer.print(&filter.of(page.events, &store, session)?)?;
        if !page.more {
            return Ok(Exit::Success);
        }
    }
}

/// From where events are wanted.
#[derive(Debug, PartialEq, Eq)]
enum Since {
    Cursor(u64),
    /// Milliseconds before now.
    Back(u64),
}

impl Since {
    fn read(text: &str) -> Result<Self, CliError> {
        let units = [('s', 1), ('m', 60), ('h', 3600), ('d', 86_400)];
        let unit = units.iter().find_map(|(unit, seconds)| Some((text.strip_suffix(*unit)?, seconds)));
        let read = match unit {
            Some((number, seconds)) => {
                let number: Option<u64> = number.parse().ok();
                number.and_then(|number| number.checked_mul(seconds * 1000)).map(Self::Back)
            }
            None => text.parse().ok().map(Self::Cursor),
        };
        read.ok_or_else(|| {
            let what = format!("cannot read `--since {}`", harmless(text));
            CliError::usage(what, "it is neither the cursor of an event nor a time")
                .next("--since 1234, or --since 10m (s, m, h or d)")
        })
    }
}

/// Which events are wanted. That some were lost is said in any case.
struct Filter {
    service: Option<String>,
    selectors: Vec<Selector>,
    types: Vec<String>,
    /// Whether nodes are selected.
    nodes: HashMap<VertexId, bool>,
}

impl Filter {
    fn read(arguments: &EventsArguments, store: &SqliteStore) -> Result<Self, CliError> {
        let selectors = Selector::read_all(&arguments.selectors, store)?;
        let (service, types) = (arguments.name.clone(), arguments.types.clone());
        Ok(Self { service, selectors, types, nodes: HashMap::new() })
    }

    fn of(
        &mut self,
        events: Vec<Event>,
        store: &dyn Store,
        session: &Session,
    ) -> Result<Vec<Event>, CliError> {
        let mut wanted = Vec::with_capacity(events.len());
        for event in events {
            if event.gap().is_some() || self.wants(&event, store, session)? {
                wanted.push(event);
            }
        }
        Ok(wanted)
    }

    fn wants(&mut self, event: &Event, store: &dyn Store, session: &Session) -> Result<bool, CliError> {
        if self.service.as_ref().is_some_and(|service| *service != event.service.0)
            || !self.types.is_empty() && !self.types.iter().any(|pattern| matches(pattern, &event.name))
        {
            return Ok(false);
        }
        if self.selectors.is_empty() {
            return Ok(true);
        }
        let Some(site) = event.site else { return Ok(false) };
        let id = match site {
            Site::Vertex(id) => id,
            Site::Edge(id) => match entity(store, session, EntityKey::Edge(id))? {
                Some(Entity::Edge(edge)) => edge.source,
                _ => return Ok(false),
            },
        };
        if let Some(known) = self.nodes.get(&id) {
            return Ok(*known);
        }
        let node: Option<Vertex> = match entity(store, session, EntityKey::Vertex(id))? {
            Some(Entity::Vertex(vertex)) => Some(vertex),
            _ => None,
        };
        let wanted = node.is_some_and(|node| self.selectors.iter().any(|one| one.selects(&node, None)));
        if self.nodes.len() >= NODES_MAX {
            self.nodes.clear();
        }
        self.nodes.insert(id, wanted);
        Ok(wanted)
    }
}

/// An entity as it is, or as it was at first where it is gone.
fn entity(store: &dyn Store, session: &Session, key: EntityKey) -> Result<Option<Entity>, CliError> {
    let read = || -> Result<_, floria::StoreError> {
        if let Some(entity) = store.snapshot(At::Now)?.get(&key)? {
            return Ok(Some(entity));
        }
        let query = LogQuery { entity: Some(key.clone()), limit: Some(1), ..LogQuery::default() };
        Ok(store.log(&query)?.into_iter().find_map(|row| match row.entry {
            LogEntry::Change(Change::Put(entity)) => Some(entity),
            _ => None,
        }))
    };
    read().map_err(|error| session.store_error(error))
}

/// Tells whether a name is like a pattern, in which `*` stands for anything.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut name) = name.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        let Some(place) = name.find(part) else { return false };
        name = &name[place + part.len()..];
    }
    name.ends_with(last)
}

/// Writes events as the person wants them.
struct Printer {
    format: Format,
    style: Style,
}

impl Printer {
    fn print(&self, events: &[Event]) -> Result<(), CliError> {
        if events.is_empty() {
            return Ok(());
        }
        let mut text = String::new();
        for event in events {
            match self.format {
                Format::Table => self.line(event, &mut text),
                // Events come one by one, perhaps for ever: there is no one document to put them in.
                Format::Yaml => answer::give_data(&json!([document(event)]), Format::Yaml)?,
                _ => text += &format!("{}\n", document(event)),
            }
        }
        // Whoever is told of a cursor has been told of all before it, also when this ends in the middle of it.
        answer::write(text.as_bytes())
    }

    fn line(&self, event: &Event, text: &mut String) {
        let about = match (event.service.0.as_str(), event.node.as_str()) {
            ("", _) => "-".to_owned(),
            (service, "") => service.to_owned(),
            (service, node) => format!("{service}:{node}"),
        };
        let time = time::rfc3339(event.time_ms);
        let _ = write!(
            text,
            "{} {:>6}  {}  {}",
            self.style.dim(&time),
            event.cursor,
            self.style.cyan(&harmless(&about)),
            self.style.bold(&harmless(&event.name))
        );
        for (name, value) in &event.data {
            let _ = write!(text, " {}={}", harmless(name), harmless(&value.to_string()));
        }
        text.push('\n');
    }
}

/// An event as a document.
pub(crate) fn document(event: &Event) -> Json {
    let site = event.site.map(|site| match site {
        Site::Vertex(id) => json!({ "vertex": id.0 }),
        Site::Edge(id) => json!({ "edge": id.0 }),
    });
    let data: BTreeMap<&String, Json> =
        event.data.iter().map(|(name, value)| (name, answer::to_json(value))).collect();
    json!({
        "schema": "khutulun.event/1",
        "cursor": event.cursor,
        "time": time::rfc3339(event.time_ms),
        "service": event.service.0,
        "node": event.node,
        "site": site,
        "name": event.name,
        "data": data,
        "author": event.author,
        "run": event.run.map(|run| run.0),
    })
}

struct Emitted {
    name: String,
    service: Namespace,
    nodes: Vec<String>,
    cursor: u64,
}

impl Answer for Emitted {
    fn document(&self) -> Json {
        json!({
            "schema": "khutulun.emitted/1",
            "name": self.name,
            "service": self.service.0,
            "nodes": self.nodes,
            "cursor": self.cursor,
        })
    }

    fn text(&self, _style: Style) -> String {
        let about =
            if self.nodes.is_empty() { String::new() } else { format!(" of {}", quoted(&self.nodes)) };
        let name = harmless(&self.name);
        if self.service.0.is_empty() {
            return format!("`{name}` is recorded for all services: {}\n", self.cursor);
        }
        format!("`{name}`{about} is recorded in `{}`: {}\n", self.service, self.cursor)
    }
}

fn emit(arguments: &EmitArguments, session: &Session) -> Result<Exit, CliError> {
    let is_data = |word: &&String| {
        let name = word.split_once('=').map_or("", |(name, _)| name);
        let allowed = |character: char| character.is_alphanumeric() || matches!(character, '_' | '-' | '.');
        !name.is_empty() && name.chars().all(allowed)
    };
    let (given, selectors): (Vec<&String>, Vec<&String>) = arguments.words.iter().partition(is_data);
    let (given, selectors): (Vec<String>, Vec<String>) =
        (given.into_iter().cloned().collect(), selectors.into_iter().cloned().collect());
    let data = inputs::values(inputs::gather(&given, &[])?, |_| false)?;
    Selector::check(&selectors)?;
    if arguments.everywhere && !selectors.is_empty() {
        return Err(CliError::usage("cannot tell of nodes everywhere", "a node is one of a service")
            .next("leave --everywhere or the selector away"));
    }
    let (_, store) = session.writer()?;
    let author = author::name();
    let emission = |service: &Namespace, site| Emission {
        service: service.clone(),
        site,
        name: arguments.event.clone(),
        data: data.clone(),
        author: Some(author.clone()),
    };
    let (service, nodes, emissions) = if arguments.everywhere {
        let nothing = Namespace(String::new());
        let emissions = vec![emission(&nothing, None)];
        (nothing, Vec::new(), emissions)
    } else {
        let selectors = Selector::read_all(&selectors, &store)?;
        let named = arguments.name.as_deref().or_else(|| selectors.iter().find_map(Selector::service));
        let service = session.service(&store, named)?;
        let selected =
            if selectors.is_empty() { Vec::new() } else { selected(session, &store, &service, &selectors)? };
        let mut emissions: Vec<_> =
            selected.iter().map(|(_, id)| emission(&service, Some(Site::Vertex(*id)))).collect();
        if emissions.is_empty() {
            emissions.push(emission(&service, None));
        }
        (service, selected.into_iter().map(|(name, _)| name).collect(), emissions)
    };
    let cursor = emit_all(&store, &*session.functions, &emissions, Some(&author))
        .map_err(|error| failed(session, &error))?;
    let emitted = Emitted { name: arguments.event.clone(), service, nodes, cursor };
    answer::give(&emitted, session.format)?;
    Ok(Exit::Success)
}

/// The nodes that are meant.
fn selected(
    session: &Session,
    store: &SqliteStore,
    service: &Namespace,
    selectors: &[Selector],
) -> Result<Vec<(String, VertexId)>, CliError> {
    let (graph, _) = read_actual(session, store, service)?;
    let nodes = instance::nodes(&graph);
    let is_selected = |node: &Vertex| selectors.iter().any(|selector| selector.selects(node, None));
    let selected: Vec<_> = nodes
        .iter()
        .filter(|(_, node)| is_selected(node))
        .map(|(name, node)| (name.clone(), node.id))
        .collect();
    if selected.is_empty() {
        let known: Vec<&String> = nodes.iter().map(|(name, _)| name).collect();
        let why = format!("`{service}` has no such node; there are {}", quoted(&known));
        return Err(CliError::usage("no node is selected", why)
            .place(format!("service `{service}`"))
            .next("khutulun status"));
    }
    Ok(selected)
}

fn failed(session: &Session, error: &EventError) -> CliError {
    let make = |exit, what: &str| {
        CliError::new(exit, what.to_owned()).place(session.root().display().to_string()).why(chain(error))
    };
    match error {
        EventError::Future { .. } => make(Exit::Usage, "there is no such event")
            .next("khutulun events, which shows those that there are, with their cursors"),
        EventError::Name { .. } | EventError::TooLarge { .. } | EventError::Gone { .. } => {
            make(Exit::Usage, "nothing was recorded").next("khutulun events emit --help")
        }
        EventError::Refused { .. } => make(Exit::Failed, "the notification was not taken in")
            .unchanged("all attributes have the values that they had, and no policy hears of it")
            .next("give values that fit the attributes' definitions"),
        EventError::Engine(_) | EventError::Store { .. } => {
            make(Exit::Unreachable, "failed to use the store")
                .unchanged("nothing was changed")
                .next("mend what is said above, then run the command again")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_cursors_are_told_apart() {
        let read = |text| Since::read(text).ok();
        assert_eq!(read("17"), Some(Since::Cursor(17)));
        assert_eq!(read("90s"), Some(Since::Back(90_000)));
        assert_eq!(read("2d"), Some(Since::Back(172_800_000)));
        for text in ["", "m", "-1", "1w", "1.5h", "99999999999999999999s"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn patterns_match_whole_names() {
        for (pattern, name) in
            [("*", "x"), ("node.*", "node.state"), ("*.ended", "run.ended"), ("a*b*c", "aXbbYc"), ("x", "x")]
        {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in
            [("node.*", "anode.state"), ("*.ended", "run.ended.x"), ("a*b*c", "acb"), ("x", "xx")]
        {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }
}
