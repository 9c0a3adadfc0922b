//! What differs between two revisions, and who changed it.

use std::fmt::Write as _;

use floria::{
    At, Namespace, Revision, Store as _, StoreError,
    history::{self, Difference, Part},
};
use serde_json::{Value as Json, json};

use super::reader;
use crate::{
    answer::{self, Answer},
    cli::StoreDiffArguments,
    error::CliError,
    exit::Exit,
    session::Session,
    terminal::{Style, harmless},
    time,
};

struct Differs(Vec<Difference>);

/// What happened to it, as a sign and a word.
fn verb(difference: &Difference) -> (&'static str, &'static str) {
    match (&difference.before, &difference.after) {
        (None, _) => ("+", "added"),
        (Some(_), None) => ("-", "removed"),
        (Some(_), Some(_)) => ("~", "changed"),
    }
}

fn name(difference: &Difference) -> &str {
    difference.after.as_ref().or(difference.before.as_ref()).map_or("", |entity| entity.name())
}

fn part(part: &Part) -> String {
    match part {
        Part::Name => "name".to_owned(),
        Part::Container => "container".to_owned(),
        Part::Source => "source".to_owned(),
        Part::Target => "target".to_owned(),
        Part::Index => "index".to_owned(),
        Part::Classes => "classes".to_owned(),
        Part::Artifact => "artifact".to_owned(),
        Part::Property(name) => format!("property {name}"),
        Part::Handler(name) => format!("handler {name}"),
        Part::Metadata(name) => format!("metadata {name}"),
        Part::Origin => "origin".to_owned(),
    }
}

impl Answer for Differs {
    fn document(&self) -> Json {
        json!({ "schema": "khutulun.store-diff/1", "differences": self.items() })
    }

    fn items(&self) -> Vec<Json> {
        let item = |difference: &Difference| {
            let commits = difference.commits.iter().map(|commit| {
                json!({
                    "revision": commit.revision.0,
                    "time": time::rfc3339(commit.time_ms),
                    "author": commit.author.as_ref().map(|author| &author.name),
                    "stream": commit.author.as_ref().and_then(|author| author.stream.as_ref()),
                })
            });
            json!({
                "schema": "khutulun.store-difference/1",
                "what": verb(difference).1,
                "kind": difference.key.kind().word(),
                "id": difference.key.id(),
                "name": name(difference),
                "parts": difference.parts.iter().map(part).collect::<Vec<_>>(),
                "commits": commits.collect::<Vec<_>>(),
            })
        };
        self.0.iter().map(item).collect()
    }

    fn text(&self, style: Style) -> String {
        if self.0.is_empty() {
            return "Nothing differs.\n".to_owned();
        }
        let mut text = String::new();
        for difference in &self.0 {
            let (sign, word) = verb(difference);
            let what = format!("{sign} {} `{}` {word}", difference.key, harmless(name(difference)));
            let _ = writeln!(text, "{}", style.bold(&what));
            if !difference.parts.is_empty() {
                let parts: Vec<_> = difference.parts.iter().map(part).collect();
                let _ = writeln!(text, "    {}", harmless(&parts.join(", ")));
            }
            for commit in &difference.commits {
                let author = commit.author.as_ref();
                let by = author.map_or("-", |author| &author.name);
                let stream = author.and_then(|author| author.stream.as_deref());
                let stream = stream.map_or_else(String::new, |stream| format!(" in {stream}"));
                let line = format!("revision {}, {by}{stream}", commit.revision.0);
                let _ = writeln!(text, "    {}", style.dim(&harmless(&line)));
            }
        }
        text
    }
}

/// Exits 2 when something differs, as `plan` does.
pub(crate) fn run(arguments: &StoreDiffArguments, session: &Session) -> Result<Exit, CliError> {
    let store = reader(session)?;
    let differences = || -> Result<Vec<Difference>, StoreError> {
        let from = At::Revision(Revision(arguments.from));
        let to = arguments.to.map_or(At::Now, |revision| At::Revision(Revision(revision)));
        let namespaces = match &arguments.service {
            Some(service) => vec![Namespace(service.clone())],
            None => {
                let mut namespaces = store.snapshot(from)?.namespaces()?;
                namespaces.extend(store.snapshot(to)?.namespaces()?);
                namespaces.sort();
                namespaces.dedup();
                namespaces
            }
        };
        let mut all = Vec::new();
        for namespace in namespaces {
            all.extend(history::difference(&store, from, to, &namespace)?);
        }
        Ok(all)
    };
    let differences = differences().map_err(|error| session.store_error(error))?;
    let exit = if differences.is_empty() { Exit::Success } else { Exit::Changes };
    answer::give(&Differs(differences), session.format)?;
    Ok(exit)
}
