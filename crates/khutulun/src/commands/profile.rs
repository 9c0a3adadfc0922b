//! `khutulun profile`: the built-in profiles, and what is in them.

use std::fmt::Write as _;

use serde_json::{Value as Json, json};
use tosca_profiles::ProfileDescription;

use crate::{
    answer::{self, Answer, Table},
    cli::ProfileCommand,
    error::CliError,
    exit::Exit,
    session::Session,
    terminal::{Style, harmless},
};

struct Profiles(Vec<ProfileDescription>);

struct Contents(ProfileDescription);

/// What a description says first, in one line.
fn first_sentence(description: Option<&str>) -> String {
    let text = description.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
    let end = text.find(". ").unwrap_or(text.len());
    text[..end].trim_end_matches('.').to_owned()
}

impl Answer for Profiles {
    fn document(&self) -> Json {
        json!({ "schema": "khutulun.profiles/1", "profiles": self.items() })
    }

    fn items(&self) -> Vec<Json> {
        let item = |profile: &ProfileDescription| {
            json!({
                "name": profile.name,
                "description": profile.description,
                "imports": profile.imports,
                "types": profile.types.len(),
            })
        };
        self.0.iter().map(item).collect()
    }

    fn text(&self, style: Style) -> String {
        let mut table = Table::new(&["PROFILE", "TYPES", "WHAT FOR"]);
        for profile in &self.0 {
            let types = profile.types.len().to_string();
            let description = first_sentence(profile.description.as_deref());
            table.row(vec![profile.name.as_str().into(), types.into(), description.into()]);
        }
        style.cut(&table.render(style))
    }
}

impl Answer for Contents {
    fn document(&self) -> Json {
        let Self(profile) = self;
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
            "description": profile.description,
            "imports": profile.imports,
            "types": types,
        })
    }

    fn text(&self, style: Style) -> String {
        let Self(profile) = self;
        let mut text = format!("{}\n", style.bold(&profile.name));
        text.push_str(&style.wrapped(profile.description.as_deref().unwrap_or_default().trim(), "  "));
        for import in &profile.imports {
            let _ = writeln!(text, "  imports {import}");
        }
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
    match command {
        ProfileCommand::List => {
            let profiles = tosca_profiles::names().filter_map(tosca_profiles::show).collect();
            answer::give(&Profiles(profiles), session.format)?;
        }
        ProfileCommand::Show { name } => {
            let Some(profile) = tosca_profiles::show(name) else { return Err(unknown(name)) };
            answer::give(&Contents(profile), session.format)?;
        }
    }
    Ok(Exit::Success)
}

fn unknown(name: &str) -> CliError {
    let hint = diagnostics::did_you_mean(name, tosca_profiles::names());
    let why = hint.map_or_else(
        || format!("there are {}", crate::session::quoted(&tosca_profiles::names().collect::<Vec<_>>())),
        |hint| hint.to_string(),
    );
    CliError::usage(format!("there is no profile `{}`", harmless(name)), why).next("khutulun profile list")
}
