//! `khutulun explain`: what a diagnostic's code means, and why a requirement leads where it does.

mod requirement;

use diagnostics::codes::{self, CODES, Code};
use serde_json::{Value as Json, json};

use crate::{
    answer::{self, Answer},
    cli::{ExplainArguments, ExplainCommand},
    error::CliError,
    exit::Exit,
    session::Session,
    terminal::{Style, harmless},
};

struct Page(&'static Code);

impl Answer for Page {
    fn document(&self) -> Json {
        json!({
            "schema": "khutulun.explanation/1",
            "code": self.0.code,
            "chapter": self.0.chapter,
            "summary": self.0.summary,
            "page": self.0.page,
        })
    }

    fn text(&self, _: Style) -> String {
        format!("{}\n", self.0.page.trim_end())
    }
}

pub(crate) fn run(arguments: &ExplainArguments, session: &Session) -> Result<Exit, CliError> {
    if let Some(ExplainCommand::Requirement(arguments)) = &arguments.what {
        return requirement::run(arguments, session);
    }
    // As people copy it: `error[unknown-type]`.
    let words = arguments.code.as_deref().unwrap_or_default().trim();
    let code = words.split_once('[').map_or(words, |(_, code)| code.trim_end_matches(']'));
    let Some(found) = codes::find(code) else {
        let hint = diagnostics::did_you_mean(code, CODES.iter().map(|known| known.code));
        let why = match hint {
            Some(hint) => hint.to_string(),
            None => "diagnostics have their code in brackets, as in `error[unknown-type]`".to_owned(),
        };
        return Err(CliError::usage(format!("there is no code `{}`", harmless(code)), why)
            .next("khutulun explain CODE, such as: khutulun explain unknown-type"));
    };
    session.progress.settle();
    answer::give(&Page(found), session.format)?;
    Ok(Exit::Success)
}
