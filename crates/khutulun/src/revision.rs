//! The revisions of services: what was intended at each run that deployed, recorded with the run's beginning.
//!
//! Whoever goes on from a revision (`update`, `scale`, `rollback`, `diff`) needs nothing else: the design is in the log, and the
//! files that it refers to are in the state directory, both by digest.

use std::collections::{BTreeMap, BTreeSet};

use floria::{
    Change, Design, Handlers, Implementation, LogEntry, LogQuery, LogRow, Namespace, Record, Store,
    StoreError, Value,
};
use floria_resolver::Counts;
use floria_sqlite::SqliteStore;
use khutulun_api::{RunId, names};
use serde_json::{Value as Json, json};

use crate::{
    answer::to_json,
    cli::DesignArguments,
    error::CliError,
    executors,
    exit::Exit,
    intention::{IntendedFile, Intention, Origin},
    session::Session,
    time,
};

/// The kind of the records in the stream of revisions.
const REVISION: &str = "revision";

/// The kind of the records in the stream of a design.
const DESIGN: &str = "design";

/// What somebody asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    /// What files say.
    Deploy,
    /// Other inputs.
    Update,
    /// Other counts.
    Scale,
    /// What was intended before.
    Rollback,
    /// What was intended before, as a run failed.
    Unwind,
}

impl Verb {
    const ALL: [Self; 5] = [Self::Deploy, Self::Update, Self::Scale, Self::Rollback, Self::Unwind];

    /// Returns the word for it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Deploy => "deploy",
            Self::Update => "update",
            Self::Scale => "scale",
            Self::Rollback => "rollback",
            Self::Unwind => "unwind",
        }
    }
}

/// A run towards a revision, and what was intended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Revision {
    /// The number, from 1; it is the same for all runs towards the same intention, one after the other.
    pub(crate) number: u64,
    /// The run. None: nothing had to be done for it.
    pub(crate) run: Option<RunId>,
    /// When it was recorded, in milliseconds since 1970-01-01T00:00:00Z.
    pub(crate) time_ms: u64,
    /// By whom.
    pub(crate) author: Option<String>,
    /// What was asked for.
    pub(crate) said: Said,
}

/// What is recorded of a revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    /// What was asked for.
    pub(crate) verb: Verb,
    /// The design's digest.
    pub(crate) design: String,
    /// The inputs.
    pub(crate) inputs: BTreeMap<String, Value>,
    /// The counts that somebody said.
    pub(crate) counts: Counts,
    /// The path that the design was read from.
    pub(crate) source: Option<String>,
    /// The revision that this goes back to.
    pub(crate) of: Option<u64>,
    /// The run that this unwinds.
    pub(crate) unwinds: Option<RunId>,
    /// Where a failure of the run leads back to. None: it stays as it is.
    pub(crate) unwinding: Option<Unwinding>,
    /// The digests of the drivers that were there, by name.
    pub(crate) drivers: BTreeMap<String, String>,
    /// The digest of the saved plan that is run.
    pub(crate) plan: Option<String>,
}

/// Where a failure leads back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unwinding {
    /// This revision.
    To(u64),
    /// Nothing: there was no service before.
    ToNothing,
    /// Nowhere: the same was intended before.
    Nowhere,
}

impl Unwinding {
    /// Returns where it leads back to: a revision, or nothing. None: nowhere.
    pub(crate) fn back(self) -> Option<Option<u64>> {
        match self {
            Self::To(number) => Some(Some(number)),
            Self::ToNothing => Some(None),
            Self::Nowhere => None,
        }
    }

    /// Returns it as a sentence for those who have to agree.
    pub(crate) fn note(self) -> String {
        match self {
            Self::To(number) => {
                format!("if an operation fails, what was done is unwound, back to revision {number}")
            }
            Self::ToNothing => "if an operation fails, all that was made is taken away again".to_owned(),
            Self::Nowhere => {
                "if an operation fails, there is nothing to unwind to: the same was intended before"
                    .to_owned()
            }
        }
    }
}

impl Said {
    /// Returns what is to be recorded of an intention.
    pub(crate) fn of(intention: &Intention, verb: Verb) -> Self {
        Self {
            verb,
            design: intention.design.digest(),
            inputs: intention.inputs.clone(),
            counts: intention.counts.clone(),
            source: intention.source.clone(),
            of: None,
            unwinds: None,
            unwinding: None,
            drivers: drivers_of(&intention.design),
            plan: None,
        }
    }

    /// Tells whether the same is intended.
    pub(crate) fn intends_the_same(&self, other: &Self) -> bool {
        (&self.design, &self.inputs, &self.counts) == (&other.design, &other.inputs, &other.counts)
    }

    /// Returns the body of its record.
    pub(crate) fn body(&self, number: u64) -> Value {
        let text = |text: &String| Value::from(text.as_str());
        let count = |(path, count): (&String, &u64)| (Value::from(path.as_str()), integer(*count));
        let input = |(name, value): (&String, &Value)| (Value::from(name.as_str()), value.clone());
        let driver = |(name, digest): (&String, &String)| (Value::from(name.as_str()), text(digest));
        let mut body = vec![
            ("number", integer(number)),
            ("verb", Value::from(self.verb.word())),
            ("design", text(&self.design)),
            ("inputs", Value::Map(self.inputs.iter().map(input).collect())),
            ("counts", Value::Map(self.counts.iter().map(count).collect())),
            ("drivers", Value::Map(self.drivers.iter().map(driver).collect())),
        ];
        body.extend(self.source.as_ref().map(|source| ("source", text(source))));
        body.extend(self.of.map(|of| ("of", integer(of))));
        body.extend(self.unwinds.map(|run| ("unwinds", integer(run.0))));
        body.extend(self.unwinding.map(|unwinding| {
            let to = match unwinding {
                Unwinding::To(number) => integer(number),
                Unwinding::ToNothing => integer(0),
                Unwinding::Nowhere => Value::Null,
            };
            ("on_failure", to)
        }));
        body.extend(self.plan.as_ref().map(|plan| ("plan", text(plan))));
        Value::map(body)
    }

    /// Reads the body of a record. None: it is none of a revision.
    pub(crate) fn read(body: &Value) -> Option<Self> {
        let text = |key: &str| body.get(key).and_then(Value::as_text).map(str::to_owned);
        let unsigned = |key: &str| body.get(key).and_then(natural);
        let word = text("verb")?;
        let named = |key: &str| {
            let entries = body.get(key).and_then(Value::as_map)?.iter();
            entries.map(|(key, value)| Some((key.as_text()?.to_owned(), value))).collect::<Option<Vec<_>>>()
        };
        Some(Self {
            verb: Verb::ALL.into_iter().find(|verb| verb.word() == word)?,
            design: text("design")?,
            inputs: named("inputs")?.into_iter().map(|(name, value)| (name, value.clone())).collect(),
            counts: named("counts")?
                .into_iter()
                .map(|(path, count)| Some((path, natural(count)?)))
                .collect::<Option<_>>()?,
            source: text("source"),
            of: unsigned("of"),
            unwinds: unsigned("unwinds").map(RunId),
            unwinding: body.get("on_failure").map(|to| match natural(to) {
                None => Unwinding::Nowhere,
                Some(0) => Unwinding::ToNothing,
                Some(number) => Unwinding::To(number),
            }),
            drivers: named("drivers")?
                .into_iter()
                .map(|(name, digest)| Some((name, digest.as_text()?.to_owned())))
                .collect::<Option<_>>()?,
            plan: text("plan"),
        })
    }
}

impl Revision {
    fn read(row: &LogRow) -> Option<Self> {
        let LogEntry::Record(record) = &row.entry else { return None };
        let stream = row.author.as_ref().and_then(|author| author.stream.as_deref());
        Some(Self {
            number: record.body.get("number").and_then(natural)?,
            run: stream.and_then(|stream| stream.strip_prefix("run/")?.parse().ok()).map(RunId),
            time_ms: row.time_ms,
            author: row.author.as_ref().map(|author| author.name.clone()),
            said: Said::read(&record.body)?,
        })
    }
}

fn integer(number: u64) -> Value {
    Value::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}

fn natural(value: &Value) -> Option<u64> {
    value.as_integer().and_then(|number| u64::try_from(number).ok())
}

/// Returns the stream of a design.
fn design_stream(digest: &str) -> String {
    format!("{DESIGN}/{digest}")
}

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

/// The kind of the record of a run of a saved plan that leads to no revision.
const PLAN: &str = "plan";

/// Returns the record of a run of a saved plan that takes the service away.
pub(crate) fn record_of_plan(service: &Namespace, digest: &str) -> Record {
    Record {
        stream: names::REVISIONS.to_owned(),
        namespace: service.clone(),
        kind: PLAN.to_owned(),
        body: Value::map([("plan", digest)]),
    }
}

/// Returns which run of a service began with a saved plan of this digest, in words, if one did.
pub(crate) fn run_of_plan(
    store: &dyn Store,
    service: &Namespace,
    digest: &str,
) -> Result<Option<String>, StoreError> {
    let query = LogQuery {
        stream: Some(names::REVISIONS.to_owned()),
        namespace: Some(service.clone()),
        ..LogQuery::default()
    };
    let found = store.log(&query)?.into_iter().rev().find(|row| match &row.entry {
        LogEntry::Record(record) => record.body.get("plan").and_then(Value::as_text) == Some(digest),
        LogEntry::Change(_) => false,
    });
    Ok(found.map(|row| {
        let author = row.author.as_ref();
        let stream = author.and_then(|author| author.stream.as_deref()).unwrap_or_default();
        let by = author.map_or_else(String::new, |author| format!(" of {}", author.name));
        format!("{}{by}, {},", stream.replace('/', " "), time::rfc3339(row.time_ms))
    }))
}

/// How many names are given of what moved; more help nobody.
const MOVED_MAX: usize = 5;

/// Returns what was changed of a service since a revision of the store, and in which runs, as the end of a sentence.
pub(crate) fn moved(
    store: &dyn Store,
    service: &Namespace,
    since: floria::Revision,
) -> Result<String, StoreError> {
    let query = LogQuery { namespace: Some(service.clone()), since, ..LogQuery::default() };
    let rows = match store.log(&query) {
        Err(StoreError::Forgotten { .. }) => return Ok("; what changed was forgotten".to_owned()),
        rows => rows?,
    };
    let (mut names, mut runs) = (Vec::new(), Vec::new());
    for row in &rows {
        let name = match &row.entry {
            LogEntry::Change(Change::Put(entity)) => entity.name().to_owned(),
            LogEntry::Change(Change::Delete(key)) => format!("{key}, which is gone"),
            LogEntry::Record(_) => continue,
        };
        let stream = row.author.as_ref().and_then(|author| author.stream.clone());
        let run = stream.filter(|stream| stream.starts_with("run/")).map(|stream| stream.replace('/', " "));
        names.extend(Some(name).filter(|name| !names.contains(name)));
        runs.extend(run.filter(|run| !runs.contains(run)));
    }
    let listed = |all: &[String]| {
        let more = all.len().saturating_sub(MOVED_MAX);
        let shown = all[..all.len() - more].join(", ");
        if more == 0 { shown } else { format!("{shown} and {more} more") }
    };
    let names = match names.is_empty() {
        true => "nothing that can be named".to_owned(),
        false => listed(&names),
    };
    let by = if runs.is_empty() { String::new() } else { format!(", by {}", listed(&runs)) };
    Ok(format!("; changed since: {names}{by}"))
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
            format!("`{service}` cannot be called `{}`", crate::terminal::harmless(other)),
            "it is a service that is there, and its name is a part of its design",
        )
        .next(format!("khutulun deploy PATH --name {}", crate::terminal::harmless(other)))),
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

/// The records that a run towards an intention begins with.
pub(crate) struct Beginning {
    /// The revision's number.
    pub(crate) number: u64,
    /// What is recorded.
    pub(crate) said: Said,
    /// What was intended before, where the service is there.
    pub(crate) before: Option<Revision>,
    service: Namespace,
    design: Record,
}

impl Beginning {
    /// Makes out which revision of the service an intention is. `unwinds` says whether a failure leads back.
    pub(crate) fn new(
        session: &Session,
        store: &dyn Store,
        intention: &Intention,
        mut said: Said,
        unwinds: bool,
    ) -> Result<Self, CliError> {
        let service = &intention.namespace;
        let read = || -> Result<_, StoreError> {
            Ok((all(store, service)?.last().map_or(0, |last| last.number), current(store, service)?))
        };
        let (last, before) = read().map_err(|error| session.store_error(error))?;
        let same = before.as_ref().filter(|before| before.said.intends_the_same(&said));
        let number = same.map_or(last + 1, |same| same.number);
        said.unwinding = unwinds.then_some(match (&before, same) {
            (_, Some(_)) => Unwinding::Nowhere,
            (Some(before), None) => Unwinding::To(before.number),
            (None, None) => Unwinding::ToNothing,
        });
        let design = design_record(intention, &said.design)?;
        Ok(Self { number, said, before, service: service.clone(), design })
    }

    /// Returns the records. The design is among them unless the store has it.
    pub(crate) fn records(&self, session: &Session, store: &dyn Store) -> Result<Vec<Record>, CliError> {
        let known =
            LogQuery { stream: Some(self.design.stream.clone()), limit: Some(1), ..LogQuery::default() };
        let is_known = !store.log(&known).map_err(|error| session.store_error(error))?.is_empty();
        let revision = Record {
            stream: names::REVISIONS.to_owned(),
            namespace: self.service.clone(),
            kind: REVISION.to_owned(),
            body: self.said.body(self.number),
        };
        let design = (!is_known).then(|| self.design.clone());
        Ok(design.into_iter().chain([revision]).collect())
    }

    /// Returns the revision as data.
    pub(crate) fn document(&self) -> Json {
        let Said { verb, design, inputs, counts, source, of, .. } = &self.said;
        let inputs: BTreeMap<_, _> = inputs.iter().map(|(name, value)| (name, to_json(value))).collect();
        json!({
            "number": self.number,
            "what": verb.word(),
            "design": design,
            "inputs": inputs,
            "counts": counts,
            "source": source,
            "of": of,
        })
    }

    /// Tells whether nothing else was intended before.
    pub(crate) fn is_known(&self) -> bool {
        self.before.as_ref().is_some_and(|before| before.number == self.number)
    }
}

fn design_record(intention: &Intention, digest: &str) -> Result<Record, CliError> {
    let octets = floria::encode(&intention.design).map_err(|error| {
        CliError::new(Exit::InvalidDesign, "the design cannot be recorded")
            .place(intention.place())
            .cause(&error)
            .next("let its expressions nest less deep, then run the command again")
    })?;
    let file =
        |file: &IntendedFile| Value::map([("path", file.path.as_str()), ("digest", file.digest.as_str())]);
    let files = intention.files.iter().map(file).collect();
    Ok(Record {
        stream: design_stream(digest),
        namespace: intention.namespace.clone(),
        kind: DESIGN.to_owned(),
        body: Value::map([("design", Value::Bytes(octets)), ("files", Value::List(files))]),
    })
}

impl Intention {
    /// Returns what was intended at a revision. Nothing is read but the store.
    pub(crate) fn of_revision(
        session: &Session,
        store: &dyn Store,
        service: &Namespace,
        revision: &Revision,
    ) -> Result<Self, CliError> {
        let digest = &revision.said.design;
        let query = LogQuery { stream: Some(design_stream(digest)), limit: Some(1), ..LogQuery::default() };
        let rows = store.log(&query).map_err(|error| session.store_error(error))?;
        let failed = |why: String, next: &str| {
            CliError::new(
                Exit::Failed,
                format!("found no design of revision {} of `{service}`", revision.number),
            )
            .place(session.root().display().to_string())
            .why(why)
            .next(next)
        };
        let Some(LogEntry::Record(record)) = rows.first().map(|row| &row.entry) else {
            return Err(failed(
                "it was forgotten with the older part of history".to_owned(),
                "khutulun deploy PATH, with the design as it was then",
            ));
        };
        let read = || -> Result<(Design, Vec<IntendedFile>), String> {
            let Some(Value::Bytes(octets)) = record.body.get("design") else {
                return Err("it is not in its record".to_owned());
            };
            let design: Design = floria::decode(octets).map_err(|error| crate::error::chain(&error))?;
            if design.digest() != *digest || design.namespace != *service {
                return Err("it is another than its record says".to_owned());
            }
            let files = record.body.get("files").and_then(Value::as_list).unwrap_or_default();
            let file = |file: &Value| {
                let text = |key: &str| file.get(key).and_then(Value::as_text).map(str::to_owned);
                Some(IntendedFile::kept(text("path")?, text("digest")?))
            };
            let files = files.iter().map(file).collect::<Option<_>>();
            Ok((design, files.ok_or_else(|| "its files are not in its record".to_owned())?))
        };
        let (design, files) = read().map_err(|why| failed(why, "khutulun store verify"))?;
        Ok(Self {
            origin: Origin::Revision(revision.number),
            namespace: service.clone(),
            design,
            files,
            inputs: revision.said.inputs.clone(),
            counts: revision.said.counts.clone(),
            source: revision.said.source.clone(),
        })
    }
}

/// The digests of the drivers that a design names, by name.
fn drivers_of(design: &Design) -> BTreeMap<String, String> {
    let handlers = design.vertexes.iter().map(|vertex| &vertex.handlers);
    let handlers = handlers.chain(design.edges.iter().map(|edge| &edge.handlers));
    let named = handlers
        .flat_map(|handlers: &Handlers| handlers.values())
        .filter_map(|handler| handler.implementation.as_ref());
    drivers(named)
}

/// The digests of the drivers among implementations, by name.
pub(crate) fn drivers<'a>(
    implementations: impl Iterator<Item = &'a Implementation>,
) -> BTreeMap<String, String> {
    let named: BTreeSet<&str> = implementations
        .filter_map(|implementation| match implementation {
            Implementation::Driver(name) => Some(name.as_str()),
            _ => None,
        })
        .collect();
    let known = executors::digests();
    known
        .filter(|(name, _)| named.contains(name))
        .map(|(name, digest)| (name.to_owned(), digest.to_owned()))
        .collect()
}
