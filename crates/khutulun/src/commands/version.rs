//! `khutulun version`.

use crate::{cli::GlobalOptions, error::CliError, exit::Exit};

pub(crate) fn run(_: &GlobalOptions) -> Result<Exit, CliError> {
    Ok(Exit::Success)
}
