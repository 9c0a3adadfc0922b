//! The project's own chores: `cargo xtask` and what stands in [`USAGE`].

mod conformance;
mod coverage;
mod drivers;
mod tidy;

use std::{env, path::PathBuf, process::ExitCode};

const USAGE: &str = "usage: cargo xtask tidy | drivers | conformance [DIR] [--wrong] | coverage [CHECKLIST]";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let result = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["tidy"] => tidy::run(&root()),
        ["drivers"] => drivers::run(&root()),
        ["coverage", ref options @ ..] => coverage::run(&root(), options),
        ["conformance", ref options @ ..] => conformance::run(&root(), options),
        _ => Err(USAGE.to_owned()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}

/// The workspace's root: two levels above this crate.
fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}
