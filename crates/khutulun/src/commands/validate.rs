//! `khutulun validate`: everything that is wrong with designs, in one run.

use std::{
    fmt::Write as _,
    num::NonZero,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use diagnostics::{DIAGNOSTICS_SCHEMA, render_sarif};
use serde_json::{Value as Json, json};
use tosca_csar::Findings;

use crate::{
    answer::{self, Answer},
    cli::{Format, ValidateArguments},
    design,
    error::{Audience, CliError},
    exit::Exit,
    profiles::Profiles,
    session::Session,
    source::{Checked, Source},
    terminal::Style,
};

/// As much stack as a main thread has: designs may be nested deeply.
const STACK_BYTES: usize = 8 << 20;

/// How many designs are named in the error that sums up; the answer has all of them.
const NAMED_MAX: usize = 8;

/// What came of one path. Of a design only what was found is kept: there may be thousands.
struct Verdict {
    path: PathBuf,
    is_valid: bool,
    /// How many node templates there are; None without a service template.
    nodes: Option<usize>,
    outcome: Result<Vec<Findings>, CliError>,
}

struct Verdicts(Vec<Verdict>);

impl Verdict {
    fn of(path: &Path, profiles: &Profiles) -> Self {
        match Source::find(path, profiles) {
            Ok(source) => {
                let checked = source.check_all();
                let is_valid = !checked.is_invalid();
                let Checked { model, package, design, others, .. } = checked;
                let service = model.as_ref().and_then(|model| model.service_template.as_ref());
                let nodes = service.map(|service| service.node_templates.len());
                let mut findings = vec![package, design];
                findings.extend(others);
                findings.retain(|findings| !findings.diagnostics.is_empty());
                Self { path: source.path.clone(), is_valid, nodes, outcome: Ok(findings) }
            }
            Err(error) => Self { path: path.to_owned(), is_valid: false, nodes: None, outcome: Err(error) },
        }
    }

    /// What was found in the design; nothing when it could not even be looked at.
    fn findings(&self) -> Vec<&Findings> {
        self.outcome.iter().flatten().collect()
    }

    fn records(&self) -> Vec<Json> {
        design::records(&self.findings())
    }

    fn errors(&self) -> usize {
        if self.outcome.is_err() { 1 } else { design::errors(&self.findings()) }
    }

    fn document(&self) -> Json {
        let mut document = json!({
            "path": self.path.to_string_lossy(),
            "valid": self.is_valid,
            "errors": self.errors(),
            "node_templates": self.nodes,
        });
        if let Err(error) = &self.outcome {
            document["error"] = error.document();
        }
        document
    }

    fn line(&self, style: Style) -> String {
        let path = self.path.display();
        if !self.is_valid {
            let sign = style.red(style.sign("✗", "x"));
            let why = match (&self.outcome, self.errors()) {
                (Err(error), _) => error.why.lines().next().unwrap_or(&error.what).to_owned(),
                (Ok(_), 1) => "1 error".to_owned(),
                (Ok(_), errors) => format!("{errors} errors"),
            };
            return format!("{sign} {path} is invalid: {why}\n");
        }
        let nodes = match self.nodes {
            None => "no service template, only types".to_owned(),
            Some(1) => "1 node template".to_owned(),
            Some(count) => format!("{count} node templates"),
        };
        format!("{} {path} is valid: {nodes}\n", style.green(style.sign("✓", "+")))
    }
}

impl Answer for Verdicts {
    fn document(&self) -> Json {
        let diagnostics: Vec<Json> = self
            .0
            .iter()
            .flat_map(|verdict| {
                verdict.records().into_iter().map(|mut record| {
                    record["design"] = verdict.path.to_string_lossy().into();
                    record
                })
            })
            .collect();
        let designs: Vec<Json> = self.0.iter().map(Verdict::document).collect();
        json!({ "schema": DIAGNOSTICS_SCHEMA, "designs": designs, "diagnostics": diagnostics })
    }

    fn items(&self) -> Vec<Json> {
        let item = |verdict: &Verdict| {
            let mut document = verdict.document();
            document["schema"] = DIAGNOSTICS_SCHEMA.into();
            document["diagnostics"] = verdict.records().into();
            document
        };
        self.0.iter().map(item).collect()
    }

    fn text(&self, style: Style) -> String {
        // What is wrong with a single design is said already.
        match self.0.as_slice() {
            [only] if !only.is_valid => String::new(),
            verdicts => verdicts.iter().map(|verdict| verdict.line(style)).collect(),
        }
    }
}

pub(crate) fn run(arguments: &ValidateArguments, session: &Session) -> Result<Exit, CliError> {
    session.progress.phase(match arguments.paths.as_slice() {
        [only] => format!("compiling {}", only.display()),
        several => format!("compiling {} designs", several.len()),
    });
    let mut verdicts = Verdicts(judge(&arguments.paths, &session.profiles)?);
    session.progress.settle();
    if let [Verdict { outcome: Err(_), .. }] = verdicts.0.as_slice()
        && let Some(Verdict { outcome: Err(error), .. }) = verdicts.0.pop()
    {
        return Err(error);
    }
    let is_one_of_several = verdicts.0.len() > 1;
    for verdict in &verdicts.0 {
        match &verdict.outcome {
            Ok(findings) if is_one_of_several && !findings.is_empty() && !session.progress.is_json() => {
                let path = verdict.path.display().to_string();
                to_standard_error(&format!("{}\n", Style::stderr().bold(&format!("{path}:"))));
                design::show(session, &verdict.findings());
            }
            Ok(_) => design::show(session, &verdict.findings()),
            Err(error) if session.progress.is_json() => to_standard_error(&format!("{}\n", error.document())),
            Err(error) => to_standard_error(&error.render(Style::stderr())),
        }
    }
    match session.format {
        Format::Sarif => answer::write(sarif(&verdicts.0).as_bytes())?,
        format => answer::give(&verdicts, format)?,
    }
    summary(&verdicts.0).map_or(Ok(Exit::Success), Err)
}

/// Judges designs, as many at once as there are processors; the answers are in the order of the paths.
fn judge(paths: &[PathBuf], profiles: &Profiles) -> Result<Vec<Verdict>, CliError> {
    // What is wrong with the profiles is told once, and not for each design.
    profiles.catalog()?;
    if let [only] = paths {
        return Ok(vec![Verdict::of(only, profiles)]);
    }
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    let next = AtomicUsize::new(0);
    let found = Mutex::new(Vec::with_capacity(paths.len()));
    let work = || {
        while let Some((index, path)) = {
            let index = next.fetch_add(1, Ordering::Relaxed);
            paths.get(index).map(|path| (index, path))
        } {
            let verdict = Verdict::of(path, profiles);
            found.lock().unwrap_or_else(PoisonError::into_inner).push((index, verdict));
        }
    };
    thread::scope(|scope| {
        for _ in 0..processors.min(paths.len()) {
            let worker = thread::Builder::new().name("validate".to_owned()).stack_size(STACK_BYTES);
            worker.spawn_scoped(scope, work)?;
        }
        Ok(())
    })
    .map_err(|error: std::io::Error| {
        CliError::new(Exit::Failed, "failed to start a thread")
            .place("this machine")
            .cause(&error)
            .next("end other programs, or validate the designs one by one")
    })?;
    let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    found.sort_by_key(|(index, _)| *index);
    Ok(found.into_iter().map(|(_, verdict)| verdict).collect())
}

/// One log with a run for each part of each design that something was found in.
fn sarif(verdicts: &[Verdict]) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let mut log: Json =
        serde_json::from_str(&render_sarif(&[], &diagnostics::SourceMap::new(), version)).unwrap_or_default();
    let mut runs = Vec::new();
    for findings in verdicts.iter().flat_map(Verdict::findings) {
        let rendered = render_sarif(&findings.diagnostics, &findings.sources, version);
        let mut part: Json = serde_json::from_str(&rendered).unwrap_or_default();
        if let Some(part) = part["runs"].as_array_mut() {
            runs.append(part);
        }
    }
    // Without a finding there is still a run, which says so.
    if !runs.is_empty() {
        log["runs"] = runs.into();
    }
    format!("{log:#}\n")
}

/// The error that sums up what is wrong; None when nothing is.
fn summary(verdicts: &[Verdict]) -> Option<CliError> {
    let invalid: Vec<&Verdict> = verdicts.iter().filter(|verdict| !verdict.is_valid).collect();
    let mut error = match (verdicts, invalid.as_slice()) {
        (_, []) => return None,
        ([only @ Verdict { path, .. }], _) => design::summary(path, &only.findings()),
        _ => {
            let mut places = String::new();
            for verdict in invalid.iter().take(NAMED_MAX) {
                let _ = writeln!(places, "{}", verdict.path.display());
            }
            if let more @ 1.. = invalid.len().saturating_sub(NAMED_MAX) {
                let _ = writeln!(places, "and {more} more");
            }
            let are = if invalid.len() == 1 { "is" } else { "are" };
            let designs = format!("{} of {} designs {are} invalid", invalid.len(), verdicts.len());
            let errors: usize = invalid.iter().map(|verdict| verdict.errors()).sum();
            CliError::new(Exit::InvalidDesign, designs)
                .place(places)
                .why(if errors == 1 {
                    "1 error, shown above".to_owned()
                } else {
                    format!("{errors} errors, shown above")
                })
                .unchanged("nothing was deployed, changed or written")
                .next("mend them, then validate them again")
        }
    };
    error.audience = Audience::People;
    Some(error)
}

fn to_standard_error(text: &str) {
    use std::io::Write as _;
    // Nobody is left to be told when standard error is gone.
    let _ = std::io::stderr().write_all(text.as_bytes());
}
