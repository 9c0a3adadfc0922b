//! The revisions of services: what was intended at each run that deployed, recorded with the run's beginning.
//!
//! Whoever goes on from a revision (`update`, `scale`, `rollback`, `diff`) needs nothing else: the design is in the log, and the
//! files that it refers to are in the state directory, both by digest.

mod beginning;
mod lookup;

use std::collections::{BTreeMap, BTreeSet};

use floria::{Design, Handlers, Implementation, LogEntry, LogRow, Value};
use floria_resolver::Counts;
use khutulun_api::RunId;

use crate::{executors, intention::Intention};

pub(crate) use beginning::Beginning;
pub(crate) use lookup::{all, current, find, given_anew, present, service, service_of_path, streams};

/// The kind of the records in the stream of revisions.
const REVISION: &str = "revision";

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
    /// What files say, of which a part was there already.
    Adopt,
}

impl Verb {
    const ALL: [Self; 6] =
        [Self::Deploy, Self::Update, Self::Scale, Self::Rollback, Self::Unwind, Self::Adopt];

    /// Returns the word for it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Deploy => "deploy",
            Self::Update => "update",
            Self::Scale => "scale",
            Self::Rollback => "rollback",
            Self::Unwind => "unwind",
            Self::Adopt => "adopt",
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

/// The kind of the records in the stream of a design.
const DESIGN: &str = "design";

/// Returns the stream of a design.
fn design_stream(digest: &str) -> String {
    format!("{DESIGN}/{digest}")
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
