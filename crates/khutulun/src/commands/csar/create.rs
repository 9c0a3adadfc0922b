//! `khutulun csar create`: an archive of a design, the same for the same files.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value as Json, json};
use tosca_csar::{CreateOptions, Created, Error, Options};

use crate::{
    answer::{self, Answer},
    cli::CsarCreateArguments,
    design,
    error::CliError,
    exit::Exit,
    package,
    session::Session,
    source::Source,
    terminal::{Style, harmless},
};

struct Made {
    path: PathBuf,
    created: Created,
}

impl Answer for Made {
    fn document(&self) -> Json {
        let package = &self.created.package;
        json!({
            "schema": "khutulun.csar-created/1",
            "path": self.path.to_string_lossy(),
            "bytes": self.created.bytes,
            "sha256": self.created.sha256,
            "files": package.entries().iter().filter(|entry| entry.is_file()).count(),
            "entry_definitions": package.entry_definitions(),
            "other_definitions": package.other_definitions(),
            "skipped": self.created.skipped,
        })
    }

    fn text(&self, style: Style) -> String {
        let Created { package, bytes, sha256, skipped } = &self.created;
        let files = match package.entries().iter().filter(|entry| entry.is_file()).count() {
            1 => "1 file".to_owned(),
            count => format!("{count} files"),
        };
        let sign = style.green(style.sign("✓", "+"));
        let mut text = format!("{sign} {} is made: {files}, {bytes} bytes\n", self.path.display());
        let _ = writeln!(text, "  starts with {}", harmless(package.entry_definitions().unwrap_or("-")));
        let _ = writeln!(text, "  sha256 {sha256}");
        if !skipped.is_empty() {
            let _ = writeln!(text, "  left out, as hidden: {}", harmless(&skipped.join(", ")));
        }
        text
    }
}

pub(super) fn run(arguments: &CsarCreateArguments, session: &Session) -> Result<Exit, CliError> {
    let directory = &arguments.directory;
    let target = match &arguments.out {
        Some(out) => out.clone(),
        None => default_target(directory)?,
    };
    let options = Options { hidden: arguments.hidden, ..Options::default() };
    session.progress.phase(format!("compiling {}", directory.display()));
    check(arguments, &options, session)?;
    session.progress.phase(format!("writing {}", target.display()));
    let create = CreateOptions {
        entry_definitions: arguments.entry.clone(),
        other_definitions: arguments.other.clone(),
        created_by: arguments.created_by.clone(),
        replace: arguments.replace,
        options,
    };
    let created = tosca_csar::create(directory, &target, &create).map_err(|error| {
        if let Error::Invalid { findings, .. } = &error {
            return design::invalid(session, directory, &[findings]);
        }
        let is_target = matches!(error, Error::Exists { .. } | Error::Target { .. } | Error::Write { .. });
        let failure =
            package::failure("make the archive", if is_target { &target } else { directory }, &error);
        match error {
            Error::Exists { .. } => failure.next("give --replace to replace it"),
            _ => failure,
        }
    })?;
    session.progress.settle();
    answer::give(&Made { path: target, created }, session.format)?;
    Ok(Exit::Success)
}

/// Compiles what the archive will start with, as it will be found inside: nobody should get from us what is invalid.
fn check(arguments: &CsarCreateArguments, options: &Options, session: &Session) -> Result<(), CliError> {
    let directory = &arguments.directory;
    let package = package::open(directory, options)?;
    let source = match &arguments.entry {
        Some(entry) => {
            let entries = [entry].into_iter().chain(&arguments.other).cloned().collect();
            Source::starting_at(directory, package, entries, &session.profiles)?
        }
        None => Source::of_package(directory, package, &session.profiles)?,
    };
    let checked = source.check_all();
    if checked.is_invalid() {
        let error = design::invalid(session, directory, &checked.findings());
        let has_several_roots =
            checked.package.diagnostics.iter().any(|found| found.code == "csar-several-root-files");
        return Err(if has_several_roots { error.next("say where it starts: --entry FILE") } else { error });
    }
    design::show(session, &checked.findings());
    Ok(())
}

fn default_target(directory: &Path) -> Result<PathBuf, CliError> {
    let absolute = fs::canonicalize(directory).map_err(|error| {
        CliError::new(Exit::InvalidDesign, "found no directory to pack")
            .place(directory.display().to_string())
            .cause(&error)
            .next("khutulun csar create DIR")
    })?;
    let name = absolute.file_name().ok_or_else(|| {
        CliError::usage("found no name for the archive", "the directory has none")
            .next("say its file: --out FILE")
    })?;
    let name = package::stem(Path::new(name)).unwrap_or_else(|| name.to_string_lossy().into_owned());
    Ok(PathBuf::from(format!("{name}.csar")))
}
