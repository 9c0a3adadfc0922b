//! `khutulun compile`: the graph of templates that a design becomes.

use floria::Design;
use serde_json::Value as Json;

use crate::{
    answer::{self, Answer},
    cli::{CompileArguments, Format},
    design,
    error::CliError,
    exit::Exit,
    proposal::compile_and_lower,
    session::Session,
    terminal::Style,
};

struct Templates<'a>(&'a Design);

impl Answer for Templates<'_> {
    fn document(&self) -> Json {
        // JSON has no maps whose keys are lists or maps; a design has none but in values that somebody wrote so.
        let mut document = serde_json::to_value(self.0).unwrap_or_default();
        document["schema"] = "khutulun.design/1".into();
        document["digest"] = self.0.digest().into();
        document
    }

    fn text(&self, _: Style) -> String {
        khutulun_lowering::render(self.0)
    }
}

pub(crate) fn run(arguments: &CompileArguments, session: &Session) -> Result<Exit, CliError> {
    if session.format == Format::Tosca {
        return write_tosca(arguments, session);
    }
    let (_, lowered) = compile_and_lower(session, &arguments.path, arguments.name.as_deref())?;
    session.progress.settle();
    answer::give(&Templates(&lowered.design), session.format)?;
    Ok(Exit::Success)
}

/// Writes the model, and not what it is lowered to: what cannot be run yet can be written.
fn write_tosca(arguments: &CompileArguments, session: &Session) -> Result<Exit, CliError> {
    let compiled = design::compile(session, &arguments.path)?;
    session.progress.settle();
    let text = tosca::write(&compiled.model, &tosca::WriteOptions::default()).map_err(|error| {
        CliError::new(Exit::Failed, "cannot write the design as one TOSCA file")
            .place(arguments.path.display().to_string())
            .cause(&error)
            .next(format!("khutulun compile {}", arguments.path.display()))
    })?;
    answer::write(text.as_bytes())?;
    Ok(Exit::Success)
}
