//! What went wrong, in the five parts that a person needs.

use std::{
    error::Error,
    fmt::Write as _,
    ops::{Deref, DerefMut},
};

use floria::StoreError;
use serde_json::{Value as Json, json};

use crate::{
    exit::Exit,
    terminal::{Style, harmless},
};

/// A run-time error: what, where, why, what was left unchanged, and what to run next. Small to return, large to tell.
#[derive(Debug)]
pub(crate) struct CliError(Box<Parts>);

/// The parts of an error.
#[derive(Debug)]
pub(crate) struct Parts {
    /// The exit code.
    pub(crate) exit: Exit,
    /// What could not be done, lowercase, without a period.
    pub(crate) what: String,
    /// Where: a file, a line of TOSCA, a node.
    pub(crate) place: String,
    /// Why, from the outermost cause to the innermost; may have several lines.
    pub(crate) why: String,
    /// What was left as it was.
    pub(crate) unchanged: String,
    /// What to run or do next.
    pub(crate) next: Vec<String>,
    /// What programs are told besides, by name.
    pub(crate) details: Vec<(&'static str, Json)>,
    /// Who still has to be told.
    pub(crate) audience: Audience,
}

/// Who still has to be told of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Audience {
    /// People and, where data was asked for, programs.
    Everybody,
    /// People only: the answer was already given as data.
    People,
    /// Nobody: only the exit code counts.
    Nobody,
}

impl Deref for CliError {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl DerefMut for CliError {
    fn deref_mut(&mut self) -> &mut Parts {
        &mut self.0
    }
}

impl CliError {
    /// Makes an error without details; the other parts follow by the methods below.
    pub(crate) fn new(exit: Exit, what: impl Into<String>) -> Self {
        Self(Box::new(Parts {
            exit,
            what: what.into(),
            place: String::new(),
            why: String::new(),
            unchanged: "nothing was changed".to_owned(),
            next: Vec::new(),
            details: Vec::new(),
            audience: Audience::Everybody,
        }))
    }

    /// Makes an error of the command line, with the usage of the verb as what to run next.
    pub(crate) fn usage(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self::new(Exit::Usage, what).place("the command line").why(why)
    }

    /// Makes an error that only sets the exit code: its text was already shown.
    pub(crate) fn silent(exit: Exit) -> Self {
        let mut error = Self::new(exit, String::new());
        error.audience = Audience::Nobody;
        error
    }

    /// The answer was already given as data: only people are still to be told.
    pub(crate) fn answered(mut self) -> Self {
        self.audience = Audience::People;
        self
    }

    /// Says where.
    pub(crate) fn place(mut self, place: impl Into<String>) -> Self {
        self.place = place.into();
        self
    }

    /// Says why.
    pub(crate) fn why(mut self, why: impl Into<String>) -> Self {
        self.why = why.into();
        self
    }

    /// Says why with an error and its sources, each said once.
    pub(crate) fn cause(self, error: &dyn Error) -> Self {
        let why = chain(error);
        self.why(why)
    }

    /// Says what was left as it was.
    pub(crate) fn unchanged(mut self, unchanged: impl Into<String>) -> Self {
        self.unchanged = unchanged.into();
        self
    }

    /// Adds what to run next.
    pub(crate) fn next(mut self, next: impl Into<String>) -> Self {
        self.next.push(next.into());
        self
    }

    /// Adds what programs are told besides.
    pub(crate) fn detail(mut self, name: &'static str, detail: Json) -> Self {
        self.details.push((name, detail));
        self
    }

    /// Shows the five parts as text that ends with a line break.
    pub(crate) fn render(&self, style: Style) -> String {
        // Names of files and of what is in them are other people's.
        let mut text = format!("{} {}\n", style.red_bold("error:"), style.bold(&harmless(&self.what)));
        let mut part = |name: &str, content: &str| {
            for (index, line) in content.lines().enumerate() {
                let label = if index == 0 { name } else { "" };
                let _ = writeln!(text, "  {} {}", style.dim(&format!("{label:<10}")), harmless(line));
            }
        };
        part("where", &self.place);
        part("why", &self.why);
        part("unchanged", &self.unchanged);
        for (index, next) in self.next.iter().enumerate() {
            part(if index == 0 { "next" } else { "or" }, next);
        }
        text
    }

    /// Shows the five parts as data, with the details.
    pub(crate) fn document(&self) -> Json {
        let mut document = json!({
            "schema": "khutulun.error/1",
            "exit": self.exit.code(),
            "what": self.what,
            "where": self.place,
            "why": self.why,
            "unchanged": self.unchanged,
            "next": self.next,
        });
        for (name, detail) in &self.details {
            document[*name] = detail.clone();
        }
        document
    }
}

/// Returns the messages of an error and its sources, leaving out what an outer one already says.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut last = text.clone();
    let mut source = error.source();
    while let Some(error) = source {
        let message = error.to_string();
        let is_said = text.contains(&message) || last.len() > 8 && message.ends_with(&last);
        if !is_said {
            let _ = write!(text, ": {message}");
        }
        last = message;
        source = error.source();
    }
    text
}

impl From<StoreError> for CliError {
    fn from(error: StoreError) -> Self {
        let (exit, next) = match &error {
            StoreError::Conflict { .. } => {
                (Exit::Busy, "run the command again: it will plan from what is there now")
            }
            StoreError::Future { .. } | StoreError::Forgotten { .. } => {
                (Exit::Usage, "khutulun store stats, which says which revisions are there")
            }
            StoreError::Invalid(_) => {
                (Exit::Bug, "please report this: khutulun tried to store what makes no sense")
            }
            StoreError::Damaged(_) => (Exit::Unreachable, "restore the state directory from a backup"),
            StoreError::TooNew { .. } => {
                (Exit::Unreachable, "use the newer khutulun that wrote this state directory")
            }
            StoreError::Unavailable { .. } => (
                Exit::Unreachable,
                "mend what is said above (space, permissions, another disk), then run the command again",
            ),
        };
        let what = match &error {
            StoreError::Future { .. } | StoreError::Forgotten { .. } => "there is no such revision",
            _ => "failed to use the store",
        };
        Self::new(exit, what)
            .place("the state directory")
            .cause(&error)
            .unchanged("the store holds what it held before; what runs goes on running")
            .next(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_five_parts_are_shown_each_on_its_lines() {
        let error = CliError::new(Exit::Unreachable, "cannot use the state directory")
            .place("/x")
            .why("one\ntwo")
            .unchanged("all")
            .next("khutulun deploy --state DIR")
            .next("free some space");
        assert_eq!(
            error.render(Style::plain()),
            "error: cannot use the state directory
  where      /x
  why        one
             two
  unchanged  all
  next       khutulun deploy --state DIR
  or         free some space
"
        );
    }

    #[test]
    fn no_part_can_do_anything_to_a_terminal() {
        let escape = "\u{1b}[31mred";
        let error =
            CliError::new(Exit::Failed, escape).place(escape).why(escape).unchanged(escape).next(escape);
        assert!(!error.render(Style::plain()).contains('\u{1b}'));
    }
}
