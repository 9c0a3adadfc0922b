//! The grammar of commands about runs, and what every command takes that runs a plan.

use std::num::NonZeroU32;

use clap::{Args, ValueEnum};

/// What every command that runs a plan takes.
#[derive(Clone, Debug, Args)]
pub(crate) struct ExecutionArguments {
    /// Do not ask.
    #[arg(short, long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) conduct: ConductArguments,
    #[command(flatten)]
    pub(crate) removal: RemovalArguments,
}

/// How a run behaves.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct ConductArguments {
    /// At most so many operations at once.
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) parallel: u16,
    /// What happens to the rest when an operation fails. What depends on it never starts.
    #[arg(long, value_name = "WHAT", default_value = "stop")]
    pub(crate) on_failure: OnFailure,
}

/// What happens to the rest when an operation fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnFailure {
    /// What runs is finished, and nothing new starts.
    Stop,
    /// What does not depend on it goes on.
    Continue,
    /// As `stop`, and then what was done is undone: the service becomes what was intended before, or goes. Of what deploys.
    Unwind,
}

/// What may go that otherwise stays.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(crate) struct RemovalArguments {
    /// Delete nodes, or make them anew, also where their metadata `khutulun.protected` says that they stay.
    #[arg(long)]
    pub(crate) allow_protected: bool,
    /// Delete nodes that were adopted, instead of letting go of them.
    #[arg(long)]
    pub(crate) delete_adopted: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ResumeArguments {
    /// The run's number, or the service [default: the only unfinished run].
    #[arg(value_name = "RUN|SERVICE")]
    pub(crate) which: Option<String>,
    /// Say what became of a step that nobody could find out: `3=succeeded`, `3=failed` or `3=retry`; of one that asks for it,
    /// whether it may go on: `3=approved` or `3=refused`.
    #[arg(long, value_name = "STEP=HOW")]
    pub(crate) settle: Vec<String>,
    /// Do not ask whether to go on with what was not known when the run was planned.
    #[arg(short, long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) conduct: ConductArguments,
    /// For going back, where that is what is left to do.
    #[command(flatten)]
    pub(crate) removal: RemovalArguments,
}

#[derive(Debug, Args)]
pub(crate) struct CancelArguments {
    /// The run's number, or the service [default: the only run that has not ended].
    #[arg(value_name = "RUN|SERVICE")]
    pub(crate) which: Option<String>,
    /// How long to wait until what runs has ended, in seconds.
    #[arg(long, value_name = "SECONDS", default_value = "300")]
    pub(crate) timeout: NonZeroU32,
}
