//! Emitting: what happened outside becomes a row of the log.

use std::collections::{BTreeMap, btree_map::Entry};

use floria::{
    At, Author, Batch, Change, Entity, EntityKey, Functions, Graph, LogQuery, Namespace, Record, Revision,
    Site, Store, StoreError, Value, VertexId,
};
use khutulun_api::names as words;
use khutulun_engine::{NotificationError, taken_in};

use crate::{error::EventError, event::number_of, names, read::log};

/// How long an event's name may be: such names are typed by people.
pub const NAME_CHARACTERS_MAX: usize = 200;

/// How much data an event may bring, as it is stored: what is larger belongs into a file or an attribute.
pub const DATA_BYTES_MAX: usize = 256 << 10;

/// How often a notification is tried whose service changes at the same time: more would be a fight.
const CONFLICTS_MAX: usize = 10;

/// What happened outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Emission {
    /// The service. Empty where it is about none.
    pub service: Namespace,
    /// What it is about: a node or relationship. None: the service, or nothing in particular.
    pub site: Option<Site>,
    /// Its name: `<interface>.<notification>`, or any other that is not one of [`names::RESERVED`].
    pub name: String,
    /// What comes with it: for a notification its outputs.
    pub data: BTreeMap<String, Value>,
    /// Who tells it, as in `alice@h1`.
    pub author: Option<String>,
}

/// Records an event, and returns its cursor once it is durable.
///
/// Where it is a notification of the node or relationship that it is about, its outputs become values of the attributes that they
/// are mapped to, in the same transaction (TOSCA 2.0, 11.6): all of them, or nothing is recorded. A run that is at work meanwhile is
/// not in the way.
///
/// # Errors
///
/// As [`EventError`] says. Where a store fails after the commit, the event may be there: whoever must not tell twice looks.
pub fn emit(store: &dyn Store, functions: &dyn Functions, emission: &Emission) -> Result<u64, EventError> {
    emit_all(store, functions, std::slice::from_ref(emission), emission.author.as_deref())
}

/// Records events in one transaction, in order, as [`emit`] does with one: all of them, or none. Returns the cursor of the first one;
/// the others follow it where no notification changes an attribute. Returns 0 where there are none.
///
/// # Errors
///
/// As [`emit`].
pub fn emit_all(
    store: &dyn Store,
    functions: &dyn Functions,
    emissions: &[Emission],
    author: Option<&str>,
) -> Result<u64, EventError> {
    if emissions.is_empty() {
        return Ok(0);
    }
    emit_with(store, functions, emissions, &[], author)
}

/// Records events as [`emit_all`] does, and in the same transaction changes of namespaces that only the caller writes to: what it
/// needs to know after a crash, so that it tells nothing twice. Returns 0 where there are no events.
///
/// # Errors
///
/// As [`emit`].
pub fn emit_with(
    store: &dyn Store,
    functions: &dyn Functions,
    emissions: &[Emission],
    changes: &[Change],
    author: Option<&str>,
) -> Result<u64, EventError> {
    emissions.iter().try_for_each(check)?;
    let mut conflict = None;
    for _ in 0..CONFLICTS_MAX {
        let mut batch = Batch {
            author: author.map(|name| Author { name: name.to_owned(), stream: None }),
            ..Batch::default()
        };
        // The instances of each service that something changes, with all changes so far.
        let mut graphs: BTreeMap<&Namespace, Graph> = BTreeMap::new();
        for emission in emissions {
            let (path, changes) = look(store, emission)?;
            if changes {
                let graph = match graphs.entry(&emission.service) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(place) => place.insert(open(store, emission, &mut batch)?),
                };
                if let Some(change) = change(functions, graph, emission)? {
                    graph.apply(&change);
                    batch.changes.push(change);
                }
            }
            batch.records.push(record(emission, path));
        }
        if batch.changes.is_empty() {
            batch.expected.clear();
        }
        batch.changes.extend_from_slice(changes);
        match store.commit(&batch) {
            Ok(_) if emissions.is_empty() => return Ok(0),
            Ok(revision) => return cursor_of(store, revision),
            Err(error @ StoreError::Conflict { .. }) => conflict = Some(error),
            Err(source) => return Err(EventError::store("record an event")(source)),
        }
    }
    let source = conflict.expect("each attempt but the last ended with a conflict");
    Err(EventError::store("record an event")(source))
}

/// Looks at what an event is about, without reading the rest of its service. Returns the path of its node, and whether attributes may
/// change.
fn look(store: &dyn Store, emission: &Emission) -> Result<(Option<String>, bool), EventError> {
    let Some(site) = emission.site else { return Ok((None, false)) };
    let failed = || EventError::store("read what an event is about");
    let gone = || EventError::Gone { name: emission.name.clone() };
    let snapshot = store.snapshot(At::Now).map_err(failed())?;
    let vertex = |id: VertexId| match snapshot.get(&EntityKey::Vertex(id)).map_err(failed())? {
        Some(Entity::Vertex(vertex)) => Ok(vertex),
        _ => Err(gone()),
    };
    let (node, handlers) = match site {
        Site::Vertex(id) => {
            let node = vertex(id)?;
            let handlers = node.handlers.clone();
            (node, handlers)
        }
        Site::Edge(id) => match snapshot.get(&EntityKey::Edge(id)).map_err(failed())? {
            Some(Entity::Edge(edge)) => (vertex(edge.source)?, edge.handlers),
            _ => return Err(gone()),
        },
    };
    if node.namespace != emission.service {
        return Err(gone());
    }
    let changes = handlers.get(&emission.name).is_some_and(|handler| {
        handler.metadata.contains_key(words::NOTIFICATION) && !handler.outputs.is_empty()
    });
    let (mut path, mut container) = (node.name, node.container);
    while let Some(around) = container.map(vertex).transpose()? {
        if around.container.is_none() {
            break;
        }
        path = format!("{}/{path}", around.name);
        container = around.container;
    }
    Ok((Some(path), changes))
}

/// Reads the instances of a service that is about to change.
fn open(store: &dyn Store, emission: &Emission, batch: &mut Batch) -> Result<Graph, EventError> {
    let service = &emission.service;
    // The revision first: whatever moves while the rest is read refuses the commit.
    let revision = store.namespace_revision(service).map_err(EventError::store("read the revision"))?;
    let graph = store.graph(service).map_err(EventError::store("read the instances"))?;
    // A run that is at work meanwhile puts what it changes on top, each property by itself.
    batch.expected.push((service.clone(), revision));
    Ok(graph)
}

fn check(emission: &Emission) -> Result<(), EventError> {
    let name = &emission.name;
    let refused = |why| Err(EventError::Name { name: name.clone(), why });
    if name.is_empty() {
        return refused("it is empty");
    }
    if name.chars().count() > NAME_CHARACTERS_MAX {
        return refused("it is longer than 200 characters");
    }
    if name.chars().any(|character| character.is_control() || character.is_whitespace()) {
        return refused("it has spaces or control characters");
    }
    if names::RESERVED.contains(&name.as_str()) {
        return refused("khutulun itself tells of that");
    }
    let bytes = emission.data.iter().map(|(name, value)| name.len() + size(value)).sum();
    if bytes > DATA_BYTES_MAX {
        return Err(EventError::TooLarge { name: name.clone(), bytes, max: DATA_BYTES_MAX });
    }
    Ok(())
}

/// About how much a value takes, in bytes.
fn size(value: &Value) -> usize {
    match value {
        Value::Null | Value::Boolean(_) => 1,
        Value::Integer(_) | Value::Float(_) => 8,
        Value::Text(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::List(items) => items.iter().map(|item| 1 + size(item)).sum(),
        Value::Map(entries) => entries.iter().map(|(key, value)| size(key) + size(value)).sum(),
        Value::Custom(custom) => custom.type_name.len() + custom.text.len() + size(&custom.order),
    }
}

/// What a notification changes. None: nothing, or it is no notification.
fn change(
    functions: &dyn Functions,
    graph: &Graph,
    emission: &Emission,
) -> Result<Option<Change>, EventError> {
    let Some(site) = emission.site else { return Ok(None) };
    match taken_in(graph, functions, site, &emission.name, &emission.data) {
        Ok(change) => Ok(change),
        // Anything may be told about a node, whether somebody declared it or not.
        Err(NotificationError::Unknown { .. }) => Ok(None),
        Err(NotificationError::Gone { event }) => Err(EventError::Gone { name: event }),
        Err(NotificationError::Refused { event, failure }) => {
            Err(EventError::Refused { name: event, failure })
        }
    }
}

fn record(emission: &Emission, node: Option<String>) -> Record {
    let site = emission.site.map(|site| match site {
        Site::Vertex(id) => ("vertex", number_of(id.0)),
        Site::Edge(id) => ("edge", number_of(id.0)),
    });
    let data = emission.data.iter().map(|(name, value)| (name.clone(), value.clone()));
    let data = (!emission.data.is_empty()).then(|| ("data", Value::map(data)));
    let node = node.map(|node| ("node", Value::from(node)));
    Record {
        stream: words::EVENTS.to_owned(),
        namespace: emission.service.clone(),
        kind: emission.name.clone(),
        body: Value::map(site.into_iter().chain(node).chain(data)),
    }
}

/// The number of the row that a commit made.
fn cursor_of(store: &dyn Store, revision: Revision) -> Result<u64, EventError> {
    let since = Revision(revision.0.saturating_sub(1));
    let query =
        LogQuery { stream: Some(words::EVENTS.to_owned()), since, limit: Some(1), ..LogQuery::default() };
    let rows = log(store, &query)?;
    Ok(rows.first().map_or(0, |row| row.sequence))
}
