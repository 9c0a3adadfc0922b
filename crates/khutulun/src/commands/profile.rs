//! `khutulun profile`: the profiles that designs can import by name, and what is in them.

mod lock;

use std::{fmt::Write as _, path::Path, sync::Arc};

use serde_json::{Value as Json, json};
use tosca::{Compilation, MemorySources, Sources as _};
use tosca_csar::{Findings, WithCatalog};
use tosca_profiles::{ProfileDescription, WithProfiles};

use crate::{
    answer::{self, Answer, Table},
    cli::ProfileCommand,
    design,
    error::CliError,
    exit::Exit,
    profiles,
    session::Session,
    terminal::{Style, harmless},
};

/// The profiles that can be imported.
struct Listed(Vec<Found>);

/// A profile and where it is.
struct Found {
    name: String,
    place: String,
    /// What is in it; None when it has mistakes.
    contents: Option<ProfileDescription>,
}

/// What is in a profile, and where it is.
struct Contents {
    profile: ProfileDescription,
    place: String,
}

/// What a description says first, in one line.
fn first_sentence(description: Option<&str>) -> String {
    let text = description.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
    let end = text.find(". ").unwrap_or(text.len());
    text[..end].trim_end_matches('.').to_owned()
}

impl Answer for Listed {
    fn document(&self) -> Json {
        json!({ "schema": "khutulun.profiles/1", "profiles": self.items() })
    }

    fn items(&self) -> Vec<Json> {
        let item = |found: &Found| {
            let contents = found.contents.as_ref();
            json!({
                "schema": "khutulun.profile-entry/1",
                "name": found.name,
                "place": found.place,
                "valid": contents.is_some(),
                "description": contents.map(|profile| &profile.description),
                "imports": contents.map(|profile| &profile.imports),
                "types": contents.map(|profile| profile.types.len()),
            })
        };
        self.0.iter().map(item).collect()
    }

    fn text(&self, style: Style) -> String {
        let mut table = Table::new(&["PROFILE", "TYPES", "WHERE", "WHAT FOR"]);
        for found in &self.0 {
            let (types, what_for) = match &found.contents {
                Some(profile) => {
                    (profile.types.len().to_string(), first_sentence(profile.description.as_deref()))
                }
                None => ("-".to_owned(), "is invalid".to_owned()),
            };
            table.row(vec![
                found.name.as_str().into(),
                types.into(),
                found.place.as_str().into(),
                what_for.into(),
            ]);
        }
        style.cut(&table.render(style))
    }
}

impl Answer for Contents {
    fn document(&self) -> Json {
        let Self { profile, place } = self;
        let types: Vec<Json> = profile
            .types
            .iter()
            .map(|found| {
                json!({
                    "kind": found.kind,
                    "name": found.name,
                    "derived_from": found.derived_from,
                    "description": found.description,
                })
            })
            .collect();
        json!({
            "schema": "khutulun.profile/1",
            "name": profile.name,
            "place": place,
            "description": profile.description,
            "imports": profile.imports,
            "types": types,
        })
    }

    fn text(&self, style: Style) -> String {
        let Self { profile, place } = self;
        let mut text = format!("{}\n", style.bold(&profile.name));
        text.push_str(&style.wrapped(profile.description.as_deref().unwrap_or_default().trim(), "  "));
        for import in &profile.imports {
            let _ = writeln!(text, "  imports {import}");
        }
        let _ = match place.as_str() {
            profiles::EMBEDDED => writeln!(text, "  {place}"),
            place => writeln!(text, "  in {}", harmless(place)),
        };
        text.push('\n');
        let mut table = Table::new(&["KIND", "TYPE", "DERIVED FROM", "WHAT FOR"]);
        for found in &profile.types {
            table.row(vec![
                found.kind.into(),
                found.name.as_str().into(),
                found.derived_from.as_deref().unwrap_or("-").into(),
                first_sentence(found.description.as_deref()).into(),
            ]);
        }
        text.push_str(&style.cut(&table.render(style)));
        text
    }
}

pub(crate) fn run(command: &ProfileCommand, session: &Session) -> Result<Exit, CliError> {
    if let ProfileCommand::Lock { paths } = command {
        return lock::run(paths, session);
    }
    let catalog = session.profiles.catalog()?;
    let sources = WithCatalog::new(Arc::clone(&catalog), WithProfiles::new(MemorySources::new()));
    match command {
        ProfileCommand::Lock { .. } => {}
        ProfileCommand::List => {
            let found = sources.profiles().into_iter().map(|name| {
                let contents = tosca_profiles::show(&name, &sources).and_then(Result::ok);
                Found { place: profiles::place(&catalog, &name), contents, name }
            });
            answer::give(&Listed(found.collect()), session.format)?;
            for skipped in catalog.skipped() {
                let text = format!("{} is not a profile: {}", skipped.path.display(), skipped.why);
                session.progress.say(&format!("{}\n", harmless(&text)));
            }
        }
        ProfileCommand::Show { name } => {
            let profile = match tosca_profiles::show(name, &sources) {
                None => return Err(unknown(name, &sources.profiles())),
                Some(Err(compilation)) => {
                    let Compilation { diagnostics, sources, .. } = *compilation;
                    let place = profiles::place(&catalog, name);
                    return Err(design::invalid(
                        session,
                        Path::new(&place),
                        &[&Findings { diagnostics, sources }],
                    ));
                }
                Some(Ok(profile)) => profile,
            };
            answer::give(&Contents { profile, place: profiles::place(&catalog, name) }, session.format)?;
        }
    }
    Ok(Exit::Success)
}

fn unknown(name: &str, known: &[String]) -> CliError {
    let hint = diagnostics::did_you_mean(name, known.iter().map(String::as_str));
    let why =
        hint.map_or_else(|| format!("there are {}", crate::session::quoted(known)), |hint| hint.to_string());
    CliError::usage(format!("there is no profile `{}`", harmless(name)), why).next("khutulun profile list")
}
