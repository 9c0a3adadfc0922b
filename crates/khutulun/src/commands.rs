//! The verbs, one module each.

mod compile;
mod deploy;
mod destroy;
mod logs;
mod outputs;
mod plan;
mod resume;
mod run;
mod status;
mod validate;
mod version;

pub(crate) use outputs::Outputs;

use crate::{
    cli::{Cli, Command},
    error::CliError,
    exit::Exit,
    session::Session,
};

/// Runs the command that was asked for.
pub(crate) fn run(cli: &Cli) -> Result<Exit, CliError> {
    if matches!(cli.command, Command::Version) {
        return version::run(&cli.options);
    }
    let session = Session::new(&cli.options)?;
    match &cli.command {
        Command::Validate(arguments) => validate::run(arguments, &session),
        Command::Compile(arguments) => compile::run(arguments, &session),
        Command::Plan(arguments) => plan::run(arguments, &session),
        Command::Deploy(arguments) => deploy::run(arguments, &session),
        Command::Status(arguments) => status::run(arguments, &session),
        Command::Logs(arguments) => logs::run(arguments, &session),
        Command::Outputs(arguments) => outputs::run(arguments, &session),
        Command::Run(arguments) => run::run(arguments, &session),
        Command::Destroy(arguments) => destroy::run(arguments, &session),
        Command::Resume(arguments) => resume::run(arguments, &session),
        Command::Version => version::run(&cli.options),
    }
}
