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

use crate::{
    answer::{self, Answer},
    cli::{Format, ValidateArguments},
    design,
    error::{Audience, CliError},
    exit::Exit,
    session::Session,
    source::{Checked, Source},
    terminal::Style,
};

/// As much stack as a main thread has: designs may be nested deeply.
const STACK_BYTES: usize = 8 << 20;

/// How many designs are named in the error that sums up; the answer has all of them.
const NAMED_MAX: usize = 8;

/// What came of one path.
struct Verdict {
    path: PathBuf,
    outcome: Result<Checked, CliError>,
}

struct Verdicts(Vec<Verdict>);

impl Verdict {
    fn of(path: &Path) -> Self {
        match Source::find(path) {
            Ok(source) => Self { path: source.path.clone(), outcome: Ok(source.check_all()) },
            Err(error) => Self { path: path.to_owned(), outcome: Err(error) },
        }
    }

    fn is_valid(&self) -> bool {
        self.outcome.as_ref().is_ok_and(|checked| !checked.is_invalid())
    }

    fn records(&self) -> Vec<Json> {
        self.outcome.as_ref().map(|checked| design::records(&checked.findings())).unwrap_or_default()
    }

    fn errors(&self) -> usize {
        self.outcome.as_ref().map_or(1, |checked| design::errors(&checked.findings()))
    }

    /// How many node templates there are; None without a service template.
    fn nodes(&self) -> Option<usize> {
        let model = self.outcome.as_ref().ok()?.model.as_ref()?;
        Some(model.service_template.as_ref()?.node_templates.len())
    }

    fn document(&self) -> Json {
        let mut document = json!({
            "path": self.path.to_string_lossy(),
            "valid": self.is_valid(),
            "errors": self.errors(),
            "node_templates": self.nodes(),
        });
        if let Err(error) = &self.outcome {
            document["error"] = error.document();
        }
        document
    }

    fn line(&self, style: Style) -> String {
        let path = self.path.display();
        if !self.is_valid() {
            let sign = style.red(style.sign("✗", "x"));
            let why = match (&self.outcome, self.errors()) {
                (Err(error), _) => error.why.lines().next().unwrap_or(&error.what).to_owned(),
                (Ok(_), 1) => "1 error".to_owned(),
                (Ok(_), errors) => format!("{errors} errors"),
            };
            return format!("{sign} {path} is invalid: {why}\n");
        }
        let nodes = match self.nodes() {
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
            [only] if !only.is_valid() => String::new(),
            verdicts => verdicts.iter().map(|verdict| verdict.line(style)).collect(),
        }
    }
}

pub(crate) fn run(arguments: &ValidateArguments, session: &Session) -> Result<Exit, CliError> {
    session.progress.phase(match arguments.paths.as_slice() {
        [only] => format!("compiling {}", only.display()),
        several => format!("compiling {} designs", several.len()),
    });
    let mut verdicts = Verdicts(judge(&arguments.paths)?);
    session.progress.settle();
    if let [Verdict { outcome: Err(_), .. }] = verdicts.0.as_slice()
        && let Some(Verdict { outcome: Err(error), .. }) = verdicts.0.pop()
    {
        return Err(error);
    }
    for verdict in &verdicts.0 {
        match &verdict.outcome {
            Ok(checked) => design::show(session, &checked.findings()),
            Err(error) if session.progress.is_json() => eprintln_quietly(&format!("{}\n", error.document())),
            Err(error) => eprintln_quietly(&error.render(Style::stderr())),
        }
    }
    match session.format {
        Format::Sarif => answer::write(sarif(&verdicts.0).as_bytes())?,
        format => answer::give(&verdicts, format)?,
    }
    summary(&verdicts.0).map_or(Ok(Exit::Success), Err)
}

/// Judges designs, as many at once as there are processors; the answers are in the order of the paths.
fn judge(paths: &[PathBuf]) -> Result<Vec<Verdict>, CliError> {
    if let [only] = paths {
        return Ok(vec![Verdict::of(only)]);
    }
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    let next = AtomicUsize::new(0);
    let found = Mutex::new(Vec::with_capacity(paths.len()));
    let work = || {
        while let Some((index, path)) = {
            let index = next.fetch_add(1, Ordering::Relaxed);
            paths.get(index).map(|path| (index, path))
        } {
            let verdict = Verdict::of(path);
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
    for checked in verdicts.iter().filter_map(|verdict| verdict.outcome.as_ref().ok()) {
        for findings in checked.findings() {
            if findings.diagnostics.is_empty() {
                continue;
            }
            let rendered = render_sarif(&findings.diagnostics, &findings.sources, version);
            let mut part: Json = serde_json::from_str(&rendered).unwrap_or_default();
            if let Some(part) = part["runs"].as_array_mut() {
                runs.append(part);
            }
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
    let invalid: Vec<&Verdict> = verdicts.iter().filter(|verdict| !verdict.is_valid()).collect();
    let mut error = match (verdicts, invalid.as_slice()) {
        (_, []) => return None,
        ([Verdict { path, outcome: Ok(checked) }], _) => design::summary(path, &checked.findings()),
        _ => {
            let mut places = String::new();
            for verdict in invalid.iter().take(NAMED_MAX) {
                let _ = writeln!(places, "{}", verdict.path.display());
            }
            if let more @ 1.. = invalid.len().saturating_sub(NAMED_MAX) {
                let _ = writeln!(places, "and {more} more");
            }
            let designs = format!("{} of {} designs are invalid", invalid.len(), verdicts.len());
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

fn eprintln_quietly(text: &str) {
    use std::io::Write as _;
    // Nobody is left to be told when standard error is gone.
    let _ = std::io::stderr().write_all(text.as_bytes());
}
