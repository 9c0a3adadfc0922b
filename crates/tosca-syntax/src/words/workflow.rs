//! Workflows, their steps and activities (chapter 13).

use diagnostics::{Diagnostic, Place, Span, one_of};

use super::definitions::{Implementation, ParameterDefinition};
use super::keynames;
use super::reader::{Common, Fields, Reader, Word};
use super::template::Assignment;
use crate::yaml::Node;

/// A workflow (13.2).
#[derive(Debug)]
pub struct Workflow<'a> {
    /// Its name.
    pub name: Word<'a>,
    /// `inputs`.
    pub inputs: Vec<ParameterDefinition<'a>>,
    /// `precondition`.
    pub precondition: Option<Node<'a>>,
    /// `steps`.
    pub steps: Vec<Step<'a>>,
    /// `implementation`: instead of steps.
    pub implementation: Option<Implementation<'a>>,
    /// `outputs`: attribute mappings.
    pub outputs: Vec<Assignment<'a>>,
    /// `description`, `metadata`.
    pub common: Common<'a>,
    /// Whether it could be read as a whole.
    pub is_whole: bool,
}

/// A step of a workflow (13.2.2).
#[derive(Debug)]
pub struct Step<'a> {
    /// Its name.
    pub name: Word<'a>,
    /// `target`: a node template or group.
    pub target: Option<Word<'a>>,
    /// `target_relationship`: a requirement of the target.
    pub target_relationship: Option<Word<'a>>,
    /// `filter`: condition clauses.
    pub filter: Vec<Node<'a>>,
    /// `activities`.
    pub activities: Vec<Activity<'a>>,
    /// `on_success`: other steps.
    pub on_success: Vec<Word<'a>>,
    /// `on_failure`: other steps.
    pub on_failure: Vec<Word<'a>>,
    /// `description`, `metadata`.
    pub common: Common<'a>,
}

/// An activity (13.2.3).
#[derive(Debug)]
pub struct Activity<'a> {
    /// What it does.
    pub kind: ActivityKind,
    /// The workflow, operation or state.
    pub subject: Word<'a>,
    /// `inputs`.
    pub inputs: Vec<Assignment<'a>>,
    /// The keyname that says what it does.
    pub span: Span,
    /// Whether some inputs could not be read.
    pub hides_inputs: bool,
}

/// What an activity does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ActivityKind {
    /// Another workflow, of the orchestrator, is run (13.2.3.1).
    Delegate,
    /// The state of the node is set (13.2.3.2).
    SetState,
    /// An operation is called (13.2.3.3).
    CallOperation,
    /// The steps of another workflow are run here (13.2.3.4).
    Inline,
}

impl ActivityKind {
    /// Its keyname.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delegate => "delegate",
            Self::SetState => "set_state",
            Self::CallOperation => "call_operation",
            Self::Inline => "inline",
        }
    }
}

const KINDS: [ActivityKind; 4] =
    [ActivityKind::Delegate, ActivityKind::SetState, ActivityKind::CallOperation, ActivityKind::Inline];

impl Reader {
    pub(super) fn workflow<'a>(&mut self, name: Word<'a>, node: Node<'a>) -> Workflow<'a> {
        let mut workflow = Workflow {
            name,
            inputs: Vec::new(),
            precondition: None,
            steps: Vec::new(),
            implementation: None,
            outputs: Vec::new(),
            common: Common::default(),
            is_whole: false,
        };
        let Some(mut fields) = self.fields(node, &keynames::WORKFLOW, Some(name)) else { return workflow };
        workflow.common = self.common(&mut fields);
        workflow.inputs = self.named(&mut fields, "inputs", Self::incoming_parameter);
        workflow.precondition = fields.get("precondition");
        workflow.steps = self.named(&mut fields, "steps", Self::step);
        workflow.implementation = self.implementation(&mut fields);
        workflow.outputs = self.assignments(&mut fields, "outputs");
        match (fields.entry("steps"), fields.entry("implementation")) {
            (Some((steps, _)), Some((implementation, _))) => self.report(
                Diagnostic::error(
                    "ambiguous-workflow",
                    "a workflow has either `steps` or an `implementation`, not both",
                )
                .at(Place::new(implementation.span(), "besides steps"))
                .related(Place::new(steps.span(), "the steps"))
                .chapter("13.2"),
            ),
            (None, None) if !fields.hidden.has("steps") && !fields.hidden.has("implementation") => self
                .report(
                    Diagnostic::warning(
                        "empty-workflow",
                        format!("the workflow `{}` does nothing", name.text),
                    )
                    .at(Place::new(name.span, "has neither `steps` nor an `implementation`"))
                    .chapter("13.2"),
                ),
            _ => {}
        }
        workflow.is_whole = fields.hidden.is_empty();
        workflow
    }

    fn step<'a>(&mut self, name: Word<'a>, node: Node<'a>) -> Step<'a> {
        let mut step = Step {
            name,
            target: None,
            target_relationship: None,
            filter: Vec::new(),
            activities: Vec::new(),
            on_success: Vec::new(),
            on_failure: Vec::new(),
            common: Common::default(),
        };
        let Some(mut fields) = self.fields(node, &keynames::STEP, Some(name)) else { return step };
        step.target = self.mandatory_word(&mut fields, "target");
        step.target_relationship = self.word(&mut fields, "target_relationship");
        step.common = self.common(&mut fields);
        step.filter = match fields.get("filter").map(|node| (node, node.items())) {
            None => Vec::new(),
            Some((_, Some(items))) => items.collect(),
            Some((node, None)) => {
                self.wrong_kind("`filter`", "a list of condition clauses", node, "13.2.2");
                Vec::new()
            }
        };
        if fields.entry("activities").is_none() {
            self.missing(&fields, "activities");
        }
        step.activities = self.activities(&mut fields, "activities");
        step.on_success = self.steps(&mut fields, "on_success");
        step.on_failure = self.steps(&mut fields, "on_failure");
        step
    }

    /// The names of steps: the table of 13.2.2 wants a list, its grammar shows a single name. Both are understood.
    fn steps<'a>(&mut self, fields: &mut Fields<'a>, keyname: &'static str) -> Vec<Word<'a>> {
        match fields.get(keyname).and_then(|node| Some((node, node.as_string()?))) {
            Some((node, text)) => vec![Word { text, span: node.span() }],
            None => self.words(fields, keyname).unwrap_or_default(),
        }
    }

    /// A list of activities.
    pub(super) fn activities<'a>(
        &mut self,
        fields: &mut Fields<'a>,
        keyname: &'static str,
    ) -> Vec<Activity<'a>> {
        let Some(node) = fields.get(keyname) else { return Vec::new() };
        let Some(items) = node.items() else {
            self.wrong_kind(&format!("`{keyname}`"), "a list of activities", node, "13.2.3");
            return Vec::new();
        };
        items.filter_map(|item| self.activity(item)).collect()
    }

    fn activity<'a>(&mut self, node: Node<'a>) -> Option<Activity<'a>> {
        let fields = self.fields(node, &keynames::ACTIVITY, None)?;
        let mut found = KINDS.into_iter().filter_map(|kind| Some((kind, fields.entry(kind.as_str())?)));
        let Some((kind, (key, value))) = found.next() else {
            let is_reported = node.entries().is_some_and(|entries| entries.len() > 0);
            if !is_reported {
                let kinds = one_of(KINDS.iter().map(|kind| kind.as_str()));
                self.report(
                    Diagnostic::error("missing-keyname", format!("an activity needs one of {kinds}"))
                        .at(node.span())
                        .chapter("13.2.3"),
                );
            }
            return None;
        };
        if let Some((_, (second, _))) = found.next() {
            self.report(
                Diagnostic::error("ambiguous-activity", "an activity does one thing")
                    .at(Place::new(second.span(), "this is another one"))
                    .related(Place::new(key.span(), "the first"))
                    .hint("make it two entries of the list, each with `- `")
                    .chapter("13.2.3"),
            );
            return None;
        }
        let (shape, keyname) = match kind {
            ActivityKind::SetState => {
                let subject = self.string(value, &"`set_state`", "13.2.3.2")?;
                return Some(Activity {
                    kind,
                    subject,
                    inputs: Vec::new(),
                    span: key.span(),
                    hides_inputs: false,
                });
            }
            ActivityKind::CallOperation => (&keynames::OPERATION_CALL, "operation"),
            ActivityKind::Delegate | ActivityKind::Inline => (&keynames::WORKFLOW_CALL, "workflow"),
        };
        if let Some(text) = value.as_string() {
            let subject = Word { text, span: value.span() };
            return Some(Activity {
                kind,
                subject,
                inputs: Vec::new(),
                span: key.span(),
                hides_inputs: false,
            });
        }
        let name = Word { text: kind.as_str(), span: key.span() };
        let mut own = self.fields(value, shape, Some(name))?;
        let subject = self.mandatory_word(&mut own, keyname);
        let inputs = self.assignments(&mut own, "inputs");
        let hides_inputs = own.hidden.has("inputs");
        Some(Activity { kind, subject: subject?, inputs, span: key.span(), hides_inputs })
    }
}
