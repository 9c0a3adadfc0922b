//! What a run came to, as people and programs read it, and as an exit code.

use std::collections::BTreeMap;

use floria::{Namespace, Origin, Value};
use khutulun_api::{Failure, FailureClass};
use khutulun_engine::{RunReport, RunResult, StepEnd, StepReport};
use khutulun_plan::{Action, Goal, NodeChange, Plan, Step};
use serde_json::{Value as Json, json};

use crate::{
    answer::{Answer, to_json},
    commands::Outputs,
    error::CliError,
    exit::Exit,
    plan_view, progress,
    terminal::{self, Style},
    unwinding::Unwound,
};

/// How much of a failed operation's own words is shown, in lines from the end.
const DETAIL_LINES_MAX: usize = 12;

/// How many failures are told in full; data has all.
const FAILURES_MAX: usize = 5;

/// What a run came to.
pub(crate) struct RunView<'a> {
    /// What it did.
    pub(crate) plan: &'a Plan,
    /// What became of it.
    pub(crate) report: &'a RunReport,
    /// What its operations put out, by step.
    pub(crate) step_outputs: &'a BTreeMap<u32, BTreeMap<String, Value>>,
    /// The service's outputs after a deployment.
    pub(crate) outputs: Option<Outputs>,
    /// The requirements that still wait, each with what for.
    pub(crate) waiting: &'a [String],
    /// What became of it when it failed, where that was to be unwound.
    pub(crate) unwound: Option<&'a Unwound>,
}

impl RunView<'_> {
    /// Returns the steps that run code.
    fn operations(&self) -> impl Iterator<Item = &StepReport> {
        self.report.steps.iter().filter(|step| {
            self.plan.steps.get(step.step as usize).is_some_and(|planned| planned.implementation.is_some())
        })
    }

    /// Returns what a workflow put out that has ended.
    fn answer(&self) -> Option<&BTreeMap<String, Value>> {
        self.step_outputs.get(&self.plan.answer()?)
    }

    /// Returns the error that the run's end is, if it is one.
    pub(crate) fn error(&self) -> Option<CliError> {
        let service = &self.plan.namespace;
        let resume = format!("khutulun resume {}", self.report.run);
        let done = self.operations().filter(|step| step.end == StepEnd::Succeeded).count();
        let open = self.report.not_started().count();
        let unchanged = format!(
            "{done} of {} operations are done and stay so; {}",
            self.plan.operations().count(),
            if open == 0 {
                "nothing else was begun".to_owned()
            } else {
                "what was not begun was not touched".to_owned()
            },
        );
        if let Some(unwound) = self.unwound {
            return Some(self.failed().unchanged(unwound.sentence(service)).next(unwound.next()));
        }
        match self.report.result {
            RunResult::Succeeded => waits(service, self.waiting),
            RunResult::Failed if self.is_denied() => Some(self.failed().unchanged(unchanged).next(
                "look at what it asked for; what you agree to goes into `grants.yaml` in the state directory, by the plugin's name or digest",
            )),
            RunResult::Failed => {
                let mut error = self.failed().unchanged(unchanged);
                error.next.extend(self.forgotten());
                Some(error.next(match self.plan.goal {
                    Goal::Deploy => {
                        format!("mend the cause, then: {resume} (or deploy again, if the design changed)")
                    }
                    Goal::Destroy | Goal::Workflow => format!("mend the cause, then: {resume}"),
                    _ => "mend the cause, then run the command again".to_owned(),
                }))
            }
            RunResult::Cancelled => Some(
                CliError::new(Exit::Stopped, format!("run {} was stopped part-way", self.report.run))
                    .place(format!("service `{service}`"))
                    .why("it was interrupted; what ran has ended and is recorded")
                    .unchanged(unchanged)
                    .next(resume),
            ),
            RunResult::NeedsOperator => {
                let questions: Vec<String> = self
                    .report
                    .questions
                    .iter()
                    .map(|question| {
                        format!(
                            "step {} ({} of {}): {}",
                            question.operation.step,
                            progress::plain(&question.event),
                            self.plan.path_of(&question.node),
                            question.text
                        )
                    })
                    .collect();
                let is_approval = |step: u32| self.planned(step).is_some_and(|step| step.approval.is_some());
                let first = self.report.questions.first();
                let step = first.map_or(0, |question| question.operation.step);
                let node = first.map_or("", |question| question.node.as_str());
                let what = match is_approval(step) {
                    true => "a step waits for somebody to approve it",
                    false => "nobody can tell what became of an operation",
                };
                let error = CliError::new(Exit::NeedsOperator, what)
                    .place(self.place(step, node))
                    .why(questions.join("\n"))
                    .unchanged(unchanged);
                // Each can be answered alone.
                let answers = self.report.questions.iter().take(FAILURES_MAX).map(|question| {
                    let step = question.operation.step;
                    match is_approval(step) {
                        true => format!("{resume} --settle {step}=approved (or =refused)"),
                        false => format!(
                            "look for yourself, then say which: {resume} --settle {step}=succeeded (or =failed, or =retry)"
                        ),
                    }
                });
                Some(answers.fold(error, CliError::next))
            }
        }
    }

    fn planned(&self, step: u32) -> Option<&Step> {
        self.plan.steps.get(step as usize)
    }

    /// Where a step was asked for: the node's line, and the operation's where that is another, as in a profile.
    fn place(&self, step: u32, node: &str) -> String {
        let planned = self.planned(step);
        let asked = planned.and_then(|step| step.subject.origin.as_ref());
        let operation = planned.and_then(|step| step.origin.as_ref());
        match (asked, operation) {
            (Some(asked), Some(operation)) if asked.source == operation.source => operation.to_string(),
            (Some(asked), Some(operation)) => format!("{asked} (its operation is defined at {operation})"),
            (Some(place), _) | (None, Some(place)) => place.to_string(),
            (None, None) => format!("node `{}`", self.plan.path_of(node)),
        }
    }

    /// Returns how to take under management what runs already, where a node could not be made for that.
    fn forgotten(&self) -> Option<String> {
        if self.plan.goal != Goal::Deploy {
            return None;
        }
        // As drivers say it, of something that is the node's.
        let says_so = |failure: &Failure| {
            ["runs already, as pid", "of this node runs already"]
                .iter()
                .any(|words| failure.message.contains(words))
        };
        let nodes = self.report.failures().filter(|(_, failure)| says_so(failure));
        let nodes: Vec<String> = nodes
            .take(FAILURES_MAX)
            .map(|(step, _)| terminal::harmless(self.plan.path_of(&step.node)))
            .collect();
        (!nodes.is_empty()).then(|| {
            format!(
                "was it forgotten? To manage it as it is: khutulun adopt {}: {}",
                self.plan.namespace,
                nodes.join(" ")
            )
        })
    }

    fn is_denied(&self) -> bool {
        self.report.failures().next().is_some_and(|(_, failure)| failure.class == FailureClass::Denied)
    }

    fn failed(&self) -> CliError {
        let failures: Vec<_> = self.report.failures().collect();
        let Some((first, failure)) = failures.first() else {
            return CliError::new(Exit::Failed, format!("run {} failed", self.report.run))
                .place(format!("service `{}`", self.plan.namespace));
        };
        let exit = match failure.class {
            FailureClass::Denied => Exit::Denied,
            FailureClass::NeedsOperator => Exit::NeedsOperator,
            _ => Exit::Failed,
        };
        let is_refused = self.planned(first.step).is_some_and(|step| step.approval.is_some());
        let what = match failures.len() {
            1 if is_refused => format!("step `{}` was refused", self.plan.path_of(&first.node)),
            1 => format!("failed to {} `{}`", progress::plain(&first.event), self.plan.path_of(&first.node)),
            count => format!("{count} operations failed"),
        };
        let mut why = Vec::new();
        for (step, failure) in failures.iter().take(FAILURES_MAX) {
            let message = terminal::harmless(&failure.message);
            why.push(match failures.len() {
                1 => message,
                _ => format!(
                    "{} of {}: {message}{}",
                    progress::plain(&step.event),
                    self.plan.path_of(&step.node),
                    at(step.origin.as_ref())
                ),
            });
            let lines: Vec<&str> = failure.detail.lines().collect();
            let shown = lines.len().saturating_sub(DETAIL_LINES_MAX);
            why.extend(lines[shown..].iter().map(|line| format!("  | {}", terminal::harmless(line))));
        }
        if failures.len() > FAILURES_MAX {
            why.push(format!("… and {} more", failures.len() - FAILURES_MAX));
        }
        CliError::new(exit, what).place(self.place(first.step, &first.node)).why(why.join("\n"))
    }
}

/// What is left to do of a service when all that could be done is done; `waiting` are the requirements that wait.
pub(crate) fn waits(service: &Namespace, waiting: &[String]) -> Option<CliError> {
    let what = match waiting.len() {
        0 => return None,
        1 => format!("a requirement of `{service}` waits"),
        count => format!("{count} requirements of `{service}` wait"),
    };
    Some(
        CliError::new(Exit::Stopped, what)
            .place(format!("service `{service}`"))
            .why(waiting.join("\n"))
            .unchanged("what could be done is done; what waits, and what depends on it, was not begun")
            .next(format!("khutulun explain requirement NODE/REQUIREMENT {service}"))
            .next(format!("give what it waits for a value, then: khutulun deploy {service}")),
    )
}

fn at(origin: Option<&Origin>) -> String {
    origin.map_or_else(String::new, |origin| format!(" ({origin})"))
}

impl RunView<'_> {
    /// What became of nodes.
    fn nodes(&self, sign: &str) -> String {
        let became = match self.plan.goal {
            Goal::Stop => "is stopped",
            Goal::Start => "is started",
            Goal::Adopt => "is adopted as it is, and counts as made of what its design says",
            _ => "is restarted",
        };
        let nodes = self.plan.nodes.iter().filter(|node| node.action != Action::Keep);
        let name = |node: &NodeChange| terminal::harmless(&node.node);
        nodes.map(|node| format!("{sign} `{}` of `{}` {became}\n", name(node), self.plan.namespace)).collect()
    }

    /// What a workflow that came to its end did, and what it did not.
    fn workflow(&self, sign: String, style: Style) -> String {
        let done = self.operations().filter(|step| step.end == StepEnd::Succeeded).count();
        let mut text = format!(
            "{sign} the workflow `{}` of `{}` is done ({done} operation{})\n",
            self.plan.workflow.as_deref().unwrap_or_default(),
            self.plan.namespace,
            if done == 1 { "" } else { "s" },
        );
        for step in self.operations() {
            let what = format!("{} of `{}`", progress::plain(&step.event), step.node);
            match &step.end {
                StepEnd::Caught(failure) => {
                    let message = terminal::harmless(&failure.message);
                    text.push_str(&format!(
                        "  {} {what} failed: {message}\n",
                        style.yellow(style.sign("✗", "!"))
                    ));
                }
                StepEnd::Skipped => text.push_str(&style.dim(&format!("  - {what} was not run\n"))),
                _ => {}
            }
        }
        text + &self.answer().map(lines).unwrap_or_default()
    }
}

/// What was put out, for people.
fn lines(outputs: &BTreeMap<String, Value>) -> String {
    outputs
        .iter()
        .map(|(name, value)| {
            format!("  {} = {}\n", terminal::harmless(name), terminal::harmless(&value.to_string()))
        })
        .collect()
}

fn to_document(outputs: &BTreeMap<String, Value>) -> Json {
    outputs
        .iter()
        .map(|(name, value)| (name.clone(), to_json(value)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

impl Answer for RunView<'_> {
    fn document(&self) -> Json {
        let steps: Vec<Json> = self
            .operations()
            .map(|step| {
                let mut document = json!({
                    "step": step.step,
                    "node": self.plan.path_of(&step.node),
                    "operation": step.event,
                    "attempt": step.attempt,
                    "where": step.origin.as_ref().map(ToString::to_string),
                    "state": match &step.end {
                        StepEnd::NotStarted => "not-started",
                        StepEnd::InFlight => "in-flight",
                        StepEnd::Succeeded => "succeeded",
                        StepEnd::Failed(_) | StepEnd::Caught(_) => "failed",
                        StepEnd::Skipped => "skipped",
                    },
                });
                if let Some(part) =
                    self.plan.steps.get(step.step as usize).and_then(|planned| planned.part.as_ref())
                {
                    document["part"] = part.clone().into();
                }
                if matches!(step.end, StepEnd::Caught(_)) {
                    document["caught"] = true.into();
                }
                if let StepEnd::Failed(failure) | StepEnd::Caught(failure) = &step.end {
                    document["failure"] = serde_json::to_value(failure).unwrap_or_default();
                }
                if let Some(outputs) = self.step_outputs.get(&step.step) {
                    document["outputs"] = to_document(outputs);
                }
                document
            })
            .collect();
        json!({
            "schema": "khutulun.run/1",
            "service": self.plan.namespace.0,
            "run": self.report.run.0,
            "goal": serde_json::to_value(self.plan.goal).unwrap_or_default(),
            "result": self.report.result.word(),
            "waiting": self.waiting,
            "steps": steps,
            "outputs": self.outputs.as_ref().map(Outputs::values).or_else(|| self.answer().map(to_document)),
            "unwound": self.unwound.map(Unwound::document),
            "error": self.error().map(|error| error.document()),
        })
    }

    fn text(&self, style: Style) -> String {
        let service = &self.plan.namespace;
        // What went wrong is told as an error.
        if self.report.result != RunResult::Succeeded {
            return String::new();
        }
        let sign = style.green(style.sign("✓", "+"));
        let operations = plan_view::operations(self.plan);
        match self.plan.goal {
            Goal::Deploy => {
                let how = if self.waiting.is_empty() { "deployed" } else { "deployed as far as can be" };
                let mut text = format!("{sign} `{service}` is {how} ({operations})\n");
                if let Some(outputs) = self.outputs.as_ref().filter(|outputs| !outputs.outputs.is_empty()) {
                    text.push_str(&outputs.lines(style));
                }
                text
            }
            Goal::Destroy => format!("{sign} `{service}` is destroyed ({operations})\n"),
            Goal::Workflow => self.workflow(sign, style),
            Goal::Stop | Goal::Start | Goal::Restart | Goal::Adopt => self.nodes(&sign),
            _ => {
                let mut text = String::new();
                for (step, outputs) in self.step_outputs {
                    let Some(planned) = self.plan.steps.get(*step as usize) else { continue };
                    text.push_str(&format!(
                        "{sign} {} of `{}` is done\n",
                        progress::plain(&planned.event),
                        self.plan.path_of(&planned.subject.node)
                    ));
                    text.push_str(&lines(outputs));
                }
                text
            }
        }
    }
}
