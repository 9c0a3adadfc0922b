//! The state directory: where it is, what is where in it, and who is at work there.

use std::{
    env,
    path::{Path, PathBuf},
};

use crate::{error::CliError, exit::Exit};

/// Returns where state is kept: the flag (or `KHUTULUN_STATE`), else the XDG state directory.
pub(crate) fn locate(flag: Option<&Path>) -> Result<PathBuf, CliError> {
    let chosen = match flag {
        Some(path) if path.as_os_str().is_empty() => {
            return Err(CliError::usage(
                "the state directory has no name",
                "--state or KHUTULUN_STATE is empty",
            )
            .next("--state DIR"));
        }
        Some(path) => path.to_owned(),
        None => default().ok_or_else(|| {
            CliError::new(Exit::Usage, "found no place for the state directory")
                .place("the environment")
                .why("neither XDG_STATE_HOME nor HOME is an absolute path")
                .next("--state DIR, or set KHUTULUN_STATE")
        })?,
    };
    // Whatever outlives this command must find the directory from elsewhere.
    std::path::absolute(&chosen).map_err(|error| {
        CliError::new(Exit::Unreachable, "failed to find the state directory")
            .place(chosen.display().to_string())
            .cause(&error)
            .next("--state DIR with an absolute path")
    })
}

/// XDG Base Directory Specification: a relative path there is to be ignored.
fn default() -> Option<PathBuf> {
    let absolute = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_STATE_HOME")
        .or_else(|| Some(absolute("HOME")?.join(".local/state")))
        .map(|base| base.join("khutulun"))
}
