//! The verbs, one module each.

mod adopt;
mod agent;
mod cancel;
mod compile;
mod csar;
mod deploy;
mod destroy;
mod diff;
mod events;
mod explain;
mod forget;
mod graph;
mod history;
mod logs;
mod operate;
mod outputs;
mod plan;
mod profile;
mod refresh;
mod resume;
mod rollback;
mod run;
mod scale;
mod simulate;
mod status;
mod store;
mod update;
mod validate;
mod version;

pub(crate) use destroy::propose as removal;
pub(crate) use outputs::Outputs;

use khutulun_plan::Goal;

use crate::{
    cli::{Cli, Command, Format},
    error::CliError,
    exit::Exit,
    session::Session,
};

/// Runs the command that was asked for.
pub(crate) fn run(cli: &Cli) -> Result<Exit, CliError> {
    if matches!(cli.command, Command::Version) {
        return version::run(&cli.options);
    }
    if cli.options.output == Format::Sarif && !matches!(cli.command, Command::Validate(_)) {
        return Err(CliError::usage(
            "cannot answer as SARIF",
            "it holds what is wrong with designs, and only `validate` answers that",
        )
        .next("khutulun validate PATH -o sarif"));
    }
    if cli.options.output == Format::Tosca && !matches!(cli.command, Command::Compile(_)) {
        return Err(CliError::usage("cannot answer as TOSCA", "only `compile` has a design to write")
            .next("khutulun compile PATH -o tosca"));
    }
    let session = Session::new(&cli.options)?;
    match &cli.command {
        Command::Validate(arguments) => validate::run(arguments, &session),
        Command::Compile(arguments) => compile::run(arguments, &session),
        Command::Graph(arguments) => graph::run(arguments, &session),
        Command::Plan(arguments) => plan::run(arguments, &session),
        Command::Simulate(arguments) => simulate::run(arguments, &session),
        Command::Deploy(arguments) => deploy::run(arguments, &session),
        Command::Update(arguments) => update::run(arguments, &session),
        Command::Scale(arguments) => scale::run(arguments, &session),
        Command::Rollback(arguments) => rollback::run(arguments, &session),
        Command::History(arguments) => history::run(arguments, &session),
        Command::Diff(arguments) => diff::run(arguments, &session),
        Command::Status(arguments) => status::run(arguments, &session),
        Command::Logs(arguments) => logs::run(arguments, &session),
        Command::Events(arguments) => events::run(arguments, &session),
        Command::Agent(arguments) => agent::run(arguments, &session),
        Command::Outputs(arguments) => outputs::run(arguments, &session),
        Command::Run(arguments) => run::run(arguments, &session),
        Command::Refresh(arguments) => refresh::run(arguments, &session),
        Command::Stop(arguments) => operate::run(arguments, Goal::Stop, &session),
        Command::Start(arguments) => operate::run(arguments, Goal::Start, &session),
        Command::Restart(arguments) => operate::run(arguments, Goal::Restart, &session),
        Command::Adopt(arguments) => adopt::run(arguments, &session),
        Command::Forget(arguments) => forget::run(arguments, &session),
        Command::Destroy(arguments) => destroy::run(arguments, &session),
        Command::Cancel(arguments) => cancel::run(arguments, &session),
        Command::Resume(arguments) => resume::run(arguments, &session),
        Command::Csar(arguments) => csar::run(&arguments.command, &session),
        Command::Profile(arguments) => profile::run(&arguments.command, &session),
        Command::Store(arguments) => store::run(&arguments.command, &session),
        Command::Explain(arguments) => explain::run(arguments, &session),
        Command::Version => version::run(&cli.options),
    }
}
