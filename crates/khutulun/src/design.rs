//! From a path to a checked model, or to everything that is wrong with it.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

use diagnostics::{Diagnostic, SourceMap, TextStyle, has_errors, render_text_all};
use tosca::{FileSources, model::Model};
use tosca_profiles::WithProfiles;

use crate::{answer, cli::Format, entry, error::CliError, exit::Exit, session::Session, terminal::Style};

/// A design that is free of mistakes.
pub(crate) struct Compiled {
    /// The file that was meant.
    pub(crate) file: PathBuf,
    /// What it says.
    pub(crate) model: Model,
    /// The texts that it was read from.
    pub(crate) sources: SourceMap,
    /// Warnings and notes.
    pub(crate) diagnostics: Vec<Diagnostic>,
}

/// Where files come from: the machine's, and the built-in profiles.
pub(crate) fn sources() -> Result<WithProfiles<FileSources>, CliError> {
    FileSources::new().map(WithProfiles::new).map_err(|error| {
        CliError::new(Exit::Failed, "found no working directory")
            .place("the working directory")
            .cause(&error)
            .next("change to a directory that is there")
    })
}

/// Compiles the design that a path means. Mistakes are shown, and are an error.
pub(crate) fn compile(session: &Session, path: &Path) -> Result<Compiled, CliError> {
    let file = entry::find(path)?;
    session.progress.phase(format!("compiling {}", file.display()));
    let Some(text) = file.to_str() else {
        return Err(CliError::new(Exit::InvalidDesign, "cannot read the design")
            .place(file.display().to_string())
            .why("its path is not UTF-8, and could not be named in messages and in state")
            .next("rename it"));
    };
    let compilation = tosca::compile(text, &sources()?);
    match compilation.model {
        Some(model) => {
            let compiled =
                Compiled { file, model, sources: compilation.sources, diagnostics: compilation.diagnostics };
            compiled.warn(session);
            Ok(compiled)
        }
        None => Err(invalid(session, &file, &compilation.diagnostics, &compilation.sources)),
    }
}

/// Shows what is wrong with a design: to people with carets, to programs as data. Returns the error that sums it up.
pub(crate) fn invalid(
    session: &Session,
    file: &Path,
    diagnostics: &[Diagnostic],
    sources: &SourceMap,
) -> CliError {
    session.progress.settle();
    show(session, diagnostics, sources);
    let errors = diagnostics.iter().filter(|diagnostic| diagnostic.is_error()).count();
    let error = CliError::new(Exit::InvalidDesign, "the design is invalid")
        .place(file.display().to_string())
        .why(match (errors, diagnostics.first()) {
            (1, Some(first)) => first.message.clone(),
            _ => format!("{errors} errors, shown above"),
        })
        .unchanged("nothing was deployed, changed or written")
        .next(format!("mend it, then: khutulun validate {}", file.display()));
    if session.format == Format::Table {
        return error;
    }
    let report = serde_json::to_value(diagnostics::report(diagnostics, sources)).unwrap_or_default();
    match answer::give_data(&report, session.format) {
        Ok(()) => error.answered(),
        Err(failed) => failed,
    }
}

fn show(session: &Session, diagnostics: &[Diagnostic], sources: &SourceMap) {
    if diagnostics.is_empty() {
        return;
    }
    let style = if Style::stderr().color() { TextStyle::colored() } else { TextStyle::plain() };
    let text = match session.progress.is_json() {
        true => serde_json::to_string(&diagnostics::report(diagnostics, sources)).unwrap_or_default(),
        false => render_text_all(diagnostics, sources, style),
    };
    // Nobody is left to be told when standard error is gone.
    let _ = std::io::stderr().write_all(format!("{text}\n").as_bytes());
}

impl Compiled {
    /// Shows warnings and notes, if there are any.
    fn warn(&self, session: &Session) {
        debug_assert!(!has_errors(&self.diagnostics), "a model with errors does not exist");
        if !self.diagnostics.is_empty() {
            session.progress.settle();
            show(session, &self.diagnostics, &self.sources);
        }
    }

    /// Returns what the service is called: as the person says, else as the file's metadata says, else by where it is.
    pub(crate) fn service_name(&self, given: Option<&str>) -> Result<String, CliError> {
        if let Some(name) = given {
            entry::check_name(name)?;
            return Ok(name.to_owned());
        }
        if let Some(name) = stated(&self.model) {
            return Ok(name);
        }
        entry::default_name(&self.file).ok_or_else(|| {
            CliError::usage(
                "found no name for the service",
                "neither the file nor its directory has a usable name",
            )
            .place(self.file.display().to_string())
            .next("--name SERVICE")
        })
    }
}

/// Returns the name that a file's metadata gives its service, if it is one that a service can have.
fn stated(model: &Model) -> Option<String> {
    let name = model.files.first()?.metadata.get("template_name")?.as_str()?;
    entry::check_name(name).is_ok().then(|| name.to_owned())
}

/// Returns the name that a design gives its service, without a word about what is wrong with it.
pub(crate) fn stated_name(session: &Session, file: &Path) -> Option<String> {
    session.progress.phase(format!("reading {}", file.display()));
    stated(&tosca::compile(file.to_str()?, &sources().ok()?).model?)
}
