//! `khutulun compile`: the graph of templates that a design becomes, or the instances that are made of it.

mod instantiate;

use std::path::Path;

use floria::Design;
use serde_json::Value as Json;

use crate::{
    answer::{self, Answer},
    cli::{CompileArguments, Format},
    design,
    error::CliError,
    exit::Exit,
    intention::Intention,
    proposal::compile_and_lower,
    revision,
    session::Session,
    source::Source,
    terminal::{Style, harmless},
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
    let design = &arguments.design;
    if arguments.instantiate {
        return instantiate::run(arguments, session);
    }
    if !(design.input.is_empty() && design.inputs.is_empty()) {
        return Err(CliError::usage("inputs change nothing", "templates are the same with any inputs")
            .next(format!("khutulun compile {} --instantiate", design.path.display())));
    }
    if let Some(service) = revision::service_of_path(session, design)? {
        let store = session.reader()?.ok_or_else(|| session.nothing_deployed())?;
        let revision = revision::present(session, &store, &service)?;
        let intention = Intention::of_revision(session, &store, &service, &revision)?;
        if session.format == Format::Tosca {
            let why = "of a service, what its design became is kept, and not what its files say";
            return Err(CliError::usage(format!("cannot write `{service}` as TOSCA"), why)
                .next("khutulun compile PATH -o tosca, of its files"));
        }
        session.progress.settle();
        answer::give(&Templates(&intention.design), session.format)?;
        return Ok(Exit::Success);
    }
    if session.format == Format::Tosca {
        return write_tosca(&design.path, session);
    }
    let (_, lowered) = compile_and_lower(session, &design.path, design.name.as_deref())?;
    session.progress.settle();
    answer::give(&Templates(&lowered.design), session.format)?;
    Ok(Exit::Success)
}

/// Writes the model, and not what it is lowered to: what cannot be run yet can be written.
fn write_tosca(path: &Path, session: &Session) -> Result<Exit, CliError> {
    let compiled = design::compile(session, path)?;
    session.progress.settle();
    let options = tosca::WriteOptions {
        folder: folder(&compiled.source, session),
        is_no_path: Some(khutulun_lowering::is_driver),
    };
    let text = tosca::write(&compiled.model, &options).map_err(|error| {
        CliError::new(Exit::Failed, "cannot write the design as one TOSCA file")
            .place(path.display().to_string())
            .cause(&error)
            .next(format!("khutulun compile {}", path.display()))
    })?;
    for profile in tosca::lost_profiles(&compiled.model) {
        session.progress.say(&format!(
            "Types of the profile `{}` become the file's own, as it is imported by a URL and not by its name.\n",
            harmless(profile.as_ref())
        ));
    }
    answer::write(text.as_bytes())?;
    Ok(Exit::Success)
}

/// Where the paths of artifact files start: the working directory, as what is written most often stays there. Files of an
/// archive can only be named from its entry.
fn folder(source: &Source, session: &Session) -> Option<String> {
    if source.is_archive() {
        session.progress.say(&format!(
            "Paths of files in it start at the folder of the archive's entry; to deploy it, write it there after: khutulun csar \
             extract {} --to DIR\n",
            harmless(&source.path.display().to_string())
        ));
        return None;
    }
    Some(std::env::current_dir().ok()?.to_str()?.to_owned())
}
