//! The grammar of commands that go on from what was intended before.

use std::path::PathBuf;

use clap::Args;

use super::ExecutionArguments;

/// Running a change of a service, or saving the plan of it.
#[derive(Debug, Args)]
pub(crate) struct ChangeArguments {
    /// Save the plan in this file and do nothing else; `deploy FILE` runs exactly it.
    #[arg(long, value_name = "FILE")]
    pub(crate) save: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) execution: ExecutionArguments,
}

#[derive(Debug, Args)]
pub(crate) struct UpdateArguments {
    /// The service [default: the only one].
    #[arg(value_name = "SERVICE")]
    pub(crate) service: Option<String>,
    /// An input that changes; all others stay as they are. The value is YAML, as for `deploy`. May be given several times.
    #[arg(short, long = "input", value_name = "NAME=VALUE")]
    pub(crate) input: Vec<String>,
    /// A YAML or JSON file with a map of inputs that change; `-i` wins over it. May be given several times, the last one wins.
    #[arg(long, value_name = "FILE")]
    pub(crate) inputs: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) change: ChangeArguments,
}

#[derive(Debug, Args)]
pub(crate) struct ScaleArguments {
    /// A node template with a count, and how many there are to be: `web=3`, `client/impl/worker=2`.
    #[arg(value_name = "NODE=N", required = true)]
    pub(crate) counts: Vec<String>,
    /// The service [default: the only one].
    #[arg(long, value_name = "SERVICE")]
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) change: ChangeArguments,
}

#[derive(Debug, Args)]
pub(crate) struct RollbackArguments {
    /// The number of the revision: see `khutulun history`.
    #[arg(value_name = "REVISION")]
    pub(crate) revision: u64,
    /// The service [default: the only one].
    #[arg(long, value_name = "SERVICE")]
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) change: ChangeArguments,
}

#[derive(Debug, Args)]
pub(crate) struct HistoryArguments {
    /// The service, also one that is destroyed [default: all].
    #[arg(value_name = "SERVICE")]
    pub(crate) service: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct DiffArguments {
    /// The one revision.
    #[arg(value_name = "FROM")]
    pub(crate) from: u64,
    /// The other revision [default: none; then what differs is told from what is there now to FROM].
    #[arg(value_name = "TO")]
    pub(crate) to: Option<u64>,
    /// The service [default: the only one].
    #[arg(long, value_name = "SERVICE")]
    pub(crate) name: Option<String>,
}
