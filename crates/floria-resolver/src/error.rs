//! Why there is no graph.

use crate::{Explanation, Postponed};
use floria::{
    EvaluationError, Origin, StoreError, VertexTemplateId,
    rules::{Directive, RuleError},
};

/// Why a design could not be resolved. Nothing was made.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// The design holds no template, not even the service's.
    #[error("the design of `{0}` is empty")]
    Empty(String),
    /// An input was given that the service does not have.
    #[error("there is no input `{name}`; there are: {}", list(.known))]
    UnknownInput {
        /// The name that was given.
        name: String,
        /// The names of the service's properties.
        known: Vec<String>,
    },
    /// A template comes before the one that contains it, or that one is not in the design.
    #[error("template `{name}` is in template {container}, which does not come before it")]
    MissingContainer {
        /// The name of the template.
        name: String,
        /// What should contain it.
        container: VertexTemplateId,
    },
    /// An edge template starts or ends at a template that is not in the design.
    #[error("edge template `{name}` has an end at template {end}, which is not in the design")]
    MissingEnd {
        /// The name of the edge template.
        name: String,
        /// The end.
        end: VertexTemplateId,
    },
    /// An edge template without rules leads to a template of which there is not exactly one instance.
    #[error("edge template `{name}` leads to template `{target}`, of which there are {instances} instances")]
    Ambiguous {
        /// The name of the edge template.
        name: String,
        /// The name of the template that it leads to.
        target: String,
        /// How many instances it could lead to.
        instances: usize,
        /// Where the edge was asked for.
        origin: Option<Origin>,
    },
    /// A rule of a template is not one.
    #[error("the rules of template `{name}` cannot be read")]
    Rule {
        /// The name of the template.
        name: String,
        /// What is wrong.
        source: RuleError,
        /// Where the template was asked for.
        origin: Option<Origin>,
    },
    /// How many there are to be cannot be said.
    #[error("how many `{name}` there are cannot be computed")]
    Count {
        /// The template, or the requirement of a vertex.
        name: String,
        /// What is wrong.
        source: EvaluationError,
    },
    /// How many there are to be is no count.
    #[error("how many `{name}` there are is no count: {value}")]
    NotACount {
        /// The template, or the requirement of a vertex.
        name: String,
        /// What it is instead: a value, or what it waits for.
        value: String,
        /// Where it was asked for.
        origin: Option<Origin>,
    },
    /// A vertex would have more or fewer edges of a name than the definition of that allows.
    #[error("`{name}` has {count} targets{what}, and there must be {}", range(*.min, *.max))]
    OutOfRange {
        /// The requirement.
        name: String,
        /// How many it would have.
        count: u64,
        /// Which of them: empty for all.
        what: &'static str,
        /// How many there must be.
        min: u64,
        /// How many there may be.
        max: Option<u64>,
        /// Where one of them was asked for.
        origin: Option<Origin>,
    },
    /// Requirements have no target, and must have one.
    #[error("{}", unmet(.0))]
    Unmet(Vec<Explanation>),
    /// Requirements wait for each other.
    #[error("requirements wait for each other: {}", circle(.0))]
    Circle(Vec<Postponed>),
    /// A way to meet all requirements was looked for too long.
    #[error(
        "gave up looking for targets of all requirements after {steps} steps; the last without one: {explanation}"
    )]
    GaveUp {
        /// How many assignments were taken back.
        steps: u64,
        /// What was tried last.
        explanation: Box<Explanation>,
    },
    /// There would be more than there may be.
    #[error("with {count} of `{name}` there would be more than {max} {what} in the service")]
    TooMany {
        /// The template, or the requirement of a vertex.
        name: String,
        /// How many of it.
        count: u64,
        /// How many there may be in all.
        max: u64,
        /// Of what.
        what: &'static str,
        /// Where it was asked for.
        origin: Option<Origin>,
    },
    /// Two instances would have one name.
    #[error("there would be two `{path}`")]
    SameName {
        /// The path of both.
        path: String,
        /// Where the second was asked for.
        origin: Option<Origin>,
    },
    /// None of a template's directives can be followed.
    #[error("`{path}` cannot be made: {}", directives(.tried))]
    Directives {
        /// The instance.
        path: String,
        /// Why not, in order.
        tried: Vec<Tried>,
        /// Where the template was asked for.
        origin: Option<Origin>,
    },
    /// Which service is to be inside of a vertex cannot be said.
    #[error("which service is inside of `{path}` depends on what is not known: {}", .waits.join(", "))]
    Undecided {
        /// The vertex.
        path: String,
        /// What it waits for, as in `` `db.address` ``.
        waits: Vec<String>,
        /// Where its template was asked for.
        origin: Option<Origin>,
    },
    /// A service cannot be inside of a vertex, since what they are wired by is not there.
    #[error("`{name}` cannot be inside of it: there is not {what}")]
    Mapping {
        /// The service.
        name: String,
        /// What is not there.
        what: String,
        /// Where the service was asked for.
        origin: Option<Origin>,
    },
    /// A hook refused an instance, or could not be run, or changes what is not there.
    #[error("`{path}` cannot be made: {reason}")]
    Hook {
        /// The instance.
        path: String,
        /// The event of the hook.
        event: String,
        /// Why.
        reason: String,
        /// Where the hook was asked for.
        origin: Option<Origin>,
    },
    /// The ids ended too early.
    #[error("ran out of ids for new instances")]
    OutOfIds,
    /// The store gave no ids.
    #[error("failed to allocate ids for new instances")]
    Store(#[source] StoreError),
}

impl ResolveError {
    /// Returns where what cannot be resolved was asked for, where that is known.
    pub fn origin(&self) -> Option<&Origin> {
        match self {
            Self::Ambiguous { origin, .. }
            | Self::Rule { origin, .. }
            | Self::NotACount { origin, .. }
            | Self::TooMany { origin, .. }
            | Self::SameName { origin, .. }
            | Self::Directives { origin, .. }
            | Self::Undecided { origin, .. }
            | Self::Mapping { origin, .. }
            | Self::Hook { origin, .. } => origin.as_ref(),
            Self::OutOfRange { origin, .. } => origin.as_ref(),
            Self::Count { source, .. } => source.origin.as_ref(),
            Self::Unmet(all) => all.first().and_then(|one| one.requirement.origin.as_ref()),
            Self::Circle(all) => all.first().and_then(|one| one.requirement.origin.as_ref()),
            Self::GaveUp { explanation, .. } => explanation.requirement.origin.as_ref(),
            Self::Empty(_)
            | Self::UnknownInput { .. }
            | Self::MissingContainer { .. }
            | Self::MissingEnd { .. }
            | Self::OutOfIds
            | Self::Store(_) => None,
        }
    }
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

fn range(min: u64, max: Option<u64>) -> String {
    match max {
        Some(max) if max == min => format!("{min}"),
        Some(max) => format!("{min} to {max}"),
        None => format!("{min} or more"),
    }
}

fn unmet(all: &[Explanation]) -> String {
    let all: Vec<_> = all.iter().map(ToString::to_string).collect();
    format!("not every requirement can be met\n{}", all.join("\n"))
}

fn circle(all: &[Postponed]) -> String {
    let all: Vec<_> = all.iter().map(ToString::to_string).collect();
    all.join("; ")
}

/// A directive that cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// The directive.
    pub directive: Directive,
    /// Why not, a sentence for each candidate.
    pub why: Vec<String>,
}

fn directives(all: &[Tried]) -> String {
    let why = all.iter().map(|tried| format!("{}: {}", tried.directive.word(), tried.why.join(", ")));
    why.collect::<Vec<_>>().join("; ")
}
