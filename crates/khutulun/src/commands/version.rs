//! `khutulun version`: the program and what is built into it.

use std::fmt::Write as _;

use serde_json::{Value as Json, json};

use crate::{
    answer::{self, Answer},
    cli::GlobalOptions,
    error::CliError,
    exit::Exit,
    terminal::Style,
};

/// How many digits of a digest are shown to people; data has all of them.
const DIGEST_SHOWN: usize = 12;

struct Version;

impl Answer for Version {
    fn document(&self) -> Json {
        let drivers: Vec<Json> = khutulun_drivers::drivers()
            .iter()
            .map(
                |driver| json!({ "name": driver.name, "digest": driver.digest, "bytes": driver.bytes.len() }),
            )
            .collect();
        json!({
            "schema": "khutulun.version/1",
            "version": env!("CARGO_PKG_VERSION"),
            "profiles": tosca_profiles::names().collect::<Vec<_>>(),
            "drivers": drivers,
        })
    }

    fn text(&self, _: Style) -> String {
        let mut text = format!("khutulun {}\n", env!("CARGO_PKG_VERSION"));
        for profile in tosca_profiles::names() {
            let _ = writeln!(text, "profile {profile}");
        }
        for driver in khutulun_drivers::drivers() {
            let digest = driver.digest.get(..DIGEST_SHOWN).unwrap_or(driver.digest);
            let _ = writeln!(text, "driver {} ({digest})", driver.name);
        }
        text
    }
}

pub(crate) fn run(options: &GlobalOptions) -> Result<Exit, CliError> {
    answer::give(&Version, options.output)?;
    Ok(Exit::Success)
}
