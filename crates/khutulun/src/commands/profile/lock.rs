//! `khutulun profile lock`: what designs import, by digest, beside them.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use serde_json::{Value as Json, json};
use tosca_csar::Findings;

use crate::{
    answer::{self, Answer},
    design,
    error::CliError,
    exit::Exit,
    lockfile::Uses,
    session::Session,
    source::Source,
    terminal::{Style, harmless},
};

/// The lock files that are written.
struct Locked(Vec<File>);

struct File {
    path: PathBuf,
    profiles: Vec<String>,
    urls: Vec<String>,
    is_changed: bool,
}

impl Answer for Locked {
    fn document(&self) -> Json {
        json!({ "schema": "khutulun.locked/1", "files": self.items() })
    }

    fn items(&self) -> Vec<Json> {
        let item = |file: &File| {
            json!({
                "path": file.path.to_string_lossy(),
                "profiles": file.profiles,
                "urls": file.urls,
                "changed": file.is_changed,
            })
        };
        self.0.iter().map(item).collect()
    }

    fn text(&self, style: Style) -> String {
        let line = |file: &File| {
            let sign = style.green(style.sign("✓", "+"));
            let path = harmless(&file.path.to_string_lossy());
            let done = if file.is_changed { "is written" } else { "is as it was" };
            let names = file.profiles.iter().chain(&file.urls);
            let names: String = names.map(|name| format!("  {}\n", harmless(name))).collect();
            let nothing = "  no profile and nothing from the network\n";
            format!("{sign} {path} {done}\n{}", if names.is_empty() { nothing } else { &names })
        };
        self.0.iter().map(line).collect()
    }
}

pub(super) fn run(paths: &[PathBuf], session: &Session) -> Result<Exit, CliError> {
    let mut locks: BTreeMap<PathBuf, Uses> = BTreeMap::new();
    for path in paths {
        session.progress.phase(format!("compiling {}", path.display()));
        let source = Source::find(path, &session.profiles)?;
        if source.is_archive() {
            return Err(CliError::usage(
                format!("cannot lock `{}`", harmless(&path.to_string_lossy())),
                "an archive has its lock file inside, and is never changed",
            )
            .next("lock the directory, then make the archive anew: khutulun csar create DIR"));
        }
        let (file, found) = source.uses().map_err(|findings| {
            design::invalid(session, &source.path, &findings.iter().collect::<Vec<&Findings>>())
        })?;
        let uses = locks.entry(file).or_default();
        uses.profiles.extend(found.profiles);
        uses.urls.extend(found.urls);
    }
    let mut files = Vec::new();
    for (path, uses) in locks {
        let content = uses.lock().map_err(|why| {
            CliError::new(Exit::Failed, "failed to lock what the design imports")
                .place(harmless(&path.to_string_lossy()))
                .why(harmless(&why))
                .next("khutulun csar verify PROFILE")
        })?;
        let is_changed = fs::read(&path).ok().as_deref() != Some(content.as_bytes());
        if is_changed {
            write(&path, &content).map_err(|error| {
                CliError::new(Exit::Failed, "failed to write the lock file")
                    .place(harmless(&path.to_string_lossy()))
                    .cause(&error)
                    .next("mend what is said above (space, permissions), then run the command again")
            })?;
        }
        let (profiles, urls) = (uses.profiles.into_keys().collect(), uses.urls.into_keys().collect());
        files.push(File { path, profiles, urls, is_changed });
    }
    session.progress.settle();
    answer::give(&Locked(files), session.format)?;
    Ok(Exit::Success)
}

/// Writes a file whole or not at all.
fn write(path: &Path, content: &str) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}", std::process::id()));
    let beside = PathBuf::from(beside);
    let written = fs::write(&beside, content).and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        // What is left of it helps nobody, and the error that counts is the one above.
        let _ = fs::remove_file(&beside);
    }
    written
}
