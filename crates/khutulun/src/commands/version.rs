//! `khutulun version`: the program and what is built into it.

use serde_json::json;

use crate::{
    answer::{self, Answer},
    cli::GlobalOptions,
    error::CliError,
    exit::Exit,
    terminal::Style,
};

struct Version;

impl Answer for Version {
    fn document(&self) -> serde_json::Value {
        json!({
            "schema": "khutulun.version/1",
            "version": env!("CARGO_PKG_VERSION"),
            "profiles": tosca_profiles::names().collect::<Vec<_>>(),
            "drivers": [],
        })
    }

    fn text(&self, _: Style) -> String {
        format!("khutulun {}\n", env!("CARGO_PKG_VERSION"))
    }
}

pub(crate) fn run(options: &GlobalOptions) -> Result<Exit, CliError> {
    answer::give(&Version, options.output)?;
    Ok(Exit::Success)
}
