//! `khutulun refresh`: looks at what is really there, records it beside what should be, and does about drift what policies say.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use floria::{Evaluator, Graph, Namespace, VertexId};
use khutulun_api::names;
use khutulun_engine::{RunReport, RunResult};
use khutulun_plan::{
    Action, Drift, DriftAction, DriftPolicy, NotAsked, Plan, drift, expected, plan_acceptance, plan_refresh,
    plan_repair,
};

use crate::{
    answer::{self, Answer as _},
    busy, change,
    cli::{ConductArguments, OnFailure, RefreshArguments},
    error::{CliError, chain},
    execution::{Execution, refuse_unfinished},
    exit::Exit,
    instance,
    plan_view::PlanView,
    proposal::{plan_error, read_actual},
    question,
    refresh_view::{NodeView, RefreshView, ServiceView},
    selection,
    selector::Selector,
    session::Session,
    terminal::{Style, harmless},
    time,
};

pub(crate) fn run(arguments: &RefreshArguments, session: &Session) -> Result<Exit, CliError> {
    if arguments.execution.conduct.on_failure == OnFailure::Unwind {
        return Err(change::nothing_to_unwind("refresh"));
    }
    session.allow(arguments.execution.removal);
    Selector::check(&arguments.selectors)?;
    let reader = session.reader()?.ok_or_else(|| session.nothing_deployed())?;
    let selectors = Selector::read_all(&arguments.selectors, &reader)?;
    let services = match (&arguments.name, selectors.is_empty()) {
        (None, true) => session.services(&reader)?,
        (name, _) => vec![selection::service(session, &reader, name.as_deref(), &selectors)?],
    };
    drop(reader);
    if services.is_empty() {
        return Err(session.nothing_deployed());
    }
    let mut view = RefreshView { services: Vec::new(), now_ms: time::now_ms() };
    for service in services {
        if session.interruption.is_asked() {
            break;
        }
        view.services.push(Refresh { arguments, session, service }.run()?);
    }
    session.progress.settle();
    answer::give(&view, session.format)?;
    match view.error() {
        Some(error) => Err(error.answered()),
        None if view.has_drift() => Ok(Exit::Changes),
        None => Ok(Exit::Success),
    }
}

/// The refresh of one service.
struct Refresh<'a> {
    arguments: &'a RefreshArguments,
    session: &'a Session,
    service: Namespace,
}

/// What drifted, by node, with what the policy of the node says.
type Drifts = BTreeMap<VertexId, (DriftPolicy, Vec<Drift>)>;

impl Refresh<'_> {
    fn run(&self) -> Result<ServiceView, CliError> {
        let Self { arguments, session, service } = self;
        let (state, store) = session.writer()?;
        busy::refuse(session, &store, service)?;
        refuse_unfinished(session, &store, service)?;
        // One that cannot be looked at is no reason not to look at the others.
        let conduct = ConductArguments { on_failure: OnFailure::Continue, ..arguments.execution.conduct };
        let execution = Execution::new(session, state, store, &conduct);
        // What it saw may be recorded yet.
        execution.end_look(service)?;
        let store = execution.store();
        let selectors = Selector::read_all(&arguments.selectors, store)?;
        let (graph, base) = read_actual(session, store, service)?;
        let nodes = match selectors.is_empty() {
            true => instance::nodes(&graph),
            false => selection::nodes(&graph, service, &arguments.selectors, &selectors)?,
        };
        let meant = selection::with_inside(&graph, &nodes);
        let basis = session.basis(service, base);
        let (plan, not_asked) = plan_refresh(&basis, &graph, &meant, time::now_ms());
        let plan = Arc::new(plan);
        let mut runs = Vec::new();
        let mut report = None;
        if !plan.steps.is_empty() {
            let done = execution.perform(Arc::clone(&plan), Vec::new())?;
            runs.push(done.report().run.0);
            report = Some(done.report().clone());
        }
        let (seen, _) = read_actual(session, store, service)?;
        let drifts = self.drifts(&seen, &meant)?;
        let is_interrupted = session.interruption.is_asked();
        let (mut accepted, mut repaired, mut refused) = (Vec::new(), Vec::new(), false);
        if !is_interrupted {
            accepted = self.accept(&execution, &drifts, &mut runs)?;
            (repaired, refused) = self.repair(&execution, &drifts, &mut runs)?;
        }
        let (after, _) = read_actual(session, store, service)?;
        let mut views = Vec::new();
        for (name, node) in instance::nodes(&after).into_iter().filter(|(_, node)| meant.contains(&node.id)) {
            let (policy, drift) = drifts.get(&node.id).cloned().unwrap_or_default();
            views.push(NodeView {
                failure: report.as_ref().and_then(|report| failure(report, &plan, node.id)),
                not_asked: not_asked.get(&node.id).map(why_not),
                class: instance::class(node).to_owned(),
                state: instance::lifecycle_state(node).to_owned(),
                // What a repair has changed was seen before it.
                observed: seen.vertex(node.id).and_then(|node| node.metadata.get(names::OBSERVED)).cloned(),
                intended: expected(seen.vertex(node.id).map_or("", instance::lifecycle_state)),
                accepted: accepted.contains(&node.id),
                repaired: repaired.contains(&node.id),
                policy,
                drift,
                name,
            });
        }
        Ok(ServiceView {
            service: service.clone(),
            runs,
            nodes: views,
            cancelled: is_interrupted || report.is_some_and(|report| report.result == RunResult::Cancelled),
            refused,
        })
    }

    fn drifts(&self, graph: &Graph, meant: &BTreeSet<VertexId>) -> Result<Drifts, CliError> {
        let mut evaluator = Evaluator::new(graph, &*self.session.functions);
        let mut found = Drifts::new();
        for (name, node) in instance::nodes(graph).into_iter().filter(|(_, node)| meant.contains(&node.id)) {
            let policy = DriftPolicy::of(graph, node.id, &mut evaluator).map_err(|error| {
                CliError::new(Exit::InvalidDesign, format!("cannot tell what to do about drift of `{name}`"))
                    .place(
                        error
                            .origin
                            .as_ref()
                            .map_or_else(|| format!("service `{}`", self.service), ToString::to_string),
                    )
                    .why(error.to_string())
                    .unchanged("what was seen is recorded")
                    .next("mend the policy, deploy the design, then run the command again")
            })?;
            let drift = drift(node, &policy);
            found.insert(node.id, (policy, drift));
        }
        Ok(found)
    }

    /// Lets what was seen be what should be, where policies say so.
    fn accept(
        &self,
        execution: &Execution<'_>,
        drifts: &Drifts,
        runs: &mut Vec<u64>,
    ) -> Result<Vec<VertexId>, CliError> {
        let chosen = choose(drifts, is_accepted);
        if chosen.is_empty() {
            return Ok(Vec::new());
        }
        let (graph, base) = read_actual(self.session, execution.store(), &self.service)?;
        let basis = self.session.basis(&self.service, base);
        let done = execution.perform(plan_acceptance(&basis, &graph, &chosen), Vec::new())?;
        runs.push(done.report().run.0);
        Ok(chosen.into_keys().collect())
    }

    /// Repairs what drifted, where somebody or a policy says so and somebody agrees. The second answer says whether nobody did.
    fn repair(
        &self,
        execution: &Execution<'_>,
        drifts: &Drifts,
        runs: &mut Vec<u64>,
    ) -> Result<(Vec<VertexId>, bool), CliError> {
        let Self { arguments, session, service } = self;
        let is_meant = |policy: &DriftPolicy, drift: &[Drift]| match policy.action {
            DriftAction::Repair => arguments.repair || arguments.execution.yes,
            DriftAction::Report => arguments.repair,
            DriftAction::Adopt => arguments.repair && !is_accepted(policy, drift),
            DriftAction::Ignore => false,
        };
        let chosen = choose(drifts, is_meant);
        if chosen.is_empty() {
            return Ok((Vec::new(), false));
        }
        let (graph, base) = read_actual(session, execution.store(), service)?;
        let basis = session.basis(service, base);
        let plan = plan_repair(&basis, &graph, &chosen).map_err(|error| plan_error(session, &error))?;
        session.progress.say(&PlanView::of(&plan).text(Style::stderr()));
        if !arguments.execution.yes {
            if !question::can_ask() {
                return Err(question::unasked(&format!("repair nodes of `{service}`"))
                    .place(format!("service `{service}`"))
                    .unchanged("what was seen is recorded, and nothing was repaired"));
            }
            if !question::ask(&session.progress, &format!("Repair `{service}`?"))? {
                return Ok((Vec::new(), true));
            }
        }
        let done = execution.perform(plan, Vec::new())?;
        runs.push(done.report().run.0);
        if !done.succeeded() {
            // What it came to is told as that of every run.
            execution.answer(&done, &[], None)?;
        }
        let repaired = done
            .plan()
            .nodes
            .iter()
            .filter(|node| node.action != Action::Keep)
            .map(|node| node.node.as_str());
        let repaired: Vec<&str> = repaired.collect();
        let nodes = instance::nodes(&graph).into_iter();
        Ok((
            nodes.filter(|(name, _)| repaired.contains(&name.as_str())).map(|(_, node)| node.id).collect(),
            false,
        ))
    }
}

/// Tells whether what was seen is what should be from now on.
fn is_accepted(policy: &DriftPolicy, drift: &[Drift]) -> bool {
    policy.action == DriftAction::Adopt && drift.iter().all(Drift::is_acceptable)
}

fn choose(
    drifts: &Drifts,
    is_meant: impl Fn(&DriftPolicy, &[Drift]) -> bool,
) -> BTreeMap<VertexId, Vec<Drift>> {
    let chosen = drifts.iter().filter(|(_, (policy, drift))| !drift.is_empty() && is_meant(policy, drift));
    chosen.map(|(id, (_, drift))| (*id, drift.clone())).collect()
}

/// Why a node could not be looked at, by what became of its step.
fn failure(report: &RunReport, plan: &Plan, node: VertexId) -> Option<String> {
    let step = plan.steps.iter().position(|step| step.subject.vertex == node)?;
    let (_, failure) = report.failures().find(|(found, _)| found.step as usize == step)?;
    // The last words are where a script says why.
    let last = failure.detail.lines().rfind(|line| !line.trim().is_empty());
    Some(last.map_or_else(
        || harmless(&failure.message),
        |last| format!("{}: {}", harmless(&failure.message), harmless(last)),
    ))
}

fn why_not(why: &NotAsked) -> String {
    match why {
        NotAsked::NotMade => "it is not made yet".to_owned(),
        NotAsked::NoOperation => "it has no operation `observe`".to_owned(),
        NotAsked::Inputs(error) => chain(error),
    }
}
