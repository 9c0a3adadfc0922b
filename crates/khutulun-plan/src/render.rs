//! The plan as text for a person.

use std::fmt::Write as _;

use floria::Value;
use khutulun_api::names;

use crate::{
    document::{Action, Goal, NodeChange, Plan, PlannedValue, Reason},
    machine_name,
};

/// How much of a value is shown, in characters: enough to tell a command from another, and a plan stays readable.
const VALUE_CHARACTERS_MAX: usize = 80;

/// Shows a plan to a person: one paragraph for each node that something happens to, and a summary in the last line.
///
/// Nothing in it depends on a terminal; a symbol never stands without its word.
pub fn render(plan: &Plan) -> String {
    let mut text = String::new();
    for node in plan.nodes.iter().filter(|node| node.action != Action::Keep) {
        render_node(&mut text, plan, node);
        text.push('\n');
    }
    text.push_str(&summary(plan));
    text.push('\n');
    text
}

fn render_node(text: &mut String, plan: &Plan, node: &NodeChange) {
    let (symbol, word) = word_of(node.action);
    let _ = write!(text, "{symbol} {word} {}", node.node);
    if let Some(class) = &node.class {
        let _ = write!(text, " ({})", class.0.rsplit(':').next().unwrap_or(&class.0));
    }
    if let Some(origin) = &node.origin {
        let _ = write!(text, "  {}:{}", origin.source, origin.line);
    }
    text.push('\n');
    for reason in &node.reasons {
        let _ = writeln!(text, "    {}", sentence(reason));
    }
    let name = machine_name(&node.node);
    let steps =
        plan.operations().filter(|(_, step)| step.subject.node == name && step.action != Action::Keep);
    let operations: Vec<String> = steps
        .map(|(_, step)| {
            let operation = step
                .event
                .strip_prefix(names::LIFECYCLE)
                .and_then(|rest| rest.strip_prefix('.'))
                .unwrap_or(&step.event);
            let waits: Vec<String> = step
                .inputs
                .iter()
                .filter_map(|(name, value)| match value {
                    PlannedValue::Unknown(sources) => {
                        Some(format!("{name} is known after {}", sources.join(", ")))
                    }
                    PlannedValue::Known(_) => None,
                })
                .collect();
            if waits.is_empty() {
                operation.to_owned()
            } else {
                format!("{operation} ({})", waits.join("; "))
            }
        })
        .collect();
    if !operations.is_empty() {
        let _ = writeln!(text, "    runs {}", operations.join(", then "));
    }
}

fn word_of(action: Action) -> (char, &'static str) {
    match action {
        Action::Keep => ('=', "keep"),
        Action::Observe => ('*', "look at"),
        Action::Adopt => ('&', "adopt"),
        Action::Forget => ('x', "forget"),
        Action::Create => ('+', "create"),
        Action::Update => ('~', "update"),
        Action::Replace => ('±', "replace"),
        Action::Delete => ('-', "delete"),
        Action::Run => ('>', "run"),
        Action::Wait => ('?', "wait"),
    }
}

fn sentence(reason: &Reason) -> String {
    match reason {
        Reason::New => "it is new".to_owned(),
        Reason::Removed => "it is no longer in the design".to_owned(),
        Reason::Destroyed => "the service is destroyed".to_owned(),
        Reason::Incomplete { state } => format!("an earlier run left it {state}"),
        Reason::Changed { property, from, to, unknown, origin } => {
            let from = from.as_ref().map_or("nothing".to_owned(), show);
            let to = match to {
                _ if *unknown => "known at run time".to_owned(),
                Some(value) => show(value),
                None => "nothing".to_owned(),
            };
            let place = origin.as_ref().map(|origin| format!("  ({}:{})", origin.source, origin.line));
            format!("{property}: {from} → {to}{}", place.unwrap_or_default())
        }
        Reason::Code { event } => format!("the code of {event} changed"),
        Reason::Dependency { node, property } => format!("it depends on {node}.{property}, which changes"),
        Reason::Waiting { requirement } => {
            format!("where its requirement {requirement} leads is not known yet")
        }
        Reason::Behind { node } => format!("it depends on {node}, which waits"),
        Reason::Asked { event } => format!("{event} was asked for"),
        Reason::Drift { seen, intended } => format!("it is {seen}, and should be {intended}"),
        Reason::Adopted => "it was there before it was managed, so it is let go and not removed".to_owned(),
        Reason::Relationship { relationship, target, cause } => {
            format!("relationship {relationship} to {target}: {}", cause.sentence())
        }
    }
}

/// Shows a value on one line, without control characters, and shortened where it is long.
fn show(value: &Value) -> String {
    let text = match value {
        Value::Text(text) if text.is_empty() => "\"\"".to_owned(),
        other => other.to_string(),
    };
    let mut shown: String =
        text.chars().map(|c| if c.is_control() { '␤' } else { c }).take(VALUE_CHARACTERS_MAX).collect();
    if text.chars().nth(VALUE_CHARACTERS_MAX).is_some() {
        shown.push('…');
    }
    shown
}

fn summary(plan: &Plan) -> String {
    let kept = plan.count(Action::Keep);
    let actions = [
        Action::Create,
        Action::Update,
        Action::Replace,
        Action::Delete,
        Action::Run,
        Action::Observe,
        Action::Adopt,
        Action::Forget,
        Action::Wait,
    ];
    let counts: Vec<String> = actions
        .into_iter()
        .map(|action| (plan.count(action), word_of(action).1))
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} to {word}"))
        .collect();
    let nodes = |count: usize| format!("{count} node{}", if count == 1 { "" } else { "s" });
    match plan.goal {
        Goal::Run => "Plan: 1 operation to run".to_owned(),
        Goal::Workflow => format!("Plan: {} operations", plan.operations().count()),
        Goal::Destroy if counts.is_empty() && plan.is_empty() => {
            "Nothing to do: there are no instances".to_owned()
        }
        Goal::Destroy if counts.is_empty() => "Plan: the service goes; it has no nodes".to_owned(),
        Goal::Deploy if counts.is_empty() && plan.is_empty() => {
            let are = if kept == 1 { "is as it should be" } else { "are as they should be" };
            format!("Nothing to do: {} {are}", nodes(kept))
        }
        Goal::Deploy if counts.is_empty() => {
            format!("Plan: no operations; the service's own data changes, and {} stay", nodes(kept))
        }
        _ if counts.is_empty() => "Nothing to do".to_owned(),
        _ => {
            let unchanged = if kept > 0 { format!("; {} unchanged", nodes(kept)) } else { String::new() };
            format!("Plan: {}{unchanged}", counts.join(", "))
        }
    }
}
