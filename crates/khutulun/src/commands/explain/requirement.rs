//! `khutulun explain requirement`: each candidate, and the first thing about it that is not as asked for.

use std::path::Path;

use floria::Store;
use floria_resolver::Explanation;
use serde_json::{Value as Json, json};

use crate::{
    answer::{self, Answer},
    cli::ExplainRequirementArguments,
    entry,
    error::CliError,
    exit::Exit,
    explanation,
    intention::Intention,
    revision,
    session::Session,
    terminal::{Style, harmless},
};

/// The explanations of all requirements of one name at one node.
struct Explanations(Vec<Explanation>);

impl Answer for Explanations {
    fn document(&self) -> Json {
        json!({ "schema": "khutulun.requirement/1", "requirements": self.items() })
    }

    fn items(&self) -> Vec<Json> {
        self.0.iter().map(explanation::document).collect()
    }

    fn text(&self, _: Style) -> String {
        let lines = self.0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n\n");
        lines.lines().map(|line| harmless(line) + "\n").collect()
    }
}

pub(super) fn run(arguments: &ExplainRequirementArguments, session: &Session) -> Result<Exit, CliError> {
    let Some((node, requirement)) = arguments.requirement.rsplit_once('/') else {
        return Err(CliError::usage(
            format!("cannot read the requirement `{}`", harmless(&arguments.requirement)),
            "it is a node, a slash and the name of a requirement",
        )
        .next("khutulun explain requirement web/database PATH"));
    };
    let store = session.reader()?;
    let mut service = revision::service_of_path(session, &arguments.design)?;
    // Where no design is at hand, and nobody named one, a service is meant.
    if let Some(store) = &store
        && arguments.design.path == Path::new(".")
        && entry::find(Path::new(".")).is_err()
    {
        service = Some(session.service(store, arguments.design.name.as_deref())?);
    }
    let intention = match service {
        Some(service) => revision::given_anew(session, &service, &arguments.design)?,
        None => Intention::read(session, &arguments.design)?,
    };
    let store = store.as_ref().map(|store| store as &dyn Store);
    let explanations = intention.explain(session, store, node, requirement)?;
    session.progress.settle();
    answer::give(&Explanations(explanations), session.format)?;
    Ok(Exit::Success)
}
