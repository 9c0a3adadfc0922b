//! The verbs, one module each.
mod version;

use crate::{
    cli::{Cli, Command},
    error::CliError,
    exit::Exit,
};

/// Runs the command that was asked for.
pub(crate) fn run(cli: Cli) -> Result<Exit, CliError> {
    match cli.command {
        Command::Version => version::run(&cli.options),
        _ => Ok(Exit::Bug),
    }
}
