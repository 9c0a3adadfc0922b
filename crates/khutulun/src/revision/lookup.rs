//! Which revisions there are of a service, and which one is meant.

use std::collections::BTreeSet;

use floria::{LogEntry, LogQuery, LogRow, Namespace, Store, StoreError};
use floria_sqlite::SqliteStore;
use khutulun_api::names;

use super::{REVISION, Revision, design_stream};
use crate::{
    cli::DesignArguments, error::CliError, inputs, intention::Intention, session::Session, terminal::harmless,
};

/// Returns the runs towards revisions of a service, the first first. Records of a kind that nobody knows are left out.
pub(crate) fn all(store: &dyn Store, service: &Namespace) -> Result<Vec<Revision>, StoreError> {
    let query = LogQuery {
        stream: Some(names::REVISIONS.to_owned()),
        namespace: Some(service.clone()),
        ..LogQuery::default()
    };
    let rows = store.log(&query)?;
    let is_revision =
        |row: &&LogRow| matches!(&row.entry, LogEntry::Record(record) if record.kind == REVISION);
    rows.iter()
        .filter(is_revision)
        .map(|row| {
            let read = Revision::read(row);
            read.ok_or_else(|| StoreError::Damaged(format!("row {} is no revision", row.sequence)))
        })
        .collect()
}

/// Returns the streams of designs that revisions of these services need.
pub(crate) fn streams(store: &dyn Store, services: &[Namespace]) -> Result<Vec<String>, StoreError> {
    let mut streams = BTreeSet::from([names::REVISIONS.to_owned()]);
    for service in services {
        streams.extend(all(store, service)?.iter().map(|revision| design_stream(&revision.said.design)));
    }
    Ok(streams.into_iter().collect())
}

/// Returns what was intended last of a service that is there. None: there is no such service, or it was deployed before there
/// were revisions.
pub(crate) fn current(store: &dyn Store, service: &Namespace) -> Result<Option<Revision>, StoreError> {
    let is_there =
        !store.namespace_revision(service)?.eq(&floria::Revision(0)) && store.namespaces()?.contains(service);
    if !is_there { Ok(None) } else { Ok(all(store, service)?.pop()) }
}

/// Returns what was intended last of a service, or says how there can be a revision.
pub(crate) fn present(
    session: &Session,
    store: &dyn Store,
    service: &Namespace,
) -> Result<Revision, CliError> {
    current(store, service).map_err(|error| session.store_error(error))?.ok_or_else(|| {
        CliError::usage(
            format!("there is no revision of `{service}`"),
            "it was deployed before khutulun recorded designs, or imported",
        )
        .place(session.root().display().to_string())
        .next("deploy it once from its files: khutulun deploy PATH")
    })
}

/// Returns what was intended last of a service, with the inputs that somebody gives besides.
pub(crate) fn given_anew(
    session: &Session,
    service: &Namespace,
    arguments: &DesignArguments,
) -> Result<Intention, CliError> {
    let store = session.reader()?.ok_or_else(|| session.nothing_deployed())?;
    let given = inputs::gather(&arguments.input, &arguments.inputs)?;
    let revision = present(session, &store, service)?;
    let mut intention = Intention::of_revision(session, &store, service, &revision)?;
    intention.give(session, given)?;
    Ok(intention)
}

/// Returns the service that a path means that is not there: `shop`, or `shop:` where there is also a file of that name. None: it
/// is a design's path.
pub(crate) fn service_of_path(
    session: &Session,
    arguments: &DesignArguments,
) -> Result<Option<Namespace>, CliError> {
    let word = arguments.path.to_str().unwrap_or_default();
    if arguments.path.exists() {
        return Ok(None);
    }
    let Some(store) = session.reader()? else { return Ok(None) };
    let name = word.strip_suffix(':').unwrap_or(word);
    let service = session.services(&store)?.into_iter().find(|known| known.0 == name);
    match (&service, &arguments.name) {
        (Some(service), Some(other)) if service.0 != *other => Err(CliError::usage(
            format!("`{service}` cannot be called `{}`", harmless(other)),
            "it is a service that is there, and its name is a part of its design",
        )
        .next(format!("khutulun deploy PATH --name {}", harmless(other)))),
        _ => Ok(service),
    }
}

/// Returns the service that is meant, also one that is destroyed by now and has revisions still.
pub(crate) fn service(
    session: &Session,
    store: &SqliteStore,
    name: Option<&str>,
) -> Result<Namespace, CliError> {
    let destroyed = name.map(|name| Namespace(name.to_owned()));
    match session.service(store, name) {
        Ok(service) => Ok(service),
        Err(error) => {
            let has_revisions = |service: &Namespace| all(store, service).is_ok_and(|all| !all.is_empty());
            destroyed.filter(has_revisions).ok_or(error)
        }
    }
}

/// Returns a revision of a service by its number, as it was intended last.
pub(crate) fn find(
    session: &Session,
    store: &dyn Store,
    service: &Namespace,
    number: u64,
) -> Result<Revision, CliError> {
    let mut all = all(store, service).map_err(|error| session.store_error(error))?;
    let known: BTreeSet<u64> = all.iter().map(|revision| revision.number).collect();
    if let Some(place) = all.iter().rposition(|revision| revision.number == number) {
        return Ok(all.swap_remove(place));
    }
    let why = match (known.first(), known.last()) {
        (Some(first), Some(last)) if first == last => format!("there is only revision {first}"),
        (Some(first), Some(last)) => format!("there are revisions {first} to {last}"),
        _ => "it has none".to_owned(),
    };
    Err(CliError::usage(format!("there is no revision {number} of `{service}`"), why)
        .place(session.root().display().to_string())
        .next(format!("khutulun history {service}")))
}
