//! The journal of a run: its records, and what they add up to.

use std::{collections::BTreeMap, sync::Arc};

use floria::{LogEntry, LogQuery, LogRow, Namespace, Record, Revision, Store, StoreError, Value};
use khutulun_api::{Failure, FailureClass, Outcome, RunId};
use khutulun_plan::{Plan, Step};

use crate::{
    error::EngineError,
    report::StepEnd,
    scheduler::Known,
    values::{number, unsigned},
};

/// The stream that tells of the beginnings and ends of all runs.
pub const RUNS: &str = "runs";

/// How many revisions back the last record of a service's runs is looked for first: a run at work has written it not long ago.
const UNFINISHED_DISTANCE_FIRST: u64 = 16;

/// How much farther back it is looked for each time.
const UNFINISHED_DISTANCE_GROWS: u64 = 16;

/// How a run ended, as its journal has it: the words of [`crate::RunResult`], and this one.
pub const SUPERSEDED: &str = "superseded";

/// Returns the stream of a run's journal.
pub fn stream_of(run: RunId) -> String {
    format!("run/{run}")
}

/// Makes the records of one run.
pub(crate) struct Journal {
    pub(crate) run: RunId,
    pub(crate) namespace: Namespace,
}

impl Journal {
    fn record(&self, kind: &str, body: Value) -> Record {
        Record { stream: stream_of(self.run), namespace: self.namespace.clone(), kind: kind.to_owned(), body }
    }

    fn listed(&self, kind: &str, entries: Vec<(&str, Value)>) -> Record {
        let body = Value::map([("run", number(self.run.0))].into_iter().chain(entries));
        Record { stream: RUNS.to_owned(), namespace: self.namespace.clone(), kind: kind.to_owned(), body }
    }

    /// The run begins: the plan is in it, but for what it changes at once, which is committed beside it.
    pub(crate) fn begin(&self, plan: &Plan, epoch: u64) -> Result<Vec<Record>, EngineError> {
        let octets = floria::pack(&plan.without_prepared()).map_err(EngineError::Plan)?;
        let body = Value::map([("plan", Value::Bytes(octets)), ("epoch", number(epoch))]);
        let operations = number(plan.operations().count() as u64);
        let mut listed = vec![("goal", Value::from(plan.goal.word())), ("operations", operations)];
        listed.extend(plan.workflow.as_deref().map(|workflow| ("workflow", Value::from(workflow))));
        Ok(vec![self.record("begin", body), self.listed("begin", listed)])
    }

    /// The run goes on, under another epoch.
    pub(crate) fn resume(&self, epoch: u64) -> Vec<Record> {
        vec![self.record("resume", Value::map([("epoch", number(epoch))])), self.listed("resume", vec![])]
    }

    pub(crate) fn intent(&self, step: u32, attempt: u32, inputs: &BTreeMap<String, Value>) -> Record {
        let inputs = Value::map(inputs.iter().map(|(name, value)| (name.clone(), value.clone())));
        let body = [("step", number(step.into())), ("attempt", number(attempt.into())), ("inputs", inputs)];
        self.record("intent", Value::map(body))
    }

    /// An intent is taken back: it was never executed.
    pub(crate) fn withdrawn(&self, step: u32, attempt: u32) -> Record {
        self.record(
            "withdrawn",
            Value::map([("step", number(step.into())), ("attempt", number(attempt.into()))]),
        )
    }

    pub(crate) fn outcome(&self, step: u32, attempt: u32, outcome: &Outcome, caught: bool) -> Record {
        let mut body = vec![("step", number(step.into())), ("attempt", number(attempt.into()))];
        match outcome {
            Outcome::Succeeded(outputs) => {
                let outputs = Value::map(outputs.iter().map(|(name, value)| (name.clone(), value.clone())));
                body.extend([("result", Value::from("succeeded")), ("outputs", outputs)]);
            }
            Outcome::Failed(Failure { class, message, detail }) => body.extend([
                ("result", Value::from("failed")),
                ("class", Value::from(class_word(*class))),
                ("message", Value::from(message.as_str())),
                ("detail", Value::from(detail.as_str())),
            ]),
        }
        if caught {
            body.push(("caught", Value::from(true)));
        }
        self.record("outcome", Value::map(body))
    }

    /// The conditions of a step do not hold.
    pub(crate) fn skipped(&self, step: u32) -> Record {
        let body =
            [("step", number(step.into())), ("attempt", number(1)), ("result", Value::from("skipped"))];
        self.record("outcome", Value::map(body))
    }

    pub(crate) fn end(&self, result: &str) -> Vec<Record> {
        let result = || ("result", Value::from(result));
        vec![self.record("end", Value::map([result()])), self.listed("end", vec![result()])]
    }
}

const CLASSES: [(FailureClass, &str); 5] = [
    (FailureClass::Transient, "transient"),
    (FailureClass::Permanent, "permanent"),
    (FailureClass::NeedsOperator, "needs-operator"),
    (FailureClass::UnknownOutcome, "unknown-outcome"),
    (FailureClass::Denied, "denied"),
];

fn class_word(class: FailureClass) -> &'static str {
    CLASSES.iter().find(|(known, _)| *known == class).map_or("permanent", |(_, word)| word)
}

/// What the journal says of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepState {
    /// The last attempt, from 1; 0 when there was none.
    pub attempt: u32,
    /// The inputs of the last attempt.
    pub inputs: BTreeMap<String, Value>,
    /// How far it came.
    pub end: StepEnd,
}

impl StepState {
    /// Tells whether nobody knows what became of it: it has an intent without an outcome, or an outcome that says so.
    pub fn in_flight(&self) -> bool {
        match &self.end {
            StepEnd::InFlight => true,
            StepEnd::Failed(failure) => failure.class == FailureClass::UnknownOutcome,
            StepEnd::NotStarted | StepEnd::Skipped | StepEnd::Caught(_) | StepEnd::Succeeded => false,
        }
    }

    /// Tells whether nothing more happens to it, also when the run is resumed.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.end, StepEnd::Succeeded | StepEnd::Caught(_) | StepEnd::Skipped)
    }

    pub(crate) fn known(&self) -> Known {
        match &self.end {
            _ if self.in_flight() => Known::InFlight { attempt: self.attempt },
            StepEnd::Succeeded => Known::Succeeded,
            StepEnd::Failed(_) => Known::Failed { attempt: self.attempt },
            StepEnd::Caught(_) => Known::Caught,
            StepEnd::Skipped => Known::Skipped,
            // An attempt that was taken back is not used again.
            StepEnd::NotStarted if self.attempt > 0 => Known::Failed { attempt: self.attempt },
            StepEnd::NotStarted | StepEnd::InFlight => Known::Untouched,
        }
    }
}

/// What a run's journal adds up to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunState {
    /// The run.
    pub run: RunId,
    /// What it does. What it changed at once is not in it.
    pub plan: Arc<Plan>,
    /// How often it was taken up, from 1.
    pub epoch: u64,
    /// What is known of each step, in the plan's order.
    pub steps: Vec<StepState>,
    /// How it ended, in a word. None: it has not.
    pub end: Option<String>,
}

impl RunState {
    /// Reads a run's journal.
    ///
    /// # Errors
    ///
    /// When the store cannot be read, there is no such run, or its journal is damaged.
    pub fn read(store: &dyn Store, run: RunId) -> Result<Self, EngineError> {
        let query = LogQuery { stream: Some(stream_of(run)), ..LogQuery::default() };
        let rows = store.log(&query).map_err(EngineError::store("read the journal"))?;
        Self::fold(run, &rows)?.ok_or(EngineError::NoSuchRun(run))
    }

    /// Adds up the rows of a run's journal. None: there are none.
    ///
    /// # Errors
    ///
    /// When the rows make no sense together.
    pub fn fold(run: RunId, rows: &[LogRow]) -> Result<Option<Self>, EngineError> {
        let mut state: Option<Self> = None;
        for row in rows {
            let damaged =
                |why: &str| EngineError::Damaged { run, sequence: row.sequence, why: why.to_owned() };
            let LogEntry::Record(record) = &row.entry else { continue };
            match (&mut state, record.kind.as_str()) {
                (None, "begin") => state = Some(Self::begun(run, &record.body).map_err(|why| damaged(&why))?),
                (None, _) => return Err(damaged("it does not begin with its plan")),
                (Some(state), kind) => state.take(kind, &record.body).map_err(damaged)?,
            }
        }
        Ok(state)
    }

    fn begun(run: RunId, body: &Value) -> Result<Self, String> {
        let Some(Value::Bytes(octets)) = body.get("plan") else {
            return Err("the plan is missing".to_owned());
        };
        let plan: Plan =
            floria::unpack(octets).map_err(|error| format!("the plan cannot be read: {error}"))?;
        if !plan.is_in_order() {
            return Err("the plan's steps are not in order".to_owned());
        }
        let epoch = unsigned(body, "epoch").ok_or("the epoch is missing")?;
        Ok(Self::begun_now(run, Arc::new(plan), epoch))
    }

    /// Makes the state of a run that has just begun.
    pub(crate) fn begun_now(run: RunId, plan: Arc<Plan>, epoch: u64) -> Self {
        let untouched = StepState { attempt: 0, inputs: BTreeMap::new(), end: StepEnd::NotStarted };
        let steps = vec![untouched; plan.steps.len()];
        Self { run, plan, epoch, steps, end: None }
    }

    fn take(&mut self, kind: &str, body: &Value) -> Result<(), &'static str> {
        match kind {
            "resume" => {
                self.epoch = unsigned(body, "epoch").ok_or("the epoch is missing")?;
                self.end = None;
            }
            "end" => {
                let result = body.get("result").and_then(Value::as_text).ok_or("the result is missing")?;
                self.end = Some(result.to_owned());
            }
            "intent" | "withdrawn" | "outcome" if self.end.is_some() => {
                return Err("something happened after its end");
            }
            "intent" => {
                let (step, attempt, planned) = self.step(body)?;
                if planned.implementation.is_none() {
                    return Err("an intent of a step without code");
                }
                if step.is_over() || attempt <= step.attempt {
                    return Err("an intent for what was done before");
                }
                let inputs = texts(body.get("inputs")).ok_or("the inputs are missing")?;
                *step = StepState { attempt, inputs, end: StepEnd::InFlight };
            }
            "withdrawn" => {
                let (step, attempt, _) = self.step(body)?;
                if step.end != StepEnd::InFlight || attempt != step.attempt {
                    return Err("an intent is taken back that nobody made");
                }
                step.end = StepEnd::NotStarted;
            }
            "outcome" => {
                let (step, attempt, planned) = self.step(body)?;
                if step.is_over() || attempt < step.attempt {
                    return Err("an outcome of what was done before");
                }
                step.attempt = attempt;
                step.end = match body.get("result").and_then(Value::as_text) {
                    Some("succeeded") => StepEnd::Succeeded,
                    Some("skipped") => StepEnd::Skipped,
                    Some("failed") => {
                        let text = |key| body.get(key).and_then(Value::as_text).map(str::to_owned);
                        let class = text("class").ok_or("the failure's class is missing")?;
                        let class = CLASSES.iter().find(|(_, word)| *word == class);
                        let failure = Failure {
                            class: class.ok_or("the failure's class is unknown")?.0,
                            message: text("message").ok_or("the failure's message is missing")?,
                            detail: text("detail").unwrap_or_default(),
                        };
                        if failure.class == FailureClass::UnknownOutcome && planned.implementation.is_none() {
                            return Err("doubts about a step without code");
                        }
                        let caught = body.get("caught") == Some(&Value::Boolean(true));
                        if caught { StepEnd::Caught(failure) } else { StepEnd::Failed(failure) }
                    }
                    _ => return Err("the result is missing"),
                };
            }
            _ => return Err("a record of a kind that nobody knows"),
        }
        Ok(())
    }

    fn step(&mut self, body: &Value) -> Result<(&mut StepState, u32, &Step), &'static str> {
        let small = |key| unsigned(body, key).and_then(|number| u32::try_from(number).ok());
        let step = small("step").and_then(|step| usize::try_from(step).ok()).ok_or("the step is missing")?;
        let attempt = small("attempt").ok_or("the attempt is missing")?;
        let state = self.steps.get_mut(step).zip(self.plan.steps.get(step));
        state.map(|(state, planned)| (state, attempt, planned)).ok_or("the plan has no such step")
    }
}

/// Returns what the workflow of a run put out. None: nothing, or it has not come to its end.
///
/// # Errors
///
/// As [`RunState::read`].
pub fn outputs_of(store: &dyn Store, run: RunId) -> Result<Option<BTreeMap<String, Value>>, EngineError> {
    let query = LogQuery { stream: Some(stream_of(run)), ..LogQuery::default() };
    let rows = store.log(&query).map_err(EngineError::store("read the journal"))?;
    let state = RunState::fold(run, &rows)?.ok_or(EngineError::NoSuchRun(run))?;
    let Some(last) = state.plan.answer() else { return Ok(None) };
    Ok(rows.iter().rev().find_map(|row| match &row.entry {
        LogEntry::Record(Record { kind, body, .. })
            if kind == "outcome" && unsigned(body, "step") == Some(last.into()) =>
        {
            texts(body.get("outputs"))
        }
        _ => None,
    }))
}

fn texts(value: Option<&Value>) -> Option<BTreeMap<String, Value>> {
    let entries = value?.as_map()?;
    entries.iter().map(|(key, value)| Some((key.as_text()?.to_owned(), value.clone()))).collect()
}

/// A run, as lists show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunSummary {
    /// The run.
    pub run: RunId,
    /// The service.
    pub namespace: Namespace,
    /// What it was for: `deploy`, `destroy`, `run` or `workflow`.
    pub goal: String,
    /// The workflow, or the trigger, that it was of, by name.
    pub workflow: Option<String>,
    /// How many operations its plan has.
    pub operations: u64,
    /// When it began, in milliseconds since 1970-01-01T00:00:00Z.
    pub began_ms: u64,
    /// When it ended. None: it has not.
    pub ended_ms: Option<u64>,
    /// How it ended: `succeeded`, `failed`, `cancelled`, or `superseded` by a removal. None: it has not.
    pub result: Option<String>,
}

impl RunSummary {
    /// What it was for, with the workflow's name: `workflow backup`.
    pub fn title(&self) -> String {
        match &self.workflow {
            Some(workflow) => format!("{} {workflow}", self.goal),
            None => self.goal.clone(),
        }
    }
}

/// Returns the runs of a service, in the order of their beginnings.
///
/// # Errors
///
/// When the store cannot be read, or its records make no sense.
pub fn runs(store: &dyn Store, namespace: &Namespace) -> Result<Vec<RunSummary>, EngineError> {
    let query =
        LogQuery { stream: Some(RUNS.to_owned()), namespace: Some(namespace.clone()), ..LogQuery::default() };
    let rows = store.log(&query).map_err(EngineError::store("list the runs"))?;
    let mut list: Vec<RunSummary> = Vec::new();
    for row in &rows {
        let LogEntry::Record(record) = &row.entry else { continue };
        let body = &record.body;
        let run = RunId(unsigned(body, "run").ok_or_else(|| EngineError::Damaged {
            run: RunId(0),
            sequence: row.sequence,
            why: "a record of a run without its number".to_owned(),
        })?);
        let text = |key: &str| body.get(key).and_then(Value::as_text).map(str::to_owned);
        if record.kind == "begin" {
            list.push(RunSummary {
                run,
                namespace: namespace.clone(),
                goal: text("goal").unwrap_or_default(),
                workflow: text("workflow"),
                operations: unsigned(body, "operations").unwrap_or_default(),
                began_ms: row.time_ms,
                ended_ms: None,
                result: None,
            });
        } else if let Some(summary) = list.iter_mut().rev().find(|summary| summary.run == run) {
            let ended = record.kind == "end";
            summary.ended_ms = ended.then_some(row.time_ms);
            summary.result = text("result").filter(|_| ended);
        }
    }
    Ok(list)
}

/// Returns the run of a service that has begun and not ended, if there is one: it was interrupted, needs an operator's
/// answer, or goes on at this moment.
///
/// # Errors
///
/// As [`runs`].
pub fn unfinished(store: &dyn Store, namespace: &Namespace) -> Result<Option<RunId>, EngineError> {
    let failed = |source| EngineError::store("list the runs")(source);
    let present = store.revision().map_err(failed)?;
    // The last record decides. It is looked for from the end, so that a long history costs nothing.
    let mut distance = UNFINISHED_DISTANCE_FIRST;
    loop {
        let mut since = Revision(present.0.saturating_sub(distance));
        let rows = loop {
            let query = LogQuery {
                stream: Some(RUNS.to_owned()),
                namespace: Some(namespace.clone()),
                since,
                ..LogQuery::default()
            };
            match store.log(&query) {
                // All that is kept is as far back as can be asked for.
                Err(StoreError::Forgotten { .. }) if since > Revision(0) => since = Revision(0),
                rows => break rows.map_err(failed)?,
            }
        };
        let last = rows.iter().rev().find_map(|row| match &row.entry {
            LogEntry::Record(record) if ["begin", "resume", "end"].contains(&record.kind.as_str()) => {
                Some(record)
            }
            _ => None,
        });
        if let Some(record) = last {
            let run = unsigned(&record.body, "run").map(RunId);
            return Ok(run.filter(|_| record.kind != "end"));
        }
        if since == Revision(0) {
            return Ok(None);
        }
        distance = distance.saturating_mul(UNFINISHED_DISTANCE_GROWS);
    }
}
