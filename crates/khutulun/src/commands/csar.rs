//! `khutulun csar`: makes, shows, unpacks and checks packages.

mod create;
mod verify;

use std::fmt::Write as _;

use serde_json::{Value as Json, json};
use tosca_csar::{Inspection, Options, Package};

use crate::{
    answer::{self, Answer, Table},
    cli::{CsarCommand, CsarExtractArguments, CsarPathArguments},
    design,
    error::CliError,
    exit::Exit,
    package,
    session::Session,
    terminal::{Style, harmless},
};

pub(crate) fn run(command: &CsarCommand, session: &Session) -> Result<Exit, CliError> {
    match command {
        CsarCommand::Create(arguments) => create::run(arguments, session),
        CsarCommand::Inspect(arguments) => inspect(arguments, session),
        CsarCommand::Extract(arguments) => extract(arguments, session),
        CsarCommand::Verify(arguments) => verify::run(arguments, session),
    }
}

/// What a package says about itself, also when that is wrong.
struct Inspected<'a> {
    package: &'a Package,
    inspection: Inspection,
}

impl Answer for Inspected<'_> {
    fn document(&self) -> Json {
        let mut document = serde_json::to_value(&self.inspection).unwrap_or_default();
        document["schema"] = "khutulun.csar/1".into();
        document["diagnostics"] = design::records(&[self.package.findings()]).into();
        document
    }

    fn text(&self, style: Style) -> String {
        let Inspection { name, format, files, unpacked_bytes, archive_bytes, .. } = &self.inspection;
        let mut text = format!("{}\n", style.bold(&harmless(name)));
        let mut line = |label: &str, value: &str| {
            let _ = writeln!(text, "  {} {}", style.dim(&format!("{label:<9}")), harmless(value));
        };
        let size = archive_bytes.map_or_else(String::new, |size| format!(", {size} bytes"));
        line("format", &format!("{format}{size}"));
        line("files", &format!("{files}, {unpacked_bytes} bytes unpacked"));
        let optional = [
            ("version", &self.inspection.csar_version),
            ("made by", &self.inspection.created_by),
            ("entry", &self.inspection.entry_definitions),
            ("meta", &self.inspection.meta_path),
        ];
        for (label, value) in optional {
            if let Some(value) = value {
                line(label, value);
            }
        }
        for other in &self.inspection.other_definitions {
            line("other", other);
        }
        if !self.inspection.skipped.is_empty() {
            line("left out", &self.inspection.skipped.join(", "));
        }
        text.push('\n');
        let mut table = Table::new(&["BYTES", "KIND", "PATH"]);
        for entry in &self.inspection.entries {
            let kind = match (entry.is_file(), entry.executable) {
                (true, true) => "program",
                (true, false) => "file",
                (false, _) => "folder",
            };
            table.row(vec![entry.size.to_string().into(), kind.into(), entry.path.as_str().into()]);
        }
        text.push_str(&table.render(style));
        text
    }
}

fn inspect(arguments: &CsarPathArguments, session: &Session) -> Result<Exit, CliError> {
    session.progress.phase(format!("reading {}", arguments.path.display()));
    let package = package::open(&arguments.path, &Options::default())?;
    session.progress.settle();
    design::show(session, &[package.findings()]);
    answer::give(&Inspected { package: &package, inspection: package.inspect() }, session.format)?;
    Ok(Exit::Success)
}

struct Extracted {
    package: String,
    to: String,
    files: usize,
    bytes: u64,
}

impl Answer for Extracted {
    fn document(&self) -> Json {
        json!({
            "schema": "khutulun.csar-extracted/1",
            "package": self.package,
            "to": self.to,
            "files": self.files,
            "bytes": self.bytes,
        })
    }

    fn text(&self, style: Style) -> String {
        let files = if self.files == 1 { "1 file".to_owned() } else { format!("{} files", self.files) };
        format!(
            "{} {} is in {}: {files}, {} bytes\n",
            style.green(style.sign("✓", "+")),
            harmless(&self.package),
            harmless(&self.to),
            self.bytes
        )
    }
}

fn extract(arguments: &CsarExtractArguments, session: &Session) -> Result<Exit, CliError> {
    session.progress.phase(format!("reading {}", arguments.path.display()));
    let package = package::open(&arguments.path, &Options::default())?;
    session.progress.phase(format!("writing {}", arguments.to.display()));
    package.extract(&arguments.to).map_err(|error| {
        use tosca_csar::Error;
        let is_target = matches!(error, Error::Exists { .. } | Error::Write { .. });
        let at = if is_target { &arguments.to } else { &arguments.path };
        package::failure("extract the package", at, &error)
    })?;
    session.progress.settle();
    let Inspection { files, unpacked_bytes, .. } = package.inspect();
    let extracted = Extracted {
        package: arguments.path.display().to_string(),
        to: arguments.to.display().to_string(),
        files,
        bytes: unpacked_bytes,
    };
    answer::give(&extracted, session.format)?;
    Ok(Exit::Success)
}
