//! `khutulun validate`: everything that is wrong with a design, in one run.

use diagnostics::report;
use serde_json::Value as Json;

use crate::{
    answer::{self, Answer},
    cli::ValidateArguments,
    design::{self, Compiled},
    error::CliError,
    exit::Exit,
    session::Session,
    terminal::Style,
};

struct Valid(Compiled);

impl Answer for Valid {
    fn document(&self) -> Json {
        serde_json::to_value(report(&self.0.diagnostics, &self.0.sources)).unwrap_or_default()
    }

    fn text(&self, style: Style) -> String {
        let service = self.0.model.service_template.as_ref();
        let count = service.map_or(0, |service| service.node_templates.len());
        let nodes = match (service.is_some(), count) {
            (false, _) => "no service template, only types".to_owned(),
            (true, 1) => "1 node template".to_owned(),
            (true, count) => format!("{count} node templates"),
        };
        let sign = style.green(style.sign("✓", "+"));
        format!("{sign} {} is valid: {nodes}\n", self.0.file.display())
    }
}

pub(crate) fn run(arguments: &ValidateArguments, session: &Session) -> Result<Exit, CliError> {
    let compiled = design::compile(session, &arguments.path)?;
    session.progress.settle();
    answer::give(&Valid(compiled), session.format)?;
    Ok(Exit::Success)
}
