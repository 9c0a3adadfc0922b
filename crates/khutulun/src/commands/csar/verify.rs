//! `khutulun csar verify`: whether every byte of a package is right.

use diagnostics::DIAGNOSTICS_SCHEMA;
use serde_json::{Value as Json, json};
use tosca_csar::{Options, Package, Verification};

use crate::{
    answer::{self, Answer},
    cli::CsarPathArguments,
    design,
    error::{Audience, CliError, chain},
    exit::Exit,
    package,
    session::Session,
    terminal::{Style, harmless},
};

struct Verified<'a> {
    package: &'a Package,
    verification: &'a Verification,
}

impl Verified<'_> {
    fn is_right(&self) -> bool {
        self.verification.failures.is_empty() && !self.package.findings().has_errors()
    }
}

impl Answer for Verified<'_> {
    fn document(&self) -> Json {
        let failures: Vec<String> = self.verification.failures.iter().map(|error| chain(error)).collect();
        json!({
            "schema": "khutulun.csar-verification/1",
            "package": self.package.name(),
            "valid": self.is_right(),
            "digest": self.verification.digest,
            "files": self.verification.files,
            "failures": failures,
            "diagnostics_schema": DIAGNOSTICS_SCHEMA,
            "diagnostics": design::records(&[self.package.findings()]),
        })
    }

    fn text(&self, style: Style) -> String {
        if !self.is_right() {
            return String::new();
        }
        let files = match self.verification.files.len() {
            1 => "1 file".to_owned(),
            count => format!("{count} files"),
        };
        let sign = style.green(style.sign("✓", "+"));
        let digest = self.verification.digest.as_deref().unwrap_or("-");
        format!("{sign} {} is whole: {files}\n  content sha256 {digest}\n", harmless(self.package.name()))
    }
}

pub(super) fn run(arguments: &CsarPathArguments, session: &Session) -> Result<Exit, CliError> {
    session.progress.phase(format!("reading {}", arguments.path.display()));
    let package = package::open(&arguments.path, &Options::default())?;
    let verification = package.verify();
    session.progress.settle();
    design::show(session, &[package.findings()]);
    let verified = Verified { package: &package, verification: &verification };
    answer::give(&verified, session.format)?;
    if verified.is_right() {
        return Ok(Exit::Success);
    }
    let mut why: Vec<String> = verification.failures.iter().map(|error| harmless(&chain(error))).collect();
    match design::errors(&[package.findings()]) {
        0 => {}
        1 => why.push("1 error in what it says about itself, shown above".to_owned()),
        errors => why.push(format!("{errors} errors in what it says about itself, shown above")),
    }
    let mut error = CliError::new(Exit::InvalidDesign, "the package is not right")
        .place(arguments.path.display().to_string())
        .why(why.join("\n"))
        .unchanged("nothing was written")
        .next("get it again from where it came from, or make it anew: khutulun csar create DIR");
    error.audience = Audience::People;
    Err(error)
}
