//! `cargo xtask drivers`: builds the drivers and keeps them as the prebuilt components.

use std::{env, path::Path, process::Command};

/// Refreshes the prebuilt components. The work is a program of `khutulun-drivers`, so that this one stays small and starts at
/// once for the other verbs.
pub(crate) fn run(root: &Path) -> Result<(), String> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .current_dir(root)
        .args([
            "run",
            "--quiet",
            "--package",
            "khutulun-drivers",
            "--features",
            "refresh",
            "--bin",
            "refresh",
        ])
        .status()
        .map_err(|error| format!("failed to run cargo: {error}"))?;
    if status.success() { Ok(()) } else { Err("the drivers were not refreshed".to_owned()) }
}
