//! `khutulun history`: the runs of services, and the revisions that they led to.

use std::collections::BTreeMap;

use floria::{LogEntry, LogQuery, Namespace, Store, StoreError, Value};
use floria_sqlite::SqliteStore;
use khutulun_api::RunId;
use khutulun_engine::{RUNS, RunSummary};
use serde_json::{Value as Json, json};

use crate::{
    answer::{self, Answer, Cell, Table, to_json},
    cli::HistoryArguments,
    error::CliError,
    exit::Exit,
    history, plan_view,
    revision::{self, Revision, Said},
    session::Session,
    terminal::{Style, harmless},
    time, unwinding,
};

/// How many changed inputs and counts are named to people; data has all.
const CHANGED_MAX: usize = 3;

/// The histories of services.
struct Histories(Vec<History>);

/// What was done to a service.
struct History {
    service: Namespace,
    entries: Vec<Entry>,
}

/// One run, or one revision for which nothing had to be done.
struct Entry {
    run: Option<RunId>,
    revision: Option<u64>,
    began_ms: u64,
    ended_ms: Option<u64>,
    author: Option<String>,
    what: String,
    workflow: Option<String>,
    /// None: it has not ended.
    result: Option<String>,
    changed: Option<Changed>,
    of: Option<u64>,
    unwinds: Option<RunId>,
}

/// What a revision has that the one before it had not.
struct Changed {
    /// There was none before.
    is_first: bool,
    design: bool,
    inputs: BTreeMap<String, (Option<Value>, Option<Value>)>,
    counts: BTreeMap<String, (Option<u64>, Option<u64>)>,
}

impl Changed {
    fn between(before: Option<&Said>, after: &Said) -> Self {
        let Some(before) = before else {
            return Self { is_first: true, design: true, inputs: BTreeMap::new(), counts: BTreeMap::new() };
        };
        Self {
            is_first: false,
            design: before.design != after.design,
            inputs: differing(&before.inputs, &after.inputs),
            counts: differing(&before.counts, &after.counts),
        }
    }

    /// In a few words.
    fn words(&self) -> String {
        if self.is_first {
            return "new".to_owned();
        }
        let value =
            |value: &Option<Value>| value.as_ref().map_or_else(|| "(default)".to_owned(), plan_view::shown);
        let count =
            |count: &Option<u64>| count.map_or_else(|| "(its own)".to_owned(), |count| count.to_string());
        let inputs =
            self.inputs.iter().map(|(name, (from, to))| format!("{name}: {} -> {}", value(from), value(to)));
        let counts = self
            .counts
            .iter()
            .map(|(path, (from, to))| format!("count of {path}: {} -> {}", count(from), count(to)));
        let mut words: Vec<String> = inputs.chain(counts).collect();
        if words.len() > CHANGED_MAX {
            let more = words.len() - CHANGED_MAX;
            words.truncate(CHANGED_MAX);
            words.push(format!("{more} more"));
        }
        if self.design {
            words.insert(0, "the design".to_owned());
        }
        words.join(", ")
    }

    fn document(&self) -> Json {
        let value = |value: &Option<Value>| value.as_ref().map(to_json);
        let inputs = self
            .inputs
            .iter()
            .map(|(name, (from, to))| (name, json!({ "from": value(from), "to": value(to) })));
        let counts = self.counts.iter().map(|(path, (from, to))| (path, json!({ "from": from, "to": to })));
        json!({
            "design": self.design,
            "inputs": inputs.collect::<BTreeMap<_, _>>(),
            "counts": counts.collect::<BTreeMap<_, _>>(),
        })
    }
}

/// What differs between two maps, by name.
pub(super) fn differing<V: Clone + PartialEq>(
    before: &BTreeMap<String, V>,
    after: &BTreeMap<String, V>,
) -> BTreeMap<String, (Option<V>, Option<V>)> {
    let names = before.keys().chain(after.keys());
    names
        .filter(|name| before.get(*name) != after.get(*name))
        .map(|name| (name.clone(), (before.get(name).cloned(), after.get(name).cloned())))
        .collect()
}

impl Entry {
    /// What it was for, for people.
    fn title(&self) -> String {
        let workflow = self.workflow.as_ref().map(|workflow| format!(" {}", harmless(workflow)));
        self.what.clone() + &workflow.unwrap_or_default()
    }

    fn document(&self, service: &Namespace) -> Json {
        json!({
            "schema": "khutulun.history-entry/1",
            "service": service.0,
            "run": self.run.map(|run| run.0),
            "revision": self.revision,
            "began": time::rfc3339(self.began_ms),
            "ended": self.ended_ms.map(time::rfc3339),
            "author": self.author,
            "what": self.what,
            "workflow": self.workflow,
            "result": self.result,
            "changed": self.changed.as_ref().map(Changed::document),
            "of": self.of,
            "unwinds": self.unwinds.map(|run| run.0),
        })
    }

    fn changed(&self) -> String {
        let mut words = Vec::new();
        words.extend(self.of.map(|of| format!("back to revision {of}")));
        words.extend(self.unwinds.map(|run| format!("unwinds run {run}")));
        words.extend(self.changed.as_ref().map(Changed::words).filter(|changed| !changed.is_empty()));
        words.join("; ")
    }
}

impl Answer for Histories {
    fn document(&self) -> Json {
        json!({ "schema": "khutulun.history/1", "entries": self.items() })
    }

    fn items(&self) -> Vec<Json> {
        let of = |history: &History| {
            history.entries.iter().map(|entry| entry.document(&history.service)).collect::<Vec<_>>()
        };
        self.0.iter().flat_map(of).collect()
    }

    fn text(&self, style: Style) -> String {
        let now = time::now_ms();
        let mut text = String::new();
        for History { service, entries } in &self.0 {
            if self.0.len() > 1 {
                text.push_str(&format!("{}\n", style.bold(&harmless(&service.0))));
            }
            let mut table = Table::new(&["REVISION", "RUN", "WHEN", "WHO", "WHAT", "RESULT", "CHANGED"]);
            for entry in entries {
                let number =
                    |number: Option<u64>| number.map_or_else(|| "-".to_owned(), |number| number.to_string());
                let result = entry.result.as_deref().unwrap_or("unfinished");
                let result = Cell::styled(result, |text| match text {
                    "succeeded" => style.green(text),
                    "failed" => style.red(text),
                    "nothing to do" => style.dim(text),
                    _ => style.yellow(text),
                });
                table.row(vec![
                    number(entry.revision).into(),
                    number(entry.run.map(|run| run.0)).into(),
                    time::ago(entry.began_ms, now).into(),
                    entry.author.clone().unwrap_or_else(|| "-".to_owned()).into(),
                    entry.title().into(),
                    result,
                    entry.changed().into(),
                ]);
            }
            text.push_str(&style.cut(&table.render(style)));
        }
        if text.is_empty() { "Nothing was done yet.\n".to_owned() } else { text }
    }
}

pub(crate) fn run(arguments: &HistoryArguments, session: &Session) -> Result<Exit, CliError> {
    let store = session.reader()?.ok_or_else(|| session.nothing_deployed())?;
    let authors = authors(&store).map_err(|error| session.store_error(error))?;
    let services: Vec<Namespace> = match &arguments.service {
        Some(name) if authors.keys().any(|(service, _)| service.0 == *name) => vec![Namespace(name.clone())],
        Some(name) => {
            return session.service(&store, Some(name)).and_then(|service| {
                // It was imported: there is such a service, and nothing was ever done to it.
                answer::give(&Histories(vec![History { service, entries: Vec::new() }]), session.format)?;
                Ok(Exit::Success)
            });
        }
        None => {
            let mut services: Vec<Namespace> = authors.keys().map(|(service, _)| service.clone()).collect();
            services.dedup();
            services
        }
    };
    let histories = services.into_iter().map(|service| {
        let runs = history::all(session, &store, &service)?;
        let revisions = revision::all(&store, &service).map_err(|error| session.store_error(error))?;
        let mut entries = entries(&service, runs, &revisions, &authors);
        // What takes away what a failed run made leads to no revision.
        for entry in entries.iter_mut().filter(|entry| entry.revision.is_none() && entry.what == "destroy") {
            let recorded = entry.run.map(|run| unwinding::recorded(&store, &service, run)).transpose();
            entry.unwinds = recorded.map_err(|error| session.store_error(error))?.and_then(|one| one.unwinds);
        }
        Ok(History { entries, service })
    });
    let histories = Histories(histories.collect::<Result<_, CliError>>()?);
    session.progress.settle();
    answer::give(&histories, session.format)?;
    Ok(Exit::Success)
}

/// Who began each run, by its service and number.
type Authors = BTreeMap<(Namespace, Option<u64>), Option<String>>;

fn authors(store: &SqliteStore) -> Result<Authors, StoreError> {
    let query = LogQuery { stream: Some(RUNS.to_owned()), ..LogQuery::default() };
    let rows = store.log(&query)?;
    let of = |row: floria::LogRow| match row.entry {
        LogEntry::Record(record) if record.kind == "begin" => {
            let run = record.body.get("run").and_then(Value::as_integer);
            let run = run.and_then(|run| u64::try_from(run).ok());
            Some(((record.namespace, run), row.author.map(|author| author.name)))
        }
        _ => None,
    };
    Ok(rows.into_iter().filter_map(of).collect())
}

fn entries(
    service: &Namespace,
    runs: Vec<RunSummary>,
    revisions: &[Revision],
    authors: &Authors,
) -> Vec<Entry> {
    let mut entries = Vec::new();
    for run in runs {
        let place = revisions.iter().position(|revision| revision.run == Some(run.run));
        let author = authors.get(&(service.clone(), Some(run.run.0))).cloned().flatten();
        let of_revision = place.map(|place| with_revision(revisions, place));
        let base = Entry {
            run: Some(run.run),
            revision: None,
            began_ms: run.began_ms,
            ended_ms: run.ended_ms,
            author,
            workflow: run.workflow,
            what: run.goal,
            result: run.result,
            changed: None,
            of: None,
            unwinds: None,
        };
        entries.push(match of_revision {
            Some(Entry { revision, what, changed, of, unwinds, .. }) => {
                Entry { revision, what, changed, of, unwinds, ..base }
            }
            None => base,
        });
    }
    let without_run = (0..revisions.len()).filter(|place| revisions[*place].run.is_none());
    entries.extend(without_run.map(|place| with_revision(revisions, place)));
    entries.sort_by_key(|entry| entry.began_ms);
    entries
}

fn with_revision(revisions: &[Revision], place: usize) -> Entry {
    let revision = &revisions[place];
    let before = place.checked_sub(1).map(|before| &revisions[before].said);
    Entry {
        run: revision.run,
        revision: Some(revision.number),
        began_ms: revision.time_ms,
        ended_ms: Some(revision.time_ms),
        author: revision.author.clone(),
        what: revision.said.verb.word().to_owned(),
        workflow: None,
        result: Some("nothing to do".to_owned()),
        changed: Some(Changed::between(before, &revision.said)),
        of: revision.said.of,
        unwinds: revision.said.unwinds,
    }
}
