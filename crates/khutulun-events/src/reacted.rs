//! What triggers did, as records of the log: what makes a reaction happen at most once.

use std::collections::BTreeMap;

use floria::{EdgeId, Graph, LogEntry, LogQuery, LogRow, Namespace, Record, Site, Store, Value, VertexId};
use khutulun_api::RunId;

use crate::{
    error::EventError,
    event::{Gap, number_of},
    names,
    reaction::{Limit, Reaction, Undecided},
    read::log,
    translate::run_of,
};

/// The stream of what triggers did and of how far events were looked at. It must not be forgotten.
pub const REACTIONS: &str = "reactions";

/// The kinds of its records, each with the event that it is; and of those that say how far events were looked at.
const KINDS: [(&str, &str); 5] = [
    (REACTED, names::POLICY_REACTED),
    (EXHAUSTED, names::POLICY_EXHAUSTED),
    (UNDECIDED, names::POLICY_UNDECIDED),
    (FAILED, names::POLICY_FAILED),
    (MISSED, names::POLICY_MISSED),
];
const REACTED: &str = "reacted";
const EXHAUSTED: &str = "exhausted";
const UNDECIDED: &str = "undecided";
const FAILED: &str = "failed";
const MISSED: &str = "missed";
const LOOKED: &str = "looked";

/// How many rows are read at once.
const ROWS_MAX: usize = 1_000;

/// What is known of a reaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// So many stages began, or had nothing to do; the last one with this run.
    Stages(usize, Option<RunId>),
    /// Nothing more is done.
    Over,
}

/// A record of what a trigger did, as it was read.
pub(crate) struct Reacted {
    pub(crate) service: Namespace,
    pub(crate) cursor: u64,
    pub(crate) time_ms: u64,
    pub(crate) trigger: VertexId,
    pub(crate) targets: Vec<Site>,
    pub(crate) chain: Vec<VertexId>,
    pub(crate) run: Option<RunId>,
    pub(crate) progress: Progress,
    /// Whether something was done.
    pub(crate) counts: bool,
}

/// What the stream holds.
pub(crate) enum Said {
    Reacted(Reacted),
    /// All events up to this one were looked at.
    Looked(u64),
}

/// The record of a stage that begins, or of one with nothing to do.
pub(crate) fn reacted(graph: &Graph, reaction: &Reaction, stage: usize, nothing: bool) -> Record {
    let mut more = vec![("stage", number_of(stage as u64))];
    if nothing {
        more.push(("nothing", true.into()));
    }
    of(graph, reaction, REACTED, more)
}

/// The record of a reaction that cannot be.
pub(crate) fn failed(graph: &Graph, reaction: &Reaction, why: &str) -> Record {
    of(graph, reaction, FAILED, vec![("why", why.into())])
}

/// The record of a reaction that does not happen, because there were too many; or of the targets at which it does not, where it does
/// at others.
pub(crate) fn exhausted(graph: &Graph, reaction: &Reaction, limit: Limit, at_all: bool) -> Record {
    let mut more = vec![("times_max", number_of(limit.times_max)), ("within", number_of(limit.within_ms))];
    if !at_all {
        more.push(("others", true.into()));
    }
    of(graph, reaction, EXHAUSTED, more)
}

/// The record of a condition that cannot be decided.
pub(crate) fn undecided(graph: &Graph, service: &Namespace, cursor: u64, what: &Undecided) -> Record {
    let body = [
        ("cursor", number_of(cursor)),
        ("trigger", number_of(what.trigger.0)),
        ("policy", what.name.as_str().into()),
        ("targets", sites(&[what.target])),
        ("nodes", nodes(graph, &[what.target])),
        ("why", what.why.as_str().into()),
    ];
    record(service.clone(), UNDECIDED, Value::map(body))
}

/// The record of how far events were looked at.
pub(crate) fn looked(cursor: u64) -> Record {
    record(Namespace(String::new()), LOOKED, Value::map([("cursor", number_of(cursor))]))
}

/// The record of rows that were forgotten before triggers saw them: those of one service, or of all, which has no name.
pub(crate) fn missed(service: Namespace, gap: Gap) -> Record {
    record(service, MISSED, Value::map([("from", number_of(gap.from)), ("to", number_of(gap.to))]))
}

fn of(graph: &Graph, reaction: &Reaction, kind: &str, more: Vec<(&str, Value)>) -> Record {
    let chain = reaction.chain.iter().map(|id| number_of(id.0)).collect();
    let body = [
        ("cursor", number_of(reaction.cursor)),
        ("time", number_of(reaction.time_ms)),
        ("event", reaction.event.as_str().into()),
        ("trigger", number_of(reaction.trigger.0)),
        ("policy", reaction.name.as_str().into()),
        ("targets", sites(&reaction.targets)),
        ("nodes", nodes(graph, &reaction.targets)),
        ("chain", Value::List(chain)),
    ];
    record(reaction.service.clone(), kind, Value::map(body.into_iter().chain(more)))
}

fn record(namespace: Namespace, kind: &str, body: Value) -> Record {
    Record { stream: REACTIONS.to_owned(), namespace, kind: kind.to_owned(), body }
}

/// Sites as numbers: those of edges are negative.
fn sites(sites: &[Site]) -> Value {
    let number = |site: &Site| match site {
        Site::Vertex(id) => number_of(id.0),
        Site::Edge(id) => Value::Integer(number_of(id.0).as_integer().map_or(i64::MIN, |id| -id)),
    };
    Value::List(sites.iter().map(number).collect())
}

fn sites_of(value: Option<&Value>) -> Vec<Site> {
    let numbers = value.and_then(Value::as_list).into_iter().flatten().filter_map(Value::as_integer);
    numbers
        .map(|number| match number < 0 {
            true => Site::Edge(EdgeId(number.unsigned_abs())),
            false => Site::Vertex(VertexId(number.unsigned_abs())),
        })
        .collect()
}

fn nodes(graph: &Graph, sites: &[Site]) -> Value {
    let path = |site: &Site| match site {
        Site::Vertex(id) => Value::from(graph.path_of(*id)),
        Site::Edge(id) => {
            Value::from(graph.edge(*id).map(|edge| graph.path_of(edge.source)).unwrap_or_default())
        }
    };
    Value::List(sites.iter().map(path).collect())
}

/// What a record tells as an event.
pub(crate) struct Told {
    pub(crate) name: &'static str,
    pub(crate) site: Option<Site>,
    pub(crate) node: String,
    pub(crate) data: BTreeMap<String, Value>,
}

/// Returns what a record tells as an event. None: it tells none.
pub(crate) fn told(record: &Record) -> Option<Told> {
    let (_, name) = KINDS.iter().find(|(kind, _)| record.kind == *kind)?;
    let body = &record.body;
    let targets = sites_of(body.get("targets"));
    let site = if let [site] = targets[..] { Some(site) } else { None };
    let nodes = body.get("nodes").and_then(Value::as_list);
    let node = match (site, nodes) {
        (Some(_), Some([node])) => node.as_text().unwrap_or_default().to_owned(),
        _ => String::new(),
    };
    let mut data = BTreeMap::new();
    for key in ["policy", "event", "why", "times_max", "within", "stage", "nothing", "from", "to"] {
        data.extend(body.get(key).map(|value| (key.to_owned(), value.clone())));
    }
    data.extend(body.get("cursor").map(|cursor| ("of".to_owned(), cursor.clone())));
    if let Some(nodes) = nodes.filter(|_| site.is_none()) {
        data.insert("nodes".to_owned(), Value::List(nodes.to_vec()));
    }
    Some(Told { name, site, node, data })
}

/// Reads what the stream holds after a cursor, of one service or of all, in order, in pages.
pub(crate) fn read_after(
    store: &dyn Store,
    service: Option<&Namespace>,
    after: u64,
    mut take: impl FnMut(Said),
) -> Result<(), EventError> {
    let mut query = LogQuery {
        stream: Some(REACTIONS.to_owned()),
        namespace: service.cloned(),
        after,
        limit: Some(ROWS_MAX),
        ..LogQuery::default()
    };
    loop {
        let rows = log(store, &query)?;
        rows.iter().filter_map(said).for_each(&mut take);
        match rows.last() {
            Some(last) if rows.len() == ROWS_MAX => query.after = last.sequence,
            _ => return Ok(()),
        }
    }
}

fn said(row: &LogRow) -> Option<Said> {
    let LogEntry::Record(record) = &row.entry else { return None };
    let body = &record.body;
    let number = |key: &str| body.get(key)?.as_integer().and_then(|number| u64::try_from(number).ok());
    let cursor = number("cursor")?;
    if record.kind == LOOKED {
        return Some(Said::Looked(cursor));
    }
    let run = run_of(row);
    let progress = match record.kind.as_str() {
        REACTED => Progress::Stages(usize::try_from(number("stage")?).ok()? + 1, run),
        EXHAUSTED if body.get("others").is_some() => return None,
        EXHAUSTED | FAILED => Progress::Over,
        // It is asked again, should the same event be looked at again.
        _ => return None,
    };
    let chain = body.get("chain").and_then(Value::as_list).unwrap_or_default();
    Some(Said::Reacted(Reacted {
        service: record.namespace.clone(),
        cursor,
        time_ms: number("time").unwrap_or(row.time_ms),
        trigger: VertexId(number("trigger")?),
        targets: sites_of(body.get("targets")),
        chain: chain.iter().filter_map(|id| id.as_integer()?.try_into().ok().map(VertexId)).collect(),
        run,
        progress,
        counts: record.kind == REACTED && number("stage") == Some(0) && body.get("nothing").is_none(),
    }))
}
