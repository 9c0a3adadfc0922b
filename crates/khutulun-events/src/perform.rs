//! Doing what a trigger wants done: each stage is a plan, and a run of it.

use std::collections::{BTreeMap, BTreeSet};

use floria::{
    Author, Batch, Evaluated, Evaluator, Functions, Graph, Namespace, Record, Revision, Site, Store, Value,
    VertexId,
};
use khutulun_api::{Clock, RunId, describe_error, names as words};
use khutulun_engine::{Cancel, Engine, EngineError, Observer, RunResult, runs};
use khutulun_plan::{
    Basis, Drift, DriftPolicy, Goal, Plan, PlanError, drift, plan_operate, plan_refresh, plan_repair,
    plan_trigger,
};

use crate::{
    error::EventError,
    reacted,
    reaction::{Reaction, Stage},
    reactor::Due,
};

/// How often a plan is made anew because the service changed while it was made: more would be a fight.
const STALE_MAX: usize = 10;

/// How many nodes of a template are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// So many.
    To(i64),
    /// So many more; fewer, where it is negative.
    By(i64),
}

/// A plan that changes how many nodes there are, and what has to be recorded with its beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scaled {
    /// The plan.
    pub plan: Plan,
    /// The records.
    pub records: Vec<Record>,
}

/// Plans how many nodes there are: that takes the design that the service was made from, which is not known here.
pub trait Scaler: Send + Sync {
    /// Plans that there are so many nodes of a node template of a service; None: there are already. It is called where blocking does
    /// harm only briefly.
    ///
    /// # Errors
    ///
    /// A sentence that says why not.
    fn scale(&self, service: &Namespace, template: &str, how: Scale) -> Result<Option<Scaled>, String>;
}

/// Scales nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoScaler;

impl Scaler for NoScaler {
    fn scale(&self, _: &Namespace, _: &str, _: Scale) -> Result<Option<Scaled>, String> {
        Err("nothing here can scale".to_owned())
    }
}

/// What a reaction is performed with.
#[derive(Clone, Copy)]
pub struct Actor<'a> {
    /// Runs plans, on the same store and with the same functions.
    pub engine: &'a Engine,
    /// The store.
    pub store: &'a dyn Store,
    /// What expressions may call.
    pub functions: &'a dyn Functions,
    /// The host that operations are run on, by name, as plans say it.
    pub host: Option<&'a str>,
    /// The digests of the drivers that operations are run with, by name.
    pub drivers: &'a [(&'a str, &'a str)],
    /// What time it is.
    pub clock: &'a dyn Clock,
    /// How many nodes there are.
    pub scaler: &'a dyn Scaler,
    /// Is told of the runs.
    pub observer: &'a dyn Observer,
    /// Ends the runs.
    pub cancel: &'a Cancel,
}

/// What became of a reaction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Performed {
    /// Somebody else is at work on the service: the rest has to wait.
    pub is_busy: bool,
    /// The stage to go on with, where it is busy.
    pub stage: usize,
    /// The run of the stage before that.
    pub after: Option<RunId>,
    /// The runs that were begun with it, those that only looked too.
    pub runs: Vec<RunId>,
    /// Whether something was done, from its first stage on.
    pub counts: bool,
}

/// What a stage comes to.
enum Planned {
    Run(Box<Scaled>),
    Nothing,
    Cannot(String),
}

/// Performs a reaction: its stages in order, each as a run. The run of a stage begins in the same transaction as the record that it
/// did, so whoever is killed anywhere performs no stage twice. After a stage whose run did not succeed, no other comes.
///
/// What is to be healed is looked at first, in a run of its own; only what is not as it should be is touched. Where the service is
/// gone or somebody else is at work on it, nothing happens.
///
/// # Errors
///
/// When the store cannot be used, or the run was taken over by somebody else. What was recorded stays; the same reaction can be
/// performed again.
pub async fn perform(actor: &Actor<'_>, due: &Due) -> Result<Performed, EventError> {
    let mut performed = Performed { stage: due.stage, after: due.after, ..Performed::default() };
    if let Some(before) = due.after.filter(|_| due.stage > 0) {
        let known = runs(actor.store, &due.reaction.service)?;
        let result = known.into_iter().find(|known| known.run == before).map(|known| known.result);
        match result.flatten().as_deref() {
            None => return Ok(Performed { is_busy: true, ..performed }),
            Some(result) if result != RunResult::Succeeded.word() => return Ok(performed),
            Some(_) => {}
        }
    }
    while performed.stage < due.reaction.stages.len() {
        match stage(actor, &due.reaction, &mut performed).await {
            Ok(true) => performed.stage += 1,
            Ok(false) => return Ok(performed),
            Err(EventError::Engine(EngineError::Unfinished { .. } | EngineError::Busy { .. })) => {
                performed.is_busy = true;
                return Ok(performed);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(performed)
}

/// Performs a stage. Returns whether the next one may come.
async fn stage(
    actor: &Actor<'_>,
    reaction: &Reaction,
    performed: &mut Performed,
) -> Result<bool, EventError> {
    let place = performed.stage;
    let mut has_looked = false;
    let mut last = None;
    for _ in 0..STALE_MAX {
        let (graph, revision) = read(actor.store, &reaction.service)?;
        if graph.vertex(reaction.trigger).is_none() {
            return Ok(false);
        }
        let basis = Basis {
            host: actor.host,
            drivers: actor.drivers,
            ..Basis::new(&reaction.service, revision, actor.functions)
        };
        let look = Some(reaction).filter(|reaction| reaction.stages[place] == Stage::Heal && !has_looked);
        if let Some(plan) = look.map(|reaction| look_at(&basis, &graph, reaction, actor.clock.now_ms())) {
            if !plan.steps.is_empty() {
                match actor.engine.run(plan, actor.observer, actor.cancel).await {
                    Ok(report) => performed.runs.push(report.run),
                    Err(stale @ EngineError::Stale { .. }) => {
                        last = Some(stale);
                        continue;
                    }
                    Err(error) => return Err(error.into()),
                }
            }
            has_looked = true;
            continue;
        }
        let (plan, mut records) = match planned(actor, &basis, &graph, reaction, place) {
            Planned::Run(scaled) => (scaled.plan, scaled.records),
            Planned::Nothing => {
                record(actor, reacted::reacted(&graph, reaction, place, true))?;
                performed.after = None;
                return Ok(true);
            }
            Planned::Cannot(why) => {
                record(actor, reacted::failed(&graph, reaction, &why))?;
                return Ok(false);
            }
        };
        records.push(reacted::reacted(&graph, reaction, place, false));
        match actor.engine.run_with(plan, records, actor.observer, actor.cancel).await {
            Ok(report) => {
                performed.runs.push(report.run);
                performed.after = Some(report.run);
                performed.counts |= place == 0;
                return Ok(report.result == RunResult::Succeeded);
            }
            Err(stale @ EngineError::Stale { .. }) => last = Some(stale),
            Err(error) => return Err(error.into()),
        }
    }
    Err(last.expect("each attempt but the one that looked ended as stale").into())
}

/// Plans a stage.
fn planned(
    actor: &Actor<'_>,
    basis: &Basis<'_>,
    graph: &Graph,
    reaction: &Reaction,
    place: usize,
) -> Planned {
    match &reaction.stages[place] {
        Stage::Scale(activity) => scaled(actor, graph, reaction, *activity),
        _ => match plan_reaction(basis, graph, reaction, place) {
            Ok(plan) if plan.is_empty() => Planned::Nothing,
            Ok(plan) => Planned::Run(Box::new(Scaled { plan, records: Vec::new() })),
            Err(error) => Planned::Cannot(describe_error(&error)),
        },
    }
}

/// Plans a stage of a reaction; for [`Stage::Heal`], what follows from what was seen of the targets last. That of [`Stage::Scale`]
/// is a [`Scaler`]'s, and comes out empty here.
///
/// # Errors
///
/// When something in it cannot be done or evaluated.
pub fn plan_reaction(
    basis: &Basis<'_>,
    graph: &Graph,
    reaction: &Reaction,
    place: usize,
) -> Result<Plan, PlanError> {
    match &reaction.stages[place] {
        Stage::Each(activities) => {
            plan_trigger(basis, graph, reaction.trigger, &reaction.targets, activities.clone())
        }
        Stage::Once(activities) => {
            let one = &reaction.targets[..reaction.targets.len().min(1)];
            plan_trigger(basis, graph, reaction.trigger, one, activities.clone())
        }
        Stage::Heal => heal(basis, graph, reaction),
        Stage::Scale(_) => plan_repair(basis, graph, &BTreeMap::new()),
    }
}

/// The nodes that a reaction is to heal: where its target is the service, all of them.
fn nodes(graph: &Graph, reaction: &Reaction) -> BTreeSet<VertexId> {
    let mut nodes = BTreeSet::new();
    for target in &reaction.targets {
        let Site::Vertex(id) = *target else { continue };
        let is_node = |id| graph.vertex(id).is_some_and(|vertex| vertex.metadata.contains_key(words::NODE));
        if is_node(id) {
            nodes.insert(id);
        } else {
            let inside = graph.contained(Some(id)).map(|vertex| vertex.id);
            nodes.extend(inside.filter(|id| is_node(*id)));
        }
    }
    nodes
}

fn look_at(basis: &Basis<'_>, graph: &Graph, reaction: &Reaction, now_ms: u64) -> Plan {
    plan_refresh(basis, graph, &nodes(graph, reaction), now_ms).0
}

/// Nothing is started that was seen to run, or that should not.
fn heal(basis: &Basis<'_>, graph: &Graph, reaction: &Reaction) -> Result<Plan, PlanError> {
    let mut drifts: BTreeMap<VertexId, Vec<Drift>> = BTreeMap::new();
    let mut half_started = Vec::new();
    for id in nodes(graph, reaction) {
        let Some(node) = graph.vertex(id) else { continue };
        let found = drift(node, &DriftPolicy::default());
        if !found.is_empty() {
            drifts.insert(id, found);
        } else if is_half_started(node) {
            half_started.push(id);
        }
    }
    match drifts.is_empty() {
        // The last attempt to start it failed: it is stopped, for it may be there in part, and started.
        true => plan_operate(basis, graph, &half_started, Goal::Start),
        false => plan_repair(basis, graph, &drifts),
    }
}

/// Tells whether a node was about to be started, and does not run.
fn is_half_started(node: &floria::Vertex) -> bool {
    let text = |key: &str| node.metadata.get(key).and_then(Value::as_text);
    let seen = node.metadata.get(words::OBSERVED).and_then(|seen| seen.get("state")).and_then(Value::as_text);
    let start = format!("{}.start", words::LIFECYCLE);
    text(words::ATTEMPTED) == Some(&start) && seen.is_some_and(|seen| seen != words::STATES[0])
}

fn scaled(actor: &Actor<'_>, graph: &Graph, reaction: &Reaction, activity: usize) -> Planned {
    let handler = graph
        .vertex(reaction.trigger)
        .and_then(|trigger| trigger.handlers.get(&format!("{}.{activity}", words::ACTIVITY)));
    let mut evaluator = Evaluator::new(graph, actor.functions);
    let mut templates = BTreeSet::new();
    let mut scaled = None;
    for target in &reaction.targets {
        let Site::Vertex(id) = target else { continue };
        let node = graph.vertex(*id);
        let container = node.and_then(|node| node.container).and_then(|id| graph.vertex(id));
        if container.is_some_and(|container| container.container.is_some()) {
            return Planned::Cannot(
                "only nodes of the service itself can be scaled, none inside of others".to_owned(),
            );
        }
        let template = node.and_then(|node| node.metadata.get(words::NODE)).and_then(Value::as_text);
        let Some(template) = template.filter(|template| templates.insert((*template).to_owned())) else {
            continue;
        };
        let mut number = |name: &str| {
            let expression = handler?.inputs.get(name)?;
            match evaluator.evaluate(expression, *target) {
                Ok(Evaluated::Known(Value::Integer(number))) => Some(Ok(number)),
                Ok(Evaluated::Known(Value::Null)) => None,
                Ok(other) => Some(Err(format!("the input `{name}` is no number yet: {other:?}"))),
                Err(error) => Some(Err(format!("the input `{name}` cannot be evaluated: {error}"))),
            }
        };
        let how = match (number("to"), number("by")) {
            (Some(Ok(to)), None) => Scale::To(to),
            (None, Some(Ok(by))) => Scale::By(by),
            (Some(Err(why)), _) | (_, Some(Err(why))) => return Planned::Cannot(why),
            _ => return Planned::Cannot("it has one of the inputs `to` and `by`".to_owned()),
        };
        match actor.scaler.scale(&reaction.service, template, how) {
            Ok(None) => {}
            Ok(Some(one)) if scaled.is_none() => scaled = Some(one),
            Ok(Some(_)) => {
                return Planned::Cannot(
                    "its targets are of several templates: make a policy for each".to_owned(),
                );
            }
            Err(why) => return Planned::Cannot(why),
        }
    }
    scaled.map_or(Planned::Nothing, |scaled| Planned::Run(Box::new(scaled)))
}

fn read(store: &dyn Store, service: &Namespace) -> Result<(Graph, Revision), EventError> {
    // The revision first: whatever moves while the rest is read refuses the run.
    let revision = store.namespace_revision(service).map_err(EventError::store("read the revision"))?;
    let graph = store.graph(service).map_err(EventError::store("read the instances"))?;
    Ok((graph, revision))
}

fn record(actor: &Actor<'_>, record: Record) -> Result<(), EventError> {
    let author = Some(Author { name: "khutulun".to_owned(), stream: None });
    let batch = Batch { records: vec![record], author, ..Batch::default() };
    actor.store.commit(&batch).map(drop).map_err(EventError::store("record what a trigger did"))
}
