//! Groups, policies, triggers, workflows and steps as text.

use floria::{EdgeTemplate, Handler, Value, VertexTemplate};
use khutulun_api::names;

use crate::render::{Page, Shown, class, place};

/// The marks of what is no node, with the word for each.
const KINDS: [(&str, &str); 5] = [
    (names::GROUP, "group"),
    (names::POLICY, "policy"),
    (names::TRIGGER, "trigger"),
    (names::WORKFLOW, "workflow"),
    (names::STEP, "step"),
];

impl<'a> Page<'a> {
    /// Writes a group, policy or workflow with all that is in it, and returns whether it is one.
    pub(crate) fn part(&mut self, depth: usize, part: &'a VertexTemplate) -> bool {
        let known =
            KINDS.into_iter().find_map(|(mark, kind)| Some((kind, part.metadata.get(mark)?.as_text()?)));
        let Some((kind, name)) = known else { return false };
        self.line(depth, format_args!("{kind} {name}{}{}", class(&part.classes), place(&part.origin)));
        if kind == "workflow" {
            for (name, input) in &part.properties {
                self.property(depth + 1, "input", name, input);
            }
        } else {
            self.properties(depth + 1, &part.properties);
        }
        for edge in self.outgoing.remove(&part.id).unwrap_or_default() {
            self.follow(depth + 1, edge);
        }
        if let Some(condition) = part.handlers.get(names::CONDITION) {
            for condition in condition.inputs.values() {
                self.line(depth + 1, format_args!("only if {}", Shown(condition)));
            }
        }
        // In their order, which is not that of their names.
        let activities = (0..).map_while(|index| part.handlers.get(&format!("{}.{index}", names::ACTIVITY)));
        for handler in activities {
            self.activity(depth + 1, handler);
        }
        if let Some(handler) = part.handlers.get(names::WORKFLOW_RUN) {
            self.handler(names::WORKFLOW_RUN, handler);
        }
        if let Some(handler) = part.handlers.get(names::WORKFLOW_OUTPUTS) {
            for (name, value) in &handler.inputs {
                let way = if handler.outputs.contains_key(name) { "to" } else { "=" };
                self.line(depth + 1, format_args!("output {name} {way} {}", Shown(value)));
            }
        }
        for inner in self.contained.remove(&part.id).unwrap_or_default() {
            self.part(depth + 1, inner);
        }
        true
    }

    fn follow(&mut self, depth: usize, edge: &EdgeTemplate) {
        let target = self.design.vertex(edge.target);
        let name = target.map_or_else(String::new, |target| target.name.clone());
        self.line(depth, format_args!("{} → {name}", edge.name));
    }

    fn activity(&mut self, depth: usize, handler: &Handler) {
        let word = |key| handler.metadata.get(key).and_then(Value::as_text).unwrap_or_default();
        self.line(depth, format_args!("{} {}", word(names::ACTIVITY_KIND), word(names::ACTIVITY_SUBJECT)));
        for (name, input) in &handler.inputs {
            self.line(depth + 1, format_args!("input {name} = {}", Shown(input)));
        }
    }
}
