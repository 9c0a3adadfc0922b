//! What rows of the log mean as events.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use floria::{
    Change, EdgeId, Entity, EntityKey, LogEntry, LogQuery, LogRow, Namespace, Record, Site, Store, Value,
    Vertex, VertexId,
};
use khutulun_api::{RunId, names as words};
use khutulun_engine::{RUNS, stream_of};
use khutulun_plan::Plan;

use crate::{
    error::EventError,
    event::{Event, number_of},
    names,
    reacted::{REACTIONS, Told, told},
    read::log,
};

/// How many runs' operations are remembered: those that are at work at once, and few, since each holds one entry a step.
const RUNS_MAX: usize = 16;

/// How many nodes' states and containers are remembered; of more, some are looked up again.
const NODES_MAX: usize = 50_000;

/// How many rows about one node are read at once when its former state is looked for.
const HISTORY_ROWS_MAX: usize = 200;

/// Makes events of rows that come in order.
#[derive(Default)]
pub(crate) struct Translator {
    runs: HashMap<RunId, Arc<Vec<Operated>>>,
    /// What was last said of each node.
    states: HashMap<VertexId, Said>,
    /// The path of what is in each vertex, with `/` at its end.
    containers: HashMap<VertexId, String>,
    /// Services whose policies may be others since somebody asked.
    policies: BTreeSet<Namespace>,
}

/// A step of a run.
struct Operated {
    node: String,
    event: String,
    site: Site,
    runs_code: bool,
}

/// The states of a node that are told.
#[derive(Clone, Default, PartialEq, Eq)]
struct Said {
    lifecycle: Option<String>,
    observed: Option<String>,
}

impl Said {
    fn by(vertex: &Vertex) -> Self {
        let text = |value: &Value| value.as_text().map(str::to_owned);
        Self {
            lifecycle: vertex.metadata.get(words::STATE).and_then(text),
            observed: vertex.metadata.get(words::OBSERVED).and_then(|seen| seen.get("state")).and_then(text),
        }
    }
}

impl Translator {
    /// Forgets what it knows of nodes: the next row does not follow the last one.
    pub(crate) fn forget_states(&mut self) {
        self.states.clear();
    }

    /// Returns the services whose triggers may be others since this was last asked.
    pub(crate) fn changed_policies(&mut self) -> BTreeSet<Namespace> {
        std::mem::take(&mut self.policies)
    }

    /// Returns the event that a row is, if it is one.
    pub(crate) fn event(&mut self, store: &dyn Store, row: &LogRow) -> Result<Option<Event>, EventError> {
        match &row.entry {
            LogEntry::Change(Change::Put(Entity::Vertex(vertex)))
                if vertex.metadata.contains_key(words::NODE) =>
            {
                self.of_node(store, row, vertex)
            }
            LogEntry::Change(Change::Put(Entity::Vertex(vertex)))
                if vertex.metadata.contains_key(words::TRIGGER) =>
            {
                self.policies.insert(vertex.namespace.clone());
                Ok(None)
            }
            LogEntry::Change(Change::Delete(EntityKey::Vertex(id))) => {
                self.states.remove(id);
                Ok(None)
            }
            LogEntry::Change(_) => Ok(None),
            LogEntry::Record(record) => self.of_record(store, row, record),
        }
    }

    fn of_record(
        &mut self,
        store: &dyn Store,
        row: &LogRow,
        record: &Record,
    ) -> Result<Option<Event>, EventError> {
        let event = |name: &str, data: BTreeMap<String, Value>| Event {
            cursor: row.sequence,
            time_ms: row.time_ms,
            service: record.namespace.clone(),
            site: None,
            node: String::new(),
            name: name.to_owned(),
            data,
            author: row.author.as_ref().map(|author| author.name.clone()),
            run: run_of(row),
        };
        if record.stream == words::EVENTS {
            let body = &record.body;
            let id = |key: &str| body.get(key)?.as_integer()?.try_into().ok();
            let site = id("vertex").map(|id| Site::Vertex(VertexId(id)));
            return Ok(Some(Event {
                site: site.or_else(|| id("edge").map(|id| Site::Edge(EdgeId(id)))),
                node: body.get("node").and_then(Value::as_text).unwrap_or_default().to_owned(),
                ..event(&record.kind, entries(body.get("data")))
            }));
        }
        if record.stream == REACTIONS {
            let event =
                |told: Told| Event { site: told.site, node: told.node, ..event(told.name, told.data) };
            return Ok(told(record).map(event));
        }
        if record.stream == RUNS {
            let name = match record.kind.as_str() {
                "begin" => names::RUN_BEGAN,
                "resume" => names::RUN_RESUMED,
                "end" => names::RUN_ENDED,
                _ => return Ok(None),
            };
            return Ok(Some(event(name, entries(Some(&record.body)))));
        }
        let Some(run) = run_in(&record.stream).filter(|_| record.kind == "outcome") else { return Ok(None) };
        let mut data = entries(Some(&record.body));
        data.retain(|name, _| ["step", "attempt", "result", "class", "message"].contains(&name.as_str()));
        data.insert("run".to_owned(), number_of(run.0));
        let step = data.get("step").and_then(Value::as_integer).and_then(|step| usize::try_from(step).ok());
        let operations = self.operations(store, run)?;
        let operated = step.and_then(|step| operations.get(step));
        let is_skipped = data.get("result").and_then(Value::as_text) == Some("skipped");
        if is_skipped || operated.is_some_and(|operated| !operated.runs_code) {
            return Ok(None);
        }
        if let Some(operated) = operated {
            data.insert("event".to_owned(), operated.event.as_str().into());
        }
        Ok(Some(Event {
            site: operated.map(|operated| operated.site),
            node: operated.map(|operated| operated.node.clone()).unwrap_or_default(),
            ..event(names::OPERATION_ENDED, data)
        }))
    }

    /// What the steps of a run are about; nothing where its beginning is no longer there.
    fn operations(&mut self, store: &dyn Store, run: RunId) -> Result<Arc<Vec<Operated>>, EventError> {
        if let Some(known) = self.runs.get(&run) {
            return Ok(Arc::clone(known));
        }
        let query = LogQuery { stream: Some(stream_of(run)), limit: Some(1), ..LogQuery::default() };
        let rows = log(store, &query)?;
        let begun = rows.first().and_then(|row| match &row.entry {
            LogEntry::Record(record) => record.body.get("plan"),
            LogEntry::Change(_) => None,
        });
        let plan = match begun {
            Some(Value::Bytes(octets)) => floria::unpack::<Plan>(octets).ok(),
            _ => None,
        };
        let operations = Arc::new(plan.as_ref().map(operated).unwrap_or_default());
        if self.runs.len() >= RUNS_MAX {
            self.runs.clear();
        }
        self.runs.insert(run, Arc::clone(&operations));
        Ok(operations)
    }

    fn of_node(
        &mut self,
        store: &dyn Store,
        row: &LogRow,
        vertex: &Vertex,
    ) -> Result<Option<Event>, EventError> {
        let now = Said::by(vertex);
        let was = match self.states.get(&vertex.id) {
            Some(said) => Some(said.clone()),
            None => former(store, vertex.id, row.sequence)?,
        };
        if self.states.len() >= NODES_MAX {
            self.states.clear();
        }
        self.states.insert(vertex.id, now.clone());
        let is_known = was.is_some();
        let was = was.unwrap_or_default();
        // One row is one event: where a look at reality also changes how far the lifecycle is, that is what counts.
        let (name, from, to) = if now.lifecycle != was.lifecycle {
            (names::NODE_STATE, was.lifecycle, now.lifecycle)
        } else if now.observed != was.observed {
            (names::NODE_OBSERVED, was.observed, now.observed)
        } else {
            return Ok(None);
        };
        let to = to.unwrap_or_else(|| words::LIFECYCLE_STATES[0].to_owned());
        let mut data = BTreeMap::from([("to".to_owned(), Value::from(to))]);
        data.extend(from.filter(|_| is_known).map(|from| ("from".to_owned(), Value::from(from))));
        Ok(Some(Event {
            cursor: row.sequence,
            time_ms: row.time_ms,
            service: vertex.namespace.clone(),
            site: Some(Site::Vertex(vertex.id)),
            node: self.path(store, vertex)?,
            name: name.to_owned(),
            data,
            author: row.author.as_ref().map(|author| author.name.clone()),
            run: run_of(row),
        }))
    }

    /// The names from just below the service down to a node.
    fn path(&mut self, store: &dyn Store, vertex: &Vertex) -> Result<String, EventError> {
        let Some(container) = vertex.container else { return Ok(vertex.name.clone()) };
        if !self.containers.contains_key(&container) {
            let prefix = match first(store, container)? {
                // What is not in anything is the service, which is in no path.
                Some(around) if around.container.is_some() => format!("{}/", self.path(store, &around)?),
                _ => String::new(),
            };
            if self.containers.len() >= NODES_MAX {
                self.containers.clear();
            }
            self.containers.insert(container, prefix);
        }
        Ok(format!("{}{}", self.containers.get(&container).map_or("", String::as_str), vertex.name))
    }
}

fn entries(value: Option<&Value>) -> BTreeMap<String, Value> {
    let entries = value.and_then(Value::as_map).into_iter().flatten();
    entries.filter_map(|(name, value)| Some((name.as_text()?.to_owned(), value.clone()))).collect()
}

/// The run that a row is a part of.
pub(crate) fn run_of(row: &LogRow) -> Option<RunId> {
    run_in(row.author.as_ref()?.stream.as_ref()?)
}

fn run_in(stream: &str) -> Option<RunId> {
    stream.strip_prefix("run/")?.parse().ok().map(RunId)
}

fn operated(plan: &Plan) -> Vec<Operated> {
    // Only names with a dot differ from their paths: see `Plan::path_of`.
    let mut paths: HashMap<&str, &str> = HashMap::new();
    plan.steps
        .iter()
        .map(|step| {
            let node = step.subject.node.as_str();
            let path = paths.entry(node).or_insert_with(|| plan.path_of(node));
            Operated {
                node: (*path).to_owned(),
                event: step.event.clone(),
                site: step.subject.site(),
                runs_code: step.implementation.is_some(),
            }
        })
        .collect()
}

/// What was said of a node just before a row. None: nothing was there before that is still known.
fn former(store: &dyn Store, id: VertexId, before: u64) -> Result<Option<Said>, EventError> {
    let mut said = None;
    let mut query = LogQuery {
        entity: Some(EntityKey::Vertex(id)),
        limit: Some(HISTORY_ROWS_MAX),
        ..LogQuery::default()
    };
    loop {
        let rows = log(store, &query)?;
        for row in rows.iter().take_while(|row| row.sequence < before) {
            said = match &row.entry {
                LogEntry::Change(Change::Put(Entity::Vertex(vertex))) => Some(Said::by(vertex)),
                _ => None,
            };
        }
        match rows.last() {
            Some(last) if rows.len() == HISTORY_ROWS_MAX && last.sequence < before => {
                query.after = last.sequence;
            }
            _ => return Ok(said),
        }
    }
}

/// A vertex as it is first known. What contains it never changes.
fn first(store: &dyn Store, id: VertexId) -> Result<Option<Vertex>, EventError> {
    let query = LogQuery { entity: Some(EntityKey::Vertex(id)), limit: Some(1), ..LogQuery::default() };
    Ok(log(store, &query)?.into_iter().find_map(|row| match row.entry {
        LogEntry::Change(Change::Put(Entity::Vertex(vertex))) => Some(vertex),
        _ => None,
    }))
}
