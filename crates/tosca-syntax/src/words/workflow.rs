//! Workflows, their steps and activities (chapter 13).

use diagnostics::{Diagnostic, Place, Span, one_of};

use super::artifact::Implementation;
use super::assignment::Assignment;
use super::construct::{Construct, OPERATION_HOST, Shape};
use super::field::Field;
use super::property::ParameterDefinition;
use super::reader::{Common, Reader, Word};
use crate::yaml::Node;

/// A workflow (13.2).
#[derive(Debug, Default)]
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
    /// `outputs`: attribute mappings (13.2), or values (9.7).
    pub outputs: Vec<ParameterDefinition<'a>>,
    /// `description`, `metadata`.
    pub common: Common<'a>,
    /// Whether it could be read as a whole.
    pub is_whole: bool,
}

/// A step of a workflow (13.2.2).
#[derive(Debug, Default)]
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

impl<'a> Workflow<'a> {
    const CONSTRUCT: Construct<'a, Self> = Construct::new(
        Shape {
            gone: &[("preconditions", "TOSCA 2.0 has one `precondition`: join several with `$and`")],
            ..Shape::new("a workflow", "13.2")
        },
        &[
            ("description", |own, field| own.common.description = field.text()),
            ("metadata", |own, field| own.common.metadata = field.metadata()),
            ("inputs", |own, field| own.inputs = field.named(Reader::incoming_parameter)),
            ("precondition", |own, field| own.precondition = field.node()),
            ("steps", |own, field| own.steps = field.named(Reader::step)),
            ("implementation", |own, field| own.implementation = field.implementation()),
            ("outputs", |own, field| own.outputs = field.named(Reader::workflow_output)),
        ],
    );
}

impl<'a> Step<'a> {
    const CONSTRUCT: Construct<'a, Self> = Construct::new(
        Shape {
            needs: &[("target", None), ("activities", None)],
            gone: &[OPERATION_HOST],
            ..Shape::new("a workflow step", "13.2.2")
        },
        &[
            ("target", |own, field| own.target = field.word()),
            ("target_relationship", |own, field| own.target_relationship = field.word()),
            ("filter", |own, field| match field.value.items() {
                Some(items) => own.filter = items.collect(),
                None => field.wrong_kind("a list of condition clauses"),
            }),
            ("activities", |own, field| own.activities = field.activities()),
            ("on_success", |own, field| own.on_success = field.steps()),
            ("on_failure", |own, field| own.on_failure = field.steps()),
            ("description", |own, field| own.common.description = field.text()),
            ("metadata", |own, field| own.common.metadata = field.metadata()),
        ],
    );
}

/// The one keyname of an activity, of several that may be there.
#[derive(Default)]
struct Found<'a>([Option<(Node<'a>, Node<'a>)>; 4]);

impl<'a> Found<'a> {
    const CONSTRUCT: Construct<'a, Self> = Construct::new(
        Shape::new("an activity", "13.2.3"),
        &[
            ("delegate", |own, field| own.0[0] = Some((field.key, field.value))),
            ("set_state", |own, field| own.0[1] = Some((field.key, field.value))),
            ("call_operation", |own, field| own.0[2] = Some((field.key, field.value))),
            ("inline", |own, field| own.0[3] = Some((field.key, field.value))),
        ],
    );
}

/// What is called by an activity, with its inputs.
#[derive(Default)]
struct Called<'a> {
    subject: Option<Word<'a>>,
    inputs: Vec<Assignment<'a>>,
}

impl<'a> Called<'a> {
    const WORKFLOW: Construct<'a, Self> = Construct::new(
        Shape { needs: &[("workflow", None)], ..Shape::new("a workflow activity", "13.2.3") },
        &[
            ("workflow", |own, field| own.subject = field.word()),
            ("inputs", |own, field| own.inputs = field.assignments()),
        ],
    );

    const OPERATION: Construct<'a, Self> = Construct::new(
        Shape { needs: &[("operation", None)], ..Shape::new("an operation activity", "13.2.3.3") },
        &[
            ("operation", |own, field| own.subject = field.word()),
            ("inputs", |own, field| own.inputs = field.assignments()),
        ],
    );
}

impl Reader {
    pub(super) fn workflow<'a>(&mut self, name: Word<'a>, node: Node<'a>) -> Workflow<'a> {
        let mut own = Workflow { name, ..Workflow::default() };
        let hidden = self.fill(&mut own, &Workflow::CONSTRUCT, Some(name), node);
        own.is_whole = hidden.is_empty();
        match (node.key("steps"), node.key("implementation")) {
            (Some(steps), Some(implementation)) => self.report(
                Diagnostic::error(
                    "ambiguous-workflow",
                    "a workflow has either `steps` or an `implementation`, not both",
                )
                .at(Place::new(implementation.span(), "besides steps"))
                .related(Place::new(steps.span(), "the steps"))
                .chapter("13.2"),
            ),
            (None, None) if !hidden.has("steps") && !hidden.has("implementation") => self.report(
                Diagnostic::warning("empty-workflow", format!("the workflow `{}` does nothing", name.text))
                    .at(Place::new(name.span, "has neither `steps` nor an `implementation`"))
                    .chapter("13.2"),
            ),
            _ => {}
        }
        own
    }

    fn step<'a>(&mut self, name: Word<'a>, node: Node<'a>) -> Step<'a> {
        let mut own = Step { name, ..Step::default() };
        self.fill(&mut own, &Step::CONSTRUCT, Some(name), node);
        own
    }

    fn activity<'a>(&mut self, node: Node<'a>) -> Option<Activity<'a>> {
        let mut own = Found::default();
        self.fill(&mut own, &Found::CONSTRUCT, None, node);
        let entries = node.entries()?;
        let mut found = KINDS.into_iter().zip(own.0).filter_map(|(kind, entry)| Some((kind, entry?)));
        let Some((kind, (key, value))) = found.next() else {
            // Else every key is reported already.
            if entries.len() == 0 {
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
        let span = key.span();
        let short = |subject| Activity { kind, subject, inputs: Vec::new(), span, hides_inputs: false };
        let construct = match kind {
            ActivityKind::SetState => return self.string(value, &"`set_state`", "13.2.3.2").map(short),
            ActivityKind::CallOperation => &Called::OPERATION,
            ActivityKind::Delegate | ActivityKind::Inline => &Called::WORKFLOW,
        };
        if let Some(subject) = Word::of(value) {
            return Some(short(subject));
        }
        let mut called = Called::default();
        let name = Word { text: kind.as_str(), span };
        let hidden = self.fill(&mut called, construct, Some(name), value);
        let (subject, inputs, hides_inputs) = (called.subject?, called.inputs, hidden.has("inputs"));
        Some(Activity { kind, subject, inputs, span, hides_inputs })
    }
}

impl<'a> Field<'a, '_> {
    /// A list of activities.
    pub(super) fn activities(&mut self) -> Vec<Activity<'a>> {
        let Some(items) = self.value.items() else {
            self.chapter = "13.2.3";
            self.wrong_kind("a list of activities");
            return Vec::new();
        };
        items.filter_map(|item| self.reader.activity(item)).collect()
    }

    /// The names of steps: the table of 13.2.2 wants a list, its grammar shows a single name. Both are understood.
    fn steps(&mut self) -> Vec<Word<'a>> {
        match Word::of(self.value) {
            Some(word) => vec![word],
            None => self.words().unwrap_or_default(),
        }
    }
}
