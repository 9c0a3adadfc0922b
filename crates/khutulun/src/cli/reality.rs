//! The grammar of the commands about what is really there, and of those that act on chosen nodes.

use std::path::PathBuf;

use clap::Args;

use super::{ConductArguments, DesignArguments, ExecutionArguments};

#[derive(Debug, Args)]
pub(crate) struct StatusArguments {
    /// Which nodes: `web`, `web/3`, `client/impl/software`, `shop:web`, `shop:`, `type:Process`, `state:failed`, `'web -> *'`
    /// [default: all].
    #[arg(value_name = "SELECTOR")]
    pub(crate) selectors: Vec<String>,
    /// The service [default: all].
    #[arg(long, value_name = "SERVICE")]
    pub(crate) name: Option<String>,
    /// Show what is stored without looking at reality: what was last seen, and when.
    #[arg(long)]
    pub(crate) stored: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RefreshArguments {
    /// Which nodes: `web`, `web/3`, `client/impl/software`, `shop:web`, `shop:`, `type:Process`, `state:failed`, `'web -> *'`
    /// [default: all].
    #[arg(value_name = "SELECTOR")]
    pub(crate) selectors: Vec<String>,
    /// The service [default: all].
    #[arg(long, value_name = "SERVICE")]
    pub(crate) name: Option<String>,
    /// Repair what has drifted, but for what a policy says otherwise of. The plan is shown first.
    #[arg(long)]
    pub(crate) repair: bool,
    #[command(flatten)]
    pub(crate) execution: ExecutionArguments,
}

#[derive(Debug, Args)]
pub(crate) struct AdoptArguments {
    /// A design, or what `deploy` takes as one.
    #[arg(value_name = "PATH")]
    pub(crate) path: PathBuf,
    /// Which nodes of it: `web`, `web/3`, `client/impl/software`, `type:Process`.
    #[arg(value_name = "NODE", required = true)]
    pub(crate) nodes: Vec<String>,
    /// An input. The value is YAML; for an input of a text type it is taken as it is. May be given several times.
    #[arg(short, long = "input", value_name = "NAME=VALUE")]
    pub(crate) input: Vec<String>,
    /// A YAML or JSON file with a map of inputs; `-i` wins over it. May be given several times, the last one wins.
    #[arg(long, value_name = "FILE")]
    pub(crate) inputs: Vec<PathBuf>,
    /// What the service is called [default: as `deploy` calls it].
    #[arg(long, value_name = "SERVICE")]
    pub(crate) name: Option<String>,
    /// Do not ask.
    #[arg(short, long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) conduct: ConductArguments,
}

impl AdoptArguments {
    /// Returns which design is meant, with which inputs.
    pub(crate) fn design(&self) -> DesignArguments {
        DesignArguments {
            path: self.path.clone(),
            input: self.input.clone(),
            inputs: self.inputs.clone(),
            name: self.name.clone(),
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct ForgetArguments {
    /// Which nodes: `web`, `web/3`, `client/impl/software`, `shop:web`, `type:Process`; or a service, for all of it: `shop`, `shop:`.
    #[arg(value_name = "SELECTOR|SERVICE", required = true)]
    pub(crate) selectors: Vec<String>,
    /// The service [default: the only one].
    #[arg(long, value_name = "SERVICE")]
    pub(crate) name: Option<String>,
    /// Also what others depend on: they lose their relationships to it.
    #[arg(long)]
    pub(crate) force: bool,
    /// Do not ask.
    #[arg(short, long)]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct OperateArguments {
    /// Which nodes: `web`, `web/3`, `client/impl/software`, `shop:web`, `shop:`, `type:Process`.
    #[arg(value_name = "SELECTOR", required = true)]
    pub(crate) selectors: Vec<String>,
    /// The service [default: the only one].
    #[arg(long, value_name = "SERVICE")]
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) execution: ExecutionArguments,
}

#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    /// The workflow: `backup`, `shop:backup`; or the operation: of the lifecycle as `start`, else as `interface.operation`.
    #[arg(value_name = "WORKFLOW|OPERATION")]
    pub(crate) what: String,
    /// Of an operation, which nodes: `web`, `web/3`, `client/impl/software`, `shop:web`, `type:Process`; or relationships, by their
    /// requirement: `web.database`, `web.database[1]`. Of a workflow, its service. Then the inputs, as YAML: `to=/mnt/tape`.
    #[arg(value_name = "SELECTOR|SERVICE|NAME=VALUE")]
    pub(crate) words: Vec<String>,
    /// An input of the workflow or operation, as YAML. May be given several times.
    #[arg(short, long = "input", value_name = "NAME=VALUE")]
    pub(crate) input: Vec<String>,
    /// A YAML or JSON file with a map of inputs; `-i` wins over it.
    #[arg(long, value_name = "FILE")]
    pub(crate) inputs: Vec<PathBuf>,
    /// The service [default: the only one].
    #[arg(long, value_name = "SERVICE")]
    pub(crate) name: Option<String>,
    /// Nobody is asked about an operation of one node or relationship; of several, and of a workflow, the plan is shown first.
    #[command(flatten)]
    pub(crate) execution: ExecutionArguments,
}
