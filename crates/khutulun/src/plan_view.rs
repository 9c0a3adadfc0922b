//! A plan as people and programs read it.

use std::{collections::BTreeMap, fmt::Write as _};

use floria::{Origin, Value};
use khutulun_plan::{Action, Goal, NodeChange, Plan, Reason, Step};
use serde_json::Value as Json;

use crate::{
    answer::{Answer, to_json},
    progress,
    terminal::{self, Style},
};

/// How much of a value is shown to people, in columns; data has all of it.
const VALUE_COLUMNS_MAX: usize = 60;

/// A plan to be shown, with what else is worth knowing about it.
pub(crate) struct PlanView<'a> {
    /// The plan.
    pub(crate) plan: &'a Plan,
    /// Sentences about it, such as inputs that fell back to their defaults.
    pub(crate) notes: &'a [String],
    /// The requirements that wait, each with what for.
    pub(crate) waiting: &'a [String],
}

impl<'a> PlanView<'a> {
    /// A plan of which nothing else is to be said.
    pub(crate) fn of(plan: &'a Plan) -> Self {
        Self { plan, notes: &[], waiting: &[] }
    }
}

impl Answer for PlanView<'_> {
    fn document(&self) -> Json {
        let mut document = serde_json::to_value(self.plan).unwrap_or_else(|_| self.without_graph());
        document["empty"] = self.plan.is_empty().into();
        document["notes"] = self.notes.into();
        document["waiting"] = self.waiting.into();
        document
    }

    fn items(&self) -> Vec<Json> {
        let node = |change: &NodeChange| {
            let mut item = serde_json::to_value(change).unwrap_or_default();
            item["schema"] = "khutulun.plan-node/1".into();
            item
        };
        self.plan.nodes.iter().map(node).collect()
    }

    fn text(&self, style: Style) -> String {
        let plan = self.plan;
        let mut text = String::new();
        if plan.goal == Goal::Workflow {
            self.workflow(&mut text, style);
        } else if plan.is_empty() {
            let sentence = match plan.goal {
                Goal::Deploy if plan.waits() => {
                    format!("Nothing to do yet: what is not there of `{}` waits.", plan.namespace)
                }
                Goal::Deploy => format!("Nothing to do: `{}` is what its design says.", plan.namespace),
                Goal::Destroy => format!("Nothing to do: there is nothing of `{}`.", plan.namespace),
                _ => "Nothing to do.".to_owned(),
            };
            let _ = writeln!(text, "{sentence}");
        } else {
            let verb = match plan.goal {
                Goal::Deploy => "deploy",
                Goal::Destroy => "destroy",
                Goal::Run => "run an operation of",
                Goal::Workflow => "run",
                goal => goal.word(),
            };
            let _ = writeln!(text, "{}", style.bold(&format!("Plan to {verb} `{}`:", plan.namespace)));
            text.push_str(&self.nodes(style));
            let _ = writeln!(text, "{}", summary(plan));
        }
        for waiting in self.waiting {
            let _ = writeln!(text, "{} {}", style.yellow("note:"), terminal::harmless(waiting));
        }
        for note in self.notes {
            let _ = writeln!(text, "{} {note}", style.yellow("note:"));
        }
        text
    }
}

impl PlanView<'_> {
    /// The nodes that something happens to, each with why.
    pub(crate) fn nodes(&self, style: Style) -> String {
        let plan = self.plan;
        let mut text = String::new();
        let changed = || plan.nodes.iter().filter(|node| node.action != Action::Keep);
        let name_width = changed().map(|node| terminal::columns(&node.node)).max().unwrap_or_default();
        let class_width = changed().map(|node| terminal::columns(class_of(node))).max().unwrap_or_default();
        let mut events: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (_, step) in plan.operations() {
            events.entry(&step.subject.node).or_default().push(progress::plain(&step.event));
        }
        for node in changed() {
            let name_on_machines = khutulun_plan::machine_name(&node.node);
            let events = events.get(name_on_machines.as_ref()).map_or(&[][..], Vec::as_slice);
            Self::node(&mut text, node, events, (name_width, class_width), style);
        }
        text
    }

    /// A workflow: its steps in order, what leads to each, and what each does.
    fn workflow(&self, text: &mut String, style: Style) {
        let plan = self.plan;
        let name = plan.workflow.as_deref().unwrap_or_default();
        let title =
            format!("Plan to run the workflow `{}` of `{}`:", terminal::harmless(name), plan.namespace);
        let _ = writeln!(text, "{}", style.bold(&title));
        let part = |step: &Step| step.part.as_deref().map(terminal::harmless).unwrap_or_default();
        let ends = |places: &[u32], between: &str| {
            let ends = places.iter().filter_map(|place| plan.steps.get(*place as usize));
            let ends: Vec<String> = ends.filter(|step| step.gathers).map(part).collect();
            ends.join(between)
        };
        for step in &plan.steps {
            let node = terminal::harmless(&step.subject.node);
            if step.event == "begin" && step.action == Action::Keep {
                let (after, otherwise) = (ends(&step.after, ", "), ends(&step.otherwise, " or "));
                let mut line = format!("  {}", style.bold(&part(step)));
                if !after.is_empty() {
                    line.push_str(&style.dim(&format!("  after {after}")));
                }
                if !otherwise.is_empty() {
                    line.push_str(&style.dim(&format!("  if {otherwise} fails")));
                }
                let _ = writeln!(text, "{line}");
            } else if let Some(question) = &step.approval {
                let _ = writeln!(text, "      asks before it goes on: {}", terminal::harmless(question));
            } else if !step.conditions.is_empty() {
                let _ = writeln!(
                    text,
                    "      {}",
                    style.dim(&format!("only if the {} holds: {node}", step.event))
                );
            } else if let Some(state) = step.state.as_deref().filter(|_| step.implementation.is_none()) {
                let _ = writeln!(text, "      {node} counts as {state}");
            } else if step.implementation.is_some() {
                let _ = writeln!(text, "      {} of {node}", progress::plain(&step.event));
            }
        }
        let _ = writeln!(text, "At most {}.", operations(plan));
    }

    /// The plan without the changes of the graph: JSON has no maps whose keys are lists or maps.
    fn without_graph(&self) -> Json {
        let slim = Plan { prepare: Vec::new(), conclude: Vec::new(), ..self.plan.clone() };
        serde_json::to_value(slim).unwrap_or_default()
    }

    fn node(
        text: &mut String,
        node: &NodeChange,
        events: &[&str],
        (name_width, class_width): (usize, usize),
        style: Style,
    ) {
        let (sign, word) = action(node.action);
        let paint = |text: &str| match node.action {
            Action::Create => style.green(text),
            Action::Delete => style.red(text),
            Action::Keep => style.dim(text),
            Action::Update | Action::Replace => style.yellow(text),
            Action::Run | Action::Wait | Action::Observe | Action::Adopt | Action::Forget => style.cyan(text),
        };
        let name = terminal::pad(&terminal::harmless(&node.node), name_width);
        let class = terminal::pad(class_of(node), class_width);
        let operations = if events.is_empty() { String::new() } else { format!(": {}", events.join(", ")) };
        let _ = writeln!(
            text,
            "  {} {}  {}  {}{operations}",
            paint(sign),
            style.bold(&name),
            style.dim(&class),
            paint(word),
        );
        for reason in &node.reasons {
            let (why, origin) = explain(reason, node.origin.as_ref());
            let place = origin.map_or_else(String::new, |origin| format!("({origin})"));
            let is_short = style.fits(8 + terminal::columns(&why) + terminal::columns(&place));
            let between = if is_short { "  " } else { "\n        " };
            let place = if place.is_empty() { place } else { format!("{between}{}", style.dim(&place)) };
            let _ = writeln!(text, "      {why}{place}");
        }
    }
}

fn class_of(node: &NodeChange) -> &str {
    node.class.as_ref().map_or("", |class| short_class(&class.0))
}

/// The sign and the word of an action.
pub(crate) fn action(action: Action) -> (&'static str, &'static str) {
    match action {
        Action::Keep => ("=", "keep"),
        Action::Create => ("+", "create"),
        Action::Update => ("~", "update in place"),
        Action::Replace => ("!", "replace"),
        Action::Delete => ("-", "delete"),
        Action::Run => (">", "run"),
        Action::Wait => ("?", "wait"),
        Action::Observe => ("*", "look at"),
        Action::Adopt => ("&", "adopt"),
        Action::Forget => ("x", "forget"),
    }
}

/// Returns the last part of a class: `Process` for `khutulun.process:0.1:Process`.
pub(crate) fn short_class(class: &str) -> &str {
    class.rsplit(':').next().unwrap_or(class)
}

fn summary(plan: &Plan) -> String {
    let counts = [
        (Action::Create, "to create"),
        (Action::Update, "to update"),
        (Action::Replace, "to replace"),
        (Action::Delete, "to delete"),
        (Action::Run, "to run"),
        (Action::Wait, "waiting"),
        (Action::Observe, "to look at"),
        (Action::Adopt, "to adopt"),
        (Action::Forget, "to forget"),
        (Action::Keep, "unchanged"),
    ];
    let mut parts: Vec<String> = counts
        .iter()
        .map(|(action, words)| (plan.count(*action), words))
        .filter(|(count, _)| *count > 0)
        .map(|(count, words)| format!("{count} {words}"))
        .collect();
    parts.push(match plan.operations().count() {
        0 => "no operations, only records change".to_owned(),
        _ => operations(plan),
    });
    format!("{}.", parts.join(", "))
}

/// How many operations a plan has, in words.
pub(crate) fn operations(plan: &Plan) -> String {
    let count = plan.operations().count();
    format!("{count} operation{}", if count == 1 { "" } else { "s" })
}

/// Why something happens, and where that was asked for.
fn explain<'a>(reason: &'a Reason, node: Option<&'a Origin>) -> (String, Option<&'a Origin>) {
    match reason {
        Reason::New => ("new".to_owned(), node),
        Reason::Removed => ("no longer in the design".to_owned(), None),
        Reason::Destroyed => ("the service is destroyed".to_owned(), None),
        Reason::Incomplete { state } => (format!("an earlier run left it {state}"), node),
        Reason::Changed { property, from, to, unknown, origin } => {
            let from = from.as_ref().map_or_else(|| "(none)".to_owned(), shown);
            let to = match to {
                _ if *unknown => "(known at run time)".to_owned(),
                Some(value) => shown(value),
                None => "(none)".to_owned(),
            };
            (format!("{property}: {from} -> {to}"), origin.as_ref())
        }
        Reason::Code { event } => (format!("the code of {} changed", progress::plain(event)), node),
        Reason::Dependency { node, property } => {
            (format!("depends on {node}.{property}, which may change"), None)
        }
        Reason::Waiting { requirement } => {
            (format!("where its requirement `{requirement}` leads is not known yet"), node)
        }
        Reason::Behind { node } => (format!("depends on {node}, which waits"), None),
        Reason::Asked { event } => (format!("{} was asked for", progress::plain(event)), None),
        Reason::Drift { seen, intended } => {
            let [seen, intended] = [seen, intended].map(|word| terminal::harmless(word));
            (format!("it is {seen}, and should be {intended}"), None)
        }
        Reason::Adopted => ("it was there before it was managed, so it stays where it is".to_owned(), None),
        Reason::Relationship { relationship, target, cause } => {
            let [relationship, target] = [relationship, target].map(|word| terminal::harmless(word));
            (format!("relationship {relationship} to {target}: {}", cause.sentence()), None)
        }
    }
}

/// A value on one short line, text in quotes, so that `"8080"` and `8080` look different.
pub(crate) fn shown(value: &Value) -> String {
    terminal::fit(&terminal::harmless(&to_json(value).to_string()), VALUE_COLUMNS_MAX)
}
