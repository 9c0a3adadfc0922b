//! Explanations as people read them.

use std::fmt;

use floria::{ClassName, Origin};

use super::{Ask, Considered, Explanation, Postponed, Reason, Requirement, Verdict};

/// What is said of a candidate to which an edge could lead.
pub(crate) const FITS: &str = "fits";

/// What is said of candidates that edges lead to.
pub(crate) const CHOSEN: &str = "chosen";

impl fmt::Display for Requirement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "requirement `{}` of `{}`", self.name, self.path)?;
        if self.is_implicit {
            formatter.write_str(" (which its definition wants)")?;
        }
        Ok(())
    }
}

impl fmt::Display for Postponed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (requirement, waits) = (&self.requirement, self.waits.join(", "));
        write!(formatter, "{requirement}{} waits for {waits}", at(&requirement.origin))?;
        if self.waits_for_source {
            write!(formatter, ", which `{}` itself has only after that", requirement.path)?;
        }
        Ok(())
    }
}

impl Explanation {
    /// How many candidates are or could be targets.
    fn fitting(&self) -> u64 {
        let fits =
            |candidate: &&Considered| matches!(candidate.verdict, Verdict::Chosen { .. } | Verdict::Fits);
        let left_out =
            self.left_out.iter().filter(|left_out| [CHOSEN, FITS].contains(&left_out.reason.as_str()));
        (self.candidates.iter().filter(fits).count() + left_out.map(|left_out| left_out.count).sum::<usize>())
            as u64
    }
}

/// Several lines: the requirement, what it asks for, and each candidate with what became of it.
impl fmt::Display for Explanation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Requirement { wanted, made, is_optional, origin, .. } = &self.requirement;
        let wanted = wanted.map_or_else(|| "an unknown number of".to_owned(), |wanted| wanted.to_string());
        let optional = if *is_optional { ", which are optional" } else { "" };
        write!(formatter, "{}: {made} of {wanted} targets{optional}{}", self.requirement, at(origin))?;
        for ask in &self.asked {
            write!(formatter, "\n  asks for {ask}")?;
        }
        if self.candidates.is_empty() && self.left_out.is_empty() {
            formatter.write_str("\n  there is no candidate")?;
        }
        for candidate in &self.candidates {
            write!(formatter, "\n  {}: {}", candidate.path, candidate.verdict)?;
        }
        for left_out in &self.left_out {
            let (count, reason) = (left_out.count, &left_out.reason);
            write!(formatter, "\n  {count} more: {reason}{}", at(&left_out.origin))?;
        }
        match self.fitting() {
            fitting if fitting > 0 && self.requirement.wanted.is_some_and(|wanted| fitting < wanted) => {
                write!(formatter, "\n  only {fitting} can be targets, each of them once")
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Ask {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Template(name) => write!(formatter, "`{name}`"),
            Self::Class(classes) => write!(formatter, "{}", one_of(classes)),
            Self::Name(name) => write!(formatter, "the name `{name}`"),
            Self::ContainerClass(classes) => write!(formatter, "something in {}", one_of(classes)),
            Self::Index(Ok(index)) => write!(formatter, "the index {index}"),
            Self::Index(Err(why)) => write!(formatter, "an index, but {why}"),
            Self::Condition(origin) => write!(formatter, "a condition{}", at(origin)),
            Self::Allocation { property, amount: Some(amount) } => {
                write!(formatter, "{amount} of `{property}`")
            }
            Self::Allocation { property, amount: None } => write!(formatter, "some of `{property}`"),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chosen { index } => write!(formatter, "{CHOSEN}, as {index}"),
            Self::Fits => formatter.write_str(FITS),
            Self::Waits(waits) => write!(formatter, "waits for {}", waits.join(", ")),
            Self::Dropped { reason, origin } => {
                let (reason, at) = (reason.to_string(), at(origin));
                // Why a condition has no value says where that is: often the whole condition.
                formatter.write_str(&reason)?;
                if reason.ends_with(&at) { Ok(()) } else { formatter.write_str(&at) }
            }
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Class { wanted } => write!(formatter, "is no {}", one_of(wanted)),
            Self::Name { wanted } => write!(formatter, "is not called `{wanted}`"),
            Self::ContainerClass { wanted } => write!(formatter, "is in no {}", one_of(wanted)),
            Self::Index => formatter.write_str("has another index"),
            Self::Source { valid } => write!(formatter, "is only for {}", one_of(valid)),
            Self::Relationship { valid } => write!(formatter, "is only at the end of {}", one_of(valid)),
            Self::OutOfReach => formatter.write_str("is only for other services"),
            Self::Taken => formatter.write_str("is another target of the same requirement"),
            Self::Condition { came_to: Ok(value) } => write!(formatter, "the condition is {value}"),
            Self::Condition { came_to: Err(why) } => write!(formatter, "the condition fails: {why}"),
            Self::Allocation { property, amount, capacity, holders } => {
                write!(formatter, "has not {amount} left of `{property}` {capacity}")?;
                match holders.as_slice() {
                    [] => Ok(()),
                    holders => write!(formatter, ", of which some is for {}", holders.join(", ")),
                }
            }
            Self::NotAllocatable { property, why } => write!(formatter, "`{property}` {why}"),
        }
    }
}

impl Reason {
    /// What candidates have in common that are dropped for this: the reason without what is the candidate's own.
    pub(crate) fn in_common(&self) -> String {
        match self {
            Self::Allocation { property, .. } => format!("have not enough left of `{property}`"),
            other => other.to_string(),
        }
    }
}

fn one_of(classes: &[ClassName]) -> String {
    let names: Vec<_> = classes.iter().map(|class| format!("`{}`", class.last())).collect();
    names.join(" or ")
}

fn at(origin: &Option<Origin>) -> String {
    origin.as_ref().map_or_else(String::new, |origin| format!(" ({origin})"))
}
