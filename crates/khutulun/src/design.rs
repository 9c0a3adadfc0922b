//! From a path to a checked model, or to everything that is wrong with it.

use std::{io::Write as _, path::Path};

use diagnostics::{DIAGNOSTICS_SCHEMA, Diagnostic, SourceMap, TextStyle, render_text_all};
use serde_json::{Value as Json, json};
use tosca::{
    Compilation,
    model::{File, Model, NodeDirective},
};
use tosca_csar::Findings;

use crate::{
    answer,
    cli::Format,
    entry,
    error::CliError,
    exit::Exit,
    profiles::Profiles,
    session::Session,
    source::{Checked, Source},
    terminal::Style,
};

/// A design that is free of mistakes.
pub(crate) struct Compiled {
    /// Where it is.
    pub(crate) source: Source,
    /// What it says.
    pub(crate) model: Model,
    /// The texts that it was read from.
    pub(crate) texts: SourceMap,
}

/// Compiles the design that a path means. Mistakes are shown, and are an error.
pub(crate) fn compile(session: &Session, path: &Path) -> Result<Compiled, CliError> {
    let source = find(session, path)?;
    let checked = source.check();
    if checked.is_invalid() {
        return Err(invalid(session, &source.path, &checked.findings()));
    }
    show(session, &checked.findings());
    let Checked { model, design, .. } = checked;
    let model = model.expect("what is not invalid has a model");
    Ok(Compiled { source, model, texts: design.sources })
}

/// Compiles the service templates that can stand for nodes of a design, where it has such nodes. Mistakes are shown, and are
/// an error.
pub(crate) fn substituting(
    session: &Session,
    design: &Compiled,
) -> Result<Vec<(Model, SourceMap)>, CliError> {
    let service = design.model.service_template.as_ref();
    let mut nodes = service.into_iter().flat_map(|service| service.node_templates.values());
    if !nodes.any(|node| node.directives.contains(&NodeDirective::Substitute)) {
        return Ok(Vec::new());
    }
    let path = &design.source.path;
    let compiled = design
        .source
        .substituting(&design.model, &design.texts)
        .map_err(|findings| invalid(session, path, &[&findings]))?;
    let mut models = Vec::with_capacity(compiled.len());
    let mut findings = Vec::new();
    for Compilation { model, diagnostics, sources, .. } in compiled {
        let found = Findings { diagnostics, sources: sources.clone() };
        findings.push(found);
        models.extend(model.map(|model| (model, sources)));
    }
    let findings: Vec<&Findings> = findings.iter().collect();
    if findings.len() > models.len() || findings.iter().any(|findings| findings.has_errors()) {
        return Err(invalid(session, path, &findings));
    }
    show(session, &findings);
    models.retain(|(model, _)| model.service_template.as_ref().is_some_and(|own| own.substitution.is_some()));
    Ok(models)
}

fn find(session: &Session, path: &Path) -> Result<Source, CliError> {
    session.progress.phase(format!("compiling {}", path.display()));
    Source::find(path, &session.profiles)
}

/// Shows what is wrong with a design: to people with carets, to programs as data. Returns the error that sums it up.
pub(crate) fn invalid(session: &Session, path: &Path, findings: &[&Findings]) -> CliError {
    show(session, findings);
    let error = summary(path, findings);
    if session.format == Format::Table {
        return error;
    }
    match answer::give_data(&document(findings), session.format) {
        Ok(()) => error.answered(),
        Err(failed) => failed,
    }
}

/// The error that sums up what is wrong with a design.
pub(crate) fn summary(path: &Path, findings: &[&Findings]) -> CliError {
    let errors = errors(findings);
    let first = findings.iter().flat_map(|findings| &findings.diagnostics).find(|found| found.is_error());
    CliError::new(Exit::InvalidDesign, "the design is invalid")
        .place(path.display().to_string())
        .why(match (errors, first) {
            (1, Some(first)) => first.message.clone(),
            _ => format!("{errors} errors, shown above"),
        })
        .unchanged("nothing was deployed, changed or written")
        .next(format!("mend it, then: khutulun validate {}", path.display()))
}

/// How many errors there are.
pub(crate) fn errors(findings: &[&Findings]) -> usize {
    findings.iter().flat_map(|findings| &findings.diagnostics).filter(|found| found.is_error()).count()
}

/// All that was found as data.
pub(crate) fn document(findings: &[&Findings]) -> Json {
    json!({ "schema": DIAGNOSTICS_SCHEMA, "diagnostics": records(findings) })
}

/// Each thing that was found as data.
pub(crate) fn records(findings: &[&Findings]) -> Vec<Json> {
    findings
        .iter()
        .flat_map(|findings| diagnostics::report(&findings.diagnostics, &findings.sources).diagnostics)
        .map(|record| serde_json::to_value(record).unwrap_or_default())
        .collect()
}

/// Shows what was found, if anything was, on standard error.
pub(crate) fn show(session: &Session, findings: &[&Findings]) {
    for findings in findings {
        show_one(session, &findings.diagnostics, &findings.sources);
    }
}

fn show_one(session: &Session, diagnostics: &[Diagnostic], sources: &SourceMap) {
    if diagnostics.is_empty() {
        return;
    }
    session.progress.settle();
    let style = if Style::stderr().color() { TextStyle::colored() } else { TextStyle::plain() };
    let text = match session.progress.is_json() {
        true => serde_json::to_string(&diagnostics::report(diagnostics, sources)).unwrap_or_default(),
        false => render_text_all(diagnostics, sources, style),
    };
    // Nobody is left to be told when standard error is gone.
    let _ = std::io::stderr().write_all(format!("{text}\n").as_bytes());
}

impl Compiled {
    /// Returns what the service is called: as the person says, else as the file's metadata says, else by where it is.
    pub(crate) fn service_name(&self, given: Option<&str>) -> Result<String, CliError> {
        if let Some(name) = given {
            entry::check_name(name)?;
            return Ok(name.to_owned());
        }
        if let Some(name) = stated(&self.model.files) {
            return Ok(name);
        }
        self.source.default_name().ok_or_else(|| {
            CliError::usage(
                "found no name for the service",
                "neither the file nor its directory has a usable name",
            )
            .place(self.source.path.display().to_string())
            .next("--name SERVICE")
        })
    }
}

/// Returns the name that a file's metadata gives its service, if it is one that a service can have.
fn stated(files: &[File]) -> Option<String> {
    let name = files.first()?.metadata.get("template_name")?.as_str()?;
    entry::check_name(name).is_ok().then(|| name.to_owned())
}

/// Returns the name that the service of a path has, by its design or by where that is, without a word about what is
/// wrong with it or with the profiles that somebody keeps.
pub(crate) fn name_of(session: &Session, path: &Path) -> Result<Option<String>, CliError> {
    session.progress.phase(format!("compiling {}", path.display()));
    let none = Profiles::none();
    let profiles = if session.profiles.catalog().is_ok() { &session.profiles } else { &none };
    let source = Source::find(path, profiles)?;
    Ok(stated(&source.check().files).or_else(|| source.default_name()))
}
