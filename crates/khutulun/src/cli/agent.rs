//! The grammar of `khutulun agent`.

use clap::{Args, Subcommand};

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct AgentArguments {
    #[command(subcommand)]
    pub(crate) command: Option<AgentCommand>,
    /// Stay in the foreground, which it does in any case.
    #[arg(long, hide = true)]
    pub(crate) foreground: bool,
}

/// What else can be done with agents.
#[derive(Debug, Subcommand)]
pub(crate) enum AgentCommand {
    /// Say whether an agent is at work, and how it is.
    Status,
    /// Write a systemd unit that runs the agent; nothing is enabled or started.
    Install(InstallArguments),
    /// Remove that unit, once it is stopped and disabled.
    Uninstall(InstallArguments),
}

#[derive(Debug, Args)]
pub(crate) struct InstallArguments {
    /// For this user's systemd [default, unless this is root].
    #[arg(long, conflicts_with = "system")]
    pub(crate) user: bool,
    /// For the system's [default for root].
    #[arg(long)]
    pub(crate) system: bool,
    /// Say what would be written, and write nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
}
