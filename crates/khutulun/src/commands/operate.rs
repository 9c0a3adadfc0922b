//! `khutulun stop`, `start` and `restart`: chosen nodes, by a plan that is shown and agreed to.

use std::collections::{BTreeMap, BTreeSet};

use floria::{Graph, Revision, Vertex, VertexId};
use khutulun_plan::{Goal, Plan, needs, plan_operate};

use crate::{
    answer::{self, Answer as _},
    busy, change,
    cli::{OnFailure, OperateArguments},
    error::CliError,
    execution::{Execution, refuse_unfinished},
    exit::Exit,
    instance,
    plan_view::PlanView,
    proposal::{plan_error, read_actual},
    question, reality, selection,
    selector::Selector,
    session::Session,
    terminal::{Style, harmless},
};

pub(crate) fn run(arguments: &OperateArguments, goal: Goal, session: &Session) -> Result<Exit, CliError> {
    if arguments.execution.conduct.on_failure == OnFailure::Unwind {
        return Err(change::nothing_to_unwind(goal.word()));
    }
    session.allow(arguments.execution.removal);
    Selector::check(&arguments.selectors)?;
    let reader = session.reader()?.ok_or_else(|| session.nothing_deployed())?;
    let selectors = Selector::read_all(&arguments.selectors, &reader)?;
    let service = selection::service(session, &reader, arguments.name.as_deref(), &selectors)?;
    let propose = |(graph, base): (Graph, Revision), selectors: &[Selector]| -> Result<_, CliError> {
        let nodes = selection::nodes(&graph, &service, &arguments.selectors, selectors)?;
        let meant: Vec<VertexId> = selection::with_inside(&graph, &nodes).into_iter().collect();
        let (seen, unseen) = match goal {
            // What is recorded as started may have ended since.
            Goal::Start => reality::looked_at(session, graph.clone(), &meant)?,
            _ => (graph.clone(), BTreeMap::new()),
        };
        let basis = session.basis(&service, base);
        let plan = plan_operate(&basis, &seen, &meant, goal).map_err(|error| plan_error(session, &error))?;
        let stands_for = |(name, node): &(String, &Vertex)| {
            let other = instance::stands_for(node)?;
            Some(format!("`{}` stands for `{}`, which is left as it is", harmless(name), harmless(&other)))
        };
        let notes: Vec<String> =
            nodes.iter().filter_map(stands_for).chain(notes(&graph, &plan, &unseen)).collect();
        Ok((plan, notes))
    };
    let what = format!("{} nodes of `{service}`", goal.word());
    if !arguments.execution.yes && !question::can_ask() {
        let (plan, notes) = propose(read_actual(session, &reader, &service)?, &selectors)?;
        if plan.steps.is_empty() {
            return nothing_to_do(&plan, &notes, session);
        }
        session.progress.say(&PlanView { plan: &plan, notes: &notes, waiting: &[] }.text(Style::stderr()));
        return Err(question::unasked(&what).place(format!("service `{service}`")));
    }
    drop(reader);
    let (state, store) = session.writer()?;
    busy::refuse(session, &store, &service)?;
    refuse_unfinished(session, &store, &service)?;
    // Read again, now that nobody else changes it.
    let selectors = Selector::read_all(&arguments.selectors, &store)?;
    let (plan, notes) = propose(read_actual(session, &store, &service)?, &selectors)?;
    if plan.steps.is_empty() {
        return nothing_to_do(&plan, &notes, session);
    }
    session.progress.say(&PlanView { plan: &plan, notes: &notes, waiting: &[] }.text(Style::stderr()));
    if !arguments.execution.yes && !question::ask(&session.progress, &format!("Shall I {what}?"))? {
        return Err(question::refused());
    }
    Execution::new(session, state, store, &arguments.execution.conduct).run(plan)
}

fn nothing_to_do(plan: &Plan, notes: &[String], session: &Session) -> Result<Exit, CliError> {
    session.progress.settle();
    answer::give(&PlanView { plan, notes, waiting: &[] }, session.format)?;
    Ok(Exit::Success)
}

/// What else is worth knowing of a plan: who is left without what it stops, and what is started already.
fn notes(graph: &Graph, plan: &Plan, unseen: &BTreeMap<VertexId, Option<String>>) -> Vec<String> {
    let touched: BTreeSet<VertexId> = plan.steps.iter().map(|step| step.subject.vertex).collect();
    let mut notes = Vec::new();
    if plan.goal != Goal::Start {
        let needs = needs(graph);
        for (name, node) in instance::nodes(graph) {
            let is_left = instance::lifecycle_state(node) == "started" && !touched.contains(&node.id);
            let needed = needs.get(&node.id).into_iter().flatten().filter(|id| touched.contains(*id));
            let needed: Vec<String> =
                needed.map(|id| format!("`{}`", harmless(&graph.path_of(*id)))).collect();
            if is_left && !needed.is_empty() {
                notes.push(format!(
                    "`{}` needs {}, and goes on as it is",
                    harmless(&name),
                    needed.join(", ")
                ));
            }
        }
    }
    for (id, why) in unseen.iter().filter(|(id, _)| !touched.contains(id)) {
        let why = why.as_deref().map_or_else(String::new, |why| format!(" ({})", harmless(why)));
        notes.push(format!(
            "`{}` is started already, as far as is known; whether it is alive cannot be seen{why}: if not, restart it",
            harmless(&graph.path_of(*id))
        ));
    }
    notes
}
